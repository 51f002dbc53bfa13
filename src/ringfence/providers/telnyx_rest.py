"""Telnyx's REST API as values (v2, Bearer key, JSON): requests, documents, error documents. Knows nothing
of messages; the codec does. Must never put the API key anywhere but into the secret headers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

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
from ringfence.providers.meanings import NOT_TAKEN, Meaning
from ringfence.providers.redaction import readable
from ringfence.providers.telnyx_errors import meaning

Means = Callable[[int | None], Meaning]
ERROR_BYTES_MAX = 8 * 1024
LIST_BYTES_MAX = 8 * 1024 * 1024
_JSON = {"Accept": "application/json"}
_POSTED = {"Accept": "application/json", "Content-Type": "application/json"}
_CODE = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
# An error document cut at the limit is no JSON any more; its first code survives.
_CUT_CODE = re.compile(r'"code"\s*:\s*"?([1-9][0-9]{0,8})\b', re.ASCII)


def address(line: Line, path: str) -> str:
    """Raises ProviderMisconfigured for an unusable apiBaseUrl. One that ends in /v2, as Telnyx writes
    its base, means the same as one without."""
    return f"{urls.api_base(line.api_base_url).removesuffix('/v2')}/v2{path}"


def get(line: Line, path: str, query: Sequence[tuple[str, str]] = ()) -> WireRequest:
    url = address(line, path)
    return WireRequest(
        "GET",
        f"{url}?{forms.encode(query)}" if query else url,
        headers=_JSON,
        secret_headers=_key(line),
        response_bytes_max=LIST_BYTES_MAX if query else 1024 * 1024,
    )


def post(line: Line, path: str, document: Mapping[str, object]) -> WireRequest:
    body = json.dumps(document, separators=(",", ":")).encode()
    return WireRequest(
        "POST", address(line, path), headers=_POSTED, secret_headers=_key(line), body=body
    )


def _key(line: Line) -> dict[str, str]:
    if not line.credentials.auth_tokens:
        raise ProviderMisconfigured("Set apiKey.")
    return {"Authorization": f"Bearer {line.credentials.auth_tokens[0].reveal()}"}


def data(response: WireResponse, means: Means = meaning) -> Any:
    """What a good answer holds. Raises ProviderMisconfigured, ProviderRejected or ProviderBusy
    for a refusal, ProviderError for an answer that cannot be read."""
    if 200 <= response.status < 300:
        found = document(response.body)
        if found is None or "data" not in found:
            raise ProviderError(f"The answer (HTTP {response.status}) is not the API's JSON.")
        return found["data"]
    code = error_code(response)
    words = detail(response, code, means)
    if response.status in (401, 403):
        raise ProviderMisconfigured(words)
    if response.status == 429 or response.status >= 500 or means(code).error_class in NOT_TAKEN:
        raise ProviderBusy(words)
    raise ProviderRejected(words)


def first_error(errors: object) -> dict[str, Any]:
    """The first of `errors`, tamed; empty when there is none."""
    first = errors[0] if isinstance(errors, list) and errors else None
    return first if isinstance(first, dict) else {}


def code_of(error: Mapping[str, Any]) -> int | None:
    """Codes are digits in a string."""
    given = str(error.get("code") or "")
    return int(given) if _CODE.fullmatch(given) else None


def error_code(response: WireResponse) -> int | None:
    found = document(response.body)
    if found is not None:
        return code_of(first_error(found.get("errors")))
    cut = _CUT_CODE.search(readable(response.body, ERROR_BYTES_MAX))
    return int(cut.group(1)) if cut else None


def detail(response: WireResponse, code: int | None, means: Means = meaning) -> str:
    """What an operator may read of a refusal: our words, then the provider's, redacted (P9)."""
    error = first_error((document(response.body) or {}).get("errors"))
    theirs = error.get("detail") or error.get("title")
    said = theirs if isinstance(theirs, str) else readable(response.body, ERROR_BYTES_MAX)
    return told("Telnyx", response.status, code, means(code), said)
