"""While a line does not work, what provably never left it may leave by its fallback line: cancelled
there and proposed here in one transaction, so that there are never two copies (P5). The gate decides
anew for the other line; where it does not allow it at once, the text stays where it is."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from ringfence.gateway import disclosing
from ringfence.gateway.call_placing import places_calls
from ringfence.gateway.cancel import cancel_items
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.outages import usable
from ringfence.gateway.proposal import Proposal, Proposed
from ringfence.gateway.review import preview, propose
from ringfence.gateway.tries import uncertain
from ringfence.model.line import Line
from ringfence.model.message import Message, MessageStatus
from ringfence.model.outbox import OutboxItem, OutboxState
from ringfence.model.verdict import Act
from ringfence.policy.rules import fallback
from ringfence.ports import Tx

log = logging.getLogger("ringfence.breaker")

LOOK_EVERY: Final = timedelta(seconds=5)
MOVES_MAX: Final = 100
"""Messages looked at in one transaction."""


class Fallback:
    """One process's moves. Looks only while a line with a fallback is out."""

    def __init__(self, kit: Equipment) -> None:
        self._kit = kit
        self._look_at: dict[str, datetime] = {}
        self._stay: dict[str, set[str]] = {}

    async def move_due(self) -> int:
        """Move what may be moved now; answers how many messages."""
        now = self._kit.clock.now()
        out = self._kit.breakers.states(now).keys() & self._kit.lines.keys()
        for line in self._look_at.keys() - out:
            del self._look_at[line], self._stay[line]
        moved = 0
        for line in sorted(out):
            if self._kit.lines[line].fallback and self._look_at.get(line, now) <= now:
                self._look_at[line] = now + LOOK_EVERY
                moved += await self._move_from(self._kit.lines[line], now)
        return moved

    async def _move_from(self, line: Line, now: datetime) -> int:
        kit, stay = self._kit, self._stay.setdefault(line.id, set())
        waiting = await kit.store.read(lambda tx: waiting_for_another(kit, tx, line, now))
        wanted = [key for key in waiting if key not in stay][:MOVES_MAX]
        if not wanted:
            return 0
        gone = await kit.store.write(lambda tx: move(kit, tx, line, wanted, now))
        if gone is None:
            return 0
        # Asked once in an outage: the gate's answer is on record nowhere, and changes seldom.
        stay.update(key for key in wanted if key not in gone)
        for before, after in gone.items():
            extra = {"message_id": before, "line": line.id, "replaced_by": after}
            log.warning("leaves by the fallback line", extra=extra)
        return len(gone)


def waiting_for_another(kit: Equipment, tx: Tx, line: Line, now: datetime) -> list[str]:
    """Messages that wait on the line and may leave by its fallback as far as the rule goes, while that
    one works; what came here from another line has had its turn."""
    other = kit.lines.get(line.fallback)
    if other is None or not usable(kit, tx, other, now):
        return []
    chosen = kit.policies[other.id].settings.get("fallback", fallback.RULE.settings)
    found = [
        item.message_id
        for item in tx.outbox.pending_where(line.id, None)
        if item.traits.category in chosen.categories
        and not item.traits.fallback
        and (item.act is not Act.CALL or places_calls(other))
    ]
    return list(dict.fromkeys(found))


def move(
    kit: Equipment, tx: Tx, line: Line, message_ids: list[str], now: datetime
) -> dict[str, str] | None:
    """Move those of these messages that may leave by the fallback line at once, in the caller's
    transaction; answers what each is there, None where that line does not work either."""
    other = kit.lines[line.fallback]
    if not usable(kit, tx, other, now):
        return None
    messages = tx.messages.many(message_ids)
    items = tx.outbox.of_messages(message_ids)
    moved: dict[str, str] = {}
    for key in message_ids:
        message, parts = messages.get(key), items.get(key, [])
        if message is not None and _never_left(tx, parts):
            proposal = _proposal(line, other, message, parts)
            if _may_leave(preview(kit, tx, proposal, now)):
                moved[key] = _moved(kit, tx, message, parts, proposal, now)
    return moved


def _never_left(tx: Tx, parts: list[OutboxItem]) -> bool:
    due = bool(parts) and all(part.state is OutboxState.DUE for part in parts)
    return due and not any(part.attempt and uncertain(tx, part) for part in parts)


def _may_leave(answer: Proposed) -> bool:
    return answer.status is MessageStatus.QUEUED and answer.until is None


def _proposal(line: Line, other: Line, message: Message, parts: list[OutboxItem]) -> Proposal:
    traits = message.traits
    return Proposal(
        line=other,
        number=message.number,
        body=disclosing.said(line, message)[1],
        act=parts[0].act,
        initiator=message.initiator,
        message_class=message.message_class,
        media=message.media,
        in_reply_to=message.in_reply_to,
        provenance={**message.provenance, "fallback_of": message.id, "fallback_from": line.id},
        category=traits.category,
        programme=traits.programme,
        template=traits.template,
        flow=traits.flow,
        # What is left of its life; another line does not lengthen it.
        use_until=min(part.expires_at for part in parts),
        fallback=line.id,
    )


def _moved(
    kit: Equipment,
    tx: Tx,
    message: Message,
    parts: list[OutboxItem],
    proposal: Proposal,
    now: datetime,
) -> str:
    (done,) = propose(kit, tx, [proposal], now)
    assert _may_leave(done), "the gate answers the same twice in one transaction"
    # First, so that its alerts do not take it for a text that was lost.
    tx.alerts.retell(message.id, done.message_id)
    cancel_items(tx, parts, f"fallback: {done.message_id} on {proposal.line.id}", now)
    body = {"line": message.line, "to_line": proposal.line.id, "message": done.message_id}
    tx.audit.append([kit.audit("fell_back", message.id, "system", now, body)])
    return done.message_id
