"""Whom a line ever wrote to, and which disclosure reached them. A disclosure is `carried` while the
text that holds it is under way, and `delivered` once it arrived; one whose text ended otherwise counts
no more, whatever ended it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ringfence.model.message import MessageStatus
from ringfence.model.phone import PhoneNumber
from ringfence.store.connection import Connection
from ringfence.store.statements import ForEach, Insert, columns
from ringfence.store.values import micros, moment

_CARRIED, _DELIVERED = "carried", "delivered"
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
    "SELECT d.line, d.number, d.version, d.state, d.at, "
    "(SELECT m.status FROM messages m WHERE m.id = d.message_id) FROM disclosures d{and_rows} "
    "WHERE d.number = :number AND d.line = :line AND d.version = :version",
    columns("line number version"),
)
_TOLD = Insert(
    "disclosures",
    columns("number line version message_id state at", at="bigint"),
    "ON CONFLICT (number, line, version) DO UPDATE SET message_id = excluded.message_id, "
    "state = excluded.state, at = excluded.at WHERE disclosures.state = 'carried'",
)
# What ended otherwise, or is held, carries nothing to anybody.
_UNDER_WAY = frozenset(
    status.value
    for status in (
        MessageStatus.QUEUED,
        MessageStatus.SENDING,
        MessageStatus.SENT,
        MessageStatus.DELIVERED,
        MessageStatus.READ,
    )
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
            for line, number, version, state, at, status in rows
            if state == _DELIVERED or status in _UNDER_WAY
        }

    def carry(self, carried: Iterable[tuple[str, PhoneNumber, str, str]], now: datetime) -> None:
        self._told(carried, _CARRIED, now)

    def delivered(
        self, arrived: Iterable[tuple[str, PhoneNumber, str, str]], now: datetime
    ) -> None:
        self._told(arrived, _DELIVERED, now)

    def _told(
        self, told: Iterable[tuple[str, PhoneNumber, str, str]], state: str, now: datetime
    ) -> None:
        # One row per key, or PostgreSQL would have to change it twice in one statement.
        rows = {
            (number.e164, line, version): message_id for line, number, version, message_id in told
        }
        if rows:
            self._db.insert(
                _TOLD, [(*key, message_id, state, micros(now)) for key, message_id in rows.items()]
            )
