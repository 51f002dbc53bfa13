"""How the values of a decision become plain JSON values and come back: only what differs from its
default is written, so that a record stays small and a field added later has its default in old
ones. Knows dataclasses, enums, times, tuples of text and mappings of those; nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
_REQUIRED: Any = object()
_AS_IT_IS = frozenset({str, bool, int, float, NoneType})


def to_record(value: Any) -> dict[str, Any]:
    """A dataclass's fields that are not at their defaults, by name; nested ones likewise."""
    record: dict[str, Any] = {}
    for name, default in _defaults(type(value)):  # type: ignore[arg-type]
        held = getattr(value, name)
        # Identity first: most fields hold the very object that is their default.
        if held is not default and held != default:
            record[name] = held if type(held) in _AS_IT_IS else plain(held)
    return record


def from_record(kind: type[T], record: Mapping[str, Any]) -> T:
    """The reverse. Raises ValueError, KeyError or TypeError for a record that is not of `kind`."""
    readers = _readers(kind)  # type: ignore[arg-type]
    unknown = record.keys() - readers.keys()
    if unknown:
        raise KeyError(f"{kind.__name__} has no {sorted(unknown)[0]}")
    return kind(**{name: readers[name](raw) for name, raw in record.items()})


def plain(value: Any) -> Any:
    """A value of a dataclass as JSON has it."""
    if type(value) in _AS_IT_IS:
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple | frozenset):
        items = [plain(item) for item in value]
        return sorted(items) if isinstance(value, frozenset) else items
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return to_record(value) if dataclasses.is_dataclass(value) else value


@cache
def _defaults(kind: type[Any]) -> tuple[tuple[str, Any], ...]:
    found = []
    for entry in dataclasses.fields(kind):
        default = entry.default
        if entry.default_factory is not dataclasses.MISSING:
            default = entry.default_factory()
        found.append((entry.name, _REQUIRED if default is dataclasses.MISSING else default))
    return tuple(found)


@cache
def _readers(kind: type[Any]) -> dict[str, Callable[[Any], Any]]:
    hints = get_type_hints(kind)
    return {entry.name: _reader(hints[entry.name]) for entry in dataclasses.fields(kind)}


def _reader(hint: Any) -> Callable[[Any], Any]:
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        (inner,) = (arm for arm in get_args(hint) if arm is not NoneType)
        read = _reader(inner)
        return lambda raw: None if raw is None else read(raw)
    if origin in (tuple, frozenset):
        read = _reader(get_args(hint)[0])
        return lambda raw: origin(read(item) for item in raw)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        read = _reader(get_args(hint)[1])
        return lambda raw: {key: read(item) for key, item in raw.items()}
    if dataclasses.is_dataclass(hint):
        return lambda raw: from_record(hint, raw)  # type: ignore[arg-type]
    if hint is datetime:
        return datetime.fromisoformat
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    return lambda raw: raw
