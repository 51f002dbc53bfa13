"""Flows as people and programs may look at them: what starts each, and what it does. Numbers that the
configuration writes to are masked. Reads only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, assert_never

from ringfence.delivery.flow import (
    AlertSettings,
    Flow,
    MessageSettings,
    Recipient,
    RecipientKind,
)
from ringfence.text.condition_terms import Literal, Operand, show, shown


def flow_view(flow: Flow) -> dict[str, Any]:
    """One flow in full; exactly one of `alert` and `message` is there, the other is null."""
    return {
        "name": flow.name,
        "kind": "alert" if flow.alert is not None else "message",
        "line": flow.line,
        "sources": sorted(flow.sources),
        "types": list(flow.types),
        "when": None if flow.when is None else show(flow.when),
        "alert": None if flow.alert is None else _alert(flow.alert),
        "message": None if flow.message is None else _message(flow.message),
    }


def _alert(settings: AlertSettings) -> dict[str, Any]:
    return {
        "escalation": settings.policy,
        "service": _operand(settings.service),
        "title": _operand(settings.title),
        "tickets": list(settings.tickets),
        "tell_resolved": settings.tell_resolved,
    }


def _message(settings: MessageSettings) -> dict[str, Any]:
    limited = settings.person_max is not None
    return {
        "template": settings.template,
        "to": [_recipient(one) for one in settings.to],
        "fields": {name: shown(operand) for name, operand in settings.values.items()},
        "language": _operand(settings.language),
        "send_at": _operand(settings.send_at),
        "offset": _span(settings.offset),
        "key": _operand(settings.key),
        "cancelled_by": list(settings.cancelled_by),
        "times": settings.times,
        "every": _span(settings.every) if settings.times > 1 else None,
        "key_max": settings.key_max,
        "person_max": settings.person_max,
        "per": _span(settings.per) if limited else None,
        "life": None if settings.life is None else _span(settings.life),
        "use_until": _operand(settings.use_until),
        "private": settings.private,
        "zone": settings.zone,
    }


def _operand(operand: Operand | None) -> str | None:
    return None if operand is None else shown(operand)


def _recipient(one: Recipient) -> str:
    match one.kind:
        case RecipientKind.NUMBER:
            return "number:" + ("" if one.number is None else one.number.masked)
        case RecipientKind.CONTACT:
            assert isinstance(one.operand, Literal), "the configuration gives a contact its id"
            return f"contact:{one.operand.value}"
        case RecipientKind.FIELD:
            return "field:" + ("" if one.operand is None else shown(one.operand))
        case RecipientKind.PERSON | RecipientKind.SCHEDULE | RecipientKind.GROUP:
            assert one.target is not None, "the configuration gives responders a target"
            return f"{one.target.kind.value}:{one.target.name}"
        case _:
            assert_never(one.kind)


_UNITS = (("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60))


def _span(span: timedelta) -> str:
    """As the configuration writes it: in the largest unit that fits whole."""
    seconds = int(span.total_seconds())
    sign, rest = ("-" if seconds < 0 else ""), abs(seconds)
    unit, size = next((one for one in _UNITS if rest and rest % one[1] == 0), ("s", 1))
    return f"{sign}{rest // size}{unit}"
