"""Alerts and who answers them: the nouns keep their promises."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime

import pytest

from ringfence.model.alert import ALERT_TRANSITIONS, OPEN, Alert, AlertState
from ringfence.model.event import Severity
from ringfence.model.oncall import DAYS_OF, EscalationPolicy, Rotation, RotationKind, Schedule, Step

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def alert() -> Alert:
    return Alert(
        id="alr_1",
        number=12,
        flow="incidents",
        source="monitoring",
        title="Jane Roe's card was declined",
        severity=Severity.ERROR,
        state=AlertState.TRIGGERED,
        opened_at=NOW,
        triggered_at=NOW,
        dedupe_key="card-4711",
    )


def test_every_state_has_its_ways_on_and_resolved_none() -> None:
    assert set(ALERT_TRANSITIONS) == set(AlertState)
    assert ALERT_TRANSITIONS[AlertState.RESOLVED] == frozenset()
    assert {state for state, ways in ALERT_TRANSITIONS.items() if ways} == OPEN
    for state in OPEN:
        assert AlertState.RESOLVED in ALERT_TRANSITIONS[state]
        assert state not in ALERT_TRANSITIONS[state]


@pytest.mark.proves("P9")
def test_what_an_alert_says_of_people_does_not_print() -> None:
    printed = f"{alert()} {alert()!r}"
    assert "Jane" not in printed
    assert "4711" not in printed
    assert "alr_1" in printed


def test_nothing_can_be_changed_in_place() -> None:
    rotation = Rotation("w", ("ada",), RotationKind.WEEKLY, date(2026, 1, 5))
    for one in (alert(), rotation, Schedule("x", "UTC", (rotation,)), EscalationPolicy("p", ())):
        name = dataclasses.fields(one)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(one, name, "")
    assert not hasattr(Step("s", ()), "__dict__")
    assert set(DAYS_OF) == set(RotationKind)
