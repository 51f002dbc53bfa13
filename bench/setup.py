"""The configuration of a measured gateway: one open line on a carrier of ours, with limits far
above what is measured, so that none of them is what is measured."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ACCOUNT = "AC00000000000000000000000000000001"
TOKEN = "measured-token"
NUMBER = "+15555550100"
PATH = "/webhooks/sms"
PUBLIC_URL = "http://127.0.0.1:8080" + PATH
MANY = 10_000_000


def write_config(
    folder: Path,
    store_url: str,
    carrier_url: str = "http://127.0.0.1:9",
    *,
    name: str = "ringfence",
    sms: Mapping[str, Any] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Path:
    """Write it and return its path; `sms` replaces keys of the line, `more` adds sections."""
    document = {
        "gateway": {"publicPort": free_port(), "privatePort": free_port()},
        "store": {"url": store_url},
        "agents": {"default": {"kind": "echo"}},
        "channels": {"sms": {**_line(carrier_url), **(sms or {})}},
        **(more or {}),
    }
    path = folder / f"{name}.json5"
    path.write_text(json.dumps(document), encoding="utf-8")
    path.chmod(0o600)
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _line(carrier_url: str) -> dict[str, object]:
    return {
        "accountSid": ACCOUNT,
        "authToken": TOKEN,
        "fromNumber": NUMBER,
        "apiBaseUrl": carrier_url,
        "publicWebhookUrl": PUBLIC_URL,
        "dmPolicy": "open",
        "allowFrom": ["*"],
        "messageTtlMinutes": 1_440,
        "limits": {
            "concurrentMax": MANY,
            "messagesPerMinutePerSender": MANY,
            "messagesPerMinutePerLine": MANY,
        },
        "policy": {
            "recipientVolume": {"minute": MANY, "hour": MANY, "day": MANY},
            "lineVolume": {"minute": MANY, "day": MANY, "waitingMax": MANY},
            "agentVolume": {"day": MANY, "newRecipientsDay": MANY},
            "spend": {"segmentsDay": MANY, "moneyDay": MANY},
        },
    }


def person(index: int) -> str:
    """The number of one of many people; fiction's exchange (555) in different area codes."""
    area, last = divmod(index, 10_000)
    return f"+1{201 + area}555{last:04d}"
