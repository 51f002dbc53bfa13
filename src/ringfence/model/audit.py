"""Audit entries: what is appended, and how one entry is chained to the one before (P7)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that happened. `body` is JSON-ready and holds ids and digests, never message text
    or a phone number, so that erasing a person never breaks the chain."""

    id: str
    at: datetime
    kind: str
    subject: str
    actor: str
    body: Mapping[str, Any] = field(default_factory=dict)


def link(previous: str, canonical: bytes) -> str:
    """SHA-256 over the previous hash and the entry's canonical JSON; lower-case hex."""
    return hashlib.sha256(previous.encode() + b"\n" + canonical).hexdigest()


def digest(text: str) -> str:
    """SHA-256 of a text, hex: lets a record name a text without holding it."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
