"""The shapes of responders, schedules and escalation policies. Layers and steps are checked one by
one in `config.duty`, so that one bad step does not hide the others."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from ringfence.config.schema.base import (
    ClockTime,
    Day,
    Duration,
    NumberKey,
    Shape,
    Span,
    Text,
    ZoneName,
    expected,
    key,
    read_clock,
    required,
)

UNTIL_ACKNOWLEDGED = "untilAcknowledged"
LISTED_MAX = 200
ROUNDS_MAX = 100


def _channel(value: Any) -> str:
    if value not in ("sms", "call"):
        raise expected('"sms" or "call"')
    return str(value)


def _rounds(value: Any) -> int | None:
    if value == UNTIL_ACKNOWLEDGED:
        return None
    if type(value) is not int or not 1 <= value <= ROUNDS_MAX:
        raise expected(f'a whole number from 1 to {ROUNDS_MAX}, or "{UNTIL_ACKNOWLEDGED}"')
    return value


def _until(value: Any) -> time:
    """The end of a day may be written as what it is."""
    return time(0) if value == "24:00" else read_clock(value)


ChannelName = Annotated[str, PlainValidator(_channel)]
Rounds = Annotated[int | None, PlainValidator(_rounds)]
EndTime = Annotated[time, PlainValidator(_until)]


class RespondingShape(Shape):
    require_verified: bool = key(
        "Only what comes from a responder's number after it was verified counts as an answer.",
        default="true",
    )


class ResponderShape(Shape):
    number: NumberKey = required("Their number.")
    label: Annotated[Text, Field(max_length=40)] = key(
        "What others are told they are called.", default="the responder's own name"
    )
    channels: list[ChannelName] = key(
        "How they are reached.", default='["sms"]', min_length=1, max_length=2
    )
    two_way: bool = key("Answers of theirs can come back.", default="true")
    line: Text = key("The line that texts to them leave by.", default="the flow's")


class ScheduleShape(Shape):
    zone: ZoneName = required("The IANA zone of its hand-overs, hours and calendars.")
    layers: list[dict[str, Any]] = required(
        "Whoever any layer names is on call: rotations and calendars.", min_length=1, max_length=50
    )


class HoursShape(Shape):
    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = key(
        "Weekdays.", default="all", min_length=1, max_length=7
    )
    from_: ClockTime = required("When it begins, by the schedule's clock.", alias="from")
    to: EndTime = required("When it ends; at or before `from` means the next day.")


class RotationShape(Shape):
    name: Text = key("What the layer is called.", default="layer 1, layer 2 …")
    rotation: Literal["daily", "weekly"] = required("What a turn is counted in.")
    responders: list[Text] = required(
        "Who follow each other, in order.", min_length=1, max_length=LISTED_MAX
    )
    starts_on: Day = required("The first day; of a weekly rotation its weekday is the hand-over's.")
    hand_over: ClockTime = key("When a turn passes on, by the schedule's clock.", default="09:00")
    every: Annotated[int, Field(ge=1, le=366)] = key("Days or weeks of one turn.", default="1")
    hours: list[dict[str, Any]] = key(
        "The only hours in which this layer is on call.", default="all", max_length=50
    )
    ends_on: Day = key("From that day's hand-over on nobody of this layer is.", default="none")


class CalendarShape(Shape):
    name: Text = key("What the layer is called.", default="layer 1, layer 2 …")
    calendar: Text = required("A file in iCalendar form; relative is beside this file.")
    people: dict[str, Text] = key(
        "Which responder a name or an address in the calendar means; their names and labels are "
        "known.",
        default="{}",
        max_length=1_000,
    )


class EscalationShape(Shape):
    steps: list[dict[str, Any]] = required("Who is asked after whom.", min_length=1, max_length=50)
    rounds: Rounds = key(
        f'How often the steps are gone through; "{UNTIL_ACKNOWLEDGED}" is without end.',
        default="1",
    )
    pause: Duration = key("Before a further round.", default="0s")
    everyone: bool = key("All who were told must acknowledge, not one of them.", default="false")


class StepShape(Shape):
    name: Annotated[Text, Field(max_length=64)] = key(
        "Tells the step when the policy is changed while an alert is open.",
        default="step 1, step 2 …",
    )
    notify: list[Text] = required(
        "Who is told: `person:NAME`, `schedule:NAME`, `group:NAME`.",
        min_length=1,
        max_length=LISTED_MAX,
    )
    by: list[Any] = key(
        'By what, one after another: "sms" or `{channel: "sms", after: "2m"}`.',
        default='["sms"]',
        min_length=1,
        max_length=5,
    )
    acknowledged_within: Span = key("Then the next step begins.", default="300s")
    delivered_within: Duration = key(
        "A text that has not arrived by then counts as failed; 0 is never.", default="120s"
    )
    delay: Duration = key("Before the step begins.", default="0s")


class WayShape(Shape):
    channel: ChannelName = required("How.")
    after: Duration = key(
        "After the step began, or sooner when the way before it failed.", default="0s"
    )
