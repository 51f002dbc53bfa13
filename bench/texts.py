"""Inbound texts as the provider posts them, signed beforehand, no two alike."""

from __future__ import annotations

import hashlib

from bench.setup import ACCOUNT, NUMBER, PATH, PUBLIC_URL, TOKEN, person
from ringfence.providers import forms
from ringfence.providers.twilio_signature import signature, signing_text

PEOPLE = 2_000
_WORDS = (
    "Could you check whether the delivery for the north site comes today?",
    "ok, and tell Maria that I will be there at four or a little later",
    "the pump is running again, pressure is back to 3.2 and holding steady",
    "Thanks!",
    "What did the customer on the third floor say about the invoice? I need it by tomorrow, please",
)


def requests(first: int, count: int) -> list[bytes]:
    """`count` HTTP requests, the messages numbered from `first` on."""
    return [_request(index) for index in range(first, first + count)]


def _request(index: int) -> bytes:
    fields = _fields(index)
    body = forms.encode(fields).encode()
    signed = signature(TOKEN, PUBLIC_URL + signing_text(fields))
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: TwilioProxy/1.1\r\n"
        f"Content-Type: {forms.FORM}; charset=utf-8\r\nX-Twilio-Signature: {signed}\r\n"
        f"I-Twilio-Idempotency-Token: {index:036d}\r\nAccept: */*\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def message_sid(index: int) -> str:
    """As scattered as the provider's own."""
    return f"SM{hashlib.md5(str(index).encode(), usedforsecurity=False).hexdigest()}"


def _fields(index: int) -> list[tuple[str, str]]:
    sid = message_sid(index)
    return [
        ("ToCountry", "US"),
        ("ToState", "CA"),
        ("SmsMessageSid", sid),
        ("NumMedia", "0"),
        ("ToCity", "SAN FRANCISCO"),
        ("FromZip", "94105"),
        ("SmsSid", sid),
        ("FromState", "CA"),
        ("SmsStatus", "received"),
        ("FromCity", "SAN FRANCISCO"),
        ("Body", f"{_WORDS[index % len(_WORDS)]} ({index})"),
        ("FromCountry", "US"),
        ("To", NUMBER),
        ("ToZip", "94105"),
        ("NumSegments", "1"),
        ("MessageSid", sid),
        ("AccountSid", ACCOUNT),
        ("From", person(index % PEOPLE)),
        ("ApiVersion", "2010-04-01"),
    ]
