"""What goes wrong with calls, step by step: what seeds of the simulation found, restarts with calls under
way (B149), and the complaints about calls that others' users had (facts openclaw 4.4 to 4.6)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from calling import ANN, BEN, Calling, calling
from ringfence.gateway.call_control import end_call
from ringfence.model.call import Call, CallMode, CallState, EndReason
from ringfence.model.line import AccessPolicy
from ringfence.simulator.call_phone import Connection
from ringfence.simulator.calls_plan import AgentManner, CallsPlan, settings_of
from ringfence.simulator.calls_run import CallsSimulation, Wish
from ringfence.simulator.crashes import Fuse, lives_counted
from ringfence.simulator.lives import START, listening
from ringfence.simulator.paging_plan import Outage
from ringfence.testing import Faults, Outcome
from telling import ScriptedAgent

LONG = "Your order is ready. " * 30
"""42 seconds of speech."""


async def passing(story: Calling, seconds: int) -> None:
    """In steps, as a worker looks by itself every second or so."""
    for _ in range(seconds // 5):
        await story.story.passes(seconds=5)


# -- found by seeds ----------------------------------------------------------------------------------


@pytest.mark.proves("B130", "P6")
async def test_calls_of_unknown_outcome_end_and_take_no_place(store_url: str) -> None:
    """Two of them: the first one's end was taken for the second one's too."""
    async with calling(store_url) as story:
        carrier = story.story.carrier
        carrier.world.dice.order([Outcome.LOST_BEFORE_ACCEPT] * 2)
        first, second = await story.calls(ANN, "One."), await story.calls(BEN, "Two.")
        await passing(story, 600)
        for proposed in (first, second):
            message = await story.story.read(
                lambda tx, key=proposed.message_id: tx.messages.get(key)
            )
            assert message.status.value == "failed"
            assert message.reason.startswith("unknown_outcome")
        assert await story.story.read(lambda tx: tx.calls.live_ones()) == []
        for number in (ANN, BEN):
            story.phone(number).has_not_rung()


async def test_a_notice_cut_off_by_a_wrong_key_is_said_again_and_not_yet_heard(
    store_url: str,
) -> None:
    async with calling(store_url) as story:
        proposed = await story.calls(ANN, "Your appointment is at nine.", keys={"1": "confirm"})
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.story.passes(seconds=1)
        phone.presses("7")
        await story.until(phone.hears("Your appointment is at nine."))
        phone.hangs_up()
        await story.settles()
        assert await story.status(proposed.message_id) == "undelivered"


@pytest.mark.proves("P3")
async def test_a_stop_does_not_wait_for_an_agents_last_words(store_url: str) -> None:
    """The call ends after them anyway; they are cut off all the same."""
    last = f'{{"spoken": "{LONG}", "hangUp": true}}'
    async with calling(store_url, agent=ScriptedAgent(lambda turn: last)) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.says("When?")
        await story.story.passes(seconds=3)
        await story.stops()
        await story.until(phone.hears("This call has to end now"))
        await story.until(phone.is_over())
        await story.settles()
        assert (await story.call()).person.end_reason is EndReason.KILLED
        assert not any(one.heard == LONG.strip() for one in phone.connections[0].call.played)


@pytest.mark.proves("B125", "P12")
async def test_who_waits_beyond_the_limit_is_told_so_and_let_go(store_url: str) -> None:
    """Complaint 81122: a second caller stuck in hold music."""
    voice = {"at_once": 1, "limit_s": 60}
    async with calling(store_url, voice=voice) as story:
        second = story.phone(BEN)
        await story.calls(ANN, LONG * 3)  # says more than a minute
        first = story.phone(ANN)
        await story.until(first.rings())
        second.calls()
        await story.until(second.hears("One moment"))
        await passing(story, 20)
        first.answers()  # and so talks longer than the other may wait
        call = second.connections[0].call
        await passing(story, 90)
        assert call.is_over
        assert call.played[-1].heard == "The time for this call is over. Goodbye."
        assert call.ended_at - call.answered_at <= timedelta(seconds=80)


# -- complaints of others' users ---------------------------------------------------------------------


@pytest.mark.proves("B130")
async def test_a_call_that_could_not_be_placed_takes_no_place(store_url: str) -> None:
    """Complaints 6721, 9707, 129473: phantom calls block the most calls at once."""
    async with calling(store_url, voice={"at_once": 1}) as story:
        story.story.carrier.world.dice.order([Outcome.THROTTLED])
        await story.calls(ANN, "Hello.")
        await story.story.settle()
        assert await story.story.read(lambda tx: tx.calls.live_ones()) == []
        await story.calls(BEN, "Hello.")
        await story.until(story.phone(BEN).rings())


@pytest.mark.proves("B148")
async def test_who_talks_is_not_reaped_and_who_never_answers_is(store_url: str) -> None:
    """Complaint 79121: the reaper killed live calls. Every report of the answer is lost here."""
    options = {"faults": Faults(callback_dropped=1.0)}
    voice = {"reap_s": 40, "ring_s": 35, "limit_s": 300}
    async with calling(store_url, voice=voice, carrier_options=options) as story:
        await story.calls(ANN, LONG * 4)
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await passing(story, 120)
        assert not phone.connections[0].call.is_over
        await story.settles()
        await passing(story, 360)
        assert (await story.call()).state is CallState.ENDED


@pytest.mark.proves("B148")
async def test_what_rings_on_is_hung_up_on_after_the_reapers_time(store_url: str) -> None:
    voice = {"reap_s": 20, "ring_s": 600}
    async with calling(store_url, voice=voice) as story:
        await story.calls(ANN, "Hello.")
        phone = story.phone(ANN)
        await story.until(phone.rings())
        await passing(story, 120)
        call = await story.call()
        assert phone.connections[0].call.is_over
        assert call.person.end_reason is EndReason.NOT_ANSWERED_IN_TIME
        assert call.person.lasted == timedelta(0)  # ringing is not charged


@pytest.mark.proves("B133")
async def test_ending_a_call_again_and_again_asks_the_provider_once(store_url: str) -> None:
    """Complaint 79121: hang-ups overlapped."""
    async with calling(store_url) as story:
        await story.calls(ANN, LONG, mode=CallMode.CONVERSATION)
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.story.passes(seconds=2)
        call, kit = await story.call(), story.story.gateway.kit
        for _ in range(3):
            await end_call(kit, call.id, "operator:test")
        await story.until(phone.is_over())
        await story.settles()
        again = await end_call(kit, call.id, "operator:test")
        assert again.person.end_reason is EndReason.ENDED_BY_OPERATOR
        ends = await story.story.read(lambda tx: tx.audit.of_subject(call.id))
        assert [one.entry.kind for one in ends].count("call_ending") == 1


async def test_a_late_report_makes_no_second_call(store_url: str) -> None:
    """Complaint 130059: a late callback created a second, empty record."""
    options = {"faults": Faults(callback_delayed=1.0, callback_delay_s=900.0)}
    async with calling(store_url, carrier_options=options) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.hangs_up()
        await story.story.passes(minutes=20)
        assert len(await story.all_calls()) == 1


async def test_whoever_is_not_let_in_does_not_ring_on(store_url: str) -> None:
    """Complaint 13242: rejected callers kept ringing."""
    voice = {"access": AccessPolicy.ALLOWLIST, "allow_from": frozenset({ANN})}
    async with calling(store_url, voice=voice) as story:
        call = story.phone(BEN).calls()
        await story.settles()
        assert call.is_over
        assert call.answered_at is None


async def test_the_last_words_are_played_before_the_hang_up(store_url: str) -> None:
    """Complaint 155271: hangs up before the farewell was played."""
    last = '{"spoken": "Thank you for calling and have a good day.", "hangUp": true}'
    async with calling(store_url, agent=ScriptedAgent(lambda turn: last)) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.says("That is all.")
        heard = await story.until(phone.hears("have a good day"))
        assert heard.heard == heard.text
        await story.until(phone.is_over())
        await story.settles()
        assert (await story.call()).person.end_reason is EndReason.ENDED_BY_AGENT


async def test_a_question_told_twice_is_answered_once(store_url: str) -> None:
    """Complaints 79118, 100255: duplicate and obsolete answers."""
    agent = ScriptedAgent(lambda turn: f"You said {turn.body}")
    options = {"faults": Faults(webhook_duplicated=1.0)}
    async with calling(store_url, agent=agent, carrier_options=options) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        for words in ("one", "two"):
            phone.says(words)
            await story.until(phone.hears(f"You said {words}"))
        phone.hangs_up()
        await story.settles()
        assert [turn.body for turn in agent.turns] == ["one", "two"]


# -- restarts ----------------------------------------------------------------------------------------


class Restarts(CallsSimulation):
    """A gateway that dies when the test says so, beside a carrier whose calls go on."""

    told: Callable[[Restarts], Coroutine[Any, Any, None]]

    async def _history(self) -> None:
        await self.told(self)

    async def rings(self, words: str, mode: CallMode = CallMode.NOTIFY) -> Connection:
        """A call is placed and answered."""
        phone = self.exchange.phone(ANN)
        await self._asks(Wish(1, ANN, words, "operator:test", mode))
        await self._during(())
        await self.passes(2)
        phone.answers()
        await self.passes(1)
        return phone.connections[-1]

    async def comes_in(self) -> Connection:
        phone = self.exchange.phone(BEN)
        phone.calls()
        await self.passes(6)
        return phone.connections[-1]

    async def dies(self) -> None:
        await self._die()

    async def away(self, seconds: float) -> None:
        """Time passes without a gateway."""
        until = self.clock.now() + timedelta(seconds=seconds)
        while (wake := self.clock.next_wake) is not None and wake <= until:
            self.clock.move_to(max(wake, self.clock.now()))
            await self._quiet()
        self.clock.move_to(until)

    async def starts(self) -> None:
        await self._born()
        await self._during(())

    async def passes(self, seconds: int) -> None:
        for _ in range(seconds):
            await self._passes(timedelta(seconds=1))

    def stored(self) -> Call:
        found = self.eye.read_now(lambda tx: tx.calls.listing(1, None, None, None))
        return found[0]


async def restarting(
    told: Callable[[Restarts], Coroutine[Any, Any, None]],
    folder: Path,
    agent: ScriptedAgent | None = None,
    **plan: Any,
) -> Restarts:
    none = Outage(START, START, "refused")
    quiet = AgentManner(0, 0, 0)
    calm = replace(
        CallsPlan.of(1),
        people=(ANN, BEN),
        crashes=0,
        faults=Faults(),
        at_once=2,
        limit_s=120,
        reap_s=120,
        access="open",
        agent=quiet,
        outage=none,
        phones={},
    )
    chosen = replace(calm, **plan)
    url = f"sqlite:///{folder / 'store.db'}"
    simulation = Restarts(chosen, settings_of(chosen, url, folder), url)
    simulation.told = told
    if agent is not None:
        simulation.agents = {"default": agent}
    with listening(simulation.seen), lives_counted():
        await simulation.run()
    return simulation


@pytest.mark.proves("B149", "P12")
async def test_after_a_restart_a_live_call_goes_on(tmp_path: Path) -> None:
    async def told(sim: Restarts) -> None:
        talk = await sim.rings(LONG)
        await sim.dies()
        await sim.away(20)
        await sim.starts()
        call = sim.stored()
        assert (call.state, call.ending) == (CallState.ANSWERED, None)
        assert talk.state == "up"
        await sim.passes(60)
        call = sim.stored()
        assert call.person.end_reason is EndReason.SAID_ALL
        assert talk.call.limit_s == 120

    await restarting(told, tmp_path)


@pytest.mark.proves("B149", "B130")
async def test_after_a_restart_a_call_that_ended_meanwhile_is_over_at_once(tmp_path: Path) -> None:
    async def told(sim: Restarts) -> None:
        talk = await sim.rings(LONG)
        await sim.dies()
        talk.wire.put_down()
        await sim.away(5)
        await sim.starts()
        assert sim.stored().state is CallState.ENDED
        assert sim.eye.read_now(lambda tx: tx.calls.live_ones()) == []

    await restarting(told, tmp_path)


@pytest.mark.proves("B149", "P12")
async def test_after_a_restart_a_call_past_its_limit_is_hung_up_on(tmp_path: Path) -> None:
    """One that came in: the provider itself has no limit for it."""

    async def told(sim: Restarts) -> None:
        talk = await sim.comes_in()
        talk.wire.speak("question")
        await sim.passes(1)
        await sim.dies()
        await sim.away(62)
        assert talk.state == "up"
        await sim.starts()
        await sim.passes(15)
        assert talk.state == "over"
        assert sim.stored().person.end_reason is EndReason.TIME_LIMIT

    agent = ScriptedAgent(lambda turn: LONG * 2)
    await restarting(told, tmp_path, agent, limit_s=60)


@pytest.mark.proves("B149")
async def test_after_a_restart_a_call_that_cannot_be_asked_about_is_kept(tmp_path: Path) -> None:
    """And asked about again, until somebody answers."""
    outage = Outage(START + timedelta(seconds=4), START + timedelta(seconds=100), "503")

    async def told(sim: Restarts) -> None:
        talk = await sim.rings(LONG)
        await sim.passes(2)
        await sim.dies()
        talk.wire.put_down()
        await sim.away(5)
        await sim.starts()
        call = sim.stored()
        assert (call.state, call.ending) == (CallState.ANSWERED, None)
        assert call.look_at is not None
        await sim.passes(180)
        assert sim.stored().state is CallState.ENDED

    await restarting(told, tmp_path, outage=outage)


@pytest.mark.proves("B149", "P5")
async def test_after_a_restart_a_call_without_the_providers_id_is_looked_up(tmp_path: Path) -> None:
    """Its process died between the request and the record; the carrier reports nothing."""

    async def told(sim: Restarts) -> None:
        phone = sim.exchange.phone(ANN)
        sim.life.fuse = sim.gateway.kit.http._fuse = Fuse(sim.rng, 0, "answer")
        await sim._asks(Wish(1, ANN, LONG, "operator:test", CallMode.NOTIFY))
        await sim._during(())
        assert sim.lives == 2
        assert sim.stored().person.provider_id == ""
        await sim.passes(2)
        phone.answers()
        await sim.passes(600)
        call = sim.stored()
        assert call.person.provider_id == phone.connections[0].call.sid
        assert call.is_over
        assert len(phone.connections) == 1

    faults = Faults(callback_dropped=1.0)
    await restarting(told, tmp_path, faults=faults)


@pytest.mark.proves("B149")
async def test_a_restart_leaves_a_call_alone_that_is_being_ended(tmp_path: Path) -> None:
    """What is said at its end is said once."""

    async def told(sim: Restarts) -> None:
        talk = await sim.rings(LONG, CallMode.CONVERSATION)
        await end_call(sim.gateway.kit, sim.stored().id, "operator:test")
        await sim._during(())
        await sim.dies()
        await sim.starts()
        await sim.passes(30)
        said = [one.text for one in talk.call.played]
        assert said.count("Goodbye.") == 1
        assert talk.state == "over"

    await restarting(told, tmp_path)
