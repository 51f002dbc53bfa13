"""Synthetic calls: Twilio Media Streams clients on loopback, a frame every 20 ms each, that play out what
they are sent, return marks and note the times. Raw sockets and one timer for all, so that as little as
possible of a core goes to asking; the mask of their websocket frames is zero, which costs nothing.

    python -m bench.calls_phones    (each line of its input is one round)"""

from __future__ import annotations

import asyncio
import struct
import sys
from binascii import a2b_base64, b2a_base64
from collections import deque
from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import cast

import orjson

from bench.children import say
from bench.events import quantile
from ringfence.cli.common import run

FRAME_S, FRAME_BYTES = 0.02, 160
CALL_SID = "CA" + "5" * 32
# A frame's number is told by its samples, which are alike: the quiet codes are below what any detector
# takes for speech (40 dB under full scale), the loud ones above.
QUIET, LOUD = range(0xE0, 0xFF), range(0x80, 0xC0)
TAGS = len(QUIET)
SECOND = 50  # frames

ECHO, INTERRUPT, TALK = "echo", "interrupt", "talk"
HOLD = 10  # loud frames until our session takes them for a voice over its own
_EVERY = {ECHO: (100, 50), INTERRUPT: (250, 15), TALK: (400, 60)}
"""By manner: of so many frames so many are loud."""


def _payload(code: int) -> str:
    return b2a_base64(bytes([code]) * FRAME_BYTES, newline=False).decode()


_QUIET = [_payload(code) for code in QUIET]
_LOUD = [_payload(LOUD[n]) for n in range(TAGS)]
_TAG = {code: n for codes in (QUIET, LOUD) for n, code in enumerate(codes[:TAGS])}


def _framed(text: str) -> bytes:
    """A masked text frame (RFC 6455 section 5.2) with a mask of zeros."""
    data = text.encode()
    size = len(data)
    head = bytes((0x81, 0x80 | size)) if size < 126 else struct.pack("!BBH", 0x81, 0xFE, size)
    return head + bytes(4) + data


class Phone(asyncio.Protocol):
    """One call. Times are seconds of `perf_counter`; `delays` from a frame leaving to its echo being
    there, `gaps` silences in the middle of sound, one for each frame, `clears` from the frame that made
    an interruption sure to the clear."""

    def __init__(self, path: str, manner: str, offset: int) -> None:
        self._path, self._manner = path, manner
        self._n, self._offset = 0, offset
        self._data = bytearray()
        self._is_open = False
        self._sent_at: dict[int, float] = {}
        self._next_echo = 0
        self._end = 0.0
        self._is_playing = self._was_mark = False
        self._marks: deque[tuple[float, str]] = deque()
        self._sure_at: float | None = None
        self.delays: list[float] = []
        self.gaps: list[float] = []
        self.clears: list[float] = []
        self.frames = self.echoed = self.lost = self.tries = self.answers = 0
        self.is_over = False
        self._transport: asyncio.Transport | None = None

    # -- the socket --------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports fulfil the class without inheriting from it.
        self._transport = cast(asyncio.Transport, transport)
        asked = (
            f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        self._transport.write(asked.encode())

    def connection_lost(self, error: Exception | None) -> None:
        self.is_over = True

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._is_open:
            self._opened()
        if self._is_open:
            for text in self._messages():
                self._told(orjson.loads(text), perf_counter())

    def _opened(self) -> None:
        head, found, rest = bytes(self._data).partition(b"\r\n\r\n")
        if not found:
            return
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise ConnectionError(f"no socket: {head[:80]!r}")
        self._is_open, self._data = True, bytearray(rest)
        start = {
            "streamSid": "MZ" + "7" * 32,
            "accountSid": "AC" + "1" * 32,
            "callSid": CALL_SID,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {},
        }
        self._say({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        self._say({"event": "start", "streamSid": start["streamSid"], "start": start})

    def _messages(self) -> Iterator[bytes]:
        """Whole messages; a server's frames are not masked, and these are never in pieces."""
        data, at = self._data, 0
        while len(data) - at >= 2:
            size, begins = data[at + 1], at + 2
            if size == 126:
                begins = at + 4
                size = int.from_bytes(data[at + 2 : begins]) if len(data) >= begins else 1 << 20
            elif size == 127:
                begins = at + 10
                size = int.from_bytes(data[at + 2 : begins]) if len(data) >= begins else 1 << 20
            if len(data) < begins + size:
                break
            if data[at] & 0x0F == 1:
                yield bytes(data[begins : begins + size])
            at = begins + size
        del data[:at]

    def _say(self, message: dict[str, object]) -> None:
        assert self._transport is not None
        self._transport.write(_framed(orjson.dumps(message).decode()))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # -- what we say -------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """The next frame, and the marks whose sound is played."""
        if not self._is_open or self.is_over:
            return
        n = self._n
        every, loud = _EVERY[self._manner]
        place = (n + self._offset) % every
        payload = (_LOUD if place < loud else _QUIET)[n % TAGS]
        assert self._transport is not None
        self._transport.write(
            _framed(
                f'{{"event":"media","sequenceNumber":"{n + 3}","streamSid":"MZ{"7" * 32}","media":'
                f'{{"track":"inbound","chunk":"{n + 1}","timestamp":"{n * 20}","payload":"{payload}"}}}}'
            )
        )
        self._n += 1
        self.frames += 1
        self._sent_at[n] = now
        if self._manner == INTERRUPT and place == HOLD - 1 and n > SECOND and self._is_playing:
            self._sure_at = now
            self.tries += 1
        while self._marks and self._marks[0][0] <= now:
            self._returned(self._marks.popleft()[1])

    def _returned(self, name: str) -> None:
        mark = {"name": name}
        self._say({"event": "mark", "streamSid": "MZ" + "7" * 32, "mark": mark})

    # -- what we hear ------------------------------------------------------------------------------

    def _told(self, message: dict[str, object], now: float) -> None:
        kind = message["event"]
        if kind == "media":
            media = cast(dict[str, str], message["media"])
            self._hear(a2b_base64(media["payload"]), now)
        elif kind == "mark":
            if self._was_mark:
                # Two with nothing between them: other words begin, when it suits them.
                self._is_playing = False
            mark = cast(dict[str, str], message["mark"])
            self._marks.append((max(self._end, now), mark["name"]))
        elif kind == "clear":
            self._cleared(now)
        self._was_mark = kind == "mark"

    def _hear(self, sound: bytes, now: float) -> None:
        if self._is_playing:
            self.gaps.append(max(0.0, now - self._end))
        elif self._manner == TALK:
            self.answers += 1
        self._is_playing = True
        self._end = max(self._end, now) + len(sound) / 8_000
        if self._manner != ECHO:
            return
        for place, at in enumerate(range(FRAME_BYTES // 2, len(sound), FRAME_BYTES)):
            self._echo(sound[at], now + place * FRAME_S)

    def _echo(self, code: int, at: float) -> None:
        """Frames come back in order, if they do: the next one with this tag is meant."""
        tag = _TAG.get(code)
        if tag is None:
            return
        skipped = (tag - self._next_echo) % TAGS
        n = self._next_echo + skipped
        sent_at = self._sent_at.pop(n, None)
        if sent_at is None:
            return
        self.lost += skipped
        self._next_echo = n + 1
        self.echoed += 1
        self.delays.append(at - sent_at)

    def _cleared(self, now: float) -> None:
        if self._sure_at is not None:
            self.clears.append(now - self._sure_at)
            self._sure_at = None
        self._end, self._is_playing = now, False
        for _, name in self._marks:
            self._returned(name)
        self._marks.clear()

    def forget(self) -> None:
        """What was so far does not count."""
        for noted in (self.delays, self.gaps, self.clears):
            noted.clear()
        self.frames = self.echoed = self.lost = self.tries = self.answers = 0
        self._sure_at = None


class Beat:
    """Ticks every phone each 20 ms, the phones spread over them. `late_s` is how late the latest was:
    what the load tool itself adds."""

    def __init__(self, phones: Sequence[Phone]) -> None:
        self._phones = phones
        self.late_s: list[float] = []

    async def run(self, seconds: float) -> None:
        started, count = perf_counter(), len(self._phones)
        for beat in range(int(seconds / FRAME_S)):
            for at, phone in enumerate(self._phones):
                due = started + (beat + at / count) * FRAME_S
                now = perf_counter()
                if due > now:
                    await asyncio.sleep(due - now)
                    now = perf_counter()
                self.late_s.append(now - due)
                phone.tick(now)


async def talk(port: int, paths: Sequence[str], manner: str, warm_s: float, seconds: float) -> None:
    """One round; its first seconds do not count. Says `begun`, `ended`, and the figures."""
    loop = asyncio.get_running_loop()
    every = _EVERY[manner][0]
    phones = [
        Phone(path, manner, at * every // len(paths) + every // 2) for at, path in enumerate(paths)
    ]
    for phone in phones:
        await loop.create_connection(lambda one=phone: one, "127.0.0.1", port)  # type: ignore[misc]
        # As calls come: not all in one moment.
        await asyncio.sleep(0.01)
    await Beat(phones).run(warm_s)
    for phone in phones:
        phone.forget()
    say(begun=True)
    beat = Beat(phones)
    await beat.run(seconds)
    say(ended=True)
    say(**_figures(phones, beat.late_s))
    for phone in phones:
        phone.close()


def _figures(phones: Sequence[Phone], late_s: Sequence[float]) -> dict[str, object]:
    delays = sorted(delay for phone in phones for delay in phone.delays)
    gaps = sorted(gap for phone in phones for gap in phone.gaps)
    clears = sorted(clear for phone in phones for clear in phone.clears)
    return {
        "calls": sum(not phone.is_over for phone in phones),
        "frames": sum(phone.frames for phone in phones),
        "echoed": sum(phone.echoed for phone in phones),
        "lost": sum(phone.lost for phone in phones),
        "heard": len(gaps),
        "answers": sum(phone.answers for phone in phones),
        "tries": sum(phone.tries for phone in phones),
        "clears": len(clears),
        "delay": [quantile(delays, 0.5), quantile(delays, 0.99)] if delays else [],
        "gap": quantile(gaps, 0.99) if gaps else 0.0,
        "clear": [quantile(clears, 0.5), quantile(clears, 0.99)] if clears else [],
        "late": quantile(sorted(late_s), 0.99),
    }


async def serve() -> None:
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = orjson.loads(line)
        await talk(**asked)


if __name__ == "__main__":
    run(serve())
