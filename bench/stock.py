"""A store with much that waits, written in large transactions, since it is not what is measured.

    python -m bench.stock CONFIG accepted TEXTS
    python -m bench.stock CONFIG watches WAITING DUE SECONDS 0
    python -m bench.stock CONFIG planned WAITING DUE SECONDS ALERTS

Of `watches` and `planned`, WAITING are due hours later and DUE at random moments of the SECONDS that begin
LEAD_S from now; which at which moment, in seconds since the epoch, is said."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from bench.channel import FLOW, POLICY, SOURCE, TEMPLATE, order
from bench.children import say
from bench.setup import person
from bench.texts import message_sid
from ringfence.bootstrap import Gateway, open_gateway
from ringfence.cli.common import run
from ringfence.config import load
from ringfence.gateway.watching import watch_status
from ringfence.model.alert import Alert, AlertState
from ringfence.model.audit import digest
from ringfence.model.contact import Person
from ringfence.model.draft import Traits
from ringfence.model.event import Severity
from ringfence.model.message import Direction, Message, MessageClass, MessageStatus
from ringfence.model.outbox import OutboxItem, OutboxState
from ringfence.model.phone import PhoneNumber
from ringfence.model.planned import Planned, PlannedState
from ringfence.model.verdict import Act
from ringfence.ports import Tx

LEAD_S = 3.0
PEOPLE = 1_000
_AT_ONCE = 5_000
_LATER = timedelta(hours=6)
_TRAITS = Traits(programme="orders", segments=1)


async def accepted(gateway: Gateway, texts: int, due: Sequence[datetime] = ()) -> None:
    """Texts that the carrier took, the first of them watched from the moments of `due` on."""
    kit, now = gateway.kit, gateway.kit.clock.now()
    line = gateway.settings.default_line_id

    def some(tx: Tx, part: range) -> None:
        said = [_message(gateway, index, now) for index in part]
        items = [_item(gateway, one) for one in said]
        tx.messages.add_outbound(said)
        tx.outbox.add(items)
        at = [due[index] if index < len(due) else now + _LATER for index in part]
        tx.watches.add(
            [watch_status(one.id, line, moment, now) for one, moment in zip(items, at, strict=True)]
        )

    people = [Person(PhoneNumber(person(at)), kit.ids.new("contact", now)) for at in range(PEOPLE)]
    await kit.store.write(lambda tx: tx.people.add(people))
    await _in_parts(gateway, texts, some)


async def watches(gateway: Gateway, waiting: int, due: int, seconds: float) -> None:
    kit, now = gateway.kit, gateway.kit.clock.now()
    line = gateway.settings.default_line_id

    def some(tx: Tx, part: range) -> None:
        tx.watches.add(
            [
                watch_status(kit.ids.new("outbox", now), line, now + _LATER + _spread(index), now)
                for index in part
            ]
        )

    await _in_parts(gateway, waiting, some)
    moments = _moments(kit.clock.now(), due, seconds)
    if due:
        await accepted(gateway, due, moments)
    say(due={message_sid(index): at.timestamp() for index, at in enumerate(moments)})


async def planned(gateway: Gateway, waiting: int, due: int, seconds: float, alerts: int) -> None:
    now = gateway.kit.clock.now()

    def some(tx: Tx, part: range) -> None:
        later = now + _LATER
        tx.planned.add(
            [_planned(gateway, due + index, later + _spread(index), now) for index in part]
        )

    def open_ones(tx: Tx, part: range) -> None:
        tx.alerts.add([_alert(gateway, index, now) for index in part])

    await _in_parts(gateway, waiting, some)
    await _in_parts(gateway, alerts, open_ones)
    moments = _moments(gateway.kit.clock.now(), due, seconds)
    rows = [_planned(gateway, index, at, now) for index, at in enumerate(moments)]
    await gateway.kit.store.write(lambda tx: tx.planned.add(rows))
    say(due={order(index): at.timestamp() for index, at in enumerate(moments)})


async def _in_parts(gateway: Gateway, count: int, some: Callable[[Tx, range], None]) -> None:
    for first in range(0, count, _AT_ONCE):
        part = range(first, min(first + _AT_ONCE, count))
        await gateway.kit.store.write(lambda tx, part=part: some(tx, part))  # type: ignore[misc]


def _moments(now: datetime, count: int, seconds: float) -> list[datetime]:
    chance = random.Random(7)  # the same moments in every run
    return [now + timedelta(seconds=LEAD_S + chance.random() * seconds) for _ in range(count)]


def _spread(index: int) -> timedelta:
    """Over a day, scattered."""
    return timedelta(seconds=index * 7_919 % 86_400)


def _message(gateway: Gateway, index: int, now: datetime) -> Message:
    return Message(
        id=gateway.kit.ids.new("message", now),
        line=gateway.settings.default_line_id,
        direction=Direction.OUT,
        number=PhoneNumber(person(index % PEOPLE)),
        contact_id="",
        body=f"Acme: your order {order(index)} is shipped.",
        status=MessageStatus.SENT,
        created_at=now,
        updated_at=now,
        message_class=MessageClass.TEMPLATE,
        initiator=f"event:{SOURCE}",
        provider_id=message_sid(index),
        segments=1,
        encoding="GSM-7",
        provenance={"event": gateway.kit.ids.new("event", now), "flow": FLOW},
        traits=_TRAITS,
    )


def _item(gateway: Gateway, said: Message) -> OutboxItem:
    at = said.created_at
    return OutboxItem(
        id=gateway.kit.ids.new("outbox", at),
        message_id=said.id,
        line=said.line,
        number=said.number,
        part=1,
        parts=1,
        body=said.body,
        media=(),
        act=Act.INITIATE,
        message_class=said.message_class,
        initiator=said.initiator,
        state=OutboxState.ACCEPTED,
        due_at=at,
        expires_at=at + _LATER,
        created_at=at,
        attempt=1,
        provider_id=said.provider_id,
        status=MessageStatus.SENT,
        text_digest=digest(said.body),
        segments=1,
        traits=said.traits,
    )


def _planned(gateway: Gateway, index: int, due: datetime, now: datetime) -> Planned:
    return Planned(
        id=gateway.kit.ids.new("planned", now),
        flow=FLOW,
        source=SOURCE,
        event_id=gateway.kit.ids.new("event", now),
        line=gateway.settings.default_line_id,
        number=PhoneNumber(person(index % PEOPLE)),
        template=TEMPLATE,
        language="",
        state=PlannedState.WAITING,
        due_at=due,
        created_at=now,
        key=f"key-{index}",
        values={"order": order(index), "state": "shipped"},
    )


def _alert(gateway: Gateway, index: int, now: datetime) -> Alert:
    return Alert(
        id=gateway.kit.ids.new("alert", now),
        number=index + 1,
        flow="incident",
        source=SOURCE,
        title=f"host {index} is slow",
        severity=Severity.ERROR,
        state=AlertState.TRIGGERED,
        opened_at=now,
        triggered_at=now,
        policy=POLICY,
        dedupe_key=f"host-{index}",
        service=f"service {index % 50}",
        step="first",
        place=1,
        round=1,
        step_at=now,
        next_at=now + _LATER + _spread(index),
        line=gateway.settings.default_line_id,
        said_at=now,
        told_at=now,
    )


async def main(config: Path, what: str, *more: str) -> None:
    async with open_gateway(load(config, {})) as gateway:
        if what == "accepted":
            await accepted(gateway, int(more[0]))
            say(texts=int(more[0]))
        elif what == "watches":
            await watches(gateway, int(more[0]), int(more[1]), float(more[2]))
        else:
            await planned(gateway, int(more[0]), int(more[1]), float(more[2]), int(more[3]))


if __name__ == "__main__":
    run(main(Path(sys.argv[1]), *sys.argv[2:]))
