"""A provider's answer to a send, as one of the four outcomes (P5): what is the same whoever answers.
Which code stands where in a document is each codec's own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from ringfence.model.errors import MediaRefused
from ringfence.model.line import Line
from ringfence.model.outbox import ErrorClass, Outcome, OutcomeKind
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.providers import urls
from ringfence.providers.base import RemoteMessage
from ringfence.providers.meanings import NOT_TAKEN, Meaning
from ringfence.providers.redaction import redact

RETRY_AFTER_S_MAX: Final = 3600.0
MEDIA_REDIRECTS: Final = 3
_DATE = re.compile(
    r"(?:\w{3}, )?(\d{1,2}) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) (?:([+-])(\d\d)(\d\d)|GMT)",
    re.ASCII,
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SECONDS: Final = re.compile(r"\d{1,9}(\.\d{1,6})?", re.ASCII)


def document(body: bytes) -> dict[str, Any] | None:
    """The body as a JSON object, or None."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def retry_after_s(response: WireResponse) -> float | None:
    """Retry-After (RFC 9110 section 10.2.3) in seconds, bounded; a date is read against the
    response's own Date, since a codec has no clock. None when absent or senseless."""
    given = response.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(given):
        return min(float(given), RETRY_AFTER_S_MAX)
    until, at = http_moment(given), http_moment(response.headers.get("date"))
    if until is None or at is None:
        return None
    return min(max((until - at).total_seconds(), 0.0), RETRY_AFTER_S_MAX)


def http_moment(text: object) -> datetime | None:
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


def iso_moment(text: object) -> datetime | None:
    """An ISO 8601 date with its zone as aware UTC, or None."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
        return found.astimezone(UTC) if found is not None and found.tzinfo else None
    except (ValueError, OverflowError):
        return None


def told(provider: str, status: int, code: int | None, known: Meaning, said: str) -> str:
    """What an operator may read of a refusal: our words, then the provider's, redacted (P9)."""
    source = f"HTTP {status}" + (f", {provider} {code}" if code is not None else "")
    ours = f"{known.means} {known.do}".strip()
    return f"{ours} ({source}: {redact(said) or 'no text'})"


def without_id(status: int) -> Outcome:
    """A 2xx without a readable message id is UNKNOWN, not a failure (B074): a message may well exist,
    so it is looked for and never sent again unseen."""
    detail = f"HTTP {status} without a message id; the message may exist."
    return Outcome(OutcomeKind.UNKNOWN, http_status=status, detail=detail)


def accepted(
    message: RemoteMessage | None, status: int, meaning: Callable[[int | None], Meaning]
) -> Outcome:
    """The message that a 2xx shows; UNKNOWN where it shows none."""
    if message is None:
        return without_id(status)
    code = message.error_code
    return Outcome(
        OutcomeKind.ACCEPTED,
        provider_id=message.provider_id,
        status=message.status,
        error_code=code,
        error_class=None if code is None else meaning(code).error_class,
        http_status=status,
    )


def refused(
    status: int, code: int | None, known: Meaning, retry_after: float | None, detail: str
) -> Outcome:
    """A refusal: tried again only where it proves that nothing was taken."""
    error_class = _refusal_class(status, code, known.error_class)
    retry = status == 429 or error_class in NOT_TAKEN
    return Outcome(
        OutcomeKind.RETRYABLE if retry else OutcomeKind.REJECTED,
        error_code=code,
        error_class=error_class,
        http_status=status,
        retry_after_s=retry_after if retry else None,
        detail=detail,
    )


def _refusal_class(status: int, code: int | None, known: ErrorClass) -> ErrorClass:
    if status == 429 and known not in NOT_TAKEN:
        return ErrorClass.RETRY
    if status == 401:
        return ErrorClass.STOP_LINE
    if code is None and status in (403, 404, 405):
        # Not the API's words: something else answers at apiBaseUrl, or stands before it.
        return ErrorClass.CONFIG
    return known


def public_media(url: str, line: Line) -> WireRequest:
    """Fetch an attachment from an address of the provider's choice, which a signed event named: https,
    public, and never with our credentials. Raises MediaRefused."""
    near = urls.on_loopback(line.api_base_url)
    parts = urls.split(url)
    if (
        parts is None
        or parts.username
        or not (parts.scheme == "https" or (near and urls.on_loopback(url)))
    ):
        raise MediaRefused("The attachment is not at an https address.")
    return WireRequest(
        "GET",
        url,
        timeout_s=line.media.fetch_timeout_s,
        response_bytes_max=line.media.inbound_bytes_max,
        follow_redirects=MEDIA_REDIRECTS,
        public_only=not near,
    )
