"""What a call does next: each step takes what the provider tells, in one transaction with what it changes,
and answers with instructions and the turn that is owed now. Nothing here asks an agent or a network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from ringfence.gateway import call_messages as messages
from ringfence.gateway import call_words as words
from ringfence.gateway.call_asking import owe
from ringfence.gateway.call_ending import end
from ringfence.gateway.call_keys import pressed
from ringfence.gateway.call_placing import manner_of
from ringfence.gateway.call_questions import given
from ringfence.gateway.call_stops import heed_wish
from ringfence.gateway.call_transfer import transfer
from ringfence.gateway.call_words import Manner
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.live_core import streams
from ringfence.model.audit import digest
from ringfence.model.call import (
    Call,
    CallMode,
    CallTurn,
    CallTurnState,
    EndReason,
    Speaker,
    WhatNext,
    Words,
)
from ringfence.model.instruction import Instruction
from ringfence.model.line import Line
from ringfence.ports import Tx

SILENCE_PARTING = timedelta(seconds=30)
"""How long the last sentence to somebody who says nothing may take before the call is hung up on."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a webhook is answered with, and the turn to run, if one is owed now. `opens_stream`: with
    live sound, whose address is made only once this is stored."""

    instructions: tuple[Instruction, ...] = ()
    call: Call | None = None
    turn: CallTurn | None = None
    opens_stream: bool = False


def begin(kit: Equipment, tx: Tx, line: Line, manner: Manner, call: Call, now: datetime) -> Step:
    """The first words of a call of ours."""
    message = tx.messages.many([call.message_id]).get(call.message_id)
    if message is None:
        return Step(tuple(words.farewell(manner, "")), call)
    if streams(kit, line, call):
        return open_stream(tx, call, now)
    owed = words.owed_to(line, manner, call.person.number)
    if call.turn == 0:
        said = [Words(call.id, 0, Speaker.GATEWAY, text, now) for text in (owed,) if text]
        speaker = Speaker.AGENT if call.initiator.startswith("agent:") else Speaker.GATEWAY
        tx.calls.add_words([*said, Words(call.id, 0, speaker, message.body, now)])
        call = replace(call, turn=1, updated_at=now)
        tx.calls.save([call])
    return Step(tuple(words.first_words(manner, call, message, owed)), call)


def open_stream(tx: Tx, call: Call, now: datetime) -> Step:
    """Once: whoever asks a second time must not get an address that opens a stream (B116)."""
    if call.turn > 0:
        return Step(call=call)
    call = replace(call, turn=1, updated_at=now)
    tx.calls.save([call])
    return Step((), call, opens_stream=True)


def was_heard(
    kit: Equipment, tx: Tx, line: Line, manner: Manner, call: Call, now: datetime
) -> Call:
    """The provider asks what next only when what went before was played: the disclosure, which
    nothing interrupts, was heard to its end."""
    if call.disclosed_at is not None or (call.turn == 0 and call.mode is not CallMode.NOTIFY):
        return call
    if not words.owed_to(line, manner, call.person.number):
        return call
    call = replace(call, disclosed_at=now, updated_at=now)
    tx.calls.save([call])
    body = {"line": line.id, "contact": call.contact_id}
    tx.audit.append([kit.audit("disclosed", call.id, "provider", now, body)])
    return call


def noticed(
    kit: Equipment, tx: Tx, manner: Manner, call: Call, event: WhatNext, now: datetime
) -> Step:
    """A notice was said to its end, or answered with a key. A key cuts it off: only what it answers
    counts as heard, and after any other all of it is said again."""
    message = tx.messages.many([call.message_id]).get(call.message_id)
    if message is None:
        return Step(tuple(words.farewell(manner, "")), call)
    keys = words.keys_of(message)
    cut = event.turn != words.SAID and bool(event.digits)
    if call.said_at is None and (not cut or event.digits in keys):
        speaker = Speaker.AGENT if call.initiator.startswith("agent:") else Speaker.GATEWAY
        heard = None if cut else len(message.body)
        tx.calls.add_words([Words(call.id, 0, speaker, message.body, now, heard=heard)])
        call = replace(call, said_at=now)
    call = replace(call, updated_at=now)
    if event.turn == words.SAID or not keys:
        tx.calls.save([call])
        return Step(tuple(words.farewell(manner, "")), call)
    if event.digits in keys:
        call = replace(call, pressed=event.digits)
        tx.calls.save([call])
        body = {"line": call.line, "means": digest(keys[event.digits])}
        tx.audit.append([kit.audit("call_key", call.id, "person", now, body)])
        said = pressed(kit, tx, call, message, event.digits, now)
        return Step(tuple(words.farewell(manner, said)), call)
    tx.calls.save([call])
    if event.turn == words.PRESSED:
        again = (message.body, words.keys_words(keys))[0 if cut else 1 :]
        prompt = tuple(words.say(manner, text) for text in again)
        return Step((words.keys_asked(manner, prompt, words.PRESSED_AGAIN),), call)
    return Step(tuple(words.farewell(manner, manner.settings.sentences.goodbye)), call)


def heard(
    kit: Equipment,
    tx: Tx,
    line: Line,
    manner: Manner,
    call: Call,
    n: int,
    event: WhatNext,
    now: datetime,
) -> Step:
    """The person said something, pressed something, or nothing."""
    if tx.calls.turn(call.id, n) is not None:
        return Step(tuple(words.thinking(n)), call)  # told twice
    text = event.speech.strip() or " ".join(event.digits)
    if not text:
        return _silent(kit, tx, manner, call, n, now)
    if said := heed_wish(kit, tx, line, call, text, now):
        tx.calls.add_words(
            [
                Words(call.id, 0, Speaker.PERSON, text, now, turn=n),
                Words(call.id, 0, Speaker.GATEWAY, said, now, turn=n),
            ]
        )
        return Step(tuple(words.farewell(manner, said)), call)
    if waited_for := given(kit, tx, call, n, text, now, confidence=event.confidence):
        return Step((words.listen(manner, n + 1),), waited_for)
    turn = owe(kit, tx, call, manner, n, text, now, confidence=event.confidence)
    call = replace(call, turn=n, silences=0, updated_at=now)
    tx.calls.save([call])
    return Step(tuple(words.thinking(n)), call, turn)


def _silent(kit: Equipment, tx: Tx, manner: Manner, call: Call, n: int, now: datetime) -> Step:
    """Nobody says anything: asked so many times, then the call ends."""
    sentences, times = manner.settings.sentences, call.silences + 1
    call = replace(call, silences=times, updated_at=now)
    tx.calls.save([call])
    if times >= manner.settings.turns.nobody_times:
        end(kit, tx, call, EndReason.SILENCE, now + SILENCE_PARTING)
        return Step(tuple(words.farewell(manner, sentences.goodbye)), call)
    return Step((words.listen(manner, n, words.say(manner, sentences.silence)),), call)


def _say(
    kit: Equipment, tx: Tx, line: Line, manner: Manner, call: Call, turn: CallTurn, now: datetime
) -> Step:
    """The agent's answer, and what it wants done besides."""
    by = f"agent:{manner.route.agent_id}"
    if turn.transfer and all(leg.is_over for leg in call.joined):
        call, told = transfer(kit, tx, line, manner, call, turn.transfer, by, turn.answer, now)
        return Step(tuple(told), call)
    if turn.hang_up:
        end(kit, tx, call, EndReason.ENDED_BY_AGENT, now + SILENCE_PARTING, by)
        return Step(tuple(words.farewell(manner, turn.answer)), call)
    return Step(tuple(words.answered(manner, turn.n, turn.answer)), call)


def waited(kit: Equipment, tx: Tx, line: Line, call_id: str, n: int, *, filler: bool) -> Step:
    """Has the agent answered?"""
    call, turn = tx.calls.get(call_id), tx.calls.turn(call_id, n)
    if call is None or turn is None or call.is_over or call.ending is not None:
        return Step()
    manner, now = manner_of(line, call), kit.clock.now()
    match turn.state:
        case CallTurnState.ANSWERED | CallTurnState.SAID:
            tx.calls.put_turn(replace(turn, state=CallTurnState.SAID))
            return _say(kit, tx, line, manner, call, turn, now)
        case CallTurnState.FAILED:
            if messages.taken(line):
                call, told = messages.asked(kit, tx, line, manner, call, "fault", now)
                return Step(tuple(told), call)
            sorry = manner.settings.sentences.fault
            tx.calls.add_words([Words(call.id, 0, Speaker.GATEWAY, sorry, now, turn=n)])
            return Step(tuple(words.farewell(manner, sorry)), call)
        case CallTurnState.ASKED if turn.lease_until > now:
            fillers = [words.say(manner, manner.settings.sentences.filler)] if filler else []
            return Step(tuple(words.thinking(n, *fillers)), call)
        case CallTurnState.ASKED:
            again = replace(turn, lease_until=now + timedelta(seconds=manner.agent_s))
            tx.calls.put_turn(again)
            return Step(tuple(words.thinking(n)), call, again)
        case _:
            assert_never(turn.state)
