"""Events of trusted sources (P2: they start flows, never free text): stored with their dedupe key,
and everything they start, in one transaction. The source is answered only after it committed. The
same event twice is one, for ever; a flow that cannot take an event says so on record and to the
owners, and never keeps the others from it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from ringfence.delivery.flow import Flow, SourceSettings, part
from ringfence.gateway import alert, planning
from ringfence.gateway.batch import Batcher
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.notices import owner_notices
from ringfence.gateway.rates import Rate
from ringfence.gateway.review import propose
from ringfence.gateway.wishes import Wish, wish
from ringfence.model.audit import AuditEntry
from ringfence.model.errors import (
    InvalidField,
    InvalidNumber,
    NotFound,
    RingfenceError,
    StoreError,
    TooMany,
)
from ringfence.model.event import Event, EventAction
from ringfence.ports import Beating, StoredEvent, Tx
from ringfence.sources import heartbeat, sources
from ringfence.sources.base import Naming
from ringfence.text.conditions import fields_of
from ringfence.text.unnumbered import unnumbered

log = logging.getLogger("ringfence.events")

BEATS_MAX: Final = 200
_REFUSALS: Final = (InvalidField, InvalidNumber, NotFound)
_BROKEN: Final = "It broke on this event; the log of the gateway says where."


@dataclass(frozen=True, slots=True)
class Posted:
    """What one request brought. `broken` are flows that broke on it and are left out."""

    source: SourceSettings
    events: tuple[Event, ...]
    broken: frozenset[str] = frozenset()


class FlowBroke(Exception):
    """A flow met what its code did not foresee; the transaction is to be undone."""

    def __init__(self, flow: str) -> None:
        super().__init__(flow)
        self.flow = flow


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of it: our ids, in the order of the events, and the events as they are named now.
    `duplicates` are those that were there already."""

    ids: tuple[str, ...]
    events: tuple[Event, ...]
    duplicates: frozenset[str]


class EventIntake:
    """Takes events of all sources."""

    def __init__(self, kit: Equipment) -> None:
        self._kit = kit
        self._accept: Batcher[Posted, Receipt] = Batcher(kit.store, self._accept_many, most=64)
        self._rates = {
            name: Rate(source.per_minute) for name, source in kit.operations.sources.items()
        }
        self._alarming = any(flow.alert is not None for flow in kit.operations.flows)
        self.counted: dict[tuple[str, str], int] = {}

    async def accept(
        self, source: SourceSettings, events: Sequence[Event], traceparent: str = ""
    ) -> Receipt:
        """Store and start what they start; returns after the commit. `traceparent` is the caller's, whose
        trace is continued. Raises TooMany, StoreError."""
        now = self._kit.clock.now()
        if not self._rates[source.name].allow(source.name, now):
            self.count(source.name, "limited")
            raise TooMany(f"sources.{source.name}.ratePerMinute ({source.per_minute}) is reached.")
        with self._kit.trace.span("event", parent=traceparent, source=source.name) as span:
            receipt = await self._accepted(Posted(source, tuple(events)))
            span.set(event=",".join(receipt.ids[:10]))
        self.count(source.name, "duplicate", len(receipt.duplicates))
        self.count(source.name, "accepted", len(receipt.ids) - len(receipt.duplicates))
        if self._alarming:
            self._kit.alerts_bell.ring()
        self._kit.outbox_bell.ring()
        return receipt

    async def _accepted(self, posted: Posted) -> Receipt:
        """What breaks in one flow keeps the event from no other, and its source from trying for ever."""
        while True:
            try:
                return await self._accept(posted)
            except FlowBroke as fault:
                if fault.flow in posted.broken:
                    raise
                posted = replace(posted, broken=posted.broken | {fault.flow})
                log.exception("a flow broke on an event", extra={"flow": fault.flow})

    def count(self, source: str, outcome: str, by: int = 1) -> None:
        """For the metrics: accepted, duplicate, limited, refused."""
        key = (source, outcome)
        self.counted[key] = self.counted.get(key, 0) + by

    async def beats(self) -> bool:
        """Raise the alarm for promises that were broken; True when there were any."""
        now = self._kit.clock.now()
        due = await self._kit.store.read(lambda tx: tx.duty.beats_due(now, 1))
        if not due:
            return False
        broken = frozenset[str]()
        while (fault := await self._sound(now, broken)) is not None:
            broken |= {fault}
        self._kit.alerts_bell.ring()
        return True

    async def _sound(self, now: datetime, broken: frozenset[str]) -> str | None:
        """None once the alarms stand, else the flow that broke on one."""
        try:
            await self._kit.store.write(lambda tx: missed(self._kit, tx, now, broken))
        except FlowBroke as fault:
            if fault.flow in broken:
                raise
            log.exception("a flow broke on a heartbeat", extra={"flow": fault.flow})
            return fault.flow
        return None

    def _accept_many(self, tx: Tx, batch: Sequence[Posted]) -> list[Receipt]:
        return take(self._kit, tx, batch, self._kit.clock.now())


@dataclass(frozen=True, slots=True)
class _Arrival:
    """One event under our id. `given` is as its source named it."""

    id: str
    event: Event
    given: Event
    posted: Posted
    stored: StoredEvent

    def is_left_out(self, flow: Flow) -> bool:
        """The flow broke on it before. An end concerns every flow of alerts that hears its source."""
        if flow.name not in self.posted.broken:
            return False
        hears = not flow.sources or self.event.source in flow.sources
        ends = flow.alert is not None and self.event.action is not EventAction.TRIGGER
        return part(flow, self.event) is not None or (hears and ends)


def take(kit: Equipment, tx: Tx, batch: Sequence[Posted], now: datetime) -> list[Receipt]:
    """In the caller's transaction: store them all, then everything they start. A receipt for each."""
    each = [[_arrival(kit, posted, one, now) for one in posted.events] for posted in batch]
    every = [one for arrivals in each for one in arrivals]
    fresh = tx.source_events.add([one.stored for one in every])
    known = tx.source_events.known(
        {(one.stored.source, one.stored.name) for one in every if one.id not in fresh}
    )
    started = [one for one in every if one.id in fresh]
    for one in started:
        _keep_promise(tx, one.posted.source, one.given, now)
    tx.source_events.outcome(_run(kit, tx, started, now))
    return [_receipt(arrivals, fresh, known) for arrivals in each]


def _arrival(kit: Equipment, posted: Posted, given: Event, now: datetime) -> _Arrival:
    id_, source = kit.ids.new("event", now), posted.source
    event = replace(given, source=source.name).named(id_)
    naming = sources()[source.kind].capabilities.naming
    name = given.id if naming is Naming.EVENT else ""
    return _Arrival(id_, event, given, posted, _stored(kit, event, id_, name, now))


def _receipt(
    arrivals: Sequence[_Arrival], fresh: Set[str], known: Mapping[tuple[str, str], str]
) -> Receipt:
    own = [
        one.id if one.id in fresh else known.get((one.stored.source, one.stored.name), one.id)
        for one in arrivals
    ]
    ours = {one.id for one in arrivals if one.id in fresh}
    return Receipt(tuple(own), tuple(one.event for one in arrivals), frozenset(own) - ours)


def _run(
    kit: Equipment, tx: Tx, arrivals: Sequence[_Arrival], now: datetime
) -> dict[str, dict[str, Any]]:
    """Everything the events start, flow by flow, the events of each in their order; answers by event
    and flow what was done, as the record has it. Raises FlowBroke, StoreError."""
    done: dict[str, dict[str, Any]] = {one.id: {} for one in arrivals}
    for flow in kit.operations.flows:
        heard = _alerts if flow.alert is not None else _messages
        try:
            did = heard(kit, tx, flow, arrivals, now)
        except StoreError:
            raise
        except Exception as fault:
            # What it did is half done: only another transaction, without it, leaves nothing of it.
            raise FlowBroke(flow.name) from fault
        for event_id, what in did.items():
            done[event_id][flow.name] = what
    tx.audit.append([_entry(kit, one, done[one.id], now) for one in arrivals])
    return done


def _entry(kit: Equipment, one: _Arrival, done: Mapping[str, Any], now: datetime) -> AuditEntry:
    body = {
        "source": one.event.source,
        "type": unnumbered(one.event.type[:200]),
        "severity": one.event.severity.value,
        "action": one.event.action.value,
        "flows": done,
    }
    return kit.audit("event", one.id, f"event:{one.event.source}", now, body)


def _alerts(
    kit: Equipment, tx: Tx, flow: Flow, arrivals: Sequence[_Arrival], now: datetime
) -> dict[str, Any]:
    """What became of each event that is something to a flow of alerts."""
    done: dict[str, Any] = {}
    for one in arrivals:
        try:
            did = _alert(kit, tx, flow, one, now)
        except _REFUSALS as error:
            did = _refused(kit, tx, flow, one, error, now)
        if did is not None:
            done[one.id] = did
    return done


def _alert(
    kit: Equipment, tx: Tx, flow: Flow, one: _Arrival, now: datetime
) -> dict[str, Any] | None:
    """None for a flow that the event is nothing to. An end is one whatever its severity and type:
    it concerns what is open of its key."""
    event = one.event
    if one.is_left_out(flow):
        raise InvalidField(_BROKEN)
    if event.action is EventAction.TRIGGER:
        if part(flow, event) is None:
            return None
        return alert.heard(kit, tx, flow, event, one.id, now)
    if flow.sources and event.source not in flow.sources:
        return None
    did = alert.heard(kit, tx, flow, event, one.id, now)
    return did if "alert" in did else None


def _messages(
    kit: Equipment, tx: Tx, flow: Flow, arrivals: Sequence[_Arrival], now: datetime
) -> dict[str, Any]:
    """What became of each event that is something to a flow of messages."""
    wishes: list[Wish] = []
    done: dict[str, Any] = {}
    for one in arrivals:
        try:
            if one.is_left_out(flow):
                raise InvalidField(_BROKEN)
            asked = wish(kit, tx, flow, one.event, one.id, now)
        except _REFUSALS as error:
            done[one.id] = _refused(kit, tx, flow, one, error, now)
            continue
        if asked is not None:
            wishes.append(asked)
    return done | planning.fulfil(kit, tx, wishes, now)


def _refused(
    kit: Equipment,
    tx: Tx,
    flow: Flow,
    one: _Arrival,
    error: RingfenceError,
    now: datetime,
) -> dict[str, Any]:
    _tell(kit, tx, flow, one.id, error.detail, now)
    return {"refused": error.detail}


def _stored(kit: Equipment, event: Event, event_id: str, name: str, now: datetime) -> StoredEvent:
    """What must stand nowhere but in its text is not kept with the event either."""
    private = any(
        flow.message is not None and flow.message.private and part(flow, event) is not None
        for flow in kit.operations.flows
    )
    return StoredEvent(
        id=event_id,
        source=event.source,
        name=name,
        type=event.type,
        severity=event.severity.value,
        action=event.action.value,
        at=event.at,
        received_at=now,
        dedupe_key=event.dedupe_key,
        document={} if private else dict(fields_of(event)),
    )


def _tell(kit: Equipment, tx: Tx, flow: Flow, event_id: str, why: str, now: datetime) -> None:
    log.warning(
        "a flow refused an event", extra={"flow": flow.name, "event_id": event_id, "detail": why}
    )
    line = kit.lines.get(flow.line)
    if line is None:
        return
    text = f"Flow {flow.name} could not take event {event_id}: {why}"
    propose(kit, tx, owner_notices(tx, line, text, now), now)


# -- heartbeats ------------------------------------------------------------------------------------


def _keep_promise(tx: Tx, source: SourceSettings, event: Event, now: datetime) -> None:
    promise = heartbeat.beat(event)
    if promise is not None:
        tx.duty.beat(
            Beating(
                source.name,
                promise.name,
                promise.at,
                promise.period_s,
                promise.grace_s,
                promise.due_at,
            )
        )


def missed(kit: Equipment, tx: Tx, now: datetime, broken: frozenset[str] = frozenset()) -> None:
    """The alarms of promises that were broken by now, once each."""
    for one in tx.duty.beats_due(now, BEATS_MAX):
        promise = heartbeat.Beat(one.name, one.at, one.period_s, one.grace_s)
        event = heartbeat.missed(promise, now)
        source = kit.operations.sources.get(one.source)
        tx.duty.beat_missed(one.source, one.name)
        if event is not None and source is not None:
            take(kit, tx, [Posted(source, (event,), broken)], now)
