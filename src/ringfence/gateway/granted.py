"""The grants of one batch of questions: which of them stands in for a person, and what is used up as
texts leave the gate. Uses within the batch count at once; all is written in the batch's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from ringfence.gateway.equipment import Equipment
from ringfence.model.audit import AuditEntry
from ringfence.model.grant import Grant, GrantUse, grant_of
from ringfence.model.verdict import Decision, Verdict
from ringfence.policy.facts import Facts
from ringfence.policy.granting import Asking, covers, narrowest, still_covers
from ringfence.ports import Tx

if TYPE_CHECKING:
    from ringfence.gateway.facts import Question

_AGENT = "agent:"


class Granted:
    """Grants are looked up for agents who ask now (`Question.granting`), and for texts that left the
    gate on one before (their traits' basis)."""

    def __init__(self, tx: Tx, questions: Sequence[Question], now: datetime) -> None:
        self._tx, self._now = tx, now
        agents = {_agent(one) for one in questions if one.granting} - {""}
        self._active = tx.grants.active(agents) if agents else []
        pairs = {(grant_of(one.traits.basis), one.message_id) for one in questions}
        pairs = {pair for pair in pairs if pair[0]}
        self._rested_on = tx.grants.many(grant for grant, _ in pairs) if pairs else {}
        self._recorded = tx.grants.recorded(pairs) if pairs else set()
        self._uses: list[tuple[GrantUse, str, int]] = []

    def of(self, question: Question, facts: Facts) -> str:
        """The id of the grant that counts for this act; empty for none."""
        asking = Asking(_agent(question), question.number, question.line.zone)
        if rests_on := grant_of(question.traits.basis):
            grant = self._rested_on.get(rests_on)
            on_record = (rests_on, question.message_id) in self._recorded
            if grant is None or not on_record or not still_covers(grant, facts, asking):
                return ""
            return grant.id
        if not question.granting:
            return ""
        chosen = narrowest(one for one in self._active if covers(one, facts, asking))
        return chosen.id if chosen is not None else ""

    def use(self, grant_id: str, message_id: str, contact_id: str, initiator: str) -> None:
        """This text leaves the gate on it: one use less for the rest of the batch."""
        self._active = [_used(one) if one.id == grant_id else one for one in self._active]
        count = next(one.used for one in self._active if one.id == grant_id)
        use = GrantUse(grant_id, message_id, contact_id, self._now)
        self._uses.append((use, initiator, count))

    def write(self, kit: Equipment) -> None:
        """Record the uses with their audit entries."""
        entries: list[AuditEntry] = []
        for use, initiator, count in self._uses:
            counted = self._tx.grants.use(use)
            # Writes are serial, so what was left when the batch began is left still; were it not,
            # the batch must not stand.
            assert counted, "a grant was used up under this transaction"
            body = {"grant": use.grant_id, "contact": use.contact_id, "use": count}
            entries.append(kit.audit("grant_used", use.message_id, initiator, self._now, body))
        self._tx.audit.append(entries)


def relied_on(facts: Facts, decision: Decision) -> str:
    """The grant without which this text would not go; empty where it does not go, or needs none."""
    goes = decision.verdict is Verdict.ALLOW or decision.until is not None
    if not facts.grant or not goes:
        return ""
    met = any(reason.met_by == f"grant:{facts.grant}" for reason in decision.reasons)
    return facts.grant if met or grant_of(facts.traits.basis) == facts.grant else ""


def _agent(question: Question) -> str:
    return question.initiator.removeprefix(_AGENT) if question.initiator.startswith(_AGENT) else ""


def _used(grant: Grant) -> Grant:
    return replace(grant, used=grant.used + 1)
