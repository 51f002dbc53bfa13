"""Scenarios of answers by text: forms, whose count, which alert is meant, and what comes back."""

from __future__ import annotations

import pytest

from paged import ANN, BEN, CARA, operations, paged
from ringfence.gateway import verification
from ringfence.model.alert import AlertState
from ringfence.testing import Faults
from telling import OWNER

VERIFIED = {"responding": {"requireVerified": True}}


@pytest.mark.parametrize(
    "body",
    ["1a", "1 a", "'1a'", "ack 1", "ACK #1", "Ack", "a", "  1A  ", "1a.", "1a\n", "thanks, ack 1"],
)
async def test_forgiving_forms(store_url: str, body: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        await story.ann.texts(body)
        await story.passes(seconds=10)
        assert (await story.alert("db-1")).state is AlertState.ACKNOWLEDGED
        assert story.got(ANN)[-1] == "#1 is yours."


@pytest.mark.parametrize("body", ["1x", "what is it?", "1a 2a", "ok", "yes", "99999999a"])
async def test_other_words_are_no_answer(store_url: str, body: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        await story.ann.texts(body)
        await story.passes(seconds=10)
        assert (await story.alert("db-1")).state is AlertState.TRIGGERED


async def test_a_mistyped_answer_is_told_how(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        await story.ann.texts("1x")
        await story.passes(seconds=10)
        assert story.got(ANN)[-1].startswith("Not understood. Reply 1a to take #1,")
        assert story.got(OWNER) == []


async def test_a_bare_word_means_the_newest_open_one(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        await story.passes(seconds=60)
        await story.fires("mail-1", service="mail")
        await story.ann.texts("ack")
        await story.passes(seconds=10)
        assert (await story.alert("mail-1")).state is AlertState.ACKNOWLEDGED
        assert (await story.alert("db-1")).state is AlertState.TRIGGERED
        await story.ann.texts("ack")
        await story.passes(seconds=10)
        assert story.got(ANN)[-1] == "#2 is yours already."
        await story.ann.texts("ack 1")
        await story.passes(seconds=10)
        assert (await story.alert("db-1")).state is AlertState.ACKNOWLEDGED


async def test_who_comes_late_hears_who_has_it(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        await story.passes(seconds=300)
        await story.ann.texts("1a")
        await story.passes(seconds=10)
        await story.ben.texts("1a")
        await story.passes(seconds=10)
        assert story.got(BEN)[-1] == "#1 is with Ann already."
        assert (await story.alert("db-1")).acknowledged_by == "ann"


async def test_what_is_over_is_said_to_be_over(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        await story.ann.texts("1r")
        await story.passes(seconds=10)
        assert (await story.alert("db-1")).state is AlertState.RESOLVED
        assert "#1 is resolved." in story.got(ANN)
        await story.ann.texts("1a")
        await story.passes(seconds=10)
        assert story.got(ANN)[-1] == "#1 is over already (by Ann)."


async def test_who_was_not_told_cannot_take_it(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        await story.cara.texts("1a")
        await story.passes(seconds=10)
        assert story.got(CARA) == ["You were told of no alert #1."]
        assert (await story.alert("db-1")).state is AlertState.TRIGGERED


@pytest.mark.proves("P2")
async def test_a_strangers_answer_is_a_strangers_text(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        stranger = story.story.phone("+15555550177")
        await stranger.texts("1a")
        await story.passes(seconds=10)
        assert (await story.alert("db-1")).state is AlertState.TRIGGERED
        assert not any("#1" in text for text in story.got("+15555550177"))


async def test_an_unverified_number_is_paged_and_its_answer_does_not_count(
    store_url: str,
) -> None:
    async with paged(store_url, {**operations(), **VERIFIED}) as story:
        await story.fires("db-1")
        await story.ann.texts("1a")
        await story.passes(seconds=10)
        assert "not verified as Ann's" in story.got(ANN)[-1]
        assert (await story.alert("db-1")).state is AlertState.TRIGGERED


async def test_a_number_is_verified_by_the_code_that_was_texted_to_it(store_url: str) -> None:
    async with paged(store_url, {**operations(), **VERIFIED}) as story:
        kit, clock = story.story.gateway.kit, story.story.clock
        await story.story.write(
            lambda tx: verification.ask(kit, tx, "ann", "default", "operator:t", clock.now())
        )
        await story.passes(seconds=10)
        [text] = story.got(ANN)
        code = text.partition("Your code: ")[2][:6]

        wrong = await story.story.write(
            lambda tx: verification.confirm(
                kit, tx, "ann", "000000" if code != "000000" else "1", "operator:t", clock.now()
            )
        )
        assert wrong is False
        assert await story.story.write(
            lambda tx: verification.confirm(kit, tx, "ann", code, "operator:t", clock.now())
        )
        await story.passes(seconds=60)
        await story.fires("db-1")
        await story.ann.texts("1a")
        await story.passes(seconds=10)
        assert (await story.alert("db-1")).state is AlertState.ACKNOWLEDGED


async def test_an_owners_number_counts_as_verified(store_url: str) -> None:
    config = {**operations(responders={"ann": {"number": OWNER, "label": "Ann"}}), **VERIFIED}
    async with paged(store_url, config) as story:
        await story.fires("db-1")
        await story.story.phone(OWNER).texts("1a")
        await story.passes(seconds=10)
        assert (await story.alert("db-1")).acknowledged_by == "ann"


async def test_answers_to_a_machine_stop_after_a_few(store_url: str) -> None:
    """Two systems that answer each other (reply limit): quiet until something real happens."""
    async with paged(store_url) as story:
        await story.fires("db-1")
        for _ in range(9):
            await story.ann.texts("77a")
            await story.passes(seconds=70)
        answers = [text for text in story.got(ANN) if "no alert #77" in text]
        assert len(answers) == 5
        await story.ann.texts("1a")
        await story.passes(seconds=10)
        assert story.got(ANN)[-1] == "#1 is yours."


async def test_a_webhook_told_twice_acts_once(store_url: str) -> None:
    async with paged(store_url) as story:
        await story.fires("db-1")
        story.story.carrier.faults = Faults(webhook_duplicated=1.0)
        await story.ann.texts("1e")
        await story.passes(seconds=20)
        assert len([text for text in story.got(ANN) if "passed on" in text]) == 1
        assert len(story.got(BEN)) == 1


async def test_where_no_answer_can_come_back_none_is_asked_for(store_url: str) -> None:
    responders = {"ann": {"number": ANN, "label": "Ann", "twoWay": False}}
    config = operations(
        responders=responders, gateway={"publicBaseUrl": "https://gate.example.com"}
    )
    async with paged(store_url, config) as story:
        await story.fires("db-1")
        assert story.got(ANN) == ["default: #1 db-1 is down (database)."]


async def test_the_newest_word_is_small_talk_when_nobody_asked(store_url: str) -> None:
    """An owner who is on call too talks to their agent: a bare letter days later is a letter."""
    config = operations(responders={"ann": {"number": OWNER, "label": "Ann"}})
    async with paged(store_url, config) as story:
        await story.story.phone(OWNER).texts("a")
        await story.passes(seconds=10)
        assert story.got(OWNER) == ["You said: a"]
        await story.fires("db-1")
        await story.story.phone(OWNER).texts("1r")
        await story.passes(hours=80)
        await story.story.phone(OWNER).texts("a")
        await story.passes(seconds=10)
        assert story.got(OWNER)[-1] == "You said: a"


async def test_no_agent_reads_pages_and_answers(store_url: str) -> None:
    config = operations(responders={"ann": {"number": OWNER, "label": "Ann"}})
    async with paged(store_url, config) as story:
        await story.fires("db-1")
        await story.story.phone(OWNER).texts("1a")
        await story.passes(seconds=10)
        await story.story.phone(OWNER).texts("how are you")
        await story.passes(seconds=10)
        [turn] = story.story.agent.turns
        assert turn.body == "how are you"
        assert all("#1" not in entry.body for entry in turn.history)


@pytest.mark.parametrize("purpose", ["hotline", "notify"])
async def test_an_answer_counts_on_a_line_that_takes_nothing_else_in(
    store_url: str, purpose: str
) -> None:
    async with paged(store_url, sms={"purpose": purpose, "dmPolicy": "disabled"}) as story:
        await story.fires("db-1")
        await story.ann.texts("1a")
        await story.passes(seconds=10)
        assert (await story.alert("db-1")).state is AlertState.ACKNOWLEDGED
