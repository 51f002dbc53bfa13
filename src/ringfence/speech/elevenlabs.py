"""ElevenLabs: Scribe hears in real time, the stream-input socket speaks with the time of each letter;
µ-law at 8 kHz both ways (facts voice 1.12). Nothing here opens a socket but `hear` and `say`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

import orjson

from ringfence.audio.frames import lasting_ms, silence
from ringfence.model.errors import SpeechError
from ringfence.model.voice import SpeechChoice
from ringfence.model.wire import WireRequest
from ringfence.ports.sockets import SocketClosed
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
    SOCKET_MESSAGE_BYTES_MAX,
    TIMEOUT_S,
    EarsKind,
    Junk,
    MouthKind,
    Turns,
    Wires,
    document,
    gone,
    service_problems,
    socket_url,
    tame,
    tamed_hints,
    told,
)
from ringfence.speech.hearing import SocketHearing, check_ears, hear
from ringfence.speech.speaking import DONE, Done, check_mouth, say, speakable

NAME = "elevenlabs"
SERVICE = "ElevenLabs"
BASE_URL = "https://api.elevenlabs.io"
EARS_MODEL = "scribe_v2_realtime"
MOUTH_MODEL = "eleven_flash_v2_5"
_SOUND = "ulaw_8000"
# What its voice detection takes for the silence that ends a turn (its SDK's bounds).
SILENCE_S_MIN, SILENCE_S_MAX = 0.3, 3.0
LETTERS_MAX = 10_000

# A commit it will not do: too soon after the last, or without enough sound. The socket stays open.
_NOTHING_TO_COMMIT = frozenset({"commit_throttled", "insufficient_audio_activity"})
_REFUSALS = {
    "auth_error": "it refuses the key; check apiKey and its rights.",
    "quota_exceeded": "the account's quota is used up; top it up.",
    "unaccepted_terms": "its terms wait to be accepted in its own console.",
    "unaccepted_terms_error": "its terms wait to be accepted in its own console.",
    "rate_limited": "it takes no more at once; check the account's limits.",
    "resource_exhausted": "it has no room at the moment.",
    "queue_overflow": "it does not keep up with the sound.",
    "session_time_limit_exceeded": "its time limit for one hearing is over.",
}
_FAULTS = frozenset(
    {"error", "transcriber_error", "input_error", "invalid_request", "chunk_size_exceeded"}
)


class Scribe:
    """/v1/speech-to-text/realtime. A committed transcript is a turn's: nothing is committed but by its
    voice detection or by us."""

    service = SERVICE
    piece_ms = 60

    def __init__(self, choice: SpeechChoice) -> None:
        self._choice = choice
        self._speaking = False
        self.ready = False

    def opening(self) -> Sequence[str | bytes]:
        return ()

    def sound(self, sound: bytes) -> str:
        return _chunk(sound)

    def finish(self) -> Sequence[str | bytes]:
        return (_chunk(b"", commit=True),)

    def idle(self) -> str:
        return _chunk(silence(20))  # it closes after some 15 s without sound

    def goodbye(self) -> Sequence[str | bytes]:
        return ()

    def ended(self, closed: SocketClosed) -> SpeechError:
        return gone(SERVICE, f"it closed the socket (code {closed.code}).")

    def heard(self, message: str | bytes) -> Sequence[HeardWords]:
        said = document(message)
        match said.get("message_type"):
            case "session_started":
                self.ready = True
                return ()
            case "partial_transcript":
                return self._partial(tame(said.get("text")))
            case "committed_transcript":
                self._speaking = False
                return (Final(tame(said.get("text")), turn_over=True),)
            case str() as kind if kind in _NOTHING_TO_COMMIT:
                return (Final("", turn_over=True),)
            case str() as kind:
                self._refuse(kind, said)
                return ()
            case _:
                raise Junk

    def _partial(self, text: str) -> Sequence[HeardWords]:
        if not text:
            return ()
        began = () if self._speaking else (SpeechBegan(),)
        self._speaking = True
        return (*began, Partial(text))

    def _refuse(self, kind: str, said: Mapping[str, Any]) -> None:
        if kind in _REFUSALS:
            raise gone(SERVICE, _REFUSALS[kind], "speech_refused")
        if kind in _FAULTS:
            raise told(SERVICE, self._choice, said.get("error"), "speech_refused")


class ElevenLabsEars:
    """Fulfils ports.speech.Ears."""

    name = NAME

    def __init__(self, choice: SpeechChoice, wires: Wires, turns: Turns) -> None:
        self._choice, self._wires, self._turns = choice, wires, turns

    async def listen(self, language: str, hints: Sequence[str] = ()) -> Hearing:
        return await self.open(language, hints)

    async def open(self, language: str, hints: Sequence[str]) -> SocketHearing:
        request = _request(
            self._choice,
            "/v1/speech-to-text/realtime",
            self._query(self._choice.language or language, tamed_hints(list(hints))),
        )
        return await hear(self._wires, request, Scribe(self._choice))

    async def check(self) -> str:
        return await check_ears(self, self._choice.language)

    async def close(self) -> None:
        """Nothing is held: each hearing has its own socket."""

    def _query(self, language: str, hints: Sequence[str]) -> dict[str, Any]:
        query: dict[str, Any] = {
            "model_id": self._choice.model or EARS_MODEL,
            "audio_format": _SOUND,
            "commit_strategy": "vad" if self._turns.by_service else "manual",
        }
        if self._turns.by_service:
            silence_s = min(SILENCE_S_MAX, max(SILENCE_S_MIN, self._turns.silence_ms / 1000))
            query["vad_silence_threshold_secs"] = f"{silence_s:g}"
        if language:
            query["language_code"] = _bare(language)
        if hints:
            query["keyterms"] = list(hints)
        return query


class StreamInput:
    """/v1/text-to-speech/{voice}/stream-input, one utterance: its text at once, then the empty text
    that ends it. Letter times count from the piece of sound they come with."""

    service = SERVICE

    def __init__(self, choice: SpeechChoice, text: str) -> None:
        self._choice, self._text = choice, text
        self._sound_ms = 0

    def opening(self) -> Sequence[str | bytes]:
        texts: list[dict[str, Any]] = [{"text": " "}, {"text": self._text + " "}, {"text": ""}]
        return [orjson.dumps(one).decode() for one in texts]

    def made(self, message: str | bytes) -> Spoken | Done | None:
        said = document(message)
        if said.get("error") is not None or "code" in said:
            words = said.get("message") or said.get("error")
            raise told(SERVICE, self._choice, words, "speech_refused")
        audio = said.get("audio")
        if isinstance(audio, str) and audio:
            return self._spoken(audio, said.get("alignment"))
        if said.get("isFinal") is True:
            return DONE
        if "audio" not in said and "isFinal" not in said:
            raise Junk
        return None

    def ended(self, closed: SocketClosed) -> SpeechError | None:
        if closed.code == 1000:
            return None
        return told(SERVICE, self._choice, closed.reason, "speech_gone")

    def _spoken(self, audio: str, alignment: object) -> Spoken:
        try:
            sound = base64.b64decode(audio, validate=True)
        except (binascii.Error, ValueError):
            raise Junk from None
        letters, times = _letters(alignment, self._sound_ms)
        self._sound_ms += lasting_ms(sound)
        return Spoken(sound, letters, times)


class ElevenLabsMouth:
    """Fulfils ports.speech.Mouth. A socket for each utterance, as this endpoint wants it."""

    name = NAME

    def __init__(self, choice: SpeechChoice, wires: Wires) -> None:
        self._choice, self._wires = choice, wires

    async def speak(self, text: str, language: str) -> AsyncGenerator[Spoken, None]:
        line = speakable(SERVICE, text)
        request = _request(
            self._choice,
            f"/v1/text-to-speech/{quote(self._choice.voice, safe='')}/stream-input",
            self._query(self._choice.language or language),
        )
        dialect = StreamInput(self._choice, line)
        async with aclosing(say(self._wires, request, dialect)) as pieces:
            async for spoken in pieces:
                yield spoken

    async def check(self) -> str:
        return await check_mouth(self, self._choice.language)

    async def close(self) -> None:
        """Nothing is held."""

    def _query(self, language: str) -> dict[str, str]:
        model = self._choice.model or MOUTH_MODEL
        # auto_mode: no waiting for more text before sound is made, since ours are whole sentences.
        query = {
            "model_id": model,
            "output_format": _SOUND,
            "auto_mode": "true",
            "sync_alignment": "true",
        }
        if language and model.endswith("_v2_5"):
            query["language_code"] = _bare(language)  # the other models refuse the word
        return query


def _letters(alignment: object, from_ms: int) -> tuple[str, tuple[int, ...]]:
    """Letters and when they begin; neither where the two do not fit. Both spellings of the keys are in
    use."""
    if not isinstance(alignment, dict):
        return "", ()
    letters = alignment.get("chars")
    times = alignment.get("charStartTimesMs") or alignment.get("char_start_times_ms")
    if not isinstance(letters, list) or not isinstance(times, list):
        return "", ()
    fits = len(letters) == len(times) <= LETTERS_MAX
    whole = all(isinstance(one, str) and len(one) == 1 for one in letters)
    timed = all(isinstance(at, int | float) and 0 <= at < 1e7 for at in times)
    if not (fits and whole and timed):
        return "", ()
    return "".join(letters), tuple(from_ms + int(at) for at in times)


def _request(choice: SpeechChoice, path: str, query: Mapping[str, Any]) -> WireRequest:
    assert choice.api_key is not None, "problems() asks for it"
    return WireRequest(
        method="GET",
        url=socket_url(choice.base_url or BASE_URL, path, query),
        secret_headers={"xi-api-key": choice.api_key.reveal()},
        timeout_s=TIMEOUT_S,
        response_bytes_max=SOCKET_MESSAGE_BYTES_MAX,
        public_only=not choice.base_url,
    )


def _chunk(sound: bytes, *, commit: bool = False) -> str:
    return orjson.dumps(
        {
            "message_type": "input_audio_chunk",
            "audio_base_64": base64.b64encode(sound).decode(),
            "commit": commit,
            "sample_rate": 8000,
        }
    ).decode()


def _bare(language: str) -> str:
    """ISO 639 without the region, which is all it takes."""
    return language.partition("-")[0].lower()


def _mouth_problems(choice: SpeechChoice) -> tuple[str, ...]:
    problems = service_problems(choice, key_needed=True)
    if not choice.voice:
        problems = (*problems, "voice: expected the id of a voice of the account")
    return problems


def _ears_problems(choice: SpeechChoice) -> tuple[str, ...]:
    return service_problems(choice, key_needed=True)


def _ears(choice: SpeechChoice, wires: Wires, turns: Turns) -> Ears:
    return ElevenLabsEars(choice, wires, turns)


def _mouth(choice: SpeechChoice, wires: Wires) -> Mouth:
    return ElevenLabsMouth(choice, wires)


EARS = EarsKind(NAME, _ears_problems, _ears)
MOUTH = MouthKind(NAME, _mouth_problems, _mouth)
