"""What a live call is told to do, in our words: say, play, listen, dial, record, connect, hang up. A
codec writes them as a document or as commands. What is said is checked before it becomes one of
these; nothing here may decide that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True, slots=True)
class Say:
    """Words for the provider's own voice. `voice` and `language` (BCP 47) in the provider's words."""

    text: str = field(repr=False)
    voice: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Play:
    """A sound file by its address."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SendDigits:
    """Tones towards the person: 0-9 * # and `w` for half a second of waiting."""

    digits: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Wait:
    """Silence, in whole seconds."""

    seconds: int = 1


@dataclass(frozen=True, slots=True)
class Listen:
    """Take digits, words or both, speaking `prompt` meanwhile, and ask what next at `turn`.
    `timeout_s` is the silence after which it gives up; `ask_when_empty` asks also then, where
    otherwise the next instruction follows."""

    turn: str
    prompt: Sequence[Say | Play | Wait] = ()
    digits: bool = True
    speech: bool = False
    digits_count: int | None = None
    finish_on: str = "#"
    timeout_s: int = 5
    language: str = ""
    hints: str = ""
    may_interrupt: bool = True
    ask_when_empty: bool = True


@dataclass(frozen=True, slots=True)
class TakeMessage:
    """Record what the person says, at most `seconds_max`, and ask what next at `turn`."""

    turn: str
    seconds_max: int
    silence_s: int = 5
    finish_on: str = "#"
    beep: bool = True


@dataclass(frozen=True, slots=True)
class DialNumber:
    """Ring another number and connect it; ask what next at `turn` when that leg is over."""

    turn: str
    number: str = field(repr=False)
    caller: str = field(default="", repr=False)
    ring_s: int = 30
    limit_s: int = 3600
    digits: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class JoinConference:
    """Put the person into a conference room of this line."""

    turn: str
    room: str
    muted: bool = False
    begins: bool = True
    ends: bool = False
    beep: bool = False
    label: str = ""
    people_max: int = 10


@dataclass(frozen=True, slots=True)
class OpenStream:
    """Two-way audio over a socket at `url` (wss); `parameters` reach its start message."""

    turn: str
    url: str = field(repr=False)
    name: str = ""
    parameters: Sequence[tuple[str, str]] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class OpenRelay:
    """Text over a socket at `url` (wss), the provider hears and speaks. Which words it opens with,
    and whether speech may interrupt them, or what is said later. `speaks_by` and `hears_by` are the
    speech services the provider is to use, by its names for them."""

    turn: str
    url: str = field(repr=False)
    greeting: str = field(default="", repr=False)
    greeting_interruptible: bool = False
    language: str = ""
    voice: str = ""
    hints: str = ""
    speaks_by: str = ""
    hears_by: str = ""
    interruptible: bool = True
    parameters: Sequence[tuple[str, str]] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class GoOn:
    """Ask what next at `turn`."""

    turn: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""


class Refusal(Enum):
    REJECTED = "rejected"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Refuse:
    """Do not answer an inbound call at all, so that nobody is charged for it."""

    how: Refusal = Refusal.REJECTED


Instruction = (
    Say
    | Play
    | SendDigits
    | Wait
    | Listen
    | TakeMessage
    | DialNumber
    | JoinConference
    | OpenStream
    | OpenRelay
    | GoOn
    | HangUp
    | Refuse
)
