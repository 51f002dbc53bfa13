"""Principals: who calls, and the one table that says what each kind may do. What an agent may do
stands here as a short literal; nothing at run time adds to it (P2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

# Names stand in audit entries and in `agent:NAME`: no space, no colon, nothing like a number.
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}", re.ASCII)
_DIGITS = re.compile(r"[0-9][0-9._-]{5,}[0-9]", re.ASCII)


class PrincipalKind(Enum):
    """OPERATOR: everything. APPROVER: looks, says yes or no to drafts, and acts on alerts. VIEWER: looks. AGENT:
    proposes, and sees its own. EVENTS: posts events and sees nothing."""

    OPERATOR = "operator"
    APPROVER = "approver"
    VIEWER = "viewer"
    AGENT = "agent"
    EVENTS = "events"


class Permission(Enum):
    """What a route asks of its caller. The names are stable: audit entries and `me` show them."""

    PROPOSE = "propose"  # offer a message to the gate
    READ_OWN = "read_own"  # what one proposed, and what was let in on one's lines
    READ = "read"  # messages, drafts, grants, consent, contacts, policy, switches: looking only
    AUDIT = "audit"  # look into the audit log
    HEALTH = "health"  # health and metrics
    APPROVE = "approve"  # decide drafts
    GRANT = "grant"  # add and revoke grants
    CONSENT = "consent"  # record, import and withdraw consent
    CONTACTS = "contacts"  # block, pair, pause, erase people
    TEMPLATES = "templates"  # change templates
    POLICY = "policy"  # change what the rules say
    STOP = "stop"  # engage a kill switch
    RESUME = "resume"  # release one
    TOKENS = "tokens"  # create, list and revoke tokens
    EVENTS = "events"  # post events
    ALERTS = "alerts"  # take, pass on and end alerts; change who is on call; maintenance
    TICKETS = "tickets"  # try again what a ticket system was not told


_OPERATOR = frozenset({PrincipalKind.OPERATOR})
_PEOPLE = frozenset({PrincipalKind.OPERATOR, PrincipalKind.APPROVER, PrincipalKind.VIEWER})

PERMISSIONS: dict[Permission, frozenset[PrincipalKind]] = {
    Permission.PROPOSE: frozenset({PrincipalKind.OPERATOR, PrincipalKind.AGENT}),
    Permission.READ_OWN: _PEOPLE | {PrincipalKind.AGENT},
    Permission.READ: _PEOPLE,
    Permission.AUDIT: _PEOPLE,
    Permission.HEALTH: _PEOPLE | {PrincipalKind.AGENT},
    Permission.APPROVE: frozenset({PrincipalKind.OPERATOR, PrincipalKind.APPROVER}),
    Permission.GRANT: _OPERATOR,
    Permission.CONSENT: _OPERATOR,
    Permission.CONTACTS: _OPERATOR,
    Permission.TEMPLATES: _OPERATOR,
    Permission.POLICY: _OPERATOR,
    Permission.STOP: _OPERATOR,
    Permission.RESUME: _OPERATOR,
    Permission.TOKENS: _OPERATOR,
    Permission.EVENTS: frozenset({PrincipalKind.OPERATOR, PrincipalKind.EVENTS}),
    Permission.ALERTS: frozenset({PrincipalKind.OPERATOR, PrincipalKind.APPROVER}),
    Permission.TICKETS: _OPERATOR,
}
"""The whole of it: a permission that is not here is nobody's."""

WHOLE_HOUSE = frozenset(
    {
        Permission.TOKENS,
        Permission.POLICY,
        Permission.AUDIT,
        Permission.CONSENT,
        Permission.CONTACTS,
        Permission.TICKETS,
    }
)
"""What has no line to be kept to: a principal that is kept to some lines has none of these."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. `lines` None means every line. `agent` is the agent's id, for agents only;
    `token_id` is empty for those who need no token."""

    kind: PrincipalKind
    name: str
    lines: frozenset[str] | None = None
    token_id: str = ""
    agent: str = ""

    @property
    def actor(self) -> str:
        """As audit entries and initiators name them: `operator:ann`, `agent:shop`."""
        return f"{self.kind.value}:{self.agent or self.name}"

    @property
    def permissions(self) -> frozenset[Permission]:
        return frozenset(permission for permission in Permission if self.may(permission))

    def may(self, permission: Permission) -> bool:
        if self.lines is not None and permission in WHOLE_HOUSE:
            return False
        return self.kind in PERMISSIONS.get(permission, frozenset())

    def covers(self, line: str) -> bool:
        """Whether this line is among the principal's."""
        return self.lines is None or line in self.lines


LOCAL = Principal(PrincipalKind.AGENT, "local", agent="local")
"""Any program on this machine that shows no token: the least of agents (ADR 0008)."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is kept: everything but the token itself, of which only a hash is stored."""

    id: str
    kind: PrincipalKind
    name: str
    agent: str
    lines: frozenset[str] | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def state(self, now: datetime) -> str:
        """active, expired or revoked."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"

    @property
    def principal(self) -> Principal:
        return Principal(self.kind, self.name, self.lines, self.id, self.agent)


def is_name(text: str) -> bool:
    """Whether a principal or an agent may be called so."""
    return _NAME.fullmatch(text) is not None and _DIGITS.search(text) is None
