"""The conditions of flows: what they say, where they say that something is wrong, and that no event
can make judging one fail."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ringfence.model.errors import InvalidField
from ringfence.model.event import Event, EventAction, Severity
from ringfence.text.condition_terms import (
    All,
    AnyOf,
    Compare,
    Condition,
    Has,
    Literal,
    Literals,
    Not,
    Path,
    Within,
    show,
)
from ringfence.text.conditions import (
    CHARS_MAX,
    DEPTH_MAX,
    LIST_MAX,
    ROOTS,
    STEPS_MAX,
    TERMS_MAX,
    Part,
    explain,
    holds,
    parse,
)

EVENT = Event(
    id="evt_1Example",
    source="stripe",
    type="invoice.payment_failed",
    at=datetime(2026, 11, 21, 12, tzinfo=UTC),
    severity=Severity.ERROR,
    action=EventAction.TRIGGER,
    subject="in_1Example",
    title="Payment of 12.50 failed",
    data={
        "invoice": {"amount": 1250, "rate": 0.25, "paid": False, "memo": None, "number": "A-7"},
        "tags": ["vip", 7, True],
        "lines": [{"sku": "cable"}, {"sku": "rope"}],
        "ping time": "1500ms",
        "in": 1,
    },
    attributes={"livemode": True},
    dedupe_key="in_1Example",
    group="billing",
)


@pytest.mark.parametrize(
    ("condition", "held"),
    [
        ('type == "invoice.payment_failed"', True),
        ('type == "invoice.paid"', False),
        ('type != "invoice.paid"', True),
        ('source == "stripe" and action == "trigger"', True),
        ('subject == dedupe_key and id != "" and group == "billing"', True),
        ("data.invoice.amount == 1250", True),
        ("data.invoice.amount == 1250.0", True),
        ("data.invoice.amount >= 1250 and data.invoice.amount <= 1250", True),
        ("data.invoice.amount > 1250", False),
        ("data.invoice.amount < 1250", False),
        ("1000 < data.invoice.amount", True),
        ("data.invoice.rate < 1e0", True),
        ("data.invoice.rate > -2.5", True),
        ("data.invoice.amount > data.invoice.rate", True),
        ("data.invoice.paid == false", True),
        ("data.invoice.paid == 0", False),
        ("attributes.livemode == true", True),
        ("attributes.livemode == 1", False),
        ("data.invoice.memo == null", True),
        ("data.invoice.amount != null", True),
        ('data.invoice.amount == "1250"', False),
        ('data.invoice.amount != "1250"', True),
        ('data."ping time" == "1500ms"', True),
        ("data.in == 1", True),
        ('data.lines.1.sku == "rope"', True),
        ('data.lines.2.sku == "rope"', False),
        ('data.lines.01 == "rope"', None),
        ('data."lines"."1"."sku" == "rope"', True),
        ('data.lines."01".sku == "rope"', False),
        ('"vip" in data.tags', True),
        ("7 in data.tags", True),
        ("1 in data.tags", False),
        ("true in data.tags", True),
        ('"failed" in title', True),
        ('"Failed" in title', False),
        ('"" in title', True),
        ("7 in title", False),
        ('"amount" in data.invoice', False),
        ('severity in ["critical", "error"]', True),
        ('severity not in ["critical", "error"]', False),
        ("data.invoice.amount in [1, 1250, null]", True),
        ("data.invoice.memo in [null]", True),
        ("data.invoice.paid in []", False),
        ("has data.invoice.amount", True),
        ("has data.invoice.memo", False),
        ("has data.nothing", False),
        ("has data", True),
        ("not has data.nothing", True),
        ('severity >= "warning"', True),
        ('severity > "error"', False),
        ('severity < "critical"', True),
        ('"info" <= severity', True),
        ("data.invoice == data.invoice", False),
        ("data.invoice != data.invoice", True),
        ('data.tags == "vip"', False),
        # A field that is not there: no comparison holds, neither way.
        ("data.nothing == 1", False),
        ("data.nothing != 1", False),
        ("data.nothing < 1", False),
        ("data.nothing == null", False),
        ("data.nothing in [1]", False),
        ("data.nothing not in [1]", True),
        ("data.invoice.amount.deeper == 1", False),
        ("not data.nothing == 1", True),
        # What has no order has none either way.
        ("data.invoice.number < 5", False),
        ("data.invoice.number >= 5", False),
        ("data.invoice.paid < 5", False),
        # `not` binds tightest, then `and`, then `or`.
        ('type == "x" and type == "x" or source == "stripe"', True),
        ('type == "x" and (type == "x" or source == "stripe")', False),
        ('not type == "x" and source == "stripe"', True),
        ('not (type == "x" or source == "stripe")', False),
        ("not not has data", True),
        ("  (\n\t(has data)\r) ", True),
    ],
)
def test_what_a_condition_says(condition: str, held: bool | None) -> None:
    if held is None:
        with pytest.raises(InvalidField):
            parse(condition)
        return
    assert holds(parse(condition), EVENT) is held


@pytest.mark.parametrize(
    ("condition", "place", "says"),
    [
        ("", 1, "expected a field"),
        ("   ", 4, "expected a field"),
        ("type", 5, "expected =="),
        ('type = "x"', 6, "begins like this"),
        ("type == 'x'", 9, "begins like this"),
        ('type == "x', 9, "begins like this"),
        ('type == "a\nb"', 9, "begins like this"),
        ('type == "\\x41"', 9, "begins like this"),
        ("type == x", 9, "an event has id"),
        ("type == data.", 14, "expected a field's name"),
        ("typ == 1", 1, "an event has id"),
        ("has typ", 5, "an event has id"),
        ("has 5", 5, "an event has id"),
        ("type.x == 1", 5, "no fields of its own"),
        ("data. x == 1", 7, "expected a field's name"),
        ('(type == "x"', 13, "expected `)`"),
        ('type == "x")', 12, "expected `and`"),
        ('type == "x" type == "y"', 13, "expected `and`"),
        ('and type == "x"', 1, "expected a field"),
        ("data.a == 01", 12, "expected `and`"),
        ("data.a == 1.", 12, "expected `and`"),
        ("data.a == +1", 11, "begins like this"),
        ("data.a == 1e999", 11, "too large"),
        (f"data.a == {'9' * 31}", 11, "at most 30"),
        ("data.a == 0x10", 12, "expected `and`"),
        ('data.a == "\\ud800"', 11, "surrogate"),
        ("data.a in [1,,2]", 14, "expected a field"),
        ("data.a in [1 2]", 14, "expected `,`"),
        ("data.a in [data.b]", 12, "expected a field"),
        ("data.a in [1", 13, "expected `,`"),
        ("data.a not 5", 12, "expected `in`"),
        ('data.a > "b"', 8, "compare numbers"),
        ("data.a > true", 8, "compare numbers"),
        ('type < "b"', 6, "compare numbers"),
        ('severity > "bad"', 10, "severity is one of critical"),
        ('severity == "Error"', 10, "severity is one of critical"),
        ('severity in ["error", "hgih"]', 10, "severity is one of critical"),
        ("severity >= 2", 10, "severity is one of critical"),
        ('action != "triger"', 8, "action is one of trigger"),
        ("data.a == 1; type == 2", 12, "begins like this"),
        ("__import__ == 1", 1, "an event has id"),
        ("data.a() == 1", 7, "expected =="),
    ],
)
def test_a_wrong_condition_says_where_and_what(condition: str, place: int, says: str) -> None:
    with pytest.raises(InvalidField) as caught:
        parse(condition)
    assert caught.value.detail.startswith(f"Character {place} of the condition: ")
    assert says in caught.value.detail


@pytest.mark.proves("P10")
@pytest.mark.parametrize(
    ("fits", "too_much"),
    [
        (f'type == "{"x" * (CHARS_MAX - 10)}"', f'type == "{"x" * (CHARS_MAX - 9)}"'),
        ("not " * (DEPTH_MAX - 1) + "has data", "not " * DEPTH_MAX + "has data"),
        (
            "(" * (DEPTH_MAX - 1) + "has data" + ")" * (DEPTH_MAX - 1),
            "(" * DEPTH_MAX + "has data" + ")" * DEPTH_MAX,
        ),
        (" or ".join(["has data"] * TERMS_MAX), " or ".join(["has data"] * (TERMS_MAX + 1))),
        (f"data.a in [{','.join('1' * LIST_MAX)}]", f"data.a in [{','.join('1' * LIST_MAX)},1]"),
        ("has data" + ".a" * (STEPS_MAX - 1), "has data" + ".a" * STEPS_MAX),
    ],
    ids=["characters", "depth", "brackets", "parts", "list", "steps"],
)
def test_everything_is_bounded(fits: str, too_much: str) -> None:
    parse(fits)
    with pytest.raises(InvalidField):
        parse(too_much)


def test_an_explanation_shows_every_part_from_the_top() -> None:
    condition = parse(
        'type == "x" or (data.invoice.amount >= 1000 and not has data.nothing) or data.gone == 1'
    )
    assert explain(condition, EVENT) == [
        Part(show(condition), True),
        Part('type == "x"', False, "", 1),
        Part("data.invoice.amount >= 1000 and not has data.nothing", True, "", 1),
        Part("data.invoice.amount >= 1000", True, "", 2),
        Part("not has data.nothing", True, "", 2),
        Part("has data.nothing", False, "", 3),
        Part("data.gone == 1", False, "there is no data.gone", 1),
    ]


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("data.gone == 1", "there is no data.gone"),
        ("1 in data.gone", "there is no data.gone"),
        ('data.invoice.amount == "1250"', "a number is never text"),
        ("attributes.livemode == 1", "a truth is never a number"),
        ("data.invoice.number < 5", "text and a number have no order"),
        ("data.invoice.memo < 5", "null and a number have no order"),
        ("7 in title", "a number is never in text"),
        ('"a" in data.invoice', "text is never in an object"),
        ("data.tags == 1", "a list or an object is the same as nothing"),
    ],
)
def test_a_reason_says_kinds(condition: str, why: str) -> None:
    assert explain(parse(condition), EVENT)[0].why == why


@pytest.mark.proves("P9")
def test_a_reason_never_shows_what_stands_in_an_event() -> None:
    event = replace(EVENT, data={"phone": "+15555550123", "who": {"name": "Ms Example"}})
    asked = [
        "data.phone < 5",
        "data.phone == 5",
        "5 in data.phone",
        "data.who == 1",
        "data.who in []",
    ]
    parts = [part for each in asked for part in explain(parse(each), event)]
    assert not any("5555" in f"{p.text}{p.why}" or "Example" in f"{p.text}{p.why}" for p in parts)


SCALARS = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=8)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
LITERALS = st.builds(Literal, SCALARS | NUMBERS)
STEPS = st.text(max_size=6) | st.sampled_from(["a", "b", "0", "1", "in", "not", "x-y", "007"])
PATHS = st.sampled_from(ROOTS).flatmap(
    lambda root: (
        st.lists(STEPS, max_size=3).map(lambda steps: Path((root, *steps)))
        if root in ("data", "attributes")
        else st.just(Path((root,)))
    )
)
FREE = PATHS.filter(lambda path: path.steps[0] not in ("severity", "action"))
LEAVES: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Compare, FREE | LITERALS, st.sampled_from(["==", "!="]), FREE | LITERALS),
    st.builds(
        Compare,
        FREE | st.builds(Literal, NUMBERS | st.integers(-99, 99)),
        st.sampled_from(["<", "<=", ">", ">="]),
        FREE,
    ),
    st.builds(
        Compare,
        st.just(Path(("severity",))),
        st.sampled_from(["==", "<", ">="]),
        st.sampled_from([Literal(one.value) for one in Severity]),
    ),
    st.builds(Within, FREE | LITERALS, FREE | st.builds(Literal, st.text(max_size=5))),
    st.builds(Within, FREE, st.builds(Literals, st.lists(LITERALS, max_size=3).map(tuple))),
    st.builds(Has, PATHS),
)


def _compound(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.builds(Not, inner) | st.builds(All, several) | st.builds(AnyOf, several)


CONDITIONS = st.recursive(LEAVES, _compound, max_leaves=8)
JSON = st.recursive(
    SCALARS | NUMBERS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "0", "in", "x-y"]), inner, max_size=3)
    ),
    max_leaves=10,
)
EVENTS = st.builds(
    lambda data, extra, severity: replace(EVENT, data=data, attributes=extra, severity=severity),
    st.dictionaries(st.sampled_from(["a", "b", "0", "in", "not"]), JSON, max_size=4),
    st.dictionaries(st.sampled_from(["a", "b"]), JSON, max_size=2),
    st.sampled_from(Severity),
)


@given(CONDITIONS)
def test_what_is_shown_reads_as_the_same_condition(condition: Condition) -> None:
    text = show(condition)
    assume(len(text) <= CHARS_MAX)
    assert parse(text) == condition
    assert show(parse(text)) == text


@given(CONDITIONS, EVENTS)
def test_judging_never_fails_and_the_explanation_agrees(condition: Condition, event: Event) -> None:
    parts = explain(condition, event)
    assert parts[0] == Part(show(condition), holds(condition, event), parts[0].why)
    assert holds(Not(condition), event) is not parts[0].held


@given(st.text(max_size=60) | st.text('()[]<>=!.,"\\ andortypdxhas01e-', max_size=60))
def test_any_text_is_a_condition_or_an_error_with_a_place(text: str) -> None:
    try:
        condition = parse(text)
    except InvalidField as error:
        if not error.detail.startswith("Character "):
            raise
    else:
        assert parse(show(condition)) == condition


@given(JSON)
def test_a_field_equals_itself_unless_it_is_a_container(value: Any) -> None:
    event = replace(EVENT, data={"a": value})
    assert holds(parse("data.a == data.a"), event) is not isinstance(value, dict | list)
