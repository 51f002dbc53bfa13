"""Twilio's REST API as requests and answers (facts 2.1, 2.6): addresses, credentials, error
documents, dates. Must never put a credential outside `secret_headers`, nor a raw provider sentence
into an error."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote, urlsplit

from ringfence.model.errors import (
    ProviderBusy,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
)
from ringfence.model.line import Line
from ringfence.providers import forms, urls
from ringfence.providers.redaction import readable, redact
from ringfence.providers.twilio_errors import NOT_TAKEN, meaning
from ringfence.providers.wire import WireRequest, WireResponse

VERSION = "2010-04-01"
RETRY_AFTER_S_MAX = 3600.0
ERROR_BYTES_MAX = 8 * 1024
DOCUMENT_BYTES_MAX = 1024 * 1024
LIST_BYTES_MAX = 8 * 1024 * 1024
_JSON = {"Accept": "application/json"}
_FORM = {"Accept": "application/json", "Content-Type": forms.FORM}
# An error document cut at the limit is no JSON any more; its code comes first and survives.
_CODE = re.compile(r'"code"\s*:\s*(\d{1,6})\b')
_DATE = re.compile(
    r"(?:\w{3}, )?(\d{1,2}) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) (?:([+-])(\d\d)(\d\d)|GMT)",
    re.ASCII,
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


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


def document(body: bytes) -> dict[str, Any] | None:
    """The body as a JSON object, or None."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


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
    known = meaning(code)
    found = document(response.body) or {}
    theirs = found.get("message") or found.get("detail")
    said = theirs if isinstance(theirs, str) else readable(response.body, ERROR_BYTES_MAX)
    source = f"HTTP {response.status}" + (f", Twilio {code}" if code is not None else "")
    ours = f"{known.means} {known.do}".strip()
    return f"{ours} ({source}: {redact(said) or 'no text'})"


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


def retry_after_s(response: WireResponse) -> float | None:
    """Retry-After (RFC 9110 section 10.2.3) in seconds, bounded; a date is read against the
    response's own Date, since a codec has no clock. None when absent or senseless."""
    given = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", given, re.ASCII):
        return min(float(given), RETRY_AFTER_S_MAX)
    until, at = moment(given), moment(response.headers.get("date"))
    if until is None or at is None:
        return None
    return min(max((until - at).total_seconds(), 0.0), RETRY_AFTER_S_MAX)


def moment(text: object) -> datetime | None:
    """An RFC 2822 date as aware UTC, or None."""
    found = _DATE.fullmatch(text) if isinstance(text, str) else None
    if found is None or found.group(2) not in _MONTHS:
        return None
    day, month, year, hour, minute, second, sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    try:
        zone = timezone(-offset if sign == "-" else offset)
        local = datetime(
            int(year),
            _MONTHS.index(month) + 1,
            int(day),
            int(hour),
            int(minute),
            int(second),
            tzinfo=zone,
        )
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
