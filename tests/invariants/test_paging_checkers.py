"""Each checker of the operations channel is shown a gateway that breaks what it is about, and must say so
within a few seeds: a checker that never fails proves nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import ringfence.delivery.bundle
import ringfence.delivery.escalate
import ringfence.gateway.alert
import ringfence.gateway.paging
import ringfence.gateway.unreached
from ringfence.gateway.events import EventIntake, Posted, Receipt
from ringfence.model.alert import Alert
from ringfence.ports import StoredEvent, Tx
from ringfence.simulator.paging_invariants import broken
from ringfence.simulator.paging_plan import Size
from ringfence.simulator.paging_run import simulate
from ringfence.store.alerts import AlertTable
from ringfence.store.source_events import SourceEventTable

SEEDS = (26, 23, 25)
Patch = Callable[[pytest.MonkeyPatch], None]


def _proposes_twice(patch: pytest.MonkeyPatch) -> None:
    """A page is proposed, and once more."""
    real = ringfence.gateway.paging.propose

    def propose(kit: Any, tx: Tx, proposals: Any, now: datetime) -> Any:
        real(kit, tx, proposals, now)
        return real(kit, tx, proposals, now)

    patch.setattr(ringfence.gateway.paging, "propose", propose)


def _asks_on(patch: pytest.MonkeyPatch) -> None:
    """What is owed is texted, whoever has it by then."""
    real = ringfence.gateway.paging._owed

    def owed(*given: Any) -> Any:
        return replace(real(*given), open=True)

    patch.setattr(ringfence.gateway.paging, "_owed", owed)
    patch.setattr(ringfence.gateway.alert, "recall", lambda *_: None)


def _forgets_somebody(patch: pytest.MonkeyPatch) -> None:
    """A step asks all it means but one."""
    real = ringfence.delivery.escalate._first_way

    def first_way(*given: Any) -> Any:
        return real(*given)[1:]

    patch.setattr(ringfence.delivery.escalate, "_first_way", first_way)


def _skips_a_step(patch: pytest.MonkeyPatch) -> None:
    """The second step is passed over where there is a third."""
    real = ringfence.delivery.escalate._next_step

    def next_step(alert: Alert, policy: Any, facts: Any) -> Any:
        found = real(alert, policy, facts)
        if found is not None and found[1] == 1 and len(policy.steps) > 2:
            return found[0], 2
        return found

    patch.setattr(ringfence.delivery.escalate, "_next_step", next_step)


def _hurries(patch: pytest.MonkeyPatch) -> None:
    """No step is given its time."""

    def given_up(alert: Alert, *_: Any) -> datetime:
        return alert.step_at or alert.triggered_at

    patch.setattr(ringfence.delivery.escalate, "_given_up_at", given_up)


def _gives_up_without_a_line(patch: pytest.MonkeyPatch) -> None:
    """That nothing could leave counts as being asked in vain."""
    patch.setattr(ringfence.gateway.unreached, "ROUNDS_MORE_MAX", -100)


def _calls_off_too_much(patch: pytest.MonkeyPatch) -> None:
    """One acknowledgement calls off the pages of every other alert."""
    real = ringfence.gateway.alert.recall

    def recall(kit: Any, tx: Tx, _: Collection[str], *rest: Any) -> None:
        real(kit, tx, [alert.id for alert in tx.alerts.open_of(None, None)], *rest)

    patch.setattr(ringfence.gateway.alert, "recall", recall)


def _drops_the_dedupe(patch: pytest.MonkeyPatch) -> None:
    """The same event twice is two."""
    real = SourceEventTable.add

    def add(self: SourceEventTable, events: Sequence[StoredEvent]) -> set[str]:
        return real(self, [replace(event, name="") for event in events])

    patch.setattr(SourceEventTable, "add", add)


def _answers_and_forgets(patch: pytest.MonkeyPatch) -> None:
    """One post in ten is answered and nothing of it kept."""
    real, turn = EventIntake._accept_many, itertools.count()

    def accept(self: EventIntake, tx: Tx, batch: Sequence[Posted]) -> list[Receipt]:
        done = []
        for posted in batch:
            if next(turn) % 10 == 9:
                ids = tuple(f"evt_{next(turn)}" for _ in posted.events)
                done.append(Receipt(ids, posted.events, frozenset()))
            else:
                done += real(self, tx, [posted])
        return done

    patch.setattr(EventIntake, "_accept_many", accept)


def _never_holds_back(patch: pytest.MonkeyPatch) -> None:
    """Everything leaves at once."""

    def allowed_at(_: Any, __: Any, now: datetime) -> datetime:
        return now

    patch.setattr(ringfence.delivery.bundle, "allowed_at", allowed_at)


def _tells_no_owner(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ringfence.gateway.alert, "tell", lambda *_: None)


def _loses_sight(patch: pytest.MonkeyPatch) -> None:
    """Every third alert is never looked at again."""
    real = AlertTable.due

    def due(self: AlertTable, now: datetime, limit: int) -> list[Alert]:
        return [alert for alert in real(self, now, 1_000) if alert.number % 3][:limit]

    patch.setattr(AlertTable, "due", due)


@pytest.mark.parametrize(
    ("checker", "sabotage"),
    [
        ("one copy", _proposes_twice),
        ("quiet", _asks_on),
        ("steps", _forgets_somebody),
        ("steps", _skips_a_step),
        ("steps", _hurries),
        ("steps", _gives_up_without_a_line),
        ("told", _calls_off_too_much),
        ("events", _drops_the_dedupe),
        ("events", _answers_and_forgets),
        ("throttle", _never_holds_back),
        ("owners", _tells_no_owner),
        ("next", _loses_sight),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else str(value),
)
async def test_what_goes_wrong_is_found(
    checker: str, sabotage: Patch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sabotage(monkeypatch)
    found: list[str] = []
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        url = f"sqlite:///{folder / 'store.db'}"
        found = broken(await simulate(seed, url, folder, Size.SMALL))
        if any(finding.startswith(f"{checker}: ") for finding in found):
            return
    pytest.fail(f"nothing of {checker} in {len(SEEDS)} seeds; the last found {found[:3]}")
