"""Outages of lines: what each call to a provider says of its line goes to the line's breaker; when an
outage begins it is on record, in the log, and told to the owners once, by another line that works.
Never by the line that is out, and never at the price of the message that found it out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from ringfence.delivery.breaker import Sign, Turn, sign_of
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.notices import owner_notices
from ringfence.gateway.review import propose
from ringfence.model.line import Line
from ringfence.model.outbox import Outcome
from ringfence.ports import Tx

log = logging.getLogger("ringfence.breaker")

_KINDS = {Turn.OPENED: "breaker_opened", Turn.CLOSED: "breaker_closed"}


def heed(kit: Equipment, line: str, outcome: Outcome | None, now: datetime) -> Turn | None:
    """Tell the line's breaker of one call; None for one that was not made. What it changed is logged."""
    sign = Sign.NEITHER if outcome is None else sign_of(outcome)
    jitter = kit.chance.random() if sign is Sign.FAILS else 0.0
    turn = kit.breakers.heard(line, sign, now, jitter, kit.pace.breaker)
    if turn is None:
        return None
    extra = {"line": line, "detail": "" if outcome is None else outcome.detail}
    if turn is Turn.CLOSED:
        log.warning("the line works again", extra={"line": line})
    elif turn is Turn.OPENED:
        log.error("the line does not work; its messages wait", extra=extra)
    else:
        log.warning("the line still does not work", extra=extra)
    return turn


def put_on_record(kit: Equipment, tx: Tx, line: str, turn: Turn, now: datetime) -> None:
    """An outage's beginning and its end, in the caller's transaction; owners hear of the first."""
    kind = _KINDS.get(turn)
    if kind is None:
        return
    tx.audit.append([kit.audit(kind, line, "system", now, {"process": kit.owner})])
    if turn is Turn.OPENED:
        _tell_owners(kit, tx, kit.lines[line], now)


def usable(kit: Equipment, tx: Tx, line: Line, now: datetime) -> bool:
    """Could it send now, as far as is known?"""
    set_up = line.enabled and not line.blocked_reason
    return set_up and kit.breakers.works(line.id, now) and line.id not in tx.lines.stopped()


def _tell_owners(kit: Equipment, tx: Tx, line: Line, now: datetime) -> None:
    text = (
        f"{line.label} does not send: its provider cannot be reached or takes nothing. Its messages "
        "wait and go when it works again. ringfence channels status --probe tells more."
    )
    for other in _others(kit, line):
        if usable(kit, tx, other, now):
            propose(kit, tx, owner_notices(tx, other, text, now), now)
            return
    log.error("no other line can tell the owners of the outage", extra={"line": line.id})


def _others(kit: Equipment, line: Line) -> Iterator[Line]:
    """Lines by which owners of this one can be told, its fallback first; only those who own both."""
    for other in sorted(kit.lines.values(), key=lambda one: (one.id != line.fallback, one.id)):
        shared = tuple(owner for owner in line.owners if owner in other.owners)
        if other.id != line.id and shared and line.notify_owner and other.notify_owner:
            yield replace(other, owners=shared)
