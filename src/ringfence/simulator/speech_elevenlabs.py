"""ElevenLabs on loopback: Scribe in real time and the stream-input socket, with the time of each letter
counted from its own piece of sound (facts voice 1.12)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import orjson
from aiohttp import web

from ringfence.simulator.speech import (
    KEY,
    LETTER_MS,
    Bye,
    Said,
    Script,
    ScriptedEar,
    SpeechFaults,
    SpeechSession,
    Talker,
    text_of,
    tone_of,
)

HEARS = "/v1/speech-to-text/realtime"
LETTERS_AT_ONCE = 5
COMMIT_MS_MIN = 300  # it refuses to commit less


class ElevenLabsVendor:
    """Wants and makes `ulaw_8000`."""

    def __init__(self, key: str = KEY) -> None:
        self._key = key

    def refusal(self, session: SpeechSession) -> int | None:
        if session.headers.get("xi-api-key") != self._key:
            return 401
        if session.path == HEARS:
            return None if session.query.get("audio_format") == ["ulaw_8000"] else 400
        if session.path.startswith("/v1/text-to-speech/") and session.path.endswith(
            "/stream-input"
        ):
            return None if session.query.get("output_format") == ["ulaw_8000"] else 400
        return 404

    def talker(self, session: SpeechSession, script: Script, faults: SpeechFaults) -> Talker:
        if session.path == HEARS:
            return _Scribe(session, script)
        return _StreamInput(faults)

    async def answer(
        self, request: web.Request, session: SpeechSession, faults: SpeechFaults
    ) -> web.StreamResponse | None:
        return None


class _Scribe:
    def __init__(self, session: SpeechSession, script: Script) -> None:
        self._session = session
        self._by_voice = session.query.get("commit_strategy") == ["vad"]
        self._ear = ScriptedEar(script, ends=self._by_voice)
        self._uncommitted_ms = 0

    def opened(self) -> Sequence[Said]:
        config = {"sample_rate": 8000, "audio_format": "ulaw_8000"}
        return (self._message("session_started", session_id="simulated", config=config),)

    def error(self) -> Sequence[Said]:
        return (self._message("transcriber_error", error="it went wrong"), Bye(1011))

    def took(self, message: str | bytes) -> Sequence[Said]:
        chunk = orjson.loads(message) if isinstance(message, str) else {}
        if chunk.get("message_type") != "input_audio_chunk" or chunk.get("sample_rate") != 8000:
            return (self._message("input_error", error="no such message"), Bye(1008))
        sound = base64.b64decode(chunk["audio_base_64"])
        self._session.sound += sound
        self._uncommitted_ms += len(sound) // 8
        said: list[Said] = []
        for heard in self._ear.feed(sound):
            if heard.kind == "partial":
                said.append(self._message("partial_transcript", text=heard.text))
            elif heard.kind == "ended":
                said.append(self._committed(heard.text))
        if chunk.get("commit"):
            said.append(self._commit())
        return said

    def _commit(self) -> str:
        if self._uncommitted_ms < COMMIT_MS_MIN:
            return self._message("commit_throttled", error="too little sound to commit")
        ended = self._ear.finish()
        return self._committed(ended[0].text if ended else "")

    def _committed(self, text: str) -> str:
        self._uncommitted_ms = 0
        return self._message("committed_transcript", text=text)

    def _message(self, kind: str, **fields: Any) -> str:
        return text_of({"message_type": kind, **fields})


class _StreamInput:
    def __init__(self, faults: SpeechFaults) -> None:
        self._faults = faults
        self._begun = False

    def opened(self) -> Sequence[Said]:
        return ()

    def error(self) -> Sequence[Said]:
        words = {"message": "it went wrong", "error": "simulated", "code": 1008}
        return (text_of(words), Bye(1008, "it went wrong"))

    def took(self, message: str | bytes) -> Sequence[Said]:
        said = orjson.loads(message) if isinstance(message, str) else {}
        text = said.get("text")
        if not isinstance(text, str) or (not self._begun and text != " "):
            return (Bye(1008, "the first text is one space"),)
        if not self._begun:
            self._begun = True
            return ()
        if text == "":
            return () if self._faults.stalls_after is not None else (_FINAL, Bye())
        return self._speak(text)

    def _speak(self, text: str) -> list[Said]:
        if self._faults.soundless:
            return []
        cuts = range(0, len(text), LETTERS_AT_ONCE)
        made: list[Said] = [_audio(text[at : at + LETTERS_AT_ONCE]) for at in cuts]
        return made[: self._faults.stalls_after]


_FINAL = text_of({"audio": None, "isFinal": True, "normalizedAlignment": None, "alignment": None})


def _audio(letters: str) -> str:
    alignment = {
        "chars": list(letters),
        "charStartTimesMs": [place * LETTER_MS for place in range(len(letters))],
        "charDurationsMs": [LETTER_MS] * len(letters),
    }
    return text_of(
        {
            "audio": base64.b64encode(tone_of(letters)).decode(),
            "isFinal": None,
            "normalizedAlignment": alignment,
            "alignment": alignment,
        }
    )
