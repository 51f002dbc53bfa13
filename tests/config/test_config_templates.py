"""Templates of the configuration: every bad value is refused by its path, the linter's errors too;
its warnings are told."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.config import Settings
from ringfence.config.problems import Problems
from ringfence.config.templates import make_templates
from ringfence.model.draft import Category
from ringfence.model.template import FieldKind

VISIT: dict[str, Any] = {
    "version": 2,
    "category": "transactional",
    "programme": "visits",
    "texts": {"en": "Hello {name}, see you on {day}.", "de": "Hallo {name}, bis {day}."},
    "fields": {"name": {"kind": "text", "maxLength": 30}, "day": {"kind": "date"}},
}


def visit(**changes: Any) -> dict[str, Any]:
    return {"templates": {"visit": {**VISIT, **changes}}}


def field(kind: str, **keys: Any) -> dict[str, Any]:
    """One field of that kind, in one text."""
    return visit(texts={"en": "It is {it}."}, fields={"it": {"kind": kind, **keys}})


def test_a_template_is_made_of_its_keys(load_good: Callable[..., Settings]) -> None:
    made = load_good(visit(hosts=["example.com"], segmentsMax=2, sender="Clinic", meaning="m"))
    [template] = made.templates.values()
    assert template.label == "visit@2"
    assert template.category is Category.TRANSACTIONAL
    assert (template.programme, template.language, template.segments_max) == ("visits", "en", 2)
    assert template.fields["name"].max_length == 30
    assert template.fields["day"].kind is FieldKind.DATE
    assert template.hosts == ("example.com",)
    assert load_good().templates == {}


def test_limits_of_fields_are_taken(load_good: Callable[..., Settings]) -> None:
    fields = {
        "count": {"kind": "integer", "min": -2, "max": 9},
        "sum": {"kind": "amount", "min": 0.5, "max": 99, "decimals": 1},
        "state": {"kind": "choice", "choices": ["late"], "labels": {"en": {"late": "delayed"}}},
        "link": {"kind": "url", "optional": True},
        "code": {"kind": "code", "pattern": "[A-Z]+", "example": "ABC"},
    }
    text = "{count} {sum} {state} {code} {link}"
    made = load_good(visit(texts={"en": text}, fields=fields, hosts=["example.com"]))
    taken = made.templates["visit"].fields
    assert (taken["count"].minimum, taken["count"].maximum) == (-2, 9)
    assert (taken["sum"].minimum, taken["sum"].decimals) == (Decimal("0.5"), 1)
    assert taken["state"].choices == ("late",)
    assert taken["state"].labels["en"]["late"] == "delayed"
    assert (taken["link"].max_length, taken["link"].optional) == (120, True)
    assert taken["code"].pattern == "[A-Z]+"


@pytest.mark.parametrize(
    ("patch", "problem"),
    [
        ({"templates": []}, "templates: expected an object, got a list"),
        ({"templates": {"visit": "Hi"}}, 'templates.visit: expected an object, got "Hi"'),
        ({"templates": {"No Name": VISIT}}, "templates.No Name: expected another name: text like ^[a-z][a-z0-9_-]{0,63}$, got that one"),
        (visit(version=None), "templates.visit.version: expected a value, got nothing"),
        (visit(version=0), "templates.visit.version: expected a number of at least 1, got 0"),
        (visit(version="2"), 'templates.visit.version: expected a whole number, got "2"'),
        (visit(category="news"), 'templates.visit.category: expected one of "conversation", "transactional", "marketing", "alert", got "news"'),
        (visit(txts={}), 'templates.visit.txts: expected a known key, got an unknown one; did you mean "texts"?'),
        (visit(texts="Hi"), 'templates.visit.texts: expected an object, got "Hi"'),
        (visit(texts={"english": "Hi"}), "templates.visit.texts.english: expected another name: text like ^[a-z]{2,3}(-[A-Z]{2})?$, got that one"),
        (visit(texts={"en": 5}), "templates.visit.texts.en: expected text, got 5"),
        (visit(segmentsMax=11), "templates.visit.segmentsMax: expected a number of at most 10, got 11"),
        (visit(hosts=["https://example.com/"]), 'templates.visit.hosts[0]: expected text like ^[a-z0-9-]+(\\.[a-z0-9-]+)+$, got "https://example.com/"'),
        (visit(language="fr"), "templates.visit.language: there is no text in fr (there are: en, de)"),
        (visit(fields={"Name": {"kind": "text"}}), "templates.visit.fields.Name: expected another name: text like ^[a-z][a-z0-9_]{0,39}$, got that one"),
        (visit(fields={"name": "text"}), 'templates.visit.fields.name: expected an object, got "text"'),
        (field("words"), 'templates.visit.fields.it.kind: expected one of "text", "integer", "amount", "date", "time", "code", "choice", "phone", "url", got "words"'),
        (visit(fields={"name": {}}), 'templates.visit.fields.name.kind: expected one of "text", "integer", "amount", "date", "time", "code", "choice", "phone", "url", got nothing'),
        (field("text", maxLength=501), "templates.visit.fields.it.maxLength: expected a number of at most 500, got 501"),
        (field("text", min=1), 'templates.visit.fields.it.min: expected a known key, got an unknown one; did you mean "meaning"?'),
        (field("date", maxLength=1), "templates.visit.fields.it.maxLength: expected a known key, got an unknown one"),
        (field("integer", max=1.5), "templates.visit.fields.it.max: expected a whole number, got 1.5"),
        (field("amount", decimals=5), "templates.visit.fields.it.decimals: expected a number of at most 4, got 5"),
        (field("choice"), "templates.visit.fields.it.choices: expected a value, got nothing"),
        (field("choice", choices=[]), "templates.visit.fields.it.choices: expected at least 1 entry, got a list"),
        (field("choice", choices=["a", 1]), "templates.visit.fields.it.choices[1]: expected text, got 1"),
        # The linter's.
        (field("integer", min=2, max=1), "templates.visit.fields.it: no value fits its limits"),
        (field("text", pattern="("), "templates.visit.fields.it.pattern: it is no regular expression: missing ), unterminated subpattern at position 0"),
        (field("url"), "templates.visit.hosts: {it} takes addresses; name the hosts they may lead to"),
        (visit(texts={"en": "Hello {name} on {date}."}), "templates.visit.texts.en: {date} is no field; declare it under fields"),
        (visit(texts={"en": "Hello {name}", "de": "Hallo {name}"}), "templates.visit.fields.day: no text has {day}; remove the field or use it"),
        (visit(texts={"en": "Hello {name} on {day}", "de": "Hallo {name}"}), "templates.visit.texts.de: {day} is missing here and stands in en"),
        (visit(texts={"en": "{name}, {day}: reply YES to confirm"}), "templates.visit.texts.en: it asks for YES as an answer: carriers take it for an opt-in, and people say it to everything"),
        (visit(texts={"en": "{name}, {day}: see bit.example/3"}), "templates.visit.texts.en: bit.example/3 is on none of the template's hosts; name it there"),
        (visit(category="marketing"), "templates.visit.sender: marketing must say who writes; name the sender"),
    ],
)  # fmt: skip
def test_bad_values_are_refused_by_their_path(
    problems_of: Callable[..., tuple[str, ...]], patch: dict[str, Any], problem: str
) -> None:
    found = problems_of(patch)
    assert problem in found
    at = problem.partition(": ")[0]
    assert all(one.startswith(("templates", at)) for one in found)


def test_all_problems_of_all_templates_come_at_once(
    problems_of: Callable[..., tuple[str, ...]],
) -> None:
    one = {**VISIT, "category": "news"}
    other = {**VISIT, "texts": {"en": "Hello {nme}"}}
    found = problems_of({"templates": {"one": one, "other": other}, "logging": {"level": "loud"}})
    assert {line.partition(":")[0] for line in found} >= {
        "templates.one.category",
        "templates.other.texts.en",
        "logging.level",
    }


@pytest.mark.proves("C12")
def test_reserved_reply_words_keep_a_configuration_from_loading(
    problems_of: Callable[..., tuple[str, ...]],
) -> None:
    [problem] = problems_of(
        visit(texts={"de": "{name}, {day}: Antworten Sie mit STOPP zum Bestätigen."})
    )
    assert problem.startswith("templates.visit.texts.de: it asks for STOPP as an answer")


def test_warnings_are_told(load_good: Callable[..., Settings]) -> None:
    made = load_good(visit(sender="Clinic"))
    told = [warning for warning in made.warnings if warning.startswith("templates.")]
    assert told == [
        "templates.visit.texts.en: it does not name Clinic",
        "templates.visit.texts.de: it does not name Clinic",
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=8)
    | st.sampled_from(["text", "choice", "url", "en", "{a}", "reply STOP", "marketing"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["version", "category", "texts", "fields", "kind", "a", "en", "choices", "hosts", "min", "x"]),
        inner,
        max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from(["a", "b"]), st.dictionaries(st.text(max_size=9), JSON), max_size=2
    )
)
def test_any_section_is_made_or_refused(raw: dict[str, Any]) -> None:
    """Nothing but problems comes of nonsense."""
    problems = Problems()
    made = make_templates(raw, problems, [])
    assert problems or len(made) == len(raw)
