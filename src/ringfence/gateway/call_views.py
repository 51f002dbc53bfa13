"""What people and programs may look at of calls: plain dictionaries, numbers in full for whoever may see
the call at all. Reads only, and adds nothing up that is not on record."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ringfence.gateway.call_words import is_call, mode_of
from ringfence.gateway.views import moment
from ringfence.model.call import Call, Leg, LegRole, Speaker, Words
from ringfence.model.errors import NotFound
from ringfence.model.left_message import LeftMessage
from ringfence.model.message import Direction, Message
from ringfence.ports import Tx


def found(tx: Tx, key: str) -> tuple[Call | None, Message | None]:
    """A call by its id, or by the id of the message it carries; of one that waits to be placed there
    is only the message. Raises NotFound."""
    call = tx.calls.get(key) or tx.calls.of_messages([key]).get(key)
    message = tx.messages.get(call.message_id if call is not None else key)
    if call is None and (message is None or not is_call(message)):
        raise NotFound("No call with this id is known.")
    return call, message


def call_view(call: Call) -> dict[str, Any]:
    """One call without its words: who, when, and how it ended."""
    leg = call.person
    return {
        "id": call.id,
        "message": call.message_id or None,
        "line": call.line,
        "direction": call.direction.value,
        "mode": call.mode.value,
        "to" if call.direction is Direction.OUT else "from": leg.number.e164,
        "contact": call.contact_id or None,
        "initiator": call.initiator,
        "state": call.state.value,
        "ending": call.ending.value if call.ending and not call.is_over else None,
        "end_reason": leg.end_reason.value if leg.end_reason else None,
        "answered_by": leg.answered_by.value if leg.answered_by else None,
        "pressed": call.pressed or None,
        "error_code": call.error_code,
        "provider_id": leg.provider_id or None,
        "time_limit_s": int(call.time_limit.total_seconds()),
        "lasted_s": int(leg.lasted.total_seconds()) if leg.is_over else None,
        "created_at": moment(call.created_at),
        "answered_at": moment(leg.answered_at),
        "ended_at": moment(leg.ended_at),
        "disclosed_at": moment(call.disclosed_at),
        "said_at": moment(call.said_at),
        "awaited_until": moment(call.awaited_until),
        "joined": [_joined(one) for one in call.joined],
    }


def waiting_view(message: Message) -> dict[str, Any]:
    """A call that was asked for and is not placed (yet): its state is the message's."""
    return {
        "id": None,
        "message": message.id,
        "line": message.line,
        "direction": Direction.OUT.value,
        "mode": mode_of(message).value,
        "to": message.number.e164,
        "contact": message.contact_id,
        "initiator": message.initiator,
        "state": message.status.value,
        "reason": message.reason or None,
        "created_at": moment(message.created_at),
        "left": None,
        "words": [],
    }


def words_view(one: Words) -> dict[str, Any]:
    """What was said once. `heard` is how much of ours was played out: null while nobody knows;
    `decision` is the audit entry that let it be said."""
    ours = one.speaker is not Speaker.PERSON
    return {
        "n": one.n,
        "who": one.speaker.value,
        "text": one.text,
        "heard": one.text[: one.heard] if ours and one.heard is not None else None,
        "at": moment(one.at),
        "turn": one.turn,
        "decision": one.decision or None,
        "confidence": one.confidence,
    }


def call_document(tx: Tx, key: str) -> dict[str, Any]:
    """A call with everything that was said. Raises NotFound."""
    call, message = found(tx, key)
    if call is None:
        assert message is not None, "one of the two is there"
        return waiting_view(message)
    said = tx.calls.words_of(call.id)
    left = tx.calls.message_of(call.id)
    return call_view(call) | {
        "left": None if left is None else left_view(left),
        "words": [words_view(one) for one in said],
    }


def left_view(left: LeftMessage) -> dict[str, Any]:
    """A message that a caller left, without its sound. `bytes` once it is kept."""
    return {
        "state": left.state.value,
        "left_at": moment(left.left_at),
        "lasted_s": left.lasted_s,
        "content_type": left.content_type or None,
        "bytes": left.size or None,
        "recording_id": left.recording_id or None,
    }


def answer_times_ms(words: Sequence[Words]) -> list[int]:
    """How long the person waited in each turn for an answer that may be said: from their words on
    record to the agent's, which have passed the gate then (B134)."""
    return _gaps(words, Speaker.PERSON, Speaker.AGENT)


def listen_times_ms(words: Sequence[Words]) -> list[int]:
    """How long the person took in each turn: from the agent's words on record to theirs, the time it
    took to say the agent's among it."""
    return _gaps(words, Speaker.AGENT, Speaker.PERSON)


def _gaps(words: Sequence[Words], first: Speaker, then: Speaker) -> list[int]:
    both = [one for one in words if one.speaker in (first, then)]
    return [
        max(0, round((two.at - one.at).total_seconds() * 1000))
        for one, two in pairwise(both)
        if (one.speaker, two.speaker) == (first, then)
    ]


def _joined(leg: Leg) -> dict[str, Any]:
    return {
        "role": leg.role.value,
        "to": leg.number.masked if leg.role is LegRole.OWNER else leg.number.e164,
        "state": leg.state.value,
        "answered_at": moment(leg.answered_at),
        "ended_at": moment(leg.ended_at),
    }
