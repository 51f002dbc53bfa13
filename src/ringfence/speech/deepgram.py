"""Deepgram: Nova and Flux hear, Aura speaks, µ-law at 8 kHz both ways (facts voice 1.11). The model says
which: one whose name begins with `flux` is heard by v2 with its own turn detection. Nothing here opens a
socket but `hear` and `say`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import orjson

from ringfence.audio.frames import silence
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
    share,
    socket_url,
    tame,
    tamed_hints,
    told,
    within,
)
from ringfence.speech.hearing import EarDialect, SocketHearing, check_ears, hear
from ringfence.speech.speaking import DONE, Done, check_mouth, say, speakable

NAME = "deepgram"
SERVICE = "Deepgram"
BASE_URL = "https://api.deepgram.com"
EARS_MODEL = "nova-3"
MOUTH_MODEL = "aura-2-thalia-en"
# Its default of 10 ms ends a turn at every breath (facts 1.11).
ENDPOINTING_MS = 300
UTTERANCE_END_MS = 1_000  # the least it takes
_SOUND = {"encoding": "mulaw", "sample_rate": "8000"}

_CLOSED = {
    "DATA-0000": "it could not read what we sent as sound.",
    "BIG-0000": "what we sent was too large for it.",
    "BIG-0001": "these are too many words for it at once.",
    "NET-0000": "it failed inside.",
    "NET-0001": "it heard nothing from us for too long.",
    "NET-0002": "it could not send.",
    "NET-0003": "its time limit is over.",
}


def _ended(closed: SocketClosed) -> SpeechError:
    known = next((words for name, words in _CLOSED.items() if name in closed.reason), "")
    return gone(SERVICE, known or f"it closed the socket (code {closed.code}).")


class Nova:
    """/v1/listen. Words of one turn come in several Finals; the one with `speech_final`, the end of an
    utterance, or the answer to Finalize ends it."""

    service = SERVICE
    piece_ms = 60
    ready = True  # it greets nobody: settings are in the address, and refused with it

    def __init__(self, choice: SpeechChoice) -> None:
        self._choice = choice
        self._said = False  # words of a turn that is not over

    def opening(self) -> Sequence[str | bytes]:
        return ()

    def sound(self, sound: bytes) -> bytes:
        return sound

    def finish(self) -> Sequence[str | bytes]:
        return (_control("Finalize"),)

    def idle(self) -> str:
        return _control("KeepAlive")

    def goodbye(self) -> Sequence[str | bytes]:
        return (_control("CloseStream"),)

    def ended(self, closed: SocketClosed) -> SpeechError:
        return _ended(closed)

    def heard(self, message: str | bytes) -> Sequence[HeardWords]:
        said = document(message)
        match said.get("type"):
            case "Results":
                return self._results(said)
            case "SpeechStarted":
                return (SpeechBegan(),)
            case "UtteranceEnd":
                return self._over("") if self._said else ()
            case "Error":
                raise _error(self._choice, said)
            case str():
                return ()
            case _:
                raise Junk

    def _results(self, said: Mapping[str, Any]) -> Sequence[HeardWords]:
        best = within(said, "channel", "alternatives", 0)
        text = tame(within(best, "transcript"))
        if said.get("is_final") is not True:
            return (Partial(text),) if text else ()
        sure = share(within(best, "confidence")) if text else None
        if said.get("from_finalize") is True or (
            said.get("speech_final") is True and (text or self._said)
        ):
            return self._over(text, sure)
        if not text:
            return ()
        self._said = True
        return (Final(text, confidence=sure),)

    def _over(self, text: str, sure: float | None = None) -> Sequence[HeardWords]:
        self._said = False
        return (Final(text, turn_over=True, confidence=sure),)


class Flux:
    """/v2/listen. A turn is heard as a whole: Partials of all of it, one Final at its end."""

    service = SERVICE
    piece_ms = 80  # what its documentation asks for

    def __init__(self, choice: SpeechChoice) -> None:
        self._choice = choice
        self.ready = False

    def opening(self) -> Sequence[str | bytes]:
        return ()

    def sound(self, sound: bytes) -> bytes:
        return sound

    def finish(self) -> Sequence[str | bytes]:
        return (_control("ForceEndTurn"),)

    def idle(self) -> bytes:
        return silence(self.piece_ms)  # it knows no KeepAlive

    def goodbye(self) -> Sequence[str | bytes]:
        return (_control("CloseStream"),)

    def ended(self, closed: SocketClosed) -> SpeechError:
        return _ended(closed)

    def heard(self, message: str | bytes) -> Sequence[HeardWords]:
        said = document(message)
        match said.get("type"):
            case "Connected":
                self.ready = True
                return ()
            case "TurnInfo":
                return self._turn(said)
            case "Error" | "ConfigureFailure":
                raise _error(self._choice, said)
            case str():
                return ()
            case _:
                raise Junk

    def _turn(self, said: Mapping[str, Any]) -> Sequence[HeardWords]:
        text = tame(said.get("transcript"))
        words = (Partial(text),) if text else ()
        match said.get("event"):
            case "StartOfTurn":
                return (SpeechBegan(), *words)
            case "EndOfTurn":
                sure = share(said.get("end_of_turn_confidence"))
                return (Final(text, turn_over=True, confidence=sure),)
            case "Update" | "EagerEndOfTurn" | "TurnResumed":
                return words
            case _:
                return ()


class DeepgramEars:
    """Fulfils ports.speech.Ears."""

    name = NAME

    def __init__(self, choice: SpeechChoice, wires: Wires, turns: Turns) -> None:
        self._choice, self._wires, self._turns = choice, wires, turns
        self._model = choice.model or EARS_MODEL

    async def listen(self, language: str, hints: Sequence[str] = ()) -> Hearing:
        return await self.open(language, hints)

    async def open(self, language: str, hints: Sequence[str]) -> SocketHearing:
        spoken = self._choice.language or language
        words = tamed_hints(list(hints))
        if self._model.startswith("flux"):
            path, query = "/v2/listen", self._flux(spoken, words)
            dialect: EarDialect = Flux(self._choice)
        else:
            path, query = "/v1/listen", self._nova(spoken, words)
            dialect = Nova(self._choice)
        request = _request(self._choice, path, query)
        return await hear(self._wires, request, dialect)

    async def check(self) -> str:
        return await check_ears(self, self._choice.language)

    async def close(self) -> None:
        """Nothing is held: each hearing has its own socket."""

    def _nova(self, language: str, hints: Sequence[str]) -> dict[str, Any]:
        pause_ms = self._turns.silence_ms if self._turns.by_service else ENDPOINTING_MS
        query: dict[str, Any] = {
            "model": self._model,
            **_SOUND,
            "channels": "1",
            "interim_results": "true",
            "endpointing": str(pause_ms),
            "utterance_end_ms": str(max(UTTERANCE_END_MS, pause_ms)),
            "vad_events": "true",
            "smart_format": "true",
            "punctuate": "true",
        }
        if language:
            query["language"] = language
        if hints:
            # Only Nova-3 knows key terms; the older ones have weighted words.
            query["keyterm" if self._model.startswith("nova-3") else "keywords"] = list(hints)
        return query

    def _flux(self, language: str, hints: Sequence[str]) -> dict[str, Any]:
        query: dict[str, Any] = {"model": self._model, **_SOUND}
        if self._model.endswith("-multi") and language:
            query["language_hint"] = language.partition("-")[0]
        if hints:
            query["keyterm"] = list(hints)
        return query


class Aura:
    """/v1/speak, one utterance."""

    service = SERVICE

    def __init__(self, choice: SpeechChoice, text: str) -> None:
        self._choice, self._text = choice, text

    def opening(self) -> Sequence[str | bytes]:
        said = orjson.dumps({"type": "Speak", "text": self._text}).decode()
        return (said, _control("Flush"))

    def made(self, message: str | bytes) -> Spoken | Done | None:
        if isinstance(message, bytes):
            return Spoken(message) if message else None
        said = document(message)
        match said.get("type"):
            case "Flushed":
                return DONE
            case "Error":
                raise _error(self._choice, said)
            case str():
                return None
            case _ if "error_message" in said:
                raise _error(self._choice, said)
            case _:
                raise Junk

    def ended(self, closed: SocketClosed) -> SpeechError:
        return _ended(closed)


class DeepgramMouth:
    """Fulfils ports.speech.Mouth. A socket for each utterance: it takes no more than 20 Flush a minute
    on one."""

    name = NAME

    def __init__(self, choice: SpeechChoice, wires: Wires) -> None:
        self._choice, self._wires = choice, wires
        # The voice is part of the model's name.
        self._model = choice.voice or choice.model or MOUTH_MODEL

    async def speak(self, text: str, language: str) -> AsyncGenerator[Spoken, None]:
        line = speakable(SERVICE, text)
        request = _request(self._choice, "/v1/speak", {"model": self._model, **_SOUND})
        dialect = Aura(self._choice, line)
        async with aclosing(say(self._wires, request, dialect)) as pieces:
            async for spoken in pieces:
                yield spoken

    async def check(self) -> str:
        return await check_mouth(self, self._choice.language)

    async def close(self) -> None:
        """Nothing is held."""


def _request(choice: SpeechChoice, path: str, query: Mapping[str, Any]) -> WireRequest:
    assert choice.api_key is not None, "problems() asks for it"
    return WireRequest(
        method="GET",
        url=socket_url(choice.base_url or BASE_URL, path, query),
        secret_headers={"Authorization": f"Token {choice.api_key.reveal()}"},
        timeout_s=TIMEOUT_S,
        response_bytes_max=SOCKET_MESSAGE_BYTES_MAX,
        public_only=not choice.base_url,
    )


def _control(kind: str) -> str:
    return orjson.dumps({"type": kind}).decode()


def _error(choice: SpeechChoice, said: Mapping[str, Any]) -> SpeechError:
    words = said.get("description") or said.get("error_message") or said.get("message")
    return told(SERVICE, choice, words, "speech_refused")


def _problems(choice: SpeechChoice) -> tuple[str, ...]:
    return service_problems(choice, key_needed=True)


def _ears(choice: SpeechChoice, wires: Wires, turns: Turns) -> Ears:
    return DeepgramEars(choice, wires, turns)


def _mouth(choice: SpeechChoice, wires: Wires) -> Mouth:
    return DeepgramMouth(choice, wires)


EARS = EarsKind(NAME, _problems, _ears)
MOUTH = MouthKind(NAME, _problems, _mouth)
