"""Calls: one row each, saved whole. Their legs are in `call_legs.py`, what was said in `call_words.py`, how
long turns took in `call_times.py`, what was left after the tone in `call_messages.py`: this table group
holds all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from ringfence.model.call import Call, CallMode, EndReason, Leg
from ringfence.model.message import Direction
from ringfence.model.phone import PhoneNumber
from ringfence.store.call_legs import CallLegs
from ringfence.store.call_messages import CallMessages
from ringfence.store.call_times import CallTimes
from ringfence.store.call_words import CallWords
from ringfence.store.connection import Connection, Row
from ringfence.store.statements import ForEach, Insert, columns, names, unindexed, within
from ringfence.store.values import micros, micros_or_none, moment, moment_or_none, storable

_MICROSECOND = timedelta(microseconds=1)
_BIGINTS = (
    "time_limit created_at updated_at turn sequence disclosed_at said_at look_at looks error_code "
    "silences pin_given awaited_until live"
)
_COLUMNS = columns(
    "id line direction mode number contact_id time_limit created_at updated_at initiator "
    "message_id outbox_id turn sequence disclosed_at said_at pressed ending look_at looks "
    "error_code called silences recent pin_given awaited_until live",
    **dict.fromkeys(_BIGINTS.split(), "bigint"),
)
_CALL = ", ".join(f"c.{name}" for name in names(_COLUMNS) if name not in ("number", "live"))
_ADD = Insert("calls", _COLUMNS)
_SAVE = ForEach(
    "UPDATE calls SET "
    + ", ".join(f"{name} = :{name}" for name in names(_COLUMNS)[1:])
    + " {from_rows} WHERE calls.id = :id",
    _COLUMNS,
)
_GET = ForEach(f"SELECT {_CALL} FROM calls c{{and_rows}} WHERE c.id = :id", columns("id"))
_OF_MESSAGE = ForEach(
    f"""SELECT {_CALL} FROM calls c{{and_rows}} WHERE c.seq = (
        SELECT n.seq FROM calls n WHERE n.message_id = :message_id AND n.message_id <> ''
        ORDER BY n.seq DESC LIMIT 1
    )""",
    columns("message_id"),
)
_SEQ = "(SELECT a.seq FROM calls a WHERE a.id = ?)"


class CallTable(CallWords, CallTimes, CallMessages):
    def __init__(self, db: Connection) -> None:
        self._db = db
        self._legs = CallLegs(db)

    def add(self, calls: Sequence[Call]) -> None:
        if calls:
            self._db.insert(_ADD, [_row(call) for call in calls])
            self._legs.add(calls)

    def save(self, calls: Iterable[Call]) -> None:
        last = list({call.id: call for call in calls}.values())
        if last:
            self._db.run_each(_SAVE, [_row(call) for call in last])
            self._legs.replace(last)

    def get(self, call_id: str) -> Call | None:
        return self.many((call_id,)).get(call_id)

    def many(self, call_ids: Collection[str]) -> dict[str, Call]:
        wanted = [(id_,) for id_ in set(call_ids)]
        found = self._calls(self._db.each(_GET, wanted) if wanted else [])
        return {call.id: call for call in found}

    def at_provider(self, line: str, provider_id: str) -> Call | None:
        call_id = self._legs.call_of(line, provider_id)
        return None if call_id is None else self.get(call_id)

    def of_messages(self, message_ids: Collection[str]) -> dict[str, Call]:
        wanted = [(id_,) for id_ in set(message_ids)]
        found = self._calls(self._db.each(_OF_MESSAGE, wanted) if wanted else [])
        return {call.message_id: call for call in found}

    def of_person(self, number: PhoneNumber) -> list[Call]:
        return self._where("c.number = ? ORDER BY c.seq", (number.e164,))

    def live(self, lines: Collection[str]) -> dict[str, int]:
        counts = dict.fromkeys(lines, 0)
        for (line,) in self._db.rows("SELECT c.line FROM calls c WHERE c.live = 1"):
            if line in counts:
                counts[line] += 1
        return counts

    def live_ones(self) -> list[Call]:
        return self._where("c.live = 1 ORDER BY c.seq", ())

    def due(self, now: datetime, limit: int) -> list[Call]:
        return self._where(
            "c.look_at IS NOT NULL AND c.look_at <= ? ORDER BY c.look_at, c.seq LIMIT ?",
            (micros(now), limit),
        )

    def listing(
        self, limit: int, line: str | None, number: PhoneNumber | None, after: str | None
    ) -> list[Call]:
        if number is not None:
            # A person has few calls, a line has many.
            where, params = _before("number", number.e164, after)
            if line is not None:
                where, params = f"{unindexed('c.line')} = ? AND {where}", (line, *params)
        elif line is not None:
            where, params = _before("line", line, after)
        elif after is not None:
            where, params = f"c.seq < {_SEQ} ORDER BY c.seq DESC", (after,)
        else:
            where, params = "true ORDER BY c.seq DESC", ()
        return self._where(f"{where} LIMIT ?", (*params, limit))

    def _where(self, where: str, params: Sequence[Any]) -> list[Call]:
        return self._calls(self._db.rows(f"SELECT {_CALL} FROM calls c WHERE {where}", params))

    def _calls(self, rows: Sequence[Row]) -> list[Call]:
        legs = self._legs.of([row[0] for row in rows])
        return [_call(row, legs[row[0]]) for row in rows]


def _before(column: str, value: str, after: str | None) -> tuple[str, Row]:
    """Of one line or person, newest first. With `after` a page begins where it says: for SQLite only an
    equality makes a place in the index of it, a range would walk there from the newest on."""
    order = f"ORDER BY c.{column} DESC, c.seq DESC"
    if after is None:
        return f"{within(f'c.{column}')} {order}", (value, value)
    return f"c.{column} = ? AND c.seq < {_SEQ} {order}", (value, after)


def _row(call: Call) -> Row:
    return (
        call.id,
        call.line,
        call.direction.value,
        call.mode.value,
        call.person.number.e164,
        call.contact_id,
        call.time_limit // _MICROSECOND,
        micros(call.created_at),
        micros(call.updated_at),
        call.initiator,
        call.message_id,
        call.outbox_id,
        call.turn,
        call.sequence,
        micros_or_none(call.disclosed_at),
        micros_or_none(call.said_at),
        storable(call.pressed),
        call.ending.value if call.ending else "",
        micros_or_none(call.look_at),
        call.looks,
        call.error_code,
        storable(call.called),
        call.silences,
        " ".join(call.recent),
        int(call.pin_given),
        micros_or_none(call.awaited_until),
        int(not call.is_over),
    )


def _call(row: Row, legs: Sequence[Leg]) -> Call:
    id_, line, direction, mode, contact_id, time_limit, created_at, updated_at = row[:8]
    initiator, message_id, outbox_id, turn, sequence, disclosed_at, said_at = row[8:15]
    pressed, ending, look_at, looks, error_code, called, silences = row[15:22]
    recent, pin_given, awaited_until = row[22:]
    person, *joined = legs
    return Call(
        id=id_,
        line=line,
        direction=Direction(direction),
        mode=CallMode(mode),
        contact_id=contact_id,
        person=person,
        time_limit=time_limit * _MICROSECOND,
        created_at=moment(created_at),
        updated_at=moment(updated_at),
        joined=tuple(joined),
        initiator=initiator,
        message_id=message_id,
        outbox_id=outbox_id,
        turn=turn,
        sequence=sequence,
        disclosed_at=moment_or_none(disclosed_at),
        said_at=moment_or_none(said_at),
        pressed=pressed,
        ending=EndReason(ending) if ending else None,
        look_at=moment_or_none(look_at),
        looks=looks,
        error_code=error_code,
        called=called,
        silences=silences,
        recent=tuple(recent.split()),
        pin_given=bool(pin_given),
        awaited_until=moment_or_none(awaited_until),
    )
