"""Plivo's REST API as values (v1, Basic authentication, JSON): requests, documents, error documents. Knows
nothing of messages and calls; the codecs do. Must never put the auth token anywhere but into the secret
headers."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ringfence.model.errors import (
    ProviderBusy,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
)
from ringfence.model.line import Line
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.providers import forms, urls
from ringfence.providers.answers import document, told
from ringfence.providers.meanings import Meaning
from ringfence.providers.plivo_errors import NO_CREDIT, meaning
from ringfence.providers.redaction import readable

ERROR_BYTES_MAX = 8 * 1024
_JSON = {"Accept": "application/json"}
_POSTED = {"Accept": "application/json", "Content-Type": "application/json"}
Meanings = Callable[[int | None], Meaning]
_CODE = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)


def address(line: Line, path: str) -> str:
    """Of something in the line's account; every path ends in a slash. Raises ProviderMisconfigured for an
    unusable apiBaseUrl; one that ends in /v1 means the same as one without."""
    base = urls.api_base(line.api_base_url).removesuffix("/v1")
    return f"{base}/v1/Account/{quote(line.credentials.account_id, safe='')}/{path}"


def get(line: Line, path: str, query: Sequence[tuple[str, str]] = ()) -> WireRequest:
    url = address(line, path)
    return WireRequest(
        "GET",
        f"{url}?{forms.encode(query)}" if query else url,
        headers=_JSON,
        secret_headers=_credentials(line),
    )


def post(line: Line, path: str, document: Mapping[str, object]) -> WireRequest:
    body = json.dumps(document, separators=(",", ":")).encode()
    return WireRequest(
        "POST", address(line, path), headers=_POSTED, secret_headers=_credentials(line), body=body
    )


def delete(line: Line, path: str) -> WireRequest:
    return WireRequest(
        "DELETE", address(line, path), headers=_JSON, secret_headers=_credentials(line)
    )


def _credentials(line: Line) -> dict[str, str]:
    given = line.credentials
    if not given.account_id or not given.auth_tokens:
        raise ProviderMisconfigured("Set authId and authToken.")
    word = b64encode(f"{given.account_id}:{given.auth_tokens[0].reveal()}".encode()).decode()
    return {"Authorization": f"Basic {word}"}


def answer(response: WireResponse, meant: Meanings = meaning) -> dict[str, Any]:
    """The document of a good answer to a read. Raises ProviderMisconfigured, ProviderRejected or
    ProviderBusy for a refusal, ProviderError for an answer that cannot be read."""
    if 200 <= response.status < 300:
        found = document(response.body)
        if found is None:
            raise ProviderError(f"The answer (HTTP {response.status}) is not the API's JSON.")
        return found
    words = detail(response, meant)
    if response.status in (401, 403):
        raise ProviderMisconfigured(words)
    if response.status == 429 or response.status >= 500:
        raise ProviderBusy(words)
    raise ProviderRejected(words)


def said(response: WireResponse) -> str:
    """The words of an error document; empty when it has none."""
    theirs = (document(response.body) or {}).get("error")
    if isinstance(theirs, dict):
        theirs = theirs.get("error") or theirs.get("message")
    return theirs if isinstance(theirs, str) else ""


def refusal_code(response: WireResponse) -> int | None:
    """A refused request has no code; that there is no credit left is told in words, and is the same as
    the code with which messages fail then."""
    return NO_CREDIT if "insufficient credit" in said(response).lower() else None


def code_of(value: object) -> int | None:
    """`error_code` is digits in a string, 000 for none."""
    text = str(value)
    return int(text) if _CODE.fullmatch(text) else None


def detail(response: WireResponse, meant: Meanings = meaning) -> str:
    """What an operator may read of a refusal: our words, then the provider's, redacted (P9)."""
    code = refusal_code(response)
    theirs = said(response) or readable(response.body, ERROR_BYTES_MAX)
    return told("Plivo", response.status, code, meant(code), theirs)
