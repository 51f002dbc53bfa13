"""Audit entries: what is appended, how one entry is chained to the one before, and the checkpoints
that say how far the chain reached (P7). Signs nothing and checks no signature."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ringfence.model.errors import InvalidField

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


_AT = "%Y%m%dT%H%M%S.%fZ"
_WORD = "ringfence-checkpoint:"
_CHECKPOINT = re.compile(
    rf"{_WORD}1:([0-9]{{1,18}}):([0-9]{{8}}T[0-9]{{6}}\.[0-9]{{6}}Z)"
    r":([0-9a-f]{64}):([0-9a-f]{64}):([0-9a-f]{128})(?![0-9a-f])",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of the chain at a moment, signed: so many entries, and the hash of the last. Key and
    signature are Ed25519 (RFC 8032) in hex."""

    count: int
    hash: str
    at: datetime
    public_key: str
    signature: str = ""

    @property
    def statement(self) -> bytes:
        """What is signed."""
        at = self.at.astimezone(UTC).strftime(_AT)
        return f"{_WORD}1:{self.count}:{at}:{self.hash}:{self.public_key}".encode()

    @property
    def text(self) -> str:
        """One word, to print, keep and give back. A log that masks numbers leaves it whole."""
        return f"{self.statement.decode()}:{self.signature}"


def checkpoints_in(text: str) -> list[Checkpoint]:
    """Every checkpoint in a text: a printed one, an export, a whole log. Raises InvalidField when
    there is none, or when one is cut short or damaged."""
    matches = _CHECKPOINT.findall(text)
    if len(matches) != text.count(_WORD):
        raise InvalidField("A checkpoint in it is damaged: copy the whole line.")
    if not matches:
        raise InvalidField("There is no checkpoint in it; `ringfence audit checkpoint` prints one.")
    return [_checkpoint(*parts) for parts in matches]


def _checkpoint(count: str, at: str, hash_: str, key: str, signature: str) -> Checkpoint:
    try:
        moment = datetime.strptime(at, _AT).replace(tzinfo=UTC)
    except ValueError:
        raise InvalidField("A checkpoint in it has no such time: copy the whole line.") from None
    return Checkpoint(int(count), hash_, moment, key, signature)


def link(previous: str, canonical: bytes) -> str:
    """SHA-256 over the previous hash and the entry's canonical JSON; lower-case hex."""
    return hashlib.sha256(previous.encode() + b"\n" + canonical).hexdigest()


def digest(text: str) -> str:
    """SHA-256 of a text, hex: lets a record name a text without holding it."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
