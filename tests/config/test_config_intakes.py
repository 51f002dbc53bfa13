"""`intake` of a line: questions with the fields of templates."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from ringfence.model.template import FieldKind

NAME = {"name": "name", "ask": "What is your name?", "kind": "text", "maxLength": 60}


def sms(*fields: dict[str, Any], purpose: str = "intake", **keys: Any) -> dict[str, Any]:
    intake = {"fields": list(fields), **keys}
    return {"channels": {"sms": {"purpose": purpose, "name": "Shop", "intake": intake}}}


def test_every_key_arrives(load_good: Any) -> None:
    floor = {"name": "floor", "ask": "Which floor?", "kind": "integer", "max": 9, "optional": True}
    patch = sms(NAME, floor, thanks="Bye.", triesMax=2, silenceHours=6, draft=True)
    (line,) = load_good(patch).lines
    form = line.intake
    assert [(one.name, one.ask) for one in form.fields] == [
        ("name", "What is your name?"),
        ("floor", "Which floor?"),
    ]
    assert form.fields[0].field.max_length == 60
    field = form.fields[1].field
    assert (field.kind, field.maximum, field.optional) == (FieldKind.INTEGER, Decimal(9), True)
    assert (form.thanks, form.tries_max, form.draft) == ("Bye.", 2, True)
    assert form.silence == timedelta(hours=6)


def test_without_questions_there_is_none(load_good: Any) -> None:
    assert load_good({"channels": {"sms": {"purpose": "intake"}}}).lines[0].intake is None
    assert load_good(sms()).lines[0].intake is None


@pytest.mark.parametrize(
    ("patch", "problem"),
    [
        (sms(NAME, purpose="hotline"), "sms.intake: expected nothing, unless purpose is"),
        (sms(NAME, NAME), "intake.fields[1].name: expected a name of its own"),
        (sms({"ask": "?", "kind": "text"}), "intake.fields[0].name: expected a value"),
        (sms({"name": "a", "kind": "text"}), "intake.fields[0].ask: expected a value"),
        (sms({"name": "a", "ask": "?"}), "intake.fields[0].kind: expected one of"),
        (sms({**NAME, "maxlength": 3}), "intake.fields[0].maxlength"),
        (sms({**NAME, "ask": " "}), "intake.fields[0].ask: expected text that is not empty"),
        (sms({**NAME, "pattern": "(a+)+"}), "intake.fields[0]"),
        (sms(NAME, acknowledge="nowhere"), "intake.acknowledge: expected the name of a template"),
        (sms(NAME, triesMax=0), "intake.triesMax"),
    ],
)
def test_what_is_wrong_is_told_with_its_path(
    patch: dict[str, Any], problem: str, problems_of: Any
) -> None:
    assert any(problem in one for one in problems_of(patch)), problems_of(patch)


def test_a_template_that_must_be_filled_in_acknowledges_nothing(
    problems_of: Any, load_good: Any
) -> None:
    def patch(**field: Any) -> dict[str, Any]:
        template = {
            "version": 1,
            "category": "conversation",
            "texts": {"en": "Thanks {who}"},
            "fields": {"who": {"kind": "text", **field}},
        }
        return {**sms(NAME, acknowledge="ack"), "templates": {"ack": template}}

    assert any("must be filled in" in one for one in problems_of(patch()))
    assert load_good(patch(optional=True)).lines[0].intake.acknowledge == "ack"
