"""The contract of a media dialect: text frames of a provider's socket to our values and back. A codec:
it opens no socket, reads no clock, keeps no state. One file per provider, discovered like the
others; `MEDIA` is its one instance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ringfence.model.line import Line
from ringfence.model.media import MediaEvent
from ringfence.model.wire import WebhookRequest

FRAME_CHARS_MAX = 65_536
"""No provider sends as much in one message; more is refused unread."""


@dataclass(frozen=True, slots=True)
class MediaCapabilities:
    """`clears_apart`: a mark that a clear flushed is told apart from one that was played.
    `digits`: tones can be sent as a message. `in_order`: chunks come in order."""

    clears_apart: bool = False
    digits: bool = False
    in_order: bool = True
    signed_upgrade: bool = False


@runtime_checkable
class SpeaksMedia(Protocol):
    name: str
    media_capabilities: MediaCapabilities

    def verify_upgrade(self, request: WebhookRequest, line: Line, url: str) -> None:
        """Raise SignatureRefused where the provider signs the upgrade of a socket (`url` is the wss
        address it was given) and this is not its signature; elsewhere nothing is checked."""

    def media_event(self, frame: str) -> MediaEvent | None:
        """One text frame; None for one that says nothing to us (the other direction's sound). Raises
        MalformedFrame for what is no frame of the dialect, or one of another sound than ours."""

    def sound(self, stream_id: str, sound: bytes) -> str:
        """A frame that queues µ-law sound of any length."""

    def mark(self, stream_id: str, name: str) -> str: ...

    def clear(self, stream_id: str) -> str: ...

    def digits(self, stream_id: str, digits: str) -> str:
        """Raises ValueError where the dialect has no such message."""
