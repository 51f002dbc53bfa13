"""Calls as the carrier keeps them, what was played out in each, and the rules for placing and
changing one. No sockets, no clock: time is an argument. Answers `Refusal` where Twilio answers an
error document (codes as on its error pages; the words are ours)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from ringfence.simulator import checks, twiml_voice
from ringfence.simulator.carrier import Carrier
from ringfence.simulator.checks import Form, one
from ringfence.simulator.records import Account, Line, Webhook
from ringfence.simulator.refusals import Refusal, refuse
from ringfence.simulator.sids import E164, TEST_SENDER

CALLS_MAX: Final = 50_000  # the oldest make room
TWIML_CHARS_MAX: Final = 4_000
LIMIT_S_DEFAULT: Final = 14_400
EVENTS: Final = ("initiated", "ringing", "answered", "completed")
ENDS: Final = frozenset(("completed", "busy", "no-answer", "failed", "canceled"))
_DIGITS: Final = re.compile(r"[0-9*#wW]{1,32}")


class CallDirection(StrEnum):
    INBOUND = "inbound"
    OUTBOUND_API = "outbound-api"
    OUTBOUND_DIAL = "outbound-dial"


@dataclass(slots=True)
class Played:
    """Something that reached the person's ear. `kind`: say, play, digits, beep, or spoken for the
    other person of a bridged call; mine and keys for what the person did. `ended_at` is None while it
    sounds."""

    kind: str
    text: str
    started_at: datetime
    word_s: float
    ended_at: datetime | None = None
    is_asked: bool = False  # a test has asked for it

    @property
    def words(self) -> list[tuple[str, datetime]]:
        """Each word that was heard to its end, and when it began."""
        every = self.text.split() if self.kind in ("say", "spoken", "mine") else [self.text]
        if self.ended_at is None:
            return []
        count = len(every)
        if self.word_s > 0:
            lasted_s = (self.ended_at - self.started_at).total_seconds()
            count = min(count, int(lasted_s / self.word_s + 1e-6))
        step = timedelta(seconds=self.word_s)
        return [(word, self.started_at + n * step) for n, word in enumerate(every[:count])]

    @property
    def heard(self) -> str:
        return " ".join(word for word, _ in self.words)


@dataclass(slots=True, eq=False)
class Call:
    """One call leg. `caller` and `called` are as the form has them; `status` in Twilio's words."""

    sid: str
    account_sid: str
    caller: str
    called: str
    direction: CallDirection
    status: str
    created_at: datetime
    ordinal: int
    webhook: Webhook = field(default_factory=Webhook)
    twiml: str = ""
    status_callback: Webhook = field(default_factory=Webhook)
    ring_callback: Webhook = field(default_factory=Webhook)  # where ringing is told elsewhere
    events: frozenset[str] = frozenset(("completed",))
    ring_s: int = 60
    limit_s: int = LIMIT_S_DEFAULT
    limit_given: bool = False
    detection: str = ""
    amd_apart: bool = False
    amd_callback: Webhook = field(default_factory=Webhook)
    send_digits: str = ""
    line_sid: str = ""
    parent_sid: str = ""
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    answered_by: str | None = None
    sip_code: int | None = None
    cause: int = 0  # why it ended, as a provider numbers it, where a document says so
    request_id: str = ""  # what placing it was called, where the call has another name
    sequence: int = 0
    form_keys: tuple[str, ...] = ()
    played: list[Played] = field(default_factory=list)
    said: list[Played] = field(default_factory=list)  # by the person: `mine`, or `keys`

    @property
    def is_over(self) -> bool:
        return self.status in ENDS

    @property
    def person(self) -> str:
        """Whose phone this leg is connected to."""
        return self.caller if self.direction is CallDirection.INBOUND else self.called

    @property
    def duration_s(self) -> int:
        """From the answer to the end, rounded up as it is charged; 0 without an answer."""
        if self.answered_at is None or self.ended_at is None:
            return 0
        return max(0, -int(-(self.ended_at - self.answered_at).total_seconds() // 1))

    @property
    def heard(self) -> str:
        """All words said to this person that they heard."""
        parts = [p.heard for p in self.played if p.kind == "say"]
        return " ".join(part for part in parts if part)


class CallBook:
    """The calls of one carrier."""

    def __init__(self, carrier: Carrier) -> None:
        self.carrier = carrier
        self.calls: dict[str, Call] = {}  # in order of creation
        self.form_keys_seen: set[str] = set()
        self._ordinal = 0

    def create(self, account: Account, form: Form, now: datetime) -> Call | Refusal:
        """Take a call to be placed, or say why not."""
        self.form_keys_seen.update(form)
        refusal = (
            self._people(account, form)
            or _instructions(form)
            or _settings(form)
            or _addresses(form, "StatusCallback", "AsyncAmdStatusCallback", "FallbackUrl")
        )
        if refusal is not None:
            return refusal
        to, sender = one(form, "To"), one(form, "From")
        call = self.open(account.sid, sender, to, CallDirection.OUTBOUND_API, now)
        call.webhook = Webhook(
            one(form, "Url"),
            one(form, "Method") or "POST",
            one(form, "FallbackUrl"),
            one(form, "FallbackMethod") or "POST",
        )
        call.twiml = "" if call.webhook.url else one(form, "Twiml")
        call.status_callback = _webhook(form, "StatusCallback")
        call.events = frozenset(form.get("StatusCallbackEvent", ())) or call.events
        call.ring_s = int(one(form, "Timeout") or 60)
        call.limit_s = int(one(form, "TimeLimit") or LIMIT_S_DEFAULT)
        call.limit_given = "TimeLimit" in form
        call.send_digits = one(form, "SendDigits")
        call.detection = "" if call.send_digits else one(form, "MachineDetection")
        call.amd_apart = one(form, "AsyncAmd") == "true"
        call.amd_callback = _webhook(form, "AsyncAmdStatusCallback")
        call.form_keys = tuple(form)
        return call

    def open(
        self, account_sid: str, caller: str, called: str, direction: CallDirection, now: datetime
    ) -> Call:
        """Write down a new call; an inbound one rings already."""
        self._ordinal += 1
        line = self._line(caller) or self._line(called)
        call = Call(
            sid=self.carrier.sids.deal("CA"),
            account_sid=account_sid,
            caller=caller,
            called=called,
            direction=direction,
            status="ringing" if direction is CallDirection.INBOUND else "queued",
            created_at=now,
            ordinal=self._ordinal,
            line_sid=line.sid if line is not None else "",
        )
        self.calls[call.sid] = call
        if len(self.calls) > CALLS_MAX:
            del self.calls[next(iter(self.calls))]
        return call

    def find(self, account: Account, sid: str) -> Call | None:
        call = self.calls.get(sid)
        return call if call is not None and call.account_sid == account.sid else None

    def listed(self, account: Account) -> list[Call]:
        """Newest first."""
        found = [call for call in self.calls.values() if call.account_sid == account.sid]
        return found[::-1]

    def _line(self, number: str) -> Line | None:
        return self.carrier.lines.get(number)

    def _people(self, account: Account, form: Form) -> Refusal | None:
        to, sender = one(form, "To"), one(form, "From")
        if not to:
            return refuse(21201)
        if not sender:
            return refuse(21213)
        if not E164.fullmatch(to):
            return refuse(21211, to)
        if not E164.fullmatch(sender):
            return refuse(21212, sender)
        line = self._line(sender)
        owned = line is not None and line.account_sid == account.sid
        if not owned and sender != TEST_SENDER:
            return refuse(21210, sender)
        if account.trial and to not in account.verified:
            return refuse(21219, to)
        return None


def _instructions(form: Form) -> Refusal | None:
    url, twiml = one(form, "Url"), one(form, "Twiml")
    if not url and not twiml:
        return refuse(21205, "Url or Twiml")
    if url:
        return None if checks.is_web_address(url) else refuse(21205, url)
    return inline_refusal(twiml)


def inline_refusal(twiml: str) -> Refusal | None:
    if len(twiml) > TWIML_CHARS_MAX:
        return refuse(20001, f"Twiml: at most {TWIML_CHARS_MAX} characters")
    script = twiml_voice.document(twiml.encode())
    return refuse(20001, f"Twiml: {script.error}") if script.error_code is not None else None


def _settings(form: Form) -> Refusal | None:
    for name, high in (("Timeout", 600), ("TimeLimit", 86_400)):
        given = one(form, name)
        if given and not (given.isdecimal() and 1 <= int(given) <= high):
            return refuse(20001, f"{name}: 1 to {high} seconds")
    if unknown := sorted(set(form.get("StatusCallbackEvent", ())) - set(EVENTS)):
        return refuse(20001, f"StatusCallbackEvent: {unknown[0]}")
    if one(form, "MachineDetection") not in ("", "Enable", "DetectMessageEnd"):
        return refuse(20001, "MachineDetection")
    digits = one(form, "SendDigits")
    return refuse(21206, digits) if digits and not _DIGITS.fullmatch(digits) else None


def _addresses(form: Form, *names: str) -> Refusal | None:
    for name in names:
        url = one(form, name)
        if url and not checks.is_web_address(url):
            return refuse(21609, url)
    return None


def _webhook(form: Form, name: str) -> Webhook:
    return Webhook(one(form, name), one(form, f"{name}Method") or "POST")


def filtered(calls: Sequence[Call], query: Form) -> list[Call] | Refusal:
    """The list's filters: To, From, Status, ParentCallSid, and StartTime (that day, or with < and >
    until and since, both inclusive, in GMT). A call that has not started drops out of the last."""
    chosen = list(calls)
    plain = (
        ("To", "called"),
        ("From", "caller"),
        ("Status", "status"),
        ("ParentCallSid", "parent_sid"),
    )
    for name, attribute in plain:
        if wanted := one(query, name):
            chosen = [call for call in chosen if getattr(call, attribute) == wanted]
    for name in ("StartTime", "StartTime<", "StartTime>"):
        given = one(query, name)
        if not given:
            continue
        try:
            day = datetime.fromisoformat(given).date()
        except ValueError:
            return refuse(20001, name)
        started = [call for call in chosen if call.answered_at or call.ended_at]
        chosen = [call for call in started if _on(call, name, day.toordinal())]
    return chosen


def _on(call: Call, name: str, day: int) -> bool:
    began = call.answered_at or call.ended_at
    assert began is not None, "only calls that started are compared"
    at = began.date().toordinal()
    return at <= day if name.endswith("<") else at >= day if name.endswith(">") else at == day
