"""Answers "what is set, and where?" for an operator: a value by its path, with the file and line or
the variable it comes from. Shows no secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ringfence.config.documents import ABSENT, Path, shown, value_at
from ringfence.config.environment import (
    STORE_VARIABLE,
    default_account,
    voice_account,
    voice_provider,
)
from ringfence.config.profiles import choose
from ringfence.config.source import Source, parse, read_text
from ringfence.config.spans import ScanFailed, Value, scan


@dataclass(frozen=True, slots=True)
class Found:
    """A value, masked, and its origin: `file:line`, or a variable's name."""

    value: Any
    origin: str


def look_up(source: Source, environ: Mapping[str, str], path: Path) -> Found | None:
    """What is set at `path` in the profile that runs; None when it is not set anywhere. Without a
    path, and below `profiles`, the file as it is written. Raises ConfigInvalid."""
    text = read_text(source) or "{}"
    document = parse(text, str(source.path))
    profile, problems = choose(document, environ)
    problems.raise_if_any()
    if path == ("profile",):
        origin = {"": "default", "profile": f"{source.path}:{_line(text, path)}"}
        return Found(profile.name, origin.get(profile.place, profile.place))
    value = value_at(document if path[:1] in ((), ("profiles",)) else profile.document, path)
    if value is not ABSENT:
        place = path
        if path and value_at(profile.overlay, path) is not ABSENT:
            place = ("profiles", profile.name, *path)
        return Found(shown(value, path), f"{source.path}:{_line(text, place)}")
    if path == ("store", "url") and environ.get(STORE_VARIABLE, "").strip():
        return Found(shown(environ[STORE_VARIABLE].strip(), path), STORE_VARIABLE)
    return _in_environment(profile.document, environ, path)


def _in_environment(document: Any, environ: Mapping[str, str], path: Path) -> Found | None:
    """What a variable of the default account says of its texts or calls."""
    if path[:2] == ("channels", "sms"):
        values, origins = default_account(environ)
    elif path[:2] == ("channels", "voice"):
        values, origins = voice_account(environ, voice_provider(document.get("channels", {})))
    else:
        return None
    inner = value_at(values, path[2:])
    if len(path) < 3 or inner is ABSENT:
        return None
    place = ".".join(str(step) for step in path[2:])
    return Found(shown(inner, path), origins.get(place) or origins[str(path[2])])


def _line(text: str, path: Path) -> int:
    """The line where the value at `path` begins; 1 when that cannot be told."""
    try:
        value, _ = scan(text)
    except ScanFailed:
        return 1
    for step in path:
        inner = _inside(value, step)
        if inner is None:
            break
        value = inner
    return text.count("\n", 0, value.start) + 1


def _inside(value: Value, step: str | int) -> Value | None:
    if isinstance(step, int):
        return value.items[step] if value.items and step < len(value.items) else None
    member = value.member(step)
    return member.value if member else None
