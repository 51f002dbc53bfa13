"""Metrics as a scrape shows them: all there, true, the same after a restart, and naming nobody."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from looking import ALICE, OPEN
from paged import ANN, BEN, operations, paged
from ringfence.gateway.figures import BOUNDS_S
from ringfence.gateway.selfaudit import CODES
from ringfence.web.measures import MEASURES
from scraping import names, sample, samples, scrape
from telling import NUMBER, OWNER, telling

TEXTED = {"to": OWNER, "body": "hello"}


async def test_everything_is_there_from_the_start(store_url: str) -> None:
    async with telling(store_url) as story:
        text = await scrape(story)
        families = {family.name: family.type for family in text_string_to_metric_families(text)}
        assert families == {measure.name: measure.kind for measure in MEASURES}
        shown = samples(text)
        for code in CODES:
            assert shown[sample("ringfence_self_audit_problems", code=code)] == 0
        for ledger in ("outbox", "turns", "watches", "alerts", "notices", "planned", "tickets"):
            assert shown[sample("ringfence_queue_age_seconds", ledger=ledger)] == 0
        # A counter that begins at 0 can be asked for its increase from the first one on.
        end = {"line": "default", "category": "alert", "outcome": "failed"}
        assert shown[sample("ringfence_messages_total", **end)] == 0


async def test_messages_by_line_class_and_outcome_and_how_long_they_took(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        for _ in range(3):
            await story.post("/sms/send", {**TEXTED, "body": f"hello {_}"})
        await story.passes(seconds=30)
        shown = samples(await scrape(story))
        kind = {"line": "default", "category": "conversation"}
        assert shown[sample("ringfence_messages_total", **kind, outcome="delivered")] == 3
        assert shown[sample("ringfence_message_delivery_seconds_count", **kind)] == 3
        assert 0 < shown[sample("ringfence_message_delivery_seconds_sum", **kind)] <= 90
        bounds = [*(str(float(bound)) for bound in BOUNDS_S), "+Inf"]
        name = "ringfence_message_delivery_seconds_bucket"
        buckets = [shown[sample(name, **kind, le=bound)] for bound in bounds]
        assert buckets == sorted(buckets)
        assert buckets[-1] == 3


async def test_alerts_from_opening_to_acknowledgement(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        await story.fires("db-1", id_="again")
        await story.post(story.event("db-1", id_="again"))
        shown = samples(await scrape(story.story))
        assert shown[sample("ringfence_alerts", state="triggered")] == 1
        source = {"source": "generic"}
        assert shown[sample("ringfence_source_events_total", **source, outcome="accepted")] == 2
        assert shown[sample("ringfence_source_events_total", **source, outcome="duplicate")] == 1
        line = {"line": "default"}
        assert shown[sample("ringfence_escalation_steps_begun_total", **line)] == 1
        await story.passes(minutes=6)
        await story.ben.texts("ack")
        await story.passes(seconds=10)
        shown = samples(await scrape(story.story))
        assert shown[sample("ringfence_escalation_steps_begun_total", **line)] == 2
        assert shown[sample("ringfence_alerts", state="acknowledged")] == 1
        taken = "ringfence_alert_acknowledgement_seconds"
        assert shown[sample(f"{taken}_count", **line)] == 1
        assert 360 <= shown[sample(f"{taken}_sum", **line)] <= 400
        assert shown[sample(f"{taken}_bucket", **line, le="300.0")] == 0
        assert shown[sample("ringfence_alerts_exhausted_total", **line)] == 0


async def test_an_alert_that_nobody_takes_is_counted_once(sqlite_url: str) -> None:
    async with paged(sqlite_url) as story:
        await story.fires("db-1")
        await story.passes(minutes=30)
        shown = samples(await scrape(story.story))
        assert shown[sample("ringfence_alerts_exhausted_total", line="default")] == 1
        assert shown[sample("ringfence_alerts", state="triggered")] == 1


@pytest.mark.proves("P6")
async def test_how_late_the_oldest_of_a_ledger_is(sqlite_url: str) -> None:
    async with paged(sqlite_url) as story:
        await story.story.post("/sms/send", TEXTED)
        await story.post(story.event("db-1"))
        story.story.clock.move_to(story.story.clock.now() + timedelta(minutes=20))
        shown = samples(await scrape(story.story))
        assert shown[sample("ringfence_queue_age_seconds", ledger="outbox")] == 1_200
        assert shown[sample("ringfence_queue_age_seconds", ledger="notices")] == 1_200
        assert shown[sample("ringfence_queue_age_seconds", ledger="alerts")] > 600
        assert shown[sample("ringfence_notices_owed")] == 1
        assert shown[sample("ringfence_self_audit_problems", code="outbox_overdue")] == 1
        await story.passes(seconds=60)
        shown = samples(await scrape(story.story))
        assert shown[sample("ringfence_queue_age_seconds", ledger="outbox")] == 0


async def test_a_restart_forgets_nothing(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        await story.post("/sms/send", TEXTED)
        await story.passes(seconds=90)
        before, clock = samples(await scrape(story)), story.clock
    async with telling(sqlite_url, sms=OPEN, clock=clock, seed=8) as story:
        after = samples(await scrape(story))
    kept = re.compile(r"ringfence_(messages|message_delivery|self_audit|ledger)")
    assert {key: n for key, n in after.items() if kept.match(key[0])} == {
        key: n for key, n in before.items() if kept.match(key[0])
    }
    assert after[sample("ringfence_self_audit_timestamp_seconds")] == clock.now().timestamp() // 1


@pytest.mark.proves("P9")
async def test_no_label_names_anybody_and_there_are_few(sqlite_url: str) -> None:
    sms = {**OPEN, "owners": [OWNER]}
    async with paged(sqlite_url, operations(), sms=sms) as story:
        for index in range(20):
            await story.post(story.event(f"db-{index}", service=f"service-{index}"))
        await story.story.phone(ALICE).texts("hello")
        await story.passes(minutes=20)
        text = await scrape(story.story)
    for number in (ALICE, ANN, BEN, NUMBER, OWNER):
        assert number[1:] not in text
    assert "db-1" not in text
    assert "service-1" not in text
    assert len(samples(text)) < 250
    assert "ringfence_messages_total" in names(text)
