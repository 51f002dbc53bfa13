"""Alerts and planned messages over the API: what is shown, what each act does and whose word it is."""

from __future__ import annotations

from typing import Any

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
TWO_LINES = {
    "accounts": {"night": {"fromNumber": "+15555550109", "webhookPath": "/webhooks/night"}}
}
REMINDER = {
    "version": 1,
    "category": "transactional",
    "programme": "visits",
    "meaning": "A visit is coming up.",
    "texts": {"en": "{brand}: see you, {name}."},
    "fields": {"brand": {"kind": "text"}, "name": {"kind": "text"}},
}
MESSAGES = {
    "templates": {"reminder": REMINDER},
    "flows": {
        "reminder": {
            "types": ["visit.booked"],
            "message": {
                "template": "reminder",
                "to": ["field:data.phone"],
                "fields": {"brand": '"Acme Dental"', "name": "data.name"},
                "sendAt": "data.starts_at",
                "offset": "-24h",
            },
        }
    },
}


async def act(story: Paged, token: str, what: str, body: Any = None, key: str = "1") -> Answer:
    return await call(story.story, "POST", f"/api/v1/alerts/{key}/{what}", body, token=token)


async def show(story: Paged, token: str, path: str) -> Any:
    got = await call(story.story, "GET", f"/api/v1{path}", token=token)
    assert got.status == 200, got.body
    return got.document


def kinds(document: Any) -> list[str]:
    return [entry["kind"] for entry in document["timeline"]]


# -- looking ---------------------------------------------------------------------------------------


async def test_alerts_are_listed_by_state_and_page(store_url: str) -> None:
    async with paged(store_url) as story:
        token = await bearer(story.story, APPROVER)
        for key in ("db-1", "db-2", "db-3"):
            await story.fires(key)
        await act(story, token, "resolve", key="2")
        page = await show(story, token, "/alerts?limit=2")
        assert [one["number"] for one in page["alerts"]] == [3, 2]
        rest = await show(story, token, f"/alerts?after={page['next']}")
        assert ([one["number"] for one in rest["alerts"]], rest["next"]) == ([1], None)
        over = await show(story, token, "/alerts?state=resolved")
        assert [one["number"] for one in over["alerts"]] == [2]
        bad = await call(story.story, "GET", "/api/v1/alerts?state=closed", token=token)
        assert (bad.status, bad.document["code"]) == (400, "invalid_field")


@pytest.mark.proves("P9")
async def test_the_timeline_has_everything_in_order_and_no_number(store_url: str) -> None:
    async with paged(store_url) as story:
        token = await bearer(story.story, APPROVER)
        await story.fires("db-1")
        await act(story, token, "notes", {"text": "Looks like the disk again."})
        await story.passes(seconds=300)
        await story.ben.texts("1a")
        await story.passes(seconds=10)
        await act(story, token, "resolve", {"as": "ben"})
        alert = await show(story, token, "/alerts/1")
        assert alert == await show(story, token, f"/alerts/{alert['id']}")
        times = [entry["at"] for entry in alert["timeline"]]
        assert times == sorted(times)
        found = kinds(alert)
        assert found.count("note") == 1
        assert "alert_note" not in found
        for kind in ("alert_opened", "escalation_step", "alert_acknowledged", "alert_resolved"):
            assert kind in found
        told = [e for e in alert["timeline"] if e["kind"] == "notice" and e["about"] == "alert"]
        assert [(one["responder"], one["step"]) for one in told] == [
            ("ann", "first"),
            ("ben", "second"),
        ]
        assert all(one["delivered_at"] and one["message"] for one in told)
        for number in (ANN, BEN):
            assert number not in str(alert)
            assert number[-7:] not in str(alert)


async def test_what_is_not_there_is_not_found(sqlite_url: str) -> None:
    async with paged(sqlite_url) as story:
        token = await bearer(story.story, OPERATOR)
        for path in ("/alerts/1", "/alerts/alr_x", "/alerts/%23", "/planned/pln_x"):
            got = await call(story.story, "GET", f"/api/v1{path}", token=token)
            assert (got.status, got.document["code"]) == (404, "not_found"), path
        for what in ("acknowledge", "escalate", "resolve"):
            assert (await act(story, token, what)).status == 404
        gone = await call(story.story, "DELETE", "/api/v1/planned/pln_x", token=token)
        assert gone.status == 404


@pytest.mark.proves("P2")
async def test_alerts_of_another_line_are_not_there(sqlite_url: str) -> None:
    async with paged(sqlite_url, sms=TWO_LINES) as story:
        night = await bearer(story.story, APPROVER, "night", ["night"])
        day = await bearer(story.story, APPROVER, "day", ["default"])
        await story.fires("db-1")
        assert (await show(story, night, "/alerts"))["alerts"] == []
        assert len((await show(story, day, "/alerts"))["alerts"]) == 1
        for what in ("acknowledge", "escalate", "resolve"):
            assert (await act(story, night, what)).status == 404
        assert (await act(story, night, "notes", {"text": "x"})).status == 404
        assert (await act(story, day, "acknowledge")).document["answer"] == "taken"


# -- acting ----------------------------------------------------------------------------------------


@pytest.mark.proves("P2", "P7")
async def test_whose_word_it_is_and_who_did_it_are_two_things(store_url: str) -> None:
    async with paged(store_url) as story:
        token = await bearer(story.story, APPROVER, "carl")
        await story.fires("db-1")
        got = await act(story, token, "acknowledge", {"as": "ben"})
        assert (got.document["answer"], got.document["alert"]["acknowledged_by"]) == (
            "taken",
            "ben",
        )
        await act(story, token, "escalate", {"as": "ben"})
        await act(story, token, "resolve", {"as": "ben"})
        alert = await show(story, token, "/alerts/1")
        assert alert["resolved_by"] == "responder:ben"
        entries = {entry["kind"]: entry for entry in alert["timeline"] if "actor" in entry}
        for kind in ("alert_acknowledged", "alert_escalated", "alert_resolved"):
            assert entries[kind]["actor"] == "approver:carl"
            assert entries[kind]["body"]["by"].removeprefix("responder:") == "ben"
        got = await act(story, token, "acknowledge", {"as": "nobody-such"})
        assert got.status == 404


async def test_an_act_of_the_caller_needs_no_body(store_url: str) -> None:
    async with paged(store_url) as story:
        token = await bearer(story.story, OPERATOR, "ann")
        await story.fires("db-1")
        got = await act(story, token, "acknowledge")
        assert got.document["alert"]["acknowledged_by"] == "operator:ann"
        assert (await act(story, token, "acknowledge")).document["answer"] == "already"
        assert (await act(story, token, "escalate")).document["answer"] == "taken"
        await story.passes(seconds=10)
        assert len(story.got(BEN)) == 1
        assert (await act(story, token, "escalate")).document["answer"] == "nobody_left"
        assert (await act(story, token, "resolve")).document["answer"] == "taken"
        assert (await act(story, token, "acknowledge")).document["answer"] == "over"
        got = await act(story, token, "acknowledge", {"by": "ann"})
        assert (got.status, got.document["code"]) == (400, "invalid_field")


@pytest.mark.proves("P10")
@pytest.mark.parametrize("text", ["", "   ", "x" * 2_001, 7, None])
async def test_a_note_has_words_and_an_end(sqlite_url: str, text: Any) -> None:
    async with paged(sqlite_url) as story:
        token = await bearer(story.story, OPERATOR)
        await story.fires("db-1")
        got = await act(story, token, "notes", {"text": text})
        assert (got.status, got.document["code"]) == (400, "invalid_field")
        assert "note" not in kinds(await show(story, token, "/alerts/1"))


async def test_a_viewer_looks_and_does_nothing(sqlite_url: str) -> None:
    async with paged(sqlite_url) as story:
        token = await bearer(story.story, VIEWER)
        await story.fires("db-1")
        for what in ("acknowledge", "escalate", "resolve", "notes"):
            assert (await act(story, token, what, {})).status == 403
        assert (await show(story, token, "/alerts/1"))["state"] == "triggered"


# -- planned messages ------------------------------------------------------------------------------


async def booked(story: Paged, phone: str = "+15555550111") -> None:
    starts_at = "2026-03-05T09:00:00Z"
    event = story.event(
        "visit-1", type_="visit.booked", phone=phone, name="Dana", starts_at=starts_at
    )
    await story.post(event)


@pytest.mark.proves("P9")
async def test_what_a_flow_owes_is_shown_masked_and_can_be_ended(store_url: str) -> None:
    async with paged(store_url, operations(**MESSAGES)) as story:
        token = await bearer(story.story, APPROVER)
        await booked(story)
        [one] = (await show(story, token, "/planned?waiting=true&flow=reminder"))["planned"]
        assert (one["state"], one["due_at"]) == ("waiting", "2026-03-04T09:00:00.000Z")
        assert one["to"].endswith("11")
        assert "+15555550111" not in str(one)
        assert "Dana" not in str(one)
        assert await show(story, token, f"/planned/{one['id']}") == one
        path = f"/api/v1/planned/{one['id']}"
        got = await call(story.story, "DELETE", path, token=token)
        assert (got.status, got.document["ended"], got.document["state"]) == (
            200,
            True,
            "cancelled",
        )
        again = await call(story.story, "DELETE", path, token=token)
        assert (again.status, again.document["ended"]) == (200, False)
        assert (await show(story, token, "/planned?waiting=true"))["planned"] == []
        assert len((await show(story, token, "/planned"))["planned"]) == 1
        await story.passes(days=3)
        assert story.got("+15555550111") == []
