"""What an item's audit entries say of its tries. Its row keeps only the last reason; whether a try
may have reached a person must outlive every reason that came after it (P5)."""

from __future__ import annotations

from ringfence.model.outbox import OutboxItem, OutcomeKind
from ringfence.ports import Tx

UNKNOWN = "unknown_outcome"
LEASE_LOST = "lease_lost"


def uncertain(tx: Tx, item: OutboxItem) -> bool:
    """True while a try may have arrived: its outcome is unknown, or its process died with it, and
    nothing told since."""
    open_tries: set[object] = set()
    for stored in tx.audit.of_subject(item.id):
        kind, body = stored.entry.kind, stored.entry.body
        if kind == LEASE_LOST or body.get("outcome") == OutcomeKind.UNKNOWN.value:
            open_tries.add(body.get("attempt"))
        elif kind == "attempt":
            open_tries.discard(body.get("attempt"))
    return bool(open_tries) or item.reason.startswith(UNKNOWN)


def refusals(tx: Tx, item: OutboxItem) -> int:
    """Tries that reached the provider since a person last asked for another round. `attempt` only
    ever grows within a round, also for what never left."""
    count = 0
    for stored in tx.audit.of_subject(item.id):
        if stored.entry.kind == "resubmitted":
            count = 0
        elif stored.entry.kind == "attempt" and stored.entry.body.get("left", True):
            count += 1
    return count
