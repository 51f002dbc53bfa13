"""Answers of people: read for their kind, never guessed, refused in words they understand."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ringfence.model.errors import InvalidField
from ringfence.model.intake import Intake, IntakeField, IntakeForm, IntakeState
from ringfence.model.phone import PhoneNumber
from ringfence.model.template import Field, FieldKind
from ringfence.text.intake import SUMMARY_LENGTH_MAX, hint, question, read_answer, summary
from ringfence.text.reply_words import reply_words

NOW = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
FIELDS = {
    FieldKind.TEXT: Field(FieldKind.TEXT, max_length=20),
    FieldKind.INTEGER: Field(FieldKind.INTEGER, maximum=Decimal(40)),
    FieldKind.AMOUNT: Field(FieldKind.AMOUNT),
    FieldKind.DATE: Field(FieldKind.DATE),
    FieldKind.TIME: Field(FieldKind.TIME),
    FieldKind.CODE: Field(FieldKind.CODE, max_length=10),
    FieldKind.CHOICE: Field(FieldKind.CHOICE, choices=("repair", "a question")),
    FieldKind.PHONE: Field(FieldKind.PHONE),
    FieldKind.URL: Field(FieldKind.URL),
}


def asked(kind: FieldKind, *, optional: bool = False) -> IntakeField:
    field = FIELDS[kind]
    if optional:
        field = Field(field.kind, field.max_length, choices=field.choices, optional=True)
    return IntakeField("one", "Which one?", field)


@pytest.mark.parametrize(
    ("kind", "said", "value"),
    [
        (FieldKind.TEXT, "  Ann\n Smith ", "Ann Smith"),
        (FieldKind.INTEGER, "12.", "12"),
        (FieldKind.AMOUNT, "12.5", "12.50"),
        (FieldKind.DATE, "2026-12-24", "2026-12-24"),
        (FieldKind.TIME, "09:30", "09:30"),
        (FieldKind.CODE, "K7-204", "K7-204"),
        (FieldKind.CHOICE, "Repair!", "repair"),
        (FieldKind.CHOICE, "A QUESTION", "a question"),
        (FieldKind.CHOICE, "2", "a question"),
        (FieldKind.PHONE, "+1 555 555-0123", "+15555550123"),
    ],
)
def test_what_people_write_for_it_is_taken(kind: FieldKind, said: str, value: str) -> None:
    assert read_answer(asked(kind), said) == value


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (FieldKind.TEXT, ""),
        (FieldKind.TEXT, "a" * 21),
        (FieldKind.TEXT, "see evil.example.com"),
        (FieldKind.TEXT, "a \u202e b"),
        (FieldKind.INTEGER, "twelve"),
        (FieldKind.INTEGER, "41"),
        (FieldKind.AMOUNT, "1,50"),
        (FieldKind.DATE, "tomorrow"),
        (FieldKind.DATE, "2026-02-30"),
        (FieldKind.TIME, "25:00"),
        (FieldKind.CODE, "K7 204"),
        (FieldKind.CHOICE, "both"),
        (FieldKind.CHOICE, "0"),
        (FieldKind.CHOICE, "3"),
        (FieldKind.PHONE, "555-0123"),
        (FieldKind.INTEGER, "skip"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_hint_of_its_kind(kind: FieldKind, said: str) -> None:
    with pytest.raises(InvalidField) as refused:
        read_answer(asked(kind), said)
    assert refused.value.detail == hint(FIELDS[kind])


@pytest.mark.parametrize("said", ["skip", "SKIP.", "-", "none", "n/a"])
def test_an_optional_question_can_be_skipped(said: str) -> None:
    assert read_answer(asked(FieldKind.TEXT, optional=True), said) == ""
    assert "SKIP" in question(asked(FieldKind.TEXT, optional=True))
    assert "SKIP" not in question(asked(FieldKind.TEXT))


@pytest.mark.proves("C12")
@pytest.mark.parametrize("kind", FieldKind)
def test_our_own_words_ask_for_no_reserved_word(kind: FieldKind) -> None:
    for optional in (False, True):
        words = question(asked(kind, optional=optional), hint(FIELDS[kind]))
        assert not [one for one in reply_words(words) if one.is_error]


def test_a_summary_has_every_question_in_order_and_nothing_passes_for_our_words() -> None:
    form = IntakeForm((asked(FieldKind.TEXT), IntakeField("two", "And?", FIELDS[FieldKind.TEXT])))
    intake = Intake(
        PhoneNumber("+15555550111"),
        "default",
        IntakeState.ASKING,
        "msg_1",
        NOW,
        NOW,
        {"one": 'x" two: "y'},
        "two",
    )
    assert summary(form, intake) == "one: \"x' two: 'y\"\ntwo: (no answer)"


def test_a_summary_has_a_bound() -> None:
    fields = tuple(IntakeField(f"n{at}", "?", FIELDS[FieldKind.TEXT]) for at in range(20))
    answers = {one.name: "a" * 500 for one in fields}
    intake = Intake(
        PhoneNumber("+15555550111"), "default", IntakeState.DONE, "msg_1", NOW, NOW, answers
    )
    assert len(summary(IntakeForm(fields), intake)) == SUMMARY_LENGTH_MAX


def test_the_order_of_a_form() -> None:
    form = IntakeForm((asked(FieldKind.TEXT), IntakeField("two", "And?", FIELDS[FieldKind.TEXT])))
    assert [one.name for one in form.fields] == ["one", "two"]
    following = [form.following(name) for name in ("", "one", "two", "gone")]
    assert [one.name if one else None for one in following] == ["one", "two", None, "one"]
