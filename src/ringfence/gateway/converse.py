"""The shell of a call in live sound: what comes from the media socket, the ear and the mouth is told to
the session (`voice/session.py`), and what it wants is done. No sentence reaches the mouth but by
`LiveCall.may_say`. One `Conversation` is one socket with a session of its own: what belongs to a replaced
one cannot touch the next (B139)."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import assert_never

from ringfence.gateway.live_call import Live, MediaSocket
from ringfence.gateway.live_ear import LiveEar
from ringfence.gateway.live_shell import LiveShell, Machine, name_of
from ringfence.model.errors import MalformedFrame, SpeechError
from ringfence.model.media import MediaEvent, SoundHeard, StreamFault, StreamStarted
from ringfence.ports import Clock
from ringfence.ports.speech import Spoken
from ringfence.voice.effects import (
    AskAgent,
    DigitPressed,
    DisclosureHeard,
    EndCall,
    FeedEar,
    FinishEar,
    OpenEar,
    PersonSaid,
    SendClear,
    SendDigits,
    SendMark,
    SendSound,
    SessionEffect,
    StopAgent,
    StopEar,
    StopSynthesis,
    StreamOver,
    Synthesise,
    TurnTimed,
    WordsBegun,
    WordsHeard,
    WordsNotSaid,
)
from ringfence.voice.events import (
    AgentFailed,
    EarFailed,
    SpeechDone,
    SpeechFailed,
    SpeechMade,
)
from ringfence.voice.ordering import Ordering
from ringfence.voice.session import Session

log = logging.getLogger("ringfence.media")


class Conversation(LiveShell[SessionEffect]):
    def __init__(
        self,
        live: Live,
        socket: MediaSocket,
        clock: Clock,
        monotonic: Callable[[], float],
        on_start: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(live.call_id, live.call, live.agent, socket, clock, monotonic)
        self._live = live
        self._on_start = on_start
        self._session = Session(live.script, live.settings, self._now())
        self._ear = LiveEar(live, self.tell)
        self._ordering = None if live.dialect.media_capabilities.in_order else Ordering()
        self._stream_id = ""
        self._has_faulted = False

    @property
    def _machine(self) -> Machine[SessionEffect]:
        return self._session

    def _log_figures(self, how: EndCall | StreamOver) -> None:
        lost = 0 if self._ordering is None else self._ordering.lost
        figures = {"underruns": self._session.underruns, "dropped": self._ear.dropped, "lost": lost}
        log.info("media stream over", extra=self._extra(reason=name_of(how), **figures))

    # -- effects -----------------------------------------------------------------------------------

    def _perform(self, effect: SessionEffect) -> None:
        dialect, stream = self._live.dialect, self._stream_id
        match effect:
            case FeedEar(sound):
                self._ear.feed(sound)
            case SendSound(_, sound):
                self._out.put(dialect.sound(stream, sound))
            case SendMark(name):
                self._out.put(dialect.mark(stream, name))
            case SendClear():
                self._out.clear(dialect.clear(stream))
            case SendDigits(digits):
                self._out.put(dialect.digits(stream, digits), is_play=False)
            case OpenEar():
                self._start("ear", self._ear.run, EarFailed())
            case FinishEar():
                self._ear.finish()
            case StopEar():
                self._stop("ear")
            case AskAgent(turn):
                self._start(f"agent {turn}", lambda: self._ask(effect), AgentFailed(turn))
            case StopAgent(turn):
                self._stop(f"agent {turn}")
            case Synthesise(utterance):
                failed = SpeechFailed(utterance)
                self._start(f"mouth {utterance}", lambda: self._speak(effect), failed)
            case StopSynthesis(utterance):
                self._stop(f"mouth {utterance}")
            case WordsBegun() | WordsHeard():
                if self._live.voiced is not None:
                    self._live.voiced.note(effect)
                self._records.put_nowait(effect)
            case PersonSaid() | DigitPressed() | WordsNotSaid() | DisclosureHeard() | TurnTimed():
                self._records.put_nowait(effect)
            case EndCall() | StreamOver():
                self._ended(effect)
            case _:
                assert_never(effect)

    # -- the socket --------------------------------------------------------------------------------

    def _frame(self, text: str) -> None:
        """Raises MalformedFrame, also for the stream of another call."""
        event: MediaEvent | None = self._live.dialect.media_event(text)
        if event is None:
            return
        if isinstance(event, SoundHeard) and self._ordering is not None:
            for piece in self._ordering.take(event):
                self.tell(piece)
            return
        if isinstance(event, StreamStarted):
            self._started(event)
        elif isinstance(event, StreamFault) and not self._has_faulted:
            # Once: a provider that takes none of our frames says so fifty times a second.
            self._has_faulted = True
            log.warning("the provider refused a frame", extra=self._extra(detail=event.text))
        self.tell(event)

    def _started(self, event: StreamStarted) -> None:
        expected = self._live.provider_id
        if expected and event.provider_id != expected:
            raise MalformedFrame("It is the stream of another call than its token is for.")
        self._stream_id = event.stream_id
        self._on_start()

    # -- the mouth ---------------------------------------------------------------------------------

    def _speech(self, wanted: Synthesise) -> AsyncGenerator[Spoken, None]:
        if wanted.turn and self._live.voiced is not None:
            return self._live.voiced.speak(wanted.utterance, wanted.turn, wanted.text)
        return self._live.mouth.speak(wanted.text, self._live.language)

    async def _speak(self, wanted: Synthesise) -> None:
        try:
            speech = self._speech(wanted)
            async with aclosing(speech) as pieces:
                async for piece in pieces:
                    letters = (piece.letters, piece.letters_at_ms)
                    self.tell(SpeechMade(wanted.utterance, piece.sound, *letters))
        except SpeechError as error:
            log.warning("no speech", extra=self._extra(detail=f"{error.code}: {error}"))
            self.tell(SpeechFailed(wanted.utterance))
            return
        self.tell(SpeechDone(wanted.utterance))
