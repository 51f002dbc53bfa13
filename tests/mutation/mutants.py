"""A pytest plug-in that puts one mutant of one rule in the rule's place before anything is collected:
`RINGFENCE_MUTANT=opt_out:removed`. Without the variable it does nothing."""

from __future__ import annotations

import dataclasses
import importlib
import os
from collections.abc import Callable, Mapping
from typing import Any

from ringfence.model.verdict import ALLOWED, Ruling, Verdict, deny
from ringfence.policy.rule import Rule

VARIABLE = "RINGFENCE_MUTANT"


def _inverted(ruling: Ruling) -> Ruling:
    return deny("inverted", "inverted") if ruling.verdict is Verdict.ALLOW else ALLOWED


def _milder(ruling: Ruling) -> Ruling:
    """DENY asks for a person instead, HOLD lets go."""
    if ruling.verdict is Verdict.DENY:
        return dataclasses.replace(ruling, verdict=Verdict.HOLD)
    return ALLOWED


KINDS: Mapping[str, Callable[[Ruling], Ruling]] = {
    "removed": lambda ruling: ALLOWED,
    "inverted": _inverted,
    "milder": _milder,
}


def mutant(rule: Rule, kind: str) -> Rule:
    """The rule with every ruling of it changed."""
    change = KINDS[kind]

    def judge(facts: Any, settings: Any) -> Ruling:
        return change(rule.judge(facts, settings))

    return dataclasses.replace(rule, judge=judge)


def _put_in_place(wanted: str) -> None:
    name, _, kind = wanted.partition(":")
    module = importlib.import_module(f"ringfence.policy.rules.{name}")
    module.RULE = mutant(module.RULE, kind)  # type: ignore[attr-defined]


# At once, before a conftest could have the rules discovered.
if os.environ.get(VARIABLE):
    _put_in_place(os.environ[VARIABLE])
