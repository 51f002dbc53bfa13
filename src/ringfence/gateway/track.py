"""Tracking (architecture, step 9): status callbacks are folded, owed statuses are looked up, and
unknown outcomes are resolved at the provider. Late and repeated reports change nothing (P4)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import assert_never

from ringfence.delivery.retry import Resolve, Track, poll_again, resolve_again
from ringfence.delivery.status import fold
from ringfence.gateway.batch import Batcher
from ringfence.gateway.cancel import cancel_person
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.parts import settle_parts
from ringfence.gateway.watching import watch_status
from ringfence.model.audit import AuditEntry
from ringfence.model.errors import RingfenceError
from ringfence.model.line import Line
from ringfence.model.message import FINAL, MessageStatus, StatusCallback
from ringfence.model.outbox import ErrorClass, OutboxItem, OutboxState, Watch, WatchKind
from ringfence.ports import MessageChange, Observation, OutboxChange, Tx
from ringfence.providers.base import RemoteMessage

log = logging.getLogger("ringfence.track")

# A callback proves the provider has the message, whatever we believed before.
_PROVABLE = frozenset(
    {OutboxState.SENDING, OutboxState.UNKNOWN, OutboxState.DEAD, OutboxState.ACCEPTED}
)
# While a look is under way no other process repeats it.
_LOOK_LEASE = timedelta(seconds=60)
# The provider's list is by day and its clock is not ours.
_CLOCK_SLACK = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Report:
    """One status of one item, from a callback or a look-up."""

    line: Line
    event: StatusCallback


class Tracker:
    """Folds reports and looks after watches."""

    def __init__(self, kit: Equipment) -> None:
        self._kit = kit
        self._fold: Batcher[Report, None] = Batcher(kit.store, self._fold_many)

    async def callback(self, line: Line, event: StatusCallback) -> None:
        """Store and fold one report; returns after the commit."""
        await self._fold(Report(line, event))

    # -- folding ---------------------------------------------------------------------------

    def _fold_many(self, tx: Tx, batch: Sequence[Report]) -> list[None]:
        now = self._kit.clock.now()
        items = _find_items(tx, batch)
        observed: list[Observation] = []
        pairs: list[tuple[Report, OutboxItem | None]] = []
        current: dict[str, OutboxItem] = {}
        for report in batch:
            item = _item_of(report, items)
            item = current.get(item.id, item) if item is not None else None
            observation, after = _observe(report, item, now)
            observed.append(observation)
            pairs.append((report, item))
            if after is not None:
                current[after.id] = after
        fresh = tx.events.observe(observed)
        moved: dict[str, OutboxItem] = {}
        entries: list[AuditEntry] = []
        for (report, before), observation, new in zip(pairs, observed, fresh, strict=True):
            if new and before is not None:
                moved[before.id] = current[before.id]
                entries.append(self._entry(report, before, observation, now))
                _log_status(before, observation)
                self._opt_out(tx, report, before, now)
        self._apply(tx, list(moved.values()), now)
        tx.audit.append(entries)
        return [None] * len(batch)

    def _apply(self, tx: Tx, moved: Sequence[OutboxItem], now: datetime) -> None:
        if not moved:
            return
        tx.outbox.change(
            [
                OutboxChange(
                    item.id,
                    _PROVABLE,
                    OutboxState.ACCEPTED,
                    provider_id=item.provider_id,
                    status=item.status,
                    error_code=item.error_code,
                )
                for item in moved
            ]
        )
        tx.messages.change(
            [
                MessageChange(
                    item.message_id,
                    now,
                    status=item.status,
                    error_code=item.error_code,
                    provider_id=item.provider_id,
                )
                for item in moved
                if item.parts == 1
            ]
        )
        settle_parts(tx, {item.message_id for item in moved if item.parts > 1}, "", now)
        tx.watches.close([item.id for item in moved if item.status in FINAL])
        first = now + timedelta(seconds=self._kit.pace.watch.status_s[0])
        tx.watches.add(
            [
                watch_status(item.id, item.line, first, now)
                for item in moved
                if item.status not in FINAL and item.state is not OutboxState.ACCEPTED
            ]
        )

    def _entry(
        self, report: Report, before: OutboxItem, observation: Observation, now: datetime
    ) -> AuditEntry:
        body = {
            "status": observation.status,
            "provider_status": observation.provider_status,
            "was": before.status,
            "error_code": observation.error_code,
            "conflicting": observation.conflicting,
            "provider_id": report.event.provider_id,
        }
        return self._kit.audit("status", before.id, "provider", now, body)

    def _opt_out(self, tx: Tx, report: Report, item: OutboxItem, now: datetime) -> None:
        provider = self._kit.provider_of(report.line)
        code = report.event.error_code
        if code is None or provider.classify(code) is not ErrorClass.OPT_OUT:
            return
        tx.people.set_opt_out(item.number, "provider")
        body = {"line": item.line, "source": "provider", "code": code}
        tx.audit.append([self._kit.audit("opt_out", item.id, "provider", now, body)])
        cancel_person(self._kit, tx, item.number, "opted_out", "provider", now)

    # -- watches ---------------------------------------------------------------------------

    async def take_due(self) -> list[Watch]:
        """Watches whose deadline passed, each put off so that nobody else looks meanwhile."""
        now = self._kit.clock.now()

        def job(tx: Tx) -> list[Watch]:
            due = tx.watches.due(now, self._kit.pace.watch_batch)
            tx.watches.reschedule([replace(watch, due_at=now + _LOOK_LEASE) for watch in due])
            return due

        return await self._kit.store.write(job)

    async def look(self, watch: Watch) -> None:
        """Ask the provider about one watch and act on the answer."""
        item = await self._kit.store.read(lambda tx: tx.outbox.get(watch.id))
        line = self._kit.lines.get(watch.line)
        if item is None or line is None:
            await self._kit.store.write(lambda tx: tx.watches.close([watch.id]))
            return
        match watch.kind:
            case WatchKind.STATUS:
                await self._look_status(watch, item, line)
            case WatchKind.OUTCOME:
                await self._look_outcome(watch, item, line)
            case _:
                assert_never(watch.kind)

    async def _look_status(self, watch: Watch, item: OutboxItem, line: Line) -> None:
        provider = self._kit.provider_of(line)
        try:
            answer = await self._kit.http.send(provider.fetch(item.provider_id, line))
            remote = provider.fetched(answer)
        except RingfenceError:
            remote = None
        if remote is not None:
            await self.callback(line, _as_callback(remote, item, line))
            if remote.status in FINAL:
                return
        await self._put_off(watch, item)

    async def _put_off(self, watch: Watch, item: OutboxItem) -> None:
        now = self._kit.clock.now()
        again = poll_again(watch.attempt + 1, now, self._kit.pace.watch)

        def job(tx: Tx) -> None:
            if isinstance(again, Track):
                tx.watches.reschedule([replace(watch, attempt=watch.attempt + 1, due_at=again.at)])
                return
            # Many carriers give no receipt: `sent` may be the last word (facts 2.2).
            tx.watches.close([watch.id])
            tx.messages.change([MessageChange(item.message_id, now, reason="no_receipt")])
            tx.audit.append([self._kit.audit("unconfirmed", item.id, "system", now, {})])

        await self._kit.store.write(job)

    async def _look_outcome(self, watch: Watch, item: OutboxItem, line: Line) -> None:
        if item.state is not OutboxState.UNKNOWN:
            await self._kit.store.write(lambda tx: tx.watches.close([watch.id]))
            return
        provider = self._kit.provider_of(line)
        try:
            answer = await self._kit.http.send(
                provider.find(item.number.e164, self._since(item), line)
            )
            listed: Sequence[RemoteMessage] | None = provider.found(answer)
        except RingfenceError:
            listed = None  # the look itself failed: it proves nothing
        now = self._kit.clock.now()
        await self._kit.store.write(lambda tx: self._resolve(tx, watch, item, line, listed, now))
        self._kit.outbox_bell.ring()

    def _since(self, item: OutboxItem) -> datetime:
        """The earliest moment the provider can have taken it."""
        claimed = (item.lease_until or item.created_at) - self._kit.pace.dispatch_lease
        return claimed - _CLOCK_SLACK

    def _resolve(
        self,
        tx: Tx,
        watch: Watch,
        item: OutboxItem,
        line: Line,
        listed: Sequence[RemoteMessage] | None,
        now: datetime,
    ) -> None:
        match_ = _match(tx, item, listed or (), self._since(item))
        if match_ is not None:
            self._fold_many(tx, [Report(line, _as_callback(match_, item, line))])
            return
        # Only a look that worked counts towards giving up.
        attempt = watch.attempt + (1 if listed is not None else 0)
        again = resolve_again(attempt, now, self._kit.pace.watch)
        if isinstance(again, Resolve):
            tx.watches.reschedule([replace(watch, attempt=attempt, due_at=again.at)])
            return
        # At most once for people (P5): not found is not proof, so nothing is sent again by itself.
        reason = "unknown_outcome: the provider did not list it; resubmit it if it never arrived"
        tx.watches.close([watch.id])
        changed = tx.outbox.change(
            [
                OutboxChange(
                    item.id,
                    frozenset({OutboxState.UNKNOWN}),
                    OutboxState.DEAD,
                    reason=reason,
                    status=MessageStatus.FAILED,
                )
            ]
        )
        if changed:
            tx.messages.change(
                [MessageChange(item.message_id, now, status=MessageStatus.FAILED, reason=reason)]
            )
            body = {"reason": "unknown_outcome"}
            tx.audit.append([self._kit.audit("dead_letter", item.id, "system", now, body)])


def _log_status(item: OutboxItem, observation: Observation) -> None:
    log.info(
        "status",
        extra={
            "message_id": item.message_id,
            "outbox_id": item.id,
            "provider_id": observation.provider_id,
            "line": item.line,
            "state": observation.status.value,
            "error_code": observation.error_code,
            "conflicting": observation.conflicting or None,
        },
    )


def _find_items(tx: Tx, batch: Sequence[Report]) -> dict[str, OutboxItem]:
    """Items by our id and by (line, provider id)."""
    found: dict[str, OutboxItem] = {}
    ours = {report.event.our_id for report in batch if report.event.our_id}
    if ours:
        found.update(tx.outbox.many(ours))
    by_line: dict[str, set[str]] = {}
    for report in batch:
        if report.event.our_id not in found:
            by_line.setdefault(report.line.id, set()).add(report.event.provider_id)
    for line, provider_ids in by_line.items():
        for provider_id, item in tx.outbox.by_provider_ids(line, provider_ids).items():
            found[f"{line}/{provider_id}"] = item
    return found


def _item_of(report: Report, items: Mapping[str, OutboxItem]) -> OutboxItem | None:
    event = report.event
    item = items.get(event.our_id) if event.our_id else None
    if item is None:
        return items.get(f"{report.line.id}/{event.provider_id}")
    # Our id on another line, or beside another provider id, is nobody's status of this item.
    if item.line != report.line.id or item.provider_id not in ("", event.provider_id):
        return None
    return item


def _observe(
    report: Report, item: OutboxItem | None, now: datetime
) -> tuple[Observation, OutboxItem | None]:
    event = report.event
    if item is None:
        return Observation(
            "", event.provider_id, event.provider_status, event.status, event.error_code, now
        ), None
    folded = fold(item.status, item.error_code, event.status, event.error_code)
    observation = Observation(
        item.id,
        event.provider_id,
        event.provider_status,
        event.status,
        event.error_code,
        now,
        folded.conflicting,
    )
    after = replace(
        item,
        status=folded.status,
        error_code=folded.error_code,
        provider_id=item.provider_id or event.provider_id,
    )
    return observation, after


def _as_callback(remote: RemoteMessage, item: OutboxItem, line: Line) -> StatusCallback:
    return StatusCallback(
        provider_id=remote.provider_id,
        account_id=line.credentials.account_id,
        status=remote.status,
        provider_status=f"looked-up {remote.status.value}",
        error_code=remote.error_code,
        our_id=item.id,
    )


def _match(
    tx: Tx, item: OutboxItem, listed: Sequence[RemoteMessage], since: datetime
) -> RemoteMessage | None:
    """The listed message that is this item: same text, not inbound, not older than the attempt
    (the provider filters by day only, and other programs may use the number), and not already
    another item's. The oldest wins, so that two equal texts resolve in the order they were sent."""
    candidates = [
        remote
        for remote in listed
        if not remote.inbound
        and remote.body.strip() == item.body.strip()
        and (remote.created_at is None or remote.created_at >= since)
    ]
    taken = tx.outbox.by_provider_ids(item.line, [remote.provider_id for remote in candidates])
    free = [
        remote
        for remote in candidates
        if remote.provider_id not in taken or taken[remote.provider_id].id == item.id
    ]
    return min(
        free, key=lambda remote: (remote.created_at or _NEVER, remote.provider_id), default=None
    )


_NEVER = datetime.max.replace(tzinfo=UTC)
