"""Checkpoints of the audit log: the head of the chain, signed. Made by the worker when enough has
happened and by an operator on demand; recorded in the chain it is about, and written to the log, so
that a copy exists where the database's owner cannot reach it."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime

from ringfence.gateway.equipment import Equipment
from ringfence.model.audit import Checkpoint
from ringfence.model.errors import SecretUnavailable, StoreCorrupt
from ringfence.ports import Tx

log = logging.getLogger("ringfence.audit")

_SHORTER = "The audit log is shorter than its last checkpoint. Run `ringfence audit verify`."


def checkpoint(kit: Equipment, tx: Tx, actor: str, now: datetime) -> Checkpoint:
    """Sign the chain as it stands and record that. What was signed already, with nothing after it
    but its own record, is not signed again. Raises SecretUnavailable, StoreCorrupt."""
    if kit.signer is None:
        raise SecretUnavailable("audit.signingKey: see `ringfence config validate`.")
    count, hash_ = tx.audit.head()
    newest = tx.checkpoints.newest()
    key = kit.signer.public_key
    if newest is not None and _since(newest, count) < 0:
        raise StoreCorrupt(_SHORTER)
    if newest is not None and _since(newest, count) == 0 and newest.public_key == key:
        return newest
    bare = Checkpoint(count, hash_, now, key)
    made = replace(bare, signature=kit.signer.sign(bare.statement))
    tx.checkpoints.add(made)
    body = {"count": made.count, "hash": made.hash, "key": made.public_key}
    tx.audit.append([kit.audit("checkpoint", str(made.count), actor, now, body)])
    return made


def checkpoint_if_due(kit: Equipment, tx: Tx, now: datetime) -> Checkpoint | None:
    """One when there are entries enough since the last, or any after long enough. What counts is
    what the store says, so a restart neither repeats nor forgets one."""
    if kit.signer is None or not _is_due(kit, tx, now):
        return None
    return checkpoint(kit, tx, "system", now)


def tell(made: Checkpoint) -> None:
    """Into the log, whole: `ringfence audit verify --checkpoint` reads it from there."""
    log.info("checkpoint", extra={"entries": made.count, "checkpoint": made.text})


def _is_due(kit: Equipment, tx: Tx, now: datetime) -> bool:
    count, _ = tx.audit.head()
    newest = tx.checkpoints.newest()
    fresh = count if newest is None else _since(newest, count)
    if fresh < 0:
        log.error(_SHORTER)
    if fresh <= 0:
        return False
    if fresh >= kit.pace.checkpoint_entries:
        return True
    since = newest.at if newest is not None else tx.audit.after(0, 1)[0].entry.at
    return now - since >= kit.pace.checkpoint_every


def _since(newest: Checkpoint, count: int) -> int:
    """Entries after a checkpoint, its own record left out."""
    return count - newest.count - 1
