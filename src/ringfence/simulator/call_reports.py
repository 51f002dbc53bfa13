"""Status callbacks of calls: numbered from 0 and posted in order, unless a fault drops, doubles,
delays or reorders one. What they say is in call_skins.py. Decides nothing about calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from ringfence.simulator.call_session import Session
from ringfence.simulator.call_skins import CallSkin
from ringfence.simulator.calls import Call
from ringfence.simulator.records import Webhook
from ringfence.simulator.webhooks import Delivery, Failure, WebhookRequest

if TYPE_CHECKING:
    from ringfence.simulator.exchange import Exchange

_WORDS: Final = {"initiated": "initiated", "ringing": "ringing", "answered": "in-progress"}


class Reports:
    """What one exchange posts about its calls. `in_flight` webhooks are not answered yet."""

    def __init__(
        self,
        exchange: Exchange,
        alert: Callable[[Call, int, str, str, str], None],
        skin: Callable[[Call], CallSkin],
    ) -> None:
        self._exchange = exchange
        self._alert = alert
        self._skin = skin
        self.in_flight = 0

    def say(self, session: Session, event: str) -> None:
        """Report an event of a leg, if somebody wants to know."""
        call, exchange = session.call, self._exchange
        if event not in call.events or not exchange.callbacks:
            return
        word = _WORDS.get(event, call.status)
        told = self._skin(call).progress(call, event, word, exchange.clock.now())
        if told is None:
            return
        call.sequence += 1
        request = self.request(call, *told)
        self.tell(session, request, word, is_last=event == "completed")

    def tell(
        self, session: Session, request: WebhookRequest, word: str, *, is_last: bool = False
    ) -> None:
        """Post a report of a leg after those before it, unless a fault has other plans."""
        due = self._due(session, request, word)
        if is_last:
            due += session.held
            session.held.clear()
        if due:
            posting = self._post_after(session.posting, session.call, due)
            session.posting = self._exchange.spawn(posting)

    def _due(self, session: Session, request: WebhookRequest, word: str) -> list[WebhookRequest]:
        """The callbacks to post now: this one, unless a fault has other plans."""
        exchange = self._exchange
        faults, chance, about = (
            exchange.dice.faults,
            exchange.dice.chance,
            (
                "call",
                session.call.ordinal,
                word,
            ),
        )
        if chance(faults.callback_dropped, "dropped", *about):
            return []
        if chance(faults.callback_reordered, "reordered", *about):
            session.held.append(request)
            return []
        if chance(faults.callback_delayed, "delayed", *about):
            exchange.spawn(self._late(session.call, request))
            return []
        twice = chance(faults.callback_duplicated, "duplicated", *about)
        return [request, request] if twice else [request]

    async def _late(self, call: Call, request: WebhookRequest) -> None:
        await self._exchange.clock.sleep(self._exchange.dice.faults.callback_delay_s)
        await self.post(call, "call-status", request)

    async def _post_after(
        self, before: asyncio.Task[None] | None, call: Call, requests: Sequence[WebhookRequest]
    ) -> None:
        if before is not None:
            await before
        for request in requests:
            await self.post(call, "call-status", request)

    def request(
        self, call: Call, hook: Webhook, fields: Sequence[tuple[str, str]]
    ) -> WebhookRequest:
        return self._skin(call).request(self._exchange.carrier, call, hook, fields)

    async def post(self, call: Call, kind: str, request: WebhookRequest) -> Delivery:
        """Deliver, write it into the log, and alert when nobody took it."""
        exchange = self._exchange
        self.in_flight += 1
        try:
            delivery = await exchange.deliverer.deliver(request)
        finally:
            self.in_flight -= 1
        word = dict(request.fields).get("CallStatus", "")
        exchange.note(kind, call.sid, word, request, delivery)
        if not delivery.reached:
            why = (delivery.failure or Failure.CONNECT).value
            text = f"{why} after {delivery.attempts} attempts, status {delivery.status}"
            self._alert(call, 11200, request.url, text, request.method)
        return delivery
