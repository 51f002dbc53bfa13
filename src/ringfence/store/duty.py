"""What people change about who is on call while the gateway runs, whose numbers are known to be theirs,
and what jobs promised to say. Schedules themselves stand in the configuration."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ringfence.model.alert import Maintenance
from ringfence.model.oncall import Override, OverrideKind
from ringfence.model.phone import PhoneNumber
from ringfence.ports import Beating, StoredOverride
from ringfence.store.connection import Connection, Row
from ringfence.store.statements import ForEach, columns
from ringfence.store.values import indexable, micros, moment, storable

_OVERRIDE = "id, schedule, kind, responder, instead_of, begins, ends, created_at, actor"
_WINDOW = "id, flow, service, begins, ends, reason, actor"
_BEAT = "source, name, at, period_s, grace_s, due_at, missed"
_VERIFIED = ForEach(
    "SELECT v.number FROM verified_numbers v{and_rows} WHERE v.number = :number",
    columns("number"),
)


class DutyTable:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def add_override(self, override: StoredOverride) -> None:
        one = override.override
        self._db.run(
            f"INSERT INTO duty_overrides ({_OVERRIDE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                override.id,
                override.schedule,
                one.kind.value,
                one.responder,
                one.instead_of,
                micros(one.begins),
                micros(one.ends),
                micros(override.created_at),
                override.actor,
            ),
        )

    def overrides(self, schedule: str | None, ends_after: datetime) -> list[StoredOverride]:
        where, params = ("", ()) if schedule is None else (" AND schedule = ?", (schedule,))
        rows = self._db.rows(
            f"SELECT {_OVERRIDE}, seq FROM duty_overrides WHERE ends > ?{where}",
            (micros(ends_after), *params),
        )
        return [_override(row) for row in sorted(rows, key=lambda row: int(row[-1]))]

    def remove_override(self, override_id: str) -> bool:
        return self._db.run("DELETE FROM duty_overrides WHERE id = ?", (override_id,)) > 0

    def add_maintenance(self, window: Maintenance) -> None:
        self._db.run(
            f"INSERT INTO maintenance ({_WINDOW}) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                window.id,
                window.flow,
                storable(window.service),
                micros(window.begins),
                micros(window.ends),
                storable(window.reason),
                window.actor,
            ),
        )

    def maintenance(self, ends_after: datetime) -> list[Maintenance]:
        rows = self._db.rows(
            f"SELECT {_WINDOW}, seq FROM maintenance WHERE ends > ?", (micros(ends_after),)
        )
        return [_window(row) for row in sorted(rows, key=lambda row: (int(row[3]), int(row[-1])))]

    def end_maintenance(self, window_id: str, now: datetime) -> bool:
        at = micros(now)
        ended = self._db.run(
            "UPDATE maintenance SET ends = ? WHERE id = ? AND begins < ? AND ends > ?",
            (at, window_id, at, at),
        )
        gone = self._db.run("DELETE FROM maintenance WHERE id = ? AND begins >= ?", (window_id, at))
        return ended + gone > 0

    def verified(self, numbers: Iterable[PhoneNumber]) -> set[PhoneNumber]:
        wanted = [(number.e164,) for number in set(numbers)]
        rows = self._db.each(_VERIFIED, wanted) if wanted else ()
        return {PhoneNumber(number) for (number,) in rows}

    def verify(self, number: PhoneNumber, responder: str, now: datetime) -> None:
        """The code that was asked for has done its work."""
        self._db.run(
            "INSERT INTO verified_numbers (number, responder, at) VALUES (?, ?, ?) "
            "ON CONFLICT (number) DO UPDATE SET responder = excluded.responder, at = excluded.at",
            (number.e164, responder, micros(now)),
        )
        self._db.run("DELETE FROM verifications WHERE number = ?", (number.e164,))

    def unverify(self, number: PhoneNumber) -> None:
        self._db.run("DELETE FROM verified_numbers WHERE number = ?", (number.e164,))

    def ask(self, number: PhoneNumber, code: str, expires_at: datetime) -> None:
        self._db.run(
            "INSERT INTO verifications (number, code, expires_at) VALUES (?, ?, ?) "
            "ON CONFLICT (number) DO UPDATE SET code = excluded.code, "
            "expires_at = excluded.expires_at",
            (number.e164, code, micros(expires_at)),
        )

    def asked(self, number: PhoneNumber, now: datetime) -> str:
        code = self._db.value(
            "SELECT code FROM verifications WHERE number = ? AND expires_at > ?",
            (number.e164, micros(now)),
        )
        return str(code or "")

    def beat(self, beating: Beating) -> None:
        """The same beat told again brings back no alarm that was given."""
        self._db.run(
            f"INSERT INTO beats ({_BEAT}) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (source, name) DO UPDATE SET "
            "missed = CASE WHEN excluded.at > beats.at THEN excluded.missed ELSE beats.missed END, "
            "at = excluded.at, period_s = excluded.period_s, grace_s = excluded.grace_s, "
            "due_at = excluded.due_at WHERE excluded.at >= beats.at",
            (
                beating.source,
                indexable(beating.name),
                micros(beating.at),
                beating.period_s,
                beating.grace_s,
                micros(beating.due_at),
                int(beating.missed),
            ),
        )

    def beat_missed(self, source: str, name: str) -> None:
        self._db.run(
            "UPDATE beats SET missed = 1 WHERE source = ? AND name = ?", (source, indexable(name))
        )

    def beats_due(self, now: datetime, limit: int) -> list[Beating]:
        rows = self._db.rows(
            f"SELECT {_BEAT} FROM beats WHERE missed = 0 AND due_at <= ? ORDER BY due_at LIMIT ?",
            (micros(now), limit),
        )
        return [_beating(row) for row in rows]

    def beats(self) -> list[Beating]:
        found = [_beating(row) for row in self._db.rows(f"SELECT {_BEAT} FROM beats")]
        # Sorted here: PostgreSQL's order of texts is its locale's.
        return sorted(found, key=lambda beat: (beat.source, beat.name))


def _override(row: Row) -> StoredOverride:
    id_, schedule, kind, responder, instead_of, begins, ends, created_at, actor, _ = row
    override = Override(OverrideKind(kind), responder, moment(begins), moment(ends), instead_of)
    return StoredOverride(id_, schedule, override, moment(created_at), actor)


def _window(row: Row) -> Maintenance:
    id_, flow, service, begins, ends, reason, actor, _ = row
    return Maintenance(id_, flow, service, moment(begins), moment(ends), reason, actor)


def _beating(row: Row) -> Beating:
    source, name, at, period_s, grace_s, due_at, missed = row
    return Beating(source, name, moment(at), period_s, grace_s, moment(due_at), bool(missed))
