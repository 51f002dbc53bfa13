"""Which message a provider's id belongs to, whichever line it came or went by. For people who ask
(`audit show`), not for stages. Reads only."""

from __future__ import annotations

from collections.abc import Iterable

from ringfence.store.connection import Connection


class RecordView:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def of_provider_id(self, provider_id: str, lines: Iterable[str]) -> str | None:
        sent = self._db.value(
            "SELECT message_id FROM outbox WHERE provider_id = ? AND provider_id <> ''",
            (provider_id,),
        )
        if sent is not None:
            return str(sent)
        for line in lines:
            came = self._db.value(
                "SELECT id FROM messages WHERE direction = 'in' AND provider_id <> '' "
                "AND line = ? AND provider_id = ?",
                (line, provider_id),
            )
            if came is not None:
                return str(came)
        return None
