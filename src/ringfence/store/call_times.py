"""How long the turns of live sound took, turn by turn; gone with their call."""

from __future__ import annotations

from collections.abc import Collection

from ringfence.model.call import TurnTimes
from ringfence.store.connection import Connection
from ringfence.store.statements import ForEach, Insert, columns, names

_TIMES = ("turn", "over_ms", "allowed_ms", "made_ms", "sent_ms", "played_ms")
_COLUMNS = columns(
    "call_id turn over_ms allowed_ms made_ms sent_ms played_ms",
    **dict.fromkeys(_TIMES, "bigint"),
)
_ADD = Insert("call_times", _COLUMNS, "ON CONFLICT (call_id, turn) DO NOTHING")
_OF = ForEach(
    f"SELECT {', '.join(f't.{name}' for name in names(_COLUMNS))} FROM call_times t{{and_rows}} "
    "WHERE t.call_id = :call_id",
    columns("call_id"),
)


class CallTimes:
    _db: Connection

    def add_times(self, times: TurnTimes) -> None:
        self._db.insert(_ADD, [tuple(getattr(times, name) for name in names(_COLUMNS))])

    def times_of(self, call_ids: Collection[str]) -> list[TurnTimes]:
        wanted = [(id_,) for id_ in sorted(set(call_ids))]
        rows = self._db.each(_OF, wanted) if wanted else []
        return sorted((TurnTimes(*row) for row in rows), key=lambda one: (one.call_id, one.turn))
