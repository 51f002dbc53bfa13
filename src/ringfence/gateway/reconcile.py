"""Reconciliation: what the provider's own list says of a line, compared with our rows. Inbound texts
that never reached us are taken in as if their webhook had come; statuses that differ are folded; what
only one of the two knows is reported. Never sends anything, and never decides for a person: a START or
an owner's text that comes so late waits among the dead letters (P2, P3)."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ringfence.gateway.differences import (
    Folded,
    Readmit,
    absent,
    admit,
    at,
    bury,
    fold_remote,
    unheard,
    wants_a_person,
)
from ringfence.gateway.equipment import Equipment
from ringfence.model.errors import (
    InvalidNumber,
    MalformedEvent,
    NotFound,
    ProviderRejected,
    RingfenceError,
    StoreError,
)
from ringfence.model.line import Line
from ringfence.model.phone import from_sender
from ringfence.model.wire import WireRequest
from ringfence.ports import Tx
from ringfence.providers.base import ListedMessage, ListsMessages, RemoteMessage

log = logging.getLogger("ringfence.reconcile")

PAGES_MAX: Final = 200
LOOKS_MAX: Final = 50
"""Messages that are looked up one by one because no list had them."""
NAMED_MAX: Final = 20
SETTLING: Final = timedelta(minutes=5)
"""What is younger may still be on its way to us."""
_BATCH: Final = 200


@dataclass(slots=True)
class Reconciled:
    """What one comparison found. `taken_in` are texts that never reached us, `late` those that wait for
    a person, `refused` those that cannot be taken; `statuses` differed; `resolved` were dead letters
    that the provider has; `foreign` was sent by somebody else (the provider's own answers to STOP and
    HELP among it); `missing` are sends of ours that it does not know. Not `complete`: more was listed
    than is read at once, or a look failed."""

    line: str
    since: datetime
    listed: int = 0
    taken_in: int = 0
    late: int = 0
    refused: int = 0
    statuses: int = 0
    resolved: int = 0
    foreign: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    complete: bool = True

    @property
    def is_news(self) -> bool:
        """Did the two disagree?"""
        counts = (self.taken_in, self.late, self.refused, self.statuses, self.resolved)
        return any(counts) or bool(self.missing)

    def counts(self) -> dict[str, object]:
        """Without the ids."""
        return {
            "line": self.line,
            "listed": self.listed,
            "taken_in": self.taken_in,
            "late": self.late,
            "refused": self.refused,
            "statuses": self.statuses,
            "resolved": self.resolved,
            "foreign": len(self.foreign),
            "missing": len(self.missing),
            "complete": self.complete,
        }


class Reconciliation:
    """Compares lines with their providers."""

    def __init__(self, kit: Equipment, readmit: Readmit) -> None:
        self._kit, self._readmit = kit, readmit

    async def run(self, line: Line, since: datetime, actor: str) -> Reconciled:
        """Compare one line from `since` on. Raises NotFound where the provider shows no list, and as
        its reads do."""
        kit, now = self._kit, self._kit.clock.now()
        done, until = Reconciled(line.id, since), now - SETTLING
        seen: set[str] = set()
        new: dict[str, ListedMessage] = {}
        async for rows in self._pages(line, done):
            span = {
                row.message.provider_id: row for row in rows if since <= at(row.message) <= until
            }
            fresh = [row for key, row in span.items() if key not in seen]
            seen |= {row.message.provider_id for row in rows}
            done.listed += len(fresh)
            await self._fold(line, [one.message for one in fresh if not one.message.inbound], done)
            new |= await self._unheard(line, [one for one in fresh if one.webhook])
        # In the order they were written: a STOP after a text stays the last word.
        for row in sorted(new.values(), key=lambda one: at(one.message)):
            await self._take_in(line, row, done)
        if done.complete:
            await self._look_for(line, until, seen, done)
        await kit.store.write(lambda tx: _put_on_record(kit, tx, done, actor, now))
        level = logging.WARNING if done.is_news else logging.INFO
        log.log(level, "reconciled", extra=done.counts())
        kit.turns_bell.ring()
        kit.outbox_bell.ring()
        return done

    async def _pages(self, line: Line, done: Reconciled) -> AsyncIterator[Sequence[ListedMessage]]:
        provider = self._kit.provider_of(line)
        if not isinstance(provider, ListsMessages):
            raise NotFound(f"{line.provider} shows no list of messages by its API.")
        for first in provider.listed_since(done.since, line):
            request: WireRequest | None = first
            pages = 0
            while request is not None and pages < PAGES_MAX:
                page = provider.listed(await self._kit.http.send(request), line)
                yield page.messages
                pages += 1
                past = page.oldest is not None and page.oldest < done.since
                request = None if past else page.more
            done.complete = done.complete and request is None

    # -- what we sent ----------------------------------------------------------------------

    async def _fold(self, line: Line, remote: Sequence[RemoteMessage], done: Reconciled) -> None:
        kit, now = self._kit, self._kit.clock.now()
        for start in range(0, len(remote), _BATCH):
            some = remote[start : start + _BATCH]

            def job(tx: Tx, some: Sequence[RemoteMessage] = some) -> Folded:
                return fold_remote(kit, tx, line, some, now)

            folded = await kit.store.write(job)
            done.statuses += folded.statuses
            done.resolved += folded.resolved
            done.foreign += folded.foreign

    async def _look_for(
        self, line: Line, until: datetime, seen: set[str], done: Reconciled
    ) -> None:
        """Ours that no list had are asked for one by one: not being listed proves nothing (P5)."""
        gone = await self._kit.store.read(
            lambda tx: absent(tx, line, done.since, until, seen, LOOKS_MAX)
        )
        done.complete = len(gone) <= LOOKS_MAX
        provider = self._kit.provider_of(line)
        for item in gone[:LOOKS_MAX]:
            try:
                request = provider.fetch(item.provider_id, line)
                remote = provider.fetched(await self._kit.http.send(request))
            except ProviderRejected:
                done.missing.append(item.id)
            except RingfenceError:
                done.complete = False  # the look itself failed: it proves nothing
            else:
                await self._fold(line, [remote], done)

    # -- what they sent --------------------------------------------------------------------

    async def _unheard(self, line: Line, rows: Sequence[ListedMessage]) -> dict[str, ListedMessage]:
        by_id = {row.message.provider_id: row for row in rows}
        if not by_id:
            return {}
        new = await self._kit.store.read(lambda tx: unheard(tx, line, list(by_id)))
        return {key: by_id[key] for key in by_id if key in new}

    async def _take_in(self, line: Line, row: ListedMessage, done: Reconciled) -> None:
        kit, now = self._kit, self._kit.clock.now()
        try:
            number = from_sender(row.message.sender)
            if wants_a_person(line, number, row.message):
                done.late += await kit.store.write(lambda tx: bury(kit, tx, line, row, now))
            else:
                done.taken_in += await kit.store.write(
                    lambda tx: admit(kit, tx, self._readmit, line, row, now)
                )
        except StoreError:
            raise
        except (InvalidNumber, MalformedEvent) as error:
            done.refused += 1
            extra = {"line": line.id, "provider_id": row.message.provider_id}
            log.warning("cannot be taken in", extra={**extra, "detail": error.code})


def _put_on_record(kit: Equipment, tx: Tx, done: Reconciled, actor: str, now: datetime) -> None:
    body = {
        **done.counts(),
        "since": done.since.isoformat(),
        "foreign_ids": done.foreign[:NAMED_MAX],
        "missing_ids": done.missing[:NAMED_MAX],
    }
    tx.audit.append([kit.audit("reconciled", done.line, actor, now, body)])
