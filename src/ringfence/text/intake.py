"""Answers to an intake's questions: read for their kind, refused with words a person understands, and
summed up for people. It must never guess: what does not fit is asked again."""

from __future__ import annotations

import re
from typing import Final, assert_never

from ringfence.model.errors import InvalidField
from ringfence.model.intake import Intake, IntakeField, IntakeForm
from ringfence.model.template import Field, FieldKind
from ringfence.text.fields import value_text

SKIP: Final = "skip"
_SKIPPED: Final = frozenset({SKIP, "-", "none", "n/a"})
_number_marks: Final = re.compile(r"[\s().\-/]")
SUMMARY_LENGTH_MAX: Final = 1_200
ANSWER_SHOWN_MAX: Final = 300


def read_answer(asked: IntakeField, body: str) -> str:
    """The value in an answer; empty where an optional question is skipped. Raises InvalidField with
    words for the person who answered."""
    text = " ".join(body.split())
    field = asked.field
    if field.optional and text.casefold().rstrip(".!") in _SKIPPED:
        return ""
    try:
        return value_text(asked.name, field, _prepared(field, text), "en")
    except InvalidField:
        raise InvalidField(hint(field)) from None


def question(asked: IntakeField, hint_first: str = "") -> str:
    """What the person reads: after an answer that does not fit, what would."""
    skippable = " (Reply SKIP to leave it out.)" if asked.field.optional else ""
    return f"{hint_first} {asked.ask}{skippable}".strip()


def hint(field: Field) -> str:
    """What an answer must be, in words for whoever gave another."""
    match field.kind:
        case FieldKind.TEXT:
            most = field.max_length
            return f"Please answer in plain words, up to {most} characters, without links or numbers to call."
        case FieldKind.INTEGER:
            return f"Please answer with a whole number from {field.minimum:f} to {field.maximum:f}."
        case FieldKind.AMOUNT:
            return "Please answer with an amount such as 12.50."
        case FieldKind.DATE:
            return "Please answer with a day written like 2026-12-24."
        case FieldKind.TIME:
            return "Please answer with a time from 00:00 to 23:59."
        case FieldKind.CODE:
            return "Please answer with letters, digits and hyphens only."
        case FieldKind.CHOICE:
            return f"Please answer with one of these: {', '.join(field.choices)}."
        case FieldKind.PHONE:
            return "Please answer with a phone number that begins with + and the country code."
        case FieldKind.URL:
            return "Please answer with a web address that begins with https."
        case _:
            assert_never(field.kind)


def summary(form: IntakeForm, intake: Intake) -> str:
    """What was collected, for people: each answer quoted on a line of its own, in the order asked."""
    lines = [f"{one.name}: {_shown(intake, one.name)}" for one in form.fields]
    text = "\n".join(lines)
    return text if len(text) <= SUMMARY_LENGTH_MAX else text[: SUMMARY_LENGTH_MAX - 1] + "…"


def _shown(intake: Intake, name: str) -> str:
    if name not in intake.answers:
        return "(not asked)" if name != intake.asked else "(no answer)"
    value = intake.answers[name].replace('"', "'")
    if not value:
        return "(skipped)"
    return f'"{value}"' if len(value) <= ANSWER_SHOWN_MAX else f'"{value[:ANSWER_SHOWN_MAX]}…"'


def _prepared(field: Field, text: str) -> str:
    """What people write for the same thing: any case of a choice, or its place; marks in a number."""
    match field.kind:
        case FieldKind.CHOICE:
            return _chosen(field, text)
        case FieldKind.PHONE:
            return _number_marks.sub("", text)
        case FieldKind.INTEGER | FieldKind.AMOUNT | FieldKind.DATE | FieldKind.TIME:
            return text.rstrip(".!")
        case _:
            return text


def _chosen(field: Field, text: str) -> str:
    said = text.casefold().rstrip(".!")
    for at, choice in enumerate(field.choices, start=1):
        if said in (choice.casefold(), str(at)):
            return choice
    return text
