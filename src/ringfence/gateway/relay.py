"""The shell of a call on a relay: what the provider tells in text is told to the session
(`voice/relay.py`), and what it wants is done. One `RelayConversation` is one socket with a session of its
own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, assert_never

from ringfence.gateway.live_call import MediaSocket, Relayed
from ringfence.gateway.live_shell import LiveShell, Machine, name_of
from ringfence.model.errors import MalformedFrame
from ringfence.model.relay import RelayFault, RelayStarted
from ringfence.ports import Clock
from ringfence.voice.effects import (
    AskAgent,
    DigitPressed,
    DisclosureHeard,
    EndCall,
    PersonSaid,
    SendDigits,
    StopAgent,
    StreamOver,
    WordsBegun,
    WordsHeard,
    WordsNotSaid,
)
from ringfence.voice.events import AgentFailed
from ringfence.voice.relay import RelayEffect, RelaySession, SendText

log = logging.getLogger("ringfence.media")

LAST_WORD_S: Final = 2


class RelayConversation(LiveShell[RelayEffect]):
    def __init__(
        self,
        live: Relayed,
        socket: MediaSocket,
        clock: Clock,
        monotonic: Callable[[], float],
        on_start: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(live.call_id, live.call, live.agent, socket, clock, monotonic)
        self._live = live
        self._on_start = on_start
        self._session = RelaySession(live.script, live.settings, self._now())
        self._has_faulted = False

    @property
    def _machine(self) -> Machine[RelayEffect]:
        return self._session

    def _log_figures(self, how: EndCall | StreamOver) -> None:
        log.info("relay over", extra=self._extra(reason=name_of(how)))
        if self._session.is_unproven:
            log.warning(
                "the provider did not say that the disclosure was played, so the call was ended",
                extra=self._extra(),
            )

    def _perform(self, effect: RelayEffect) -> None:
        dialect = self._live.dialect
        match effect:
            case SendText(_, text, interruptible):
                self._out.put(dialect.text(text, last=True, interruptible=interruptible))
            case SendDigits(digits):
                self._out.put(dialect.digits(digits))
            case AskAgent(turn):
                self._start(f"agent {turn}", lambda: self._ask(effect), AgentFailed(turn))
            case StopAgent(turn):
                self._stop(f"agent {turn}")
            case (
                PersonSaid()
                | DigitPressed()
                | WordsBegun()
                | WordsHeard()
                | WordsNotSaid()
                | DisclosureHeard()
            ):
                self._records.put_nowait(effect)
            case EndCall() | StreamOver():
                self._ended(effect)
            case _:
                assert_never(effect)

    async def _told(self, how: EndCall | StreamOver) -> None:
        """The call is to end before the relay does: the provider asks what next at once."""
        await super()._told(how)
        if isinstance(how, EndCall):
            try:
                async with asyncio.timeout(LAST_WORD_S):
                    await self._socket.send(self._live.dialect.end())
            except (ConnectionError, TimeoutError):
                pass  # the other side was first, or does not read any more

    # -- the socket --------------------------------------------------------------------------------

    def _frame(self, text: str) -> None:
        """Raises MalformedFrame, also for the relay of another call."""
        event = self._live.dialect.relay_event(text)
        if event is None:
            return
        if isinstance(event, RelayStarted):
            expected = self._live.provider_id
            if expected and event.provider_id != expected:
                raise MalformedFrame("It is the relay of another call than its token is for.")
            self._on_start()
        elif isinstance(event, RelayFault) and not self._has_faulted:
            self._has_faulted = True
            log.warning("the provider refused a message", extra=self._extra(detail=event.text))
        self._do(lambda: self._session.hear(event, self._now()), type(event).__name__)
