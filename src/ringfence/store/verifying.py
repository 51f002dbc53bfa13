"""The audit log, checked whole: the chain and its head, every signed checkpoint, stored or given, and
the triggers that guard them. Reads only, a piece at a time, and names the first broken entry."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from ringfence.model.audit import Checkpoint
from ringfence.model.errors import StoreBusy, StoreCorrupt, StoreError, StoreUnreachable
from ringfence.store.chain import Walk, cut, missed
from ringfence.store.checkpoints import stored_checkpoints
from ringfence.store.connection import Connection, Row
from ringfence.store.guards import missing
from ringfence.store.keys import is_signed

CHUNK = 2_000
"""Entries held in memory while verifying."""
COLUMNS = "seq, id, at, kind, subject, actor, body, previous, hash"
_BEFORE_ALL = -(1 << 63)
_WITH_CHECKPOINTS = 2
"""The first schema version that has them."""


@dataclass(frozen=True, slots=True)
class Verified:
    """`entries` are whole from the beginning on. `problems` in words, the broken chain first; empty
    when all is well. `checkpoints` counts the stored ones that hold, `newest` is the last of them."""

    entries: int
    problems: tuple[str, ...]
    checkpoints: int = 0
    newest: Checkpoint | None = None


def verify(
    db: Connection,
    version: int,
    *,
    postgres: bool,
    trusted: Collection[str] | None = None,
    given: Sequence[Checkpoint] = (),
) -> Verified:
    """Everything, in the caller's read transaction. `trusted` are the public keys whose signatures
    count; None asks only that each signature holds."""
    stored, unreadable = stored_checkpoints(db) if version >= _WITH_CHECKPOINTS else ([], [])
    walk = walk_all(db, frozenset(one.count for one in (*stored, *given)))
    problems = [walk.finding or head_finding(db, walk)]
    good, wrong = sorted_out(stored, walk, trusted, "the checkpoint")
    problems += [*unreadable, *wrong, *_against_record(stored, walk)]
    problems += sorted_out(given, walk, trusted, "the given checkpoint")[1]
    problems += missing(db, version, postgres=postgres)
    found = tuple(dict.fromkeys(problem for problem in problems if problem))
    return Verified(walk.entries, found, len(good), good[-1] if good else None)


def walk_all(db: Connection, wanted: frozenset[int] = frozenset()) -> Walk:
    """The whole chain, a chunk at a time; its head is not looked at."""
    walk = Walk(wanted)
    for chunk in _chunks(db, walk):
        if not walk.take(chunk):
            break
    return walk


def head_finding(db: Connection, walk: Walk) -> str:
    """Does the recorded head say what the chain walked to its end says?"""
    head = db.row("SELECT count, hash FROM audit_head WHERE id = 1")
    if head is None:
        return "the recorded head is gone"
    count, hash_ = head
    if walk.last < count:
        return cut(walk.last + 1, count)
    if (walk.last, walk.previous) != (count, hash_):
        return f"the recorded head does not match entry {walk.last}"
    return ""


def sorted_out(
    checkpoints: Sequence[Checkpoint],
    walk: Walk,
    trusted: Collection[str] | None,
    what: str,
) -> tuple[list[Checkpoint], list[str]]:
    """Those that hold, and a finding for each way in which others do not."""
    good: list[Checkpoint] = []
    wrong: dict[str, list[str]] = {}
    for one in checkpoints:
        kind, words = _wrong(one, walk, trusted, what)
        if words:
            wrong.setdefault(kind, []).append(words)
        elif one.count <= walk.last:
            good.append(one)
    return good, [_with_more(found) for found in wrong.values()]


def _wrong(
    one: Checkpoint, walk: Walk, trusted: Collection[str] | None, what: str
) -> tuple[str, str]:
    name = f"{what} over entry {one.count}"
    if not is_signed(one):
        return "forged", f"{name} is forged or damaged: its signature does not hold"
    if trusted is not None and one.public_key not in trusted:
        short = one.public_key[:16]
        return short, f"{name} is signed with the key {short}…, which is not known here"
    if walk.finding and one.count > walk.last:
        return "", ""  # the chain breaks before it, and that was said
    words = missed(walk, one)
    return "missed", f"{words} (as {name} says)" if words else ""


def _with_more(found: Sequence[str]) -> str:
    return found[0] if len(found) == 1 else f"{found[0]}; {len(found) - 1} more likewise"


def _against_record(stored: Sequence[Checkpoint], walk: Walk) -> Iterator[str]:
    """Each checkpoint is recorded by the entry after it, each record has its checkpoint."""
    held = {one.count: (one.hash, one.public_key) for one in stored}
    for count, recorded in walk.recorded.items():
        if count not in held:
            yield f"the checkpoint over entry {count}, which the chain records, is gone"
        elif held[count] != recorded:
            yield f"the checkpoint over entry {count} is not the one that the chain records"
    for count in held.keys() - walk.recorded.keys():
        if count < walk.last:
            yield f"the checkpoint over entry {count} was put in: the chain does not record it"


def _chunks(db: Connection, walk: Walk) -> Iterator[list[Row]]:
    """What follows the last row taken; whatever its number, so that nothing hides before entry 1."""
    after = _BEFORE_ALL
    while True:
        try:
            chunk = _after(db, after, CHUNK)
        except (StoreBusy, StoreCorrupt, StoreUnreachable):
            raise
        except StoreError:
            yield from _one_by_one(db, after, walk)
            return
        if not chunk:
            return
        yield chunk
        after = chunk[-1][0]


def _one_by_one(db: Connection, after: int, walk: Walk) -> Iterator[list[Row]]:
    """Somewhere in the next chunk stands what is no text: up to there, entry by entry."""
    for (seq,) in db.rows(
        "SELECT seq FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", (after, CHUNK)
    ):
        try:
            row = _after(db, seq - 1, 1)
        except StoreError:
            walk.finding = f"entry {seq} was changed: it cannot be read"
            return
        yield row


def _after(db: Connection, seq: int, limit: int) -> list[Row]:
    return db.rows(f"SELECT {COLUMNS} FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit))
