"""Tickets as GitHub issues (REST API, docs.github.com/en/rest/issues). Must never open a second
issue for one ticket.

GitHub has no idempotency key, and its search lags behind. So when the outcome of an earlier try is
unknown we read the repository's own list, newest first, back to the time before the ticket was
made, and look for our mark in the texts ("List repository issues": `state`, `sort`, `since`)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from ringfence.model.line import Secret
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.tickets import tracker
from ringfence.tickets.addresses import base_problem_of
from ringfence.tickets.base import (
    Ended,
    Errand,
    Talk,
    TicketOutcome,
    again,
    document,
    refused,
    trouble,
)
from ringfence.tickets.tracker import PAGE, Issue, looking, marked, objects, telling, texts
from ringfence.tickets.wording import address, body, fenced, link, remark, title

API_VERSION: Final = "2022-11-28"
PAGES_MAX: Final = 20
# Their clock and ours may differ.
_SINCE: Final = timedelta(hours=1)
_repository: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/[A-Za-z0-9._-]{1,100}")
_RATE_LIMITED: Final = frozenset({403, 429})


@dataclass(frozen=True, slots=True)
class Settings:
    """`repository` is OWNER/NAME; `token` may write its issues. `base_url` is for GitHub Enterprise
    Server: https://HOST/api/v3."""

    repository: str
    token: Secret
    base_url: str = "https://api.github.com"
    labels: tuple[str, ...] = ()


class GitHub:
    name = "github"
    settings = Settings
    local = False

    def problems(self, settings: Settings) -> tuple[str, ...]:
        found = [f"base_url: {wrong}" for wrong in [base_problem_of(settings.base_url)] if wrong]
        if not _repository.fullmatch(settings.repository):
            found.append("repository: expected OWNER/NAME")
        if not settings.token.reveal():
            found.append("token: is empty")
        return tuple(found)

    def carry_out(self, errand: Errand, settings: Settings) -> Talk[TicketOutcome]:
        return (yield from tracker.carry_out(self, errand, settings))

    def find(self, errand: Errand, settings: Settings) -> Talk[Issue | None]:
        since = f"{errand.ticket.opened_at - _SINCE:%Y-%m-%dT%H:%M:%SZ}"
        for page in range(1, PAGES_MAX + 1):
            query = {
                "state": "all",
                "sort": "created",
                "direction": "desc",
                "since": since,
                "per_page": str(PAGE),
                "page": str(page),
            }
            got = yield from _told(looking(_issues(settings), query, _headers(settings)), errand)
            issues = objects(document(got))
            for issue in issues:
                if marked(issue.get("body"), errand):
                    return _issue(issue)
            oldest = str(issues[-1].get("created_at", "")) if issues else ""
            if len(issues) < PAGE or oldest < since:
                return None
        raise Ended(refused("too_many_to_search"))

    def create(self, errand: Errand, settings: Settings) -> Talk[Issue]:
        fields: dict[str, Any] = {"title": title(errand), "body": _markdown(body(errand), errand)}
        if settings.labels:
            fields["labels"] = list(settings.labels)
        asked = telling("POST", _issues(settings), fields, _headers(settings))
        return _issue(document((yield from _told(asked, errand))))

    def comments(self, errand: Errand, settings: Settings) -> Talk[Iterable[str]]:
        since = f"{errand.task.created_at - _SINCE:%Y-%m-%dT%H:%M:%SZ}"
        url = f"{_mine(errand, settings)}/comments"
        query = {"since": since, "per_page": str(PAGE)}
        got = yield from _told(looking(url, query, _headers(settings)), errand)
        return texts(document(got), "body")

    def comment(self, errand: Errand, settings: Settings) -> Talk[None]:
        url = f"{_mine(errand, settings)}/comments"
        fields = {"body": fenced(remark(errand))}
        yield from _told(telling("POST", url, fields, _headers(settings)), errand)

    def close(self, errand: Errand, settings: Settings) -> Talk[None]:
        fields = {"state": "closed", "state_reason": "completed"}
        asked = telling("PATCH", _mine(errand, settings), fields, _headers(settings))
        yield from _told(asked, errand)


def _issues(settings: Settings) -> str:
    return f"{settings.base_url.rstrip('/')}/repos/{settings.repository}/issues"


def _mine(errand: Errand, settings: Settings) -> str:
    return f"{_issues(settings)}/{errand.ticket.remote_id}"


def _headers(settings: Settings) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {settings.token.reveal()}",
        "X-GitHub-Api-Version": API_VERSION,
    }


def _told(request: WireRequest, errand: Errand) -> Talk[WireResponse]:
    answer = yield request
    assert isinstance(answer, WireResponse), "HTTP is answered by HTTP"
    if 200 <= answer.status < 300:
        return answer
    raise Ended(_limited(answer, errand) or trouble(answer))


def _limited(answer: WireResponse, errand: Errand) -> TicketOutcome | None:
    """A rate limit is a 403 or a 429 (docs.github.com/en/rest/using-the-rest-api, "Rate limits"). The
    primary one says in `x-ratelimit-reset` when it ends, in seconds since 1970."""
    if answer.status not in _RATE_LIMITED or answer.headers.get("x-ratelimit-remaining") != "0":
        return None
    reset = answer.headers.get("x-ratelimit-reset", "")
    known = reset.isascii() and reset.isdigit() and len(reset) <= 11
    wait_s = max(0.0, int(reset) - errand.now.timestamp()) if known else None
    return again(f"http_{answer.status}", slowly=True, retry_after_s=wait_s)


def _issue(found: object) -> Issue:
    number = found.get("number") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(number, int):
        raise Ended(again("bad_answer", slowly=True))
    return Issue(str(number), address(found.get("html_url")))


def _markdown(text: str, errand: Errand) -> str:
    page = link(errand)
    return f"{fenced(text)}\n\n<{page}>" if page else fenced(text)


SYSTEM = GitHub()
