"""Volume counters of one batch of acts: read once, raised as items are allowed, written once, in the
claiming transaction, so that no ceiling is passed by two who look at the same time. Of calls the
minutes are counted when they end; those under way are asked for, and count with all they may use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, time
from functools import lru_cache
from typing import TYPE_CHECKING, assert_never
from zoneinfo import ZoneInfo

from ringfence.gateway.live_calls import LiveCalls
from ringfence.model.call import Call
from ringfence.model.draft import Category
from ringfence.model.line import Line
from ringfence.model.message import MessageClass
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.policy.call_time import begun_minutes
from ringfence.policy.facts import VolumeCounts
from ringfence.ports import Tx, Window

if TYPE_CHECKING:
    from ringfence.gateway.facts import Question

MINUTE, FIVE_MINUTES, HOUR = 60, 300, 3_600
# A day as a window's length: the longest one has 26 hours (Antarctica/Troll), and a count must outlive it.
DAY = 26 * HOUR
_NOT_COUNTED = frozenset({Act.RECEIVE, Act.SPEAK})
_CALLS = frozenset({Act.CALL, Act.ANSWER})


class Counts:
    """What is counted for each question of a batch."""

    def __init__(
        self,
        tx: Tx,
        questions: Iterable[Question],
        now: datetime,
        zones: frozenset[str] = frozenset(),
    ) -> None:
        """`zones` are those of all lines."""
        self._tx, self._now, self._zones = tx, now, zones
        # Each question is asked about three times; kept with it, so that its identity stays its own.
        self._windows = {id(one): (one, windows_of(one, now)) for one in questions}
        windows = {window for _, theirs in self._windows.values() for window in theirs}
        windows |= {asked_window(one, now) for one, _ in self._windows.values() if _asks(one)}
        self._known = dict(tx.counters.read(windows)) if windows else {}
        self._raised: dict[Window, int] = {}
        calls = any(one.act in _CALLS for one, _ in self._windows.values())
        self._live = LiveCalls.of(tx.calls.live_ones()) if calls else LiveCalls()

    def of(self, question: Question, waiting: int) -> VolumeCounts:
        if question.act in _NOT_COUNTED:
            return VolumeCounts()
        counted = [self._known.get(window, 0) for window in self._windows_of(question)]
        minute, hour, day, line_minute, line_day, same, agent, new, segments, marketing = counted[
            :_OF_TEXTS
        ]
        asked = self._known.get(asked_window(question, self._now), 0) if _asks(question) else 0
        counts = VolumeCounts(
            minute,
            hour,
            day,
            line_minute,
            line_day,
            same,
            waiting,
            agent,
            new,
            segments,
            marketing,
            asked_hour=asked,
            call_minutes_day=counted[_OF_TEXTS],
        )
        if question.act not in _CALLS:
            return counts
        return self._live.onto(counts, question, *counted[_OF_TEXTS + 1 :])

    def raise_asked(self, question: Question) -> None:
        """An agent proposed it, whatever becomes of it."""
        if _asks(question):
            self._raise(asked_window(question, self._now), 1)

    def raise_for(self, question: Question, *, new_recipient: bool = False) -> None:
        """It is going to be sent, or rung; or a call that came in is going to be taken."""
        if question.act in _CALLS:
            self._live.begin(question.line.id, question.number, 1)
        steps = _steps(question, new_recipient)
        for window, by in zip(self._windows_of(question), steps, strict=True):
            if by:
                self._raise(window, by)
        for window, by in _elsewhere(question, self._now, self._zones, steps):
            self._raise(window, by)

    def promise(self, question: Question, minutes: int) -> None:
        """So many minutes are given to this call, and not there for the others of the batch."""
        self._live.promise(question.line.id, question.number, minutes)

    def _windows_of(self, question: Question) -> tuple[Window, ...]:
        known = self._windows.get(id(question))
        return windows_of(question, self._now) if known is None else known[1]

    def _raise(self, window: Window, by: int) -> None:
        self._known[window] = self._known.get(window, 0) + by
        self._raised[window] = self._raised.get(window, 0) + by

    def write(self) -> None:
        if self._raised:
            self._tx.counters.add(self._raised)


def count_call(tx: Tx, call: Call, zones: frozenset[str], now: datetime) -> None:
    """A call is over: its minutes count in the line's day and the person's, in the days of all lines'
    `zones` that hold `now`. To be called once, in the transaction that stores its end."""
    minutes = sum(begun_minutes(leg.lasted.total_seconds()) for leg in (call.person, *call.joined))
    if not minutes:
        return
    names = (_minutes_of(call.line), _minutes_with(call.person.number))
    starts = sorted({day_start(now, zone) for zone in zones})
    tx.counters.add({Window(name, DAY, start): minutes for name in names for start in starts})


def give_back(
    tx: Tx, claims: Iterable[tuple[Question, datetime]], zones: frozenset[str] = frozenset()
) -> None:
    """What was claimed then and provably not accepted takes no place in its windows. The loop
    guard's stays taken: it counts texts, and this one is still to come."""
    for question, claimed_at in claims:
        windows = windows_of(question, claimed_at)
        steps = _steps(question, new_recipient=False)
        taken = {
            window: -by
            for at, (window, by) in enumerate(zip(windows, steps, strict=True))
            if by and at != _SAME
        }
        elsewhere = _elsewhere(question, claimed_at, zones, steps)
        tx.counters.add(taken | {window: -by for window, by in elsewhere})


def window(name: str, window_s: int, now: datetime) -> Window:
    """The stretch of `window_s` seconds that holds `now`; it starts at a multiple since the epoch."""
    seconds = int(now.timestamp())
    return Window(name, window_s, seconds - seconds % window_s)


def windows_of(question: Question, now: datetime) -> tuple[Window, ...]:
    """The windows of one act; `_steps` has the same order. Nothing said within a call is counted: the
    call was."""
    if question.act in _NOT_COUNTED:
        return ()
    # What strangers cause an owner to get must not use up what the owner may get.
    notice = question.message_class is MessageClass.OWNER_NOTICE
    number, line = question.number.e164, question.line
    recipient = f"{'noticed' if notice else 'to'}:{number}"
    day = day_start(now, line.zone)
    return (
        window(recipient, MINUTE, now),
        window(recipient, HOUR, now),
        Window(recipient, DAY, day),
        window(f"line:{line.id}", MINUTE, now),
        Window(f"line:{line.id}", DAY, day),
        window(f"same:{number}:{question.text_digest[:16]}", FIVE_MINUTES, now),
        Window(f"by:{question.initiator}", DAY, day),
        Window(f"new:{line.id}", DAY, day),
        segments_window(line, now),
        Window(f"marketing:{number}", DAY, day),
        Window(_minutes_of(line.id), DAY, day),
        *(_call_windows(question, now) if question.act in _CALLS else ()),
    )


def _call_windows(question: Question, now: datetime) -> tuple[Window, ...]:
    number, line = question.number.e164, question.line
    day = day_start(now, line.zone)
    return (
        Window(f"calls:{line.id}", DAY, day),
        window(f"rung:{number}", HOUR, now),
        Window(f"rung:{number}", DAY, day),
        Window(_minutes_with(question.number), DAY, day),
    )


def _minutes_of(line: str) -> str:
    return f"minutes:{line}"


def _minutes_with(number: PhoneNumber) -> str:
    return f"minutes-with:{number.e164}"


def segments_window(line: Line, now: datetime) -> Window:
    """What a line sends in its day, in segments."""
    return Window(f"segments:{line.id}", DAY, day_start(now, line.zone))


def asked_window(question: Question, now: datetime) -> Window:
    return window(f"asked:{question.initiator}", HOUR, now)


def _asks(question: Question) -> bool:
    """An agent of its own accord. At the claim, and where a person says yes to it or rewrites it, it
    was counted long ago, and a flood must not keep people from deciding."""
    by_agent = question.initiator.startswith("agent:")
    return by_agent and question.act in (Act.INITIATE, Act.CALL) and question.granting


def _elsewhere(
    question: Question, now: datetime, zones: frozenset[str], steps: tuple[int, ...]
) -> Iterator[tuple[Window, int]]:
    """People and agents are shared by lines, whose days may begin at other times: what counts for one
    of them counts in the days of all."""
    if len(zones) < 2:
        return
    windows = windows_of(question, now)
    starts = {day_start(now, zone) for zone in zones} - {day_start(now, question.line.zone)}
    for at in _SHARED:
        if at < len(steps) and steps[at]:
            for start in starts:
                yield Window(windows[at].name, DAY, start), steps[at]


_SAME, _QUARTER = 5, 900
# How many windows are those of texts; the minutes of the line's calls and those of calls follow.
_OF_TEXTS = 10
# The days of a recipient, of whoever started it, of marketing to one person, and of calls to them.
_SHARED = (2, 6, 9, 13)


def _steps(question: Question, new_recipient: bool) -> tuple[int, ...]:
    traits = question.traits
    marketing = traits.category is Category.MARKETING
    # Whoever wrote first was not sought out by us.
    sought = new_recipient and traits.heard_at is None
    match question.act:
        case Act.CALL:
            # No text: it takes no place among the line's messages, nor among the person's.
            return (0, 0, 0, 0, 0, 1, 1, int(sought), 0, int(marketing), 0, 1, 1, 1, 0)
        case Act.ANSWER:
            return (0,) * (_OF_TEXTS + 5)
        case Act.RECEIVE | Act.SPEAK:
            return ()
        case Act.REPLY | Act.INITIATE:
            return (1, 1, 1, 1, 1, 1, 1, int(sought), traits.segments, int(marketing), 0)
        case _:
            assert_never(question.act)


def day_start(now: datetime, zone: str) -> int:
    """When the day that holds `now` began in a zone, in seconds since the epoch."""
    return _day_start(int(now.timestamp()) // _QUARTER, zone)


@lru_cache(maxsize=256)
def _day_start(quarters: int, zone: str) -> int:
    """When the local day began that holds this quarter of an hour since the epoch; every zone's
    offset is a multiple of a quarter."""
    local = datetime.fromtimestamp(quarters * _QUARTER, ZoneInfo(zone))
    return int(datetime.combine(local.date(), time(), local.tzinfo).timestamp())
