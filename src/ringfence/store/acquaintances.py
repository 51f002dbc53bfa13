"""Whom a line ever wrote to, and which disclosure reached them. A disclosure is `carried` while the
text that holds it is under way, and `delivered` once it arrived; one that never arrived is gone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ringfence.model.phone import PhoneNumber
from ringfence.store.connection import Connection
from ringfence.store.statements import ForEach, Insert, columns
from ringfence.store.values import micros, moment

_KNOWN = ForEach(
    "SELECT a.line, a.number FROM acquaintances a{and_rows} "
    "WHERE a.number = :number AND a.line = :line",
    columns("line number"),
)
_MEET = Insert(
    "acquaintances",
    columns("number line since", since="bigint"),
    "ON CONFLICT (number, line) DO NOTHING",
)
_DISCLOSED = ForEach(
    "SELECT d.line, d.number, d.version, d.state, d.at FROM disclosures d{and_rows} "
    "WHERE d.number = :number AND d.line = :line AND d.version = :version",
    columns("line number version"),
)
_DELIVERED = ForEach(
    "UPDATE disclosures SET state = 'delivered', at = :at {from_rows} "
    "WHERE disclosures.message_id = :message_id AND disclosures.state = 'carried'",
    columns("message_id at", at="bigint"),
)
_UNDISCLOSED = ForEach(
    "DELETE FROM disclosures {using_rows} "
    "WHERE disclosures.message_id = :message_id AND disclosures.state = 'carried'",
    columns("message_id"),
)


class AcquaintanceTable:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def known(self, pairs: Iterable[tuple[str, PhoneNumber]]) -> set[tuple[str, PhoneNumber]]:
        wanted = [(line, number.e164) for line, number in set(pairs)]
        rows = self._db.each(_KNOWN, wanted) if wanted else ()
        return {(line, PhoneNumber(number)) for line, number in rows}

    def meet(self, pairs: Iterable[tuple[str, PhoneNumber]], now: datetime) -> None:
        rows = [(number.e164, line, micros(now)) for line, number in sorted(set(pairs))]
        if rows:
            self._db.insert(_MEET, rows)

    def disclosed(
        self, triples: Iterable[tuple[str, PhoneNumber, str]]
    ) -> dict[tuple[str, PhoneNumber, str], tuple[str, datetime]]:
        wanted = [(line, number.e164, version) for line, number, version in set(triples)]
        rows = self._db.each(_DISCLOSED, wanted) if wanted else ()
        return {
            (line, PhoneNumber(number), version): (state, moment(at))
            for line, number, version, state, at in rows
        }

    def carry(
        self, line: str, number: PhoneNumber, version: str, message_id: str, now: datetime
    ) -> None:
        self._db.run(
            "INSERT INTO disclosures (number, line, version, message_id, state, at) "
            "VALUES (?, ?, ?, ?, 'carried', ?) ON CONFLICT (number, line, version) DO UPDATE "
            "SET message_id = excluded.message_id, at = excluded.at "
            "WHERE disclosures.state = 'carried'",
            (number.e164, line, version, message_id, micros(now)),
        )

    def delivered(self, message_ids: Iterable[str], now: datetime) -> None:
        wanted = [(message_id, micros(now)) for message_id in sorted(set(message_ids))]
        if wanted:
            self._db.run_each(_DELIVERED, wanted)

    def undisclosed(self, message_ids: Iterable[str]) -> None:
        wanted = [(message_id,) for message_id in sorted(set(message_ids))]
        if wanted:
            self._db.run_each(_UNDISCLOSED, wanted)
