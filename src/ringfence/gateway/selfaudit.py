"""The self-audit: whether everything that is owed has a next step in time, as the store has it. Each
problem says what to do. It looks and tells; it never mends, sends or changes what it looks at."""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ringfence.delivery.bundle import allowed_at
from ringfence.gateway import figures
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.paging import THROTTLES, throttle_of
from ringfence.model.alert import Notice, NoticeKind
from ringfence.model.errors import StoreError
from ringfence.model.oncall import Channel
from ringfence.model.outbox import OutboxItem
from ringfence.ports import SentText, Tx

log = logging.getLogger("ringfence.selfaudit")

LATE: Final = timedelta(minutes=5)
"""What is owed may be so late before it is a problem: a burst takes its time, a stuck stage longer."""
ALERT_LATE: Final = timedelta(minutes=2)
"""People wait for these."""
CHECKPOINT_LATE: Final = timedelta(minutes=15)
_LOOKED_AT_MAX: Final = 200
# As far back as the longest tier of the throttle reaches.
_TOLD_WITHIN: Final = timedelta(
    seconds=max(tier.within_s for throttle in THROTTLES.values() for tier in throttle.tiers)
)


@dataclass(frozen=True, slots=True)
class Problem:
    """`code` is one of CODES, `about` tells problems of one code apart (a line, or what is late of a
    ledger), `words` say what to do."""

    code: str
    words: str
    about: str = ""


CODES: Final = (
    "alert_without_next_step",
    "beat_overdue",
    "checkpoint_overdue",
    "line_stopped",
    "notice_overdue",
    "outbox_overdue",
    "planned_overdue",
    "store_unwritable",
    "ticket_overdue",
    "turn_overdue",
    "watch_overdue",
)
_STUCK: Final = (
    "The worker does not get to it: see its log, and that `ringfence gateway` runs with the role "
    "all or worker; a restart loses nothing."
)
_TRIED: Final = "It is tried again by itself; see the provider's status page, and the log."


def problems(kit: Equipment, tx: Tx, now: datetime) -> tuple[Problem, ...]:
    """Everything that is wrong now, by code. A few bounded queries, whatever the tables hold."""
    found = [problem for look in _LOOKS for problem in look(kit, tx, now)]
    return tuple(sorted(found, key=lambda one: (one.code, one.about)))


def _stopped_lines(kit: Equipment, tx: Tx, now: datetime) -> Iterator[Problem]:
    stopped = tx.lines.stopped()
    for line in kit.lines.values():
        why = line.blocked_reason or stopped.get(line.id)
        if line.enabled and why:
            words = f"Line {line.id} sends nothing: {why}. Mend it (`ringfence doctor` says more), "
            yield Problem(
                "line_stopped", words + f"then `ringfence resume --line {line.id}`.", line.id
            )


def _outbox(kit: Equipment, tx: Tx, now: datetime) -> Iterator[Problem]:
    if tx.outbox.leases_lost(now - LATE):
        yield Problem(
            "outbox_overdue", f"A send was claimed and never recorded. {_STUCK}", "claims"
        )
    late = oldest_send(kit, tx, now - LATE)
    if late is None:
        return
    words = _late("A send", late.due_at, now)
    if not kit.breakers.works(late.line, now):
        words = f"The provider of line {late.line} does not take messages; they wait. " + _TRIED
    yield Problem("outbox_overdue", words)


def oldest_send(kit: Equipment, tx: Tx, now: datetime) -> OutboxItem | None:
    """The send that is due longest, of lines that could send it."""
    idle = set(tx.lines.stopped()) | {
        line.id for line in kit.lines.values() if line.blocked_reason or not line.enabled
    }
    due = tx.outbox.due(now, 1, idle)
    # What a line that left the configuration owes expires; nothing else becomes of it.
    while gone := {item.line for item in due} - kit.lines.keys():
        idle |= gone
        due = tx.outbox.due(now, 1, idle)
    return due[0] if due else None


def _turns(kit: Equipment, tx: Tx, now: datetime) -> Iterator[Problem]:
    if tx.turns.leases_lost(now - LATE):
        yield Problem("turn_overdue", f"A turn was claimed and never ended. {_STUCK}", "claims")
    due = tx.turns.due(now - LATE, 1)
    if due:
        yield Problem("turn_overdue", _late("An answer of an agent", due[0].due_at, now))


def _watches(kit: Equipment, tx: Tx, now: datetime) -> Iterator[Problem]:
    due = tx.watches.due(now - LATE, 1)
    if due:
        yield Problem("watch_overdue", _late("A look for a status", due[0].due_at, now))


def _alerts(kit: Equipment, tx: Tx, now: datetime) -> Iterator[Problem]:
    late = tx.alerts.overdue(now - ALERT_LATE, _LOOKED_AT_MAX)
    if late:
        named = ", ".join(f"#{alert.number}" for alert in late[:5])
        words = f"Nobody is being asked about {_count(late)} open alert(s) ({named}). {_STUCK}"
        yield Problem("alert_without_next_step", words)


def _notices(kit: Equipment, tx: Tx, now: datetime) -> Iterator[Problem]:
    """Late is what the throttle has let go for so long, not what it holds back."""
    owed = tx.alerts.owed(_LOOKED_AT_MAX)
    if not owed or owed[0].at > now - LATE:
        return
    sent = {
        (kind, channel): tx.alerts.sent_since(kind, channel, now - _TOLD_WITHIN)
        for kind, channel in itertools.product(NoticeKind, Channel)
    }
    late = [one for one in owed if _could_leave_at(one, sent[one.kind, one.channel]) <= now - LATE]
    if late:
        words = _late("A text about an alert", min(one.at for one in late), now)
        if tx.switches.engaged():
            words = "Texts about alerts wait for the kill switch: `ringfence resume` lets them go."
        yield Problem("notice_overdue", words)


def _could_leave_at(notice: Notice, sent: Iterable[SentText]) -> datetime:
    times = sorted(one.at for one in sent if one.responder == notice.responder)
    since = max([notice.at, *times])
    return allowed_at(times, throttle_of(notice.kind, notice.channel), since)


def _planned(kit: Equipment, tx: Tx, now: datetime) -> Iterator[Problem]:
    due = tx.planned.due(now - LATE, 1)
    if due:
        yield Problem("planned_overdue", _late("A planned message", due[0].due_at, now))


def _tickets(kit: Equipment, tx: Tx, now: datetime) -> Iterator[Problem]:
    due = tx.tickets.due(now - LATE, 1)
    if due:
        yield Problem("ticket_overdue", _late("An entry in a ticket system", due[0].due_at, now))


def _beats(kit: Equipment, tx: Tx, now: datetime) -> Iterator[Problem]:
    due = tx.duty.beats_due(now - ALERT_LATE, 1)
    if due:
        words = _late("The alarm of a missed heartbeat", due[0].due_at, now)
        yield Problem("beat_overdue", words)


def _checkpoints(kit: Equipment, tx: Tx, now: datetime) -> Iterator[Problem]:
    if kit.signer is None:
        words = "No checkpoints of the audit log are made: audit.signingKey cannot be had; "
        yield Problem("checkpoint_overdue", words + "`ringfence config validate` says why.")
        return
    count, _ = tx.audit.head()
    newest = tx.checkpoints.newest()
    # A checkpoint's own record needs none.
    if count == 0 or (newest is not None and count - newest.count <= 1):
        return
    since = newest.at if newest is not None else tx.audit.after(0, 1)[0].entry.at
    if now - since > kit.pace.checkpoint_every + CHECKPOINT_LATE:
        words = f"No checkpoint of the audit log since {since:%Y-%m-%d %H:%M} UTC. "
        yield Problem("checkpoint_overdue", words + "See the log, then `ringfence audit verify`.")


Look = Callable[[Equipment, Tx, datetime], Iterable[Problem]]
_LOOKS: Final[tuple[Look, ...]] = (
    _stopped_lines,
    _outbox,
    _turns,
    _watches,
    _alerts,
    _notices,
    _planned,
    _tickets,
    _beats,
    _checkpoints,
)


def by_code(found: Iterable[Problem]) -> dict[str, int]:
    """How many there are of each code; all codes are there."""
    counted = Counter(problem.code for problem in found)
    return {code: counted[code] for code in CODES}


class SelfAudit:
    """Looks, keeps on record that it looked, and tells of each problem when it begins and when it
    ends, once. What it has told is the process's own: a restart tells it again."""

    def __init__(self, kit: Equipment) -> None:
        self._kit = kit
        self.found: tuple[Problem, ...] = ()

    async def look(self, now: datetime) -> tuple[Problem, ...]:
        """A write that succeeds is the proof that the store can be written."""
        store = self._kit.store
        try:
            found = await store.read(lambda tx: problems(self._kit, tx, now))
            await store.write(lambda tx: figures.stamp(tx, figures.AUDITED, now))
        except StoreError as error:
            words = f"The store cannot be written ({error.code}): {error.detail}"
            found = (Problem("store_unwritable", words),)
        self._tell(found)
        self.found = found
        return found

    def _tell(self, found: Sequence[Problem]) -> None:
        before = {(one.code, one.about) for one in self.found}
        after = {(one.code, one.about) for one in found}
        for problem in found:
            if (problem.code, problem.about) not in before:
                extra = {"code": problem.code, "about": problem.about, "detail": problem.words}
                log.error("self-audit: a problem", extra=extra)
        for code, about in sorted(before - after):
            log.info("self-audit: a problem is over", extra={"code": code, "about": about})


def _late(what: str, due_at: datetime, now: datetime) -> str:
    minutes = int((now - due_at).total_seconds() // 60)
    return f"{what} is {minutes} minutes late. {_STUCK}"


def _count(found: Sequence[object]) -> str:
    return f"{len(found)} or more" if len(found) >= _LOOKED_AT_MAX else str(len(found))
