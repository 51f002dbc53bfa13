"""Flows: what an event of a trusted source starts. Which flows an event concerns, with which values,
when and to whom; nothing is sent, stored or asked here. An event fills in fields and never chooses
the words; a value that cannot be taken is a reason, never a guess."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any, Final

from ringfence.model.errors import InvalidField
from ringfence.model.event import Event
from ringfence.model.oncall import Channel, EscalationPolicy, Schedule, Target
from ringfence.model.phone import PhoneNumber
from ringfence.model.ticket import TicketSystem
from ringfence.text.condition_terms import Condition, Literal, Operand, Path
from ringfence.text.conditions import holds, value_of
from ringfence.text.zones import zone

VALUE_CHARS_MAX: Final = 1_000
TITLE_CHARS_MAX: Final = 120


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """One configured event source. `name` is the word in the path; `kind` a module of `sources/`;
    `tokens` the names of the tokens that may post here (empty: every `events` token). `public`
    sources are served on the public listener too. `secrets` are signing secrets, several while one
    is replaced."""

    name: str
    kind: str
    secrets: tuple[Any, ...] = field(default=(), repr=False)
    tokens: frozenset[str] = frozenset()
    public: bool = False
    per_minute: int = 300
    blocked_reason: str = ""


@dataclass(frozen=True, slots=True)
class Responder:
    """Somebody who can be on call. `label` is what others are told; `line` is the line that texts to
    them leave by, empty for the flow's; `two_way` is false where no answer can come back."""

    name: str
    number: PhoneNumber = field(repr=False)
    label: str = ""
    line: str = ""
    channels: frozenset[Channel] = frozenset({Channel.SMS})
    two_way: bool = True


class RecipientKind(Enum):
    """NUMBER: one in the configuration. CONTACT: somebody by the id the log and the API call them by.
    FIELD: one in the event, a number or such an id, who must have agreed. The others name responders."""

    NUMBER = "number"
    CONTACT = "contact"
    FIELD = "field"
    PERSON = "person"
    SCHEDULE = "schedule"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a flow writes to: a number, an operand that finds one in the event (a literal for
    CONTACT), or a responders' target."""

    kind: RecipientKind
    number: PhoneNumber | None = field(default=None, repr=False)
    operand: Operand | None = None
    target: Target | None = None


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """The flow opens an alert: `policy` is its escalation policy; `service` what it is about, for
    bundles; `tickets` the systems that get one."""

    policy: str
    service: Operand | None = None
    title: Operand | None = None
    tickets: tuple[str, ...] = ()
    tell_resolved: bool = True


@dataclass(frozen=True, slots=True)
class MessageSettings:
    """The flow writes to people. `send_at` is a moment in the event, `offset` is added to it (or to
    the event's arrival where there is none). `key` is what it is about (the dedupe key by default).
    `times` messages, `every` so often; `key_max` is the most one key ever gets, `person_max` the
    most one person gets `per`. `life` is how long a message keeps its use, `use_until` a moment in
    the event at which it loses it. `private` values are stored nowhere but in the text."""

    template: str
    to: tuple[Recipient, ...]
    values: Mapping[str, Operand] = field(default_factory=dict)
    language: Operand | None = None
    send_at: Operand | None = None
    offset: timedelta = timedelta(0)
    key: Operand | None = None
    cancelled_by: tuple[str, ...] = ()
    times: int = 1
    every: timedelta = timedelta(days=1)
    key_max: int | None = None
    person_max: int | None = None
    per: timedelta = timedelta(hours=1)
    life: timedelta | None = None
    use_until: Operand | None = None
    private: bool = False
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Flow:
    """One flow: exactly one of `alert` and `message`. `sources` empty means any; `types` are
    patterns in which `*` stands for anything."""

    name: str
    line: str
    sources: frozenset[str] = frozenset()
    types: tuple[str, ...] = ("*",)
    when: Condition | None = None
    alert: AlertSettings | None = None
    message: MessageSettings | None = None


@dataclass(frozen=True, slots=True)
class Operations:
    """Everything configured of the operations channel. `flows` in the order of the file. `base_url`
    is where the public listener is reached from outside, without a path; empty: texts hold no link."""

    sources: Mapping[str, SourceSettings] = field(default_factory=dict)
    responders: Mapping[str, Responder] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    policies: Mapping[str, EscalationPolicy] = field(default_factory=dict)
    flows: tuple[Flow, ...] = ()
    tickets: Mapping[str, TicketSystem] = field(default_factory=dict)
    base_url: str = ""
    require_verified: bool = True
    _at: Mapping[PhoneNumber, Responder] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        # Every text that comes in asks whose number it is.
        at = {one.number: one for one in self.responders.values()}
        object.__setattr__(self, "_at", at)

    def flow(self, name: str) -> Flow | None:
        return next((flow for flow in self.flows if flow.name == name), None)

    def responder_at(self, number: PhoneNumber) -> Responder | None:
        return self._at.get(number)


class Part(Enum):
    """What an event is to a flow. STARTS it, or CANCELS what it has planned for the same key."""

    STARTS = "starts"
    CANCELS = "cancels"


def part(flow: Flow, event: Event) -> Part | None:
    """What this event is to this flow; None for nothing. Cancelling asks for the type alone: what was
    planned is found by its key."""
    if flow.sources and event.source not in flow.sources:
        return None
    if flow.message is not None and is_of(event.type, flow.message.cancelled_by):
        return Part.CANCELS
    if not is_of(event.type, flow.types):
        return None
    return Part.STARTS if flow.when is None or holds(flow.when, event) else None


def is_of(type_: str, patterns: Sequence[str]) -> bool:
    """Whether a type is one of the patterns. Brackets and question marks stand for themselves."""
    return any(fnmatchcase(type_, _plain(pattern)) for pattern in patterns)


def _plain(pattern: str) -> str:
    return pattern.replace("[", "[[]").replace("?", "[?]")


def key_of(settings: MessageSettings, event: Event) -> str:
    """What the message is about. Raises InvalidField where a configured key is not there."""
    if settings.key is None:
        return event.dedupe_key
    found = scalar(settings.key, event)
    if not found:
        raise InvalidField(f"The event has no {shown(settings.key)}, which says what it is about.")
    return found


def values_of(settings: MessageSettings, event: Event) -> dict[str, str]:
    """The template's fields as the event has them; fields that are not there are left out, for the
    template to judge. Raises InvalidField for a list or an object."""
    found = {name: scalar(operand, event) for name, operand in settings.values.items()}
    return {name: value for name, value in found.items() if value}


def scalar(operand: Operand, event: Event) -> str:
    """One value as text; empty where it is not there. Raises InvalidField for what is no text."""
    value = value_of(operand, event)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        text = str(value)
        if len(text) > VALUE_CHARS_MAX:
            raise InvalidField(f"{shown(operand)} has more than {VALUE_CHARS_MAX} characters.")
        return text
    raise InvalidField(f"{shown(operand)} is a list or an object, not a text.")


def due_at(settings: MessageSettings, event: Event, now: datetime) -> datetime:
    """When the first message is to leave: never before `now`. Raises InvalidField for a moment that
    cannot be read."""
    if settings.send_at is None:
        return max(now + settings.offset, now)
    base = moment_of(settings.send_at, event, settings.zone)
    try:
        return max(base + settings.offset, now)
    except OverflowError:
        raise InvalidField(f"{shown(settings.send_at)} is no moment of ours.") from None


def use_ends_at(settings: MessageSettings, event: Event, leaves_at: datetime) -> datetime | None:
    """When a message that is to leave at `leaves_at` has lost its use; None: as the line says."""
    ends = [] if settings.life is None else [leaves_at + settings.life]
    if settings.use_until is not None:
        ends.append(moment_of(settings.use_until, event, settings.zone))
    return min(ends, default=None)


def moment_of(operand: Operand, event: Event, zone_name: str) -> datetime:
    """A moment in an event: RFC 3339, without an offset by the flow's zone. Raises InvalidField."""
    text = scalar(operand, event)
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            at = at.replace(tzinfo=zone(zone_name))
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidField(f"{shown(operand)} is no moment such as 2026-03-02T17:00:00Z.") from None


def service_of(settings: AlertSettings, event: Event) -> str:
    """What an alert is about, for bundles and for people to read: as configured, else by what its
    source groups it, its subject, or the source."""
    configured = "" if settings.service is None else _short(settings.service, event)
    group = _group_labels(event) or event.group
    return (configured or group or event.subject or event.source)[:TITLE_CHARS_MAX]


def _group_labels(event: Event) -> str:
    """Alertmanager's and Grafana's groups by their labels: their keys are for programs."""
    labels = event.data.get("groupLabels")
    if not isinstance(labels, Mapping):
        return ""
    return ", ".join(str(value) for value in labels.values()) or str(event.data.get("receiver", ""))


def title_of(settings: AlertSettings, event: Event) -> str:
    """What people read. Never empty."""
    configured = "" if settings.title is None else _short(settings.title, event)
    return (configured or event.title or event.subject or event.type)[:TITLE_CHARS_MAX]


def shown(operand: Operand) -> str:
    """An operand for people: never a value of an event."""
    match operand:
        case Path(steps):
            return ".".join(steps)
        case Literal():
            return "the literal"


def _short(operand: Operand, event: Event) -> str:
    try:
        return " ".join(scalar(operand, event).split())[:TITLE_CHARS_MAX]
    except InvalidField:
        return ""
