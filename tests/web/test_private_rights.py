"""Who may call what: every route of the private door by every kind of caller. The routes are those
of the running door, so that a route nobody wrote down here fails."""

from __future__ import annotations

import re

import pytest
from callers import KINDS, bearer, call, refusals
from starlette.routing import Route

from ringfence.model.principal import PERMISSIONS, Permission, PrincipalKind
from telling import Story, telling

OPERATOR, APPROVER, VIEWER = (
    PrincipalKind.OPERATOR,
    PrincipalKind.APPROVER,
    PrincipalKind.VIEWER,
)
AGENT, EVENTS = PrincipalKind.AGENT, PrincipalKind.EVENTS

ANYBODY = frozenset(PrincipalKind)
PEOPLE = frozenset({OPERATOR, APPROVER, VIEWER})
OPERATORS = frozenset({OPERATOR})
APPROVERS = frozenset({OPERATOR, APPROVER})

# Route → the kinds that may call it. A new route needs a row; an agent's ones stand below as well.
RIGHTS: dict[tuple[str, str], frozenset[PrincipalKind]] = {
    ("POST", "/sms/send"): OPERATORS | {AGENT},
    ("GET", "/sms/inbox"): PEOPLE | {AGENT},
    ("GET", "/sms/messages/{id}"): PEOPLE | {AGENT},
    ("GET", "/sms/templates"): PEOPLE | {AGENT},
    ("GET", "/sms/templates/{name}/preview"): PEOPLE | {AGENT},
    ("POST", "/sms/templates/{name}/preview"): PEOPLE | {AGENT},
    ("GET", "/health"): PEOPLE | {AGENT},
    ("GET", "/metrics"): PEOPLE | {AGENT},
    ("GET", "/api/v1/me"): ANYBODY,
    ("GET", "/api/v1/calls"): PEOPLE | {AGENT},
    ("POST", "/api/v1/calls"): OPERATORS | {AGENT},
    ("GET", "/api/v1/calls/{id}"): PEOPLE | {AGENT},
    ("GET", "/api/v1/calls/{id}/message"): OPERATORS,
    ("POST", "/api/v1/calls/{id}/end"): OPERATORS | {AGENT},
    ("POST", "/api/v1/calls/{id}/speak"): OPERATORS | {AGENT},
    ("POST", "/api/v1/calls/{id}/digits"): OPERATORS | {AGENT},
    ("POST", "/api/v1/calls/{id}/transfer"): OPERATORS | {AGENT},
    ("POST", "/api/v1/calls/{id}/ask"): OPERATORS | {AGENT},
    ("GET", "/api/v1/drafts"): PEOPLE,
    ("GET", "/api/v1/drafts/{id}"): PEOPLE,
    ("POST", "/api/v1/drafts/{id}/approve"): APPROVERS,
    ("POST", "/api/v1/drafts/{id}/edit"): APPROVERS,
    ("POST", "/api/v1/drafts/{id}/reject"): APPROVERS,
    ("GET", "/api/v1/grants"): PEOPLE,
    ("POST", "/api/v1/grants"): OPERATORS,
    ("GET", "/api/v1/grants/{id}"): PEOPLE,
    ("DELETE", "/api/v1/grants/{id}"): OPERATORS,
    ("GET", "/api/v1/messages"): PEOPLE | {AGENT},
    ("POST", "/api/v1/messages"): OPERATORS | {AGENT},
    ("GET", "/api/v1/messages/{id}"): PEOPLE | {AGENT},
    ("POST", "/api/v1/contacts/export"): OPERATORS,
    ("POST", "/api/v1/contacts/erase"): OPERATORS,
    ("GET", "/api/v1/intakes"): PEOPLE,
    ("GET", "/api/v1/pauses"): PEOPLE,
    ("POST", "/api/v1/pauses"): OPERATORS,
    ("POST", "/api/v1/pauses/lift"): OPERATORS,
    ("POST", "/v1/events"): OPERATORS | {EVENTS},
    ("POST", "/v1/events/{source}"): OPERATORS | {EVENTS},
    ("POST", "/api/v1/events/{source}"): OPERATORS | {EVENTS},
    ("GET", "/api/v1/events"): PEOPLE,
    ("GET", "/api/v1/events/{id}"): PEOPLE,
    ("GET", "/api/v1/alerts"): PEOPLE,
    ("GET", "/api/v1/alerts/{id}"): PEOPLE,
    ("POST", "/api/v1/alerts/{id}/acknowledge"): APPROVERS,
    ("POST", "/api/v1/alerts/{id}/escalate"): APPROVERS,
    ("POST", "/api/v1/alerts/{id}/resolve"): APPROVERS,
    ("POST", "/api/v1/alerts/{id}/notes"): APPROVERS,
    ("GET", "/api/v1/oncall"): PEOPLE,
    ("GET", "/api/v1/oncall/shifts"): PEOPLE,
    ("GET", "/api/v1/oncall/{schedule}.ics"): PEOPLE,
    ("GET", "/api/v1/oncall/overrides"): PEOPLE,
    ("POST", "/api/v1/oncall/overrides"): APPROVERS,
    ("DELETE", "/api/v1/oncall/overrides/{id}"): APPROVERS,
    ("GET", "/api/v1/flows"): PEOPLE,
    ("GET", "/api/v1/flows/{name}"): PEOPLE,
    ("POST", "/api/v1/flows/try/{source}"): PEOPLE,
    ("GET", "/api/v1/maintenance"): PEOPLE,
    ("POST", "/api/v1/maintenance"): APPROVERS,
    ("DELETE", "/api/v1/maintenance/{id}"): APPROVERS,
    ("GET", "/api/v1/planned"): PEOPLE,
    ("GET", "/api/v1/planned/{id}"): PEOPLE,
    ("DELETE", "/api/v1/planned/{id}"): APPROVERS,
    ("GET", "/api/v1/responders"): PEOPLE,
    ("POST", "/api/v1/responders/{name}/verify"): OPERATORS,
    ("POST", "/api/v1/responders/{name}/confirm"): OPERATORS,
    ("GET", "/api/v1/policy"): PEOPLE,
    ("GET", "/api/v1/decisions/{id}"): PEOPLE,
    ("GET", "/api/v1/switches"): PEOPLE,
    ("POST", "/api/v1/stop"): OPERATORS,
    ("POST", "/api/v1/resume"): OPERATORS,
    ("GET", "/api/v1/templates"): PEOPLE | {AGENT},
    ("GET", "/api/v1/templates/{name}"): PEOPLE | {AGENT},
    ("POST", "/api/v1/templates/{name}/preview"): PEOPLE | {AGENT},
    ("GET", "/api/v1/tickets"): PEOPLE,
    ("GET", "/api/v1/tickets/{id}"): PEOPLE,
    ("POST", "/api/v1/tickets/tasks/{id}/resubmit"): OPERATORS,
    ("GET", "/api/v1/tokens"): OPERATORS,
    ("POST", "/api/v1/tokens"): OPERATORS,
    ("DELETE", "/api/v1/tokens/{id}"): OPERATORS,
}

# All that an agent can reach, written down a second time: it proposes, and looks at its own (P2).
AGENT_REACHES = {
    ("POST", "/sms/send"),
    ("GET", "/sms/inbox"),
    ("GET", "/sms/messages/{id}"),
    ("GET", "/sms/templates"),
    ("GET", "/sms/templates/{name}/preview"),
    ("POST", "/sms/templates/{name}/preview"),
    ("GET", "/health"),
    ("GET", "/metrics"),
    ("GET", "/api/v1/me"),
    ("GET", "/api/v1/calls"),
    ("POST", "/api/v1/calls"),
    ("GET", "/api/v1/calls/{id}"),
    ("POST", "/api/v1/calls/{id}/end"),
    ("POST", "/api/v1/calls/{id}/speak"),
    ("POST", "/api/v1/calls/{id}/digits"),
    ("POST", "/api/v1/calls/{id}/transfer"),
    ("POST", "/api/v1/calls/{id}/ask"),
    ("GET", "/api/v1/messages"),
    ("POST", "/api/v1/messages"),
    ("GET", "/api/v1/messages/{id}"),
    ("GET", "/api/v1/templates"),
    ("GET", "/api/v1/templates/{name}"),
    ("POST", "/api/v1/templates/{name}/preview"),
}


def served(story: Story) -> set[tuple[str, str]]:
    return {
        (method, route.path)
        for route in story.gateway.private.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }


async def test_every_route_has_its_row(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        assert served(story) == set(RIGHTS), "write the route's row in RIGHTS"


@pytest.mark.proves("P2")
def test_what_an_agent_reaches_is_written_twice() -> None:
    assert {route for route, kinds in RIGHTS.items() if AGENT in kinds} == AGENT_REACHES


@pytest.mark.proves("P2")
def test_the_permissions_of_an_agent_are_these_and_no_more() -> None:
    mine = {permission for permission, kinds in PERMISSIONS.items() if AGENT in kinds}
    assert mine == {Permission.PROPOSE, Permission.READ_OWN, Permission.HEALTH}
    assert {p for p, kinds in PERMISSIONS.items() if EVENTS in kinds} == {Permission.EVENTS}
    assert set(PERMISSIONS) == set(Permission)


@pytest.mark.proves("P2")
@pytest.mark.parametrize("kind", [None, *KINDS], ids=lambda kind: kind.value if kind else "local")
async def test_every_route_by_every_kind(sqlite_url: str, kind: PrincipalKind | None) -> None:
    async with telling(sqlite_url) as story:
        token = None if kind is None else await bearer(story, kind)
        for method, path in sorted(served(story)):
            allowed = (kind or AGENT) in RIGHTS.get((method, path), frozenset())
            got = await call(story, method, re.sub(r"\{\w+\}", "x", path), {}, token=token)
            shown = (method, path, got.status, got.body)
            if allowed:
                assert got.status not in (401, 403, 405, 500), shown
            else:
                assert (got.status, got.document["code"]) == (403, "not_permitted"), shown
            # A minute for each, so that every refusal is due its own entry.
            story.clock.advance(minutes=1)


@pytest.mark.proves("P2", "P7")
@pytest.mark.parametrize("kind", [None, AGENT, EVENTS, VIEWER])
async def test_a_refusal_is_put_on_record(sqlite_url: str, kind: PrincipalKind | None) -> None:
    async with telling(sqlite_url) as story:
        token = None if kind is None else await bearer(story, kind)
        who = (await call(story, "GET", "/api/v1/me", token=token)).document
        got = await call(story, "POST", "/api/v1/tokens", {"kind": "operator"}, token=token)
        assert got.status == 403
        assert await refusals(story, who["token"] or who["actor"]) == [
            {"permission": "tokens", "route": "POST /api/v1/tokens", "not_recorded": 0}
        ]
