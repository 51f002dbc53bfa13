"""Plays voice TwiML on one leg: verbs in order, each taking its time on the carrier's clock, with what
the person does meanwhile. Follows Redirect and the actions of Gather, Record and Dial. What is not
played yet (Start, conferences) ends the call with an alert and never goes on in silence."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

from ringfence.simulator.call_bridge import bridge
from ringfence.simulator.call_session import Key, Session, Source, Words, cancelled
from ringfence.simulator.calls import Played
from ringfence.simulator.relay import connect_relay
from ringfence.simulator.twiml_stream import connect_stream
from ringfence.simulator.twiml_voice import Script, Verb
from ringfence.simulator.webhooks import without_fragment

if TYPE_CHECKING:
    from ringfence.simulator.voice import Voice

DOCUMENTS_MAX: Final = 1_000  # of one call: a loop of redirects ends
LOOPS_MAX: Final = 100
SOUND_S: Final = 3.0  # how long any sound file is
DIGIT_S: Final = 0.25
BEEP_S: Final = 0.5
SORRY: Final = "An application error has occurred. Goodbye."
CONFIDENCE: Final = "0.92"
# Before these an inbound call is not answered (voice.md 1.2; Pause first delays the answer).
_UNANSWERED: Final = frozenset(("Reject", "Pause", "Redirect"))


class HungUp(Exception):
    """The document ended the call."""


class Rejected(Exception):
    """The document turned the call away; the status it ends with."""


class Player:
    """One leg's instructions, from one source until nothing is left to do."""

    def __init__(self, voice: Voice, session: Session) -> None:
        self.voice = voice
        self.session = session
        self.call = session.call
        self.clock = voice.clock
        self._url = ""

    async def run(self, source: Source) -> None:
        """Returns when the instructions are used up. Raises HungUp or Rejected."""
        following: Source | None = source
        for _ in range(DOCUMENTS_MAX):
            if following is None:
                return
            self._url = following.url or self._url
            script = await self.voice.script(self.call, following)
            if script.error_code is not None:
                await self._sorry(script)
                return
            following = await self._play(script.verbs)
        self.voice.alert(self.call, 11200, self._url, "too many documents in one call")

    async def _sorry(self, script: Script) -> None:
        assert script.error_code is not None, "only a bad script is complained about"
        self.voice.alert(self.call, script.error_code, self._url, script.error)
        self.voice.answer(self.session)
        await self.sound("say", SORRY)

    async def _play(self, verbs: Sequence[Verb]) -> Source | None:
        """Where to go on, if a verb says so."""
        for verb in verbs:
            if verb.name not in _UNANSWERED:
                self.voice.answer(self.session)
            following = await self._do(verb)
            if following is not None:
                return following
        return None

    async def _do(self, verb: Verb) -> Source | None:
        match verb.name:
            case "Say" | "Play" | "Pause":
                await self._prompt(verb)
            case "Gather":
                return await self._gather(verb)
            case "Record":
                return await self._record(verb)
            case "Dial":
                return await self._dial(verb)
            case "Connect" if verb.children and verb.children[0].name == "Stream":
                return await connect_stream(self, verb)
            case "Connect" if verb.children and verb.children[0].name == "ConversationRelay":
                return await connect_relay(self, verb)
            case "Redirect":
                return self.source(verb.text, verb)
            case "Hangup":
                raise HungUp
            case "Reject":
                raise Rejected("busy" if verb["reason"] == "busy" else "failed")
            case other:
                self.voice.alert(self.call, 12200, self._url, f"<{other}> is not played here yet")
                raise HungUp
        return None

    def source(self, url: str, verb: Verb, *fields: tuple[str, str]) -> Source:
        """An address as a document writes it: relative to the document's own."""
        whole = urljoin(without_fragment(self._url), url) if url else self._url
        return Source(url=whole, method=verb["method"] or "POST", fields=fields)

    # -- sounds -------------------------------------------------------------------------------

    async def _prompt(self, verb: Verb) -> None:
        if verb.name == "Pause":
            await self.clock.sleep(verb.whole("length", 1))
            return
        for _ in range(verb.whole("loop", 1) or LOOPS_MAX):
            if verb.name == "Say":
                await self.sound("say", verb.text)
            elif verb["digits"]:
                await self.sound("digits", verb["digits"])
            else:
                await self._file(verb.text)

    async def _file(self, url: str) -> None:
        if await self.voice.reaches(url):
            await self.sound("play", url)
        else:
            self.voice.alert(self.call, 11200, url, "the sound could not be fetched")

    async def sound(self, kind: str, text: str) -> None:
        """Play something out, and note how much of it was heard."""
        word_s = self.voice.behaviour.word_s
        lasts_s = {
            "say": word_s * len(text.split()),
            "digits": DIGIT_S * len(text),
            "beep": BEEP_S,
        }.get(kind, SOUND_S)
        unit_s = word_s if kind == "say" else lasts_s
        played = Played(kind, text, self.clock.now(), unit_s)
        self.call.played.append(played)
        self.voice.tell_phone(self.call)
        end = played.started_at
        try:
            await self.clock.sleep(lasts_s)
            # A clock may wake a sleeper a moment early: the last word was heard all the same.
            end += timedelta(seconds=lasts_s)
        finally:
            played.ended_at = max(end, self.clock.now())
            self.voice.tell_phone(self.call)

    # -- gather -------------------------------------------------------------------------------

    async def _gather(self, verb: Verb) -> Source | None:
        """Prompts and input at once; a key ends the prompts, words do unless bargeIn is false."""
        self._forget_inputs()
        prompts = asyncio.ensure_future(self._prompts(verb.children))
        try:
            fields = await _Gathering(self, verb, prompts).collect()
        finally:
            await cancelled(prompts)
        if fields or verb.is_true("actionOnEmptyResult", False):
            return self.source(verb["action"], verb, *(fields or [("Digits", "")]))
        return None

    async def _prompts(self, verbs: Sequence[Verb]) -> None:
        for verb in verbs:
            await self._prompt(verb)

    def _forget_inputs(self) -> None:
        while not self.session.inputs.empty():
            self.session.inputs.get_nowait()

    async def input(self, timeout_s: float) -> Key | Words | None:
        """The next thing the person does, or None after that much quiet."""
        quiet = asyncio.ensure_future(self.clock.sleep(timeout_s))
        try:
            return await self.input_before(quiet)
        finally:
            await cancelled(quiet)

    async def input_before(self, other: asyncio.Future[None]) -> Key | Words | None:
        """The next thing the person does, or None when `other` is done first."""
        getting = asyncio.ensure_future(self.session.inputs.get())
        waited: set[asyncio.Future[Any]] = {getting, other}
        try:
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            return getting.result() if getting.done() else None
        finally:
            await cancelled(getting)

    # -- record -------------------------------------------------------------------------------

    async def _record(self, verb: Verb) -> Source | None:
        """What the person says until a key, a silence, the limit or the end of the call. Nothing
        said: no recording, and the next verb follows."""
        if verb.is_true("playBeep", True):
            await self.sound("beep", "beep")
        self._forget_inputs()
        started, words, digit = self.clock.now(), list[str](), ""
        try:
            digit = await self._listen_for_message(verb, words)
        except asyncio.CancelledError:
            if words and self.session.ending:
                recorded = self._recorded(verb, words, started, "hangup")
                self.session.owed.append(recorded)
            raise
        if not words and not digit:
            return None
        return self._recorded(verb, words, started, digit)

    async def _listen_for_message(self, verb: Verb, words: list[str]) -> str:
        limit_s, finishing = verb.whole("maxLength", 3600), verb["finishOnKey"] or "1234567890*#"
        started = self.clock.now()
        while True:
            left_s = limit_s - (self.clock.now() - started).total_seconds()
            if left_s <= 0:
                return ""
            found = await self.input(min(left_s, verb.whole("timeout", 5)))
            match found:
                case None:
                    return ""
                case Key(digit) if digit in finishing:
                    return digit
                case Words(text):
                    words.append(text)
                case _:
                    pass

    def _recorded(self, verb: Verb, words: list[str], started: datetime, digit: str) -> Source:
        fields = self.voice.recorded(self.call, verb, words, started)
        return self.source(verb["action"], verb, *fields, ("Digits", digit))

    # -- dial ---------------------------------------------------------------------------------

    async def _dial(self, verb: Verb) -> Source | None:
        numbers = [child for child in verb.children if child.name == "Number"]
        number = numbers[0].text if len(numbers) == 1 else verb.text
        if not number or len(numbers) > 1:
            self.voice.alert(self.call, 12200, self._url, "one number is dialled here, no room")
            raise HungUp
        noun = numbers[0] if numbers else Verb("Number", text=number)
        if noun["url"]:
            self.voice.alert(self.call, 12200, self._url, "a whisper is not played here yet")
        fields = await bridge(self.voice, self.session, verb, noun)
        return self.source(verb["action"], verb, *fields) if verb["action"] else None


class _Gathering:
    """One Gather's input."""

    def __init__(self, player: Player, verb: Verb, prompts: asyncio.Future[None]) -> None:
        self._player, self._verb, self._prompts = player, verb, prompts
        kinds = (verb["input"] or "dtmf").split()
        self._keys, self._words = "dtmf" in kinds, "speech" in kinds
        given = verb.attributes.get("finishOnKey")
        self._finishing = "#" if given is None else given
        self._count = verb.whole("numDigits", 0)

    async def collect(self) -> list[tuple[str, str]]:
        """The fields to post; none when nothing came."""
        digits = ""
        while True:
            found = await self._next()
            match found:
                case None:
                    return self._digits(digits, "")
                case Words(text):
                    return [("SpeechResult", text), ("Confidence", CONFIDENCE)]
                case Key(digit) if digit and digit in self._finishing:
                    return self._digits(digits, digit)
                case Key(digit):
                    digits += digit
                    if len(digits) == self._count:
                        return self._digits(digits, "")

    def _digits(self, digits: str, finished_on: str) -> list[tuple[str, str]]:
        if not digits:
            return []
        return [("Digits", digits), *([("FinishedOnKey", finished_on)] if finished_on else [])]

    async def _next(self) -> Key | Words | None:
        """The next input that counts. While the prompts sound there is no time to run out."""
        while not self._prompts.done():
            found = await self._player.input_before(self._prompts)
            if found is not None and self._counts(found, sounding=True):
                await cancelled(self._prompts)
                return found
        if not self._prompts.cancelled():
            await self._prompts
        while True:
            found = await self._player.input(self._verb.whole("timeout", 5))
            if found is None or self._counts(found, sounding=False):
                return found

    def _counts(self, found: Key | Words, *, sounding: bool) -> bool:
        if isinstance(found, Key):
            return self._keys
        return self._words and (not sounding or self._verb.is_true("bargeIn", True))
