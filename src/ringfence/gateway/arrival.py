"""A message on its way in: as it arrived, and with what was decided about it. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ringfence.gateway import acknowledging
from ringfence.model.audit import AuditEntry
from ringfence.model.contact import PauseReason
from ringfence.model.line import Line
from ringfence.model.message import (
    InboundMessage,
    Message,
)
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Decision
from ringfence.text.keywords import Keyword, KeywordKind

ACTED_ON = frozenset({KeywordKind.OPT_OUT, KeywordKind.OPT_IN, KeywordKind.HELP})
"""Keywords that Ringfence itself acts on."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An inbound message on its way into the transaction, under the id it will have. `token` names
    the event in the log; `urgent` is what its words speak of (`emergency`, `self_harm`)."""

    line: Line
    id: str
    event: InboundMessage
    number: PhoneNumber
    keyword: Keyword
    at: datetime
    token: str = ""
    urgent: str = ""


@dataclass(frozen=True, slots=True)
class Admission:
    """An arrival and what was decided about it; `keyword` is the one that is heeded, `paused` is why
    nothing automatic goes to the person, `heard` a responder's word about alerts."""

    line: Line
    keyword: Keyword
    message: Message
    decision: Decision
    entry: AuditEntry
    urgent: str = ""
    paused: PauseReason | None = None
    heard: acknowledging.Heard | None = None
