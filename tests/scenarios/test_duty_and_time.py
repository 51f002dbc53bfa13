"""Scenarios of duty and time: rotations, overrides, maintenance, heartbeats, a policy that changes in
flight, a restart in the middle."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from paged import ANN, BEN, CARA, INCIDENT, STEPS, Paged, operations, paged
from ringfence.clock import ManualClock
from ringfence.delivery.flow import Operations
from ringfence.gateway import alert as alerts
from ringfence.gateway import duty
from ringfence.gateway.escalation import Escalation
from ringfence.gateway.paging import Paging
from ringfence.model.alert import AlertState, Maintenance
from ringfence.model.errors import InvalidField, NotFound
from ringfence.model.event import EventAction
from ringfence.model.oncall import Override, OverrideKind
from ringfence.model.wire import WebhookRequest
from ringfence.sources import heartbeat
from ringfence.sources.heartbeat import Beat
from telling import OWNER

WEEK = {
    "zone": "Europe/Berlin",
    "layers": [
        {
            "rotation": "weekly",
            "responders": ["ann", "ben"],
            "startsOn": "2026-03-02",
            "handOver": "09:00",
        }
    ],
}
ON_DUTY = ({"name": "duty", "notify": ["schedule:week"], "acknowledgedWithin": 300},)


def scheduled(**more: Any) -> dict[str, Any]:
    return operations(steps=ON_DUTY, schedules={"week": WEEK}, **more)


def at(text: str) -> ManualClock:
    return ManualClock(datetime.fromisoformat(text).astimezone(UTC))


async def does(story: Paged, job: Callable[[Any, Any, datetime], Any]) -> Any:
    kit, now = story.story.gateway.kit, story.story.clock.now()
    return await story.story.write(lambda tx: job(kit, tx, now))


async def test_whoever_is_on_call_is_paged(store_url: str) -> None:
    async with paged(store_url, scheduled(), clock=at("2026-03-04T12:00:00+01:00")) as story:
        await story.fires("db-1")
        assert (len(story.got(ANN)), len(story.got(BEN))) == (1, 0)


@pytest.mark.parametrize(
    ("when", "who"),
    [
        # Clocks go forward on 29 March in Berlin: the hand-over stays at 9 by the wall.
        ("2026-03-30T08:59:00+02:00", "ben"),
        ("2026-03-30T09:01:00+02:00", "ann"),
        # And back on 25 October.
        ("2026-10-26T08:59:00+01:00", "ben"),
        ("2026-10-26T09:01:00+01:00", "ann"),
    ],
)
async def test_hand_over_is_by_the_wall_clock_on_both_sides_of_a_change(
    store_url: str, when: str, who: str
) -> None:
    async with paged(store_url, scheduled(), clock=at(when)) as story:
        await story.fires("db-1")
        paged_ones = [name for name, number in (("ann", ANN), ("ben", BEN)) if story.got(number)]
        assert paged_ones == [who]


async def test_a_step_that_begins_after_the_hand_over_asks_the_next(store_url: str) -> None:
    config = operations(
        steps=[STEPS[0], {"name": "duty", "notify": ["schedule:week"]}], schedules={"week": WEEK}
    )
    async with paged(store_url, config, clock=at("2026-03-09T08:57:00+01:00")) as story:
        await story.fires("db-1")
        assert len(story.got(ANN)) == 1
        await story.passes(seconds=300)
        assert len(story.got(BEN)) == 1


async def test_an_override_stands_in(store_url: str) -> None:
    async with paged(store_url, scheduled(), clock=at("2026-03-04T12:00:00+01:00")) as story:
        now = story.story.clock.now()
        wanted = Override(
            OverrideKind.REPLACE,
            "cara",
            now - timedelta(hours=1),
            now + timedelta(hours=2),
            instead_of="ann",
        )
        await does(
            story, lambda kit, tx, now: duty.override(kit, tx, "week", wanted, "operator:t", now)
        )
        await story.fires("db-1")
        assert (len(story.got(CARA)), len(story.got(ANN))) == (1, 0)
        await story.passes(hours=3)
        await story.fires("mail-1", service="mail")
        assert len(story.got(ANN)) == 1


async def test_an_override_of_nobody_is_refused(store_url: str) -> None:
    async with paged(store_url, scheduled()) as story:
        now = story.story.clock.now()
        nobody = Override(OverrideKind.ADD, "zoe", now, now + timedelta(hours=1))
        past = Override(OverrideKind.ADD, "ann", now - timedelta(hours=2), now)
        for wanted, name, error in (
            (nobody, "week", InvalidField),
            (past, "week", InvalidField),
            (replace(nobody, responder="ann"), "month", NotFound),
        ):
            with pytest.raises(error):
                await does(
                    story,
                    lambda kit, tx, now, w=wanted, n=name: duty.override(
                        kit, tx, n, w, "operator:t", now
                    ),
                )


def window(story: Paged, hours: int = 1, **of: str) -> Maintenance:
    now = story.story.clock.now()
    return Maintenance(
        "", of.get("flow", ""), of.get("service", ""), now, now + timedelta(hours=hours), "t", "t"
    )


async def test_in_maintenance_nobody_is_paged_and_what_is_left_is_paged_after_it(
    store_url: str,
) -> None:
    async with paged(store_url) as story:
        wanted = window(story, service="database")
        await does(story, lambda kit, tx, now: alerts.begin_maintenance(kit, tx, wanted, now))
        await story.fires("db-1")
        await story.fires("db-2")
        await story.fires("mail-1", service="mail")
        assert len(story.got(ANN)) == 1
        assert "(mail)" in story.got(ANN)[0]
        await story.ends("db-2")
        await story.passes(minutes=50)
        assert len([text for text in story.got(ANN) if "database" in text]) == 0
        await story.passes(minutes=12)
        texts = [text for text in story.got(ANN) if "database" in text]
        assert len(texts) == 1
        assert "#1" in texts[0]


async def test_maintenance_that_ends_early_lets_go_at_once(store_url: str) -> None:
    async with paged(store_url) as story:
        wanted = window(story, hours=5)
        made = await does(
            story, lambda kit, tx, now: alerts.begin_maintenance(kit, tx, wanted, now)
        )
        await story.fires("db-1")
        assert story.got(ANN) == []
        await does(
            story,
            lambda kit, tx, now: alerts.end_maintenance(kit, tx, made.id, "operator:t", now),
        )
        await story.passes(seconds=10)
        assert len(story.got(ANN)) == 1


async def test_maintenance_stands_still_what_was_escalating(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        wanted = window(story)
        await does(story, lambda kit, tx, now: alerts.begin_maintenance(kit, tx, wanted, now))
        await story.passes(minutes=30)
        assert story.got(BEN) == []
        await story.passes(minutes=32)
        assert len(story.got(BEN)) == 1


async def test_a_heartbeat_that_stays_away_pages_once_and_its_return_resolves(
    store_url: str,
) -> None:
    flows = {"beats": {**INCIDENT, "sources": ["heartbeat"], "types": ["heartbeat.*"]}}
    async with paged(store_url, operations(flows=flows)) as story:

        async def beat() -> None:
            promise = Beat("backup", story.story.clock.now(), 600, 60)
            await story.post(_beat(promise), source="heartbeat")
            await story.passes(seconds=1)

        await beat()
        await story.passes(minutes=10)
        assert story.got(ANN) == []
        await story.passes(minutes=2)
        [page] = story.got(ANN)
        assert "backup was not heard of in time" in page
        await story.passes(minutes=4)
        assert len(story.got(ANN)) == 1
        await beat()
        await story.passes(seconds=10)
        assert any("resolved #1" in text for text in story.got(ANN))
        await story.passes(minutes=12)
        assert any("#2" in text for text in story.got(ANN))


def _beat(promise: Beat) -> Any:
    """As the source's codec makes it of a request."""
    fields = {
        "name": promise.name,
        "period_s": promise.period_s,
        "grace_s": promise.grace_s,
        "time": promise.at.isoformat(),
    }
    request = WebhookRequest("POST", "", "", {}, json.dumps(fields).encode())
    [event] = heartbeat.SOURCE.parse(heartbeat.SOURCE.verify(request, (), promise.at))
    return event


def changed(story: Paged, **changes: Any) -> Any:
    """The same gateway after an edit of its configuration and a restart: other operations, the same
    store."""
    kit = story.story.gateway.kit
    operations_: Operations = replace(kit.operations, **changes)
    return replace(kit, operations=operations_)


async def test_a_policy_that_changes_in_flight_goes_on_where_it_was(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        kit = story.story.gateway.kit
        policy = kit.operations.policies["ops"]
        longer = replace(policy, steps=(*policy.steps, replace(policy.steps[0], name="again")))
        other = changed(story, policies={"ops": longer})
        object.__setattr__(kit, "operations", other.operations)
        await story.passes(seconds=700)
        assert (len(story.got(ANN)), len(story.got(BEN))) == (2, 1)


async def test_a_policy_that_is_gone_is_told_to_the_owner(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        kit = story.story.gateway.kit
        object.__setattr__(kit, "operations", changed(story, policies={}).operations)
        await story.passes(seconds=310)
        assert any("nobody is left to ask" in text for text in story.got(OWNER))


async def test_another_process_goes_on_after_a_restart(store_url: str) -> None:
    """Nothing of an escalation is in memory: a fresh process sees what is due and what was told."""
    async with paged(store_url) as story:
        await story.fires("db-1")
        kit = story.story.gateway.kit
        story.story.clock.move_to(story.story.clock.now() + timedelta(seconds=300))
        assert await Escalation(kit).advance()
        assert await Paging(kit).page()
        assert not await Escalation(kit).advance()
        assert not await Paging(kit).page()
        await story.passes(seconds=10)
        assert (len(story.got(ANN)), len(story.got(BEN))) == (1, 1)


async def test_a_responder_has_a_sender_of_their_own(store_url: str) -> None:
    other = "+15555550109"
    config = operations(responders={"ann": {"number": ANN, "label": "Ann", "line": "alarm"}})
    async with paged(
        store_url,
        config,
        sms={"accounts": {"alarm": {"fromNumber": other, "webhookPath": "/webhooks/alarm"}}},
    ) as story:
        await story.fires("db-1")
        messages = await story.story.read(lambda tx: tx.messages.listing(5, "alarm", None, None))
        assert [message.line for message in messages] == ["alarm"]


async def test_an_alert_is_acknowledged_by_its_source(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        await story.post(story.event("db-1", action=EventAction.ACKNOWLEDGE))
        await story.passes(hours=1)
        alert = await story.alert("db-1")
        assert (alert.state, alert.acknowledged_by) == (AlertState.ACKNOWLEDGED, "event:generic")
        assert story.got(BEN) == []
