"""Changes a JSON5 text by a JSON merge patch (RFC 7396) and touches nothing else: a changed value's
own characters are replaced, a removed key goes with its line, a new key is put before the closing
brace with the file's own indentation. Comments outside replaced and removed values stay."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ringfence.config.source import parse
from ringfence.config.spans import LINE_ENDS, Member, ScanFailed, Value, scan
from ringfence.model.errors import ConfigError

LINE_CHARS_MAX = 80
_PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*\Z")


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396 section 2: null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def edit(text: str, patch: Mapping[str, Any]) -> str:
    """`text` after `patch`. Raises ConfigError rather than give back anything but the intended
    result; `text` itself must be a JSON5 object without repeated keys."""
    before = parse(text)
    wanted = merge_patch(before, dict(patch))
    try:
        root, _ = scan(text)
    except ScanFailed:
        raise ConfigError("This file is written in a way that cannot be edited safely.") from None
    editor = _Editor(text)
    editor.change(root, before, patch)
    after = editor.result()
    if not same(parse(after), wanted):
        raise ConfigError("The edit would not have given the intended result; nothing was changed.")
    return after


def same(one: Any, other: Any) -> bool:
    """Equal as documents: true is not 1, and NaN is itself."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and bool(one == other)


@dataclass(slots=True)
class _Editor:
    """Collects replacements of spans, then writes the text once."""

    text: str
    edits: list[tuple[int, int, str]] = field(default_factory=list)

    @property
    def newline(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"

    def result(self) -> str:
        """Deleted characters are left out; what is put in stays even where its place is deleted."""
        kept = bytearray(b"\x01") * len(self.text)
        put: dict[int, str] = {}
        for start, end, new in self.edits:
            kept[start:end] = bytes(end - start)
            put[start] = put.get(start, "") + new
        parts = [
            put.get(at, "") + (char if at < len(kept) and kept[at] else "")
            for at, char in enumerate(self.text + " ")
        ]
        return "".join(parts)

    def change(self, value: Value, before: Mapping[str, Any], patch: Mapping[str, Any]) -> None:
        """Bring the object at `value`, which reads as `before`, to merge_patch(before, patch)."""
        added: dict[str, Any] = {}
        removed: set[str] = set()
        for key, new in patch.items():
            member = value.member(key)
            if member is None:
                if new is not None:
                    added[key] = merge_patch(None, new)
            elif new is None:
                removed.add(key)
            elif isinstance(new, dict) and isinstance(before[key], dict):
                self.change(member.value, before[key], new)
            else:
                self._replace(member, before[key], merge_patch(None, new))
        members = value.members or ()
        for member in members:
            if member.name in removed:
                self._remove(member)
        if added:
            self._insert(value, [m for m in members if m.name not in removed], added)

    def _replace(self, member: Member, old: Any, new: Any) -> None:
        if not same(old, new):
            indent = self._indent_at(member.start)
            written = self._written(new, indent)
            self.edits.append((member.value.start, member.value.end, written))

    def _remove(self, member: Member) -> None:
        """The member and its comma; the whole line when nothing else stands on it."""
        start, end = member.start, member.value.end
        if member.comma is not None:
            if self.text[end : member.comma].strip():
                self.edits.append((member.comma, member.comma + 1, ""))
            else:
                end = member.comma + 1
        line = self.text.rfind("\n", 0, start) + 1
        if line > 0 and not self.text[line:start].strip():
            end += len(re.compile(r"[ \t]*").findall(self.text, end)[0])
            if self.text.startswith(("\n", "\r\n"), end):
                # The break before it goes, not the one behind: what is put in there has its line.
                start = line - (2 if self.text[line - 2 : line] == "\r\n" else 1)
        self.edits.append((start, end, ""))

    def _insert(self, value: Value, kept: list[Member], added: Mapping[str, Any]) -> None:
        """New members behind the last one and behind any comment there."""
        inside = self.text[value.start + 1 : value.end - 1]
        at = value.start + 1 + len(inside.rstrip())
        last = (value.members or (None,))[-1]
        trailing = last is not None and last.comma is not None
        if kept and kept[-1] is last and last.comma is None:
            self.edits.append((last.value.end, last.value.end, ","))
        several_lines = any(char in inside for char in LINE_ENDS)
        if kept and not several_lines:
            written = [
                self._member(key, new, self._indent_at(value.start)) for key, new in added.items()
            ]
            self.edits.append((at, at, " " + ", ".join(written)))
            return
        indent = self._member_indent(value)
        lines = [indent + self._member(key, new, indent) for key, new in added.items()]
        block = self.newline + ("," + self.newline).join(lines)
        if trailing or not kept:
            block += ","
        if several_lines:
            self.edits.append((at, at, block))
        else:
            closing = self.newline + self._indent_at(value.start)
            self.edits.append((at, value.end - 1, block + closing))

    def _member_indent(self, value: Value) -> str:
        """As the first member that begins a line; else one step deeper than the brace's line."""
        for member in value.members or ():
            line = self.text.rfind("\n", 0, member.start) + 1
            if line > value.start and not self.text[line : member.start].strip():
                return self.text[line : member.start]
        return self._indent_at(value.start) + self._step()

    def _step(self) -> str:
        """The file's own indentation: its first indented line's, else two spaces."""
        found = re.search(r"^([ \t]+)[^\s/*]", self.text, re.MULTILINE)
        return found[1] if found and len(found[1]) <= 8 else "  "

    def _indent_at(self, offset: int) -> str:
        line = self.text.rfind("\n", 0, offset) + 1
        found = re.compile(r"[ \t]*").match(self.text, line)
        return found[0] if found else ""

    # -- writing values -------------------------------------------------------------------------

    def _member(self, key: str, value: Any, indent: str) -> str:
        name = key if _PLAIN_KEY.match(key) else _text(key)
        return f"{name}: {self._written(value, indent)}"

    def _written(self, value: Any, indent: str) -> str:
        """A value as text; objects over several lines, lists too when they are long."""
        deeper = indent + self._step()
        if isinstance(value, dict) and value:
            lines = [deeper + self._member(key, item, deeper) for key, item in value.items()]
            return self._block("{", lines, "}", indent)
        if isinstance(value, list) and value:
            flat = "[" + ", ".join(self._written(item, deeper) for item in value) + "]"
            if "\n" not in flat and len(flat) <= LINE_CHARS_MAX:
                return flat
            lines = [deeper + self._written(item, deeper) for item in value]
            return self._block("[", lines, "]", indent)
        return _scalar(value)

    def _block(self, opening: str, lines: list[str], closing: str, indent: str) -> str:
        inner = f",{self.newline}".join(lines)
        return f"{opening}{self.newline}{inner},{self.newline}{indent}{closing}"


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return json.dumps(value)


def _text(value: str) -> str:
    """A JSON string; the two line separators JSON allows bare are escaped for editors' sake."""
    quoted = json.dumps(value, ensure_ascii=False)
    return quoted.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
