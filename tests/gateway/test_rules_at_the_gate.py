"""The rules as lines are told them: from the configuration to what leaves, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from looking import ALICE, BOB, CAROL, OPEN, creates, outbound
from ringfence.gateway import bridge
from ringfence.model.phone import PhoneNumber
from telling import ScriptedAgent, Story, telling

ANY_HOUR = "mon-sun 00:00-24:00"


async def starts(story: Story, number: str, body: str) -> str:
    """An agent writes first; the message's status."""
    asked = bridge.SendRequest(story.line, PhoneNumber(number), body, "agent:local")
    answer = await bridge.send(story.gateway.kit, asked)
    await story.passes(seconds=5)
    return (await bridge.message(story.gateway.kit, answer.message.id)).status.value


async def answered(story: Story, number: str, body: str = "hello") -> tuple[str, str]:
    """What became of the answer to a text: its status and the codes of its reasons."""
    await story.phone(number).texts(body)
    await story.passes(seconds=5)
    last = (await outbound(story, number))[-1]
    codes = ", ".join(part.partition(":")[0] for part in last.reason.split("; ") if part)
    return last.status.value, codes


@pytest.mark.proves("P2")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See you at noon.", ("delivered", "")),
        ("You will get a full refund of 80 dollars.", ("held", "forced_topic")),
        ("Your card 4111 1111 1111 1111 is on file.", ("refused", "secret")),
        ("Look at https://bit.ly/abc", ("refused", "short_link")),
        ("Look at https://example.com/abc", ("delivered", "")),
        ("Reply CANCEL to cancel your table.", ("held", "reserved_word")),
    ],
)
async def test_what_an_agent_answers_a_stranger(
    sqlite_url: str, text: str, expected: tuple[str, str]
) -> None:
    agent = ScriptedAgent(lambda turn: text)
    async with telling(sqlite_url, sms=OPEN, agent=agent) as story:
        assert await answered(story, ALICE) == expected


@pytest.mark.parametrize(
    ("policy", "text", "expected"),
    [
        ({"content": {"links": "none"}}, "Look at https://example.com/", ("refused", "link")),
        (
            {"content": {"links": "listed", "hosts": ["example.com"]}},
            "Look at https://example.com/",
            ("delivered", ""),
        ),
        ({"forcedTopics": {"topics": ["health"]}}, "You get a full refund.", ("delivered", "")),
        (
            {"forcedTopics": {"extra": {"recall": ["product recall"]}}},
            "There is a product recall.",
            ("held", "forced_topic"),
        ),
        ({"messageClass": {"freeText": "hold"}}, "Hello.", ("held", "free_text")),
        ({"staging": {"enabled": True}}, "Hello.", ("refused", "staging")),
        ({"content": {"segments": 1}}, "Hello there. " * 20, ("held", "too_long")),
    ],
)
async def test_a_line_is_told_otherwise(
    sqlite_url: str, policy: dict[str, Any], text: str, expected: tuple[str, str]
) -> None:
    agent = ScriptedAgent(lambda turn: text)
    async with telling(sqlite_url, sms={**OPEN, "policy": policy}, agent=agent) as story:
        assert await answered(story, ALICE) == expected


async def test_a_staged_line_reaches_its_test_recipients(sqlite_url: str) -> None:
    sms = {**OPEN, "policy": {"staging": {"enabled": True}}, "testRecipients": [BOB]}
    async with telling(sqlite_url, sms=sms) as story:
        assert await answered(story, BOB) == ("delivered", "")
        assert await answered(story, ALICE) == ("refused", "staging")


@pytest.mark.proves("P10")
async def test_an_agent_seeks_out_so_many_new_people_a_day(store_url: str) -> None:
    sms = {
        "dmPolicy": "allowlist",
        "allowFrom": [ALICE, BOB, CAROL],
        "policy": {"agentVolume": {"newRecipientsDay": 1}, "quietHours": {"windows": ANY_HOUR}},
    }
    async with telling(store_url, sms=sms) as story:
        # Whoever wrote first was not sought out.
        assert await answered(story, CAROL) == ("delivered", "")
        assert await starts(story, ALICE, "hello") == "delivered"
        assert await starts(story, BOB, "hello") == "queued"
        assert await starts(story, ALICE, "hello again") == "delivered"
        await story.passes(hours=3)
        assert len(creates(story)) == 3
        await story.passes(hours=5)  # past midnight UTC, where the line's day turns
        assert len(creates(story)) == 4


@pytest.mark.proves("P2")
async def test_nobody_is_written_to_whom_nobody_named(sqlite_url: str) -> None:
    sms = {**OPEN, "allowTo": [BOB], "policy": {"quietHours": {"windows": ANY_HOUR}}}
    async with telling(sqlite_url, sms=sms) as story:
        assert await starts(story, ALICE, "hello") == "held"
        assert await starts(story, BOB, "hello") == "held"
        why = {m.number.e164: m.reason for m in await outbound(story)}
        assert "recipient_not_listed" in why[ALICE]
        assert "first_contact" in why[ALICE]
        assert "recipient_not_listed" not in why[BOB]
        assert "first_contact" in why[BOB]
        # They write, so there is a history, and the list is enough.
        assert await answered(story, BOB) == ("delivered", "")
        assert await starts(story, BOB, "hello again") == "delivered"
