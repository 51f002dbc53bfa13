"""Turns owed to people: one at a time per lane, claimed by lease."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ringfence.model.outbox import Turn, TurnState
from ringfence.model.phone import PhoneNumber
from ringfence.ports import TurnChange
from ringfence.store.changes import Moves, Shape
from ringfence.store.connection import Connection, Row
from ringfence.store.outbox import LISTED_MAX
from ringfence.store.statements import Insert, columns, names
from ringfence.store.tallies import Tallies
from ringfence.store.values import micros, micros_or_none, moment, moment_or_none, storable

_OPEN = (TurnState.OWED, TurnState.CLAIMED)
_TRANSITIONS: dict[TurnState, frozenset[TurnState]] = {
    TurnState.OWED: frozenset(
        {TurnState.CLAIMED, TurnState.CANCELLED, TurnState.DONE, TurnState.DEAD}
    ),
    TurnState.CLAIMED: frozenset(
        {TurnState.OWED, TurnState.DONE, TurnState.CANCELLED, TurnState.DEAD}
    ),
    TurnState.DEAD: frozenset({TurnState.OWED, TurnState.CANCELLED}),
    TurnState.DONE: frozenset(),
    TurnState.CANCELLED: frozenset(),
}
_COLUMNS = columns(
    "id message_id line number contact_id state received_at due_at attempt lease_owner "
    "lease_until reason",
    received_at="bigint",
    due_at="bigint",
    attempt="bigint",
    lease_until="bigint",
)
_TURN = ", ".join(f"t.{name}" for name in (*names(_COLUMNS), "seq"))
_ADD = Insert("turns", (*_COLUMNS, ("head", "bigint")))


class TurnTable:
    def __init__(self, db: Connection, tallies: Tallies) -> None:
        self._db = db
        self._tallies = tallies
        self._moves = Moves(db, "turns", _OPEN, tallies, _TRANSITIONS)

    def add(self, turns: Sequence[Turn], *, ahead: bool = False) -> None:
        if not turns:
            return
        lanes = {(turn.number.e164, turn.line) for turn in turns if turn.state in _OPEN}
        occupied = self._moves.lanes.occupied(lanes)
        rows = []
        for turn in turns:
            lane = (turn.number.e164, turn.line)
            head = turn.state in _OPEN and lane not in occupied
            if head:
                occupied.add(lane)
            rows.append((*_row(turn), int(head or ahead)))
            self._tallies.count("turns", turn.line, turn.state.value, 1)
        self._db.insert(_ADD, rows)

    def due(self, now: datetime, limit: int) -> list[Turn]:
        rows = self._db.rows(
            f"SELECT {_TURN} FROM turns t WHERE t.state = 'owed' AND t.head = 1 "
            "AND t.due_at <= ? ORDER BY t.due_at, t.seq LIMIT ?",
            (micros(now), limit),
        )
        return [_turn(row) for row in rows]

    def change(self, changes: Sequence[TurnChange]) -> set[str]:
        return self._moves.apply([_shaped(change) for change in changes])

    def leases_lost(self, now: datetime, owner: str | None = None) -> list[Turn]:
        lost, param = ("t.lease_until <= ?", micros(now)) if owner is None else _not_held_by(owner)
        found = self._turns(f"t.state = 'claimed' AND {lost} ORDER BY t.lease_until", (param,))
        return sorted(found, key=lambda turn: turn.seq)

    def open_for(self, number: PhoneNumber) -> list[Turn]:
        return self._turns(
            "t.number = ? AND t.state IN ('owed', 'claimed') ORDER BY t.seq", (number.e164,)
        )

    def get(self, turn_id: str) -> Turn | None:
        found = self._turns("t.id = ?", (turn_id,))
        return found[0] if found else None

    def dead(self, line: str | None) -> list[Turn]:
        of_line, params = ("AND t.line = ?", (line,)) if line is not None else ("", ())
        return self._turns(
            f"t.state = 'dead' {of_line} ORDER BY t.seq LIMIT ?", (*params, LISTED_MAX)
        )

    def _turns(self, where: str, params: Sequence[object]) -> list[Turn]:
        rows = self._db.rows(f"SELECT {_TURN} FROM turns t WHERE {where}", params)
        return [_turn(row) for row in rows]


def _not_held_by(owner: str) -> tuple[str, str]:
    return "t.lease_owner <> ?", owner


def _shaped(change: TurnChange) -> tuple[Shape[TurnState], Row]:
    given = [
        (name, value)
        for name, value in (
            ("due_at", micros_or_none(change.due_at)),
            ("attempt", change.attempt),
            ("lease_owner", change.lease_owner),
            ("lease_until", micros_or_none(change.lease_until)),
            ("reason", None if change.reason is None else storable(change.reason)),
        )
        if value is not None
    ]
    fence = () if change.expect_owner is None else (change.expect_owner,)
    shape = Shape(
        change.expect,
        change.state,
        tuple(name for name, _ in given),
        "lease_owner" if fence else "",
    )
    return shape, (*(value for _, value in given), *fence, change.id)


def _row(turn: Turn) -> Row:
    return (
        turn.id,
        turn.message_id,
        turn.line,
        turn.number.e164,
        turn.contact_id,
        turn.state.value,
        micros(turn.received_at),
        micros(turn.due_at),
        turn.attempt,
        turn.lease_owner,
        micros_or_none(turn.lease_until),
        storable(turn.reason),
    )


def _turn(row: Row) -> Turn:
    id_, message_id, line, number, contact_id, state, received_at, due_at, attempt = row[:9]
    lease_owner, lease_until, reason, seq = row[9:]
    return Turn(
        id_,
        message_id,
        line,
        PhoneNumber(number),
        contact_id,
        TurnState(state),
        moment(received_at),
        moment(due_at),
        attempt,
        lease_owner,
        moment_or_none(lease_until),
        reason,
        seq,
    )
