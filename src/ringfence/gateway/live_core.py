"""The call core as live streams need it: what a call opens with, who answers, what may be said, what is
put on record. One `LiveRecord` is one call's; everything it writes is a transaction of its own."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Final, assert_never

from ringfence.gateway import call_words as words
from ringfence.gateway.call_asking import role_of, speaking
from ringfence.gateway.call_ending import end
from ringfence.gateway.call_placing import manner_of
from ringfence.gateway.call_stops import heed_wish
from ringfence.gateway.call_transfer import NOBODY
from ringfence.gateway.call_words import Manner
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.facts import FactsDesk
from ringfence.gateway.live_agent import LiveAgent
from ringfence.gateway.live_call import Live, LiveCall, MaySay, Recorded, Relayed
from ringfence.gateway.live_realtime import RealtimeVoice
from ringfence.gateway.live_settings import session_settings
from ringfence.gateway.live_tools import LiveTools
from ringfence.model.call import Call, CallMode, EndReason, Speaker, TurnTimes, Words
from ringfence.model.contact import Role
from ringfence.model.errors import LineBlocked, NotFound
from ringfence.model.line import Line
from ringfence.model.message import Message
from ringfence.model.verdict import Verdict
from ringfence.ports import Tx
from ringfence.providers import media_dialects, relay_dialects
from ringfence.providers.media import MediaCapabilities
from ringfence.voice.effects import (
    DigitPressed,
    DisclosureHeard,
    EndCall,
    PersonSaid,
    StreamOver,
    TurnTimed,
    WordsBegun,
    WordsHeard,
    WordsNotSaid,
)
from ringfence.voice.settings import Script

log = logging.getLogger("ringfence.call")

STREAM_LOOK: Final = timedelta(seconds=5)
"""How soon a provider is asked whether a call goes on whose stream is over."""


class LiveCore:
    """Fulfils `conversations.PreparesCalls`."""

    def __init__(self, kit: Equipment) -> None:
        self._kit = kit

    async def live(self, call_id: str) -> Live | Relayed:
        kit, now = self._kit, self._kit.clock.now()

        def look(tx: Tx) -> tuple[Call | None, Message | None, bool]:
            call = tx.calls.get(call_id)
            message = tx.messages.get(call.message_id) if call and call.message_id else None
            return call, message, bool(tx.calls.words_of(call_id))

        call, message, talked = await kit.store.read(look)
        line = kit.lines.get(call.line) if call is not None else None
        if call is None or line is None or call.is_over or call.ending is not None:
            raise NotFound("This call is over.")
        manner = manner_of(line, call)
        if manner.settings.relay is not None:
            return self._relayed(line, manner, call, _script(line, manner, call, message, talked))
        stream, route = manner.settings.stream, manner.route
        dialect = media_dialects().get(line.provider)
        if stream is None or dialect is None or kit.speech is None:
            raise LineBlocked(f"Line {line.id} is not set up for live sound.")
        record: LiveCall = LiveRecord(kit, line, manner, call.id)
        agent = LiveAgent(kit, line, manner, call, record)
        realtime = await self._realtime(line, manner, call, record, agent)
        left = (call.person.answered_at or now) + call.time_limit - now
        return Live(
            call_id=call.id,
            provider_id=call.person.provider_id,
            line=line,
            dialect=dialect,
            call=realtime or record,
            agent=realtime or agent,
            ears=realtime or kit.speech.ears(manner.settings, route),
            mouth=kit.speech.mouth(manner.settings, route),
            script=_script(line, manner, call, message, talked),
            settings=session_settings(manner.settings, route, dialect.media_capabilities, left),
            url=stream.url,
            language=route.language,
            heard_max=stream.queue_frames_max,
            voiced=realtime,
        )

    async def _realtime(
        self, line: Line, manner: Manner, call: Call, record: LiveCall, agent: LiveAgent
    ) -> RealtimeVoice | None:
        """The model that hears, answers and speaks in this call, where the operator chose one."""
        kit, chosen = self._kit, manner.settings.realtime
        if chosen is None or kit.speech is None:
            return None
        is_owner = await kit.store.read(lambda tx: role_of(tx, line, call)) == Role.OWNER.value
        tools = LiveTools(kit, line, call, agent, chosen.tools, is_owner=is_owner)
        service = kit.speech.realtime(manner.settings)
        return RealtimeVoice(service, record, tools, chosen.hold)

    def _relayed(self, line: Line, manner: Manner, call: Call, script: Script) -> Relayed:
        kit, now = self._kit, self._kit.clock.now()
        relay, dialect = manner.settings.relay, relay_dialects().get(line.provider)
        if relay is None or dialect is None:
            raise LineBlocked(f"Line {line.id} is not set up for a relay.")
        record = LiveRecord(kit, line, manner, call.id)
        left = (call.person.answered_at or now) + call.time_limit - now
        able = MediaCapabilities(digits=True)
        return Relayed(
            call_id=call.id,
            provider_id=call.person.provider_id,
            line=line,
            dialect=dialect,
            call=record,
            agent=LiveAgent(kit, line, manner, call, record),
            script=script,
            settings=session_settings(manner.settings, manner.route, able, left),
            url=relay.url,
        )


def _script(
    line: Line, manner: Manner, call: Call, message: Message | None, talked: bool
) -> Script:
    """What was said before is not said again: a stream may be opened anew within a call."""
    owed = words.owed_to(line, manner, call.person.number)
    disclosure = "" if call.disclosed_at is not None else owed
    if talked:
        came_back = bool(call.joined) and call.joined[-1].is_over
        return Script(disclosure=disclosure, opening=NOBODY if came_back else "", mode=call.mode)
    return Script(
        disclosure=disclosure,
        opening=manner.route.greeting if message is None else message.body,
        # The words a call was approved with: the entry of its claim names its item.
        opening_decision=call.outbox_id,
        mode=call.mode,
    )


class LiveRecord:
    """Fulfils `live_call.LiveCall`."""

    def __init__(self, kit: Equipment, line: Line, manner: Manner, call_id: str) -> None:
        self._kit, self._line, self._manner, self._call_id = kit, line, manner, call_id
        self._begun: dict[int, int] = {}

    async def may_say(self, turn: int, text: str) -> MaySay:
        kit = self._kit

        def decide(tx: Tx) -> MaySay:
            call = tx.calls.get(self._call_id)
            if call is None or call.is_over or call.ending is not None:
                return MaySay(reason="call_over")
            question = speaking(kit, self._line, self._manner, call, text)
            now = kit.clock.now()
            decision, entry = FactsDesk(kit, tx, [question], now).decide(question, call.id)
            tx.audit.append([entry])
            if decision.verdict is Verdict.ALLOW:
                return MaySay(decision=entry.id)
            return MaySay(reason=", ".join(reason.code for reason in decision.reasons))

        return await kit.store.write(decide)

    async def record(self, what: Recorded) -> None:
        kit, now = self._kit, self._kit.clock.now()
        match what:
            case PersonSaid():
                await kit.store.write(lambda tx: self._person_said(tx, what))
            case WordsBegun():
                one = Words(
                    self._call_id,
                    0,
                    what.speaker,
                    what.text,
                    now,
                    turn=what.turn,
                    heard=0,
                    decision=what.decision,
                )
                [stored] = await kit.store.write(lambda tx: tx.calls.add_words([one]))
                self._begun[what.utterance] = stored.n
            case WordsHeard():
                n = self._begun.get(what.utterance)
                if n is not None:
                    heard = what.characters
                    await kit.store.write(lambda tx: tx.calls.heard(self._call_id, n, heard))
            case DisclosureHeard():
                await kit.store.write(self._disclosed)
            case DigitPressed():
                await kit.store.write(lambda tx: self._pressed(tx, what.digit))
            case TurnTimed():
                times = TurnTimes(self._call_id, **_timed(what))
                await kit.store.write(lambda tx: tx.calls.add_times(times))
                log.info("call turn", extra={"call_id": self._call_id, **_timed(what)})
            case WordsNotSaid():
                log.info("not said", extra={"call_id": self._call_id, "reason": what.why.value})
            case _:
                assert_never(what)

    async def ended(self, how: EndCall | StreamOver) -> None:
        kit, now = self._kit, self._kit.clock.now()

        def job(tx: Tx) -> None:
            call = tx.calls.get(self._call_id)
            if call is None or call.is_over:
                return
            if isinstance(how, EndCall):
                end(kit, tx, call, how.reason, now)
            else:
                tx.calls.save([replace(call, look_at=now + STREAM_LOOK)])

        await kit.store.write(job)
        kit.calls_bell.ring()

    def _person_said(self, tx: Tx, what: PersonSaid) -> None:
        kit, now = self._kit, self._kit.clock.now()
        call = tx.calls.get(self._call_id)
        if call is None:
            return
        said = Words(
            call.id,
            0,
            Speaker.PERSON,
            what.text,
            now,
            turn=what.turn,
            confidence=what.confidence,
        )
        tx.calls.add_words([said])
        if heed_wish(kit, tx, self._line, call, what.text, now):
            end(kit, tx, call, EndReason.HUNG_UP, now, "person")

    def _disclosed(self, tx: Tx) -> None:
        now = self._kit.clock.now()
        call = tx.calls.get(self._call_id)
        if call is None or call.disclosed_at is not None:
            return
        tx.calls.save([replace(call, disclosed_at=now, updated_at=now)])
        body = {"line": call.line, "contact": call.contact_id}
        tx.audit.append([self._kit.audit("disclosed", call.id, "provider", now, body)])

    def _pressed(self, tx: Tx, digit: str) -> None:
        call = tx.calls.get(self._call_id)
        if call is not None:
            tx.calls.save([replace(call, pressed=(call.pressed + digit)[-32:])])


def streams(kit: Equipment, line: Line, call: Call) -> bool:
    """Whether this call is talked in over a socket, in sound or in text: conversations only, where it is
    set up."""
    voice = line.voice
    if voice is None or call.mode is not CallMode.CONVERSATION:
        return False
    if voice.relay is not None:
        return line.provider in relay_dialects()
    return voice.stream is not None and kit.speech is not None and line.provider in media_dialects()


def _timed(turn: TurnTimed) -> dict[str, int]:
    return {
        "turn": turn.turn,
        "over_ms": turn.over_ms,
        "allowed_ms": turn.allowed_ms,
        "made_ms": turn.made_ms,
        "sent_ms": turn.sent_ms,
        "played_ms": turn.played_ms,
    }
