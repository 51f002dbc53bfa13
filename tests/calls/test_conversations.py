"""Conversations without media: the carrier speaks and listens, the agent answers, the gate decides about
each sentence before it is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from calling import ANN, BEN, ROUTE, calling
from ringfence.gateway.pairing import approve
from ringfence.model.call import CallMode, CallState, EndReason, Speaker
from ringfence.model.line import AccessPolicy, Secret
from ringfence.model.voice import Route
from ringfence.ports import AgentReply
from telling import ScriptedAgent


def answers(*texts: str) -> ScriptedAgent:
    said = iter(texts)
    return ScriptedAgent(lambda turn: next(said))


@pytest.mark.proves("P1")
async def test_somebody_calls_and_talks_with_the_agent(store_url: str) -> None:
    agent = answers("We open at nine.", "You are welcome.")
    async with calling(store_url, agent=agent) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.says("When do you open?")
        await story.until(phone.hears("We open at nine"))
        phone.says("Thanks!")
        await story.until(phone.hears("You are welcome"))
        phone.hangs_up()
        await story.settles()
        call = await story.call()
        assert (call.state, call.person.end_reason) == (CallState.ENDED, EndReason.HUNG_UP)
        said = [(one.speaker, one.text) for one in await story.words(call)]
        assert said == [
            (Speaker.GATEWAY, "Hello, this is Acme."),
            (Speaker.PERSON, "When do you open?"),
            (Speaker.AGENT, "We open at nine."),
            (Speaker.PERSON, "Thanks!"),
            (Speaker.AGENT, "You are welcome."),
        ]
        assert [turn.channel for turn in agent.turns] == ["call", "call"]
        assert [entry.body for entry in agent.turns[1].history][-1] == "We open at nine."
        decided = [one for one in await story.words(call) if one.speaker is Speaker.AGENT]
        assert all(one.decision for one in decided)


async def test_an_outbound_conversation_opens_with_approved_words(store_url: str) -> None:
    async with calling(store_url, agent=answers("At nine.")) as story:
        await story.calls(ANN, "Hi Ann, do you have a question?", mode=CallMode.CONVERSATION)
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.hears("do you have a question"))
        phone.says("When do you open?")
        await story.until(phone.hears("At nine"))
        phone.hangs_up()
        await story.settles()
        assert (await story.call()).mode is CallMode.CONVERSATION


@pytest.mark.proves("P1")
async def test_what_the_gate_refuses_is_never_said(store_url: str) -> None:
    agent = answers("Your card 4111 1111 1111 1111 was charged.")
    async with calling(store_url, agent=agent) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.says("What did I pay?")
        await story.until(phone.hears("I cannot answer at the moment"))
        await story.until(phone.is_over())
        heard = [one.heard for c in phone.connections for one in c.call.played]
        assert not any("4111" in words for words in heard)


@pytest.mark.proves("B121")
@pytest.mark.parametrize("shown", ["anonymous", "266696687", "", "+1555555014", "5555550142"])
async def test_a_caller_who_names_nobody_passes_no_allowlist(store_url: str, shown: str) -> None:
    voice = {"access": AccessPolicy.ALLOWLIST, "allow_from": frozenset({BEN})}
    async with calling(store_url, voice=voice) as story:
        call = story.phone(BEN).calls(shown=shown)
        await story.settles()
        assert call.answered_at is None
        assert not call.played


@pytest.mark.proves("B121")
async def test_whoever_is_listed_gets_in_and_nobody_else(store_url: str) -> None:
    voice = {"access": AccessPolicy.ALLOWLIST, "allow_from": frozenset({BEN})}
    async with calling(store_url, voice=voice) as story:
        refused = story.phone(ANN).calls()
        await story.settles()
        assert refused.answered_at is None
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.hangs_up()
        await story.settles()
        refusals = [one for one in await story.all_calls() if one.person.end_reason]
        assert EndReason.REFUSED in {one.person.end_reason for one in refusals}


@pytest.mark.proves("B125")
async def test_a_second_caller_is_held_until_the_first_is_done(store_url: str) -> None:
    async with calling(store_url, voice={"at_once": 1}) as story:
        first, second = story.phone(ANN), story.phone(BEN)
        first.calls()
        await story.until(first.hears("this is Acme"))
        second.calls()
        await story.until(second.hears("One moment"))
        first.hangs_up()
        await story.until(second.hears("this is Acme"))
        second.hangs_up()
        await story.settles()


async def test_silence_is_asked_about_and_then_ends_the_call(store_url: str) -> None:
    async with calling(store_url) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        await story.until(phone.hears("Are you still there?"))
        await story.until(phone.hears("Goodbye"))
        await story.until(phone.is_over())
        await story.settles()
        assert (await story.call()).person.end_reason is EndReason.SILENCE


async def test_a_slow_agent_is_covered_by_a_filler_and_given_up(store_url: str) -> None:
    agent = ScriptedAgent(lambda turn: AgentReply(""))
    async with calling(store_url, agent=agent) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.says("Hm.")
        await story.until(phone.hears("Are you still there?"))
        phone.hangs_up()
        await story.settles()


@pytest.mark.proves("B140")
async def test_json_and_reasoning_are_not_read_out(store_url: str) -> None:
    agent = answers('```json\n{"spoken": "At nine."}\n```', "<think>Who asks?</think>Gladly.")
    async with calling(store_url, agent=agent) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.says("When?")
        assert (await story.until(phone.hears("nine"))).heard == "At nine."
        phone.says("Thanks")
        assert (await story.until(phone.hears("Gladly"))).heard == "Gladly."
        phone.hangs_up()
        await story.settles()


async def test_the_disclosure_comes_first_and_counts_when_it_was_heard(store_url: str) -> None:
    route = {"route": _disclosing()}
    async with calling(store_url, voice=route, agent=answers("At nine.")) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("automated"))
        assert (await story.call()).disclosed_at is None
        await story.until(phone.hears("this is Acme"))
        phone.says("When?")
        await story.until(phone.hears("At nine"))
        assert (await story.call()).disclosed_at is not None
        phone.hangs_up()
        await story.settles()


async def test_who_hangs_up_during_the_disclosure_was_not_told(store_url: str) -> None:
    async with calling(store_url, voice={"route": _disclosing()}) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.story.passes(seconds=1)
        phone.hangs_up()
        await story.settles()
        assert (await story.call()).disclosed_at is None


def _disclosing() -> Route:
    return replace(ROUTE, disclosure="This is an automated assistant of Acme.")


@pytest.mark.proves("P3")
async def test_whoever_says_no_more_calls_is_left_alone(store_url: str) -> None:
    agent = answers()
    async with calling(store_url, agent=agent) as story:
        await story.calls(ANN, "Hi Ann, about your order.", mode=CallMode.CONVERSATION)
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.hears("about your order"))
        phone.says("Please stop calling me!")
        await story.until(phone.hears("no more calls"))
        await story.until(phone.is_over())
        assert agent.turns == []
        proposed = await story.calls(ANN, "Hello again.")
        assert proposed.status.value == "refused"


@pytest.mark.parametrize("given", ["keypad", "spoken"])
async def test_a_pin_lets_in_and_a_wrong_one_does_not(store_url: str, given: str) -> None:
    voice = {"pin": Secret("4711")}
    async with calling(store_url, voice=voice, agent=answers("At nine.")) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("enter your code"))
        phone.presses("1234#")
        await story.until(phone.hears("That code is not right"))
        if given == "keypad":
            phone.presses("4711#")
        else:
            phone.says("four seven, one one")
        await story.until(phone.hears("this is Acme"))
        phone.says("When do you open?")
        await story.until(phone.hears("At nine"))
        phone.hangs_up()
        await story.settles()


async def test_three_wrong_codes_end_the_call(store_url: str) -> None:
    async with calling(store_url, voice={"pin": Secret("4711")}) as story:
        phone = story.phone(BEN)
        phone.calls()
        for wrong in ("1111#", "2222#", "3333#"):
            await story.until(phone.hears("enter your code"))
            await story.story.passes(seconds=1)
            phone.presses(wrong)
        await story.until(phone.hears("I cannot let this call in"))
        await story.until(phone.is_over())


@pytest.mark.proves("B124")
async def test_a_stranger_is_told_a_code_once_and_let_in_once_approved(store_url: str) -> None:
    voice = {"access": AccessPolicy.PAIRING}
    async with calling(store_url, voice=voice) as story:
        phone = story.phone(BEN)
        phone.calls()
        heard = await story.until(phone.hears("give its owner this code"))
        await story.until(phone.is_over())
        again = phone.calls()
        await story.settles()
        assert again.answered_at is None
        code = heard.heard.split("code: ")[1].split(". Again")[0].replace(", ", "")
        kit, line, now = story.story.gateway.kit, story.story.line, story.story.clock.now()
        await story.story.write(lambda tx: approve(kit, tx, line, code, "operator:t", False, now))
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.hangs_up()
        await story.settles()
