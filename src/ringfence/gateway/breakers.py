"""The circuit breakers of one process, by line. Each process has its own: what one learns of a line the
others learn by themselves. Only a breaker that is not closed is kept."""

from __future__ import annotations

from datetime import datetime

from ringfence.delivery.breaker import (
    BREAKER,
    CLOSED,
    Breaker,
    BreakerSettings,
    BreakerState,
    Sign,
    Turn,
    heard,
    probing,
)


class Breakers:
    """Asked by the claims, told by the dispatcher, shown by health and metrics."""

    def __init__(self) -> None:
        self._of: dict[str, Breaker] = {}

    def of(self, line: str) -> Breaker:
        return self._of.get(line, CLOSED)

    def rooms(self, now: datetime) -> dict[str, int]:
        """Lines of which not everything may be claimed, and how many items may."""
        rooms = {line: breaker.room(now) for line, breaker in self._of.items()}
        return {line: room for line, room in rooms.items() if room is not None}

    def probing(self, line: str, now: datetime, until: datetime) -> None:
        """An item of this line was claimed; while it is half-open that is its probe."""
        if line in self._of:
            self._of[line] = probing(self._of[line], now, until)

    def heard(
        self,
        line: str,
        sign: Sign,
        now: datetime,
        jitter: float,
        settings: BreakerSettings = BREAKER,
    ) -> Turn | None:
        """What a call said of its line, and what that changed."""
        before = self.of(line)
        after, turn = heard(before, sign, now, jitter, settings)
        if after == CLOSED:
            self._of.pop(line, None)
        elif after is not before:
            self._of[line] = after
        return turn

    def works(self, line: str, now: datetime) -> bool:
        return self.of(line).state(now) is BreakerState.CLOSED

    def states(self, now: datetime) -> dict[str, BreakerState]:
        """Of the lines that are not closed."""
        found = {line: breaker.state(now) for line, breaker in self._of.items()}
        return {line: state for line, state in found.items() if state is not BreakerState.CLOSED}
