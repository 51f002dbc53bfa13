"""The contract of an event source, on one page. A source turns a request's bytes into events; it
opens no socket, reads no clock, writes no log. `parse` takes only `Verified`, which only `verify`
makes. An error names the field and the rule, never a secret and nothing of the body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol, runtime_checkable

from ringfence.model.errors import BodyTooLarge
from ringfence.model.event import Event
from ringfence.model.line import Secret

KIB = 1024
EVENTS_MAX = 1_000


class WebhookRequest(Protocol):
    """What a source sees of a request; `model.wire.WebhookRequest` is one, and so is what a test
    makes up. `query` is raw and without `?`; header names are lower case; `body` is as it came."""

    @property
    def method(self) -> str: ...
    @property
    def query(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...


class Signing(Enum):
    """NEVER: a token is all there is, and it is the door's business. OFFERED: checked as soon as a
    secret is configured. ALWAYS: nothing is let in without a secret."""

    NEVER = "never"
    OFFERED = "offered"
    ALWAYS = "always"


class Naming(Enum):
    """What an `Event.id` of this source names. EVENT: one occurrence; the same id again is the same
    event, for ever. STATE: that something is so since `at`; it is told again and again, and may come
    back with the time it had, so compare it with the alert as it stands, and with neither every id
    ever seen nor the time alone."""

    EVENT = "event"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a source can say; the docs matrix is made from it. `answer_within_s` is the sender's
    patience where it is shorter than usual."""

    signing: Signing = Signing.NEVER
    naming: Naming = Naming.EVENT
    batches: bool = False
    acknowledges: bool = False
    resolves: bool = False
    body_bytes_max: int = 512 * KIB
    answer_within_s: float | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """A request that is the source's, as far as the source can tell. Made by `verify` alone."""

    request: WebhookRequest = field(repr=False)
    received_at: datetime


class Source(Protocol):
    """One source, one file. `name` is the word in the path and the configuration."""

    name: str
    capabilities: Capabilities

    def verify(self, request: WebhookRequest, secrets: Sequence[Secret], now: datetime) -> Verified:
        """Raise SignatureRefused unless a secret signed the request lately, BodyTooLarge for more
        than the source ever sends. `secrets` are several while one is replaced."""

    def parse(self, verified: Verified) -> list[Event]:
        """The events in the order they came; raise MalformedEvent, naming the field. A type that is
        not known is an event of that type."""


@runtime_checkable
class CarriesToken(Protocol):
    """A source whose programs put the token elsewhere than in the Authorization header."""

    def token(self, request: WebhookRequest) -> str:
        """The token, empty when there is none. Never raises: nothing was checked yet."""


@runtime_checkable
class Answers(Protocol):
    """A source whose programs read the answer."""

    def answer(self, events: Sequence[Event]) -> Mapping[str, str]:
        """The JSON fields of the 202, after `Event.named` filled in what was missing."""


def admitted(request: WebhookRequest, capabilities: Capabilities, now: datetime) -> Verified:
    """What every `verify` ends with. Raises BodyTooLarge; call it before hashing a body."""
    if len(request.body) > capabilities.body_bytes_max:
        raise BodyTooLarge(f"This source takes at most {capabilities.body_bytes_max} bytes.")
    return Verified(request, now)
