"""Sending and looking, for the bridge and for the API alike: the same fields, the same answers.
Whoever asks is the initiator; an agent sees what it wrote itself and what was let in, no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ringfence.gateway import bridge
from ringfence.model.errors import InvalidField, NotFound
from ringfence.model.line import Line
from ringfence.model.message import Direction, Message, MessageClass, MessageStatus
from ringfence.model.phone import PhoneNumber, from_operator
from ringfence.model.principal import Permission, Principal
from ringfence.web import fields, templates
from ringfence.web.api.desk import Desk

FIELDS = ("to", "body", "media", "line", "idempotency_key", *templates.FIELDS)


async def send(desk: Desk, request: Request, principal: Principal, place: str) -> Response:
    """Propose what the body says; `place` is where the message can be looked at."""
    given = fields.json_object(request, FIELDS)
    line = desk.line(given.get("line"), principal)
    wanted = bridge.SendRequest(
        line=line,
        to=_recipient(given, line),
        body=fields.text(given, "body", optional=True),
        initiator=principal.actor,
        media_urls=_urls(given.get("media")),
        idempotency_key=key_of(request, given),
    )
    if (filled := templates.filled(desk, given)) is not None:
        wanted = bridge.templated(wanted, filled)
    answer = await bridge.send(desk.kit, wanted)
    message = answer.message
    document = {
        "id": message.id,
        "state": message.status.value,
        "reasons": reasons_of(answer),
        "segments": message.segments,
        "encoding": message.encoding,
        "line": message.line,
    }
    headers = {"idempotency-replayed": "true"} if answer.replayed else {}
    location = {"location": f"{place}/{message.id}"}
    return JSONResponse(document, status_code=202, headers=headers | location)


async def message(desk: Desk, request: Request, principal: Principal) -> Message:
    """The message of the path. Raises NotFound, also for one the principal may not see."""
    found = await bridge.message(desk.kit, request.path_params["id"])
    if not may_see(principal, found):
        raise NotFound("No message with this id is known.")
    return found


async def inbox(desk: Desk, request: Request, principal: Principal) -> Sequence[Message]:
    """Admitted messages on the principal's lines, the newest `limit`, oldest first."""
    given = fields.query(request, ("since", "limit", "line"))
    since, limit = fields.since(given.get("since")), fields.limit(given.get("limit"))
    if (wanted := given.get("line")) is not None:
        return await bridge.inbox(desk.kit, since, limit, desk.line(wanted, principal).id)
    if principal.lines is None:
        return await bridge.inbox(desk.kit, since, limit, None)
    found = [
        message
        for line in desk.ids(principal)
        for message in await bridge.inbox(desk.kit, since, limit, line)
    ]
    return sorted(found, key=lambda message: (message.created_at, message.seq))[-limit:]


def may_see(principal: Principal, message: Message) -> bool:
    if not principal.covers(message.line):
        return False
    if principal.may(Permission.READ):
        return True
    if message.direction is Direction.IN:
        ours = message.message_class in (MessageClass.OWNER_NOTICE, MessageClass.ALERT_ANSWER)
        return message.status is MessageStatus.RECEIVED and not ours
    return message.initiator == principal.actor


def _recipient(given: Mapping[str, Any], line: Line) -> PhoneNumber:
    """This door is for automation, which may leave it to the configuration (B076)."""
    if "to" in given:
        return from_operator(fields.text(given, "to"))
    if line.default_to is None:
        raise InvalidField(
            f"Name the recipient in `to`, or set `defaultTo` of the line {line.id} for requests "
            "that name none."
        )
    return line.default_to


def _urls(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise InvalidField("`media` must be a URL or a list of URLs.")
    for url in values:
        if not url.startswith("https://") or len(url) > 2_000:
            raise InvalidField("`media` takes public https URLs, which the provider fetches.")
    return tuple(values)


def key_of(request: Request, given: Mapping[str, Any]) -> str:
    """The header or the field; both only when equal."""
    header = request.headers.get("idempotency-key", "")
    value = fields.text(given, "idempotency_key", optional=True)
    if header and value and header != value:
        raise InvalidField("The Idempotency-Key header and `idempotency_key` differ.")
    return header or value


def reasons_of(answer: bridge.SendAnswer) -> list[dict[str, str]]:
    if answer.proposed is not None:
        return [
            {"rule": reason.rule, "code": reason.code, "text": reason.text}
            for reason in answer.proposed.reasons
        ]
    text = answer.message.reason
    return [{"rule": "", "code": text.partition(":")[0], "text": text}] if text else []
