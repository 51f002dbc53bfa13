"""Grants and their uses. A grant's scope never changes; it is used up by texts and ended by people or
by time. A use is one row for a message, counted in the same statement that looks whether any is left."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson

from ringfence.model.draft import Category
from ringfence.model.grant import Grant, GrantGroup, GrantScope, GrantState, GrantUse
from ringfence.model.message import MessageClass
from ringfence.model.phone import PhoneNumber
from ringfence.store.connection import Connection, Row
from ringfence.store.statements import ForEach, Insert, columns, names
from ringfence.store.values import micros, micros_or_none, moment, moment_or_none, storable

_COLUMNS = columns(
    "id name agent line scope count_max used valid_from valid_until state created_at created_by "
    "ended_at ended_by note",
    count_max="bigint",
    used="bigint",
    valid_from="bigint",
    valid_until="bigint",
    created_at="bigint",
    ended_at="bigint",
)
_GRANT = ", ".join(f"g.{name}" for name in names(_COLUMNS))
_ADD = Insert("grants", _COLUMNS)
_GET = ForEach(f"SELECT {_GRANT} FROM grants g{{and_rows}} WHERE g.id = :id", columns("id"))
_ACTIVE = ForEach(
    f"SELECT {_GRANT} FROM grants g{{and_rows}} WHERE g.agent = :agent AND g.state = 'active'",
    columns("agent"),
)
_USED = ForEach(
    "SELECT u.grant_id, u.message_id FROM grant_uses u{and_rows} "
    "WHERE u.message_id = :message_id AND u.grant_id = :grant_id",
    columns("grant_id message_id"),
)


class GrantTable:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def add(self, grant: Grant) -> None:
        self._db.insert(_ADD, [_row(grant)])

    def get(self, grant_id: str) -> Grant | None:
        return self.many((grant_id,)).get(grant_id)

    def many(self, grant_ids: Iterable[str]) -> dict[str, Grant]:
        wanted = [(id_,) for id_ in set(grant_ids)]
        found = map(_grant, self._db.each(_GET, wanted) if wanted else ())
        return {grant.id: grant for grant in found}

    def active(self, agents: Iterable[str]) -> list[Grant]:
        wanted = [(agent,) for agent in set(agents)]
        return [_grant(row) for row in (self._db.each(_ACTIVE, wanted) if wanted else ())]

    def listing(self, limit: int, after: str | None, everything: bool) -> list[Grant]:
        """Ids sort by time."""
        where = "true" if everything else "g.state IN ('active', 'used_up')"
        params: tuple[Any, ...] = ()
        if after is not None:
            where, params = f"{where} AND g.id < ?", (after,)
        rows = self._db.rows(
            f"SELECT {_GRANT} FROM grants g WHERE {where} ORDER BY g.id DESC LIMIT ?",
            (*params, limit),
        )
        return [_grant(row) for row in rows]

    def alive(self) -> int:
        return int(self._db.value("SELECT count(*) FROM grants WHERE state = 'active'"))

    def use(self, use: GrantUse) -> bool:
        counted = self._db.run(
            "UPDATE grants SET used = used + 1, "
            "state = CASE WHEN used + 1 >= count_max THEN 'used_up' ELSE state END, "
            "ended_at = CASE WHEN used + 1 >= count_max THEN ? ELSE ended_at END "
            "WHERE id = ? AND state = 'active' AND (count_max IS NULL OR used < count_max)",
            (micros(use.at), use.grant_id),
        )
        if counted:
            self._db.run(
                "INSERT INTO grant_uses (grant_id, message_id, contact_id, at) VALUES (?, ?, ?, ?)",
                (use.grant_id, use.message_id, use.contact_id, micros(use.at)),
            )
        return counted > 0

    def recorded(self, pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        wanted = list(set(pairs))
        found = self._db.each(_USED, wanted) if wanted else ()
        return {(grant_id, message_id) for grant_id, message_id in found}

    def uses(self, grant_id: str, limit: int) -> list[GrantUse]:
        rows = self._db.rows(
            "SELECT grant_id, message_id, contact_id, at FROM grant_uses WHERE grant_id = ? "
            "ORDER BY seq DESC LIMIT ?",
            (grant_id, limit),
        )
        return [
            GrantUse(grant, message, contact, moment(at)) for grant, message, contact, at in rows
        ]

    def end(self, grant_id: str, state: GrantState, by: str, now: datetime) -> bool:
        """What is revoked stays revoked, and only what is active expires."""
        from_ = "state = 'active'" if state is GrantState.EXPIRED else "state <> 'revoked'"
        ended = self._db.run(
            f"UPDATE grants SET state = ?, ended_at = ?, ended_by = ? WHERE id = ? AND {from_}",
            (state.value, micros(now), by, grant_id),
        )
        return ended > 0

    def overdue(self, now: datetime, limit: int) -> list[str]:
        rows = self._db.rows(
            "SELECT id FROM grants WHERE state = 'active' AND valid_until <= ? "
            "ORDER BY valid_until LIMIT ?",
            (micros(now), limit),
        )
        return [id_ for (id_,) in rows]

    def forget(self, number: PhoneNumber) -> int:
        """Numbers stand quoted in a scope; nothing else in one looks like them."""
        rows = self._db.rows(
            f"SELECT {_GRANT} FROM grants g WHERE g.scope LIKE ?", (f'%"{number.e164}"%',)
        )
        for row in rows:
            scope = orjson.loads(row[4])
            scope["recipients"] = [one for one in scope["recipients"] if one != number.e164]
            self._db.run(
                "UPDATE grants SET scope = ? WHERE id = ?",
                (orjson.dumps(scope, option=orjson.OPT_SORT_KEYS).decode(), row[0]),
            )
        return len(rows)


def _scope_json(scope: GrantScope) -> str:
    held: dict[str, Any] = {
        "group": scope.group.value,
        "recipients": sorted(number.e164 for number in scope.recipients),
        "classes": sorted(one.value for one in scope.classes),
        "categories": sorted(one.value for one in scope.categories),
        "templates": sorted(scope.templates),
        "programmes": sorted(scope.programmes),
        "hours": scope.hours,
    }
    return orjson.dumps(held, option=orjson.OPT_SORT_KEYS).decode()


def _scope(text: str) -> GrantScope:
    held = orjson.loads(text)
    return GrantScope(
        group=GrantGroup(held["group"]),
        recipients=frozenset(map(PhoneNumber, held["recipients"])),
        classes=frozenset(map(MessageClass, held["classes"])),
        categories=frozenset(map(Category, held["categories"])),
        templates=frozenset(held["templates"]),
        programmes=frozenset(held["programmes"]),
        hours=held["hours"],
    )


def _row(grant: Grant) -> Row:
    return (
        grant.id,
        storable(grant.name),
        grant.agent,
        grant.line,
        _scope_json(grant.scope),
        grant.count_max,
        grant.used,
        micros(grant.valid_from),
        micros_or_none(grant.valid_until),
        grant.state.value,
        micros(grant.created_at),
        grant.created_by,
        micros_or_none(grant.ended_at),
        grant.ended_by,
        storable(grant.note),
    )


def _grant(row: Row) -> Grant:
    id_, name, agent, line, scope, count_max, used, valid_from, valid_until = row[:9]
    state, created_at, created_by, ended_at, ended_by, note = row[9:]
    return Grant(
        id=id_,
        name=name,
        agent=agent,
        line=line,
        scope=_scope(scope),
        count_max=count_max,
        used=used,
        valid_from=moment(valid_from),
        valid_until=moment_or_none(valid_until),
        state=GrantState(state),
        created_at=moment(created_at),
        created_by=created_by,
        ended_at=moment_or_none(ended_at),
        ended_by=ended_by,
        note=note,
    )
