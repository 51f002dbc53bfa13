"""What an escalation will do is counted by what does it: the same steps at the same times, until
somebody would have to answer, and never without end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ringfence.delivery.escalate import Began, Exhausted, Facts, Nobody, Notify, Who
from ringfence.delivery.foresee import LOOKS_MAX, Outlook, foresee
from ringfence.model.alert import Alert, AlertState, Notification
from ringfence.model.event import Severity
from ringfence.model.oncall import Channel, EscalationPolicy, Step, Target, TargetKind, Way

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ALERT = Alert(
    *("alr_1", 1, "incident", "generic", "Down", Severity.ERROR, AlertState.TRIGGERED, NOW, NOW),
    next_at=NOW,
)
SMS = Channel.SMS


def step(name: str, *targets: str, ways: tuple[Way, ...] = (Way(SMS),), within: int = 300) -> Step:
    return Step(name, tuple(Target(TargetKind.PERSON, one) for one in targets), within, ways=ways)


def people(at: datetime) -> Who:
    def who(target: Target) -> Sequence[str]:
        return () if target.name == "nobody" else (target.name,)

    return who


def told(
    policy: EscalationPolicy,
    alert: Alert = ALERT,
    facts: Facts = Facts(),  # noqa: B008 - frozen
    who: Callable[[datetime], Who] = people,
    lost: Sequence[str] = (),
) -> Outlook:
    return foresee(alert, policy, facts, NOW, who, lambda one: one.responder not in lost)


def asked(outlook: Outlook) -> list[tuple[float, str, int]]:
    return [
        ((one.at - NOW).total_seconds(), one.effect.responder, one.effect.way)
        for one in outlook.foreseen
        if isinstance(one.effect, Notify)
    ]


def test_every_step_at_its_time_and_then_the_end() -> None:
    steps = (step("a", "ann"), replace(step("b", "ben", "cleo"), delay_s=60))
    outlook = told(EscalationPolicy("ops", steps))
    assert asked(outlook) == [(0, "ann", 0), (360, "ben", 0), (360, "cleo", 0)]
    last = outlook.foreseen[-1]
    assert (last.at, last.effect) == (
        NOW + timedelta(seconds=660),
        Exhausted(1, ("ann", "ben", "cleo")),
    )
    assert outlook.whole


def test_further_ways_come_at_their_time() -> None:
    ways = (Way(SMS), Way(SMS, 120))
    outlook = told(EscalationPolicy("ops", (step("a", "ann", ways=ways),)))
    assert asked(outlook) == [(0, "ann", 0), (120, "ann", 1)]


def test_what_cannot_reach_somebody_brings_the_rest_forward() -> None:
    policy = EscalationPolicy("ops", (step("a", "ann"), step("b", "ben")))
    assert asked(told(policy, lost=("ann",))) == [(0, "ann", 0), (0, "ben", 0)]
    outlook = told(policy, lost=("ann", "ben"))
    assert [one.at for one in outlook.foreseen] == [NOW] * 5
    assert isinstance(outlook.foreseen[-1].effect, Exhausted)


def test_whoever_is_meant_is_found_out_at_that_time() -> None:
    policy = EscalationPolicy("ops", (step("a", "ann"), step("b", "nobody"), step("c", "cleo")))

    def later(at: datetime) -> Who:
        return lambda target: (f"{target.name}@{(at - NOW).total_seconds():.0f}",)

    assert [who for _, who, _ in asked(told(policy, who=later))] == [
        "ann@0",
        "nobody@300",
        "cleo@600",
    ]
    assert any(isinstance(one.effect, Nobody) for one in told(policy).foreseen)


@pytest.mark.parametrize("rounds", [None, 3, 50])
def test_two_rounds_are_told_of_many(rounds: int | None) -> None:
    policy = EscalationPolicy("ops", (step("a", "ann"),), rounds=rounds, pause_s=60)
    outlook = told(policy)
    assert asked(outlook) == [(0, "ann", 0), (360, "ann", 0)]
    assert not outlook.whole


def test_nobody_at_all_ends_too() -> None:
    policy = EscalationPolicy("ops", (step("a", "nobody"),), rounds=None)
    outlook = told(policy)
    assert not outlook.whole
    assert len(outlook.foreseen) < LOOKS_MAX


def test_it_goes_on_from_where_it_is() -> None:
    policy = EscalationPolicy("ops", (step("a", "ann"), step("b", "ben")))
    begun = replace(
        ALERT, step="a", place=1, round=1, step_at=NOW, next_at=NOW + timedelta(seconds=300)
    )
    facts = Facts((Notification(1, "a", 0, "ann", SMS, NOW, delivered_at=NOW),))
    outlook = told(policy, begun, facts)
    assert asked(outlook) == [(300, "ben", 0)]
    assert isinstance(outlook.foreseen[0].effect, Began)


@pytest.mark.parametrize(
    "alert",
    [
        replace(ALERT, state=AlertState.ACKNOWLEDGED, next_at=None),
        replace(ALERT, state=AlertState.RESOLVED, next_at=None),
        replace(ALERT, exhausted_at=NOW, next_at=None),
    ],
    ids=["acknowledged", "resolved", "exhausted"],
)
def test_what_is_owed_nothing_is_foreseen_nothing(alert: Alert) -> None:
    assert told(EscalationPolicy("ops", (step("a", "ann"),)), alert) == Outlook(())
