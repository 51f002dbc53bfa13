"""Looking after calls: hang-ups that are owed until the provider says it is over, calls whose placing
was not answered, calls that nobody reports any more. An answered call is asked about and never ended
for its silence at the webhook (B148); what the provider does not know is over."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from ringfence.gateway.call_control import Sound
from ringfence.gateway.call_ending import end
from ringfence.gateway.call_life import LIVE_LOOK, Told, fold, is_past_limit, lost, next_look
from ringfence.gateway.call_placing import caller_of
from ringfence.gateway.call_words import Manner, say
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.finals import change_messages
from ringfence.model.call import Call, CallState, EndReason
from ringfence.model.errors import ProviderRejected, RingfenceError
from ringfence.model.instruction import HangUp, Instruction
from ringfence.model.line import Line
from ringfence.model.message import Direction, MessageStatus
from ringfence.model.outbox import OutboxState
from ringfence.ports import MessageChange, OutboxChange, Tx
from ringfence.providers.base import ListsCalls, PlacesCalls, RemoteCall
from ringfence.providers.base import Told as Answer
from ringfence.voice.events import Killed, ToldToEnd

log = logging.getLogger("ringfence.call")

LOOK_LEASE = timedelta(seconds=30)
"""While a look is under way no other process repeats it."""
PARTING = timedelta(seconds=12)
"""How long the last sentence has before the call is hung up on whatever it says."""
TRIES_S = (2, 5, 15, 30, 60)
FOUND_S = (5, 15, 30, 60, 120)
UNANSWERED_MAX = timedelta(minutes=10)
"""No call rings longer."""
CLOCK_SLACK = timedelta(minutes=2)


class CallLooks:
    """The worker's stage."""

    def __init__(self, kit: Equipment, sound: Sound | None = None) -> None:
        self._kit, self._sound = kit, sound

    async def claim(self, limit: int) -> list[Call]:
        """Calls that somebody must look after now, put off so that nobody else does meanwhile."""
        kit, now = self._kit, self._kit.clock.now()
        if not await kit.store.read(lambda tx: tx.calls.due(now, 1)):
            return []

        def job(tx: Tx) -> list[Call]:
            due = tx.calls.due(now, limit)
            tx.calls.save([replace(call, look_at=now + LOOK_LEASE) for call in due])
            return due

        return await kit.store.write(job)

    async def look(self, call: Call) -> None:
        """Never raises for what a provider does."""
        line = self._kit.lines.get(call.line)
        try:
            if line is None:
                raise ProviderRejected("The line is not configured any more.")
            provider = caller_of(line)
            if not call.person.provider_id:
                await self._find(call, line, provider)
            elif call.ending is not None:
                await self._end(call, line, provider)
            else:
                await self._ask(call, line, provider)
        except RingfenceError as error:
            extra = {"call_id": call.id, "line": call.line, "error": error.code}
            log.warning("a call could not be looked after", extra=extra)
            if self._kit.clock.now() < _latest_end(call):
                await self._put_off(call)
            else:
                await self._abandon(call.id)

    async def _end(self, call: Call, line: Line, provider: PlacesCalls) -> None:
        """Said farewell to and hung up on; and no session of live sound goes on talking meanwhile:
        not every provider takes the sound away with what it is told (P3)."""
        try:
            await self._part(call, line, provider)
        finally:
            if self._sound is not None and call.ending is not None:
                killed = call.ending is EndReason.KILLED
                self._sound.tell(call.id, Killed() if killed else ToldToEnd(call.ending))

    async def _part(self, call: Call, line: Line, provider: PlacesCalls) -> None:
        """The last sentence once, where there is one; then the hang-up, until it is over."""
        kit = self._kit
        farewell = _farewell(line, call)
        if farewell and call.looks == 0 and call.state is CallState.ANSWERED:
            requests = provider.tell(farewell, call.person.provider_id, call.id, line)
            # What prepares may be refused; the last one does it (see `PlacesCalls.tell`).
            *_, last = [await kit.http.send(request) for request in requests]
            if provider.told(last) is Answer.DONE:
                await self._put_off(call, PARTING)
                return
        request = provider.hang_up(call.person.provider_id, line)
        told = provider.told(await kit.http.send(request))
        if told is Answer.GONE:
            await self._ask(call, line, provider)
        else:
            await self._put_off(call)

    async def _ask(self, call: Call, line: Line, provider: PlacesCalls) -> None:
        kit = self._kit
        request = provider.fetch_call(call.person.provider_id, line)
        response = await kit.http.send(request)
        now = kit.clock.now()
        try:
            remote = provider.call_fetched(response)
        except ProviderRejected:
            # Some forget a call minutes after its end: unknown once it cannot last any more is over.
            if call.ending is None and now < _latest_end(call):
                raise
            await kit.store.write(lambda tx: self._forgotten(tx, call.id, now))
            return
        await kit.store.write(lambda tx: self._learned(tx, call.id, line, remote, now))

    def _forgotten(self, tx: Tx, call_id: str, now: datetime) -> None:
        call = tx.calls.get(call_id)
        if call is None or call.is_over:
            return
        reason = call.ending or EndReason.LOST
        state = CallState.ENDED if call.state is CallState.ANSWERED else CallState.FAILED
        fold(self._kit, tx, replace(call, ending=reason), Told(state, source="look"), now)

    def _learned(self, tx: Tx, call_id: str, line: Line, remote: RemoteCall, now: datetime) -> None:
        call = tx.calls.get(call_id)
        if call is None or call.is_over:
            return
        told = Told(remote.state, remote.provider_id, answered_by=remote.answered_by, source="look")
        call = fold(self._kit, tx, call, told, now)
        if call.is_over:
            return
        if call.ending is None and _is_unanswered(call, line, now):
            end(self._kit, tx, call, EndReason.NOT_ANSWERED_IN_TIME, now)
        elif call.ending is None and is_past_limit(call, now):
            end(self._kit, tx, call, EndReason.TIME_LIMIT, now)
        else:
            again = now + LIVE_LOOK if call.ending is None else now + _pause(call)
            if call.state is not CallState.ANSWERED and call.ending is None:
                again = next_look(self._kit, call, now) or again
            tx.calls.save([replace(call, look_at=again, looks=call.looks + 1)])

    async def _find(self, call: Call, line: Line, provider: PlacesCalls) -> None:
        """A request whose answer never came: the call may ring (P5)."""
        kit, now = self._kit, self._kit.clock.now()
        found: RemoteCall | None = None
        if call.direction is Direction.OUT and isinstance(provider, ListsCalls):
            since = call.created_at - CLOCK_SLACK
            request = provider.find_calls(call.person.number.e164, since, line)
            page = provider.calls_found(await kit.http.send(request), line)
            found = await kit.store.read(lambda tx: _match(tx, call, page.calls, since))
        await kit.store.write(lambda tx: self._found(tx, call.id, found, now))

    def _found(self, tx: Tx, call_id: str, remote: RemoteCall | None, now: datetime) -> None:
        call = tx.calls.get(call_id)
        if call is None or call.is_over or call.person.provider_id:
            return
        if remote is not None:
            told = Told(remote.state, remote.provider_id, source="look")
            call = fold(self._kit, tx, call, told, now)
            if not call.is_over:
                look_at = next_look(self._kit, call, now)
                tx.calls.save([replace(call, look_at=look_at, looks=0)])
            return
        if call.looks < len(FOUND_S):
            again = now + timedelta(seconds=FOUND_S[call.looks])
            tx.calls.save([replace(call, look_at=again, looks=call.looks + 1)])
            return
        self._give_up(tx, call, now)

    def _give_up(self, tx: Tx, call: Call, now: datetime) -> None:
        """Not found is no proof: nothing is placed again by itself (P5)."""
        reason = (
            "unknown_outcome: the provider did not list the call; place it again if nobody rang"
        )
        change = OutboxChange(
            call.outbox_id,
            frozenset({OutboxState.UNKNOWN}),
            OutboxState.DEAD,
            reason=reason,
            status=MessageStatus.FAILED,
        )
        if call.outbox_id and tx.outbox.change([change]):
            failed = MessageChange(call.message_id, now, status=MessageStatus.FAILED, reason=reason)
            change_messages(tx, [failed])
        body = {"reason": "unknown_outcome"}
        tx.audit.append([self._kit.audit("dead_letter", call.id, "system", now, body)])
        # The item has its end; a report without the provider's id would be one of any call.
        lost(self._kit, tx, replace(call, outbox_id=""), now)

    async def _abandon(self, call_id: str) -> None:
        """Nobody can be asked about it any more, and it cannot last: it is over here as well (P6)."""
        kit, now = self._kit, self._kit.clock.now()

        def job(tx: Tx) -> None:
            call = tx.calls.get(call_id)
            if call is None or call.is_over:
                return
            if call.direction is Direction.OUT and not call.person.provider_id:
                self._give_up(tx, call, now)
            else:
                self._forgotten(tx, call_id, now)

        await kit.store.write(job)

    async def _put_off(self, call: Call, pause: timedelta | None = None) -> None:
        now = self._kit.clock.now()

        def job(tx: Tx) -> None:
            known = tx.calls.get(call.id)
            if known is not None and not known.is_over:
                again = now + (pause or _pause(known))
                tx.calls.save([replace(known, look_at=again, looks=known.looks + 1)])

        await self._kit.store.write(job)


def look_at_all(tx: Tx, now: datetime) -> None:
    """At a start: nobody knows what became of live calls meanwhile. One that is being ended has its
    time already, and its last words."""
    live = [call for call in tx.calls.live_ones() if call.ending is None]
    tx.calls.save([replace(call, look_at=now) for call in live])


def _pause(call: Call) -> timedelta:
    return timedelta(seconds=TRIES_S[min(call.looks, len(TRIES_S) - 1)])


def _is_unanswered(call: Call, line: Line, now: datetime) -> bool:
    """Ours rang for too long; one that was answered is never judged by this clock (B148)."""
    reap_s = line.voice.reap_s if line.voice is not None else 0
    unanswered = call.state in (CallState.OFFERED, CallState.RINGING)
    return bool(reap_s) and unanswered and now >= call.created_at + timedelta(seconds=reap_s)


def _latest_end(call: Call) -> datetime:
    """It cannot last longer: the provider itself ends it then."""
    return (call.person.answered_at or call.created_at) + call.time_limit + UNANSWERED_MAX


def _farewell(line: Line, call: Call) -> list[Instruction]:
    voice = line.voice
    if voice is None:
        return []
    manner = Manner(voice, voice.route_to(call.called))
    match call.ending:
        case EndReason.KILLED:
            text = voice.sentences.stopped
        case EndReason.TIME_LIMIT:
            text = voice.sentences.time_up
        case EndReason.MACHINE:
            text = voice.voicemail
        case EndReason.ENDED_BY_OPERATOR:
            text = voice.sentences.goodbye
        case _:
            text = ""
    return [say(manner, text), HangUp()] if text else []


def _match(
    tx: Tx, call: Call, listed: tuple[RemoteCall, ...], since: datetime
) -> RemoteCall | None:
    """The oldest call to this person since then that is nobody else's."""
    free = [
        one
        for one in listed
        if not one.inbound
        and one.to == call.person.number.e164
        and (one.created_at is None or one.created_at >= since)
        and tx.calls.at_provider(call.line, one.provider_id) is None
    ]
    return min(free, key=lambda one: (one.created_at or since, one.provider_id), default=None)
