"""The carrier's state and rules: who may send what to whom, and what becomes of it.

No sockets, no clock, no randomness of its own: time is an argument and SIDs come from a source that
is handed in. Answers `Refusal` values where Twilio answers an error document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never

from ringfence.simulator import checks, dialect
from ringfence.simulator.checks import Form
from ringfence.simulator.optout import (
    WORDS,
    Keyword,
    OptOutBook,
    OptOutHandling,
    keyword,
)
from ringfence.simulator.records import (
    Account,
    Alert,
    Direction,
    Line,
    MediaItem,
    Message,
    Service,
    Webhook,
)
from ringfence.simulator.refusals import LATER, Refusal, refuse
from ringfence.simulator.sids import E164, TEST_SENDER, SidSource
from ringfence.simulator.timeline import DELIVERED, SILENT, Step, Timeline, failed
from ringfence.text.segments import count

MESSAGES_MAX: Final = 250_000  # the oldest make room
ALERTS_MAX: Final = 1_000
TRIAL_PREFIX: Final = "Sent from your Twilio trial account - "
QUEUED_AFTER_S: Final = 0.02
FINAL: Final = frozenset(("delivered", "undelivered", "failed", "canceled", "read", "received"))


@dataclass(slots=True)
class Behaviour:
    """Choices where carriers, or Twilio's own pages, differ."""

    opt_outs: OptOutHandling = OptOutHandling.CARRIER
    late_opt_out: bool = False  # 21610 as a failed callback instead of HTTP 400
    timeline: Timeline = DELIVERED
    list_lag_s: float = 0.0  # how long a new message stays out of lists
    media_auth: bool = True  # media addresses ask for credentials


@dataclass(frozen=True, slots=True)
class Arrival:
    """An inbound message and what to do about it. `webhook` is None when nobody is to be told."""

    message: Message
    webhook: Webhook | None
    auto_reply: Keyword | None


class Carrier:
    """All accounts of one simulated carrier."""

    def __init__(self, sids: SidSource, behaviour: Behaviour | None = None) -> None:
        self.sids = sids
        self.behaviour = behaviour or Behaviour()
        self.accounts: dict[str, Account] = {}
        self.lines: dict[str, Line] = {}  # by number
        self.services: dict[str, Service] = {}
        self.messages: dict[str, Message] = {}  # in order of creation
        self._by_recipient: dict[str, list[Message]] = {}
        self.media: dict[str, MediaItem] = {}
        self.alerts: list[Alert] = []
        self.opt_outs = OptOutBook()
        self.scripts: dict[str, Timeline] = {}  # by recipient
        self.form_keys_seen: set[str] = set()  # of create requests, for conformance checks
        self._ordinal = 0
        self._sticky: dict[tuple[str, str], str] = {}

    # -- setting up ---------------------------------------------------------------------------

    def open_account(
        self, now: datetime, sid: str = "", auth_token: str = "", *, trial: bool = False
    ) -> Account:
        account = Account(
            sid or self.sids.deal("AC"), auth_token or self.sids.token(), now, trial=trial
        )
        self.accounts[account.sid] = account
        return account

    def add_line(self, account: Account, number: str, now: datetime, webhook: Webhook) -> Line:
        """Give the account a number. Raises ValueError unless it is strict E.164."""
        if not E164.fullmatch(number):
            raise ValueError("a line's number is written in E.164, like +15555550100")
        sid = self.sids.deal("PN")
        line = Line(sid, account.sid, number, now, now, friendly_name=number, sms=webhook)
        self.lines[number] = line
        return line

    def add_service(self, account: Account, name: str, now: datetime) -> Service:
        service = Service(self.sids.deal("MG"), account.sid, name, now, now)
        self.services[service.sid] = service
        return service

    def configure_line(self, line: Line, form: Form, now: datetime) -> Refusal | None:
        """Set what the form names (`SmsUrl`, `SmsMethod`, fallbacks, voice addresses …)."""
        for name in ("SmsUrl", "SmsFallbackUrl"):
            if (url := checks.one(form, name)) and not checks.is_web_address(url):
                return refuse(21502, name)
        _set_webhook(line.sms, form, _LINE_WEBHOOK)
        line.friendly_name = checks.one(form, "FriendlyName") or line.friendly_name
        for name, key in dialect.LINE_SETTINGS.items():
            if name in form:
                line.settings[key] = checks.one(form, name)
        line.updated_at = now
        return None

    def configure_service(self, service: Service, form: Form, now: datetime) -> None:
        """Set what the form names (`InboundRequestUrl`, `UseInboundWebhookOnNumber` …)."""
        _set_webhook(service.inbound, form, _SERVICE_WEBHOOK)
        service.friendly_name = checks.one(form, "FriendlyName") or service.friendly_name
        if "StatusCallback" in form:
            service.status_callback = checks.one(form, "StatusCallback")
        if "UseInboundWebhookOnNumber" in form:
            service.use_inbound_webhook_on_number = _is_true(form, "UseInboundWebhookOnNumber")
        for name, key in _SERVICE_SWITCHES.items():
            if name in form:
                service.settings[key] = _is_true(form, name)
        service.updated_at = now

    def release_line(self, line: Line) -> None:
        """Give a number back; services lose it."""
        del self.lines[line.number]
        for service in self.services.values():
            if line.number in service.pool:
                service.pool.remove(line.number)

    # -- a message goes out -------------------------------------------------------------------

    def create(self, account: Account, form: Form, now: datetime) -> Message | Refusal:
        """Take a message, or say why not. Unknown fields are ignored, as Twilio ignores them; the
        names are remembered in `form_keys_seen`."""
        self.form_keys_seen.update(form)
        to, body = checks.one(form, "To"), checks.one(form, "Body")
        media_urls = tuple(url for url in form.get("MediaUrl", ()) if url)
        refusal = (
            checks.recipient(account, to)
            or checks.sender(account, form, self.lines, self.services)
            or checks.content(form, media_urls)
            or checks.schedule(form, now)
        )
        if refusal is not None:
            return refusal
        sender, service_sid = (
            checks.one(form, "From") or None,
            checks.one(form, "MessagingServiceSid") or None,
        )
        blocked = self.is_blocked(sender, service_sid, to)
        # Plivo takes what it will not deliver, and fails it afterwards.
        late = self.behaviour.late_opt_out or account.provider == "plivo"
        if blocked and not late:
            return refuse(21610)
        message = self._outbound(account, form, to, body, media_urls, now)
        if blocked:
            message.timeline = failed(21610)
        return message

    def is_blocked(self, sender: str | None, service_sid: str | None, person: str) -> bool:
        """Opted out of this sender, of this service, or of a service the sender belongs to."""
        scopes = {sender or "", service_sid or ""}
        scopes.update(s.sid for s in self.services.values() if sender in s.pool)
        return any(self.opt_outs.blocks(scope, person) for scope in scopes if scope)

    def _outbound(
        self,
        account: Account,
        form: Form,
        to: str,
        body: str,
        media_urls: tuple[str, ...],
        now: datetime,
    ) -> Message:
        service = self.services.get(checks.one(form, "MessagingServiceSid"))
        send_at = (
            checks.timestamp(checks.one(form, "SendAt")) if service and "SendAt" in form else None
        )
        status = "queued" if service is None else "scheduled" if send_at else "accepted"
        text = TRIAL_PREFIX + body if account.trial else body
        message = self._keep(
            Message(
                sid=self.sids.deal("MM" if media_urls else "SM"),
                account_sid=account.sid,
                sender=checks.one(form, "From") or None,
                recipient=to,
                body=text,
                direction=Direction.OUTBOUND_API,
                status=status,
                created_at=now,
                updated_at=now,
                ordinal=self._next_ordinal(),
                segments=count(text).segments if text else 1,
                service_sid=service.sid if service else None,
                status_callback=checks.one(form, "StatusCallback")
                or (service.status_callback if service else ""),
                media_urls=media_urls,
                validity_s=int(checks.one(form, "ValidityPeriod") or 36_000),
                send_at=send_at,
                form_keys=tuple(form),
                num_media=len(media_urls),
            )
        )
        message.timeline = self._script_for(message)
        return message

    def _script_for(self, message: Message) -> Timeline:
        if message.sender == TEST_SENDER:
            return SILENT  # test credentials: taken, and never sent
        return self.scripts.get(message.recipient, self.behaviour.timeline)

    def reply(self, inbound: Message, body: str, now: datetime, to: str = "") -> Message:
        """A message of the carrier's own: a TwiML answer or an opt-out confirmation. It goes to
        whoever wrote, or to `to`."""
        return self._keep(
            Message(
                sid=self.sids.deal("SM"),
                account_sid=inbound.account_sid,
                sender=inbound.recipient,
                recipient=to or inbound.sender or "",
                body=body,
                direction=Direction.OUTBOUND_REPLY,
                status="queued",
                created_at=now,
                updated_at=now,
                ordinal=self._next_ordinal(),
                segments=count(body).segments if body else 1,
                service_sid=inbound.service_sid,
                timeline=self.behaviour.timeline,
            )
        )

    def steps(self, message: Message, now: datetime) -> tuple[Step, ...]:
        """What is still to happen to a message that was just taken."""
        timeline = message.timeline or SILENT
        steps = timeline.steps
        if timeline.stalls:
            steps = (Step(float(message.validity_s), "failed", 30036),)
        if message.service_sid is not None and message.direction is Direction.OUTBOUND_API:
            wait_s = (message.send_at - now).total_seconds() if message.send_at else QUEUED_AFTER_S
            steps = (Step(max(0.0, wait_s), "queued"), *steps)
        return steps

    def advance(self, message: Message, step: Step, now: datetime) -> bool:
        """Make one step. False when the message's life is over (cancelled, deleted, or blocked
        since it was scheduled, in which case it has failed with 21610)."""
        if message.status in ("canceled", "failed") or message.sid not in self.messages:
            return False
        status, error_code = step.status, step.error_code
        if status == "queued" and message.service_sid is not None:
            if self.opt_outs.blocks(message.service_sid, message.recipient):
                status, error_code = "failed", 21610
            message.sender = message.sender or self._choose_sender(message)
        message.status, message.updated_at = status, now
        if error_code is not None:
            message.error_code, message.error_message = error_code, LATER.get(error_code)
        if status == "sent":
            message.sent_at = now
        message.price = dialect.price_of(message) or message.price
        return True

    def _choose_sender(self, message: Message) -> str:
        """Sticky sender: the same person always hears from the same number of the pool."""
        assert message.service_sid is not None, "only a service chooses"
        pool = self.services[message.service_sid].pool
        key = (message.service_sid, message.recipient)
        if (known := self._sticky.get(key)) in pool and known is not None:
            return known
        return self._sticky.setdefault(key, pool[message.ordinal % len(pool)])

    # -- a message comes in -------------------------------------------------------------------

    def arrive(
        self,
        sender: str,
        number: str,
        body: str,
        media: Sequence[tuple[str, bytes]],
        now: datetime,
    ) -> Arrival:
        """A person texts one of our numbers. Raises KeyError for a number nobody has."""
        line = self.lines[number]
        service = next((s for s in self.services.values() if number in s.pool), None)
        sid = self.sids.deal("MM" if media else "SM")
        message = self._keep(
            Message(
                sid=sid,
                account_sid=line.account_sid,
                sender=sender,
                recipient=number,
                body=body,
                direction=Direction.INBOUND,
                status="received",
                created_at=now,
                updated_at=now,
                ordinal=self._next_ordinal(),
                segments=count(body).segments if body else 1,
                service_sid=service.sid if service else None,
                sent_at=now,
                num_media=len(media),
            )
        )
        message.price = dialect.price_of(message)
        for content_type, content in media:
            self.attach(message, content_type, content, now)
        word = self._note_keyword(message, service, line)
        return Arrival(message, _webhook_for(line, service), word)

    def attach(self, message: Message, content_type: str, content: bytes, now: datetime) -> None:
        """Keep one attachment of a message, under a media SID of its own."""
        item = MediaItem(
            self.sids.deal("ME"), message.sid, message.account_sid, content_type, content, now
        )
        self.media[item.sid] = item
        message.media.append(item)

    def _note_keyword(
        self, message: Message, service: Service | None, line: Line
    ) -> Keyword | None:
        """Block or lift on an opt-out word; the word to answer, if the carrier answers."""
        provider, handling = self.accounts[line.account_sid].provider, self.behaviour.opt_outs
        word = keyword(message.body, WORDS[provider])
        if word is None or handling is OptOutHandling.NONE:
            return None
        scope, person = service.sid if service else line.number, message.sender or ""
        was_blocked = self.opt_outs.blocks(scope, person)
        match word:
            case Keyword.STOP:
                self.opt_outs.block(scope, person)
                answers = not was_blocked
            case Keyword.START:
                # YES is an ordinary word to somebody who never opted out.
                self.opt_outs.lift(scope, person)
                answers = was_blocked
            case Keyword.HELP:
                # Toll-free does not answer HELP to somebody who is opted out.
                answers = not (line.toll_free and was_blocked)
            case _:
                assert_never(word)
        if provider == "plivo" or (service is not None and service.advanced_opt_out):
            message.opt_out_type = word.value
        return word if answers and handling is OptOutHandling.CARRIER else None

    # -- afterwards ---------------------------------------------------------------------------

    def find(self, account: Account, sid: str) -> Message | None:
        message = self.messages.get(sid)
        return message if message is not None and message.account_sid == account.sid else None

    def update(self, message: Message, form: Form, now: datetime) -> Refusal | None:
        """Redact (`Body` empty) or cancel (`Status=canceled`, scheduled messages only)."""
        if "Body" in form:
            if checks.one(form, "Body"):
                return refuse(20001, "Body: only an empty one, which redacts")
            message.body, message.updated_at = "", now
        if "Status" in form:
            if checks.one(form, "Status") != "canceled":
                return refuse(20001, "Status: only canceled")
            if message.status != "scheduled":
                return refuse(30409, message.status)
            message.status, message.updated_at = "canceled", now
        return None

    def delete(self, message: Message) -> Refusal | None:
        """Forget a message and its media; one still on its way cannot be deleted."""
        if message.status not in FINAL and message.status != "sent":
            return refuse(20009, message.status)
        self._forget(message)
        return None

    def listed(self, account: Account, now: datetime, to: str = "") -> list[Message]:
        """The account's messages (to one person, if given) as lists show them, newest first."""
        newest = now - timedelta(seconds=self.behaviour.list_lag_s)
        found = self._by_recipient.get(to, ()) if to else self.messages.values()
        return [
            m for m in reversed(found) if m.account_sid == account.sid and m.created_at <= newest
        ]

    def alert(
        self,
        code: int,
        message: Message,
        url: str,
        now: datetime,
        text: str = "",
        method: str = "POST",
    ) -> Alert:
        """Write an alert to the debugger."""
        alert = Alert(
            sid=self.sids.deal("NO"),
            account_sid=message.account_sid,
            error_code=code,
            text=text or LATER.get(code, ""),
            resource_sid=message.sid,
            request_url=url,
            request_method=method,
            raised_at=now,
        )
        self.alerts.append(alert)
        del self.alerts[:-ALERTS_MAX]
        return alert

    def _keep(self, message: Message) -> Message:
        self.messages[message.sid] = message
        self._by_recipient.setdefault(message.recipient, []).append(message)
        if len(self.messages) > MESSAGES_MAX:
            self._forget(next(iter(self.messages.values())))
        return message

    def _forget(self, message: Message) -> None:
        del self.messages[message.sid]
        same = self._by_recipient[message.recipient]
        same.remove(message)
        if not same:
            del self._by_recipient[message.recipient]
        for item in message.media:
            self.media.pop(item.sid, None)

    def _next_ordinal(self) -> int:
        self._ordinal += 1
        return self._ordinal


_LINE_WEBHOOK: Final = {
    "SmsUrl": "url",
    "SmsMethod": "method",
    "SmsFallbackUrl": "fallback_url",
    "SmsFallbackMethod": "fallback_method",
}
_SERVICE_WEBHOOK: Final = {
    "InboundRequestUrl": "url",
    "InboundMethod": "method",
    "FallbackUrl": "fallback_url",
    "FallbackMethod": "fallback_method",
}
_SERVICE_SWITCHES: Final = {
    "StickySender": "sticky_sender",
    "MmsConverter": "mms_converter",
    "SmartEncoding": "smart_encoding",
}


def _set_webhook(webhook: Webhook, form: Form, names: Mapping[str, str]) -> None:
    for name, attribute in names.items():
        if name in form:
            setattr(webhook, attribute, checks.one(form, name))


def _is_true(form: Form, name: str) -> bool:
    return checks.one(form, name).lower() == "true"


def _webhook_for(line: Line, service: Service | None) -> Webhook | None:
    """A number in a service answers to the service, unless the service defers to the number."""
    webhook = line.sms
    if service is not None and not service.use_inbound_webhook_on_number:
        webhook = service.inbound
    return webhook if webhook.url else None
