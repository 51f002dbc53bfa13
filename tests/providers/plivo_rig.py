"""What the Plivo tests share: a line, forms as the vendor's pages show them, and a signer of their own."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from ringfence.model.line import Credentials, Line, Secret
from ringfence.model.phone import PhoneNumber
from ringfence.model.wire import WebhookRequest, WireResponse

AUTH_ID = "MATESTTESTTESTTEST00"
TOKEN, OLD_TOKEN, FOREIGN_TOKEN = "token-for-tests", "token-before-it", "token-of-another"
NONCE = "05429567804466091622"
MESSAGE = "b48d95dc-e3ac-11eb-a9c2-0242ac110005"
OTHER_MESSAGE = "db3ce55a-7f1d-11e1-8ea7-1231380bc196"
POWERPACK = "1d5f3dd8-b207-4738-b59f-3c2ac7d3461c"
URL = "https://gw.example.com/webhooks/sms"
OURS, PERSON = "+15555550100", "+15555550123"
Fields = Sequence[tuple[str, str]]

LINE = Line(
    id="front",
    provider="plivo",
    credentials=Credentials(AUTH_ID, (Secret(TOKEN), Secret(OLD_TOKEN))),
    number=PhoneNumber(OURS),
    service_id=None,
    public_url=URL,
    webhook_path="/webhooks/sms",
    api_base_url="https://api.plivo.com",
)


def line(**changes: Any) -> Line:
    return replace(LINE, **changes)


def _form(fields: dict[str, str], changes: dict[str, str | None]) -> Fields:
    whole: dict[str, str | None] = {**fields, **changes}
    return [(name, value) for name, value in whole.items() if value is not None]


def received(**changes: str | None) -> Fields:
    """An inbound text; `changes` replace fields, None takes one away."""
    return _form(
        {
            "From": PERSON.removeprefix("+"),
            "To": OURS.removeprefix("+"),
            "Type": "sms",
            "Text": "Hello",
            "MessageUUID": MESSAGE,
            "MessageIntent": "",
            "PowerpackUUID": "",
            "Units": "1",
            "TotalRate": "0.00000",
            "TotalAmount": "0.00000",
        },
        changes,
    )


def picture(**changes: str | None) -> Fields:
    """An inbound MMS, whose text has another name."""
    media = {
        "Type": "mms",
        "Text": None,
        "Body": "look",
        "MediaCount": "2",
        "Media1": "https://media.example.com/Account/MA/Media/1",
        "Media2": "https://media.example.com/Account/MA/Media/2",
    }
    return received(**{**media, **changes})


def reported(status: str, **changes: str | None) -> Fields:
    """A status report of a text from OURS to PERSON."""
    return _form(
        {
            "From": OURS.removeprefix("+"),
            "To": PERSON.removeprefix("+"),
            "MessageUUID": MESSAGE,
            "ParentMessageUUID": MESSAGE,
            "PartInfo": "1 of 1",
            "Status": status,
            "Sequence": "2",
            "Units": "2",
            "Type": "sms",
            "MCC": "310",
            "MNC": "004",
            "TotalRate": "0.00550",
            "TotalAmount": "0.01100",
            "requester_ip": "192.0.2.1",
        },
        changes,
    )


def signed(token: str, text: str, nonce: str = NONCE) -> str:
    return b64encode(hmac.digest(token.encode(), f"{text}.{nonce}".encode(), sha256)).decode()


def text_of(url: str, query: Fields, form: Fields) -> str:
    """What Plivo signs, written out once more: not the codec's own words."""
    text = url + ("?" if query or form else "")
    text += "&".join("=".join(pair) for pair in sorted(query)) + ("." if query and form else "")
    return text + "".join(name + value for name, value in sorted(form))


def posted(
    form: Fields,
    *,
    token: str = TOKEN,
    url: str = URL,
    query: Fields = (),
    sent: Fields | None = None,
    header: str = "x-plivo-signature-v3",
    nonce: str = NONCE,
) -> WebhookRequest:
    """`form`, signed; `sent` replaces it after signing."""
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-plivo-signature-v3-nonce": nonce,
        header: signed(token, text_of(url, query, form), nonce),
    }
    body = urlencode(form if sent is None else sent).encode()
    return WebhookRequest("POST", "/webhooks/sms", urlencode(query), headers, body)


def answer(status: int, document: object = None, **headers: str) -> WireResponse:
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    return WireResponse(status, {k.replace("_", "-"): v for k, v in headers.items()}, raw)


def refusal(status: int, words: str) -> WireResponse:
    return answer(status, {"api_id": OTHER_MESSAGE, "error": words})
