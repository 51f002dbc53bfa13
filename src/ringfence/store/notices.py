"""Who is to be told of which alert, and by which text they were. A notice is owed once, and ends once:
what is not owed any more is never changed here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import assert_never

from ringfence.delivery.escalate import Facts
from ringfence.model.alert import Notice, NoticeKind, NoticeState, Notification
from ringfence.model.message import MessageStatus
from ringfence.model.oncall import Channel
from ringfence.ports import NoticeEnd, SentText
from ringfence.store.alert_log import AlertLog
from ringfence.store.connection import Row
from ringfence.store.statements import ForEach, Insert, columns, names, per_row
from ringfence.store.values import (
    indexable,
    micros,
    micros_or_none,
    moment,
    moment_or_none,
    storable,
)

TOLD_LOOK_MAX = 1_000
"""Notices of one responder that are looked through for the alerts they were told of."""

_KEY = "alert_id kind round step way responder"
_COLUMNS = columns(
    f"{_KEY} channel at state service message_id told_at reason",
    **dict.fromkeys(("round", "way", "at", "told_at"), "bigint"),
)
_ALERT = per_row("alert_id", "'alert'")
_DUE, _HELD = "'due'", "'held'"
_STILL_OWED = per_row("alert_id", "'owed'")
_WORST_FIRST = (
    "CASE a.severity WHEN 'critical' THEN 0 WHEN 'error' THEN 1 WHEN 'warning' THEN 2 ELSE 3 END"
)
_NOTICE = ", ".join(f"n.{name}" for name in (*names(_COLUMNS), "seq"))
_ADD = Insert("notices", _COLUMNS, f"ON CONFLICT ({', '.join(_KEY.split())}) DO NOTHING")
_END = ForEach(
    "UPDATE notices SET state = :state, message_id = :message_id, told_at = :told_at, "
    "reason = :reason {from_rows} WHERE "
    + " AND ".join(f"notices.{name} = :{name}" for name in _KEY.split())
    + f" AND notices.state = {_STILL_OWED}",
    columns(
        f"{_KEY} state message_id told_at reason",
        **dict.fromkeys(("round", "way", "told_at"), "bigint"),
    ),
)
_MOOT = ForEach(
    "UPDATE notices SET state = 'moot', reason = :reason {from_rows} "
    f"WHERE notices.alert_id = :alert_id AND notices.kind = {_ALERT} "
    f"AND notices.state = {_STILL_OWED}",
    columns("alert_id reason"),
)
_OF_ALERT = ForEach(
    f"SELECT {_NOTICE} FROM notices n{{and_rows}} "
    f"WHERE n.alert_id = :alert_id AND n.kind = {_ALERT}",
    columns("alert_id"),
)
_TEXTS = ForEach(
    "SELECT DISTINCT n.message_id FROM notices n{and_rows} WHERE n.alert_id = :alert_id "
    f"AND n.kind = {_ALERT} AND n.message_id <> ''",
    columns("alert_id"),
)
_UNSENT = ForEach(
    f"{_TEXTS.sql} AND (SELECT 1 FROM outbox o WHERE o.message_id = n.message_id "
    # With LIMIT, PostgreSQL looks each text up; EXISTS it would turn into a join.
    f"AND (o.state = {per_row('alert_id', _DUE)} OR o.state = {per_row('alert_id', _HELD)}) "
    "LIMIT 1) = 1",
    _TEXTS.params,
)
_ABOUT = ForEach(
    "SELECT n.message_id, a.number, a.id FROM notices n, alerts a{and_rows} "
    "WHERE n.message_id = :message_id AND n.message_id <> '' AND a.id = n.alert_id",
    columns("message_id"),
)
_STATUS = ForEach(
    "SELECT m.id, m.status, m.updated_at FROM messages m{and_rows} WHERE m.id = :id",
    columns("id"),
)

_Texts = dict[str, tuple[MessageStatus, datetime]]


class NoticeTable(AlertLog):
    def add_notices(self, notices: Sequence[Notice]) -> None:
        if notices:
            self._db.insert(_ADD, [_row(notice) for notice in notices])

    def owed(self, limit: int) -> list[Notice]:
        rows = self._db.rows(
            f"SELECT {_NOTICE} FROM notices n WHERE n.state = 'owed' ORDER BY n.seq LIMIT ?",
            (limit,),
        )
        return [_notice(row) for row in rows]

    def owed_shares(self, limit: int) -> list[Notice]:
        rows = self._db.rows(
            f"SELECT {_NOTICE} FROM (SELECT o.seq AS seq, row_number() OVER ("
            f"PARTITION BY o.kind, o.responder, a.flow ORDER BY {_WORST_FIRST}, o.seq) AS share "
            "FROM notices o JOIN alerts a ON a.id = o.alert_id WHERE o.state = 'owed' "
            "ORDER BY share, o.seq LIMIT ?) chosen JOIN notices n ON n.seq = chosen.seq",
            (limit,),
        )
        return [_notice(row) for row in sorted(rows, key=_seq)]

    def end_notices(self, ends: Sequence[NoticeEnd]) -> None:
        first: dict[Row, Row] = {}
        for end in ends:
            row = _end_row(end)
            first.setdefault(row[:6], row)
        if first:
            self._db.run_each(_END, list(first.values()))

    def retell(self, before: str, after: str) -> None:
        for table in ("notices", "alert_links"):
            self._db.run(
                f"UPDATE {table} SET message_id = ? WHERE message_id = ?",
                (after, before),
            )

    def moot(self, alert_ids: Collection[str], reason: str) -> None:
        if alert_ids:
            why = storable(reason)
            self._db.run_each(_MOOT, [(id_, why) for id_ in set(alert_ids)])

    def notices_of(self, alert_id: str) -> list[Notice]:
        rows = self._db.rows(f"SELECT {_NOTICE} FROM notices n WHERE n.alert_id = ?", (alert_id,))
        return [_notice(row) for row in sorted(rows, key=_seq)]

    def of_message(self, message_id: str) -> list[str]:
        return self._alerts_about((message_id,)).get(message_id, [])

    def messages_of(self, alert_ids: Collection[str]) -> dict[str, list[str]]:
        return self._alerts_about(self._texts_about(_TEXTS, alert_ids))

    def unsent_of(self, alert_ids: Collection[str]) -> dict[str, list[str]]:
        return self._alerts_about(self._texts_about(_UNSENT, alert_ids))

    def facts(self, alert_ids: Collection[str], now: datetime) -> dict[str, Facts]:
        wanted = set(alert_ids)
        rows = self._db.each(_OF_ALERT, [(id_,) for id_ in wanted]) if wanted else []
        notices = [_notice(row) for row in sorted(rows, key=_seq)]
        texts = self._texts({one.message_id for one in notices if one.message_id})
        told: dict[str, list[Notification]] = {}
        for one in notices:
            # Nobody was told by what was moot, and nobody is to answer for it.
            if one.state is not NoticeState.MOOT:
                told.setdefault(one.alert_id, []).append(_notification(one, texts, now))
        said = self._acknowledgements(wanted)
        return {id_: Facts(tuple(told.get(id_, ())), tuple(said.get(id_, ()))) for id_ in wanted}

    def sent_since(self, kind: NoticeKind, channel: Channel, since: datetime) -> list[SentText]:
        rows = self._db.rows(
            "SELECT n.responder, min(n.service), min(n.told_at), min(n.seq), n.message_id "
            "FROM notices n WHERE n.kind = ? AND n.state = 'told' AND n.told_at >= ? "
            "AND n.channel = ? "
            "GROUP BY n.message_id, n.responder",
            (kind.value, micros(since), channel.value),
        )
        rows.sort(key=lambda row: (row[2], row[3]))
        texts = self._texts({row[4] for row in rows})
        return [
            SentText(responder, service, moment(at))
            for responder, service, at, _, message_id in rows
            if message_id not in texts or texts[message_id][0] not in _NEVER_LEFT
        ]

    def told(self, responder: str, limit: int) -> list[str]:
        """Looks through the newest TOLD_LOOK_MAX notices only."""
        rows = self._db.rows(
            "SELECT n.alert_id, n.kind FROM notices n JOIN alerts a ON a.id = n.alert_id "
            "WHERE n.responder = ? AND n.state = 'told' "
            "ORDER BY n.told_at DESC, n.message_id DESC, a.number DESC LIMIT ?",
            (responder, TOLD_LOOK_MAX),
        )
        # By kind here: with it in the question, PostgreSQL may read what all the others were told.
        asked = (alert_id for alert_id, kind in rows if kind == NoticeKind.ALERT.value)
        return list(dict.fromkeys(asked))[:limit]

    def _about(self, message_ids: Iterable[str]) -> set[str]:
        return {id_ for ids in self._alerts_about(message_ids).values() for id_ in ids}

    def _texts_about(self, statement: ForEach, alert_ids: Collection[str]) -> set[str]:
        wanted = [(id_,) for id_ in set(alert_ids)]
        return {text for (text,) in self._db.each(statement, wanted)} if wanted else set()

    def _alerts_about(self, message_ids: Iterable[str]) -> dict[str, list[str]]:
        """Text → the alerts it is about, each once, by number."""
        wanted = [(id_,) for id_ in set(message_ids) if id_]
        found: dict[str, list[str]] = {}
        for text, _, alert_id in sorted(set(self._db.each(_ABOUT, wanted) if wanted else ())):
            found.setdefault(text, []).append(alert_id)
        return found

    def _texts(self, message_ids: Collection[str]) -> _Texts:
        rows = self._db.each(_STATUS, [(id_,) for id_ in message_ids]) if message_ids else ()
        return {id_: (MessageStatus(status), moment(at)) for id_, status, at in rows}


# Nobody has to read these.
_NEVER_LEFT = frozenset({MessageStatus.CANCELLED, MessageStatus.EXPIRED, MessageStatus.REFUSED})


def _notification(notice: Notice, texts: _Texts, now: datetime) -> Notification:
    """What became of it. A text that was erased neither arrived nor failed, as far as is known."""
    delivered_at = failed_at = None
    if notice.state is NoticeState.FAILED:
        failed_at = notice.told_at or notice.at
    elif notice.message_id in texts:
        status, at = texts[notice.message_id]
        arrived = _arrived(status)
        delivered_at, failed_at = at if arrived else None, at if arrived is False else None
    return Notification(
        notice.round,
        notice.step,
        notice.way,
        notice.responder,
        notice.channel,
        now if notice.state is NoticeState.OWED else notice.told_at or notice.at,
        delivered_at,
        failed_at,
    )


def _arrived(status: MessageStatus) -> bool | None:
    """Whether a text with this status arrived; None while it may still do either."""
    match status:
        case MessageStatus.DELIVERED | MessageStatus.READ:
            return True
        case (
            MessageStatus.UNDELIVERED
            | MessageStatus.FAILED
            | MessageStatus.EXPIRED
            | MessageStatus.CANCELLED
            | MessageStatus.REFUSED
        ):
            return False
        case (
            MessageStatus.HELD
            | MessageStatus.QUEUED
            | MessageStatus.SENDING
            | MessageStatus.SENT
            | MessageStatus.RECEIVED
        ):
            return None
        case _:
            assert_never(status)


def _seq(row: Row) -> int:
    return int(row[-1])


def _end_row(end: NoticeEnd) -> Row:
    return (
        *_key(end.notice),
        end.state.value,
        end.message_id,
        micros_or_none(end.told_at),
        storable(end.reason),
    )


def _key(notice: Notice) -> Row:
    return (
        notice.alert_id,
        notice.kind.value,
        notice.round,
        notice.step,
        notice.way,
        notice.responder,
    )


def _row(notice: Notice) -> Row:
    return (
        *_key(notice),
        notice.channel.value,
        micros(notice.at),
        notice.state.value,
        indexable(notice.service),
        notice.message_id,
        micros_or_none(notice.told_at),
        storable(notice.reason),
    )


def _notice(row: Row) -> Notice:
    alert_id, kind, round_, step, way, responder, channel, at, state, service = row[:10]
    message_id, told_at, reason, _ = row[10:]
    return Notice(
        alert_id,
        NoticeKind(kind),
        responder,
        Channel(channel),
        moment(at),
        round_,
        step,
        way,
        NoticeState(state),
        service,
        message_id,
        moment_or_none(told_at),
        reason,
    )
