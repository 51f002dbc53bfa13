"""Raw documents: reading a value by its path, and the difference of two documents as lines. What is
shown is masked; comments, which may hold old secrets, are never shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ringfence.config.edit import same
from ringfence.config.mask import is_hidden, masked
from ringfence.model.errors import ConfigInvalid

Path = tuple[str | int, ...]
ABSENT = object()
_STEP = re.compile(r"\.?([A-Za-z0-9_$][A-Za-z0-9_$-]*)|\[(\d{1,6})\]|\[\"([^\"]+)\"\]")


def read_path(text: str) -> Path:
    """`channels.sms.owners[0]` or `agents["night shift"].kind` as steps. Raises ConfigInvalid."""
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None or (at == 0 and text.startswith(".")):
            return _bad_path()
        name, index, quoted = found.groups()
        if name is not None and at > 0 and text[at] != ".":
            return _bad_path()
        steps.append(int(index) if index is not None else name or quoted)
        at = found.end()
    return tuple(steps)


def _bad_path() -> Path:
    raise ConfigInvalid(
        ("PATH: expected a path such as channels.sms.fromNumber, got another text",)
    )


def write_path(path: Path) -> str:
    """The text `read_path` reads."""
    parts = []
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif re.fullmatch(r"[A-Za-z0-9_$][A-Za-z0-9_$-]*", step):
            parts.append(f".{step}")
        else:
            parts.append(f'["{step}"]')
    return "".join(parts).removeprefix(".")


def value_at(document: Any, path: Path) -> Any:
    """The value at `path`, or ABSENT."""
    for step in path:
        document = _step_into(document, step)
    return document


def _step_into(document: Any, step: str | int) -> Any:
    match document, step:
        case dict(), str():
            return document.get(step, ABSENT)
        case list(), int() if step < len(document):
            return document[step]
        case _:
            return ABSENT


def patch_at(path: Path, value: Any) -> dict[str, Any]:
    """The merge patch that sets `path`; None removes. List positions cannot be patched."""
    if not path or any(isinstance(step, int) for step in path):
        raise ConfigInvalid(("PATH: expected a path to a key; a list is set as a whole",))
    for step in reversed(path):
        value = {str(step): value}
    patch: dict[str, Any] = value
    return patch


def shown(value: Any, path: Path = ()) -> Any:
    """A copy for an operator who asked: secrets masked, numbers in full."""
    return masked(value, tuple(str(step) for step in path), numbers=False)


def difference(before: Any, after: Any, path: Path = ()) -> Iterator[str]:
    """`- path: old` and `+ path: new` per changed value, secrets masked; a changed secret shows as
    such though both sides read the same."""
    if is_hidden(tuple(str(step) for step in path)):
        yield from _changed(before, after, path)
    elif isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            yield from difference(before.get(key, ABSENT), after.get(key, ABSENT), (*path, key))
    elif isinstance(before, dict) and before:
        for key in before:
            yield from difference(before[key], ABSENT, (*path, key))
        if after is not ABSENT:
            yield _line("+", after, path)
    elif isinstance(after, dict) and after:
        if before is not ABSENT:
            yield _line("-", before, path)
        for key in after:
            yield from difference(ABSENT, after[key], (*path, key))
    else:
        yield from _changed(before, after, path)


def _changed(before: Any, after: Any, path: Path) -> Iterator[str]:
    if before is ABSENT or after is ABSENT or not same(before, after):
        if before is not ABSENT:
            yield _line("-", before, path)
        if after is not ABSENT:
            yield _line("+", after, path)


def _line(sign: str, value: Any, path: Path) -> str:
    names = tuple(str(step) for step in path)
    note = "  (secret)" if is_hidden(names) else ""
    text = json.dumps(shown(value, path), ensure_ascii=False)
    return f"{sign} {write_path(path)}: {text}{note}"
