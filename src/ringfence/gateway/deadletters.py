"""Dead letters: what is not tried again without a person, and the person's way to try it again
(P6). One transaction each, with its audit entry; the gate decides again when it is claimed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ringfence.gateway.bytext import COMMAND
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.finals import change_messages
from ringfence.gateway.parts import settle_parts, waiting_parts_due
from ringfence.gateway.tries import uncertain
from ringfence.model.errors import InvalidNumber, MalformedEvent, NotFound, NotResubmittable
from ringfence.model.line import Line
from ringfence.model.message import MessageClass, MessageStatus
from ringfence.model.outbox import OutboxItem, OutboxState, Turn, TurnState
from ringfence.ports import MessageChange, OutboxChange, TurnChange, Tx

_SENDABLE_AGAIN = frozenset({OutboxState.DEAD, OutboxState.FAILED})
_GONE = frozenset({OutboxState.CANCELLED, OutboxState.EXPIRED})

Readmit = Callable[[Tx, Line, Sequence[tuple[str, str]]], bool]


@dataclass(frozen=True, slots=True)
class Resubmitted:
    """`kind` is send, turn or event; `words` say what happens now."""

    kind: str
    id: str
    line: str
    words: str


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants which dead letter tried again. `line` None means any; `may_repeat` accepts that a
    person may get a text twice whose first outcome is unknown (P5)."""

    letter_id: str
    actor: str
    line: str | None = None
    may_repeat: bool = False


def resubmit(kit: Equipment, tx: Tx, readmit: Readmit, wish: Wish, now: datetime) -> Resubmitted:
    """Put one dead letter back to work. Raises NotFound, and NotResubmittable with words for one that cannot
    be tried again; nothing changes then."""
    item = tx.outbox.get(wish.letter_id)
    turn = tx.turns.get(wish.letter_id) if item is None else None
    if item is not None:
        done = _send(kit, tx, item, wish, now)
    elif turn is not None:
        done = _turn(kit, tx, turn, wish, now)
    else:
        done = _event(kit, tx, readmit, wish)
    body = {"kind": done.kind, "line": done.line, "may_repeat": wish.may_repeat}
    tx.audit.append([kit.audit("resubmitted", done.id, wish.actor, now, body)])
    return done


def _send(kit: Equipment, tx: Tx, item: OutboxItem, wish: Wish, now: datetime) -> Resubmitted:
    line = _line(kit, item.line, wish)
    if item.state not in _SENDABLE_AGAIN:
        raise NotResubmittable(f"This send is {item.state.value}, no dead letter.")
    if not item.body and not item.media:
        raise NotResubmittable("Its text is past its keeping time (retention.bodyDays).")
    unknown = uncertain(tx, item)
    if unknown and not wish.may_repeat:
        raise NotResubmittable(
            "The provider may have sent it: the outcome of a try is unknown. Look at the provider's log; "
            "--may-repeat sends it again all the same."
        )
    siblings = tx.outbox.of_messages([item.message_id]).get(item.message_id, [])
    if any(part.state in _GONE for part in siblings):
        raise NotResubmittable(
            "Other parts of this message were cancelled or expired, so it would arrive as a fragment. Send "
            "the whole text again as a new message."
        )
    change = OutboxChange(
        item.id,
        _SENDABLE_AGAIN,
        OutboxState.DUE,
        due_at=now,
        expires_at=now + line.message_ttl,
        # A fresh count of tries. After an unknown outcome the count goes on, so that a late answer
        # to the old try can never pass for an answer to the new one.
        attempt=item.attempt if unknown else 0,
        status=MessageStatus.QUEUED,
        reason="resubmitted",
    )
    later = waiting_parts_due(siblings, now, "resubmitted", now + line.message_ttl)
    tx.outbox.change([change, *later])
    if item.parts == 1:
        queued = MessageChange(
            item.message_id, now, status=MessageStatus.QUEUED, reason="resubmitted"
        )
        change_messages(tx, [queued])
    else:
        settle_parts(tx, [item.message_id], "resubmitted", now)
    return Resubmitted("send", item.id, item.line, "It is due now; the gate decides again.")


def _turn(kit: Equipment, tx: Tx, turn: Turn, wish: Wish, now: datetime) -> Resubmitted:
    _line(kit, turn.line, wish)
    message = tx.messages.get(turn.message_id)
    # An operator's command stays one; it must never reach an agent as a text (P2).
    ours = message is not None and message.message_class is MessageClass.OWNER_NOTICE
    reason = COMMAND if ours else "resubmitted"
    change = TurnChange(
        turn.id, frozenset({TurnState.DEAD}), TurnState.OWED, due_at=now, reason=reason
    )
    if turn.state is not TurnState.DEAD or not tx.turns.change([change]):
        raise NotResubmittable(f"This turn is {turn.state.value}, no dead letter.")
    words = "It is obeyed now." if ours else "The agent is asked again."
    return Resubmitted("turn", turn.id, turn.line, words)


def _event(kit: Equipment, tx: Tx, readmit: Readmit, wish: Wish) -> Resubmitted:
    event = tx.events.exhume(wish.letter_id)
    if event is None:
        raise NotFound(
            f"No dead letter {wish.letter_id[:64]}; `channels dead-letters list` shows them."
        )
    line = _line(kit, event.line, wish)
    fields = [(str(name), str(value)) for name, value in event.body.get("fields", [])]
    try:
        fresh = readmit(tx, line, fields)
    except (MalformedEvent, InvalidNumber) as error:
        raise NotResubmittable(
            f"{error.detail} It was buried as {event.kind}: {event.reason}"
        ) from error
    words = "It is taken as if it came now." if fresh else "It is there already."
    return Resubmitted("event", event.id, event.line, words)


def _line(kit: Equipment, line_id: str, wish: Wish) -> Line:
    if wish.line is not None and wish.line != line_id:
        raise NotFound(f"This dead letter belongs to line {line_id}, not {wish.line}.")
    line = kit.lines.get(line_id)
    if line is None:
        raise NotResubmittable(f"Its line {line_id} is no longer configured.")
    return line
