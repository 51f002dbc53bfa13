"""Drafts: messages a person must say yes to, and the traits by which the gate judges a text. A draft
is a held message and the row that says what became of it; its approval is for exactly one text to
exactly one person, and dies with any change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from ringfence.model.audit import digest
from ringfence.model.phone import PhoneNumber


class Category(Enum):
    """What a text is for; consent and hours go by it. CONVERSATION is an answer or free text;
    TRANSACTIONAL concerns something the person has with us; MARKETING wants to sell; ALERT is for
    people on duty."""

    CONVERSATION = "conversation"
    TRANSACTIONAL = "transactional"
    MARKETING = "marketing"
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class Traits:
    """What the gate must know of an outbound text besides its address, worked out once when it is
    proposed and stored with it. Holds neither text nor number: `hosts` are digests, `secrets`,
    `shaft`, `reserved` and `hidden` name kinds. `heard_at` is when the person last wrote to the line;
    `disclosure` is the version of the disclosure the text carries; `basis` says on what it left the
    drafts: `approval`, or `grant:ID`; `policy` is the version whose lists the words were read by.
    After `use_until` nobody wants it any more; `life_s` are the seconds it may wait to leave (0: the
    line's time). `fallback` is the line it waited on before that one failed."""

    category: Category = Category.CONVERSATION
    programme: str = ""
    template: str = ""
    flow: str = ""
    topics: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    shorteners: int = 0
    secrets: tuple[str, ...] = ()
    shaft: tuple[str, ...] = ()
    reserved: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    segments: int = 1
    encoding: str = "GSM-7"
    media: int = 0
    heard_at: datetime | None = None
    disclosure: str = ""
    basis: str = ""
    policy: str = ""
    use_until: datetime | None = None
    life_s: int = 0
    fallback: str = ""


# What `Traits.basis` says of a text that a person let go.
APPROVAL = "approval"


def approval_digest(line: str, number: PhoneNumber, body: str, media: Iterable[str]) -> str:
    """What an approval is for: this text and these attachments, to this person, on this line."""
    return digest("\x1f".join((line, number.e164, body, *media)))


class DraftState(Enum):
    """WAITING for a person; the rest are ends. APPROVED may still not leave: the gate decides again
    when it is claimed. EDITED was replaced by an edited text; CANCELLED by a stop or an opt-out."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    EDITED = "edited"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a person is asked about one held message. `text_digest` is `approval_digest` of the
    message as it stood when it was held; `replaces` and `replaced_by` are messages' ids."""

    message_id: str
    code: str
    state: DraftState
    line: str
    number: PhoneNumber
    text_digest: str
    created_at: datetime
    expires_at: datetime
    decided_at: datetime | None = None
    decided_by: str = ""
    note: str = ""
    replaces: str = ""
    replaced_by: str = ""
