"""The contract of a relay dialect: text frames of a socket on which the provider hears and speaks. A
codec: it opens no socket, reads no clock, keeps no state. `RELAY` is its one instance in a module."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from ringfence.model.line import Line
from ringfence.model.relay import RelayEvent
from ringfence.model.wire import WebhookRequest


@runtime_checkable
class SpeaksRelay(Protocol):
    name: str

    def verify_upgrade(self, request: WebhookRequest, line: Line, url: str) -> None:
        """Raise SignatureRefused unless the provider signed this upgrade of a socket at `url`."""

    def relay_event(self, frame: str) -> RelayEvent | None:
        """One text frame; None for one that says nothing to us. Raises MalformedFrame."""

    def text(self, text: str, *, last: bool, interruptible: bool, language: str = "") -> str:
        """Words to say after those before. `last`: no more belong to them, so they need not wait."""

    def play(self, url: str, *, interruptible: bool = True) -> str:
        """A sound file by its address."""

    def digits(self, digits: str) -> str:
        """Keys towards the person: 0-9 * # and `w` for half a second. Raises ValueError."""

    def language(self, heard: str = "", spoken: str = "") -> str:
        """From now on the person is understood in `heard` and we speak `spoken` (BCP 47). Raises
        ValueError for neither."""

    def end(self, handed_on: str = "") -> str:
        """The relay is over, and the call asks what next; `handed_on` comes along."""
