"""The shapes of flows: what an event starts. Conditions, operands and recipients are texts here;
`config.flows` reads them, and looks up every name."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ringfence.config.schema.base import (
    Shape,
    SignedDuration,
    Span,
    Text,
    ZoneName,
    key,
    required,
)
from ringfence.config.schema.templates import FieldName

PATTERN_CHARS_MAX = 200
STARS_MAX = 5
TURNS_MAX = 100
Pattern = Annotated[
    str, Field(pattern=rf"^[^\s*]*(\*[^\s*]*){{0,{STARS_MAX}}}$", max_length=PATTERN_CHARS_MAX)
]
Patterns = Annotated[list[Pattern], Field(min_length=1, max_length=100)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class FlowShape(Shape):
    sources: list[Text] = key("The only sources it listens to.", default="any", max_length=100)
    types: Patterns = key("Types of events; `*` stands for anything.", default='["*"]')
    when: Text = key("A condition over the event's fields.", default="always")
    line: Text = key("The line its texts leave by.", default="the default line")
    alert: dict[str, Any] = key("Open an alert; else `message`.", default="none")
    message: dict[str, Any] = key("Write to people; else `alert`.", default="none")


class AlertShape(Shape):
    escalation: Text = required("The escalation policy.")
    service: Text = key(
        "A field of the event: what it is about, for bundles.",
        default="the source's group, subject or name",
    )
    title: Text = key("A field of the event: what people read.", default="the event's title")
    tickets: list[Text] = key("Ticket systems in which one is opened.", default="[]", max_length=10)
    tell_resolved: bool = key("Who was told is told when it is over.", default="true")


class MessageShape(Shape):
    template: Text = required("The template.")
    to: list[Text] = required(
        "To whom: `field:PATH` of the event, `number:+1…`, `contact:ID`, `person:NAME`, `schedule:NAME`, "
        "`group:NAME`.",
        min_length=1,
        max_length=50,
    )
    fields: dict[FieldName, Text] = key(
        "The template's fields, each a field of the event.",
        default="{}",
        max_length=30,
    )
    language: Text = key("A field of the event: in which language.", default="the template's own")
    send_at: Text = key("A field of the event: when it leaves.", default="at once")
    offset: SignedDuration = key("Added to it; `-24h` is a day before.", default="0s")
    about: Text = key(
        "A field of the event: what the message is about; a later event with the same key moves or cancels it.",
        alias="key",
        default="the event's dedupe key",
    )
    cancelled_by: list[Pattern] = key(
        "Types of events that cancel what waits.", default="[]", max_length=100
    )
    times: Annotated[int, Field(ge=1, le=TURNS_MAX)] = key("How often it is said.", default="1")
    every: Span = key("The time between.", default="1d")
    key_max: Count = key("Most messages that one key ever gets.", default="none")
    person_max: Count = key("Most messages that one person gets …", default="none")
    per: Span = key("… in this time.", default="1h")
    life: Span = key("How long a message keeps its use.", default="the line's messageTtlMinutes")
    use_until: Text = key("A field of the event: when it loses it.", default="none")
    private: bool = key(
        "The values are stored nowhere but in the text: for one-time codes.", default="false"
    )
    zone: ZoneName = key(
        "The IANA zone of moments that name none.", default="the line's zone, else UTC"
    )
