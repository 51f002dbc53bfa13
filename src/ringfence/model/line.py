"""Lines: one configured sender (a number or Messaging Service on one provider account), its
credentials and its purpose. Values only; the configuration floor builds them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING

from ringfence.model.intake import IntakeForm
from ringfence.model.phone import PhoneNumber, same_digits

if TYPE_CHECKING:  # it needs this module's words
    from ringfence.model.voice import VoiceSettings


class Purpose(Enum):
    """A preset of policy (product.md, Lines and their purposes)."""

    HOTLINE = "hotline"
    INTAKE = "intake"
    NOTIFY = "notify"


class AccessPolicy(Enum):
    """Who may write in (`dmPolicy`)."""

    PAIRING = "pairing"
    ALLOWLIST = "allowlist"
    OPEN = "open"
    DISABLED = "disabled"


class OptOutReplies(Enum):
    """Who confirms STOP and answers HELP: exactly one of the two (facts 2.8)."""

    PROVIDER = "provider"
    RINGFENCE = "ringfence"


class Secret:
    """A credential that never prints itself (P9). `reveal()` is the explicit way out."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(•••)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a provider account needs. `auth_tokens`: our requests carry the first; where the provider
    signs webhooks with them, all are accepted, so that a token can be rotated (facts 2.4). An API key,
    when given, replaces the account id and token as REST credentials. `public_keys`: where it signs
    with a key of its own instead, the ones accepted, as its portal shows them."""

    account_id: str
    auth_tokens: tuple[Secret, ...]
    api_key_id: str | None = None
    api_key_secret: Secret | None = None
    public_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """Attachment limits (behaviours F). Bytes, counts, seconds."""

    image_bytes_max: int = 5_000_000
    other_bytes_max: int = 500_000
    inbound_count_max: int = 10
    inbound_bytes_max: int = 5 * 1024 * 1024
    hosted_count_max: int = 64
    hosted_ttl: timedelta = timedelta(minutes=10)
    fetch_timeout_s: float = 60.0
    batch_timeout_s: float = 240.0


@dataclass(frozen=True, slots=True)
class InboundLimits:
    """The webhook's limits (behaviours A). Per fixed 60 s window unless named otherwise."""

    body_bytes_max: int = 32 * 1024
    body_timeout_s: float = 5.0
    concurrent_max: int = 64
    bad_requests_per_minute: int = 300
    messages_per_minute_per_sender: int = 30
    messages_per_minute_per_line: int = 6_000
    callbacks_per_minute: int = 60_000
    tracked_keys_max: int = 5_000


@dataclass(frozen=True, slots=True)
class Line:
    """One line as the flow sees it. `allow_to` are numbers an agent may write to, `test_recipients`
    those that get anything at all while the line is staged; `zone` is the IANA zone of its days and
    opening hours; `disclosure` is what a person is told first (empty: nothing is owed);
    `safe_reply` is what somebody who may be in need is answered (empty: our own words);
    `intake` is what people who write in are asked before anything else; `fallback` is the line that may
    take over what waits here while this one does not work (empty: none); `daily_segments` is what
    carriers take from the registered sender in a day (None: not watched); `voice_url` is where the
    provider asks about calls (None: the line takes and places none), `voice` how it makes them."""

    id: str
    provider: str
    credentials: Credentials
    number: PhoneNumber | None
    service_id: str | None
    public_url: str | None = field(repr=False)
    webhook_path: str
    api_base_url: str
    purpose: Purpose = Purpose.HOTLINE
    access: AccessPolicy = AccessPolicy.PAIRING
    allow_from: frozenset[str] = field(default=frozenset(), repr=False)
    allow_anyone: bool = False
    allow_to: frozenset[str] = field(default=frozenset(), repr=False)
    test_recipients: frozenset[str] = field(default=frozenset(), repr=False)
    owners: tuple[PhoneNumber, ...] = ()
    silent: bool = False
    notify_owner: bool = True
    optout_replies: OptOutReplies = OptOutReplies.PROVIDER
    agent_id: str = "default"
    name: str = ""
    default_to: PhoneNumber | None = None
    text_chunk_limit: int = 1500
    validate_signature: bool = True
    enabled: bool = True
    blocked_reason: str | None = None
    pairing_ttl: timedelta = timedelta(hours=1)
    message_ttl: timedelta = timedelta(hours=4)
    draft_ttl: timedelta = timedelta(hours=24)
    help_text: str = ""
    disclosure: str = ""
    safe_reply: str = ""
    intake: IntakeForm | None = None
    programme: str = ""
    zone: str = "UTC"
    daily_segments: int | None = None
    fallback: str = ""
    voice_url: str | None = field(default=None, repr=False)
    voice: VoiceSettings | None = None
    media: MediaLimits = field(default_factory=MediaLimits)
    inbound: InboundLimits = field(default_factory=InboundLimits)

    @property
    def label(self) -> str:
        return self.name or self.id

    def takes_calls_to(self, called: str) -> bool:
        """Calls to that number, in whatever formatting, are this line's: its own, or one it has a
        route for."""
        if self.voice is None:
            return False
        own = self.number is not None and same_digits(called, self.number.e164)
        return own or self.voice.routes_to(called)
