"""Attachments' bytes, and which of them are hosted for a provider to fetch."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ringfence.ports import StoredMedia
from ringfence.store.connection import Connection, Row
from ringfence.store.values import micros, micros_or_none, moment, moment_or_none

_MEDIA = "id, line, content_type, content, created_at, token, expires_at"


class MediaTable:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def add(self, media: StoredMedia) -> None:
        self._db.run(
            f"INSERT INTO media ({_MEDIA}) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                media.id,
                media.line,
                media.content_type,
                media.content,
                micros(media.created_at),
                media.token,
                micros_or_none(media.expires_at),
            ),
        )

    def hosted(self, token: str, now: datetime) -> StoredMedia | None:
        row = self._db.row(
            f"SELECT {_MEDIA} FROM media WHERE token = ? AND token <> '' AND expires_at > ?",
            (token, micros(now)),
        )
        return _media(row) if row else None

    def hosted_count(self, line: str, now: datetime) -> int:
        return int(
            self._db.value(
                "SELECT count(*) FROM media WHERE line = ? AND token <> '' AND expires_at > ?",
                (line, micros(now)),
            )
        )

    def keep(self, tokens: Iterable[str], until: datetime) -> None:
        for token in tokens:
            self._db.run(
                "UPDATE media SET expires_at = ? WHERE token = ? AND token <> ''",
                (micros(until), token),
            )


def _media(row: Row) -> StoredMedia:
    id_, line, content_type, content, created_at, token, expires_at = row
    return StoredMedia(
        id_,
        line,
        content_type,
        bytes(content),
        moment(created_at),
        token,
        moment_or_none(expires_at),
    )
