"""What is proposed to the gate, and what became of it. Values only; `review` is the way in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ringfence.model.draft import Category
from ringfence.model.line import Line
from ringfence.model.message import MediaRef, MessageClass, MessageStatus
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act, Reason
from ringfence.text.segments import Segments


@dataclass(frozen=True, slots=True)
class Proposal:
    """A message somebody or something wants sent. `body` is plain text, not empty unless there is
    media; `caution` says why a person must look first; `template` is `name@version`; `programme` is
    what the person gets texts about (the line's own when empty); `replaces` is the draft this is an
    edited text of. `lifetime` is how long it may wait to leave (None: the line's time), `use_until`
    when it has lost its use whatever it waits for; neither given, an alert has lost it after half an
    hour. `fallback` is the line on which it waited in vain."""

    line: Line
    number: PhoneNumber
    body: str
    act: Act
    initiator: str
    message_class: MessageClass = MessageClass.FREE_TEXT
    media: tuple[MediaRef, ...] = ()
    in_reply_to: str = ""
    caution: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    category: Category = Category.CONVERSATION
    programme: str = ""
    template: str = ""
    flow: str = ""
    replaces: str = ""
    lifetime: timedelta | None = None
    use_until: datetime | None = None
    fallback: str = ""


@dataclass(frozen=True, slots=True)
class Proposed:
    """What became of a proposal: the message's id, its status, and why; the draft's code where a
    person must say yes, `until` where only time holds it."""

    message_id: str
    status: MessageStatus
    reasons: tuple[Reason, ...]
    parts: tuple[Segments, ...]
    code: str = ""
    until: datetime | None = None
