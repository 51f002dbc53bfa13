"""Calls in Plivo's words: the forms of voice webhooks and the documents of the Call API. Our own reading of
voice.md 1.7 and of the vendor's pages (2026-11); must never be taken from the gateway's codec. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from ringfence.simulator import plivo
from ringfence.simulator.calls import Call, CallDirection
from ringfence.simulator.carrier import Carrier
from ringfence.simulator.records import Webhook
from ringfence.simulator.webhooks import Fields

# Plivo connects within two seconds, waits fifteen and tries once more, not after an answer (callback
# configurations). Written as the deliverer reads it; no fragment is ever called or signed.
PATIENCE: Final = "#ct=2000&rt=15000&tt=15000&rc=1&rp=ct,rt"

_STATUSES: Final = {"queued": "ringing", "initiated": "ringing", "canceled": "cancel"}
# How a call ended -> the cause's number, its name, who ended it. Only where no document says otherwise.
_CAUSES: Final = {
    "completed": (4000, "Normal Hangup", "Callee"),
    "busy": (3010, "Busy Line", "Carrier"),
    "no-answer": (6010, "Ring Timeout Reached", "Plivo"),
    "failed": (2010, "Destination Out Of Service", "Carrier"),
    "canceled": (1000, "Cancelled", "API Request"),
}
_NAMES: Final = {
    3010: "Busy Line",
    3020: "Rejected",
    4010: "End Of XML Instructions",
    7011: "Error Reaching Answer URL",
    7012: "Error Reaching Action URL",
    7013: "Error Reaching Transfer URL",
    7014: "Error Reaching Redirect URL",
    8011: "Invalid Answer XML",
    8012: "Invalid Action XML",
    8013: "Invalid Transfer XML",
    8014: "Invalid Redirect XML",
}


def bare(number: str) -> str:
    """Numbers go without the plus."""
    return number.removeprefix("+")


def uuid_of(call: Call) -> str:
    return plivo.uuid_of(call.sid)


def status_of(call: Call) -> str:
    """A call that came in is `completed` however it ended."""
    if call.is_over and call.direction is CallDirection.INBOUND:
        return "completed"
    return _STATUSES.get(call.status, call.status)


def asking(call: Call) -> list[tuple[str, str]]:
    """What every question and report about a call carries."""
    inbound = call.direction is CallDirection.INBOUND
    uuid = uuid_of(call)
    fields = [
        ("CallUUID", uuid),
        ("From", bare(call.caller)),
        ("To", bare(call.called)),
        ("CallerName", call.caller),
        ("CallStatus", status_of(call)),
        ("Direction", "inbound" if inbound else "outbound"),
        ("Event", "StartApp"),
        ("SessionStart", f"{call.created_at:%Y-%m-%d %H:%M:%S.%f}"),
        ("BillRate", "0.00850"),
        ("ParentAuthID", call.account_sid),
    ]
    if not inbound:
        fields += [("ALegUUID", uuid), ("ALegRequestUUID", call.request_id)]
        fields.append(("RequestUUID", call.request_id))
    if (call.answered_by or "").startswith("machine"):
        fields.append(("Machine", "true"))
    return fields


def progress(call: Call, event: str, now: datetime) -> tuple[Webhook, Fields] | None:
    """Ringing has an address of its own, the end another one; nothing else is told. Of a leg that was
    dialled the call it was dialled from is told."""
    if call.parent_sid:
        return _dialled(call, event)
    if event == "ringing" and call.ring_callback.url:
        return call.ring_callback, _with(asking(call), [("Event", "Ring")])
    if event == "completed" and call.status_callback.url:
        return call.status_callback, _with(asking(call), _ended(call, now))
    return None


def cause_of(call: Call) -> tuple[int, str, str]:
    if call.cause:
        return call.cause, _NAMES.get(call.cause, "Unknown"), "Plivo"
    return _CAUSES.get(call.status, (0, "Unknown", "Unknown"))


def _ended(call: Call, now: datetime) -> Fields:
    code, name, source = cause_of(call)
    return [
        ("Event", "Hangup"),
        ("HangupCause", name.upper().replace(" ", "_")),
        ("HangupCauseCode", str(code)),
        ("HangupCauseName", name),
        ("HangupSource", source),
        ("Duration", str(call.duration_s)),
        ("BillDuration", str(-(-call.duration_s // 60) * 60)),
        ("TotalCost", "0.00000"),
        ("StartTime", f"{call.created_at:%Y-%m-%d %H:%M:%S}"),
        ("AnswerTime", f"{call.answered_at:%Y-%m-%d %H:%M:%S}" if call.answered_at else ""),
        ("EndTime", f"{now:%Y-%m-%d %H:%M:%S}"),
    ]


def _dialled(leg: Call, event: str) -> tuple[Webhook, Fields] | None:
    step = {"answered": "answer", "completed": "hangup"}.get(event)
    if step is None or not leg.status_callback.url:
        return None
    parent = plivo.uuid_of(leg.parent_sid)
    fields = [
        ("CallUUID", parent),
        ("Event", f"Dial{step.capitalize()}"),
        ("DialAction", step),
        ("DialBLegStatus", step),
        ("DialALegUUID", parent),
        ("DialBLegUUID", uuid_of(leg)),
        ("DialBLegFrom", bare(leg.caller)),
        ("DialBLegTo", bare(leg.called)),
    ]
    if step == "hangup":
        code, name, source = cause_of(leg)
        fields += [
            ("DialBLegDuration", str(leg.duration_s)),
            ("DialBLegHangupCauseCode", str(code)),
            ("DialBLegHangupCauseName", name),
            ("DialBLegHangupSource", source),
        ]
    return leg.status_callback, fields


def verdict(call: Call) -> Fields:
    """Machines are told of; people, as the pages have it, are not."""
    if not (call.answered_by or "").startswith("machine"):
        return []
    return _with(asking(call), [("Event", "MachineDetection"), ("IfMachine", "continue")])


def request(
    carrier: Carrier, call: Call, hook: Webhook, fields: Sequence[tuple[str, str]]
) -> plivo.PlivoWebhook:
    """A form ready to go; of a field that is given twice the later one is sent."""
    form = _with(fields, ())
    return plivo.PlivoWebhook(
        hook.url if "#" in hook.url else hook.url + PATIENCE,
        "POST",
        tuple(pair for pair in form if pair[0] == "CallStatus"),
        carrier.accounts[call.account_sid].auth_token,
        "",
        form=tuple(form),
        nonces=lambda: str(int(carrier.sids.token(), 16))[:20],
    )


def _with(fields: Fields, later: Fields) -> list[tuple[str, str]]:
    return list({**dict(fields), **dict(later)}.items())


# -- the Call API ---------------------------------------------------------------------------------


def live_document(call: Call) -> dict[str, object]:
    """A call that is alive, as `?status=live` has it."""
    inbound = call.direction is CallDirection.INBOUND
    return {
        "call_status": status_of(call),
        "call_uuid": uuid_of(call),
        "caller_name": "",
        "direction": "inbound" if inbound else "outbound",
        "from": bare(call.caller),
        "request_uuid": call.request_id or uuid_of(call),
        "session_start": f"{call.created_at:%Y-%m-%d %H:%M:%S.%f}",
        "to": bare(call.called),
    }


def record_document(call: Call) -> dict[str, object]:
    """What is kept of a call that is over."""
    code, name, source = cause_of(call)
    inbound = call.direction is CallDirection.INBOUND
    return {
        "answer_time": f"{call.answered_at:%Y-%m-%d %H:%M:%S}+00:00" if call.answered_at else None,
        "bill_duration": call.duration_s,
        "billed_duration": -(-call.duration_s // 60) * 60,
        "call_direction": "inbound" if inbound else "outbound",
        "call_duration": call.duration_s,
        "call_uuid": uuid_of(call),
        "end_time": f"{call.ended_at:%Y-%m-%d %H:%M:%S}+00:00" if call.ended_at else None,
        "from_number": bare(call.caller),
        "hangup_cause_code": code,
        "hangup_cause_name": name,
        "hangup_source": source,
        "initiation_time": f"{call.created_at:%Y-%m-%d %H:%M:%S}+00:00",
        "parent_call_uuid": plivo.uuid_of(call.parent_sid) if call.parent_sid else None,
        "resource_uri": f"/v1/Account/{call.account_sid}/Call/{uuid_of(call)}/",
        "to_number": bare(call.called),
        "total_amount": "0.00000",
        "total_rate": "0.00850",
    }
