"""How our values stand in a column: times as microseconds since the epoch, JSON as text, numbers
as E.164. Never rounds a time, never takes a naive one."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from ringfence.model.draft import Traits
from ringfence.model.message import NO_TRAITS, MediaRef
from ringfence.policy.record import from_record, to_record

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
INDEXED_CHARS_MAX = 255
"""PostgreSQL refuses a row whose index entry has more than 2,704 bytes
(https://www.postgresql.org/docs/current/btree.html, Implementation)."""


def micros(at: datetime) -> int:
    """Raises TypeError on a naive time."""
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def micros_or_none(at: datetime | None) -> int | None:
    return None if at is None else micros(at)


def moment(value: int) -> datetime:
    return EPOCH + timedelta(microseconds=value)


def moment_or_none(value: int | None) -> datetime | None:
    return None if value is None else EPOCH + timedelta(microseconds=value)


def storable(text: str) -> str:
    """PostgreSQL's text holds no NUL and no lone surrogate; both become U+FFFD, on both databases,
    so that a strange message is stored rather than lost (P4)."""
    if text.isascii() and "\x00" not in text:
        return text
    return _UNSTORABLE.sub("\ufffd", text)


def indexable(text: str) -> str:
    """A key that somebody else chose, short enough for any index: a longer one is cut and ends in the
    digest of the whole, so that what differs still does. Given its own answer, it gives the same."""
    stored = storable(text)
    if len(stored) <= INDEXED_CHARS_MAX:
        return stored
    digest = hashlib.sha256(stored.encode()).hexdigest()
    return f"{stored[: INDEXED_CHARS_MAX - len(digest) - 1]}~{digest}"


def document_json(value: Mapping[str, Any]) -> str:
    """JSON that others wrote, with whatever a JSON text may hold (NUL, lone surrogates, integers
    without bound); empty for nothing."""
    return json.dumps(value, separators=(",", ":"), default=dict) if value else ""


def document_from(text: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(text) if text else {}
    return loaded


def as_json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode() if value else "{}"


def from_json(text: str) -> dict[str, Any]:
    loaded: dict[str, Any] = orjson.loads(text) if text != "{}" else {}
    return loaded


def traits_json(traits: Traits) -> str:
    return "{}" if traits is NO_TRAITS else as_json(to_record(traits))


def traits_from(text: str) -> Traits:
    return NO_TRAITS if text == "{}" else from_record(Traits, orjson.loads(text))


def media_json(media: tuple[MediaRef, ...]) -> str:
    return orjson.dumps(media).decode() if media else "[]"


def media_from(text: str) -> tuple[MediaRef, ...]:
    return () if text == "[]" else tuple(MediaRef(**ref) for ref in orjson.loads(text))
