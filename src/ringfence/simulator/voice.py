"""The carrier's calls at work: places, rings, answers, plays and ends them, fetches instructions and
reports progress by signed webhooks, in order unless a fault asks otherwise. Waits only on the clock
it is given. What differs between providers is in call_skins.py, how TwiML is played in twiml_play.py,
what may be asked in calls.py."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from ringfence.simulator import call_dialect, call_skins, twiml_voice
from ringfence.simulator.call_phone import HUMAN, Connection
from ringfence.simulator.call_reports import Reports
from ringfence.simulator.call_scripts import SCRIPTS, CallScript, VoiceBehaviour
from ringfence.simulator.call_session import Session, Source, cancelled
from ringfence.simulator.calls import Call, CallBook, CallDirection
from ringfence.simulator.checks import Form
from ringfence.simulator.dialect import account_path
from ringfence.simulator.records import Account, Alert, Line, Webhook
from ringfence.simulator.refusals import Refusal
from ringfence.simulator.streams import Streams
from ringfence.simulator.twiml_play import HungUp, Rejected
from ringfence.simulator.twiml_voice import Script, Verb
from ringfence.simulator.webhooks import Delivery

if TYPE_CHECKING:
    from ringfence.simulator.exchange import Exchange
    from ringfence.simulator.timeline import Clock

Life: TypeAlias = Callable[[Session, Line], Coroutine[object, object, None]]
"""What becomes of a call that came in, where it is not asked for by documents."""

RECORDINGS_MAX: Final = 1_000
FILE_MAX_BYTES: Final = 1_000_000


@dataclass(slots=True)
class Recording:
    """A message somebody left: its words, for want of audio."""

    sid: str
    call_sid: str
    words: tuple[str, ...]
    duration_s: int
    url: str


@dataclass(slots=True, eq=False)
class Voice:
    """The switchboard for calls of one exchange."""

    exchange: Exchange
    behaviour: VoiceBehaviour = field(default_factory=VoiceBehaviour)
    scripts: dict[str, CallScript] = field(default_factory=dict)  # by number
    sessions: dict[str, Session] = field(default_factory=dict)  # by call SID, while not over
    recordings: list[Recording] = field(default_factory=list)
    book: CallBook = field(init=False)
    reports: Reports = field(init=False)
    streams: Streams = field(init=False)
    lives: dict[str, Life] = field(default_factory=dict)  # of calls to other providers' numbers
    _asked: int = 0
    _callers: dict[str, str] = field(default_factory=dict)  # who sits at an inbound call

    def __post_init__(self) -> None:
        self.book = CallBook(self.exchange.carrier)
        self.reports = Reports(self.exchange, self.alert, self.skin)
        self.streams = Streams(self.exchange)

    @property
    def clock(self) -> Clock:
        return self.exchange.clock

    def skin(self, call: Call) -> call_skins.CallSkin:
        """How the provider of the call's account speaks."""
        return call_skins.skin_of(self.exchange.carrier.accounts[call.account_sid].provider)

    def spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        return self.exchange.spawn(work)

    # -- calls begin --------------------------------------------------------------------------

    def place(self, account: Account, form: Form) -> Call | Refusal:
        """Take a call of the API; `start` lets it live."""
        return self.book.create(account, form, self.clock.now())

    def start(self, call: Call) -> None:
        session = self.sessions[call.sid] = Session(call, self.clock)
        source = Source(
            call.webhook.url,
            call.webhook.method,
            call.webhook.fallback_url,
            call.webhook.fallback_method,
            call.twiml,
        )
        self.spawn(self._outbound(session, source))

    def dial(self, caller: str, to: str, shown: str) -> Connection:
        """A phone calls one of our numbers. Raises ValueError for any other number."""
        line = self.exchange.carrier.lines.get(to)
        if line is None:
            raise ValueError("phones here call the carrier's own numbers only")
        call = self.book.open(line.account_sid, shown, to, CallDirection.INBOUND, self.clock.now())
        kept = line.settings
        told_at = kept.get("status_callback", "")
        if not told_at and self.skin(call).ends_where_asked:
            told_at = kept.get("voice_url", "")
        call.status_callback = Webhook(told_at, kept.get("status_callback_method") or "POST")
        session = self.sessions[call.sid] = Session(call, self.clock)
        connection = Connection(call, to, True, session)
        self.exchange.phone(caller).connect(connection)
        self._callers[call.sid] = caller
        provider = self.exchange.carrier.accounts[line.account_sid].provider
        self.spawn(self.lives.get(provider, self._inbound)(session, line))
        return connection

    # -- lives --------------------------------------------------------------------------------

    async def _outbound(self, session: Session, source: Source) -> None:
        if await self.rings_through(session):
            await self._detect(session)
            await self._converse(session, source)
        self.finish(session, "completed" if session.call.answered_at else "no-answer")

    async def _inbound(self, session: Session, line: Line) -> None:
        kept = line.settings
        source = Source(
            kept.get("voice_url", ""),
            kept.get("voice_method") or "POST",
            kept.get("voice_fallback_url", ""),
            kept.get("voice_fallback_method") or "POST",
        )
        if source.url:
            await self._converse(session, source)
        self.finish(session, "completed" if session.call.answered_at else "failed")

    async def rings_through(self, session: Session) -> bool:
        """Dial, ring, and wait for an answer; False when the leg is to end without one."""
        call = session.call
        if not await session.watch(self.clock.sleep(self.behaviour.dial_after_s)):
            return False
        self.reports.say(session, "initiated")
        if not await session.watch(self.clock.sleep(self.behaviour.ring_after_s)):
            return False
        script = self.scripts.get(call.called, SCRIPTS["rings"])
        if script.refuses:
            call.sip_code = script.sip_code
            session.end(script.refuses)
            return False
        call.status = "ringing"
        self.reports.say(session, "ringing")
        self.exchange.phone(call.called).connect(Connection(call, call.caller, False, session))
        if script.answer:
            self.spawn(self._answers_itself(session, script))
        await session.watch(self._answered_in(session))
        if not session.picked_up.is_set() or session.ending:
            session.end("no-answer")
            return False
        self.answer(session)
        return True

    async def _answered_in(self, session: Session) -> None:
        waiting = asyncio.ensure_future(session.picked_up.wait())
        ringing = asyncio.ensure_future(self.clock.sleep(session.call.ring_s))
        try:
            await asyncio.wait({waiting, ringing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancelled(waiting, ringing)

    async def _answers_itself(self, session: Session, script: CallScript) -> None:
        await session.watch(self.clock.sleep(script.after_s))
        session.pick_up(script.answer or HUMAN)

    def answer(self, session: Session) -> None:
        """The leg is connected; the first time only."""
        call = session.call
        if call.answered_at is None:
            call.status, call.answered_at = "in-progress", self.clock.now()
            session.limit = self.spawn(self._limit(session))
            self.reports.say(session, "answered")
            self.tell_phone(call)

    async def _detect(self, session: Session) -> None:
        """Machine detection: before the instructions, or beside them."""
        call = session.call
        if not call.detection:
            return
        if call.amd_apart:
            self.spawn(self._verdict_apart(session))
        else:
            await session.watch(self.clock.sleep(self._verdict_s(session)))
            call.answered_by = session.verdict

    def _verdict_s(self, session: Session) -> float:
        ends = session.verdict.startswith("machine_end")
        return self.behaviour.verdict_end_s if ends else self.behaviour.verdict_s

    async def _verdict_apart(self, session: Session) -> None:
        call, took_s = session.call, self._verdict_s(session)
        await self.clock.sleep(took_s)
        if call.is_over:
            return
        call.answered_by = session.verdict
        fields = self.skin(call).verdict(call, int(took_s * 1000))
        if call.amd_callback.url and fields:
            await self.post(call, "amd", call.amd_callback, fields)

    async def _converse(self, session: Session, source: Source) -> None:
        """Play instructions until they are used up or the call is ended."""
        following: Source | None = source
        try:
            while following is not None and not session.ending:
                session.changed.clear()
                session.redirect = None
                player = self.skin(session.call).player(self, session)
                await session.watch(player.run(following))
                following = session.redirect
            if not session.ending:
                self.answer(session)
        except HungUp:
            pass
        except Rejected as rejected:
            session.end(str(rejected) if session.call.answered_at is None else "completed")

    async def _limit(self, session: Session) -> None:
        """The ceiling counts from the answer."""
        await self.clock.sleep(session.call.limit_s)
        session.end("completed")

    def finish(self, session: Session, status: str) -> None:
        """The leg is over; the first time only."""
        call = session.call
        if call.is_over:
            return
        call.status, call.ended_at = session.ending or status, self.clock.now()
        if call.answered_at is not None and call.status != "failed":
            call.status = "completed"
        self.sessions.pop(call.sid, None)
        session.end(call.status)
        if session.limit is not None:
            session.limit.cancel()
        self.reports.say(session, "completed")
        for source in session.owed:
            self.spawn(self._ask_in_vain(call, source))
        self.tell_phone(call)
        self._callers.pop(call.sid, None)

    # -- the wire -----------------------------------------------------------------------------

    async def script(self, call: Call, source: Source) -> Script:
        """Fetch and read instructions; the fallback address when the first fails."""
        if source.twiml:
            return twiml_voice.document(source.twiml.encode())
        skin = self.skin(call)
        fields = [*skin.asking(call), *source.fields]
        request = self.reports.request(call, Webhook(source.url, source.method), fields)
        delivery = await self.reports.post(call, "call", request)
        self._asked += 1
        dice = self.exchange.dice
        if dice.chance(dice.faults.webhook_duplicated, "call twice", call.ordinal, self._asked):
            await self.reports.post(call, "call", request)  # its answer is not heard
        if not delivery.reached and source.fallback_url:
            again = [*fields, *skin.asking_again(source.url)]
            hook = Webhook(source.fallback_url, source.fallback_method)
            delivery = await self.post(call, "call", hook, again)
        return skin.read(delivery)

    async def _ask_in_vain(self, call: Call, source: Source) -> None:
        """Nobody is left to hear the answer."""
        await self.script(call, source)

    async def post(
        self, call: Call, kind: str, hook: Webhook, fields: Sequence[tuple[str, str]]
    ) -> Delivery:
        return await self.reports.post(call, kind, self.reports.request(call, hook, fields))

    async def reaches(self, url: str) -> bool:
        """Whether a sound file is there. Like any fetch it counts as in flight."""
        self.reports.in_flight += 1
        try:
            status, _, _ = await self.exchange.deliverer.fetch(url, FILE_MAX_BYTES)
        finally:
            self.reports.in_flight -= 1
        return status == 200

    def recorded(
        self, call: Call, verb: Verb, words: Sequence[str], started: datetime
    ) -> list[tuple[str, str]]:
        """Keep a message, report on it, and tell Record's action of it."""
        sid = self.exchange.carrier.sids.deal("RE")
        duration_s = max(1, round((self.clock.now() - started).total_seconds()))
        base = account_path(call.account_sid)
        url = f"{self.exchange.address}{base}/Recordings/{sid}"
        self.recordings.append(Recording(sid, call.sid, tuple(words), duration_s, url))
        del self.recordings[:-RECORDINGS_MAX]
        events = verb["recordingStatusCallbackEvent"].split() or ["completed"]
        if verb["recordingStatusCallback"] and "completed" in events:
            hook = Webhook(verb["recordingStatusCallback"])
            about = call_dialect.recording_fields(call, sid, url, duration_s, "completed", started)
            self.spawn(self._post_recording(call, hook, about))
        return [
            ("RecordingSid", sid),
            ("RecordingUrl", url),
            ("RecordingDuration", str(duration_s)),
        ]

    async def _post_recording(
        self, call: Call, hook: Webhook, fields: Sequence[tuple[str, str]]
    ) -> None:
        await self.post(call, "recording", hook, fields)

    # -- who is told --------------------------------------------------------------------------

    def tell_phone(self, call: Call) -> None:
        """Something changed on the call: its phone looks."""
        number = self._callers.get(call.sid, call.person)
        if number in self.exchange.phones:
            self.exchange.phones[number].bell.ring()

    def alert(self, call: Call, code: int, url: str, text: str, method: str = "POST") -> None:
        """Write a line into the debugger."""
        carrier = self.exchange.carrier
        carrier.alerts.append(
            Alert(
                sid=carrier.sids.deal("NO"),
                account_sid=call.account_sid,
                error_code=code,
                text=text,
                resource_sid=call.sid,
                request_url=url,
                request_method=method,
                raised_at=self.clock.now(),
            )
        )
