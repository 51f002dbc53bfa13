"""A session under test: the provider's end of the line that plays in time and returns marks, a mouth that
makes sound at a pace, and a log of every effect. Time is moved by the test, a frame at a time."""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from ringfence.audio.frames import BYTES_PER_MS, FRAME_MS, silence
from ringfence.audio.g711 import pcm_bytes, pcm_to_ulaw
from ringfence.model.media import MarkReturned, SoundHeard, StreamStarted
from ringfence.voice.effects import (
    AskAgent,
    EndCall,
    SendClear,
    SendMark,
    SendSound,
    SessionEffect,
    StopSynthesis,
    StreamOver,
    Synthesise,
    WordsBegun,
    WordsHeard,
    WordsNotSaid,
)
from ringfence.voice.events import (
    AgentDone,
    SentenceAllowed,
    SessionEvent,
    SpeechDone,
    SpeechMade,
    Tick,
)
from ringfence.voice.session import Session
from ringfence.voice.settings import Script, SessionSettings

SILENCE = silence(FRAME_MS)
MS_PER_CHARACTER = 60
DISCLOSURE = "This is a computer calling."
STARTED = StreamStarted("MZ1", "CA1", "AC1")

Found = TypeVar("Found")


def tone(db: float) -> bytes:
    """A frame as loud as this, against full scale."""
    size = round(32_768 * 10 ** (db / 20))
    return pcm_to_ulaw(pcm_bytes(array("h", [min(size, 32_767), -size] * 80)))


VOICE = tone(-12)
ECHO = tone(-40)


@dataclass
class Line:
    """What the provider does with what it is sent: plays it in order, returns marks once they are
    reached (all of them at once when it is told to clear), `returns_ms` later."""

    returns_ms: int = 40
    returns_marks: bool = True
    free_at: int = 0
    played: list[tuple[int, int, int]] = field(default_factory=list)  # from, to, utterance
    owed: deque[tuple[int, str]] = field(default_factory=deque)

    def sound(self, effect: SendSound, now: int) -> None:
        begins = max(self.free_at, now)
        self.free_at = begins + len(effect.sound) // BYTES_PER_MS
        self.played.append((begins, self.free_at, effect.utterance))

    def mark(self, name: str, now: int) -> None:
        if self.returns_marks:
            self.owed.append((max(self.free_at, now) + self.returns_ms, name))

    def clear(self, now: int) -> None:
        self.played = [(a, min(b, now), u) for a, b, u in self.played if a < now]
        self.owed = deque((min(at, now + self.returns_ms), name) for at, name in self.owed)
        self.free_at = min(self.free_at, now)

    def returned(self, now: int) -> Iterator[str]:
        while self.owed and self.owed[0][0] <= now:
            yield self.owed.popleft()[1]

    def heard_ms(self, utterance: int, now: int) -> int:
        return sum(min(b, now) - a for a, b, u in self.played if u == utterance and a < now)


class Rig:
    """`mouth_ms` is how long the mouth takes to begin, None for ever; `silent` texts get no sound."""

    def __init__(
        self,
        script: Script | None = None,
        settings: SessionSettings | None = None,
        *,
        started: bool = True,
        mouth_ms: int | None = 100,
        now: int = 1_000,
    ) -> None:
        self.now = now
        self.settings = settings or SessionSettings()
        self.session = Session(script or Script(), self.settings, now)
        self.line = Line()
        self.mouth_ms = mouth_ms
        self.silent: set[str] = set()
        self.log: list[tuple[int, SessionEffect]] = []
        self._owed: list[tuple[int, SessionEvent]] = []
        self._seen: Counter[type] = Counter()
        if started:
            self.tell(STARTED)

    # -- moving ------------------------------------------------------------------------------------

    def tell(self, *events: SessionEvent) -> list[SessionEffect]:
        done: list[SessionEffect] = []
        for event in events:
            effects = self.session.handle(event, self.now)
            for effect in effects:
                self._perform(effect)
            done += effects
        return done

    def run(self, ms: int, sound: bytes | None = SILENCE) -> Rig:
        """Let time pass with this frame on the line; None for a line that says nothing at all."""
        for _ in range(ms // FRAME_MS):
            self.now += FRAME_MS
            for name in list(self.line.returned(self.now)):
                self.tell(MarkReturned(name))
            due = [event for at, event in self._owed if at <= self.now]
            self._owed = [(at, event) for at, event in self._owed if at > self.now]
            self.tell(*due)
            if sound is not None:
                self.tell(SoundHeard(sound, self.now, 1))
            if self.session.wake_at <= self.now:
                self.tell(Tick())
        return self

    def until(self, kind: type[Found], ms_max: int = 60_000, sound: bytes = SILENCE) -> Found:
        """The next effect of this kind that was not asked for before, running until there is one."""
        for _ in range(ms_max // FRAME_MS):
            found = self.all(kind)
            if len(found) > self._seen[kind]:
                self._seen[kind] += 1
                return found[self._seen[kind] - 1]
            self.run(FRAME_MS, sound)
        raise AssertionError(f"no {kind.__name__} in {ms_max} ms; last: {self.log[-5:]}")

    def until_quiet(self, ms_max: int = 60_000) -> Rig:
        """Run until everything we say was heard."""
        for _ in range(ms_max // FRAME_MS):
            if not self._owed and self.session.state.value in ("listening", "over"):
                return self
            self.run(FRAME_MS)
        raise AssertionError(f"still {self.session.state}")

    def answer(self, *sentences: str, done: bool = True, hang_up: bool = False) -> None:
        """The agent answers the newest turn."""
        turn = self.all(AskAgent)[-1].turn
        for sentence in sentences:
            self.tell(SentenceAllowed(turn, sentence, f"dec_{turn}"))
        if done:
            self.tell(AgentDone(turn, hang_up))

    # -- looking -----------------------------------------------------------------------------------

    def all(self, kind: type[Found]) -> list[Found]:
        return [effect for _, effect in self.log if isinstance(effect, kind)]

    def when(self, kind: type[SessionEffect]) -> list[int]:
        return [at for at, effect in self.log if isinstance(effect, kind)]

    @property
    def begun(self) -> list[str]:
        return [words.text for words in self.all(WordsBegun)]

    @property
    def heard(self) -> dict[str, str]:
        """Of what was begun, the part that is on record as heard."""
        texts = {words.utterance: words.text for words in self.all(WordsBegun)}
        return {
            texts[h.utterance]: texts[h.utterance][: h.characters] for h in self.all(WordsHeard)
        }

    @property
    def not_said(self) -> dict[str, str]:
        return {words.text: words.why.value for words in self.all(WordsNotSaid)}

    @property
    def end(self) -> EndCall | StreamOver | None:
        ends = [e for _, e in self.log if isinstance(e, EndCall | StreamOver)]
        assert len(ends) <= 1
        return ends[0] if ends else None

    # -- performing --------------------------------------------------------------------------------

    def _perform(self, effect: SessionEffect) -> None:
        self.log.append((self.now, effect))
        match effect:
            case SendSound():
                self.line.sound(effect, self.now)
            case SendMark(name):
                self.line.mark(name, self.now)
            case SendClear():
                self.line.clear(self.now)
            case Synthesise(utterance, text):
                self._speak(utterance, text)
            case StopSynthesis(utterance):
                self._owed = [
                    (at, event)
                    for at, event in self._owed
                    if getattr(event, "utterance", None) != utterance
                ]

    def _speak(self, utterance: int, text: str) -> None:
        if self.mouth_ms is None:
            return
        at = self.now + self.mouth_ms
        if text not in self.silent:
            sound = VOICE * (len(text) * MS_PER_CHARACTER // FRAME_MS)
            self._owed.append((at, SpeechMade(utterance, sound)))
        self._owed.append((at, SpeechDone(utterance)))
