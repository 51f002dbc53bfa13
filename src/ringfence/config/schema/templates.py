"""The shape of one template and of its fields. A field's keys depend on its kind, so that fields are
checked one by one in `config.templates`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from ringfence.config.schema.base import Shape, Text, key, required

Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]
FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Host = Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$", max_length=253)]
Pattern = Annotated[str, Field(max_length=200)]
Number = Annotated[float, Field(ge=-1_000_000_000_000, le=1_000_000_000_000)]
Whole = Annotated[int, Field(ge=-1_000_000_000_000, le=1_000_000_000_000)]


class TemplateShape(Shape):
    version: Annotated[int, Field(ge=1, le=1_000_000)] = required(
        "Raise it with every change of texts or fields: records name it."
    )
    category: Literal["conversation", "transactional", "marketing", "alert"] = required(
        "What it is for; consent and hours go by it."
    )
    texts: dict[Language, str] = required(
        "The text by language; `{name}` stands for a field.", max_length=50
    )
    language: Language = key(
        "Who speaks none of the languages gets this one.", default="the first of texts"
    )
    fields: dict[FieldName, dict[str, Any]] = key(
        "Fields by name; `kind` picks the keys.", max_length=30
    )
    programme: Text = key(
        "What people consented to get.", default="the line's programme", max_length=64
    )
    sender: Text = key(
        "Who writes; marketing and first messages must say it.", default="none", max_length=64
    )
    hosts: list[Host] = key(
        "Hosts its links may lead to, and what lies under them.", default="[]", max_length=20
    )
    segments_max: Annotated[int, Field(ge=1, le=10)] = key("Most segments a text may take.")
    first: bool = key("It may be the first a person gets: it must say who writes and how to stop.")
    meaning: str = key("When to use it, for whoever picks one.", max_length=400)


class FieldShape(Shape):
    """What every kind has."""

    optional: bool = key("It may be left out.")
    default: str = key("What stands there then.", max_length=200)
    example: str = key("Shown in previews.", max_length=200)
    meaning: str = key("What to fill in, for whoever does.", max_length=400)


class TextFieldShape(FieldShape):
    kind: Literal["text"] = required("One line without links, markup and odd signs.")
    max_length: Annotated[int, Field(ge=1, le=500)] = key("Most characters.")
    pattern: Pattern = key("A regular expression it must match as a whole.", default="any")


class IntegerFieldShape(FieldShape):
    kind: Literal["integer"] = required("A whole number.")
    min: Whole = key("Least.", default="0")
    max: Whole = key("Most.", default="1000000")


class AmountFieldShape(FieldShape):
    kind: Literal["amount"] = required("A decimal number, written as the language does.")
    min: Number = key("Least.", default="0")
    max: Number = key("Most.", default="1000000")
    decimals: Annotated[int, Field(ge=0, le=4)] = key("Places after the point.")


class DateFieldShape(FieldShape):
    kind: Literal["date"] = required("A day, given as 2026-12-24, written as the language does.")


class TimeFieldShape(FieldShape):
    kind: Literal["time"] = required("A time of day, 00:00 to 23:59.")


class CodeFieldShape(FieldShape):
    kind: Literal["code"] = required("Letters, digits and hyphens; no word that STOP and such are.")
    max_length: Annotated[int, Field(ge=1, le=64)] = key("Most characters.")
    pattern: Pattern = key("A regular expression it must match as a whole.", default="any")


class ChoiceFieldShape(FieldShape):
    kind: Literal["choice"] = required("One of the choices, word for word.")
    choices: list[Text] = required("What may be chosen.", min_length=1, max_length=100)
    labels: dict[Language, dict[str, Text]] = key(
        "How a choice is said in a language: `{de: {late: …}}`.", default="as it is"
    )


class PhoneFieldShape(FieldShape):
    kind: Literal["phone"] = required("A phone number, E.164.")


class UrlFieldShape(FieldShape):
    kind: Literal["url"] = required("An https address on one of the template's hosts.")
    max_length: Annotated[int, Field(ge=12, le=500)] = key("Most characters.", default="120")


FIELD_SHAPES: dict[str, type[Shape]] = {
    "text": TextFieldShape,
    "integer": IntegerFieldShape,
    "amount": AmountFieldShape,
    "date": DateFieldShape,
    "time": TimeFieldShape,
    "code": CodeFieldShape,
    "choice": ChoiceFieldShape,
    "phone": PhoneFieldShape,
    "url": UrlFieldShape,
}
