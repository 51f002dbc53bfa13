"""Checks raw values against the shapes and keeps going: each pydantic error becomes a problem, the
offending key is left out, and what remains is handed on, so that one run reports everything."""

from __future__ import annotations

import copy
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ringfence.config.problems import MISSING, Problems, join_path
from ringfence.config.schema.base import EXPECTED, Shape

Loc = tuple[str | int, ...]

_WORDS = {
    "missing": "this key",
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "list_type": "a list",
    "none_required": "nothing",
}


def check(
    shape: type[Shape], raw: Any, prefix: str, problems: Problems
) -> tuple[dict[str, Any], frozenset[Loc]]:
    """The good part of `raw` by camelCase keys, and where bad values were left out. Values are
    those the shape makes (SecretInput, say), only keys that were set."""
    kept = copy.deepcopy(raw)
    left_out: set[Loc] = set()
    while True:
        try:
            model = shape.model_validate(kept)
        except ValidationError as error:
            fresh = error.errors(include_url=False, include_context=True)
            for detail in fresh:
                # A required key that was left out as bad is not missing on top of it.
                if detail["loc"] not in left_out:
                    _report(detail, shape, prefix, problems)
                left_out.add(detail["loc"])
            if not _leave_out(kept, [detail["loc"] for detail in fresh]):
                return {}, frozenset(left_out)
            continue
        return _set_values(model), frozenset(left_out)


def pick(
    shapes: Mapping[str, type[Shape]], raw: Any, tag: str, prefix: str, problems: Problems
) -> type[Shape] | None:
    """The shape that `raw[tag]` names; a problem when it names none."""
    named = raw.get(tag)
    if isinstance(named, str) and named in shapes:
        return shapes[named]
    choices = ", ".join(f'"{name}"' for name in shapes)
    problems.add(join_path(prefix, tag), f"one of {choices}", raw.get(tag, MISSING))
    return None


def _report(detail: ErrorDetails, shape: type[Shape], prefix: str, problems: Problems) -> None:
    loc = tuple(part for part in detail["loc"] if part != "[key]")
    path = join_path(prefix, *loc)
    if detail["type"] == "extra_forbidden":
        problems.unknown(path, str(loc[-1]), known_keys(shape, loc[:-1]))
    elif detail["type"] == "missing":
        problems.add(path, "a value")
    elif detail["loc"][-1:] == ("[key]",):
        problems.add(path, "another name: " + _expectation(detail), got="that one")
    else:
        problems.add(path, _expectation(detail), detail["input"])


def _expectation(detail: ErrorDetails) -> str:
    """What was expected, by pydantic's error type (pydantic docs: Validation errors)."""
    context: Mapping[str, Any] = detail.get("ctx", {})
    match detail["type"]:
        case "literal_error":
            return "one of " + str(context["expected"]).replace(" or ", ", ").replace("'", '"')
        case "greater_than_equal":
            return f"a number of at least {context['ge']:.12g}"
        case "greater_than":
            return f"a number above {context['gt']:g}"
        case "less_than_equal":
            return f"a number of at most {context['le']:.12g}"
        case "too_long":
            return f"at most {context['max_length']} entries"
        case "too_short":
            return f"at least {context['min_length']} entry"
        case "string_too_long":
            return f"at most {context['max_length']} characters"
        case "string_pattern_mismatch":
            return f"text like {context['pattern']}"
        case kind if kind == EXPECTED:
            return str(context["expectation"])
        case kind:
            return _WORDS.get(kind, "another value")


def _leave_out(kept: Any, locs: list[Loc]) -> bool:
    """Remove the bad keys; a bad list entry takes its list along. False when nothing was removed:
    then a required key is missing, or the whole value is wrong."""
    removed = [_remove(kept, tuple(part for part in loc if part != "[key]")) for loc in locs]
    return any(removed)


def _remove(owner: Any, loc: Loc) -> bool:
    end = next((at for at, part in enumerate(loc) if isinstance(part, int)), len(loc))
    if end == 0:
        return False
    for part in loc[: end - 1]:
        owner = owner.get(part) if isinstance(owner, dict) else None
    if not isinstance(owner, dict) or loc[end - 1] not in owner:
        return False
    del owner[loc[end - 1]]
    return True


def _set_values(model: BaseModel) -> dict[str, Any]:
    """Only what was set, by its outside name, models opened up."""
    values: dict[str, Any] = {}
    for name, field in type(model).model_fields.items():
        if name in model.model_fields_set:
            values[field.alias or name] = _opened(getattr(model, name))
    return values


def _opened(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return _set_values(value)
    if isinstance(value, dict):
        return {name: _opened(item) for name, item in value.items()}
    return value


def known_keys(shape: type[BaseModel], loc: Loc) -> list[str]:
    """The keys of the object at `loc`; empty where any name may stand."""
    here: list[Any] = [shape]
    for part in loc:
        here = [inner for kind in here for inner in _inside(kind, part)]
    models = [kind for kind in here if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return [field.alias or name for model in models for name, field in model.model_fields.items()]


def _inside(kind: Any, part: str | int) -> list[Any]:
    """The types an object of type `kind` may hold under `part`."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = kind.model_fields.items()
        return [field.annotation for name, field in fields if (field.alias or name) == part]
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return [inner for choice in get_args(kind) for inner in _inside(choice, part)]
    return [get_args(kind)[-1]] if origin in (dict, list) else []
