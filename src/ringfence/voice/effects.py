"""What a live session wants done, in order. Values only. Exactly one of `EndCall` and `StreamOver` is
the last effect of a session, and nothing follows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from ringfence.model.call import EndReason, Speaker

# -- the media socket ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SendSound:
    """Sound of an utterance, whole frames, for the provider to queue."""

    utterance: int
    sound: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SendMark:
    name: str


@dataclass(frozen=True, slots=True)
class SendClear:
    """Empty the provider's queue."""


@dataclass(frozen=True, slots=True)
class SendDigits:
    digits: str = field(repr=False)


# -- the ear, the agent, the mouth --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenEar:
    """Listen from now on."""


@dataclass(frozen=True, slots=True)
class FeedEar:
    sound: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FinishEar:
    """The voice stopped: whatever the ear knows, it should say."""


@dataclass(frozen=True, slots=True)
class StopEar:
    """Listen no more."""


@dataclass(frozen=True, slots=True)
class AskAgent:
    """What the person said and pressed since they were last answered. Of an earlier turn nothing is
    wanted any more."""

    turn: int
    text: str = field(repr=False)
    digits: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class StopAgent:
    turn: int


@dataclass(frozen=True, slots=True)
class Synthesise:
    """`turn` is the agent's whose words these are; 0 for all other words, which the gateway says."""

    utterance: int
    text: str = field(repr=False)
    turn: int = 0


@dataclass(frozen=True, slots=True)
class StopSynthesis:
    utterance: int


# -- the record ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PersonSaid:
    """Final words of the person, as the ear had them. `turn` is the next one to be asked; a later one
    may repeat them, where the answer to it was never heard."""

    text: str = field(repr=False)
    turn: int
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class DigitPressed:
    digit: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class WordsBegun:
    """The first sound of an utterance leaves. An agent's always names its decision."""

    utterance: int
    speaker: Speaker
    text: str = field(repr=False)
    decision: str
    turn: int


@dataclass(frozen=True, slots=True)
class WordsHeard:
    """How much of begun words was played out to the person: characters of the text, milliseconds of
    the sound. Told once for each, when no more of it will be."""

    utterance: int
    characters: int
    ms: int


class Unsaid(Enum):
    """Why words were not said, or not to their end."""

    FULL = "full"  # as many are pending as may be
    NO_DECISION = "no_decision"  # an agent's words that no decision let pass
    OBSOLETE = "obsolete"  # the person spoke, or the call ends
    NO_SPEECH = "no_speech"  # the mouth failed, or made nothing
    LATE = "late"  # the mouth took too long


@dataclass(frozen=True, slots=True)
class WordsNotSaid:
    """Words that nobody heard a sound of (`utterance` is 0 where they were refused at the door), or
    whose sound broke off for lack of more."""

    utterance: int
    speaker: Speaker
    text: str = field(repr=False)
    why: Unsaid


@dataclass(frozen=True, slots=True)
class DisclosureHeard:
    """The disclosure was played to its end: only now was it given."""


@dataclass(frozen=True, slots=True)
class TurnTimed:
    """Milliseconds from the end of the person's speech to: their turn being over, the first sentence
    allowed, its first sound made, its first frame sent, its beginning played."""

    turn: int
    over_ms: int
    allowed_ms: int
    made_ms: int
    sent_ms: int
    played_ms: int


# -- the end ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EndCall:
    """We end the call: hang up at the provider, then close the socket."""

    reason: EndReason


class Loss(Enum):
    """How the stream came to its end without us."""

    STOPPED = "stopped"  # the provider said so: a hang-up, or other instructions
    GONE = "gone"  # the socket broke off
    REPLACED = "replaced"  # a newer stream of the same call has come
    LEFT = "left"  # this process ends, and the call need not
    STARTED_TWICE = "started_twice"  # no socket of ours any more (B142)


@dataclass(frozen=True, slots=True)
class StreamOver:
    """The stream is over; whether the call is, only the provider knows."""

    how: Loss


SessionEffect = (
    SendSound
    | SendMark
    | SendClear
    | SendDigits
    | OpenEar
    | FeedEar
    | FinishEar
    | StopEar
    | AskAgent
    | StopAgent
    | Synthesise
    | StopSynthesis
    | PersonSaid
    | DigitPressed
    | WordsBegun
    | WordsHeard
    | WordsNotSaid
    | DisclosureHeard
    | TurnTimed
    | EndCall
    | StreamOver
)
