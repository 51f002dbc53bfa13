"""Placing calls: an outbox item whose act is CALL becomes a row of its own when it is claimed, and a
request to the provider instead of a text. There is no other way to place one, and none without the
provider's own time limit (P12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ringfence.gateway.call_ceilings import CallWanted, ceilings_s
from ringfence.gateway.call_life import RING_SLACK, Told, fold, next_look
from ringfence.gateway.call_words import START, Manner, first_words, mode_of, owed_to
from ringfence.gateway.equipment import Equipment
from ringfence.model.call import Call, CallMode, CallState, Leg, LegRole
from ringfence.model.errors import CallNotReady, ProviderMisconfigured
from ringfence.model.line import Line
from ringfence.model.message import Direction, Message
from ringfence.model.outbox import OutboxItem, OutboxState, Outcome, OutcomeKind
from ringfence.model.verdict import Act
from ringfence.model.voice import VoiceSettings
from ringfence.ports import Tx
from ringfence.providers import call_providers
from ringfence.providers.base import Detection, OutboundCall, PlacesCalls

_UNANSWERED_LOOK = timedelta(seconds=5)


def caller_of(line: Line) -> PlacesCalls:
    """Raises ProviderMisconfigured for a line whose provider, or whose configuration, has no calls
    (B127: no provider, no webhook URL, no number: three errors)."""
    found = call_providers().get(line.provider)
    if found is None:
        raise ProviderMisconfigured(f"Calls are not there for the provider {line.provider}.")
    voice_of(line)
    if line.voice is not None and line.voice.blocked_reason:
        raise ProviderMisconfigured(f"Calls of line {line.id}: {line.voice.blocked_reason}")
    if not line.voice_url:
        raise ProviderMisconfigured(
            f"Line {line.id} has no public URL for calls; set channels.voice.publicUrl."
        )
    if line.number is None:
        raise ProviderMisconfigured(f"Line {line.id} has no number to call from; set fromNumber.")
    return found


def places_calls(line: Line) -> bool:
    """Not every line that sends texts can."""
    try:
        caller_of(line)
    except ProviderMisconfigured:
        return False
    return True


def voice_of(line: Line) -> VoiceSettings:
    """Raises ProviderMisconfigured: no configuration, no calls."""
    if line.voice is None:
        raise ProviderMisconfigured(
            f"Line {line.id} is not configured for calls; add channels.voice to the configuration."
        )
    return line.voice


def manner_of(line: Line, call: Call) -> Manner:
    """How this call speaks. Raises ProviderMisconfigured for a line that was configured otherwise since."""
    voice = voice_of(line)
    return Manner(voice, voice.route_to(call.called))


def begin(
    kit: Equipment,
    tx: Tx,
    taken: Sequence[OutboxItem],
    now: datetime,
) -> None:
    """The rows of calls that are about to be placed, in the claiming transaction: a webhook that
    overtakes the answer finds them. The provider ends each at its limit, whatever becomes of us (P12)."""
    calls = [item for item in taken if item.act is Act.CALL]
    if not calls:
        return
    messages = tx.messages.many({item.message_id for item in calls})
    limits = ceilings_s(kit, tx, [_wanted(kit, item) for item in calls], now)
    tx.calls.add(
        [
            _call(kit, item, messages[item.message_id], limit_s, now)
            for item, limit_s in zip(calls, limits, strict=True)
        ]
    )


def _wanted(kit: Equipment, item: OutboxItem) -> CallWanted:
    line = kit.lines[item.line]
    return CallWanted(line, item.number, line.voice.limit_s if line.voice is not None else 0)


def _call(kit: Equipment, item: OutboxItem, message: Message, limit_s: int, now: datetime) -> Call:
    line = kit.lines[item.line]
    return Call(
        id=kit.ids.new("call", now),
        line=item.line,
        direction=Direction.OUT,
        mode=mode_of(message),
        contact_id=message.contact_id,
        person=Leg(item.number, LegRole.PERSON, CallState.OFFERED, offered_at=now),
        time_limit=timedelta(seconds=limit_s),
        created_at=now,
        updated_at=now,
        initiator=item.initiator,
        message_id=item.message_id,
        outbox_id=item.id,
        called=line.number.e164 if line.number is not None else "",
        look_at=now + kit.pace.dispatch_lease + RING_SLACK,
    )


def outbound(kit: Equipment, tx: Tx, item: OutboxItem) -> OutboundCall:
    """What the provider is asked for. Raises ProviderMisconfigured, and CallNotReady for one that was
    ended since its claim: it need not ring first (P3)."""
    line = kit.lines[item.line]
    provider, voice = caller_of(line), voice_of(line)
    call = tx.calls.of_messages([item.message_id])[item.message_id]
    if call.ending is not None:
        raise CallNotReady("It was ended before it was placed.", code="call_over")
    message = tx.messages.many([item.message_id])[item.message_id]
    manner = manner_of(line, call)
    owed = owed_to(line, manner, item.number)
    # One-way: the words travel with the request; a conversation is asked for (B128).
    inline = call.mode is CallMode.NOTIFY and provider.call_capabilities.answers_with_instructions
    return OutboundCall(
        our_id=call.id,
        to=item.number.e164,
        limit_s=int(call.time_limit.total_seconds()),
        ring_s=voice.ring_s,
        turn=START,
        instructions=tuple(first_words(manner, call, message, owed)) if inline else (),
        detection=Detection.FAST
        if provider.call_capabilities.detects_machines and voice.detects_machines
        else Detection.NONE,
    )


def placed(
    kit: Equipment,
    tx: Tx,
    settled: Sequence[tuple[OutboxItem, OutboxState, Outcome]],
    now: datetime,
) -> None:
    """What came of the requests, in the recording transaction. A call that was provably not taken is
    over: it must not use up the line's room (B130)."""
    tries = [one for one in settled if one[0].act is Act.CALL]
    if not tries:
        return
    calls = tx.calls.of_messages({item.message_id for item, _, _ in tries})
    for item, state, outcome in tries:
        call = calls[item.message_id]
        if call.outbox_id != item.id or call.is_over:
            continue
        if outcome.kind is OutcomeKind.ACCEPTED:
            _accepted(kit, tx, call, outcome, now)
        elif state is OutboxState.UNKNOWN:
            tx.calls.save([replace(call, look_at=now + _UNANSWERED_LOOK, updated_at=now)])
        else:
            over = replace(call, outbox_id="")  # the item itself says what became of the message
            fold(kit, tx, over, Told(CallState.FAILED, error_code=outcome.error_code), now)


def _accepted(kit: Equipment, tx: Tx, call: Call, outcome: Outcome, now: datetime) -> None:
    look_at = call.look_at
    if call.ending is not None or call.state is CallState.OFFERED:
        # Ended while it was placed: only now is there something to hang up.
        look_at = next_look(kit, call, now)
    leg = replace(call.person, provider_id=call.person.provider_id or outcome.provider_id)
    tx.calls.save([replace(call, person=leg, look_at=look_at, updated_at=now)])
