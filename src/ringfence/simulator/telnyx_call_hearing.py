"""What a leg on Telnyx plays out and takes in: sounds one after another, keys for a gather, words for a
transcription or a recording, both sides of a bridge. Reports each as an event; knows no request."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from ringfence.simulator.call_session import cancelled
from ringfence.simulator.calls import Played
from ringfence.simulator.recording_files import public_url
from ringfence.simulator.telnyx_call_events import Leg, iso, say
from ringfence.simulator.twiml_play import Player
from ringfence.simulator.voice import Recording

if TYPE_CHECKING:
    from ringfence.simulator.exchange import Exchange

DIGITS_MAX: Final = 128
CONFIDENCE: Final = 0.92
_BREAK: Final = re.compile(r'<break\s+time="(\d+(?:\.\d+)?)(ms|s)"\s*/>')
_MARKUP: Final = re.compile(r"<[^<>]*>")


@dataclass(frozen=True, slots=True)
class Sound:
    """`kind` is the family of its events, speak or playback; empty for one that has none. `text` is
    what is said, or an address; `marked` when it is speech markup."""

    kind: str
    text: str
    marked: bool = False

    @property
    def pauses_s(self) -> float:
        found = _BREAK.findall(self.text) if self.marked else []
        return sum(float(n) / (1000 if unit == "ms" else 1) for n, unit in found)

    @property
    def words(self) -> str:
        return " ".join(_MARKUP.sub(" ", self.text).split()) if self.marked else self.text


@dataclass(slots=True, eq=False)
class Hearing:
    """One leg's mouth and ears. A tap of its session: told of every key and word."""

    exchange: Exchange
    leg: Leg
    queue: deque[Sound] = field(default_factory=deque)
    playing: asyncio.Task[None] | None = None
    gathering: asyncio.Task[None] | None = None
    recording: asyncio.Task[None] | None = None
    transcribes: bool = False
    other: Hearing | None = None  # whom it is bridged with
    _keys: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    _words: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    # -- the person ---------------------------------------------------------------------------

    def press(self, digit: str) -> None:
        self._say("call.dtmf.received", digit=digit)
        self._keys.put_nowait(digit)
        self._carry("digits", digit)

    def speak(self, words: str) -> None:
        self._words.put_nowait(words)
        self._carry("spoken", words)
        if self.transcribes:
            heard = {"transcript": words, "confidence": CONFIDENCE, "is_final": True}
            track = {"transcription_track": "inbound"}
            self._say("call.transcription", transcription_data=heard | track)

    def utter(self, sound: bytes) -> None:
        """Sound without words: only a media stream hears it."""

    def _carry(self, kind: str, what: str) -> None:
        """To whoever is at the other end of a bridge."""
        if self.other is not None:
            now, there = self.exchange.clock.now(), self.other.leg.call
            there.played.append(Played(kind, what, now, 0.0, now))
            self.exchange.voice.tell_phone(there)

    def _say(self, kind: str, **about: object) -> None:
        say(self.exchange, self.leg, kind, **about)

    # -- sounds -------------------------------------------------------------------------------

    async def add(self, sound: Sound, stop: str = "") -> None:
        """Play it after what is queued, or instead of it."""
        if stop:
            await self.stop_playing(everything=stop == "all")
        self.queue.append(sound)
        if self.playing is None or self.playing.done():
            self.playing = self.exchange.spawn(self._play_on())

    async def stop_playing(self, *, everything: bool = True) -> None:
        if everything:
            self.queue.clear()
        if self.playing is not None:
            await cancelled(self.playing)
            self.playing = None

    async def _play_on(self) -> None:
        while self.queue:
            sound = self.queue.popleft()
            about = {"media_url": sound.text} if sound.kind == "playback" else {}
            self._say(f"call.{sound.kind}.started", **about)
            try:
                status = await self.play(sound)
            except asyncio.CancelledError:
                self._stopped(sound, about)
                raise
            self._say(f"call.{sound.kind}.ended", status=status, **about)

    def _stopped(self, sound: Sound, about: Mapping[str, object]) -> None:
        """Words that others took the place of have no end in the vendor's types: nothing is told."""
        if self.leg.session.ending:
            self._say(f"call.{sound.kind}.ended", status="call_hangup", **about)
        elif sound.kind == "playback":
            self._say("call.playback.ended", status="cancelled", **about)

    async def play(self, sound: Sound) -> str:
        """Sound in the person's ear; how it ended."""
        player = Player(self.exchange.voice, self.leg.session)
        if sound.kind == "playback":
            if not await self.exchange.voice.reaches(sound.text):
                return "file_not_found"
            await player.sound("play", sound.text)
            return "completed"
        if sound.words:
            await player.sound("say", sound.words)
        await self.exchange.clock.sleep(sound.pauses_s)
        return "completed"

    # -- keys ---------------------------------------------------------------------------------

    def gather(self, asked: Mapping[str, Any], prompt: Sound | None) -> None:
        self.gathering = self.exchange.spawn(self._gather(asked, prompt))

    async def stop_gather(self) -> None:
        if self.gathering is not None:
            await cancelled(self.gathering)
            self.gathering = None

    async def _gather(self, asked: Mapping[str, Any], prompt: Sound | None) -> None:
        named = {"gather_id": asked["gather_id"]} if "gather_id" in asked else {}
        tries = asked.get("maximum_tries", 3) if prompt is not None else 1
        try:
            digits = ""
            while tries > 0 and not digits:
                tries -= 1
                digits = await self._digits(asked, prompt)
        except asyncio.CancelledError:
            status = "call_hangup" if self.leg.session.ending else "cancelled"
            self._say("call.gather.ended", digits="", status=status, **named)
            raise
        self.gathering = None
        enough = len(digits) >= asked.get("minimum_digits", 1)
        status = "valid" if enough else "invalid" if digits else "timeout"
        self._say("call.gather.ended", digits=digits, status=status, **named)

    async def _digits(self, asked: Mapping[str, Any], prompt: Sound | None) -> str:
        """Keys until there are enough, the one that ends them, or a silence."""
        _empty(self._keys)
        first_ms = asked.get("initial_timeout_millis") or asked.get("timeout_millis", 60_000)
        key = await self._first_key(prompt) if prompt is not None else None
        if key is None:
            key = await self._next(self._keys, first_ms / 1000)
        digits = ""
        while key is not None and key != asked.get("terminating_digit", "#"):
            digits += key
            if len(digits) >= asked.get("maximum_digits", DIGITS_MAX):
                break
            key = await self._next(self._keys, asked.get("inter_digit_timeout_millis", 5000) / 1000)
        return digits

    async def _first_key(self, prompt: Sound) -> str | None:
        """The prompt, which the first key cuts short."""
        sounding: asyncio.Future[Any] = asyncio.ensure_future(self.play(prompt))
        pressed: asyncio.Future[Any] = asyncio.ensure_future(self._keys.get())
        try:
            await asyncio.wait({sounding, pressed}, return_when=asyncio.FIRST_COMPLETED)
            return str(pressed.result()) if pressed.done() else None
        finally:
            await cancelled(sounding, pressed)

    async def _next(self, queue: asyncio.Queue[str], seconds: float) -> str | None:
        getting: asyncio.Future[Any] = asyncio.ensure_future(queue.get())
        waiting: asyncio.Future[Any] = asyncio.ensure_future(self.exchange.clock.sleep(seconds))
        try:
            await asyncio.wait({getting, waiting}, return_when=asyncio.FIRST_COMPLETED)
            return str(getting.result()) if getting.done() else None
        finally:
            await cancelled(getting, waiting)

    # -- recordings ---------------------------------------------------------------------------

    def record(self, asked: Mapping[str, Any]) -> None:
        self.recording = self.exchange.spawn(self._record(asked))

    async def stop_record(self) -> None:
        if self.recording is not None:
            await cancelled(self.recording)
            self.recording = None

    async def _record(self, asked: Mapping[str, Any]) -> None:
        """Until its greatest length, or a silence after somebody spoke; saved however it ends."""
        if asked.get("play_beep"):
            await Player(self.exchange.voice, self.leg.session).sound("beep", "beep")
        _empty(self._words)
        began, words = self.exchange.clock.now(), list[str]()
        try:
            await self._collect(asked, began, words)
        finally:
            self._saved(words, began)

    async def _collect(self, asked: Mapping[str, Any], began: datetime, words: list[str]) -> None:
        longest, silence = asked.get("max_length") or 14_400, asked.get("timeout_secs") or 0
        while True:
            left = longest - (self.exchange.clock.now() - began).total_seconds()
            patience = min(left, silence) if silence and words else left
            found = await self._next(self._words, patience) if left > 0 else None
            if found is None:
                return
            words.append(found)

    def _saved(self, words: list[str], began: datetime) -> None:
        exchange, call, ended = self.exchange, self.leg.call, self.exchange.clock.now()
        sid = exchange.carrier.sids.deal("RE")
        url = public_url(exchange.address, sid)
        lasted = max(1, round((ended - began).total_seconds()))
        exchange.voice.recordings.append(Recording(sid, call.sid, tuple(words), lasted, url))
        self._say(
            "call.recording.saved",
            channels="single",
            recording_started_at=iso(began),
            recording_ended_at=iso(ended),
            recording_urls={"wav": url},
            public_recording_urls={},
        )

    async def ends(self) -> None:
        """The leg is over."""
        self.queue.clear()
        self.other = None
        under_way = (self.playing, self.gathering, self.recording)
        await cancelled(*(task for task in under_way if task is not None))


def _empty(queue: asyncio.Queue[str]) -> None:
    while not queue.empty():
        queue.get_nowait()
