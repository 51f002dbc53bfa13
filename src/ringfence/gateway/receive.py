"""Receiving (architecture, steps 2 to 5): verify, parse, bound, and hand over to the receiving
transaction (`admitting`). The webhook is answered 2xx only after this returned (P4). The agent is
not called here; it is owed a turn."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from ringfence.gateway import emergency
from ringfence.gateway.admitting import Admitting
from ringfence.gateway.arrival import ACTED_ON, Arrival
from ringfence.gateway.batch import Batcher
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.rates import Rate
from ringfence.gateway.track import Tracker
from ringfence.model.audit import digest
from ringfence.model.errors import InvalidNumber, MalformedEvent, StoreBusy, TooMany
from ringfence.model.line import Line, OptOutReplies
from ringfence.model.message import (
    InboundMessage,
    StatusCallback,
)
from ringfence.model.phone import PhoneNumber, from_sender
from ringfence.model.wire import WebhookRequest
from ringfence.ports import DeadEvent, Tx
from ringfence.providers.base import Verified
from ringfence.text.keywords import Keyword, KeywordKind, classify

log = logging.getLogger("ringfence.receive")

# Repeats of an opt-out change nothing; this only bounds what they cost.
OPT_OUTS_PER_MINUTE_PER_SENDER = 30


@dataclass(frozen=True, slots=True)
class Receipt:
    """`stored` is true when the event is durable (now or from an earlier delivery)."""

    stored: bool
    duplicate: bool = False


class Receiver:
    """Takes webhooks of all lines."""

    def __init__(self, kit: Equipment, tracker: Tracker) -> None:
        self._kit = kit
        self._tracker = tracker
        self._admitting = Admitting(kit)
        self._admit: Batcher[Arrival, bool] = Batcher(
            kit.store, self._admitting.many, stored=self._received
        )
        limits = {line.id: line.inbound for line in kit.lines.values()}
        self._per_sender = {
            key: Rate(value.messages_per_minute_per_sender, value.tracked_keys_max)
            for key, value in limits.items()
        }
        self._per_line = {
            key: Rate(value.messages_per_minute_per_line) for key, value in limits.items()
        }
        self._callbacks = {key: Rate(value.callbacks_per_minute) for key, value in limits.items()}
        self._opt_outs = {
            key: Rate(OPT_OUTS_PER_MINUTE_PER_SENDER, value.tracked_keys_max)
            for key, value in limits.items()
        }

    async def webhook(self, line: Line, request: WebhookRequest) -> Receipt:
        """Raises SignatureRefused (the caller counts it), TooMany, StoreBusy and StoreError; a
        signed event that is not ours is taken, buried, and answered like a good one (B029)."""
        with self._kit.trace.span("receive", line=line.id) as span:
            receipt = await self._webhook(line, request)
            span.set(stored=receipt.stored)
        return receipt

    async def _webhook(self, line: Line, request: WebhookRequest) -> Receipt:
        provider = self._kit.provider_of(line)
        verified = provider.verify(request, line)
        try:
            event = provider.parse(verified)
            token = provider.dedupe_token(verified)
        except MalformedEvent as error:
            unnamed = digest(request.body.decode("utf-8", "replace"))
            return await self._bury(line, unnamed, "malformed", error.detail, verified)
        wrong = provider.misdirected(event, line)
        match event:
            case StatusCallback():
                return await self._callback(line, event, wrong)
            case InboundMessage():
                if wrong:
                    return await self._bury(line, token, "misdirected", wrong, verified)
                return await self._message(line, event, token, verified)
            case _:
                assert_never(event)

    async def _callback(self, line: Line, event: StatusCallback, wrong: str) -> Receipt:
        if wrong:
            return Receipt(stored=False)  # B094
        if not self._callbacks[line.id].allow(line.id, self._kit.clock.now()):
            raise StoreBusy(
                "Too many status callbacks this minute "
                f"(limits.callbacksPerMinute of {line.id}); nothing was written, send it again."
            )
        await self._tracker.callback(line, event)
        return Receipt(stored=True)

    async def _message(
        self, line: Line, event: InboundMessage, token: str, verified: Verified
    ) -> Receipt:
        now = self._kit.clock.now()
        try:
            number = from_sender(event.sender)
        except InvalidNumber as error:
            return await self._bury(line, token, "sender", error.detail, verified)
        lifts = self._kit.provider_of(line).capabilities.yes_lifts
        keyword = _keyword_of(line, event, number, lifts)
        self._limit(line, number, keyword, now)
        id_ = self._kit.ids.new("message", now)
        urgent = self._urgent(line, event, number, keyword)
        stored = await self._admit(Arrival(line, id_, event, number, keyword, now, token, urgent))
        return Receipt(stored=True, duplicate=not stored)

    def _received(self, batch: Sequence[Arrival], stored: Sequence[bool]) -> None:
        self._kit.turns_bell.ring()
        self._kit.outbox_bell.ring()
        lines = [
            {
                "message_id": arrival.id,
                "provider_id": arrival.event.provider_id,
                "event_id": arrival.token,
                "line": arrival.line.id,
                "state": "stored" if fresh else "duplicate",
            }
            for arrival, fresh in zip(batch, stored, strict=True)
        ]
        log.info("received", extra={"each": lines})

    def _limit(self, line: Line, number: PhoneNumber, keyword: Keyword, now: datetime) -> None:
        """A carrier does not send again what got a 429, and STOP must not be lost (P3): it has a
        bound of its own, which earlier texts do not use up."""
        if keyword.kind is KeywordKind.OPT_OUT:
            if not self._opt_outs[line.id].allow(number.e164, now):
                raise TooMany("This sender asked to stop too many times this minute.")
            return
        if not self._per_sender[line.id].allow(number.e164, now):
            raise TooMany(f"limits.messagesPerMinutePerSender of {line.id} is reached.")
        self._limit_line(line, now)

    def _limit_line(self, line: Line, now: datetime) -> None:
        if not self._per_line[line.id].allow(line.id, now):
            raise TooMany(f"limits.messagesPerMinutePerLine of {line.id} is reached.")

    async def _bury(
        self, line: Line, token: str, kind: str, reason: str, verified: Verified
    ) -> Receipt:
        now = self._kit.clock.now()
        self._limit_line(line, now)
        event = DeadEvent(
            id=self._kit.ids.new("event", now),
            line=line.id,
            dedupe_token=token,
            kind=kind,
            reason=reason,
            at=now,
            body={"fields": [list(pair) for pair in verified.fields]},
        )

        def job(tx: Tx) -> bool:
            fresh = tx.events.bury(event)
            if fresh:
                body = {"line": line.id, "kind": kind, "reason": reason}
                tx.audit.append([self._kit.audit("event_buried", event.id, "provider", now, body)])
            return fresh

        fresh = await self._kit.store.write(job)
        return Receipt(stored=True, duplicate=not fresh)

    def readmit(self, tx: Tx, line: Line, fields: Sequence[tuple[str, str]]) -> bool:
        """Take a buried event again, in the caller's transaction, as the line is set up now; its
        signature held when it came. Returns False for a message that is there already. Raises
        MalformedEvent or InvalidNumber when it still cannot be taken."""
        provider = self._kit.provider_of(line)
        event = provider.parse(Verified(_NO_REQUEST, tuple(fields)))
        if not isinstance(event, InboundMessage):
            raise MalformedEvent("It is a status callback; the poller finds such statuses itself.")
        if wrong := provider.misdirected(event, line):
            raise MalformedEvent(f"On line {line.id}, {wrong}.")
        number = from_sender(event.sender)
        keyword = _keyword_of(line, event, number, provider.capabilities.yes_lifts)
        now = self._kit.clock.now()
        id_ = self._kit.ids.new("message", now)
        urgent = self._urgent(line, event, number, keyword)
        arrival = Arrival(line, id_, event, number, keyword, now, urgent=urgent)
        return self._admitting.many(tx, [arrival])[0]

    def _urgent(
        self, line: Line, event: InboundMessage, number: PhoneNumber, keyword: Keyword
    ) -> str:
        if keyword.kind in ACTED_ON:
            return ""
        return emergency.heard(self._kit.policies[line.id], line, number, event.body)


# A buried event keeps its fields, not the request that brought them.
_NO_REQUEST = WebhookRequest("POST", "", "", {}, b"")
_PROVIDER_KEYWORDS = {
    "STOP": KeywordKind.OPT_OUT,
    "START": KeywordKind.OPT_IN,
    "HELP": KeywordKind.HELP,
}


def _keyword_of(
    line: Line, event: InboundMessage, number: PhoneNumber, lifts: bool = True
) -> Keyword:
    """What a provider that answers keywords lifts on YES, we lift too, or it would tell people
    that they are subscribed while we say nothing to them."""
    yes = lifts and line.optout_replies is OptOutReplies.PROVIDER
    keyword = _provider_saw(event, classify(event.body, yes_is_opt_in=yes))
    if keyword.kind is KeywordKind.SUSPECTED and number in line.owners:
        # Who runs the line knows how to stop it; "who is this?" is a question to their agent.
        return Keyword(KeywordKind.NONE)
    if event.media and keyword.kind not in (KeywordKind.OPT_OUT, KeywordKind.SUSPECTED):
        return Keyword(KeywordKind.NONE)  # a picture with a word is more than the word
    return keyword


def _provider_saw(event: InboundMessage, keyword: Keyword) -> Keyword:
    """OptOutType says the provider's own list (custom words included) recognised a keyword."""
    kind = _PROVIDER_KEYWORDS.get((event.opt_out_type or "").upper())
    return keyword if kind is None else Keyword(kind, event.opt_out_type or "", None)
