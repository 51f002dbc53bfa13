"""Drafts: one row per held message that a person is asked about. A draft changes only from the
state that is expected, so that of two who decide only one does."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from ringfence.model.draft import Draft, DraftState
from ringfence.model.phone import PhoneNumber
from ringfence.store.connection import Connection, Row
from ringfence.store.statements import ForEach, Insert, columns, names
from ringfence.store.values import micros, micros_or_none, moment, moment_or_none, storable

_COLUMNS = columns(
    "message_id code state line number text_digest created_at expires_at decided_at decided_by "
    "note replaces replaced_by",
    created_at="bigint",
    expires_at="bigint",
    decided_at="bigint",
)
_DRAFT = ", ".join(f"d.{name}" for name in names(_COLUMNS))
# Held once, let go, held again: the person is asked anew.
_ADD = Insert(
    "drafts",
    _COLUMNS,
    "ON CONFLICT (message_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in names(_COLUMNS)[1:]),
)
_GET = ForEach(
    f"SELECT {_DRAFT} FROM drafts d{{and_rows}} WHERE d.message_id = :message_id",
    columns("message_id"),
)


class DraftTable:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def add(self, drafts: Sequence[Draft]) -> None:
        if drafts:
            self._db.insert(_ADD, [_row(draft) for draft in drafts])

    def change(
        self,
        message_id: str,
        state: DraftState,
        by: str,
        note: str,
        now: datetime,
        *,
        expect: DraftState = DraftState.WAITING,
        replaced_by: str = "",
    ) -> bool:
        changed = self._db.run(
            "UPDATE drafts SET state = ?, decided_by = ?, note = ?, decided_at = ?, "
            "replaced_by = ? WHERE message_id = ? AND state = ?",
            (
                state.value,
                by,
                storable(note),
                micros(now),
                replaced_by,
                message_id,
                expect.value,
            ),
        )
        return changed > 0

    def get(self, message_id: str) -> Draft | None:
        return self.many((message_id,)).get(message_id)

    def many(self, message_ids: Iterable[str]) -> dict[str, Draft]:
        wanted = [(id_,) for id_ in set(message_ids)]
        found = map(_draft, self._db.each(_GET, wanted) if wanted else ())
        return {draft.message_id: draft for draft in found}

    def by_code(self, code: str) -> Draft | None:
        rows = self._db.rows(
            f"SELECT {_DRAFT} FROM drafts d WHERE d.code = ? "
            "ORDER BY d.state = 'waiting' DESC, d.created_at DESC LIMIT 1",
            (code,),
        )
        return _draft(rows[0]) if rows else None

    def is_taken(self, code: str) -> bool:
        query = "SELECT 1 FROM drafts WHERE code = ? AND state = 'waiting'"
        return self._db.row(query, (code,)) is not None

    def waiting(self, lines: Collection[str] | None, limit: int) -> list[Draft]:
        params = sorted(lines) if lines is not None else []
        where = (
            "" if lines is None else f" AND d.line IN ({', '.join('?' * len(params)) or 'NULL'})"
        )
        rows = self._db.rows(
            f"SELECT {_DRAFT} FROM drafts d WHERE d.state = 'waiting'{where} "
            "ORDER BY d.created_at, d.message_id LIMIT ?",
            (*params, limit),
        )
        return [_draft(row) for row in rows]

    def live_for(self, number: PhoneNumber) -> list[Draft]:
        rows = self._db.rows(
            f"SELECT {_DRAFT} FROM drafts d WHERE d.number = ? "
            "AND d.state IN ('waiting', 'approved') ORDER BY d.created_at",
            (number.e164,),
        )
        return [_draft(row) for row in rows]

    def expired(self, now: datetime, limit: int) -> list[Draft]:
        rows = self._db.rows(
            f"SELECT {_DRAFT} FROM drafts d WHERE d.state = 'waiting' AND d.expires_at <= ? "
            "ORDER BY d.expires_at LIMIT ?",
            (micros(now), limit),
        )
        return [_draft(row) for row in rows]


def _row(draft: Draft) -> Row:
    return (
        draft.message_id,
        draft.code,
        draft.state.value,
        draft.line,
        draft.number.e164,
        draft.text_digest,
        micros(draft.created_at),
        micros(draft.expires_at),
        micros_or_none(draft.decided_at),
        draft.decided_by,
        storable(draft.note),
        draft.replaces,
        draft.replaced_by,
    )


def _draft(row: Row) -> Draft:
    message_id, code, state, line, number, text_digest, created_at, expires_at = row[:8]
    decided_at, decided_by, note, replaces, replaced_by = row[8:]
    return Draft(
        message_id,
        code,
        DraftState(state),
        line,
        PhoneNumber(number),
        text_digest,
        moment(created_at),
        moment(expires_at),
        moment_or_none(decided_at),
        decided_by,
        note,
        replaces,
        replaced_by,
    )
