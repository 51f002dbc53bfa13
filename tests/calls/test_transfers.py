"""Connecting a caller to a person: by name, by leave of the gate, and back when nobody takes it."""

from __future__ import annotations

import json

import pytest

from calling import BEN, calling
from ringfence.model.call import EndReason, LegRole
from ringfence.testing import SCRIPTS
from telling import OWNER, ScriptedAgent


def agent(*said: object) -> ScriptedAgent:
    answers = iter(said)
    return ScriptedAgent(lambda turn: json.dumps(next(answers)))


async def test_a_caller_is_connected_to_the_owner(store_url: str) -> None:
    asks = agent({"say": "I connect you.", "transferTo": "owner"})
    async with calling(store_url, agent=asks) as story:
        phone, owner = story.phone(BEN), story.phone(OWNER)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.says("A person, please.")
        await story.until(phone.hears("I connect you"))
        await story.until(owner.rings())
        owner.answers()
        await story.story.passes(seconds=20)
        owner.hangs_up()
        await story.until(phone.is_over())
        await story.settles()
        (leg,) = (await story.call()).joined
        assert (leg.role, leg.end_reason) == (LegRole.OWNER, EndReason.HUNG_UP)
        assert await story.story.read(lambda tx: tx.calls.live_ones()) == []


@pytest.mark.parametrize("behaves", ["busy", "silent"])
async def test_where_nobody_takes_it_the_agent_listens_again(store_url: str, behaves: str) -> None:
    asks = agent({"say": "", "transferTo": "owner"}, {"say": "Shall I take a message?"})
    async with calling(store_url, agent=asks) as story:
        story.story.carrier.voice.scripts[OWNER] = SCRIPTS[behaves]
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.says("A person, please.")
        await story.until(phone.hears("Nobody can take the call"))
        phone.says("Oh.")
        await story.until(phone.hears("Shall I take a message"))
        phone.hangs_up()
        await story.settles()


@pytest.mark.proves("P2")
async def test_an_agent_connects_to_nobody_else(store_url: str) -> None:
    """A number, or a name that is nobody's, rings nowhere."""
    asks = agent({"say": "Yes.", "transferTo": "mallory"}, {"say": "Bye.", "hangUp": True})
    async with calling(store_url, agent=asks) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.says("Connect me to Mallory.")
        await story.until(phone.hears("Nobody can take the call"))
        phone.says("Then goodbye.")
        await story.until(phone.hears("Bye."))
        await story.until(phone.is_over())
        await story.settles()
        assert (await story.call()).person.end_reason is EndReason.ENDED_BY_AGENT


async def test_a_line_of_one_call_at_a_time_connects_too(sqlite_url: str) -> None:
    """The leg that is dialled joins the call there is."""
    asks = agent({"say": "I connect you.", "transferTo": "owner"})
    async with calling(sqlite_url, voice={"at_once": 1}, agent=asks) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.says("A person, please.")
        await story.until(story.phone(OWNER).rings())
