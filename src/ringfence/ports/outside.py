"""Time, the wire and agents: what the shell needs from outside besides the store, as Protocols."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from ringfence.model.mail import Mail, MailReply
from ringfence.model.wire import WireRequest, WireResponse


class Clock(Protocol):
    """The time, aware UTC, and the only way to wait."""

    def now(self) -> datetime: ...
    def monotonic(self) -> float:
        """Seconds of a clock that only goes on."""

    async def sleep(self, seconds: float) -> None: ...


class Http(Protocol):
    """Sends one request. Raises NotDispatched or PossiblyDispatched; never retries."""

    async def send(self, request: WireRequest) -> WireResponse: ...


class Mailer(Protocol):
    """Hands one mail to a mail server. Raises NotDispatched or PossiblyDispatched; never retries."""

    async def send(self, mail: Mail) -> MailReply: ...


# -- agents ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attachment:
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """An earlier message of the same conversation; `ours` when we sent it."""

    ours: bool
    body: str


@dataclass(frozen=True, slots=True)
class AgentTurn:
    """What an agent is given: the newest message, who (opaque), and the history for agents that
    keep none. `turn_id` and `received_at` are the same in every try (B037): an agent may use
    the id as an idempotency key. `channel` is `text`, or `call` where the answer is spoken."""

    turn_id: str
    contact_id: str
    line: str
    body: str
    role: str
    attachments: tuple[Attachment, ...] = ()
    unavailable: tuple[str, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    received_at: datetime | None = None
    channel: str = "text"


@dataclass(frozen=True, slots=True)
class AgentReply:
    """What an agent said. Empty `text` means silence. `hold` says why a person must look before
    this goes out (a cut-off answer, say). `provenance` is kept with the message."""

    text: str
    hold: str = ""
    media_urls: tuple[str, ...] = ()
    provenance: Mapping[str, Any] | None = None


class Agent(Protocol):
    """One way to reach an agent. Raises AgentUnavailable (try later), AgentTimeout, AgentRefused."""

    id: str
    keeps_history: bool

    async def reply(self, turn: AgentTurn) -> AgentReply: ...
    async def check(self) -> str:
        """Empty when the agent answers as it should, else what is wrong and how to mend it."""

    async def close(self) -> None: ...
