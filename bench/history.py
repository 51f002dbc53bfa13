"""A store with a history: people who wrote and were answered several times a day for a year, with the
rows a gate asks for besides. Written in large transactions, since it is not what is measured."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from bench.setup import person
from bench.texts import message_sid
from ringfence.bootstrap import Gateway
from ringfence.gateway.counting import windows_of
from ringfence.gateway.facts import Question, disclosure_version
from ringfence.model.audit import digest
from ringfence.model.consent import ConsentEvent, ConsentKind, Level, Method
from ringfence.model.contact import Person
from ringfence.model.draft import Traits
from ringfence.model.message import Direction, Message, MessageClass, MessageStatus
from ringfence.model.outbox import OutboxItem, OutboxState
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.ports import Tx

A_YEAR_EACH = 1_460
"""Messages of one person in a year: two there and two back a day."""
_AT_ONCE = 10_000
_YEAR = timedelta(days=365)
_TRAITS = Traits(programme="default", segments=1)


async def write(gateway: Gateway, messages: int) -> int:
    """`messages` of people who each have a year behind them; answers how many people."""
    kit, now = gateway.kit, gateway.kit.clock.now()
    count = max(1, messages // A_YEAR_EACH)
    people = [
        Person(PhoneNumber(person(index * 37)), kit.ids.new("contact", now))
        for index in range(count)
    ]
    await kit.store.write(lambda tx: _know(gateway, tx, people, now))
    step = _YEAR / messages
    for first in range(0, messages, _AT_ONCE):
        last = min(first + _AT_ONCE, messages)
        await kit.store.write(
            lambda tx, f=first, n=last: _say(gateway, tx, people, range(f, n), now - _YEAR, step)
        )
    return count


def number(index: int) -> PhoneNumber:
    """Of one of the people."""
    return PhoneNumber(person(index * 37))


def _know(gateway: Gateway, tx: Tx, people: list[Person], now: datetime) -> None:
    line = gateway.kit.lines[gateway.settings.default_line_id]
    tx.people.add(people)
    pairs = {(line.id, one.number) for one in people}
    tx.acquaintances.meet(pairs, now - _YEAR)
    version = disclosure_version(line)
    told = [(*pair, version, "msg_told") for pair in sorted(pairs)]
    tx.acquaintances.carry(told, now - _YEAR)
    tx.acquaintances.delivered(told, now - _YEAR)
    for one in people[::2]:
        tx.access.approve(line.id, one.number, "operator:bench", now - _YEAR)
    tx.consents.append(list(_agreements(gateway, people, now)))
    counted = {}
    for one in people:
        question = Question(Act.REPLY, line, one.number, "agent:default", text_digest=digest("x"))
        counted.update(dict.fromkeys(windows_of(question, now), 3))
    tx.counters.add(counted)


def _agreements(gateway: Gateway, people: list[Person], now: datetime) -> Iterator[ConsentEvent]:
    """They agreed, ended it, and agreed again."""
    steps = (ConsentKind.GRANTED, ConsentKind.REVOKED, ConsentKind.GRANTED)
    for one in people:
        for at, kind in enumerate(steps):
            yield ConsentEvent(
                id=gateway.kit.ids.new("consent", now),
                at=now - _YEAR + timedelta(days=30 * at),
                number=one.number,
                programme="default",
                level=Level.TRANSACTIONAL,
                kind=kind,
                method=Method.PAPER,
                actor="operator:bench",
                evidence="form 7",
                recorded_at=now - _YEAR + timedelta(days=30 * at),
            )


def _say(
    gateway: Gateway,
    tx: Tx,
    people: list[Person],
    places: range,
    begins: datetime,
    step: timedelta,
) -> None:
    theirs, ours, items = [], [], []
    for place in places:
        # Each person writes and is answered, person after person, all through the year.
        one, at = people[place // 2 % len(people)], begins + step * place
        if place % 2 == 0:
            theirs.append(_message(gateway, one, place, at, Direction.IN))
        else:
            said = _message(gateway, one, place, at, Direction.OUT)
            ours.append(said)
            items.append(_item(gateway, said))
    tx.messages.add_inbound(theirs)
    tx.messages.add_outbound(ours)
    tx.outbox.add(items)


def _message(
    gateway: Gateway, one: Person, place: int, at: datetime, direction: Direction
) -> Message:
    ours = direction is Direction.OUT
    return Message(
        id=gateway.kit.ids.new("message", at),
        line=gateway.settings.default_line_id,
        direction=direction,
        number=one.number,
        contact_id=one.contact_id,
        body=f"Is the visit on for {place % 28 + 1} May, and who comes? Number {place}.",
        status=MessageStatus.DELIVERED if ours else MessageStatus.RECEIVED,
        created_at=at,
        updated_at=at,
        message_class=MessageClass.FREE_TEXT,
        initiator="agent:default" if ours else "person",
        provider_id=message_sid(place),
        segments=1 if ours else 0,
        encoding="GSM-7" if ours else "",
        traits=_TRAITS if ours else Traits(),
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
        act=Act.REPLY,
        message_class=said.message_class,
        initiator=said.initiator,
        state=OutboxState.ACCEPTED,
        due_at=at,
        expires_at=at + timedelta(hours=4),
        created_at=at,
        attempt=1,
        provider_id=said.provider_id,
        status=MessageStatus.DELIVERED,
        text_digest=digest(said.body),
        traits=said.traits,
    )
