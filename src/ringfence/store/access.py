"""Pairing: who was approved on which line, and who asks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ringfence.model.contact import PairingRequest, PairingState
from ringfence.model.phone import PhoneNumber
from ringfence.store.connection import Connection, Row
from ringfence.store.statements import ForEach, columns
from ringfence.store.values import micros, moment

_REQUEST = (
    "p.id, p.line, p.number, p.code, p.state, p.created_at, p.expires_at, p.last_seen_at, "
    "p.seen_count, p.answered"
)
_PENDING = "p.state = 'pending' AND p.expires_at > "
_APPROVED = ForEach(
    "SELECT a.line, a.number FROM approvals a{and_rows} "
    "WHERE a.line = :line AND a.number = :number",
    columns("line number"),
)
_PENDING_OF = ForEach(
    f"SELECT {_REQUEST} FROM pairing_requests p{{and_rows}} WHERE p.line = :line "
    f"AND p.number = :number AND {_PENDING} :now",
    columns("line number now", now="bigint"),
)

Pair = tuple[str, PhoneNumber]


class AccessTable:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def approved(self, pairs: Iterable[Pair]) -> set[Pair]:
        asked = {(line, number.e164): (line, number) for line, number in pairs}
        if not asked:
            return set()
        return {asked[line, e164] for line, e164 in self._db.each(_APPROVED, list(asked))}

    def approve(self, line: str, number: PhoneNumber, actor: str, now: datetime) -> None:
        self._db.run(
            "INSERT INTO approvals (line, number, actor, approved_at) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (line, number) DO NOTHING",
            (line, number.e164, actor, micros(now)),
        )

    def revoke(self, line: str, number: PhoneNumber) -> bool:
        return (
            self._db.run("DELETE FROM approvals WHERE line = ? AND number = ?", (line, number.e164))
            > 0
        )

    def pending(self, pairs: Iterable[Pair], now: datetime) -> dict[Pair, PairingRequest]:
        at = micros(now)
        asked = [(line, number.e164, at) for line, number in set(pairs)]
        found = map(_request, self._db.each(_PENDING_OF, asked) if asked else ())
        return {(request.line, request.number): request for request in found}

    def pending_by_code(self, line: str, code: str, now: datetime) -> PairingRequest | None:
        row = self._db.row(
            f"SELECT {_REQUEST} FROM pairing_requests p WHERE p.line = ? "
            f"AND p.code = ? AND {_PENDING} ? ORDER BY p.seq DESC LIMIT 1",
            (line, code, micros(now)),
        )
        return _request(row) if row else None

    def pending_answered(self, line: str, now: datetime) -> int:
        return int(
            self._db.value(
                "SELECT count(*) FROM pairing_requests p WHERE p.line = ? "
                f"AND p.answered = 1 AND {_PENDING} ?",
                (line, micros(now)),
            )
        )

    def add_request(self, request: PairingRequest) -> None:
        self._db.run(
            "INSERT INTO pairing_requests (id, line, number, code, state, created_at, expires_at, "
            "last_seen_at, seen_count, answered) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                request.id,
                request.line,
                request.number.e164,
                request.code,
                request.state.value,
                micros(request.created_at),
                micros(request.expires_at),
                micros(request.last_seen_at),
                request.seen_count,
                int(request.answered),
            ),
        )

    def seen_again(self, request_id: str, now: datetime) -> None:
        self._db.run(
            "UPDATE pairing_requests SET seen_count = seen_count + 1, last_seen_at = ? "
            "WHERE id = ?",
            (micros(now), request_id),
        )

    def close_request(self, request_id: str, state: PairingState) -> None:
        self._db.run(
            "UPDATE pairing_requests SET state = ? WHERE id = ?", (state.value, request_id)
        )

    def requests(self, line: str | None, now: datetime) -> list[PairingRequest]:
        of_line, params = ("AND p.line = ?", (line,)) if line is not None else ("", ())
        found = self._db.rows(
            f"SELECT {_REQUEST} FROM pairing_requests p WHERE {_PENDING} ? {of_line}",
            (micros(now), *params),
        )
        return sorted(map(_request, found), key=lambda request: (request.created_at, request.id))


def _request(row: Row) -> PairingRequest:
    id_, line, number, code, state, created_at, expires_at, last_seen_at, seen_count, answered = row
    return PairingRequest(
        id_,
        line,
        PhoneNumber(number),
        code,
        PairingState(state),
        moment(created_at),
        moment(expires_at),
        moment(last_seen_at),
        seen_count,
        bool(answered),
    )
