"""What a live session is told: the media socket's own values (`model/media.py`), and those of the ear,
the agent behind the gate, the mouth, the time and whoever may end the call. Values only. What belongs
to a turn or an utterance names it, so that what comes late is known for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ringfence.model.call import EndReason, Speaker
from ringfence.model.media import MediaEvent

# -- the ear ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PersonBegan:
    """The ear hears somebody speak."""


@dataclass(frozen=True, slots=True)
class PersonPartial:
    """Words as they stand. They may interrupt; they never make a turn (B136)."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PersonFinal:
    """Words that change no more; `turn_over` when the ear knows that it is our turn. `confidence` from
    0 to 1."""

    text: str = field(repr=False)
    turn_over: bool = False
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class EarFailed:
    """Nothing more is heard."""


# -- the agent, behind the gate -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SentenceAllowed:
    """A sentence of the agent's answer that the gate let pass, and the decision that did."""

    turn: int
    text: str = field(repr=False)
    decision: str
    interruptible: bool = True


@dataclass(frozen=True, slots=True)
class SentenceRefused:
    """A sentence that may not be said."""

    turn: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AgentDone:
    """The answer is whole. `hang_up` when the call is to end once it was heard."""

    turn: int
    hang_up: bool = False


@dataclass(frozen=True, slots=True)
class AgentFailed:
    """No (more) answer will come."""

    turn: int


# -- the mouth ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpeechMade:
    """More sound of an utterance: µ-law, 8 kHz. `letters` begin at `letters_at_ms` of the utterance."""

    utterance: int
    sound: bytes = field(repr=False)
    letters: str = field(default="", repr=False)
    letters_at_ms: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class SpeechDone:
    utterance: int


@dataclass(frozen=True, slots=True)
class SpeechFailed:
    utterance: int


# -- the time, and whoever may end the call -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tick:
    """The time that the session asked to be woken at has come."""


@dataclass(frozen=True, slots=True)
class SocketGone:
    """The media socket broke off."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """A newer stream of the same call has come: this one is nobody's (B139)."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """This process ends; the call may go on in the next (B149)."""


@dataclass(frozen=True, slots=True)
class ToldToSay:
    """Words for the person from somebody else than the turn's answer. An agent's need a decision."""

    text: str = field(repr=False)
    speaker: Speaker
    decision: str = ""
    interruptible: bool = True


@dataclass(frozen=True, slots=True)
class ToldToPress:
    """Keys towards the person's side: 0-9, *, #, `w` for half a second."""

    digits: str = field(repr=False)
    decision: str


@dataclass(frozen=True, slots=True)
class ToldToEnd:
    """End the call after this sentence of the operator's; at once when it is empty."""

    reason: EndReason
    goodbye: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Killed:
    """The kill switch, or a revocation: silence at once, one fixed sentence, and the end."""

    goodbye: str = field(default="", repr=False)


SessionEvent = (
    MediaEvent
    | PersonBegan
    | PersonPartial
    | PersonFinal
    | EarFailed
    | SentenceAllowed
    | SentenceRefused
    | AgentDone
    | AgentFailed
    | SpeechMade
    | SpeechDone
    | SpeechFailed
    | Tick
    | SocketGone
    | Replaced
    | Leaving
    | ToldToSay
    | ToldToPress
    | ToldToEnd
    | Killed
)
