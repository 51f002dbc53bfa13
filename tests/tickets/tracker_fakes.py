"""GitHub, GitLab, Jira and a webhook's receiver on loopback, as far as tickets use them. `trouble` is
what happens to the next requests that change something: a status instead of doing it, or LOST: it is
done, and the answer never arrives."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from ringfence.model.line import Secret

LOST = "lost"
TOKEN = Secret("token-of-tests")
WEBHOOK_SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


@dataclass
class Issue:
    number: int
    title: str
    text: str
    labels: list[str]
    open: bool = True
    comments: list[str] = field(default_factory=list)


@dataclass
class Side:
    """The other side: what it holds, and what it was asked."""

    url: str = ""
    issues: list[Issue] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    trouble: deque[int | str] = field(default_factory=deque)
    headers: dict[str, str] = field(default_factory=dict)

    def add(self, title: str, text: str, labels: list[str]) -> Issue:
        issue = Issue(len(self.issues) + 1, title, text, labels)
        self.issues.append(issue)
        return issue

    def one(self, request: web.Request) -> Issue:
        return self.issues[int(request.match_info["n"]) - 1]

    @web.middleware
    async def troubled(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append((request.method, request.path))
        self.bodies.append((dict(request.headers), await request.read()))
        trouble = self.trouble.popleft() if self.trouble and request.method != "GET" else 0
        if isinstance(trouble, int) and trouble:
            return web.json_response({"message": "no"}, status=trouble, headers=self.headers)
        response: web.StreamResponse = await handler(request)
        if trouble == LOST:
            assert request.transport is not None
            request.transport.abort()
        return response


def github(side: Side, app: web.Application) -> None:
    def shown(issue: Issue) -> dict[str, Any]:
        url = f"https://github.example/acme/ops/issues/{issue.number}"
        made = "2026-11-21T12:00:01Z"
        return {"number": issue.number, "html_url": url, "body": issue.text, "created_at": made}

    async def create(request: web.Request) -> web.Response:
        given = await request.json()
        issue = side.add(given["title"], given["body"], given.get("labels", []))
        return web.json_response(shown(issue), status=201)

    async def listing(request: web.Request) -> web.Response:
        return web.json_response([shown(issue) for issue in reversed(side.issues)])

    async def comments(request: web.Request) -> web.Response:
        return web.json_response([{"body": text} for text in side.one(request).comments])

    async def comment(request: web.Request) -> web.Response:
        side.one(request).comments.append((await request.json())["body"])
        return web.json_response({"id": 1}, status=201)

    async def change(request: web.Request) -> web.Response:
        assert (await request.json())["state"] == "closed"
        side.one(request).open = False
        return web.json_response(shown(side.one(request)))

    root = "/repos/acme/ops/issues"
    app.router.add_get(root, listing)
    app.router.add_post(root, create)
    app.router.add_get(root + "/{n}/comments", comments)
    app.router.add_post(root + "/{n}/comments", comment)
    app.router.add_patch(root + "/{n}", change)


def gitlab(side: Side, app: web.Application) -> None:
    def shown(issue: Issue) -> dict[str, Any]:
        url = f"https://gitlab.example/acme/ops/-/issues/{issue.number}"
        return {"iid": issue.number, "web_url": url, "description": issue.text}

    async def create(request: web.Request) -> web.Response:
        given = await request.json()
        labels = given.get("labels", "").split(",")
        issue = side.add(given["title"], given["description"], labels)
        return web.json_response(shown(issue), status=201)

    async def search(request: web.Request) -> web.Response:
        wanted = request.query["search"]
        found = [shown(issue) for issue in side.issues if wanted in issue.text]
        return web.json_response(found)

    async def notes(request: web.Request) -> web.Response:
        return web.json_response([{"body": text} for text in side.one(request).comments])

    async def note(request: web.Request) -> web.Response:
        side.one(request).comments.append((await request.json())["body"])
        return web.json_response({"id": 1}, status=201)

    async def change(request: web.Request) -> web.Response:
        assert await request.json() == {"state_event": "close"}
        side.one(request).open = False
        return web.json_response(shown(side.one(request)))

    root = "/api/v4/projects/{project}/issues"
    app.router.add_get(root, search)
    app.router.add_post(root, create)
    app.router.add_get(root + "/{n}/notes", notes)
    app.router.add_post(root + "/{n}/notes", note)
    app.router.add_put(root + "/{n}", change)


def jira(side: Side, app: web.Application) -> None:
    async def create(request: web.Request) -> web.Response:
        fields = (await request.json())["fields"]
        issue = side.add(fields["summary"], fields["description"], fields["labels"])
        return web.json_response({"id": "1", "key": f"OPS-{issue.number}"}, status=201)

    async def search(request: web.Request) -> web.Response:
        found = [
            {"key": f"OPS-{issue.number}", "fields": {"labels": issue.labels}}
            for issue in side.issues
            if any(f'"{label}"' in request.query["jql"] for label in issue.labels)
        ]
        return web.json_response({"issues": found, "isLast": True})

    async def comments(request: web.Request) -> web.Response:
        found = [{"body": text} for text in side.one(request).comments]
        return web.json_response({"comments": found})

    async def comment(request: web.Request) -> web.Response:
        side.one(request).comments.append((await request.json())["body"])
        return web.json_response({"id": "1"}, status=201)

    async def status(request: web.Request) -> web.Response:
        key = "new" if side.one(request).open else "done"
        return web.json_response({"fields": {"status": {"statusCategory": {"key": key}}}})

    async def ways(request: web.Request) -> web.Response:
        way = {"id": "31", "name": "Done", "to": {"statusCategory": {"key": "done"}}}
        return web.json_response({"transitions": [way]})

    async def move(request: web.Request) -> web.Response:
        assert await request.json() == {"transition": {"id": "31"}}
        side.one(request).open = False
        return web.Response(status=204)

    root = "/rest/api/2"
    app.router.add_post(root + "/issue", create)
    app.router.add_get(root + "/search/jql", search)
    app.router.add_get(root + "/issue/OPS-{n}", status)
    app.router.add_get(root + "/issue/OPS-{n}/comment", comments)
    app.router.add_post(root + "/issue/OPS-{n}/comment", comment)
    app.router.add_get(root + "/issue/OPS-{n}/transitions", ways)
    app.router.add_post(root + "/issue/OPS-{n}/transitions", move)


def webhook(side: Side, app: web.Application) -> None:
    async def take(request: web.Request) -> web.Response:
        return web.Response(status=204)

    app.router.add_post("/hook", take)


KINDS: dict[str, Callable[[Side, web.Application], None]] = {
    "github": github,
    "gitlab": gitlab,
    "jira": jira,
    "webhook": webhook,
}


def options(kind: str, url: str) -> dict[str, Any]:
    """Settings that reach the side at `url`."""
    made: dict[str, dict[str, Any]] = {
        "github": {"repository": "acme/ops", "token": TOKEN, "base_url": url},
        "gitlab": {"project": "acme/ops", "token": TOKEN, "base_url": url},
        "jira": {"base_url": url, "project": "OPS", "user": "ann@example.org", "token": TOKEN},
        "webhook": {"url": f"{url}/hook", "secrets": (Secret(WEBHOOK_SECRET),)},
    }
    return made[kind]


@asynccontextmanager
async def serving(kind: str) -> AsyncIterator[Side]:
    side = Side()
    app = web.Application(middlewares=[side.troubled])
    KINDS[kind](side, app)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    side.url = f"http://{host}:{port}"
    try:
        yield side
    finally:
        await runner.cleanup()
