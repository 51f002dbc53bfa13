"""Intake: what a line asks people who write to it, in order, and how far it came with one of them.
Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from ringfence.model.phone import PhoneNumber
from ringfence.model.template import Field


@dataclass(frozen=True, slots=True)
class IntakeField:
    """One thing to ask: the question as the person reads it, and what counts as an answer."""

    name: str
    ask: str
    field: Field


@dataclass(frozen=True, slots=True)
class IntakeForm:
    """All a line asks. `acknowledge` is a template sent first (empty: none); `thanks` is said at the end
    and when a person takes over (empty: our own words); a question is asked `tries_max` times at most;
    `silence` without an answer ends it; `draft`: the agent drafts an answer for a person to read."""

    fields: tuple[IntakeField, ...]
    acknowledge: str = ""
    thanks: str = ""
    tries_max: int = 3
    silence: timedelta = timedelta(hours=24)
    draft: bool = False

    def following(self, name: str) -> IntakeField | None:
        """The field after the one called `name`; the first after nothing, None after the last."""
        names = [one.name for one in self.fields]
        at = names.index(name) + 1 if name in names else 0
        return self.fields[at] if at < len(self.fields) else None

    def called(self, name: str) -> IntakeField | None:
        return next((one for one in self.fields if one.name == name), None)


class IntakeState(Enum):
    """ASKING until it ends: DONE with every answer; HANDED_OVER to a person before that; ABANDONED by
    silence, or by a STOP."""

    ASKING = "asking"
    DONE = "done"
    HANDED_OVER = "handed_over"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class Intake:
    """The newest intake of a person on a line. `answers` are by field; `asked` is the field whose answer
    is awaited, for the `tries`-th time; `message_id` is the text it began with."""

    number: PhoneNumber
    line: str
    state: IntakeState
    message_id: str
    started_at: datetime
    updated_at: datetime
    answers: Mapping[str, str] = field(default_factory=dict)
    asked: str = ""
    tries: int = 1
