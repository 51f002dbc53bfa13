"""A policy: every rule with its settings, for one line. Its version is the digest of all it says, so
that a decision names exactly what it was decided by, and can be decided again from the stored
document (P11)."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from ringfence.model.verdict import Act
from ringfence.policy import rules as rules_package
from ringfence.policy.record import from_record, to_record
from ringfence.policy.rule import ALL, Looser, Rule


@cache
def discover() -> tuple[Rule, ...]:
    """Every `RULE` in policy/rules/, by file name. A rule file without one is our mistake."""
    found = []
    for module in sorted(pkgutil.iter_modules(rules_package.__path__), key=lambda m: m.name):
        rule = importlib.import_module(f"{rules_package.__name__}.{module.name}").RULE
        assert isinstance(rule, Rule), module.name
        assert rule.name == module.name, module.name
        found.append(rule)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules and what each was told. `version` is 16 hex digits over `document`."""

    rules: tuple[Rule, ...]
    settings: Mapping[str, Any]
    document: Mapping[str, Any]
    version: str
    by_act: Mapping[Act, tuple[tuple[Rule, Any], ...]]


def make_policy(
    settings: Mapping[str, Any], lists: Mapping[str, str], rules: Sequence[Rule] | None = None
) -> Policy:
    """`settings` holds the settings of each rule that has some (its defaults where it is missing);
    `lists` names the versions of the word lists and zone tables a decision depends on."""
    chosen = tuple(discover() if rules is None else rules)
    held = {rule.name: settings.get(rule.name, rule.settings) for rule in chosen}
    document = {
        "rules": {
            name: None if value is None else to_record(value) for name, value in held.items()
        },
        "lists": dict(lists),
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), default=str)
    version = hashlib.sha256(text.encode()).hexdigest()[:16]
    by_act = {
        act: tuple((rule, held[rule.name]) for rule in chosen if act in rule.acts) for act in Act
    }
    return Policy(chosen, held, document, version, by_act)


def from_document(document: Mapping[str, Any]) -> Policy:
    """The policy a stored document describes. Raises KeyError or ValueError when this program has
    other rules than the one that wrote it."""
    rules = {rule.name: rule for rule in discover()}
    missing = document["rules"].keys() ^ rules.keys()
    if missing:
        raise KeyError(f"another set of rules: {', '.join(sorted(missing))}")
    settings = {
        name: from_record(type(rules[name].settings), record)
        for name, record in document["rules"].items()
        if record is not None
    }
    return make_policy(settings, document["lists"])


def loosened(rule: Rule, base: Any, actual: Any) -> list[str]:
    """The settings of a rule that let more through in `actual` than in `base`."""
    if base is None or actual is None:
        return []
    return [
        entry.name
        for entry in dataclasses.fields(actual)
        if _is_looser(
            entry.metadata["looser"], getattr(base, entry.name), getattr(actual, entry.name)
        )
    ]


def _is_looser(looser: Looser, base: Any, actual: Any) -> bool:
    if base == actual:
        return False
    match looser:
        case Looser.HIGHER:
            return bool(actual > base)
        case Looser.LOWER:
            return bool(actual < base)
        case Looser.TRUE:
            return bool(actual)
        case Looser.FALSE:
            return not actual
        case Looser.MORE:
            return ALL not in base and not set(actual) <= set(base)
        case Looser.FEWER:
            return ALL not in actual and not set(actual) >= set(base)
        case Looser.ANY:
            return True
        case Looser.NEVER:
            return False
