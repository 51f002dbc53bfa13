"""What must hold whatever happens, judged from outside: at the carrier's door, in the store, in the
log. Each checker answers what is broken, in words, and knows nothing of how the gateway works."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, pairwise

from ringfence.gateway.parts import EARLIER
from ringfence.model.contact import SwitchScope
from ringfence.model.message import FINAL, Message, MessageClass, MessageStatus
from ringfence.model.outbox import OUTBOX_TRANSITIONS, OutboxItem, OutboxState
from ringfence.ports import StoredAudit, Tx
from ringfence.simulator.inprocess import Create
from ringfence.simulator.records import Message as CarrierMessage

LISTED_MAX = 1_000_000
_RANK = {
    MessageStatus.QUEUED: 0,
    MessageStatus.SENDING: 0,
    MessageStatus.SENT: 1,
    MessageStatus.READ: 3,
}
_FINAL_RANK = 2
_ENDS = frozenset(
    {
        OutboxState.ACCEPTED,
        OutboxState.FAILED,
        OutboxState.CANCELLED,
        OutboxState.EXPIRED,
        OutboxState.DEAD,
    }
)
_AFTER_OPT_OUT = frozenset({MessageClass.OPT_OUT_CONFIRMATION, MessageClass.HELP})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The store at one moment."""

    inbound: Sequence[Message]
    outbound: Mapping[str, Message]
    items: Mapping[str, OutboxItem]

    @classmethod
    def of(cls, tx: Tx) -> Snapshot:
        inbound = tx.messages.listing(LISTED_MAX, None, "in", None)
        outbound = {m.id: m for m in tx.messages.listing(LISTED_MAX, None, "out", None)}
        parts = tx.outbox.of_messages(outbound)
        return cls(inbound, outbound, {i.id: i for theirs in parts.values() for i in theirs})


@dataclass(slots=True)
class Ban:
    """Nothing may be claimed for somebody (or for all) after `since` audit entries were committed,
    until `until` were. `person` empty means everybody; `kind` is `opt_out`, `block` or
    `stop` and the switch's scope."""

    kind: str
    person: str
    since: int
    until: int | None = None

    def covers(self, person: str, claimed_at: int, message_class: MessageClass) -> bool:
        if self.person not in ("", person) or claimed_at <= self.since:
            return False
        if self.kind == "opt_out" and message_class in _AFTER_OPT_OUT:
            return False
        return self.until is None or claimed_at <= self.until


@dataclass(slots=True)
class Evidence:
    """What was seen. `creates` are requests as they reached the carrier; `taken` what it accepted;
    `acknowledged` the SIDs of texts that were answered 2xx; `failures` log lines with a traceback."""

    creates: list[Create] = field(default_factory=list)
    taken: Sequence[CarrierMessage] = ()
    acknowledged: list[str] = field(default_factory=list)
    bans: list[Ban] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    moved_back: list[tuple[str, str]] = field(default_factory=list)
    audit: Mapping[str, Sequence[StoredAudit]] = field(default_factory=dict)
    chain: tuple[int, str] = (0, "")
    counts: Mapping[str, int] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    secrets: Sequence[str] = ()

    @property
    def last(self) -> Snapshot:
        return self.snapshots[-1]

    @property
    def resubmitted(self) -> set[str]:
        """Messages of which an operator sent a dead letter, or a part of it, again."""
        return {
            self.last.items[subject].message_id
            for subject, entries in self.audit.items()
            if subject in self.last.items
            and any(stored.entry.kind == "resubmitted" for stored in entries)
        }

    def claims(self, item_id: str) -> list[StoredAudit]:
        """The allowing claim decisions of an item, in order of their commits."""
        return [
            stored
            for stored in self.audit.get(item_id, ())
            if stored.entry.kind == "decision"
            and stored.entry.body["claiming"]
            and stored.entry.body["verdict"] == "allow"
        ]


Broken = Iterable[str]
Checker = Callable[[Evidence], Broken]


def by_item(creates: Iterable[Create]) -> dict[str, list[Create]]:
    found: dict[str, list[Create]] = defaultdict(list)
    for create in creates:
        found[create.item_id].append(create)
    return found


def one_gate(seen: Evidence) -> Broken:
    """P1: every request to send has exactly one allowing claim decision, committed before it."""
    for item_id, creates in by_item(seen.creates).items():
        claims = seen.claims(item_id)
        if len(creates) > len(claims):
            yield f"{item_id}: {len(creates)} requests, {len(claims)} claim decisions"
        for create, claim in zip(creates, claims, strict=False):
            if claim.seq > create.known:
                yield f"{item_id}: sent before its decision {claim.seq} was committed"


def stop_means_stop(seen: Evidence) -> Broken:
    """P3: nothing claimed after an opt-out, a block or a stop was committed reaches the carrier."""
    for item_id, creates in by_item(seen.creates).items():
        item = seen.last.items.get(item_id)
        if item is None:
            continue
        for create, claim in zip(creates, seen.claims(item_id), strict=False):
            for ban in seen.bans:
                if ban.covers(create.to, claim.seq, item.message_class):
                    yield f"{item_id}: claimed by entry {claim.seq} under a {ban.kind} since {ban.since}"


def accepted_means_stored(seen: Evidence) -> Broken:
    """P4: what was answered 2xx is stored, exactly once, in every snapshot that follows."""
    stored = Counter(message.provider_id for message in seen.last.inbound)
    for sid in seen.acknowledged:
        if stored[sid] != 1:
            yield f"{sid}: answered 2xx and stored {stored[sid]} times"


def never_back(seen: Evidence) -> Broken:
    """P4: outbox states move along their table, statuses only forward."""
    looks = (moved_back(before, after) for before, after in pairwise(seen.snapshots))
    resubmitted = seen.resubmitted
    for message_id, what in (*seen.moved_back, *chain.from_iterable(looks)):
        if message_id not in resubmitted:  # which a person began anew
            yield what


def moved_back(before: Snapshot, after: Snapshot) -> Iterable[tuple[str, str]]:
    """What is further back in the later of two looks: the message, and what of it."""
    reach = _reach()
    for item_id, was in before.items.items():
        now = after.items.get(item_id)
        if now is None:
            yield was.message_id, f"{item_id}: vanished"
        elif was.state is OutboxState.HELD and was.reason == EARLIER:
            continue  # it goes as soon as a late callback proves the part before it
        elif now.state is not was.state and now.state not in reach[was.state]:
            yield was.message_id, f"{item_id}: went from {was.state.value} to {now.state.value}"
        elif was.state is OutboxState.ACCEPTED and _rank(now.status) < _rank(was.status):
            yield (
                was.message_id,
                f"{item_id}: went from {was.status.value} back to {now.status.value}",
            )
    gone = {m.id for m in before.inbound} - {m.id for m in after.inbound}
    yield from ((key, f"{key}: an inbound message vanished") for key in sorted(gone))


def once_per_item(seen: Evidence) -> Broken:
    """P5: one message at the carrier per outbox item, and one answer to each text."""
    for (person, callback), count in Counter(
        (m.recipient, m.status_callback) for m in seen.taken
    ).items():
        if callback and count > 1:
            yield f"{person[-4:]}: the carrier took one item {count} times"
    answered = Counter(m.in_reply_to for m in seen.last.outbound.values() if m.in_reply_to)
    yield from (f"{key}: answered {count} times" for key, count in answered.items() if count > 1)


def at_most_once(seen: Evidence) -> Broken:
    """P5: the same, and one message per text that occurs once."""
    yield from once_per_item(seen)
    for text, count in Counter((m.recipient, m.body) for m in seen.taken if "#" in m.body).items():
        if count > 1:
            yield f"{text[1][:40]!r}: {count} times at the carrier"


def all_accounted(seen: Evidence) -> Broken:
    """P6: no stage failed, at the end every item, message and turn has ended, with a reason, and
    what the carrier has, we know of."""
    yield from (f"a stage failed: {line[:600]}" for line in seen.failures[:3])
    for key in ("outbox.due", "outbox.sending", "outbox.unknown", "outbox.held"):
        if seen.counts.get(key):
            yield f"{seen.counts[key]} left in {key}"
    for key in ("turns.owed", "turns.claimed", "watches.open"):
        if seen.counts.get(key):
            yield f"{seen.counts[key]} left in {key}"
    for item in seen.last.items.values():
        if item.state not in _ENDS:
            yield f"{item.id}: ended as {item.state.value}"
        elif item.state is not OutboxState.ACCEPTED and not item.reason:
            yield f"{item.id}: {item.state.value} without a reason"
    for message in seen.last.outbound.values():
        if message.status not in FINAL and not message.reason:
            yield f"{message.id}: ended {message.status.value} without a reason"
    yield from _known_at_the_carrier(seen)


def _known_at_the_carrier(seen: Evidence) -> Broken:
    sids = {item.provider_id: item for item in seen.last.items.values() if item.provider_id}
    requested = {create.item_id for create in seen.creates}
    for item_id in requested:
        if item_id not in seen.last.items:
            yield f"{item_id}: the carrier was asked for an item that is not in the store"
    for message in seen.taken:
        item = sids.get(message.sid)
        if item is not None and item.state is OutboxState.ACCEPTED:
            delivered = message.status in ("delivered", "read")
            ours = item.status in (MessageStatus.DELIVERED, MessageStatus.READ)
            if delivered != ours:
                yield f"{item.id}: {message.status} at the carrier, {item.status.value} here"


def all_explained(seen: Evidence) -> Broken:
    """P7: the chain is whole, every attempt has its decision, and no entry holds a number."""
    if seen.chain[1]:
        yield f"audit: {seen.chain[1]}"
    resubmitted = seen.resubmitted
    for item in seen.last.items.values():
        claims = seen.claims(item.id)
        if len(claims) != item.attempt and item.message_id not in resubmitted:
            yield f"{item.id}: {item.attempt} attempts, {len(claims)} claim decisions"
    for entries in seen.audit.values():
        for stored in entries:
            text = json.dumps(dict(stored.entry.body), default=str)
            if any(secret in text for secret in seen.secrets):
                yield f"audit entry {stored.seq} ({stored.entry.kind}) holds a number or a token"


def nothing_told(seen: Evidence) -> Broken:
    """P9: no log line holds a full phone number or a token."""
    for line in seen.log:
        if any(secret in line for secret in seen.secrets):
            yield f"a log line tells a secret: {line[:60]}…"


CHECKERS: dict[str, Checker] = {
    "P1": one_gate,
    "P3": stop_means_stop,
    "P4 stored": accepted_means_stored,
    "P4 back": never_back,
    "P5": at_most_once,
    "P6": all_accounted,
    "P7": all_explained,
    "P9": nothing_told,
}


def broken(seen: Evidence) -> list[str]:
    """Everything that does not hold, each with its promise."""
    return [f"{promise}: {what}" for promise, check in CHECKERS.items() for what in check(seen)]


def ban_for(scope: SwitchScope, subject: str, known: int) -> Ban:
    """The ban of a kill switch; one for a person covers that person, any other everybody here."""
    return Ban(f"stop {scope.value}", subject if scope is SwitchScope.CONTACT else "", known)


def _rank(status: MessageStatus) -> int:
    return _RANK.get(status, _FINAL_RANK)


@cache
def _reach() -> dict[OutboxState, set[OutboxState]]:
    """States that can follow, over any number of moves, while nobody resubmits or releases."""
    steps = {
        state: {
            following
            for following in theirs
            if not (
                state in (OutboxState.DEAD, OutboxState.FAILED, OutboxState.HELD)
                and following is OutboxState.DUE
            )
        }
        for state, theirs in OUTBOX_TRANSITIONS.items()
    }
    reach = {state: set(theirs) for state, theirs in steps.items()}
    for _ in steps:
        for found in reach.values():
            found |= {far for near in tuple(found) for far in steps[near]}
    return reach
