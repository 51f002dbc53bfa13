"""What the Twilio tests share: a line, captures from `wire/twilio`, and a signer that is the
vendor's own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from twilio.request_validator import RequestValidator

from ringfence.model.line import Credentials, Line, Secret
from ringfence.model.phone import PhoneNumber
from ringfence.model.wire import WebhookRequest, WireResponse
from ringfence.providers import forms

WIRE = Path(__file__).parent / "wire" / "twilio"
TOKEN = "a-token-for-tests-only"
ACCOUNT = "AC" + "0123456789abcdef" * 2
SERVICE = "MG" + "c3" * 16
RECEIVED_SMS = "SM" + "a1" * 16
RECEIVED_MMS = "MM" + "b2" * 16
SENT_SMS = "SM" + "d4" * 16
URL = "https://gw.example.com/webhooks/sms"

LINE = Line(
    id="front",
    provider="twilio",
    credentials=Credentials(ACCOUNT, (Secret(TOKEN),)),
    number=PhoneNumber("+15555550100"),
    service_id=None,
    public_url=URL,
    webhook_path="/webhooks/sms",
    api_base_url="https://api.twilio.com",
)


def line(**changes: Any) -> Line:
    return replace(LINE, **changes)


class Form(dict[str, str]):
    """A form as the vendor's validator takes it: repeats by `getall`."""

    def __init__(self, fields: Iterable[tuple[str, str]]) -> None:
        self._fields = list(fields)
        super().__init__(self._fields)

    def getall(self, name: str) -> list[str]:
        return [value for field, value in self._fields if field == name]


def vendor_signature(url: str, fields: Iterable[tuple[str, str]], token: str = TOKEN) -> str:
    return str(RequestValidator(token).compute_signature(url, Form(fields)))


def posted(
    fields: Iterable[tuple[str, str]],
    *,
    signed_url: str = URL,
    query: str = "",
    token: str = TOKEN,
    **headers: str,
) -> WebhookRequest:
    """A form signed by the vendor's own code for `signed_url`, arriving with `query`."""
    pairs = list(fields)
    given = {
        "content-type": forms.FORM,
        "x-twilio-signature": vendor_signature(signed_url, pairs, token),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return WebhookRequest("POST", "/webhooks/sms", query, given, forms.encode(pairs).encode())


def capture(name: str) -> WebhookRequest:
    """One file of `wire/twilio`: request line, headers, an empty line, the raw body."""
    head, _, body = (WIRE / f"{name}.http").read_bytes().partition(b"\n\n")
    first, *rest = head.decode("ascii").splitlines()
    method, target, _ = first.split(" ")
    path, _, query = target.partition("?")
    headers = dict(row.split(": ", 1) for row in rest)
    return WebhookRequest(method, path, query, headers, body)


def fields_of(name: str) -> list[tuple[str, str]]:
    return list(forms.decode(capture(name).body))


def answer(status: int, body: bytes | str = b"", **headers: str) -> WireResponse:
    raw = body.encode() if isinstance(body, str) else body
    return WireResponse(status, {k.replace("_", "-"): v for k, v in headers.items()}, raw)
