"""The benches still run: a few dozen messages through each, counted, never timed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench import (
    audit,
    callbacks,
    calls,
    events,
    outbox,
    policy,
    report,
    second,
    start,
    watches,
    webhook,
)

STORES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.mark.parametrize("store", STORES)
def test_webhooks_are_all_answered_and_each_owes_a_turn(store: str) -> None:
    sides = webhook.measure(store, webhook.Size(requests=40, rounds=1, open_s=0.01))
    for side in sides.values():
        for load in (*side.most, *side.half):
            assert load.good == load.answered
        assert side.most[0].answered == 40
    gateway = sides["gateway"]
    # The round that does not count, the one that does, and the open loop.
    assert gateway.owed == 40 + 40 + gateway.half[0].answered
    assert sides["bare"].owed == 0
    assert "| bare " in report.table("t", webhook.COLUMNS, webhook.rows(store, sides))


@pytest.mark.parametrize("store", STORES)
def test_the_outbox_is_drained_once_each(store: str) -> None:
    [(drain, lives)] = outbox.measure(
        store, outbox.Size(messages=48, recipients=12, rounds=1, lives=40)
    )
    assert drain.accepted == drain.taken == 48
    assert lives.lives == 40
    table = report.table("t", outbox.COLUMNS, outbox.rows(store, [(drain, lives)]))
    assert "bare ledger" in table


def test_a_start_is_measured() -> None:
    measured = start.measure(runs=1)
    assert [len(seconds) for seconds in measured.values()] == [1, 1]
    assert len(start.rows(measured)) == 2


@pytest.mark.parametrize("store", STORES)
def test_an_audit_log_is_verified(store: str) -> None:
    measured = audit.measure(store, 30)
    assert measured.entries == 31
    assert "31" in report.table("t", audit.COLUMNS, audit.rows(store, measured))


def test_the_gate_is_measured_by_itself_and_in_a_drain() -> None:
    size = policy.Size(stored=3_000, decisions=60, messages=24, rounds=1, again=200)
    measured = policy.measure("sqlite", size)
    for gate, [drain] in measured.drains.items():
        assert drain.accepted == drain.taken == 24, gate
    found = measured.decisions
    assert found is not None
    assert (found.people, len(found.seconds)) == (2, 60)
    assert found.pure_cpu > 0
    assert [one.asked for one in measured.again] == [200, 200]
    assert all(one.changed for one in measured.again), "another configuration decides otherwise"
    gates = report.table("t", policy.GATE_COLUMNS, policy.gate_rows("sqlite", measured.drains))
    assert "kill switch, its facts alone" in gates
    decided = report.table("t", policy.DECISION_COLUMNS, policy.decision_rows(found))
    assert "pure part" in decided
    assert "other words" in report.table(
        "t", policy.AGAIN_COLUMNS, policy.again_rows(measured.again)
    )


@pytest.mark.parametrize("store", STORES)
def test_events_reach_the_carrier_once_each_and_are_followed_to_the_end(store: str) -> None:
    one = events.measure(store, events.Size(per_second=60, seconds=0.5, people=10))
    assert (one.events, one.refused, one.accepted) == (30, 0, 30)
    assert (one.lost, one.doubled, one.settled) == (0, 0, 30)
    assert "30 of 30" in report.table("t", events.COLUMNS, [events.row(one)])


@pytest.mark.parametrize("store", STORES)
def test_a_burst_of_callbacks_is_acknowledged_and_folded(store: str) -> None:
    bursts = callbacks.measure(store, callbacks.Size(callbacks=50, bursts=1))
    assert [(one.load.good, one.folded) for one in bursts] == [(50, 50)]
    assert "50 × 1" in report.table("t", callbacks.COLUMNS, [callbacks.row(store, bursts)])


@pytest.mark.parametrize("kind", watches.KINDS)
def test_what_is_due_fires_once_beside_all_that_waits(kind: str) -> None:
    one = watches.measure("sqlite", kind, watches.Size(waiting=60, due=9, seconds=0.5, alerts=5))
    assert (len(one.late_s), one.doubled) == (9, 0)
    assert f"60 {kind}" in report.table("t", watches.COLUMNS, [watches.row(one)])


@pytest.mark.postgres
def test_a_second_process_sends_nothing_twice() -> None:
    size = second.Size(backlog=30, per_second=60, seconds=0.5, people=10, rounds=1)
    measured = second.measure(size)
    for (_, processes), [one] in measured.items():
        assert (one.messages, one.accepted, one.doubled) == (30, 30, 0)
        assert len(one.shares) == processes
        assert sum(one.shares) == 30
    assert "a full outbox" in report.table("t", second.COLUMNS, second.rows(measured))


@pytest.mark.parametrize("kind", calls.OURS, ids=[kind.word for kind in calls.OURS])
def test_live_calls_take_and_give_frames(kind: calls.Kind) -> None:
    one = calls.measure(kind, 2, calls.Size((2,), seconds=0.4, warm_s=0.4))
    assert (one.heard["calls"], one.heard["frames"]) == (2, 2 * 20)
    if kind.manner == calls.ECHO:
        assert one.heard["echoed"] > 0
    assert "2 of 2" in report.table("t", calls.COLUMNS, [calls.row(one)])
