"""Whether a flow fills in its template: fields that are missing, that the template does not have, and
literals that no text could take. Values of events are judged when they come; nothing is rendered."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from ringfence.config.problems import Problems
from ringfence.delivery.flow import scalar
from ringfence.model.errors import InvalidField
from ringfence.model.event import Event
from ringfence.model.template import Field, Template
from ringfence.text.condition_terms import Literal, Operand
from ringfence.text.fields import value_text

NO_EVENT: Final = Event("", "", "", datetime.min.replace(tzinfo=UTC))
"""Literals are the same in every event, this one too."""


def check_fields(
    template: Template, fields: Mapping[str, Operand | None], path: str, problems: Problems
) -> None:
    """`fields` as the flow fills them in, None for one that could not be read."""
    for name, operand in fields.items():
        place = f"{path}.{name}"
        if name not in template.fields:
            near = difflib.get_close_matches(name, list(template.fields), n=1)
            hint = f'; did you mean "{near[0]}"?' if near else ""
            known = ", ".join(template.fields) or "it has none"
            problems.add(
                place, f"a field of the template {template.name} ({known}){hint}", got="another"
            )
        elif isinstance(operand, Literal):
            _check_literal(template, name, operand, place, problems)
    for name, field in template.fields.items():
        if not field.optional and name not in fields:
            problems.add(f"{path}.{name}", f"a value, which the template {template.name} needs")


def _check_literal(
    template: Template, name: str, operand: Literal, place: str, problems: Problems
) -> None:
    field: Field = template.fields[name]
    try:
        value = scalar(operand, NO_EVENT)
        if value or not field.optional:
            value_text(name, field, value, template.language, template.hosts)
    except InvalidField as error:
        problems.refuse(place, error.detail)
