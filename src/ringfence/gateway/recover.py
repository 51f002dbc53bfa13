"""After a crash, and while running: leases that ran out, items past their time, held messages
nobody released. What was in flight when a process died has an unknown outcome and is resolved,
never blindly repeated (P5)."""

from __future__ import annotations

from datetime import datetime, timedelta

from ringfence.gateway.bytext import COMMAND
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.finals import change_messages
from ringfence.gateway.grants import expire as expire_grants
from ringfence.gateway.parts import settle_parts
from ringfence.gateway.tries import LEASE_LOST
from ringfence.gateway.watching import watch_outcome
from ringfence.model.draft import DraftState
from ringfence.model.message import MessageStatus
from ringfence.model.outbox import OutboxState, Turn, TurnState
from ringfence.model.verdict import Act
from ringfence.ports import MessageChange, OutboxChange, TurnChange, Tx

_SWEEP_MAX = 500
# Of drafts whose line is not configured (any more): what `draftTtlMinutes` is unset.
_GONE_LINE_TTL = timedelta(hours=24)


def recover(kit: Equipment, tx: Tx, sole_owner: bool, now: datetime) -> tuple[int, int]:
    """Take back what dead processes held: (turns owed again, sends now of unknown outcome).
    `sole_owner` is true where one gateway alone uses the store, so every other lease is void."""
    owner = kit.owner if sole_owner else None
    turns = tx.turns.leases_lost(now, owner)
    tx.turns.change([_owed_again(kit, turn, now) for turn in turns])
    items = tx.outbox.leases_lost(now, owner)
    tx.outbox.change(
        [
            OutboxChange(
                item.id,
                frozenset({OutboxState.SENDING}),
                OutboxState.UNKNOWN,
                expect_attempt=item.attempt,
                reason=LEASE_LOST,
            )
            for item in items
        ]
    )
    texts = [item for item in items if item.act is not Act.CALL]  # calls are looked after
    tx.watches.add([watch_outcome(item.id, item.line, now, now) for item in texts])
    tx.audit.append(
        [
            # Kept with the item: what may have reached a person stays so whatever comes later (P5).
            kit.audit(LEASE_LOST, item.id, "system", now, {"attempt": item.attempt})
            for item in items
        ]
    )
    if turns or items:
        # A turn that was under way may have been asked: its agent may have acted on it.
        body = {"turns": [turn.id for turn in turns], "sends": [item.id for item in items]}
        tx.audit.append([kit.audit("recovered", kit.owner, "system", now, body)])
    return len(turns), len(items)


def _owed_again(kit: Equipment, turn: Turn, now: datetime) -> TurnChange:
    """Owed again at once; a turn that takes its process down every time ends with a person (P6)."""
    settings = kit.pace.turn
    old = now - turn.received_at >= settings.age_min
    poison = old and turn.attempt >= settings.attempts_min
    return TurnChange(
        turn.id,
        frozenset({TurnState.CLAIMED}),
        TurnState.DEAD if poison else TurnState.OWED,
        expect_owner=turn.lease_owner,
        due_at=now,
        lease_owner="",
        # An operator's command stays one; it must never reach an agent as a text (P2, P3).
        reason=None if turn.reason == COMMAND else LEASE_LOST,
    )


def expire(kit: Equipment, tx: Tx, now: datetime) -> int:
    """End what has outlived its use: items past `expires_at` and held messages past their line's
    lifetime, those of lines that are gone included (P6). Answers how many."""
    expire_grants(kit, tx, now)
    items = tx.outbox.expired(now, _SWEEP_MAX)
    tx.outbox.change(
        [
            OutboxChange(
                item.id,
                frozenset({OutboxState.DUE, OutboxState.HELD}),
                OutboxState.EXPIRED,
                reason="expired",
                status=MessageStatus.EXPIRED,
            )
            for item in items
        ]
    )
    messages = [item.message_id for item in items if item.parts == 1]
    for key in tx.messages.held_lines():
        line = kit.lines.get(key)
        lifetime = line.draft_ttl if line is not None else _GONE_LINE_TTL
        messages += tx.messages.held_before(key, now - lifetime, _SWEEP_MAX)
    over = [draft.message_id for draft in tx.drafts.expired(now, _SWEEP_MAX)]
    held = tx.messages.many(over) if over else {}
    messages += [key for key, one in held.items() if one.status is MessageStatus.HELD]
    change_messages(
        tx,
        [
            MessageChange(key, now, status=MessageStatus.EXPIRED, reason="expired")
            for key in dict.fromkeys(messages)
        ],
    )
    settle_parts(tx, {item.message_id for item in items if item.parts > 1}, "expired", now)
    for key in {*messages, *over, *(item.message_id for item in items)}:
        tx.drafts.change(key, DraftState.EXPIRED, "system", "", now)
    if messages or items:
        body = {"messages": sorted(set(messages)), "items": [item.id for item in items]}
        tx.audit.append([kit.audit("expired", "outbox", "system", now, body)])
    return len(items) + len(set(messages))
