"""What must hold of calls whatever happens, judged from outside: by what the carrier took, rang and played
out, and by the store and its log of record at the end. Each checker answers what is broken, in words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ringfence.gateway.call_stops import STOPPED
from ringfence.gateway.counting import DAY, day_start
from ringfence.model.call import Call, CallMode, CallState, EndReason, Speaker, Words
from ringfence.model.line import Line
from ringfence.model.message import FINAL, Direction, MessageStatus
from ringfence.policy.call_time import begun_minutes
from ringfence.ports import StoredAudit, Tx, Window
from ringfence.simulator.calls import Call as CarrierLeg
from ringfence.simulator.calls import CallDirection, Played
from ringfence.simulator.calls_wire import CALL_ID, WireLog
from ringfence.simulator.inprocess import Create
from ringfence.simulator.invariants import (
    Broken,
    Evidence,
    all_accounted,
    all_explained,
    never_back,
    nothing_told,
    one_gate,
    stop_means_stop,
)
from ringfence.simulator.paging_plan import Outage

LISTED_MAX: Final = 1_000_000
MOMENT: Final = timedelta(seconds=1)
LIMIT_SLACK: Final = timedelta(seconds=1)
AGAIN: Final = timedelta(seconds=95)
"""After trouble a hang-up that was in vain is tried again within so long."""
LOOKED_UP: Final = timedelta(seconds=200)
"""A call whose placing was not answered is known by its id within so long."""
ANSWERED: Final = timedelta(seconds=5)
"""So long the answer to a placing takes at most."""
CARRIERS_OWN: Final = frozenset({"An application error has occurred. Goodbye."})
ANSWERS: Final = "Answer to "
NOTICES: Final = "Notice "
UNFIT: Final = "4111"
_ALLOWED_ENDS: Final = frozenset(EndReason) - {EndReason.NOT_ANSWERED_IN_TIME, EndReason.LOST}


@dataclass(slots=True)
class Halt:
    """Calls with somebody (or with all: empty) were stopped at that time, until then."""

    kind: str
    person: str
    at: datetime
    until: datetime | None = None

    def covers(self, moment: datetime) -> bool:
        return self.at < moment and (self.until is None or moment < self.until)


@dataclass(slots=True)
class CallsEvidence:
    """What was seen beside `base`. `legs` are the carrier's, `calls` the store's by id; `down` are the
    times without a gateway; `minutes` the day's count of each day."""

    base: Evidence
    line: Line
    outage: Outage
    at_once: int
    wire: WireLog = field(default_factory=WireLog)
    halts: list[Halt] = field(default_factory=list)
    down: list[tuple[datetime, datetime]] = field(default_factory=list)
    legs: Sequence[CarrierLeg] = ()
    calls: dict[str, Call] = field(default_factory=dict)
    words: dict[str, list[Words]] = field(default_factory=dict)
    entries: dict[str, StoredAudit] = field(default_factory=dict)
    minutes: int = 0
    lives: int = 1

    def conclude(self, tx: Tx) -> None:
        """Read the store as it was left."""
        listed = tx.calls.listing(LISTED_MAX, None, None, None)
        self.calls = {call.id: call for call in reversed(listed)}
        self.words = {key: tx.calls.words_of(key) for key in self.calls}
        self.entries = {one.entry.id: one for one in tx.audit.after(0, LISTED_MAX)}
        days = {
            day_start(call.person.ended_at, self.line.zone)
            for call in listed
            if call.person.ended_at
        }
        windows = [Window(f"minutes:{self.line.id}", DAY, start) for start in days]
        self.minutes = sum(tx.counters.read(windows).values())
        items = tx.outbox.of_messages({call.message_id for call in listed if call.message_id})
        for placing in self.wire.placings:
            call = self.calls.get(placing.call_id)
            item = items[call.message_id][0].id if call is not None else placing.call_id
            self.base.creates.append(Create(item, placing.to, placing.at, placing.known))

    def figures(self) -> str:
        states = Counter(call.state.value for call in self.calls.values())
        told = ", ".join(f"{n} {state}" for state, n in sorted(states.items()))
        lasts = int((self.outage.ends - self.outage.begins).total_seconds())
        return (
            f"{len(self.legs)} calls at the carrier, {len(self.calls)} here ({told}), "
            f"{len(self.wire.placings)} requests, {self.minutes} min, {len(self.halts)} stops, "
            f"{self.lives} lives, outage of {lasts} s"
        )

    # -- what belongs together -------------------------------------------------------------------

    def of(self, leg: CarrierLeg) -> Call | None:
        """Ours of the carrier's; none for a leg that was dialled from another."""
        if leg.direction is CallDirection.OUTBOUND_DIAL:
            return None
        found = CALL_ID.search(leg.status_callback.url)
        if found is not None:
            return self.calls.get(found[0])
        ours = (one for one in self.calls.values() if one.person.provider_id == leg.sid)
        return next(ours, None)

    def placed(self) -> list[CarrierLeg]:
        return [leg for leg in self.legs if leg.direction is CallDirection.OUTBOUND_API]

    @property
    def parting(self) -> frozenset[str]:
        """What may still be said when a call is ended from outside."""
        voice = self.line.voice
        assert voice is not None, "the line of this history has calls"
        sentences = voice.sentences
        return frozenset({sentences.stopped, sentences.goodbye, sentences.time_up, STOPPED})


Checker = Callable[[CallsEvidence], Broken]


def all_over(seen: CallsEvidence) -> Broken:
    """No call is left live, at the carrier or here; none lasted longer than its limit (P12)."""
    for leg in seen.legs:
        call = seen.of(leg)
        if not leg.is_over or leg.ended_at is None:
            yield f"{leg.sid}: still {leg.status} at the carrier"
            continue
        if leg.direction is CallDirection.OUTBOUND_API:
            if call is None:
                yield f"{leg.sid}: a call of nobody's"
            elif not leg.limit_given or leg.limit_s != call.time_limit.total_seconds():
                yield f"{leg.sid}: has a limit of {leg.limit_s} s, meant were {call.time_limit}"
        limit_s = leg.limit_s if call is None else call.time_limit.total_seconds()
        began = leg.answered_at
        # Only what we place has the carrier's own limit; the others are hung up on.
        slack = LIMIT_SLACK if leg.limit_given else AGAIN
        if began is not None and leg.ended_at - began > timedelta(seconds=limit_s) + slack:
            yield f"{leg.sid}: lasted {leg.ended_at - began}, its limit is {limit_s} s"
    for call in seen.calls.values():
        if not call.is_over or call.look_at is not None:
            yield f"{call.id}: still {call.state.value} here, to be looked at {call.look_at}"


def one_ring(seen: CallsEvidence) -> Broken:
    """P5: a proposal rings once, and what answered the one call is not taken for another."""
    rang: dict[str, list[str]] = defaultdict(list)
    for leg in seen.placed():
        call = seen.of(leg)
        if call is not None:
            rang[call.message_id].append(leg.sid)
    for message_id, sids in rang.items():
        if len(sids) > 1:
            yield f"{message_id}: rang {len(sids)} times"
    known = {leg.sid for leg in seen.legs}
    for call in seen.calls.values():
        if call.person.provider_id and call.person.provider_id not in known:
            yield f"{call.id}: is {call.person.provider_id}, which the carrier never had"
    for sid, times in Counter(one.person.provider_id for one in seen.calls.values()).items():
        if sid and times > 1:
            yield f"{sid}: is {times} calls here"


def silent_once_stopped(seen: CallsEvidence) -> Broken:
    """P3: once a stop or a block is committed, no other words than the parting ones are handed over, and
    none are played out once it could be told to the carrier."""
    for halt in seen.halts:
        for leg in seen.legs:
            if halt.person not in ("", leg.person) or (leg.ended_at or halt.at) <= halt.at:
                continue
            asked = leg.direction is CallDirection.INBOUND and leg.created_at > halt.at
            if halt.kind == "opt_out" and asked:
                continue  # who calls us wants to talk
            yield from _handed_late(seen, halt, leg)
            by = _silent_by(seen, halt, leg)
            for played in leg.played:
                if _speaks_on(seen, halt, played, by):
                    yield f"{leg.sid}: {played.text[:40]!r} goes on after {halt.kind} at {halt.at:%H:%M:%S}"


def _handed_late(seen: CallsEvidence, halt: Halt, leg: CarrierLeg) -> Iterator[str]:
    for handed in seen.wire.handed:
        if handed.sid == leg.sid and halt.covers(handed.at):
            for text in set(handed.texts) - seen.parting:
                yield f"{leg.sid}: {text[:40]!r} handed over after {halt.kind} at {halt.at:%H:%M:%S}"


def _speaks_on(seen: CallsEvidence, halt: Halt, played: Played, by: datetime) -> bool:
    if played.text in seen.parting | CARRIERS_OWN or played.kind != "say":
        return False
    return any(at > by and halt.covers(at) for _, at in played.words)


def _silent_by(seen: CallsEvidence, halt: Halt, leg: CarrierLeg) -> datetime:
    """When the carrier can have been told at the latest."""
    by, troubles = halt.at + MOMENT, _troubles(seen)
    for begins, ends in troubles:
        if begins <= by and ends >= halt.at:
            by = max(by, ends + AGAIN)
    call = seen.of(leg)
    answered = any(
        one.status == 201 for one in seen.wire.placings if call and one.call_id == call.id
    )
    outbound = leg.direction is CallDirection.OUTBOUND_API
    if outbound:
        # Stopped while it was placed: its id is known with the answer.
        by = max(by, min(leg.created_at + ANSWERED, by + ANSWERED))
    died_of_it = any(begins - MOMENT <= leg.created_at <= ends for begins, ends in troubles)
    return by + LOOKED_UP if outbound and (not answered or died_of_it) else by


def _troubles(seen: CallsEvidence) -> list[tuple[datetime, datetime]]:
    """When nobody could tell the carrier anything."""
    away = [(seen.outage.begins, seen.outage.ends)]
    return sorted([*seen.down, *(one for one in away if one[0] < one[1])])


def said_by_leave(seen: CallsEvidence) -> Broken:
    """P1: what an agent says was allowed by an entry of the record, and in this call; nobody hears what
    is meant for somebody else."""
    for call_id, words in seen.words.items():
        for one in words:
            if one.speaker is Speaker.AGENT and one.text.startswith((ANSWERS, "Your card")):
                entry = seen.entries.get(one.decision)
                if entry is None or entry.entry.body.get("verdict") != "allow":
                    yield f"{call_id}: said {one.text[:40]!r} without leave"
    for leg in seen.legs:
        call = seen.of(leg)
        ours = seen.words.get(call.id, []) if call else []
        allowed = {" ".join(one.text.split()) for one in ours}
        message = seen.base.last.outbound.get(call.message_id) if call else None
        if message is not None:
            allowed.add(" ".join(message.body.split()))
        for played in leg.played:
            told = played.text.startswith((ANSWERS, NOTICES)) or UNFIT in played.text
            if told and played.text not in allowed:
                yield f"{leg.sid}: played {played.text[:40]!r}, which is nobody's words in it"


def delivered_means_heard(seen: CallsEvidence) -> Broken:
    """A message arrived only where a person answered; of a notice all of it was played out to them, or
    they answered it with a key."""
    legs = {call.message_id: leg for leg in seen.placed() if (call := seen.of(leg)) is not None}
    for call in seen.calls.values():
        message = seen.base.last.outbound.get(call.message_id)
        if message is None or message.status is not MessageStatus.DELIVERED:
            continue
        leg = legs.get(message.id)
        if leg is not None and seen.of(leg) is not call:
            continue  # a try before it, which the carrier refused
        if leg is None or leg.answered_at is None:
            yield f"{message.id}: delivered, and nobody answered"
        elif (leg.answered_by or "").startswith(("machine", "fax")):
            yield f"{message.id}: delivered to a {leg.answered_by}"
        elif call.pressed:
            pressed = {one.text for one in leg.said if one.kind == "keys"}
            if call.pressed not in pressed:
                yield f"{message.id}: answered with {call.pressed}, which nobody pressed"
        elif call.mode is CallMode.NOTIFY and " ".join(message.body.split()) not in {
            played.heard for played in leg.played
        }:
            yield f"{message.id}: delivered, of which not all was heard"


def disclosed_means_heard(seen: CallsEvidence) -> Broken:
    """Whoever is told anything is told first who calls; given is only what was heard to its end."""
    disclosure = seen.line.voice.route.disclosure if seen.line.voice else ""
    for leg in seen.legs:
        call, spoken = seen.of(leg), [one for one in leg.played if one.kind == "say"]
        told = [one for one in spoken if one.text.startswith((ANSWERS, NOTICES))]
        if told and disclosure not in [one.text for one in spoken[: spoken.index(told[0])]]:
            yield f"{leg.sid}: hears {told[0].text[:40]!r} before who calls"
        heard = {one.heard for one in spoken}
        if call is not None and call.disclosed_at is not None and disclosure not in heard:
            yield f"{call.id}: counts as told who calls, and was not"


def room_kept(seen: CallsEvidence) -> Broken:
    """Never more calls that are served at once than the line may have."""
    changes: list[tuple[datetime, int]] = []
    for leg in seen.legs:
        begins: datetime | None = leg.created_at
        if leg.direction is CallDirection.INBOUND:  # who waits to be served takes no place
            greeted = [one.started_at for one in leg.played if one.text in _first_words(seen)]
            begins = min(greeted, default=None)
        if leg.direction is not CallDirection.OUTBOUND_DIAL and begins and leg.ended_at:
            changes += [(begins, 1), (leg.ended_at, -1)]
    live = most = 0
    for _, by in sorted(changes):
        live += by
        most = max(most, live)
    if most > seen.at_once:
        yield f"{most} calls at once, {seen.at_once} are allowed"


def _first_words(seen: CallsEvidence) -> frozenset[str]:
    route = seen.line.voice.route if seen.line.voice else None
    return frozenset({route.disclosure, route.greeting}) if route else frozenset()


def minutes_once(seen: CallsEvidence) -> Broken:
    """Each begun minute of each call counts once."""
    lasted = (leg.lasted for call in seen.calls.values() for leg in (call.person, *call.joined))
    minutes = sum(begun_minutes(one.total_seconds()) for one in lasted)
    if minutes != seen.minutes:
        yield f"{seen.minutes} minutes are counted, the calls have {minutes}"


def live_ones_left_alone(seen: CallsEvidence) -> Broken:
    """B148: who talks is not hung up on for anything but a reason; nor is a call given up that the
    carrier has."""
    legs = {leg.sid: leg for leg in seen.legs}
    for sid, at in seen.wire.hung_up:
        leg = legs[sid]
        call = seen.of(leg)
        if call is None or leg.answered_at is None or at <= leg.answered_at + MOMENT:
            continue
        if call.person.end_reason not in _ALLOWED_ENDS:
            yield f"{sid}: hung up on for {call.person.end_reason}, though it was answered"
        if (
            call.person.end_reason is EndReason.TIME_LIMIT
            and at < leg.answered_at + call.time_limit
        ):
            yield f"{sid}: hung up on before its limit"
    for leg in seen.legs:
        call = seen.of(leg)
        if call is None:
            continue
        if leg.answered_at is not None and call.state in (CallState.BUSY, CallState.NO_ANSWER):
            yield f"{leg.sid}: was answered, and is {call.state.value} here"
        if leg.answered_at is None and call.person.answered_at is not None:
            yield f"{leg.sid}: was not answered, and is {call.state.value} here"


def _accounted(seen: Evidence) -> Broken:
    yield from all_accounted(seen)
    for message in seen.last.outbound.values():
        if message.status not in FINAL and message.direction is Direction.OUT:
            yield f"{message.id}: ended {message.status.value}"


def _of_base(check: Callable[[Evidence], Broken]) -> Checker:
    return lambda seen: check(seen.base)


CHECKERS: dict[str, Checker] = {
    "over": all_over,
    "one ring": one_ring,
    "stopped": silent_once_stopped,
    "leave": said_by_leave,
    "delivered": delivered_means_heard,
    "disclosed": disclosed_means_heard,
    "room": room_kept,
    "minutes": minutes_once,
    "live": live_ones_left_alone,
    "P1": _of_base(one_gate),
    "P3": _of_base(stop_means_stop),
    "P4 back": _of_base(never_back),
    "P6": _of_base(_accounted),
    "P7": _of_base(all_explained),
    "P9": _of_base(nothing_told),
}


def broken(seen: CallsEvidence) -> list[str]:
    """Everything that does not hold, each with its checker."""
    return [f"{name}: {what}" for name, check in CHECKERS.items() for what in check(seen)]
