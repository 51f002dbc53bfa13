"""What a request to the private door says: its JSON body and its query, taken field by field. A
field that is unknown, missing or of the wrong kind is an InvalidField that names it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, TypeVar

import orjson
from starlette.requests import Request

from ringfence.model.errors import InvalidField

LIMIT_DEFAULT, LIMIT_MAX = 100, 1_000
CURSOR_LENGTH_MAX = 100
_SPAN = re.compile(r"([1-9][0-9]{0,3})([mhdw])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

E = TypeVar("E", bound=Enum)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing, newest first: at most `limit` entries after the one that the page
    before named as `next`."""

    limit: int
    after: str | None


def json_object(
    request: Request, known: Iterable[str], *, may_be_empty: bool = False
) -> dict[str, Any]:
    """The body as a JSON object with known fields only, whatever its declared type: curl's -d says
    form. The Origin and Sec-Fetch checks stand between a web page's form and this."""
    body: bytes = request.state.body
    if not body and may_be_empty:
        return {}
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidField(
            'Send JSON, for example {"to": "+15555550123", "body": "Hi"}.'
        ) from error
    if not isinstance(fields, dict):
        raise InvalidField("Send one JSON object.")
    _only(fields, known)
    return fields


def query(request: Request, known: Iterable[str]) -> Mapping[str, str]:
    """The query with known parameters only."""
    _only(request.query_params, known)
    return request.query_params


def page(given: Mapping[str, str]) -> Page:
    """`limit` and `after` of a listing."""
    after = given.get("after")
    if after is not None and not (0 < len(after) <= CURSOR_LENGTH_MAX and after.isprintable()):
        raise InvalidField("`after` takes what the page before gave as `next`.")
    return Page(limit(given.get("limit")), after)


def limit(text: str | None) -> int:
    if text is None:
        return LIMIT_DEFAULT
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= LIMIT_MAX:
        raise InvalidField(f"`limit` takes a whole number from 1 to {LIMIT_MAX}.")
    return int(text)


def text(fields: Mapping[str, Any], name: str, *, optional: bool = False) -> str:
    value = fields.get(name, "" if optional else None)
    if not isinstance(value, str):
        raise InvalidField(f"`{name}` must be a string.")
    return value


def texts(fields: Mapping[str, Any], name: str) -> list[str] | None:
    """A list of strings; None when it is not given, or null."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise InvalidField(f"`{name}` must be a list of strings.")
    return value


def choice(fields: Mapping[str, Any], name: str, kinds: type[E]) -> E:
    """One of an enum's values."""
    value = fields.get(name)
    try:
        return kinds(value)
    except ValueError:
        known = ", ".join(str(kind.value) for kind in kinds)
        raise InvalidField(f"`{name}` is one of: {known}.") from None


def since(text: str | None) -> datetime | None:
    return None if text is None else moment(text, "since")


def moment(text: str, name: str) -> datetime:
    """A time; without a zone it is UTC. In a query `+` arrives as a space."""
    try:
        if text.replace(".", "", 1).isdigit():
            return datetime.fromtimestamp(float(text), UTC)
        at = datetime.fromisoformat(text.replace(" ", "+"))
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidField(
            f"`{name}` takes an ISO 8601 time (2026-01-31T12:00:00Z) or seconds since 1970."
        ) from error
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def end(text: str, name: str, now: datetime) -> datetime:
    """A time, or how long from now: `90m`, `8h`, `30d`, `2w`."""
    found = _SPAN.fullmatch(text)
    if found is None:
        return moment(text, name)
    return now + timedelta(**{_UNITS[found[2]]: int(found[1])})


def _only(given: Iterable[str], known: Iterable[str]) -> None:
    known = sorted(known)
    unknown = sorted(set(given) - set(known))
    if unknown:
        listed = f"The fields are {', '.join(known)}." if known else "It takes no fields."
        raise InvalidField(f"Unknown: {', '.join(unknown)[:200]}. {listed}")
