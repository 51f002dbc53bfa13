"""Templates: texts an operator wrote beforehand, with typed fields an agent fills. Whoever fills one
never writes text; a name and a version always mean the same text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, IntEnum
from types import MappingProxyType

from ringfence.model.audit import digest
from ringfence.model.draft import Category


class FieldKind(Enum):
    """What may stand in a field. TEXT is one line without links and markup; CODE letters, digits and
    hyphens; URL an https address on a host of the template."""

    TEXT = "text"
    INTEGER = "integer"
    AMOUNT = "amount"
    DATE = "date"
    TIME = "time"
    CODE = "code"
    CHOICE = "choice"
    PHONE = "phone"
    URL = "url"


_NO_LABELS: Mapping[str, Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Field:
    """One field and its limits. `minimum`, `maximum` and `decimals` are for numbers; `labels` say a
    choice in another language (language, choice, text); `default` stands in for an optional field
    that is left out; `example` is what a preview shows."""

    kind: FieldKind
    max_length: int = 40
    minimum: Decimal = Decimal(0)
    maximum: Decimal = Decimal(1_000_000)
    decimals: int = 2
    choices: tuple[str, ...] = ()
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: _NO_LABELS)
    pattern: str = ""
    optional: bool = False
    default: str = ""
    example: str = ""
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """One template. `texts` is by language; `language` is the one that answers for languages it
    does not have. `hosts` are the only places its links may lead to; `first` says that it may be
    the first a person gets, so it must say who writes and how to stop."""

    name: str
    version: int
    category: Category
    texts: Mapping[str, str]
    language: str
    fields: Mapping[str, Field] = field(default_factory=dict)
    programme: str = ""
    sender: str = ""
    hosts: tuple[str, ...] = ()
    segments_max: int = 3
    first: bool = False
    meaning: str = ""

    @property
    def label(self) -> str:
        """`name@version`, as records have it."""
        return f"{self.name}@{self.version}"


class Severity(IntEnum):
    """A template with an ERROR is not used; a WARNING is for its author to think about."""

    WARNING = 1
    ERROR = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a template, and where: `texts.de`, `fields.name`, `version`."""

    severity: Severity
    where: str
    text: str


def template_digest(template: Template) -> str:
    """SHA-256, hex, of all that shapes what a person reads and how it is judged; neither the name
    nor the version. Another digest under the same version is another text under an old name."""
    shape = {
        "category": template.category.value,
        "programme": template.programme,
        "texts": dict(template.texts),
        "language": template.language,
        "hosts": sorted(template.hosts),
        "fields": {name: _field_shape(one) for name, one in template.fields.items()},
    }
    return digest(json.dumps(shape, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def _field_shape(one: Field) -> dict[str, object]:
    return {
        "kind": one.kind.value,
        "max_length": one.max_length,
        "range": [str(one.minimum.normalize()), str(one.maximum.normalize()), one.decimals],
        "choices": list(one.choices),
        "labels": {language: dict(texts) for language, texts in one.labels.items()},
        "pattern": one.pattern,
        "optional": one.optional,
        "default": one.default,
    }
