"""What a measured call talks with: a call core that allows everything and records nothing, and speech that
echoes, that goes on and on, or that vendors make."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from ringfence.gateway.live_call import Live, MaySay, Recorded, Sentence
from ringfence.model.call import Speaker
from ringfence.model.line import Credentials, Line, Secret
from ringfence.model.phone import PhoneNumber
from ringfence.model.voice import SpeechChoice
from ringfence.ports.speech import Ears, HeardWords, Mouth, Spoken
from ringfence.providers.twilio_media import MEDIA
from ringfence.simulator.speech import KEY
from ringfence.speech import ears, mouths
from ringfence.speech.base import Turns, Wires
from ringfence.voice.effects import EndCall, StreamOver, TurnTimed, WordsHeard
from ringfence.voice.events import SessionEvent, ToldToSay
from ringfence.voice.settings import Script, SessionSettings

ECHO_FRAMES = 100  # of 20 ms: the length of a sentence
TONE_S, PIECE_S = 10, 0.2
ANSWER = ("We open at nine in the morning.", "Do you want anything else?")
Tell = Callable[[str, SessionEvent], bool]

LINE = Line(
    id="bench",
    provider="twilio",
    credentials=Credentials("AC" + "1" * 32, (Secret("a-token-for-benches-only"),)),
    number=PhoneNumber("+15555550100"),
    service_id=None,
    public_url="https://gateway.example.com/webhooks/sms",
    webhook_path="/webhooks/sms",
    api_base_url="https://api.twilio.com",
    validate_signature=False,
)


class Echo:
    """Ear and mouth of one call: what is heard is said, in sentences of two seconds. Each begins with
    what is heard then, as an answer does, so that a stall of the machine is not kept for ever."""

    name = "echo"
    is_interruptible = False

    def __init__(self, call_id: str, tell: Tell) -> None:
        self._call_id, self._tell = call_id, tell
        self._heard: asyncio.Queue[bytes] = asyncio.Queue()

    def more(self) -> None:
        """The next sentence."""
        said = ToldToSay("and so on", Speaker.GATEWAY, interruptible=self.is_interruptible)
        self._tell(self._call_id, said)

    async def listen(self, language: str, hints: Sequence[str] = ()) -> Echo:
        return self

    async def feed(self, sound: bytes) -> None:
        self._heard.put_nowait(sound)

    async def finish(self) -> None:
        return None

    async def words(self) -> AsyncIterator[HeardWords]:
        await asyncio.Event().wait()
        return
        yield

    async def speak(self, text: str, language: str) -> AsyncGenerator[Spoken, None]:
        while not self._heard.empty():
            self._heard.get_nowait()
        for _ in range(ECHO_FRAMES):
            yield Spoken(await self._heard.get())

    async def check(self) -> str:
        return ""

    async def close(self) -> None:
        return None


class Tone(Echo):
    """Talks without an end, made as quickly as it can be taken, and may be interrupted."""

    name = "tone"
    is_interruptible = True

    async def feed(self, sound: bytes) -> None:
        return None

    async def speak(self, text: str, language: str) -> AsyncGenerator[Spoken, None]:
        piece = b"\x90" * int(PIECE_S * 8_000)
        for _ in range(int(TONE_S / PIECE_S)):
            yield Spoken(piece)
            await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class Vendors:
    """Adapters that reach fake services over TLS, shared by all calls."""

    ears: Ears
    mouth: Mouth

    @classmethod
    def of(cls, deepgram: str, elevenlabs: str, wires: Wires) -> Vendors:
        ear = SpeechChoice("deepgram", base_url=deepgram, api_key=Secret(KEY))
        mouth = SpeechChoice(
            "elevenlabs", voice="voice-of-the-bench", base_url=elevenlabs, api_key=Secret(KEY)
        )
        return cls(
            ears()["deepgram"].make(ear, wires, Turns(by_service=True)),
            mouths()["elevenlabs"].make(mouth, wires),
        )


class Agent:
    """Answers at once."""

    async def ask(self, turn: int, text: str, digits: str) -> AsyncGenerator[Sentence, None]:
        for sentence in ANSWER:
            yield Sentence(sentence)


@dataclass
class Core:
    """Fulfils `PreparesCalls`. `ours_ms` are the turns' times without the vendors': from the turn's end to
    the first sentence allowed, and from its first sound to its first frame."""

    speech: type[Echo] | Vendors
    tell: Tell = lambda call_id, event: False
    ours_ms: list[int] = field(default_factory=list)

    async def live(self, call_id: str) -> Live:
        speech = self.speech
        each = speech(call_id, self.tell) if isinstance(speech, type) else speech
        ears, mouth = (each.ears, each.mouth) if isinstance(each, Vendors) else (each, each)
        call = Allowing(self.ours_ms, None if isinstance(each, Vendors) else each)
        script = Script(opening="Hello.", opening_interruptible=speech is not Echo)
        settings = SessionSettings()
        return Live(call_id, "", LINE, MEDIA, call, Agent(), ears, mouth, script, settings)


@dataclass(frozen=True, slots=True)
class Allowing:
    """Fulfils `LiveCall`: says yes, and keeps nothing but times."""

    ours_ms: list[int]
    talks_on: Echo | None

    async def may_say(self, turn: int, text: str) -> MaySay:
        return MaySay("dec_1")

    async def record(self, what: Recorded) -> None:
        if isinstance(what, TurnTimed):
            self.ours_ms.append(what.allowed_ms - what.over_ms + what.sent_ms - what.made_ms)
        elif isinstance(what, WordsHeard) and self.talks_on is not None:
            self.talks_on.more()

    async def ended(self, how: EndCall | StreamOver) -> None:
        return None
