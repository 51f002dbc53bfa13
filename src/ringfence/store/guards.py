"""The triggers that refuse to change or delete audit entries, their head and their checkpoints: are
they there, switched on, and do they say what the migrations made them say? Reads only."""

from __future__ import annotations

import re

from ringfence.store.connection import Connection
from ringfence.store.migrations import MIGRATIONS

_NAME = re.compile(r"CREATE (?:TRIGGER|FUNCTION) (\w+)")
# Bits of pg_trigger.tgtype (PostgreSQL's include/catalog/pg_trigger.h).
_ROW, _BEFORE, _INSERT, _DELETE, _UPDATE, _TRUNCATE = 1, 2, 4, 8, 16, 32
_STATEMENT = _BEFORE | _DELETE | _UPDATE | _TRUNCATE
_POSTGRES = {
    1: {("audit", "audit_append_only"): (_STATEMENT, "audit_refuse")},
    2: {
        ("audit_head", "audit_head_grows"): (
            _ROW | _BEFORE | _INSERT | _DELETE | _UPDATE,
            "audit_head_refuse",
        ),
        ("audit_head", "audit_head_no_truncate"): (_BEFORE | _TRUNCATE, "audit_refuse"),
        ("checkpoints", "checkpoints_append_only"): (_STATEMENT, "audit_refuse"),
    },
}
_ENFORCED = ("O", "A")
_TRIGGERS = ("CREATE TRIGGER audit", "CREATE TRIGGER checkpoints")


def missing(db: Connection, version: int, *, postgres: bool) -> list[str]:
    """A finding for each guard of that schema version that does not guard (any more)."""
    return _missing_postgres(db, version) if postgres else _missing_sqlite(db, version)


def _missing_sqlite(db: Connection, version: int) -> list[str]:
    made = {
        _name(text): text
        for migration in MIGRATIONS
        for text in migration.sqlite
        if migration.version <= version and text.startswith(_TRIGGERS)
    }
    rows = db.rows("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    there = {row[0]: row[1] for row in rows}
    return [_finding(name, name in there) for name in made if there.get(name) != made[name]]


def _missing_postgres(db: Connection, version: int) -> list[str]:
    bodies = {
        _name(text): _body(text)
        for migration in MIGRATIONS
        for text in migration.postgres
        if text.startswith("CREATE FUNCTION audit")
    }
    there = {
        (table, name): (kind, function, _plain(body))
        for table, name, kind, function, body in db.rows(
            "SELECT c.relname::text, t.tgname::text, t.tgtype::int, p.proname::text, p.prosrc "
            "FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT t.tgisinternal "
            "AND c.relnamespace = current_schema()::regnamespace "
            "AND t.tgenabled::text IN (?, ?) AND t.tgqual IS NULL",
            _ENFORCED,
        )
    }
    wanted = {
        key: (kind, function, bodies[function])
        for since, guards in _POSTGRES.items()
        if since <= version
        for key, (kind, function) in guards.items()
    }
    return [_finding(key[1], key in there) for key in wanted if there.get(key) != wanted[key]]


def _finding(name: str, there: bool) -> str:
    what = "is not what it was" if there else "is gone or switched off"
    return f"the trigger {name} {what}: the database no longer refuses changes to the audit log"


def _name(text: str) -> str:
    found = _NAME.match(text)
    assert found is not None, text
    return found[1]


def _body(text: str) -> str:
    return _plain(text.split("$$")[1])


def _plain(text: str) -> str:
    return " ".join(text.split())
