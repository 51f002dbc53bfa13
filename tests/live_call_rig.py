"""A live conversation under test: a provider's socket in memory speaking Twilio's dialect, an ear, a mouth
and an agent that do what the test says, the call core as a list, and a clock the test moves."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ringfence.clock import ManualClock
from ringfence.gateway.converse import Conversation
from ringfence.gateway.live_call import Live, MaySay, Recorded, Sentence
from ringfence.model.errors import SpeechError
from ringfence.model.line import Credentials, Line, Secret
from ringfence.model.phone import PhoneNumber
from ringfence.ports.speech import HeardWords, Spoken
from ringfence.providers.media import SpeaksMedia
from ringfence.providers.twilio_media import MEDIA as TWILIO
from ringfence.voice.effects import EndCall, StreamOver
from ringfence.voice.settings import Script, SessionSettings

SILENCE = b"\xff" * 160
LINE = Line(
    id="front",
    provider="twilio",
    credentials=Credentials("AC" + "1" * 32, (Secret("a-token-for-tests-only"),)),
    number=PhoneNumber("+15555550100"),
    service_id=None,
    public_url="https://gateway.example.com/webhooks/sms",
    webhook_path="/webhooks/sms",
    api_base_url="https://api.twilio.com",
)
CALL_SID = "CA" + "5" * 32
STREAM_SID = "MZ" + "7" * 32


class Wire:
    """The socket, and the provider at its other end: what was sent is in `sent`."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.is_stuck = False
        self._incoming: asyncio.Queue[str | None] = asyncio.Queue()
        self._stuck: asyncio.Event = asyncio.Event()

    async def send(self, text: str) -> None:
        if self.is_stuck:
            await self._stuck.wait()
        self.sent.append(json.loads(text))

    async def receive(self) -> str | None:
        return await self._incoming.get()

    def says(self, *messages: dict[str, Any] | str | None) -> None:
        for message in messages:
            text = json.dumps(message) if isinstance(message, dict) else message
            self._incoming.put_nowait(text)

    def starts(self, call_sid: str = CALL_SID) -> None:
        start = {
            "streamSid": STREAM_SID,
            "accountSid": "AC" + "1" * 32,
            "callSid": call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {},
        }
        self.says({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        self.says({"event": "start", "streamSid": STREAM_SID, "start": start})

    def sounds(self, frames: int = 1, sound: bytes = SILENCE, first: int = 1) -> None:
        payload = base64.b64encode(sound).decode()
        for n in range(first, first + frames):
            media = {"track": "inbound", "chunk": str(n), "timestamp": str(n * 20)}
            self.says({"event": "media", "media": {**media, "payload": payload}})

    def returns_marks(self) -> None:
        for name in self.marks:
            self.says({"event": "mark", "mark": {"name": name}})

    @property
    def kinds(self) -> list[str]:
        return [message["event"] for message in self.sent]

    @property
    def marks(self) -> list[str]:
        return [m["mark"]["name"] for m in self.sent if m["event"] == "mark"]

    @property
    def played(self) -> bytes:
        payloads = [m["media"]["payload"] for m in self.sent if m["event"] == "media"]
        return b"".join(base64.b64decode(payload) for payload in payloads)


class Ear:
    """`says` is what it hears next; fed sound is counted."""

    name = "test"

    def __init__(self) -> None:
        self.fed: list[bytes] = []
        self.finishes = self.closes = 0
        self.refuses = False
        self._words: asyncio.Queue[HeardWords | Exception] = asyncio.Queue()

    async def listen(self, language: str, hints: Sequence[str] = ()) -> Ear:
        if self.refuses:
            raise SpeechError("It refuses.")
        return self

    async def feed(self, sound: bytes) -> None:
        self.fed.append(sound)

    async def finish(self) -> None:
        self.finishes += 1

    async def words(self) -> AsyncIterator[HeardWords]:
        while True:
            found = await self._words.get()
            if isinstance(found, Exception):
                raise found
            yield found

    def says(self, *words: HeardWords | Exception) -> None:
        for each in words:
            self._words.put_nowait(each)

    async def check(self) -> str:
        return ""

    async def close(self) -> None:
        self.closes += 1


class Mouth:
    """Speaks 20 ms a character at once, unless it `is_stuck` or `fails`."""

    name = "test"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.stopped: list[str] = []
        self.is_stuck = self.fails = False

    async def speak(self, text: str, language: str) -> AsyncGenerator[Spoken, None]:
        self.asked.append(text)
        try:
            if self.fails:
                raise SpeechError("It has no voice.")
            if self.is_stuck:
                await asyncio.Event().wait()
            for n, letter in enumerate(text):
                yield Spoken(bytes([1 + n % 100]) * 160, letter, (n * 20,))
        finally:
            self.stopped.append(text)

    async def check(self) -> str:
        return ""

    async def close(self) -> None: ...


class Agent:
    """`answers` are given one after the other, an exception is raised; without one it thinks for ever."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, str, str]] = []
        self.answers: deque[Sequence[Sentence | Exception]] = deque()
        self.stopped: list[int] = []

    async def ask(self, turn: int, text: str, digits: str) -> AsyncGenerator[Sentence, None]:
        self.asked.append((turn, text, digits))
        try:
            if not self.answers:
                await asyncio.Event().wait()
            for sentence in self.answers.popleft():
                if isinstance(sentence, Exception):
                    raise sentence
                yield sentence
        finally:
            self.stopped.append(turn)


@dataclass
class Core:
    """The call core: allows every sentence but those in `refuses`."""

    judged: list[str] = field(default_factory=list)
    recorded: list[Recorded] = field(default_factory=list)
    ends: list[EndCall | StreamOver] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    breaks: Exception | None = None

    async def may_say(self, turn: int, text: str) -> MaySay:
        self.judged.append(text)
        if self.breaks is not None:
            raise self.breaks
        return MaySay(reason="topics") if text in self.refuses else MaySay(f"dec_{turn}")

    async def record(self, what: Recorded) -> None:
        self.recorded.append(what)

    async def ended(self, how: EndCall | StreamOver) -> None:
        self.ends.append(how)

    def all(self, kind: type) -> list[Any]:
        return [each for each in self.recorded if isinstance(each, kind)]


class LiveRig:
    def __init__(
        self,
        script: Script | None = None,
        settings: SessionSettings | None = None,
        *,
        dialect: SpeaksMedia = TWILIO,
        provider_id: str = CALL_SID,
        heard_max: int = 250,
    ) -> None:
        self.clock = ManualClock(datetime(2026, 3, 2, 12, 0, tzinfo=UTC))
        self.wire, self.ear, self.mouth = Wire(), Ear(), Mouth()
        self.agent, self.core = Agent(), Core()
        self.live = Live(
            "cal_1",
            provider_id,
            LINE,
            dialect,
            self.core,
            self.agent,
            self.ear,
            self.mouth,
            script or Script(),
            settings or SessionSettings(),
            url="wss://gateway.example.com/voice/stream",
            heard_max=heard_max,
        )
        self.started = 0
        self.conversation = self.another()
        self.task: asyncio.Task[EndCall | StreamOver] | None = None

    def another(self) -> Conversation:
        return Conversation(self.live, self.wire, self.clock, self.seconds, self._on_start)

    def seconds(self) -> float:
        return self.clock.now().timestamp()

    def _on_start(self) -> None:
        self.started += 1

    async def begin(self) -> LiveRig:
        self.task = asyncio.create_task(self.conversation.run())
        self.wire.starts()
        return await self.settle()

    async def settle(self) -> LiveRig:
        """Let everything happen that needs no time."""
        for _ in range(60):
            await asyncio.sleep(0)
        return self

    async def passes(self, ms: int, sound: bytes = SILENCE) -> LiveRig:
        """Time, with a frame every 20 ms and marks that come back as soon as they were sent."""
        told = len(self.wire.marks)
        for _ in range(ms // 20):
            self.clock.advance(milliseconds=20)
            self.wire.sounds(1, sound)
            await self.settle()
            marks = self.wire.marks
            for name in marks[told:]:
                self.wire.says({"event": "mark", "mark": {"name": name}})
            told = len(marks)
        return await self.settle()

    async def over(self) -> EndCall | StreamOver:
        assert self.task is not None
        async with asyncio.timeout(5):
            return await self.task
