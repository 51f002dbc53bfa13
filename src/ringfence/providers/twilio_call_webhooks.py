"""Twilio's voice webhooks, read (facts voice 1.2): a caller, a call that asks what next, reports on
calls, machines and recordings. Which of them a request is stands in the address we gave, whose whole
query is signed; only a caller comes without. Must never take `From` for an identity."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ringfence.model.call import (
    Answerer,
    AnswererHeard,
    CallEvent,
    CallProgress,
    CallState,
    IncomingCall,
    LegEnded,
    RecordingReport,
    RecordingState,
    WhatNext,
)
from ringfence.model.errors import MalformedEvent
from ringfence.providers import forms
from ringfence.providers.base import Verified
from ringfence.providers.twilio_signature import OUR_ID

WHAT = "for"
TURN = "turn"
NEXT = "next"
LEG = "leg"
PROGRESS = "progress"
ANSWERER = "answerer"
RECORDING = "recording"
MESSAGE = "message"

CALL_STATES: dict[str, CallState] = {
    "queued": CallState.OFFERED,
    "initiated": CallState.OFFERED,
    "ringing": CallState.RINGING,
    "in-progress": CallState.ANSWERED,
    "answered": CallState.ANSWERED,  # what DialCallStatus says of a leg that was answered
    "completed": CallState.ENDED,
    "busy": CallState.BUSY,
    "no-answer": CallState.NO_ANSWER,
    "failed": CallState.FAILED,
    "canceled": CallState.CANCELLED,
}
ANSWERERS: dict[str, Answerer] = {
    "human": Answerer.HUMAN,
    "machine_start": Answerer.MACHINE,
    "machine_end_beep": Answerer.MACHINE_READY,
    "machine_end_silence": Answerer.MACHINE_READY,
    "machine_end_other": Answerer.MACHINE_READY,
    "fax": Answerer.FAX,
    "unknown": Answerer.UNKNOWN,
}
_RECORDINGS: dict[str, RecordingState] = {
    "in-progress": RecordingState.UNDER_WAY,
    "paused": RecordingState.UNDER_WAY,
    "stopped": RecordingState.UNDER_WAY,
    "processing": RecordingState.UNDER_WAY,
    "completed": RecordingState.COMPLETED,
    "absent": RecordingState.ABSENT,
    "failed": RecordingState.FAILED,
}
# Written where the network names no caller (facts voice 1.2); they spell words on a keypad.
_PLACEHOLDERS = frozenset({"266696687", "7378742833", "2562533", "8656696", "86282452253"})
_SIP_UNAVAILABLE = 480  # a phone that is off: nobody failed, nobody answered
_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_CALL_SID = re.compile(r"CA[0-9a-fA-F]{32}", re.ASCII)
_RECORDING_SID = re.compile(r"RE[0-9a-fA-F]{32}", re.ASCII)
_OUR_VALUE = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_CONFIDENCE = re.compile(r"[01](?:\.\d{1,30})?", re.ASCII)
_DIGITS = re.compile(r"[0-9*#A-Da-dwW]{1,200}", re.ASCII)
_REQUIRED = frozenset({"CallSid", "AccountSid"})
_SPOKEN = frozenset({"SpeechResult", "StableSpeechResult", "UnstableSpeechResult"})
_SPEECH_CHARS_MAX = 8_000


def is_call_id(text: str) -> bool:
    return _CALL_SID.fullmatch(text) is not None


def parse(verified: Verified) -> CallEvent:
    """Raises MalformedEvent for what is no event of a call, or whose fields were moved."""
    values = _values(verified)
    _guard_names(verified, values)
    what = ours(verified, WHAT)
    match what:
        case "":
            return _unasked(verified, values)
        case "next":
            return _what_next(verified, values)
        case "leg":
            return _leg_ended(verified, values)
        case "progress":
            return _progress(verified, values)
        case "answerer":
            return _answerer(verified, values)
        case "recording" | "message":
            return _recording(verified, values, asks=what == MESSAGE)
        case _:
            raise MalformedEvent("Its address names no kind of event.")


def dedupe_token(verified: Verified) -> str:
    """Call, kind, and what tells two events of a kind apart: the turn, the status and its number,
    the recording. Headers are not signed and take no part (B118)."""
    values = _values(verified)
    sid, what, turn = values["CallSid"], ours(verified, WHAT), ours(verified, TURN)
    match what:
        case "" | "progress":
            word, count = values.get("CallStatus", ""), values.get("SequenceNumber", "")
            return f"call:{sid}:{what}:{word}:{count}"
        case "recording" | "message":
            which, word = values.get("RecordingSid", ""), values.get("RecordingStatus", "")
            return f"call:{sid}:{what}:{turn}:{which}:{word}"
        case _:
            return f"call:{sid}:{what}:{turn}"


def ours(verified: Verified, name: str) -> str:
    """A value that we wrote into the address, or empty. Raises MalformedEvent for one given twice or
    one that we cannot have made."""
    try:
        found = [v for key, v in forms.decode(verified.request.query) if key == name]
    except ValueError:
        raise MalformedEvent("Its address cannot be read.") from None
    if not found or found == [""]:
        return ""
    if len(found) > 1 or not _OUR_VALUE.fullmatch(found[0]):
        raise MalformedEvent("Its address is none that we gave.")
    return found[0]


# -- the kinds --------------------------------------------------------------------------------------


def _unasked(verified: Verified, values: Mapping[str, str]) -> IncomingCall | CallProgress:
    """At the bare address: a caller, or a report set up in the provider's console."""
    state = _state(values, "CallStatus")
    if state not in (CallState.OFFERED, CallState.RINGING):
        return _progress(verified, values)
    if values.get("Direction") != "inbound":
        raise MalformedEvent("It is about a call of ours, and at the address for callers.")
    caller = values.get("From", "").strip()
    return IncomingCall(
        provider_id=values["CallSid"],
        account_id=values["AccountSid"],
        caller=caller,
        called=values.get("To", "").strip(),
        hidden=_is_hidden(caller),
        forwarded_from=values.get("ForwardedFrom", ""),
        attested=values.get("StirVerstat", ""),
    )


def _is_hidden(caller: str) -> bool:
    return not _E164.fullmatch(caller) or caller.removeprefix("+") in _PLACEHOLDERS


def _what_next(verified: Verified, values: Mapping[str, str]) -> WhatNext:
    digits, confidence = values.get("Digits", ""), values.get("Confidence", "")
    return WhatNext(
        provider_id=values["CallSid"],
        account_id=values["AccountSid"],
        our_id=_our_id(verified),
        state=_state(values, "CallStatus"),
        turn=ours(verified, TURN),
        digits=digits if _DIGITS.fullmatch(digits) else "",
        speech=values.get("SpeechResult", "").strip()[:_SPEECH_CHARS_MAX],
        confidence=float(confidence) if _CONFIDENCE.fullmatch(confidence) else None,
        answered_by=ANSWERERS.get(values.get("AnsweredBy", "")),
    )


def _leg_ended(verified: Verified, values: Mapping[str, str]) -> LegEnded:
    leg = values.get("DialCallSid", "")
    return LegEnded(
        provider_id=values["CallSid"],
        account_id=values["AccountSid"],
        our_id=_our_id(verified),
        leg_state=_state(values, "DialCallStatus"),
        turn=ours(verified, TURN),
        leg_provider_id=leg if is_call_id(leg) else "",
        lasted_s=_whole(values, "DialCallDuration") or 0,
    )


def _progress(verified: Verified, values: Mapping[str, str]) -> CallProgress:
    state, sip_code = _state(values, "CallStatus"), _whole(values, "SipResponseCode")
    if state is CallState.FAILED and sip_code == _SIP_UNAVAILABLE:
        state = CallState.NO_ANSWER
    parent = values.get("ParentCallSid", "")
    return CallProgress(
        provider_id=values["CallSid"],
        account_id=values["AccountSid"],
        our_id=ours(verified, OUR_ID),
        state=state,
        provider_status=values["CallStatus"],
        sequence=_whole(values, "SequenceNumber"),
        lasted_s=_whole(values, "CallDuration"),
        answered_by=ANSWERERS.get(values.get("AnsweredBy", "")),
        sip_code=sip_code,
        error_code=_whole(values, "ErrorCode"),
        parent_provider_id=parent if is_call_id(parent) else "",
    )


def _answerer(verified: Verified, values: Mapping[str, str]) -> AnswererHeard:
    return AnswererHeard(
        provider_id=values["CallSid"],
        account_id=values["AccountSid"],
        our_id=_our_id(verified),
        # A word we do not know is not evidence of a machine.
        answered_by=ANSWERERS.get(values.get("AnsweredBy", ""), Answerer.UNKNOWN),
        took_ms=_whole(values, "MachineDetectionDuration"),
    )


def _recording(verified: Verified, values: Mapping[str, str], *, asks: bool) -> RecordingReport:
    """A status callback, or the answer to a Record: that one has no status, and may have no
    recording when nobody spoke."""
    sid, url = values.get("RecordingSid", ""), values.get("RecordingUrl", "")
    if sid and not _RECORDING_SID.fullmatch(sid):
        raise MalformedEvent("Its RecordingSid is no recording id.")
    given = "completed" if sid else "absent"
    state = _RECORDINGS.get(given if asks else values.get("RecordingStatus", ""))
    if state is None:
        raise MalformedEvent("Its recording status is not one we know.")
    digits = values.get("Digits", "")
    return RecordingReport(
        provider_id=values["CallSid"],
        account_id=values["AccountSid"],
        our_id=_our_id(verified),
        state=state,
        recording_id=sid,
        url=url if state is RecordingState.COMPLETED else "",
        lasted_s=_whole(values, "RecordingDuration") or 0,
        turn=ours(verified, TURN),
        digits=digits if _DIGITS.fullmatch(digits) else "",
        asks=asks,
    )


# -- reading ----------------------------------------------------------------------------------------


def _values(verified: Verified) -> dict[str, str]:
    """Fields by name; a GET's fields are its query. None comes twice: which one was meant?"""
    values = dict(verified.fields)
    if len(values) != len(verified.fields):
        raise MalformedEvent("A field is repeated.")
    missing = sorted(_REQUIRED - values.keys())
    if missing:
        raise MalformedEvent(f"It lacks {', '.join(missing)}.")
    if not is_call_id(values["CallSid"]):
        raise MalformedEvent("Its CallSid is no call id.")
    return values


def _guard_names(verified: Verified, values: Mapping[str, str]) -> None:
    """Names and values are signed without a mark between them, and a caller chooses what they say:
    outside their words `CallSid` occurs as often as names have it (see twilio.py)."""
    told = "".join(
        name + ("\0" if name in _SPOKEN else value) for name, value in sorted(values.items())
    )
    if told.count("CallSid") != sum("CallSid" in name for name in values):
        raise MalformedEvent("Its fields do not stand where the provider puts them.")


def _our_id(verified: Verified) -> str:
    found = ours(verified, OUR_ID)
    if not found:
        raise MalformedEvent("Its address names no call of ours.")
    return found


def _state(values: Mapping[str, str], name: str) -> CallState:
    state = CALL_STATES.get(values.get(name, ""))
    if state is None:
        raise MalformedEvent(f"Its {name} is not one we know.")
    return state


def _whole(values: Mapping[str, str], name: str) -> int | None:
    given = values.get(name, "")
    return int(given) if _NUMBER.fullmatch(given) else None
