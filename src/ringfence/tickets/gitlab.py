"""Tickets as GitLab issues (REST API v4, docs.gitlab.com/api/issues and /api/notes). Must never open
a second issue for one ticket, nor let words of an event pass for a quick action.

GitLab has no idempotency key. When the outcome of an earlier try is unknown the project's issues are
searched for our mark in their descriptions first ("List project issues": `search`, `in`). Quick
actions (`/close` at the start of a line) do nothing inside a code block, where all our text stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from ringfence.model.line import Secret
from ringfence.tickets import tracker
from ringfence.tickets.addresses import base_problem_of
from ringfence.tickets.base import Ended, Errand, Talk, TicketOutcome, again, document, told
from ringfence.tickets.tracker import PAGE, Issue, looking, marked, objects, telling, texts
from ringfence.tickets.wording import address, body, fenced, link, remark, title

PROJECT_CHARS_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class Settings:
    """`project` is its path (group/name) or its number; `token` has the scope `api`. `base_url` is
    where GitLab is, without /api."""

    project: str
    token: Secret
    base_url: str = "https://gitlab.com"
    labels: tuple[str, ...] = ()


class GitLab:
    name = "gitlab"
    settings = Settings
    local = False

    def problems(self, settings: Settings) -> tuple[str, ...]:
        found = [f"base_url: {wrong}" for wrong in [base_problem_of(settings.base_url)] if wrong]
        project = settings.project.strip("/")
        if not project or project != settings.project or len(project) > PROJECT_CHARS_MAX:
            found.append("project: expected its path such as group/name, or its number")
        if not settings.token.reveal():
            found.append("token: is empty")
        found += [
            f"labels[{place}]: must hold no comma"
            for place, label in enumerate(settings.labels)
            if "," in label
        ]
        return tuple(found)

    def carry_out(self, errand: Errand, settings: Settings) -> Talk[TicketOutcome]:
        return (yield from tracker.carry_out(self, errand, settings))

    def find(self, errand: Errand, settings: Settings) -> Talk[Issue | None]:
        query = {"search": errand.ticket.id, "in": "description", "per_page": str(PAGE)}
        got = yield from told(looking(_issues(settings), query, _headers(settings)))
        for issue in objects(document(got)):
            if marked(issue.get("description"), errand):
                return _issue(issue)
        return None

    def create(self, errand: Errand, settings: Settings) -> Talk[Issue]:
        fields = {"title": title(errand), "description": _markdown(body(errand), errand)}
        if settings.labels:
            fields["labels"] = ",".join(settings.labels)
        got = yield from told(telling("POST", _issues(settings), fields, _headers(settings)))
        return _issue(document(got))

    def comments(self, errand: Errand, settings: Settings) -> Talk[Iterable[str]]:
        query = {"sort": "desc", "order_by": "created_at", "per_page": str(PAGE)}
        got = yield from told(looking(_notes(errand, settings), query, _headers(settings)))
        return texts(document(got), "body")

    def comment(self, errand: Errand, settings: Settings) -> Talk[None]:
        fields = {"body": fenced(remark(errand))}
        yield from told(telling("POST", _notes(errand, settings), fields, _headers(settings)))

    def close(self, errand: Errand, settings: Settings) -> Talk[None]:
        fields = {"state_event": "close"}
        yield from told(telling("PUT", _mine(errand, settings), fields, _headers(settings)))


def _issues(settings: Settings) -> str:
    # The path stands in the address as one part ("Namespaced paths").
    project = quote(settings.project, safe="")
    return f"{settings.base_url.rstrip('/')}/api/v4/projects/{project}/issues"


def _mine(errand: Errand, settings: Settings) -> str:
    return f"{_issues(settings)}/{errand.ticket.remote_id}"


def _notes(errand: Errand, settings: Settings) -> str:
    return f"{_mine(errand, settings)}/notes"


def _headers(settings: Settings) -> dict[str, str]:
    return {"PRIVATE-TOKEN": settings.token.reveal()}


def _issue(found: Any) -> Issue:
    number = found.get("iid") if isinstance(found, dict) else None
    if not isinstance(number, int):
        raise Ended(again("bad_answer", slowly=True))
    return Issue(str(number), address(found.get("web_url")))


def _markdown(text: str, errand: Errand) -> str:
    page = link(errand)
    return f"{fenced(text)}\n\n<{page}>" if page else fenced(text)


SYSTEM = GitLab()
