"""Duty over the API: who is on call, shifts and gaps, calendars, overrides, maintenance, and making a
responder's number count."""

from __future__ import annotations

import re
from typing import Any

import icalendar
import pytest
from callers import bearer, call

from looking import Answer
from paged import ANN, BEN, Paged, operations, paged
from ringfence.model.principal import PrincipalKind

APPROVER, VIEWER, OPERATOR = (
    PrincipalKind.APPROVER,
    PrincipalKind.VIEWER,
    PrincipalKind.OPERATOR,
)
# 2 March 2026, where stories begin, is a Monday; they begin at 17:00 UTC, an hour later in Berlin.
PRIMARY = {
    "zone": "Europe/Berlin",
    "layers": [
        {"rotation": "weekly", "responders": ["ann", "ben"], "startsOn": "2026-03-02"},
    ],
}
OFFICE = {
    "zone": "Europe/Berlin",
    "layers": [
        {
            "rotation": "daily",
            "responders": ["cara"],
            "startsOn": "2026-03-02",
            "hours": [{"days": ["mon", "tue"], "from": "08:00", "to": "20:00"}],
        }
    ],
}
TWO_LINES = {
    "accounts": {"night": {"fromNumber": "+15555550109", "webhookPath": "/webhooks/night"}}
}


def config(**more: Any) -> dict[str, Any]:
    steps = [{"name": "first", "notify": ["schedule:primary"], "acknowledgedWithin": 300}]
    return operations(steps=steps, schedules={"primary": PRIMARY, "office": OFFICE}, **more)


async def get(story: Paged, token: str, path: str) -> Any:
    got = await call(story.story, "GET", f"/api/v1{path}", token=token)
    assert got.status == 200, got.body
    return got.document


async def send(story: Paged, token: str, method: str, path: str, body: Any = None) -> Answer:
    return await call(story.story, method, f"/api/v1{path}", body, token=token)


def names(entry: Any) -> list[str]:
    return [one["name"] for one in entry["responders"]]


# -- who -------------------------------------------------------------------------------------------


async def test_who_is_on_call_now_and_then(store_url: str) -> None:
    async with paged(store_url, config()) as story:
        token = await bearer(story.story, VIEWER)
        office, primary = (await get(story, token, "/oncall"))["schedules"]
        assert (names(office), names(primary)) == (["cara"], ["ann"])
        assert primary["next_handover"] == "2026-03-09T08:00:00.000Z"
        then = "/oncall?schedule=primary&at=2026-03-09T08:00:00Z"
        assert names((await get(story, token, then))["schedules"][0]) == ["ben"]
        # As curl sends it unescaped: a plus becomes a space.
        plus = "/oncall?schedule=office&at=2026-03-02T20:00:00+01:00"
        assert names((await get(story, token, plus))["schedules"][0]) == []
        for bad, status in (("schedule=none", 404), ("at=tomorrow", 400), ("when=now", 400)):
            assert (await send(story, token, "GET", f"/oncall?{bad}")).status == status


async def test_shifts_and_gaps_of_a_span(sqlite_url: str) -> None:
    async with paged(sqlite_url, config()) as story:
        token = await bearer(story.story, VIEWER)
        [office] = (await get(story, token, "/oncall/shifts?schedule=office&until=24h"))[
            "schedules"
        ]
        assert [(one["begins"][8:16], one["responders"]) for one in office["shifts"]] == [
            ("02T17:00", ["cara"]),
            ("02T19:00", []),
            ("03T07:00", ["cara"]),
        ]
        assert office["gaps"] == [
            {"begins": "2026-03-02T19:00:00.000Z", "ends": "2026-03-03T07:00:00.000Z"}
        ]
        both = (await get(story, token, "/oncall/shifts"))["schedules"]
        assert [one["schedule"] for one in both] == ["office", "primary"]
        assert both[1]["gaps"] == []
        for bad in ("until=2026-01-01T00:00:00Z", "until=9999d", "since=x", "schedule="):
            got = await send(story, token, "GET", f"/oncall/shifts?{bad}")
            assert got.status in (400, 404), bad


@pytest.mark.proves("P9")
async def test_a_schedule_is_a_calendar(sqlite_url: str) -> None:
    async with paged(sqlite_url, config()) as story:
        token = await bearer(story.story, VIEWER)
        got = await send(story, token, "GET", "/oncall/primary.ics")
        assert got.headers["content-type"] == "text/calendar; charset=utf-8"
        found = icalendar.Calendar.from_ical(got.body)
        titles = {str(event["SUMMARY"]) for event in found.walk("VEVENT")}
        assert titles == {"Ann", "Ben", "nobody is on call"}
        only = await send(story, token, "GET", "/oncall/primary.ics?only=ben")
        events = icalendar.Calendar.from_ical(only.body).walk("VEVENT")
        assert {str(event["SUMMARY"]) for event in events} == {"Ben"}
        assert b"555550" not in got.body
        for path in ("/oncall/none.ics", "/oncall/primary.ics?only=nobody"):
            assert (await send(story, token, "GET", path)).status == 404
        assert (await call(story.story, "GET", "/api/v1/oncall/primary.ics")).status == 403


# -- overrides -------------------------------------------------------------------------------------


@pytest.mark.proves("P7")
async def test_an_override_changes_who_is_paged_and_can_be_taken_back(store_url: str) -> None:
    async with paged(store_url, config()) as story:
        token = await bearer(story.story, APPROVER, "carl")
        wanted = {"schedule": "primary", "kind": "replace", "responder": "ben", "ends": "8h"}
        got = await send(story, token, "POST", "/oncall/overrides", wanted)
        assert (got.status, got.document["gaps"]) == (201, [])
        assert got.document["ends"] == "2026-03-03T01:00:00.000Z"
        assert got.document["actor"] == "approver:carl"
        await story.fires("db-1")
        assert (len(story.got(ANN)), len(story.got(BEN))) == (0, 1)
        [listed] = (await get(story, token, "/oncall/overrides?schedule=primary"))["overrides"]
        assert listed["id"] == got.document["id"]
        assert (await get(story, token, "/oncall/overrides?schedule=office"))["overrides"] == []
        path = f"/oncall/overrides/{listed['id']}"
        assert (await send(story, token, "DELETE", path)).status == 200
        assert (await send(story, token, "DELETE", path)).status == 404
        assert names((await get(story, token, "/oncall?schedule=primary"))["schedules"][0]) == [
            "ann"
        ]


async def test_an_override_that_leaves_hours_with_nobody_says_so(sqlite_url: str) -> None:
    async with paged(sqlite_url, config()) as story:
        token = await bearer(story.story, OPERATOR)
        wanted = {"schedule": "primary", "kind": "remove", "responder": "ann", "ends": "2h"}
        got = await send(story, token, "POST", "/oncall/overrides", wanted)
        assert got.document["gaps"] == [
            {"begins": "2026-03-02T17:00:00.000Z", "ends": "2026-03-02T19:00:00.000Z"}
        ]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"schedule": "none"}, 404),
        ({"responder": "nobody"}, 400),
        ({"kind": "swap"}, 400),
        ({"instead_of": "ann"}, 400),
        ({"ends": "2026-03-01T00:00:00Z"}, 400),
        ({"ends": "soon"}, 400),
        ({"ends": None}, 400),
        ({"begins": "2026-03-09"}, 400),
        ({"until": "2h"}, 400),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else str(one),
)
async def test_an_override_that_cannot_be_is_refused(
    sqlite_url: str, change: dict[str, Any], status: int
) -> None:
    good = {"schedule": "primary", "kind": "add", "responder": "ben", "ends": "8h"}
    async with paged(sqlite_url, config()) as story:
        token = await bearer(story.story, OPERATOR)
        got = await send(story, token, "POST", "/oncall/overrides", {**good, **change})
        assert got.status == status, got.body
        assert (await get(story, token, "/oncall/overrides"))["overrides"] == []


@pytest.mark.proves("P2")
async def test_duty_and_maintenance_are_for_the_whole_house(sqlite_url: str) -> None:
    async with paged(sqlite_url, config(), sms=TWO_LINES) as story:
        token = await bearer(story.story, OPERATOR, "night", ["night"])
        wanted = {"schedule": "primary", "kind": "add", "responder": "ben", "ends": "8h"}
        for method, path, body in (
            ("POST", "/oncall/overrides", wanted),
            ("DELETE", "/oncall/overrides/x", None),
            ("POST", "/maintenance", {"ends": "2h"}),
            ("DELETE", "/maintenance/x", None),
            ("POST", "/responders/ann/verify", {}),
            ("GET", "/events", None),
        ):
            got = await send(story, token, method, path, body)
            assert (got.status, got.document["code"]) == (403, "not_permitted"), path


# -- maintenance -----------------------------------------------------------------------------------


async def test_nobody_is_told_during_maintenance(store_url: str) -> None:
    async with paged(store_url, config()) as story:
        token = await bearer(story.story, APPROVER)
        wanted = {"flow": "incident", "ends": "2h", "reason": "new disks"}
        got = await send(story, token, "POST", "/maintenance", wanted)
        assert (got.status, got.document["under_way"]) == (201, True)
        await story.fires("db-1")
        assert story.got(ANN) == []
        [window] = (await get(story, token, "/maintenance"))["maintenance"]
        assert (window["reason"], window["service"]) == ("new disks", None)
        path = f"/maintenance/{window['id']}"
        assert (await send(story, token, "DELETE", path)).document["ended"] is True
        await story.passes(seconds=10)
        assert len(story.got(ANN)) == 1
        assert (await send(story, token, "DELETE", path)).status == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ends": "60d"},
        {"ends": "2026-03-01T00:00:00Z"},
        {"ends": "2h", "flow": "none"},
        {"ends": "2h", "begins": "2026-03-03T00:00:00Z"},
        {"ends": "2h", "reason": "x" * 501},
        {"ends": "2h", "line": "default"},
    ],
    ids=str,
)
async def test_maintenance_that_cannot_be_is_refused(sqlite_url: str, body: dict[str, Any]) -> None:
    async with paged(sqlite_url, config()) as story:
        token = await bearer(story.story, OPERATOR)
        got = await send(story, token, "POST", "/maintenance", body)
        assert (got.status, got.document["code"]) == (400, "invalid_field")
        assert (await get(story, token, "/maintenance"))["maintenance"] == []


# -- responders ------------------------------------------------------------------------------------


@pytest.mark.proves("P2", "P9")
async def test_a_number_counts_once_its_code_came_back(store_url: str) -> None:
    strict = config(responding={"requireVerified": True})
    async with paged(store_url, strict) as story:
        token = await bearer(story.story, OPERATOR)
        before = (await get(story, token, "/responders"))["responders"]
        assert [(one["name"], one["verified"]) for one in before] == [
            ("ann", False),
            ("ben", False),
            ("cara", False),
        ]
        assert ANN not in str(before)
        got = await send(story, token, "POST", "/responders/ann/verify")
        assert (got.status, got.document["responder"]) == (202, "ann")
        await story.passes(seconds=10)
        [code] = re.findall(r"Your code: (\d{6})", story.got(ANN)[-1])
        assert code not in got.body.decode()
        path = "/responders/ann/confirm"
        wrong = f"{(int(code) + 1) % 10**6:06d}"
        assert (await send(story, token, "POST", path, {"code": wrong})).document[
            "verified"
        ] is False
        assert (await send(story, token, "POST", path, {"code": code})).document["verified"] is True
        after = (await get(story, token, "/responders"))["responders"]
        assert [one["verified"] for one in after] == [True, False, False]
        unasked = await send(story, token, "POST", "/responders/ben/confirm", {"code": code})
        assert unasked.status == 400
        unknown = await send(story, token, "POST", "/responders/nobody/verify")
        assert unknown.status == 404


@pytest.mark.proves("P2", "P10")
async def test_codes_cannot_be_guessed(sqlite_url: str) -> None:
    async with paged(sqlite_url, config(responding={"requireVerified": True})) as story:
        token = await bearer(story.story, OPERATOR)
        await send(story, token, "POST", "/responders/ann/verify")
        await story.passes(seconds=10)
        [code] = re.findall(r"Your code: (\d{6})", story.got(ANN)[-1])
        path, wrong = "/responders/ann/confirm", f"{(int(code) + 1) % 10**6:06d}"
        for _ in range(5):
            await send(story, token, "POST", path, {"code": wrong})
        got = await send(story, token, "POST", path, {"code": code})
        assert (got.status, got.document["code"]) == (429, "too_many")
