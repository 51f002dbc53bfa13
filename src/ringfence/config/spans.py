"""Where the values of a JSON5 text stand (json5.org, spec 1.0): positions only, so that an edit can
touch one value and leave every other character, comments above all, as it was. Reading values is
the JSON5 library's work; this scanner is checked against it after every edit."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

DEPTH_MAX = 32
LINE_ENDS = "\n\r\u2028\u2029"


class ScanFailed(ValueError):
    """The text is not JSON5 as this scanner knows it; `offset` says where."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        super().__init__(f"offset {offset}")


@dataclass(frozen=True, slots=True)
class Value:
    """A value's place: `text[start:end]`. An object has members, a list has items."""

    start: int
    end: int
    members: tuple[Member, ...] | None = None
    items: tuple[Value, ...] | None = None

    def member(self, name: str) -> Member | None:
        return next((m for m in self.members or () if m.name == name), None)


@dataclass(frozen=True, slots=True)
class Member:
    """`key: value` and, when there is one, the comma behind it."""

    name: str
    start: int
    value: Value
    comma: int | None


@dataclass(slots=True)
class Scanner:
    """One pass over one text."""

    text: str
    at: int = 0
    comments: list[tuple[int, int]] = field(default_factory=list)

    def document(self) -> Value:
        """The root value and, in `comments`, every comment. Raises ScanFailed."""
        self._skip()
        value = self._value(0)
        self._skip()
        if self.at != len(self.text):
            raise ScanFailed(self.at)
        return value

    def _peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def _skip(self) -> None:
        """White space (JSON5 section 8) and comments (section 7)."""
        while char := self._peek():
            if char in "\t\n\v\f\r \u00a0\ufeff\u2028\u2029" or unicodedata.category(char) == "Zs":
                self.at += 1
            elif self.text.startswith("//", self.at):
                self._comment(next(self._line_ends(self.at), len(self.text)))
            elif self.text.startswith("/*", self.at):
                end = self.text.find("*/", self.at + 2)
                if end < 0:
                    raise ScanFailed(self.at)
                self._comment(end + 2)
            else:
                return

    def _line_ends(self, start: int) -> Iterator[int]:
        return (at for at in range(start, len(self.text)) if self.text[at] in LINE_ENDS)

    def _comment(self, end: int) -> None:
        self.comments.append((self.at, end))
        self.at = end

    def _value(self, depth: int) -> Value:
        if depth > DEPTH_MAX:
            raise ScanFailed(self.at)
        start = self.at
        match self._peek():
            case "{":
                members = self._members(depth)
                return Value(start, self.at, members=members)
            case "[":
                items = self._items(depth)
                return Value(start, self.at, items=items)
            case '"' | "'":
                self._string()
            case _:
                self._word()
        return Value(start, self.at)

    def _members(self, depth: int) -> tuple[Member, ...]:
        members = []
        self.at += 1
        self._skip()
        while self._peek() != "}":
            start = self.at
            self._string() if self._peek() in ("'", '"') else self._word()
            name = _name(self.text[start : self.at], start)
            self._skip()
            if self._peek() != ":":
                raise ScanFailed(self.at)
            self.at += 1
            self._skip()
            value = self._value(depth + 1)
            members.append(Member(name, start, value, self._comma("}")))
        self.at += 1
        return tuple(members)

    def _items(self, depth: int) -> tuple[Value, ...]:
        items = []
        self.at += 1
        self._skip()
        while self._peek() != "]":
            items.append(self._value(depth + 1))
            self._comma("]")
        self.at += 1
        return tuple(items)

    def _comma(self, closing: str) -> int | None:
        """Step over the comma behind an entry; only the last entry may have none."""
        self._skip()
        if self._peek() == ",":
            self.at += 1
            comma = self.at - 1
            self._skip()
            return comma
        if self._peek() != closing:
            raise ScanFailed(self.at)
        return None

    def _string(self) -> None:
        quote = self._peek()
        self.at += 1
        while (char := self._peek()) != quote:
            if not char:
                raise ScanFailed(self.at)
            self.at += 2 if char == "\\" else 1
        self.at += 1

    def _word(self) -> None:
        """An identifier, a number or a literal: up to whatever must end it."""
        start = self.at
        while (char := self._peek()) and char not in ",:]}[{\"'/" and not self._is_space(char):
            self.at += 1
        if self.at == start:
            raise ScanFailed(self.at)

    @staticmethod
    def _is_space(char: str) -> bool:
        return char in "\t\n\v\f\r \u00a0\ufeff\u2028\u2029" or unicodedata.category(char) == "Zs"


def _name(raw: str, start: int) -> str:
    """A key as the JSON5 library reads it: quotes and escapes undone."""
    if raw.replace("_", "a").replace("$", "a").isalnum():
        return raw
    import pyjson5

    try:
        return str(next(iter(pyjson5.decode("{" + raw + ":0}"))))
    except (pyjson5.Json5DecoderException, StopIteration):
        raise ScanFailed(start) from None


def scan(text: str) -> tuple[Value, list[tuple[int, int]]]:
    """The root value and the spans of all comments. Raises ScanFailed."""
    scanner = Scanner(text)
    value = scanner.document()
    return value, scanner.comments


def repeated_keys(value: Value, path: str = "") -> Iterator[tuple[str, int]]:
    """Keys written twice in one object, as path and offset: readers keep the last and say nothing."""
    seen: set[str] = set()
    for member in value.members or ():
        here = f"{path}.{member.name}" if path else member.name
        if member.name in seen:
            yield here, member.start
        seen.add(member.name)
        yield from repeated_keys(member.value, here)
    for index, item in enumerate(value.items or ()):
        yield from repeated_keys(item, f"{path}[{index}]")
