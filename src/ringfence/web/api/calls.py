"""Calls: place one, look at it with what was said, speak in it, end it. Placing is proposing: the gate
answers, and a call that is held is a draft like any other. An agent's token reaches calls that it
placed or in which its agent speaks, and no other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ringfence.gateway import (
    bridge,
    call_control,
    call_handing,
    call_proposing,
    call_questions,
    call_views,
)
from ringfence.gateway import call_hearing as hearing
from ringfence.gateway.call_words import CALL
from ringfence.model.call import Call, CallMode
from ringfence.model.errors import InvalidField, NotFound
from ringfence.model.line import Line
from ringfence.model.message import Message
from ringfence.model.phone import PhoneNumber, from_operator
from ringfence.model.principal import Permission, Principal
from ringfence.model.verdict import Reason
from ringfence.ports import Tx
from ringfence.web import fields, sending
from ringfence.web.api.desk import ApiRoute, Desk, listing

_PLACED = ("line", "to", "message", "mode", "keys", "dry_run", "idempotency_key")
_STATES = ("live", "over")
WAIT_S_MAX = 600


async def place(desk: Desk, request: Request, principal: Principal) -> Response:
    given = fields.json_object(request, _PLACED)
    line = desk.line(given.get("line"), principal)
    wanted = call_proposing.wanted(
        line,
        _callee(given, line),
        fields.text(given, "message"),
        principal.actor,
        mode=fields.choice(given, "mode", CallMode) if "mode" in given else None,
        keys=_keys(given.get("keys")),
        idempotency_key=sending.key_of(request, given),
    )
    if _flag(given, "dry_run"):
        seen = await bridge.dry_run(desk.kit, wanted)
        shown = {"state": seen.status.value, "reasons": _reasons(seen.reasons)}
        return JSONResponse({"dry_run": True, "line": line.id, **shown})
    answer = await bridge.send(desk.kit, wanted)
    # Who decides about drafts may know their codes; an agent must not (P2).
    decides = principal.may(Permission.APPROVE)
    code = await desk.kit.store.read(lambda tx: _code(tx, answer.message)) if decides else ""
    document = {
        "message": answer.message.id,
        "state": answer.message.status.value,
        "reasons": sending.reasons_of(answer),
        "code": code,
        "mode": wanted.provenance[CALL],
        "line": line.id,
    }
    headers = {"idempotency-replayed": "true"} if answer.replayed else {}
    location = {"location": f"/api/v1/calls/{answer.message.id}"}
    return JSONResponse(document, status_code=202, headers=headers | location)


async def list_(desk: Desk, request: Request, principal: Principal) -> Response:
    """A page may be short, even empty, and not the last: `next` tells."""
    given = fields.query(request, ("limit", "after", "line", "state"))
    page, state = fields.page(given), given.get("state")
    if state not in (None, *_STATES):
        raise InvalidField(f"`state` is one of: {', '.join(_STATES)}.")
    line = desk.line(given["line"], principal).id if "line" in given else None
    calls = await desk.kit.store.read(
        lambda tx: tx.calls.listing(page.limit, line, None, page.after)
    )
    rows = [
        call_views.call_view(call)
        for call in calls
        if _may_see(desk, principal, call) and state in (None, _STATES[call.is_over])
    ]
    return listing("calls", rows, calls[-1].id if len(calls) == page.limit else None)


async def get(desk: Desk, request: Request, principal: Principal) -> Response:
    key = await _own(desk, request, principal)
    return JSONResponse(await desk.kit.store.read(lambda tx: call_views.call_document(tx, key)))


async def end(desk: Desk, request: Request, principal: Principal) -> Response:
    fields.json_object(request, (), may_be_empty=True)
    key = await _own(desk, request, principal)
    return JSONResponse(
        call_views.call_view(await call_control.end_call(desk.kit, key, principal.actor))
    )


async def speak(desk: Desk, request: Request, principal: Principal) -> Response:
    given = fields.json_object(request, ("message",))
    key, words = await _own(desk, request, principal), fields.text(given, "message")
    return _told(await call_control.speak(desk.kit, key, words, principal.actor, desk.sound))


async def digits(desk: Desk, request: Request, principal: Principal) -> Response:
    given = fields.json_object(request, ("digits",))
    key, keys = await _own(desk, request, principal), fields.text(given, "digits")
    return _told(await call_control.digits(desk.kit, key, keys, principal.actor, desk.sound))


async def transfer(desk: Desk, request: Request, principal: Principal) -> Response:
    given = fields.json_object(request, ("to", "message"))
    key, name = await _own(desk, request, principal), fields.text(given, "to")
    words = fields.text(given, "message", optional=True)
    found = await call_handing.hand_over(desk.kit, key, name, principal.actor, words=words)
    return _told(found)


async def ask(desk: Desk, request: Request, principal: Principal) -> Response:
    """The answer comes with what the person said next."""
    given = fields.json_object(request, ("message", "wait_s"))
    key, words = await _own(desk, request, principal), fields.text(given, "message")
    wait_s = _wait_s(given.get("wait_s"))
    found = await call_questions.ask(
        desk.kit, key, words, principal.actor, wait_s=wait_s, sound=desk.sound
    )
    if found.words is None:
        return _told(found.spoken)
    document = _told_document(found.spoken)
    heard = {"answer": call_views.words_view(found.words), "waited_ms": found.waited_ms}
    return JSONResponse(document | heard)


async def message(desk: Desk, request: Request, principal: Principal) -> Response:
    """The sound of what a caller left. Operators alone hear people, and that they did is on record."""
    key = await _own(desk, request, principal)
    content, content_type = await hearing.heard(desk.kit, key, principal.actor)
    return Response(content, media_type=content_type, headers={"cache-control": "no-store"})


async def _own(desk: Desk, request: Request, principal: Principal) -> str:
    """The id of the path. Raises NotFound, also for a call the principal may not see."""
    key = str(request.path_params["id"])
    call, message = await desk.kit.store.read(lambda tx: call_views.found(tx, key))
    if call is not None:
        seen = _may_see(desk, principal, call)
    else:
        seen = message is not None and sending.may_see(principal, message)
    if not seen:
        raise NotFound("No call with this id is known.")
    return key


def _may_see(desk: Desk, principal: Principal, call: Call) -> bool:
    if not principal.covers(call.line):
        return False
    if principal.may(Permission.READ) or call.initiator == principal.actor:
        return True
    line = desk.kit.lines.get(call.line)
    if line is None or line.voice is None:
        return False
    return line.voice.route_to(call.called).agent_id == principal.agent


def _callee(given: Mapping[str, Any], line: Line) -> PhoneNumber:
    """This door is for automation, which may leave it to the configuration (B076)."""
    if "to" in given:
        return from_operator(fields.text(given, "to"))
    if line.voice is None or line.voice.default_to is None:
        raise InvalidField(
            f"Name who is called in `to`, or set `channels.voice.toNumber` of the line {line.id}."
        )
    return line.voice.default_to


def _keys(value: object) -> Mapping[str, str] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise InvalidField('`keys` maps digits to what they mean: {"1": "confirm"}.')
    return value


def _flag(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise InvalidField(f"`{name}` is true or false.")
    return value


def _wait_s(value: object) -> float | None:
    if value is None:
        return None
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 1 <= value <= WAIT_S_MAX
    ):
        raise InvalidField(f"`wait_s` takes 1 to {WAIT_S_MAX} seconds.")
    return float(value)


def _code(tx: Tx, message: Message) -> str | None:
    """By which people say yes to it, where it waits for one."""
    draft = tx.drafts.get(message.id)
    return draft.code if draft is not None else None


def _told(answer: call_control.Spoken) -> Response:
    return JSONResponse(_told_document(answer), status_code=202)


def _told_document(answer: call_control.Spoken) -> dict[str, Any]:
    return {
        "id": answer.call.id,
        "state": "told" if answer.said else "refused",
        "reasons": _reasons(answer.reasons),
        "decision": answer.decision,
    }


def _reasons(reasons: tuple[Reason, ...]) -> list[dict[str, str]]:
    return [{"rule": one.rule, "code": one.code, "text": one.text} for one in reasons]


ROUTES = (
    ApiRoute("GET", "/calls", Permission.READ_OWN, list_),
    ApiRoute("POST", "/calls", Permission.PROPOSE, place),
    ApiRoute("GET", "/calls/{id}", Permission.READ_OWN, get),
    ApiRoute("GET", "/calls/{id}/message", Permission.CONTACTS, message),
    ApiRoute("POST", "/calls/{id}/end", Permission.PROPOSE, end),
    ApiRoute("POST", "/calls/{id}/speak", Permission.PROPOSE, speak),
    ApiRoute("POST", "/calls/{id}/digits", Permission.PROPOSE, digits),
    ApiRoute("POST", "/calls/{id}/transfer", Permission.PROPOSE, transfer),
    ApiRoute("POST", "/calls/{id}/ask", Permission.PROPOSE, ask),
)
