"""A person's data: export all of it, erase it; and forgetting texts past their keeping time. Operators'
acts, never an agent's (P2). The audit chain keeps ids and digests and stays whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from ringfence.gateway.call_views import left_view
from ringfence.gateway.cancel import cancel_person
from ringfence.gateway.consent_views import event_view
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.views import intake_view, message_view, moment
from ringfence.model.call import Call, Leg, Words
from ringfence.model.errors import CallUnderWay, NotFound
from ringfence.model.left_message import LeftMessage
from ringfence.model.phone import PhoneNumber
from ringfence.model.planned import Planned
from ringfence.ports import Tx

EVENTS_AT_ONCE = 5_000
"""Events whose documents are forgotten by one call."""
WORDS_AT_ONCE = 5_000
"""Texts said in calls that are forgotten at once."""


def export(kit: Equipment, tx: Tx, number: PhoneNumber) -> dict[str, Any]:
    """Everything the store knows of a person. Raises NotFound for somebody it does not know."""
    person = tx.people.find([number]).get(number)
    if person is None:
        raise NotFound("Nobody with this number is known here.")
    pairs = {(line, number) for line in kit.lines}
    return {
        "number": number.e164,
        "contact": person.contact_id,
        "zone": person.zone or None,
        "blocked": person.blocked,
        "opted_out": person.opt_out_source or None,
        "paired_on": sorted(line for line, _ in tx.access.approved(pairs)),
        "written_to_by": sorted(line for line, _ in tx.acquaintances.known(pairs)),
        "paused": [
            {"line": pause.line or None, "why": pause.why.value, "since": moment(pause.since)}
            for pause in tx.pauses.of([number])
        ],
        "intakes": [intake_view(intake) for intake in tx.intakes.of_person(number)],
        "consent": [event_view(event) for event in tx.consents.of_person(number)],
        "planned": [_planned_view(one) for one in tx.planned.of_person(number)],
        "messages": [message_view(message) for message in tx.messages.of_person(number)],
        "calls": [
            _call_view(call, tx.calls.words_of(call.id), tx.calls.message_of(call.id))
            for call in tx.calls.of_person(number)
        ],
    }


def erase(kit: Equipment, tx: Tx, number: PhoneNumber, actor: str, now: datetime) -> dict[str, int]:
    """End what waits for a person and forget them; answers how many rows of what. An opt-out or a
    block stays with the bare number, since forgetting it would allow to write to them again. Raises
    NotFound for somebody nobody knows, CallUnderWay while there is a call that somebody may still
    have to end."""
    person = tx.people.find([number]).get(number)
    if person is None:
        raise NotFound("Nobody with this number is known here.")
    if any(_takes_part(call, number) for call in tx.calls.live_ones()):
        raise CallUnderWay("End it, or wait until it is over, and erase then.")
    cancel_person(kit, tx, number, "erased", actor, now)
    erased = tx.privacy.erase(number)
    kept = bool(person.blocked or person.opt_out_source)
    body = {"rows": erased, "number_kept": kept}
    tx.audit.append([kit.audit("contact_erased", person.contact_id, actor, now, body)])
    return erased


def set_zone(
    kit: Equipment, tx: Tx, number: PhoneNumber, place: str, actor: str, now: datetime
) -> None:
    """Where a person is, as somebody told us: an IANA zone, or a state or country (`US-FL`, `FR`);
    empty forgets it. Raises NotFound."""
    person = tx.people.find([number]).get(number)
    if person is None:
        raise NotFound("Nobody with this number is known here.")
    tx.people.set_zone(number, place)
    tx.audit.append([kit.audit("contact_zone", person.contact_id, actor, now, {"place": place})])


def forget_texts(kit: Equipment, tx: Tx, now: datetime) -> int:
    """Forget texts older than `retention.bodyDays`, what events said that came before then, what was
    said in calls, and the words of alerts that were over, a bite at a time; nothing where none is set.
    What filled a planned message went when it ended."""
    if kit.keep_texts is None:
        return 0
    before, days = now - kit.keep_texts, kit.keep_texts // timedelta(days=1)
    forgotten = {
        "messages": tx.privacy.redact(before),
        "events": tx.source_events.forget(before, EVENTS_AT_ONCE),
        "alerts": tx.alerts.forget(before, EVENTS_AT_ONCE),
        "words": tx.calls.forget(before, WORDS_AT_ONCE),
        "left_messages": tx.calls.forget_messages(before, WORDS_AT_ONCE),
    }
    for what, count in forgotten.items():
        if count:
            body = {what: count, "days": days}
            tx.audit.append([kit.audit("texts_forgotten", what, "system", now, body)])
    return sum(forgotten.values())


def _planned_view(planned: Planned) -> dict[str, Any]:
    """A message that a flow owes, or owed, to the person themselves."""
    return {
        "id": planned.id,
        "flow": planned.flow,
        "template": planned.template,
        "fields": dict(planned.values),
        "state": planned.state.value,
        "due_at": moment(planned.due_at),
        "message_id": planned.message_id or None,
    }


def _takes_part(call: Call, number: PhoneNumber) -> bool:
    return any(leg.number == number for leg in (call.person, *call.joined))


def _call_view(call: Call, words: Sequence[Words], left: LeftMessage | None) -> dict[str, Any]:
    """A call with the person themselves. Numbers of those who joined are theirs, not the person's."""
    return {
        "id": call.id,
        "line": call.line,
        "direction": call.direction.value,
        "mode": call.mode.value,
        "state": call.state.value,
        "created_at": moment(call.created_at),
        "disclosed_at": moment(call.disclosed_at),
        "pressed": call.pressed,
        "message_id": call.message_id or None,
        "legs": [_leg_view(leg) for leg in (call.person, *call.joined)],
        "left": None if left is None else left_view(left),
        "words": [_words_view(one) for one in words],
    }


def _leg_view(leg: Leg) -> dict[str, Any]:
    return {
        "role": leg.role.value,
        "state": leg.state.value,
        "provider_id": leg.provider_id or None,
        "answered_at": moment(leg.answered_at),
        "ended_at": moment(leg.ended_at),
    }


def _words_view(words: Words) -> dict[str, Any]:
    return {
        "n": words.n,
        "speaker": words.speaker.value,
        "text": words.text,
        "at": moment(words.at),
        "heard": words.heard,
    }
