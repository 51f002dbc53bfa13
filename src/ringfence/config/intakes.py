"""`intake` of an account: what people are asked. The fields are those of templates, each with its
question; wrong ones are problems, since a question nobody can answer would hold everybody up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from ringfence.config.checking import check
from ringfence.config.names import snake_keys
from ringfence.config.problems import Problems, join_path
from ringfence.config.schema.intake import AskShape
from ringfence.config.templates import read_fields
from ringfence.model.draft import Category
from ringfence.model.intake import IntakeField, IntakeForm
from ringfence.model.line import Line, Purpose
from ringfence.model.template import Severity, Template
from ringfence.text.template_lint import lint

_OWN_KEYS = ("name", "ask")


@dataclass(frozen=True, slots=True)
class IntakeMaker:
    """Where findings go, and the templates an intake may begin with."""

    problems: Problems
    templates: Mapping[str, Template]

    def make(self, line: Line, values: Mapping[str, Any], path: str) -> Line:
        """The line with its form, if it has one."""
        if not values.get("fields"):
            return line
        if line.purpose is not Purpose.INTAKE:
            self.problems.add(path, 'nothing, unless purpose is "intake"', got="an intake")
            return line
        fields = self._fields(values["fields"], join_path(path, "fields"))
        if fields is None:
            return line
        settings = snake_keys({key: values[key] for key in values.keys() - {"fields"}})
        if "silence_hours" in settings:
            settings["silence"] = timedelta(hours=settings.pop("silence_hours"))
        self._check_template(settings.get("acknowledge", ""), join_path(path, "acknowledge"))
        return replace(line, intake=IntakeForm(fields, **settings))

    def _fields(self, raw: list[dict[str, Any]], path: str) -> tuple[IntakeField, ...] | None:
        asked = [self._asked(one, join_path(path, at)) for at, one in enumerate(raw)]
        good = [one for one in asked if one is not None]
        names = [one.name for one in good]
        for at, name in enumerate(names):
            if name in names[:at]:
                self.problems.add(join_path(path, at, "name"), "a name of its own", name)
        return tuple(good) if len(good) == len(asked) else None

    def _asked(self, raw: dict[str, Any], path: str) -> IntakeField | None:
        own = {key: value for key, value in raw.items() if key in _OWN_KEYS}
        values, bad = check(AskShape, own, path, self.problems)
        rest = {key: value for key, value in raw.items() if key not in _OWN_KEYS}
        fields, whole = read_fields({"": rest}, path, self.problems)
        if bad or not whole or _OWN_KEYS[0] not in values:
            return None
        name, field = values["name"], fields[""]
        template = Template(
            name="intake",
            version=1,
            category=Category.CONVERSATION,
            texts=MappingProxyType({"en": f"{{{name}}}"}),
            language="en",
            fields=MappingProxyType({name: field}),
        )
        for finding in lint(template):
            if finding.severity is Severity.ERROR and finding.where.startswith("fields."):
                self.problems.refuse(path, finding.text)
        return IntakeField(name, values["ask"], field)

    def _check_template(self, name: str, path: str) -> None:
        if not name:
            return
        found = self.templates.get(name)
        if found is None:
            known = ", ".join(self.templates) or "none is configured"
            self.problems.add(path, f"the name of a template ({known})", name)
        elif any(not field.optional for field in found.fields.values()):
            self.problems.add(path, "a template without fields that must be filled in", name)
