"""What a provider's media socket tells and is told, in our words, whatever its dialect: sound is
G.711 µ-law at 8 kHz, a byte a sample, on both ways. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StreamOpened:
    """The first word of a socket that has a dialect's greeting. `token` where it is told one."""

    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class StreamStarted:
    """Sound begins. `provider_id` is the call's; `parameters` are what its opening was given."""

    stream_id: str
    provider_id: str
    account_id: str
    parameters: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class SoundHeard:
    """What the person said. `at_ms` is the provider's own clock since the stream began, `chunk` its
    count from 1; both outlive a jitter of the network."""

    sound: bytes = field(repr=False)
    at_ms: int
    chunk: int


@dataclass(frozen=True, slots=True)
class DigitHeard:
    digit: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MarkReturned:
    """Everything sent before the mark was played, or (where the dialect does not tell the two apart)
    thrown away by a clear."""

    name: str


@dataclass(frozen=True, slots=True)
class PlaybackCleared:
    """The provider's own word that its queue was emptied; only some dialects have one."""


@dataclass(frozen=True, slots=True)
class StreamFault:
    """The provider did not take what we sent; `text` is its word, bounded."""

    text: str


@dataclass(frozen=True, slots=True)
class StreamStopped:
    """No more sound: the call ended, or its instructions were replaced."""


MediaEvent = (
    StreamOpened
    | StreamStarted
    | SoundHeard
    | DigitHeard
    | MarkReturned
    | PlaybackCleared
    | StreamFault
    | StreamStopped
)
