"""One step along the audit chain: an entry's canonical form, and what is wrong with it where it
stands. Reads no database, so that an exported file is judged by the same code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from ringfence.model.audit import GENESIS, Checkpoint, link
from ringfence.store.connection import Row

RECORDED = "checkpoint"
"""The kind of the entry that records a checkpoint."""


def canonical(fields: tuple[Any, ...]) -> bytes:
    """The columns but seq, previous and hash, as JSON with sorted keys; `link` adds previous."""
    id_, at, kind, subject, actor, body = fields
    # Written in the order of the alphabet: the same bytes as sorting, without the cost.
    return orjson.dumps(
        {"actor": actor, "at": at, "body": body, "id": id_, "kind": kind, "subject": subject}
    )


def broken(row: Row, expected_seq: int, expected_previous: str) -> str:
    """What is wrong with a row (seq, id, at, kind, subject, actor, body, previous, hash) at its
    place; empty when nothing is."""
    seq, *fields, previous, stored_hash = row
    if seq < expected_seq:
        return f"entry {seq} ({row[1]}) was put in"
    if seq > expected_seq:
        return f"entry {expected_seq} is gone"
    if previous != expected_previous:
        return f"entry {seq} does not follow entry {seq - 1}"
    try:
        actual = link(previous, canonical(tuple(fields)))
    except TypeError:  # a value of another type than was ever written
        actual = ""
    return f"entry {seq} ({row[1]}) was changed" if actual != stored_hash else ""


@dataclass(slots=True)
class Walk:
    """A way along the chain. `entries` counts what was found whole, `first` is where it began;
    `hashes` holds those of the entries asked for, `recorded` what the chain itself says of its
    checkpoints: count → (hash, public key)."""

    wanted: frozenset[int] = frozenset()
    previous: str | None = GENESIS
    first: int = 1
    entries: int = 0
    finding: str = ""
    hashes: dict[int, str] = field(default_factory=dict)
    recorded: dict[int, tuple[str, str]] = field(default_factory=dict)

    @property
    def last(self) -> int:
        """The number of the last entry found whole; one less than `first` when there is none."""
        return self.first + self.entries - 1

    def take(self, rows: Iterable[Row]) -> bool:
        """Go on; False at the first row that is wrong."""
        expected, previous, wanted = self.last + 1, self.previous, self.wanted
        finding = ""
        for row in rows:
            finding = broken(row, expected, row[7] if previous is None else previous)
            if finding:
                break
            expected += 1
            previous = row[8]
            if row[0] in wanted:
                self.hashes[row[0]] = row[8]
            if row[3] == RECORDED:
                self._note(row[6])
        self.entries, self.previous, self.finding = expected - self.first, previous, finding
        return not finding

    def _note(self, body: str) -> None:
        try:
            held: Mapping[str, Any] = orjson.loads(body)
            self.recorded[held["count"]] = (held["hash"], held["key"])
        except (ValueError, KeyError, TypeError):
            return  # no record of ours: then its checkpoint has none


def cut(first: int, last: int) -> str:
    """In words: the tail from `first` to `last` is missing."""
    which = f"entry {first} is" if first == last else f"entries {first} to {last} are"
    return f"{which} gone from the end of the chain"


def missed(walk: Walk, checkpoint: Checkpoint) -> str:
    """What a checkpoint says that the chain walked does not; empty when they agree, or when the
    walk began after it."""
    if checkpoint.count > walk.last:
        when = f"{checkpoint.at:%Y-%m-%d %H:%M:%S} UTC"
        return f"{cut(walk.last + 1, checkpoint.count)}; the whole of it was there at {when}"
    if checkpoint.count in walk.hashes and walk.hashes[checkpoint.count] != checkpoint.hash:
        return (
            f"the chain up to entry {checkpoint.count} was written anew after "
            f"{checkpoint.at:%Y-%m-%d %H:%M:%S} UTC"
        )
    return ""
