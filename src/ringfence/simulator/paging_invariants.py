"""What must hold of the operations channel whatever happens, judged from outside: by what the carrier took
for whom, and by the store and its log of record at the end. Each checker answers what is broken, in words.
Policies and times are counted here again, never asked of the code that is judged."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from ringfence.delivery.flow import Operations
from ringfence.delivery.oncall import on_call
from ringfence.model.alert import OPEN, Alert, AlertState, Notice, NoticeKind, NoticeState
from ringfence.model.event import Event, EventAction
from ringfence.model.message import Message, MessageClass, MessageStatus
from ringfence.model.oncall import EscalationPolicy, Step, Target, TargetKind
from ringfence.model.outbox import OutboxItem, OutboxState
from ringfence.ports import StoredAudit, StoredEvent, Tx
from ringfence.simulator.invariants import (
    Broken,
    Evidence,
    accepted_means_stored,
    all_accounted,
    all_explained,
    never_back,
    nothing_told,
    once_per_item,
    one_gate,
)
from ringfence.simulator.paging_plan import Outage
from ringfence.simulator.records import Message as CarrierMessage

LISTED_MAX: Final = 1_000_000
GAP: Final = timedelta(seconds=60)
TIERS: Final = {
    NoticeKind.ALERT: ((5, 900), (11, 3_600), (21, 10_800)),
    NoticeKind.RESOLVED: ((1, 180), (3, 1_200), (8, 7_200)),
}
"""Facts reliability-mechanics 3.1: so many texts within so many seconds."""
DELAYED: Final = timedelta(minutes=2)
_PAGE: Final = re.compile(r"default: (?:#(\d+) |(\d+) alerts of ).* Reply ", re.DOTALL)
_OUR_ID: Final = re.compile(r"obx_[0-9A-Za-z]+")
_NAMED: Final = re.compile(r"#(\d+)")
_NEVER_LEFT: Final = frozenset(
    {MessageStatus.EXPIRED, MessageStatus.CANCELLED, MessageStatus.REFUSED}
)
_ARRIVED: Final = frozenset({MessageStatus.DELIVERED, MessageStatus.READ})


@dataclass(slots=True)
class PagingEvidence:
    """What was seen beside `base`. `posted` are events whose source was answered 2xx, with our ids;
    `adrift` what the looks found without a next time; `entries` the whole log of record."""

    base: Evidence
    operations: Operations
    outage: Outage
    posted: list[tuple[str, Event]] = field(default_factory=list)
    adrift: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    alerts: dict[str, Alert] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    by_alert: Mapping[str, Sequence[Notice]] = field(default_factory=dict)
    events: dict[str, StoredEvent] = field(default_factory=dict)
    entries: list[StoredAudit] = field(default_factory=list)
    by_subject: Mapping[str, Sequence[StoredAudit]] = field(default_factory=dict)
    lives: int = 1
    finished: bool = True  # it went on until nothing was to come any more

    def conclude(self, tx: Tx) -> None:
        """Read the store as it was left."""
        listed = tx.alerts.listing(LISTED_MAX, (), None)
        self.alerts = {alert.id: alert for alert in reversed(listed)}
        self.by_alert = {id_: tx.alerts.notices_of(id_) for id_ in self.alerts}
        self.notices = [one for theirs in self.by_alert.values() for one in theirs]
        stored = tx.source_events.listing(LISTED_MAX, None, None)
        self.events = {event.id: event for event in stored}
        self.entries = tx.audit.after(0, LISTED_MAX)
        by_subject: dict[str, list[StoredAudit]] = defaultdict(list)
        for entry in self.entries:
            by_subject[entry.entry.subject].append(entry)
        self.by_subject = by_subject

    def figures(self) -> str:
        states = Counter(alert.state.value for alert in self.alerts.values())
        exhausted = sum(alert.exhausted_at is not None for alert in self.alerts.values())
        lasts = (self.outage.ends - self.outage.begins) // timedelta(minutes=1)
        return (
            f"{len(self.alerts)} alerts ({', '.join(f'{n} {s}' for s, n in sorted(states.items()))}; "
            f"{exhausted} exhausted), {len(self.posted)} events answered, {len(self.notices)} notices, "
            f"{len(self.base.taken)} texts, {self.lives} lives, outage of {lasts} min ({self.outage.kind})"
        )

    # -- what belongs together -------------------------------------------------------------------

    def of(self, alert: Alert, *kinds: str) -> list[StoredAudit]:
        return [one for one in self.by_subject.get(alert.id, ()) if one.entry.kind in kinds]

    def told_of(self, alert: Alert, kind: NoticeKind = NoticeKind.ALERT) -> list[Notice]:
        return [one for one in self.by_alert.get(alert.id, ()) if one.kind is kind]

    def texts(self) -> dict[str, list[Notice]]:
        """Text → the notices it told."""
        found: dict[str, list[Notice]] = defaultdict(list)
        for one in self.notices:
            if one.message_id:
                found[one.message_id].append(one)
        return found

    def items(self) -> dict[str, list[OutboxItem]]:
        """Text → its parts."""
        found: dict[str, list[OutboxItem]] = defaultdict(list)
        for item in self.base.last.items.values():
            found[item.message_id].append(item)
        return found

    def arrived(self) -> set[str]:
        """Texts of which the carrier took a part."""
        owner = {item.id: item.message_id for item in self.base.last.items.values()}
        return {owner.get(_item_id(message), "") for message in self.base.taken}

    def proposed(self) -> dict[str, int]:
        """Text → the entry of its first decision: it exists from that transaction on."""
        found: dict[str, int] = {}
        for stored in self.entries:
            if stored.entry.kind == "decision" and not stored.entry.body["claiming"]:
                found.setdefault(stored.entry.body.get("message", ""), stored.seq)
        return found

    def policy_of(self, alert: Alert) -> EscalationPolicy:
        return self.operations.policies[alert.policy]

    def number_of(self, responder: str) -> str:
        return self.operations.responders[responder].number.e164


Checker = Callable[[PagingEvidence], Broken]


def one_copy(seen: PagingEvidence) -> Broken:
    """(a) A text leaves once; each page is owed to whoever got it, and nobody is named an alert oftener
    than steps, ways and rounds of it told them."""
    yield from once_per_item(seen.base)
    texts, owner = seen.texts(), {i.id: i.message_id for i in seen.base.last.items.values()}
    named: Counter[tuple[str, str]] = Counter()
    for message in seen.base.taken:
        if (found := _PAGE.match(message.body)) is None:
            continue
        owed = texts.get(owner.get(_item_id(message), ""), [])
        numbers = {str(seen.alerts[one.alert_id].number) for one in owed}
        if {seen.number_of(one.responder) for one in owed} != {message.recipient}:
            yield f"{message.sid}: a page that nobody owes to whoever got it"
        head = message.body.partition(" Reply ")[0]
        strange = set(_NAMED.findall(head)) - numbers
        if strange or (found[2] and int(found[2]) != len(numbers)):
            yield f"{message.sid}: tells of {sorted(strange) or found[2]}, owed are {sorted(numbers)}"
        named.update((message.recipient, number) for number in numbers)
    for alert in seen.alerts.values():
        owing = Counter(seen.number_of(one.responder) for one in seen.told_of(alert))
        for number, times in owing.items():
            if named[number, str(alert.number)] > times:
                yield f"#{alert.number}: {number[-4:]} was told oftener than {times} times"


def quiet_once_somebody_has_it(seen: PagingEvidence) -> Broken:
    """(b) While an alert is somebody's or over, no text that asks about it comes into being, and none
    that asks about such alerts alone is begun. What was under way may arrive."""
    proposed, items = seen.proposed(), seen.items()
    quiet = {alert.id: list(_quiet(seen, alert)) for alert in seen.alerts.values()}
    for message_id, notices in seen.texts().items():
        asks = [one for one in notices if one.kind is NoticeKind.ALERT]
        if not asks:
            continue
        at = proposed.get(message_id, 0)
        for one in asks:
            if any(since < at < until for since, until in quiet[one.alert_id]):
                yield f"#{seen.alerts[one.alert_id].number}: asked about by entry {at}, though quiet"
        for item in items.get(message_id, ()):
            for claim in seen.base.claims(item.id)[:1]:
                if all(
                    any(since < claim.seq < until for since, until in quiet[one.alert_id])
                    for one in asks
                ):
                    number = seen.alerts[asks[0].alert_id].number
                    yield f"#{number}: a text left by entry {claim.seq}, though nobody is asked"


def _quiet(seen: PagingEvidence, alert: Alert) -> Iterator[tuple[int, int]]:
    """From which entry to which nobody is to be asked about it."""
    since = 0
    for stored in seen.of(alert, "alert_acknowledged", "alert_resolved", "alert_escalated"):
        if stored.entry.kind == "alert_escalated":
            if since:
                yield since, stored.seq
            since = 0
        elif stored.entry.body.get("answer") != "partly":
            since = since or stored.seq
    if since:
        yield since, LISTED_MAX


def every_step_in_order(seen: PagingEvidence) -> Broken:
    """(c) Steps begin in the order of the policy, each once a round, none before its time; whom a step
    asks is told once on each way; and what nobody answered went all the way."""
    arrived = seen.arrived()
    for alert in seen.alerts.values():
        policy, steps = seen.policy_of(alert), seen.of(alert, "escalation_step")
        begun = [(one.entry.body["round"], one.entry.body["step"]) for one in steps]
        rounds = max(policy.rounds or 1, *(round_ for round_, _ in begun), 1)
        wanted = [(n + 1, step.name) for n in range(rounds) for step in policy.steps]
        if begun != wanted[: len(begun)]:
            yield f"#{alert.number}: went {begun}, its policy says {wanted}"
            continue
        going_on = not seen.finished and alert.next_at is not None
        if alert.state is AlertState.TRIGGERED and alert.exhausted_at is None and not going_on:
            yield f"#{alert.number}: open, and after all the time not at its end ({begun[-1:]})"
        if alert.exhausted_at is not None and alert.state in OPEN and begun != wanted:
            yield f"#{alert.number}: given up after {len(begun)} of {len(wanted)} steps"
        yield from _rounds_with_reason(seen, alert, arrived, rounds)
        yield from _told_by_steps(seen, alert, steps)
        yield from _not_early(seen, alert, steps)


def _rounds_with_reason(
    seen: PagingEvidence, alert: Alert, arrived: set[str], rounds: int
) -> Iterator[str]:
    """A round more than the policy's follows one in which a step asked nobody, since nothing left; and
    nothing is given up after such a round."""
    meant = seen.policy_of(alert).rounds or 1
    silent: dict[int, list[str]] = defaultdict(list)
    for (round_, step), texts in _texts_by_step(seen, alert).items():
        if texts and all(_stayed(seen, message_id, arrived) for message_id in texts):
            silent[round_].append(step)
    for round_ in range(meant, rounds):
        if not silent[round_]:
            yield f"#{alert.number}: round {round_ + 1} of {meant}, though {round_} asked somebody"
    given_up = alert.exhausted_at is not None and alert.state in OPEN
    if given_up and silent[rounds] and not seen.of(alert, "alert_escalated"):
        yield f"#{alert.number}: given up after round {rounds}, whose {silent[rounds]} never left"


def _texts_by_step(seen: PagingEvidence, alert: Alert) -> dict[tuple[int, str], list[str]]:
    """Of those that told somebody or could not; a moot one did neither."""
    found: dict[tuple[int, str], list[str]] = defaultdict(list)
    for one in seen.told_of(alert):
        if one.state is not NoticeState.MOOT:
            found[one.round, one.step].append(one.message_id)
    return found


def _stayed(seen: PagingEvidence, message_id: str, arrived: set[str]) -> bool:
    """It expired before the carrier took a part, or nobody could say whether one was taken (a message
    that failed at the carrier is not in its lists by time of sending)."""
    message = seen.base.last.outbound.get(message_id)
    if message is None or message.provider_id:
        return False
    if message.status is MessageStatus.FAILED:
        return message.reason.startswith("unknown")
    return message.status is MessageStatus.EXPIRED and message_id not in arrived


def _told_by_steps(
    seen: PagingEvidence, alert: Alert, steps: Sequence[StoredAudit]
) -> Iterator[str]:
    policy, notices = seen.policy_of(alert), seen.told_of(alert)
    said = {one.entry.body["by"] for one in seen.of(alert, "alert_acknowledged")}
    for stored in steps:
        round_, name = stored.entry.body["round"], stored.entry.body["step"]
        step = _step(policy, name)
        meant = set(_meant(seen.operations, step, stored.entry.at))
        ours = [one for one in notices if (one.round, one.step) == (round_, name)]
        told = {one.responder for one in ours if one.way == 0}
        if told - meant or (meant - told) - said:
            yield f"#{alert.number} {name}: asks {sorted(meant)}, told were {sorted(told)}"
        ways = Counter((one.responder, one.way) for one in ours)
        if any(way >= len(step.ways) or n > 1 for (_, way), n in ways.items()):
            yield f"#{alert.number} {name}: {dict(ways)}, of {len(step.ways)} ways"
    begun = {(one.entry.body["round"], one.entry.body["step"]) for one in steps}
    for one in notices:
        if (one.round, one.step) not in begun:
            yield f"#{alert.number}: told {one.responder} by {one.step}, which never began"


def _not_early(seen: PagingEvidence, alert: Alert, steps: Sequence[StoredAudit]) -> Iterator[str]:
    """A step that told somebody who has said nothing yet is given its time, unless nothing of it may
    have arrived, or a person passed it on."""
    policy = seen.policy_of(alert)
    passed_on = {one.entry.at for one in seen.of(alert, "alert_escalated")}
    for before, after in pairwise(steps):
        body, step = before.entry.body, _step(policy, before.entry.body["step"])
        following = _step(policy, after.entry.body["step"])
        wait_s = following.delay_s
        if after.entry.body["round"] > body["round"]:
            wait_s += policy.pause_s
        said = {
            one.entry.body["by"]
            for one in seen.of(alert, "alert_acknowledged")
            if one.seq < after.seq
        }
        patient = [
            one
            for one in seen.told_of(alert)
            if (one.round, one.step) == (body["round"], body["step"])
            if one.responder not in said and _arrived(seen, one)
        ]
        if patient and not step.delivered_within_s and after.entry.at not in passed_on:
            wait_s += step.acknowledged_within_s
        early = after.entry.at - before.entry.at < timedelta(seconds=wait_s)
        if early and after.entry.at not in passed_on:
            yield f"#{alert.number}: {following.name} began before its time"


def _arrived(seen: PagingEvidence, notice: Notice) -> bool:
    message = seen.base.last.outbound.get(notice.message_id)
    return message is not None and message.status in _ARRIVED


def _step(policy: EscalationPolicy, name: str) -> Step:
    return next(step for step in policy.steps if step.name == name)


def _meant(operations: Operations, step: Step, at: datetime) -> Iterable[str]:
    for target in step.targets:
        yield from _who(operations, target, at)


def _who(operations: Operations, target: Target, at: datetime) -> Sequence[str]:
    match target.kind:
        case TargetKind.PERSON:
            return (target.name,)
        case TargetKind.GROUP:
            return operations.groups[target.name]
        case TargetKind.SCHEDULE:
            return on_call(operations.schedules[target.name], at)


def everybody_told(seen: PagingEvidence) -> Broken:
    """(c) Every notice ended: its text was taken by the carrier, or why not is on record, and nothing
    was called off that somebody still had to know."""
    taken = {_item_id(message) for message in seen.base.taken}
    items = seen.items()
    for one in seen.notices:
        alert, about = seen.alerts[one.alert_id], f"#{seen.alerts[one.alert_id].number}"
        if one.state is NoticeState.OWED:
            yield f"{about}: {one.responder} was never told by {one.step or one.kind.value}"
        elif one.state is NoticeState.FAILED:
            yield f"{about}: {one.responder} could not be told: {one.reason}"
        elif one.state is NoticeState.MOOT and not list(_quiet(seen, alert)):
            yield f"{about}: {one.responder} was not told, though nobody has it"
        elif one.state is NoticeState.TOLD:
            for item in items.get(one.message_id, ()):
                if why := _undelivered(seen, alert, item, taken):
                    yield f"{about}: {one.responder} by {one.step}: {why}"
            if not items.get(one.message_id):
                yield f"{about}: {one.responder} was told by a text that is nowhere"


def _undelivered(seen: PagingEvidence, alert: Alert, item: OutboxItem, taken: set[str]) -> str:
    """What is wrong with a part that the carrier never took; nothing where that is how it had to be."""
    if item.id in taken:
        return ""
    match item.state:
        case OutboxState.CANCELLED:
            return "" if list(_quiet(seen, alert)) else f"called off ({item.reason})"
        case OutboxState.EXPIRED | OutboxState.DEAD | OutboxState.FAILED:
            return "" if item.reason else "failed without a reason"
        case state:
            return f"never at the carrier, and {state.value}"


def nothing_lost(seen: PagingEvidence) -> Broken:
    """(d) What was answered is stored, once for ever, and did to its alert what it says."""
    ids: dict[str, set[str]] = defaultdict(set)
    for our_id, event in seen.posted:
        ids[event.id].add(our_id)
        stored = seen.events.get(our_id)
        if stored is None:
            yield f"{event.id}: answered, and not stored"
        elif event.action is EventAction.TRIGGER:
            did = stored.outcome.get(event.type.partition(".")[0], {})
            if did.get("did") not in ("opened", "joined", "late"):
                yield f"{event.id}: stored, and did {did}"
            elif did["alert"] not in seen.alerts:
                yield f"{event.id}: its alert is nowhere"
    yield from (f"{key}: stored {len(ours)} times" for key, ours in ids.items() if len(ours) > 1)
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for stored in seen.events.values():
        for did in stored.outcome.values():
            counted[did.get("alert", "")][did["did"]] += 1
    for alert in seen.alerts.values():
        told = counted[alert.id]
        if told["opened"] != 1 or alert.count != told["opened"] + told["joined"]:
            yield f"#{alert.number}: counts {alert.count}, its events {dict(told)}"
    open_ = Counter((a.flow, a.dedupe_key) for a in seen.alerts.values() if a.state in OPEN)
    yield from (f"{key}: {n} open alerts" for (_, key), n in open_.items() if n > 1)


def bearable(seen: PagingEvidence) -> Broken:
    """(e) Nobody is sent more than a person can read, by when texts were proposed that left, and by when
    the carrier took those that were not held up."""
    proposed: dict[tuple[NoticeKind, str], dict[str, datetime]] = defaultdict(dict)
    arrived, outbound = seen.arrived(), seen.base.last.outbound
    for one in seen.notices:
        if one.state is not NoticeState.TOLD or one.told_at is None:
            continue
        if one.message_id in arrived or outbound[one.message_id].status not in _NEVER_LEFT:
            proposed[one.kind, one.responder][one.message_id] = one.told_at
    owner = {item.id: item.message_id for item in seen.base.last.items.values()}
    taken = {owner.get(_item_id(m), ""): m.created_at for m in seen.base.taken}
    for (kind, responder), texts in proposed.items():
        kept = [t for key, at in texts.items() if (t := taken.get(key, at)) - at < DELAYED]
        for what, times, slack in (
            ("proposed", list(texts.values()), timedelta(0)),
            ("taken", kept, DELAYED),  # each a little later than proposed, by its own little
        ):
            if finding := _too_many(sorted(times), kind, slack):
                yield f"{responder}: {kind.value} texts {what}: {finding}"


def _too_many(times: Sequence[datetime], kind: NoticeKind, slack: timedelta) -> str:
    for count, within_s in TIERS[kind]:
        for first, last in zip(times, times[count:], strict=False):
            if last - first < timedelta(seconds=within_s) - slack:
                return f"{count + 1} within {last - first}"
    if kind is NoticeKind.ALERT and any(b - a < GAP - slack for a, b in pairwise(times)):
        return "two within a minute"
    return ""


def owners_told(seen: PagingEvidence) -> Broken:
    """(f) Each alert that nobody is left to ask about is told to the owner, or the owner was told this
    hour that there is more."""
    notices = [
        message
        for message in seen.base.last.outbound.values()
        if message.message_class is MessageClass.OWNER_NOTICE
    ]
    for alert in seen.alerts.values():
        for stored in seen.of(alert, "escalation_exhausted"):
            at = stored.entry.at
            begins = f"Alert {alert.number} ("
            ours = [m for m in notices if m.created_at == at and m.body.startswith(begins)]
            if any("nobody is left" in message.body for message in ours):
                continue
            if not _told_of_more(notices, at):
                yield f"#{alert.number}: its end was told to no owner"
    taken = Counter(m.body for m in seen.base.taken)
    for body, count in taken.items():
        if body.startswith("Alert ") and count > 1 and "nobody is left" in body:
            spent = sum(m.body == body for m in notices)
            if count > spent:
                yield f"{body[:30]!r}: told {count} times, proposed {spent} times"


def _told_of_more(notices: Iterable[Message], at: datetime) -> bool:
    """This hour the owner was told that there is more than is told one by one."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    return any(hour <= m.created_at <= at and "ore than " in m.body for m in notices)


def always_a_next_time(seen: PagingEvidence) -> Broken:
    """(g) At no look an open alert was overdue or without a next time, and the self-audit is content."""
    yield from seen.adrift[:5]
    yield from seen.problems


def _of_base(check: Callable[[Evidence], Broken]) -> Checker:
    return lambda seen: check(seen.base)


CHECKERS: dict[str, Checker] = {
    "one copy": one_copy,
    "quiet": quiet_once_somebody_has_it,
    "steps": every_step_in_order,
    "told": everybody_told,
    "events": nothing_lost,
    "throttle": bearable,
    "owners": owners_told,
    "next": always_a_next_time,
    "P1": _of_base(one_gate),
    "P4 stored": _of_base(accepted_means_stored),
    "P4 back": _of_base(never_back),
    "P6": _of_base(all_accounted),
    "P7": _of_base(all_explained),
    "P9": _of_base(nothing_told),
}


def broken(seen: PagingEvidence) -> list[str]:
    """Everything that does not hold, each with its checker."""
    return [f"{name}: {what}" for name, check in CHECKERS.items() for what in check(seen)]


def _item_id(message: CarrierMessage) -> str:
    """Our id of what the carrier took: it is in the callback address."""
    found = _OUR_ID.search(message.status_callback)
    return found[0] if found else ""
