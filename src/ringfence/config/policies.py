"""From the policy sections to each line's Policy: the rules' defaults, then the purpose's preset,
then `policy`, then the line's own. What a line loosens against its preset is told, so that doctor
and the console can show it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from enum import Enum
from operator import attrgetter
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from ringfence.config.names import snake, snake_keys
from ringfence.config.problems import Problems
from ringfence.model.errors import InvalidField
from ringfence.model.line import Line
from ringfence.policy.policy import Policy, discover, loosened, make_policy
from ringfence.policy.presets import LISTS, PRESETS
from ringfence.policy.rule import Rule


def policy_of(
    line: Line,
    sections: Iterable[tuple[str, Mapping[str, Any]]],
    problems: Problems,
    fixed: Mapping[str, Any] = MappingProxyType({}),
) -> tuple[Policy, tuple[str, ...]]:
    """The line's policy, and what it loosens (`rule.setting`). `sections` are (path, values) from
    the farthest to the nearest; a value a rule cannot take goes to `problems`. `fixed` are settings
    by rule that nothing written changes."""
    preset = PRESETS[line.purpose]
    layers = [(path, _by_rule(values)) for path, values in sections]
    settings: dict[str, Any] = {}
    looser: list[str] = []
    for rule in discover():
        if rule.settings is None:
            continue
        base = dataclasses.replace(rule.settings, **_of_line(rule, line))
        base = dataclasses.replace(base, **preset.get(rule.name, {}))
        actual = base
        for path, values in layers:
            actual = _overlaid(rule, actual, values.get(rule.name, {}), path, problems)
        actual = fixed.get(rule.name, actual)
        settings[rule.name] = actual
        looser += [f"{rule.name}.{name}" for name in loosened(rule, base, actual)]
    return make_policy(settings, LISTS), tuple(looser)


def _by_rule(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {snake(name): snake_keys(inner) for name, inner in values.items()}


def _of_line(rule: Rule, line: Line) -> dict[str, Any]:
    named = {
        entry.name: entry.metadata["from_line"]
        for entry in dataclasses.fields(rule.settings)
        if entry.metadata["from_line"]
    }
    return {
        name: attrgetter(path)(line)
        for name, path in named.items()
        if line.voice is not None or not path.startswith("voice.")
    }


def _overlaid(
    rule: Rule, base: Any, values: Mapping[str, Any], path: str, problems: Problems
) -> Any:
    hints = get_type_hints(type(base))
    try:
        return dataclasses.replace(
            base, **{name: _inside(hints[name], value) for name, value in values.items()}
        )
    except InvalidField as error:
        problems.add(f"{path}.{_camel(rule.name)}", error.detail, got="the values written")
        return base


def _inside(hint: Any, raw: Any) -> Any:
    """A value of the file as the settings hold it: words as enums, lists as tuples."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        (hint,) = (arm for arm in get_args(hint) if arm is not NoneType)
        return _inside(hint, raw)
    if origin in (tuple, frozenset):
        return origin(_inside(get_args(hint)[0], item) for item in raw)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {name: _inside(get_args(hint)[1], item) for name, item in raw.items()}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(raw)
    return raw


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)
