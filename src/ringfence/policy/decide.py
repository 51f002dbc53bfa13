"""The one decision function (P1). All rules run, always; DENY over HOLD over ALLOW; a rule that
raises counts as DENY and is named as an alarm; no rules means DENY. Order cannot matter."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from functools import cache

from ringfence.model.verdict import Act, Decision, Reason, Ruling, Verdict, deny
from ringfence.policy import rules as rules_package
from ringfence.policy.facts import Facts
from ringfence.policy.rule import Rule


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


def decide(facts: Facts, rules: Sequence[Rule], policy_version: str) -> Decision:
    """Sum the rulings. Same facts, rules and version give the same decision (P11)."""
    if not rules:
        reason = Reason("no_rules", Verdict.DENY, "no_rules", "No policy is loaded.")
        return Decision(facts.act, Verdict.DENY, (reason,), policy_version)
    reasons: list[Reason] = []
    alarms: list[str] = []
    untils = []
    verdict = Verdict.ALLOW
    for rule in rules:
        ruling = _ask(rule, facts, alarms)
        if ruling.verdict is Verdict.ALLOW:
            continue
        verdict = max(verdict, ruling.verdict)
        untils.append(ruling.until)
        reasons.append(Reason(rule.name, ruling.verdict, ruling.code, ruling.text))
    until = None
    if verdict is Verdict.HOLD and None not in untils:
        until = max(moment for moment in untils if moment is not None)
    return Decision(facts.act, verdict, tuple(reasons), policy_version, until, tuple(alarms))


def allowed(act: Act, policy_version: str) -> Decision:
    """The decision of a set of rules that all allowed: what tests compare with."""
    return Decision(act, Verdict.ALLOW, (), policy_version)


def _ask(rule: Rule, facts: Facts, alarms: list[str]) -> Ruling:
    try:
        ruling = rule.judge(facts)
        assert isinstance(ruling, Ruling), f"{rule.name} gave no ruling"
    except Exception as error:  # whatever a rule raises, the answer is DENY (P1)
        alarms.append(f"{rule.name}: {type(error).__name__}")
        return deny("rule_failed", f"The rule {rule.name} failed, so the answer is no.")
    return ruling
