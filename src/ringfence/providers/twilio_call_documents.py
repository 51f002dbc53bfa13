"""Our instructions as TwiML, with the addresses at which Twilio asks and reports. Each address carries
the call's id, what it is for and the turn; the whole of it is signed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import assert_never

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
    Refuse,
    Say,
    SendDigits,
    TakeMessage,
    Wait,
)
from ringfence.model.line import Line
from ringfence.providers import forms, twiml, urls
from ringfence.providers import twilio_call_webhooks as webhooks
from ringfence.providers.twilio import overrides
from ringfence.providers.twilio_signature import OUR_ID, signed_url
from ringfence.providers.twiml import Element

PROGRESS_EVENTS = ("initiated", "ringing", "answered", "completed")
_EVENTS = " ".join(PROGRESS_EVENTS)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where Twilio asks and reports about one call."""

    stem: str
    query: tuple[tuple[str, str], ...]
    fragment: str
    our_id: str

    def at(self, what: str, turn: str = "") -> str:
        pairs = [*self.query, (OUR_ID, self.our_id), (webhooks.WHAT, what)]
        if turn:
            pairs.append((webhooks.TURN, turn))
        return f"{self.stem}?{forms.encode(pairs)}#{self.fragment}"


def addresses(line: Line, our_id: str) -> Addresses:
    """Raises ProviderMisconfigured where Twilio could not reach the line's `voice_url`: a call whose
    instructions cannot be fetched would ring somebody and say nothing."""
    url = line.voice_url
    if not url:
        raise ProviderMisconfigured("Set the public URL for calls: this line has none.")
    local = urls.on_loopback(line.api_base_url) and urls.split(url) is not None
    if not local and not urls.publicly_usable(url):
        raise ProviderMisconfigured("The provider cannot reach the public URL for calls.")
    configured = signed_url(url)
    try:
        query = forms.decode(configured.query or "")
    except ValueError:
        raise ProviderMisconfigured("The query of the public URL for calls is broken.") from None
    stem = url.partition("#")[0].partition("?")[0]
    return Addresses(stem, query, overrides(configured.fragment), our_id)


def written(instructions: Iterable[Instruction], where: Addresses) -> str:
    """The document. Raises ValueError for one that is too long."""
    return twiml.document(_verb(instruction, where) for instruction in instructions)


def _verb(instruction: Instruction, where: Addresses) -> Element:
    match instruction:
        case Say() | Play() | Wait():
            return _sound(instruction)
        case SendDigits():
            return twiml.play_digits(instruction.digits)
        case Listen():
            return _gather(instruction, where)
        case TakeMessage():
            return _record(instruction, where)
        case DialNumber():
            return _dial(instruction, where)
        case JoinConference():
            return _conference(instruction, where)
        case OpenStream():
            return _stream(instruction, where)
        case OpenRelay():
            return _relay(instruction, where)
        case GoOn():
            return twiml.redirect(where.at(webhooks.NEXT, instruction.turn))
        case HangUp():
            return twiml.hang_up()
        case Refuse():
            return twiml.reject(instruction.how.value)
        case _:
            assert_never(instruction)


def _sound(instruction: Say | Play | Wait) -> Element:
    match instruction:
        case Say():
            return twiml.say(
                instruction.text, voice=instruction.voice, language=instruction.language
            )
        case Play():
            return twiml.play(instruction.url)
        case Wait():
            return twiml.pause(instruction.seconds)
        case _:
            assert_never(instruction)


def _gather(listen: Listen, where: Addresses) -> Element:
    sources: Sequence[str] = ("dtmf",) * listen.digits + ("speech",) * listen.speech
    if not sources:
        raise ValueError("to listen for nothing is to wait")
    return twiml.gather(
        where.at(webhooks.NEXT, listen.turn),
        [_sound(part) for part in listen.prompt],
        source=" ".join(sources),
        timeout_s=listen.timeout_s,
        finish_on=listen.finish_on,
        digits_count=listen.digits_count,
        language=listen.language,
        hints=listen.hints,
        barge_in=listen.may_interrupt,
        when_empty=listen.ask_when_empty,
    )


def _record(message: TakeMessage, where: Addresses) -> Element:
    return twiml.record(
        where.at(webhooks.MESSAGE, message.turn),
        seconds_max=message.seconds_max,
        silence_s=message.silence_s,
        finish_on=message.finish_on,
        beep=message.beep,
        status_callback=where.at(webhooks.RECORDING),
    )


def _dial(dial: DialNumber, where: Addresses) -> Element:
    noun = twiml.number(
        dial.number,
        digits=dial.digits,
        status_callback=where.at(webhooks.PROGRESS),
        events=_EVENTS,
    )
    return twiml.dial(
        noun,
        action=where.at(webhooks.LEG, dial.turn),
        caller=dial.caller,
        ring_s=dial.ring_s,
        limit_s=dial.limit_s,
    )


def _conference(join: JoinConference, where: Addresses) -> Element:
    noun = twiml.conference(
        join.room,
        muted=join.muted,
        begins=join.begins,
        ends=join.ends,
        beep=join.beep,
        label=join.label,
        people_max=join.people_max,
    )
    return twiml.dial(noun, action=where.at(webhooks.LEG, join.turn))


def _stream(stream: OpenStream, where: Addresses) -> Element:
    _check_socket(stream.url)
    noun = twiml.stream(stream.url, stream.parameters, name=stream.name)
    return twiml.connect(noun, action=where.at(webhooks.NEXT, stream.turn))


def _relay(relay: OpenRelay, where: Addresses) -> Element:
    _check_socket(relay.url)
    noun = twiml.conversation_relay(
        relay.url,
        relay.parameters,
        greeting=relay.greeting,
        greeting_interruptible="any" if relay.greeting_interruptible else "none",
        language=relay.language,
        voice=relay.voice,
        hints=relay.hints,
        speaks_by=relay.speaks_by,
        hears_by=relay.hears_by,
        interruptible="any" if relay.interruptible else "none",
        # Nothing else tells which words reached the person.
        events="tokens-played",
    )
    return twiml.connect(noun, action=where.at(webhooks.NEXT, relay.turn))


def _check_socket(url: str) -> None:
    """Twilio takes wss only and drops a query, with whatever token it held (facts voice 1.2)."""
    if not url.startswith("wss://") or "?" in url or "#" in url:
        raise ValueError("a socket's address is wss, without query or fragment")
