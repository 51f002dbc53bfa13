"""Signed heads of the audit chain, in order. Only ever added to; signs and checks nothing."""

from __future__ import annotations

from ringfence.model.audit import Checkpoint
from ringfence.store.connection import Connection, Row
from ringfence.store.statements import Insert, columns
from ringfence.store.values import micros, moment

_COLUMNS = columns("seq hash at public_key signature", seq="bigint", at="bigint")
_NAMES = ", ".join(name for name, _ in _COLUMNS)
_ADD = Insert("checkpoints", _COLUMNS)
_KINDS = (int, str, int, str, str)


class CheckpointTable:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def add(self, checkpoint: Checkpoint) -> None:
        row = (
            checkpoint.count,
            checkpoint.hash,
            micros(checkpoint.at),
            checkpoint.public_key,
            checkpoint.signature,
        )
        self._db.insert(_ADD, [row])

    def newest(self) -> Checkpoint | None:
        row = self._db.row(f"SELECT {_NAMES} FROM checkpoints ORDER BY seq DESC LIMIT 1")
        return _checkpoint(row) if row else None

    def between(self, first: int, last: int) -> list[Checkpoint]:
        """Those over an entry from `first` to `last`, in order."""
        rows = self._db.rows(
            f"SELECT {_NAMES} FROM checkpoints WHERE seq >= ? AND seq <= ? ORDER BY seq",
            (first, last),
        )
        return [_checkpoint(row) for row in rows]


def _checkpoint(row: Row) -> Checkpoint:
    seq, hash_, at, public_key, signature = row
    return Checkpoint(seq, hash_, moment(at), public_key, signature)


def stored_checkpoints(db: Connection) -> tuple[list[Checkpoint], list[str]]:
    """All of them in order, and a finding for each row that cannot be one."""
    found: list[Checkpoint] = []
    unreadable: list[str] = []
    for row in db.rows(f"SELECT {_NAMES} FROM checkpoints ORDER BY seq"):
        if all(isinstance(held, kind) for held, kind in zip(row, _KINDS, strict=True)):
            found.append(_checkpoint(row))
        else:
            unreadable.append(f"the checkpoint over entry {row[0]} cannot be read: it was changed")
    return found, unreadable
