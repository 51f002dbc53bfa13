"""Calls under way, as ceilings count them: each line's number, and the minutes they may still use. Read
from the calls' own rows, so that neither a restart nor a lost report leaves a place taken (B130)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ringfence.model.call import Call
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.policy.call_time import begun_minutes
from ringfence.policy.facts import VolumeCounts

if TYPE_CHECKING:
    from ringfence.gateway.facts import Question


@dataclass(slots=True)
class LiveCalls:
    """Calls under way: how many each line has, and the minutes that are still promised to them, by
    line and by person. One that was only allowed in this batch has a minute of its own."""

    lines: dict[str, int] = field(default_factory=dict)
    minutes: dict[str, int] = field(default_factory=dict)
    with_people: dict[PhoneNumber, int] = field(default_factory=dict)

    @classmethod
    def of(cls, calls: Iterable[Call]) -> LiveCalls:
        live = cls()
        for call in calls:
            live.begin(call.line, call.person.number, promised_minutes(call))
        return live

    def begin(self, line: str, number: PhoneNumber, minutes: int) -> None:
        self.lines[line] = self.lines.get(line, 0) + 1
        self.promise(line, number, minutes)

    def promise(self, line: str, number: PhoneNumber, minutes: int) -> None:
        self.minutes[line] = self.minutes.get(line, 0) + minutes
        self.with_people[number] = self.with_people.get(number, 0) + minutes

    def onto(
        self, counts: VolumeCounts, question: Question, day: int, rung_hour: int, *rest: int
    ) -> VolumeCounts:
        rung_day, spoken_day = rest
        line = question.line.id
        return replace(
            counts,
            calls_day=day,
            recipient_calls_hour=rung_hour,
            recipient_calls_day=rung_day,
            # A leg that a call of ours dials joins that call: it takes no place besides it.
            calls_now=self.lines.get(line, 0) - int(_joins(question)),
            call_minutes_day=counts.call_minutes_day + self.minutes.get(line, 0),
            recipient_call_minutes_day=spoken_day + self.with_people.get(question.number, 0),
        )


def _joins(question: Question) -> bool:
    return question.act is Act.CALL and question.call is not None


def promised_minutes(call: Call) -> int:
    """What a call that is not over may use in all: its limit is the provider's too."""
    return begun_minutes(call.time_limit.total_seconds()) * (1 + len(call.joined))
