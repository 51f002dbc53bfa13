"""Opt-outs that a provider knows of and we do not: looked up there, and written to the ledger as the
provider's. Asks the provider before the transaction, never in it. Never opts anybody in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ringfence.gateway.cancel import cancel_person
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.evidence import Statement, opted_out, require_writer
from ringfence.model.consent import ConsentKind, Method
from ringfence.model.errors import InvalidNumber, NotFound
from ringfence.model.line import Line
from ringfence.model.phone import PhoneNumber, from_sender
from ringfence.model.wire import WireRequest
from ringfence.ports import Tx
from ringfence.providers.base import ListsOptOuts, OptOutSign

PAGES_MAX: Final = 200
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Found:
    """What the provider showed: everybody's last sign, those who opted out by it, and whether it
    was read to its end (or to `since`)."""

    signs: int
    opted_out: tuple[tuple[PhoneNumber, OptOutSign], ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """Who was opted out by it and was not before, and how many messages that cancelled."""

    numbers: tuple[PhoneNumber, ...]
    cancelled: int


def lister(kit: Equipment, line: Line) -> ListsOptOuts:
    """Raises NotFound where the provider shows no opt-outs."""
    provider = kit.provider_of(line)
    if isinstance(provider, ListsOptOuts):
        return provider
    raise NotFound(
        f"{line.provider} shows no opt-outs by its API. Download its list in the console and use "
        "ringfence consent import."
    )


async def find(kit: Equipment, line: Line, since: datetime | None) -> Found:
    """Read the provider's traces back to `since`. Raises as the provider's reads do."""
    provider = lister(kit, line)
    signs: list[OptOutSign] = []
    complete = True
    for first in provider.opt_outs(line):
        request: WireRequest | None = first
        pages = 0
        while request is not None and pages < PAGES_MAX:
            answer = provider.opt_outs_listed(await kit.http.send(request), line)
            signs += answer.signs
            pages += 1
            past = since is not None and answer.oldest is not None and answer.oldest < since
            request = None if past else answer.more
        complete = complete and request is None
    recent = [one for one in signs if since is None or (one.at or since) >= since]
    return Found(len(recent), tuple(_last_words(recent)), complete)


def take(kit: Equipment, tx: Tx, line: Line, found: Found, actor: str, now: datetime) -> Taken:
    """Write what was found: source `provider`, which the person's START lifts."""
    require_writer(actor)
    numbers: list[PhoneNumber] = []
    cancelled = 0
    for number, sign in found.opted_out:
        said = Statement(
            number,
            ConsentKind.OPT_OUT,
            Method.PROVIDER,
            at=min(sign.at or now, now),
            evidence=f"{line.provider} {sign.provider_id} {sign.word}",
        )
        event = opted_out(kit, tx, said, actor, now)
        if event is not None:
            numbers.append(number)
            body = {"line": line.id, "source": Method.PROVIDER, "consent": event.id}
            tx.audit.append([kit.audit("opt_out", event.id, actor, now, body)])
            cancelled += cancel_person(kit, tx, number, "opted_out", actor, now)
    body = {"line": line.id, "signs": found.signs, "opted_out": len(numbers)}
    tx.audit.append([kit.audit("opt_out_import", line.id, actor, now, body)])
    return Taken(tuple(numbers), cancelled)


def _last_words(signs: Iterable[OptOutSign]) -> list[tuple[PhoneNumber, OptOutSign]]:
    """Whoever opted out and did not come back after it; of two at one second, the opt-out counts.
    Short codes and other senders that are no phone have no opt-out with us."""
    last: dict[PhoneNumber, OptOutSign] = {}
    for sign in sorted(signs, key=lambda one: (one.at or _LONG_AGO, not one.opted_in)):
        try:
            last[from_sender(sign.number)] = sign
        except InvalidNumber:
            continue
    return [(number, sign) for number, sign in sorted(last.items()) if not sign.opted_in]
