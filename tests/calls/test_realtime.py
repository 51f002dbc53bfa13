"""A model that hears and speaks by itself, through the whole gateway: it says nothing before the disclosure
was heard, nothing that its words' gate refuses, and what it may do is ours to do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from test_live import DISCLOSURE, FakeSpeech, lasts

from calling import ANN, BEN, ROUTE, Calling, calling
from ringfence.gateway.live_call import MaySay
from ringfence.gateway.live_core import LiveRecord
from ringfence.model.call import EndReason, Speaker
from ringfence.model.line import Secret
from ringfence.model.realtime import Hold, RealtimeChoice, ToolPolicy
from ringfence.model.voice import SpeechChoice, VoiceSettings
from ringfence.net.streaming import HttpStreams
from ringfence.ports.realtime import TalksItself
from ringfence.simulator.speech import KEY, LETTER_MS
from ringfence.simulator.speech_realtime import Answer, DirectSockets, RealtimeVendor
from ringfence.speech.base import Wires
from ringfence.speech.desk import SpeechDesk
from telling import OWNER, ScriptedAgent

CHOICE = RealtimeChoice(
    SpeechChoice("openai", base_url="http://127.0.0.1:9/v1", api_key=Secret(KEY)),
    "Be brief.",
    hold=Hold.SENTENCE,
)


@dataclass
class WithModel(FakeSpeech):
    """The gateway's own mouth is the test's; the model's socket goes straight into the stand-in."""

    sockets: DirectSockets = field(default_factory=lambda: DirectSockets(RealtimeVendor()))

    def realtime(self, voice: VoiceSettings) -> TalksItself:
        return SpeechDesk(Wires(self.sockets, HttpStreams())).realtime(voice)


@dataclass
class Talk:
    story: Calling
    speech: WithModel
    phone: Any

    @property
    def remembers(self) -> list[tuple[str, str]]:
        return self.speech.sockets.vendor.talkers[-1].remembers

    @property
    def told(self) -> list[str]:
        """What the model's service was told, by kind, without settings and sound."""
        quiet = ("session.update", "input_audio_buffer.append")
        kinds = [one["type"] for one in self.speech.sockets.open[-1].session.texts]
        return [kind for kind in kinds if kind not in quiet]

    def phone_of(self, number: str) -> Any:
        return self.story.phone(number)

    async def says(self, text: str) -> None:
        self.speech.sockets.says(text)
        await self.story.story.passes(seconds=0.1)

    async def lasts(self, text: str) -> None:
        """As long as the model takes to say it."""
        await self.story.story.passes(seconds=len(text) * LETTER_MS / 1000 + 0.5)

    async def words(self) -> list[tuple[Speaker, str]]:
        call = await self.story.call()
        return [(one.speaker, one.text) for one in await self.story.words(call)]


@asynccontextmanager
async def talking(
    url: str,
    *answers: Answer,
    choice: RealtimeChoice = CHOICE,
    agent: ScriptedAgent | None = None,
    voice: Mapping[str, Any] | None = None,
    **more: Any,
) -> AsyncIterator[Talk]:
    """Ben has called, and heard the greeting."""
    speech = WithModel(sockets=DirectSockets(RealtimeVendor(*answers)))
    chosen = {"realtime": choice, **(voice or {})}
    options = {"streams": True, "speech": speech, "agent": agent, "voice": chosen, **more}
    async with calling(url, **options) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.is_streamed())
        if voice and "route" in voice:
            await lasts(story, voice["route"].disclosure)
        await lasts(story, ROUTE.greeting)
        yield Talk(story, speech, phone)


async def ends(talk: Talk) -> EndReason:
    await talk.story.until(talk.phone.is_over())
    await talk.story.settles()
    reason = (await talk.story.call()).person.end_reason
    assert reason is not None
    return reason


@pytest.mark.proves("P1", "P7", "B143")
async def test_somebody_talks_with_a_model(sqlite_url: str) -> None:
    route = replace(ROUTE, disclosure=DISCLOSURE)
    answer = Answer("We open at nine. Anything else?")
    async with talking(sqlite_url, answer, voice={"route": route}) as talk:
        assert talk.told[-1] == "conversation.item.create"
        assert "response.create" not in talk.told
        await talk.says("When do you open?")
        await talk.lasts(answer.text)
        talk.phone.hangs_up()
        await talk.story.settles()
        call = await talk.story.call()
        words = await talk.story.words(call)
        assert [(one.speaker, one.text) for one in words] == [
            (Speaker.GATEWAY, DISCLOSURE),
            (Speaker.GATEWAY, ROUTE.greeting),
            (Speaker.PERSON, "When do you open?"),
            (Speaker.AGENT, "We open at nine."),
            (Speaker.AGENT, "Anything else?"),
        ]
        assert all(one.decision for one in words if one.speaker is Speaker.AGENT)
        assert all(one.heard == len(one.text) for one in words if one.heard is not None)
        assert talk.speech.spoken == [DISCLOSURE, ROUTE.greeting]
        assert talk.remembers == [
            ("assistant", DISCLOSURE),
            ("assistant", ROUTE.greeting),
            ("user", "When do you open?"),
            ("assistant", answer.text),
        ]


@pytest.mark.proves("P1")
@pytest.mark.parametrize("hold", sorted(Hold, key=lambda one: one.value))
@pytest.mark.parametrize("lag", [False, True])
async def test_no_sentence_that_is_refused_is_heard_of_a_model(
    sqlite_url: str, hold: Hold, lag: bool
) -> None:
    answer = Answer("Let me see. Your card is 4111 1111 1111 1111. Bye.", lag=lag)
    choice = replace(CHOICE, hold=hold)
    async with talking(sqlite_url, answer, choice=choice) as talk:
        await talk.says("What is my card?")
        await talk.lasts(answer.text)
        assert not any("4111" in text for _, text in await talk.words())
        assert talk.speech.spoken[-1] == "I am sorry, I cannot help with that on the phone."
        await talk.says("And now?")
        assert not any("4111" in text for _, text in talk.remembers)
        talk.phone.hangs_up()
        await talk.story.settles()


@pytest.mark.proves("B137")
async def test_who_interrupts_a_model_is_remembered_as_having_heard_no_more(
    sqlite_url: str,
) -> None:
    long = "This is a long story about the sea and all who sail on it. The end."
    async with talking(sqlite_url, Answer(long), Answer("Yes.")) as talk:
        await talk.says("Tell me a story.")
        await talk.story.story.passes(seconds=1.5)
        await talk.says("Please stop it.")
        await talk.lasts("Yes.")
        kinds = talk.told
        assert kinds.index("conversation.item.truncate") < len(kinds) - 1
        heard = next(
            text for role, text in talk.remembers if role == "assistant" and "This" in text
        )
        assert 0 < len(heard) < 40
        assert long.startswith(heard)
        words = await talk.story.words(await talk.story.call())
        [cut] = [one for one in words if one.text.startswith("This is")]
        assert cut.heard is not None
        assert abs(cut.heard - len(heard)) < 12
        talk.phone.hangs_up()
        await talk.story.settles()


async def test_an_answer_under_way_is_cancelled_when_the_person_speaks(sqlite_url: str) -> None:
    slow = Answer("I am still thinking about it. And I", unfinished=True)
    async with talking(sqlite_url, slow, Answer("Fine.")) as talk:
        await talk.says("Tell me a story.")
        await talk.story.story.passes(seconds=1)
        await talk.says("No, never mind that.")
        await talk.lasts("Fine.")
        kinds = talk.told
        assert "response.cancel" in kinds
        assert kinds.count("response.create") == 2
        assert (await talk.words())[-1] == (Speaker.AGENT, "Fine.")
        talk.phone.hangs_up()
        await talk.story.settles()


async def test_a_model_ends_the_call_once_it_was_heard(sqlite_url: str) -> None:
    async with talking(sqlite_url, Answer("Goodbye then.", tools=[("end_call", {})])) as talk:
        await talk.says("That is all.")
        assert await ends(talk) is EndReason.ENDED_BY_AGENT
        words = await talk.story.words(await talk.story.call())
        assert words[-1].heard == len("Goodbye then.")


@pytest.mark.proves("P2")
async def test_a_model_consults_the_agent_and_speaks_for_itself(sqlite_url: str) -> None:
    asks = Answer(tools=[("consult_agent", {"question": "Opening hours?"})])
    agent = ScriptedAgent(lambda turn: f"{turn.body} Nine to five.")
    async with talking(sqlite_url, asks, Answer("From nine to five."), agent=agent) as talk:
        await talk.says("When do you open?")
        await talk.lasts("From nine to five.")
        assert ("tool", "Opening hours? Nine to five.") in talk.remembers
        assert (await talk.words())[-1] == (Speaker.AGENT, "From nine to five.")
        talk.phone.hangs_up()
        await talk.story.settles()


@pytest.mark.proves("P2")
@pytest.mark.parametrize(
    ("policy", "names"),
    [
        (ToolPolicy.NONE, ["end_call"]),
        (ToolPolicy.OWNER, ["end_call"]),
        (ToolPolicy.ALL, ["end_call", "consult_agent", "transfer", "ask_owner"]),
    ],
)
async def test_tools_are_offered_as_the_operator_chose(
    sqlite_url: str, policy: ToolPolicy, names: Sequence[str]
) -> None:
    wanted = Answer(tools=[("consult_agent", {"question": "x"}), ("no_such", {})])
    choice = replace(CHOICE, tools=policy)
    async with talking(sqlite_url, wanted, choice=choice) as talk:
        settings = talk.speech.sockets.vendor.talkers[-1].settings
        assert [tool["name"] for tool in settings["tools"]] == list(names)
        await talk.says("Ask somebody.")
        outputs = [text for role, text in talk.remembers if role == "tool"]
        assert outputs[-1] == "There is no such tool."
        assert (outputs[0] == "There is no such tool.") is (policy is not ToolPolicy.ALL)
        talk.phone.hangs_up()
        await talk.story.settles()


@pytest.mark.proves("P6")
async def test_a_model_that_dies_ends_the_call_with_a_sentence(sqlite_url: str) -> None:
    async with talking(sqlite_url) as talk:
        talk.speech.sockets.dies()
        assert await ends(talk) is EndReason.FAILED
        assert talk.speech.spoken[-1].startswith("I am sorry, I cannot answer")


async def test_a_model_that_breaks_its_answer_off_is_asked_again(sqlite_url: str) -> None:
    async with talking(sqlite_url, Answer(failed="server_error"), Answer("Hello.")) as talk:
        await talk.says("Hello?")
        await talk.story.story.passes(seconds=4)
        assert "went wrong" in talk.speech.spoken[-1]
        await talk.says("Hello again?")
        await talk.lasts("Hello.")
        assert (await talk.words())[-1] == (Speaker.AGENT, "Hello.")
        talk.phone.hangs_up()
        await talk.story.settles()


@pytest.mark.proves("P1", "P2")
@pytest.mark.parametrize("answers", [False, True])
async def test_a_model_has_somebody_connected_by_name(sqlite_url: str, answers: bool) -> None:
    wants = Answer("One moment.", tools=[("transfer", {"to": "owner"})])
    async with talking(sqlite_url, wants) as talk:
        owner = talk.phone_of(OWNER)
        await talk.says("A person, please.")
        await talk.story.until(owner.rings())
        if answers:
            owner.answers()
            await talk.story.story.passes(seconds=20)
            owner.hangs_up()
            await talk.story.until(talk.phone.is_over())
        else:
            owner.hangs_up()
            await talk.story.story.passes(seconds=10)
            assert "Nobody can take the call now." in talk.speech.spoken
            talk.phone.hangs_up()
        await talk.story.settles()
        assert await talk.story.story.read(lambda tx: tx.calls.live_ones()) == []


@pytest.mark.proves("P2")
async def test_a_model_connects_to_no_number_it_wrote(sqlite_url: str) -> None:
    wants = Answer(tools=[("transfer", {"to": ANN}), ("transfer", {"to": ["owner"]})])
    async with talking(sqlite_url, wants, Answer("Sorry.")) as talk:
        await talk.says("Connect me.")
        await talk.lasts("Sorry.")
        outputs = [text for role, text in talk.remembers if role == "tool"]
        assert outputs == ["Nobody can take the call now.", "It needs words."]
        assert (await talk.story.call()).joined == ()
        talk.phone.hangs_up()
        await talk.story.settles()


@pytest.mark.proves("P1")
@pytest.mark.parametrize(
    ("question", "became"),
    [
        ("May Ben come on Friday?", "The owner was texted."),
        ("May Ben have a refund?", "The question waits"),
    ],
)
async def test_a_model_asks_the_owner_by_text(sqlite_url: str, question: str, became: str) -> None:
    wants = Answer(tools=[("ask_owner", {"question": question})])
    async with talking(sqlite_url, wants, Answer("The owner is asked.")) as talk:
        await talk.says("I want a refund.")
        await talk.lasts("The owner is asked.")
        (output,) = [text for role, text in talk.remembers if role == "tool"]
        assert output.startswith(became)
        talk.phone.hangs_up()
        await talk.story.settles()
        await talk.story.until(talk.phone_of(OWNER).receives(question))


@pytest.mark.proves("P3")
async def test_the_kill_switch_ends_a_call_with_a_model(sqlite_url: str) -> None:
    async with talking(sqlite_url, Answer("A long story. " * 20)) as talk:
        await talk.says("Tell me a story.")
        await talk.story.story.passes(seconds=2)
        await talk.story.stops()
        assert await ends(talk) is EndReason.KILLED


@pytest.mark.proves("P1")
async def test_nothing_is_answered_without_leave(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(self: LiveRecord, turn: int, text: str) -> MaySay:
        return MaySay(reason="no")

    monkeypatch.setattr(LiveRecord, "may_say", refuses)
    async with talking(sqlite_url, Answer("Hello.")) as talk:
        await talk.says("Hello?")
        await talk.lasts("Hello.")
        assert "response.create" not in talk.told
        talk.phone.hangs_up()
        await talk.story.settles()
