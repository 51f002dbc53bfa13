"""What our own store tells of how senders are registered: error codes that texts ended with lately,
and how many segments left today against the tier an operator wrote down. Reads only, and a bounded
number of rows; holds no number and no text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ringfence.gateway.counting import segments_window
from ringfence.model.line import Line
from ringfence.model.message import Direction, Message, MessageStatus
from ringfence.ports import Shown, Tx, Window

LATELY = timedelta(days=7)
LOOKED_AT_MAX = 10_000
WARN_AT = 0.8
_PAGE = 500
_BAD_ENDS = frozenset({MessageStatus.FAILED, MessageStatus.UNDELIVERED})
_GOOD_ENDS = frozenset({MessageStatus.DELIVERED, MessageStatus.READ})


@dataclass(frozen=True, slots=True)
class Failed:
    """Texts of one line that ended with one error code. `over` when a text arrived since."""

    code: int
    count: int
    newest_at: datetime
    over: bool


@dataclass(frozen=True, slots=True)
class Tier:
    """The lines of one provider account with a tier, together: the cap is not a line's own. `share`
    is of the smallest tier among them, 1 when it is used up."""

    lines: tuple[str, ...]
    segments: int
    segments_max: int

    @property
    def share(self) -> float:
        return self.segments / self.segments_max


def failed_lately(tx: Tx, line: str, now: datetime) -> tuple[Failed, ...]:
    """By code, the newest first, of the last seven days or the newest LOOKED_AT_MAX texts."""
    counts: dict[int, int] = {}
    newest: dict[int, datetime] = {}
    arrived_at: datetime | None = None
    for message in _sent(tx, line, now - LATELY):
        if message.status in _GOOD_ENDS and arrived_at is None:
            arrived_at = message.created_at
        code = message.error_code
        if message.status in _BAD_ENDS and code is not None:
            counts[code] = counts.get(code, 0) + 1
            newest.setdefault(code, message.created_at)
    return tuple(
        Failed(code, counts[code], at, arrived_at is not None and arrived_at > at)
        for code, at in newest.items()
    )


def _sent(tx: Tx, line: str, since: datetime) -> Iterable[Message]:
    """Newest first."""
    wanted = Shown(lines=frozenset({line}), direction=Direction.OUT)
    before: int | None = None
    for _ in range(LOOKED_AT_MAX // _PAGE):
        page = tx.messages.page(wanted, before, _PAGE)
        for message in page.messages:
            if message.created_at < since:
                return
            yield message
        if page.before_seq is None:
            return
        before = page.before_seq


def tiers(tx: Tx, lines: Iterable[Line], now: datetime) -> tuple[Tier, ...]:
    """Each provider account's lines that have a tier, and what left through them since their local
    midnight: every segment counts, whoever carries its recipient."""
    by_account: dict[str, list[Line]] = {}
    for line in lines:
        if line.enabled and line.daily_segments is not None:
            by_account.setdefault(line.credentials.account_id, []).append(line)
    windows = {
        line.id: segments_window(line, now) for group in by_account.values() for line in group
    }
    counted: dict[Window, int] = dict(tx.counters.read(set(windows.values()))) if windows else {}
    return tuple(
        Tier(
            tuple(line.id for line in group),
            sum(counted.get(windows[line.id], 0) for line in group),
            min(line.daily_segments or 0 for line in group),
        )
        for group in by_account.values()
    )
