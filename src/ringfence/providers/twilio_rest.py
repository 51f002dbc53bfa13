"""Twilio's REST API as requests and answers (facts 2.1, 2.6): addresses, credentials, error
documents, dates. Must never put a credential outside `secret_headers`, nor a raw provider sentence
into an error."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

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
from ringfence.providers.meanings import NOT_TAKEN
from ringfence.providers.redaction import readable
from ringfence.providers.twilio_errors import meaning

VERSION = "2010-04-01"
ERROR_BYTES_MAX = 8 * 1024
DOCUMENT_BYTES_MAX = 1024 * 1024
LIST_BYTES_MAX = 8 * 1024 * 1024
_JSON = {"Accept": "application/json"}
_FORM = {"Accept": "application/json", "Content-Type": forms.FORM}
# An error document cut at the limit is no JSON any more; its code comes first and survives.
_CODE = re.compile(r'"code"\s*:\s*(\d{1,6})\b')


def account_url(line: Line) -> str:
    """Where this line's account lives. Raises ProviderMisconfigured for an unusable apiBaseUrl."""
    account = quote(line.credentials.account_id, safe="")
    return f"{urls.api_base(line.api_base_url)}/{VERSION}/Accounts/{account}"


def messaging_url(line: Line) -> str:
    """Where the messaging product lives: its own host at Twilio, the same one at a stand-in."""
    base = urls.api_base(line.api_base_url)
    parts = urlsplit(base)
    if parts.hostname and parts.hostname.endswith(".twilio.com"):
        return f"{parts.scheme}://{parts.netloc.replace('api.', 'messaging.', 1)}/v1"
    return f"{base}/v1"


def get(line: Line, url: str, query: Sequence[tuple[str, str]] = ()) -> WireRequest:
    """A read; with a query it is a list, whose answers are longer."""
    return WireRequest(
        "GET",
        f"{url}?{forms.encode(query)}" if query else url,
        headers=_JSON,
        secret_headers=credentials(line),
        response_bytes_max=LIST_BYTES_MAX if query else DOCUMENT_BYTES_MAX,
    )


def next_page(link: object, line: Line) -> WireRequest | None:
    """The next page of this line's message list; None after the last. The link is a path, and
    credentials go to this line's own list only. Raises ProviderError for any other place."""
    if not isinstance(link, str) or not link:
        return None
    url = f"{account_url(line)}/Messages.json"
    parts = urlsplit(link)
    here = url.removeprefix(urls.api_base(line.api_base_url))
    if parts.scheme or parts.netloc or parts.path != here:
        raise ProviderError("The list goes on at another place than it began.")
    try:
        query = forms.decode(parts.query)
    except ValueError:
        raise ProviderError("The address of the list's next page cannot be read.") from None
    return get(line, url, query)


def post(line: Line, url: str, fields: Sequence[tuple[str, str]]) -> WireRequest:
    body = forms.encode(fields).encode()
    return WireRequest("POST", url, headers=_FORM, secret_headers=credentials(line), body=body)


def credentials(line: Line) -> Mapping[str, str]:
    """Basic authentication: the API key if there is one, else account id and first token."""
    given = line.credentials
    if given.api_key_id and given.api_key_secret:
        user, secret = given.api_key_id, given.api_key_secret
    elif given.auth_tokens:
        user, secret = given.account_id, given.auth_tokens[0]
    else:
        raise ProviderMisconfigured("Set authToken, or apiKeySid and apiKeySecret.")
    word = b64encode(f"{user}:{secret.reveal()}".encode()).decode()
    return {"Authorization": f"Basic {word}"}


def error_code(response: WireResponse) -> int | None:
    """The code of an error document, also of one cut off or of a problem document (RFC 9457)."""
    found = document(response.body)
    if found is not None:
        code = found.get("code")
        return code if isinstance(code, int) and not isinstance(code, bool) else None
    cut = _CODE.search(readable(response.body, ERROR_BYTES_MAX))
    return int(cut.group(1)) if cut else None


def detail(response: WireResponse, code: int | None) -> str:
    """What an operator may read of a refusal: our words, then the provider's, redacted (P9)."""
    found = document(response.body) or {}
    theirs = found.get("message") or found.get("detail")
    said = theirs if isinstance(theirs, str) else readable(response.body, ERROR_BYTES_MAX)
    return told("Twilio", response.status, code, meaning(code), said)


def answer(response: WireResponse) -> dict[str, Any]:
    """The document of a good answer to a read. Raises ProviderMisconfigured, ProviderRejected or
    ProviderBusy for a refusal, ProviderError for an answer that cannot be read."""
    if 200 <= response.status < 300:
        found = document(response.body)
        if found is None:
            raise ProviderError(f"The answer (HTTP {response.status}) is not the API's JSON.")
        return found
    code = error_code(response)
    words = detail(response, code)
    if response.status in (401, 403):
        raise ProviderMisconfigured(words)
    if response.status == 429 or response.status >= 500 or meaning(code).error_class in NOT_TAKEN:
        raise ProviderBusy(words)
    raise ProviderRejected(words)
