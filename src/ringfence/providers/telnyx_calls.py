"""Telnyx's calls: Call Control v2 requests out, Ed25519-signed events in (facts voice 1.6). A codec: it
opens no socket, reads no clock, writes no log. Every call it places has the carrier's own time limit
(P12); one that comes in has Telnyx's fixed four hours, which no request changes.

Telnyx is told by requests and reports by events; its answer to a webhook says nothing. What is told is
done a step at a time (telnyx_call_commands.py), and what is left travels in the client state
(telnyx_call_memory.py) until the event that ends the step brings it back as `WhatNext.rest`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ringfence.model.call import CallEvent, CallState, IncomingCall
from ringfence.model.errors import ProviderError, ProviderMisconfigured, ProviderRejected
from ringfence.model.instruction import Instruction, Refuse
from ringfence.model.line import Line
from ringfence.model.outbox import ErrorClass, Outcome, OutcomeKind
from ringfence.model.wire import WebhookRequest, WireRequest, WireResponse
from ringfence.providers import (
    answers,
    recordings,
    telnyx_call_memory,
    telnyx_call_webhooks,
    telnyx_events,
    telnyx_rest,
    telnyx_signature,
)
from ringfence.providers.base import (
    CallCapabilities,
    Detection,
    OutboundCall,
    RemoteCall,
    Told,
    Verified,
)
from ringfence.providers.telnyx_call_commands import (
    Whom,
    command_id,
    documents,
    leads_to,
    webhook_url,
)
from ringfence.providers.telnyx_call_errors import CALL_ENDED, NO_SUCH, call_meaning
from ringfence.providers.telnyx_call_memory import After, Memory
from ringfence.providers.telnyx_call_webhooks import CALL_ID

_TAKEN = WireResponse(200, {"content-type": "application/json"}, b"{}")
_DETECTION = {
    Detection.NONE: "disabled",
    Detection.FAST: "detect",
    Detection.PATIENT: "greeting_end",
}
_WAITS = {Detection.FAST: After.DETECTION, Detection.PATIENT: After.GREETING}


class TelnyxCalls:
    """The codec. Stateless; one instance serves every line."""

    name = "telnyx"
    call_capabilities = CallCapabilities(
        answers_with_instructions=False,
        # A repeat is ignored for 60 seconds only, which is no promise for a call.
        tried_again_safely=False,
        detects_machines=True,
        takes_messages=True,
        streams=True,
        digits_on_live_call=True,
    )

    # -- webhooks ------------------------------------------------------------------------------

    def verify_call(self, request: WebhookRequest, line: Line) -> Verified:
        """Raise SignatureRefused unless one of the line's public keys signed this body just now."""
        checked = line.validate_signature if line.voice is None else line.voice.validate_signature
        if checked:
            telnyx_signature.check(
                request.headers, request.body, line.credentials.public_keys, request.received_at
            )
        return Verified(request, telnyx_events.fields_of(request.body))

    def parse_call(self, verified: Verified) -> CallEvent | None:
        return telnyx_call_webhooks.parse(verified)

    def call_misdirected(self, event: CallEvent, line: Line) -> str:
        """One key signs for every application of an account, so that the event's must be the line's."""
        if not event.account_id or event.account_id != _connection(line):
            return "the event belongs to another call control application"
        if not isinstance(event, IncomingCall):
            return ""
        return "" if line.takes_calls_to(event.called) else "the call is for another number"

    def call_dedupe_token(self, verified: Verified) -> str:
        return telnyx_call_webhooks.dedupe_token(verified)

    def answer_call(
        self, instructions: Sequence[Instruction], our_id: str, line: Line
    ) -> WireResponse:
        """The 200 that tells Telnyx: stored. The instructions go by `take` and `tell`."""
        return _TAKEN

    # -- placing -------------------------------------------------------------------------------

    def place(self, call: OutboundCall, line: Line) -> WireRequest:
        """Raises ProviderMisconfigured for a line without a number, application, key or usable URLs."""
        document: dict[str, object] = {
            "connection_id": _required_connection(line),
            "to": call.to,
            "from": _required_number(line),
            "webhook_url": webhook_url(line, call.our_id),
            "webhook_url_method": "POST",
            "timeout_secs": call.ring_s,
            "time_limit_secs": call.limit_s,
            "answering_machine_detection": _DETECTION[call.detection],
            "client_state": _opening(call),
        }
        if call.digits:
            document["send_digits_on_answer"] = call.digits
        document["command_id"] = command_id(call.our_id, "dial", document)
        return telnyx_rest.post(line, "/calls", document)

    def placed(self, response: WireResponse) -> Outcome:
        """Only proof makes a refusal, as with messages: a 5xx or a redirect proves nothing, and a
        call that may ring is not placed a second time."""
        status = response.status
        if 200 <= status < 300:
            return _accepted(response)
        code = telnyx_rest.error_code(response)
        words = telnyx_rest.detail(response, code, call_meaning)
        if 400 <= status < 500 and status != 408:
            later = answers.retry_after_s(response)
            return answers.refused(status, code, call_meaning(code), later, words)
        return Outcome(OutcomeKind.UNKNOWN, error_code=code, http_status=status, detail=words)

    # -- a live call ---------------------------------------------------------------------------

    def take(
        self, instructions: Sequence[Instruction], provider_id: str, our_id: str, line: Line
    ) -> Sequence[WireRequest]:
        """Answer a caller; the instructions come back once it is answered. Nothing to say to somebody
        is a refusal."""
        if not instructions or isinstance(instructions[0], Refuse):
            refused = tuple(instructions[:1]) or (Refuse(),)
            return self.tell(refused, provider_id, our_id, line)
        told = tuple(instructions)
        memory = Memory(our_id, After.ANSWER, leads_to(told), told)
        document: dict[str, object] = {
            "client_state": telnyx_call_memory.written(memory),
            "webhook_url": webhook_url(line, our_id),
            "webhook_url_method": "POST",
        }
        document["command_id"] = command_id(provider_id, "answer", document)
        return (_action(provider_id, "answer", document, line),)

    def tell(
        self, instructions: Sequence[Instruction], provider_id: str, our_id: str, line: Line
    ) -> Sequence[WireRequest]:
        """The first step, which replaces what the call is saying. Raises ValueError for what Telnyx
        has not: rooms by name, a relay, tones to a number that is connected, too much at once."""
        whom = Whom(provider_id, our_id, _required_number(line), webhook_url(line, our_id))
        return tuple(
            _action(provider_id, action, document, line)
            for action, document in documents(instructions, whom)
        )

    def hang_up(self, provider_id: str, line: Line) -> WireRequest:
        """A call that rings as well as one that was answered. Without a command id: a repeat must not
        be ignored, and does no harm."""
        return _action(provider_id, "hangup", {}, line)

    def told(self, response: WireResponse) -> Told:
        code = telnyx_rest.error_code(response) if response.status >= 400 else None
        if code == CALL_ENDED or (response.status, code) == (404, NO_SUCH):
            return Told.GONE
        telnyx_rest.data(response, call_meaning)
        return Told.DONE

    # -- reading back --------------------------------------------------------------------------

    def fetch_call(self, provider_id: str, line: Line) -> WireRequest:
        """Telnyx knows a call until ten minutes after its end. Raises ProviderRejected for an id that
        cannot be Telnyx's."""
        return telnyx_rest.get(line, _path(provider_id))

    def call_fetched(self, response: WireResponse) -> RemoteCall:
        call = _remote(telnyx_rest.data(response, call_meaning))
        if call is None:
            raise ProviderError("The answer is not a call.")
        return call

    def recording(self, url: str, line: Line) -> WireRequest:
        return recordings.of_public_address(url, line)

    def classify_call(self, error_code: int | None) -> ErrorClass:
        return call_meaning(error_code).error_class


# -- the line --------------------------------------------------------------------------------------


def _connection(line: Line) -> str:
    return "" if line.voice is None else line.voice.connection_id


def _required_connection(line: Line) -> str:
    found = _connection(line)
    if not found:
        raise ProviderMisconfigured(
            "Set telnyx.connectionId: the id of the call control application."
        )
    return found


def _required_number(line: Line) -> str:
    if line.number is None:
        raise ProviderMisconfigured("Set fromNumber: calls are placed from a number.")
    return line.number.e164


# -- writing ---------------------------------------------------------------------------------------


def _opening(call: OutboundCall) -> str:
    """What the call is for, remembered until it is answered, or until it is known by whom. What does
    not fit is asked for at the turn."""
    waits = _WAITS.get(call.detection) if not call.detects_meanwhile else None
    after = waits or After.ANSWER
    told = tuple(call.instructions)
    try:
        turn = leads_to(told) if told else call.turn
        return telnyx_call_memory.written(Memory(call.our_id, after, turn, told))
    except ValueError:
        return telnyx_call_memory.written(Memory(call.our_id, after, call.turn))


def _path(provider_id: str) -> str:
    if not CALL_ID.fullmatch(provider_id):
        raise ProviderRejected("That is not a call id of this provider.")
    return f"/calls/{quote(provider_id, safe=':')}"


def _action(
    provider_id: str, action: str, document: Mapping[str, object], line: Line
) -> WireRequest:
    return telnyx_rest.post(line, f"{_path(provider_id)}/actions/{action}", document)


# -- reading ---------------------------------------------------------------------------------------


def _accepted(response: WireResponse) -> Outcome:
    """Whatever else it says: with a call control id there is a call, without one there may be."""
    found = (answers.document(response.body) or {}).get("data")
    id_ = found.get("call_control_id") if isinstance(found, dict) else None
    if not isinstance(id_, str) or not CALL_ID.fullmatch(id_):
        detail = f"HTTP {response.status} without a call id; the call may exist."
        return Outcome(OutcomeKind.UNKNOWN, http_status=response.status, detail=detail)
    return Outcome(OutcomeKind.ACCEPTED, provider_id=id_, http_status=response.status)


def _remote(row: Any) -> RemoteCall | None:
    """A call document, tamed field by field; None without an id. It names no numbers, and says of the
    state only whether the call is alive: no more is claimed."""
    if not isinstance(row, dict):
        return None
    id_, alive, lasted = row.get("call_control_id"), row.get("is_alive"), row.get("call_duration")
    if not isinstance(id_, str) or not CALL_ID.fullmatch(id_) or not isinstance(alive, bool):
        return None
    seconds = lasted if type(lasted) is int and 0 <= lasted <= 86_400 else 0
    ended = answers.iso_moment(row.get("end_time"))
    return RemoteCall(
        provider_id=id_,
        to="",
        sender="",
        state=_state(alive=alive, is_over=ended is not None, lasted=seconds > 0),
        inbound=False,
        started_at=answers.iso_moment(row.get("start_time")),
        ended_at=ended,
        lasted_s=seconds if ended is not None else None,
    )


def _state(*, alive: bool, is_over: bool, lasted: bool) -> CallState:
    """A call that is being dialled is not alive yet either."""
    if is_over:
        return CallState.ENDED if lasted else CallState.NO_ANSWER
    if not alive:
        return CallState.OFFERED
    return CallState.ANSWERED if lasted else CallState.RINGING


CALLS = TelnyxCalls()
