"""Tracking (architecture, step 9): status callbacks are folded, owed statuses are looked up, and
unknown outcomes are resolved at the provider. Late and repeated reports change nothing (P4)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import assert_never

from ringfence.delivery.retry import Resolve, Track, poll_again, resolve_again
from ringfence.gateway.batch import Batcher
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.finals import change_messages
from ringfence.gateway.parts import hold_later_parts
from ringfence.gateway.reports import Report, adopt, fold_reports
from ringfence.gateway.watching import watch_status
from ringfence.model.errors import RingfenceError
from ringfence.model.line import Line
from ringfence.model.message import FINAL, MessageStatus, StatusCallback
from ringfence.model.outbox import OutboxItem, OutboxState, Watch, WatchKind
from ringfence.ports import MessageChange, OutboxChange, Tx
from ringfence.providers.base import RemoteMessage

log = logging.getLogger("ringfence.track")

# While a look is under way no other process repeats it.
_LOOK_LEASE = timedelta(seconds=60)
# The provider's list is by day and its clock is not ours.
_CLOCK_SLACK = timedelta(minutes=2)
# So long after a message's lifetime an outcome that nobody could look up is left to a person.
_UNLISTED_MAX = timedelta(hours=24)


class Tracker:
    """Folds reports and looks after watches."""

    def __init__(self, kit: Equipment) -> None:
        self._kit = kit
        self._fold: Batcher[Report, None] = Batcher(kit.store, self._fold_many)

    async def callback(self, line: Line, event: StatusCallback) -> None:
        """Store and fold one report; returns after the commit."""
        await self._fold(Report(line, event))

    def _fold_many(self, tx: Tx, batch: Sequence[Report]) -> list[None]:
        fold_reports(self._kit, tx, batch, self._kit.clock.now())
        return [None] * len(batch)

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
        if item is None or _is_met(watch, item):
            now = self._kit.clock.now()
            await self._kit.store.write(lambda tx: self._met(tx, watch, now))
            return
        # A line that left the configuration cannot be asked; the watch's bound still holds.
        line = self._kit.lines.get(watch.line)
        match watch.kind:
            case WatchKind.STATUS:
                await self._look_status(watch, item, line)
            case WatchKind.OUTCOME:
                await self._look_outcome(watch, item, line)
            case _:
                assert_never(watch.kind)

    def _met(self, tx: Tx, watch: Watch, now: datetime) -> None:
        """Close a watch that owes nothing more. While we looked, a report may have put a status
        watch in its place: what is accepted and not final keeps one (P6)."""
        item = tx.outbox.get(watch.id)
        if item is None or item.state is not OutboxState.ACCEPTED or item.status in FINAL:
            tx.watches.close([watch.id])
            return
        at = now + timedelta(seconds=self._kit.pace.watch.status_s[0])
        tx.watches.add([watch_status(item.id, item.line, at, now)])

    async def _look_status(self, watch: Watch, item: OutboxItem, line: Line | None) -> None:
        if line is not None and (remote := await self._fetched(item, line)) is not None:
            await self.callback(line, as_callback(remote, item, line))
            if remote.status in FINAL:
                return
        await self._put_off(watch, item)

    async def _fetched(self, item: OutboxItem, line: Line) -> RemoteMessage | None:
        provider = self._kit.provider_of(line)
        try:
            request = provider.fetch(item.provider_id, line)
            return provider.fetched(await self._kit.http.send(request))
        except RingfenceError:
            return None  # the look itself failed: it proves nothing

    async def _put_off(self, watch: Watch, item: OutboxItem) -> None:
        now = self._kit.clock.now()
        again = poll_again(watch.attempt + 1, now, self._kit.pace.watch)

        def job(tx: Tx) -> None:
            if isinstance(again, Track):
                tx.watches.reschedule([replace(watch, attempt=watch.attempt + 1, due_at=again.at)])
                return
            tx.watches.close([watch.id])
            found = tx.outbox.get(item.id)
            if found is None or found.status in FINAL:
                return  # a callback told it while we asked
            # Many carriers give no receipt: `sent` may be the last word (facts 2.2).
            change_messages(tx, [MessageChange(item.message_id, now, reason="no_receipt")])
            tx.audit.append([self._kit.audit("unconfirmed", item.id, "system", now, {})])

        await self._kit.store.write(job)

    async def _look_outcome(self, watch: Watch, item: OutboxItem, line: Line | None) -> None:
        listed = None if line is None else await self._listed(item, line)
        now = self._kit.clock.now()
        await self._kit.store.write(lambda tx: self._resolve(tx, watch, item, line, listed, now))
        self._kit.outbox_bell.ring()

    async def _listed(self, item: OutboxItem, line: Line) -> Sequence[RemoteMessage] | None:
        provider = self._kit.provider_of(line)
        if not provider.capabilities.list:
            return ()  # only its report can tell, and that comes by itself
        try:
            request = provider.find(item.number.e164, self._since(item), line)
            return provider.found(await self._kit.http.send(request))
        except RingfenceError:
            return None  # the look itself failed: it proves nothing

    def _since(self, item: OutboxItem) -> datetime:
        """The earliest moment the provider can have taken it."""
        claimed = (item.lease_until or item.created_at) - self._kit.pace.dispatch_lease
        return claimed - _CLOCK_SLACK

    def _resolve(
        self,
        tx: Tx,
        watch: Watch,
        item: OutboxItem,
        line: Line | None,
        listed: Sequence[RemoteMessage] | None,
        now: datetime,
    ) -> None:
        found = tx.outbox.get(item.id)
        if found is None or found.state is not OutboxState.UNKNOWN:
            self._met(tx, watch, now)  # somebody learned its outcome while we asked
            return
        match_ = match(tx, item, listed or (), self._since(item))
        if match_ is not None and line is not None:
            fold_reports(self._kit, tx, [Report(line, as_callback(match_, item, line))], now)
            known = replace(
                item,
                state=OutboxState.ACCEPTED,
                status=match_.status,
                provider_id=match_.provider_id,
            )
            adopt(self._kit, tx, [known], now)
            return
        again = self._next_look(watch, item, listed is not None, now)
        if again is None:
            self._give_up(tx, item, self._lists(line), now)
        else:
            tx.watches.reschedule([again])

    def _next_look(
        self, watch: Watch, item: OutboxItem, worked: bool, now: datetime
    ) -> Watch | None:
        """The watch at its next time; None when a person must decide. Only a look that worked
        counts towards giving up, but looks that fail do not go on for ever either (P6)."""
        settings = self._kit.pace.watch
        if not worked:
            if now >= item.expires_at + _UNLISTED_MAX:
                return None
            return replace(watch, due_at=now + timedelta(seconds=settings.outcome_s[-1]))
        again = resolve_again(watch.attempt + 1, now, settings)
        if isinstance(again, Resolve):
            return replace(watch, attempt=watch.attempt + 1, due_at=again.at)
        return None

    def _lists(self, line: Line | None) -> bool:
        return line is None or self._kit.provider_of(line).capabilities.list

    def _give_up(self, tx: Tx, item: OutboxItem, lists: bool, now: datetime) -> None:
        """At most once for people (P5): not found is not proof, so nothing is sent again by
        itself."""
        why = "did not list it" if lists else "has no list to look in and told nothing of it"
        reason = f"unknown_outcome: the provider {why}; resubmit it if it never arrived"
        tx.watches.close([item.id])
        change = OutboxChange(
            item.id,
            frozenset({OutboxState.UNKNOWN}),
            OutboxState.DEAD,
            reason=reason,
            status=MessageStatus.FAILED,
        )
        if not tx.outbox.change([change]):
            return
        hold_later_parts(tx, item)
        change_messages(
            tx, [MessageChange(item.message_id, now, status=MessageStatus.FAILED, reason=reason)]
        )
        log.warning("dead letter", extra={"outbox_id": item.id, "line": item.line})
        body = {"reason": "unknown_outcome"}
        tx.audit.append([self._kit.audit("dead_letter", item.id, "system", now, body)])


def _is_met(watch: Watch, item: OutboxItem) -> bool:
    match watch.kind:
        case WatchKind.STATUS:
            return item.state is not OutboxState.ACCEPTED or item.status in FINAL
        case WatchKind.OUTCOME:
            return item.state is not OutboxState.UNKNOWN
        case _:
            assert_never(watch.kind)


def as_callback(remote: RemoteMessage, item: OutboxItem, line: Line) -> StatusCallback:
    """What was looked up, as if the provider had told it."""
    return StatusCallback(
        provider_id=remote.provider_id,
        account_id=line.credentials.account_id,
        status=remote.status,
        provider_status=f"looked-up {remote.status.value}",
        error_code=remote.error_code,
        our_id=item.id,
    )


def match(
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
