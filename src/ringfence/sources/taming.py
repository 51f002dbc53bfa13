"""Outside JSON, tamed field by field: what a source takes has a kind and a bound, and a fault names
the field. Names and keys that do not fit are refused; prose for people is cut, since an alert with a
long description is still an alert. Must never show what stood in a field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import Any, Final, TypeVar

import orjson

from ringfence.model.errors import MalformedEvent
from ringfence.model.event import Link

WORD_CHARS_MAX = 255
PROSE_CHARS_MAX = 4_096
TITLE_CHARS_MAX = 1_024
LABELS_MAX = 200
LINKS_MAX = 20
HREF_CHARS_MAX = 2_048
DEPTH_MAX = 20
NODES_MAX = 20_000
KEY_CHARS_MAX = 200
STRING_CHARS_MAX = 16_384

E = TypeVar("E", bound=Enum)

_control: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_plain_name: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}", re.ASCII)
# RFC 3339 section 5.6, and ISO 8601's offset without a colon, which PagerDuty's own examples have.
_time: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])([01]\d|2[0-3]):?([0-5]\d))",
    re.ASCII,
)
_NEVER: Final = "0001-01-01T00:00:00Z"
_SECONDS_MAX: Final = 253_402_300_799  # the end of the year 9999


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object from outside. `path` is where it stands, for the errors."""

    held: Mapping[str, Any] = field(repr=False)
    path: str = ""

    def word(self, name: str, chars_max: int = WORD_CHARS_MAX) -> str:
        """A name or key: there, not empty, one line, never cut."""
        value = self.word_or(name, "", chars_max)
        if not value:
            raise self.fault(name, "is missing or empty")
        return value

    def word_or(self, name: str, otherwise: str = "", chars_max: int = WORD_CHARS_MAX) -> str:
        value = self.held.get(name)
        if value is None:
            return otherwise
        if not isinstance(value, str):
            raise self.fault(name, "must be text")
        if len(value) > chars_max:
            raise self.fault(name, f"has more than {chars_max} characters")
        if _control.search(value):
            raise self.fault(name, "has a control character")
        return value

    def number_or_word(self, name: str) -> str:
        """An id, which some senders write as a number; empty when it is not there."""
        value = self.held.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return self.word_or(name)

    def prose(self, name: str, chars_max: int = PROSE_CHARS_MAX) -> str:
        """Text for people: may be missing, is cut."""
        value = self.held.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.fault(name, "must be text")
        return cut(value, chars_max)

    def said(self, name: str, chars_max: int = PROSE_CHARS_MAX) -> str:
        """Text that a sender of alerts adds for people: whatever is none is left out, since nobody
        should miss an alert for its description."""
        value = self.held.get(name)
        return cut(value, chars_max) if isinstance(value, str) else ""

    def choice(self, name: str, kinds: type[E], otherwise: E | None = None) -> E:
        """One of an enum's values; without `otherwise` it must be there."""
        value = self.held.get(name)
        if value is None and otherwise is not None:
            return otherwise
        try:
            return kinds(value)
        except ValueError:
            known = ", ".join(str(kind.value) for kind in kinds)
            raise self.fault(name, f"must be one of {known}") from None

    def whole(self, name: str, least: int, most: int, otherwise: int | None = None) -> int:
        value = self.held.get(name)
        if value is None and otherwise is not None:
            return otherwise
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.fault(name, f"must be a whole number from {least} to {most}")
        return value

    def truth(self, name: str, otherwise: bool) -> bool:
        value = self.held.get(name)
        if value is None:
            return otherwise
        if not isinstance(value, bool):
            raise self.fault(name, "must be true or false")
        return value

    def moment(self, name: str) -> datetime | None:
        """A time with its offset. None when it is missing, null, or the year 1, which is how Go
        writes that there is none."""
        value = self.held.get(name)
        if value is None:
            return None
        at = moment(value) if isinstance(value, str) else None
        if at is None and value != _NEVER:
            raise self.fault(name, "must be a time such as 2026-01-31T12:00:00Z")
        return at

    def unix(self, name: str) -> datetime:
        """Seconds since 1970, which must be there."""
        return datetime.fromtimestamp(self.whole(name, 0, _SECONDS_MAX), UTC)

    def object(self, name: str) -> Fields:
        value = self.held.get(name)
        if not isinstance(value, dict):
            raise self.fault(name, "is missing" if value is None else "must be an object")
        return Fields(value, self._at(name))

    def object_or_empty(self, name: str) -> Fields:
        return Fields({}, self._at(name)) if self.held.get(name) is None else self.object(name)

    def objects(self, name: str, at_most: int) -> list[Fields]:
        """The first `at_most` objects of a list; whoever must not lose any compares lengths."""
        return list(self._each_object(name, at_most))

    def length(self, name: str) -> int:
        value = self.held.get(name)
        return len(value) if isinstance(value, list) else 0

    def labels(self, name: str) -> dict[str, str]:
        """An object of texts, as monitoring systems have them. Values are cut."""
        held = self.object_or_empty(name).held
        if len(held) > LABELS_MAX:
            raise self.fault(name, f"has more than {LABELS_MAX} entries")
        if not all(isinstance(value, str) for value in held.values()):
            raise self.fault(name, "must be an object of texts")
        if any(len(key) > KEY_CHARS_MAX for key in held):
            raise self.fault(name, f"has a name of more than {KEY_CHARS_MAX} characters")
        return {clean(key): cut(value) for key, value in held.items()}

    def tree(self, name: str) -> Any:
        """Any JSON, within the bounds of depth, values and names; texts are cut. None when it is
        not there."""
        try:
            return _Pruner().copy(self.held.get(name), 1)
        except ValueError as fault:
            raise self.fault(name, str(fault)) from None

    def plain(self, *names: str) -> dict[str, Any]:
        """Those of the fields that are text, numbers or truths, for a sender's documents that are
        larger than what flows need of them. Whatever else stands there is left out."""
        found = {name: self.held.get(name) for name in names if len(name) <= KEY_CHARS_MAX}
        return {
            clean(name): cut(value) if isinstance(value, str) else value
            for name, value in found.items()
            if isinstance(value, str | int | float)
        }

    def links(self, name: str) -> tuple[Link, ...]:
        """A list of {href, text}; each must be a web address."""
        if self.length(name) > LINKS_MAX:
            raise self.fault(name, f"has more than {LINKS_MAX} entries")
        return tuple(each.link("href") for each in self._each_object(name, LINKS_MAX))

    def link(self, name: str) -> Link:
        href = self.word(name, HREF_CHARS_MAX)
        if not is_web_address(href):
            raise self.fault(name, "must be a web address")
        return Link(href, self.prose("text", TITLE_CHARS_MAX))

    def only(self, known: Iterable[str]) -> None:
        """For what is our own format: a field that is not known is a typing error."""
        known = sorted(known)
        unknown = sorted(name for name in self.held if name not in known)
        if unknown:
            shown = f"`{unknown[0]}`" if _plain_name.fullmatch(unknown[0]) else "A field"
            raise MalformedEvent(f"{shown} is not known here. The fields are {', '.join(known)}.")

    def fault(self, name: str, what: str) -> MalformedEvent:
        """The error to raise for a field; `what` never shows what stood there."""
        return MalformedEvent(f"`{self._at(name)}` {what}.")

    def _each_object(self, name: str, at_most: int) -> Iterator[Fields]:
        value = self.held.get(name)
        if value is None:
            return
        if not isinstance(value, list):
            raise self.fault(name, "must be a list")
        for place, each in enumerate(value[:at_most]):
            where = f"{self._at(name)}[{place}]"
            if not isinstance(each, dict):
                raise self.fault(f"{name}[{place}]", "must be an object")
            yield Fields(each, where)

    def _at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name


def document(body: bytes) -> Any:
    """JSON (RFC 8259), whatever its declared type. Raises MalformedEvent; what stood there is not
    shown. Not-a-number and infinity are no JSON."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        raise MalformedEvent(f"The body is not JSON (at character {fault.pos}).") from None


def fields(body: bytes) -> Fields:
    """The body as one JSON object."""
    held = document(body)
    if not isinstance(held, dict):
        raise MalformedEvent("Send one JSON object.")
    return Fields(held)


def moment(text: str) -> datetime | None:
    """An RFC 3339 time with its offset, in UTC; nanoseconds are cut to microseconds. None when it is
    none, or is no time of ours."""
    found = _time.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    micros = int((found[7] or "0").ljust(9, "0")[:6])
    try:
        offset = (
            timedelta() if found[8] else timedelta(hours=int(found[10]), minutes=int(found[11]))
        )
        zone = timezone(-offset if found[9] == "-" else offset)
        at = datetime(year, month, day, hour, minute, second, micros, zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if at.year >= 1970 else None


def clean(text: str) -> str:
    """NUL is legal in JSON and in no database's text."""
    return text.replace("\x00", "\ufffd")


def cut(text: str, chars_max: int = PROSE_CHARS_MAX) -> str:
    text = clean(text)
    return text if len(text) <= chars_max else text[: chars_max - 1] + "…"


def is_web_address(text: str) -> bool:
    return text.startswith(("https://", "http://")) and not re.search(r"\s", text)


def web_links(*named: tuple[str, Any]) -> tuple[Link, ...]:
    """Those of a sender's own addresses that are some. The rest is left out: a page about an alert
    is not worth the alert."""
    return tuple(
        Link(href, text)
        for text, href in named
        if isinstance(href, str) and len(href) <= HREF_CHARS_MAX and is_web_address(href)
    )


@dataclass(slots=True)
class _Pruner:
    """Copies JSON and counts. Raises ValueError with what is too much."""

    nodes: int = 0

    def copy(self, value: Any, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > NODES_MAX:
            raise ValueError(f"has more than {NODES_MAX} values")
        if isinstance(value, str):
            return cut(value, STRING_CHARS_MAX)
        if not isinstance(value, dict | list):
            return value
        if depth > DEPTH_MAX:
            raise ValueError(f"is more than {DEPTH_MAX} levels deep")
        if isinstance(value, list):
            return [self.copy(each, depth + 1) for each in value]
        if any(len(key) > KEY_CHARS_MAX for key in value):
            raise ValueError(f"has a name of more than {KEY_CHARS_MAX} characters")
        return {clean(key): self.copy(each, depth + 1) for key, each in value.items()}
