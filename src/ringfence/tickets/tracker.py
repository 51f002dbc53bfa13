"""What issue trackers have in common: a ticket is an issue, an update a comment, the end a comment
and the tracker's own way to close. Must never open a second issue, or say the same twice, when an
earlier try may have arrived: then it looks for our mark first.

None of the trackers takes an idempotency key, so the mark in the text is all there is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

import orjson

from ringfence.model.ticket import TicketAction
from ringfence.model.wire import WireRequest
from ringfence.tickets.base import Ended, Errand, Talk, TicketOutcome, done, refused
from ringfence.tickets.wording import reference

S = TypeVar("S", contravariant=True)

TIMEOUT_S = 20.0
ANSWER_BYTES_MAX = 8 * 1024 * 1024  # a page of a hundred issues with long texts
PAGE = 100
NOT_OPENED = "not_opened"


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue as the tracker names it."""

    remote_id: str
    url: str = field(default="", repr=False)


class Tracker(Protocol[S]):
    """One tracker's requests. Each talk raises Ended for an answer it cannot go on with."""

    def find(self, errand: Errand, settings: S) -> Talk[Issue | None]:
        """The issue with our mark, if there is one."""

    def create(self, errand: Errand, settings: S) -> Talk[Issue]: ...
    def comments(self, errand: Errand, settings: S) -> Talk[Iterable[str]]:
        """The texts of the newest comments."""

    def comment(self, errand: Errand, settings: S) -> Talk[None]: ...
    def close(self, errand: Errand, settings: S) -> Talk[None]:
        """Closing what is closed already must do no harm."""


def carry_out(tracker: Tracker[S], errand: Errand, settings: S) -> Talk[TicketOutcome]:
    """The talk that every tracker's `carry_out` is."""
    try:
        if errand.task.action is TicketAction.OPEN:
            issue = yield from _opened(tracker, errand, settings)
            return done(issue.remote_id, issue.url)
        if not errand.ticket.remote_id:
            # Its opening is a dead letter; whoever has it tried again gets these done as well.
            return refused(NOT_OPENED)
        yield from _remarked(tracker, errand, settings)
        if errand.task.action is TicketAction.CLOSE:
            yield from tracker.close(errand, settings)
        return done()
    except Ended as ended:
        return ended.outcome


def _opened(tracker: Tracker[S], errand: Errand, settings: S) -> Talk[Issue]:
    found = (yield from tracker.find(errand, settings)) if errand.again else None
    return found or (yield from tracker.create(errand, settings))


def _remarked(tracker: Tracker[S], errand: Errand, settings: S) -> Talk[None]:
    if errand.again:
        said = yield from tracker.comments(errand, settings)
        if any(marked(text, errand) for text in said):
            return
    yield from tracker.comment(errand, settings)


def marked(text: object, errand: Errand) -> bool:
    """Whether a text of the tracker's is the one this task wrote."""
    return isinstance(text, str) and reference(errand) in text


def looking(url: str, query: Mapping[str, str], secret_headers: Mapping[str, str]) -> WireRequest:
    """A GET."""
    asked = f"{url}?{urlencode(query)}" if query else url
    return _request("GET", asked, b"", secret_headers)


def telling(
    method: str, url: str, body: Mapping[str, Any], secret_headers: Mapping[str, str]
) -> WireRequest:
    """A request that changes something; it is never redirected, as that could do it twice."""
    return _request(method, url, orjson.dumps(body), secret_headers)


def _request(method: str, url: str, body: bytes, secret_headers: Mapping[str, str]) -> WireRequest:
    kind = {"Content-Type": "application/json"} if body else {}
    return WireRequest(
        method=method,
        url=url,
        headers={"Accept": "application/json", **kind},
        secret_headers=secret_headers,
        body=body,
        timeout_s=TIMEOUT_S,
        response_bytes_max=ANSWER_BYTES_MAX,
    )


def objects(found: object) -> list[dict[str, Any]]:
    """The objects in a list of an answer; what is no object is left out."""
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def texts(found: object, name: str) -> list[str]:
    """That field of each object in a list, where it is a text."""
    values = [one.get(name) for one in objects(found)]
    return [value for value in values if isinstance(value, str)]
