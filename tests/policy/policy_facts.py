"""Facts for rule tests: an ordinary reply to a paired person, and changes to it; a rule asked with
its defaults, and changes to those."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ringfence.model.contact import Role
from ringfence.model.draft import Traits
from ringfence.model.verdict import Act, Ruling
from ringfence.policy.facts import Facts, Initiator, VolumeCounts
from ringfence.policy.policy import Policy, make_policy
from ringfence.policy.rule import Rule

NOW = datetime(2026, 3, 2, 17, 0, 30, tzinfo=UTC)
ORDINARY = Facts(
    act=Act.REPLY,
    now=NOW,
    line="default",
    contact_id="ctc_1",
    role=Role.GUEST,
    initiator=Initiator.AGENT,
    traits=Traits(heard_at=NOW - timedelta(seconds=30)),
)


def facts(
    counts: dict[str, int] | None = None, traits: dict[str, Any] | None = None, **changes: Any
) -> Facts:
    return replace(
        ORDINARY,
        counts=VolumeCounts(**(counts or {})),
        traits=replace(ORDINARY.traits, **(traits or {})),
        **changes,
    )


def ask(rule: Rule, given: Facts, **settings: Any) -> Ruling:
    """What the rule says, its defaults changed so far. Asking about an act that is none of its
    business is a mistake of the test."""
    assert given.act in rule.acts, f"{rule.name} is not asked about {given.act}"
    told = replace(rule.settings, **settings) if settings else rule.settings
    ruling: Ruling = rule.judge(given, told)
    return ruling


def policy_of(*rules: Rule, **settings: Any) -> Policy:
    """A policy of these rules (all, when none is named), with settings by rule."""
    return make_policy(settings, {}, rules or None)
