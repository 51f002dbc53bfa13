"""Fixed 60 s windows in memory: the webhook's own limits (behaviours A). They protect one process
from a flood; what limits outbound volume lives in the store instead, where restarts cannot reset
it. Bounded: at most so many keys are tracked, the oldest forgotten first."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime

WINDOW_S = 60


class Rate:
    """`allow(key, now)` counts one and tells whether the key is still within its limit."""

    def __init__(self, limit: int, tracked_keys_max: int = 5_000) -> None:
        self.limit = limit
        self._keys_max = tracked_keys_max
        self._window = -1
        self._counts: OrderedDict[str, int] = OrderedDict()

    def allow(self, key: str, now: datetime) -> bool:
        self._roll(now)
        count = self._counts.get(key, 0) + 1
        self._counts[key] = count
        if len(self._counts) > self._keys_max:
            self._counts.popitem(last=False)
        return count <= self.limit

    def spent(self, key: str, now: datetime) -> bool:
        """True when the key has used its limit up; counts nothing."""
        self._roll(now)
        return self._counts.get(key, 0) >= self.limit

    def _roll(self, now: datetime) -> None:
        window = int(now.timestamp()) // WINDOW_S
        if window != self._window:
            self._window = window
            self._counts.clear()
