"""OpenAI, and any server that speaks as it does: a transcription session over the Realtime socket in its
generally available shape, µ-law all the way; and the speech endpoint, whose 24 kHz become µ-law here
(facts voice 1.9). Nothing here opens a socket but `hear` and `Streams`."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import orjson

from ringfence.audio.frames import silence
from ringfence.audio.g711 import pcm_bytes, pcm_to_ulaw, samples
from ringfence.audio.resample import Lowered
from ringfence.model.errors import NetError, SpeechError
from ringfence.model.voice import SpeechChoice
from ringfence.model.wire import WireRequest
from ringfence.ports.sockets import SocketClosed, Streamed
from ringfence.ports.speech import (
    Ears,
    Final,
    HeardWords,
    Hearing,
    Mouth,
    Partial,
    SpeechBegan,
    Spoken,
)
from ringfence.speech.base import (
    CHECK_LANGUAGE,
    NOT_THERE,
    SOCKET_MESSAGE_BYTES_MAX,
    TIMEOUT_S,
    TRANSCRIPT_CHARS_MAX,
    EarsKind,
    Junk,
    MouthKind,
    Turns,
    Wires,
    document,
    gone,
    refused,
    service_problems,
    socket_url,
    tame,
    tamed_hints,
    told,
    unreachable,
    within,
)
from ringfence.speech.hearing import SocketHearing, check_ears, hear
from ringfence.speech.openai_files import Transcriber
from ringfence.speech.speaking import Measure, check_mouth, speakable
from ringfence.speech.utterances import UtteranceHearing

NAME = "openai"
SERVICE = "OpenAI"
BASE_URL = "https://api.openai.com/v1"
EARS_MODEL = "gpt-4o-mini-transcribe"
MOUTH_MODEL = "gpt-4o-mini-tts"
MOUTH_VOICE = "alloy"
PCM_HZ = 24_000  # what the endpoint makes of response_format pcm
SLICE_BYTES = PCM_HZ // 1000 * 2 * 40  # 40 ms
ITEMS_MAX = 16  # transcripts under way at once
_SAMPLES = ("pcm", "l16", "raw", "octet-stream")  # names of bare samples that servers use

_HEARS = "conversation.item.input_audio_transcription."


class Transcription:
    """A transcription session. With `by_service` its voice detection commits and so ends turns;
    otherwise only our commit does. Some of its models want no detection (facts 1.9)."""

    service = SERVICE
    piece_ms = 60

    def __init__(
        self, choice: SpeechChoice, language: str, hints: Sequence[str], turns: Turns
    ) -> None:
        self._choice, self._language, self._hints, self._turns = choice, language, hints, turns
        self._words: dict[str, str] = {}  # transcripts under way, by their item
        self.ready = False

    def opening(self) -> Sequence[str | bytes]:
        heard = {
            "format": {"type": "audio/pcmu"},
            "transcription": _transcription(self._choice, self._language, self._hints),
            "turn_detection": self._detection(),
        }
        session = {"type": "transcription", "audio": {"input": heard}}
        return (_event("session.update", session=session),)

    def sound(self, sound: bytes) -> str:
        return _event("input_audio_buffer.append", audio=base64.b64encode(sound).decode())

    def finish(self) -> Sequence[str | bytes]:
        return (_event("input_audio_buffer.commit"),)

    def idle(self) -> str:
        return self.sound(b"\xff" * 160)  # a frame of silence: its socket needs none, a proxy may

    def goodbye(self) -> Sequence[str | bytes]:
        return ()

    def ended(self, closed: SocketClosed) -> SpeechError:
        return gone(SERVICE, f"it closed the socket (code {closed.code}).")

    def heard(self, message: str | bytes) -> Sequence[HeardWords]:
        said = document(message)
        match said.get("type"):
            case "session.updated":
                self.ready = True
                return ()
            case "input_audio_buffer.speech_started":
                return (SpeechBegan(),)
            case str() as kind if kind.startswith(_HEARS):
                return self._transcript(kind.removeprefix(_HEARS), said)
            case "error":
                return self._error(said)
            case str():
                return ()
            case _:
                raise Junk

    def _detection(self) -> dict[str, Any] | None:
        if not self._turns.by_service:
            return None
        return {"type": "server_vad", "silence_duration_ms": self._turns.silence_ms}

    def _transcript(self, kind: str, said: Mapping[str, Any]) -> Sequence[HeardWords]:
        item = said.get("item_id")
        if not isinstance(item, str):
            raise Junk
        match kind:
            case "delta":
                return self._delta(item, said.get("delta"))
            case "completed":
                self._words.pop(item, None)
                return (Final(tame(said.get("transcript")), turn_over=True),)
            case "failed":
                # The words are lost, not the session: their turn ends with what was heard of it.
                return (Final(tame(self._words.pop(item, "")), turn_over=True),)
            case _:
                return ()

    def _delta(self, item: str, delta: object) -> Sequence[HeardWords]:
        if not isinstance(delta, str):
            return ()
        if item not in self._words and len(self._words) >= ITEMS_MAX:
            self._words.pop(next(iter(self._words)))
        self._words[item] = (self._words.get(item, "") + delta)[:TRANSCRIPT_CHARS_MAX]
        text = tame(self._words[item])
        return (Partial(text),) if text else ()

    def _error(self, said: Mapping[str, Any]) -> Sequence[HeardWords]:
        error = said.get("error")
        if within(error, "code") == "input_audio_buffer_commit_empty":
            return (Final("", turn_over=True),)  # a turn without a word
        raise told(SERVICE, self._choice, within(error, "message"), "speech_refused")


class OpenAIEars:
    """Fulfils ports.speech.Ears. A server of one's own that has no Realtime socket is asked once, and
    given files from then on."""

    name = NAME

    def __init__(self, choice: SpeechChoice, wires: Wires, turns: Turns) -> None:
        self._choice, self._wires, self._turns = choice, wires, turns
        self._files_only = False

    async def listen(self, language: str, hints: Sequence[str] = ()) -> Hearing:
        if not self._files_only:
            try:
                return await self.open(language, hints)
            except SpeechError as error:
                if not self._choice.base_url or error.code != NOT_THERE:
                    raise
                self._files_only = True
        return UtteranceHearing(SERVICE, self._transcriber(language, hints).recognise, self._turns)

    async def open(self, language: str, hints: Sequence[str]) -> SocketHearing:
        base = self._choice.base_url or BASE_URL
        request = WireRequest(
            method="GET",
            # Without a model: an address that names one opens a conversation.
            url=socket_url(base, "/realtime", {"intent": "transcription"}),
            secret_headers=_credentials(self._choice),
            timeout_s=TIMEOUT_S,
            response_bytes_max=SOCKET_MESSAGE_BYTES_MAX,
            public_only=not self._choice.base_url,
        )
        spoken = self._choice.language or language
        dialect = Transcription(self._choice, spoken, hints, self._turns)
        return await hear(self._wires, request, dialect)

    async def check(self) -> str:
        """A server without a Realtime socket is given a moment of silence to transcribe."""
        problem = await check_ears(self, self._choice.language)
        if not problem or not self._choice.base_url:
            return problem
        try:
            hearing = await self.listen(self._choice.language, ())
            await hearing.close()
            if not self._files_only:
                return problem
            await self._transcriber(CHECK_LANGUAGE, ()).recognise(silence(500))
        except SpeechError as error:
            return str(error)
        return ""

    def _transcriber(self, language: str, hints: Sequence[str]) -> Transcriber:
        asked = _transcription(self._choice, self._choice.language or language, hints)
        fields = {**asked, "response_format": "json"}
        return Transcriber(SERVICE, self._choice, self._wires, _credentials(self._choice), fields)

    async def close(self) -> None:
        """Nothing is held: each hearing has its own socket."""


class OpenAIMouth:
    """Fulfils ports.speech.Mouth."""

    name = NAME

    def __init__(self, choice: SpeechChoice, wires: Wires) -> None:
        self._choice, self._wires, self._limits = choice, wires, wires.mouth

    async def speak(self, text: str, language: str) -> AsyncGenerator[Spoken, None]:
        request = self._request(speakable(SERVICE, text))
        measure = Measure(SERVICE, self._limits)
        try:
            async with self._wires.streams.open(request) as answer:
                await self._require_sound(answer)
                async with aclosing(_as_ulaw(answer)) as pieces:
                    async for sound in pieces:
                        measure.add(sound)
                        yield Spoken(sound)
        except NetError as error:
            raise unreachable(SERVICE, error) from None
        measure.require_sound()

    async def check(self) -> str:
        return await check_mouth(self, self._choice.language)

    async def close(self) -> None:
        """Nothing is held."""

    def _request(self, text: str) -> WireRequest:
        body = {
            "model": self._choice.model or MOUTH_MODEL,
            "voice": self._choice.voice or MOUTH_VOICE,
            "input": text,
            "response_format": "pcm",
        }
        bytes_max = self._limits.sound_ms_max * 2 * PCM_HZ // 1000
        return WireRequest(
            method="POST",
            url=(self._choice.base_url or BASE_URL).rstrip("/") + "/audio/speech",
            headers={"Content-Type": "application/json"},
            secret_headers=_credentials(self._choice),
            body=orjson.dumps(body),
            timeout_s=self._limits.stall_s,
            response_bytes_max=bytes_max,
            public_only=not self._choice.base_url,
        )

    async def _require_sound(self, answer: Streamed) -> None:
        """Raises SpeechError for an error, and for a format that would be noise in the ear."""
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not 200 <= answer.status < 300:
            words = await _error_words(answer)
            if words and answer.status not in (401, 403):
                raise told(SERVICE, self._choice, words, "speech_refused")
            raise refused(SERVICE, answer.status)
        if kind and not any(word in kind for word in _SAMPLES):
            raise gone(
                SERVICE,
                f"it answered {tame(kind, 40)} where 24 kHz samples were asked for; this server "
                "knows no response_format pcm.",
                "speech_format",
            )


async def _as_ulaw(answer: Streamed) -> AsyncGenerator[bytes, None]:
    """24 kHz samples as µ-law, however the network cut them. In a thread and slice by slice: a second of
    sound is some 40 ms of arithmetic, and the frames of other calls are due meanwhile."""
    lowered, half = Lowered(PCM_HZ), b""
    async with aclosing(answer.pieces()) as pieces:
        async for piece in pieces:
            whole = half + piece
            even = len(whole) // 2 * 2
            half = whole[even:]
            for at in range(0, even, SLICE_BYTES):
                slice_of_it = whole[at : min(even, at + SLICE_BYTES)]
                sound = await asyncio.to_thread(_lower, lowered, slice_of_it)
                if sound:
                    yield sound


def _lower(lowered: Lowered, pcm: bytes) -> bytes:
    return pcm_to_ulaw(pcm_bytes(lowered.feed(samples(pcm))))


async def _error_words(answer: Streamed) -> str:
    async with aclosing(answer.pieces()) as pieces:
        body = await anext(pieces, b"")
    try:
        return tame(within(document(body), "error", "message"), 600)
    except Junk:
        return ""


def _transcription(choice: SpeechChoice, language: str, hints: Sequence[str]) -> dict[str, str]:
    """The model, and what helps it: ISO 639 of the language, the words that may come up."""
    asked = {"model": choice.model or EARS_MODEL}
    if language:
        asked["language"] = language.partition("-")[0].lower()
    if words := tamed_hints(list(hints)):
        asked["prompt"] = ", ".join(words)
    return asked


def _credentials(choice: SpeechChoice) -> dict[str, str]:
    """None for a local server that wants none."""
    key = choice.api_key
    return {"Authorization": f"Bearer {key.reveal()}"} if key is not None else {}


def _event(kind: str, **fields: Any) -> str:
    return orjson.dumps({"type": kind, **fields}).decode()


def _problems(choice: SpeechChoice) -> tuple[str, ...]:
    return service_problems(choice, key_needed=not choice.base_url)


def _ears(choice: SpeechChoice, wires: Wires, turns: Turns) -> Ears:
    return OpenAIEars(choice, wires, turns)


def _mouth(choice: SpeechChoice, wires: Wires) -> Mouth:
    return OpenAIMouth(choice, wires)


EARS = EarsKind(NAME, _problems, _ears)
MOUTH = MouthKind(NAME, _problems, _mouth)
