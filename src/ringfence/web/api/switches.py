"""The kill switch: what is engaged, stop, resume. Operators only; an operator who is kept to some
lines stops and releases those and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ringfence.gateway import halt, principals, views
from ringfence.gateway.equipment import Equipment
from ringfence.model.contact import Switch, SwitchScope
from ringfence.model.errors import InvalidField, NotFound
from ringfence.model.phone import from_operator, mask
from ringfence.model.principal import Permission, Principal
from ringfence.ports import Tx
from ringfence.web import fields
from ringfence.web.api.desk import ApiRoute, Desk, listing, whole_house

REASON_LENGTH_MAX = 500
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_SCOPES = {scope.value: scope for scope in SwitchScope if scope is not SwitchScope.EVERYTHING}


async def list_(desk: Desk, request: Request, principal: Principal) -> Response:
    """All of them; those of lines that are not the principal's are left out."""
    fields.query(request, ())
    switches = await desk.kit.store.read(lambda tx: tx.switches.engaged())
    shown = [views.switch_view(switch) for switch in switches if _concerns(principal, switch)]
    return listing("switches", shown, None)


async def stop(desk: Desk, request: Request, principal: Principal) -> Response:
    """Without a subject it covers everything."""
    given = fields.json_object(request, (*_SCOPES, "reason"), may_be_empty=True)
    scope, subject = _covered(given, principal)
    reason = fields.text(given, "reason", optional=True)
    if len(reason) > REASON_LENGTH_MAX or "\x00" in reason:
        raise InvalidField(f"`reason` takes at most {REASON_LENGTH_MAX} characters.")
    if scope is SwitchScope.LINE:
        desk.line(subject, principal)
    kit, now = desk.kit, desk.kit.clock.now()

    def job(tx: Tx) -> int:
        if scope is SwitchScope.AGENT:
            _known_agent(kit, tx, subject)
        return halt.stop(kit, tx, scope, subject, reason, principal.actor, now)

    held = await kit.store.write(job)
    return JSONResponse({**_named(scope, subject), "engaged": True, "held": held})


async def resume(desk: Desk, request: Request, principal: Principal) -> Response:
    """Releases what `stop` engaged with the same subject, and lets a line try again that an error at
    its provider had stopped. Line, agent or flow may have left the configuration since."""
    given = fields.json_object(request, _SCOPES, may_be_empty=True)
    scope, subject = _covered(given, principal)
    kit, now = desk.kit, desk.kit.clock.now()
    held, started = await kit.store.write(
        lambda tx: _resume(kit, tx, scope, subject, principal.actor, now)
    )
    return JSONResponse(
        {
            **_named(scope, subject),
            "engaged": False,
            "released": held is not None,
            "held": held or [],
            "line_restarted": started,
        }
    )


def _resume(
    kit: Equipment, tx: Tx, scope: SwitchScope, subject: str, actor: str, now: datetime
) -> tuple[list[dict[str, Any]] | None, bool]:
    """(what the switch held, None when there was none; line restarted). Raises NotFound when neither
    was so."""
    started = scope is SwitchScope.LINE and halt.start_line(kit, tx, subject, actor, now)
    try:
        held = halt.resume(kit, tx, scope, subject, actor, now)
    except NotFound:
        if not started:
            raise
        return None, True
    return [views.item_view(item) for item in held], started


def _covered(given: Mapping[str, Any], principal: Principal) -> tuple[SwitchScope, str]:
    """What the body names. Raises NotPermitted for what goes beyond the principal's lines."""
    named = [name for name in _SCOPES if name in given]
    if len(named) > 1:
        raise InvalidField(f"Name at most one of {', '.join(_SCOPES)}.")
    scope = _SCOPES[named[0]] if named else SwitchScope.EVERYTHING
    subject = fields.text(given, named[0]) if named else ""
    if scope is not SwitchScope.LINE:
        whole_house(principal, "That stop")
    elif not principal.covers(subject):
        whole_house(principal, "Another line")
    if scope is SwitchScope.CONTACT:
        return scope, from_operator(subject).e164
    if named and not _ID.fullmatch(subject):
        raise InvalidField(f"`{named[0]}` takes the id of one.")
    return scope, subject


def _known_agent(kit: Equipment, tx: Tx, agent: str) -> None:
    """A switch for a name nobody has would stop nothing and look as if it did."""
    known = sorted(principals.known_agents(kit, tx))
    if agent not in known:
        raise InvalidField(f"No agent is called so. Known: {', '.join(known)}.")


def _concerns(principal: Principal, switch: Switch) -> bool:
    return switch.scope is not SwitchScope.LINE or principal.covers(switch.subject)


def _named(scope: SwitchScope, subject: str) -> dict[str, str | None]:
    contact = scope is SwitchScope.CONTACT
    return {"scope": scope.value, "subject": mask(subject) if contact else subject or None}


ROUTES = (
    ApiRoute("GET", "/switches", Permission.READ, list_),
    ApiRoute("POST", "/stop", Permission.STOP, stop),
    ApiRoute("POST", "/resume", Permission.RESUME, resume),
)
