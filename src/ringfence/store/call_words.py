"""What was said in calls, and what agents were asked about it. Texts are forgotten in time; that
something was said, when and by whom, stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from ringfence.model.call import CallTurn, CallTurnState, Speaker, Words
from ringfence.store.connection import Connection, Row
from ringfence.store.statements import Insert, columns, names
from ringfence.store.values import micros, moment, storable

_WORDS_COLUMNS = columns(
    "call_id n speaker text at turn heard decision confidence",
    **dict.fromkeys(("n", "at", "turn", "heard"), "bigint"),
    confidence="double precision",
)
_WORDS = ", ".join(f"w.{name}" for name in names(_WORDS_COLUMNS))
_ADD_WORDS = Insert("call_words", _WORDS_COLUMNS)
_TURN_COLUMNS = columns(
    "id call_id n state asked_at lease_until answer reason hang_up transfer",
    **dict.fromkeys(("n", "asked_at", "lease_until", "hang_up"), "bigint"),
)
_TURN = ", ".join(f"t.{name}" for name in names(_TURN_COLUMNS))
_PUT_TURN = Insert(
    "call_turns",
    _TURN_COLUMNS,
    "ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in names(_TURN_COLUMNS)[1:]),
)
# The key of a row, what is forgotten of it, and the time that its age is counted from.
_TEXTS = (
    ("call_words", "call_id, n", "text", "at"),
    ("call_turns", "id", "answer", "asked_at"),
    ("calls", "seq", "pressed", "created_at"),
)


class CallWords:
    _db: Connection

    def add_words(self, words: Sequence[Words]) -> list[Words]:
        last: dict[str, int] = {}
        numbered: list[Words] = []
        for one in words:
            if one.call_id not in last:
                last[one.call_id] = self._words_so_far(one.call_id)
            last[one.call_id] += 1
            numbered.append(replace(one, n=last[one.call_id]))
        if numbered:
            self._db.insert(_ADD_WORDS, [_words_row(one) for one in numbered])
        return numbered

    def words_of(self, call_id: str) -> list[Words]:
        rows = self._db.rows(
            f"SELECT {_WORDS} FROM call_words w WHERE w.call_id = ? ORDER BY w.n", (call_id,)
        )
        return [_words(row) for row in rows]

    def heard(self, call_id: str, n: int, characters: int) -> None:
        self._db.run(
            "UPDATE call_words SET heard = ? WHERE call_id = ? AND n = ? "
            "AND (heard IS NULL OR heard < ?)",
            (characters, call_id, n, characters),
        )

    def put_turn(self, turn: CallTurn) -> None:
        self._db.insert(_PUT_TURN, [_turn_row(turn)])

    def turn(self, call_id: str, n: int) -> CallTurn | None:
        row = self._db.row(
            f"SELECT {_TURN} FROM call_turns t WHERE t.call_id = ? AND t.n = ?", (call_id, n)
        )
        return None if row is None else _turn(row)

    def forget(self, before: datetime, limit: int) -> int:
        return sum(self._forget(*texts, micros(before), limit) for texts in _TEXTS)

    def _forget(self, table: str, key: str, text: str, at: str, before: int, limit: int) -> int:
        return self._db.run(
            f"UPDATE {table} SET {text} = '' WHERE ({key}) IN (SELECT {key} FROM {table} "
            f"WHERE {text} <> '' AND {at} < ? ORDER BY {at} LIMIT ?)",
            (before, limit),
        )

    def _words_so_far(self, call_id: str) -> int:
        found = self._db.value("SELECT max(n) FROM call_words WHERE call_id = ?", (call_id,))
        return int(found or 0)


def _words_row(words: Words) -> Row:
    return (
        words.call_id,
        words.n,
        words.speaker.value,
        storable(words.text),
        micros(words.at),
        words.turn,
        words.heard,
        words.decision,
        words.confidence,
    )


def _words(row: Row) -> Words:
    call_id, n, speaker, text, at, turn, heard, decision, confidence = row
    return Words(call_id, n, Speaker(speaker), text, moment(at), turn, heard, decision, confidence)


def _turn_row(turn: CallTurn) -> Row:
    return (
        turn.id,
        turn.call_id,
        turn.n,
        turn.state.value,
        micros(turn.asked_at),
        micros(turn.lease_until),
        storable(turn.answer),
        storable(turn.reason),
        int(turn.hang_up),
        storable(turn.transfer),
    )


def _turn(row: Row) -> CallTurn:
    id_, call_id, n, state, asked_at, lease_until, answer, reason, hang_up, transfer = row
    return CallTurn(
        id_,
        call_id,
        n,
        CallTurnState(state),
        moment(asked_at),
        moment(lease_until),
        answer,
        reason,
        bool(hang_up),
        transfer,
    )
