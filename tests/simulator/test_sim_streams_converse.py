"""Our own live session on the simulated carrier's lines, written apart from each other: upgrade, signature,
frames, marks and clears in three dialects, and the carrier's ear as the judge of what was heard."""

from __future__ import annotations

import secrets
from dataclasses import replace

import pytest
from call_rig import Time
from carrier_rig import ALICE, Sdk
from stream_rig import tone

from live_call_rig import LINE, LiveRig
from ringfence.gateway.conversations import Conversations
from ringfence.gateway.live_call import Live, Sentence
from ringfence.gateway.stream_tokens import StreamPlaces, StreamTokens
from ringfence.model.line import Credentials, Secret
from ringfence.ports.speech import Final
from ringfence.providers.media import SpeaksMedia
from ringfence.providers.plivo_media import MEDIA as PLIVO
from ringfence.providers.telnyx_media import MEDIA as TELNYX
from ringfence.providers.twilio_media import MEDIA as TWILIO
from ringfence.simulator.stream_life import State, Stream
from ringfence.simulator.stream_playout import Ear
from ringfence.simulator.stream_sockets import DirectSockets
from ringfence.voice.effects import DigitPressed, DisclosureHeard, EndCall, WordsHeard
from ringfence.voice.events import Killed
from ringfence.voice.settings import Script
from ringfence.web.media import MediaDoor

ADDRESS = "wss://gw.example.test/voice/stream"
DISCLOSURE = "This is a computer."
STORY = "Once upon a time there was a gateway that said only what it was allowed to say. " * 3


def spoken(text: str) -> bytes:
    """As the rig's mouth says it: 20 ms a character."""
    return b"".join(bytes([1 + n % 100]) * 160 for n in range(len(text)))


class OneCall:
    """The core of one call."""

    def __init__(self, live: Live) -> None:
        self._live = live

    async def live(self, call_id: str) -> Live:
        return self._live


class Talk:
    """A call that is streamed to our door."""

    def __init__(self, time: Time, dialect: SpeaksMedia, sid: str) -> None:
        carrier = time.carrier
        keys = Credentials(carrier.account_sid, (Secret(carrier.auth_token),))
        self.rig = LiveRig(Script(DISCLOSURE), dialect=dialect, provider_id=sid)
        live = replace(self.rig.live, line=replace(LINE, credentials=keys), url=ADDRESS)
        tokens = StreamTokens(secrets.token_urlsafe)
        self.conversations = Conversations(
            OneCall(live), tokens, time.clock, lambda: time.clock.now().timestamp()
        )
        self.door = MediaDoor(self.conversations, StreamPlaces(), time.clock)
        self.url = f"{ADDRESS}/{self.conversations.token(live.call_id)}"
        self.core, self.agent, self.ear = self.rig.core, self.rig.agent, self.rig.ear
        self.stream: Stream

    @property
    def played(self) -> Ear:
        return self.stream.ear


async def talking(time: Time, dialect: SpeaksMedia) -> Talk:
    """Alice has answered, and her call is streamed."""
    time.carrier.script_call(ALICE, "answers")
    twiml = '<Response><Pause length="600"/></Response>'
    made = await Sdk(time.carrier)(
        lambda c: c.calls.create(to=ALICE, from_=time.carrier.number, twiml=twiml)
    )
    await time.passes(seconds=5)
    voice, talk = time.carrier.voice, Talk(time, dialect, made.sid)
    voice.streams.dial = DirectSockets(lambda: talk.door)
    talk.stream = voice.streams.open(voice.sessions[made.sid], talk.url, dialect.name)
    await time.until(time.carrier.phone(ALICE).is_streamed())
    return talk


@pytest.mark.parametrize("dialect", [TWILIO, TELNYX, PLIVO], ids=["twilio", "telnyx", "plivo"])
@pytest.mark.proves("B139", "B145")
async def test_a_conversation_on_the_carriers_line(time: Time, dialect: SpeaksMedia) -> None:
    talk = await talking(time, dialect)
    await time.passes(milliseconds=600)
    assert talk.core.all(DisclosureHeard) == [DisclosureHeard()]
    assert talk.played.sound == spoken(DISCLOSURE)
    talk.stream.press("7")
    await time.passes(milliseconds=40)
    assert talk.core.all(DigitPressed) == [DigitPressed("7")]

    # An answer, a noise that silences it, and it goes on from a little before.
    talk.agent.answers.append([Sentence(STORY)])
    talk.ear.says(Final("Tell me a story.", turn_over=True))
    await time.passes(milliseconds=1_500)
    talk.stream.utter(tone(300))
    await time.passes(milliseconds=600)
    silent_at = talk.played.heard_bytes
    await time.passes(milliseconds=1_200)
    assert talk.played.heard_bytes == silent_at, "silent while it waits for words"
    await time.passes(milliseconds=1_500)
    assert talk.played.heard_bytes > silent_at
    story = talk.played.sound[len(spoken(DISCLOSURE)) :]
    first, again = (
        story[: silent_at - len(spoken(DISCLOSURE))],
        story[silent_at - len(spoken(DISCLOSURE)) :],
    )
    back = spoken(STORY).find(again[:1_600], max(0, len(first) - 8 * 1_000))
    assert 0 < len(first) - back <= 8 * 800, "from less than a second before it was silenced"

    # Words end it, and what is on record as heard is what was played.
    talk.ear.says(Final("That will do.", turn_over=True))
    await time.passes(milliseconds=100)
    _, told = talk.core.all(WordsHeard)
    furthest_ms = (back + len(again)) // 8
    assert furthest_ms - 260 <= told.ms <= furthest_ms + 40
    assert told.characters * 20 <= told.ms

    # And the operator has the last word.
    talk.conversations.tell("cal_1", Killed("It ends."))
    await time.passes(seconds=2)
    assert talk.played.sound.endswith(spoken("It ends."))
    assert isinstance(talk.core.ends[0], EndCall)
    assert (talk.stream.state, talk.stream.close_code) == (State.CLOSED, 1000)


async def test_the_carrier_cannot_open_the_same_address_twice(time: Time) -> None:
    talk = await talking(time, TWILIO)
    session = talk.stream.session
    second = time.carrier.voice.streams.open(session, talk.url, "twilio")
    await time.passes(milliseconds=200)
    assert (second.state, second.close_code) == (State.CLOSED, 1008)
    assert talk.stream.state is State.LIVE


async def test_a_hang_up_in_the_middle_leaves_a_whole_record(time: Time) -> None:
    talk = await talking(time, TWILIO)
    await time.passes(milliseconds=200)
    talk.stream.stop()
    await time.passes(milliseconds=100)
    assert talk.core.all(DisclosureHeard) == []
    (heard,) = talk.core.all(WordsHeard)
    assert heard.characters < len(DISCLOSURE)
    assert len(talk.core.ends) == 1
    assert talk.conversations.count == 0
