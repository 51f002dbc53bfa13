"""The audit log as a file: one JSON object a line, with what chains it, so that the file verifies by
itself. An export may begin anywhere; what comes before its first entry it cannot vouch for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from ringfence.model.audit import GENESIS, Checkpoint, checkpoints_in
from ringfence.model.errors import InvalidField
from ringfence.ports import StoredAudit
from ringfence.store.chain import Walk
from ringfence.store.connection import Row
from ringfence.store.values import micros
from ringfence.store.verifying import sorted_out

_FIELDS = ("seq", "id", "at", "kind", "subject", "actor", "body", "previous", "hash")
_TEXTS = ("id", "kind", "subject", "actor", "previous", "hash")


@dataclass(frozen=True, slots=True)
class FileVerified:
    """Entries `first` to `last` are whole (`last` is one less when there is none). `problems` in
    words; `newest` is the last checkpoint in the file that holds."""

    first: int
    last: int
    problems: tuple[str, ...]
    checkpoints: int = 0
    newest: Checkpoint | None = None


def entry_line(stored: StoredAudit) -> str:
    entry = stored.entry
    at = entry.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    values = (
        stored.seq,
        entry.id,
        at,
        entry.kind,
        entry.subject,
        entry.actor,
        entry.body,
        stored.previous,
        stored.hash,
    )
    return orjson.dumps(dict(zip(_FIELDS, values, strict=True))).decode()


def checkpoint_line(checkpoint: Checkpoint) -> str:
    return orjson.dumps({"checkpoint": checkpoint.text}).decode()


def verify_lines(
    lines: Iterable[str],
    *,
    trusted: Collection[str] | None = None,
    given: Sequence[Checkpoint] = (),
) -> FileVerified:
    """Raises InvalidField, naming the line, for what is no export."""
    walk: Walk | None = None
    kept: list[Checkpoint] = []
    for found in _read(lines):
        if isinstance(found, Checkpoint):
            kept.append(found)
            if walk is not None and walk.last == found.count:
                walk.hashes[found.count] = walk.previous or ""
            continue
        walk = walk or _begun(found, given)
        if not walk.take([found]):
            break
    if walk is None:
        raise InvalidField("There is no audit entry in it.")
    good, wrong = sorted_out(kept, walk, trusted, "the checkpoint")
    also = sorted_out(given, walk, trusted, "the given checkpoint")[1]
    problems = tuple(problem for problem in (walk.finding, *wrong, *also) if problem)
    newest = good[-1] if good else None
    return FileVerified(walk.first, walk.last, problems, len(good), newest)


def _begun(row: Row, given: Sequence[Checkpoint]) -> Walk:
    """From its first entry on; that one must follow the entry before it, as the file says it."""
    first, previous = row[0], row[7]
    walk = Walk(frozenset(one.count for one in given), GENESIS if first == 1 else previous, first)
    walk.hashes[first - 1] = previous
    return walk


def _read(lines: Iterable[str]) -> Iterator[Row | Checkpoint]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            held = orjson.loads(line)
            found = checkpoints_in(held["checkpoint"])[0] if "checkpoint" in held else _row(held)
        except (ValueError, KeyError, TypeError, AttributeError, InvalidField):
            raise InvalidField(f"Line {number} is not one of an audit export.") from None
        yield found


def _row(held: dict[str, Any]) -> Row:
    if not isinstance(held["seq"], int) or held["seq"] < 1:
        raise ValueError(held["seq"])
    if not all(isinstance(held[name], str) for name in _TEXTS):
        raise TypeError(held["id"])
    at = micros(datetime.fromisoformat(held["at"]))
    # In the order in which it stands: that is how it was hashed.
    body = orjson.dumps(held["body"]).decode()
    return (
        held["seq"],
        held["id"],
        at,
        held["kind"],
        held["subject"],
        held["actor"],
        body,
        held["previous"],
        held["hash"],
    )
