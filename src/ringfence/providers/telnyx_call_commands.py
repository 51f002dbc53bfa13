"""Our instructions as Telnyx's Call Control commands (facts voice 1.6), one step at a time: the commands
of the first instruction, and in their client state what is to follow. Telnyx does commands as they
come, not one after the other: a hang-up cuts the words before it, so that what follows waits for the
event that ends the step. Pure.

One step is: words in one voice together · a sound · a silence · tones · listening · recording · a leg ·
a stream. Whatever is told replaces the sound before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import takewhile
from typing import Final, assert_never
from urllib.parse import urlsplit

from ringfence.model.errors import ProviderMisconfigured
from ringfence.model.instruction import (
    DialNumber,
    GoOn,
    HangUp,
    Instruction,
    JoinConference,
    Listen,
    OpenRelay,
    OpenStream,
    Play,
    Refusal,
    Refuse,
    Say,
    SendDigits,
    TakeMessage,
    Wait,
)
from ringfence.model.line import Line
from ringfence.providers import forms, telnyx_call_memory, urls
from ringfence.providers.telnyx_call_memory import After, Memory
from ringfence.providers.telnyx_call_sounds import (
    WORDS_CHARS_MAX,
    Command,
    gather,
    prompted,
    silence,
    spoken,
    transcription,
    words,
)
from ringfence.providers.telnyx_events import OUR_ID

DIGIT_S: Final = 0.5
SPEECH_S: Final = 15
"""How long somebody may go on speaking: the clock that ends the listening for words hears none."""

# What would be another call, recording or socket. Words and questions are said again as they were, to
# somebody who stays silent, and must not be ignored then: said twice by mistake they begin anew.
_ONCE: Final = frozenset(("reject", "transfer", "record_start", "streaming_start"))
_MOMENT: Final = '<speak><break time="100ms"/></speak>'
_REFUSALS: Final = {Refusal.REJECTED: "CALL_REJECTED", Refusal.BUSY: "USER_BUSY"}
_STREAM: Final[Mapping[str, object]] = {
    # Sound as the telephone has it, both ways; of one leg, which else would hear nothing.
    "stream_track": "inbound_track",
    "stream_codec": "PCMU",
    "stream_bidirectional_mode": "rtp",
    "stream_bidirectional_codec": "PCMU",
    "stream_bidirectional_sampling_rate": 8000,
    "stream_bidirectional_target_legs": "self",
}


@dataclass(frozen=True, slots=True)
class Whom:
    """Whom the commands are for. `caller` is what a number we dial is shown."""

    call: str
    our_id: str
    caller: str
    webhook_url: str


def webhook_url(line: Line, our_id: str) -> str:
    """Where Telnyx reports about one call. Raises ProviderMisconfigured where it could not: the call
    would ring somebody and say nothing."""
    url = (line.voice_url or "").partition("#")[0]
    if not url:
        raise ProviderMisconfigured("Set the public URL for calls: this line has none.")
    local = urls.on_loopback(line.api_base_url) and urls.split(url) is not None
    if not local and not urls.publicly_usable(url):
        raise ProviderMisconfigured("The provider cannot reach the public URL for calls.")
    mark = "&" if urlsplit(url).query else "?"
    return f"{url.rstrip('?')}{mark}{forms.encode([(OUR_ID, our_id)])}"


def documents(
    instructions: Sequence[Instruction], whom: Whom
) -> list[tuple[str, dict[str, object]]]:
    """The actions to be requested, in order, each with its document. Raises ValueError for what cannot
    be told to a call on Telnyx."""
    commands, memory = step(tuple(instructions), whom)
    state = telnyx_call_memory.written(memory)
    made = []
    for command in commands:
        document: dict[str, object] = {**command.parameters, "client_state": state}
        if command.action in _ONCE:
            document["command_id"] = command_id(whom.call, command.action, document)
        made.append((command.action, document))
    return made


def command_id(call: str, action: str, document: Mapping[str, object]) -> str:
    """The same for the same command on the same call, so that Telnyx ignores a repeat within its 60
    seconds (receiving webhooks)."""
    said = repr((call, action, sorted((name, str(value)) for name, value in document.items())))
    return sha256(said.encode("utf-8", "replace")).hexdigest()[:32]


def step(instructions: tuple[Instruction, ...], whom: Whom) -> tuple[list[Command], Memory]:
    """The commands of the first step, and what is to be remembered until it is done. Without any
    instructions a call ends, as it does elsewhere."""
    if not instructions:
        return [Command("hangup", {})], _then(whom, After.DONE)
    first, rest = instructions[0], instructions[1:]
    match first:
        case Say():
            return _say(instructions, whom)
        case Play():
            sound: dict[str, object] = {"audio_url": first.url, "stop": "all"}
            return [Command("playback_start", sound)], _after(whom, After.PLAYBACK, rest)
        case Wait():
            return [silence(first.seconds)], _after(whom, After.SPEAK, rest)
        case SendDigits():
            return _digits(first, rest, whom)
        case Listen():
            return _listen(first, rest, whom)
        case TakeMessage():
            return _record(first, whom)
        case DialNumber():
            return _dial(first, whom)
        case OpenStream():
            return _stream(first, whom)
        case GoOn():
            # Nothing runs that would end: a moment of silence does, and then we are asked.
            memory = _then(whom, After.SPEAK, turn=first.turn)
            return [spoken(_MOMENT, marked=True)], memory
        case HangUp():
            return [Command("hangup", {})], _then(whom, After.DONE)
        case Refuse():
            return [Command("reject", {"cause": _REFUSALS[first.how]})], _then(whom, After.NOTHING)
        case JoinConference():
            raise ValueError("Telnyx joins a conference by an id that it gives; rooms have names")
        case OpenRelay():
            raise ValueError("on Telnyx open a stream: there is no relay")
        case _:
            assert_never(first)


# -- what is remembered ----------------------------------------------------------------------------


def _then(
    whom: Whom, after: After, *, turn: str = "", rest: tuple[Instruction, ...] = ()
) -> Memory:
    return Memory(whom.our_id, after, turn, rest)


def _after(whom: Whom, after: After, rest: tuple[Instruction, ...]) -> Memory:
    """What follows a step: a question, the rest, or nothing. Then the call stays as it is: a filler is
    said while the next words are made."""
    match rest:
        case (GoOn(turn), *_):
            return _then(whom, after, turn=turn)
        case ():
            return _then(whom, After.DONE)
        case _:
            return _then(whom, after, turn=leads_to(rest), rest=rest)


def leads_to(rest: Sequence[Instruction]) -> str:
    """The turn at which we shall be asked next, empty where none is."""
    named = (one.turn for one in rest if isinstance(one, _ASKING))
    return next(named, "")


_ASKING = (GoOn, Listen, TakeMessage, DialNumber, JoinConference, OpenStream, OpenRelay)


# -- sounds ----------------------------------------------------------------------------------------


def _say(instructions: tuple[Instruction, ...], whom: Whom) -> tuple[list[Command], Memory]:
    """Words in one voice are spoken together: a step less between them."""
    first = instructions[0]
    assert isinstance(first, Say), "a step of words begins with words"
    same = [
        one
        for one in takewhile(lambda one: isinstance(one, Say), instructions)
        if isinstance(one, Say)
    ]
    together = list(
        takewhile(lambda s: (s.voice, s.language) == (first.voice, first.language), same)
    )
    while len(together) > 1 and len(words(together)) > WORDS_CHARS_MAX:
        together.pop()
    command = spoken(words(together), first.voice, first.language)
    return [command], _after(whom, After.SPEAK, instructions[len(together) :])


def _digits(
    first: SendDigits, rest: tuple[Instruction, ...], whom: Whom
) -> tuple[list[Command], Memory]:
    """No event tells when tones are over: a silence of their length does."""
    tones = Command("send_dtmf", {"digits": first.digits})
    return [tones, silence(-int(-len(first.digits) * DIGIT_S // 1))], _after(
        whom, After.SPEAK, rest
    )


# -- listening -------------------------------------------------------------------------------------


def _listen(
    first: Listen, rest: tuple[Instruction, ...], whom: Whom
) -> tuple[list[Command], Memory]:
    """Keys by a gather, with its prompt where keys may cut it short. Words by a transcription of the
    caller, which goes on once begun, and a gather beside it as a clock. A prompt that is not cut short
    or not of words is a step of its own before the listening."""
    if not first.digits and not first.speech:
        raise ValueError("to listen for nothing is to wait")
    together = (
        first.prompt
        and first.may_interrupt
        and not first.speech
        and all(isinstance(part, Say) for part in first.prompt)
        and len(words(first.prompt)) <= WORDS_CHARS_MAX
    )
    if first.prompt and not together:
        return step((*first.prompt, replace(first, prompt=()), *rest), whom)
    following = () if first.ask_when_empty else (rest or (HangUp(),))
    memory = _then(whom, After.LISTEN, turn=first.turn, rest=following)
    # The clock of a turn before may still run, and Telnyx gathers one at a time.
    before = [Command("gather_stop", {})]
    if first.speech:
        return [
            transcription(first),
            *before,
            gather(first, first.timeout_s + SPEECH_S),
        ], memory
    return [*before, prompted(first) if together else gather(first, first.timeout_s)], memory


# -- recording, legs, streams ----------------------------------------------------------------------


def _record(first: TakeMessage, whom: Whom) -> tuple[list[Command], Memory]:
    """A key does not end it: Telnyx tells of keys, and stops for none."""
    parameters: dict[str, object] = {
        "format": "wav",
        "channels": "single",
        "recording_track": "inbound",
        "play_beep": first.beep,
        "max_length": first.seconds_max,
        "timeout_secs": first.silence_s,
    }
    # The event of a recording names no call control id.
    memory = Memory(whom.our_id, After.RECORDING, first.turn, call=whom.call)
    return [Command("record_start", parameters)], memory


def _dial(first: DialNumber, whom: Whom) -> tuple[list[Command], Memory]:
    if first.digits:
        raise ValueError("Telnyx sends no tones to a number it connects")
    leg = Memory(whom.our_id, After.LEG, first.turn, call=whom.call)
    parameters: dict[str, object] = {
        "to": first.number,
        "from": first.caller or whom.caller,
        "timeout_secs": first.ring_s,
        "time_limit_secs": first.limit_s,
        "park_after_unbridge": "self",  # else the person would be hung up on with the leg
        "target_leg_client_state": telnyx_call_memory.written(leg),
        "webhook_url": whom.webhook_url,
        "webhook_url_method": "POST",
    }
    return [Command("streaming_stop", {}), Command("transfer", parameters)], _then(
        whom, After.LEG, turn=first.turn
    )


def _stream(first: OpenStream, whom: Whom) -> tuple[list[Command], Memory]:
    """The token in the address goes along as the stream's own, which the socket's first message and
    its upgrade repeat."""
    if not first.url.startswith("wss://") or "?" in first.url or "#" in first.url:
        raise ValueError("a socket's address is wss, without query or fragment")
    token = first.url.rpartition("/")[2]
    parameters: dict[str, object] = {"stream_url": first.url, **_STREAM}
    if token:
        parameters["stream_auth_token"] = token
    if first.parameters:
        parameters["custom_parameters"] = [
            {"name": name, "value": value} for name, value in first.parameters
        ]
    return [Command("streaming_start", parameters)], _then(whom, After.STREAM, turn=first.turn)
