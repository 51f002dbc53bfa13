"""The operations channel as it is measured: one flow that writes to whoever an event names, from a
notify line with a disclosure, to people who agreed; and the events of it, as a shop posts them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from bench.setup import MANY, person, write_config

SOURCE, PROGRAMME = "shop", "orders"
FLOW, TEMPLATE, POLICY = "order_status", "order_status", "ops"
_ALWAYS = {"windows": "mon-sun 00:00-24:00", "marginMinutes": 0}


def config(folder: Path, store_url: str, carrier_url: str, *, name: str = "ringfence") -> Path:
    """Every limit is far above what is measured; every rule is asked."""
    return write_config(
        folder,
        store_url,
        carrier_url,
        name=name,
        sms={
            "purpose": "notify",
            "dmPolicy": "pairing",
            "allowFrom": [],
            "programme": PROGRAMME,
            "limits": {"callbacksPerMinute": MANY},
            "disclosure": "Acme: this line answers by machine. HELP for a person, STOP to end.",
            "policy": {
                "recipientVolume": {"minute": MANY, "hour": MANY, "day": MANY},
                "lineVolume": {"minute": MANY, "day": MANY, "waitingMax": MANY},
                "agentVolume": {"day": MANY},
                "spend": {"segmentsDay": MANY, "moneyDay": MANY},
                "quietHours": _ALWAYS,
            },
        },
        more={
            "sources": {SOURCE: {"kind": "generic", "tokens": [SOURCE], "ratePerMinute": 100_000}},
            "templates": {TEMPLATE: _TEMPLATE},
            "flows": {
                FLOW: {
                    "types": ["order.shipped"],
                    "message": {
                        "template": TEMPLATE,
                        "to": ["field:data.phone"],
                        "fields": {"order": "data.order", "state": "data.state"},
                        "personMax": 1_000_000,
                        "per": "1d",
                        "life": "12h",
                    },
                },
                "incident": {"types": ["incident.*"], "alert": {"escalation": POLICY}},
            },
            "responders": {"ann": {"number": "+15555550141"}},
            "escalationPolicies": {
                POLICY: {"steps": [{"name": "first", "notify": ["person:ann"], "by": ["sms"]}]},
            },
        },
    )


_TEMPLATE: dict[str, Any] = {
    "version": 1,
    "category": "transactional",
    "programme": PROGRAMME,
    "texts": {"en": "Acme: your order {order} is {state}."},
    "fields": {
        "order": {"kind": "code", "maxLength": 20},
        "state": {"kind": "choice", "choices": ["shipped", "delivered"]},
    },
}


def order(index: int) -> str:
    """What an event is about: found again in the text that the carrier took."""
    return f"A-{index:07d}"


def order_in(body: str) -> str:
    """The order that a text is about."""
    return body.rpartition("order ")[2].partition(" ")[0]


def events(first: int, count: int, people: int, bearer: str) -> list[bytes]:
    """`count` HTTP requests with one event each, numbered from `first`."""
    return [_request(index, people, bearer) for index in range(first, first + count)]


def _request(index: int, people: int, bearer: str) -> bytes:
    body = orjson.dumps(
        {
            "id": f"order-{index}",
            "type": "order.shipped",
            "data": {
                "order": order(index),
                "state": "shipped",
                "phone": person(index % people),
                "items": [{"sku": "HB-100", "count": 2}, {"sku": "HB-220", "count": 1}],
            },
        }
    )
    head = (
        f"POST /v1/events/{SOURCE} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {bearer}\r\n"
        f"Content-Type: application/json\r\nAccept: */*\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
