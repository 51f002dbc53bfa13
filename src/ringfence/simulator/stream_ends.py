"""The two ends a media stream carries between: the person, who says sound and presses keys, and the
messages that an application has not read yet. Knows no dialect and no clock."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Iterator
from typing import Final

from ringfence.simulator.stream_playout import FRAME_BYTES, SILENCE
from ringfence.simulator.stream_skin import Message
from ringfence.simulator.stream_sockets import Gone, Socket

OUTBOX_MAX: Final = 250  # messages an application has not read: five seconds
SPEECH_MAX_BYTES: Final = 8_000 * 120  # what a person has begun to say


class Person:
    """What somebody says and presses, a piece at a time."""

    def __init__(self) -> None:
        self._speech = bytearray()
        self._keys: deque[str] = deque()

    def press(self, digit: str) -> None:
        self._keys.append(digit)

    def utter(self, sound: bytes) -> None:
        """Say µ-law sound, after what is being said; what is too much is not said."""
        self._speech += sound[: SPEECH_MAX_BYTES - len(self._speech)]

    def pressed(self) -> Iterator[str]:
        """The keys since the last time."""
        while self._keys:
            yield self._keys.popleft()

    def says(self) -> bytes:
        """The next piece; silence when nothing is said, since a line is never silent on the wire."""
        piece = bytes(self._speech[:FRAME_BYTES])
        del self._speech[:FRAME_BYTES]
        return piece.ljust(FRAME_BYTES, bytes([SILENCE]))


class Outbox:
    """Messages towards the application. Sound beyond OUTBOX_MAX is lost, everything else waits."""

    def __init__(self) -> None:
        self.lost = 0
        self._waiting: deque[str | None] = deque()  # None: nothing follows
        self._filled = asyncio.Event()

    def put(self, message: Message, *, may_be_lost: bool = False) -> bool:
        """False when it was lost."""
        if may_be_lost and len(self._waiting) >= OUTBOX_MAX:
            self.lost += 1
            return False
        self._waiting.append(json.dumps(message, separators=(",", ":")))
        self._filled.set()
        return True

    def finish(self) -> None:
        """Nothing more comes."""
        self._waiting.append(None)
        self._filled.set()

    async def drain(self, socket: Socket) -> None:
        """Send everything as it comes; returns when the socket breaks, or at the end."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._waiting:
                text = self._waiting.popleft()
                if text is None:
                    return
                try:
                    await socket.send(text)
                except Gone:
                    return
