"""What leaves for a media socket, in order, by one task: the session never waits for a slow reader. A
clear overtakes the sound that waits here, since that sound is not wanted any more."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final

from ringfence.gateway.live_call import MediaSocket

BUFFER_CHARACTERS_MAX: Final = 1_048_576
"""A provider that is so far behind reads no more (facts openclaw 2: "send buffer")."""


@dataclass(frozen=True, slots=True)
class _Frame:
    text: str
    is_play: bool


class Outgoing:
    """`put` and `clear` never wait; `run` sends until `close`d, and returns early when the socket is
    gone or too far behind (`is_overrun`)."""

    def __init__(self, socket: MediaSocket) -> None:
        self._socket = socket
        self._frames: deque[_Frame] = deque()
        self._characters = 0
        self._more = asyncio.Event()
        self._is_closed = False
        self.is_overrun = False

    def put(self, text: str, *, is_play: bool = True) -> None:
        """`is_play`: a sound, or a mark in it."""
        self._frames.append(_Frame(text, is_play))
        self._characters += len(text)
        self.is_overrun = self._characters > BUFFER_CHARACTERS_MAX
        self._more.set()

    def clear(self, text: str) -> None:
        """Send this instead of the sound and the marks that wait."""
        self._frames = deque(frame for frame in self._frames if not frame.is_play)
        self._characters = sum(len(frame.text) for frame in self._frames)
        self.put(text, is_play=False)

    def close(self) -> None:
        """What is there is still sent."""
        self._is_closed = True
        self._more.set()

    async def run(self) -> None:
        """Raises ConnectionError."""
        while not self.is_overrun:
            if not self._frames:
                if self._is_closed:
                    return
                self._more.clear()
                await self._more.wait()
                continue
            frame = self._frames.popleft()
            self._characters -= len(frame.text)
            await self._socket.send(frame.text)
