"""What the flows would do with an event: which of them it concerns and why, what would be sent to whom
and when, and what the gate says to it. The flows' own functions are run, so that what is shown is what
would be; for a transaction that is undone (`gateway.trial`), which alone keeps it from being true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from ringfence.delivery.flow import Flow, SourceSettings, is_of, part
from ringfence.gateway import alert_preview, planning
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.event_views import planned_view
from ringfence.gateway.gate_preview import gate_view, number_view
from ringfence.gateway.views import moment
from ringfence.gateway.wishes import Wish, wish
from ringfence.model.errors import InvalidField, InvalidNumber, NotFound, RingfenceError
from ringfence.model.event import Event, EventAction
from ringfence.model.planned import Planned
from ringfence.ports import Tx
from ringfence.sources import sources
from ringfence.sources.base import Naming
from ringfence.text.conditions import explain

MESSAGES_MAX: Final = 20
"""So many texts of one flow are shown; the others are counted."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event as it would be accepted, under the id it would get, and when. `reveal`: numbers are
    shown in full."""

    event: Event
    id: str
    now: datetime
    reveal: bool = False


def previews(
    kit: Equipment,
    tx: Tx,
    source: SourceSettings,
    events: Sequence[Event],
    now: datetime,
    *,
    reveal: bool = False,
) -> list[dict[str, Any]]:
    """Each event in its order with every flow. Changes what it shows: undo the transaction."""
    found = []
    for event in events:
        id_ = kit.ids.new("event", now)
        named = replace(event, source=source.name).named(id_)
        happening = Happening(named, id_, now, reveal)
        found.append(
            {
                **_event_view(named),
                "known": _known(tx, source, event),
                "flows": [flow_preview(kit, tx, flow, happening) for flow in kit.operations.flows],
            }
        )
    return found


def flow_preview(kit: Equipment, tx: Tx, flow: Flow, happening: Happening) -> dict[str, Any]:
    """One flow: `meaning` is what the event is to it (null: nothing), `refused` why it could not take
    it all the same."""
    event = happening.event
    what = meaning(flow, event)
    view: dict[str, Any] = {
        "flow": flow.name,
        "kind": "alert" if flow.alert is not None else "message",
        "line": flow.line,
        "meaning": what,
        "match": _match(flow, event),
        "refused": None,
    }
    if what is None:
        return view
    try:
        if flow.alert is not None:
            return view | alert_preview.alert_view(
                kit, tx, flow, event, happening.id, happening.now, reveal=happening.reveal
            )
        asked = wish(kit, tx, flow, event, happening.id, happening.now)
        assert asked is not None, "a flow that it means nothing to was left out above"
        shown = _cancelled if what == "cancels" else _planned
        return view | shown(kit, tx, asked, happening)
    except (InvalidField, InvalidNumber, NotFound) as error:
        return view | {"refused": error.detail}


def meaning(flow: Flow, event: Event) -> str | None:
    """`starts`, `cancels`, `acknowledges` or `resolves`, as `gateway.events` goes by it: an end is
    one whatever its type and severity."""
    if flow.alert is not None and event.action is not EventAction.TRIGGER:
        heard = not flow.sources or event.source in flow.sources
        return f"{event.action.value}s" if heard else None
    found = part(flow, event)
    return None if found is None else found.value


def _match(flow: Flow, event: Event) -> dict[str, Any]:
    parts = () if flow.when is None else explain(flow.when, event)
    return {
        "source": not flow.sources or event.source in flow.sources,
        "sources": sorted(flow.sources),
        "type": is_of(event.type, flow.types),
        "types": list(flow.types),
        "condition": [
            {"text": one.text, "held": one.held, "why": one.why or None, "depth": one.depth}
            for one in parts
        ],
    }


def _event_view(event: Event) -> dict[str, Any]:
    return {
        "event": event.id,
        "source": event.source,
        "type": event.type,
        "severity": event.severity.value,
        "action": event.action.value,
        "at": moment(event.at),
        "dedupe_key": event.dedupe_key,
    }


def _known(tx: Tx, source: SourceSettings, event: Event) -> str | None:
    """Our id of the very same event, where it was accepted before: in earnest nothing would happen."""
    if not event.id or sources()[source.kind].capabilities.naming is not Naming.EVENT:
        return None
    key = (source.name, event.id)
    return tx.source_events.known([key]).get(key)


# -- messages --------------------------------------------------------------------------------------


def _planned(kit: Equipment, tx: Tx, asked: Wish, happening: Happening) -> dict[str, Any]:
    settings = asked.settings
    waiting = _waiting(tx, asked)
    [made] = planning.plan(kit, tx, [asked], happening.now)
    shown = made.planned[:MESSAGES_MAX]
    return {
        "key": asked.key,
        "template": settings.template,
        "fields": dict(asked.values),
        "expired": asked.expired,
        "limited": made.limited,
        "messages": [_message(kit, tx, one, happening) for one in shown],
        "more": len(made.planned) - len(shown),
        "moves": [one for one in waiting if one["id"] in made.ended],
        "recalls": list(made.recalled),
        "later": {"moved_by": list(asked.flow.types), "cancelled_by": list(settings.cancelled_by)},
    }


def _message(kit: Equipment, tx: Tx, one: Planned, happening: Happening) -> dict[str, Any]:
    """One text, as the gate would decide when it is due by what is on record now."""
    at = max(one.due_at, happening.now)
    view: dict[str, Any] = {
        "to": number_view(one.number, happening.reveal),
        "turn": one.turn,
        "send_at": moment(at),
        "useless_after": moment(one.expires_at),
        "language": one.language or None,
        "refused": None,
    }
    try:
        proposal = planning.proposal_of(kit, tx, one, at)
    except RingfenceError as error:
        return view | {"refused": error.detail}
    return view | gate_view(kit, tx, proposal, at)


def _cancelled(kit: Equipment, tx: Tx, asked: Wish, happening: Happening) -> dict[str, Any]:
    waiting = _waiting(tx, asked)
    [made] = planning.plan(kit, tx, [asked], happening.now)
    return {"key": asked.key, "cancels": waiting, "recalls": list(made.recalled)}


def _waiting(tx: Tx, asked: Wish) -> list[dict[str, Any]]:
    waiting = tx.planned.waiting_of([asked.pair]).get(asked.pair, [])
    return [planned_view(one) for one in waiting]
