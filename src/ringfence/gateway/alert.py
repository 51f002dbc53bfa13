"""Alerts: opened, joined, acknowledged, passed on and resolved, each with everything it causes, in the
caller's transaction. What is due is decided by `delivery.escalate`; whom it tells is stored as
notices owed, and `paging` proposes their texts. Nothing here sends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, assert_never

from ringfence.delivery import escalate as steps
from ringfence.delivery.escalate import (
    Answer,
    Answered,
    Began,
    Effect,
    Exhausted,
    Nobody,
    Notify,
)
from ringfence.delivery.flow import Flow, service_of, title_of
from ringfence.gateway import figures, tickets, unreached
from ringfence.gateway.call_ending import end
from ringfence.gateway.cancel import cancel_items
from ringfence.gateway.duty import who
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.notices import alert_notices
from ringfence.gateway.review import propose
from ringfence.model.alert import (
    OPEN,
    Acknowledgement,
    Alert,
    AlertState,
    Maintenance,
    Note,
    Notice,
    NoticeKind,
    NoticeState,
)
from ringfence.model.call import CallState, EndReason
from ringfence.model.errors import InvalidField, NotFound
from ringfence.model.event import Event, EventAction
from ringfence.model.line import Line
from ringfence.model.message import MessageStatus
from ringfence.model.oncall import Channel, EscalationPolicy
from ringfence.model.outbox import OutboxState
from ringfence.model.ticket import TicketAction
from ringfence.ports import Tx
from ringfence.sources import heartbeat

REORDERED_WITHIN: Final = timedelta(minutes=2)
"""So soon after its end, the same state told again is taken for a late delivery of the same; whoever
still has the trouble tells it again later."""
ASKED_AGAIN_AFTER: Final = timedelta(hours=1)
"""An alert that everybody was asked about in vain is asked about again when its source says so again
after that time."""
NOTE_CHARS_MAX: Final = 2_000
NEVER_LEFT: Final = frozenset(
    {MessageStatus.CANCELLED, MessageStatus.EXPIRED, MessageStatus.REFUSED}
)
_PENDING: Final = frozenset({OutboxState.DUE, OutboxState.HELD})


def heard(
    kit: Equipment, tx: Tx, flow: Flow, event: Event, event_id: str, now: datetime
) -> dict[str, Any]:
    """What an event does to the alert of its key; answers what was done, for the record."""
    key = (flow.name, event.source, event.dedupe_key)
    known = tx.alerts.newest_of([key]).get(key)
    actor = f"event:{event.source}"
    match event.action:
        case EventAction.TRIGGER:
            if known is not None and known.state in OPEN:
                return _joined(kit, tx, known, event, now)
            if known is not None and _is_late(known, event, now):
                return {"alert": known.id, "did": "late"}
            return _opened(kit, tx, flow, event, event_id, now)
        case EventAction.ACKNOWLEDGE if known is not None:
            taken = acknowledge(kit, tx, known, actor, now, now, actor)
            return {"alert": known.id, "did": f"acknowledge_{taken.answer.value}"}
        case EventAction.RESOLVE if known is not None:
            if _is_overtaken(known, event):
                return {"alert": known.id, "did": "late"}
            taken = resolve(kit, tx, known, actor, now)
            return {"alert": known.id, "did": f"resolve_{taken.answer.value}"}
        case EventAction.ACKNOWLEDGE | EventAction.RESOLVE:
            return {"did": "nothing_open"}
        case _:
            assert_never(event.action)


def _is_late(known: Alert, event: Event, now: datetime) -> bool:
    """The very state that was over a moment ago, told again."""
    if known.resolved_at is None or known.said_at is None:
        return False
    return event.at <= known.said_at and now - known.resolved_at < REORDERED_WITHIN


def _is_overtaken(known: Alert, event: Event) -> bool:
    """The end of what was before: the trouble was told of again with a later time. A time that is
    still to come counts as when it was told. A job that says it lives is no news of the past."""
    if known.state not in OPEN or event.type == heartbeat.BEAT:
        return False
    if known.said_at is None or known.told_at is None:
        return False
    return event.at < min(known.said_at, known.told_at)


def _joined(kit: Equipment, tx: Tx, alert: Alert, event: Event, now: datetime) -> dict[str, Any]:
    worse = event.severity.rank > alert.severity.rank
    joined = replace(
        alert,
        count=alert.count + 1,
        said_at=max(event.at, alert.said_at or event.at),
        told_at=now,
        severity=event.severity if worse else alert.severity,
    )
    if not _is_forsaken(alert, now):
        tx.alerts.save([joined])
        return {"alert": alert.id, "did": "joined"}
    # Nobody has it, nobody is being asked, and it goes on: silence now would be for ever.
    anew = replace(
        joined,
        triggered_at=now,
        round=alert.round + 1,
        step="",
        place=0,
        step_at=None,
        exhausted_at=None,
        next_at=now,
    )
    tx.alerts.save([anew])
    body = {"round": anew.round}
    tx.audit.append([kit.audit("alert_asked_again", alert.id, f"event:{event.source}", now, body)])
    advance(kit, tx, [anew], now)
    return {"alert": alert.id, "did": "asked_again"}


def _is_forsaken(alert: Alert, now: datetime) -> bool:
    """Everybody was asked in vain, a while ago, and nobody took it since."""
    if alert.state is not AlertState.TRIGGERED or alert.exhausted_at is None:
        return False
    return now - alert.exhausted_at >= ASKED_AGAIN_AFTER


def _opened(
    kit: Equipment, tx: Tx, flow: Flow, event: Event, event_id: str, now: datetime
) -> dict[str, Any]:
    assert flow.alert is not None, "only alert flows open alerts"
    alert = Alert(
        id=kit.ids.new("alert", now),
        number=tx.alerts.next_number(),
        flow=flow.name,
        source=event.source,
        title=title_of(flow.alert, event),
        severity=event.severity,
        state=AlertState.TRIGGERED,
        opened_at=now,
        triggered_at=now,
        policy=flow.alert.policy,
        dedupe_key=event.dedupe_key,
        service=service_of(flow.alert, event),
        next_at=now,
        line=flow.line,
        event_id=event_id,
        said_at=event.at,
        told_at=now,
        url=event.links[0].href if event.links else "",
    )
    tx.alerts.add([alert])
    body = {
        "number": alert.number,
        "flow": alert.flow,
        "event": event_id,
        "severity": alert.severity.value,
    }
    tx.audit.append([kit.audit("alert_opened", alert.id, f"event:{event.source}", now, body)])
    tickets.owe(kit, tx, alert, TicketAction.OPEN, now)
    advance(kit, tx, [alert], now)
    return {"alert": alert.id, "did": "opened"}


# -- what time brings ------------------------------------------------------------------------------


def advance(kit: Equipment, tx: Tx, alerts: Sequence[Alert], now: datetime) -> None:
    """Do what is due of these alerts. Looked at late, it happens once (see `delivery.escalate`)."""
    if not alerts:
        return
    facts = tx.alerts.facts([alert.id for alert in alerts], now)
    windows = tx.duty.maintenance(now)
    meant = who(kit, tx, now)
    for alert in alerts:
        window = next((one for one in windows if one.covers(alert, now)), None)
        if window is not None and alert.state is AlertState.TRIGGERED:
            _put_off(kit, tx, alert, window, now)
            continue
        with kit.trace.span("alert", alert.id, line=alert.line, flow=alert.flow):
            policy = policy_of(kit, alert)
            done = unreached.advance(tx, alert, policy, facts[alert.id], now, meant)
            tx.alerts.save([done.alert])
            _effects(kit, tx, done.alert, done.effects, "system", now)


def policy_of(kit: Equipment, alert: Alert) -> EscalationPolicy:
    """The alert's policy as it is configured now; one that is gone has no steps, so that the owner
    hears at once that nobody else does."""
    found = kit.operations.policies.get(alert.policy)
    return found if found is not None else EscalationPolicy(alert.policy, ())


def _put_off(kit: Equipment, tx: Tx, alert: Alert, window: Maintenance, now: datetime) -> None:
    """Until the window ends nobody is told; who waits for a step waits with it."""
    tx.alerts.save([replace(alert, next_at=window.ends)])
    body = {"maintenance": window.id, "until": window.ends.isoformat()}
    tx.audit.append([kit.audit("alert_put_off", alert.id, "system", now, body)])


def _effects(
    kit: Equipment, tx: Tx, alert: Alert, effects: Sequence[Effect], actor: str, now: datetime
) -> None:
    notices: list[Notice] = []
    for effect in effects:
        match effect:
            case Began(round_, step, place):
                body: dict[str, Any] = {"round": round_, "step": step, "place": place}
                tx.audit.append([kit.audit("escalation_step", alert.id, actor, now, body)])
                figures.count(tx, figures.STEPS, alert.line)
            case Notify():
                notices.append(_notice(kit, alert, effect, now))
            case Nobody(round_, step, targets):
                names = [f"{target.kind.value}:{target.name}" for target in targets]
                body = {"round": round_, "step": step, "targets": names}
                tx.audit.append([kit.audit("escalation_nobody", alert.id, actor, now, body)])
                if round_ == 1:  # a policy that goes round for ever would tell it for ever
                    tell(kit, tx, alert, f"step {step} finds nobody ({', '.join(names)})", now)
            case Exhausted(rounds, missing):
                body = {"rounds": rounds, "missing": list(missing)}
                tx.audit.append([kit.audit("escalation_exhausted", alert.id, actor, now, body)])
                figures.count(tx, figures.EXHAUSTED, alert.line)
                tell(kit, tx, alert, "nobody is left to ask, and nobody has it", now)
            case _:
                assert_never(effect)
    tx.alerts.add_notices(notices)


def _notice(kit: Equipment, alert: Alert, effect: Notify, now: datetime) -> Notice:
    why = ""
    if effect.responder not in kit.operations.responders:
        why = "not_configured: this responder is not in the configuration any more"
    elif effect.channel is Channel.CALL and not _calls(kit, alert, effect.responder):
        why = "no_calls: the line is not configured for calls; add channels.voice"
    return Notice(
        alert.id,
        NoticeKind.ALERT,
        effect.responder,
        effect.channel,
        now,
        effect.round,
        effect.step,
        effect.way,
        state=NoticeState.FAILED if why else NoticeState.OWED,
        service=bundled_by(alert),
        told_at=now if why else None,
        reason=why,
    )


def _calls(kit: Equipment, alert: Alert, responder: str) -> bool:
    line = kit.lines.get(kit.operations.responders[responder].line) or line_of(kit, alert)
    return line is not None and line.voice is not None


def bundled_by(alert: Alert) -> str:
    """Alerts of one flow and one service share a text: a stop of a flow must stop its texts alone."""
    return f"{alert.flow}/{alert.service}"


def line_of(kit: Equipment, alert: Alert) -> Line | None:
    """Where texts about it leave: its line, or its flow's where the configuration lost that one since
    it was opened. None where both are gone."""
    flow = kit.operations.flow(alert.flow)
    return kit.lines.get(alert.line) or (None if flow is None else kit.lines.get(flow.line))


def tell(kit: Equipment, tx: Tx, alert: Alert, what: str, now: datetime) -> None:
    """The owners of the alert's line hear what went wrong with it. Their own bound holds."""
    line = line_of(kit, alert)
    if line is None:
        return
    text = f"Alert {alert.number} ({alert.flow}): {what}. See: ringfence alerts show {alert.number}"
    propose(kit, tx, alert_notices(tx, line, text, now), now)


# -- what people do --------------------------------------------------------------------------------


def acknowledge(
    kit: Equipment,
    tx: Tx,
    alert: Alert,
    responder: str,
    as_of: datetime,
    now: datetime,
    actor: str,
) -> Answered:
    """Somebody has it. The later steps end in this transaction, and texts about it that have not
    left yet are cancelled. `actor` is how the record names who did it."""
    facts = tx.alerts.facts([alert.id], now)[alert.id]
    done = steps.acknowledge(alert, policy_of(kit, alert), facts, responder, as_of, now)
    if done.answer not in (Answer.TAKEN, Answer.PARTLY):
        return done
    said = Acknowledgement(responder, min(as_of, now))
    tx.alerts.acknowledge(alert.id, said)
    tx.alerts.save([done.alert])
    body = {"by": responder, "as_of": said.at.isoformat(), "answer": done.answer.value}
    tx.audit.append([kit.audit("alert_acknowledged", alert.id, actor, now, body)])
    if done.answer is Answer.TAKEN:
        waited_s = (said.at - alert.triggered_at).total_seconds()
        figures.time(tx, figures.ACKNOWLEDGEMENT, waited_s, alert.line)
        recall(kit, tx, [alert.id], "acknowledged", now)
        tickets.owe(kit, tx, done.alert, TicketAction.UPDATE, now, f"Acknowledged by {responder}.")
    return done


def resolve(
    kit: Equipment, tx: Tx, alert: Alert, by: str, now: datetime, actor: str = ""
) -> Answered:
    """It is over. Who was told of it hears so, where the flow says so. `actor` is who did it where
    that is not whose word it was."""
    done = steps.resolve(alert, by, now)
    if done.answer is not Answer.TAKEN:
        return done
    tx.alerts.save([done.alert])
    tx.audit.append([kit.audit("alert_resolved", alert.id, actor or by, now, {"by": by})])
    recall(kit, tx, [alert.id], "resolved", now)
    told = _told(tx, alert)
    flow = kit.operations.flow(alert.flow)
    if flow is not None and flow.alert is not None and flow.alert.tell_resolved:
        tx.alerts.add_notices(
            [
                Notice(
                    alert.id, NoticeKind.RESOLVED, name, Channel.SMS, now, service=bundled_by(alert)
                )
                for name in sorted(told - {by.removeprefix("responder:")})
                if name in kit.operations.responders
            ]
        )
    tickets.owe(kit, tx, done.alert, TicketAction.CLOSE, now, f"Resolved by {by}.")
    return done


def _told(tx: Tx, alert: Alert) -> set[str]:
    """Who was told of it by a text that left, or still may: nobody hears the end of what they never
    heard the beginning of."""
    notices = [
        one
        for one in tx.alerts.notices_of(alert.id)
        if one.kind is NoticeKind.ALERT and one.state is NoticeState.TOLD
    ]
    texts = tx.messages.many({one.message_id for one in notices})
    return {
        one.responder
        for one in notices
        if one.message_id in texts and texts[one.message_id].status not in NEVER_LEFT
    }


def escalate(
    kit: Equipment,
    tx: Tx,
    alert: Alert,
    as_of: datetime,
    now: datetime,
    actor: str,
    by: str = "",
) -> Answered:
    """The next step at once, because a person says so. Whoever has it passes it on. `by` is whose
    word it was where that is not who did it."""
    facts = tx.alerts.facts([alert.id], now)[alert.id]
    done = steps.escalate(alert, policy_of(kit, alert), facts, as_of, now, who(kit, tx, now))
    if done.answer in (Answer.TAKEN, Answer.NOBODY_LEFT) and done.alert != alert:
        tx.alerts.save([done.alert])
        body = {
            "by": by or actor,
            "as_of": min(as_of, now).isoformat(),
            "answer": done.answer.value,
        }
        tx.audit.append([kit.audit("alert_escalated", alert.id, actor, now, body)])
        _effects(kit, tx, done.alert, done.effects, actor, now)
    return done


def note(kit: Equipment, tx: Tx, alert: Alert, text: str, actor: str, now: datetime) -> None:
    """Write something down about it. Raises InvalidField for an empty or overlong one."""
    words = text.strip()
    if not words or len(words) > NOTE_CHARS_MAX:
        raise InvalidField(f"A note has 1 to {NOTE_CHARS_MAX} characters.")
    tx.alerts.note(Note(alert.id, now, actor, words))
    tx.audit.append([kit.audit("alert_note", alert.id, actor, now, {"characters": len(words)})])
    tickets.owe(kit, tx, alert, TicketAction.UPDATE, now, words)


def find(tx: Tx, wanted: str) -> Alert:
    """By its number or its id. Raises NotFound."""
    plain = wanted.strip().lstrip("#")
    if plain.isascii() and plain.isdigit() and len(plain) <= 9:
        found = tx.alerts.by_number(int(plain))
    else:
        found = tx.alerts.get(plain)
    if found is None:
        raise NotFound("No alert has this number or id; `ringfence alerts list` shows them.")
    return found


# -- texts that lost their use ---------------------------------------------------------------------


def recall(kit: Equipment, tx: Tx, alert_ids: Sequence[str], reason: str, now: datetime) -> None:
    """Texts about these alerts that have not left are of no use any more, unless another alert in
    them still is."""
    tx.alerts.moot(alert_ids, reason)
    _stop_ringing(kit, tx, alert_ids, now)
    texts = tx.alerts.unsent_of(alert_ids)
    every = {one for ids in texts.values() for one in ids}
    waiting = {
        alert.id
        for alert in tx.alerts.many(every).values()
        if alert.state is AlertState.TRIGGERED and alert.id not in alert_ids
    }
    useless = [message for message, ids in texts.items() if not waiting & set(ids)]
    if not useless:
        return
    items = [
        item
        for parts in tx.outbox.of_messages(useless).values()
        for item in parts
        if item.state in _PENDING
    ]
    cancel_items(tx, items, reason, now)
    if items:
        body = {"reason": reason, "items": [item.id for item in items]}
        tx.audit.append([kit.audit("cancelled", reason, "system", now, body)])


def _stop_ringing(kit: Equipment, tx: Tx, alert_ids: Sequence[str], now: datetime) -> None:
    """A phone that still rings about nothing but these; whoever answered is let hear it out."""
    ringing = [call for call in tx.calls.live_ones() if call.state is not CallState.ANSWERED]
    for call in ringing:
        told = set(tx.alerts.of_message(call.message_id)) if call.message_id else set()
        if told and told <= set(alert_ids):
            end(kit, tx, call, EndReason.MOOT, now)


# -- maintenance -----------------------------------------------------------------------------------


def begin_maintenance(kit: Equipment, tx: Tx, wanted: Maintenance, now: datetime) -> Maintenance:
    """Nobody is told of what it covers while it lasts. Raises InvalidField."""
    if wanted.ends <= max(wanted.begins, now) or wanted.ends - wanted.begins > timedelta(days=31):
        raise InvalidField("Maintenance ends after it begins, in the future, within 31 days.")
    if wanted.flow and kit.operations.flow(wanted.flow) is None:
        raise InvalidField(f"No flow is called {wanted.flow[:64]!r}.")
    window = replace(wanted, id=kit.ids.new("maintenance", now))
    tx.duty.add_maintenance(window)
    body = {
        "flow": window.flow,
        "service": window.service,
        "begins": window.begins.isoformat(),
        "ends": window.ends.isoformat(),
    }
    tx.audit.append([kit.audit("maintenance", window.id, window.actor, now, body)])
    return window


def end_maintenance(kit: Equipment, tx: Tx, window_id: str, actor: str, now: datetime) -> None:
    """What waited for its end is looked at now. Raises NotFound."""
    window = next((one for one in tx.duty.maintenance(now) if one.id == window_id), None)
    if window is None or not tx.duty.end_maintenance(window_id, now):
        raise NotFound("No maintenance with this id is under way or to come.")
    tx.audit.append([kit.audit("maintenance_ended", window_id, actor, now, {})])
    waiting = tx.alerts.open_of(window.flow or None, window.service or None)
    tx.alerts.save(
        [replace(alert, next_at=now) for alert in waiting if alert.next_at == window.ends]
    )
