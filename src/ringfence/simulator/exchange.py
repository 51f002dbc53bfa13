"""The carrier at work: moves messages along their timelines, reports on them by webhook, hands
texts to phones, and carries phones' texts to the webhooks of our numbers.

Waits only on the clock it is given. Injects the callback faults; those of the REST answers are in
rest.py."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import urljoin

from ringfence.simulator import dialect, plivo, telnyx, twiml
from ringfence.simulator.call_phone import Connection
from ringfence.simulator.carrier import Carrier
from ringfence.simulator.faults import Dice
from ringfence.simulator.optout import REPLIES
from ringfence.simulator.phone import Attachment, Phone, Sent, Text
from ringfence.simulator.records import Message, Webhook
from ringfence.simulator.refusals import LATER
from ringfence.simulator.timeline import Clock, Step
from ringfence.simulator.voice import Voice
from ringfence.simulator.webhooks import (
    Deliverer,
    Delivery,
    Failure,
    WebhookRequest,
    without_fragment,
)

PHONES_MAX: Final = 10_000  # beyond it, texts to new numbers are delivered and not shown
LOG_MAX: Final = 1_000
MEDIA_FETCH_MAX_BYTES: Final = 5_000_000
REDIRECTS_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One webhook as it was sent, and how it ended."""

    kind: str  # "message", "status", and for calls "call", "call-status", "amd", "recording"
    sid: str
    status: str
    request: WebhookRequest
    delivery: Delivery


@dataclass(slots=True)
class Exchange:
    """One carrier's switchboard. `address` is the base URL of its REST API."""

    carrier: Carrier
    clock: Clock
    dice: Dice
    deliverer: Deliverer
    address: str = ""
    callbacks: bool = True  # off: messages finish at once, and nobody is told
    phones: dict[str, Phone] = field(default_factory=dict)
    log: list[LogEntry] = field(default_factory=list)
    voice: Voice = field(init=False)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.voice = Voice(self)

    # -- phones -------------------------------------------------------------------------------

    @property
    def default_number(self) -> str:
        return next(iter(self.carrier.lines))

    def phone(self, number: str) -> Phone:
        """The handset with this number; taken out of its box when first asked for."""
        if (known := self.phones.get(number)) is not None:
            return known
        return self.phones.setdefault(number, Phone(number, self))

    def dial(self, caller: str, to: str, shown: str) -> Connection:
        """A phone calls one of our numbers. Raises ValueError for any other number."""
        return self.voice.dial(caller, to, shown)

    async def carry(self, sender: str, to: str, body: str, media: Sequence[Attachment]) -> Sent:
        """A phone texts a number: one of ours (then our webhook is called) or another phone."""
        now = self.clock.now()
        phone = self.phone(sender)
        if to not in self.carrier.lines:
            return self._between_phones(phone, to, body, media)
        arrival = self.carrier.arrive(
            sender, to, body, [(item.content_type, item.content) for item in media], now
        )
        message = arrival.message
        shown = Text(message.sid, to, body, True, now, "sending", 0, tuple(media))
        phone.show(shown)
        if arrival.auto_reply is not None:
            self._start_reply(message, REPLIES[arrival.auto_reply])
        delivery = await self._notify(message, arrival.webhook) if arrival.webhook else None
        shown.ticks = "received" if delivery is not None and delivery.reached else "unreachable"
        phone.touch(shown)
        return Sent(message.sid, delivery)

    def _between_phones(
        self, phone: Phone, to: str, body: str, media: Sequence[Attachment]
    ) -> Sent:
        now, sid = self.clock.now(), self.carrier.sids.deal("SM")
        phone.show(Text(sid, to, body, True, now, "received", 0, tuple(media)))
        self.phone(to).show(Text(sid, phone.number, body, False, now, "delivered", 0, tuple(media)))
        return Sent(sid, None)

    # -- inbound ------------------------------------------------------------------------------

    async def _notify(self, message: Message, webhook: Webhook) -> Delivery:
        """Call the webhook of an inbound message, then its fallback, and obey the answer."""
        fields = dialect.inbound_fields(message, self.address)
        foreign = self._received_elsewhere(message, webhook.url)
        request = foreign or self._request(message, webhook.url, webhook.method, fields)
        delivery = await self._send(message, request)
        if self.dice.chance(self.dice.faults.webhook_duplicated, "twice", message.ordinal):
            await self._send(message, request)
        if not delivery.reached:
            self._log_failure(message, webhook.url, webhook.method, delivery)
            again = self._received_elsewhere(message, webhook.fallback_url)
            if again is not None and webhook.fallback_url:
                delivery = await self._send(message, again)
            elif webhook.fallback_url:
                extra = [("ErrorCode", "11200"), ("ErrorUrl", webhook.url)]
                request = self._request(
                    message, webhook.fallback_url, webhook.fallback_method, [*fields, *extra]
                )
                delivery = await self._send(message, request)
        if not delivery.reached:
            message.error_code, message.error_message = 11200, LATER[11200]
            return delivery
        if foreign is None:  # elsewhere any 2xx is the whole answer
            await self._obey(message, webhook, delivery, fields)
        return delivery

    def _received_elsewhere(self, message: Message, url: str) -> WebhookRequest | None:
        """What another provider than Twilio tells of a message that came in; None for Twilio."""
        match self.carrier.accounts[message.account_sid].provider:
            case telnyx.PROVIDER:
                return telnyx.received(self.carrier, message, url, self.clock, self.address)
            case plivo.PROVIDER:
                return plivo.received(self.carrier, message, url, self.address)
            case _:
                return None

    async def _obey(
        self,
        message: Message,
        webhook: Webhook,
        delivery: Delivery,
        fields: Sequence[tuple[str, str]],
    ) -> None:
        """Do what the TwiML says: send replies, follow <Redirect>."""
        url, left = webhook.url, REDIRECTS_MAX
        while True:
            answer = twiml.read(delivery.status or 0, delivery.content_type, delivery.body)
            if answer.error_code is not None:
                self._complain(message, answer, url)
                return
            for reply in answer.replies:
                self._start_reply(message, reply.body, reply)
            if not answer.redirect or not left:
                return
            left -= 1
            url = urljoin(without_fragment(url), answer.redirect)
            delivery = await self._send(message, self._request(message, url, "POST", fields))
            if not delivery.reached:
                self._log_failure(message, url, "POST", delivery)
                return

    def _complain(self, message: Message, answer: twiml.Answer, url: str) -> None:
        assert answer.error_code is not None, "only a bad answer is complained about"
        message.error_code, message.error_message = answer.error_code, answer.error
        self.carrier.alert(answer.error_code, message, url, self.clock.now(), answer.error)

    def _log_failure(self, message: Message, url: str, method: str, delivery: Delivery) -> None:
        why = delivery.failure or Failure.CONNECT
        text = f"{why.value} after {delivery.attempts} attempts, status {delivery.status}"
        self.carrier.alert(11200, message, url, self.clock.now(), text, method)

    def _start_reply(self, inbound: Message, body: str, reply: twiml.Reply | None = None) -> None:
        """Send a confirmation of the carrier's own, or a <Message> of the webhook's answer. The
        latter does not reach somebody who has just opted out."""
        carrier, now = self.carrier, self.clock.now()
        if reply is not None:
            to = reply.to or inbound.sender or ""
            if carrier.is_blocked(inbound.recipient, inbound.service_sid, to):
                carrier.alert(21610, inbound, "", now)
                return
        message = carrier.reply(inbound, body, now, reply.to if reply else "")
        if reply is not None:
            message.status_callback = reply.status_callback
            message.media_urls = tuple(reply.media_urls)
            message.num_media = len(message.media_urls)
        self.start(message)

    # -- outbound -----------------------------------------------------------------------------

    def start(self, message: Message, steps: Sequence[Step] | None = None) -> None:
        """Let a message that was taken live its life in the background."""
        if steps is None:
            steps = self.carrier.steps(message, self.clock.now())
        if not self.callbacks and message.send_at is None:
            self._finish_at_once(message, steps)
            return
        self.spawn(self._live(message, steps, self.clock.now()))

    def spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @property
    def under_way(self) -> int:
        """Messages living their lives and callbacks being delivered."""
        return len(self._tasks)

    async def settle(self) -> None:
        """Wait until nothing is under way (bounded by the caller; a manual clock must have moved)."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    async def close(self) -> None:
        """Drop everything under way, and let go of whoever watches a phone."""
        for phone in self.phones.values():
            phone.switch_off()
        while tasks := tuple(self._tasks):  # what is cancelled may start a last one
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def first_step_early(self, message: Message) -> Sequence[Step]:
        """Make the first step, its callback included, before the create is answered; returns the
        steps that are left. The race every client must survive (outside-checks.md 4)."""
        steps = self.carrier.steps(message, self.clock.now())
        if steps:
            first = Step(0.0, steps[0].status, steps[0].error_code)
            await self._live(message, (first,), self.clock.now())
        return steps[1:]

    def _finish_at_once(self, message: Message, steps: Sequence[Step]) -> None:
        now = self.clock.now()
        for step in steps:
            if not self.carrier.advance(message, step, now):
                return
            self._show(message, is_last=step is steps[-1])

    async def _live(self, message: Message, steps: Sequence[Step], since: datetime) -> None:
        """Make the steps, each counted from when the one before was made (the first from `since`,
        so that a clock moved before this task first ran is noticed). A slow webhook never holds
        up a step; a message's own reports stay in order."""
        held: list[WebhookRequest] = []
        posting: asyncio.Task[None] | None = None
        if message.media_urls and not message.media:
            await self._collect_media(message)
        for step in steps:
            wait_s = step.after_s - (self.clock.now() - since).total_seconds()
            if wait_s > 0:
                await self.clock.sleep(wait_s)
            since = self.clock.now()
            if not self.carrier.advance(message, step, self.clock.now()):
                break
            self._show(message, is_last=step is steps[-1])
            if due := self._report(message, held):
                posting = self.spawn(self._post_after(posting, message, due))
        if held:
            posting = self.spawn(self._post_after(posting, message, held))
        if posting is not None:
            await posting

    async def _post_after(
        self,
        before: asyncio.Task[None] | None,
        message: Message,
        requests: Sequence[WebhookRequest],
    ) -> None:
        if before is not None:
            await before
        for request in requests:
            await self._post_status(message, request)

    async def _collect_media(self, message: Message) -> None:
        """Twilio fetches MediaUrl itself. An address outside loopback is kept as an empty file:
        this carrier never reaches for the network."""
        for url in message.media_urls:
            status, kind, content = await self.deliverer.fetch(url, MEDIA_FETCH_MAX_BYTES)
            if status and status != 200:
                self.carrier.alert(11200, message, url, self.clock.now(), method="GET")
            self.carrier.attach(
                message, kind or "application/octet-stream", content, self.clock.now()
            )

    def _show(self, message: Message, *, is_last: bool) -> None:
        """Put a message on its phone when it arrives, and move its ticks afterwards. Where no
        receipt will follow, `sent` is all there is, and the phone has it."""
        if message.status not in ("delivered", "read") and not (
            message.status == "sent" and is_last
        ):
            return
        if message.recipient not in self.phones and len(self.phones) >= PHONES_MAX:
            return
        phone = self.phone(message.recipient)
        if message.status == "read" and phone.moves_ticks(message.sid, "read"):
            return
        media = tuple(Attachment(item.content_type, item.content) for item in message.media)
        phone.show(
            Text(
                message.sid,
                message.sender or "",
                message.body,
                False,
                self.clock.now(),
                message.status,
                0,
                media,
            )
        )

    # -- status callbacks ---------------------------------------------------------------------

    def _report(self, message: Message, held: list[WebhookRequest]) -> list[WebhookRequest]:
        """The callbacks to post now: one for the present status, unless a fault has other plans."""
        if not message.status_callback or not self.callbacks:
            return []
        request = self._status_request(message)
        if request is None:
            return []
        faults, chance, about = (
            self.dice.faults,
            self.dice.chance,
            (message.ordinal, message.status),
        )
        if chance(faults.callback_dropped, "dropped", *about):
            return []
        if chance(faults.callback_reordered, "reordered", *about):
            held.append(request)
            return []
        if chance(faults.callback_delayed, "delayed", *about):
            self.spawn(self._late(message, request))
            return []
        twice = chance(faults.callback_duplicated, "duplicated", *about)
        due = [request, request] if twice else [request]
        due += held
        held.clear()
        return due

    def _status_request(self, message: Message) -> WebhookRequest | None:
        """What is told of the present status in the account's dialect; None when nothing is."""
        provider = self.carrier.accounts[message.account_sid].provider
        if provider == telnyx.PROVIDER:
            return telnyx.reported(self.carrier, message, self.clock)
        if provider == plivo.PROVIDER:
            return plivo.reported(self.carrier, message, self.clock.now())
        fields = dialect.callback_fields(message, self.clock.now())
        return self._request(message, message.status_callback, "POST", fields)

    async def _late(self, message: Message, request: WebhookRequest) -> None:
        await self.clock.sleep(self.dice.faults.callback_delay_s)
        await self._post_status(message, request)

    async def _post_status(self, message: Message, request: WebhookRequest) -> None:
        delivery = await self.deliverer.deliver(request)
        status = dict(request.fields).get("MessageStatus", "")
        self._note(LogEntry("status", message.sid, status, request, delivery))
        if not delivery.reached:
            self._log_failure(message, request.url, request.method, delivery)

    # -- webhooks -----------------------------------------------------------------------------

    async def _send(self, message: Message, request: WebhookRequest) -> Delivery:
        delivery = await self.deliverer.deliver(request)
        self._note(LogEntry("message", message.sid, "received", request, delivery))
        return delivery

    def _request(
        self, message: Message, url: str, method: str, fields: Sequence[tuple[str, str]]
    ) -> WebhookRequest:
        account = self.carrier.accounts[message.account_sid]
        token = self.carrier.sids.idempotency_token()
        return WebhookRequest(url, method, tuple(fields), account.auth_token, token)

    def note(
        self, kind: str, sid: str, status: str, request: WebhookRequest, delivery: Delivery
    ) -> None:
        """Write a webhook and how it ended into the log."""
        self._note(LogEntry(kind, sid, status, request, delivery))

    def _note(self, entry: LogEntry) -> None:
        self.log.append(entry)
        del self.log[:-LOG_MAX]
