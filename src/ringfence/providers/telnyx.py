"""Telnyx's messaging: Ed25519-signed JSON webhooks in, v2 Messages API out (facts 2.9). A codec: it opens no
socket, reads no clock, writes no log. Of texts only: calls are telnyx_calls.py.

Three things differ from Twilio. The URL of a webhook is not signed, so that our id is read from the
address that the signed body repeats. There is no list of messages with their texts, so that a send
whose answer was lost is settled by its status event or by a person. Opt-outs block a whole messaging
profile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from ringfence.model.errors import (
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
)
from ringfence.model.line import Line
from ringfence.model.message import MessageStatus, StatusCallback
from ringfence.model.outbox import ErrorClass, Outcome, OutcomeKind
from ringfence.model.wire import WebhookRequest, WireRequest, WireResponse
from ringfence.providers import (
    answers,
    telnyx_events,
    telnyx_opt_outs,
    telnyx_probe,
    telnyx_rest,
    telnyx_signature,
    urls,
)
from ringfence.providers.base import (
    Capabilities,
    Event,
    Finding,
    OptOutPage,
    OutboundText,
    RemoteMessage,
    Verified,
)
from ringfence.providers.telnyx_errors import meaning

NO_LIST = (
    "Telnyx has no list of messages with their texts: what became of this one is told by its status "
    "event alone. Look for it in the Telnyx portal."
)
_TAKEN = WireResponse(200, {"content-type": "application/json"}, b"{}")
_SEGMENTS_MAX = 100


class Telnyx:
    """The codec. Stateless; one instance serves every line."""

    name = "telnyx"
    capabilities = Capabilities(
        mms=True, messaging_service=True, fetch=True, probe=True, yes_lifts=False
    )

    # -- webhooks ------------------------------------------------------------------------------

    def verify(self, request: WebhookRequest, line: Line) -> Verified:
        """Raise SignatureRefused unless one of the line's public keys signed this body just now."""
        if line.validate_signature:
            telnyx_signature.check(
                request.headers, request.body, line.credentials.public_keys, request.received_at
            )
        return Verified(request, telnyx_events.fields_of(request.body))

    def parse(self, verified: Verified) -> Event:
        """`message.received` is a message to us, `message.sent`, `.finalized` and `.read` are reports.
        Raises MalformedEvent."""
        return telnyx_events.parse(verified.fields)

    def misdirected(self, event: Event, line: Line) -> str:
        """Why the event is not this line's; empty when it is. One key signs for all lines of an account,
        so that its profile and number must be the line's."""
        if line.service_id and event.account_id != line.service_id:
            return "the event belongs to no or another messaging profile"
        if isinstance(event, StatusCallback):
            return ""
        if line.number is None:
            return "" if line.service_id else "the line has no number to receive on"
        ours = event.recipient.strip() == line.number.e164
        return "" if ours else "the event is for another number"

    def dedupe_token(self, verified: Verified) -> str:
        return telnyx_events.event_id(verified.fields)

    def acknowledgement(self) -> WireResponse:
        return _TAKEN

    # -- sending -------------------------------------------------------------------------------

    def send(self, text: OutboundText, line: Line) -> WireRequest:
        """One message. Raises ProviderMisconfigured for a line without sender, key or a usable API
        address."""
        document: dict[str, object] = {**_sender(line), "to": text.to}
        if text.body or not text.media_urls:
            document["text"] = text.body.encode("utf-8", "replace").decode()
        if text.media_urls:
            document |= {"media_urls": list(text.media_urls), "type": "MMS"}
        report_to = report_url(line, text.our_id)
        if report_to is not None:
            document["webhook_url"] = report_to
        return telnyx_rest.post(line, "/messages", document)

    def sent(self, response: WireResponse) -> Outcome:
        """Only proof makes a refusal: a 4xx was not taken, a 429 neither. A 5xx, a redirect or a timeout
        (408) proves nothing; nor does a 2xx without a message id."""
        status = response.status
        if 200 <= status < 300:
            return _accepted(response)
        if 400 <= status < 500 and status != 408:
            return _refused(response)
        code = telnyx_rest.error_code(response)
        return Outcome(
            OutcomeKind.UNKNOWN,
            error_code=code,
            http_status=status,
            detail=telnyx_rest.detail(response, code),
        )

    # -- reading back --------------------------------------------------------------------------

    def fetch(self, provider_id: str, line: Line) -> WireRequest:
        """Telnyx keeps a message for ten days. Raises ProviderRejected for an id that cannot be one."""
        if not telnyx_events.MESSAGE_ID.fullmatch(provider_id):
            raise ProviderRejected("That is not a message id of this provider.")
        return telnyx_rest.get(line, f"/messages/{quote(provider_id, safe='')}")

    def fetched(self, response: WireResponse) -> RemoteMessage:
        """Raises ProviderRejected (unknown id, or older than ten days), ProviderBusy,
        ProviderMisconfigured or ProviderError."""
        message = _remote(telnyx_rest.data(response))
        if message is None:
            raise ProviderError("The answer is not a message.")
        return message

    def find(self, to: str, since: datetime, line: Line) -> WireRequest:
        """Raises ProviderRejected: see NO_LIST."""
        raise ProviderRejected(NO_LIST)

    def found(self, response: WireResponse) -> Sequence[RemoteMessage]:
        """Raises ProviderRejected: see NO_LIST."""
        raise ProviderRejected(NO_LIST)

    def media(self, url: str, line: Line) -> WireRequest:
        """Fetch an attachment. Telnyx hands out signed, short-lived addresses on hosts of its choice,
        which the signed body names: https, public, and never with our key."""
        return answers.public_media(url, line)

    def classify(self, error_code: int | None) -> ErrorClass:
        return meaning(error_code).error_class

    # -- opt-outs ------------------------------------------------------------------------------

    opt_outs_seen_in = telnyx_opt_outs.SEEN_IN

    def opt_outs(self, line: Line) -> Sequence[WireRequest]:
        return telnyx_opt_outs.requests(line)

    def opt_outs_listed(self, response: WireResponse, line: Line) -> OptOutPage:
        return telnyx_opt_outs.page(response, line)

    # -- probing -------------------------------------------------------------------------------

    def probe_requests(self, line: Line) -> Sequence[tuple[str, WireRequest]]:
        return telnyx_probe.requests(line)

    def probe_findings(
        self, answers: Sequence[tuple[str, WireResponse]], line: Line
    ) -> Sequence[Finding]:
        return telnyx_probe.findings(answers, line)


def report_url(line: Line, our_id: str) -> str | None:
    """Where Telnyx reports progress: the public URL with our id. None when it has none that the carrier
    could reach; then the profile's webhook is told, and the item is found by its message id."""
    url = (line.public_url or "").partition("#")[0]
    if not url:
        return None
    local = urls.on_loopback(line.api_base_url) and urls.split(url) is not None
    if not local and not urls.publicly_usable(url):
        return None
    mark = "&" if "?" in url else "?"
    return f"{url}{mark}{telnyx_events.OUR_ID}={our_id}"


def _sender(line: Line) -> dict[str, object]:
    """A number wins over the profile's number pool."""
    if line.number is not None:
        return {"from": line.number.e164}
    if not line.service_id:
        raise ProviderMisconfigured("Set fromNumber or messagingProfileId.")
    return {"messaging_profile_id": line.service_id}


def _accepted(response: WireResponse) -> Outcome:
    message = _remote((answers.document(response.body) or {}).get("data"))
    return answers.accepted(message, response.status, meaning)


def _refused(response: WireResponse) -> Outcome:
    code = telnyx_rest.error_code(response)
    words, later = telnyx_rest.detail(response, code), answers.retry_after_s(response)
    return answers.refused(response.status, code, meaning(code), later, words)


def _remote(row: Any) -> RemoteMessage | None:
    """A message document, tamed field by field; None when it has no message id."""
    if not isinstance(row, dict):
        return None
    id_ = row.get("id")
    if not isinstance(id_, str) or not telnyx_events.MESSAGE_ID.fullmatch(id_):
        return None
    to = row.get("to")
    first = to[0] if isinstance(to, list) and to and isinstance(to[0], dict) else {}
    sender = row.get("from")
    parts = row.get("parts")
    return RemoteMessage(
        provider_id=id_,
        to=_text(first.get("phone_number")),
        sender=_text(sender.get("phone_number")) if isinstance(sender, dict) else "",
        body=_text(row.get("text")),
        status=telnyx_events.STATUSES.get(_text(first.get("status")), MessageStatus.QUEUED),
        error_code=telnyx_rest.code_of(telnyx_rest.first_error(row.get("errors"))),
        created_at=answers.iso_moment(row.get("received_at")),
        inbound=row.get("direction") == "inbound",
        segments=parts if type(parts) is int and 0 < parts <= _SEGMENTS_MAX else 0,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


PROVIDER = Telnyx()
