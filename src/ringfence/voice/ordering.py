"""Sound that may come out of order, put back into it by the provider's count: a piece that is ahead waits
for those before it, but only for a moment, and what comes too late or twice is dropped. Where order is
promised nothing of this is needed (facts voice 3.2)."""

from __future__ import annotations

from ringfence.model.media import SoundHeard

WAITING_MAX = 4
"""Pieces of 20 ms that wait for one that lacks; then it is taken for lost."""


class Ordering:
    """`lost` counts pieces that never came in time."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._waiting: dict[int, SoundHeard] = {}
        self.lost = 0

    def take(self, piece: SoundHeard) -> list[SoundHeard]:
        """The pieces whose turn it is, in order."""
        if self._next is None:
            self._next = piece.chunk
        if piece.chunk < self._next:
            return []
        self._waiting[piece.chunk] = piece
        if len(self._waiting) > WAITING_MAX:
            first = min(self._waiting)
            self.lost += first - self._next
            self._next = first
        ready = []
        while self._next in self._waiting:
            ready.append(self._waiting.pop(self._next))
            self._next += 1
        return ready
