"""Messages of both directions: look through them, send one. The same fields as the bridge's; an
agent sees what it initiated and what was let in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ringfence.gateway import views
from ringfence.model.errors import InvalidField
from ringfence.model.message import Direction, MessageStatus
from ringfence.model.principal import Permission, Principal
from ringfence.ports import Shown
from ringfence.web import fields, sending
from ringfence.web.api.desk import ApiRoute, Desk, listing

_FILTERS = ("limit", "after", "line", "direction", "status", "contact")
_CONTACT = re.compile(r"ctc_[A-Za-z0-9]{1,60}", re.ASCII)

E = TypeVar("E", bound=Enum)


async def list_(desk: Desk, request: Request, principal: Principal) -> Response:
    """A page may be short, even empty, and not the last: `next` tells."""
    given = fields.query(request, _FILTERS)
    page = fields.page(given)
    wanted = Shown(
        lines=_lines(desk, given, principal),
        to_initiator="" if principal.may(Permission.READ) else principal.actor,
        direction=_filter(given, "direction", Direction),
        status=_filter(given, "status", MessageStatus),
        contact_id=_contact(given.get("contact")),
    )
    before = _place(page.after)
    found = await desk.kit.store.read(lambda tx: tx.messages.page(wanted, before, page.limit))
    rows = [views.message_view(message) for message in found.messages]
    return listing("messages", rows, None if found.before_seq is None else str(found.before_seq))


async def get(desk: Desk, request: Request, principal: Principal) -> Response:
    return JSONResponse(views.message_view(await sending.message(desk, request, principal)))


async def send(desk: Desk, request: Request, principal: Principal) -> Response:
    return await sending.send(desk, request, principal, "/api/v1/messages")


def _lines(desk: Desk, given: Mapping[str, str], principal: Principal) -> frozenset[str] | None:
    if (wanted := given.get("line")) is not None:
        return frozenset({desk.line(wanted, principal).id})
    return principal.lines


def _filter(given: Mapping[str, str], name: str, kinds: type[E]) -> E | None:
    return fields.choice(given, name, kinds) if name in given else None


def _contact(text: str | None) -> str:
    if text is not None and not _CONTACT.fullmatch(text):
        raise InvalidField("`contact` takes a contact's id (ctc_…).")
    return text or ""


def _place(after: str | None) -> int | None:
    if after is None:
        return None
    if not after.isascii() or not after.isdigit() or len(after) > 18:
        raise InvalidField("`after` takes what the page before gave as `next`.")
    return int(after)


ROUTES = (
    ApiRoute("GET", "/messages", Permission.READ_OWN, list_),
    ApiRoute("POST", "/messages", Permission.PROPOSE, send),
    ApiRoute("GET", "/messages/{id}", Permission.READ_OWN, get),
)
