"""What a dialect of media sockets is, from the carrier's side: whose stream it is, what an application asks
for, how a skin turns one into the other. Skins are written from the tables of the facts (voice.md 1.4, 1.6,
1.7) and apart from the gateway's codecs: what both get wrong would stay hidden. Pure."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

Message: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class About:
    """Whose stream it is, in the carrier's ids. `auth_token` signs, `token` is Telnyx's stream token."""

    stream_id: str
    call_id: str
    account_id: str
    caller: str
    called: str
    session_id: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    client_state: str = ""
    token: str = field(default="", repr=False)
    auth_token: str = field(default="", repr=False)


# -- what the application asks for ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlaySound:
    sound: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class QueueMark:
    name: str


@dataclass(frozen=True, slots=True)
class Clear:
    pass


@dataclass(frozen=True, slots=True)
class SendKeys:
    keys: str


@dataclass(frozen=True, slots=True)
class Nonsense:
    """A message that is none of the dialect's. `code` is the carrier's."""

    code: int
    why: str


Command: TypeAlias = PlaySound | QueueMark | Clear | SendKeys | Nonsense


class Skin(Protocol):
    """One dialect. `numbers` are its sequence numbers, the first of which is `first`; a message takes one
    where the dialect numbers it. `clear_returns_marks` what becomes of marks
    that are thrown away; `in_order` whether its media frames come in order; `secure_only` whether it
    takes no other address than wss; `has_query` whether it keeps the query of an address."""

    name: str
    first: int
    in_order: bool
    clear_returns_marks: bool
    secure_only: bool
    has_query: bool

    def headers(self, about: About, url: str) -> Mapping[str, str]:
        """Of the upgrade, beside those of WebSocket itself."""

    def greeting(self, about: About) -> Message | None: ...

    def start(self, about: About, numbers: Iterator[int]) -> Message: ...

    def media(
        self, about: About, numbers: Iterator[int], chunk: int, at_ms: int, sound: bytes
    ) -> Message: ...

    def key(self, about: About, numbers: Iterator[int], key: str, at_ms: int) -> Message: ...

    def mark(self, about: About, numbers: Iterator[int], name: str) -> Message: ...

    def cleared(self, about: About, numbers: Iterator[int]) -> Message | None: ...

    def complaint(self, about: About, numbers: Iterator[int], bad: Nonsense) -> Message | None: ...

    def stop(self, about: About, numbers: Iterator[int]) -> Message: ...

    def command(self, about: About, message: str | bytes) -> Command: ...


def to_base64(sound: bytes) -> str:
    return base64.b64encode(sound).decode()


def object_in(message: str | bytes) -> Message | None:
    """A text message with a JSON object in it, or None."""
    if isinstance(message, bytes):
        return None
    try:
        found = json.loads(message)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def sound_of(media: object) -> bytes | None:
    """The payload of a media object, or None."""
    payload = media.get("payload") if isinstance(media, dict) else None
    if not isinstance(payload, str):
        return None
    try:
        return base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        return None


def name_in(holder: object) -> str | None:
    """The name of a mark, or None."""
    name = holder.get("name") if isinstance(holder, dict) else None
    return name if isinstance(name, str) else None
