"""The desk for calls: what a provider asks and reports about them, answered with instructions. What
changes is one transaction with its decision and its entry; agents are asked after it, and whatever
they want to say passes the gate before it is said (call_asking)."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from ringfence.gateway import call_entry as entry
from ringfence.gateway import call_messages as messages
from ringfence.gateway import call_steps as steps
from ringfence.gateway import call_words as words
from ringfence.gateway.call_asking import Asking
from ringfence.gateway.call_ending import end
from ringfence.gateway.call_life import Told, fold, is_past_limit
from ringfence.gateway.call_placing import caller_of, manner_of
from ringfence.gateway.call_steps import Step
from ringfence.gateway.call_telling import Telling
from ringfence.gateway.call_transfer import back, progressed
from ringfence.gateway.conversations import Conversations
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.live_core import streams
from ringfence.model.audit import digest
from ringfence.model.call import (
    AnswererHeard,
    Call,
    CallEvent,
    CallMode,
    CallProgress,
    CallState,
    EndReason,
    IncomingCall,
    LegEnded,
    RecordingReport,
    WhatNext,
)
from ringfence.model.errors import MalformedEvent
from ringfence.model.instruction import HangUp, Instruction, OpenStream, Refuse
from ringfence.model.line import Line
from ringfence.model.wire import WebhookRequest, WireResponse
from ringfence.ports import DeadEvent, Tx
from ringfence.providers.base import PlacesCalls, Verified

log = logging.getLogger("ringfence.call")


RECENT_MAX = 32
"""Webhooks of one call whose names are kept: redeliveries come within minutes."""


class CallDesk:
    """Takes the voice webhooks of all lines."""

    def __init__(self, kit: Equipment, conversations: Conversations) -> None:
        self._kit, self._conversations = kit, conversations
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
        # Who fetches the instructions asks for the same ones again; who is told by requests must not
        # tell a thing twice.
        fetches = provider.call_capabilities.answers_with_instructions
        token = "" if fetches else digest(provider.call_dedupe_token(verified))[:16]
        return await self._answer(provider, line, event, token)

    async def close(self) -> None:
        await self.telling.close()
        await self.asking.close()

    async def _answer(
        self, provider: PlacesCalls, line: Line, event: CallEvent, token: str
    ) -> WireResponse:
        kit, now = self._kit, self._kit.clock.now()
        step = await kit.store.write(lambda tx: self._step(tx, line, event, token, now))
        kit.calls_bell.ring()
        call, turn = step.call, step.turn
        if call is not None and turn is not None:
            self.asking.start(line, manner_of(line, call), call, turn)
            number, call_id = turn.n, call.id

            async def after(filler: bool) -> tuple[Instruction, ...]:
                waited = await kit.store.write(
                    lambda tx: steps.waited(kit, tx, line, call_id, number, filler=filler)
                )
                return waited.instructions

            return await self.telling.after_turn(provider, line, call, turn, after)
        instructions = step.instructions
        if step.opens_stream and call is not None:
            instructions = self._stream(line, call)
        return await self.telling.answer(
            provider,
            line,
            call,
            instructions,
            provider_id=event.provider_id,
            rings=_asks(event),
        )

    def _stream(self, line: Line, call: Call) -> tuple[Instruction, ...]:
        """Its address opens one socket, once, for seconds. Raises TooMany."""
        manner = manner_of(line, call)
        stream, relay = manner.settings.stream, manner.settings.relay
        token = self._conversations.token(call.id)
        if relay is not None:
            return (words.relayed(manner, relay, f"{relay.url.rstrip('/')}/{token}"),)
        assert stream is not None, "only a line with sockets opens one"
        return (OpenStream(words.STREAM_OVER, f"{stream.url.rstrip('/')}/{token}"),)

    # -- one event, one transaction ------------------------------------------------------------

    def _step(self, tx: Tx, line: Line, event: CallEvent, token: str, now: datetime) -> Step:
        kit = self._kit
        if isinstance(event, IncomingCall):
            return entry.ring(kit, tx, line, event, now)
        call = tx.calls.get(event.our_id) if event.our_id else None
        if call is None:
            call = tx.calls.at_provider(line.id, event.provider_id)
        if call is None or call.line != line.id:
            log.warning("a call of nobody's", extra={"line": line.id})
            return Step()
        if token and token in call.recent:
            return Step()  # told twice (B116)
        if token:
            call = replace(call, recent=(*call.recent, token)[-RECENT_MAX:])
            tx.calls.save([call])
        match event:
            case WhatNext():
                return self._what_next(tx, line, call, event, now)
            case CallProgress() if event.parent_provider_id:
                return Step(call=progressed(tx, call, event, now))
            case CallProgress():
                told = Told(
                    event.state,
                    event.provider_id,
                    event.sequence,
                    event.answered_by,
                    event.sip_code,
                    event.error_code,
                )
                return Step(call=self._heed(tx, fold(kit, tx, call, told, now), now))
            case AnswererHeard():
                told = Told(call.state, event.provider_id, answered_by=event.answered_by)
                return Step(call=self._heed(tx, fold(kit, tx, call, told, now), now))
            case LegEnded():
                manner = manner_of(line, call)
                is_repeated = all(leg.is_over for leg in call.joined)
                call, told_next = back(kit, tx, manner, call, event, now)
                if call.is_over or call.ending is not None:
                    return Step(call=call)
                if told_next and streams(kit, line, call):
                    # Told twice, nobody gets a second address (B116).
                    return Step((), call, opens_stream=not is_repeated)
                return Step(tuple(told_next or words.farewell(manner, "")), call)
            case RecordingReport():
                manner = manner_of(line, call)
                if event.asks:
                    call = steps.was_heard(kit, tx, line, manner, call, now)
                return Step(tuple(messages.left(kit, tx, manner, call, event, now)), call)
            case _:
                assert_never(event)

    def _heed(self, tx: Tx, call: Call, now: datetime) -> Call:
        """A machine that answered is hung up on, unless something may be left on it (facts 3.6)."""
        answerer = call.person.answered_by
        if answerer is not None and answerer.is_machine and call.mode is CallMode.NOTIFY:
            return end(self._kit, tx, call, EndReason.MACHINE, now)
        return call

    def _what_next(self, tx: Tx, line: Line, call: Call, event: WhatNext, now: datetime) -> Step:
        kit = self._kit
        state = CallState.ANSWERED if event.state is CallState.OFFERED else event.state
        told = Told(state, event.provider_id, answered_by=event.answered_by)
        call = fold(kit, tx, call, told, now)
        if call.is_over:
            # It goes on there, whatever we believed of it: nobody may be left on a silent line.
            return Step((HangUp(),), call)
        if call.ending is not None and not _is_parting(line, event):
            return Step(call=call)
        manner = manner_of(line, call)
        if call.ending is None and is_past_limit(call, now):
            # The provider ends what it placed for us; who called us is told when they ask.
            call = end(kit, tx, call, EndReason.TIME_LIMIT, now + steps.SILENCE_PARTING)
            return Step(tuple(words.farewell(manner, manner.settings.sentences.time_up)), call)
        if event.rest:
            return Step(event.rest, call)
        if event.turn == words.START:
            return steps.begin(kit, tx, line, manner, call, now)
        if event.turn == words.STREAM_OVER:
            fault = manner.settings.sentences.fault
            return Step(tuple(words.farewell(manner, fault)), call)
        call = steps.was_heard(kit, tx, line, manner, call, now)
        if event.turn == entry.HOLD:
            return entry.held(kit, tx, line, manner, call, now)
        if found := entry.PIN.fullmatch(event.turn):
            tried = int(found.group(1))
            return entry.pin_given(kit, tx, line, manner, call, tried, event, now)
        if event.turn in (words.SAID, words.PRESSED, words.PRESSED_AGAIN):
            return steps.noticed(kit, tx, manner, call, event, now)
        if (number := words.turn_number(event.turn, waited=True)) is not None:
            return steps.waited(kit, tx, line, call.id, number, filler=False)
        if (number := words.turn_number(event.turn, waited=False)) is not None:
            return steps.heard(kit, tx, line, manner, call, number, event, now)
        return Step(tuple(words.farewell(manner, "")), call)

    async def _bury(self, line: Line, kind: str, reason: str, verified: Verified) -> None:
        kit, now = self._kit, self._kit.clock.now()
        token = digest(verified.request.body.decode("utf-8", "replace") + verified.request.query)
        fields = {name: value for name, value in verified.fields if not _is_said(name)}
        id_ = kit.ids.new("event", now)
        event = DeadEvent(id_, line.id, token, f"call_{kind}", reason, now, fields)
        await kit.store.write(lambda tx: tx.events.bury(event))


def _is_said(field: str) -> bool:
    """What a person said or pressed is not kept with an event that nobody acts on (P9)."""
    return "speech" in field.lower() or "digit" in field.lower()


def _asks(event: CallEvent) -> bool:
    return isinstance(event, IncomingCall)


def _is_parting(line: Line, event: WhatNext) -> bool:
    """The last sentence: where a live call takes addresses only, it comes back to be answered with."""
    fetched = caller_of(line).call_capabilities.answers_with_instructions
    return fetched and event.rest[-1:] == (HangUp(),)
