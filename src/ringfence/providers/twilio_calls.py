"""Twilio's calls: Calls API out, signed voice webhooks in (facts voice 1.1 to 1.3). A codec: it opens
no socket, reads no clock, writes no log. Every call it places has the carrier's own time limit (P12);
Twilio documents no idempotency key for placing one, so a lost answer is UNKNOWN and never repeated."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from ringfence.model.call import CallEvent, IncomingCall
from ringfence.model.errors import (
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    SignatureRefused,
)
from ringfence.model.instruction import GoOn, Instruction
from ringfence.model.line import Line
from ringfence.model.outbox import ErrorClass, Outcome, OutcomeKind
from ringfence.model.wire import WebhookRequest, WireRequest, WireResponse
from ringfence.providers import (
    answers,
    forms,
    recordings,
    twilio_call_answers,
    twilio_call_webhooks,
    twilio_rest,
    twiml,
)
from ringfence.providers.base import (
    CallCapabilities,
    CallPage,
    Detection,
    OutboundCall,
    RemoteCall,
    Told,
    Verified,
)
from ringfence.providers.meanings import NOT_TAKEN
from ringfence.providers.twilio import overrides
from ringfence.providers.twilio_call_documents import PROGRESS_EVENTS, Addresses, addresses, written
from ringfence.providers.twilio_call_errors import call_meaning
from ringfence.providers.twilio_call_webhooks import is_call_id
from ringfence.providers.twilio_signature import body_held, holds, signed_url, signing_text

_DETECTION = {Detection.FAST: "Enable", Detection.PATIENT: "DetectMessageEnd"}
_NOT_UNDER_WAY = 21220
_NO_SUCH = 20404
_PAGE_SIZE = "200"


class TwilioCalls:
    """The codec. Stateless; one instance serves every line."""

    name = "twilio"
    call_capabilities = CallCapabilities(
        detects_machines=True,
        conferences=True,
        takes_messages=True,
        streams=True,
        relay=True,
        digits_on_live_call=True,
    )

    # -- webhooks ------------------------------------------------------------------------------

    def verify_call(self, request: WebhookRequest, line: Line) -> Verified:
        """Raise SignatureRefused unless Twilio signed this request, its whole query included."""
        fields = _fields(request)
        signed = _check_signature(request, fields, line) if line.validate_signature else ""
        return Verified(request, fields, signed)

    def parse_call(self, verified: Verified) -> CallEvent:
        return twilio_call_webhooks.parse(verified)

    def call_misdirected(self, event: CallEvent, line: Line) -> str:
        """Calls of ours are known by their id; a caller must have dialled this line's number."""
        if event.account_id != line.credentials.account_id:
            return "the event belongs to another account"
        if not isinstance(event, IncomingCall):
            return ""
        if line.number is None:
            return "the line has no number to be called on"
        own = event.called == line.number.e164 or line.takes_calls_to(event.called)
        return "" if own else "the call is for another number"

    def call_dedupe_token(self, verified: Verified) -> str:
        return twilio_call_webhooks.dedupe_token(verified)

    def answer_call(
        self, instructions: Sequence[Instruction], our_id: str, line: Line
    ) -> WireResponse:
        """A document; without instructions an empty one, which ends a call that waits for it."""
        text = (
            written(instructions, addresses(line, our_id)) if instructions else twiml.document(())
        )
        return WireResponse(200, {"content-type": twiml.CONTENT_TYPE}, text.encode())

    # -- placing -------------------------------------------------------------------------------

    def place(self, call: OutboundCall, line: Line) -> WireRequest:
        """Raises ProviderMisconfigured for a line without a number, credentials or usable URLs."""
        if line.number is None:
            raise ProviderMisconfigured("Set fromNumber: calls are placed from a number.")
        where = addresses(line, call.our_id)
        fields = [
            ("To", call.to),
            ("From", line.number.e164),
            *_instructions(call, where),
            ("StatusCallback", where.at(twilio_call_webhooks.PROGRESS)),
            ("StatusCallbackMethod", "POST"),
            *(("StatusCallbackEvent", event) for event in PROGRESS_EVENTS),
            ("TimeLimit", str(call.limit_s)),
            ("Timeout", str(call.ring_s)),
        ]
        if call.digits:
            fields.append(("SendDigits", call.digits))
        fields += _detection(call, where)
        return twilio_rest.post(line, f"{twilio_rest.account_url(line)}/Calls.json", fields)

    def placed(self, response: WireResponse) -> Outcome:
        """Only proof makes a refusal, as with messages: a 5xx or a redirect proves nothing, and a
        call that may ring is not placed a second time."""
        status = response.status
        if 200 <= status < 300:
            return twilio_call_answers.accepted(response)
        code = twilio_rest.error_code(response)
        words = twilio_call_answers.detail(response, code)
        if not 400 <= status < 500 or status == 408:
            return Outcome(OutcomeKind.UNKNOWN, error_code=code, http_status=status, detail=words)
        error_class = twilio_call_answers.refusal_class(status, code)
        retry = status == 429 or error_class in NOT_TAKEN
        return Outcome(
            OutcomeKind.RETRYABLE if retry else OutcomeKind.REJECTED,
            error_code=code,
            error_class=error_class,
            http_status=status,
            retry_after_s=answers.retry_after_s(response) if retry else None,
            detail=words,
        )

    # -- a live call ---------------------------------------------------------------------------

    def tell(
        self, instructions: Sequence[Instruction], provider_id: str, our_id: str, line: Line
    ) -> Sequence[WireRequest]:
        """Replaces what the call is doing. A single GoOn makes Twilio ask; anything else travels
        along. Raises ValueError for what does not fit into a request: tell it to ask instead."""
        where = addresses(line, our_id)
        match tuple(instructions):
            case (GoOn(turn),):
                fields = [("Url", where.at(twilio_call_webhooks.NEXT, turn)), ("Method", "POST")]
            case some:
                text = written(some, where)
                if len(text) > twiml.INLINE_CHARS_MAX:
                    raise ValueError(f"at most {twiml.INLINE_CHARS_MAX} characters are told")
                fields = [("Twiml", text)]
        return (twilio_rest.post(line, _call_url(provider_id, line), fields),)

    def hang_up(self, provider_id: str, line: Line) -> WireRequest:
        """`completed` ends a call that rings as well as one that was answered."""
        return twilio_rest.post(line, _call_url(provider_id, line), [("Status", "completed")])

    def told(self, response: WireResponse) -> Told:
        code = twilio_rest.error_code(response) if response.status >= 400 else None
        if (response.status, code) == (404, _NO_SUCH) or code == _NOT_UNDER_WAY:
            return Told.GONE
        twilio_call_answers.answer(response)
        return Told.DONE

    # -- reading back --------------------------------------------------------------------------

    def fetch_call(self, provider_id: str, line: Line) -> WireRequest:
        """Raises ProviderRejected for an id that cannot be Twilio's."""
        return twilio_rest.get(line, _call_url(provider_id, line))

    def call_fetched(self, response: WireResponse) -> RemoteCall:
        call = twilio_call_answers.remote(twilio_call_answers.answer(response))
        if call is None:
            raise ProviderError("The answer is not a call.")
        return call

    def find_calls(self, to: str, since: datetime, line: Line) -> WireRequest:
        """Calls this line placed since that day (GMT), newest first. The filter is by the start of
        a call: one that still waits may be missing, so not being listed proves nothing (P5)."""
        query = [("To", to)] if to else []
        if line.number is not None:
            query.append(("From", line.number.e164))
        day = since.astimezone(UTC).date().isoformat()
        query += [("StartTime>", day), ("PageSize", _PAGE_SIZE)]
        return twilio_rest.get(line, f"{twilio_rest.account_url(line)}/Calls.json", query)

    def calls_found(self, response: WireResponse, line: Line) -> CallPage:
        document = twilio_call_answers.answer(response)
        listed = document.get("calls")
        if not isinstance(listed, list):
            raise ProviderError("The answer is not a list of calls.")
        calls = [twilio_call_answers.remote(row) for row in listed if isinstance(row, dict)]
        more = twilio_call_answers.next_page(document.get("next_page_uri"), line)
        return CallPage(tuple(call for call in calls if call is not None), more)

    def recording(self, url: str, line: Line) -> WireRequest:
        return recordings.of_twilio(url, line)

    def classify_call(self, error_code: int | None) -> ErrorClass:
        return call_meaning(error_code).error_class


# -- verifying -----------------------------------------------------------------------------------


def _fields(request: WebhookRequest) -> tuple[tuple[str, str], ...]:
    """A form or, by GET, the query. A JSON body has no fields and must be named by its hash."""
    try:
        if request.method == "GET":
            return forms.decode(request.query)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == forms.FORM:
            return forms.decode(request.body)
        claimed = [v for name, v in forms.decode(request.query) if name == "bodySHA256"]
    except ValueError as broken:
        raise SignatureRefused("Its form cannot be read as it was sent.") from broken
    if len(claimed) != 1 or not body_held(request.body, claimed[0]):
        raise SignatureRefused("Its body is no form and its bodySHA256 does not name it.")
    return ()


def _check_signature(
    request: WebhookRequest, fields: tuple[tuple[str, str], ...], line: Line
) -> str:
    """Returns the text of the fields that was signed. The URL is the configured one with the
    request's query, never the Host header's; the query must begin with the configured one."""
    given = request.headers.get("x-twilio-signature", "")
    tokens = [token.reveal() for token in line.credentials.auth_tokens]
    if not given:
        raise SignatureRefused("It has no X-Twilio-Signature header.")
    if not line.voice_url or not any(tokens):
        what = "public URL for calls" if not line.voice_url else "authToken"
        raise SignatureRefused(f"The line has no {what}, so no signature can be checked; set it.")
    configured = signed_url(line.voice_url)
    own, query = configured.query, request.query
    if own and not f"{query}&".startswith(f"{own}&"):
        raise SignatureRefused("Its query does not begin with the configured one.")
    tail = f"?{query}" if query or own is not None else ""
    text = "" if request.method == "GET" else signing_text(fields)
    # With the fragment too: see twilio.py, the same question is open for calls.
    for end in (tail, *(f"{tail}#{f}" for f in _fragments(configured.fragment, query))):
        if holds(given, [stem + end for stem in configured.stems], text, tokens):
            return text
    raise SignatureRefused(
        "Check that the public URL for calls is the very one set at the provider, and the auth token."
    )


def _fragments(configured: str, query: str) -> tuple[str, ...]:
    """Our own addresses have overrides in their fragment; the one in the console has what was typed."""
    ours = twilio_call_webhooks.WHAT in query
    found = overrides(configured) if ours else configured
    return (found,) if found else ()


# -- writing -------------------------------------------------------------------------------------


def _instructions(call: OutboundCall, where: Addresses) -> list[tuple[str, str]]:
    """What fits travels with the request; anything else Twilio fetches (B128)."""
    if call.instructions:
        text = written(call.instructions, where)
        if len(text) <= twiml.INLINE_CHARS_MAX:
            return [("Twiml", text)]
    return [("Url", where.at(twilio_call_webhooks.NEXT, call.turn)), ("Method", "POST")]


def _detection(call: OutboundCall, where: Addresses) -> list[tuple[str, str]]:
    """Twilio ignores it together with SendDigits (facts voice 1.1), so it is not asked for then."""
    mode = _DETECTION.get(call.detection)
    if mode is None or call.digits:
        return []
    fields = [("MachineDetection", mode)]
    if call.detects_meanwhile:
        fields += [
            ("AsyncAmd", "true"),
            ("AsyncAmdStatusCallback", where.at(twilio_call_webhooks.ANSWERER)),
            ("AsyncAmdStatusCallbackMethod", "POST"),
        ]
    return fields


def _call_url(provider_id: str, line: Line) -> str:
    if not is_call_id(provider_id):
        raise ProviderRejected("That is not a call id of this provider.")
    return f"{twilio_rest.account_url(line)}/Calls/{provider_id}.json"


CALLS = TwilioCalls()
