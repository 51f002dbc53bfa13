"""Templates of the configuration: keys by their shapes, then the linter's word on each. A template
with an error keeps the whole configuration from loading; a warning is told."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from ringfence.config.checking import check, pick
from ringfence.config.names import snake_keys
from ringfence.config.problems import Problems, join_path
from ringfence.config.schema.templates import FIELD_SHAPES, TemplateShape
from ringfence.model.draft import Category
from ringfence.model.template import Field, FieldKind, Severity, Template
from ringfence.text.template_lint import lint

URL_LENGTH_MAX = 120


def make_templates(
    raw: Mapping[str, Any], problems: Problems, warnings: list[str]
) -> dict[str, Template]:
    """Every template by name; `raw` is the section as it was written."""
    made = {}
    for name in sorted(raw):
        template = _template(name, raw[name], f"templates.{name}", problems)
        if template is not None:
            made[name] = template
            _lint(template, f"templates.{name}", problems, warnings)
    return made


def _template(name: str, raw: dict[str, Any], prefix: str, problems: Problems) -> Template | None:
    """None where something of it could not be taken; the problems say what."""
    checked, bad = check(TemplateShape, raw, prefix, problems)
    values = snake_keys(checked)
    fields, whole = read_fields(values.pop("fields", {}), f"{prefix}.fields", problems)
    if bad or not whole:
        return None
    texts = values.pop("texts")
    return Template(
        name=name,
        category=Category(values.pop("category")),
        texts=MappingProxyType(texts),
        language=values.pop("language", next(iter(texts), "en")),
        fields=MappingProxyType(fields),
        hosts=tuple(values.pop("hosts", ())),
        **values,
    )


def read_fields(
    raw: Mapping[str, dict[str, Any]], prefix: str, problems: Problems
) -> tuple[dict[str, Field], bool]:
    """The fields below `prefix` that are good, and whether all are."""
    fields = {}
    for name, keys in raw.items():
        path = f"{prefix}.{name}".rstrip(".")
        shape = pick(FIELD_SHAPES, keys, "kind", path, problems)
        if shape is None:
            continue
        checked, bad = check(shape, keys, path, problems)
        if not bad:
            fields[name] = _field(snake_keys(checked))
    return fields, len(fields) == len(raw)


def _field(values: dict[str, Any]) -> Field:
    kind = FieldKind(values.pop("kind"))
    limits = {"min": "minimum", "max": "maximum"}
    for key in limits.keys() & values.keys():
        values[limits[key]] = Decimal(str(values.pop(key)))
    if kind is FieldKind.URL:
        values.setdefault("max_length", URL_LENGTH_MAX)
    values["choices"] = tuple(values.get("choices", ()))
    labels = values.get("labels", {})
    values["labels"] = MappingProxyType({tag: MappingProxyType(labels[tag]) for tag in labels})
    return Field(kind, **values)


def _lint(template: Template, prefix: str, problems: Problems, warnings: list[str]) -> None:
    for finding in lint(template):
        path = join_path(prefix, finding.where)
        if finding.severity is Severity.ERROR:
            problems.refuse(path, finding.text)
        else:
            warnings.append(f"{path}: {finding.text}")
