"""Who opted out at Telnyx: unlike Twilio it has a list, by messaging profile, of who is blocked by which
keyword since when. Whoever came back is not in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringfence.model.errors import ProviderError
from ringfence.model.line import Line
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.providers import answers, telnyx_rest
from ringfence.providers.base import OptOutPage, OptOutSign

SEEN_IN = (
    "Telnyx lists who is blocked by an opt-out word: of the whole messaging profile if the line has "
    "messagingProfileId, else of its number alone. Carriers' own blocks are not seen."
)
_PATH = "/messaging_optouts"
_PAGE_SIZE = "250"


def requests(line: Line, page: int = 1) -> list[WireRequest]:
    where = []
    if line.service_id:
        where = [("filter[messaging_profile_id]", line.service_id)]
    elif line.number is not None:
        where = [("filter[from]", line.number.e164)]
    paged = [("page[number]", str(page)), ("page[size]", _PAGE_SIZE)]
    return [telnyx_rest.get(line, _PATH, [*where, *paged])]


def page(response: WireResponse, line: Line) -> OptOutPage:
    listed = telnyx_rest.data(response)
    if not isinstance(listed, list):
        raise ProviderError("The answer is not a list of opt-outs.")
    signs = [sign for row in listed if isinstance(row, dict) and (sign := _sign(row, line))]
    meta = (answers.document(response.body) or {}).get("meta")
    at, total = (_count(meta, key) for key in ("page_number", "total_pages"))
    more = requests(line, at + 1)[0] if listed and 0 < at < total else None
    # The list's order is not documented, so that nothing tells where to stop before its end.
    return OptOutPage(tuple(signs), None, more)


def _sign(row: Mapping[str, Any], line: Line) -> OptOutSign | None:
    """`from` is the sender who is blocked, `to` the person; where the line's own number stands under
    `to`, the other one is the person."""
    sender, person = row.get("from"), row.get("to")
    if line.number is not None and person == line.number.e164:
        person = sender
    if not isinstance(person, str) or not person:
        return None
    profile, word = (str(row.get(key) or "") for key in ("messaging_profile_id", "keyword"))
    return OptOutSign(person, answers.iso_moment(row.get("created_at")), False, profile, word)


def _count(meta: object, key: str) -> int:
    found = meta.get(key) if isinstance(meta, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else 0
