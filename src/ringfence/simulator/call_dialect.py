"""Calls in Twilio's words: the REST document and the forms of voice webhooks (voice.md 1.1, 1.2).
Pure: values in, values out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from ringfence.simulator.calls import Call
from ringfence.simulator.dialect import API_VERSION, account_path, rfc2822
from ringfence.simulator.sids import geography

_SUBRESOURCES: Final = (
    *("events", "notifications", "payments", "recordings", "siprec", "streams"),
    *("transcriptions", "user_defined_message_subscriptions", "user_defined_messages"),
)
_PRICE_A_MINUTE: Final = 0.014


def _formatted(number: str) -> str:
    national = number.removeprefix("+1")
    if len(number) == 12 and national != number and national.isdecimal():
        return f"({national[:3]}) {national[3:6]}-{national[6:]}"
    return number


def call_document(call: Call) -> dict[str, object]:
    """The Call resource. Start and duration are there once it is over or was answered."""
    base = f"{account_path(call.account_sid)}/Calls/{call.sid}"
    charged = call.ended_at is not None and call.answered_at is not None
    minutes = -(-call.duration_s // 60)
    names = {name: "".join(part.capitalize() for part in name.split("_")) for name in _SUBRESOURCES}
    return {
        "sid": call.sid,
        "date_created": rfc2822(call.created_at),
        "date_updated": rfc2822(call.ended_at or call.answered_at or call.created_at),
        "parent_call_sid": call.parent_sid or None,
        "account_sid": call.account_sid,
        "to": call.called,
        "to_formatted": _formatted(call.called),
        "from": call.caller,
        "from_formatted": _formatted(call.caller),
        "phone_number_sid": call.line_sid or None,
        "status": call.status,
        "start_time": rfc2822(call.answered_at or call.ended_at),
        "end_time": rfc2822(call.ended_at),
        "duration": str(call.duration_s) if call.ended_at else None,
        "price": f"-{minutes * _PRICE_A_MINUTE:.5f}" if charged else None,
        "price_unit": "USD",
        "direction": call.direction.value,
        "answered_by": call.answered_by,
        "api_version": API_VERSION,
        "forwarded_from": None,
        "group_sid": None,
        "caller_name": None,
        "queue_time": "0",
        "trunk_sid": None,
        "uri": f"{base}.json",
        "subresource_uris": {name: f"{base}/{words}.json" for name, words in names.items()},
    }


def voice_fields(call: Call) -> list[tuple[str, str]]:
    """What every voice webhook of a call carries. Geography is there for both sides, blank or not."""
    fields = [
        ("AccountSid", call.account_sid),
        ("ApiVersion", API_VERSION),
        ("CallSid", call.sid),
        ("CallStatus", call.status),
        ("Called", call.called),
        ("Caller", call.caller),
        ("Direction", call.direction.value),
        ("From", call.caller),
        ("To", call.called),
    ]
    if call.parent_sid:
        fields.append(("ParentCallSid", call.parent_sid))
    if call.answered_by is not None:
        fields.append(("AnsweredBy", call.answered_by))
    for side, number in (("Caller", call.caller), ("Called", call.called)):
        place = geography(number)
        twin = "From" if side == "Caller" else "To"
        for prefix in (side, twin):
            fields += [
                (f"{prefix}City", place.city),
                (f"{prefix}State", place.state),
                (f"{prefix}Zip", place.zip),
                (f"{prefix}Country", place.country),
            ]
    return sorted(fields)


def progress_fields(
    call: Call, word: str, now: datetime, sequence: int
) -> Sequence[tuple[str, str]]:
    """A status callback: `word` is what CallStatus says."""
    plain = [(k, v) for k, v in voice_fields(call) if k != "CallStatus"]
    fields = [
        *plain,
        ("CallStatus", word),
        ("Timestamp", now.strftime("%a, %d %b %Y %H:%M:%S +0000")),
        ("CallbackSource", "call-progress-events"),
        ("SequenceNumber", str(sequence)),
    ]
    if call.is_over:
        fields += [
            ("CallDuration", str(call.duration_s)),
            ("Duration", str(-(-call.duration_s // 60))),
        ]
    if call.is_over and call.sip_code is not None:
        fields.append(("SipResponseCode", str(call.sip_code)))
    return fields


def verdict_fields(call: Call, took_ms: int) -> list[tuple[str, str]]:
    """What machine detection posts to its own address."""
    return [
        ("CallSid", call.sid),
        ("AccountSid", call.account_sid),
        ("AnsweredBy", call.answered_by or "unknown"),
        ("MachineDetectionDuration", str(took_ms)),
    ]


def recording_fields(
    call: Call, sid: str, url: str, duration_s: int, status: str, started_at: datetime
) -> list[tuple[str, str]]:
    """What is posted about a recording."""
    return [
        ("AccountSid", call.account_sid),
        ("CallSid", call.sid),
        ("RecordingSid", sid),
        ("RecordingUrl", url),
        ("RecordingStatus", status),
        ("RecordingDuration", str(duration_s)),
        ("RecordingChannels", "1"),
        ("RecordingStartTime", started_at.strftime("%a, %d %b %Y %H:%M:%S +0000")),
        ("RecordingSource", "RecordVerb"),
        ("RecordingTrack", "inbound"),
        ("ErrorCode", "0"),
    ]
