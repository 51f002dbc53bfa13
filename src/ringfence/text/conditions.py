"""The conditions of flows: a small language over an event's fields. Comparisons, `in`, `has`, `and`,
`or`, `not`, parentheses, dotted paths, literals; no code, no patterns, nothing that grows with the
square of anything. A condition that was read can be judged for every event: a field that is not there
makes its comparison false, with a reason. Reasons never show what stands in an event."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar, assert_never

from ringfence.model.errors import InvalidField
from ringfence.model.event import Event, EventAction, Severity
from ringfence.text.condition_terms import (
    CONTAINERS,
    PLAIN_STEP,
    All,
    AnyOf,
    Compare,
    Condition,
    Has,
    Literal,
    Literals,
    Not,
    Operand,
    Path,
    Within,
    kind,
    same,
    show,
    shown,
)

CHARS_MAX = 2_000
DEPTH_MAX = 20
TERMS_MAX = 100
LIST_MAX = 100
STEPS_MAX = 12
NUMBER_CHARS_MAX = 30

# What a path may begin with: the fields of an event that a flow may ask for.
ROOTS: Final = (
    *("id", "source", "type", "action", "severity", "subject", "title", "dedupe_key", "group"),
    *("data", "attributes"),
)
# Roots with fields of their own.
_BRANCHES: Final = frozenset({"data", "attributes"})
_ORDERINGS: Final = frozenset({"<", "<=", ">", ">="})
_SEVERITY: Final = "severity"
_KNOWN: Final = {
    _SEVERITY: tuple(one.value for one in Severity),
    "action": tuple(one.value for one in EventAction),
}

_token: Final = re.compile(
    r"""[ \t\r\n]*(?:
      (?P<name>[A-Za-z_][A-Za-z0-9_-]*)
    | (?P<text>"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4})*")
    | (?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    | (?P<sign>==|!=|<=|>=|[<>().,\[\]])
    | (?P<end>\Z)
    )""",
    re.VERBOSE | re.ASCII,
)
_place: Final = re.compile(r"0|[1-9][0-9]{0,5}", re.ASCII)
_WORDS: Final = frozenset({"and", "or", "not", "in", "has", "true", "false", "null"})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Part:
    """What became of one part of a condition. `why` is given where a field was missing or of a kind
    that cannot be compared; `depth` is how far inside it stands."""

    text: str
    held: bool
    why: str = ""
    depth: int = 0


def parse(text: str) -> Condition:
    """Read a condition. Raises InvalidField, which says where and what was expected."""
    if len(text) > CHARS_MAX:
        raise InvalidField(f"A condition has at most {CHARS_MAX} characters; this has {len(text)}.")
    return _Reader(text).whole()


def parse_operand(text: str) -> Operand:
    """Read one field of an event (`data.name`) or one literal (`"Acme"`). Raises InvalidField."""
    if len(text) > CHARS_MAX:
        raise InvalidField(f"A field has at most {CHARS_MAX} characters; this has {len(text)}.")
    return _Reader(text).alone()


def value_of(operand: Operand, event: Event) -> Any:
    """What stands there; None where there is no such field."""
    found = _value(operand, fields_of(event))
    return None if found is _MISSING else found


def holds(condition: Condition, event: Event) -> bool:
    """Whether it is so of this event. Never raises."""
    return _judge(condition, fields_of(event), [])


def explain(condition: Condition, event: Event) -> list[Part]:
    """Every part with what became of it, the whole first, each followed by what is inside it. All
    parts are judged, so that an operator sees them all."""
    judged: list[_Judged] = []
    _judge(condition, fields_of(event), judged)
    return [Part(show(one.condition), one.held, one.why, one.depth) for one in judged]


def fields_of(event: Event) -> Mapping[str, Any]:
    """An event as conditions see it."""
    return {
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "action": event.action.value,
        "severity": event.severity.value,
        "subject": event.subject,
        "title": event.title,
        "dedupe_key": event.dedupe_key,
        "group": event.group,
        "data": event.data,
        "attributes": event.attributes,
    }


@dataclass(slots=True)
class _Judged:
    condition: Condition
    held: bool
    why: str
    depth: int


def _judge(
    condition: Condition, fields: Mapping[str, Any], judged: list[_Judged], depth: int = 0
) -> bool:
    """Whether it holds; what came of it goes to the list, before what is inside it."""
    mine = _Judged(condition, False, "", depth)
    judged.append(mine)
    match condition:
        case Compare(left, sign, right):
            mine.held, mine.why = _compared(left, sign, right, fields)
        case Within(left, right):
            mine.held, mine.why = _is_within(left, right, fields)
        case Has(path):
            value = _at(path, fields)
            mine.held = value is not None and value is not _MISSING
        case Not(term):
            mine.held = not _judge(term, fields, judged, depth + 1)
        case All(terms) | AnyOf(terms):
            verdicts = [_judge(term, fields, judged, depth + 1) for term in terms]
            mine.held = all(verdicts) if isinstance(condition, All) else any(verdicts)
        case _:
            assert_never(condition)
    return mine.held


_MISSING: Final = object()


def _value(operand: Operand, fields: Mapping[str, Any]) -> Any:
    return operand.value if isinstance(operand, Literal) else _at(operand, fields)


def _at(path: Path, fields: Mapping[str, Any]) -> Any:
    value: Any = fields
    for step in path.steps:
        if isinstance(value, Mapping):
            value = value.get(step, _MISSING)
        elif isinstance(value, list | tuple) and _place.fullmatch(step):
            value = value[int(step)] if int(step) < len(value) else _MISSING
        else:
            return _MISSING
    return value


def _compared(
    left: Operand, sign: str, right: Operand, fields: Mapping[str, Any]
) -> tuple[bool, str]:
    if why := _absent(fields, left, right):
        return False, why
    one, two = _value(left, fields), _value(right, fields)
    if sign in _ORDERINGS:
        return _ordered(left, one, sign, right, two)
    held = same(one, two) is (sign == "==")
    if one is None or two is None:
        return held, ""
    if not {kind(one), kind(two)}.isdisjoint(CONTAINERS):
        return held, "a list or an object is the same as nothing"
    return held, "" if kind(one) == kind(two) else f"{kind(one)} is never {kind(two)}"


def _absent(fields: Mapping[str, Any], *operands: Operand | Literals) -> str:
    for operand in operands:
        if isinstance(operand, Path) and _at(operand, fields) is _MISSING:
            return f"there is no {shown(operand)}"
    return ""


def _ordered(left: Operand, one: Any, sign: str, right: Operand, two: Any) -> tuple[bool, str]:
    """Numbers; and severities by how bad they are, where one side is the event's own."""
    if Path((_SEVERITY,)) in (left, right):
        one, two = _rank(one), _rank(two)
    if kind(one) != "a number" or kind(two) != "a number":
        return False, f"{kind(one)} and {kind(two)} have no order"
    match sign:
        case "<":
            return bool(one < two), ""
        case "<=":
            return bool(one <= two), ""
        case ">":
            return bool(one > two), ""
        case _:
            return bool(one >= two), ""


def _rank(value: Any) -> int | None:
    try:
        return Severity(value).rank
    except ValueError:
        return None


def _is_within(
    left: Operand, right: Operand | Literals, fields: Mapping[str, Any]
) -> tuple[bool, str]:
    if why := _absent(fields, left, right):
        return False, why
    needle = _value(left, fields)
    if isinstance(right, Literals):
        return any(same(needle, each.value) for each in right.values), ""
    hay = _value(right, fields)
    if isinstance(hay, list | tuple):
        return any(same(needle, each) for each in hay), ""
    if isinstance(hay, str) and isinstance(needle, str):
        return needle in hay, ""
    return False, f"{kind(needle)} is never in {kind(hay)}"


# Reading: one token ahead, no going back.


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._terms = 0
        self._kind = self._word = ""
        self._start = self._next = 0
        self._advance()

    def whole(self) -> Condition:
        condition = self._either(1)
        if self._kind != "end":
            raise self._error("expected `and`, `or` or the end")
        return condition

    def alone(self) -> Operand:
        operand = self._operand()
        if self._kind != "end":
            raise self._error("expected the end")
        return operand

    def _either(self, depth: int) -> Condition:
        terms = [self._both(depth)]
        while self._takes("or"):
            terms.append(self._both(depth))
        return terms[0] if len(terms) == 1 else AnyOf(tuple(terms))

    def _both(self, depth: int) -> Condition:
        terms = [self._one(depth)]
        while self._takes("and"):
            terms.append(self._one(depth))
        return terms[0] if len(terms) == 1 else All(tuple(terms))

    def _one(self, depth: int) -> Condition:
        if depth > DEPTH_MAX:
            raise self._error(f"more than {DEPTH_MAX} levels deep")
        self._terms += 1
        if self._terms > TERMS_MAX:
            raise self._error(f"more than {TERMS_MAX} parts")
        if self._takes("not"):
            return Not(self._one(depth + 1))
        if self._takes("("):
            inner = self._either(depth + 1)
            self._expect(")")
            return inner
        if self._takes("has"):
            return Has(self._path())
        return self._comparison()

    def _comparison(self) -> Condition:
        left = self._operand()
        sign, at = self._word, self._start
        if self._takes("in"):
            return self._within(left, at)
        if self._takes("not"):
            self._expect("in")
            return Not(self._within(left, at))
        if self._kind != "sign" or sign not in {*_ORDERINGS, "==", "!="}:
            raise self._error(
                "expected ==, !=, <, <=, >, >= or `in` (`has` asks whether a field is there)"
            )
        self._advance()
        right = self._operand()
        self._check(left, right, at)
        if sign in _ORDERINGS:
            self._check_order(left, right, at)
        return Compare(left, sign, right)

    def _within(self, left: Operand, at: int) -> Within:
        right = self._container()
        if isinstance(right, Literals):
            self._check(left, right, at)
        return Within(left, right)

    def _check(self, left: Operand, right: Operand | Literals, at: int) -> None:
        """A word that severity and action can never be is a typing error."""
        for field, known in _KNOWN.items():
            if Path((field,)) not in (left, right):
                continue
            listed = right.values if isinstance(right, Literals) else (left, right)
            literals = [each.value for each in listed if isinstance(each, Literal)]
            if any(value not in known for value in literals):
                raise self._error(f"{field} is one of {', '.join(known)}", at)

    def _check_order(self, left: Operand, right: Operand, at: int) -> None:
        """Text has no order here: by letters, "critical" would be less than "error"."""
        if Path((_SEVERITY,)) in (left, right):
            return
        literals = [each.value for each in (left, right) if isinstance(each, Literal)]
        if any(kind(value) != "a number" for value in literals):
            raise self._error("<, <=, > and >= compare numbers, and severity with severities", at)

    def _container(self) -> Operand | Literals:
        if not self._takes("["):
            return self._operand()
        values: list[Literal] = []
        while not self._takes("]"):
            if values:
                self._expect(",")
            if len(values) == LIST_MAX:
                raise self._error(f"a list has at most {LIST_MAX} values")
            values.append(self._literal())
        return Literals(tuple(values))

    def _operand(self) -> Operand:
        if self._kind == "name" and self._word not in _WORDS:
            return self._path()
        return self._literal()

    def _literal(self) -> Literal:
        kind, word = self._kind, self._word
        if kind == "text":
            return self._taken(Literal(self._unquoted(word)))
        if kind == "number":
            return self._taken(Literal(self._number(word)))
        if kind == "name" and word in ("true", "false", "null"):
            return self._taken(Literal({"true": True, "false": False}.get(word)))
        raise self._error(
            'expected a field, "text" in double quotes, a number, true, false or null'
        )

    def _path(self) -> Path:
        root = self._word
        if self._kind != "name" or root not in ROOTS:
            raise self._error(f"an event has {', '.join(ROOTS)}")
        self._advance()
        steps = [root]
        while self._word == "." and self._kind == "sign":
            if root not in _BRANCHES:
                raise self._error(f"{root} has no fields of its own")
            if len(steps) == STEPS_MAX:
                raise self._error(f"a path has at most {STEPS_MAX} steps")
            steps.append(self._step())
        return Path(tuple(steps))

    def _step(self) -> str:
        """What follows a dot. Read by itself: after a dot, `0.1` is two places in lists."""
        found = PLAIN_STEP.match(self._text, self._next)
        if found is not None:
            self._next = found.end()
            self._advance()
            return found[0]
        self._advance()
        if self._kind != "text":
            raise self._error("expected a field's name, in double quotes if it is not a plain word")
        return self._taken(self._unquoted(self._word))

    def _unquoted(self, word: str) -> str:
        text: str = json.loads(word)
        if any("\ud800" <= sign <= "\udfff" for sign in text):
            raise self._error("half a character (a lone surrogate)")
        return text

    def _number(self, word: str) -> int | float:
        if len(word) > NUMBER_CHARS_MAX:
            raise self._error(f"a number has at most {NUMBER_CHARS_MAX} characters")
        value: int | float = json.loads(word)
        if value in (float("inf"), float("-inf")):
            raise self._error("a number that is too large")
        return value

    def _taken(self, value: T) -> T:
        self._advance()
        return value

    def _takes(self, word: str) -> bool:
        if self._word != word or self._kind not in ("name", "sign"):
            return False
        self._advance()
        return True

    def _expect(self, word: str) -> None:
        if not self._takes(word):
            raise self._error(f"expected `{word}`")

    def _advance(self) -> None:
        found = _token.match(self._text, self._next)
        if found is None:
            blank = len(self._text[self._next :]) - len(self._text[self._next :].lstrip())
            self._start = self._next + blank
            raise self._error("nothing of a condition begins like this")
        self._kind = found.lastgroup or ""
        self._start, self._next = found.span(self._kind)
        self._word = found[self._kind]

    def _error(self, what: str, at: int | None = None) -> InvalidField:
        place = (self._start if at is None else at) + 1
        return InvalidField(f"Character {place} of the condition: {what}.")
