"""A conversation in each provider's own frames, against a line that plays in time: what the record says was
heard is what was played, whatever the provider does with marks when it is told to clear."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from live_call_rig import CALL_SID, SILENCE, LiveRig, Wire
from ringfence.gateway.live_call import Sentence
from ringfence.model.call import EndReason
from ringfence.ports.speech import Final, Partial
from ringfence.providers.media import SpeaksMedia
from ringfence.providers.plivo_media import MEDIA as PLIVO
from ringfence.providers.telnyx_media import MEDIA as TELNYX
from ringfence.providers.twilio_media import MEDIA as TWILIO
from ringfence.voice.effects import DisclosureHeard, EndCall, WordsBegun, WordsHeard
from ringfence.voice.settings import BargeIn, Script, SessionSettings

DISCLOSURE = "This is a computer."
STORY = "Once upon a time there was a gateway that said only what it was allowed to say. " * 2
Frame = dict[str, Any]


class Line(Wire):
    """The provider: plays what it was sent 20 ms at a time as `now` moves, and speaks its dialect.
    `returns_flushed`: marks that a clear threw away come back like those that were played."""

    def __init__(self, now: Callable[[], int]) -> None:
        super().__init__()
        self._now = now
        self._queue: deque[tuple[int, str]] = deque()  # played until, mark (empty: a sound)
        self._free_at = 0
        self.heard = b""
        self._sounding: list[tuple[int, bytes]] = []

    returns_flushed = True

    async def send(self, text: str) -> None:
        message = json.loads(text)
        self.sent.append(message)
        match message["event"]:
            case "media" | "playAudio":
                sound = base64.b64decode(message["media"]["payload"])
                begins = max(self._free_at, self._now())
                self._free_at = begins + len(sound) // 8
                self._sounding.append((begins, sound))
            case "mark":
                self._queue.append((max(self._free_at, self._now()), message["mark"]["name"]))
            case "checkpoint":
                self._queue.append((max(self._free_at, self._now()), message["name"]))
            case "clear" | "clearAudio":
                self._clear()

    def _clear(self) -> None:
        now = self._now()
        self._sounding = [(at, sound[: (now - at) * 8]) for at, sound in self._sounding if at < now]
        self._free_at = now
        flushed, self._queue = self._queue, deque()
        if self.returns_flushed:
            self.says(*(self.mark(name) for _, name in flushed))

    def moves(self) -> None:
        while self._queue and self._queue[0][0] <= self._now():
            self.says(self.mark(self._queue.popleft()[1]))
        self.says(self.sound())

    @property
    def heard_ms(self) -> int:
        now = self._now()
        return sum(min(len(sound) // 8, now - at) for at, sound in self._sounding if at <= now)

    def begin(self) -> Frame:
        raise AssertionError

    def mark(self, name: str) -> Frame:
        raise AssertionError

    def sound(self) -> Frame:
        raise AssertionError


FORM = {"encoding": "audio/x-mulaw", "sampleRate": 8000}
QUIET = base64.b64encode(SILENCE).decode()


class Twilio(Line):
    def begin(self) -> Frame:
        ids = {"streamSid": "MZ1", "accountSid": "AC1", "callSid": CALL_SID}
        start = {**ids, "tracks": ["inbound"], "mediaFormat": {**FORM, "channels": 1}}
        return {"event": "start", "sequenceNumber": "1", "streamSid": "MZ1", "start": start}

    def mark(self, name: str) -> Frame:
        return {"event": "mark", "streamSid": "MZ1", "mark": {"name": name}}

    def sound(self) -> Frame:
        n = str(self._now() // 20)
        media = {"track": "inbound", "chunk": n, "timestamp": n, "payload": QUIET}
        return {"event": "media", "streamSid": "MZ1", "media": media}


class Telnyx(Line):
    def begin(self) -> Frame:
        form = {"encoding": "PCMU", "sample_rate": 8000, "channels": 1}
        start = {"call_control_id": CALL_SID, "user_id": "u1", "media_format": form}
        return {"event": "start", "stream_id": "s1", "start": start}

    def mark(self, name: str) -> Frame:
        return {"event": "mark", "stream_id": "s1", "mark": {"name": name}}

    def sound(self) -> Frame:
        n = str(self._now() // 20)
        media = {"track": "inbound", "chunk": n, "timestamp": n, "payload": QUIET}
        return {"event": "media", "stream_id": "s1", "media": media}


class Plivo(Line):
    returns_flushed = False

    def begin(self) -> Frame:
        start = {"streamId": "s1", "callId": CALL_SID, "accountId": "MA1", "mediaFormat": FORM}
        return {"event": "start", "sequenceNumber": 0, "start": start}

    def mark(self, name: str) -> Frame:
        return {"event": "playedStream", "streamId": "s1", "name": name}

    def sound(self) -> Frame:
        n = self._now() // 20
        media = {"track": "inbound", "chunk": n, "timestamp": str(n), "payload": QUIET}
        return {"event": "media", "streamId": "s1", "media": media}

    def _clear(self) -> None:
        super()._clear()
        self.says({"event": "clearedAudio", "streamId": "s1"})


async def talking(kind: type[Line], dialect: SpeaksMedia) -> tuple[LiveRig, Line]:
    settings = SessionSettings(barge_in=BargeIn(hold_ms=0))
    rig = LiveRig(Script(DISCLOSURE), settings, dialect=dialect)
    line = kind(lambda: round(rig.seconds() * 1_000))
    rig.wire = line
    rig.conversation = rig.another()
    rig.task = asyncio.create_task(rig.conversation.run())
    line.says(line.begin())
    return await rig.settle(), line


async def passes(rig: LiveRig, line: Line, ms: int) -> None:
    for _ in range(ms // 20):
        rig.clock.advance(milliseconds=20)
        line.moves()
        await rig.settle()


@pytest.mark.parametrize(
    ("kind", "dialect"),
    [(Twilio, TWILIO), (Telnyx, TELNYX), (Plivo, PLIVO)],
    ids=["twilio", "telnyx", "plivo"],
)
@pytest.mark.proves("B145")
async def test_what_is_on_record_as_heard_is_what_was_played(
    kind: type[Line], dialect: SpeaksMedia
) -> None:
    rig, line = await talking(kind, dialect)
    await passes(rig, line, 600)
    assert rig.core.all(DisclosureHeard) == [DisclosureHeard()]
    rig.agent.answers.append([Sentence(STORY)])
    rig.ear.says(Final("Tell me.", turn_over=True))
    await passes(rig, line, 1_500)
    before = len(DISCLOSURE) * 20
    rig.ear.says(Partial("stop now please"))
    await rig.settle()
    played_ms = line.heard_ms - before
    # What the clear gave back comes now, and must not count.
    await passes(rig, line, 400)
    disclosed, told = rig.core.all(WordsHeard)
    assert disclosed.characters == len(DISCLOSURE)
    assert played_ms - 240 <= told.ms <= played_ms
    heard = STORY[: told.characters]
    assert len(heard) * 20 <= played_ms, "a character is 20 ms here"
    assert STORY[len(heard)].isspace(), "whole words"
    assert line.heard_ms - before == played_ms, "and it was silent from then on"
    rig.agent.answers.append([Sentence("Goodbye.", hang_up=True)])
    rig.ear.says(Final("Stop now please.", turn_over=True))
    await passes(rig, line, 600)
    assert await rig.over() == EndCall(EndReason.ENDED_BY_AGENT)
    assert [words.text for words in rig.core.all(WordsBegun)][-1] == "Goodbye."
