"""Breakers, the comparison with the provider, and fallback lines, as they are configured."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ringfence.bootstrap import _pace
from ringfence.delivery.breaker import BREAKER, BreakerSettings

SMS = "channels.sms"
SECOND = {"fromNumber": "+15555550101", "webhookPath": "/second"}


def sms(**keys: Any) -> dict[str, Any]:
    return {"channels": {"sms": keys}}


def test_every_key_arrives(load_good: Any) -> None:
    delivery = {
        "breakerFailures": 3,
        "breakerWindowS": 60,
        "breakerWaitsS": [1, 2.5],
        "reconcileHours": 6,
    }
    settings = load_good({"delivery": delivery})
    assert settings.delivery.breaker == BreakerSettings(3, 60.0, (1, 2.5))
    pace = _pace(settings)
    assert (pace.breaker, pace.reconcile_every) == (
        settings.delivery.breaker,
        timedelta(hours=6),
    )
    plain = load_good()
    assert (plain.delivery.breaker, plain.delivery.reconcile_every) == (BREAKER, timedelta(days=1))
    assert _pace(load_good({"delivery": {"reconcileHours": 0}})).reconcile_every == timedelta(0)


@pytest.mark.parametrize(
    ("delivery", "path"),
    [
        ({"breakerFailures": -1}, "delivery.breakerFailures"),
        ({"breakerWaitsS": []}, "delivery.breakerWaitsS"),
        ({"breakerWindowS": 0}, "delivery.breakerWindowS"),
        ({"reconcileHours": 169}, "delivery.reconcileHours"),
    ],
)
def test_what_cannot_be(problems_of: Any, delivery: dict[str, Any], path: str) -> None:
    [problem] = problems_of({"delivery": delivery})
    assert problem.startswith(f"{path}: expected ")


def test_a_fallback_is_another_line(load_good: Any) -> None:
    settings = load_good(sms(fallbackAccount="second", accounts={"second": SECOND}))
    # The second inherits the key, and is no fallback of its own.
    assert {line.id: line.fallback for line in settings.lines} == {
        "default": "second",
        "second": "",
    }
    both = {"second": {**SECOND, "fallbackAccount": "default"}}
    settings = load_good(sms(fallbackAccount="second", accounts=both))
    assert {line.id: line.fallback for line in settings.lines} == {
        "default": "second",
        "second": "default",
    }


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        (
            {"fallbackAccount": "third", "accounts": {"second": {**SECOND, "fallbackAccount": ""}}},
            f'{SMS}.fallbackAccount: expected the name of another account (second), got "third"',
        ),
        (
            {"fallbackAccount": "default"},
            f'{SMS}.fallbackAccount: expected the name of another account (there is none), got "default"',
        ),
        (
            {"accounts": {"second": {**SECOND, "fallbackAccount": "second"}}},
            f"{SMS}.accounts.second.fallbackAccount: expected the name of another account (default), "
            'got "second"',
        ),
    ],
)
def test_no_line_falls_back_on_itself_or_on_nobody(
    problems_of: Any, keys: dict[str, Any], problem: str
) -> None:
    assert problem in problems_of(sms(**keys))
