"""Drafts: look at them, say yes, say no, say it better. For people with a token that may approve;
no agent's token and no local program gets here (P2)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ringfence.gateway import drafts
from ringfence.gateway.draft_views import draft_view, draft_views
from ringfence.gateway.views import moment
from ringfence.model.draft import Draft
from ringfence.model.errors import NotFound
from ringfence.model.principal import Permission, Principal
from ringfence.ports import Tx
from ringfence.web import fields
from ringfence.web.api.desk import ApiRoute, Desk, listing


async def list_(desk: Desk, request: Request, principal: Principal) -> Response:
    """Those that wait, oldest first: the first is the most urgent."""
    given = fields.query(request, ("limit", "line"))
    lines = principal.lines
    if "line" in given:
        lines = frozenset({desk.line(given["line"], principal).id})
    limit = fields.limit(given.get("limit"))

    def query(tx: Tx) -> list[dict[str, Any]]:
        return draft_views(desk.kit, tx, tx.drafts.waiting(lines, limit))

    return listing("drafts", await desk.kit.store.read(query), None)


async def get(desk: Desk, request: Request, principal: Principal) -> Response:
    key = request.path_params["id"]

    def query(tx: Tx) -> dict[str, Any]:
        draft = _mine(tx, key, principal)
        message = tx.messages.get(draft.message_id)
        if message is None:
            raise NotFound("The message of this draft is no longer kept.")
        return draft_view(desk.kit, draft, message)

    return JSONResponse(await desk.kit.store.read(query))


async def approve(desk: Desk, request: Request, principal: Principal) -> Response:
    fields.json_object(request, (), may_be_empty=True)
    kit = desk.kit
    return await _decided(
        desk,
        request,
        principal,
        lambda tx, draft, now: _going(drafts.approve(kit, tx, draft, principal.actor, now)),
    )


async def edit(desk: Desk, request: Request, principal: Principal) -> Response:
    given = fields.json_object(request, ("body",))
    body, kit = fields.text(given, "body"), desk.kit
    return await _decided(
        desk,
        request,
        principal,
        lambda tx, draft, now: _going(drafts.edit(kit, tx, draft, body, principal.actor, now)),
    )


async def reject(desk: Desk, request: Request, principal: Principal) -> Response:
    given = fields.json_object(request, ("reason",), may_be_empty=True)
    reason, kit = fields.text(given, "reason", optional=True), desk.kit

    def job(tx: Tx, draft: Draft, now: datetime) -> dict[str, Any]:
        drafts.reject(kit, tx, draft, reason, principal.actor, now)
        return {"message": draft.message_id, "state": "rejected"}

    return await _decided(desk, request, principal, job)


Decide = Callable[[Tx, Draft, datetime], dict[str, Any]]


async def _decided(desk: Desk, request: Request, principal: Principal, decide: Decide) -> Response:
    kit, key = desk.kit, request.path_params["id"]
    now = kit.clock.now()
    document = await kit.store.write(lambda tx: decide(tx, _mine(tx, key, principal), now))
    kit.outbox_bell.ring()
    return JSONResponse(document)


def _going(approved: drafts.Approved) -> dict[str, Any]:
    message = approved.message
    return {
        "message": message.id,
        "state": "approved",
        "status": message.status.value,
        "not_before": moment(approved.until),
    }


def _mine(tx: Tx, key: str, principal: Principal) -> Draft:
    """By code or message id; a draft of another's line is not there for them."""
    draft = drafts.find(tx, key)
    if not principal.covers(draft.line):
        raise NotFound("No draft of your lines has this code or message id.")
    return draft


ROUTES = (
    ApiRoute("GET", "/drafts", Permission.READ, list_),
    ApiRoute("GET", "/drafts/{id}", Permission.READ, get),
    ApiRoute("POST", "/drafts/{id}/approve", Permission.APPROVE, approve),
    ApiRoute("POST", "/drafts/{id}/edit", Permission.APPROVE, edit),
    ApiRoute("POST", "/drafts/{id}/reject", Permission.APPROVE, reject),
)
