"""Alerts over the API: look at them, take one, pass it on, end it, write something down. `as` names
the responder whose word it is; who did it stays the caller."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ringfence.delivery.escalate import Answered
from ringfence.gateway import alert as alerts
from ringfence.gateway.acknowledging import responder_named
from ringfence.gateway.alert_views import alert_story, alert_view, answered_view
from ringfence.gateway.equipment import Equipment
from ringfence.model.alert import Alert, AlertState
from ringfence.model.errors import NotFound
from ringfence.model.principal import Permission, Principal
from ringfence.ports import Tx
from ringfence.web import fields
from ringfence.web.api.desk import ApiRoute, Desk, listing

Act = Callable[[Tx, Alert, str, datetime], Answered]
"""Of the word of whom: a responder's name, empty for the caller's own."""


async def list_(desk: Desk, request: Request, principal: Principal) -> Response:
    """Newest first. Those of lines that are not the principal's are left out, so that a page may be
    short, even empty, and not the last."""
    given = fields.query(request, ("limit", "after", "state"))
    page = fields.page(given)
    states = {fields.choice(given, "state", AlertState)} if "state" in given else set()
    found = await desk.kit.store.read(
        lambda tx: tx.alerts.listing(page.limit + 1, states, page.after)
    )
    shown = found[: page.limit]
    following = shown[-1].id if len(found) > page.limit else None
    mine = [alert_view(one) for one in shown if principal.covers(one.line)]
    return listing("alerts", mine, following)


async def get(desk: Desk, request: Request, principal: Principal) -> Response:
    kit, key = desk.kit, request.path_params["id"]
    return JSONResponse(
        await kit.store.read(lambda tx: alert_story(kit, tx, _mine(tx, key, principal)))
    )


async def acknowledge(desk: Desk, request: Request, principal: Principal) -> Response:
    kit, actor = desk.kit, principal.actor

    def act(tx: Tx, found: Alert, by: str, now: datetime) -> Answered:
        return alerts.acknowledge(kit, tx, found, by or actor, now, now, actor)

    return await _done(desk, request, principal, act)


async def escalate(desk: Desk, request: Request, principal: Principal) -> Response:
    kit, actor = desk.kit, principal.actor

    def act(tx: Tx, found: Alert, by: str, now: datetime) -> Answered:
        return alerts.escalate(kit, tx, found, now, now, actor, _word_of(by) or actor)

    return await _done(desk, request, principal, act)


async def resolve(desk: Desk, request: Request, principal: Principal) -> Response:
    kit, actor = desk.kit, principal.actor

    def act(tx: Tx, found: Alert, by: str, now: datetime) -> Answered:
        return alerts.resolve(kit, tx, found, _word_of(by) or actor, now, actor)

    return await _done(desk, request, principal, act)


async def note(desk: Desk, request: Request, principal: Principal) -> Response:
    given = fields.json_object(request, ("text", "as"))
    kit, key, now = desk.kit, request.path_params["id"], desk.kit.clock.now()
    words, actor = fields.text(given, "text"), principal.actor
    by = _responder(kit, fields.text(given, "as", optional=True))

    def job(tx: Tx) -> Alert:
        found = _mine(tx, key, principal)
        alerts.note(kit, tx, found, words, _word_of(by) or actor, now)
        return found

    found = await kit.store.write(job)
    return JSONResponse({"number": found.number, "noted": True}, status_code=201)


async def _done(desk: Desk, request: Request, principal: Principal, act: Act) -> Response:
    """200 whatever the answer is: `answer` says what became of it."""
    given = fields.json_object(request, ("as",), may_be_empty=True)
    kit, key, now = desk.kit, request.path_params["id"], desk.kit.clock.now()
    by = _responder(kit, fields.text(given, "as", optional=True))
    done = await kit.store.write(lambda tx: act(tx, _mine(tx, key, principal), by, now))
    kit.alerts_bell.ring()
    kit.outbox_bell.ring()
    return JSONResponse(answered_view(done))


def _responder(kit: Equipment, name: str) -> str:
    """Raises NotFound."""
    return responder_named(kit, name).name if name else ""


def _word_of(responder: str) -> str:
    return f"responder:{responder}" if responder else ""


def _mine(tx: Tx, key: str, principal: Principal) -> Alert:
    """By number or id; an alert of another's line is not there for them."""
    found = alerts.find(tx, key)
    if not principal.covers(found.line):
        raise NotFound("No alert of your lines has this number or id.")
    return found


ROUTES = (
    ApiRoute("GET", "/alerts", Permission.READ, list_),
    ApiRoute("GET", "/alerts/{id}", Permission.READ, get),
    ApiRoute("POST", "/alerts/{id}/acknowledge", Permission.ALERTS, acknowledge),
    ApiRoute("POST", "/alerts/{id}/escalate", Permission.ALERTS, escalate),
    ApiRoute("POST", "/alerts/{id}/resolve", Permission.ALERTS, resolve),
    ApiRoute("POST", "/alerts/{id}/notes", Permission.ALERTS, note),
)
