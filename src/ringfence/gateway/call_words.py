"""What a call says and asks without media: the operator's fixed sentences, the notice, the disclosure
first. Pure; whatever an agent says has passed the gate before it comes here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ringfence.model.call import Call, CallMode
from ringfence.model.instruction import GoOn, HangUp, Instruction, Listen, OpenRelay, Say, Wait
from ringfence.model.line import Line
from ringfence.model.message import Message
from ringfence.model.phone import PhoneNumber
from ringfence.model.voice import RelaySettings, Route, VoiceSettings

CALL = "call"
"""The key of a message's provenance that says how it is called: its value is a CallMode's."""
KEYS = "call_keys"
"""The key that says which digits the person is asked for: a mapping of a digit to what it means."""

START = "start"
"""The turn at which the provider first asks what to say."""
SAID = "said"
PRESSED = "pressed"
PRESSED_AGAIN = "pressed-again"
GOODBYE = "bye"
STREAM_OVER = "stream-over"
"""The turn at which a provider asks once live sound is over and the call is not."""
_HEARD, _WAITED = "t", "w"


def is_call(message: Message) -> bool:
    """An answer to a text is none, whatever an agent wrote into its provenance."""
    return CALL in message.provenance and not message.in_reply_to


def mode_of(message: Message) -> CallMode:
    return CallMode(message.provenance.get(CALL, CallMode.NOTIFY.value))


def keys_of(message: Message) -> Mapping[str, str]:
    found = message.provenance.get(KEYS)
    return found if isinstance(found, Mapping) else {}


@dataclass(frozen=True, slots=True)
class Manner:
    """How one call speaks: the line's settings, and the route that holds on it."""

    settings: VoiceSettings
    route: Route

    @property
    def agent_s(self) -> int:
        """How long the agent may think."""
        own = self.route.agent_s
        return self.settings.turns.agent_s if own is None else own


def heard_turn(n: int) -> str:
    return f"{_HEARD}{n}"


def waited_turn(n: int) -> str:
    return f"{_WAITED}{n}"


def turn_number(turn: str, waited: bool) -> int | None:
    """The number in a turn's name; None for another kind of turn."""
    kind, number = turn[:1], turn[1:]
    if kind != (_WAITED if waited else _HEARD) or not (number.isascii() and number.isdigit()):
        return None
    return int(number)


def first_words(manner: Manner, call: Call, message: Message, owed: str) -> list[Instruction]:
    """The first words of a call of ours: who calls (`owed`, the disclosure), then what for."""
    first: list[Instruction] = [say(manner, owed)] if owed else []
    body = say(manner, message.body)
    if call.mode is CallMode.CONVERSATION:
        return [*first, body, listen(manner, 1)]
    keys = keys_of(message)
    if keys:
        return [*first, keys_asked(manner, (body, say(manner, keys_words(keys))), PRESSED)]
    return [*first, body, GoOn(SAID)]


def greeting(manner: Manner, owed: str) -> list[Instruction]:
    """The first words to somebody who called us."""
    texts = [text for text in (owed, manner.route.greeting) if text]
    return [*(say(manner, text) for text in texts), listen(manner, 1)]


def owed_to(line: Line, manner: Manner, number: PhoneNumber) -> str:
    """What a person is told first, on every call: what was read weeks ago tells nobody who speaks now.
    Owners know."""
    return "" if number in line.owners else manner.route.disclosure or line.disclosure


def say(manner: Manner, text: str) -> Say:
    return Say(text, manner.route.voice, manner.route.language)


def listen(manner: Manner, n: int, *prompt: Say) -> Listen:
    return Listen(
        heard_turn(n),
        prompt,
        speech=True,
        timeout_s=manner.settings.turns.nobody_s,
        language=manner.route.language,
        finish_on="",
    )


def keys_asked(manner: Manner, prompt: Sequence[Say], turn: str) -> Listen:
    return Listen(
        turn, prompt, digits_count=1, timeout_s=manner.settings.turns.nobody_s, finish_on=""
    )


def keys_words(keys: Mapping[str, str]) -> str:
    return " ".join(f"Press {digit} to {meaning}." for digit, meaning in sorted(keys.items()))


def thinking(n: int, *fillers: Say) -> list[Instruction]:
    """The agent is not done: hold the line and ask again."""
    return [*fillers, Wait(1), GoOn(waited_turn(n))]


def relayed(manner: Manner, relay: RelaySettings, url: str) -> OpenRelay:
    """The provider hears and speaks. A voice is for the language it was chosen for."""
    line = manner.settings.route
    return OpenRelay(
        STREAM_OVER,
        url,
        language=manner.route.language,
        voice=relay.voice if manner.route.language == line.language else "",
        hints=relay.hints,
        speaks_by=relay.speaks_by,
        hears_by=relay.hears_by,
        interruptible=manner.settings.turns.interrupt_ms is not None,
    )


def answered(manner: Manner, n: int, text: str) -> list[Instruction]:
    """What the agent says, and an ear that may interrupt it."""
    return [listen(manner, n + 1, *([say(manner, text)] if text else []))]


def pin_asked(manner: Manner, text: str, tried: int) -> Listen:
    """The code, by keypad (ended with #) or said."""
    return Listen(
        f"pin{tried}",
        (say(manner, text),),
        speech=True,
        timeout_s=manner.settings.turns.nobody_s,
        language=manner.route.language,
    )


def held(manner: Manner, turn: str, seconds: int, *, again: bool = False) -> list[Instruction]:
    """Somebody waits until another call is over."""
    sentence = manner.settings.sentences.filler
    said = [] if again or not sentence else [say(manner, sentence)]
    return [*said, Wait(seconds), GoOn(turn)]


def farewell(manner: Manner, text: str) -> list[Instruction]:
    """The last words; what follows them has time to be heard."""
    said: list[Instruction] = [say(manner, text)] if text else []
    return [
        *said,
        *([Wait(manner.settings.notify_hangup_s)] if manner.settings.notify_hangup_s else []),
        HangUp(),
    ]
