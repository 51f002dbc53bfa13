"""A house with responders, a schedule, a policy and two flows: an alert and a reminder. `happens` posts
an event as the door would, `pages` does what the worker's paging stage does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from house import FRIEND, House, build

from ringfence.bootstrap import Gateway
from ringfence.clock import SystemClock
from ringfence.gateway.events import Receipt
from ringfence.gateway.paging import page
from ringfence.model.message import MessageStatus
from ringfence.model.outbox import OutboxState
from ringfence.model.wire import WebhookRequest
from ringfence.ports import MessageChange, OutboxChange, Tx
from ringfence.sources import sources
from ringfence.sources.base import admitted

ANN, BEN = "+15555550141", "+15555550142"
REMINDER: Mapping[str, Any] = {
    "version": 1,
    "category": "transactional",
    "programme": "visits",
    "meaning": "A visit is coming up.",
    "texts": {"en": "{brand}: {name}, see you on {day} at {time}."},
    "fields": {
        "brand": {"kind": "text"},
        "name": {"kind": "text", "maxLength": 30},
        "day": {"kind": "date"},
        "time": {"kind": "time"},
    },
}
FLOWS: Mapping[str, Any] = {
    "incident": {
        "types": ["alert.*"],
        "when": 'severity >= "error" and data.team == "ops"',
        "alert": {"escalation": "ops", "service": "data.job", "tickets": ["board"]},
    },
    "reminder": {
        "types": ["visit.booked", "visit.moved"],
        "message": {
            "template": "reminder",
            "to": ["field:data.phone"],
            "fields": {
                "brand": '"Acme Dental"',
                "name": "data.name",
                "day": "data.starts_at",
                "time": "data.starts_at",
            },
            "sendAt": "data.starts_at",
            "offset": "-24h",
            "key": "data.visit",
            "cancelledBy": ["visit.cancelled"],
            "useUntil": "data.starts_at",
            "zone": "Europe/Berlin",
        },
    },
}
POLICY: Mapping[str, Any] = {
    "steps": [
        {"name": "first", "notify": ["schedule:primary"], "acknowledgedWithin": 300},
        {"name": "second", "notify": ["person:ben"], "acknowledgedWithin": 300},
    ]
}
SCHEDULE: Mapping[str, Any] = {
    "zone": "Europe/Berlin",
    "layers": [{"rotation": "daily", "responders": ["ann"], "startsOn": "2026-01-01"}],
}
FIRE: Mapping[str, Any] = {
    "id": "fire-1",
    "type": "alert.db",
    "severity": "critical",
    "title": "Database is down",
    "dedupe_key": "db",
    "data": {"job": "db", "team": "ops"},
}


def operating(folder: Path, sms: Mapping[str, Any] | None = None, **sections: Any) -> House:
    """`sections` replace whole ones of the configuration."""
    return build(
        folder,
        sms,
        **{
            "templates": {"reminder": REMINDER},
            "responders": {"ann": {"number": ANN, "label": "Ann"}, "ben": {"number": BEN}},
            "schedules": {"primary": SCHEDULE},
            "escalationPolicies": {"ops": POLICY},
            "tickets": {"board": {"kind": "builtin"}},
            "flows": FLOWS,
            **sections,
        },
    )


def visit(starts_at: str, *, kind: str = "booked", id_: str = "v1", **data: Any) -> dict[str, Any]:
    held = {"visit": "a-17", "phone": FRIEND, "name": "Anna", "starts_at": starts_at, **data}
    return {"id": id_, "type": f"visit.{kind}", "data": held}


def in_days(house: House, days: float) -> str:
    return (house.now() + timedelta(days=days)).isoformat()


def happens(house: House, event: Mapping[str, Any], source: str = "generic") -> Receipt:
    """The event comes in by its door."""

    async def work(gateway: Gateway) -> Receipt:
        kit = gateway.kit
        settings = kit.operations.sources[source]
        codec = sources()[settings.kind]
        request = WebhookRequest("POST", "/", "", {}, json.dumps(event).encode())
        verified = admitted(request, codec.capabilities, kit.clock.now())
        return await gateway.events.accept(settings, codec.parse(verified))

    return house.with_gateway(work)


def pages(house: House) -> int:
    """Owed notices become texts; how many."""

    async def work(gateway: Gateway) -> int:
        kit = gateway.kit
        now = kit.clock.now()
        return await kit.store.write(lambda tx: page(kit, tx, now))

    return house.with_gateway(work)


def left(house: House) -> None:
    """The texts that were proposed are with the carrier."""

    def job(tx: Tx) -> None:
        items = tx.outbox.pending_where(None, None)
        due = frozenset({OutboxState.DUE})
        sent = MessageStatus.SENT
        tx.outbox.change(
            [OutboxChange(one.id, due, OutboxState.ACCEPTED, status=sent) for one in items]
        )
        now = SystemClock().now()
        tx.messages.change([MessageChange(one.message_id, now, status=sent) for one in items])

    async def work(gateway: Gateway) -> None:
        await gateway.kit.store.write(job)

    house.with_gateway(work)


def agrees(house: House, number: str = FRIEND) -> None:
    """This person agreed to texts about their visits."""
    house.run(
        *("consent", "grant", number, "--programme", "visits", "--level", "transactional"),
        *("--method", "paper", "--evidence", "drawer 7"),
    )


def event_file(house: House, event: Mapping[str, Any]) -> str:
    path = house.path.parent / "event.json"
    path.write_text(json.dumps(event))
    return str(path)
