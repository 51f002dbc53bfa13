"""What the application sent and what became of it: a queue of sound and marks, drained a frame every
20 ms, and the ear that keeps what was really played out, with its times. Time is an argument; nothing here
knows a dialect or a socket."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeAlias

FRAME_MS: Final = 20
FRAME_BYTES: Final = 160  # µ-law at 8 kHz
SILENCE: Final = 0xFF
EAR_MAX_BYTES: Final = 8_000 * 600  # ten minutes are kept of each ear, the latest ones
QUEUE_MAX_BYTES: Final = 8_000 * 600

_BYTE: Final = timedelta(microseconds=125)

Entry: TypeAlias = memoryview | str  # sound, or the name of a mark


@dataclass(slots=True)
class Run:
    """Sound that was played without a gap."""

    started_at: datetime
    sound: bytearray = field(repr=False)

    @property
    def ended_at(self) -> datetime:
        return self.started_at + len(self.sound) * _BYTE


class Ear:
    """What a person heard. `heard_bytes` counts all of it, also what is no longer kept."""

    def __init__(self) -> None:
        self.runs: deque[Run] = deque()
        self.heard_bytes = 0
        self._kept = 0

    def hear(self, sound: bytes, at: datetime) -> None:
        self.heard_bytes += len(sound)
        self._kept += len(sound)
        if self.runs and self.runs[-1].ended_at == at:
            self.runs[-1].sound += sound
        else:
            self.runs.append(Run(at, bytearray(sound)))
        while self._kept > EAR_MAX_BYTES and len(self.runs) > 1:
            self._kept -= len(self.runs.popleft().sound)

    @property
    def heard_ms(self) -> int:
        return self.heard_bytes * FRAME_MS // FRAME_BYTES

    @property
    def sound(self) -> bytes:
        """All that is kept, without the gaps."""
        return b"".join(bytes(run.sound) for run in self.runs)

    def as_heard(self) -> bytes:
        """All that is kept, with silence in the gaps: what a recognizer is to be given."""
        whole = bytearray()
        for run in self.runs:
            whole += bytes([SILENCE]) * self._gap(run, len(whole))
            whole += run.sound
        return bytes(whole)

    def _gap(self, run: Run, so_far: int) -> int:
        return max(0, (run.started_at - self.runs[0].started_at) // _BYTE - so_far)


class Playout:
    """The queue towards the person. Marks are entries in it."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._inside: list[str] = []  # marks within the frame that sounds
        self._sounding = False
        self.waiting_bytes = 0

    def put(self, sound: bytes) -> bool:
        """Queue sound; False when the queue is full, and the sound is lost."""
        if self.waiting_bytes + len(sound) > QUEUE_MAX_BYTES:
            return False
        if sound:
            self._entries.append(memoryview(sound))
            self.waiting_bytes += len(sound)
        return True

    def mark(self, name: str) -> bool:
        """Queue a mark; True when nothing is before it, and it comes back at once."""
        if not self._entries and not self._sounding:
            return True
        self._entries.append(name)
        return False

    def clear(self) -> Sequence[str]:
        """Drop all sound that waits; the marks that were queued, in their order."""
        marks = [*self._inside, *(entry for entry in self._entries if isinstance(entry, str))]
        self._inside.clear()
        self._entries.clear()
        self.waiting_bytes = 0
        return marks

    def tick(self) -> tuple[Sequence[str], bytes]:
        """One step of the grid: the marks whose sound has ended by now, and the sound that begins now,
        less than a frame when the queue runs out."""
        ended, self._inside = self._inside, []
        frame = bytearray()
        while self._entries and len(frame) < FRAME_BYTES:
            entry = self._entries.popleft()
            if isinstance(entry, str):
                (self._inside if frame else ended).append(entry)
                continue
            room = FRAME_BYTES - len(frame)
            frame += entry[:room]
            if len(entry) > room:
                self._entries.appendleft(entry[room:])
        self.waiting_bytes -= len(frame)
        self._sounding = bool(frame)
        return ended, bytes(frame)
