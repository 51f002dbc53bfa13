"""Scenarios of many alerts at once: what is bundled, what goes first, how much one person gets, and
what lost its use before it left."""

from __future__ import annotations

import pytest

from paged import ANN, BEN, INCIDENT, STEPS, Paged, operations, paged
from ringfence.gateway import halt
from ringfence.gateway.paging import Paging
from ringfence.model.alert import AlertState, NoticeState
from ringfence.model.contact import SwitchScope
from ringfence.model.event import EventAction, Severity


async def storm(story: Paged, count: int, service: str = "database") -> None:
    await story.post(*(story.event(f"{service}-{n}", service=service) for n in range(count)))


async def test_alerts_of_one_moment_and_service_are_one_text(store_url: str) -> None:
    async with paged(store_url) as story:
        await storm(story, 3)
        await story.passes(seconds=10)
        [text] = story.got(ANN)
        assert text.startswith("default: 3 alerts of database: #1 database-0 is down; #2")
        assert "Reply 1a to take that one, 1aa to take all of database." in text


async def test_what_comes_meanwhile_joins_the_next_text(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        await storm(story, 5)
        await story.passes(seconds=40)
        assert len(story.got(ANN)) == 1
        await story.passes(seconds=30)
        [_, second] = story.got(ANN)
        assert second.startswith("default: 5 alerts of database:")


async def test_the_first_alert_of_another_service_goes_before_three_hundred_of_one(
    store_url: str,
) -> None:
    async with paged(store_url) as story:
        await story.fires("db-0")
        await storm(story, 300)
        await story.post(story.event("mail-1", service="mail"))
        await story.passes(seconds=60)
        [first, second] = story.got(ANN)
        assert "(database)" in first
        assert "(mail)" in second
        await story.passes(seconds=80)
        assert story.got(ANN)[2].startswith("default: 300 alerts of database:")


async def test_the_worst_is_named_first(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.post(
            story.event("db-1"),
            story.event("db-2", severity=Severity.CRITICAL),
            story.event("db-3"),
        )
        await story.passes(seconds=10)
        assert "alerts of database: #2 db-2 is down; #1 db-1" in story.got(ANN)[0]


async def test_nobody_gets_more_than_they_can_read(store_url: str) -> None:
    """At most 5 in a quarter of an hour and 11 in an hour, however many services go down."""
    steps = [{"name": "only", "notify": ["person:ann"], "acknowledgedWithin": 7200}]
    async with paged(store_url, operations(steps=steps)) as story:
        for n in range(15):
            await story.post(story.event(f"s{n}", service=f"service {n}"))
            await story.passes(minutes=1)
        assert len(story.got(ANN)) in (5, 6)
        for n in range(15, 60):
            await story.post(story.event(f"s{n}", service=f"service {n}"))
            await story.passes(minutes=1)
        assert len(story.got(ANN)) in (11, 12)


async def test_throttles_are_rebuilt_from_the_log(store_url: str) -> None:
    """A gateway that starts anew knows what was sent: nothing of it is in memory."""
    async with paged(store_url) as story:
        await story.fires("db-1")
        await story.post(story.event("mail-1", service="mail"))
        assert not await Paging(story.story.gateway.kit).page()
        assert len(story.got(ANN)) == 1


async def test_an_answer_for_all_takes_all_of_the_service(store_url: str) -> None:
    async with paged(store_url) as story:
        await storm(story, 3)
        await story.post(story.event("mail-1", service="mail"))
        await story.passes(seconds=70)
        await story.ann.texts("2aa")
        await story.passes(seconds=10)
        assert story.got(ANN)[-1] == "3 alerts of database are yours."
        assert (await story.alert("mail-1")).state is AlertState.TRIGGERED
        await story.passes(minutes=6)
        [page] = story.got(BEN)
        assert "(mail)" in page


async def test_what_is_acknowledged_before_its_text_left_is_not_texted(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        await story.fires("mail-1", service="mail")  # waits for its minute
        await story.ends("mail-1")
        await story.passes(minutes=5)
        assert all("mail" not in text for text in story.got(ANN))
        alert = await story.alert("mail-1")
        [notice] = await story.story.read(lambda tx: tx.alerts.notices_of(alert.id))
        assert notice.state is NoticeState.MOOT


async def test_resolved_notices_share_a_text(store_url: str) -> None:
    async with paged(store_url) as story:
        await storm(story, 3)
        await story.passes(seconds=10)
        await story.post(
            *(story.event(f"database-{n}", action=EventAction.RESOLVE) for n in range(3))
        )
        await story.passes(seconds=10)
        assert story.got(ANN)[-1].startswith("default: 3 alerts of database are resolved: #1")


@pytest.mark.proves("P3")
async def test_while_stopped_nobody_is_paged_and_afterwards_everybody_who_is_owed(
    store_url: str,
) -> None:
    async with paged(store_url) as story:
        kit = story.story.gateway.kit
        now = story.story.clock.now()
        await story.story.write(
            lambda tx: halt.stop(kit, tx, SwitchScope.FLOW, "incident", "t", "operator:t", now)
        )
        await story.fires("db-1")
        await story.passes(minutes=20)
        assert story.got(ANN) == story.got(BEN) == []
        later = story.story.clock.now()
        await story.story.write(
            lambda tx: halt.resume(kit, tx, SwitchScope.FLOW, "incident", "operator:t", later)
        )
        await story.passes(seconds=20)
        assert len(story.got(ANN)) == 1
        assert story.got(BEN) == []
        await story.passes(seconds=300)
        assert len(story.got(BEN)) == 1


async def test_flows_do_not_share_texts(store_url: str) -> None:
    flows = {"incident": dict(INCIDENT), "second": dict(INCIDENT)}
    async with paged(store_url, operations(flows=flows)) as story:
        await story.fires("db-1")
        await story.passes(seconds=70)
        assert len(story.got(ANN)) == 2


async def test_an_alert_of_a_burst_escalates_by_itself(store_url: str) -> None:
    async with paged(store_url, operations(steps=STEPS)) as story:
        await storm(story, 3)
        await story.passes(seconds=10)
        await story.ann.texts("1a")
        await story.passes(seconds=320)
        [text] = story.got(BEN)
        assert text.startswith("default: 2 alerts of database: #2")
