"""Lists as Twilio pages them: PageSize, Page and PageToken, in the 2010 form (`next_page_uri`, a
path) and the v1 form (`meta.next_page_url`, an address), and the message list's filters.

A token names the last item of the page before, so that items which arrive meanwhile neither repeat
nor shift anything. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, TypeVar
from urllib.parse import urlencode

from starlette.datastructures import URL, QueryParams

from ringfence.simulator.records import Message
from ringfence.simulator.refusals import Refusal, refuse

PAGE_SIZE: Final = 50
PAGE_SIZE_MAX: Final = 1_000
_MARK: Final = "PA"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page. `start` is the place of its first item; `next_token` is empty on the last page."""

    items: Sequence[T]
    number: int
    size: int
    start: int
    next_token: str
    previous_token: str


def cut(
    items: Sequence[T], query: Mapping[str, str], sid_of: Callable[[T], str]
) -> Page[T] | Refusal:
    """The page a request asks for."""
    size, number = query.get("PageSize", str(PAGE_SIZE)), query.get("Page", "0")
    if not (size.isdecimal() and number.isdecimal() and int(size) >= 1):
        return refuse(20001, "PageSize or Page")
    count, page = min(int(size), PAGE_SIZE_MAX), int(number)
    start, token = page * count, query.get("PageToken", "")
    if token:
        after = token.removeprefix(_MARK)
        place = next((n for n, item in enumerate(items) if sid_of(item) == after), None)
        if place is None:
            return refuse(20001, "PageToken")
        start = place + 1
    chosen = items[start : start + count]
    more = start + count < len(items)
    before = sid_of(items[start - count - 1]) if start > count else ""
    return Page(
        chosen,
        page,
        count,
        start,
        _MARK + sid_of(chosen[-1]) if more else "",
        _MARK + before if before else "",
    )


def _links(page: Page[T], url: URL) -> dict[str, str | None]:
    """Query strings of this page and its neighbours, with the filters kept."""
    filters = [
        (name, value)
        for name, value in QueryParams(url.query).multi_items()
        if name not in ("PageSize", "Page", "PageToken")
    ]

    def link(number: int, token: str) -> str:
        pairs = [*filters, ("PageSize", str(page.size)), ("Page", str(number))]
        return f"{url.path}?{urlencode([*pairs, ('PageToken', token)] if token else pairs)}"

    return {
        "first": link(0, ""),
        "next": link(page.number + 1, page.next_token) if page.next_token else None,
        "previous": link(page.number - 1, page.previous_token) if page.number > 0 else None,
        "self": link(page.number, QueryParams(url.query).get("PageToken", "")),
    }


def documents_2010(key: str, found: Sequence[object], page: Page[T], url: URL) -> dict[str, object]:
    links = _links(page, url)
    return {
        key: found,
        "end": page.start + max(0, len(found) - 1),
        "first_page_uri": links["first"],
        "next_page_uri": links["next"],
        "page": page.number,
        "page_size": page.size,
        "previous_page_uri": links["previous"],
        "start": page.start,
        "uri": links["self"],
    }


def documents_v1(
    key: str, found: Sequence[object], page: Page[T], base_url: str, url: URL
) -> dict[str, object]:
    links = {name: base_url + path if path else None for name, path in _links(page, url).items()}
    meta = {
        "first_page_url": links["first"],
        "key": key,
        "next_page_url": links["next"],
        "page": page.number,
        "page_size": page.size,
        "previous_page_url": links["previous"],
        "url": links["self"],
    }
    return {key: found, "meta": meta}


def filtered(messages: list[Message], query: Mapping[str, str]) -> list[Message] | Refusal:
    """The message list's filters: To, From, DateSent (that day), DateSent< and DateSent> (both
    inclusive; a bare date means the whole day), in GMT. A message not sent yet drops out."""
    chosen = messages
    if to := query.get("To"):
        chosen = [m for m in chosen if m.recipient == to]
    if sender := query.get("From"):
        chosen = [m for m in chosen if m.sender == sender]
    for name in ("DateSent", "DateSent<", "DateSent>"):
        if not (text := query.get(name)):
            continue
        span = _span(text)
        if span is None:
            return refuse(20001, name)
        chosen = [m for m in chosen if m.sent_at is not None and _holds(name, m.sent_at, *span)]
    return chosen


def _holds(name: str, at: datetime, first: datetime, last: datetime) -> bool:
    match name[-1]:
        case "<":
            return at <= last
        case ">":
            return at >= first
        case _:
            return at.date() == first.date()  # the vendor's client sends a day as its midnight


def _span(text: str) -> tuple[datetime, datetime] | None:
    """First and last moment that a date or a time in a filter stands for; whole seconds, as the
    documents show them."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    length = timedelta(days=1) if len(text) == len("2026-01-31") else timedelta(seconds=1)
    return at, at + length - timedelta(microseconds=1)
