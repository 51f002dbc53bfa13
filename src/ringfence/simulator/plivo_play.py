"""Plays Plivo's voice XML on one leg: elements in order, each taking its time on the carrier's clock, with
what the person does meanwhile. Follows Redirect and the actions of GetInput, Record, Dial and Stream's
end. What is not played yet (rooms, PreAnswer, GetDigits) ends the call with an alert and never goes on
in silence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from ringfence.simulator import plivo, plivo_call_webhooks
from ringfence.simulator.call_bridge import bridge
from ringfence.simulator.call_session import Key, Session, Source, Words
from ringfence.simulator.plivo_play_input import Input
from ringfence.simulator.recording_files import public_url
from ringfence.simulator.records import Webhook
from ringfence.simulator.twiml_play import HungUp, Player, Rejected
from ringfence.simulator.twiml_voice import Script, Verb

if TYPE_CHECKING:
    from ringfence.simulator.voice import Voice

END_OF_XML: Final = 4010
BUSY_LINE: Final = 3010
TURNED_AWAY: Final = 3020
NOT_PLAYED: Final = 8000
# Before these an inbound call is not answered.
_UNANSWERED: Final = frozenset(("Hangup", "Redirect"))
# What was asked, as the causes of a failure count it (7011, 8013).
_ANSWER, _ACTION, _TRANSFER, _REDIRECT = 11, 12, 13, 14
AGAIN: Final = ("Event", "Redirect")  # what is asked after the first question
_BLEG: Final = {"completed": "completed", "canceled": "cancel"}


class PlivoPlayer(Player):
    """One leg's instructions, from one source until nothing is left to do."""

    def __init__(self, voice: Voice, session: Session) -> None:
        super().__init__(voice, session)
        self._asked = _ANSWER

    async def run(self, source: Source) -> None:
        """As `Player.run`: the first source is the answer, or what the API sent the call to."""
        self._asked = _TRANSFER if AGAIN in source.fields else _ANSWER
        await super().run(source)
        if self.call.answered_at is not None:
            self.call.cause = self.call.cause or END_OF_XML

    async def _sorry(self, script: Script) -> None:
        """Plivo says nothing: the call ends, and its cause tells why."""
        assert script.error_code is not None, "only a bad script is complained about"
        self.call.cause = script.error_code + self._asked
        self.voice.alert(self.call, self.call.cause, self._url, script.error)
        raise HungUp

    async def _play(self, verbs: Sequence[Verb]) -> Source | None:
        for verb in verbs:
            if verb.name not in _UNANSWERED:
                self.voice.answer(self.session)
            following = await self._do(verb)
            if following is not None:
                return following
        return None

    async def _do(self, verb: Verb) -> Source | None:
        match verb.name:
            case "Speak" | "Play" | "Wait" | "DTMF":
                await self._prompt(verb)
            case "GetInput":
                return await self._input(verb)
            case "Record":
                return await self._record(verb)
            case "Dial":
                return await self._dial(verb)
            case "Stream":
                await self._stream(verb)
            case "Redirect":
                self._asked = _REDIRECT
                return self._to(verb.text, verb)
            case "Hangup":
                self._hang_up(verb)
            case other:
                self._give_up(f"<{other}> is not played here yet")
        return None

    def _to(self, url: str, verb: Verb, *fields: tuple[str, str]) -> Source:
        return self.source(url, verb, AGAIN, *fields)

    def _after(self, verb: Verb, *fields: tuple[str, str]) -> Source | None:
        """Where an element's action leads; without redirect it is told, and the next one follows."""
        if not verb["action"]:
            return None
        found = self._to(verb["action"], verb, *fields)
        if verb.is_true("redirect", True):
            self._asked = _ACTION
            return found
        self.voice.spawn(self._tell(found))
        return None

    async def _tell(self, source: Source) -> None:
        fields = [*plivo_call_webhooks.asking(self.call), *source.fields]
        await self.voice.post(self.call, "call", Webhook(source.url, source.method), fields)

    def _hang_up(self, verb: Verb) -> None:
        """The first thing a caller hears nothing of: the call is not even answered."""
        if verb["schedule"]:
            self._give_up("a scheduled <Hangup> is not played here yet")
        if self.call.answered_at is not None:
            raise HungUp
        busy = verb["reason"] == "busy"
        self.call.cause = BUSY_LINE if busy else TURNED_AWAY
        raise Rejected("busy" if busy else "failed")

    def _give_up(self, why: str) -> None:
        self.call.cause = NOT_PLAYED + self._asked
        self.voice.alert(self.call, self.call.cause, self._url, why)
        raise HungUp

    # -- sounds -------------------------------------------------------------------------------

    async def _prompt(self, verb: Verb) -> None:
        if verb.name == "Wait":
            await self.clock.sleep(verb.whole("length", 1))
            return
        if verb.name == "DTMF":
            await self.sound("digits", verb.text)
            return
        for _ in range(verb.whole("loop", 1) or 1):
            if verb.name == "Speak":
                await self.sound("say", verb.text)
            else:
                await self._file(verb.text)

    # -- input --------------------------------------------------------------------------------

    async def _input(self, verb: Verb) -> Source | None:
        """Prompts and input at once; a key or a word ends the prompts. Nothing in time: the next
        element follows, and nobody is told."""
        self._forget_inputs()
        fields = await Input(self, verb, self._prompts(verb.children)).collect()
        return self._after(verb, *fields) if fields else None

    # -- record -------------------------------------------------------------------------------

    async def _record(self, verb: Verb) -> Source | None:
        """What the person says until the key, a silence or the limit. It is told of in any case: what
        has no words has no file."""
        if verb["recordSession"] or verb["startOnDialAnswer"]:
            self._give_up("a session is not recorded here yet")
        if verb.is_true("playBeep", True):
            await self.sound("beep", "beep")
        self._forget_inputs()
        started, words = self.clock.now(), list[str]()
        digit = await self._message(verb, words)
        fields = self._recorded_as(verb, words, started)
        return self._after(verb, *fields, ("Digits", digit))

    async def _message(self, verb: Verb, words: list[str]) -> str:
        limit_s, started = verb.whole("maxLength", 60), self.clock.now()
        finishing = verb["finishOnKey"] or "#"
        while True:
            left_s = limit_s - (self.clock.now() - started).total_seconds()
            if left_s <= 0:
                return ""
            match await self.input(min(left_s, verb.whole("timeout", 15))):
                case None:
                    return ""
                case Key(digit) if digit == finishing:
                    return digit
                case Words(text):
                    words.append(text)
                case _:
                    pass

    def _recorded_as(
        self, verb: Verb, words: Sequence[str], started: datetime
    ) -> list[tuple[str, str]]:
        if not words:
            return [("RecordingDuration", "0")]
        told = dict(self.voice.recorded(self.call, Verb("Record"), words, started))
        fields = [
            ("RecordUrl", public_url(self.voice.exchange.address, told["RecordingSid"])),
            ("RecordingID", plivo.uuid_of(told["RecordingSid"])),
            ("RecordingDuration", told["RecordingDuration"]),
            ("RecordingDurationMs", f"{told['RecordingDuration']}000"),
        ]
        if verb["callbackUrl"]:
            hook = Webhook(verb["callbackUrl"])
            about = [*plivo_call_webhooks.asking(self.call), ("Event", "RecordStop"), *fields]
            self.voice.spawn(self._post("recording", hook, about))
        return fields

    async def _post(self, kind: str, hook: Webhook, fields: Sequence[tuple[str, str]]) -> None:
        await self.voice.post(self.call, kind, hook, fields)

    # -- dial and stream ----------------------------------------------------------------------

    async def _dial(self, verb: Verb) -> Source | None:
        numbers = [child for child in verb.children if child.name == "Number"]
        if len(numbers) != 1 or len(verb.children) != 1:
            self._give_up("one number is dialled here")
        dial = Verb("Dial", {k: verb[k] for k in ("callerId", "timeout", "timeLimit") if verb[k]})
        to = f"+{numbers[0].text.removeprefix('+')}"
        noun = Verb("Number", {"statusCallback": verb["callbackUrl"]}, to)
        noun.attributes = {**noun.attributes, "statusCallbackEvent": "answered completed"}
        told = dict(await bridge(self.voice, self.session, dial, noun))
        status = told["DialCallStatus"]
        answered = told["DialBridged"] == "true"
        return self._after(
            verb,
            ("DialStatus", _BLEG.get(status, status)),
            ("DialRingStatus", "false" if status in ("busy", "failed") else "true"),
            ("DialHangupCause", "NORMAL_CLEARING" if answered else "NO_ANSWER"),
            ("DialALegUUID", plivo_call_webhooks.uuid_of(self.call)),
            ("DialBLegUUID", plivo.uuid_of(told["DialCallSid"]) if answered else ""),
            ("DialBLegDuration", told["DialCallDuration"]),
        )

    async def _stream(self, verb: Verb) -> None:
        """Two-way sound until the application closes it. Without both attributes the call would run
        on past it, which a gateway never wants: an alert says so."""
        if not (verb.is_true("bidirectional", False) and verb.is_true("keepCallAlive", False)):
            self._give_up("a stream that does not keep the call alive is not played here")
        if verb["contentType"] != "audio/x-mulaw;rate=8000":
            self._give_up(f"sound as {verb['contentType'] or 'L16'} is not streamed here")
        pairs = [pair.partition("=") for pair in verb["extraHeaders"].split(",") if pair]
        stream = self.voice.streams.open(
            self.session,
            verb.text,
            plivo.PROVIDER,
            parameters=[(name, value) for name, _, value in pairs],
            call_id=plivo_call_webhooks.uuid_of(self.call),
        )
        try:
            await stream.over()
        finally:
            stream.stop()
