"""The gates that a drain is measured with: the whole one; one that holds only the kill-switch rule and
is told all the facts; and one that is told no more than that rule needs. For measuring only: nothing
but this folder knows them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ringfence.bootstrap import Gateway
from ringfence.gateway import claims
from ringfence.gateway.counting import Counts
from ringfence.gateway.facts import FactsDesk, Question
from ringfence.model.contact import Role
from ringfence.model.line import Line
from ringfence.model.phone import PhoneNumber
from ringfence.policy.facts import Facts, Initiator
from ringfence.policy.policy import make_policy
from ringfence.policy.rules.kill_switch import RULE as KILL_SWITCH
from ringfence.ports import Tx

WHOLE, ONE_RULE, BARE = "whole", "one-rule", "bare"
WORDS = {
    WHOLE: "all rules",
    ONE_RULE: "kill switch, all facts",
    BARE: "kill switch, its facts alone",
}


def put(gateway: Gateway, gate: str) -> None:
    """Let a gateway of this process judge by that gate."""
    if gate == WHOLE:
        return
    kit = gateway.kit
    policy = make_policy({}, {}, rules=[KILL_SWITCH])
    object.__setattr__(kit, "policies", dict.fromkeys(kit.policies, policy))
    if gate == BARE:
        claims.FactsDesk = _BareDesk  # type: ignore[misc]


class _NoCounts(Counts):
    """Counts nothing."""

    def __init__(self, tx: Tx, questions: Iterable[Question], now: datetime) -> None:
        super().__init__(tx, (), now)

    def raise_for(self, question: Question, *, new_recipient: bool = False) -> None:
        """Nobody will ask."""


class _BareDesk(FactsDesk):
    """Asks the store for people and switches, and for nothing else."""

    def __init__(self, kit: Any, tx: Tx, questions: Any, now: datetime) -> None:
        self._kit, self._tx, self._now = kit, tx, now
        numbers = {question.number for question in questions}
        self.people = tx.people.find(numbers)
        self._add_unknown(numbers)
        self._switches = tx.switches.engaged()
        self.counts = _NoCounts(tx, (), now)

    def is_new(self, line: str, number: PhoneNumber) -> bool:
        return False

    def role(self, line: Line, number: PhoneNumber) -> Role:
        return Role.STRANGER

    def facts(self, question: Question) -> Facts:
        return Facts(
            act=question.act,
            now=self._now,
            line=question.line.id,
            contact_id=self.people[question.number].contact_id,
            role=Role.STRANGER,
            initiator=Initiator(question.initiator.partition(":")[0]),
            stopped_by=self._stops(question),
        )
