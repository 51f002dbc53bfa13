"""Messages that flows owe to customers: planned by an event, moved and cancelled by later ones, filled
from their template and proposed when their time has come. A person without consent gets nothing, on
record; what lost its use does not leave late."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from ringfence.delivery.flow import MessageSettings
from ringfence.gateway import templates
from ringfence.gateway.cancel import cancel_texts
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.finals import PRIVATE
from ringfence.gateway.notices import owner_notices
from ringfence.gateway.one_by_one import together_or_apart
from ringfence.gateway.proposal import Proposal
from ringfence.gateway.review import propose, reason_text
from ringfence.gateway.templates import Filled
from ringfence.gateway.wishes import Wish
from ringfence.model.audit import digest
from ringfence.model.errors import NotFound, RingfenceError
from ringfence.model.message import MessageClass, MessageStatus
from ringfence.model.phone import PhoneNumber
from ringfence.model.planned import Planned, PlannedState
from ringfence.model.verdict import Act
from ringfence.ports import FlowSaid, PlannedEnd, Tx

CLAIM_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """What became of a wish: the rows, the ids of those that gave way to it, the messages that had
    not left and do not now, how many texts a limit left out."""

    planned: tuple[Planned, ...]
    ended: tuple[str, ...]
    recalled: tuple[str, ...]
    limited: int = 0


class Planning:
    """The worker's stage."""

    def __init__(self, kit: Equipment) -> None:
        self._kit = kit

    async def propose_due(self) -> bool:
        """Propose what is due; True when there was anything."""
        now = self._kit.clock.now()
        due = await self._kit.store.read(lambda tx: tx.planned.due(now, 1))
        if not due:
            return False
        store = self._kit.store
        await together_or_apart(
            lambda: store.write(lambda tx: propose_due(self._kit, tx, now)),
            lambda: store.read(lambda tx: [one.id for one in tx.planned.due(now, CLAIM_MAX)]),
            lambda only: store.write(lambda tx: propose_due(self._kit, tx, now, only)),
        )
        self._kit.outbox_bell.ring()
        return True


def fulfil(
    kit: Equipment, tx: Tx, wishes: Sequence[Wish], now: datetime
) -> dict[str, dict[str, Any]]:
    """Plan what events ask of one flow; what is due at once is proposed at once. Answers by event
    what was done, as the record has it."""
    done: dict[str, dict[str, Any]] = {}
    for whole in _waves(wishes):
        wave = []
        said = tx.planned.said([one.pair for one in whole])
        for one in whole:
            if why := _overtaken(one, said.get(one.pair)):
                done[one.event_id] = {"did": why}
            else:
                wave.append(one)
        tx.planned.say({one.pair: FlowSaid(min(one.event.at, now), _name(one)) for one in wave})
        plans = plan(kit, tx, wave, now)
        at_once = [one for made in plans for one in made.planned if one.due_at <= now]
        proposed = _propose(kit, tx, at_once, now)
        for one, made in zip(wave, plans, strict=True):
            done[one.event_id] = _did(one, made, proposed)
    return done


def _overtaken(one: Wish, said: FlowSaid | None) -> str:
    """Why an event changes nothing: it is older than what was heard of its key last, such as a booking
    told again after the visit was moved or called off; or the very state that was told last."""
    if said is None:
        return ""
    if said.event == _name(one):
        return "told_already"
    return "late" if one.event.at < said.at else ""


def _name(one: Wish) -> str:
    return digest(f"{one.event.source}|{one.event.id}")


def _waves(wishes: Sequence[Wish]) -> Iterator[list[Wish]]:
    """In their order; about one key and to one person never two together, since the second must see
    what became of the first."""
    wave: list[Wish] = []
    met: set[str | PhoneNumber] = set()
    for one in wishes:
        names: set[str | PhoneNumber] = {one.key, *one.numbers}
        if names & met:
            yield wave
            wave, met = [], set()
        wave.append(one)
        met |= names
    if wave:
        yield wave


def _did(one: Wish, made: Plan, proposed: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    recalled = list(made.recalled)
    if one.state is PlannedState.CANCELLED:
        return {"cancelled": list(made.ended), "recalled": recalled}
    if one.expired:
        return {"moved": list(made.ended), "recalled": recalled, "did": "expired"}
    return {
        "planned": [row.id for row in made.planned],
        "moved": list(made.ended),
        "recalled": recalled,
        "limited": made.limited,
        "proposed": [proposed[row.id] for row in made.planned if row.id in proposed],
    }


def plan(kit: Equipment, tx: Tx, wishes: Sequence[Wish], now: datetime) -> list[Plan]:
    """Store what wishes of one flow ask for, no two about one key or to one person; what was planned
    of their keys before gives way."""
    ended = _end_unsent(tx, wishes, now)
    asking = [one for one in wishes if one.numbers and not one.expired]
    rooms, had = _rooms(tx, asking), _had(tx, asking, now)
    rows = {one.event_id: _rows(kit, one, rooms.get(one.pair), had, now) for one in asking}
    tx.planned.add([row for each in rows.values() for row in each])
    plans = []
    for one, (waited, recalled) in zip(wishes, ended, strict=True):
        planned = rows.get(one.event_id, ())
        limited = one.texts - len(planned) if one.event_id in rows else 0
        plans.append(Plan(planned, waited, recalled, limited))
    return plans


def _rows(
    kit: Equipment,
    one: Wish,
    room: int | None,
    had: Mapping[tuple[str, PhoneNumber], int],
    now: datetime,
) -> tuple[Planned, ...]:
    flow, event, settings = one.flow, one.event, one.settings
    most = settings.person_max
    kept = [
        number for number in one.numbers if most is None or had.get((flow.name, number), 0) < most
    ]
    return tuple(
        Planned(
            id=kit.ids.new("planned", now),
            flow=flow.name,
            source=event.source,
            event_id=one.event_id,
            line=flow.line,
            number=number,
            template=settings.template,
            language=one.language,
            state=PlannedState.WAITING,
            due_at=one.due + turn * settings.every,
            created_at=now,
            key=one.key,
            values=one.values,
            turn=turn + 1,
            expires_at=_expiry(settings, one.use_until, one.due, turn),
        )
        for turn in range(settings.times)
        for number in kept
    )[: room if room is not None else None]


def propose_due(kit: Equipment, tx: Tx, now: datetime, only: str = "") -> int:
    """In the caller's transaction; answers how many rows were taken. `only` is one of them."""
    due = [one for one in tx.planned.due(now, CLAIM_MAX) if only in ("", one.id)]
    _propose(kit, tx, due, now)
    return len(due)


def _propose(
    kit: Equipment, tx: Tx, due: Sequence[Planned], now: datetime
) -> dict[str, dict[str, Any]]:
    """Each filled and decided; what cannot be filled any more is refused by itself. Answers what
    became of the others, by planned message."""
    ready: list[tuple[Planned, Proposal]] = []
    settled: set[tuple[str, str]] = set()
    for one in due:
        if one.expires_at is not None and one.expires_at <= now:
            tx.planned.end(
                [PlannedEnd(one.id, PlannedState.EXPIRED, reason="lost_its_use", at=now)]
            )
            continue
        try:
            ready.append((one, _proposal(kit, one, _filled(kit, tx, one, settled, now))))
        except RingfenceError as error:
            end = PlannedEnd(one.id, PlannedState.REFUSED, reason=error.detail, at=now)
            tx.planned.end([end])
            _tell(kit, tx, one, error.detail, now)
    if not ready:
        return {}
    results = propose(kit, tx, [proposal for _, proposal in ready], now)
    tx.planned.end(
        [
            PlannedEnd(
                one.id,
                PlannedState.PROPOSED,
                message_id=result.message_id,
                reason=reason_text(result.reasons),
                at=now,
            )
            for (one, _), result in zip(ready, results, strict=True)
        ]
    )
    for (one, _), result in zip(ready, results, strict=True):
        if result.status is MessageStatus.REFUSED:
            _tell(kit, tx, one, reason_text(result.reasons), now)
    return {
        one.id: {"message": result.message_id, "state": result.status.value}
        for (one, _), result in zip(ready, results, strict=True)
    }


def proposal_of(kit: Equipment, tx: Tx, one: Planned, now: datetime) -> Proposal:
    """The text of a planned message, as the gate is asked about it. Raises NotFound, InvalidField,
    TemplateChanged."""
    return _proposal(kit, one, _filled(kit, tx, one, set(), now))


def _filled(
    kit: Equipment, tx: Tx, one: Planned, settled: set[tuple[str, str]], now: datetime
) -> Filled:
    """Raises NotFound, InvalidField, TemplateChanged. `settled` are templates that the transaction
    asked after already."""
    if one.line not in kit.lines:
        raise NotFound(f"The line {one.line} is not configured any more.")
    filled = templates.fill(kit, one.template, one.language, one.values)
    if (words := (filled.template, filled.digest)) not in settled:
        templates.settle(kit, tx, filled, f"event:{one.source}", now)
        settled.add(words)
    return filled


def _proposal(kit: Equipment, one: Planned, filled: Filled) -> Proposal:
    return Proposal(
        kit.lines[one.line],
        one.number,
        filled.text,
        Act.INITIATE,
        f"event:{one.source}",
        MessageClass.TEMPLATE,
        provenance={
            "event": one.event_id,
            "flow": one.flow,
            "planned": one.id,
            **({PRIVATE: True} if _is_private(kit, one) else {}),
            **filled.provenance,
        },
        category=filled.category,
        programme=filled.programme,
        template=filled.template,
        flow=one.flow,
        use_until=one.expires_at,
    )


def _is_private(kit: Equipment, one: Planned) -> bool:
    flow = kit.operations.flow(one.flow)
    return flow is not None and flow.message is not None and flow.message.private


def _end_unsent(
    tx: Tx, wishes: Sequence[Wish], now: datetime
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """What was planned of each key and waits, and the messages of it that wait to leave (for the
    morning, say, or for a person's yes): a visit that is off is not reminded of."""
    pairs = [one.pair for one in wishes]
    waiting = tx.planned.waiting_of(pairs)
    tx.planned.end(
        [
            PlannedEnd(row.id, one.state, reason=one.reason, at=now)
            for one in wishes
            for row in waiting.get(one.pair, ())
        ]
    )
    unsent = tx.planned.unsent_of(pairs)
    return [
        (
            tuple(row.id for row in waiting.get(one.pair, ())),
            tuple(_withdraw(tx, unsent.get(one.pair, ()), one.state, one.reason, one.actor, now)),
        )
        for one in wishes
    ]


def _withdraw(
    tx: Tx,
    unsent: Sequence[Planned],
    state: PlannedState,
    reason: str,
    actor: str,
    now: datetime,
) -> list[str]:
    """Texts that have not left do not leave, and count no more. Answers their messages."""
    ended = cancel_texts(tx, [one.message_id for one in unsent], state.value, actor, now)
    tx.planned.withdraw(
        [
            PlannedEnd(one.id, state, one.message_id, reason, now)
            for one in unsent
            if one.message_id in ended
        ]
    )
    return ended


def _rooms(tx: Tx, wishes: Sequence[Wish]) -> dict[tuple[str, str], int]:
    """How many more each key may get; keys without a bound are left out."""
    most = {one.pair: one.settings.key_max for one in wishes if one.settings.key_max is not None}
    had = tx.planned.count_of(most) if most else {}
    return {pair: max(bound - had.get(pair, 0), 0) for pair, bound in most.items()}


def _had(tx: Tx, wishes: Sequence[Wish], now: datetime) -> dict[tuple[str, PhoneNumber], int]:
    """What each person was sent of a flow that has a bound for it."""
    bound = [one for one in wishes if one.settings.person_max is not None]
    if not bound:
        return {}
    pairs = [(one.flow.name, number) for one in bound for number in one.numbers]
    return tx.planned.person_since(pairs, now - bound[0].settings.per)


def _expiry(
    settings: MessageSettings, use_until: datetime | None, due: datetime, turn: int
) -> datetime | None:
    """Of a series each has a life of its own; what ends with the thing itself ends for all."""
    if settings.life is None or turn == 0:
        return use_until
    own = due + turn * settings.every + settings.life
    ends = use_until if settings.use_until is not None else None
    return own if ends is None else min(own, ends)


def _tell(kit: Equipment, tx: Tx, one: Planned, why: str, now: datetime) -> None:
    line = kit.lines.get(one.line)
    if line is None:
        return
    text = f"Flow {one.flow} did not send for event {one.event_id}: {why}"
    propose(kit, tx, owner_notices(tx, line, text, now), now)


def recall(kit: Equipment, tx: Tx, planned_id: str, actor: str, now: datetime) -> Planned:
    """A person ends one planned message, also when its text waits already. Raises NotFound."""
    one = tx.planned.get(planned_id)
    if one is None:
        raise NotFound("No planned message has this id.")
    reason = f"by {actor}"
    tx.planned.end([PlannedEnd(one.id, PlannedState.CANCELLED, reason=reason, at=now)])
    if one.message_id:
        _withdraw(tx, [one], PlannedState.CANCELLED, reason, actor, now)
    tx.audit.append([kit.audit("planned_cancelled", one.id, actor, now, {"flow": one.flow})])
    return replace(one, state=PlannedState.CANCELLED)
