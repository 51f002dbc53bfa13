"""People at numbers: what the store knows of one number, and who they are to a line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from ringfence.model.phone import PhoneNumber


class Role(Enum):
    """Who a contact is to one line. OWNER: in `owners`; MEMBER: on the allow list; GUEST: paired;
    RESPONDER: somebody who can be on call, for alerts alone and never to an agent; STRANGER: nobody
    we know."""

    OWNER = "owner"
    MEMBER = "member"
    GUEST = "guest"
    RESPONDER = "responder"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of a number across all lines. `opt_out_source` is `keyword`, `operator` or
    `provider` while opted out, else empty: a keyword opt-in lifts only keyword opt-outs. `zone` is
    the IANA zone somebody entered for them, empty when nobody did."""

    number: PhoneNumber
    contact_id: str
    blocked: bool = False
    opt_out_source: str = ""
    passive_replies: int = 0
    zone: str = ""


class PairingState(Enum):
    PENDING = "pending"
    APPROVED = "approved"
    DISMISSED = "dismissed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class PairingRequest:
    """A stranger asked; an owner approves with the code."""

    id: str
    line: str
    number: PhoneNumber
    code: str
    state: PairingState
    created_at: datetime
    expires_at: datetime
    last_seen_at: datetime
    seen_count: int = 1
    answered: bool = True


class PauseReason(Enum):
    """Why nothing automatic may go to a person: an emergency in their words, or a person of ours
    took over."""

    EMERGENCY = "emergency"
    HANDOVER = "handover"


@dataclass(frozen=True, slots=True)
class Pause:
    """Until it is lifted, nothing automatic goes to the person. `line` is empty for every line;
    `message_id` is the text that caused it."""

    number: PhoneNumber
    line: str
    why: PauseReason
    since: datetime
    actor: str
    message_id: str = ""


class SwitchScope(Enum):
    """What a kill switch stops."""

    EVERYTHING = "everything"
    LINE = "line"
    AGENT = "agent"
    CONTACT = "contact"
    FLOW = "flow"


@dataclass(frozen=True, slots=True)
class Switch:
    """An engaged kill switch. `subject` is the line, agent, E.164 or flow; empty for EVERYTHING."""

    scope: SwitchScope
    subject: str
    engaged_at: datetime
    reason: str
    actor: str
