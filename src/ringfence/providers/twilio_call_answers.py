"""What Twilio's Calls API answers, read field by field: a call, a page of calls, a refusal. Must never
put a raw provider sentence into an error, nor send credentials after a link to another place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from ringfence.model.errors import (
    ProviderBusy,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
)
from ringfence.model.line import Line
from ringfence.model.outbox import ErrorClass, Outcome, OutcomeKind
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.providers import answers, forms, twilio_rest, urls
from ringfence.providers.base import RemoteCall
from ringfence.providers.meanings import NOT_TAKEN
from ringfence.providers.redaction import readable, redact
from ringfence.providers.twilio_call_errors import call_meaning
from ringfence.providers.twilio_call_webhooks import ANSWERERS, CALL_STATES, is_call_id

_WHOLE = re.compile(r"\d{1,9}", re.ASCII)


def accepted(response: WireResponse) -> Outcome:
    """Whatever else it says: with a call id there is a call, without one there may be."""
    sid = (answers.document(response.body) or {}).get("sid")
    if not isinstance(sid, str) or not is_call_id(sid):
        detail = f"HTTP {response.status} without a call id; the call may exist."
        return Outcome(OutcomeKind.UNKNOWN, http_status=response.status, detail=detail)
    return Outcome(OutcomeKind.ACCEPTED, provider_id=sid, http_status=response.status)


def refusal_class(status: int, code: int | None) -> ErrorClass:
    known = call_meaning(code).error_class
    if status == 429 and known not in NOT_TAKEN:
        return ErrorClass.RETRY
    if status == 401:
        return ErrorClass.STOP_LINE
    if code is None and status in (403, 404, 405):
        # Not the API's words: something else answers at apiBaseUrl, or stands before it.
        return ErrorClass.CONFIG
    return known


def detail(response: WireResponse, code: int | None) -> str:
    """What an operator may read of a refusal: our words, then the provider's, redacted (P9)."""
    known = call_meaning(code)
    theirs = (answers.document(response.body) or {}).get("message")
    said = theirs if isinstance(theirs, str) else readable(response.body, 8 * 1024)
    source = f"HTTP {response.status}" + (f", Twilio {code}" if code is not None else "")
    return f"{f'{known.means} {known.do}'.strip()} ({source}: {redact(said) or 'no text'})"


def answer(response: WireResponse) -> Mapping[str, object]:
    """As twilio_rest.answer, in the words for calls."""
    if 200 <= response.status < 300:
        return twilio_rest.answer(response)
    code = twilio_rest.error_code(response)
    words = detail(response, code)
    if response.status in (401, 403):
        raise ProviderMisconfigured(words)
    busy = call_meaning(code).error_class in NOT_TAKEN
    if response.status == 429 or response.status >= 500 or busy:
        raise ProviderBusy(words)
    raise ProviderRejected(words)


def next_page(link: object, line: Line) -> WireRequest | None:
    """Credentials go on to this line's own list of calls only. Raises ProviderError elsewhere."""
    if not isinstance(link, str) or not link:
        return None
    url = f"{twilio_rest.account_url(line)}/Calls.json"
    parts = urlsplit(link)
    here = url.removeprefix(urls.api_base(line.api_base_url))
    if parts.scheme or parts.netloc or parts.path != here:
        raise ProviderError("The list goes on at another place than it began.")
    try:
        return twilio_rest.get(line, url, forms.decode(parts.query))
    except ValueError:
        raise ProviderError("The address of the list's next page cannot be read.") from None


def remote(row: Mapping[str, object]) -> RemoteCall | None:
    """A call document, tamed field by field; None without a call id or a status we know."""
    sid, state = row.get("sid"), CALL_STATES.get(_text(row.get("status")))
    if not isinstance(sid, str) or not is_call_id(sid) or state is None:
        return None
    duration, parent = _text(row.get("duration")), _text(row.get("parent_call_sid"))
    started = answers.http_moment(row.get("start_time"))
    return RemoteCall(
        provider_id=sid,
        to=_text(row.get("to")),
        sender=_text(row.get("from")),
        state=state,
        inbound=row.get("direction") == "inbound",
        created_at=answers.http_moment(row.get("date_created")),
        started_at=started,
        ended_at=answers.http_moment(row.get("end_time")),
        lasted_s=int(duration) if _WHOLE.fullmatch(duration) else None,
        answered_by=ANSWERERS.get(_text(row.get("answered_by"))),
        parent_id=parent if is_call_id(parent) else "",
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
