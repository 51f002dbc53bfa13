"""Messages in both directions, their statuses, and the provider events they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from ringfence.model.draft import Traits
from ringfence.model.phone import PhoneNumber


class Direction(Enum):
    IN = "in"
    OUT = "out"


class MessageStatus(Enum):
    """Our words for where a message is (style.md, vocabulary). HELD, REFUSED and CANCELLED are
    outbound messages that never reached the provider; RECEIVED and REFUSED are inbound."""

    HELD = "held"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    RECEIVED = "received"


FINAL = frozenset(
    {
        MessageStatus.DELIVERED,
        MessageStatus.READ,
        MessageStatus.UNDELIVERED,
        MessageStatus.FAILED,
        MessageStatus.EXPIRED,
        MessageStatus.CANCELLED,
        MessageStatus.REFUSED,
    }
)


class MessageClass(Enum):
    """What kind of text it is; rules judge classes, never wording."""

    FREE_TEXT = "free_text"
    TEMPLATE = "template"
    PAIRING = "pairing"
    OPT_OUT_CONFIRMATION = "opt_out_confirmation"
    OPT_IN_CONFIRMATION = "opt_in_confirmation"
    OPT_IN_REQUEST = "opt_in_request"
    HELP = "help"
    OWNER_NOTICE = "owner_notice"
    SAFE_REPLY = "safe_reply"
    INTAKE_QUESTION = "intake_question"
    INTAKE_END = "intake_end"
    PAGE = "page"
    ALERT_ANSWER = "alert_answer"


@dataclass(frozen=True, slots=True)
class MediaRef:
    """An attachment: where it is (`url` at the provider, or `media_id` in our store)."""

    content_type: str
    url: str = ""
    media_id: str = ""
    bytes_count: int = 0
    unavailable: str = ""


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A provider's event: somebody texted us. `sender` and `recipient` are as the wire had them."""

    provider_id: str
    account_id: str
    service_id: str | None
    sender: str
    recipient: str
    body: str
    media: tuple[MediaRef, ...] = ()
    media_declared: int = 0
    segments: int = 1
    opt_out_type: str | None = None


@dataclass(frozen=True, slots=True)
class StatusCallback:
    """A provider's event: progress of a message we sent. `our_id` is the outbox item id our
    callback URL carried (empty when the URL had none)."""

    provider_id: str
    account_id: str
    status: MessageStatus
    provider_status: str
    error_code: int | None = None
    our_id: str = ""


NO_TRAITS = Traits()


@dataclass(frozen=True, slots=True)
class Message:
    """One stored message. Times are aware UTC; `segments` is 0 until counted."""

    id: str
    line: str
    direction: Direction
    number: PhoneNumber
    contact_id: str
    body: str
    status: MessageStatus
    created_at: datetime
    updated_at: datetime
    media: tuple[MediaRef, ...] = ()
    message_class: MessageClass = MessageClass.FREE_TEXT
    initiator: str = ""
    provider_id: str = ""
    segments: int = 0
    encoding: str = ""
    error_code: int | None = None
    reason: str = ""
    in_reply_to: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    traits: Traits = NO_TRAITS
    seq: int = 0
