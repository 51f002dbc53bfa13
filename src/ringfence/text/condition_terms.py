"""What a condition is made of, how its values compare, and how it is written out. Terms are values:
they know nothing of events, and writing one out and reading that gives the same term."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, assert_never

PLAIN_STEP: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*|0|[1-9][0-9]{0,5}", re.ASCII)
CONTAINERS: Final = frozenset({"a list", "an object"})

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Path:
    """Where a value stands: `data.invoice.amount`, `data.lines.0`, `data."ping time"`."""

    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Literal:
    """A value an operator wrote. Two are the same only when their kinds are: 1 is not true."""

    value: Scalar

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literal) and same(self.value, other.value)

    def __hash__(self) -> int:
        return hash((kind(self.value), self.value))


@dataclass(frozen=True, slots=True)
class Literals:
    """A list an operator wrote."""

    values: tuple[Literal, ...]


Operand = Path | Literal


@dataclass(frozen=True, slots=True)
class Compare:
    left: Operand
    sign: str
    right: Operand


@dataclass(frozen=True, slots=True)
class Within:
    """`in`: one of a list, or a part of a text."""

    left: Operand
    right: Operand | Literals


@dataclass(frozen=True, slots=True)
class Has:
    """There is such a field, and it is not null."""

    path: Path


@dataclass(frozen=True, slots=True)
class Not:
    term: Condition


@dataclass(frozen=True, slots=True)
class All:
    terms: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    terms: tuple[Condition, ...]


Condition = Compare | Within | Has | Not | All | AnyOf


def show(condition: Condition) -> str:
    """The condition in its one spelling; reading that gives the same condition."""
    match condition:
        case Compare(left, sign, right):
            return f"{shown(left)} {sign} {shown(right)}"
        case Within(left, right):
            return f"{shown(left)} in {shown(right)}"
        case Has(path):
            return f"has {shown(path)}"
        case Not(term):
            return f"not {_bracketed(term, (All, AnyOf))}"
        case All(terms):
            return " and ".join(_bracketed(term, (All, AnyOf)) for term in terms)
        case AnyOf(terms):
            return " or ".join(_bracketed(term, (AnyOf,)) for term in terms)
        case _:
            assert_never(condition)


def same(one: Any, two: Any) -> bool:
    """The same kind and value. Lists and objects are compared with nothing: an event could make
    them as deep as it likes."""
    return kind(one) == kind(two) and kind(one) not in CONTAINERS and bool(one == two)


def kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a truth"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "an object" if isinstance(value, Mapping) else "a list"


def shown(operand: Operand | Literals) -> str:
    match operand:
        case Path(steps):
            return ".".join(s if PLAIN_STEP.fullmatch(s) else _quoted(s) for s in steps)
        case Literal(value):
            return _quoted(value)
        case Literals(values):
            return f"[{', '.join(shown(value) for value in values)}]"
        case _:
            assert_never(operand)


def _quoted(value: Scalar) -> str:
    return json.dumps(value, ensure_ascii=False)


def _bracketed(condition: Condition, kinds: tuple[type, ...]) -> str:
    text = show(condition)
    return f"({text})" if isinstance(condition, kinds) else text
