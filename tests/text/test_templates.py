"""A template's text is the operator's; a value brings in what its field's kind allows and no more."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ringfence.model.draft import Category
from ringfence.model.errors import InvalidField
from ringfence.model.template import Field, FieldKind, Template, template_digest
from ringfence.text.fields import line_fault, links
from ringfence.text.reply_words import reply_words
from ringfence.text.segments import count
from ringfence.text.templates import choose_language, render

TEXT = Field(FieldKind.TEXT, max_length=30)


def template(text: str = "Hello {name}, see you.", **changes: Any) -> Template:
    values: dict[str, Any] = {
        "name": "visit",
        "version": 1,
        "category": Category.TRANSACTIONAL,
        "texts": {"en": text},
        "language": "en",
        "fields": {"name": TEXT},
        **changes,
    }
    return Template(**values)


def one(kind: FieldKind, value: object, language: str = "en", **limits: Any) -> str:
    """What stands in the text for one value."""
    made = template(
        "<{it}>",
        texts={"en": "<{it}>", "de": "<{it}>", "es-MX": "<{it}>", "fr": "<{it}>"},
        fields={"it": Field(kind, **limits)},
        hosts=("example.com",),
    )
    return render(made, language, {"it": value}).removeprefix("<").removesuffix(">")


@pytest.mark.parametrize(
    ("kind", "value", "limits", "written"),
    [
        (FieldKind.TEXT, "Anna-Lena O'Neill", {}, "Anna-Lena O'Neill"),
        (FieldKind.TEXT, "Zoë & Søn", {}, "Zoë & Søn"),
        (FieldKind.TEXT, "نعمت\u200cالله", {}, "نعمت\u200cالله"),
        (FieldKind.TEXT, "渡辺 さん", {}, "渡辺 さん"),
        (FieldKind.TEXT, "flat 4, 10:30 a.m.", {}, "flat 4, 10:30 a.m."),
        (FieldKind.TEXT, "A17", {"pattern": "[A-Z][0-9]+"}, "A17"),
        (FieldKind.INTEGER, 12, {}, "12"),
        (FieldKind.INTEGER, "12", {}, "12"),
        (FieldKind.INTEGER, "-3", {"minimum": Decimal(-5)}, "-3"),
        (FieldKind.AMOUNT, "12.5", {}, "12.50"),
        (FieldKind.AMOUNT, 12.5, {}, "12.50"),
        (FieldKind.AMOUNT, 12, {}, "12.00"),
        (FieldKind.AMOUNT, 0.1, {}, "0.10"),
        (FieldKind.AMOUNT, "-0", {}, "0.00"),
        (FieldKind.AMOUNT, "7", {"decimals": 0}, "7"),
        (FieldKind.DATE, "2028-02-29", {}, "2028-02-29"),
        (FieldKind.TIME, "00:00", {}, "00:00"),
        (FieldKind.TIME, "23:59", {}, "23:59"),
        (FieldKind.CODE, "K7-204", {}, "K7-204"),
        (FieldKind.CODE, 4711, {}, "4711"),
        (FieldKind.CHOICE, "late", {"choices": ("late", "lost")}, "late"),
        (FieldKind.PHONE, "+15555550123", {}, "+15555550123"),
        (FieldKind.URL, "https://example.com/a?b=1", {}, "https://example.com/a?b=1"),
        (FieldKind.URL, "https://www.example.com:8443/", {}, "https://www.example.com:8443/"),
    ],
)
def test_a_good_value_stands_in_the_text(
    kind: FieldKind, value: object, limits: dict[str, Any], written: str
) -> None:
    assert one(kind, value, **limits) == written


BAD_LINES = [
    "a\nb",
    "a\rb",
    "a\u2028b",
    "a\x0bb",
    "a\tb",
    "a\x00b",
    "a\x1bb",
    "a\u202eb",
    "a\u2066b",
    "a\u200bb",
    "a\u200db",
    "a\ufeffb",
    "a\u00adb",
    "a\u00a0b",
    "a\u3164b",
    "a\U000e0041b",
    "a\ud800",
    "Z\u0335\u0336\u0337\u0338\u0334a",
    " a",
    "a ",
    "a  b",
    "",
    " ",
    "<b>a</b>",
    "*a*",
    "`a`",
    "{name}",
    "{",
    "}",
    "[a](b)",
    "a|b",
    "\uff5bname\uff5d",
    "https://x.example",
    "HTTP://x",
    "www.x",
    "evil.com",
    "evil\uff0ecom",
    "evil\u3002com",
    "evil\uff61com",
    "xn--e1afmkfd.xn--p1ai",
    "пример.рф",
    "a@b.co",
    "mailto:a",
    "tel:5",
    "10.0.0.1",
    "bit.ly/3x",
    "+1 555 555 0123",
    "(555) 555-0123",
    "5555550123",
    "\uff15\uff15\uff15\uff15\uff15\uff15\uff10\uff11",
    "x" * 31,
    7,
    None,
    True,
    ["a"],
    {"a": 1},
]


@pytest.mark.proves("P2")
@pytest.mark.parametrize("value", BAD_LINES, ids=ascii)
def test_a_text_field_takes_one_plain_line(value: object) -> None:
    with pytest.raises(InvalidField, match="`name`"):
        render(template(), "en", {"name": value})


@pytest.mark.parametrize(
    ("kind", "value", "limits"),
    [
        *((FieldKind.INTEGER, bad, {}) for bad in ("", "1.0", "01", "+1", "1e3", "١", "1 0", 1.0, True, None, "x")),
        (FieldKind.INTEGER, 11, {"maximum": Decimal(10)}),
        (FieldKind.INTEGER, -1, {}),
        *((FieldKind.AMOUNT, bad, {}) for bad in ("", "1,5", "1.234", "nan", "inf", "1e3", ".5", "5.", True, 1e300, float("nan"), 0.1 + 0.2)),
        (FieldKind.AMOUNT, "0.99", {"minimum": Decimal(1)}),
        (FieldKind.AMOUNT, "1.5", {"decimals": 0}),
        *((FieldKind.DATE, bad, {}) for bad in ("2027-02-29", "2027-2-1", "20270201", "01/02/2027", "tomorrow", 20270201, "٢٠٢٧-٠١-٠١")),
        *((FieldKind.TIME, bad, {}) for bad in ("24:00", "9:00", "09:60", "0900", "09:00:00", "9am", 9)),
        *((FieldKind.CODE, bad, {}) for bad in ("a b", "a.b", "-a", "a\n", "", "STOP", "yes", "End", "help", "a" * 41, 1.5, True)),
        (FieldKind.CODE, "abc", {"pattern": "[0-9]+"}),
        *((FieldKind.CHOICE, bad, {"choices": ("late", "lost")}) for bad in ("Late", "", "late ", 0, None, "early")),
        *((FieldKind.PHONE, bad, {}) for bad in ("5555550123", "+1 555 555 0123", "+0555555012", "+1555555012345678", "", "tel:+15555550123", "+15555550123\n")),
        *(
            (FieldKind.URL, bad, {"max_length": 80})
            for bad in (
                "http://example.com/",
                "https://evil.example/",
                "https://example.com.evil.example/",
                "https://example.com@evil.example/",
                "https://evil.example/#example.com",
                "https://notexample.com/",
                "https://EXAMPLE.com/",
                "https://example.com\\@evil.example/",
                "https://example.com/a b",
                "https://example.com/\n",
                "https://exämple.com/",
                "https://example.com/{name}",
                "https://example.com/" + "a" * 80,
                "example.com",
                "javascript:alert(1)",
                "//example.com/",
                "https://user:pw@example.com/",
                "https://example.com:99999999/",
                5,
            )
        ),
    ],
    ids=ascii,
)  # fmt: skip
def test_a_value_of_another_kind_is_refused_by_the_fields_name(
    kind: FieldKind, value: object, limits: dict[str, Any]
) -> None:
    with pytest.raises(InvalidField, match="`it`"):
        one(kind, value, **limits)


@pytest.mark.parametrize(
    ("language", "amount", "day"),
    [
        ("en", "1234.50", "2026-12-24"),
        ("de", "1234,50", "24.12.2026"),
        ("de-AT", "1234,50", "24.12.2026"),
        ("fr", "1234,50", "24/12/2026"),
        ("es-MX", "1234.50", "24/12/2026"),
        ("ja", "1234.50", "2026-12-24"),
    ],
)
def test_numbers_and_days_are_written_as_the_language_does(
    language: str, amount: str, day: str
) -> None:
    assert one(FieldKind.AMOUNT, "1234.5", language) == amount
    assert one(FieldKind.DATE, "2026-12-24", language) == day


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [("de", "de"), ("DE", "de"), ("de-AT", "de"), ("es-MX", "es-MX"), ("es_mx", "es-MX"),
     ("es", "en"), ("es-ES", "en"), ("", "en"), ("ru", "en")],
)  # fmt: skip
def test_a_missing_language_falls_back(wanted: str, chosen: str) -> None:
    texts = {"en": "Hi {name}", "de": "Hallo {name}", "es-MX": "Hola {name}"}
    made = template(texts=texts)
    assert choose_language(made, wanted) == chosen
    assert render(made, wanted, {"name": "Bo"}) == texts[chosen].format(name="Bo")


def test_a_choice_is_said_in_the_language() -> None:
    status = Field(FieldKind.CHOICE, choices=("late", "lost"), labels={"de": {"late": "verspätet"}})
    texts = {"en": "It is {s}", "de": "Es ist {s}"}
    made = template(texts=texts, fields={"s": status})
    assert render(made, "en", {"s": "late"}) == "It is late"
    assert render(made, "de-CH", {"s": "late"}) == "Es ist verspätet"
    assert render(made, "de", {"s": "lost"}) == "Es ist lost"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "`name` is missing"),
        ({"name": "Bo", "text": "x"}, "`text` is no field of visit@1"),
        ({"name": "Bo", "name ": "x"}, "`name ` is no field"),
        ({"name": "Bo", "": "x"}, "`` is no field"),
    ],
)
def test_unknown_and_missing_fields_are_named(values: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidField, match=re.escape(said)):
        render(template(), "en", values)


@pytest.mark.parametrize(
    ("text", "given", "rendered"),
    [
        ("Hi {name}, hello.", {}, "Hi, hello."),
        ("Hi {name}!", {}, "Hi!"),
        ("{name} hello", {}, "hello"),
        ("a {name} b", {}, "a b"),
        ("a\n{name}", {}, "a"),
        ("a\n{name} b", {}, "a\nb"),
        ("a\n\n{name}\n\nb", {}, "a\n\nb"),
        ("Hi {name}, hello.", {"name": ""}, "Hi, hello."),
        ("Hi {name}, hello.", {"name": None}, "Hi, hello."),
        ("Hi {name}, hello.", {"name": "Bo"}, "Hi Bo, hello."),
    ],
)
def test_an_optional_field_leaves_no_gap(text: str, given: dict[str, Any], rendered: str) -> None:
    made = template(text, fields={"name": Field(FieldKind.TEXT, optional=True)})
    assert render(made, "en", given) == rendered


def test_an_optional_field_has_a_default() -> None:
    made = template(fields={"name": Field(FieldKind.TEXT, optional=True, default="there")})
    assert render(made, "en", {}) == "Hello there, see you."


@pytest.mark.proves("P2")
@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("Go to {a}.com now", {"a": "evil"}),
        ("Go to www.{a} now", {"a": "evil"}),
        ("Go to {a}{b} now", {"a": "evil.c", "b": "om"}),
        ("Go to {a}.{b} now", {"a": "evil", "b": "com"}),
        ("example.com is ours, {a}.com is not", {"a": "evil"}),
        ("https://example.com/{a}", {"a": "login"}),
        ("Reply {a} to confirm", {"a": "YES"}),
        ("Reply {a} to confirm", {"a": "stop"}),
        ("Please reply. {a}", {"a": "Text STOP to win"}),
        ("Reply {a}{b}", {"a": "ST", "b": "OP"}),
    ],
)
def test_values_and_text_make_nothing_together(text: str, values: dict[str, Any]) -> None:
    made = template(text, fields=dict.fromkeys(values, TEXT), hosts=("example.com",))
    with pytest.raises(InvalidField, match=r"`[ab]`"):
        render(made, "en", values)


def test_a_code_may_be_part_of_an_operators_link() -> None:
    made = template(
        "See https://example.com/t/{it}.",
        fields={"it": Field(FieldKind.CODE)},
        hosts=("example.com",),
    )
    assert render(made, "en", {"it": "K7"}) == "See https://example.com/t/K7."


def test_a_text_over_its_segments_is_refused() -> None:
    made = template("{name} " + "a" * 140, fields={"name": TEXT}, segments_max=1)
    assert render(made, "en", {"name": "a" * 19})
    with pytest.raises(InvalidField, match="2 segments"):
        render(made, "en", {"name": "a" * 20})
    with pytest.raises(InvalidField, match="3 segments"):
        render(made, "en", {"name": "ж"})


PIECES = st.sampled_from(
    ["{name}", "{", "}", "{{", "a", "Bo", " ", "  ", "\n", "\r\n", "\u2028", "\u202e", "\u200b", ".", "com",
     "www", "://", "https", "evil.com", "STOP", "Reply", "YES", "5555550123", "@", "<", ">", "ж", "é", "😀", "/",
     "\uff0e", "\u3002", "{code}", "%s", "{0}", "$", ",", "!", "1", "-"]
)  # fmt: skip
VALUES = st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=8).map("".join))
PARTS = template(
    "Dear {name}: {thing} ({code}) is at {place}. See https://example.com/t or {link}.\nBye {name}",
    fields={
        "name": Field(FieldKind.TEXT, max_length=40),
        "thing": Field(FieldKind.TEXT, max_length=40, optional=True, default="it"),
        "place": Field(FieldKind.TEXT, max_length=40, optional=True),
        "code": Field(FieldKind.CODE),
        "link": Field(FieldKind.URL, max_length=60),
    },
    hosts=("example.com",),
    segments_max=6,
)


@pytest.mark.proves("P2")
@given(name=VALUES, thing=VALUES, place=VALUES, code=VALUES)
@example(name="{thing}", thing="x", place="", code="A1")
@example(name="Bo", thing="it", place="", code="A1")
@example(name="0 .", thing="", place="", code="A1")
@example(name="HTTPS", thing="", place="", code="A1")
@example(name="a\nb", thing="x", place="y", code="A1")
def test_no_value_smuggles_anything(name: str, thing: str, place: str, code: str) -> None:
    values = {"name": name, "thing": thing, "place": place, "code": code or "A1"}
    try:
        text = render(PARTS, "en", {**values, "link": "https://example.com/x"})
    except InvalidField as refused:
        said = refused.detail
        if not re.match(r"`(name|thing|place|code)` ", said):
            pytest.fail(said)
        return
    assert text.count("\n") == 1
    assert not re.search(r"[{}]", text)
    assert {link.strip(".") for link in links(text)} == {
        "https://example.com/t",
        "https://example.com/x",
    }
    assert not [found for found in reply_words(text) if found.is_error]
    assert all(sign.isprintable() or sign in "\n\u200c\u200d" for sign in text)
    assert count(text).segments <= 6
    assert name in text
    assert name == name.strip()


@given(
    st.dictionaries(
        st.text(max_size=6), st.one_of(st.text(max_size=6), st.integers(), st.none()), max_size=4
    )
)
def test_a_render_is_complete_or_refused(values: dict[str, Any]) -> None:
    try:
        text = render(template(), "en", values)
    except InvalidField:
        return
    assert set(values) == {"name"}
    assert text == f"Hello {values['name']}, see you."


@given(st.text(max_size=60))
def test_a_line_without_fault_is_harmless(text: str) -> None:
    if not line_fault(text):
        assert links(text) == []
        assert len(text.splitlines()) <= 1


def test_the_digest_is_of_what_a_person_reads() -> None:
    same = template_digest(template())
    assert same == template_digest(template(version=2, name="other", meaning="x", sender="y"))
    for changed in (
        template("Hello {name}, see you!"),
        template(texts={"en": "Hello {name}, see you.", "de": "Hallo {name}"}),
        template(category=Category.MARKETING),
        template(programme="news"),
        template(hosts=("example.com",)),
        template(fields={"name": Field(FieldKind.TEXT, max_length=31)}),
        template(fields={"name": Field(FieldKind.CODE, max_length=30)}),
    ):
        assert template_digest(changed) != same
