"""Scenarios of what a review found: each of these once lost, doubled or blocked something."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from paged import ANN, BEN, INCIDENT, Paged, operations, paged
from ringfence.delivery import escalate
from ringfence.delivery.escalate import Escalated, advance
from ringfence.gateway import consent, halt
from ringfence.gateway.alert import begin_maintenance
from ringfence.gateway.evidence import Statement
from ringfence.gateway.selfaudit import problems
from ringfence.model.alert import Alert, AlertState, Maintenance
from ringfence.model.consent import ConsentKind, Level, Method
from ringfence.model.contact import SwitchScope
from ringfence.model.event import Event, EventAction
from ringfence.model.phone import PhoneNumber
from ringfence.model.planned import Planned, PlannedState
from ringfence.ports import Tx
from ringfence.testing import Faults
from telling import OWNER

KIM = "+15555550121"
REMINDER: Mapping[str, Any] = {
    "types": ["visit.booked"],
    "message": {
        "template": "visit",
        "to": ["field:data.phone"],
        "fields": {"day": "data.starts_at"},
        "key": "data.visit",
        "sendAt": "data.starts_at",
        "offset": "-24h",
        "useUntil": "data.ends_at",
        "cancelledBy": ["visit.cancelled"],
        "zone": "Europe/Berlin",
    },
}
TEMPLATE: Mapping[str, Any] = {
    "version": 1,
    "category": "transactional",
    "programme": "visits",
    "texts": {"en": "Acme Dental: your visit is on {day}. Call us to move it."},
    "fields": {"day": {"kind": "date"}},
}


@asynccontextmanager
async def reminding(store_url: str, **message: Any) -> AsyncIterator[Paged]:
    """Reminders beside incidents; Kim agreed to the reminders."""
    flow = {**REMINDER, "message": {**REMINDER["message"], **message}}
    config = operations(
        flows={"reminder": flow, "incident": dict(INCIDENT)}, templates={"visit": dict(TEMPLATE)}
    )
    async with paged(store_url, config, sms={"purpose": "notify"}) as story:
        kit, now = story.story.gateway.kit, story.story.clock.now()
        said = Statement(
            PhoneNumber(KIM),
            ConsentKind.GRANTED,
            Method.VERBAL,
            programme="visits",
            level=Level.TRANSACTIONAL,
            evidence="asked at the desk",
        )

        def agreed(tx: Tx) -> None:
            consent.record(kit, tx, said, "operator:t", now)
            tx.people.set_zone(said.number, "Europe/Berlin")

        await story.story.write(agreed)
        yield story


def visit(story: Paged, id_: str, type_: str = "visit.booked", **data: Any) -> Event:
    given = {"visit": "1", "phone": KIM, **data}
    return Event(
        id=id_,
        source="generic",
        type=type_,
        at=story.story.clock.now(),
        data=given,
        dedupe_key=id_,
    )


async def planned(story: Paged) -> list[Planned]:
    found = await story.story.read(lambda tx: tx.planned.listing(50, "reminder", False, None))
    return list(reversed(found))


def days(story: Paged, count: float) -> str:
    return (story.story.clock.now() + timedelta(days=count)).isoformat()


# -- what stands in an event never keeps other flows from it ---------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        {"starts_at": "9999-12-31T23:59:59Z"},
        {"starts_at": "0001-01-01T00:00:00Z"},
        {"starts_at": "0001-01-01T00:00:00"},
        {"starts_at": "2026-03-10T09:00:00Z", "ends_at": "9999-12-31T23:59:59-10:00"},
        {"starts_at": 1e300},
        {"starts_at": "20260310"},
    ],
    ids=str,
)
@pytest.mark.parametrize("offset", ["-24h", "24h"])
async def test_a_moment_at_the_end_of_time_is_refused_and_opens_its_alert_all_the_same(
    store_url: str, data: dict[str, Any], offset: str
) -> None:
    async with reminding(store_url, offset=offset) as story:
        event = Event(
            id="e-1",
            source="generic",
            type="visit.booked",
            at=story.story.clock.now(),
            data={"visit": "1", "phone": KIM, **data},
            dedupe_key="e-1",
        )
        receipt = await story.post(event, story.event("db-1"))
        assert len(receipt.ids) == 2
        await story.passes(seconds=10)
        assert len(story.got(ANN)) == 1


async def test_a_date_field_at_the_end_of_time_is_refused(store_url: str) -> None:
    message = {"sendAt": "data.leaves", "fields": {"day": "data.starts_at"}}
    async with reminding(store_url, **message) as story:
        late = "9999-12-31T23:59:59+00:00"
        await story.post(
            visit(story, "e-1", leaves=days(story, 3), starts_at=late, ends_at=days(story, 4))
        )
        assert await planned(story) == []


# -- a flow that refuses an event changes nothing ---------------------------------------------------


async def test_a_move_that_cannot_be_read_leaves_what_was_planned(store_url: str) -> None:
    async with reminding(store_url) as story:
        await story.post(visit(story, "e-1", starts_at=days(story, 3), ends_at=days(story, 3.1)))
        await story.post(visit(story, "e-2", starts_at=days(story, 5), ends_at="soon"))
        [one] = await planned(story)
        assert one.state is PlannedState.WAITING


# -- answers ---------------------------------------------------------------------------------------


async def test_a_bare_ack_counts_from_the_page_and_not_from_the_event(store_url: str) -> None:
    """Whoever is asked for days, or after a long maintenance, still answers the page."""
    config = operations(policy={"rounds": "untilAcknowledged", "pause": "4h"})
    async with paged(store_url, config) as story:
        await story.fires("db-1")
        await story.passes(hours=80)
        assert story.got(ANN)
        await story.ann.texts("ack")
        await story.passes(seconds=10)
        assert (await story.alert("db-1")).state is AlertState.ACKNOWLEDGED


async def test_a_flow_that_breaks_keeps_the_event_from_no_other(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leaves nothing half done, and its source is not told to try for ever."""

    def breaks(*_: Any) -> None:
        raise ZeroDivisionError

    async with reminding(store_url) as story:
        await story.post(visit(story, "e-1", starts_at=days(story, 3), ends_at=days(story, 3.1)))
        monkeypatch.setattr("ringfence.gateway.planning._rooms", breaks)
        moved = visit(story, "e-2", starts_at=days(story, 4), ends_at=days(story, 4.1))
        receipt = await story.post(moved, story.event("db-1"))
        assert not receipt.duplicates
        [one] = await planned(story)
        assert one.state is PlannedState.WAITING
        await story.passes(seconds=10)
        assert len(story.got(ANN)) == 1
        stored = await story.story.read(lambda tx: tx.source_events.get(receipt.ids[0]))
        assert stored is not None
        assert "refused" in stored.outcome["reminder"]
        assert (await story.post(moved)).duplicates


# -- one's trouble is not the others' --------------------------------------------------------------


async def test_a_halted_flow_with_thousands_of_pages_holds_up_no_other(store_url: str) -> None:
    flows = {
        "noise": {**INCIDENT, "types": ["noise.*"]},
        "incident": dict(INCIDENT),
    }
    async with paged(store_url, operations(flows=flows)) as story:
        kit, now = story.story.gateway.kit, story.story.clock.now()
        await story.story.write(
            lambda tx: halt.stop(kit, tx, SwitchScope.FLOW, "noise", "operator:t", "a storm", now)
        )
        for batch in range(3):
            await story.post(
                *(
                    story.event(f"n-{batch}-{n}", type_="noise.made", service=f"s{n}")
                    for n in range(700)
                )
            )
        await story.post(story.event("db-1"))
        await story.story.passes(seconds=1)
        await story.story.passes(seconds=1)
        assert any("db-1" in text for text in story.got(ANN))


async def test_an_alert_that_breaks_its_stage_holds_up_no_other(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(alert: Alert, *rest: Any) -> Escalated:
        if alert.dedupe_key == "db-1":
            raise ZeroDivisionError
        return advance(alert, *rest)

    async with paged(store_url) as story:
        await story.post(story.event("db-1"), story.event("mail-1", service="mail"))
        await story.passes(seconds=70)
        monkeypatch.setattr(escalate, "advance", breaks)
        for _ in range(10):
            story.story.clock.move_to(story.story.clock.now() + timedelta(minutes=1))
            with suppress(ZeroDivisionError):
                await story.story.settle()
        assert (await story.alert("db-1")).step == "first"
        assert (await story.alert("mail-1")).step == "second"


# -- events out of order ---------------------------------------------------------------------------


async def test_an_end_that_is_older_than_the_trouble_does_not_end_it(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        ended = story.event("db-1", action=EventAction.RESOLVE)
        await story.passes(minutes=1)
        await story.post(story.event("db-1"))  # down again; the word of its end comes late
        await story.post(ended)
        assert (await story.alert("db-1")).state is AlertState.TRIGGERED


async def test_an_alert_whose_line_is_gone_is_told_by_its_flows_line(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        alert = await story.alert("db-1")
        await story.story.write(lambda tx: tx.alerts.save([replace(alert, line="gone")]))
        await story.passes(minutes=12)
        assert len(story.got(BEN)) == 1
        assert any("nobody is left to ask" in text for text in story.got(OWNER))


# -- owners ----------------------------------------------------------------------------------------


async def test_strangers_do_not_use_up_what_owners_are_told_of_alerts(store_url: str) -> None:
    steps = [{"name": "only", "notify": ["person:ann"], "acknowledgedWithin": 120}]
    async with paged(store_url, operations(steps=steps)) as story:
        for n in range(8):
            await story.story.phone(f"+155555501{60 + n}").texts("hello?")
        await story.passes(seconds=10)
        await story.fires("db-1")
        await story.passes(minutes=4)
        assert any("nobody is left to ask" in text for text in story.got(OWNER))


async def test_words_that_are_harmless_alone_do_not_stop_a_page_together(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1", service="STOP to 12345", title="to continue send")
        [text] = story.got(ANN)
        assert "STOP" not in text
        assert "Reply 1a to take it" in text


async def test_an_end_on_which_a_flow_breaks_is_stored_and_not_tried_for_ever(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its type: an end concerns alerts of flows that are opened by others."""

    def breaks(*_: Any) -> None:
        raise ZeroDivisionError

    async with paged(store_url) as story:
        await story.fires("db-1")
        monkeypatch.setattr(escalate, "resolve", breaks)
        end = story.event("db-1", action=EventAction.RESOLVE, type_="all.clear")
        receipt = await story.post(end)
        stored = await story.story.read(lambda tx: tx.source_events.get(receipt.ids[0]))
        assert stored is not None
        assert "refused" in stored.outcome["incident"]
        assert (await story.alert("db-1")).state is AlertState.TRIGGERED


# -- what is told late, or again ----------------------------------------------------------------------


async def test_a_booking_told_again_late_does_not_move_a_visit_back(store_url: str) -> None:
    async with reminding(store_url) as story:
        first = visit(story, "e-1", starts_at=days(story, 3), ends_at=days(story, 3.1))
        await story.passes(minutes=1)
        await story.post(visit(story, "e-2", starts_at=days(story, 5), ends_at=days(story, 5.1)))
        await story.post(first)
        [one] = [each for each in await planned(story) if each.state is PlannedState.WAITING]
        assert one.due_at > story.story.clock.now() + timedelta(days=3.5)


async def test_a_booking_that_comes_after_its_cancellation_is_not_reminded_of(
    store_url: str,
) -> None:
    async with reminding(store_url) as story:
        booked = visit(story, "e-1", starts_at=days(story, 3), ends_at=days(story, 3.1))
        await story.passes(minutes=1)
        await story.post(visit(story, "e-2", "visit.cancelled"))
        await story.post(booked)
        assert not [one for one in await planned(story) if one.state is PlannedState.WAITING]


async def test_a_state_told_again_writes_to_nobody_twice(store_url: str) -> None:
    config = operations(
        sources={"prom": {"kind": "alertmanager", "tokens": ["t"]}},
        flows={
            "status": {
                "sources": ["prom"],
                "types": ["alert.*"],
                "message": {
                    "template": "news",
                    "to": [f"number:{BEN}"],
                    "fields": {"what": "title"},
                },
            }
        },
        templates={
            "news": {
                "version": 1,
                "category": "alert",
                "texts": {"en": "Acme: {what} has trouble."},
                "fields": {"what": {"kind": "text"}},
            }
        },
    )
    async with paged(store_url, config) as story:
        event = Event(
            id="f1|firing|2026-01-01",
            source="alertmanager",
            type="alert.firing",
            at=datetime(2026, 1, 1, tzinfo=UTC),
            title="the database",
            dedupe_key="f1",
        )
        await story.post(event, source="prom")
        await story.passes(seconds=10)
        await story.post(event, source="prom")
        await story.passes(seconds=70)
        assert len(story.got(BEN)) == 1


# -- the self-audit ----------------------------------------------------------------------------------


async def test_news_that_wait_for_their_turn_are_no_problem(store_url: str) -> None:
    """That something is over is told seldom; waiting for it must not stop the heartbeat."""
    async with paged(store_url) as story:
        kit = story.story.gateway.kit
        for n in range(5):
            await story.fires(f"db-{n}", service=f"s{n}")
            await story.passes(seconds=70)
        for n in range(5):
            await story.ends(f"db-{n}")
        for _ in range(30):
            await story.passes(minutes=1)
            now = story.story.clock.now()
            found = await story.story.read(lambda tx, at=now: problems(kit, tx, at))
            assert not [one for one in found if one.code == "notice_overdue"]


async def test_pages_that_are_owed_when_a_maintenance_begins_wait_for_its_end(
    store_url: str,
) -> None:
    async with paged(store_url) as story:
        kit = story.story.gateway.kit
        await story.fires("db-1")
        await story.fires("mail-1", service="mail")  # waits for its minute
        now = story.story.clock.now()
        window = Maintenance("", "", "", now, now + timedelta(hours=1), "a move", "operator:t")
        await story.story.write(lambda tx: begin_maintenance(kit, tx, window, now))
        await story.passes(minutes=50)
        assert len(story.got(ANN)) == 1
        await story.passes(minutes=15)
        assert any("(mail)" in text for text in story.got(ANN))


async def test_a_number_in_the_type_of_an_event_is_not_in_the_record(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.post(story.event("x", type_="incident.+15555550177"))
        entries = await story.story.read(lambda tx: tx.audit.after(0, 200))
        assert not any("5555550177" in str(one.entry.body) for one in entries)


async def test_many_services_at_once_share_a_text(store_url: str) -> None:
    """One by one, the last of sixty would have been told of after hours."""
    async with paged(store_url) as story:
        await story.post(*(story.event(f"s{n}", service=f"service {n}") for n in range(60)))
        await story.passes(seconds=10)
        [text] = story.got(ANN)
        assert "60 alerts of 60 services: #1 s0 is down" in text
        await story.passes(minutes=5)
        assert len(story.got(BEN)) == 1
        await story.ben.texts("3aa")
        await story.passes(seconds=10)
        assert story.got(BEN)[-1] == "60 alerts of 60 services are yours."


async def test_what_was_asked_in_vain_is_asked_again_when_it_is_told_again(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        await story.passes(minutes=15)
        assert (await story.alert("db-1")).exhausted_at is not None
        await story.fires("db-1")
        assert len(story.got(ANN)) == 1
        await story.passes(hours=2)
        alert = await story.fires("db-1")
        assert (alert.number, alert.round, alert.exhausted_at) == (1, 2, None)
        assert len(story.got(ANN)) == 2
        await story.passes(seconds=300)
        assert len(story.got(BEN)) == 2
        await story.ann.texts("1a")
        await story.passes(minutes=20)
        assert (await story.alert("db-1")).acknowledged_by == "ann"


async def test_a_responder_who_stopped_holds_up_nobody_by_their_throttle(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        await story.ann.texts("STOP")
        await story.passes(seconds=2)
        await story.fires("mail-1", service="mail")
        assert any("(mail)" in text for text in story.got(BEN))


async def test_a_page_that_never_left_uses_up_nothing_and_its_end_is_no_news(
    store_url: str,
) -> None:
    async with paged(store_url) as story:
        story.story.carrier.faults = Faults(throttled=1.0)
        await story.fires("db-1")
        await story.ends("db-1")
        story.story.carrier.faults = Faults()
        await story.fires("mail-1", service="mail")
        await story.passes(minutes=3)
        assert [text for text in story.got(ANN) if "#1" in text] == []
        assert any("(mail)" in text for text in story.got(ANN))


async def test_what_somebody_took_late_is_theirs_when_it_is_told_again(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        await story.passes(minutes=15)
        await story.ann.texts("1a")
        await story.passes(hours=2)
        alert = await story.fires("db-1")
        assert (alert.state, alert.acknowledged_by) == (AlertState.ACKNOWLEDGED, "ann")
        assert (alert.round, alert.count) == (1, 2)
        # Passed on now, the yes of then would count no more if it were asked about anew.
        assert alert.triggered_at == alert.opened_at
