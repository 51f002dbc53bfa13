"""Templates in use: fill one in, look at it first, and see to it that a name and a version mean one
text for good. Whoever fills a template names fields; the text is the operator's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ringfence.gateway.equipment import Equipment
from ringfence.model.draft import Category
from ringfence.model.errors import NotFound, TemplateChanged
from ringfence.model.template import Field, FieldKind, Finding, Template, template_digest
from ringfence.ports import Tx
from ringfence.text.segments import Segments, count
from ringfence.text.template_lint import lint, longest_values, sample_values
from ringfence.text.templates import choose_language, fill_in, render


@dataclass(frozen=True, slots=True)
class Filled:
    """A template with its fields filled: the text, and what the gate and the record must know of
    it. `template` is `name@version`; `fields` are the names that were given."""

    text: str
    template: str
    category: Category
    programme: str
    language: str
    digest: str
    fields: tuple[str, ...] = ()

    @property
    def provenance(self) -> dict[str, Any]:
        """Names and digests only: the values stand in the text and nowhere else."""
        return {
            "template": self.template,
            "template_digest": self.digest,
            "language": self.language,
            "fields": list(self.fields),
        }


@dataclass(frozen=True, slots=True)
class Preview:
    """How a template would read and what it would cost; `sampled` names the fields whose values are
    examples, `longest` is what the longest values would cost."""

    filled: Filled
    segments: Segments
    longest: Segments
    sampled: tuple[str, ...]


def template_of(templates: Mapping[str, Template], name: str) -> Template:
    """The template called `name`, or `name@version`. Raises NotFound."""
    plain, _, version = name.partition("@")
    found = templates.get(plain)
    if found is None:
        known = ", ".join(sorted(templates)) or "none is configured"
        raise NotFound(f"No template is called {plain[:64]!r}. Known: {known}.")
    if version and version != str(found.version):
        raise NotFound(f"{plain} is at version {found.version} now.")
    return found


def fill(kit: Equipment, name: str, language: str, values: Mapping[str, object]) -> Filled:
    """The text of `name` with these values; an empty language is the template's own. Raises
    NotFound, and InvalidField naming the field."""
    return _filled(template_of(kit.templates, name), language, values, tuple(values))


def preview(template: Template, language: str, values: Mapping[str, object]) -> Preview:
    """How it would read, with examples for fields that were not given. Stores and sends nothing;
    refuses what `fill` refuses."""
    samples = sample_values(template)
    sampled = tuple(name for name in template.fields if name not in values)
    all_values = {**{name: samples[name] for name in sampled}, **values}
    filled = _filled(template, language, all_values, tuple(values))
    text = template.texts[filled.language]
    longest = fill_in(text, longest_values(template, filled.language))
    return Preview(filled, count(filled.text), count(longest), sampled)


def settle(kit: Equipment, tx: Tx, filled: Filled, actor: str, now: datetime) -> None:
    """Before the first use of a name and version, note what they stand for. Raises TemplateChanged
    when they stood for another text before: then a record would name two."""
    name, _, version = filled.template.partition("@")
    known = tx.templates.digest(name, int(version))
    if known == filled.digest:
        return
    if known:
        raise TemplateChanged(f"Raise the version of {name} above {version} in the configuration.")
    tx.templates.remember(name, int(version), filled.digest, now)
    body = {"name": name, "version": int(version), "digest": filled.digest}
    tx.audit.append([kit.audit("template_first_used", filled.template, actor, now, body)])


def known_digest(tx: Tx, template: Template) -> str:
    """What the template's name and version stood for when they were first used, if ever."""
    return tx.templates.digest(template.name, template.version)


def _filled(
    template: Template, language: str, values: Mapping[str, object], given: tuple[str, ...]
) -> Filled:
    return Filled(
        text=render(template, language, values),
        template=template.label,
        category=template.category,
        programme=template.programme,
        language=choose_language(template, language),
        digest=template_digest(template),
        fields=given,
    )


# -- for people and programs to look at -----------------------------------------------------------


def template_view(template: Template) -> dict[str, Any]:
    """One template in full."""
    return {
        "name": template.name,
        "version": template.version,
        "category": template.category.value,
        "programme": template.programme or None,
        "meaning": template.meaning or None,
        "language": template.language,
        "texts": dict(template.texts),
        "fields": {name: field_view(one) for name, one in template.fields.items()},
        "sender": template.sender or None,
        "hosts": list(template.hosts),
        "segments_max": template.segments_max,
        "first": template.first,
        "digest": template_digest(template),
        "findings": [finding_view(one) for one in lint(template)],
    }


def field_view(one: Field) -> dict[str, Any]:
    """What somebody who fills the field must know."""
    view: dict[str, Any] = {"kind": one.kind.value, "optional": one.optional}
    match one.kind:
        case FieldKind.TEXT | FieldKind.CODE:
            view |= {"max_length": one.max_length, "pattern": one.pattern or None}
        case FieldKind.URL:
            view["max_length"] = one.max_length
        case FieldKind.INTEGER | FieldKind.AMOUNT:
            view |= {"min": f"{one.minimum:f}", "max": f"{one.maximum:f}"}
            view |= {"decimals": one.decimals} if one.kind is FieldKind.AMOUNT else {}
        case FieldKind.CHOICE:
            view["choices"] = list(one.choices)
        case FieldKind.DATE | FieldKind.TIME | FieldKind.PHONE:
            pass
    return view | {"default": one.default or None, "meaning": one.meaning or None}


def finding_view(finding: Finding) -> dict[str, str]:
    """One finding of the linter."""
    return {
        "severity": finding.severity.name.lower(),
        "where": finding.where,
        "text": finding.text,
    }


def preview_view(shown: Preview) -> dict[str, Any]:
    """A preview as the command line and the bridge show it."""
    return {
        "template": shown.filled.template,
        "category": shown.filled.category.value,
        "language": shown.filled.language,
        "text": shown.filled.text,
        "segments": shown.segments.segments,
        "encoding": shown.segments.encoding.value,
        "characters": shown.segments.characters,
        "segments_longest": shown.longest.segments,
        "sampled": list(shown.sampled),
    }
