"""The contract of a provider codec: texts on one page, calls on another. A codec turns our values into
wire requests and wire bytes into our values; it opens no socket, reads no clock, writes no log.
Parsers take only `Verified`, which only `verify` and `verify_call` make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol, runtime_checkable

from ringfence.model.call import Answerer, CallEvent, CallState
from ringfence.model.instruction import Instruction
from ringfence.model.line import Line
from ringfence.model.message import InboundMessage, MessageStatus, StatusCallback
from ringfence.model.outbox import ErrorClass, Outcome
from ringfence.model.wire import WebhookRequest, WireRequest, WireResponse


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do; the docs matrix is generated from it. `yes_lifts`: it lifts its own block
    of a person on YES, as on START."""

    sms: bool = True
    mms: bool = False
    messaging_service: bool = False
    status_callbacks: bool = True
    fetch: bool = False
    list: bool = False
    probe: bool = False
    yes_lifts: bool = True


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


@dataclass(frozen=True, slots=True)
class ListedMessage:
    """A message of a line as its provider lists it. `webhook` are the fields with which an inbound one
    would have been told of, as far as the list has them; empty for what we sent."""

    message: RemoteMessage
    webhook: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class MessagePage:
    """One page of a line's messages, newest first; `oldest` is of the page's last row, ours or not;
    `more` asks for the next page."""

    messages: tuple[ListedMessage, ...]
    oldest: datetime | None
    more: WireRequest | None


Event = InboundMessage | StatusCallback


@runtime_checkable
class ListsMessages(Protocol):
    """A provider whose own list of a line's messages can be read."""

    def listed_since(self, since: datetime, line: Line) -> Sequence[WireRequest]:
        """The first page of each list that has to be read (date precision is the provider's)."""

    def listed(self, response: WireResponse, line: Line) -> MessagePage:
        """Raises as `fetched`."""


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


# -- calls --------------------------------------------------------------------------------------------

CALL_LIMIT_S_MAX = 14_400  # the longest ceiling every provider takes (facts voice 1.1, 1.6)
RING_S_MAX = 600


@dataclass(frozen=True, slots=True)
class CallCapabilities:
    """What a provider can do with calls. `answers_with_instructions`: what to do next is the answer to
    its webhook (else it is told by requests of ours). `tried_again_safely`: a repeated request to place
    the same call places none."""

    answers_with_instructions: bool = True
    tried_again_safely: bool = False
    detects_machines: bool = False
    conferences: bool = False
    takes_messages: bool = False
    streams: bool = False
    relay: bool = False
    digits_on_live_call: bool = False


class Detection(Enum):
    """Whether the provider listens for an answering machine. FAST says who picked up; PATIENT waits
    until a machine's greeting is over, so that a message can be left."""

    NONE = "none"
    FAST = "fast"
    PATIENT = "patient"


@dataclass(frozen=True, slots=True)
class OutboundCall:
    """One call to place. `limit_s` is the provider's own ceiling from the answer on (P12), `ring_s` how
    long it rings. `instructions` travel with the request where they fit; else, or when there are none,
    the provider asks at `turn`. What travels along is played to whoever picks up, a machine too. With
    `detects_meanwhile` the call goes on while the provider listens; else it asks once it knows.

    Raises ValueError for a limit no provider takes: a call without a ceiling must not exist."""

    our_id: str
    to: str = field(repr=False)
    limit_s: int
    ring_s: int = 30
    turn: str = ""
    instructions: tuple[Instruction, ...] = ()
    detection: Detection = Detection.NONE
    detects_meanwhile: bool = True
    digits: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not 1 <= self.limit_s <= CALL_LIMIT_S_MAX:
            raise ValueError(f"a call lasts 1 to {CALL_LIMIT_S_MAX} seconds")
        if not 5 <= self.ring_s <= RING_S_MAX:
            raise ValueError(f"a call rings 5 to {RING_S_MAX} seconds")


@dataclass(frozen=True, slots=True)
class RemoteCall:
    """A call as the provider lists or returns it. Times are aware UTC; `parent_id` is the call from
    which this leg was dialled."""

    provider_id: str
    to: str = field(repr=False)
    sender: str = field(repr=False)
    state: CallState
    inbound: bool
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    lasted_s: int | None = None
    answered_by: Answerer | None = None
    parent_id: str = ""


class Told(Enum):
    """What came of telling a live call something. GONE: it is over already, which for hanging up is
    what was wanted."""

    DONE = "done"
    GONE = "gone"


@runtime_checkable
class PlacesCalls(Protocol):
    """A provider that places and takes calls. The line's `voice_url` is where it asks and reports."""

    name: str
    call_capabilities: CallCapabilities

    def verify_call(self, request: WebhookRequest, line: Line) -> Verified:
        """Raise SignatureRefused unless the request is the provider's, for the line's `voice_url`."""

    def parse_call(self, verified: Verified) -> CallEvent | None:
        """None for an event of a call that tells us nothing: it is acknowledged and forgotten. Raise
        MalformedEvent for a signed request that is no event of a call."""

    def call_misdirected(self, event: CallEvent, line: Line) -> str:
        """Why the event is not this line's; empty when it is."""

    def call_dedupe_token(self, verified: Verified) -> str:
        """What is the same in every delivery of one event, made of signed parts only."""

    def place(self, call: OutboundCall, line: Line) -> WireRequest:
        """Raises ProviderMisconfigured for a line that cannot call."""

    def placed(self, response: WireResponse) -> Outcome: ...

    def answer_call(
        self, instructions: Sequence[Instruction], our_id: str, line: Line
    ) -> WireResponse:
        """The answer to a webhook that asks: the instructions, or nothing where they go by `tell`."""

    def tell(
        self, instructions: Sequence[Instruction], provider_id: str, our_id: str, line: Line
    ) -> Sequence[WireRequest]:
        """Give a live call other instructions: requests to be made in this order. The last one does
        it; what comes before it prepares, and a refusal of that is no failure. Where they are more
        than the provider takes at once, it comes back with the rest (see WhatNext). Let them end with
        a question or a hang-up: used up, a document ends the call and commands leave it as it is.
        Raises ValueError for what cannot be told to one."""

    def hang_up(self, provider_id: str, line: Line) -> WireRequest: ...

    def told(self, response: WireResponse) -> Told:
        """The answer to `tell` or `hang_up`. Raises as `fetched`."""

    def fetch_call(self, provider_id: str, line: Line) -> WireRequest: ...

    def call_fetched(self, response: WireResponse) -> RemoteCall:
        """Raises as `fetched`."""

    def classify_call(self, error_code: int | None) -> ErrorClass:
        """What an error code of a call means for us."""


@runtime_checkable
class TakesCalls(Protocol):
    """A provider that is told by a request to answer a caller: every one whose capabilities do not say
    `answers_with_instructions`."""

    def take(
        self, instructions: Sequence[Instruction], provider_id: str, our_id: str, line: Line
    ) -> Sequence[WireRequest]:
        """Answer a call that came in and give it these instructions, or refuse it. As `tell`."""


@runtime_checkable
class KeepsRecordings(Protocol):
    """A provider that records messages: every one whose capabilities say `takes_messages`."""

    def recording(self, url: str, line: Line) -> WireRequest:
        """The sound of one, by the address its report gave. Raises MediaRefused for an address that is
        not to be asked."""


@dataclass(frozen=True, slots=True)
class CallPage:
    """One page of a line's calls, newest first; `more` asks for the next page."""

    calls: tuple[RemoteCall, ...]
    more: WireRequest | None


@runtime_checkable
class ListsCalls(Protocol):
    """A provider whose calls can be listed: to find one whose placing was not answered."""

    def find_calls(self, to: str, since: datetime, line: Line) -> WireRequest:
        """The first page of what this line called, or was called by; `to` empty means anybody."""

    def calls_found(self, response: WireResponse, line: Line) -> CallPage:
        """Raises as `fetched`."""
