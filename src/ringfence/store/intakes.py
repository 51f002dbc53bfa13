"""Intakes: one row per person and line, the newest one's; people look at them, and answers are theirs
to erase."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from ringfence.model.intake import Intake, IntakeState
from ringfence.model.phone import PhoneNumber
from ringfence.store.connection import Connection, Row
from ringfence.store.values import micros, moment

_INTAKE = "i.number, i.line, i.state, i.message_id, i.fields, i.asked, i.tries, i.started_at, i.updated_at"
_ASKING = IntakeState.ASKING.value


class IntakeTable:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def get(self, line: str, number: PhoneNumber) -> Intake | None:
        row = self._db.row(
            f"SELECT {_INTAKE} FROM intakes i WHERE i.number = ? AND i.line = ?",
            (number.e164, line),
        )
        return None if row is None else _intake(row)

    def put(self, intake: Intake) -> None:
        self._db.run(
            "INSERT INTO intakes (number, line, state, message_id, fields, asked, tries, started_at, "
            "updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number, line) DO UPDATE SET "
            "state = excluded.state, message_id = excluded.message_id, fields = excluded.fields, "
            "asked = excluded.asked, tries = excluded.tries, started_at = excluded.started_at, "
            "updated_at = excluded.updated_at",
            (
                intake.number.e164,
                intake.line,
                intake.state.value,
                intake.message_id,
                json.dumps(dict(intake.answers), ensure_ascii=False),
                intake.asked,
                intake.tries,
                micros(intake.started_at),
                micros(intake.updated_at),
            ),
        )

    def end(
        self, number: PhoneNumber, line: str | None, state: IntakeState, now: datetime
    ) -> list[str]:
        where, params = ("", ()) if line is None else (" AND line = ?", (line,))
        asking = self._db.rows(
            f"SELECT line FROM intakes WHERE number = ? AND state = '{_ASKING}'{where}",
            (number.e164, *params),
        )
        if asking:
            self._db.run(
                f"UPDATE intakes SET state = ?, updated_at = ? WHERE number = ? "
                f"AND state = '{_ASKING}'{where}",
                (state.value, micros(now), number.e164, *params),
            )
        return [found for (found,) in asking]

    def of_person(self, number: PhoneNumber) -> list[Intake]:
        rows = self._db.rows(
            f"SELECT {_INTAKE} FROM intakes i WHERE i.number = ? ORDER BY i.line", (number.e164,)
        )
        return [_intake(row) for row in rows]

    def silent(self, line: str, since: datetime, limit: int) -> list[Intake]:
        rows = self._db.rows(
            f"SELECT {_INTAKE} FROM intakes i WHERE i.state = '{_ASKING}' AND i.line = ? "
            "AND i.updated_at <= ? ORDER BY i.updated_at LIMIT ?",
            (line, micros(since), limit),
        )
        return [_intake(row) for row in rows]

    def listing(self, line: str | None, limit: int) -> Sequence[Intake]:
        where, params = ("", ()) if line is None else ("WHERE i.line = ? ", (line,))
        rows = self._db.rows(
            f"SELECT {_INTAKE} FROM intakes i {where}ORDER BY i.updated_at DESC, i.number LIMIT ?",
            (*params, limit),
        )
        return [_intake(row) for row in rows]


def _intake(row: Row) -> Intake:
    number, line, state, message_id, answers, asked, tries, started_at, updated_at = row
    return Intake(
        PhoneNumber(number),
        line,
        IntakeState(state),
        message_id,
        moment(started_at),
        moment(updated_at),
        json.loads(answers),
        asked,
        tries,
    )
