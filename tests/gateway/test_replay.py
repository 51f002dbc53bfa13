"""Decisions made again: the stored facts and policy give the stored answer, and another configuration
gives its own."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from looking import ALICE, BOB, OPEN, outbound
from ringfence.config import load
from ringfence.gateway import bridge, replay
from ringfence.model.errors import NotFound
from ringfence.model.phone import PhoneNumber
from telling import OWNER, Story, configuration, telling


async def sends(story: Story, to: str, body: str, who: str = "agent:local") -> str:
    kit = story.gateway.kit
    request = bridge.SendRequest(story.line, PhoneNumber(to), body, who)
    return (await bridge.send(kit, request)).message.id


async def a_day(story: Story) -> None:
    """Somebody writes and is answered, an owner is written to, a stranger would be."""
    await story.phone(ALICE).texts("hello")
    await story.passes(seconds=9)
    await sends(story, OWNER, "All is well.")
    await sends(story, BOB, "Buy this.")
    await story.passes(seconds=9)


def other(story: Story, folder: Path, **sms: Any) -> replay.Other:
    """The story's configuration with other keys."""
    document = configuration("http://127.0.0.1:9", "http://127.0.0.1:9", "sqlite:///x.db", **sms)
    path = folder / "other.json5"
    path.write_text(json.dumps(document))
    settings = load(path, {})
    return replay.other_of(settings.lines, settings.policies)


async def asked_again(story: Story, chosen: replay.Other) -> replay.Backtest:
    now = story.clock.now()
    return await replay.backtest(
        story.gateway.kit.store, chosen, now - timedelta(days=1), now + timedelta(seconds=1)
    )


@pytest.mark.proves("P11", "C10")
async def test_every_stored_decision_gives_the_same_again(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        await a_day(story)
        result = await asked_again(story, replay.current(story.gateway.kit))
        assert result.asked >= 6
        assert (result.same, result.unread, result.gone) == (result.asked, 0, 0)


@pytest.mark.proves("P7", "P11", "C10")
async def test_a_stored_decision_is_explained_rule_by_rule(store_url: str) -> None:
    async with telling(store_url) as story:
        key = await sends(story, BOB, "Buy this.")
        view = await story.read(lambda tx: replay.explain_stored(tx, key))
        assert (view["verdict"], view["same_again"], view["about"]) == ("hold", True, key)
        assert {one["rule"] for one in view["rules"]} >= {"first_contact", "opt_out", "block_list"}
        assert "hold" in {one["verdict"] for one in view["rules"] if one["code"] == "first_contact"}
        assert "Buy this" not in json.dumps(view["facts"])
        assert BOB not in json.dumps(view["facts"])
        by_id = await story.read(lambda tx: replay.explain_stored(tx, view["decision"]))
        assert by_id == view


async def test_what_is_not_on_record_is_not_explained(store_url: str) -> None:
    async with telling(store_url) as story:
        for key in ("msg_nothing", "", "\x00", "msg_\ud800"):
            with pytest.raises(NotFound):
                await story.read(lambda tx, key=key: replay.explain_stored(tx, key))


@pytest.mark.proves("P7")
async def test_the_last_decision_of_a_sent_message_is_its_claim(store_url: str) -> None:
    async with telling(store_url) as story:
        key = await sends(story, OWNER, "All is well.")
        await story.passes(seconds=9)
        stored = await story.read(lambda tx: replay.stored_decision(tx, key))
        assert stored.entry.entry.body["claiming"] is True


@pytest.mark.proves("P11")
async def test_a_hypothetical_message_leaves_no_trace(store_url: str) -> None:
    async with telling(store_url) as story:
        kit = story.gateway.kit
        before = await story.read(lambda tx: tx.audit.head())
        request = bridge.SendRequest(story.line, PhoneNumber(BOB), "Buy this.", "agent:local")
        facts = await bridge.what_if(kit, request, story.clock.now() + timedelta(hours=12))
        assert facts.now == story.clock.now() + timedelta(hours=12)
        assert await story.read(lambda tx: tx.audit.head()) == before
        assert await outbound(story) == []


@pytest.mark.proves("P11")
@pytest.mark.parametrize(
    ("sms", "codes"),
    [
        ({**OPEN, "owners": []}, {"+first_contact"}),
        ({"dmPolicy": "allowlist", "allowFrom": [BOB]}, {"+not_listed", "-first_contact"}),
        ({**OPEN, "policy": {"recipientVolume": {"day": 1}}}, set()),
        (
            {**OPEN, "policy": {"forcedTopics": {"extra": {"weather": ["all is well"]}}}},
            {"+forced_topic"},
        ),
    ],
)
async def test_another_configuration_gives_its_own_answers(
    store_url: str, tmp_path: Path, sms: dict[str, Any], codes: set[str]
) -> None:
    async with telling(store_url, sms=OPEN) as story:
        await a_day(story)
        result = await asked_again(story, other(story, tmp_path, **sms))
        view = result.view()
        assert view["asked"] == result.same + view["other"]
        said = {word for change in view["changes"] for word in change["why"].split()}
        assert codes <= said
        for change in view["changes"]:
            assert 0 < len(change["examples"]) <= replay.EXAMPLES_MAX
            assert change["was"] != change["would_be"]


async def test_lines_that_are_gone_are_counted_apart(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        await a_day(story)
        result = await asked_again(story, replay.Other({}, {}, frozenset()))
        assert (result.asked, result.same) == (0, 0)
        assert result.gone > 0
