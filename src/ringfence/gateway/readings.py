"""What `/metrics` reads of the store, in one look and as values: how much waits and for how long, how
messages ended, how alerts went, what the self-audit says. Bounded queries; changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from ringfence.gateway import figures
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.figures import Labels, Times
from ringfence.gateway.finals import OUTCOMES
from ringfence.gateway.selfaudit import by_code, oldest_send, problems
from ringfence.model.draft import Category
from ringfence.ports import Tx


@dataclass(frozen=True, slots=True)
class Readings:
    """`ages_s` are those of the oldest due row, by ledger; 0 where nothing is due. `audited_at` and
    `beaten_at` are when the last self-audit was made and the last heartbeat was taken."""

    rows: Mapping[str, int]
    dead: Mapping[tuple[str, str], int]
    stopped: int
    ages_s: Mapping[str, float]
    alerts: Mapping[str, int]
    notices_owed: int
    counts: Mapping[str, Mapping[Labels, int]]
    times: Mapping[str, Mapping[Labels, Times]]
    problems: Mapping[str, int]
    audited_at: datetime | None
    beaten_at: datetime | None


def read(kit: Equipment, tx: Tx, now: datetime) -> Readings:
    """Everything at once, so that the figures of one scrape are of one moment."""
    lines = sorted(kit.lines)
    kinds = [(line, one.value) for line in lines for one in Category]
    ends = [(*kind, outcome) for kind in kinds for outcome in OUTCOMES]
    each = [(line,) for line in lines]
    rows = tx.health.counts()
    return Readings(
        rows=rows,
        dead=tx.health.dead_letters(),
        stopped=len(tx.switches.engaged()),
        ages_s=_ages(kit, tx, now),
        alerts={state.value: count for state, count in tx.alerts.counts().items()},
        notices_owed=rows.get("notices.owed", 0),
        counts={
            family.name: dict.fromkeys(wanted, 0) | figures.counts(tx, family, wanted)
            for family, wanted in (
                (figures.MESSAGES, ends),
                (figures.STEPS, each),
                (figures.EXHAUSTED, each),
            )
        },
        times={
            figures.DELIVERY.name: figures.times(tx, figures.DELIVERY, kinds),
            figures.ACKNOWLEDGEMENT.name: figures.times(tx, figures.ACKNOWLEDGEMENT, each),
        },
        problems=by_code(problems(kit, tx, now)),
        audited_at=figures.stamped(tx, figures.AUDITED),
        beaten_at=figures.stamped(tx, figures.BEATEN),
    )


def _ages(kit: Equipment, tx: Tx, now: datetime) -> dict[str, float]:
    send = oldest_send(kit, tx, now)
    return {
        "outbox": _age([] if send is None else [send.due_at], now),
        "turns": _age((one.due_at for one in tx.turns.due(now, 1)), now),
        "watches": _age((one.due_at for one in tx.watches.due(now, 1)), now),
        "alerts": _age((one.next_at or now for one in tx.alerts.due(now, 1)), now),
        "notices": _age((one.at for one in tx.alerts.owed(1)), now),
        "planned": _age((one.due_at for one in tx.planned.due(now, 1)), now),
        "tickets": _age((one.due_at for one in tx.tickets.due(now, 1)), now),
    }


def _age(due: Iterable[datetime], now: datetime) -> float:
    return max((now - min(due, default=now)).total_seconds(), 0.0)
