"""Problems of a configuration, in an operator's words: `path: expected …, got …`. All of them are
gathered before any is reported. A value is shown only where it can be no secret (P9)."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ringfence.config.mask import MASK, masked
from ringfence.config.source import kind_of
from ringfence.model.errors import ConfigInvalid

SHOWN_CHARS_MAX = 60
NAMED_MAX = 20
MISSING = object()


class Problems:
    """Gathers problems; `path` is a dotted path with list positions in brackets."""

    def __init__(self) -> None:
        self._found: list[tuple[str, str]] = []

    def add(self, path: str, expected: str, value: Any = MISSING, *, got: str = "") -> None:
        """A bad value: what was expected and, masked, what was there."""
        shown = got or shown_value(path, value)
        self._note(path or "(file)", f"expected {expected}, got {shown}")

    def unknown(self, path: str, name: str, known: Iterable[str]) -> None:
        """An unknown key: never its value, and the nearest known key."""
        near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        self._note(path, f"expected a known key, got an unknown one{hint}")

    def no_such(self, path: str, what: str, name: str, known: Iterable[str]) -> None:
        """A name that nothing has: what there is instead, and the nearest of it."""
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        listed = ", ".join(names[:NAMED_MAX]) + (" …" if len(names) > NAMED_MAX else "")
        self.add(path, f"the name of {what} ({listed or 'none is configured'}){hint}", name)

    def refuse(self, path: str, why: str) -> None:
        """A value whose fault takes more words than what was expected. `why` shows no secret."""
        self._note(path, why)

    def hand_over(self, other: Problems, places: Mapping[str, str]) -> None:
        """Give these problems to `other`, each key named by where it stands (a variable, say)."""
        for path, text in self._found:
            key = path if path in places else re.split(r"[.\[]", path, maxsplit=1)[0]
            other._note(places.get(key, key) + path[len(key) :], text)

    def _note(self, path: str, text: str) -> None:
        """Once each: accounts that inherit a bad value do not repeat it."""
        if (path, text) not in self._found:
            self._found.append((path, text))

    def raise_if_any(self) -> None:
        """Raises ConfigInvalid with every problem."""
        if self._found:
            raise ConfigInvalid(tuple(f"{path}: {text}" for path, text in self._found))

    def __bool__(self) -> bool:
        return bool(self._found)


def shown_value(path: str, value: Any) -> str:
    """A value as a problem may show it: its kind for objects and lists, the masked value else."""
    if value is MISSING:
        return "nothing"
    if isinstance(value, dict | list) or value is None:
        return kind_of(value)
    keys = tuple(path.replace("[", ".").split("."))
    safe = masked(value, keys)
    if safe == MASK:
        return f"{kind_of(value)} ({MASK})"
    text = json.dumps(safe, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN_CHARS_MAX else text[:SHOWN_CHARS_MAX] + "…"


def join_path(*parts: str | int) -> str:
    """`("a", "b", 0)` as `a.b[0]`; empty parts are left out."""
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part:
            path += f".{part}" if path else part
    return path
