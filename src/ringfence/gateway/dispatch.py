"""Dispatch (architecture, step 8): claim what is due, decide again in the claiming transaction,
commit, call the provider, record what came of it. The only stage that calls a provider to send;
no network call inside a transaction."""

from __future__ import annotations

import logging
from datetime import timedelta

from ringfence.delivery.breaker import Turn
from ringfence.gateway.attach import hosted_urls
from ringfence.gateway.batch import Batcher, until_stored
from ringfence.gateway.call_placing import caller_of, outbound
from ringfence.gateway.claiming import Claim
from ringfence.gateway.claims import Claims
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.fallback import Fallback
from ringfence.gateway.outages import heed, put_on_record
from ringfence.gateway.recording import Recorder, Sent
from ringfence.model.errors import (
    NotDispatched,
    PossiblyDispatched,
    ProviderMisconfigured,
    RingfenceError,
    StoreError,
)
from ringfence.model.line import Line
from ringfence.model.outbox import ErrorClass, OutboxItem, Outcome, OutcomeKind
from ringfence.model.verdict import Act
from ringfence.providers.base import OutboundText

log = logging.getLogger("ringfence.dispatch")


class Dispatcher:
    """Claims and sends. `claim` and `send` are separate so that the worker bounds what is in
    flight and a test can stand between them."""

    def __init__(self, kit: Equipment) -> None:
        self._kit = kit
        self._claims = Claims(kit)
        self._fallback = Fallback(kit)
        self._record: Batcher[Sent, None] = Batcher(kit.store, Recorder(kit).record)

    async def claim(self, limit: int) -> list[OutboxItem]:
        """Take up to `limit` due items that the gate allows now; each must then be sent. An item
        that breaks its claim goes to the dead letters, so that it holds up nobody else's."""
        await self._fallback.move_due()
        now = self._kit.clock.now()
        claim: Claim[OutboxItem, OutboxItem] = Claim(
            due=lambda tx, most: self._claims.due(tx, most, now),
            take=lambda tx, due: self._claims.take(tx, due, now),
            put_aside=lambda tx, item: self._claims.put_aside(tx, item, now),
            about=_about,
        )
        claimed = await claim.run(self._kit.store, limit, log)
        for item in claimed:
            with self._kit.trace.span("claim", item.message_id, **_traced(item)):
                pass  # it was decided in the store's thread, with others
            self._kit.breakers.probing(item.line, now, item.lease_until or now)
        return claimed

    async def send(self, item: OutboxItem) -> None:
        """Call the provider once and record the outcome. Never raises for what a provider does."""
        with self._kit.trace.span("send", item.message_id, **_traced(item)) as span:
            outcome = await self._call(item)
            span.set(outcome=outcome.kind.value, provider_id=outcome.provider_id)
        called = None if outcome is _TOO_OLD else outcome
        turn = heed(self._kit, item.line, called, self._kit.clock.now())
        sent = Sent(item, outcome, self._kit.chance.random())
        await until_stored(self._kit.clock, lambda: self._record(sent))
        if turn is not None:
            await self._put_on_record(item.line, turn)
        if outcome.kind is not OutcomeKind.ACCEPTED or item.part < item.parts:
            self._kit.outbox_bell.ring()

    async def _put_on_record(self, line: str, turn: Turn) -> None:
        kit, now = self._kit, self._kit.clock.now()
        try:
            await kit.store.write(lambda tx: put_on_record(kit, tx, line, turn, now))
        except StoreError as error:
            extra = {"line": line, "error": error.code}
            log.error("an outage could not be put on record", extra=extra)
        kit.outbox_bell.ring()

    async def _call(self, item: OutboxItem) -> Outcome:
        line = self._kit.lines[item.line]
        provider = self._kit.provider_of(line)
        if item.act is Act.CALL:
            return await self._place(item, line)
        try:
            text = OutboundText(item.id, item.number.e164, item.body, hosted_urls(line, item.media))
            request = provider.send(text, line)
            if not self._in_time(item, request.timeout_s):
                return _TOO_OLD
            return provider.sent(await self._kit.http.send(request))
        except PossiblyDispatched as error:
            return Outcome(OutcomeKind.UNKNOWN, detail=str(error))
        except RingfenceError as error:
            return _undispatched(error)

    async def _place(self, item: OutboxItem, line: Line) -> Outcome:
        """As a text, but it rings."""
        kit = self._kit
        try:
            provider = caller_of(line)
            call = await kit.store.read(lambda tx: outbound(kit, tx, item))
            request = provider.place(call, line)
            if not self._in_time(item, request.timeout_s):
                return _TOO_OLD
            return provider.placed(await kit.http.send(request))
        except PossiblyDispatched as error:
            return Outcome(OutcomeKind.UNKNOWN, detail=str(error))
        except RingfenceError as error:
            return _undispatched(error)

    def _in_time(self, item: OutboxItem, timeout_s: float) -> bool:
        """A process that stood still since its claim must not send: whoever found the lease run
        out may have given the item up already (P5)."""
        assert item.lease_until is not None, "only claimed items are sent"
        return self._kit.clock.now() + timedelta(seconds=timeout_s) <= item.lease_until


# Says nothing of the line: no call was made.
_TOO_OLD = Outcome(OutcomeKind.RETRYABLE, detail="The claim grew old before the call.", left=False)


def _traced(item: OutboxItem) -> dict[str, str]:
    return {
        "line": item.line,
        "outbox_id": item.id,
        "class": item.message_class.value,
        "attempt": str(item.attempt),
    }


def _about(item: OutboxItem) -> dict[str, str]:
    return {"outbox_id": item.id, "message_id": item.message_id, "line": item.line}


def _undispatched(error: RingfenceError) -> Outcome:
    """Nothing left. Trying again helps only where the error says so; a line that was set up wrongly
    meanwhile makes a dead letter, which can be resubmitted (B070)."""
    if isinstance(error, NotDispatched) and error.retryable:
        return _never_left(str(error))
    misconfigured = isinstance(error, ProviderMisconfigured)
    error_class = ErrorClass.CONFIG if misconfigured else ErrorClass.PERMANENT
    return Outcome(OutcomeKind.REJECTED, error_class=error_class, detail=str(error))


def _never_left(detail: str) -> Outcome:
    return Outcome(OutcomeKind.RETRYABLE, detail=detail, left=False)
