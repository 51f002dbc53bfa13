"""Plivo's voice webhooks, read (facts voice 1.7; plivo.com/docs/voice, 2026-11): a caller, a call that
asks what next, reports on calls, legs, machines and recordings. Which of them a request is stands in the
address we gave, whose whole query is signed; only a caller, and the end of a call that came in, come to
the bare one. Must never take `From` for an identity."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import blake2s

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
from ringfence.providers.base import Verified
from ringfence.providers.plivo_call_errors import ORDINARY_ENDS
from ringfence.providers.plivo_call_fields import (
    fields_of,
    given,
    guard_names,
    is_call_id,
    our_id,
    ours,
    whole,
)
from ringfence.providers.plivo_call_told import REST, told_along
from ringfence.providers.plivo_events import OUR_ID, e164

WHAT = "for"
TURN = "turn"
NEXT = "next"
LEG = "leg"
DIALLED = "dialled"
PROGRESS = "progress"
ANSWERER = "answerer"
RECORDING = "recording"
MESSAGE = "message"

CALL_STATES: dict[str, CallState] = {
    "queued": CallState.OFFERED,
    "initiated": CallState.OFFERED,
    "ringing": CallState.RINGING,
    "early-media": CallState.RINGING,
    "in-progress": CallState.ANSWERED,
    "completed": CallState.ENDED,
    "busy": CallState.BUSY,
    "no-answer": CallState.NO_ANSWER,
    # The network gave up waiting for the other side: nobody answered.
    "timeout": CallState.NO_ANSWER,
    "failed": CallState.FAILED,
    "cancel": CallState.CANCELLED,
    "canceled": CallState.CANCELLED,
    "cancelled": CallState.CANCELLED,
}
# Causes that say more than the status: hung up by the API, or not answered in time, before an answer.
_BY_CAUSE = {1000: CallState.CANCELLED, 6010: CallState.NO_ANSWER}
_LEG_STEPS = {
    "answer": CallState.ANSWERED,
    "connected": CallState.ANSWERED,
    "hangup": CallState.ENDED,
}
# Written where the network names no caller (facts voice 1.2); they spell words on a keypad.
_PLACEHOLDERS = frozenset({"266696687", "7378742833", "2562533", "8656696", "86282452253"})
E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_CONFIDENCE = re.compile(r"[01](?:\.\d{1,30})?", re.ASCII)
_DIGITS = re.compile(r"[0-9*#A-Da-dwW]{1,200}", re.ASCII)
_SPEECH_CHARS_MAX = 8_000


def parse(verified: Verified) -> CallEvent | None:
    """Raises MalformedEvent for what is no event of a call, or whose fields were moved."""
    values = fields_of(verified)
    guard_names(values)
    what = ours(verified, WHAT)
    match what:
        case "":
            return _unasked(verified, values)
        case "next":
            return _what_next(verified, values)
        case "leg":
            return _leg_ended(verified, values)
        case "dialled":
            return _dialled(verified, values)
        case "progress":
            return _progress(verified, values)
        case "answerer":
            return _answerer(verified, values)
        case "recording" | "message":
            return _recording(verified, values, asks=what == MESSAGE)
        case _:
            raise MalformedEvent("Its address names no kind of event.")


def dedupe_token(verified: Verified) -> str:
    """Call, kind, and what tells two events of a kind apart: the turn and what was told along with it,
    the status, the leg and its step, the recording. The nonce is new with every delivery and takes no
    part (B118)."""
    values = fields_of(verified)
    id_, what, turn = values["CallUUID"], ours(verified, WHAT), ours(verified, TURN)
    match what:
        case "" | "progress":
            return f"call:{id_}:{what}:{values.get('CallStatus', '')}"
        case "dialled":
            step, leg = values.get("DialAction", ""), values.get("DialBLegUUID", "")
            return f"call:{id_}:{what}:{leg}:{step}"
        case "recording" | "message":
            return f"call:{id_}:{what}:{turn}:{values.get('RecordingID', '')}"
        case _:
            along = blake2s(given(verified, REST).encode(), digest_size=8).hexdigest()
            return f"call:{id_}:{what}:{turn}:{along}"


# -- the kinds --------------------------------------------------------------------------------------


def _unasked(verified: Verified, values: Mapping[str, str]) -> IncomingCall | CallProgress:
    """At the bare address, as set in the console: a caller, or the end of a call that came in. Plivo
    says `in-progress` of some callers before anything was answered."""
    state = _state(values, "CallStatus")
    if state not in (CallState.OFFERED, CallState.RINGING, CallState.ANSWERED):
        return _progress(verified, values)
    if values.get("Direction") != "inbound":
        raise MalformedEvent("It is about a call of ours, and at the address for callers.")
    caller = e164(values.get("From", "").strip())
    return IncomingCall(
        provider_id=values["CallUUID"],
        account_id="",
        caller=caller,
        called=e164(values.get("To", "").strip()),
        hidden=_is_hidden(caller),
        forwarded_from=e164(values.get("ForwardedFrom", "")),
        attested=values.get("STIRVerification", ""),
    )


def _is_hidden(caller: str) -> bool:
    return not E164.fullmatch(caller) or caller.removeprefix("+") in _PLACEHOLDERS


def _what_next(verified: Verified, values: Mapping[str, str]) -> WhatNext:
    digits, confidence = values.get("Digits", ""), values.get("SpeechConfidenceScore", "")
    rest = given(verified, REST)
    return WhatNext(
        provider_id=values["CallUUID"],
        account_id="",
        our_id=our_id(verified),
        state=_state(values, "CallStatus"),
        turn=ours(verified, TURN),
        digits=digits if _DIGITS.fullmatch(digits) else "",
        speech=values.get("Speech", "").strip()[:_SPEECH_CHARS_MAX],
        confidence=float(confidence) if _CONFIDENCE.fullmatch(confidence) else None,
        answered_by=_heard(values, otherwise=None),
        rest=told_along(rest) if rest else (),
    )


def _leg_ended(verified: Verified, values: Mapping[str, str]) -> LegEnded:
    """A number that was dialled, or a room that was left: of a room nothing is told but that."""
    in_room = "ConferenceName" in values
    leg = values.get("DialBLegUUID", "")
    return LegEnded(
        provider_id=values["CallUUID"],
        account_id="",
        our_id=our_id(verified),
        leg_state=CallState.ENDED if in_room else _state(values, "DialStatus"),
        turn=ours(verified, TURN),
        leg_provider_id=leg if is_call_id(leg) else "",
        lasted_s=whole(values, "DialBLegDuration") or 0,
    )


def _dialled(verified: Verified, values: Mapping[str, str]) -> CallProgress | None:
    """A step of a leg that an instruction dialled; keys pressed on it tell us nothing."""
    step, leg = values.get("DialAction", ""), values.get("DialBLegUUID", "")
    state = _LEG_STEPS.get(step)
    if state is None or not is_call_id(leg):
        return None
    return CallProgress(
        provider_id=leg,
        account_id="",
        our_id=our_id(verified),
        state=state,
        provider_status=step,
        lasted_s=whole(values, "DialBLegDuration"),
        parent_provider_id=values["CallUUID"],
    )


def _progress(verified: Verified, values: Mapping[str, str]) -> CallProgress:
    state, cause = _state(values, "CallStatus"), whole(values, "HangupCauseCode")
    if cause is not None and state is not CallState.RINGING:
        state = _BY_CAUSE.get(cause, state)
    return CallProgress(
        provider_id=values["CallUUID"],
        account_id="",
        our_id=ours(verified, OUR_ID),
        state=state,
        provider_status=values["CallStatus"],
        lasted_s=whole(values, "Duration"),
        answered_by=_heard(values, otherwise=None),
        error_code=None if cause in ORDINARY_ENDS else cause,
    )


def _answerer(verified: Verified, values: Mapping[str, str]) -> AnswererHeard:
    return AnswererHeard(
        provider_id=values["CallUUID"],
        account_id="",
        our_id=our_id(verified),
        answered_by=_heard(values, otherwise=Answerer.UNKNOWN) or Answerer.UNKNOWN,
    )


def _heard(values: Mapping[str, str], otherwise: Answerer | None) -> Answerer | None:
    """Plivo says that it is a machine, never that its greeting is over. Another word than its two is
    not evidence of a machine."""
    words = {"true": Answerer.MACHINE, "false": Answerer.HUMAN}
    return words.get(values.get("Machine", "").lower(), otherwise)


def _recording(verified: Verified, values: Mapping[str, str], *, asks: bool) -> RecordingReport:
    """A file that is ready, or the end of a Record: nothing was recorded where it has no address."""
    url, id_ = values.get("RecordUrl", ""), values.get("RecordingID", "")
    if id_ and not is_call_id(id_):
        raise MalformedEvent("Its RecordingID is no recording id.")
    digits = values.get("Digits", "")
    return RecordingReport(
        provider_id=values["CallUUID"],
        account_id="",
        our_id=our_id(verified),
        state=RecordingState.COMPLETED if url else RecordingState.ABSENT,
        recording_id=id_,
        url=url,
        lasted_s=whole(values, "RecordingDuration") or 0,
        turn=ours(verified, TURN),
        digits=digits if _DIGITS.fullmatch(digits) else "",
        asks=asks,
    )


def _state(values: Mapping[str, str], name: str) -> CallState:
    state = CALL_STATES.get(values.get(name, ""))
    if state is None:
        raise MalformedEvent(f"Its {name} is not one we know.")
    return state
