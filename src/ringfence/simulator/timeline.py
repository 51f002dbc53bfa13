"""The life of an outbound message after it was taken: which status follows, after how long.

A timeline is data. The initial status (queued, accepted, scheduled) is not in it: the sender learns
that from the 201 answer and no callback reports it (messaging-providers.md 2.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol


class Clock(Protocol):
    """Time for the simulator: `ringfence.clock` has a real and a manual one."""

    def now(self) -> datetime: ...

    async def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Step:
    """`after_s` seconds after the step before, the message becomes `status`."""

    after_s: float
    status: str
    error_code: int | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """Steps in order. With `stalls`, the message waits in the carrier's queue until its validity
    period is over and then fails with 30036."""

    name: str
    steps: tuple[Step, ...]
    stalls: bool = False

    def paced(self, factor: float) -> Timeline:
        """The same steps with every wait multiplied."""
        steps = tuple(Step(s.after_s * factor, s.status, s.error_code) for s in self.steps)
        return Timeline(self.name, steps, self.stalls)


SENT_AFTER_S: Final = 0.05
DELIVERED_AFTER_S: Final = 0.15
_SENT: Final = Step(SENT_AFTER_S, "sent")

DELIVERED: Final = Timeline("delivered", (_SENT, Step(DELIVERED_AFTER_S, "delivered")))
# Many carriers give no receipt, so `sent` may be the last word.
SENT_ONLY: Final = Timeline("sent_only", (_SENT,))
READ: Final = Timeline("read", (*DELIVERED.steps, Step(0.5, "read")))
STALLED: Final = Timeline("stalled", (), stalls=True)
SILENT: Final = Timeline("silent", ())


def undelivered(error_code: int = 30003) -> Timeline:
    """Handed to the network, then reported as not delivered."""
    return Timeline(
        f"undelivered:{error_code}", (_SENT, Step(DELIVERED_AFTER_S, "undelivered", error_code))
    )


def failed(error_code: int = 30008) -> Timeline:
    """Never left the carrier."""
    return Timeline(f"failed:{error_code}", (Step(SENT_AFTER_S, "failed", error_code),))


NAMED: Final = {t.name: t for t in (DELIVERED, SENT_ONLY, READ, STALLED, SILENT)}


def by_name(name: str) -> Timeline:
    """`delivered`, `sent_only`, `read`, `stalled`, `silent`, `undelivered[:code]`, `failed[:code]`.

    Raises KeyError for any other name, ValueError for a code that is no number."""
    kind, _, code = name.partition(":")
    if kind == "undelivered":
        return undelivered(int(code)) if code else undelivered()
    if kind == "failed":
        return failed(int(code)) if code else failed()
    return NAMED[name]
