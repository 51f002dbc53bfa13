"""The one decision function (P1). All rules of the act run, always; DENY over HOLD over ALLOW; a
rule that raises counts as DENY and is named as an alarm; no rules means DENY. Order cannot matter.

A HOLD without a time asks for a person. A person's live approval of exactly this text meets it; so
does an operator's grant, where the rule is grantable. Time alone lifts a HOLD with a time, and
nothing lifts a DENY."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ringfence.model.verdict import ALLOWED, Act, Decision, Reason, Ruling, Verdict, deny
from ringfence.policy.facts import Facts
from ringfence.policy.policy import Policy
from ringfence.policy.rule import Rule


def decide(facts: Facts, policy: Policy) -> Decision:
    """Sum the rulings. Same facts and policy give the same decision (P11)."""
    if not policy.by_act.get(facts.act):
        reason = Reason("no_rules", Verdict.DENY, "no_rules", "No policy is loaded.")
        return Decision(facts.act, Verdict.DENY, (reason,), policy.version)
    reasons: list[Reason] = []
    alarms: list[str] = []
    untils: list[datetime | None] = []
    verdict = Verdict.ALLOW
    for rule, settings in policy.by_act[facts.act]:
        ruling = _ask(rule, facts, settings, alarms)
        if ruling is ALLOWED or ruling.verdict is Verdict.ALLOW:
            continue
        met_by = _met_by(rule, ruling, facts)
        reasons.append(Reason(rule.name, ruling.verdict, ruling.code, ruling.text, met_by))
        if not met_by:
            verdict = max(verdict, ruling.verdict)
            untils.append(ruling.until)
    until = None
    if verdict is Verdict.HOLD and None not in untils:
        until = max(moment for moment in untils if moment is not None)
    return Decision(facts.act, verdict, tuple(reasons), policy.version, until, tuple(alarms))


def rulings(facts: Facts, policy: Policy) -> list[tuple[str, Ruling]]:
    """What each rule says for itself, ALLOW included: for people who ask why."""
    return [
        (rule.name, _ask(rule, facts, settings, [])) for rule, settings in policy.by_act[facts.act]
    ]


def allowed(act: Act, policy_version: str) -> Decision:
    """The decision of a set of rules that all allowed: what tests compare with."""
    return Decision(act, Verdict.ALLOW, (), policy_version)


def _met_by(rule: Rule, ruling: Ruling, facts: Facts) -> str:
    if ruling.verdict is not Verdict.HOLD or ruling.until is not None:
        return ""
    if facts.approval and not ruling.anew:
        return f"approval:{facts.approval}"
    return f"grant:{facts.grant}" if facts.grant and rule.grantable else ""


def _ask(rule: Rule, facts: Facts, settings: Any, alarms: list[str]) -> Ruling:
    try:
        ruling = rule.judge(facts, settings)
        assert isinstance(ruling, Ruling), f"{rule.name} gave no ruling"
    except Exception as error:  # whatever a rule raises, the answer is DENY (P1)
        alarms.append(f"{rule.name}: {type(error).__name__}")
        return deny("rule_failed", f"The rule {rule.name} failed, so the answer is no.")
    return ruling
