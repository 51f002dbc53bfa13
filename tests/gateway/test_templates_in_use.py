"""Templates in the flow: filled, previewed, noted once; a name and a version mean one text."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from looking import outbound
from ringfence.gateway import bridge, templates
from ringfence.model.draft import Category
from ringfence.model.errors import InvalidField, NotFound, TemplateChanged
from ringfence.model.message import MessageStatus
from ringfence.model.phone import PhoneNumber
from telling import OWNER, Story, telling

FRIEND = "+15555550112"
NEWS = {
    "version": 1,
    "category": "alert",
    "programme": "duty",
    "texts": {"en": "{what} is down since {at}.", "de": "{what} ist aus seit {at}."},
    "fields": {
        "what": {"kind": "text", "maxLength": 30},
        "at": {"kind": "time", "optional": True, "default": "now"},
    },
}
CONFIG = {"templates": {"down": NEWS}}


def request(story: Story, to: str = OWNER, **values: object) -> bridge.SendRequest:
    filled = templates.fill(story.gateway.kit, "down", "de", {"what": "Mail", **values})
    plain = bridge.SendRequest(story.line, PhoneNumber(to), "", "agent:local")
    return bridge.templated(plain, filled)


async def test_filling_tells_what_the_gate_must_know(sqlite_url: str) -> None:
    async with telling(sqlite_url, config=CONFIG) as story:
        filled = templates.fill(story.gateway.kit, "down@1", "de-CH", {"what": "Mail"})
        assert filled.text == "Mail ist aus seit now."
        assert (filled.template, filled.category) == ("down@1", Category.ALERT)
        assert (filled.programme, filled.language) == ("duty", "de")
        assert filled.fields == ("what",)
        with pytest.raises(NotFound):
            templates.fill(story.gateway.kit, "up", "", {})
        with pytest.raises(InvalidField, match="`what`"):
            templates.fill(story.gateway.kit, "down", "", {})


@pytest.mark.proves("P7")
async def test_the_first_use_is_noted_once(store_url: str) -> None:
    async with telling(store_url, config=CONFIG) as story:
        kit = story.gateway.kit
        await asyncio.gather(*(bridge.send(kit, request(story)) for _ in range(8)))
        entries = await story.read(lambda tx: tx.audit.of_subject("down@1"))
        [noted] = [one.entry for one in entries if one.entry.kind == "template_first_used"]
        digest = noted.body["digest"]
        assert await story.read(lambda tx: tx.templates.digest("down", 1)) == digest
        assert await story.read(lambda tx: tx.templates.digest("down", 2)) == ""
        assert len(await outbound(story)) == 8


@pytest.mark.proves("P7")
async def test_what_was_noted_is_never_replaced(store_url: str) -> None:
    async with telling(store_url, config=CONFIG) as story:
        now = story.clock.now()
        await story.write(lambda tx: tx.templates.remember("down", 1, "aa", now))
        await story.write(lambda tx: tx.templates.remember("down", 1, "bb", now))
        assert await story.read(lambda tx: tx.templates.digest("down", 1)) == "aa"
        for ask in (bridge.send, bridge.dry_run):
            with pytest.raises(TemplateChanged, match="Raise the version of down above 1"):
                await ask(story.gateway.kit, request(story))
        assert await outbound(story) == []


@pytest.mark.proves("P1")
async def test_a_dry_run_notes_nothing(sqlite_url: str) -> None:
    async with telling(sqlite_url, config=CONFIG) as story:
        proposed = await bridge.dry_run(story.gateway.kit, request(story))
        assert proposed.status is MessageStatus.QUEUED
        assert await story.read(lambda tx: tx.templates.digest("down", 1)) == ""


@pytest.mark.proves("P1", "P2")
@pytest.mark.parametrize(
    ("purpose", "status"),
    [("hotline", MessageStatus.HELD), ("notify", MessageStatus.HELD)],
)
async def test_a_stranger_gets_no_template_without_a_person(
    sqlite_url: str, purpose: str, status: MessageStatus
) -> None:
    async with telling(sqlite_url, config=CONFIG, sms={"purpose": purpose}) as story:
        answer = await bridge.send(story.gateway.kit, request(story, to=FRIEND))
        assert answer.message.status is status


@pytest.mark.proves("P2")
async def test_a_notify_line_takes_templates_only(sqlite_url: str) -> None:
    async with telling(sqlite_url, config=CONFIG, sms={"purpose": "notify"}) as story:
        kit = story.gateway.kit
        sent = await bridge.send(kit, request(story))
        free = bridge.SendRequest(story.line, PhoneNumber(OWNER), "Mail is down.", "agent:local")
        refused = await bridge.send(kit, free)
        assert sent.message.status is MessageStatus.QUEUED
        assert refused.message.status is MessageStatus.REFUSED


async def test_a_preview_stores_nothing_and_names_examples(sqlite_url: str) -> None:
    async with telling(sqlite_url, config=CONFIG) as story:
        [template] = story.gateway.kit.templates.values()
        shown = templates.preview(template, "", {"what": "Mail"})
        assert shown.filled.text == "Mail is down since 14:30."
        assert shown.sampled == ("at",)
        assert shown.longest.segments == 1
        tight: Any = replace(template, segments_max=1)
        with pytest.raises(InvalidField, match="`what`"):
            templates.preview(tight, "", {"what": "ж\n"})
