"""The kill switch: while one is engaged, nothing it covers leaves, confirmations included, and no call
is placed or taken (P3). Receiving goes on: being reachable is kept apart from being allowed."""

from __future__ import annotations

from ringfence.model.verdict import ALLOWED, Ruling, deny
from ringfence.policy.facts import Facts
from ringfence.policy.rule import EFFECTS, Rule


def judge(facts: Facts, settings: None) -> Ruling:
    if not facts.stopped_by:
        return ALLOWED
    return deny("stopped", f"The kill switch is engaged ({', '.join(facts.stopped_by)}).")


RULE = Rule(
    "kill_switch",
    "While a kill switch is engaged for everything, this line, this agent, this person or this "
    "flow, nothing is sent, no call is placed or taken, and nothing is said in one. `ringfence resume` "
    "lifts it.",
    judge,
    acts=EFFECTS,
)
