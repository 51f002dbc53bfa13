"""Consent: the ledger of events, which only grows, what the events come to for the gate, and who
was asked by text. An event is deleted only when its person is erased."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from ringfence.model.consent import (
    NOTHING,
    ConsentEvent,
    ConsentKind,
    Held,
    Level,
    Method,
    OptInRequest,
    OptInState,
    Standing,
    after,
    standing_of,
)
from ringfence.model.phone import PhoneNumber
from ringfence.store.connection import Connection, Row
from ringfence.store.statements import ForEach, Insert, columns
from ringfence.store.values import micros, micros_or_none, moment, moment_or_none, storable

_FIELDS = (
    "id number programme kind level channel method disclosure disclosure_digest evidence actor at "
    "recorded_at ip user_agent expires_at country"
)
_EVENT = ", ".join(f"c.{name}" for name in _FIELDS.split()) + ", c.seq"
_ADD = Insert("consents", columns(_FIELDS, at="bigint", recorded_at="bigint", expires_at="bigint"))
_OF_PERSON = ForEach(
    f"SELECT {_EVENT} FROM consents c{{and_rows}} WHERE c.number = :number", columns("number")
)
_STANDING = "s.number, s.programme, s.level, s.granted_at, s.expires_at, s.event_id, s.revoked_at"
_HELD = ForEach(
    f"SELECT {_STANDING} FROM consent_standings s{{and_rows}} WHERE s.number = :number",
    columns("number"),
)
_IN_PROGRAMME = ForEach(
    f"SELECT {_STANDING} FROM consent_standings s{{and_rows}} "
    "WHERE s.number = :number AND s.programme = :programme",
    columns("number programme"),
)
_HOLD = Insert(
    "consent_standings",
    columns(
        "number programme level granted_at expires_at event_id revoked_at",
        granted_at="bigint",
        expires_at="bigint",
        revoked_at="bigint",
    ),
    "ON CONFLICT (number, programme, level) DO UPDATE SET granted_at = excluded.granted_at, "
    "expires_at = excluded.expires_at, event_id = excluded.event_id, "
    "revoked_at = excluded.revoked_at",
)
_REQUEST_FIELDS = (
    "id number line programme level code state tries created_at expires_at actor disclosure "
    "message_id"
)
_REQUEST = ", ".join(f"o.{name}" for name in _REQUEST_FIELDS.split())
_ADD_REQUEST = Insert(
    "opt_in_requests",
    columns(_REQUEST_FIELDS, tries="bigint", created_at="bigint", expires_at="bigint"),
)

Pair = tuple[PhoneNumber, str]
_Projections = dict[PhoneNumber, dict[tuple[str, Level], Held]]


class ConsentTable:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def append(self, events: Sequence[ConsentEvent]) -> None:
        if not events:
            return
        self._db.insert(_ADD, [_row(event) for event in events])
        before = self._projections({event.number for event in events})
        now: _Projections = {number: dict(held) for number, held in before.items()}
        for event in events:
            now[event.number] = after(now.get(event.number, {}), event)
        changed = [
            _held_row(number, key, held)
            for number, levels in now.items()
            for key, held in levels.items()
            if before.get(number, {}).get(key) != held
        ]
        if changed:
            self._db.insert(_HOLD, changed)

    def standing(self, pairs: Iterable[Pair]) -> dict[Pair, Standing]:
        asked = {(number.e164, programme): (number, programme) for number, programme in pairs}
        if not asked:
            return {}
        found: dict[Pair, list[tuple[Level, Held]]] = {}
        for row in self._db.each(_IN_PROGRAMME, list(asked)):
            found.setdefault(asked[row[0], row[1]], []).append((Level(row[2]), _held(row)))
        return {
            pair: standing_of(found[pair]) if pair in found else NOTHING for pair in asked.values()
        }

    def of_person(self, number: PhoneNumber) -> list[ConsentEvent]:
        return self.of_people([number]).get(number, [])

    def of_people(self, numbers: Iterable[PhoneNumber]) -> dict[PhoneNumber, list[ConsentEvent]]:
        wanted = [(number.e164,) for number in set(numbers)]
        events = [_event(row) for row in self._db.each(_OF_PERSON, wanted)] if wanted else []
        found: dict[PhoneNumber, list[ConsentEvent]] = {}
        for event in sorted(events, key=lambda one: one.seq):
            found.setdefault(event.number, []).append(event)
        return found

    def standings_of(self, number: PhoneNumber) -> dict[str, Standing]:
        levels: dict[str, list[tuple[Level, Held]]] = {}
        for (programme, level), held in self._projections({number}).get(number, {}).items():
            if held.granted_at is not None:
                levels.setdefault(programme, []).append((level, held))
        return {programme: standing_of(rows) for programme, rows in sorted(levels.items())}

    def listing(self, after_seq: int, limit: int, programme: str | None) -> list[ConsentEvent]:
        where, params = ("", ()) if programme is None else ("AND c.programme = ? ", (programme,))
        sql = f"SELECT {_EVENT} FROM consents c WHERE c.seq > ? {where}ORDER BY c.seq LIMIT ?"
        return [_event(row) for row in self._db.rows(sql, (after_seq, *params, limit))]

    def newest(self, limit: int, programme: str | None) -> list[ConsentEvent]:
        where, params = ("", ()) if programme is None else ("WHERE c.programme = ? ", (programme,))
        sql = f"SELECT {_EVENT} FROM consents c {where}ORDER BY c.seq DESC LIMIT ?"
        return [_event(row) for row in self._db.rows(sql, (*params, limit))]

    def erase(self, number: PhoneNumber) -> int:
        self._db.run("INSERT INTO erasures (number) VALUES (?)", (number.e164,))
        erased = self._db.run("DELETE FROM consents WHERE number = ?", (number.e164,))
        for table in ("consent_standings", "opt_in_requests", "erasures"):
            self._db.run(f"DELETE FROM {table} WHERE number = ?", (number.e164,))
        return erased

    # -- asking by text --------------------------------------------------------------------

    def add_request(self, request: OptInRequest) -> None:
        self._db.insert(_ADD_REQUEST, [_request_row(request)])

    def requests(self, number: PhoneNumber, since: datetime) -> list[OptInRequest]:
        sql = (
            f"SELECT {_REQUEST} FROM opt_in_requests o "
            "WHERE o.number = ? AND o.created_at >= ? ORDER BY o.created_at DESC, o.id DESC"
        )
        return [_request(row) for row in self._db.rows(sql, (number.e164, micros(since)))]

    def change_request(self, request_id: str, state: OptInState, tries: int) -> bool:
        return (
            self._db.run(
                "UPDATE opt_in_requests SET state = ?, tries = ? WHERE id = ? AND state = ?",
                (state.value, tries, request_id, OptInState.PENDING.value),
            )
            > 0
        )

    def withdraw_requests(self, number: PhoneNumber) -> int:
        return self._db.run(
            "UPDATE opt_in_requests SET state = ? WHERE number = ? AND state = ?",
            (OptInState.WITHDRAWN.value, number.e164, OptInState.PENDING.value),
        )

    def _projections(self, numbers: Iterable[PhoneNumber]) -> _Projections:
        found: _Projections = {}
        for row in self._db.each(_HELD, [(number.e164,) for number in numbers]):
            found.setdefault(PhoneNumber(row[0]), {})[row[1], Level(row[2])] = _held(row)
        return found


def _row(event: ConsentEvent) -> Row:
    return (
        event.id,
        event.number.e164,
        event.programme,
        event.kind.value,
        event.level.value,
        event.channel,
        event.method.value,
        storable(event.disclosure),
        event.disclosure_digest,
        storable(event.evidence),
        event.actor,
        micros(event.at),
        micros(event.recorded_at),
        event.ip,
        storable(event.user_agent),
        micros_or_none(event.expires_at),
        event.country,
    )


def _event(row: Row) -> ConsentEvent:
    (id_, number, programme, kind, level, channel, method, disclosure, digest, evidence) = row[:10]
    actor, at, recorded_at, ip, user_agent, expires_at, country, seq = row[10:]
    return ConsentEvent(
        id=id_,
        number=PhoneNumber(number),
        programme=programme,
        kind=ConsentKind(kind),
        level=Level(level),
        method=Method(method),
        actor=actor,
        at=moment(at),
        recorded_at=moment(recorded_at),
        channel=channel,
        disclosure=disclosure,
        disclosure_digest=digest,
        evidence=evidence,
        ip=ip,
        user_agent=user_agent,
        expires_at=moment_or_none(expires_at),
        country=country,
        seq=seq,
    )


def _held(row: Row) -> Held:
    _, _, _, granted_at, expires_at, event_id, revoked_at = row
    return Held(
        moment_or_none(granted_at), moment_or_none(expires_at), event_id, moment_or_none(revoked_at)
    )


def _held_row(number: PhoneNumber, key: tuple[str, Level], held: Held) -> Row:
    programme, level = key
    return (
        number.e164,
        programme,
        level.value,
        micros_or_none(held.granted_at),
        micros_or_none(held.expires_at),
        held.event_id,
        micros_or_none(held.revoked_at),
    )


def _request_row(request: OptInRequest) -> Row:
    return (
        request.id,
        request.number.e164,
        request.line,
        request.programme,
        request.level.value,
        request.code,
        request.state.value,
        request.tries,
        micros(request.created_at),
        micros(request.expires_at),
        request.actor,
        storable(request.disclosure),
        request.message_id,
    )


def _request(row: Row) -> OptInRequest:
    id_, number, line, programme, level, code, state, tries, created_at, expires_at = row[:10]
    return OptInRequest(
        id_,
        PhoneNumber(number),
        line,
        programme,
        Level(level),
        code,
        OptInState(state),
        tries,
        moment(created_at),
        moment(expires_at),
        *row[10:],
    )
