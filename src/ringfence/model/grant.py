"""Grants: named permissions an operator gives one agent, for some people, some texts, some hours, so
many times, until then. A grant stands in for the person a rule asks for; it lifts no refusal, and no
grant is for everything."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from ringfence.model.draft import Category
from ringfence.model.message import MessageClass
from ringfence.model.phone import PhoneNumber

# What `Traits.basis` begins with, of a text that left the gate on a grant; the grant's id follows.
_BASIS = "grant:"


class GrantGroup(Enum):
    """To whom, the narrowest first. NAMED: the recipients listed in the grant and nobody else.
    OWNERS: the line's owners. PAIRED: whoever is let in on the line (owners, allow list, paired).
    LISTED: those, and the line's outbound list. CONSENTED: people who agreed to what the text is
    about. ANYONE: whoever the other rules let through."""

    NAMED = "named"
    OWNERS = "owners"
    PAIRED = "paired"
    LISTED = "listed"
    CONSENTED = "consented"
    ANYONE = "anyone"

    @property
    def breadth(self) -> int:
        return _BREADTH[self]

    @property
    def on_lists(self) -> bool:
        """Somebody wrote down who these people are."""
        return self.breadth <= _BREADTH[GrantGroup.LISTED]


_BREADTH = {group: breadth for breadth, group in enumerate(GrantGroup)}


class GrantState(Enum):
    """ACTIVE can be used. USED_UP cannot, but what left the gate on it may still go; after REVOKED
    and EXPIRED nothing goes."""

    ACTIVE = "active"
    USED_UP = "used_up"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class GrantScope:
    """Which texts to whom. An empty set of `categories`, `templates` or `programmes` means any of
    them, empty `hours` any time; an empty `line` of the grant means every line. `recipients` count
    with the group NAMED only. `templates` are names, or `name@version`; `hours` are windows by the
    line's clock (policy/windows.py)."""

    group: GrantGroup
    recipients: frozenset[PhoneNumber] = field(default=frozenset(), repr=False)
    classes: frozenset[MessageClass] = frozenset()
    categories: frozenset[Category] = frozenset()
    templates: frozenset[str] = frozenset()
    programmes: frozenset[str] = frozenset()
    hours: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """One grant. `count_max` None means no count, `valid_until` None no end; the end itself is not
    in it any more."""

    id: str
    name: str
    agent: str
    line: str
    scope: GrantScope
    count_max: int | None
    valid_from: datetime
    valid_until: datetime | None
    created_at: datetime
    created_by: str
    used: int = 0
    state: GrantState = GrantState.ACTIVE
    ended_at: datetime | None = None
    ended_by: str = ""
    note: str = ""

    @property
    def left(self) -> int | None:
        """How many uses are left; None where nobody counts."""
        return None if self.count_max is None else max(0, self.count_max - self.used)

    def in_time(self, now: datetime) -> bool:
        return self.valid_from <= now and (self.valid_until is None or now < self.valid_until)

    def usable(self, now: datetime) -> bool:
        """Whether one more text may leave the gate on it."""
        return self.state is GrantState.ACTIVE and self.in_time(now) and self.left != 0

    def stands(self, now: datetime) -> bool:
        """Whether what left the gate on it may still go."""
        return self.state in (GrantState.ACTIVE, GrantState.USED_UP) and self.in_time(now)

    def state_at(self, now: datetime) -> GrantState:
        """As people are told: past its end it is expired, whether or not that was put on record."""
        over = self.valid_until is not None and self.valid_until <= now
        return GrantState.EXPIRED if over and self.state is GrantState.ACTIVE else self.state


@dataclass(frozen=True, slots=True)
class GrantUse:
    """One text that left the gate on a grant."""

    grant_id: str
    message_id: str
    contact_id: str
    at: datetime


def basis_on(grant_id: str) -> str:
    """The basis (`Traits.basis`) of a text that left the gate on this grant."""
    return _BASIS + grant_id


def grant_of(basis: str) -> str:
    """The grant a basis names; empty for any other basis."""
    return basis.removeprefix(_BASIS) if basis.startswith(_BASIS) else ""
