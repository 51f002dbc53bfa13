"""Verifying the audit log: a chain of decisions such as a busy line writes, walked from its first
entry to its last with its checkpoints. One process, the database's cache warm.

    python -m bench audit [--store …] [--quick|--long]"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from bench import places, report
from ringfence.clock import SystemClock
from ringfence.model.audit import AuditEntry, Checkpoint
from ringfence.ports import Tx
from ringfence.store import check, open_store
from ringfence.store.keys import FixedKey

QUICK, NORMAL, LONG = 20_000, 100_000, 1_000_000
COLUMNS = ("store", "entries", "bytes an entry", "write s", "verify s", "s per 100,000")

_AT_ONCE = 2_000
_CHECKPOINT_EVERY = 10_000
_START = datetime(2026, 3, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Measured:
    entries: int
    body_bytes: float
    write_s: float
    verify_s: float


def measure(store: str, entries: int) -> Measured:
    with tempfile.TemporaryDirectory() as folder, places.store_url(store, Path(folder)) as url:
        started = perf_counter()
        body_bytes = asyncio.run(_fill(url, entries))
        written = perf_counter() - started
        started = perf_counter()
        found = check(url)
        verified = perf_counter() - started
        assert not found.problems, found.problems
        return Measured(found.audit_entries, body_bytes, written, verified)


def rows(store: str, measured: Measured) -> Iterator[Sequence[object]]:
    yield (
        store,
        report.number(measured.entries),
        report.number(measured.body_bytes),
        f"{measured.write_s:.1f}",
        f"{measured.verify_s:.2f}",
        f"{measured.verify_s * 100_000 / measured.entries:.2f}",
    )


async def _fill(url: str, entries: int) -> float:
    store = await open_store(url, clock=SystemClock())
    key = FixedKey(b"k" * 32)
    for start in range(0, entries, _AT_ONCE):
        made = [_decision(n) for n in range(start, min(start + _AT_ONCE, entries))]
        await store.write(lambda tx, made=made: tx.audit.append(made))
        if start % _CHECKPOINT_EVERY == 0:
            await store.write(lambda tx: _sign(tx, key))
    some = await store.read(lambda tx: tx.audit.newest(100, "decision"))
    await store.close()
    return sum(len(str(dict(stored.entry.body))) for stored in some) / len(some)


def _sign(tx: Tx, key: FixedKey) -> None:
    count, hash_ = tx.audit.head()
    bare = Checkpoint(count, hash_, _START, key.public_key)
    tx.checkpoints.add(replace(bare, signature=key.sign(bare.statement)))
    body = {"count": count, "hash": hash_, "key": key.public_key}
    tx.audit.append([AuditEntry(f"aud_c{count}", _START, "checkpoint", str(count), "system", body)])


def _decision(index: int) -> AuditEntry:
    at = _START + timedelta(milliseconds=index)
    body = {
        "act": "reply",
        "verdict": "allow",
        "reasons": [],
        "policy": "e0178ec2b2ad144c",
        "claiming": index % 2 == 1,
        "facts": {
            "act": "reply",
            "now": at.isoformat(),
            "line": "default",
            "contact_id": f"ctc_{index % 5_000:032x}",
            "role": "guest",
            "initiator": "agent",
            "counts": {"recipient_minute": 1, "recipient_hour": 3, "line_day": index % 20_000},
            "traits": {"programme": "default", "segments": 2},
        },
        "message": f"msg_{index:032x}",
        "text": f"{index:064x}",
        "provenance": {"agent": "default", "turn": f"trn_{index:032x}", "model": "m-1"},
    }
    return AuditEntry(
        f"aud_{index:032x}", at, "decision", f"obx_{index:032x}", "agent:default", body
    )
