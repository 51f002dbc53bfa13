"""What an alert flow would do with an event: the alert, whom its escalation would ask when if nobody
answered, and the words they would read. The alert is opened in earnest, in a transaction that is
undone; what comes later is counted by `delivery.foresee`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, assert_never

from ringfence.delivery.escalate import Began, Exhausted, Facts, Nobody, Notify
from ringfence.delivery.flow import Flow
from ringfence.delivery.foresee import Foreseen, foresee
from ringfence.gateway import alert as alerts
from ringfence.gateway.acknowledging import is_verified
from ringfence.gateway.duty import who
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.gate_preview import gate_view, number_view
from ringfence.gateway.paging import page_of
from ringfence.gateway.views import moment
from ringfence.model.alert import Alert, AlertState, NoticeKind, NoticeState
from ringfence.model.event import Event, Severity
from ringfence.model.message import MessageStatus
from ringfence.model.oncall import Channel, EscalationPolicy, Target
from ringfence.ports import Tx

_OPENED = "opened"


def alert_view(
    kit: Equipment, tx: Tx, flow: Flow, event: Event, event_id: str, now: datetime, *, reveal: bool
) -> dict[str, Any]:
    """`did` is what becomes of the alert of the event's key. `plan` is what follows if every text
    that may leave arrives and nobody answers; `whole` is false where it goes on after that."""
    did = alerts.heard(kit, tx, flow, event, event_id, now)
    found = tx.alerts.get(did.get("alert", ""))
    if found is None:
        return {"did": did["did"], "alert": None}
    view: dict[str, Any] = {"did": did["did"], "alert": _alert(found)}
    view["tickets"] = [
        {"system": one.system, "state": one.state.value, "title": one.title}
        for one in tx.tickets.of_alerts([found.id]).get(found.id, [])
    ]
    view["told_of_end"] = _told_of_end(tx, found)
    if found.state is not AlertState.TRIGGERED:
        return view | {"maintenance_until": None, "plan": [], "whole": True, "people": {}}
    return view | _escalation(kit, tx, found, did["did"] == _OPENED, now, reveal)


def sample(flow: Flow, now: datetime) -> Alert:
    """An ordinary alert of a flow that nobody stored, to ask the gate about its pages."""
    return Alert(
        id="alert_sample",
        number=1,
        flow=flow.name,
        source=min(flow.sources, default=""),
        title="A sample",
        severity=Severity.ERROR,
        state=AlertState.TRIGGERED,
        opened_at=now,
        triggered_at=now,
        service="sample",
        line=flow.line,
    )


def _alert(found: Alert) -> dict[str, Any]:
    return {
        "number": found.number,
        "title": found.title,
        "service": found.service,
        "severity": found.severity.value,
        "state": found.state.value,
        "policy": found.policy,
        "dedupe_key": found.dedupe_key,
        "count": found.count,
        "acknowledged_by": found.acknowledged_by or None,
    }


def _told_of_end(tx: Tx, found: Alert) -> list[str]:
    return [
        one.responder
        for one in tx.alerts.notices_of(found.id)
        if one.kind is NoticeKind.RESOLVED and one.state is NoticeState.OWED
    ]


def _escalation(
    kit: Equipment, tx: Tx, found: Alert, is_new: bool, now: datetime, reveal: bool
) -> dict[str, Any]:
    policy = alerts.policy_of(kit, found)
    # Before any step, with a time to look again: maintenance holds it back.
    put_off = found.next_at if not found.step and found.exhausted_at is None else None
    start = _at_the_start(found, put_off or now) if is_new else found
    facts = Facts() if is_new else tx.alerts.facts([found.id], now)[found.id]
    pages: dict[str, dict[str, Any]] = {}

    def reaches(told: Notify) -> bool:
        if told.responder not in pages:
            pages[told.responder] = _person(kit, tx, found, told.responder, now, reveal)
        refused = pages[told.responder]["state"] == MessageStatus.REFUSED.value
        return told.channel is Channel.SMS and not refused

    outlook = foresee(start, policy, facts, now, lambda at: who(kit, tx, at), reaches)
    return {
        "maintenance_until": moment(put_off),
        "on_call": _on_call(kit, tx, policy, now),
        "plan": _plan(outlook.foreseen, now),
        "whole": outlook.whole,
        "people": pages,
    }


def _at_the_start(found: Alert, at: datetime) -> Alert:
    return replace(found, step="", place=0, round=0, step_at=None, exhausted_at=None, next_at=at)


def _person(
    kit: Equipment, tx: Tx, found: Alert, name: str, now: datetime, reveal: bool
) -> dict[str, Any]:
    """Somebody who would be asked, and what they would read."""
    responder = kit.operations.responders.get(name)
    proposal = page_of(kit, found, name, now)
    if responder is None or proposal is None:
        why = {"rule": "", "code": "not_configured", "text": "no such responder or line"}
        return {
            "to": None,
            "label": None,
            "verified": False,
            "text": "",
            "state": MessageStatus.REFUSED.value,
            "reasons": [why],
        }
    return {
        "to": number_view(responder.number, reveal),
        "label": responder.label or None,
        "verified": is_verified(kit, tx, responder),
        **gate_view(kit, tx, proposal, now),
    }


def _on_call(
    kit: Equipment, tx: Tx, policy: EscalationPolicy, now: datetime
) -> list[dict[str, Any]]:
    """Whom each target of the policy means now."""
    meant = who(kit, tx, now)
    targets = dict.fromkeys(target for step in policy.steps for target in step.targets)
    return [{"target": _named(target), "who": list(meant(target))} for target in targets]


def _plan(foreseen: Iterable[Foreseen], now: datetime) -> list[dict[str, Any]]:
    """One entry for everything of a step that comes at one time."""
    rows: list[dict[str, Any]] = []
    for one in foreseen:
        row = {"at": moment(one.at), "after_s": int((one.at - now).total_seconds())}
        match one.effect:
            case Began(round_, step, _):
                rows.append({**row, "round": round_, "step": step, "asks": [], "nobody": []})
            case Nobody(_, _, targets):
                rows[-1]["nobody"] = [_named(target) for target in targets]
            case Notify(responder, channel, round_, step, way):
                if not rows or (rows[-1]["at"], rows[-1].get("step")) != (row["at"], step):
                    rows.append({**row, "round": round_, "step": step, "asks": [], "nobody": []})
                rows[-1]["asks"].append(
                    {"responder": responder, "channel": channel.value, "way": way}
                )
            case Exhausted(_, missing):
                rows.append({**row, "exhausted": True, "missing": list(missing)})
            case _:
                assert_never(one.effect)
    return rows


def _named(target: Target) -> str:
    return f"{target.kind.value}:{target.name}"
