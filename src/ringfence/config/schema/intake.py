"""The shape of `intake`: what a line asks people. What may stand in an answer is a field as templates
have them, and its keys depend on its kind: they are checked one by one in `config.intakes`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ringfence.config.schema.base import Shape, Text, key, required
from ringfence.config.schema.templates import FieldName

ASK_LENGTH_MAX = 320


class AskShape(Shape):
    """One question, beside the keys of its kind of field (see templates)."""

    name: FieldName = required("What the answer is called, for people.")
    ask: Annotated[Text, Field(max_length=ASK_LENGTH_MAX)] = required(
        "The question, as it is sent."
    )


class IntakeShape(Shape):
    fields: list[dict[str, Any]] = key(
        "The questions in order: `name`, `ask`, `kind` and the keys of that kind of template field.",
        default="[]: nothing is asked",
        max_length=20,
    )
    acknowledge: Text = key("A template without fields that is sent first.", default="none")
    thanks: Annotated[Text, Field(max_length=ASK_LENGTH_MAX)] = key(
        "Said at the end, and when a person takes over.", default="our own words"
    )
    tries_max: Annotated[int, Field(ge=1, le=10)] = key(
        "How often a question is asked before a person takes over.", default="3"
    )
    silence_hours: Annotated[int, Field(ge=1, le=168)] = key(
        "Without an answer for so long it ends; who writes later is asked anew.", default="24"
    )
    draft: bool = key("With every answer there, the agent drafts an answer for a person to read.")
