"""Pauses: people to whom nothing automatic goes until somebody lifts it."""

from __future__ import annotations

from collections.abc import Iterable

from ringfence.model.contact import Pause, PauseReason
from ringfence.model.phone import PhoneNumber
from ringfence.store.connection import Connection, Row
from ringfence.store.statements import ForEach, columns
from ringfence.store.values import micros, moment

_PAUSE = "p.number, p.line, p.why, p.since, p.actor, p.message_id"
_OF = ForEach(
    f"SELECT {_PAUSE} FROM pauses p{{and_rows}} WHERE p.number = :number", columns("number")
)


class PauseTable:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def of(self, numbers: Iterable[PhoneNumber]) -> list[Pause]:
        wanted = [(number.e164,) for number in set(numbers)]
        return [_pause(row) for row in self._db.each(_OF, wanted)] if wanted else []

    def listing(self) -> list[Pause]:
        rows = self._db.rows(f"SELECT {_PAUSE} FROM pauses p ORDER BY p.since, p.number, p.line")
        return [_pause(row) for row in rows]

    def add(self, pause: Pause) -> bool:
        added = self._db.run(
            "INSERT INTO pauses (number, line, why, since, actor, message_id) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (number, line) DO NOTHING",
            (
                pause.number.e164,
                pause.line,
                pause.why.value,
                micros(pause.since),
                pause.actor,
                pause.message_id,
            ),
        )
        return added > 0

    def lift(self, number: PhoneNumber, line: str) -> bool:
        return (
            self._db.run("DELETE FROM pauses WHERE number = ? AND line = ?", (number.e164, line))
            > 0
        )


def _pause(row: Row) -> Pause:
    number, line, why, since, actor, message_id = row
    return Pause(PhoneNumber(number), line, PauseReason(why), moment(since), actor, message_id)
