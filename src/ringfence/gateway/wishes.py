"""What an event asks of a message flow: about what, to whom, when, with which values. Everything that can
refuse it refuses it here, before anything is written; nothing is stored, proposed or ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from ringfence.delivery import flow as flows
from ringfence.delivery.escalate import Who
from ringfence.delivery.flow import Flow, MessageSettings, Part, Recipient, RecipientKind
from ringfence.gateway import templates
from ringfence.gateway.duty import who
from ringfence.gateway.equipment import Equipment
from ringfence.model.errors import InvalidField
from ringfence.model.event import Event
from ringfence.model.phone import PhoneNumber, from_operator
from ringfence.model.planned import PlannedState
from ringfence.model.template import FieldKind
from ringfence.ports import Tx
from ringfence.text.zones import zone

CONTACT_PREFIX: Final = "ctc_"
AHEAD_MAX: Final = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Wish:
    """One event's wish, read and found good. `state` is what becomes of what was planned of its key
    before: MOVED, or CANCELLED by an event that asks for nothing else and has no `numbers`. `due` is
    when the first text is to leave."""

    flow: Flow
    event: Event
    event_id: str
    key: str = field(repr=False)
    state: PlannedState
    due: datetime
    numbers: tuple[PhoneNumber, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    language: str = ""
    use_until: datetime | None = None

    @property
    def pair(self) -> tuple[str, str]:
        return self.flow.name, self.key

    @property
    def settings(self) -> MessageSettings:
        return _settings(self.flow)

    @property
    def texts(self) -> int:
        """How many it asks for, before any limit."""
        return len(self.numbers) * self.settings.times

    @property
    def expired(self) -> bool:
        """It has lost its use before its first text could leave."""
        return self.use_until is not None and self.use_until <= self.due

    @property
    def reason(self) -> str:
        return f"{self.state.value} by {self.event_id}"

    @property
    def actor(self) -> str:
        return f"event:{self.event.source}"


def wish(
    kit: Equipment, tx: Tx, flow: Flow, event: Event, event_id: str, now: datetime
) -> Wish | None:
    """None for an event that is nothing to the flow. Raises InvalidField and InvalidNumber with the
    reason, NotFound for a template that is not there."""
    settings, part = _settings(flow), flows.part(flow, event)
    if part is None:
        return None
    key = flows.key_of(settings, event)
    if part is Part.CANCELS:
        return Wish(flow, event, event_id, key, PlannedState.CANCELLED, now)
    due = flows.due_at(settings, event, now)
    if due - now > AHEAD_MAX:
        raise InvalidField(f"It would leave in more than {AHEAD_MAX.days} days.")
    numbers = _numbers(kit, tx, settings, event, now)
    values = _values(kit, settings, event)
    language = "" if settings.language is None else flows.scalar(settings.language, event)
    templates.fill(kit, settings.template, language, values)  # refused now, not when it is due
    return Wish(
        flow,
        event,
        event_id,
        key,
        PlannedState.MOVED,
        due,
        tuple(numbers),
        values,
        language,
        flows.use_ends_at(settings, event, due),
    )


def _settings(flow: Flow) -> MessageSettings:
    assert flow.message is not None, "only message flows plan messages"
    return flow.message


def _numbers(
    kit: Equipment, tx: Tx, settings: MessageSettings, event: Event, now: datetime
) -> list[PhoneNumber]:
    """Raises InvalidField where nobody is meant, InvalidNumber for a bad number in the event."""
    meant = who(kit, tx, now)
    found: list[PhoneNumber] = []
    for recipient in settings.to:
        found += _of(kit, tx, recipient, event, meant)
    if not found:
        raise InvalidField(f"It goes to nobody: {', '.join(map(_empty, settings.to))}.")
    return list(dict.fromkeys(found))


def _empty(recipient: Recipient) -> str:
    """Why nobody was found there, for whoever wrote the flow; never what the event held."""
    match recipient.kind:
        case RecipientKind.FIELD:
            assert recipient.operand is not None, "the configuration gives these an operand"
            return f"{flows.shown(recipient.operand)} is empty or names nobody known"
        case RecipientKind.PERSON | RecipientKind.SCHEDULE | RecipientKind.GROUP:
            assert recipient.target is not None, "the configuration gives responders a target"
            return f"{recipient.kind.value}:{recipient.target.name} is nobody now"
        case RecipientKind.NUMBER | RecipientKind.CONTACT:
            return f"the {recipient.kind.value} is nobody's"


def _of(
    kit: Equipment, tx: Tx, recipient: Recipient, event: Event, meant: Who
) -> list[PhoneNumber]:
    match recipient.kind:
        case RecipientKind.NUMBER:
            return [] if recipient.number is None else [recipient.number]
        case RecipientKind.FIELD | RecipientKind.CONTACT:
            assert recipient.operand is not None, "the configuration gives these an operand"
            text = flows.scalar(recipient.operand, event)
            if text.startswith(CONTACT_PREFIX):
                return list(tx.people.by_contact([text]).values())
            return [from_operator(text)] if text else []
        case RecipientKind.PERSON | RecipientKind.SCHEDULE | RecipientKind.GROUP:
            assert recipient.target is not None, "the configuration gives responders a target"
            people = kit.operations.responders
            # An override may still name somebody whom the configuration lost.
            return [people[name].number for name in meant(recipient.target) if name in people]


def _values(kit: Equipment, settings: MessageSettings, event: Event) -> dict[str, str]:
    """The fields as the template takes them: of a whole moment, a date field gets the day and a time
    field the time, by the flow's zone."""
    values = flows.values_of(settings, event)
    template = templates.template_of(kit.templates, settings.template)
    clock = zone(settings.zone)
    for name, text in values.items():
        field = template.fields.get(name)
        if field is not None and field.kind in (FieldKind.DATE, FieldKind.TIME):
            values[name] = _wall(text, clock, field.kind)
    return values


def _wall(text: str, clock: ZoneInfo, kind: FieldKind) -> str:
    if "T" not in text:
        return text
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text  # the template says what is wrong with it
    try:
        wall = at if at.tzinfo is None else at.astimezone(clock)
    except OverflowError:
        return text
    return f"{wall:%Y-%m-%d}" if kind is FieldKind.DATE else f"{wall:%H:%M}"
