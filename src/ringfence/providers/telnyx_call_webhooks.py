"""Telnyx's Call Control webhooks, read (facts voice 1.6). What an event is for us stands in the client
state that its body repeats: the end of a step becomes the question what next. The body alone is
signed; the address of a request is anybody's. Must never take `from` for an identity."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

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
from ringfence.providers import answers, telnyx_call_memory, telnyx_events
from ringfence.providers.base import Verified
from ringfence.providers.telnyx_call_errors import end_state
from ringfence.providers.telnyx_call_memory import BEFORE_THE_ANSWER, After, Memory
from ringfence.providers.telnyx_call_sounds import GATHER

Values = Mapping[str, str]
CALL_ID = re.compile(r"[A-Za-z0-9:_.=-]{8,200}", re.ASCII)
ANSWERERS: Final[dict[str, Answerer]] = {
    "human": Answerer.HUMAN,
    "human_residence": Answerer.HUMAN,
    "human_business": Answerer.HUMAN,
    "machine": Answerer.MACHINE,
    "fax_detected": Answerer.FAX,
}
"""A result that is not here (not_sure, silence) is no evidence of a machine."""

_PAYLOAD = "data.payload."
_FAMILIES = ("call.", "streaming.", "conference.")
_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
# Written where the network names no caller (facts voice 1.2); they spell words on a keypad.
_PLACEHOLDERS = frozenset({"266696687", "7378742833", "2562533", "8656696", "86282452253"})
_OUR_VALUE = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)
_DIGITS = re.compile(r"[0-9*#A-D]{1,128}", re.ASCII)
_CONFIDENCE = re.compile(r"[01](?:\.\d{1,30})?", re.ASCII)
_SIP_CODE = re.compile(r"[1-9]\d\d", re.ASCII)
_SPEECH_CHARS_MAX = 8_000
_LASTS_S_MAX = 86_400
# A sound that could not be had is passed over, and the call goes on; one we replaced tells nothing.
_PLAYED = frozenset({"", "completed", "file_not_found", "failed", "unknown"})
_SPOKEN = frozenset({"", "completed"})
_GATHERED = frozenset({"", "valid", "invalid", "timeout"})


def parse(verified: Verified) -> CallEvent | None:
    """None for what tells us nothing. Raises MalformedEvent for what is no event of a call."""
    values = _values(verified)
    kind = values["data.event_type"]
    memory = telnyx_call_memory.read(values.get(f"{_PAYLOAD}client_state", ""))
    reader = _READERS.get(kind)
    return None if reader is None else reader(values, memory)


def dedupe_token(verified: Verified) -> str:
    """The event's own id: a question may be asked again at the same turn."""
    parse(verified)
    return telnyx_events.event_id(verified.fields)


# -- a call's life ---------------------------------------------------------------------------------


def _initiated(values: Values, memory: Memory) -> CallEvent:
    if values.get(f"{_PAYLOAD}direction") != "incoming":
        return _progress(values, memory, CallState.OFFERED)
    caller = values.get(f"{_PAYLOAD}from", "").strip()
    return IncomingCall(
        provider_id=_call_id(values),
        account_id=_account(values),
        caller=caller,
        called=values.get(f"{_PAYLOAD}to", "").strip(),
        hidden=not _E164.fullmatch(caller) or caller.removeprefix("+") in _PLACEHOLDERS,
        attested=values.get(f"{_PAYLOAD}shaken_stir_attestation", ""),
    )


def _answered(values: Values, memory: Memory) -> CallEvent:
    if memory.after is After.ANSWER:
        return _what_next(values, memory)
    return _progress(values, memory, CallState.ANSWERED)


def _hung_up(values: Values, memory: Memory) -> CallEvent:
    given = values.get(f"{_PAYLOAD}sip_hangup_cause", "")
    sip_code = int(given) if _SIP_CODE.fullmatch(given) else None
    is_leg = _is_leg(values, memory)
    was_answered = not is_leg and memory.after not in BEFORE_THE_ANSWER
    cause = values.get(f"{_PAYLOAD}hangup_cause", "")
    state = end_state(cause, sip_code, was_answered=was_answered)
    if not is_leg:
        return _progress(values, memory, state, sip_code)
    return LegEnded(
        provider_id=memory.call,
        account_id=_account(values),
        our_id=_our_id(values, memory),
        leg_state=state,
        turn=memory.turn,
        leg_provider_id=_call_id(values),
    )


def _progress(
    values: Values, memory: Memory, state: CallState, sip_code: int | None = None
) -> CallProgress:
    """How long it lasted is not told: `start_time` is when it began to be dialled."""
    return CallProgress(
        provider_id=_call_id(values),
        account_id=_account(values),
        our_id=_known_id(values, memory),
        state=state,
        provider_status=values.get(f"{_PAYLOAD}hangup_cause") or values["data.event_type"],
        sip_code=sip_code,
        parent_provider_id=memory.call if _is_leg(values, memory) else "",
    )


def _is_leg(values: Values, memory: Memory) -> bool:
    """A number that was dialled from a call carries the memory made for it, which names that call."""
    return memory.after is After.LEG and bool(memory.call) and memory.call != _call_id(values)


# -- the end of a step -----------------------------------------------------------------------------


def _what_next(
    values: Values,
    memory: Memory,
    *,
    digits: str = "",
    speech: str = "",
    confidence: float | None = None,
    answered_by: Answerer | None = None,
) -> WhatNext:
    return WhatNext(
        provider_id=_call_id(values),
        account_id=_account(values),
        our_id=_our_id(values, memory),
        state=CallState.ANSWERED,
        turn=memory.turn,
        digits=digits,
        speech=speech,
        confidence=confidence,
        answered_by=answered_by,
        rest=() if digits or speech else memory.rest,
    )


def _ends(
    after: After, statuses: frozenset[str] | None = None
) -> Callable[[Values, Memory], CallEvent | None]:
    """The event that ends such a step, with one of these statuses; None for any."""

    def read(values: Values, memory: Memory) -> CallEvent | None:
        done = statuses is None or values.get(f"{_PAYLOAD}status", "") in statuses
        return _what_next(values, memory) if memory.after is after and done else None

    return read


def _gather_ended(values: Values, memory: Memory) -> CallEvent | None:
    gather = values.get(f"{_PAYLOAD}gather_id", "")
    other = gather.startswith(GATHER) and gather != GATHER + memory.turn
    done = values.get(f"{_PAYLOAD}status", "") in _GATHERED
    if memory.after is not After.LISTEN or other or not done:
        return None
    digits = values.get(f"{_PAYLOAD}digits", "")
    return _what_next(values, memory, digits=digits if _DIGITS.fullmatch(digits) else "")


def _transcribed(values: Values, memory: Memory) -> CallEvent | None:
    """Words count while we listen, and when they are final: what is said into our own words is lost."""
    at = f"{_PAYLOAD}transcription_data."
    words = values.get(f"{at}transcript", "").strip()[:_SPEECH_CHARS_MAX]
    final = values.get(f"{at}is_final", "true") == "true"
    theirs = values.get(f"{at}transcription_track", "inbound") == "inbound"
    if memory.after is not After.LISTEN or not (words and final and theirs):
        return None
    given = values.get(f"{at}confidence", "")
    confidence = float(given) if _CONFIDENCE.fullmatch(given) else None
    return _what_next(values, memory, speech=words, confidence=confidence)


# -- who picked up ---------------------------------------------------------------------------------


def _detected(values: Values, memory: Memory) -> CallEvent:
    """Where the call waits for it, it is the question; of a machine whose greeting is waited for, only
    the end of that."""
    who = ANSWERERS.get(values.get(f"{_PAYLOAD}result", ""), Answerer.UNKNOWN)
    waits = memory.after is After.DETECTION or (
        memory.after is After.GREETING and who is not Answerer.MACHINE
    )
    return _heard(values, memory, who, asks=waits)


def _greeted(values: Values, memory: Memory) -> CallEvent:
    asks = memory.after in (After.DETECTION, After.GREETING)
    return _heard(values, memory, Answerer.MACHINE_READY, asks=asks)


def _heard(values: Values, memory: Memory, who: Answerer, *, asks: bool) -> CallEvent:
    if asks:
        return _what_next(values, memory, answered_by=who)
    return AnswererHeard(_call_id(values), _account(values), _our_id(values, memory), who)


# -- recordings ------------------------------------------------------------------------------------


def _recorded(values: Values, memory: Memory) -> RecordingReport:
    """The addresses hold for ten minutes (facts voice 1.6). The event names no call control id; the
    memory of the step does."""
    failed = values["data.event_type"] == "call.recording.error"
    urls = (values.get(f"{_PAYLOAD}recording_urls.{kind}", "") for kind in ("wav", "mp3"))
    given = values.get(f"{_PAYLOAD}recording_id", "")
    return RecordingReport(
        provider_id=values.get(f"{_PAYLOAD}call_control_id", "") or memory.call,
        account_id=_account(values),
        our_id=_our_id(values, memory),
        state=RecordingState.FAILED if failed else RecordingState.COMPLETED,
        recording_id=given if telnyx_events.MESSAGE_ID.fullmatch(given) else "",
        url="" if failed else next((url for url in urls if url), ""),
        lasted_s=_lasted_s(values),
        turn=memory.turn,
        asks=memory.after is After.RECORDING,
    )


def _lasted_s(values: Values) -> int:
    began, ended = (_moment(values, f"recording_{name}_at") for name in ("started", "ended"))
    if began is None or ended is None:
        return 0
    return min(max(0, round((ended - began).total_seconds())), _LASTS_S_MAX)


def _moment(values: Values, name: str) -> datetime | None:
    return answers.iso_moment(values.get(f"{_PAYLOAD}{name}"))


# -- reading ---------------------------------------------------------------------------------------


def _values(verified: Verified) -> Values:
    values = dict(verified.fields)
    if not values or len(verified.fields) > telnyx_events.FIELDS_MAX:
        raise MalformedEvent("It is no JSON object of the provider's.")
    if not values.get("data.id"):
        raise MalformedEvent("It has no event id.")
    if not values.get("data.event_type", "").startswith(_FAMILIES):
        raise MalformedEvent("It is no event of a call.")
    return values


def _call_id(values: Values) -> str:
    found = values.get(f"{_PAYLOAD}call_control_id", "")
    if not CALL_ID.fullmatch(found):
        raise MalformedEvent("It names no call.")
    return found


def _account(values: Values) -> str:
    return values.get(f"{_PAYLOAD}connection_id", "")


def _known_id(values: Values, memory: Memory) -> str:
    """Ours, from the memory or from the address the signed body says it went to; empty for neither."""
    if _OUR_VALUE.fullmatch(memory.our_id):
        return memory.our_id
    return telnyx_events.our_id(values)


def _our_id(values: Values, memory: Memory) -> str:
    found = _known_id(values, memory)
    if not found:
        raise MalformedEvent("It is about no call of ours.")
    return found


_READERS: Final[dict[str, Callable[[Values, Memory], CallEvent | None]]] = {
    "call.initiated": _initiated,
    "call.answered": _answered,
    "call.hangup": _hung_up,
    "call.speak.ended": _ends(After.SPEAK, _SPOKEN),
    "call.playback.ended": _ends(After.PLAYBACK, _PLAYED),
    "call.gather.ended": _gather_ended,
    "call.transcription": _transcribed,
    "call.machine.detection.ended": _detected,
    "call.machine.premium.detection.ended": _detected,
    "call.machine.greeting.ended": _greeted,
    "call.machine.premium.greeting.ended": _greeted,
    "call.recording.saved": _recorded,
    "call.recording.error": _recorded,
    "streaming.stopped": _ends(After.STREAM),
    "streaming.failed": _ends(After.STREAM),
}
