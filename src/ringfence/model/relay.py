"""What a provider tells on a relay: a socket on which it hears and speaks itself, and only text travels.
Values only; keys are `model.media.DigitHeard`, as on any other socket."""

from __future__ import annotations

from dataclasses import dataclass, field

from ringfence.model.media import DigitHeard


@dataclass(frozen=True, slots=True)
class RelayStarted:
    """The relay is open. `provider_id` is the call's; `parameters` are what its opening was given."""

    session_id: str
    provider_id: str
    account_id: str
    parameters: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class PersonPrompted:
    """What the person said, in all so far; with `is_final` they have finished. `language` is BCP 47."""

    text: str = field(repr=False)
    is_final: bool = True
    language: str = ""


@dataclass(frozen=True, slots=True)
class WordsPlayed:
    """Words of ours that were just played out."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SpeechCut:
    """The person spoke, or pressed a key, into our words: what was heard until then of the piece that
    sounded. Nothing more of that piece, or of those behind it, will sound."""

    heard: str = field(repr=False)
    after_ms: int = 0


@dataclass(frozen=True, slots=True)
class RelayFault:
    """The provider did not take what we sent; `text` is its word, bounded."""

    text: str


RelayEvent = RelayStarted | PersonPrompted | WordsPlayed | SpeechCut | DigitHeard | RelayFault
