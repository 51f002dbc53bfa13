"""Ceilings of calls, and the hours at which people may be rung."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from policy_facts import NOW, ask, facts

from ringfence.model.contact import Role
from ringfence.model.draft import Category
from ringfence.model.errors import InvalidField
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Facts, Initiator, day_end, window_end
from ringfence.policy.rules.call_limits import RULE

ZONE = "Europe/Vienna"
NIGHT = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)


def call(counts: dict[str, int] | None = None, now: datetime = NOW, **changes: object) -> Facts:
    traits = changes.pop("traits", None)
    given = {"act": Act.CALL, "now": now, "zones": (ZONE,), **changes}
    return facts(counts, traits, **given)  # type: ignore[arg-type]


@pytest.mark.proves("P10")
@pytest.mark.parametrize("initiator", Initiator)
def test_so_many_a_day_and_at_once(initiator: Initiator) -> None:
    by = {"initiator": initiator}
    assert ask(RULE, call({"calls_day": 6, "calls_now": 1}, **by), day=7).verdict is Verdict.ALLOW
    day = ask(RULE, call({"calls_day": 7}, **by), day=7, zone=ZONE)
    assert (day.verdict, day.code, day.until) == (Verdict.HOLD, "calls", day_end(NOW, ZONE))
    now = ask(RULE, call({"calls_now": 2}, **by))
    assert (now.verdict, now.code) == (Verdict.HOLD, "calls_at_once")
    assert now.until == window_end(NOW, 60)


def test_nobody_is_rung_at_night_where_they_are() -> None:
    night = ask(RULE, call(now=NIGHT))
    assert (night.verdict, night.code) == (Verdict.HOLD, "calling_hours")
    assert night.until == datetime(2026, 3, 3, 7, 0, tzinfo=UTC)
    assert ask(RULE, call(now=night.until)).verdict is Verdict.ALLOW
    just_before = night.until - timedelta(seconds=1)
    assert ask(RULE, call(now=just_before)).verdict is Verdict.HOLD
    assert ask(RULE, call(now=NIGHT, zones=("America/New_York",))).verdict is Verdict.ALLOW
    assert ask(RULE, call(now=NIGHT), hours="mon-sun 00:00-24:00").verdict is Verdict.ALLOW


def test_where_nobody_knows_the_hour_a_person_decides() -> None:
    unknown = ask(RULE, call(zones=()))
    assert (unknown.verdict, unknown.until) == (Verdict.HOLD, None)


@pytest.mark.parametrize(
    ("changes", "switch"),
    [
        ({"role": Role.OWNER}, "owners_exempt"),
        ({"traits": {"category": Category.ALERT}}, "alerts_exempt"),
    ],
)
def test_who_may_be_rung_at_night(changes: dict[str, object], switch: str) -> None:
    assert ask(RULE, call(now=NIGHT, **dict(changes))).verdict is Verdict.ALLOW
    assert ask(RULE, call(now=NIGHT, **dict(changes)), **{switch: False}).verdict is Verdict.HOLD
    full = call({"calls_day": 100}, NIGHT, **dict(changes))
    assert ask(RULE, full).verdict is Verdict.HOLD, "the ceilings are for all"


def test_hours_nobody_can_read_are_refused() -> None:
    with pytest.raises(InvalidField):
        replace(RULE.settings, hours="any time")
