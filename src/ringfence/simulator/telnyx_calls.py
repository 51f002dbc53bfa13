"""Calls as Telnyx lives them, on the carrier's one engine: a leg rings, is answered, and then waits for
commands; every step is told by an event. Commands are in telnyx_call_actions.py, what a leg hears and
plays in telnyx_call_hearing.py. Waits only on the clock it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ringfence.simulator.call_session import Session
from ringfence.simulator.calls import CALLS_MAX, Call, CallDirection
from ringfence.simulator.records import Line
from ringfence.simulator.telnyx import PROVIDER
from ringfence.simulator.telnyx_call_events import Leg, control_id, hung_up, iso, say
from ringfence.simulator.telnyx_call_hearing import Hearing

if TYPE_CHECKING:
    from ringfence.simulator.exchange import Exchange

NOBODY_ANSWERS_S: Final = 60.0  # a caller hangs up when no command answers
AFTER_THE_LIMIT_S: Final = 60.0
_STANDARD: Final = {"human": "human", "machine": "machine", "fax": "machine"}
_PREMIUM: Final = {"human": "human_residence", "machine": "machine", "fax": "fax_detected"}
_GREETINGS: Final = frozenset(("premium", "greeting_end", "detect_words", "detect_beep"))


class TelnyxCalls:
    """The legs of the exchange's Telnyx accounts, by call control id; those that are over are kept."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange, self.voice = exchange, exchange.voice
        self.legs: dict[str, Hearing] = {}
        self.voice.lives[PROVIDER] = self.receive

    # -- calls begin --------------------------------------------------------------------------

    def start(self, call: Call, webhook_url: str, client_state: str) -> None:
        """Let a call of the API live."""
        here = self._leg(Session(call, self.voice.clock), webhook_url, client_state)
        self.exchange.spawn(self._outbound(here))

    async def receive(self, session: Session, line: Line) -> None:
        """A phone calls a number; nobody is told where no address is set."""
        here = self._leg(session, line.settings.get("voice_url", ""))
        self._say(here, "call.initiated", direction="incoming", state="parked")
        await session.watch(self._waits_for_an_answer(session))
        await self._over(here)

    def transfer(self, here: Hearing, to: str, caller: str, asked: dict[str, object]) -> None:
        """Ring another number from a leg, and bridge it."""
        call = self.voice.book.open(
            here.leg.call.account_sid,
            caller,
            to,
            CallDirection.OUTBOUND_DIAL,
            self.voice.clock.now(),
        )
        call.parent_sid = here.leg.call.sid
        call.ring_s = _whole(asked.get("timeout_secs"), call.ring_s)
        call.limit_s = _whole(asked.get("time_limit_secs"), call.limit_s)
        there = self._leg(
            Session(call, self.voice.clock),
            str(asked.get("webhook_url") or here.leg.webhook_url),
            str(asked.get("target_leg_client_state") or ""),
        )
        there.leg.session_sid = here.leg.session_sid or here.leg.call.sid
        parks = asked.get("park_after_unbridge") == "self"
        self.exchange.spawn(self._transferred(here, there, parks=parks))
        self.exchange.spawn(self._follows(here, there))

    def _leg(self, session: Session, webhook_url: str, client_state: str = "") -> Hearing:
        here = Hearing(self.exchange, Leg(session, webhook_url, client_state))
        session.taps.append(here)
        self.voice.sessions[session.call.sid] = session
        self.legs[control_id(session.call)] = here
        if len(self.legs) > CALLS_MAX:
            del self.legs[next(iter(self.legs))]
        return here

    # -- lives --------------------------------------------------------------------------------

    async def _outbound(self, here: Hearing) -> None:
        self._say(here, "call.initiated", direction="outgoing", state="bridging")
        session = here.leg.session
        if await self.voice.rings_through(session):
            self.answered(here)
            if here.leg.call.detection not in ("", "disabled"):
                self.exchange.spawn(self._detect(here))
            await session.watch(self._lasts(here.leg.call))
        await self._over(here)

    def answered(self, here: Hearing) -> None:
        """The first time only, for a caller; a leg that was rung is answered already."""
        self.voice.answer(here.leg.session)
        began = iso(here.leg.call.answered_at)
        self._say(here, "call.answered", state="answered", start_time=began)

    async def _waits_for_an_answer(self, session: Session) -> None:
        await self.voice.clock.sleep(NOBODY_ANSWERS_S)
        if session.call.answered_at is None:
            session.end("no-answer")
        await self._lasts(session.call)

    async def _lasts(self, call: Call) -> None:
        """Longer than any call: its limit ends it. A sleeper of the clock, as everybody who waits here."""
        await self.voice.clock.sleep(call.limit_s + AFTER_THE_LIMIT_S)

    async def _detect(self, here: Hearing) -> None:
        """Who picked up, and of a machine where that was asked for, the end of its greeting."""
        behaviour, leg = self.voice.behaviour, here.leg
        mode, who = leg.call.detection, leg.session.by.partition("_")[0]
        premium = mode == "premium"
        family = "call.machine.premium" if premium else "call.machine"
        await self.voice.clock.sleep(behaviour.verdict_s)
        result = (_PREMIUM if premium else _STANDARD).get(who, "not_sure")
        if not leg.call.is_over:
            self._say(here, f"{family}.detection.ended", result=result)
        if result != "machine" or mode not in _GREETINGS:
            return
        await self.voice.clock.sleep(max(0.0, behaviour.verdict_end_s - behaviour.verdict_s))
        if not leg.call.is_over:
            ended = "beep_detected" if premium or mode == "detect_beep" else "ended"
            self._say(here, f"{family}.greeting.ended", result=ended)

    async def _transferred(self, here: Hearing, there: Hearing, *, parks: bool) -> None:
        self._say(there, "call.initiated", direction="outgoing", state="bridging")
        if await self.voice.rings_through(there.leg.session):
            self.answered(there)
            here.other, there.other = there, here
            for one in (here, there):
                self._say(one, "call.bridged")
            await there.leg.session.watch(self._lasts(there.leg.call))
        here.other = None
        await self._over(there)
        if not parks:
            here.leg.session.end("completed")

    async def _follows(self, here: Hearing, there: Hearing) -> None:
        """A leg never outlives the one it was dialled from."""
        await here.leg.session.watch(self._lasts(here.leg.call))
        there.leg.session.end("completed" if there.leg.call.answered_at else "canceled")

    async def _over(self, here: Hearing) -> None:
        call = here.leg.call
        self.voice.finish(here.leg.session, "completed" if call.answered_at else "no-answer")
        for stream in self.voice.streams.of(call):
            stream.stop()
        await here.ends()
        hung_up(self.exchange, here.leg)

    def _say(self, here: Hearing, kind: str, **about: object) -> None:
        say(self.exchange, here.leg, kind, **about)


def _whole(given: object, default: int) -> int:
    return given if isinstance(given, int) else default
