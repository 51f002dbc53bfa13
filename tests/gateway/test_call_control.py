"""Words and keys for a call in live sound: decided here, said by its session, wherever that is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from calling import BEN, Calling, calling
from ringfence.gateway import call_control, call_questions
from ringfence.model.call import Call, CallMode, CallState, Leg, LegRole, Speaker, Words
from ringfence.model.errors import CallNotReady
from ringfence.model.message import Direction
from ringfence.model.phone import PhoneNumber
from ringfence.model.voice import StreamSettings
from ringfence.voice.events import SessionEvent, ToldToPress, ToldToSay

STREAM = StreamSettings("/voice/stream", "wss://gateway.example.com/voice/stream")
ANN = "operator:ann"


@dataclass
class Heard:
    """A process with the call's sound, or without it."""

    here: bool = True
    told: list[tuple[str, SessionEvent]] = field(default_factory=list)

    def tell(self, call_id: str, event: SessionEvent) -> bool:
        if self.here:
            self.told.append((call_id, event))
        return self.here


@asynccontextmanager
async def streaming(store_url: str) -> AsyncIterator[Calling]:
    """A conversation `cal_1` in live sound, of which nothing is said yet."""
    async with calling(store_url, voice={"stream": STREAM}) as story:
        now = story.story.clock.now()
        leg = Leg(PhoneNumber(BEN), LegRole.PERSON, CallState.ANSWERED, "CA1", now, answered_at=now)
        live = Call(
            id="cal_1",
            line=story.story.line.id,
            direction=Direction.IN,
            mode=CallMode.CONVERSATION,
            contact_id="ctc_1",
            person=leg,
            time_limit=timedelta(minutes=5),
            created_at=now,
            updated_at=now,
            initiator="person",
            turn=1,
        )
        await story.story.write(lambda tx: tx.calls.add([live]))
        yield story


@pytest.mark.proves("P1", "P7")
async def test_words_and_keys_go_to_the_session_by_leave_of_the_gate(store_url: str) -> None:
    async with streaming(store_url) as story:
        kit, sound = story.story.gateway.kit, Heard()
        said = await call_control.speak(kit, "cal_1", "One moment.", ANN, sound)
        pressed = await call_control.digits(kit, "cal_1", "12#", ANN, sound)
        agents = await call_control.speak(kit, "cal_1", "Hello.", "agent:default", sound)
        assert sound.told == [
            ("cal_1", ToldToSay("One moment.", Speaker.OWNER, said.decision)),
            ("cal_1", ToldToPress("12#", pressed.decision)),
            ("cal_1", ToldToSay("Hello.", Speaker.AGENT, agents.decision)),
        ]
        card = "Your card 4111 1111 1111 1111."
        refused = await call_control.speak(kit, "cal_1", card, "agent:default", sound)
        assert (refused.said, len(sound.told)) == (False, 3)
        # The session puts on record what it says, and what was heard of it.
        assert await story.words(await story.call()) == []


@pytest.mark.parametrize("sound", [None, Heard(here=False)])
async def test_where_the_sound_is_not_that_is_said(store_url: str, sound: Heard | None) -> None:
    async with streaming(store_url) as story:
        kit = story.story.gateway.kit
        for work in (
            call_control.speak(kit, "cal_1", "One moment.", ANN, sound),
            call_control.digits(kit, "cal_1", "1", ANN, sound),
            call_questions.ask(kit, "cal_1", "Who?", ANN, sound=sound),
        ):
            with pytest.raises(CallNotReady) as refused:
                await work
            assert refused.value.code == "call_is_streamed"
        assert (await story.call()).awaited_until is None


@pytest.mark.proves("B134", "B136")
async def test_a_question_in_live_sound_is_answered_by_what_is_final(store_url: str) -> None:
    async with streaming(store_url) as story:
        kit, now = story.story.gateway.kit, story.story.clock.now()

        def person(text: str) -> Words:
            return Words("cal_1", 0, Speaker.PERSON, text, now, turn=1)

        await story.story.write(lambda tx: tx.calls.add_words([person("Hello?")]))

        sound = Heard()
        work = call_questions.ask(kit, "cal_1", "Who?", ANN, sound=sound)
        asking = asyncio.ensure_future(work)
        while not sound.told:
            await asyncio.sleep(0)
        ours = Words("cal_1", 0, Speaker.OWNER, "Who?", now, turn=1)
        await story.story.write(lambda tx: tx.calls.add_words([ours, person("It is Ben.")]))
        kit.calls_bell.ring()
        found = await asking
        assert found.words is not None
        assert (found.words.text, found.words.n) == ("It is Ben.", 3)
