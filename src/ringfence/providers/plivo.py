"""Plivo's messaging: signed forms in, the v1 Message API out (facts 2.10). A codec: it opens no socket,
reads no clock, writes no log, and must never take a URL from a request header. Calls are in
plivo_calls.py.

Three things differ from Twilio. Nothing of a webhook names the account, so that the signed address and
the number tell whose it is. What Plivo returns of a message has no text, so that a send whose answer was
lost is settled by its report or by a person. Refused requests have words and no code."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from ringfence.model.errors import (
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    SignatureRefused,
)
from ringfence.model.line import Line
from ringfence.model.message import MessageStatus, StatusCallback
from ringfence.model.outbox import ErrorClass, Outcome, OutcomeKind
from ringfence.model.wire import WebhookRequest, WireRequest, WireResponse
from ringfence.providers import (
    answers,
    forms,
    plivo_events,
    plivo_probe,
    plivo_rest,
    plivo_signature,
    urls,
)
from ringfence.providers.base import (
    Capabilities,
    Event,
    Finding,
    OutboundText,
    RemoteMessage,
    Verified,
)
from ringfence.providers.plivo_errors import meaning

NO_TEXTS = (
    "Plivo has no list of messages with their texts: what became of this one is told by its status "
    "report alone. Look for it in the Plivo console."
)
# Plivo reads an answer as XML; an empty document sends nothing.
_NOTHING_TO_SAY = WireResponse(
    200,
    {"content-type": "application/xml"},
    b'<?xml version="1.0" encoding="UTF-8"?><Response></Response>',
)
_UNITS_MAX = 100


class Plivo:
    """The codec. Stateless; one instance serves every line."""

    name = "plivo"
    capabilities = Capabilities(mms=True, messaging_service=True, fetch=True, probe=True)

    # -- webhooks ------------------------------------------------------------------------------

    def verify(self, request: WebhookRequest, line: Line) -> Verified:
        """Raise SignatureRefused unless Plivo signed this form for this line's public URL."""
        fields = _fields(request)
        our_id = plivo_events.our_id(request.query)
        if not line.validate_signature:
            return Verified(request, fields)
        url, query = _configured(line)
        if our_id:
            query = (*query, (plivo_events.OUR_ID, our_id))
        tokens = [token.reveal() for token in line.credentials.auth_tokens]
        plivo_signature.check(request.headers, url, query, fields, tokens)
        return Verified(request, fields, plivo_signature.form_text(fields))

    def parse(self, verified: Verified) -> Event:
        """Raises MalformedEvent."""
        return plivo_events.parse(verified.fields, verified.request.query)

    def misdirected(self, event: Event, line: Line) -> str:
        """Why the event is not this line's; empty when it is. A report came to the line's own signed
        address. The number wins over the Powerpack, as in sending."""
        if isinstance(event, StatusCallback):
            return ""
        if line.number is not None:
            ours = event.recipient == line.number.e164
            return "" if ours else "the event is for another number"
        if not line.service_id:
            return "the line has no number to receive on"
        ours = event.service_id == line.service_id
        return "" if ours else "the event belongs to no or another Powerpack"

    def dedupe_token(self, verified: Verified) -> str:
        return plivo_events.dedupe_token(verified.fields)

    def acknowledgement(self) -> WireResponse:
        return _NOTHING_TO_SAY

    # -- sending -------------------------------------------------------------------------------

    def send(self, text: OutboundText, line: Line) -> WireRequest:
        """One message. Raises ProviderMisconfigured for a line without sender, credentials or a usable
        API address."""
        document: dict[str, object] = {**_sender(line), "dst": text.to, "type": "sms"}
        if text.body or not text.media_urls:
            document["text"] = text.body.encode("utf-8", "replace").decode()
        if text.media_urls:
            document |= {"media_urls": list(text.media_urls), "type": "mms"}
        report_to = report_url(line, text.our_id)
        if report_to is not None:
            document |= {"url": report_to, "method": "POST"}
        return plivo_rest.post(line, "Message/", document)

    def sent(self, response: WireResponse) -> Outcome:
        """Only proof makes a refusal: a 4xx was not taken, a 429 neither. A 5xx, a redirect or a timeout
        (408) proves nothing; nor does a 2xx without a message id."""
        status = response.status
        if 200 <= status < 300:
            return _accepted(response)
        if 400 <= status < 500 and status != 408:
            return _refused(response)
        return Outcome(OutcomeKind.UNKNOWN, http_status=status, detail=plivo_rest.detail(response))

    # -- reading back --------------------------------------------------------------------------

    def fetch(self, provider_id: str, line: Line) -> WireRequest:
        """Plivo keeps what it tells of a message for 90 days. Raises ProviderRejected for an id that
        cannot be one."""
        if not plivo_events.MESSAGE_ID.fullmatch(provider_id):
            raise ProviderRejected("That is not a message id of this provider.")
        return plivo_rest.get(line, f"Message/{quote(provider_id, safe='')}/")

    def fetched(self, response: WireResponse) -> RemoteMessage:
        """Without the text, which Plivo does not return. Raises ProviderRejected (unknown id),
        ProviderBusy, ProviderMisconfigured or ProviderError."""
        message = _remote(plivo_rest.answer(response))
        if message is None:
            raise ProviderError("The answer is not a message.")
        return message

    def find(self, to: str, since: datetime, line: Line) -> WireRequest:
        """Raises ProviderRejected: see NO_TEXTS."""
        raise ProviderRejected(NO_TEXTS)

    def found(self, response: WireResponse) -> Sequence[RemoteMessage]:
        """Raises ProviderRejected: see NO_TEXTS."""
        raise ProviderRejected(NO_TEXTS)

    def media(self, url: str, line: Line) -> WireRequest:
        """Fetch an attachment. Plivo's addresses are public to whoever knows them, and the signed form
        names them: https, public, and never with our credentials."""
        return answers.public_media(url, line)

    def classify(self, error_code: int | None) -> ErrorClass:
        return meaning(error_code).error_class

    # -- probing -------------------------------------------------------------------------------

    def probe_requests(self, line: Line) -> Sequence[tuple[str, WireRequest]]:
        return plivo_probe.requests(line)

    def probe_findings(
        self, answers: Sequence[tuple[str, WireResponse]], line: Line
    ) -> Sequence[Finding]:
        return plivo_probe.findings(answers, line)


def report_url(line: Line, our_id: str) -> str | None:
    """Where Plivo reports progress: the public URL with our id. None when it has none that the carrier
    could reach: then a message is followed by asking."""
    url = (line.public_url or "").partition("#")[0]
    if not url:
        return None
    local = urls.on_loopback(line.api_base_url) and urls.split(url) is not None
    if not local and not urls.publicly_usable(url):
        return None
    mark = "&" if "?" in url else "?"
    return f"{url}{mark}{plivo_events.OUR_ID}={our_id}"


def _fields(request: WebhookRequest) -> tuple[tuple[str, str], ...]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method != "POST" or kind != forms.FORM:
        raise SignatureRefused("Its body is no form; set the method POST at the provider.")
    try:
        return forms.decode(request.body)
    except ValueError as broken:
        raise SignatureRefused("Its form cannot be read as it was sent.") from broken


def _configured(line: Line) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The configured address without query and fragment, and its query. The query that arrived is
    the caller's word; only our own id is read from it, and it is signed."""
    url, _, query = (line.public_url or "").partition("#")[0].partition("?")
    try:
        return url, forms.decode(query)
    except ValueError as broken:
        raise SignatureRefused("The query of publicWebhookUrl cannot be read.") from broken


def _sender(line: Line) -> dict[str, object]:
    """A number wins over a Powerpack; the API takes exactly one of them."""
    if line.number is not None:
        return {"src": line.number.e164}
    if not line.service_id:
        raise ProviderMisconfigured("Set fromNumber or powerpackUuid.")
    return {"powerpack_uuid": line.service_id}


def _accepted(response: WireResponse) -> Outcome:
    """`message_uuid` is a list with one id for one recipient."""
    given = (answers.document(response.body) or {}).get("message_uuid")
    first = given[0] if isinstance(given, list) and len(given) == 1 else None
    if not isinstance(first, str) or not plivo_events.MESSAGE_ID.fullmatch(first):
        return answers.without_id(response.status)
    return Outcome(
        OutcomeKind.ACCEPTED,
        provider_id=first,
        status=MessageStatus.QUEUED,
        http_status=response.status,
    )


def _refused(response: WireResponse) -> Outcome:
    code = plivo_rest.refusal_code(response)
    words, later = plivo_rest.detail(response), answers.retry_after_s(response)
    return answers.refused(response.status, code, meaning(code), later, words)


def _remote(row: dict[str, object]) -> RemoteMessage | None:
    """A message document, tamed field by field; None when it has no message id."""
    id_ = row.get("message_uuid")
    if not isinstance(id_, str) or not plivo_events.MESSAGE_ID.fullmatch(id_):
        return None
    units, inbound = row.get("units"), row.get("message_direction") == "inbound"
    state = plivo_events.STATUSES.get(_text(row.get("message_state")), MessageStatus.QUEUED)
    return RemoteMessage(
        provider_id=id_,
        to=plivo_events.e164(_text(row.get("to_number"))),
        sender=plivo_events.e164(_text(row.get("from_number"))),
        body="",
        # An inbound message is "delivered" to our webhook there.
        status=MessageStatus.RECEIVED if inbound else state,
        error_code=plivo_rest.code_of(row.get("error_code")),
        created_at=answers.iso_moment(row.get("message_time")),
        inbound=inbound,
        segments=units if type(units) is int and 0 < units <= _UNITS_MAX else 0,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


PROVIDER = Plivo()
