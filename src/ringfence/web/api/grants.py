"""Grants: look at them, give one, take one back. Operators only; one who is kept to some lines deals
with the grants of those. No agent's token and no local program gets here (P2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ringfence.gateway import grants
from ringfence.model.draft import Category
from ringfence.model.errors import InvalidField, NotFound
from ringfence.model.grant import Grant, GrantGroup
from ringfence.model.message import MessageClass
from ringfence.model.phone import from_operator
from ringfence.model.principal import Permission, Principal
from ringfence.ports import Tx
from ringfence.web import fields
from ringfence.web.api.desk import ApiRoute, Desk, listing, whole_house

E = TypeVar("E", bound=Enum)
_FIELDS = (
    "agent",
    "line",
    "to",
    "group",
    "classes",
    "categories",
    "templates",
    "programmes",
    "hours",
    "count",
    "until",
    "name",
    "note",
)


async def list_(desk: Desk, request: Request, principal: Principal) -> Response:
    """Those in force; with `all=true` also the revoked and expired ones."""
    given = fields.query(request, ("limit", "after", "all"))
    page = fields.page(given)
    if given.get("all", "false") not in ("true", "false"):
        raise InvalidField("`all` takes true or false.")
    everything, now = given.get("all") == "true", desk.kit.clock.now()
    found = await desk.kit.store.read(
        lambda tx: tx.grants.listing(page.limit + 1, page.after, everything)
    )
    shown = found[: page.limit]
    following = shown[-1].id if len(found) > page.limit else None
    mine = [grants.grant_view(one, now) for one in shown if _concerns(principal, one)]
    return listing("grants", mine, following)


async def get(desk: Desk, request: Request, principal: Principal) -> Response:
    key, now = request.path_params["id"], desk.kit.clock.now()

    def query(tx: Tx) -> dict[str, Any]:
        return grants.grant_story(tx, _mine(tx, key, principal), now)

    return JSONResponse(await desk.kit.store.read(query))


async def add(desk: Desk, request: Request, principal: Principal) -> Response:
    kit, now = desk.kit, desk.kit.clock.now()
    wanted = _wanted(fields.json_object(request, _FIELDS), now)
    if wanted.line:
        desk.line(wanted.line, principal)
    else:
        whole_house(principal, "A grant that names no line")
    grant = await kit.store.write(lambda tx: grants.add(kit, tx, wanted, principal.actor, now))
    return JSONResponse(grants.grant_view(grant, now), status_code=201)


async def revoke(desk: Desk, request: Request, principal: Principal) -> Response:
    kit, key, now = desk.kit, request.path_params["id"], desk.kit.clock.now()

    def job(tx: Tx) -> tuple[Grant, int]:
        grant = _mine(tx, key, principal)
        if not grant.line:
            whole_house(principal, "A grant that names no line")
        return grants.revoke(kit, tx, grant.id, principal.actor, now)

    grant, cancelled = await kit.store.write(job)
    return JSONResponse({**grants.grant_view(grant, now), "cancelled": cancelled})


def _wanted(given: Mapping[str, Any], now: datetime) -> grants.Wanted:
    recipients = fields.texts(given, "to")
    count = given.get("count")
    if count is not None and (not isinstance(count, int) or isinstance(count, bool)):
        raise InvalidField("`count` must be a whole number.")
    group = given.get("group")
    return grants.Wanted(
        agent=fields.text(given, "agent"),
        line=fields.text(given, "line", optional=True),
        recipients=frozenset(map(from_operator, recipients or ())),
        group=GrantGroup.NAMED if group is None else fields.choice(given, "group", GrantGroup),
        classes=_choices(given, "classes", MessageClass),
        categories=_choices(given, "categories", Category),
        templates=frozenset(fields.texts(given, "templates") or ()),
        programmes=frozenset(fields.texts(given, "programmes") or ()),
        hours=fields.text(given, "hours", optional=True),
        count=count,
        until=None
        if given.get("until") is None
        else grants.until_of(fields.text(given, "until"), now),
        name=fields.text(given, "name", optional=True),
        note=fields.text(given, "note", optional=True),
    )


def _choices(given: Mapping[str, Any], name: str, kinds: type[E]) -> frozenset[E]:
    """A list of an enum's values."""
    named = fields.texts(given, name) or ()
    return frozenset(fields.choice({name: one}, name, kinds) for one in named)


def _concerns(principal: Principal, grant: Grant) -> bool:
    """A grant that names no line is about each of them."""
    return not grant.line or principal.covers(grant.line)


def _mine(tx: Tx, key: str, principal: Principal) -> Grant:
    """A grant of another's line is not there for them."""
    grant = grants.find(tx, key)
    if not _concerns(principal, grant):
        raise NotFound("No grant of your lines has this id.")
    return grant


ROUTES = (
    ApiRoute("GET", "/grants", Permission.READ, list_),
    ApiRoute("POST", "/grants", Permission.GRANT, add),
    ApiRoute("GET", "/grants/{id}", Permission.READ, get),
    ApiRoute("DELETE", "/grants/{id}", Permission.GRANT, revoke),
)
