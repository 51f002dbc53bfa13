"""A handset on the simulated network: it texts a number, and waits for what it receives. What it does
with calls is in call_phone.py.

The vocabulary of stories: `await phone.texts("hi")`, `await phone.receives("hello")`,
`phone.has_nothing_unread()`. Waits are bounded; it never sleeps."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol, TypeAlias

from ringfence.simulator.call_phone import Bell, Calling, CallNetwork, Connection
from ringfence.simulator.webhooks import Delivery

THREAD_MAX: Final = 1_000  # texts kept per phone; the oldest make room
RECEIVE_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture or other file on a text."""

    content_type: str
    content: bytes


@dataclass(slots=True)
class Text:
    """One text on a phone's screen. `mine` when this phone sent it. `ticks` is the status the
    sender sees: for the phone's own texts `sending`, `received` or `unreachable` (did our gateway
    take it?); for received ones the carrier's status."""

    sid: str
    number: str  # the other side
    body: str
    mine: bool
    at: datetime
    ticks: str
    order: int
    media: tuple[Attachment, ...] = ()
    is_read: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a text this phone sent: the carrier's message SID and, unless nobody was to
    be told, how the webhook ended."""

    sid: str
    delivery: Delivery | None

    @property
    def reached(self) -> bool:
        """The gateway answered 2xx."""
        return self.delivery is not None and self.delivery.reached


Expectation: TypeAlias = str | Callable[[Text], bool] | None


class NotReceived(AssertionError):
    """The phone did not receive what the test expected in time."""


class Network(CallNetwork, Protocol):
    """What a phone needs of the world around it."""

    def carry(
        self, sender: str, to: str, body: str, media: Sequence[Attachment]
    ) -> Awaitable[Sent]: ...


MediaLike: TypeAlias = Attachment | tuple[str, bytes] | bytes


def as_attachment(media: MediaLike) -> Attachment:
    """An Attachment, a (content type or file name, bytes) pair, or the bytes of a PNG picture."""
    if isinstance(media, Attachment):
        return media
    if isinstance(media, bytes):
        return Attachment("image/png", media)
    kind, content = media
    if "/" not in kind:
        kind = mimetypes.guess_type(kind)[0] or "application/octet-stream"
    return Attachment(kind, content)


def as_attachments(media: MediaLike | list[MediaLike] | None) -> list[Attachment]:
    """None, one file, or a list of files."""
    if media is None:
        return []
    return [as_attachment(item) for item in (media if isinstance(media, list) else [media])]


@dataclass(slots=True, eq=False)
class Phone(Calling):
    """One handset, known by its number."""

    number: str
    network: Network
    thread: list[Text] = field(default_factory=list)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _order: int = 0
    _is_off: bool = False
    connections: list[Connection] = field(default_factory=list)
    bell: Bell = field(default_factory=Bell)

    @property
    def inbox(self) -> list[Text]:
        """What this phone received, oldest first."""
        return [text for text in self.thread if not text.mine]

    @property
    def unread(self) -> list[Text]:
        """Received, and not yet asked for by `receives`."""
        return [text for text in self.inbox if not text.is_read]

    async def texts(
        self,
        body: str,
        to: str | None = None,
        *,
        media: MediaLike | list[MediaLike] | None = None,
    ) -> Sent:
        """Send a text to `to` (the carrier's first number if not given). Returns when the webhook
        has been answered, or has finally failed."""
        attachments = as_attachments(media)
        return await self.network.carry(
            self.number, to or self.network.default_number, body, attachments
        )

    async def receives(
        self, expected: Expectation = None, *, timeout_s: float = RECEIVE_TIMEOUT_S
    ) -> Text:
        """Wait for a text not yet read: any one, one whose body contains `expected`, or one for
        which `expected(text)` holds. The text counts as read afterwards.

        Raises NotReceived after `timeout_s` seconds of real time."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._next(expected)
        except TimeoutError:
            seen = [text.body for text in self.unread]
            raise NotReceived(
                f"{self.number} did not receive {_named(expected)} within {timeout_s:g} s; "
                f"unread: {seen}"
            ) from None

    def has_nothing_unread(self) -> None:
        """Raises NotReceived when a text is there that no `receives` asked for."""
        if bodies := [text.body for text in self.unread]:
            raise NotReceived(f"{self.number} received what nobody expected: {bodies}")

    async def changes(self, after: int, *, timeout_s: float) -> None:
        """Wait until the thread has changed since `version` was `after`, or the time is up."""
        try:
            async with asyncio.timeout(timeout_s):
                while self.version <= after and not self._is_off:
                    await self._wait()
        except TimeoutError:
            return

    @property
    def version(self) -> int:
        """Rises with every text and every tick."""
        return self._order

    @property
    def is_off(self) -> bool:
        return self._is_off

    def _call_network(self) -> CallNetwork:
        return self.network

    def switch_off(self) -> None:
        """The world ends: whoever watches this phone is let go."""
        self._is_off = True
        self._arrived.set()
        self.bell.ring()

    def show(self, text: Text) -> None:
        """Put a text on the screen and wake whoever waits for it."""
        self.thread.append(text)
        del self.thread[:-THREAD_MAX]
        self.touch(text)

    def moves_ticks(self, sid: str, ticks: str) -> bool:
        """Show a new status on a text; False when the phone does not have it."""
        text = next((text for text in reversed(self.thread) if text.sid == sid), None)
        if text is None:
            return False
        text.ticks = ticks
        self.touch(text)
        return True

    def touch(self, text: Text) -> None:
        """Note that a text changed (its ticks moved)."""
        self._order += 1
        text.order = self._order
        self._arrived.set()

    async def _next(self, expected: Expectation) -> Text:
        while True:
            for text in self.unread:
                if _matches(expected, text):
                    text.is_read = True
                    return text
            await self._wait()

    async def _wait(self) -> None:
        self._arrived.clear()
        await self._arrived.wait()


def _matches(expected: Expectation, text: Text) -> bool:
    match expected:
        case None:
            return True
        case str():
            return expected in text.body
        case _:
            return expected(text)


def _named(expected: Expectation) -> str:
    match expected:
        case None:
            return "anything"
        case str():
            return repr(expected)
        case _:
            return "what the predicate asks for"
