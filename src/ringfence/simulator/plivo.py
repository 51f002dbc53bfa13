"""Plivo's dialect of the simulated carrier: message documents without their texts, and webhook forms signed
by version 3.

Our own reading of messaging-providers.md 2.10 and voice.md 1.7; must never be taken from the gateway's
codec, so that each can catch the other's mistake. Decides nothing about messages."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, urlencode

from ringfence.simulator.carrier import Carrier
from ringfence.simulator.records import Line, Message
from ringfence.simulator.sids import SidSource
from ringfence.simulator.webhooks import Fields, WebhookRequest, without_fragment

PROVIDER: Final = "plivo"
# Plivo waits eight seconds and tries a message webhook four times, minutes apart (its support pages, 2026);
# this carrier tries again at once. Written as the deliverer reads it; no fragment is ever called or signed.
PATIENCE: Final = "#ct=8000&rt=8000&tt=15000&rc=3&rp=all"

_STATUSES: Final = {
    "accepted": "queued",
    "scheduled": "queued",
    "queued": "queued",
    "sending": "queued",
    "canceled": "failed",
}
# What is told, and in which order the carrier came to it.
_SEQUENCE: Final = {
    "queued": 1,
    "sent": 2,
    "delivered": 3,
    "undelivered": 3,
    "failed": 3,
    "read": 4,
}
_INTENTS: Final = {"STOP": "optout", "START": "optin", "HELP": "help"}
_UNKNOWN: Final = 1000
# The carrier's own errors (messaging-providers.md 2.6) as Plivo numbers them.
_ERRORS: Final = {
    21610: 200,
    30001: 300,
    30002: 910,
    30003: 80,
    30004: 100,
    30005: 70,
    30006: 50,
    30007: 30,
    30008: _UNKNOWN,
    30022: 20,
    30023: 20,
    30032: 40,
    30034: 40,
    30036: 420,
    30410: 20,
    30450: 30,
}


def auth_id(sids: SidSource) -> str:
    """An account as Plivo names it: twenty characters."""
    return f"MA{sids.token()[:18].upper()}"


def uuid_of(sid: str) -> str:
    """A carrier's SID as Plivo would name the thing: the same 32 digits as a UUID."""
    h = sid[2:]
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def sid_of(uuid: str, prefix: str) -> str:
    return prefix + uuid.replace("-", "").lower()


def application_id(line: Line) -> str:
    """Of the application through which a number's messages come: digits."""
    return str(int(line.sid[2:], 16))[:17]


def state(message: Message) -> str:
    if not message.is_outbound:
        return "delivered"
    return _STATUSES.get(message.status, message.status)


def error_code(message: Message) -> str:
    """Three zeros stand for no error."""
    code = message.error_code
    return "000" if code is None else str(_ERRORS.get(code, _UNKNOWN))


def document(message: Message) -> dict[str, object]:
    """A message detail record: everything but the text."""
    uuid = uuid_of(message.sid)
    return {
        "error_code": error_code(message),
        "from_number": _bare(message.sender),
        "message_direction": "outbound" if message.is_outbound else "inbound",
        "message_state": state(message),
        "message_time": f"{message.created_at:%Y-%m-%d %H:%M:%S.%f}+00:00",
        "message_type": "mms" if message.num_media else "sms",
        "message_uuid": uuid,
        "powerpack_id": uuid_of(message.service_sid) if message.service_sid else "",
        "resource_uri": f"/v1/Account/{message.account_sid}/Message/{uuid}/",
        "to_number": _bare(message.recipient),
        "total_amount": "0.00000",
        "total_rate": "0.00000",
        "units": message.segments,
    }


def signature(auth_token: str, url: str, form: Fields, nonce: str) -> str:
    """X-Plivo-Signature-V3 of a POST: the address, its query in order, a stop where there are both, the
    form in order without marks, a stop, the nonce."""
    address, _, query = without_fragment(url).partition("?")
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    told = address + ("?" if pairs or form else "")
    told += "&".join(f"{name}={value}" for name, value in pairs)
    told += "." if pairs and form else ""
    told += "".join(f"{name}{value}" for name, value in sorted(form))
    digest = hmac.new(auth_token.encode(), f"{told}.{nonce}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlivoWebhook(WebhookRequest):
    """One form ready to go: signed anew, with a nonce of its own, on every attempt. `fields` say its
    status, for the log; `form` is what is sent."""

    form: Fields
    nonces: Callable[[], str] = field(repr=False)

    def wire(self) -> tuple[str, dict[str, str], bytes]:
        address, nonce = without_fragment(self.url), self.nonces()
        signed = signature(self.auth_token, address, self.form, nonce)
        headers = {
            "X-Plivo-Signature-V3": signed,
            "X-Plivo-Signature-Ma-V3": signed,
            "X-Plivo-Signature-V3-Nonce": nonce,
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": "plivo-webhooks",
        }
        return address, headers, urlencode(self.form).encode()


def received(carrier: Carrier, message: Message, url: str, cdn_url: str) -> PlivoWebhook:
    """A message that came in. An MMS has its text under another name than an SMS."""
    form = [
        ("From", _bare(message.sender)),
        ("To", _bare(message.recipient)),
        ("Type", "mms" if message.media else "sms"),
        ("Body" if message.media else "Text", message.body),
        ("MessageUUID", uuid_of(message.sid)),
        ("MessageIntent", _INTENTS.get(message.opt_out_type or "", "")),
        ("PowerpackUUID", uuid_of(message.service_sid) if message.service_sid else ""),
        *_charges(message),
    ]
    if message.media:
        form.append(("MediaCount", str(len(message.media))))
    for number, item in enumerate(message.media, start=1):
        form.append((f"Media{number}", f"{cdn_url}/_cdn/{item.sid}"))
    return _webhook(carrier, message, url, form)


def reported(carrier: Carrier, message: Message, now: datetime) -> PlivoWebhook | None:
    """What is told of the message's present status; None when nothing is."""
    if message.status not in _SEQUENCE:
        return None
    uuid = uuid_of(message.sid)
    form = [
        ("From", _bare(message.sender)),
        ("To", _bare(message.recipient)),
        ("Type", "mms" if message.num_media else "sms"),
        ("MessageUUID", uuid),
        ("ParentMessageUUID", uuid),
        ("PartInfo", "1 of 1"),
        ("Status", message.status),
        ("Sequence", str(_SEQUENCE[message.status])),
        ("PowerpackUUID", uuid_of(message.service_sid) if message.service_sid else ""),
        ("MessageTime", f"{message.created_at:%Y-%m-%d %H:%M:%S.%f}"),
        ("DeliveryReportTime", f"{now:%Y-%m-%d %H:%M:%S.%f}"),
        ("requester_ip", "127.0.0.1"),
        *_charges(message),
    ]
    if message.status in ("failed", "undelivered"):
        form.append(("ErrorCode", error_code(message)))
    return _webhook(carrier, message, message.status_callback, form)


def _webhook(carrier: Carrier, message: Message, url: str, form: Fields) -> PlivoWebhook:
    account = carrier.accounts[message.account_sid]
    return PlivoWebhook(
        url if "#" in url else url + PATIENCE,
        "POST",
        (("MessageStatus", message.status),),
        account.auth_token,
        "",
        form=tuple(form),
        nonces=lambda: str(int(carrier.sids.token(), 16))[:20],
    )


def _charges(message: Message) -> list[tuple[str, str]]:
    return [
        ("Units", str(message.segments)),
        ("TotalRate", "0.00000"),
        ("TotalAmount", "0.00000"),
    ]


def _bare(number: str | None) -> str:
    """Numbers go without the plus."""
    return (number or "").removeprefix("+")
