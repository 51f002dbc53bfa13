"""The staging profile with phones in hand: its test recipients get texts and nobody else, whoever
asks, approves or grants; what it is, it says."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from ringfence.gateway import bridge
from ringfence.model.phone import PhoneNumber
from telling import OWNER, ScriptedAgent, Story, telling

ALICE, BOB = "+15555550111", "+15555550112"
OPEN: dict[str, Any] = {"dmPolicy": "open", "allowFrom": ["*"]}
STAGING = {"profile": "staging"}


async def sends(story: Story, number: str, initiator: str) -> tuple[str, str]:
    """What became of a text, and whether the rule was among the reasons."""
    asked = bridge.SendRequest(story.line, PhoneNumber(number), "A test.", initiator)
    sent = await bridge.send(story.gateway.kit, asked)
    await story.passes(seconds=5)
    message = await bridge.message(story.gateway.kit, sent.message.id)
    codes = [reason.partition(":")[0] for reason in message.reason.split("; ")]
    return message.status.value, "staging" if "staging" in codes else ""


@pytest.mark.parametrize("initiator", ["operator:t", "agent:local"])
async def test_only_test_recipients_are_written_to(store_url: str, initiator: str) -> None:
    sms = {**OPEN, "testRecipients": [BOB], "allowTo": [ALICE, BOB]}
    async with telling(store_url, sms=sms, config=STAGING) as story:
        # An agent's first word to somebody waits for a person, in staging as elsewhere.
        expected = "delivered" if initiator == "operator:t" else "held"
        assert (await sends(story, BOB, initiator))[0] == expected
        assert await sends(story, ALICE, initiator) == ("refused", "staging")
        # Not its owners either, unless the list names them.
        assert await sends(story, OWNER, initiator) == ("refused", "staging")
        assert [len(story.phone(one).inbox) for one in (ALICE, BOB, OWNER)] == [
            0,
            int(expected == "delivered"),
            0,
        ]


async def test_an_owner_on_the_list_is_reached(sqlite_url: str) -> None:
    sms = {**OPEN, "testRecipients": [OWNER]}
    async with telling(sqlite_url, sms=sms, config=STAGING) as story:
        assert (await sends(story, OWNER, "operator:t"))[0] == "delivered"


@pytest.mark.parametrize(
    "policy", [{"staging": {"enabled": False}}, {"staging": {"enabled": True, "owners": True}}]
)
async def test_no_setting_lets_anybody_else_be_reached(
    sqlite_url: str, policy: dict[str, Any]
) -> None:
    async with telling(sqlite_url, sms={**OPEN, "policy": policy}, config=STAGING) as story:
        assert await sends(story, ALICE, "operator:t") == ("refused", "staging")
        assert await sends(story, OWNER, "operator:t") == ("refused", "staging")
        assert story.phone(ALICE).inbox == []


async def test_what_people_cause_stays_in_the_house(sqlite_url: str) -> None:
    """Answers, pairing codes, notices to owners and confirmations are texts like any."""
    agent = ScriptedAgent(lambda turn: "An answer.")
    sms = {"testRecipients": [BOB], "optOutReplies": "ringfence", "helpText": "Help."}
    async with telling(sqlite_url, sms=sms, config=STAGING, agent=agent) as story:
        for text in ("hello", "HELP", "STOP"):
            await story.phone(ALICE).texts(text)
            await story.passes(seconds=5)
        requests = [
            message
            for message in await story.read(lambda tx: tx.messages.listing(20, None, "out", None))
            if message.status.value not in ("refused", "cancelled")
        ]
        assert requests == []


async def test_it_says_what_it_is(sqlite_url: str) -> None:
    for config, name in ((STAGING, "staging"), ({}, "production")):
        path = sqlite_url.replace("ringfence.db", f"{name}.db")
        async with telling(path, config=config) as story, aiohttp.ClientSession() as http:
            assert (await story.get("/health"))[1]["profile"] == name
            async with http.get(story.private + "/metrics") as answer:
                assert f'ringfence_profile{{profile="{name}"}} 1.0' in await answer.text()
