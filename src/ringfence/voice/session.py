"""One live call with sound: events and the time in, effects out. Who speaks, who is asked, what is
played and when it ends is decided here and nowhere else. Opens no socket and reads no clock: `now` is
whole milliseconds of a clock that only goes on. Says nothing before the disclosure was heard, nothing
of an agent without a decision, nothing after the end; and it always ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from ringfence.audio.activity import Activity
from ringfence.model.call import CallMode, EndReason, Speaker
from ringfence.model.media import (
    DigitHeard,
    MarkReturned,
    PlaybackCleared,
    SoundHeard,
    StreamFault,
    StreamOpened,
    StreamStarted,
    StreamStopped,
)
from ringfence.voice.answering import Answering
from ringfence.voice.effects import (
    DigitPressed,
    DisclosureHeard,
    EndCall,
    FeedEar,
    FinishEar,
    Loss,
    OpenEar,
    PersonSaid,
    SendDigits,
    SendMark,
    SessionEffect,
    StopEar,
    StreamOver,
    Synthesise,
    Unsaid,
    WordsBegun,
    WordsNotSaid,
)
from ringfence.voice.events import (
    AgentDone,
    AgentFailed,
    EarFailed,
    Killed,
    Leaving,
    PersonBegan,
    PersonFinal,
    PersonPartial,
    Replaced,
    SentenceAllowed,
    SentenceRefused,
    SessionEvent,
    SocketGone,
    SpeechDone,
    SpeechFailed,
    SpeechMade,
    Tick,
    ToldToEnd,
    ToldToPress,
    ToldToSay,
)
from ringfence.voice.interrupting import Interrupting
from ringfence.voice.playback import NEVER
from ringfence.voice.settings import Script, SessionSettings
from ringfence.voice.state import State
from ringfence.voice.talking import Talking
from ringfence.voice.tones import WAIT, is_keys
from ringfence.voice.turns import Listening
from ringfence.voice.utterance import Utterance

_SPEECH_FAILURES_MAX = 2
_DISCLOSURE_TRIES = 2

_Due = tuple[int, Callable[[int], None]]


class Session:
    """`handle` takes one event and tells what is to be done; `wake_at` is when it wants a Tick, if
    nothing else comes before."""

    def __init__(self, script: Script, settings: SessionSettings, now: int) -> None:
        self._script, self._settings = script, settings
        self._limits, self._sentences = settings.limits, settings.sentences
        self._out: list[SessionEffect] = []
        self._talking = Talking(settings, self._out)
        self._playback = self._talking.playback
        self._listening = Listening(settings.endpointing, settings.barge_in, now)
        self._answering = Answering(self._talking, settings, self._out, now)
        self._interrupting = Interrupting(
            settings.barge_in, self._talking, self._answering, self._listening, self._out, now
        )
        self._created_at = self._media_at = self._life_at = self._look_at = now
        self._started_at: int | None = None
        self._disclosure: Utterance | None = None
        self._disclosure_tries = 0
        self._opening: Utterance | None = None
        self._asked_who = 0
        self._ending: EndReason | None = None
        self._ending_at = 0
        self._farewell: Utterance | None = None
        self._is_over = False

    # -- what the shell sees -----------------------------------------------------------------------

    def handle(self, event: SessionEvent, now: int) -> list[SessionEffect]:
        """What `event` makes us do, in order. After the last effect it is always empty."""
        if self._is_over:
            return []
        # Fifty times a second: its deadlines move on by themselves and are not looked at.
        if type(event) is SoundHeard:
            self._sound(event.sound, now)
        else:
            self._take(event, now)
            self._look_at = now
        if now >= self._look_at:
            self._look(now)
        if not self._playback.is_empty:
            self._pump(now)
            if now >= self._look_at:
                self._look(now)
        done = self._out.copy()
        self._out.clear()
        return done

    @property
    def wake_at(self) -> int:
        return NEVER if self._is_over else min(self._look_at, self._playback.due())

    @property
    def has_room(self) -> bool:
        """Whether another sentence would be queued: the agent's next one is not asked for before."""
        return self._playback.has_room

    @property
    def underruns(self) -> int:
        return self._playback.underruns

    @property
    def state(self) -> State:
        if self._is_over:
            return State.OVER
        if self._started_at is None:
            return State.WAITING
        if self._ending is not None:
            return State.ENDING
        if not self._playback.is_open:
            return State.DISCLOSING
        if self._interrupting.is_held:
            return State.LISTENING
        if self._playback.current() is not None:
            return State.SPEAKING
        is_thinking = self._answering.is_asking or not self._playback.is_empty
        return State.THINKING if is_thinking else State.LISTENING

    # -- events ------------------------------------------------------------------------------------

    def _take(self, event: SessionEvent, now: int) -> None:
        """What counts in every state; the rest only while the call goes on."""
        match event:
            case StreamStarted():
                self._started(now)
            case StreamStopped():
                self._close(StreamOver(Loss.STOPPED), now)
            case SocketGone():
                self._close(StreamOver(Loss.GONE), now)
            case Replaced():
                self._close(StreamOver(Loss.REPLACED), now)
            case Leaving():
                self._close(StreamOver(Loss.LEFT), now)
            case MarkReturned():
                self._mark(event.name, now)
            case SpeechMade():
                self._talking.made(event, now)
                self._answering.made(event.utterance, now)
            case SpeechDone():
                self._speech_failed(self._talking.done(event.utterance), now)
            case SpeechFailed():
                failed = self._talking.failed(event.utterance, Unsaid.NO_SPEECH)
                self._speech_failed(failed, now)
            case ToldToEnd():
                self._end(event.reason, event.goodbye, now)
            case Killed():
                self._end(EndReason.KILLED, event.goodbye, now)
            case StreamOpened() | PlaybackCleared() | StreamFault() | Tick() | SoundHeard():
                pass
            case _:
                if self._ending is None:
                    self._converse(event, now)

    def _converse(self, event: _Talk, now: int) -> None:
        match event:
            case DigitHeard():
                self._digit(event.digit, now)
            case PersonBegan():
                self._began(now)
            case PersonPartial():
                self._partial(event.text, now)
            case PersonFinal():
                self._final(event, now)
            case EarFailed():
                self._end(EndReason.FAILED, self._sentences.stuck, now)
            case SentenceAllowed():
                self._answering.sentence(event, now)
            case SentenceRefused():
                self._answering.refused(event.turn, now)
            case AgentDone():
                self._answering.done(event, now)
            case AgentFailed():
                if self._answering.failed(event.turn, now):
                    self._end(EndReason.FAILED, self._sentences.stuck, now)
            case ToldToSay():
                self._talking.say(
                    event.text,
                    event.speaker,
                    decision=event.decision,
                    interruptible=event.interruptible,
                )
            case ToldToPress():
                self._press(event)
            case _:
                assert_never(event)

    def _started(self, now: int) -> None:
        if self._started_at is not None:
            self._close(StreamOver(Loss.STARTED_TWICE), now)
            return
        self._started_at = self._media_at = self._life_at = now
        self._out.append(OpenEar())
        script = self._script
        if script.disclosure.strip():
            self._disclose()
        else:
            self._playback.is_open = True
        if script.opening.strip():
            is_talk = script.mode is CallMode.CONVERSATION
            self._opening = self._talking.say(
                script.opening,
                Speaker.AGENT if script.opening_decision else Speaker.GATEWAY,
                decision=script.opening_decision,
                interruptible=script.opening_interruptible and is_talk,
            )

    # -- the disclosure ----------------------------------------------------------------------------

    def _disclose(self) -> None:
        self._disclosure_tries += 1
        self._disclosure = self._talking.say_first(self._script.disclosure)

    def _disclosed(self, now: int) -> None:
        self._disclosure = None
        self._playback.is_open = True
        self._out.append(DisclosureHeard())
        if not self._playback.is_empty:
            # A "hello?" before our opening words is no question for the agent.
            self._listening.set_aside()
            self._interrupting.disclosed(now)

    def _disclosure_failed(self, now: int) -> None:
        """A disclosure that was not heard was not given, and nothing else may be said before it."""
        self._disclosure = None
        if self._disclosure_tries < _DISCLOSURE_TRIES:
            self._disclose()
        else:
            self._end(EndReason.FAILED, "", now)

    # -- the person --------------------------------------------------------------------------------

    def _sound(self, sound: bytes, now: int) -> None:
        self._media_at = now
        if self._started_at is None or self._ending is not None:
            return
        self._out.append(FeedEar(sound))
        was_speech = self._listening.is_speech
        changed = self._listening.sound(sound, self._interrupting.is_guarded(now), now)
        if self._listening.is_speech is not was_speech:
            self._look_at = now
        if changed is None:
            return
        if changed is Activity.STOPPED:
            self._out.append(FinishEar())
        else:
            self._interrupting.voice(now)

    def _began(self, now: int) -> None:
        """The ear says that somebody speaks."""
        self._life_at = now
        self._listening.spoke(now)
        self._interrupting.began(now)

    def _partial(self, text: str, now: int) -> None:
        if not text.strip() or self._interrupting.is_echo(text, now):
            return
        self._life_at = now
        self._listening.spoke(now)
        if not self._interrupting.is_nod(text):
            self._interrupting.words(text, now)

    def _final(self, words: PersonFinal, now: int) -> None:
        text = words.text.strip()
        if not text and words.turn_over:
            self._listening.turn_over()
        if not text or self._interrupting.is_echo(text, now):
            return
        self._life_at = now
        self._asked_who = 0
        self._out.append(PersonSaid(text, self._answering.turn + 1, words.confidence))
        if self._interrupting.is_nod(text):
            self._interrupting.resume()
            return
        # First what is obsolete now is taken back: its words come before these.
        self._interrupting.words(text, now)
        self._listening.final(words, now)
        if self._interrupting.is_late(now):
            self._listening.set_aside()

    def _digit(self, digit: str, now: int) -> None:
        self._life_at = now
        self._asked_who = 0
        self._out.append(DigitPressed(digit))
        self._interrupting.digit(now)
        self._listening.digit(digit, now)

    # -- what we say -------------------------------------------------------------------------------

    def _press(self, event: ToldToPress) -> None:
        is_heard = self._playback.is_open
        if not event.decision or not is_heard or not is_keys(event.digits):
            why = Unsaid.NO_DECISION if not event.decision else Unsaid.OBSOLETE
            self._out.append(WordsNotSaid(0, Speaker.AGENT, event.digits, why))
        elif self._settings.sends_digits and WAIT not in event.digits:
            self._out.append(SendDigits(event.digits))
        else:
            self._talking.press(event.digits, event.decision)

    def _speech_failed(self, failed: Utterance | None, now: int) -> None:
        if failed is None:
            return
        if failed is self._disclosure:
            self._talking.drop(now, lambda utterance: utterance is failed)
            self._disclosure_failed(now)
        elif failed is self._farewell:
            self._talking.drop(now, lambda utterance: utterance is failed)
        elif self._talking.failures >= _SPEECH_FAILURES_MAX:
            # A mouth that is gone says no goodbye either; the provider's own voice is no substitute.
            self._end(EndReason.FAILED, "", now)
        elif failed.speaker is Speaker.AGENT and self._playback.is_empty:
            self._answering.say_fixed(self._sentences.failed)

    def _mark(self, name: str, now: int) -> None:
        for mark in self._talking.returned(name, now):
            self._answering.played(mark.utterance.id, now)
            if mark.is_end:
                self._heard(mark.utterance, now)

    def _heard(self, utterance: Utterance, now: int) -> None:
        """To its end."""
        self._life_at = now
        if utterance is self._disclosure:
            self._disclosed(now)
        elif utterance is self._opening and not utterance.is_broken_off:
            self._opening = None

    def _pump(self, now: int) -> None:
        before = len(self._out)
        self._talking.make_next(now)
        self._talking.pump(now)
        for effect in self._out[before:]:
            kind = type(effect)
            if kind is Synthesise or kind is SendMark:
                self._look_at = now  # the mouth, or the provider, now owes us something in time
            elif isinstance(effect, WordsBegun):
                self._answering.begun(effect, now)

    # -- the time ----------------------------------------------------------------------------------

    def _look(self, now: int) -> None:
        """Do what is due, the earliest first; each thing done moves its own deadline."""
        while not self._is_over:
            at, act = min(self._deadlines(), key=_when)
            if at > now:
                self._look_at = at
                return
            act(now)

    def _deadlines(self) -> list[_Due]:
        limits = self._limits
        if self._started_at is None:
            return [(self._created_at + limits.start_ms, self._nobody)]
        due: list[_Due] = [
            (self._media_at + limits.media_ms, self._nobody),
            (self._talking.late_at, self._speech_late),
        ]
        if self._playback.is_awaited:
            due.append((self._playback.until + limits.mark_ms, self._marks_missing))
        if self._ending is not None:
            return [*due, (self._farewell_over_at(), self._finish)]
        due.append((self._started_at + limits.duration_ms, self._time_over))
        if self._interrupting.is_held:
            due.append((self._interrupting.resume_at(), self._not_interrupted))
        return [*due, *self._turns_due()] if self._playback.is_open else due

    def _turns_due(self) -> list[_Due]:
        answering = self._answering
        if answering.is_asking:
            return [(answering.stuck_at(), self._agent_stuck), (answering.fill_at(), self._fill)]
        if not self._playback.is_empty:
            return []
        if answering.wants_end or self._script.mode is CallMode.NOTIFY:
            return [(0, self._all_said)]
        quiet_since = max(self._life_at, answering.quiet_since, self._playback.until)
        return [
            (self._listening.over_at(), self._ask),
            (quiet_since + self._limits.silence_ms, self._silent),
        ]

    def _nobody(self, now: int) -> None:
        """The stream did not start, or no sound comes any more: nobody would hear a goodbye."""
        self._close(EndCall(EndReason.LOST), now)

    def _speech_late(self, now: int) -> None:
        self._speech_failed(self._talking.late(), now)

    def _marks_missing(self, now: int) -> None:
        given_up = self._talking.give_up()
        if any(utterance is self._disclosure for utterance in given_up):
            self._disclosure_failed(now)

    def _time_over(self, now: int) -> None:
        self._end(EndReason.TIME_LIMIT, self._sentences.time_over, now)

    def _not_interrupted(self, now: int) -> None:
        self._interrupting.resume()

    def _ask(self, now: int) -> None:
        words, digits = self._listening.take()
        self._answering.ask(words, digits, self._listening.voice_ms, now)

    def _fill(self, now: int) -> None:
        self._answering.fill()

    def _agent_stuck(self, now: int) -> None:
        if self._answering.is_stuck(now):
            self._end(EndReason.FAILED, self._sentences.stuck, now)

    def _silent(self, now: int) -> None:
        """Ask whether somebody is there, so often; then it is over."""
        self._life_at = now
        if self._asked_who >= self._limits.silence_asks:
            self._end(EndReason.SILENCE, self._sentences.silence, now)
        else:
            self._asked_who += 1
            self._answering.say_fixed(self._sentences.still_there)

    # -- the end -----------------------------------------------------------------------------------

    def _all_said(self, now: int) -> None:
        """The call was to end once everything is heard, and it is; or it cannot be heard."""
        if self._answering.wants_end:
            reason = EndReason.ENDED_BY_AGENT
        else:
            reason = EndReason.SAID_ALL if self._opening is None else EndReason.FAILED
        self._close(EndCall(reason), now)

    def _end(self, reason: EndReason, goodbye: str, now: int) -> None:
        """Silence everything, say the one sentence, and end. The first reason stands, but a kill comes
        over every other."""
        is_kill = reason is EndReason.KILLED and self._ending is not EndReason.KILLED
        if self._ending is not None and not is_kill:
            return
        self._ending, self._ending_at = reason, now
        self._disclosure = self._farewell = None
        self._answering.stop(now)
        self._talking.drop(now, _is_any)
        self._interrupting.resume()
        if self._started_at is None or not goodbye.strip():
            self._finish(now)
        else:
            self._farewell = self._talking.say_first(goodbye)

    def _farewell_over_at(self) -> int:
        """At once when it was heard or cannot be said, and in any case in time."""
        if self._farewell is None or self._playback.find(self._farewell.id) is None:
            return 0
        return self._ending_at + self._limits.goodbye_ms

    def _finish(self, now: int) -> None:
        assert self._ending is not None, "nothing finishes that was not to end"
        self._close(EndCall(self._ending), now)

    def _close(self, last: EndCall | StreamOver, now: int) -> None:
        """Nothing follows. What was begun is told as far as it was heard."""
        self._answering.stop(now)
        self._talking.drop(now, _is_any)
        if self._started_at is not None:
            self._out.append(StopEar())
        self._out.append(last)
        self._is_over = True


_Talk = (
    DigitHeard
    | PersonBegan
    | PersonPartial
    | PersonFinal
    | EarFailed
    | SentenceAllowed
    | SentenceRefused
    | AgentDone
    | AgentFailed
    | ToldToSay
    | ToldToPress
)
"""What means nothing any more once the call is ending."""


def _when(due: _Due) -> int:
    return due[0]


def _is_any(utterance: Utterance) -> bool:
    return True
