"""Plivo's calls: the v1 Call API out, signed voice webhooks in (facts voice 1.7; plivo.com/docs/voice, read
2026-11). A codec: it opens no socket, reads no clock, writes no log. Every call it places has the
provider's own time limit (P12).

Two things differ from Twilio. What is placed is a *request*; the call gets an id of its own, which comes
with the first webhook and replaces the request's (B131). And Plivo takes no document, only addresses to
fetch one from, so that what a live call is told goes there in the address (plivo_call_told.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ringfence.model.call import CallEvent, CallState, IncomingCall
from ringfence.model.errors import (
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    SignatureRefused,
)
from ringfence.model.instruction import GoOn, HangUp, Instruction, SendDigits
from ringfence.model.line import Line
from ringfence.model.outbox import ErrorClass, Outcome, OutcomeKind
from ringfence.model.wire import WebhookRequest, WireRequest, WireResponse
from ringfence.providers import (
    answers,
    forms,
    plivo_call_webhooks,
    plivo_rest,
    plivo_signature,
    plivo_xml,
    recordings,
)
from ringfence.providers.base import (
    CallCapabilities,
    Detection,
    OutboundCall,
    RemoteCall,
    Told,
    Verified,
)
from ringfence.providers.plivo_call_documents import Addresses, addresses, configured, written
from ringfence.providers.plivo_call_errors import call_meaning
from ringfence.providers.plivo_call_fields import is_call_id
from ringfence.providers.plivo_call_told import REST, leads_to, packed
from ringfence.providers.plivo_call_webhooks import CALL_STATES, E164
from ringfence.providers.plivo_events import e164

REQUEST: Final = "request:"
"""Before the id of what was placed, until the call's own id is known: the two live at different paths."""


class PlivoCalls:
    """The codec. Stateless; one instance serves every line."""

    name = "plivo"
    call_capabilities = CallCapabilities(
        detects_machines=True,
        conferences=True,
        takes_messages=True,
        streams=True,
        digits_on_live_call=True,
    )

    # -- webhooks ------------------------------------------------------------------------------

    def verify_call(self, request: WebhookRequest, line: Line) -> Verified:
        """Raise SignatureRefused unless Plivo signed this form, its whole query included."""
        fields = _fields(request)
        if not line.validate_signature:
            return Verified(request, fields)
        tokens = [token.reveal() for token in line.credentials.auth_tokens]
        plivo_signature.check(
            request.headers,
            _stem(request, line),
            forms.decode(request.query),
            fields,
            tokens,
            setting="the public URL for calls",
        )
        return Verified(request, fields, plivo_signature.form_text(fields))

    def parse_call(self, verified: Verified) -> CallEvent | None:
        return plivo_call_webhooks.parse(verified)

    def call_misdirected(self, event: CallEvent, line: Line) -> str:
        """Nothing names the account: the signed address and the number tell whose it is. Calls of
        ours are known by their id; a caller must have dialled this line's number."""
        if not isinstance(event, IncomingCall):
            return ""
        if line.number is None:
            return "the line has no number to be called on"
        own = event.called == line.number.e164 or line.takes_calls_to(event.called)
        return "" if own else "the call is for another number"

    def call_dedupe_token(self, verified: Verified) -> str:
        return plivo_call_webhooks.dedupe_token(verified)

    def answer_call(
        self, instructions: Sequence[Instruction], our_id: str, line: Line
    ) -> WireResponse:
        """A document; without instructions an empty one, which ends a call that waits for it."""
        text = plivo_xml.document(())
        if instructions:
            text = written(instructions, addresses(line, our_id))
        return WireResponse(200, {"content-type": plivo_xml.CONTENT_TYPE}, text.encode())

    # -- placing -------------------------------------------------------------------------------

    def place(self, call: OutboundCall, line: Line) -> WireRequest:
        """Nothing travels along: Plivo asks at the call's turn once somebody picked up. Raises
        ProviderMisconfigured for a line without a number, credentials or usable URLs."""
        if line.number is None:
            raise ProviderMisconfigured("Set fromNumber: calls are placed from a number.")
        if not E164.fullmatch(call.to):
            # `<` between numbers would make one request ring many people.
            raise ProviderRejected("That is not one number.")
        where = addresses(line, call.our_id)
        ask = where.at(plivo_call_webhooks.NEXT, call.turn)
        report = where.at(plivo_call_webhooks.PROGRESS)
        document: dict[str, object] = {"from": line.number.e164, "to": call.to}
        for name, url in (
            ("answer", ask),
            ("fallback", ask),
            ("ring", report),
            ("hangup", report),
        ):
            document |= {f"{name}_url": url, f"{name}_method": "POST"}
        document |= {"time_limit": call.limit_s, "ring_timeout": call.ring_s}
        if call.digits:
            document["send_digits"] = call.digits
        document |= _detection(call, where)
        return plivo_rest.post(line, "Call/", document)

    def placed(self, response: WireResponse) -> Outcome:
        """Only proof makes a refusal: a 4xx was not taken, a 429 neither. A 5xx, a redirect or a timeout
        (408) proves nothing, and a call that may ring is not placed a second time."""
        status = response.status
        if 200 <= status < 300:
            return _accepted(response)
        words = plivo_rest.detail(response, call_meaning)
        if not 400 <= status < 500 or status == 408:
            return Outcome(OutcomeKind.UNKNOWN, http_status=status, detail=words)
        code = plivo_rest.refusal_code(response)
        later = answers.retry_after_s(response)
        return answers.refused(status, code, call_meaning(code), later, words)

    # -- a live call ---------------------------------------------------------------------------

    def tell(
        self, instructions: Sequence[Instruction], provider_id: str, our_id: str, line: Line
    ) -> Sequence[WireRequest]:
        """Replaces what the call is doing: Plivo asks at once, and what it was told comes back as the
        rest. Keys that come first are sent over what the call is doing, which goes on where nothing
        else is told. Raises ValueError for what an address cannot hold: tell it to ask instead;
        ProviderRejected for a call that has no id yet."""
        path = _call_path(provider_id)
        match tuple(instructions):
            case (HangUp(),):
                return (self.hang_up(provider_id, line),)
            case (SendDigits(digits), *others):
                keys = {"digits": digits, "leg": "aleg"}
                after = (_transfer(path, others, addresses(line, our_id), line),) if others else ()
                return (plivo_rest.post(line, f"{path}DTMF/", keys), *after)
            case others:
                return (_transfer(path, others, addresses(line, our_id), line),)

    def hang_up(self, provider_id: str, line: Line) -> WireRequest:
        """Ends a call that rings as well as one that was answered; what has no call's id yet is
        cancelled as the request it is. An id there must be: without one Plivo ends every call of the
        account."""
        if provider_id.startswith(REQUEST):
            return plivo_rest.delete(line, f"Request/{_bare_id(provider_id)}/")
        return plivo_rest.delete(line, _call_path(provider_id))

    def told(self, response: WireResponse) -> Told:
        """A 404 is the API's word, or empty as a 204 is; a page of something else proves nothing."""
        empty, document = not response.body.strip(), answers.document(response.body)
        if response.status == 204:
            return Told.DONE
        if response.status == 404 and (empty or document is not None):
            return Told.GONE
        plivo_rest.answer(response, call_meaning)
        return Told.DONE

    # -- reading back --------------------------------------------------------------------------

    def fetch_call(self, provider_id: str, line: Line) -> WireRequest:
        """Whether it is alive: what Plivo keeps of a call that is over is found elsewhere, and does not
        say how it ended. Raises ProviderRejected for an id that cannot be Plivo's."""
        return plivo_rest.get(line, f"Call/{_bare_id(provider_id)}/", [("status", "live")])

    def call_fetched(self, response: WireResponse) -> RemoteCall:
        """A call that is alive, or one that is over: of that one nothing else is told. What rings is
        alive; what waits in Plivo's queue is not found and hears, once it is answered, that it is
        over."""
        if response.status == 404 and plivo_rest.said(response):
            return RemoteCall("", "", "", CallState.ENDED, inbound=False)
        call = _remote(plivo_rest.answer(response, call_meaning))
        if call is None:
            raise ProviderError("The answer is not a call.")
        return call

    def recording(self, url: str, line: Line) -> WireRequest:
        return recordings.of_public_address(url, line)

    def classify_call(self, error_code: int | None) -> ErrorClass:
        return call_meaning(error_code).error_class


# -- verifying -----------------------------------------------------------------------------------


def _fields(request: WebhookRequest) -> tuple[tuple[str, str], ...]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method != "POST" or kind != forms.FORM:
        raise SignatureRefused("Its body is no form; set the method POST at the provider.")
    try:
        forms.decode(request.query)
        return forms.decode(request.body)
    except ValueError as broken:
        raise SignatureRefused("Its form cannot be read as it was sent.") from broken


def _stem(request: WebhookRequest, line: Line) -> str:
    """The configured address without its query, with which the request's must begin: the rest of the
    query is ours, and all of it is signed."""
    try:
        stem, own = configured(line)
    except ProviderMisconfigured as broken:
        raise SignatureRefused(str(broken)) from broken
    if forms.decode(request.query)[: len(own)] != own:
        raise SignatureRefused("Its query does not begin with the configured one.")
    return stem


# -- writing and reading -------------------------------------------------------------------------


def _transfer(
    path: str, instructions: Sequence[Instruction], where: Addresses, line: Line
) -> WireRequest:
    """To the address at which we are asked; to ask is all that a single GoOn wants."""
    alone = len(instructions) == 1 and isinstance(instructions[0], GoOn)
    more = () if alone else ((REST, packed(instructions)),)
    url = where.at(plivo_call_webhooks.NEXT, leads_to(instructions), more)
    document = {"legs": "aleg", "aleg_url": url, "aleg_method": "POST"}
    return plivo_rest.post(line, path, document)


def _detection(call: OutboundCall, where: Addresses) -> dict[str, object]:
    """Plivo hears a machine and not the end of its greeting: PATIENT is as FAST. Without an address of
    its own it waits for the verdict, and asks then."""
    if call.detection is Detection.NONE:
        return {}
    found: dict[str, object] = {"machine_detection": "true"}
    if call.detects_meanwhile:
        found["machine_detection_url"] = where.at(plivo_call_webhooks.ANSWERER)
        found["machine_detection_method"] = "POST"
    return found


def _accepted(response: WireResponse) -> Outcome:
    """`request_uuid` is one id for one number; without it there may be a call all the same."""
    given = (answers.document(response.body) or {}).get("request_uuid")
    if not isinstance(given, str) or not is_call_id(given):
        detail = f"HTTP {response.status} without a request id; the call may exist."
        return Outcome(OutcomeKind.UNKNOWN, http_status=response.status, detail=detail)
    return Outcome(
        OutcomeKind.ACCEPTED, provider_id=f"{REQUEST}{given}", http_status=response.status
    )


def _call_path(provider_id: str) -> str:
    if not is_call_id(provider_id):
        raise ProviderRejected("That is not a call id of this provider.")
    return f"Call/{provider_id}/"


def _bare_id(provider_id: str) -> str:
    found = provider_id.removeprefix(REQUEST)
    if not is_call_id(found):
        raise ProviderRejected("That is not a call id of this provider.")
    return found


def _remote(row: dict[str, object]) -> RemoteCall | None:
    """A live call's document, tamed field by field; None without an id or a status we know. Its times
    are in the account's zone, which is not told."""
    id_, state = row.get("call_uuid"), CALL_STATES.get(_text(row.get("call_status")))
    if not isinstance(id_, str) or not is_call_id(id_) or state is None:
        return None
    return RemoteCall(
        provider_id=id_,
        to=e164(_text(row.get("to")).removeprefix("+")),
        sender=e164(_text(row.get("from")).removeprefix("+")),
        state=state,
        inbound=row.get("direction") == "inbound",
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


CALLS = PlivoCalls()
