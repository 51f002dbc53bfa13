"""Ask and wait: a sentence into a live call, and what the person says next (B134, B136). Who waits stands
in the call's row, so that there is one whatever process they ask, and none for longer than they said."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ringfence.gateway.call_control import (
    Sound,
    Spoken,
    live_call,
    over_in_words,
    say_in,
    sentence_of,
    tell,
)
from ringfence.gateway.call_placing import voice_of
from ringfence.gateway.equipment import Equipment
from ringfence.model.call import Call, CallTurn, CallTurnState, Speaker, Words
from ringfence.model.errors import CallNotReady, NobodySpoke
from ringfence.ports import Tx

POLL_S = 0.5
"""How often somebody who waits looks for words that another process stored."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What the person said to a question, and how long that took; `words` is None where the gate refused
    the question."""

    spoken: Spoken
    words: Words | None
    waited_ms: int


async def ask(
    kit: Equipment,
    key: str,
    text: str,
    actor: str,
    *,
    wait_s: float | None = None,
    sound: Sound | None = None,
) -> Answered:
    """Say a sentence and wait for what the person says next (B134, B136), at most `wait_s` (the line's
    own time if not given). As `speak`; raises CallNotReady also while somebody else waits and when the
    call ends meanwhile, NobodySpoke in time."""
    sentence, asked_at = sentence_of(text), kit.clock.now()
    answer = await kit.store.write(lambda tx: _ask(kit, tx, key, sentence, actor, wait_s))
    until = answer.call.awaited_until
    if not answer.said or until is None:
        return Answered(answer, None, 0)
    outcome = "gone"
    try:
        await tell(kit, answer, sound)
        heard = await _next_words(kit, answer, until)
        outcome = "answered"
    except NobodySpoke:
        outcome = "nobody_spoke"
        raise
    finally:
        waited_ms = round((kit.clock.now() - asked_at).total_seconds() * 1000)
        await kit.store.write(
            lambda tx: _done_waiting(kit, tx, answer, until, actor, outcome, waited_ms)
        )
    return Answered(answer, heard, waited_ms)


def _ask(kit: Equipment, tx: Tx, key: str, text: str, actor: str, wait_s: float | None) -> Spoken:
    live, now = live_call(kit, tx, key), kit.clock.now()
    if live.call.awaited_until is not None and live.call.awaited_until > now:
        raise CallNotReady(
            "Somebody waits already for what this person says next.", code="call_awaited"
        )
    answer = say_in(kit, tx, live, text, actor)
    if not answer.said:
        return answer
    most_s = voice_of(live.line).reply_wait_s
    until = now + timedelta(seconds=most_s if wait_s is None else min(wait_s, most_s))
    awaited = replace(live.call, awaited_until=until, updated_at=now)
    tx.calls.save([awaited])
    return replace(answer, call=awaited)


def given(
    kit: Equipment,
    tx: Tx,
    call: Call,
    n: int,
    text: str,
    now: datetime,
    *,
    confidence: float | None = None,
) -> Call | None:
    """Keep what a person said in turn `n` for whoever waits for it; None where nobody does. No agent is
    asked about it then: an answer has one owner."""
    if call.awaited_until is None or call.awaited_until <= now:
        return None
    heard = Words(call.id, 0, Speaker.PERSON, text, now, turn=n, confidence=confidence)
    tx.calls.add_words([heard])
    turn = CallTurn(kit.ids.new("turn", now), call.id, n, CallTurnState.SAID, now, now)
    tx.calls.put_turn(turn)
    call = replace(call, turn=n, silences=0, awaited_until=None, updated_at=now)
    tx.calls.save([call])
    return call


async def _next_words(kit: Equipment, asked: Spoken, until: datetime) -> Words:
    """The person's next words after the question. Only what is final is stored at all, and never a
    blank."""
    while True:
        rings = kit.calls_bell.rings
        call, words = await kit.store.read(
            lambda tx: (tx.calls.get(asked.call.id), tx.calls.words_of(asked.call.id))
        )
        for one in words:
            if one.n > asked.n and one.speaker is Speaker.PERSON:
                return one
        if call is None or call.is_over or call.ending is not None:
            raise CallNotReady(over_in_words(call or asked.call), code="call_over")
        left_s = (until - kit.clock.now()).total_seconds()
        if left_s <= 0:
            raise NobodySpoke("The call goes on; ask again, say something or end it.")
        await _rung(kit, rings, min(POLL_S, left_s))


async def _rung(kit: Equipment, rings: int, seconds: float) -> None:
    """Until something happened to a call in this process, or after so long."""
    waits: Sequence[asyncio.Future[None]] = (
        asyncio.ensure_future(kit.calls_bell.past(rings)),
        asyncio.ensure_future(kit.clock.sleep(seconds)),
    )
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits:
            one.cancel()


def _done_waiting(
    kit: Equipment,
    tx: Tx,
    asked: Spoken,
    until: datetime,
    actor: str,
    outcome: str,
    waited_ms: int,
) -> None:
    now = kit.clock.now()
    call = tx.calls.get(asked.call.id)
    if call is not None and call.awaited_until == until:
        tx.calls.save([replace(call, awaited_until=None, updated_at=now)])
    body = {"outcome": outcome, "waited_ms": waited_ms, "decision": asked.decision}
    tx.audit.append([kit.audit("call_asked", asked.call.id, actor, now, body)])
