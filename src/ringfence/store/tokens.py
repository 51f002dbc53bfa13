"""Tokens of principals: a hash, who it stands for, and until when. Never holds a token itself;
nothing is deleted, so that an actor of long ago can still be looked up."""

from __future__ import annotations

from datetime import datetime

import orjson

from ringfence.model.principal import PrincipalKind, Token
from ringfence.store.connection import Connection, Row
from ringfence.store.values import micros, micros_or_none, moment, moment_or_none

_ROW = "id, kind, name, agent, lines, created_at, created_by, expires_at, revoked_at, last_used_at"


class TokenTable:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def add(self, token: Token, hash_: str) -> None:
        self._db.run(
            f"INSERT INTO tokens ({_ROW}, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                token.id,
                token.kind.value,
                token.name,
                token.agent,
                _lines_text(token.lines),
                micros(token.created_at),
                token.created_by,
                micros_or_none(token.expires_at),
                micros_or_none(token.revoked_at),
                micros_or_none(token.last_used_at),
                hash_,
            ),
        )

    def by_hash(self, hash_: str) -> tuple[Token, str] | None:
        row = self._db.row(f"SELECT {_ROW}, hash FROM tokens WHERE hash = ?", (hash_,))
        return (_token(row[:-1]), row[-1]) if row else None

    def get(self, token_id: str) -> Token | None:
        row = self._db.row(f"SELECT {_ROW} FROM tokens WHERE id = ?", (token_id,))
        return _token(row) if row else None

    def listing(self, limit: int, after: str | None) -> list[Token]:
        """Ids sort by time."""
        where, params = ("WHERE id < ?", (after,)) if after is not None else ("", ())
        rows = self._db.rows(
            f"SELECT {_ROW} FROM tokens {where} ORDER BY id DESC LIMIT ?", (*params, limit)
        )
        return [_token(row) for row in rows]

    def alive(self, now: datetime) -> int:
        return int(
            self._db.value(
                "SELECT count(*) FROM tokens WHERE revoked_at IS NULL "
                "AND (expires_at IS NULL OR expires_at > ?)",
                (micros(now),),
            )
        )

    def agents(self) -> frozenset[str]:
        rows = self._db.rows("SELECT DISTINCT agent FROM tokens WHERE agent <> ''")
        return frozenset(agent for (agent,) in rows)

    def revoke(self, token_id: str, now: datetime) -> bool:
        return (
            self._db.run(
                "UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
                (micros(now), token_id),
            )
            > 0
        )

    def used(self, token_id: str, now: datetime, unless_since: datetime) -> None:
        self._db.run(
            "UPDATE tokens SET last_used_at = ? WHERE id = ? "
            "AND (last_used_at IS NULL OR last_used_at <= ?)",
            (micros(now), token_id, micros(unless_since)),
        )


def _lines_text(lines: frozenset[str] | None) -> str:
    """A JSON list; empty for every line, so that a list of none stays none."""
    return "" if lines is None else orjson.dumps(sorted(lines)).decode()


def _token(row: Row) -> Token:
    id_, kind, name, agent, lines, created_at, created_by, expires_at, revoked_at, used_at = row
    return Token(
        id_,
        PrincipalKind(kind),
        name,
        agent,
        None if lines == "" else frozenset(orjson.loads(lines)),
        moment(created_at),
        created_by,
        moment_or_none(expires_at),
        moment_or_none(revoked_at),
        moment_or_none(used_at),
    )
