"""The legs of calls: the person's at place 0, those that joined behind it. A call's legs are written
anew whenever it is saved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ringfence.model.call import Answerer, Call, CallState, EndReason, Leg, LegRole
from ringfence.model.phone import PhoneNumber
from ringfence.store.connection import Connection, Row
from ringfence.store.statements import ForEach, Insert, columns, names
from ringfence.store.values import indexable, micros_or_none, moment_or_none

_COLUMNS = columns(
    "call_id place line number role state provider_id offered_at answered_at ended_at answered_by "
    "end_reason",
    **dict.fromkeys(("place", "offered_at", "answered_at", "ended_at"), "bigint"),
)
_LEG = ", ".join(f"l.{name}" for name in names(_COLUMNS) if name != "line")
_ADD = Insert("call_legs", _COLUMNS)
_OF = ForEach(
    f"SELECT {_LEG} FROM call_legs l{{and_rows}} WHERE l.call_id = :call_id", columns("call_id")
)
_DROP = ForEach(
    "DELETE FROM call_legs {using_rows} WHERE call_legs.call_id = :call_id", columns("call_id")
)


class CallLegs:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def add(self, calls: Iterable[Call]) -> None:
        rows = [
            _row(call, place, leg)
            for call in calls
            for place, leg in enumerate((call.person, *call.joined))
        ]
        self._db.insert(_ADD, rows)

    def replace(self, calls: Sequence[Call]) -> None:
        """By all at once, since a provider's id may have gone from one leg to another."""
        self._db.run_each(_DROP, [(call.id,) for call in calls])
        self.add(calls)

    def of(self, call_ids: Sequence[str]) -> dict[str, list[Leg]]:
        """By call, the person's first."""
        rows = self._db.each(_OF, [(id_,) for id_ in call_ids]) if call_ids else []
        found: dict[str, list[Leg]] = {}
        for call_id, _, *leg in sorted(rows, key=lambda row: int(row[1])):
            found.setdefault(call_id, []).append(_leg(tuple(leg)))
        return found

    def call_of(self, line: str, provider_id: str) -> str | None:
        found = self._db.value(
            "SELECT l.call_id FROM call_legs l "
            "WHERE l.provider_id = ? AND l.provider_id <> '' AND l.line = ?",
            (indexable(provider_id), line),
        )
        return None if found is None else str(found)


def _row(call: Call, place: int, leg: Leg) -> Row:
    return (
        call.id,
        place,
        call.line,
        leg.number.e164,
        leg.role.value,
        leg.state.value,
        indexable(leg.provider_id),
        micros_or_none(leg.offered_at),
        micros_or_none(leg.answered_at),
        micros_or_none(leg.ended_at),
        leg.answered_by.value if leg.answered_by else "",
        leg.end_reason.value if leg.end_reason else "",
    )


def _leg(row: Row) -> Leg:
    number, role, state, provider_id, offered_at, answered_at, ended_at, answered_by, reason = row
    return Leg(
        PhoneNumber(number),
        LegRole(role),
        CallState(state),
        provider_id,
        moment_or_none(offered_at),
        moment_or_none(answered_at),
        moment_or_none(ended_at),
        Answerer(answered_by) if answered_by else None,
        EndReason(reason) if reason else None,
    )
