"""The desk for calls: what a provider asks and reports about them, answered with instructions. What
changes is one transaction with its decision and its entry; agents are asked after it, and whatever
they want to say passes the gate before it is said (call_asking)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from ringfence.gateway import call_words as words
from ringfence.gateway.call_asking import Asking, owe
from ringfence.gateway.call_ending import end
from ringfence.gateway.call_keys import pressed
from ringfence.gateway.call_life import RING_SLACK, Told, fold
from ringfence.gateway.call_placing import caller_of, manner_of, voice_of
from ringfence.gateway.call_telling import Telling
from ringfence.gateway.call_words import Manner
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.facts import FactsDesk, Question
from ringfence.model.audit import digest
from ringfence.model.call import (
    AnswererHeard,
    Call,
    CallEvent,
    CallMode,
    CallProgress,
    CallState,
    CallTurn,
    CallTurnState,
    EndReason,
    IncomingCall,
    Leg,
    LegEnded,
    LegRole,
    RecordingReport,
    Speaker,
    WhatNext,
    Words,
)
from ringfence.model.errors import InvalidNumber, MalformedEvent
from ringfence.model.instruction import Instruction, Refusal, Refuse
from ringfence.model.line import Line
from ringfence.model.message import Direction
from ringfence.model.phone import PhoneNumber, from_sender
from ringfence.model.verdict import Act, Decision, Verdict
from ringfence.model.wire import WebhookRequest, WireResponse
from ringfence.ports import DeadEvent, Tx
from ringfence.providers.base import PlacesCalls, Verified

log = logging.getLogger("ringfence.call")

HOLD = "hold"
HOLD_S = 5


@dataclass(frozen=True, slots=True)
class Step:
    """What a webhook is answered with, and the turn to run, if one is owed now."""

    instructions: tuple[Instruction, ...] = ()
    call: Call | None = None
    turn: CallTurn | None = None


class CallDesk:
    """Takes the voice webhooks of all lines."""

    def __init__(self, kit: Equipment) -> None:
        self._kit = kit
        self.asking = Asking(kit)
        self.telling = Telling(kit, self.asking)

    async def webhook(self, line: Line, request: WebhookRequest) -> WireResponse:
        """The provider's answer. Raises SignatureRefused, ProviderMisconfigured and StoreError; a
        signed event that is not ours is buried and answered like a good one (B029)."""
        provider = caller_of(line)
        verified = provider.verify_call(request, line)
        try:
            event = provider.parse_call(verified)
        except MalformedEvent as error:
            await self._bury(line, "malformed", error.detail, verified)
            return provider.answer_call((), "", line)
        if event is None:
            return provider.answer_call((), "", line)
        wrong = provider.call_misdirected(event, line)
        if wrong:
            await self._bury(line, "misdirected", wrong, verified)
            refusal = (Refuse(),) if _asks(event) else ()
            return await self.telling.answer(
                provider, line, None, refusal, provider_id=event.provider_id, rings=_asks(event)
            )
        return await self._answer(provider, line, event)

    async def close(self) -> None:
        await self.telling.close()
        await self.asking.close()

    async def _answer(self, provider: PlacesCalls, line: Line, event: CallEvent) -> WireResponse:
        kit, now = self._kit, self._kit.clock.now()
        step = await kit.store.write(lambda tx: self._step(tx, line, event, now))
        kit.calls_bell.ring()
        call, turn = step.call, step.turn
        if call is not None and turn is not None:
            self.asking.start(line, manner_of(line, call), call, turn)
            number, call_id = turn.n, call.id

            async def after(filler: bool) -> tuple[Instruction, ...]:
                waited = await kit.store.write(
                    lambda tx: self._waited(tx, line, call_id, number, filler=filler)
                )
                return waited.instructions

            return await self.telling.after_turn(provider, line, call, turn, after)
        return await self.telling.answer(
            provider,
            line,
            call,
            step.instructions,
            provider_id=event.provider_id,
            rings=_asks(event),
        )

    # -- one event, one transaction ------------------------------------------------------------

    def _step(self, tx: Tx, line: Line, event: CallEvent, now: datetime) -> Step:
        if isinstance(event, IncomingCall):
            return self._ring(tx, line, event, now)
        call = tx.calls.get(event.our_id) if event.our_id else None
        if call is None:
            call = tx.calls.at_provider(line.id, event.provider_id)
        if call is None or call.line != line.id:
            log.warning("a call of nobody's", extra={"line": line.id})
            return Step()
        match event:
            case WhatNext():
                return self._what_next(tx, line, call, event, now)
            case CallProgress():
                told = Told(
                    event.state,
                    event.provider_id,
                    event.sequence,
                    event.answered_by,
                    event.sip_code,
                    event.error_code,
                )
                return Step(call=self._heed(tx, line, fold(self._kit, tx, call, told, now), now))
            case AnswererHeard():
                told = Told(call.state, event.provider_id, answered_by=event.answered_by)
                return Step(call=self._heed(tx, line, fold(self._kit, tx, call, told, now), now))
            case LegEnded() | RecordingReport():
                body = {"line": line.id, "event": type(event).__name__}
                tx.audit.append([self._kit.audit("call_event", call.id, "provider", now, body)])
                return Step(call=call)
            case _:
                assert_never(event)

    def _heed(self, tx: Tx, line: Line, call: Call, now: datetime) -> Call:
        """A machine that answered is hung up on, unless something may be left on it (facts 3.6)."""
        answerer = call.person.answered_by
        if answerer is not None and answerer.is_machine and call.mode is CallMode.NOTIFY:
            return end(self._kit, tx, call, EndReason.MACHINE, now)
        return call

    # -- somebody calls ------------------------------------------------------------------------

    def _ring(self, tx: Tx, line: Line, event: IncomingCall, now: datetime) -> Step:
        kit, voice = self._kit, voice_of(line)
        manner = Manner(voice, voice.route_to(event.called))
        if tx.calls.at_provider(line.id, event.provider_id) is not None:
            return Step()  # told twice: the first answer stands (B116)
        try:
            number = None if event.hidden else from_sender(event.caller)
        except InvalidNumber:
            number = None
        if number is None:
            _, entry = FactsDesk(kit, tx, (), now).decide_unnamed(line, event.provider_id)
            tx.audit.append([entry])
            return Step((Refuse(),))
        call = _incoming(kit, line, voice.limit_s, event, number, now)
        question = Question(Act.ANSWER, line, number, "person", call=call)
        desk = FactsDesk(kit, tx, [question], now)
        decision, entry = desk.decide(question, call.id)
        call = replace(call, contact_id=desk.people[number].contact_id)
        tx.audit.append([entry])
        waits = decision.verdict is Verdict.HOLD and _only_full(decision)
        if decision.verdict is not Verdict.ALLOW and not waits:
            tx.calls.add([_refused(call, now)])
            return Step((Refuse(Refusal.REJECTED),))
        desk.counts.raise_for(question)
        desk.counts.write()
        tx.calls.add([call])
        call = fold(kit, tx, call, Told(CallState.ANSWERED, event.provider_id), now)
        if waits or self._is_full(tx, line, call):
            return Step(tuple(words.held(manner, HOLD, HOLD_S)), call)
        return self._greet(tx, line, manner, call, now)

    def _greet(self, tx: Tx, line: Line, manner: Manner, call: Call, now: datetime) -> Step:
        owed = words.owed_to(line, manner, call.person.number)
        said = [
            Words(call.id, 0, Speaker.GATEWAY, text, now)
            for text in (owed, manner.route.greeting)
            if text
        ]
        tx.calls.add_words(said)
        call = replace(call, turn=1, updated_at=now)
        tx.calls.save([call])
        return Step(tuple(words.greeting(manner, owed)), call)

    def _is_full(self, tx: Tx, line: Line, call: Call) -> bool:
        """Others are served, or have waited longer (B125)."""
        most: int = self._kit.policies[line.id].settings["call_limits"].at_once
        others = [one for one in tx.calls.live_ones() if one.line == line.id and one.id != call.id]
        served = sum(1 for one in others if _is_served(one))
        before = sum(
            1 for one in others if not _is_served(one) and one.created_at < call.created_at
        )
        return served + before >= most

    # -- what next -----------------------------------------------------------------------------

    def _what_next(self, tx: Tx, line: Line, call: Call, event: WhatNext, now: datetime) -> Step:
        told = Told(
            event.state if event.state not in (CallState.OFFERED,) else CallState.ANSWERED,
            event.provider_id,
            answered_by=event.answered_by,
        )
        call = fold(self._kit, tx, call, told, now)
        if call.is_over or call.ending is not None:
            return Step(call=call)
        manner = manner_of(line, call)
        if event.rest:
            return Step(event.rest, call)
        if event.turn == words.START:
            return self._begin(tx, line, manner, call, now)
        call = self._was_heard(tx, line, manner, call, now)
        if event.turn == HOLD:
            return self._held(tx, line, manner, call, now)
        if event.turn in (words.SAID, words.PRESSED, words.PRESSED_AGAIN):
            return self._noticed(tx, manner, call, event, now)
        if (number := words.turn_number(event.turn, waited=True)) is not None:
            return self._waited(tx, line, call.id, number, filler=False)
        if (number := words.turn_number(event.turn, waited=False)) is not None:
            return self._heard(tx, line, manner, call, number, event, now)
        return Step(tuple(words.farewell(manner, "")), call)

    def _begin(self, tx: Tx, line: Line, manner: Manner, call: Call, now: datetime) -> Step:
        message = tx.messages.many([call.message_id]).get(call.message_id)
        if message is None:
            return Step(tuple(words.farewell(manner, "")), call)
        owed = words.owed_to(line, manner, call.person.number)
        if call.turn == 0:
            said = [Words(call.id, 0, Speaker.GATEWAY, text, now) for text in (owed,) if text]
            speaker = Speaker.AGENT if call.initiator.startswith("agent:") else Speaker.GATEWAY
            tx.calls.add_words([*said, Words(call.id, 0, speaker, message.body, now)])
            call = replace(call, turn=1, updated_at=now)
            tx.calls.save([call])
        return Step(tuple(words.first_words(manner, call, message, owed)), call)

    def _held(self, tx: Tx, line: Line, manner: Manner, call: Call, now: datetime) -> Step:
        if call.turn == 0 and self._is_full(tx, line, call):
            return Step(tuple(words.held(manner, HOLD, HOLD_S, again=True)), call)
        return self._greet(tx, line, manner, call, now)

    def _was_heard(self, tx: Tx, line: Line, manner: Manner, call: Call, now: datetime) -> Call:
        """The provider asks what next only when what went before was played: the disclosure, which
        nothing interrupts, was heard to its end."""
        if call.disclosed_at is not None or (call.turn == 0 and call.mode is not CallMode.NOTIFY):
            return call
        if not words.owed_to(line, manner, call.person.number):
            return call
        call = replace(call, disclosed_at=now, updated_at=now)
        tx.calls.save([call])
        body = {"line": line.id, "contact": call.contact_id}
        tx.audit.append([self._kit.audit("disclosed", call.id, "provider", now, body)])
        return call

    def _noticed(self, tx: Tx, manner: Manner, call: Call, event: WhatNext, now: datetime) -> Step:
        """A notice was said to its end, or answered with a key."""
        message = tx.messages.many([call.message_id]).get(call.message_id)
        if message is None:
            return Step(tuple(words.farewell(manner, "")), call)
        if call.said_at is None:
            speaker = Speaker.AGENT if call.initiator.startswith("agent:") else Speaker.GATEWAY
            heard = len(message.body)
            tx.calls.add_words([Words(call.id, 0, speaker, message.body, now, heard=heard)])
        call = replace(call, said_at=call.said_at or now, updated_at=now)
        keys = words.keys_of(message)
        if event.turn == words.SAID or not keys:
            tx.calls.save([call])
            return Step(tuple(words.farewell(manner, "")), call)
        if event.digits in keys:
            call = replace(call, pressed=event.digits)
            tx.calls.save([call])
            body = {"line": call.line, "means": keys[event.digits]}
            tx.audit.append([self._kit.audit("call_key", call.id, "person", now, body)])
            said = pressed(self._kit, tx, call, message, event.digits, now)
            return Step(tuple(words.farewell(manner, said)), call)
        tx.calls.save([call])
        if event.turn == words.PRESSED:
            prompt = (words.say(manner, words.keys_words(keys)),)
            return Step((words.keys_asked(manner, prompt, words.PRESSED_AGAIN),), call)
        return Step(tuple(words.farewell(manner, manner.settings.sentences.goodbye)), call)

    def _heard(
        self,
        tx: Tx,
        line: Line,
        manner: Manner,
        call: Call,
        n: int,
        event: WhatNext,
        now: datetime,
    ) -> Step:
        known = tx.calls.turn(call.id, n)
        if known is not None:
            return Step(tuple(words.thinking(n)), call)  # told twice
        text = event.speech.strip() or " ".join(event.digits)
        if not text:
            return self._silent(tx, manner, call, n, now)
        turn = owe(self._kit, tx, call, manner, n, text, now)
        call = replace(call, turn=n, looks=0, updated_at=now)
        tx.calls.save([call])
        return Step(tuple(words.thinking(n)), call, turn)

    def _silent(self, tx: Tx, manner: Manner, call: Call, n: int, now: datetime) -> Step:
        """Nobody says anything: asked so many times, then the call ends."""
        times = call.silences + 1
        call = replace(call, silences=times, updated_at=now)
        tx.calls.save([call])
        if times >= manner.settings.turns.nobody_times:
            end(self._kit, tx, call, EndReason.SILENCE, now + timedelta(seconds=30))
            return Step(tuple(words.farewell(manner, manner.settings.sentences.goodbye)), call)
        return Step(
            (words.listen(manner, n, words.say(manner, manner.settings.sentences.silence)),), call
        )

    def _waited(self, tx: Tx, line: Line, call_id: str, n: int, *, filler: bool) -> Step:
        """Has the agent answered?"""
        call, turn = tx.calls.get(call_id), tx.calls.turn(call_id, n)
        if call is None or turn is None:
            return Step()
        manner, now = manner_of(line, call), self._kit.clock.now()
        match turn.state:
            case CallTurnState.ANSWERED | CallTurnState.SAID:
                tx.calls.put_turn(replace(turn, state=CallTurnState.SAID))
                return Step(tuple(words.answered(manner, n, turn.answer)), call)
            case CallTurnState.FAILED:
                sorry = manner.settings.sentences.fault
                tx.calls.add_words([Words(call.id, 0, Speaker.GATEWAY, sorry, now, turn=n)])
                return Step(tuple(words.farewell(manner, sorry)), call)
            case CallTurnState.ASKED if turn.lease_until > now:
                fillers = [words.say(manner, manner.settings.sentences.filler)] if filler else []
                return Step(tuple(words.thinking(n, *fillers)), call)
            case CallTurnState.ASKED:
                lease = now + timedelta(seconds=manner.settings.turns.agent_s)
                again = replace(turn, lease_until=lease)
                tx.calls.put_turn(again)
                return Step(tuple(words.thinking(n)), call, again)
            case _:
                assert_never(turn.state)

    async def _bury(self, line: Line, kind: str, reason: str, verified: Verified) -> None:
        kit, now = self._kit, self._kit.clock.now()
        token = digest(verified.request.body.decode("utf-8", "replace") + verified.request.query)
        fields = dict(verified.fields)
        id_ = kit.ids.new("event", now)
        event = DeadEvent(id_, line.id, token, f"call_{kind}", reason, now, fields)
        await kit.store.write(lambda tx: tx.events.bury(event))


def _asks(event: CallEvent) -> bool:
    return isinstance(event, IncomingCall)


def _only_full(decision: Decision) -> bool:
    """Nothing is against taking it but that the line talks already."""
    return {reason.code for reason in decision.reasons} == {"calls_at_once"}


def _is_served(call: Call) -> bool:
    return call.direction is Direction.OUT or call.turn > 0


def _incoming(
    kit: Equipment,
    line: Line,
    limit_s: int,
    event: IncomingCall,
    number: PhoneNumber,
    now: datetime,
) -> Call:
    leg = Leg(number, LegRole.PERSON, CallState.OFFERED, event.provider_id, offered_at=now)
    return Call(
        id=kit.ids.new("call", now),
        line=line.id,
        direction=Direction.IN,
        mode=CallMode.CONVERSATION,
        contact_id="",
        person=leg,
        time_limit=timedelta(seconds=limit_s),
        created_at=now,
        updated_at=now,
        initiator="person",
        called=event.called,
        look_at=now + RING_SLACK,
    )


def _refused(call: Call, now: datetime) -> Call:
    """It is on record, and over: nobody looks after it."""
    leg = replace(
        call.person, state=CallState.CANCELLED, ended_at=now, end_reason=EndReason.REFUSED
    )
    return replace(call, person=leg, look_at=None)
