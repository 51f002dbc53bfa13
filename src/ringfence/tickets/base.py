"""The contract of a ticket system, on one page. A system turns an errand into a conversation: it
yields what to ask the other side and is sent the answer, until it returns what came of it. It opens
no socket, reads no clock, writes no log. A reason is a word or two, never a text or a number."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Protocol, TypeVar

import orjson

from ringfence.model.mail import Mail, MailReply
from ringfence.model.ticket import Ticket, TicketTask
from ringfence.model.wire import WireRequest, WireResponse

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AlertView:
    """What a ticket says of its alert. `acknowledged_by` is a name, never a number."""

    number: int
    title: str = field(repr=False)
    severity: str
    service: str
    flow: str
    state: str
    opened_at: datetime
    acknowledged_by: str = ""
    url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Errand:
    """One task to carry out at `now`. With `again`, an earlier try may have arrived: where the other
    side can be searched, look for it before doing it once more."""

    task: TicketTask
    ticket: Ticket
    alert: AlertView
    now: datetime
    again: bool = False


class OutcomeKind(Enum):
    """DONE. AGAIN: try later. REFUSED: not without a person."""

    DONE = "done"
    AGAIN = "again"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class TicketOutcome:
    """What came of a task. `slowly`: the other side is busy or silent, so wait at least a minute;
    `retry_after_s` is how long it asked for."""

    kind: OutcomeKind
    remote_id: str = ""
    url: str = field(default="", repr=False)
    reason: str = ""
    slowly: bool = False
    retry_after_s: float | None = None


def done(remote_id: str = "", url: str = "") -> TicketOutcome:
    return TicketOutcome(OutcomeKind.DONE, remote_id, url)


def again(
    reason: str, *, slowly: bool = False, retry_after_s: float | None = None
) -> TicketOutcome:
    return TicketOutcome(
        OutcomeKind.AGAIN, reason=reason, slowly=slowly, retry_after_s=retry_after_s
    )


def refused(reason: str) -> TicketOutcome:
    return TicketOutcome(OutcomeKind.REFUSED, reason=reason)


Asked = WireRequest | Mail
Answered = WireResponse | MailReply
Talk = Generator[Asked, Answered, T]
"""Asks, is sent the answers, and ends with a T. Nothing is thrown into it: one whose question gets
no answer is closed, and the task is tried again."""


class System(Protocol):
    """One system, one file. `name` is the word in the configuration (`kind`), `settings` the
    dataclass of its options. `local`: there is no other side, so its tasks are done at once."""

    name: str
    settings: type[Any]
    local: bool

    def problems(self, settings: Any) -> tuple[str, ...]:
        """What is wrong with the settings, each `option: words`; never shows a secret."""

    def carry_out(self, errand: Errand, settings: Any) -> Talk[TicketOutcome]: ...


class Ended(Exception):
    """A talk need go no further; `outcome` is what came of it."""

    def __init__(self, outcome: TicketOutcome) -> None:
        self.outcome = outcome
        super().__init__(outcome.reason)


def told(request: WireRequest) -> Talk[WireResponse]:
    """Ask over HTTP. Raises Ended for every answer but a 2xx."""
    answer = yield request
    assert isinstance(answer, WireResponse), "HTTP is answered by HTTP"
    if not 200 <= answer.status < 300:
        raise Ended(trouble(answer))
    return answer


def document(response: WireResponse) -> Any:
    """The answer's JSON. Raises Ended: it is not known what was done, so it is looked up."""
    try:
        return orjson.loads(response.body)
    except orjson.JSONDecodeError:
        raise Ended(again("bad_answer", slowly=True)) from None


_LATER = frozenset({408, 409, 423, 425, 429})
RETRY_AFTER_DIGITS_MAX = 6


def trouble(response: WireResponse) -> TicketOutcome:
    """What an answer other than 2xx means, whoever gave it: a server's own failure and a request to
    come later pass; what else it refuses it will refuse again."""
    reason = f"http_{response.status}"
    wanted = retry_after_s(response)
    if response.status in _LATER or response.status >= 500 or wanted is not None:
        slowly = response.status in (429, 503) or wanted is not None
        return again(reason, slowly=slowly, retry_after_s=wanted)
    return refused(reason)


def retry_after_s(response: WireResponse) -> float | None:
    """RFC 9110 section 10.2.3, the seconds form; a date would need the other side's clock."""
    value = response.headers.get("retry-after", "").strip()
    usable = value.isascii() and value.isdigit() and len(value) <= RETRY_AFTER_DIGITS_MAX
    return float(value) if usable else None
