"""Scenarios in the manner of GoAlert's smoke tests (facts reliability-mechanics 3.1): who is told, by
whom next, and when nobody any more. Phones in hand, a moved clock, both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from paged import ANN, BEN, CARA, INCIDENT, STEPS, operations, paged
from ringfence.model.alert import AlertState
from ringfence.model.event import Severity
from ringfence.testing import Faults
from telling import OWNER

EVERYBODY = ({"name": "all", "notify": ["group:everybody"], "acknowledgedWithin": 300},)


def pages(texts: list[str], number: int) -> list[str]:
    return [text for text in texts if f"#{number} " in text]


@pytest.mark.proves("P6")
async def test_a_page_goes_to_the_first_step_alone(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        assert len(pages(story.got(ANN), 1)) == 1
        assert story.got(BEN) == story.got(CARA) == []


async def test_steps_follow_each_other_at_their_time(store_url: str) -> None:
    steps = [*STEPS, {"name": "third", "notify": ["person:cara"], "delay": 120}]
    async with paged(store_url, operations(steps=steps)) as story:
        await story.fires("db-1")
        await story.passes(seconds=280)
        assert story.got(BEN) == []
        await story.passes(seconds=20)
        assert len(story.got(BEN)) == 1
        await story.passes(seconds=400)
        assert story.got(CARA) == []
        await story.passes(seconds=30)
        assert len(story.got(CARA)) == 1
        assert len(story.got(ANN)) == 1


async def test_when_nobody_is_left_the_owner_is_told(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        await story.passes(seconds=700)
        [notice] = story.got(OWNER)
        assert "Alert 1 (incident): nobody is left to ask" in notice
        assert (await story.alert("db-1")).exhausted_at is not None
        await story.passes(hours=3)
        assert (len(story.got(ANN)), len(story.got(BEN)), len(story.got(OWNER))) == (1, 1, 1)


async def test_rounds_repeat_after_their_pause(store_url: str) -> None:
    config = operations(policy={"rounds": 2, "pause": 600})
    async with paged(store_url, config) as story:
        await story.fires("db-1")
        await story.passes(seconds=600)  # both steps in vain
        await story.passes(seconds=580)
        assert len(story.got(ANN)) == 1
        await story.passes(seconds=40)
        assert len(story.got(ANN)) == 2
        await story.passes(hours=2)
        assert (len(story.got(ANN)), len(story.got(BEN))) == (2, 2)


async def test_a_group_is_asked_at_once_and_one_answer_is_enough(store_url: str) -> None:
    config = operations(steps=EVERYBODY, groups={"everybody": ["ann", "ben", "cara"]})
    async with paged(store_url, config) as story:
        await story.fires("db-1")
        assert [len(story.got(one)) for one in (ANN, BEN, CARA)] == [1, 1, 1]
        await story.cara.texts("1a")
        await story.passes(hours=1)
        assert (await story.alert("db-1")).acknowledged_by == "cara"
        assert [len(story.got(one)) for one in (ANN, BEN)] == [1, 1]


async def test_everyone_must_acknowledge_where_the_policy_says_so(store_url: str) -> None:
    config = operations(
        steps=EVERYBODY, groups={"everybody": ["ann", "ben"]}, policy={"everyone": True}
    )
    async with paged(store_url, config) as story:
        await story.fires("db-1")
        await story.ann.texts("1a")
        await story.passes(seconds=10)
        assert story.got(ANN)[-1] == "#1: noted. It still waits for Ben."
        assert (await story.alert("db-1")).state is AlertState.TRIGGERED
        await story.ben.texts("ack 1")
        await story.passes(seconds=10)
        assert (await story.alert("db-1")).state is AlertState.ACKNOWLEDGED


async def test_a_text_that_does_not_arrive_hands_on_early(store_url: str) -> None:
    async with paged(store_url) as story:
        story.story.carrier.script(ANN, "undelivered:30003")
        await story.fires("db-1")
        await story.passes(seconds=20)
        assert len(story.got(BEN)) == 1


async def test_a_text_whose_arrival_nobody_reports_counts_as_failed_in_time(
    store_url: str,
) -> None:
    steps = [{**STEPS[0], "deliveredWithin": 60}, STEPS[1]]
    async with paged(store_url, operations(steps=steps)) as story:
        story.story.carrier.script(ANN, "sent_only")
        await story.fires("db-1")
        await story.passes(seconds=40)
        assert story.got(BEN) == []
        await story.passes(seconds=20)
        assert len(story.got(BEN)) == 1


async def test_a_responder_who_stopped_is_skipped_and_the_owner_hears_it(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.ann.texts("STOP")
        await story.passes(seconds=10)
        assert "Ann texted STOP and cannot be paged any more" in story.got(OWNER)[0]
        before = len(story.got(ANN))
        await story.fires("db-1")
        await story.passes(seconds=10)
        assert len(story.got(ANN)) == before
        assert len(pages(story.got(BEN), 1)) == 1
        assert any("ann cannot be told (opted_out" in text for text in story.got(OWNER))
        await story.ann.texts("START")
        await story.passes(seconds=10)
        await story.fires("db-2", service="other")
        assert len(pages(story.got(ANN), 2)) == 1


async def test_a_schedule_with_nobody_is_passed_over_and_told(store_url: str) -> None:
    config = operations(
        steps=[{"name": "duty", "notify": ["schedule:empty"]}, STEPS[1]],
        schedules={
            "empty": {
                "zone": "UTC",
                "layers": [
                    {
                        "rotation": "daily",
                        "responders": ["ann"],
                        "startsOn": "2027-01-01",
                        "handOver": "09:00",
                    }
                ],
            }
        },
    )
    async with paged(store_url, config) as story:
        await story.fires("db-1")
        assert len(story.got(BEN)) == 1
        assert any("step duty finds nobody (schedule:empty)" in text for text in story.got(OWNER))


async def test_a_person_passes_it_on_before_its_time(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        await story.ann.texts("1e")
        await story.passes(seconds=10)
        assert story.got(ANN)[-1] == "#1 is passed on; others are being told."
        assert len(story.got(BEN)) == 1


async def test_pressing_twice_passes_on_once(store_url: str) -> None:
    steps = [*STEPS, {"name": "third", "notify": ["person:cara"]}]
    async with paged(store_url, operations(steps=steps)) as story:
        await story.fires("db-1")
        await story.ann.texts("1e")
        await story.ann.texts("1e")
        await story.passes(seconds=10)
        assert (len(story.got(BEN)), len(story.got(CARA))) == (1, 0)


async def test_whoever_has_it_may_pass_it_on(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        await story.ann.texts("a")
        await story.passes(seconds=60)
        await story.ann.texts("1e")
        await story.passes(seconds=10)
        assert (await story.alert("db-1")).state is AlertState.TRIGGERED
        assert len(story.got(BEN)) == 1


async def test_one_text_after_an_outage_of_the_gateway(store_url: str) -> None:
    """Ten steps' time goes by while nobody looks: what was missed happens once."""
    async with paged(store_url) as story:
        await story.post(story.event("db-1"))
        story.story.clock.move_to(story.story.clock.now() + timedelta(hours=2))
        await story.passes(seconds=30)
        assert (len(story.got(ANN)), len(story.got(BEN))) == (1, 0)


async def test_the_same_event_twice_is_one_page(store_url: str) -> None:
    async with paged(store_url) as story:
        event = story.event("db-1", id_="evt-7")
        first = await story.post(event)
        second = await story.post(event)
        assert first.duplicates == frozenset()
        assert second.duplicates == set(second.ids) == set(first.ids)
        await story.passes(hours=1)
        assert len(story.got(ANN)) == 1


async def test_more_of_the_same_joins_the_open_alert(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        alert = await story.fires("db-1")
        assert (alert.number, alert.count) == (1, 2)
        assert len(story.got(ANN)) == 1


async def test_what_is_over_pages_nobody_and_tells_who_was_told(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        await story.ends("db-1")
        assert story.got(ANN)[-1] == "default: resolved #1 db-1 is down (database)."
        await story.passes(hours=1)
        assert story.got(BEN) == []


async def test_it_comes_back_as_another_alert(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        await story.ends("db-1")
        await story.passes(minutes=10)
        alert = await story.fires("db-1")
        assert alert.number == 2
        assert len(pages(story.got(ANN), 2)) == 1


async def test_other_events_open_nothing(store_url: str) -> None:
    flows = {"incident": {**INCIDENT, "when": 'severity >= "error"'}}
    async with paged(store_url, operations(flows=flows)) as story:
        await story.post(
            story.event("db-1", severity=Severity.INFO), story.event("db-2", type_="deploy.done")
        )
        await story.passes(minutes=1)
        assert story.got(ANN) == []


async def test_texts_of_late_reports_change_nothing(store_url: str) -> None:
    """Delivered first, sent afterwards, twice: the step goes its way (P4)."""
    async with paged(store_url) as story:
        story.story.carrier.faults = Faults(callback_duplicated=1.0, callback_reordered=1.0)
        await story.fires("db-1")
        await story.passes(seconds=300)
        assert (len(story.got(ANN)), len(story.got(BEN))) == (1, 1)
