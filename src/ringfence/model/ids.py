"""Ids: a prefix that says what it names, then a UUIDv7 in hex (RFC 9562 section 5.7), so that ids
sort by time. Time and randomness come from outside; nothing here reads either."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

PREFIXES = {
    "message": "msg",
    "outbox": "obx",
    "turn": "trn",
    "watch": "wch",
    "decision": "dec",
    "contact": "ctc",
    "pairing": "par",
    "event": "evt",
    "audit": "aud",
    "grant": "grt",
    "consent": "cns",
    "opt_in": "opt",
    "token": "tok",
    "alert": "alr",
    "planned": "pln",
    "ticket": "tkt",
    "ticket_task": "tsk",
    "override": "ovr",
    "maintenance": "mnt",
    "call": "cal",
}


@dataclass(frozen=True, slots=True)
class IdSource:
    """Makes ids from an injected source of random bytes (`secrets.token_bytes` in production)."""

    random_bytes: Callable[[int], bytes]

    def new(self, kind: str, now: datetime) -> str:
        """`kind` is a key of PREFIXES; `now` is aware UTC."""
        millis = int(now.timestamp() * 1000)
        tail = int.from_bytes(self.random_bytes(10), "big")
        value = (millis & (1 << 48) - 1) << 80 | 0x7 << 76 | (tail >> 64 & 0xFFF) << 64
        value |= 0b10 << 62 | tail & (1 << 62) - 1
        return f"{PREFIXES[kind]}_{value:032x}"
