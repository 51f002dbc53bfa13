"""Who opted out at Twilio, as far as it can be known. Twilio lists its opted-out people nowhere: the
v3 OptOuts resource holds keywords and their answers, and the Consents resource of accounts v1 is
written to only. What shows an opt-out is the message log: a STOP that came in, and a text of ours
that failed with 21610. A text refused at once (HTTP 400) leaves no message in the log.

Must never follow a page's link to another place than this line's own message list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ringfence.model.errors import ProviderError
from ringfence.model.line import Line
from ringfence.model.outbox import ErrorClass
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.providers import answers, twilio_rest
from ringfence.providers.base import OptOutPage, OptOutSign
from ringfence.providers.twilio_errors import meaning
from ringfence.text.keywords import KeywordKind, classify

SEEN_IN = (
    "Twilio lists opted-out people nowhere; this reads the account's message log for STOP and START "
    "words and for error 21610. Who opted out before the log begins, or by the console, is not seen."
)
_PAGE_SIZE = "1000"
_CODE = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)


def requests(line: Line) -> list[WireRequest]:
    """What the line's number sent and what it got; of a Messaging Service the account's whole log,
    since the list cannot be narrowed to one."""
    filters: list[list[tuple[str, str]]] = [[]]
    if line.number is not None:
        filters = [[("From", line.number.e164)], [("To", line.number.e164)]]
    url = f"{twilio_rest.account_url(line)}/Messages.json"
    return [twilio_rest.get(line, url, [*one, ("PageSize", _PAGE_SIZE)]) for one in filters]


def page(response: WireResponse, line: Line) -> OptOutPage:
    document = twilio_rest.answer(response)
    listed = document.get("messages")
    if not isinstance(listed, list):
        raise ProviderError("The answer is not a list of messages.")
    rows = [row for row in listed if isinstance(row, dict)]
    signs = [sign for row in rows if _is_ours(row, line) and (sign := _sign(row)) is not None]
    oldest = answers.http_moment(rows[-1].get("date_created")) if rows else None
    return OptOutPage(
        tuple(signs), oldest, twilio_rest.next_page(document.get("next_page_uri"), line)
    )


def _is_ours(row: Mapping[str, Any], line: Line) -> bool:
    if line.number is not None:
        return line.number.e164 in (row.get("from"), row.get("to"))
    return row.get("messaging_service_sid") == line.service_id


def _sign(row: Mapping[str, Any]) -> OptOutSign | None:
    inbound = row.get("direction") == "inbound"
    number, body, code = (
        row.get("from" if inbound else "to"),
        row.get("body"),
        row.get("error_code"),
    )
    if not isinstance(number, str):
        return None
    at, sid = answers.http_moment(row.get("date_created")), str(row.get("sid") or "")
    if not inbound:
        refused = meaning(_code(code)).error_class is ErrorClass.OPT_OUT
        return OptOutSign(number, at, False, sid, str(code)) if refused else None
    # Twilio lifts its own block on YES too (facts 2.8).
    keyword = classify(body if isinstance(body, str) else "", yes_is_opt_in=True)
    if keyword.kind not in (KeywordKind.OPT_OUT, KeywordKind.OPT_IN):
        return None
    return OptOutSign(number, at, keyword.kind is KeywordKind.OPT_IN, sid, keyword.word)


def _code(value: object) -> int | None:
    found = _CODE.fullmatch(str(value))
    return int(found[0]) if found else None
