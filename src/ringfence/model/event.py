"""Events: what a trusted system said happened, whoever it is and however it says it. An event starts
templates, never free text; nothing of it is a command. What it says of people and money (subject,
title, data) never prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Any


class Severity(Enum):
    """How bad, in PagerDuty's four words, which every other source's words are mapped to."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """Larger is worse."""
        return _RANKS[self]


_RANKS = {
    Severity.INFO: 0,
    Severity.WARNING: 1,
    Severity.ERROR: 2,
    Severity.CRITICAL: 3,
}


class EventAction(Enum):
    """What an event does to the alert of its dedupe key: TRIGGER opens it or joins it, ACKNOWLEDGE
    says somebody has it, RESOLVE that it is over. Events that are no alerts are triggers."""

    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Link:
    """A page about it, for people."""

    href: str
    text: str = ""


_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `id` is the source's own name of it, the same in every delivery; empty when the
    source names none. `dedupe_key` is what alerts are found by: events with the same key speak of
    the same thing. `at` is when it became so, not when it was told. `group` is what the source
    itself bundles by. `data` is JSON; `attributes` is what the source says beside it."""

    id: str
    source: str
    type: str
    at: datetime
    severity: Severity = Severity.INFO
    action: EventAction = EventAction.TRIGGER
    subject: str = field(default="", repr=False)
    title: str = field(default="", repr=False)
    data: Mapping[str, Any] = field(default_factory=lambda: _NOTHING, repr=False)
    attributes: Mapping[str, Any] = field(default_factory=lambda: _NOTHING, repr=False)
    dedupe_key: str = field(default="", repr=False)
    group: str = field(default="", repr=False)
    links: tuple[Link, ...] = field(default=(), repr=False)

    def named(self, fallback: str) -> Event:
        """The event with `fallback` (our id of it) where the source named neither the event nor what
        it is about: nothing else will ever be the same."""
        return replace(
            self, id=self.id or fallback, dedupe_key=self.dedupe_key or self.id or fallback
        )
