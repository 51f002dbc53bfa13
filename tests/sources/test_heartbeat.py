"""The dead man's switch: beats, promises, and what was not heard of in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sources_rig import CANARY, NOW, changed, parsed, refused

from ringfence.model.errors import BodyTooLarge
from ringfence.model.event import Event, EventAction, Severity
from ringfence.sources.heartbeat import Beat, beat, missed

NIGHTLY = {"name": "nightly-backup", "period_s": 86_400, "grace_s": 1_800}
PROMISE = Beat("nightly-backup", NOW, 86_400, 1_800)


def test_a_beat_resolves_what_its_silence_opened() -> None:
    (event,) = parsed("heartbeat", NIGHTLY)
    assert event == Event(
        id="nightly-backup|heartbeat.beat|2026-11-21T12:00:00+00:00",
        source="heartbeat",
        type="heartbeat.beat",
        at=NOW,
        action=EventAction.RESOLVE,
        subject="nightly-backup",
        data={"name": "nightly-backup", "period_s": 86_400, "grace_s": 1_800, "message": ""},
        dedupe_key="nightly-backup",
    )
    assert beat(event) == PROMISE


def test_silence_opens_one_alert_however_often_it_is_looked_at() -> None:
    due = NOW + timedelta(seconds=86_400 + 1_800)
    assert missed(PROMISE, due - timedelta(seconds=1)) is None
    event = missed(PROMISE, due)
    assert event is not None
    assert (event.type, event.action) == ("heartbeat.missed", EventAction.TRIGGER)
    assert (event.severity, event.at) == (Severity.ERROR, due)
    assert event.dedupe_key == parsed("heartbeat", NIGHTLY)[0].dedupe_key
    assert missed(PROMISE, due + timedelta(days=3)) == event
    later = missed(replace(PROMISE, at=due), due + timedelta(days=3))
    assert later is not None
    assert later.id != event.id


def test_a_job_says_that_it_failed() -> None:
    (event,) = parsed("heartbeat", {**NIGHTLY, "ok": False, "message": "disk full"})
    assert (event.type, event.action) == ("heartbeat.failed", EventAction.TRIGGER)
    assert event.severity is Severity.ERROR
    assert event.data["message"] == "disk full"
    assert beat(event) is None


def test_a_beat_without_a_period_promises_nothing() -> None:
    (event,) = parsed("heartbeat", {"name": "cron"})
    assert beat(event) is None
    assert "period_s" not in event.data


def test_grace_is_a_tenth_of_the_period_unless_it_is_said() -> None:
    assert beat(parsed("heartbeat", {"name": "a", "period_s": 600})[0]) == Beat("a", NOW, 600, 60)


def test_events_of_others_promise_nothing() -> None:
    assert beat(replace(parsed("heartbeat", NIGHTLY)[0], source="generic")) is None


@pytest.mark.parametrize(
    ("time", "ahead_s"),
    [("2026-11-21T11:00:00Z", -3_600), ("2026-11-21T13:00:00Z", 0), (None, 0)],
)
def test_a_clock_that_is_ahead_does_not_put_off_the_alarm(time: str | None, ahead_s: int) -> None:
    (event,) = parsed("heartbeat", {**NIGHTLY, "time": time})
    assert event.at == NOW + timedelta(seconds=ahead_s)


@pytest.mark.parametrize(
    ("query", "same_as"),
    [
        ("name=nightly-backup&period_s=86400&grace_s=1800", NIGHTLY),
        ("name=nightly-backup", {"name": "nightly-backup"}),
        (
            "name=a+b&ok=false&message=it%20broke",
            {"name": "a b", "ok": False, "message": "it broke"},
        ),
    ],
)
def test_a_beat_in_the_query(query: str, same_as: dict[str, Any]) -> None:
    assert parsed("heartbeat", b" \n", query=query) == parsed("heartbeat", same_as)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", "`name` is missing"),
        ("nightly", "The query is not one of names and values"),
        ("name=a&name=b", "The query says one of its fields twice"),
        (f"name=a&token={CANARY}", "`token` is not known here"),
        ("name=a&period_s=daily", "`period_s` must be a whole number"),
        ("name=a&period_s=-5", "`period_s` must be a whole number"),
        ("name=a&ok=yes", "`ok` must be true or false"),
        ("name=%ff", "The query is not one of names and values"),
        ("name=" + "a" * 1_000, "The query has more than 1000 characters"),
        ("a=1&b=2&c=3&d=4&e=5&f=6&g=7", "The query is not one of names and values"),
    ],
)
def test_a_wrong_query_is_refused(query: str, says: str) -> None:
    refused("heartbeat", b"", says, query=query)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("name", ..., "`name` is missing"),
        ("name", "", "`name` is missing"),
        ("name", [CANARY], "`name` must be text"),
        ("name", "n" * 101, "`name` has more than 100"),
        ("period_s", 9, "`period_s` must be a whole number from 10 to 34560000"),
        ("period_s", 400 * 86_400 + 1, "`period_s` must be a whole number from 10"),
        ("period_s", "3600", "`period_s` must be a whole number"),
        ("period_s", 60.5, "`period_s` must be a whole number"),
        ("period_s", True, "`period_s` must be a whole number"),
        ("grace_s", -1, "`grace_s` must be a whole number from 0"),
        ("ok", "no", "`ok` must be true or false"),
        ("time", CANARY, "`time` must be a time"),
        ("message", 5, "`message` must be text"),
        ("periods", 5, "`periods` is not known here"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(path: str, value: Any, says: str) -> None:
    refused("heartbeat", changed(NIGHTLY, path, value), says)


@pytest.mark.proves("P10")
def test_a_body_beyond_the_limit_is_not_looked_at() -> None:
    with pytest.raises(BodyTooLarge):
        parsed("heartbeat", b"x" * (16 * 1024 + 1))
