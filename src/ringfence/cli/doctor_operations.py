"""What `doctor` says of the operations channel: sources that nobody can post to, hours with nobody on
call, responders whom a page would not reach or whose answers do not count, ticket systems that are
blocked. The gate itself is asked about every page, in a transaction that is undone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from ringfence.cli.symptoms import NOTE, OK, WRONG, Symptom

if TYPE_CHECKING:
    from ringfence.bootstrap import Gateway
    from ringfence.delivery.flow import Flow, Operations, SourceSettings
    from ringfence.gateway.equipment import Equipment
    from ringfence.model.oncall import Roster, Rotation
    from ringfence.model.principal import Token
    from ringfence.ports import Tx

GAPS_AHEAD: Final = timedelta(days=14)
TOKENS_MAX: Final = 10_000


async def examine(gateway: Gateway) -> list[Symptom]:
    """Nothing at all where no flow and no schedule is configured."""
    from ringfence.gateway.trial import undone

    kit = gateway.kit
    if not kit.operations.flows and not kit.operations.schedules:
        return []
    now = kit.clock.now()
    return await undone(kit.store, lambda tx: list(_all(kit, tx, now)))


def _all(kit: Equipment, tx: Tx, now: datetime) -> Iterator[Symptom]:
    yield from _sources(kit.operations, tx.tokens.listing(TOKENS_MAX, None), now)
    yield from _maintenance(tx, now)
    yield from _schedules(kit, tx, now)
    yield from _responders(kit, tx, now)
    yield from _tickets(kit, tx)


# -- sources ---------------------------------------------------------------------------------------


def _sources(operations: Operations, tokens: Sequence[Token], now: datetime) -> Iterator[Symptom]:
    """Of the sources somebody chose: those a flow names, and those that are set up."""
    yield from _open_door(operations, tokens, now)
    named = {name for flow in operations.flows for name in flow.sources}
    for name, source in sorted(operations.sources.items()):
        if name not in named and source.kind == name and not source.secrets and not source.tokens:
            continue
        yield _source(source, tokens, now)


def _open_door(operations: Operations, tokens: Sequence[Token], now: datetime) -> Iterator[Symptom]:
    """Flows that take every source's events begin with a token: told while there is nothing by which
    an event can come in."""
    flows = [flow.name for flow in operations.flows if not flow.sources]
    signed = any(source.secrets for source in operations.sources.values())
    if flows and not signed and not any(_posts(one, now) for one in tokens):
        text = f"No event can come in for {', '.join(flows)}: there is no token to post with."
        hint = "ringfence tokens create --kind events --name NAME"
        yield Symptom("sources", NOTE, text, hint)


def _maintenance(tx: Tx, now: datetime) -> Iterator[Symptom]:
    for window in tx.duty.maintenance(now):
        if not window.begins <= now < window.ends:
            continue
        what = " of ".join(
            part
            for part in (
                f"service {window.service}" if window.service else "",
                f"flow {window.flow}" if window.flow else "",
            )
            if part
        )
        until = f"{window.ends:%Y-%m-%d %H:%M} UTC"
        text = f"Nobody is told of {'alerts of ' + what if what else 'any alert'} until {until}."
        yield Symptom("maintenance", NOTE, text, f"ringfence maintenance end {window.id}")


def _source(source: SourceSettings, tokens: Sequence[Token], now: datetime) -> Symptom:
    area = f"source {source.name}"
    if source.blocked_reason:
        return Symptom(area, WRONG, f"It is blocked: {source.blocked_reason}")
    if source.secrets:
        return Symptom(area, OK, "Its requests are signed.")
    live = {one.name for one in tokens if _posts(one, now)}
    if source.tokens & live or (live and not source.tokens):
        return Symptom(area, OK, "A token may post for it.")
    name = min(source.tokens, default=source.name)
    text = "Nobody can post for it: it has no secret, and no live token is for it."
    return Symptom(area, WRONG, text, f"ringfence tokens create --kind events --name {name}")


def _posts(token: Token, now: datetime) -> bool:
    from ringfence.model.principal import Permission

    return token.state(now) == "active" and token.principal.may(Permission.EVENTS)


# -- duty ------------------------------------------------------------------------------------------


def _schedules(kit: Equipment, tx: Tx, now: datetime) -> Iterator[Symptom]:
    from ringfence.delivery.oncall import gaps
    from ringfence.gateway.duty import changed

    for name, schedule in sorted(kit.operations.schedules.items()):
        area = f"schedule {name}"
        found = gaps(changed(tx, schedule, now), now, now + GAPS_AHEAD)
        days = GAPS_AHEAD.days
        if not found:
            text = f"Somebody is on call at all times in the next {days} days."
            yield Symptom(area, OK, text)
            continue
        first = found[0]
        when = "now" if first.begins <= now else f"from {first.begins:%Y-%m-%d %H:%M} UTC"
        text = (
            f"Nobody is on call {when} until {first.ends:%Y-%m-%d %H:%M} UTC; such times in the "
            f"next {days} days: {len(found)}."
        )
        yield Symptom(area, NOTE, text, f"ringfence oncall gaps --schedule {name}")


def _responders(kit: Equipment, tx: Tx, now: datetime) -> Iterator[Symptom]:
    from ringfence.gateway.acknowledging import is_verified

    known = kit.operations.responders
    asked = {name for flow in kit.operations.flows for name in _asked_by(kit.operations, flow)}
    silent = [
        name for name in sorted(asked & known.keys()) if not is_verified(kit, tx, known[name])
    ]
    if silent:
        text = f"What these answer does not count yet: {', '.join(silent)}."
        yield Symptom("responders", NOTE, text, f"ringfence oncall verify {silent[0]}")
    stopped = list(_stopped(kit, tx, now))
    yield from stopped
    if asked and not stopped:
        text = f"A page would leave to each of them: {', '.join(sorted(asked))}."
        yield Symptom("responders", OK, text)


def _stopped(kit: Equipment, tx: Tx, now: datetime) -> Iterator[Symptom]:
    """Whom a page of a flow would not reach, with the gate's reasons, once for a person and line."""
    pages: dict[tuple[str, str], list[Flow]] = {}
    for flow in kit.operations.flows:
        for name in sorted(_asked_by(kit.operations, flow)):
            responder = kit.operations.responders.get(name)
            line = flow.line if responder is None else responder.line or flow.line
            pages.setdefault((name, line), []).append(flow)
    for (name, line), flows in sorted(pages.items()):
        why = _why_not(kit, tx, flows[0], name, now)
        if why:
            names = ", ".join(flow.name for flow in flows)
            text = f"{name} would not get a page of {names} by line {line}: {why}"
            yield Symptom("responders", WRONG, text, "ringfence flows test --event FILE")


def _why_not(kit: Equipment, tx: Tx, flow: Flow, name: str, now: datetime) -> str:
    """The gate's reasons against an ordinary page; empty where it leaves."""
    from ringfence.gateway.alert_preview import sample
    from ringfence.gateway.paging import page_of
    from ringfence.gateway.review import preview
    from ringfence.model.message import MessageStatus

    proposal = page_of(kit, sample(flow, now), name, now)
    if proposal is None:
        return "no such responder or line is configured."
    seen = preview(kit, tx, proposal, now)
    if seen.status is MessageStatus.QUEUED and seen.until is None:
        return ""
    return " ".join(f"{one.code}: {one.text}" for one in seen.reasons)


def _asked_by(operations: Operations, flow: Flow) -> set[str]:
    """Everybody whom an alert of this flow may ask, whenever."""
    from ringfence.model.oncall import TargetKind

    if flow.alert is None or flow.alert.policy not in operations.policies:
        return set()
    found: set[str] = set()
    for step in operations.policies[flow.alert.policy].steps:
        for target in step.targets:
            match target.kind:
                case TargetKind.PERSON:
                    found.add(target.name)
                case TargetKind.GROUP:
                    found.update(operations.groups.get(target.name, ()))
                case TargetKind.SCHEDULE:
                    schedule = operations.schedules.get(target.name)
                    for layer in schedule.layers if schedule else ():
                        found.update(_named_in(layer))
    return found


def _named_in(layer: Rotation | Roster) -> set[str]:
    from ringfence.model.oncall import Roster

    if isinstance(layer, Roster):
        return {duty.responder for duty in layer.duties}
    return set(layer.responders)


# -- tickets ---------------------------------------------------------------------------------------


def _tickets(kit: Equipment, tx: Tx) -> Iterator[Symptom]:
    for name, system in sorted(kit.operations.tickets.items()):
        if system.blocked_reason:
            yield Symptom(f"tickets {name}", WRONG, f"It is blocked: {system.blocked_reason}")
    if dead := tx.tickets.dead():
        text = f"Ticket systems were not told of {len(dead)} changes."
        yield Symptom("tickets", NOTE, text, "ringfence tickets dead")
