"""The life of a call: what is reported of it, by webhook or when we ask, folded into its row and into
the message it comes from. Late and repeated reports change nothing; an end stays an end (P4)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from ringfence.gateway.call_summary import summarise
from ringfence.gateway.counting import count_call
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.finals import change_messages
from ringfence.gateway.reports import Report, fold_reports
from ringfence.model.call import Answerer, Call, CallMode, CallState, EndReason, Leg, after
from ringfence.model.message import Direction, MessageStatus, StatusCallback
from ringfence.model.outbox import OutboxState
from ringfence.ports import MessageChange, OutboxChange, Tx

log = logging.getLogger("ringfence.call")

RING_SLACK = timedelta(seconds=30)
"""How much longer than it may ring a call is left alone before somebody asks."""
LIVE_LOOK = timedelta(minutes=5)
"""How often a call that goes on is asked about: its end may have been told to nobody."""
LIMIT_SLACK = timedelta(seconds=30)
SIP_UNAVAILABLE = 480
"""Some providers call it a failure; the phone was not answered (facts voice 1.2)."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was heard of a call."""

    state: CallState
    provider_id: str = ""
    sequence: int | None = None
    answered_by: Answerer | None = None
    sip_code: int | None = None
    error_code: int | None = None
    source: str = "provider"


def fold(kit: Equipment, tx: Tx, call: Call, told: Told, now: datetime) -> Call:
    """Store what a report makes of the call, in the caller's transaction; answers the call as it is."""
    state = after(call.state, _meant(told))
    changed = replace(
        call,
        person=replace(
            call.person,
            state=state,
            provider_id=told.provider_id or call.person.provider_id,
            answered_by=_surer(call.person.answered_by, told.answered_by),
        ),
        sequence=max(call.sequence, told.sequence or -1),
        error_code=told.error_code if told.error_code is not None else call.error_code,
        updated_at=now,
    )
    if state is not call.state:
        changed = _moved(kit, tx, changed, told, now)
    if changed.look_at is not None and (told.provider_id and not call.person.provider_id):
        changed = replace(changed, looks=0)
    tx.calls.save([changed])
    return changed


def lost(kit: Equipment, tx: Tx, call: Call, now: datetime) -> Call:
    """The provider knows nothing of it and never will."""
    return fold(
        kit,
        tx,
        replace(call, ending=call.ending or EndReason.LOST),
        Told(CallState.FAILED, source="system"),
        now,
    )


def _meant(told: Told) -> CallState:
    if told.state is CallState.FAILED and told.sip_code == SIP_UNAVAILABLE:
        return CallState.NO_ANSWER
    return told.state


def _surer(known: Answerer | None, heard: Answerer | None) -> Answerer | None:
    """A later word of the same detection counts; UNKNOWN takes nothing back."""
    if heard is None or (heard is Answerer.UNKNOWN and known is not None):
        return known
    return heard


def _moved(kit: Equipment, tx: Tx, call: Call, told: Told, now: datetime) -> Call:
    leg = call.person
    if call.state is CallState.ANSWERED:
        leg = replace(leg, answered_at=leg.answered_at or now)
    if leg.is_over:
        leg = replace(leg, ended_at=now, end_reason=_why(call))
    joined = tuple(_gone(other, now) for other in call.joined) if leg.is_over else call.joined
    call = replace(call, joined=joined)
    call = replace(call, person=leg, look_at=next_look(kit, call, now), looks=0)
    body = {
        "state": call.state,
        "line": call.line,
        "direction": call.direction,
        "reason": leg.end_reason,
        "answered_by": leg.answered_by,
        "lasted_s": int(leg.lasted.total_seconds()),
        "error_code": told.error_code,
        "provider_id": leg.provider_id,
    }
    tx.audit.append([kit.audit("call", call.id, told.source, now, body)])
    if leg.is_over:
        count_call(tx, call, kit.zones, now)
        summarise(kit, tx, call, now)
    _report(kit, tx, call, now)
    _log(call)
    return call


def _gone(leg: Leg, now: datetime) -> Leg:
    """What was dialled from a call ends with it."""
    if leg.is_over:
        return leg
    state = CallState.ENDED if leg.state is CallState.ANSWERED else CallState.CANCELLED
    return replace(leg, state=state, ended_at=now, end_reason=EndReason.CANCELLED)


def next_look(kit: Equipment, call: Call, now: datetime) -> datetime | None:
    """When somebody must look after a call that says nothing by itself any more."""
    if call.person.is_over:
        return None
    if call.ending is not None:
        return now
    if call.state is CallState.ANSWERED:
        answered = call.person.answered_at or now
        return min(now + LIVE_LOOK, answered + call.time_limit + LIMIT_SLACK)
    line = kit.lines.get(call.line)
    voice = line.voice if line is not None else None
    rung = now + timedelta(seconds=60 if voice is None else voice.ring_s) + RING_SLACK
    if voice is None or not voice.reap_s:
        return rung
    return min(rung, max(now, call.created_at + timedelta(seconds=voice.reap_s)))


def is_past_limit(call: Call, now: datetime) -> bool:
    """The provider's own ceiling should have ended it."""
    answered = call.person.answered_at
    return answered is not None and now >= answered + call.time_limit


def _why(call: Call) -> EndReason:
    """Why it is over. What we wanted counts before what the provider calls it."""
    if call.ending is not None:
        return call.ending
    match call.state:
        case CallState.BUSY:
            return EndReason.BUSY
        case CallState.NO_ANSWER:
            return EndReason.NO_ANSWER
        case CallState.CANCELLED:
            return EndReason.CANCELLED
        case CallState.FAILED:
            return EndReason.FAILED
        case CallState.ENDED:
            said_all = call.said_at is not None and call.mode is CallMode.NOTIFY
            return EndReason.SAID_ALL if said_all else EndReason.HUNG_UP
        case CallState.OFFERED | CallState.RINGING | CallState.ANSWERED:
            raise AssertionError("only what is over has a reason")
        case _:
            assert_never(call.state)


def status_of(call: Call) -> MessageStatus:
    """What became of the message that a call carries: it arrived when a person answered and, of a
    notice, heard all of it. A machine is nobody."""
    if not call.person.is_over:
        return MessageStatus.SENT
    if call.state is CallState.FAILED:
        return MessageStatus.FAILED
    reached = call.person.answered_at is not None
    answerer = call.person.answered_by
    if not reached or (answerer is not None and answerer.is_machine):
        return MessageStatus.UNDELIVERED
    if call.mode is CallMode.NOTIFY:
        return MessageStatus.DELIVERED if call.said_at is not None else MessageStatus.UNDELIVERED
    return MessageStatus.DELIVERED


def _report(kit: Equipment, tx: Tx, call: Call, now: datetime) -> None:
    """The message goes along, by the way of every report."""
    line = kit.lines.get(call.line)
    if call.direction is Direction.IN or not call.outbox_id:
        return
    if line is None:
        _tell_alone(tx, call, now)
        return
    event = StatusCallback(
        provider_id=_placed_as(tx, call),
        account_id=line.credentials.account_id,
        status=status_of(call),
        provider_status=f"call {call.state.value}",
        error_code=call.error_code,
        our_id=call.outbox_id,
    )
    fold_reports(kit, tx, [Report(line, event)], now)


def _tell_alone(tx: Tx, call: Call, now: datetime) -> None:
    """Of a line that left the configuration there are no reports; the message must end all the same."""
    if not call.person.is_over:
        return
    status, reason = status_of(call), "its line is no longer configured"
    placed = frozenset({OutboxState.SENDING, OutboxState.UNKNOWN, OutboxState.ACCEPTED})
    change = OutboxChange(
        call.outbox_id, placed, OutboxState.ACCEPTED, status=status, reason=reason
    )
    if tx.outbox.change([change]):
        change_messages(tx, [MessageChange(call.message_id, now, status=status, reason=reason)])


def _placed_as(tx: Tx, call: Call) -> str:
    """What the outbox knows it by: a call may get another id than its placing had (B131)."""
    item = tx.outbox.many([call.outbox_id]).get(call.outbox_id)
    return (item.provider_id if item is not None else "") or call.person.provider_id


def _log(call: Call) -> None:
    log.info(
        "call",
        extra={
            "call_id": call.id,
            "line": call.line,
            "direction": call.direction.value,
            "recipient": call.person.number.masked,
            "state": call.state.value,
            "reason": call.person.end_reason.value if call.person.end_reason else None,
            "provider_id": call.person.provider_id,
        },
    )
