"""Ending calls because we want them over: from then on a hang-up is owed until the provider says that it
is (B133). The kill switch ends what it covers, with a sentence (P3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from ringfence.gateway.equipment import Equipment
from ringfence.model.call import Call, EndReason
from ringfence.model.contact import SwitchScope
from ringfence.model.phone import PhoneNumber
from ringfence.ports import Tx


def end(
    kit: Equipment, tx: Tx, call: Call, reason: EndReason, now: datetime, actor: str = "system"
) -> Call:
    """In the caller's transaction; a call that is over, or ends already, stays as it is. Only a stop
    does not wait for what is still being said (P3)."""
    sooner = reason is EndReason.KILLED and call.ending is not EndReason.KILLED
    if call.is_over or (call.ending is not None and not sooner):
        return call
    ending = replace(call, ending=reason, look_at=now, looks=0, updated_at=now)
    tx.calls.save([ending])
    body = {"reason": reason, "line": call.line, "state": call.state}
    tx.audit.append([kit.audit("call_ending", call.id, actor, now, body)])
    return ending


def end_stopped(
    kit: Equipment, tx: Tx, scope: SwitchScope, subject: str, actor: str, now: datetime
) -> int:
    """Live calls that a kill switch covers; answers how many."""
    return _end_where(kit, tx, lambda call: _is_stopped(kit, tx, call, scope, subject), actor, now)


def end_with(
    kit: Equipment,
    tx: Tx,
    number: PhoneNumber,
    actor: str,
    now: datetime,
    *,
    line: str | None = None,
    besides: str = "",
) -> int:
    """Live calls that somebody takes part in who is not to be reached any more, on every line (or on
    one), `besides` the one that ends by its own last words."""
    return _end_where(
        kit,
        tx,
        lambda call: call.id != besides and line in (None, call.line) and _is_on(call, number),
        actor,
        now,
    )


def _end_where(
    kit: Equipment, tx: Tx, wanted: Callable[[Call], bool], actor: str, now: datetime
) -> int:
    covered = [call for call in tx.calls.live_ones() if wanted(call)]
    for call in covered:
        end(kit, tx, call, EndReason.KILLED, now, actor)
    return len(covered)


def _is_stopped(kit: Equipment, tx: Tx, call: Call, scope: SwitchScope, subject: str) -> bool:
    match scope:
        case SwitchScope.EVERYTHING:
            return True
        case SwitchScope.LINE:
            return call.line == subject
        case SwitchScope.CONTACT:
            return _is_on(call, PhoneNumber(subject))
        case SwitchScope.AGENT:
            return f"agent:{subject}" in (call.initiator, f"agent:{_agent(kit, call)}")
        case SwitchScope.FLOW:
            message = tx.messages.get(call.message_id) if call.message_id else None
            return message is not None and message.traits.flow == subject


def _is_on(call: Call, number: PhoneNumber) -> bool:
    """With who is being connected to it, or was."""
    legs = (call.person, *(leg for leg in call.joined if not leg.is_over))
    return any(leg.number == number for leg in legs)


def _agent(kit: Equipment, call: Call) -> str:
    """Who speaks in it."""
    line = kit.lines.get(call.line)
    if line is None or line.voice is None:
        return ""
    return line.voice.route_to(call.called).agent_id
