"""Deepgram on loopback: /v1/listen, /v2/listen (Flux) and /v1/speak as its published message types have
them (facts voice 1.11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from aiohttp import web

from ringfence.simulator.speech import (
    KEY,
    Bye,
    Heard,
    Said,
    Script,
    ScriptedEar,
    SpeechFaults,
    SpeechSession,
    Talker,
    pieces_of,
    text_of,
    tone_of,
)

REQUEST_ID = "00000000-0000-4000-8000-000000000001"
MODEL = {"name": "simulated", "version": "1", "arch": "none"}


class DeepgramVendor:
    """Wants µ-law at 8 kHz, as a telephone has it."""

    def __init__(self, key: str = KEY) -> None:
        self._key = key

    def refusal(self, session: SpeechSession) -> int | None:
        if session.headers.get("authorization") != f"Token {self._key}":
            return 401
        if session.path not in ("/v1/listen", "/v2/listen", "/v1/speak"):
            return 404
        sound = (session.query.get("encoding"), session.query.get("sample_rate"))
        return None if sound == (["mulaw"], ["8000"]) and session.query.get("model") else 400

    def talker(self, session: SpeechSession, script: Script, faults: SpeechFaults) -> Talker:
        if session.path == "/v1/listen":
            return _Nova(script, endpointing=session.query.get("endpointing") != ["false"])
        if session.path == "/v2/listen":
            return _Flux(script)
        return _Aura(faults)

    async def answer(
        self, request: web.Request, session: SpeechSession, faults: SpeechFaults
    ) -> web.StreamResponse | None:
        return None


class _Nova:
    def __init__(self, script: Script, *, endpointing: bool) -> None:
        self._ear = ScriptedEar(script, ends=endpointing)

    def opened(self) -> Sequence[Said]:
        return ()

    def error(self) -> Sequence[Said]:
        words = {
            "type": "Error",
            "variant": "SIMULATED",
            "description": "it went wrong",
            "message": "",
        }
        return (text_of(words), Bye(1011, "NET-0000"))

    def took(self, message: str | bytes) -> Sequence[Said]:
        if isinstance(message, bytes):
            return [said for heard in self._ear.feed(message) for said in self._says(heard)]
        match orjson.loads(message).get("type"):
            case "Finalize":
                heard = self._ear.finish()
                text = heard[0].text if heard else ""
                return (self._results(text, is_final=True, from_finalize=True),)
            case "CloseStream":
                return (Bye(),)
            case "KeepAlive":
                return ()
            case _:
                return (Bye(1008, "DATA-0000"),)

    def _says(self, heard: Heard) -> list[Said]:
        if heard.kind == "began":
            started = {"type": "SpeechStarted", "channel": [0, 1], "timestamp": heard.at_ms / 1000}
            return [text_of(started)]
        if heard.kind == "partial":
            return [self._results(heard.text)]
        return [self._results(heard.text, is_final=True, speech_final=True)]

    def _results(self, text: str, *, is_final: bool = False, **more: bool) -> str:
        words = [
            {"word": word, "start": 0.0, "end": 0.0, "confidence": 0.9, "punctuated_word": word}
            for word in text.split()
        ]
        best = {"transcript": text, "confidence": 0.9 if text else 0.0, "words": words}
        return text_of(
            {
                "type": "Results",
                "channel_index": [0, 1],
                "duration": 1.0,
                "start": 0.0,
                "is_final": is_final,
                "speech_final": more.get("speech_final", False),
                "from_finalize": more.get("from_finalize", False),
                "channel": {"alternatives": [best]},
                "metadata": {
                    "request_id": REQUEST_ID,
                    "model_info": MODEL,
                    "model_uuid": REQUEST_ID,
                },
            }
        )


class _Flux:
    def __init__(self, script: Script) -> None:
        self._ear = ScriptedEar(script)
        self._sequence = 0
        self._turn = 0

    def opened(self) -> Sequence[Said]:
        return (self._message("Connected"),)

    def error(self) -> Sequence[Said]:
        return (
            self._message("Error", code="SIMULATED", description="it went wrong"),
            Bye(1011, "NET-0000"),
        )

    def took(self, message: str | bytes) -> Sequence[Said]:
        if isinstance(message, bytes):
            return [self._says(heard) for heard in self._ear.feed(message)]
        match orjson.loads(message).get("type"):
            case "ForceEndTurn":
                ended = self._ear.finish() or [Heard("ended")]
                return [self._says(heard) for heard in ended]
            case "CloseStream":
                return (Bye(),)
            case _:
                return (self._message("Error", code="UNPARSABLE", description="no such message"),)

    def _says(self, heard: Heard) -> str:
        events = {"began": "StartOfTurn", "partial": "Update", "ended": "EndOfTurn"}
        said = self._message(
            "TurnInfo",
            event=events[heard.kind],
            turn_index=self._turn,
            audio_window_start=0.0,
            audio_window_end=heard.at_ms / 1000,
            transcript=heard.text,
            words=[{"word": word, "confidence": 0.9} for word in heard.text.split()],
            end_of_turn_confidence=0.9 if heard.kind == "ended" else 0.1,
        )
        self._turn += heard.kind == "ended"
        return said

    def _message(self, kind: str, **fields: Any) -> str:
        said = text_of(
            {"type": kind, "request_id": REQUEST_ID, "sequence_id": self._sequence, **fields}
        )
        self._sequence += 1
        return said


class _Aura:
    def __init__(self, faults: SpeechFaults) -> None:
        self._faults = faults
        self._text = ""
        self._flushes = 0

    def opened(self) -> Sequence[Said]:
        names = {"model_name": "simulated", "model_version": "1", "model_uuid": REQUEST_ID}
        return (text_of({"type": "Metadata", "request_id": REQUEST_ID, **names}),)

    def error(self) -> Sequence[Said]:
        words = {"type": "Error", "description": "it went wrong", "code": "SIMULATED"}
        return (text_of(words), Bye(1011, "NET-0000"))

    def took(self, message: str | bytes) -> Sequence[Said]:
        said = orjson.loads(message) if isinstance(message, str) else {}
        match said.get("type"):
            case "Speak":
                self._text += said["text"]
                return ()
            case "Flush":
                return self._flush()
            case "Clear":
                self._text = ""
                return (text_of({"type": "Cleared", "sequence_id": self._flushes}),)
            case "Close":
                return (Bye(),)
            case _:
                return (Bye(1008, "DATA-0000"),)

    def _flush(self) -> list[Said]:
        text, self._text = self._text, ""
        flushed = text_of({"type": "Flushed", "sequence_id": self._flushes})
        self._flushes += 1
        if self._faults.soundless:
            return [flushed]
        sound: list[Said] = list(pieces_of(tone_of(text)))
        stops = self._faults.stalls_after
        return [*sound, flushed] if stops is None else sound[:stops]
