"""Tickets as Jira issues (REST API v2, developer.atlassian.com/cloud/jira/platform/rest/v2, as
Jira Cloud has it). Must never open a second issue for one ticket.

Jira has no idempotency key. Every issue of ours carries a label made from the ticket's id; when the
outcome of an earlier try is unknown, issues with it are searched for first. Jira's search follows
its writes after a short while only ("recent updates might not be immediately visible"), which is one
more reason to wait a minute after a try whose outcome is unknown."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from ringfence.model.line import Secret
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
    told,
)
from ringfence.tickets.tracker import PAGE, Issue, looking, objects, telling, texts
from ringfence.tickets.wording import address, body, link, remark, title

_project: Final = re.compile(r"[A-Z][A-Z0-9_]{1,254}")
_key: Final = re.compile(r"[A-Z][A-Z0-9_]{1,254}-[0-9]{1,18}")
_DONE: Final = "done"  # the key of the status category, the same in every language


@dataclass(frozen=True, slots=True)
class Settings:
    """`base_url` is https://NAME.atlassian.net, `project` a key. `user` is an account's e-mail address
    and `token` its API token. `done_transition` is the name of the transition that closes; empty: the
    first that leads to a status of the category Done."""

    base_url: str
    project: str
    user: str = field(repr=False)
    token: Secret
    issue_type: str = "Task"
    done_transition: str = ""
    labels: tuple[str, ...] = ()


class Jira:
    name = "jira"
    settings = Settings
    local = False

    def problems(self, settings: Settings) -> tuple[str, ...]:
        found = [f"base_url: {wrong}" for wrong in [base_problem_of(settings.base_url)] if wrong]
        if not _project.fullmatch(settings.project):
            found.append("project: expected a key such as OPS")
        if not settings.issue_type.strip():
            found.append("issue_type: is empty")
        if not settings.token.reveal():
            found.append("token: is empty")
        if not settings.user or ":" in settings.user:
            found.append("user: expected the e-mail address of the token's account")
        found += [
            f"labels[{place}]: must hold no space"
            for place, label in enumerate(settings.labels)
            if " " in label
        ]
        return tuple(found)

    def carry_out(self, errand: Errand, settings: Settings) -> Talk[TicketOutcome]:
        return (yield from tracker.carry_out(self, errand, settings))

    def find(self, errand: Errand, settings: Settings) -> Talk[Issue | None]:
        url = _api(settings, "search/jql")
        jql = f'project = "{settings.project}" AND labels = "{_label(errand)}"'
        query = {"jql": jql, "fields": "labels", "maxResults": str(PAGE)}
        found = document((yield from told(looking(url, query, _headers(settings)))))
        listed = found.get("issues") if isinstance(found, dict) else None
        if not isinstance(listed, list):
            raise Ended(again("bad_answer", slowly=True))
        for issue in objects(listed):
            labels = _inside(issue, "fields", "labels")
            if isinstance(labels, list) and _label(errand) in labels:
                return _issue(issue, settings)
        return None

    def create(self, errand: Errand, settings: Settings) -> Talk[Issue]:
        fields = {
            "project": {"key": settings.project},
            "issuetype": {"name": settings.issue_type},
            "summary": title(errand),
            "description": _wiki(body(errand), link(errand)),
            "labels": [_label(errand), *settings.labels],
        }
        asked = telling("POST", _api(settings, "issue"), {"fields": fields}, _headers(settings))
        return _issue(document((yield from told(asked))), settings)

    def comments(self, errand: Errand, settings: Settings) -> Talk[Iterable[str]]:
        query = {"orderBy": "-created", "maxResults": str(PAGE)}
        url = f"{_mine(errand, settings)}/comment"
        found = document((yield from told(looking(url, query, _headers(settings)))))
        return texts(found.get("comments") if isinstance(found, dict) else None, "body")

    def comment(self, errand: Errand, settings: Settings) -> Talk[None]:
        url = f"{_mine(errand, settings)}/comment"
        fields = {"body": _wiki(remark(errand), "")}
        yield from told(telling("POST", url, fields, _headers(settings)))

    def close(self, errand: Errand, settings: Settings) -> Talk[None]:
        mine, headers = _mine(errand, settings), _headers(settings)
        status = document((yield from told(looking(mine, {"fields": "status"}, headers))))
        if _category(_inside(status, "fields", "status")) == _DONE:
            return
        ways = document((yield from told(looking(f"{mine}/transitions", {}, headers))))
        way = _way_out(objects(_inside(ways, "transitions")), settings)
        if way is None:
            raise Ended(refused("no_done_transition"))
        fields = {"transition": {"id": way}}
        yield from told(telling("POST", f"{mine}/transitions", fields, headers))


def _way_out(ways: list[dict[str, Any]], settings: Settings) -> str | None:
    """The id of the transition that closes; ids differ between projects and issues."""
    wanted = settings.done_transition.casefold()
    for way in ways:
        fits = (
            str(way.get("name", "")).casefold() == wanted
            if wanted
            else _category(way.get("to")) == _DONE
        )
        if fits and isinstance(way.get("id"), str):
            return str(way["id"])
    return None


def _category(status: object) -> object:
    return _inside(status, "statusCategory", "key")


def _inside(found: object, *names: str) -> object:
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _api(settings: Settings, path: str) -> str:
    return f"{settings.base_url.rstrip('/')}/rest/api/2/{path}"


def _mine(errand: Errand, settings: Settings) -> str:
    return _api(settings, f"issue/{errand.ticket.remote_id}")


def _label(errand: Errand) -> str:
    return f"ringfence-{errand.ticket.id}"


def _headers(settings: Settings) -> dict[str, str]:
    login = f"{settings.user}:{settings.token.reveal()}"
    basic = base64.b64encode(login.encode()).decode()
    return {"Authorization": f"Basic {basic}"}


def _issue(found: object, settings: Settings) -> Issue:
    key = _inside(found, "key")
    if not isinstance(key, str) or not _key.fullmatch(key):
        raise Ended(again("bad_answer", slowly=True))
    return Issue(key, address(f"{settings.base_url.rstrip('/')}/browse/{key}"))


def _wiki(text: str, page: str) -> str:
    """As wiki text that is shown letter by letter; what would end the block is taken apart."""
    inert = text.replace("{noformat", "{ noformat")
    return f"{{noformat}}\n{inert}\n{{noformat}}" + (f"\n\n{page}" if page else "")


SYSTEM = Jira()
