"""Twilio's messaging: signed webhooks in, Messages API out (facts 2.1 to 2.6, 2.8). A codec: it
opens no socket, reads no clock, writes no log, and must never take a URL from a request header.

What defends a form against bytes moved between names. Twilio signs names and values joined
without a mark, so whoever holds one signed request can divide it anew (facts/outside-checks.md
1b); a sender who writes the text even chooses some of the bytes. The set of required names only
stops divisions of texts nobody chose. What holds against chosen text is counting: outside `Body`,
the words `MessageSid` and `From+` may occur exactly as often as the fields account for. A forged
division has to leave the true ones lying somewhere, in a city, a made-up name or across two
fields, and counting over the joined text finds them there. So a division of a true request keeps
its sender and its message id, and the second request with a message id changes nothing (B010)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import urlsplit

from ringfence.model.errors import (
    MalformedEvent,
    MediaRefused,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    SignatureRefused,
)
from ringfence.model.line import Line
from ringfence.model.message import InboundMessage, MediaRef, MessageStatus, StatusCallback
from ringfence.model.outbox import ErrorClass, Outcome, OutcomeKind
from ringfence.model.wire import WebhookRequest, WireRequest, WireResponse
from ringfence.providers import (
    answers,
    forms,
    twilio_list,
    twilio_opt_outs,
    twilio_probe,
    twilio_rest,
    urls,
)
from ringfence.providers.base import (
    Capabilities,
    Event,
    Finding,
    MessagePage,
    OptOutPage,
    OutboundText,
    RemoteMessage,
    Verified,
)
from ringfence.providers.twilio_errors import meaning
from ringfence.providers.twilio_signature import (
    OUR_ID,
    SignedUrl,
    body_held,
    holds,
    signed_url,
    signing_text,
)

STATUSES: dict[str, MessageStatus] = {
    "accepted": MessageStatus.QUEUED,
    "scheduled": MessageStatus.QUEUED,
    "queued": MessageStatus.QUEUED,
    "sending": MessageStatus.SENDING,
    "sent": MessageStatus.SENT,
    "partially_delivered": MessageStatus.SENT,
    "delivered": MessageStatus.DELIVERED,
    "read": MessageStatus.READ,
    "undelivered": MessageStatus.UNDELIVERED,
    "failed": MessageStatus.FAILED,
    "canceled": MessageStatus.CANCELLED,
    "receiving": MessageStatus.RECEIVED,
    "received": MessageStatus.RECEIVED,
}
_INBOUND = frozenset({"received", "receiving"})
# AccountSid is not here: an event without it is acknowledged and dead-lettered (B029, B094).
_REQUIRED_INBOUND = frozenset(
    {"MessageSid", "SmsSid", "From", "To", "Body", "NumMedia", "NumSegments", "ApiVersion"}
)
# From is not here: a service that found no sender has none to report (facts 2.1).
_REQUIRED_STATUS = frozenset({"MessageSid", "SmsSid", "To", "ApiVersion"})
_ONCE = _REQUIRED_INBOUND | {
    *("SmsMessageSid", "AccountSid", "MessagingServiceSid", "MessageStatus", "SmsStatus"),
    *("ErrorCode", "OptOutType"),
}
_NAMES_WITH_ID = frozenset({"MessageSid", "SmsMessageSid", "OriginalRepliedMessageSid"})
# Not IGNORECASE: a literal beginning is found many times faster.
_SENDER_MARK = re.compile(r"From(?:[Rr][Cc][Ss]:)?\+")
_RCS_OR_PLUS = re.compile(r"(?:[Rr][Cc][Ss]:)?\+")
# SM and MM: an MMS has the other prefix (facts 2.1, the trap).
_MESSAGE_SID = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}", re.ASCII)
_MEDIA_URL = re.compile(
    r"(https?://[A-Za-z0-9.:\[\]-]{1,255})/2010-04-01"
    r"/Accounts/([A-Za-z0-9]{1,64})/Messages/([A-Za-z0-9]{1,64})/Media/[A-Za-z0-9]{1,64}",
    re.ASCII,
)
_OUR_ID_VALUE = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)
_COUNT = re.compile(r"\d{1,4}", re.ASCII)
TRIAL_PREFIX = "Sent from your Twilio trial account - "
_CODE = re.compile(r"[1-9]\d{0,5}", re.ASCII)
_LIST_SIZE = "200"
_MEDIA_REDIRECTS = 3
# An empty 200 without a content type is logged by Twilio as a 502 (facts 2.3).
_NOTHING_TO_SAY = WireResponse(
    200,
    {"content-type": "text/xml; charset=utf-8"},
    b'<?xml version="1.0" encoding="UTF-8"?><Response></Response>',
)


class Twilio:
    """The codec. Stateless; one instance serves every line."""

    name = "twilio"
    capabilities = Capabilities(mms=True, messaging_service=True, fetch=True, list=True, probe=True)

    # -- webhooks ------------------------------------------------------------------------------

    def verify(self, request: WebhookRequest, line: Line) -> Verified:
        """Raise SignatureRefused unless Twilio signed this request for this line's public URL."""
        fields = _fields(request)
        _our_id(request.query)
        signed = _check_signature(request, fields, line) if line.validate_signature else ""
        return Verified(request, fields, signed)

    def parse(self, verified: Verified) -> Event:
        """Read the event. `receiving` and `received` are messages to us, any other status is a
        callback (B034). Raises MalformedEvent."""
        values = _values(verified.fields)
        word = values.get("MessageStatus") or values.get("SmsStatus")
        if word is None:
            raise MalformedEvent("It carries no message status.")
        if (word in _INBOUND) != (values.get("SmsStatus", word) in _INBOUND):
            raise MalformedEvent("Its two statuses contradict each other.")
        if word in _INBOUND:
            return _inbound(verified, values)
        return _callback(verified, values, word)

    def misdirected(self, event: Event, line: Line) -> str:
        """Why the event is not this line's; empty when it is (B029, B031, B094)."""
        if not event.account_id:
            return "the event names no account"
        if event.account_id != line.credentials.account_id:
            return "the event belongs to another account"
        if isinstance(event, StatusCallback):
            return ""
        if line.service_id and line.number is None:
            ours = event.service_id == line.service_id
            return "" if ours else "the event belongs to no or another Messaging Service"
        if line.number is None:
            return "the line has no number to receive on"
        recipient = event.recipient.strip()
        if recipient[:4].lower() == "rcs:":
            recipient = recipient[4:].strip()
        return "" if recipient == line.number.e164 else "the event is for another number"

    def dedupe_token(self, verified: Verified) -> str:
        """The message id, the kind, and for callbacks the status and error.

        Only signed fields take part. I-Twilio-Idempotency-Token is a header, hence unsigned: who
        replays a request may change it, and must not get a second turn by it (B118)."""
        values = dict(verified.fields)
        word = values.get("MessageStatus") or values.get("SmsStatus")
        sid = values.get("MessageSid")
        if not word or not sid:
            raise MalformedEvent("It names no message or no status.")
        if word in _INBOUND:
            return f"in:{sid}"
        return f"status:{sid}:{word}:{values.get('ErrorCode', '')}"

    def acknowledgement(self) -> WireResponse:
        return _NOTHING_TO_SAY

    # -- sending -------------------------------------------------------------------------------

    def send(self, text: OutboundText, line: Line) -> WireRequest:
        """One message. Raises ProviderMisconfigured for a line without sender, credentials or a
        usable API address."""
        fields = [("To", text.to), _sender(line)]
        if text.body or not text.media_urls:
            fields.append(("Body", text.body))
        fields += [("MediaUrl", url) for url in text.media_urls]
        callback = callback_url(line, text.our_id)
        if callback is not None:
            fields.append(("StatusCallback", callback))
        return twilio_rest.post(line, f"{twilio_rest.account_url(line)}/Messages.json", fields)

    def sent(self, response: WireResponse) -> Outcome:
        """Only proof makes a refusal: a 4xx in the API's words was not taken, a 429 is documented
        as never processed. A 5xx, a redirect or a timeout at some proxy (408) proves nothing."""
        status = response.status
        if 200 <= status < 300:
            return _accepted(response)
        if 400 <= status < 500 and status != 408:
            return _refused(response)
        code = twilio_rest.error_code(response)
        return Outcome(
            OutcomeKind.UNKNOWN,
            error_code=code,
            http_status=status,
            detail=twilio_rest.detail(response, code),
        )

    # -- reading back --------------------------------------------------------------------------

    def fetch(self, provider_id: str, line: Line) -> WireRequest:
        """Raises ProviderRejected for an id that cannot be Twilio's."""
        if not _MESSAGE_SID.fullmatch(provider_id):
            raise ProviderRejected("That is not a message id of this provider.")
        url = f"{twilio_rest.account_url(line)}/Messages/{provider_id}.json"
        return twilio_rest.get(line, url)

    def fetched(self, response: WireResponse) -> RemoteMessage:
        """Raises ProviderRejected (unknown id), ProviderBusy, ProviderMisconfigured or
        ProviderError."""
        message = _remote(twilio_rest.answer(response))
        if message is None:
            raise ProviderError("The answer is not a message.")
        return message

    def find(self, to: str, since: datetime, line: Line) -> WireRequest:
        """What was sent to `to` on the day of `since` or later, newest first.

        Days are as fine as the API filters, so compare `created_at`. A message that still waits
        at Twilio has no DateSent and may be missing: not being listed proves nothing (P5)."""
        query = [("To", to)]
        if line.number is not None:
            query.append(("From", line.number.e164))
        day = since.astimezone(UTC).date().isoformat()
        query += [("DateSent>", day), ("PageSize", _LIST_SIZE)]
        return twilio_rest.get(line, f"{twilio_rest.account_url(line)}/Messages.json", query)

    def found(self, response: WireResponse) -> Sequence[RemoteMessage]:
        """Outbound messages only. Raises as `fetched`."""
        listed = twilio_rest.answer(response).get("messages")
        if not isinstance(listed, list):
            raise ProviderError("The answer is not a list of messages.")
        messages = [_remote(row) for row in listed if isinstance(row, dict)]
        return tuple(m for m in messages if m is not None and not m.inbound)

    def listed_since(self, since: datetime, line: Line) -> Sequence[WireRequest]:
        return twilio_list.requests(since, line)

    def listed(self, response: WireResponse, line: Line) -> MessagePage:
        return twilio_list.page(response, line, _remote)

    def media(self, url: str, line: Line) -> WireRequest:
        """Fetch an attachment of a message to this line's account. Twilio redirects to a CDN on
        another host, which must not see the credentials (facts 2.3)."""
        home = urls.api_base(line.api_base_url)
        if not _is_media_of(url, line.credentials.account_id, home):
            raise MediaRefused("The attachment is not at this line's provider account.")
        return WireRequest(
            "GET",
            url,
            secret_headers=twilio_rest.credentials(line),
            timeout_s=line.media.fetch_timeout_s,
            response_bytes_max=line.media.inbound_bytes_max,
            follow_redirects=_MEDIA_REDIRECTS,
            public_only=not urls.on_loopback(home),
        )

    def classify(self, error_code: int | None) -> ErrorClass:
        return meaning(error_code).error_class

    # -- opt-outs --------------------------------------------------------------------------------

    opt_outs_seen_in = twilio_opt_outs.SEEN_IN

    def opt_outs(self, line: Line) -> Sequence[WireRequest]:
        return twilio_opt_outs.requests(line)

    def opt_outs_listed(self, response: WireResponse, line: Line) -> OptOutPage:
        return twilio_opt_outs.page(response, line)

    # -- probing -------------------------------------------------------------------------------

    def probe_requests(self, line: Line) -> Sequence[tuple[str, WireRequest]]:
        return twilio_probe.requests(line)

    def probe_findings(
        self, answers: Sequence[tuple[str, WireResponse]], line: Line
    ) -> Sequence[Finding]:
        return twilio_probe.findings(answers, line)


# -- verifying -----------------------------------------------------------------------------------


def _fields(request: WebhookRequest) -> tuple[tuple[str, str], ...]:
    """What arrived, by the three ways Twilio signs (facts 2.4). A JSON body has no fields; it is
    authenticated by its hash in the query, and refused without one."""
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
    """Returns the text of the fields that was signed."""
    given = request.headers.get("x-twilio-signature", "")
    tokens = [token.reveal() for token in line.credentials.auth_tokens]
    if not given or not line.public_url or not any(tokens):
        raise SignatureRefused(_why_uncheckable(given, line))
    configured = signed_url(line.public_url)
    whole = request.method == "GET" or not fields
    tail = _query(request, configured, whole=whole)
    text = "" if request.method == "GET" else signing_text(fields)
    if holds(given, [stem + tail for stem in configured.stems], text, tokens):
        return text
    # Whether Twilio signs the fragment could not be checked (facts/outside-checks.md 1b); at least
    # one stand-in does. Only a holder of the token can make either signature.
    fragment = overrides(configured.fragment) if OUR_ID in tail else configured.fragment
    tail = f"{tail}#{fragment}"
    if not fragment or not holds(given, [stem + tail for stem in configured.stems], text, tokens):
        raise SignatureRefused(_why_refused(request))
    return text


def _why_uncheckable(given: str, line: Line) -> str:
    if not given:
        return "It has no X-Twilio-Signature header."
    what = "publicWebhookUrl" if not line.public_url else "authToken"
    return f"The line has no {what}, so no signature can be checked; set it."


def _why_refused(request: WebhookRequest) -> str:
    settings = request.headers.get("x-twilio-webhooks-signature-settings", "")
    if "sha256" in settings.lower():
        return "It is signed with a shared key; Ringfence checks auth token signatures."
    return "Check that publicWebhookUrl is the very URL set at the provider, and the auth token."


def _query(request: WebhookRequest, configured: SignedUrl, *, whole: bool) -> str:
    """The part of the signed URL from its `?` on. A configured query wins (B023), else the
    request's takes part (B022); our own callbacks are the configured URL plus our id. Where the
    request's query is the message itself, all of it must be signed."""
    own = configured.query
    if whole and request.query:
        if own and not f"{request.query}&".startswith(f"{own}&"):
            raise SignatureRefused("Its query does not begin with the configured one.")
        return f"?{request.query}"
    our_id = _our_id(request.query)
    if our_id:
        return _with_our_id(own, our_id)
    query = own or request.query
    return f"?{query}" if query or own is not None else ""


def _our_id(query: str) -> str:
    """The outbox item id in a callback's query, or empty. Raises SignatureRefused for two, or for
    one that we cannot have made."""
    if OUR_ID not in query:
        return ""
    mark = f"{OUR_ID}="
    found = [piece[len(mark) :] for piece in query.split("&") if piece.startswith(mark)]
    if len(found) > 1 or (found and not _OUR_ID_VALUE.fullmatch(found[0])):
        raise SignatureRefused("Its query carries no id of ours.")
    return found[0] if found else ""


def _with_our_id(configured_query: str | None, our_id: str) -> str:
    ours = f"{OUR_ID}={our_id}"
    return f"?{configured_query}&{ours}" if configured_query else f"?{ours}"


# -- parsing -------------------------------------------------------------------------------------


def _values(fields: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Fields by name. A name we read must not come twice: which one was meant?"""
    values = dict(fields)
    if len(values) != len(fields):
        names = [name for name, _ in fields]
        if any(name in _ONCE and names.count(name) > 1 for name in values):
            raise MalformedEvent("A field that must be single is repeated.")
    return values


def _inbound(verified: Verified, values: dict[str, str]) -> InboundMessage:
    _require(values, _REQUIRED_INBOUND)
    _guard_names(verified, values)
    sid = _message_sid(values)
    if not _COUNT.fullmatch(values["NumMedia"]):
        raise MalformedEvent("Its NumMedia is not a number.")
    declared = int(values["NumMedia"])
    segments = values["NumSegments"]
    kind = values.get("OptOutType", "").upper()
    return InboundMessage(
        provider_id=sid,
        account_id=values.get("AccountSid", ""),
        service_id=values.get("MessagingServiceSid") or None,
        sender=values["From"],
        recipient=values["To"],
        body=values["Body"],
        media=_media(values, declared, sid) if declared else (),
        media_declared=declared,
        segments=int(segments) if _COUNT.fullmatch(segments) else 1,
        opt_out_type=kind if kind in ("STOP", "START", "HELP") else None,
    )


def _callback(verified: Verified, values: dict[str, str], word: str) -> StatusCallback:
    _require(values, _REQUIRED_STATUS)
    _guard_names(verified, values)
    status = STATUSES.get(word)
    if status is None:
        raise MalformedEvent("Its message status is not one we know.")
    error = values.get("ErrorCode", "")
    return StatusCallback(
        provider_id=_message_sid(values),
        account_id=values.get("AccountSid", ""),
        status=status,
        provider_status=word,
        error_code=int(error) if _CODE.fullmatch(error) else None,
        our_id=_our_id(verified.request.query),
    )


def _require(values: dict[str, str], names: frozenset[str]) -> None:
    missing = names - values.keys()
    if missing:
        raise MalformedEvent(f"It lacks {', '.join(sorted(missing))}.")


def _guard_names(verified: Verified, values: dict[str, str]) -> None:
    """Refuse bytes moved between names: see the top of this file."""
    ids = len(_NAMES_WITH_ID & values.keys())
    senders = 1 if _RCS_OR_PLUS.match(values.get("From", "")) else 0
    # The names themselves are always found, and a body can only add to what is counted: where the
    # whole has no more than that, what is outside the body has just that.
    if verified.signed and _counted(verified.signed) == (ids, senders):
        return
    outside = [
        name + value if name != "Body" else "\0" for name, value in sorted(set(verified.fields))
    ]
    if _counted("".join(outside)) != (ids, senders):
        raise MalformedEvent("Its fields do not stand where the provider puts them.")


def _counted(text: str) -> tuple[int, int]:
    return text.count("MessageSid"), len(_SENDER_MARK.findall(text))


def _message_sid(values: dict[str, str]) -> str:
    sid = values["MessageSid"]
    if not _MESSAGE_SID.fullmatch(sid):
        raise MalformedEvent("Its MessageSid is no message id.")
    if values["SmsSid"] != sid or values.get("SmsMessageSid", sid) != sid:
        raise MalformedEvent("Its message ids contradict each other.")
    return sid


def _media(values: dict[str, str], declared: int, sid: str) -> tuple[MediaRef, ...]:
    """The attachments that came, at most as many as declared; each must belong to this message."""
    found = []
    for n in range(min(declared, forms.FIELDS_MAX)):
        url = values.get(f"MediaUrl{n}")
        if url is None:
            continue
        content_type = values.get(f"MediaContentType{n}", "")
        whose = _MEDIA_URL.fullmatch(url)
        if whose is not None and whose.group(2, 3) == (values.get("AccountSid", ""), sid):
            found.append(MediaRef(content_type, url))
        else:
            found.append(MediaRef(content_type, unavailable="not an attachment of this message"))
    return tuple(found)


@lru_cache(maxsize=256)
def media_origins(home: str) -> frozenset[str]:
    """Where this line's credentials may go: its API address, and Twilio's own beside a regional
    one."""
    parts = urlsplit(home)
    origins = {f"{parts.scheme}://{parts.netloc}"}
    if parts.hostname and parts.hostname.endswith(".twilio.com"):
        origins.add("https://api.twilio.com")
    return frozenset(origins)


def _is_media_of(url: str, account_id: str, home: str) -> bool:
    whose = _MEDIA_URL.fullmatch(url)
    if whose is None or whose.group(2) != account_id:
        return False
    return whose.group(1) in media_origins(home)


# -- sending -------------------------------------------------------------------------------------

# Lowest, highest, and the default of each (facts 2.5); of retries, ours.
_RANGES = {
    "ct": (100, 10_000, "5000"),
    "rt": (100, 15_000, "15000"),
    "tt": (100, 15_000, "15000"),
    "rc": (0, 5, "5"),
}
_RETRY_ON = frozenset({"ct", "rt", "4xx", "5xx", "all"})
_WANTED = {"rc": "5", "rp": "all"}
_PLAIN = re.compile(r"[A-Za-z0-9,._-]{1,64}", re.ASCII)


def callback_url(line: Line, our_id: str) -> str | None:
    """Where Twilio reports progress: the public URL with our id and connection overrides. None
    when there is no public URL or the carrier could not reach it: a send with an address Twilio
    refuses would fail, a send without one is merely followed by polling."""
    url = line.public_url
    if not url:
        return None
    local = urls.on_loopback(line.api_base_url) and urls.split(url) is not None
    if not local and not urls.publicly_usable(url):
        return None
    configured = signed_url(url)
    stem = url.partition("#")[0].partition("?")[0]
    return f"{stem}{_with_our_id(configured.query, our_id)}#{overrides(configured.fragment)}"


@lru_cache(maxsize=256)
def overrides(fragment: str) -> str:
    """Connection overrides (facts 2.5) as configured, out-of-range ones at their default (B097),
    and retries on everything unless configured: Twilio's own default gives up on a 5xx."""
    pairs = dict(piece.partition("=")[::2] for piece in fragment.split("&") if "=" in piece)
    sane = {name: _sane(name, value) for name, value in pairs.items() if _PLAIN.fullmatch(name)}
    kept = {name: value for name, value in sane.items() if value}
    return "&".join(f"{name}={value}" for name, value in (kept | (_WANTED | kept)).items())


def _sane(name: str, value: str) -> str:
    if name in _RANGES:
        low, high, default = _RANGES[name]
        fits = re.fullmatch(r"\d{1,6}", value, re.ASCII) and low <= int(value) <= high
        return value if fits else default
    if name == "rp":
        return value if set(value.split(",")) <= _RETRY_ON else _WANTED["rp"]
    return value if _PLAIN.fullmatch(value) else ""


def _sender(line: Line) -> tuple[str, str]:
    """A number wins over a Messaging Service, as in OpenClaw (facts/openclaw.md 1.2)."""
    if line.number is not None:
        return "From", line.number.e164
    if not line.service_id:
        raise ProviderMisconfigured("Set fromNumber or messagingServiceSid.")
    return "MessagingServiceSid", line.service_id


def _accepted(response: WireResponse) -> Outcome:
    message = _remote(answers.document(response.body) or {})
    return answers.accepted(message, response.status, meaning)


def _refused(response: WireResponse) -> Outcome:
    code = twilio_rest.error_code(response)
    words, later = twilio_rest.detail(response, code), answers.retry_after_s(response)
    return answers.refused(response.status, code, meaning(code), later, words)


def _remote(row: dict[str, object]) -> RemoteMessage | None:
    """A message document, tamed field by field; None when it has no message id."""
    sid = row.get("sid")
    if not isinstance(sid, str) or not _MESSAGE_SID.fullmatch(sid):
        return None
    code, segments, direction = (
        row.get(key) for key in ("error_code", "num_segments", "direction")
    )
    status = row.get("status")
    return RemoteMessage(
        provider_id=sid,
        to=_text(row.get("to")),
        sender=_text(row.get("from")),
        # A trial account opens every text with its own sentence (facts 2.6): not our words.
        body=_text(row.get("body")).removeprefix(TRIAL_PREFIX),
        status=STATUSES.get(_text(status), MessageStatus.QUEUED),
        error_code=int(str(code)) if _CODE.fullmatch(str(code)) else None,
        created_at=answers.http_moment(row.get("date_created")),
        inbound=direction == "inbound",
        segments=int(str(segments)) if _COUNT.fullmatch(str(segments)) else 0,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


PROVIDER = Twilio()
