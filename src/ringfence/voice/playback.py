"""The way out: utterances in order, sent on absolute deadlines a little ahead of the person's ear, with
marks that tell how far it was played. After a stall what is due is sent at once, so that lateness
never adds up (facts voice 3.2). Marks that come back after a clear of ours prove nothing: the
provider returns what it threw away like what it played (facts voice 1.4), so each clear begins an
epoch, and only marks of the present one count."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ringfence.audio.frames import BYTES_PER_MS, FRAME_BYTES, FRAME_MS
from ringfence.voice.effects import (
    SendClear,
    SendMark,
    SendSound,
    SessionEffect,
    WordsBegun,
)
from ringfence.voice.settings import Pacing
from ringfence.voice.utterance import Utterance

NEVER = 1 << 62
"""A time that does not come."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in an utterance that the provider tells us of once it was played."""

    name: str
    utterance: Utterance
    at_ms: int
    is_end: bool


@dataclass(frozen=True, slots=True)
class _Known:
    """The last mark that came back: at `when` the person had heard `at_ms` of the utterance."""

    utterance: Utterance
    at_ms: int
    when: int


class Playback:
    """`until` is when all that was sent will have been played, by our clock. While `is_held` nothing
    is sent; until `is_open` only utterances that may come before the disclosure. `underruns` counts
    gaps for lack of sound in the middle of an utterance."""

    def __init__(self, pacing: Pacing, pending_max: int) -> None:
        self._lead_ms = pacing.lead_ms - FRAME_MS
        self._mark_bytes = pacing.mark_ms * BYTES_PER_MS
        self._pending_max = pending_max
        self._queue: list[Utterance] = []
        self._marks: deque[Mark] = deque()
        self._known: _Known | None = None
        self._epoch = 0
        self._count = 0
        self.until = 0
        self.is_held = False
        self.is_open = False
        self.underruns = 0

    @property
    def queue(self) -> tuple[Utterance, ...]:
        """What is not heard to its end, in order; the first may be under way."""
        return tuple(self._queue)

    @property
    def is_empty(self) -> bool:
        return not self._queue

    @property
    def has_room(self) -> bool:
        return len(self._queue) < self._pending_max

    @property
    def is_awaited(self) -> bool:
        """Whether the provider owes us marks."""
        return bool(self._marks)

    def current(self) -> Utterance | None:
        """The one that is playing, or was when we stopped it."""
        first = self._queue[0] if self._queue else None
        return first if first is not None and first.is_begun else None

    def find(self, utterance_id: int) -> Utterance | None:
        return next((each for each in self._queue if each.id == utterance_id), None)

    def add(self, utterance: Utterance, ahead: bool = False) -> None:
        """Behind all others; `ahead` for what has its place kept (a disclosure, a goodbye)."""
        self._queue.insert(0 if ahead else len(self._queue), utterance)

    def remove(self, utterance: Utterance) -> None:
        """One that has not begun."""
        assert not utterance.is_begun, "what sounds is dropped, with a clear"
        self._queue.remove(utterance)

    def due(self) -> int:
        """When the next frame must leave; NEVER while none can."""
        if self.is_held or not self._queue:
            return NEVER
        utterance = self._next()
        if utterance is None or not (utterance.sendable or utterance.is_made):
            return NEVER
        return self.until - self._lead_ms

    def pump(self, now: int, out: list[SessionEffect]) -> None:
        """Send what is due."""
        while not self.is_held and self._queue and self.until - now <= self._lead_ms:
            utterance = self._next()
            if utterance is None or not self._send(utterance, now, out):
                return

    def _next(self) -> Utterance | None:
        for utterance in self._queue:
            if not utterance.is_sent:
                return utterance if self.is_open or utterance.is_first else None
        return None

    def _send(self, utterance: Utterance, now: int, out: list[SessionEffect]) -> bool:
        """One piece, at most up to the next mark; False when there is none."""
        sendable = utterance.sendable
        if not sendable and not utterance.is_made:
            return False
        if utterance.marked is None:
            self._begin(utterance, out)
        elif sendable and self.until < now:
            self.underruns += 1
        if sendable:
            self._send_sound(utterance, sendable, now, out)
        utterance.is_sent = utterance.is_made and utterance.sent == len(utterance.sound)
        if utterance.is_sent or utterance.sent - (utterance.marked or 0) >= self._mark_bytes:
            self._mark(utterance, out)
        return True

    def _begin(self, utterance: Utterance, out: list[SessionEffect]) -> None:
        """A mark ahead of the first frame: when it returns, the utterance begins to sound."""
        if not utterance.is_begun:
            utterance.is_begun = True
            said = (utterance.id, utterance.speaker, utterance.text)
            out.append(WordsBegun(*said, utterance.decision, utterance.turn))
        self._mark(utterance, out)

    def _send_sound(
        self, utterance: Utterance, sendable: int, now: int, out: list[SessionEffect]
    ) -> None:
        begins = max(self.until, now)
        owed_ms = self._lead_ms + FRAME_MS - (begins - now)
        owed = owed_ms // FRAME_MS * FRAME_BYTES
        to_mark = self._mark_bytes - (utterance.sent - (utterance.marked or 0))
        size = min(sendable, owed, max(FRAME_BYTES, to_mark - to_mark % FRAME_BYTES))
        start = utterance.sent
        out.append(SendSound(utterance.id, bytes(utterance.sound[start : start + size])))
        utterance.sent = start + size
        self.until = begins + size // BYTES_PER_MS

    def _mark(self, utterance: Utterance, out: list[SessionEffect]) -> None:
        self._count += 1
        name = f"{self._epoch}.{self._count}"
        utterance.marked = utterance.sent
        self._marks.append(Mark(name, utterance, utterance.sent_ms, utterance.is_sent))
        out.append(SendMark(name))

    def returned(self, name: str, now: int) -> list[Mark]:
        """A mark came back: it, and those before it, which are played with it. Empty for a mark of an
        earlier epoch, a repeated or an unknown one. What is heard to its end leaves the queue."""
        if not any(mark.name == name for mark in self._marks):
            return []
        passed: list[Mark] = []
        while not passed or passed[-1].name != name:
            mark = self._marks.popleft()
            passed.append(mark)
            mark.utterance.heard_ms = max(mark.utterance.heard_ms, mark.at_ms)
            if mark.is_end:
                self._queue.remove(mark.utterance)
        self._known = _Known(passed[-1].utterance, passed[-1].at_ms, now)
        return passed

    def heard_ms(self, utterance: Utterance, now: int) -> int:
        """How much of it the person has heard by now: on from the last mark that came back, by the
        time since, never past the next one that has not, nor past what was sent."""
        known = self._known
        if known is None or known.utterance is not utterance:
            return utterance.heard_ms
        owed = (mark.at_ms for mark in self._marks if mark.utterance is utterance)
        ceiling = min(next(owed, utterance.sent_ms), utterance.sent_ms)
        return max(utterance.heard_ms, min(known.at_ms + now - known.when, ceiling))

    def hold(self, now: int, out: list[SessionEffect]) -> None:
        """Silence at once, and nothing more until `release`, which goes on where it was heard to."""
        self._clear(now, out)
        self.is_held = True

    def release(self) -> None:
        self.is_held = False

    def drop(
        self, now: int, out: list[SessionEffect], which: Callable[[Utterance], bool]
    ) -> list[Utterance]:
        """Take these out, silencing them where they sound."""
        dropped = [utterance for utterance in self._queue if which(utterance)]
        if any(utterance.is_begun for utterance in dropped):
            self._clear(now, out)
        self._queue = [utterance for utterance in self._queue if utterance not in dropped]
        return dropped

    def give_up(self) -> list[Utterance]:
        """The provider does not return its marks: what was sent to its end is as heard as the last one
        says, and leaves."""
        given_up = [utterance for utterance in self._queue if utterance.is_sent]
        self._queue = [utterance for utterance in self._queue if not utterance.is_sent]
        self._marks.clear()
        self._known = None
        return given_up

    def _clear(self, now: int, out: list[SessionEffect]) -> None:
        for utterance in self._queue:
            if utterance.is_begun:
                utterance.heard_ms = self.heard_ms(utterance, now)
                utterance.rewind()
        if not self._marks and self.until <= now:
            return
        self._marks.clear()
        self._known = None
        self._epoch += 1
        self.until = min(self.until, now)
        out.append(SendClear())
