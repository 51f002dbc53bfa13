"""The end of every message: one line in the log that names it without giving anybody away, and one
count, whatever stage ended it."""

from __future__ import annotations

import ast
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import ringfence.gateway
from looking import ALICE, BOB, OPEN, all_items, outbound, status_form, webhook
from paged import ANN, paged
from ringfence.gateway import bridge, figures
from ringfence.gateway.finals import OUTCOMES
from ringfence.logs import JsonFormatter
from ringfence.model.draft import Category
from ringfence.model.phone import PhoneNumber
from ringfence.testing import Faults
from telling import Story, telling

QUIET = {"faults": Faults(callback_dropped=1.0)}
GATEWAY = Path(ringfence.gateway.__file__).parent


def finals(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The lines about final statuses as they are written."""
    records = [one for one in caplog.records if one.getMessage() == "final status"]
    lines = [line for record in records for line in JsonFormatter().format(record).splitlines()]
    return [json.loads(line) for line in lines]


async def counted(story: Story) -> dict[tuple[str, ...], int]:
    wanted = [("default", kind.value, end) for kind in Category for end in OUTCOMES]
    found = await story.read(lambda tx: figures.counts(tx, figures.MESSAGES, wanted))
    return {labels[1:]: count for labels, count in found.items()}


async def sends(story: Story, to: str = ALICE, body: str = "hello") -> str:
    asked = bridge.SendRequest(story.line, PhoneNumber(to), body, "operator:t")
    return (await bridge.send(story.gateway.kit, asked)).message.id


@pytest.mark.proves("P9")
async def test_a_delivered_message_is_told_of_once_and_named_by_its_ids(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with telling(sqlite_url, sms=OPEN) as story:
        key = await sends(story, body="a text that nobody else may read")
        await story.passes(seconds=30)
        [item] = await all_items(story)
        [told] = finals(caplog)
        assert told["message_id"] == key
        assert told["provider_id"] == item.provider_id
        assert (told["status"], told["line"], told["class"]) == (
            "delivered",
            "default",
            "free_text",
        )
        assert told["recipient"] == PhoneNumber(ALICE).masked
        assert 0 <= told["delivered_after_s"] <= 30
        assert ALICE not in json.dumps(told)
        assert "nobody else" not in json.dumps(told)
        assert await counted(story) == {("conversation", "delivered"): 1}
        taken = await story.read(
            lambda tx: figures.times(tx, figures.DELIVERY, [("default", "conversation")])
        )
        assert taken["default", "conversation"].count == 1


async def test_a_page_names_the_event_it_came_from(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with paged(sqlite_url) as story:
        alert = await story.fires("db-1")
        await story.passes(seconds=30)
        pages = [one for one in finals(caplog) if one["category"] == "alert"]
        assert [one["status"] for one in pages] == ["delivered"]
        assert pages[0]["source_event"] == alert.event_id
        assert pages[0]["recipient"] == PhoneNumber(ANN).masked
        assert await counted(story.story) == {("alert", "delivered"): 1}


@pytest.mark.proves("B091", "P4")
async def test_late_and_repeated_reports_count_nothing_twice(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with telling(sqlite_url, sms=OPEN, carrier_options=QUIET) as story:
        story.carrier.script(ALICE, "silent")
        await sends(story)
        await story.settle()
        [item] = await all_items(story)
        path = f"/webhooks/sms?ringfence={item.id}"
        for status in ("delivered", "sent", "delivered", "read", "failed", "delivered"):
            await webhook(story, status_form(item.provider_id, status), path=path)
        assert [one["status"] for one in finals(caplog)] == ["delivered"]
        assert await counted(story) == {("conversation", "delivered"): 1}


async def stopped(story: Story) -> None:
    await story.phone(ALICE).texts("STOP")
    await story.settle()
    await sends(story)


async def failed(story: Story) -> None:
    story.carrier.script(ALICE, "silent")
    await sends(story)
    await story.settle()
    [item] = await all_items(story)
    form = status_form(item.provider_id, "failed", ErrorCode="30003")
    await webhook(story, form, path=f"/webhooks/sms?ringfence={item.id}")


async def cancelled(story: Story) -> None:
    held = await story.post("/sms/send", {"to": ALICE, "body": "hello"})
    assert held[1]["state"] == "held"
    [message] = await outbound(story, ALICE)
    from ringfence.gateway import release

    kit, now = story.gateway.kit, story.clock.now()
    await story.write(lambda tx: release.cancel(kit, tx, message.id, "operator:t", now))


async def expired(story: Story) -> None:
    await story.post("/sms/send", {"to": ALICE, "body": "hello"})
    await story.passes(days=8)


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        pytest.param(stopped, "refused", id="refused"),
        pytest.param(failed, "failed", id="failed"),
        pytest.param(cancelled, "cancelled", id="cancelled"),
        pytest.param(expired, "expired", id="expired"),
    ],
)
async def test_every_other_end_is_told_of_too(
    sqlite_url: str,
    caplog: pytest.LogCaptureFixture,
    ends: Callable[[Story], Awaitable[None]],
    status: str,
) -> None:
    caplog.set_level(logging.INFO)
    async with telling(sqlite_url) as story:
        await ends(story)
        await story.settle()
        mine = [one for one in finals(caplog) if one["recipient"] == PhoneNumber(ALICE).masked]
        assert status in [one["status"] for one in mine]
        assert all("delivered_after_s" not in one for one in mine if one["status"] == status)
        assert (await counted(story))["conversation", status] == 1


async def test_a_message_of_several_parts_ends_once(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with telling(sqlite_url, sms={**OPEN, "textChunkLimit": 160}) as story:
        await sends(story, BOB, "All work and no play. " * 20)
        await story.passes(minutes=2)
        assert len(await all_items(story)) > 1
        assert [one["status"] for one in finals(caplog)] == ["delivered"]


def test_messages_are_changed_nowhere_else() -> None:
    guilty = [
        path.name
        for path in sorted(GATEWAY.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if path.name != "finals.py"
        and isinstance(node, ast.Attribute)
        and node.attr == "change"
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "messages"
    ]
    assert not guilty, f"use finals.change_messages, so that ends are told of: {guilty}"
