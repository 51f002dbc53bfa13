"""What the carrier keeps: accounts, numbers, services, messages, media, alerts.

Plain records; the rules are in carrier.py and the wire forms in dialect.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ringfence.simulator.timeline import Timeline


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND_API = "outbound-api"
    OUTBOUND_REPLY = "outbound-reply"


@dataclass(slots=True)
class Account:
    """One account: its secrets, and whether it is still on trial."""

    sid: str
    auth_token: str
    created_at: datetime
    friendly_name: str = "Simulated account"
    api_keys: dict[str, str] = field(default_factory=dict)  # key SID -> secret
    trial: bool = False
    verified: set[str] = field(default_factory=set)  # numbers a trial account may write to
    provider: str = "twilio"  # or "telnyx", "plivo": whose API and webhooks it has
    signing_key: bytes = field(default=b"", repr=False)  # 32 bytes, where webhooks are signed so


@dataclass(slots=True)
class Webhook:
    """Where the carrier posts, and where it turns when that fails."""

    url: str = ""
    method: str = "POST"
    fallback_url: str = ""
    fallback_method: str = "POST"


@dataclass(slots=True)
class Line:
    """One number of an account (IncomingPhoneNumber)."""

    sid: str
    account_sid: str
    number: str
    created_at: datetime
    updated_at: datetime
    friendly_name: str
    sms: Webhook = field(default_factory=Webhook)
    settings: dict[str, str] = field(default_factory=dict)  # the other fields, as they were set
    toll_free: bool = False


@dataclass(slots=True)
class Service:
    """One Messaging Service: a pool of numbers with webhooks of its own."""

    sid: str
    account_sid: str
    friendly_name: str
    created_at: datetime
    updated_at: datetime
    inbound: Webhook = field(default_factory=Webhook)
    status_callback: str = ""
    use_inbound_webhook_on_number: bool = False
    advanced_opt_out: bool = False
    pool: list[str] = field(default_factory=list)  # numbers, E.164
    settings: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class MediaItem:
    """One attachment the carrier holds."""

    sid: str
    message_sid: str
    account_sid: str
    content_type: str
    content: bytes
    created_at: datetime


@dataclass(slots=True)
class Message:
    """One message, either direction. `status` moves along its timeline."""

    sid: str
    account_sid: str
    sender: str | None
    recipient: str
    body: str
    direction: Direction
    status: str
    created_at: datetime
    updated_at: datetime
    ordinal: int
    segments: int
    service_sid: str | None = None
    status_callback: str = ""
    sent_at: datetime | None = None
    error_code: int | None = None
    error_message: str | None = None
    price: str | None = None
    media_urls: tuple[str, ...] = ()
    media: list[MediaItem] = field(default_factory=list)
    validity_s: int = 36_000
    send_at: datetime | None = None
    timeline: Timeline | None = None
    form_keys: tuple[str, ...] = ()
    num_media: int = 0
    opt_out_type: str | None = None

    @property
    def is_outbound(self) -> bool:
        return self.direction is not Direction.INBOUND


@dataclass(frozen=True, slots=True)
class Alert:
    """One line of the carrier's debugger (Monitor Alerts)."""

    sid: str
    account_sid: str
    error_code: int
    text: str
    resource_sid: str
    request_url: str
    request_method: str
    raised_at: datetime
    variables: Mapping[str, str] = field(default_factory=dict)
