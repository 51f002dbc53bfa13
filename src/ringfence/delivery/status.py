"""Where a message is, out of reports that come late, twice and out of order (facts 2.2). A table of
ranks and two folds; must never let a status move back or a final one be replaced (B091, B092)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ringfence.model.message import FINAL, MessageStatus

# A report is applied only if it ranks above what is known. The ends share one rank, so the first
# of them stays; only `read` may still follow `delivered`. RECEIVED is inbound and never folds.
RANKS: dict[MessageStatus, int] = {
    MessageStatus.RECEIVED: 0,
    MessageStatus.HELD: 10,
    MessageStatus.QUEUED: 20,
    MessageStatus.SENDING: 30,
    MessageStatus.SENT: 40,
    MessageStatus.DELIVERED: 60,
    MessageStatus.UNDELIVERED: 60,
    MessageStatus.FAILED: 60,
    MessageStatus.EXPIRED: 60,
    MessageStatus.CANCELLED: 60,
    MessageStatus.REFUSED: 60,
    MessageStatus.READ: 70,
}
ARRIVED = frozenset({MessageStatus.DELIVERED, MessageStatus.READ})
# Worst first: how a message of several parts is called when some did not arrive.
_WORST_FIRST = (
    MessageStatus.FAILED,
    MessageStatus.UNDELIVERED,
    MessageStatus.EXPIRED,
    MessageStatus.REFUSED,
    MessageStatus.CANCELLED,
)


@dataclass(frozen=True, slots=True)
class Folded:
    """What is known after a report. `conflicting` marks a report of another end than the first;
    it changes nothing but is kept (B092)."""

    status: MessageStatus
    error_code: int | None
    changed: bool
    conflicting: bool = False


def fold(
    current: MessageStatus, current_code: int | None, incoming: MessageStatus, code: int | None
) -> Folded:
    """Take one report into account. The error code belongs to the status it came with; it may be
    added by a later report of the same status, never replaced.

    Reports that speak of one end only give the same result in every order."""
    if incoming is current:
        added = current_code is None and code is not None
        return Folded(current, code if added else current_code, added)
    if conflict(current, incoming):
        return Folded(current, current_code, changed=False, conflicting=True)
    if RANKS[incoming] > RANKS[current]:
        return Folded(incoming, code, changed=True)
    return Folded(current, current_code, changed=False)


def conflict(one: MessageStatus, other: MessageStatus) -> bool:
    """Two different ends. Delivered and read are one: the person has it."""
    both_arrived = one in ARRIVED and other in ARRIVED
    return one is not other and one in FINAL and other in FINAL and not both_arrived


def fold_parts(statuses: Iterable[MessageStatus]) -> MessageStatus:
    """The status of a message from those of its parts: the worst failure as soon as there is one,
    else the part that is least far. Raises ValueError without parts."""
    found = set(statuses)
    for bad in _WORST_FIRST:
        if bad in found:
            return bad
    return min(found, key=RANKS.__getitem__)
