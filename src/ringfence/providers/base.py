"""The contract of a provider codec, on one page. A codec turns our values into wire requests and
wire bytes into our values; it opens no socket, reads no clock, writes no log. Parsers take only
`Verified`, which only `verify` makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from ringfence.model.line import Line
from ringfence.model.message import InboundMessage, MessageStatus, StatusCallback
from ringfence.model.outbox import ErrorClass, Outcome
from ringfence.providers.wire import WebhookRequest, WireRequest, WireResponse


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do; the docs matrix is generated from it."""

    sms: bool = True
    mms: bool = False
    messaging_service: bool = False
    status_callbacks: bool = True
    fetch: bool = False
    list: bool = False
    probe: bool = False


@dataclass(frozen=True, slots=True)
class Verified:
    """A webhook whose signature held. `fields` keep order and repeats; `signed` is the text the
    signature covers of them, empty when nothing was checked. Made by `verify` alone."""

    request: WebhookRequest
    fields: tuple[tuple[str, str], ...]
    signed: str = ""


@dataclass(frozen=True, slots=True)
class OutboundText:
    """One part to send. `our_id` is the outbox item's id; the callback URL carries it."""

    our_id: str
    to: str
    body: str
    media_urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RemoteMessage:
    """A message as the provider lists or returns it."""

    provider_id: str
    to: str
    sender: str
    body: str
    status: MessageStatus
    error_code: int | None
    created_at: datetime | None
    inbound: bool = False
    segments: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a probe: never holds a phone number (B103)."""

    check: str
    ok: bool
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class OptOutSign:
    """A trace at the provider of somebody who opted out there, or came back: `number` as listed,
    `provider_id` the entry or message it was read from, `word` the keyword or error code."""

    number: str
    at: datetime | None
    opted_in: bool
    provider_id: str
    word: str


@dataclass(frozen=True, slots=True)
class OptOutPage:
    """One page of such traces, newest first; `oldest` is of the page's last row, trace or not;
    `more` asks for the next page."""

    signs: tuple[OptOutSign, ...]
    oldest: datetime | None
    more: WireRequest | None


Event = InboundMessage | StatusCallback


@runtime_checkable
class ListsOptOuts(Protocol):
    """A provider at which opt-outs can be looked up. `opt_outs_seen_in` says in words where, and
    what cannot be seen there."""

    opt_outs_seen_in: str

    def opt_outs(self, line: Line) -> Sequence[WireRequest]:
        """The first page of each list that has to be read."""

    def opt_outs_listed(self, response: WireResponse, line: Line) -> OptOutPage:
        """Raises as `fetched`."""


class Provider(Protocol):
    """One provider, one file. `name` is the word in the configuration."""

    name: str
    capabilities: Capabilities

    def verify(self, request: WebhookRequest, line: Line) -> Verified:
        """Raise SignatureRefused unless the request is the provider's, for this line's URL."""

    def parse(self, verified: Verified) -> Event:
        """Raise MalformedEvent for a signed request that is no event of ours."""

    def misdirected(self, event: Event, line: Line) -> str:
        """Why the event is not this line's (account, service, number); empty when it is."""

    def dedupe_token(self, verified: Verified) -> str:
        """What is the same in every delivery of one event."""

    def acknowledgement(self) -> WireResponse:
        """The 200 that tells the provider: stored, nothing to say."""

    def send(self, text: OutboundText, line: Line) -> WireRequest: ...

    def sent(self, response: WireResponse) -> Outcome:
        """Read a send's answer into one of the four outcomes."""

    def fetch(self, provider_id: str, line: Line) -> WireRequest: ...

    def fetched(self, response: WireResponse) -> RemoteMessage: ...

    def find(self, to: str, since: datetime, line: Line) -> WireRequest:
        """List what this line sent `to` since then (date precision is the provider's)."""

    def found(self, response: WireResponse) -> Sequence[RemoteMessage]: ...

    def media(self, url: str, line: Line) -> WireRequest:
        """Fetch an inbound attachment. Raise MediaRefused for a URL that is not this line's."""

    def classify(self, error_code: int | None) -> ErrorClass:
        """What an error code means for us, wherever it came from."""

    def probe_requests(self, line: Line) -> Sequence[tuple[str, WireRequest]]:
        """Named read-only requests that tell whether the line is set up."""

    def probe_findings(
        self, answers: Sequence[tuple[str, WireResponse]], line: Line
    ) -> Sequence[Finding]: ...
