"""`policy`, and `policy` of a line: one group of keys for each rule that has settings, made from the
settings dataclasses of the rules themselves, so that a rule brings its configuration along."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import Field, create_model

from ringfence.config.schema.base import Shape, Text, key
from ringfence.model.classifier import Classifier
from ringfence.policy.policy import discover
from ringfence.policy.rule import Rule

_LISTED_MAX = 1_000


def settings_fields(rule: Rule) -> Iterator[dataclasses.Field[Any]]:
    """The settings of a rule that the policy section may set."""
    for entry in dataclasses.fields(rule.settings) if rule.settings is not None else ():
        if not entry.metadata["from_line"]:
            yield entry


def _rule_shape(rule: Rule) -> type[Shape] | None:
    hints = get_type_hints(type(rule.settings)) if rule.settings is not None else {}
    keys: dict[str, Any] = {
        entry.name: (_outside(hints[entry.name], entry), _key(rule, entry))
        for entry in settings_fields(rule)
    }
    if not keys:
        return None
    name = "".join(part.title() for part in rule.name.split("_")) + "Shape"
    shape = create_model(name, __base__=Shape, **keys)
    shape.__doc__ = rule.explain
    return shape


def _key(rule: Rule, entry: dataclasses.Field[Any]) -> Any:
    return key(entry.metadata["meaning"], default=_shown(getattr(rule.settings, entry.name)))


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple | frozenset):
        return "[" + ", ".join(_shown(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_shown(item)}" for name, item in value.items()) + "}"
    return "none" if value in ("", None) else str(value)


def _outside(hint: Any, entry: dataclasses.Field[Any]) -> Any:
    """The type a key has in the file: enums as their words, tuples as lists."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        (hint,) = (arm for arm in get_args(hint) if arm is not NoneType)
        return _outside(hint, entry)
    if origin in (tuple, frozenset):
        return Annotated[
            list[_outside(get_args(hint)[0], entry)],  # type: ignore[misc]
            Field(max_length=_LISTED_MAX),
        ]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return dict[str, _outside(get_args(hint)[1], entry)]  # type: ignore[misc]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return Literal[tuple(member.value for member in hint)]
    limits = {
        name: entry.metadata[name] for name in ("ge", "le") if entry.metadata[name] is not None
    }
    if hint is str:
        return Text
    return Annotated[hint, Field(**limits)] if limits else hint


_SHAPES = {rule.name: _rule_shape(rule) for rule in discover()}

_GROUPS: dict[str, Any] = {
    name: (shape, key((shape.__doc__ or "").strip()))
    for name, shape in _SHAPES.items()
    if shape is not None
}


class ClassifierShape(Shape):
    """A second look at an agent's words, which can only add holds."""

    agent: Text = key("The configured agent that is asked.", default="none: no classifier")
    timeout_s: Annotated[float, Field(gt=0, le=120)] = key(
        "Seconds it may take; then its silence counts.", default=f"{Classifier('').timeout_s:g}"
    )
    on_failure: Literal["hold", "ignore"] = key(
        "What becomes of a text it said nothing usable about.",
        default=Classifier("").on_failure.value,
    )


assert "classifier" not in _GROUPS, "a rule cannot have the classifier's name"
_GROUPS["classifier"] = (
    ClassifierShape,
    key("An optional classifier of what agents write; it can only add holds."),
)

PolicyShape: type[Shape] = create_model("PolicyShape", __base__=Shape, **_GROUPS)
PolicyShape.__doc__ = "Settings of the rules, for every line; a line's own `policy` wins."
