"""Many alerts, few texts: one for a service, news first, and never more than a person can read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.delivery.bundle import (
    NAMED_MAX,
    PER_PERSON,
    Bundle,
    Owed,
    Sent,
    Throttle,
    Tier,
    allowed_at,
    plan,
    wording,
)
from ringfence.model.event import Severity

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FREE = Throttle(())


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def owed(
    number: int,
    service: str = "billing",
    responder: str = "ada",
    seconds: float = 0,
    severity: Severity = Severity.ERROR,
    *,
    is_open: bool = True,
) -> Owed:
    return Owed(
        f"n{number}", responder, service, at(seconds), severity, number, f"Thing {number}", is_open
    )


def told(bundles: tuple[Bundle, ...]) -> list[tuple[str, str, int]]:
    return [(one.responder, one.service, len(one.owed)) for one in bundles]


def test_alerts_of_one_service_become_one_text() -> None:
    found = plan([owed(2), owed(1, seconds=-1), owed(3, "web")], [], NOW, throttle=FREE)
    assert told(found.now) == [("ada", "billing", 2), ("ada", "web", 1)]
    assert [one.number for one in found.now[0].owed] == [1, 2]
    assert found.next_at is None


def test_the_first_leaves_at_once_and_those_behind_it_together() -> None:
    assert told(plan([owed(1)], [], NOW).now) == [("ada", "billing", 1)]
    sent = [Sent("ada", "billing", NOW)]
    waiting = [owed(number) for number in range(2, 7)]
    held = plan(waiting, sent, at(5))
    assert (held.now, held.next_at) == ((), at(60))
    assert told(plan(waiting, sent, at(60)).now) == [("ada", "billing", 5)]


def test_a_first_alert_of_another_service_overtakes_three_hundred() -> None:
    flood = [owed(number, seconds=-300) for number in range(300)]
    sent = [Sent("ada", "billing", at(-210))]
    found = plan([*flood, owed(999, "web", severity=Severity.WARNING)], sent, NOW)
    assert told(found.now) == [("ada", "web", 1)]
    assert found.next_at is not None


def test_between_people_news_goes_first_then_whoever_waited_longest() -> None:
    sent = [
        Sent("ada", "billing", at(-600)),
        Sent("ben", "billing", at(-700)),
        Sent("cleo", "other", at(-650)),
    ]
    waiting = [
        owed(number, responder=who) for number, who in enumerate(("ada", "ben", "cleo", "dora"))
    ]
    found = plan(waiting, sent, NOW, throttle=FREE)
    assert [one.responder for one in found.now] == ["dora", "cleo", "ben", "ada"]
    few = plan(waiting, sent, NOW, throttle=FREE, sends_max=1)
    assert [one.responder for one in few.now] == ["dora"]
    assert few.next_at == NOW


def test_among_news_the_worst_goes_first() -> None:
    waiting = [owed(1, "a", severity=Severity.INFO), owed(2, "b", severity=Severity.CRITICAL)]
    assert [one.service for one in plan(waiting, [], NOW, throttle=FREE).now] == ["b", "a"]
    assert [one.service for one in plan(waiting, [], NOW).now] == ["b"]


def test_what_somebody_has_by_now_is_not_sent_but_told_of() -> None:
    found = plan([owed(1, is_open=False), owed(2)], [], NOW)
    assert told(found.now) == [("ada", "billing", 1)]
    assert [one.number for one in found.moot] == [1]
    assert plan([owed(1, is_open=False)], [], NOW).now == ()


def test_people_do_not_wait_for_each_other() -> None:
    sent = [Sent("ada", "billing", NOW)]
    assert told(plan([owed(1), owed(2, responder="ben")], sent, NOW).now) == [("ben", "billing", 1)]


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ([], 0),
        ([-60], 0),
        ([-30], 30),  # one a minute
        ([-800, -600, -60], 0),  # five in a quarter of an hour are free
        ([-900], 0),
        ([-841, -631, -421, -211, -1], 449),
    ],
)
def test_tiers(before: list[int], expected: int) -> None:
    assert allowed_at([at(seconds) for seconds in before], PER_PERSON, NOW) == at(expected)


def test_a_tier_without_spreading_is_a_plain_limit() -> None:
    three = Throttle((Tier(3, 100),))
    assert allowed_at([at(-99), at(-50)], three, NOW) == NOW
    assert allowed_at([at(-99), at(-50), at(-1)], three, NOW) == at(1)
    assert allowed_at([at(-100), at(-50), at(-1)], three, NOW) == NOW
    assert allowed_at([], FREE, NOW) == NOW


TIERS = st.sampled_from(
    [
        PER_PERSON,
        Throttle((Tier(3, 60),)),
        Throttle((Tier(2, 60), Tier(4, 300))),
        Throttle((Tier(1, 10), Tier(1, 100))),
    ]
)
ARRIVALS = st.lists(
    st.tuples(
        st.integers(0, 20_000), st.sampled_from(["ada", "ben"]), st.sampled_from(["web", "db", "x"])
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(TIERS, ARRIVALS)
def test_nobody_gets_more_than_a_tier_allows_and_everything_is_told_once(
    throttle: Throttle, arrivals: list[tuple[int, str, str]]
) -> None:
    coming = sorted(
        (owed(n, service, who, seconds) for n, (seconds, who, service) in enumerate(arrivals)),
        key=lambda one: one.since,
    )
    waiting: list[Owed] = []
    log: list[Sent] = []
    done: list[Owed] = []
    now: datetime | None = NOW
    looks = 0
    while coming or waiting:
        looks += 1
        assert looks < 2_000
        assert now is not None
        waiting += [one for one in coming if one.since <= now]
        coming = [one for one in coming if one.since > now]
        found = plan(waiting, log, now, throttle=throttle)
        for bundle in found.now:
            log.append(Sent(bundle.responder, bundle.service, now))
            done += bundle.owed
        waiting = [one for one in waiting if one not in done]
        nexts = [one.since for one in coming[:1]] + ([found.next_at] if found.next_at else [])
        assert not waiting or found.next_at is not None
        assert all(moment > now for moment in nexts)
        now = min(nexts, default=None)
    assert len(done) == len(arrivals) == len({one.id for one in done})
    for person in ("ada", "ben"):
        times = [one.at for one in log if one.responder == person]
        for tier in throttle.tiers:
            span = timedelta(seconds=tier.within_s)
            assert all(
                sum(start <= other < start + span for other in times) <= tier.count
                for start in times
            )


def bundle_of(count: int, title: str = "Disk full") -> Bundle:
    ones = tuple(
        Owed(f"n{n}", "ada", "billing", at(n), Severity.ERROR, n, title)
        for n in range(1, count + 1)
    )
    return Bundle("ada", "billing", ones)


def test_wording() -> None:
    assert wording(bundle_of(1), 160) == "billing: #1 Disk full"
    assert wording(bundle_of(2), 160) == "2 new alerts of billing: #1 Disk full; #2 Disk full"
    assert wording(bundle_of(300), 160).startswith("300 new alerts of billing: #1 Disk full")
    assert wording(bundle_of(300), 160).endswith("; and 295 more")
    long = wording(bundle_of(3, "x" * 400), 160)
    assert long == "3 new alerts of billing: #1, #2, #3"
    worst = Owed("w", "ada", "billing", at(99), Severity.CRITICAL, 99, "Down")
    mixed = Bundle("ada", "billing", (*bundle_of(9).owed, worst))
    assert "#99 Down" in wording(mixed, 160)


@given(st.integers(1, 400), st.text(max_size=200), st.integers(20, 320))
def test_wording_fits(count: int, title: str, chars_max: int) -> None:
    text = wording(bundle_of(count, title), chars_max)
    assert len(text) <= chars_max
    assert text.count("#") <= NAMED_MAX * (1 + title.count("#"))


def test_nothing_of_a_title_prints() -> None:
    assert "Disk" not in repr(bundle_of(1))
