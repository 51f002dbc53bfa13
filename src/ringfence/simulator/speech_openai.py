"""OpenAI on loopback: transcription sessions over the Realtime socket in the generally available shape,
and the speech endpoint, which makes 24 kHz samples (facts voice 1.9). The older beta shape is answered
with an error, as the real one does."""

from __future__ import annotations

import asyncio
import base64
from array import array
from collections.abc import Sequence
from math import pi, sin
from typing import Any

import orjson
from aiohttp import web

from ringfence.simulator.speech import (
    KEY,
    LETTER_MS,
    Said,
    Script,
    ScriptedEar,
    SpeechFaults,
    SpeechSession,
    Talker,
    text_of,
)

HZ = 24_000
PIECE_BYTES = 4_801  # odd: samples are cut in two by the network
COMMIT_MS_MIN = 100


class OpenAIVendor:
    """`base` is the path before the endpoints, as in the base URL to configure. `sockets=False` makes it
    one of the servers that take whole files only."""

    def __init__(self, key: str = KEY, base: str = "/v1", *, sockets: bool = True) -> None:
        self._key, self._base, self._sockets = key, base, sockets
        self._files = Script(())

    def hears(self, *transcripts: str) -> OpenAIVendor:
        """What the next files say."""
        self._files = Script(transcripts)
        return self

    def refusal(self, session: SpeechSession) -> int | None:
        if session.headers.get("authorization") != f"Bearer {self._key}":
            return 401
        if session.path.startswith(f"{self._base}/audio/"):
            return None
        if session.path != f"{self._base}/realtime" or not self._sockets:
            return 404
        return None if session.query.get("intent") == ["transcription"] else 400

    def talker(self, session: SpeechSession, script: Script, faults: SpeechFaults) -> Talker:
        return _Transcription(session, script)

    async def answer(
        self, request: web.Request, session: SpeechSession, faults: SpeechFaults
    ) -> web.StreamResponse | None:
        if session.path == f"{self._base}/audio/transcriptions":
            return await self._transcribe(request, session, faults)
        if session.path != f"{self._base}/audio/speech":
            return None
        asked = orjson.loads(await request.read())
        session.texts.append(asked)
        if faults.error:
            words = {"error": {"message": "it went wrong", "type": "invalid_request_error"}}
            return web.Response(status=400, text=text_of(words), content_type="application/json")
        if faults.junk:
            return web.Response(body=b"RIFF----WAVE", content_type="audio/wav")
        return await _speech(request, asked, faults)

    async def _transcribe(
        self, request: web.Request, session: SpeechSession, faults: SpeechFaults
    ) -> web.Response:
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField), "the sound is a file"
        session.sound += file.file.read()
        session.texts.append({name: value for name, value in form.items() if name != "file"})
        if faults.mute:
            await _until_gone()
        if faults.error:
            words = {"error": {"message": "it went wrong", "type": "server_error"}}
            return web.Response(status=500, text=text_of(words), content_type="application/json")
        if faults.junk:
            return web.Response(text="{not json")
        return web.json_response({"text": " ".join(self._files.take())})


async def _speech(
    request: web.Request, asked: dict[str, Any], faults: SpeechFaults
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "audio/pcm"})
    if faults.mute:
        await _until_gone()
    await response.prepare(request)
    sound = b"" if faults.soundless else samples_of(asked["input"])
    pieces = [sound[at : at + PIECE_BYTES] for at in range(0, len(sound), PIECE_BYTES)]
    for count, piece in enumerate(pieces):
        if faults.stalls_after is not None and count >= faults.stalls_after:
            await _until_gone()
        if faults.dies_after is not None and count >= faults.dies_after:
            if request.transport is not None:
                request.transport.abort()
            return response
        await response.write(piece)
    await response.write_eof()
    return response


async def _until_gone() -> None:
    """The server cancels what it does for a client that goes."""
    await asyncio.get_running_loop().create_future()


def samples_of(text: str) -> bytes:
    """LETTER_MS of a tone for each letter."""
    count = len(text) * LETTER_MS * HZ // 1000
    step = 2 * pi * 440 / HZ
    return array("h", (round(8_000 * sin(step * n)) for n in range(count))).tobytes()


class _Transcription:
    def __init__(self, session: SpeechSession, script: Script) -> None:
        self._session = session
        self._script = script
        self._ear = ScriptedEar(script)
        self._events = 0
        self._items = 0
        self._shown = ""
        self._buffered_ms = 0
        self._settings: dict[str, Any] = {"type": "transcription"}

    def opened(self) -> Sequence[Said]:
        return (self._event("session.created", session=self._settings),)

    def error(self) -> Sequence[Said]:
        return (self._error("server_error", "simulated", "it went wrong"),)

    def took(self, message: str | bytes) -> Sequence[Said]:
        event = orjson.loads(message) if isinstance(message, str) else {}
        match event.get("type"):
            case "session.update":
                return self._update(event.get("session") or {})
            case "input_audio_buffer.append":
                return self._append(base64.b64decode(event["audio"]))
            case "input_audio_buffer.commit":
                return self._commit()
            case _:
                return (self._refused("unknown_event", "no such event"),)

    def _update(self, session: dict[str, Any]) -> Sequence[Said]:
        if session.get("type") != "transcription" or "input_audio_format" in session:
            return (self._refused("beta_api_shape_disabled", "the beta shape is gone"),)
        heard = session.get("audio", {}).get("input", {})
        if heard.get("format") != {"type": "audio/pcmu"} or not heard.get("transcription"):
            return (self._refused("invalid_value", "a format and a model are needed"),)
        self._settings = session
        self._ear = ScriptedEar(self._script, ends=heard.get("turn_detection") is not None)
        return (self._event("session.updated", session=session),)

    def _append(self, sound: bytes) -> list[Said]:
        self._session.sound += sound
        self._buffered_ms += len(sound) // 8
        said: list[Said] = []
        for heard in self._ear.feed(sound):
            if heard.kind == "began" and self._detects:
                said.append(
                    self._event(
                        "input_audio_buffer.speech_started",
                        audio_start_ms=heard.at_ms,
                        item_id=self._item,
                    )
                )
            elif heard.kind == "partial":
                said.append(self._delta(heard.text))
            elif heard.kind == "ended":
                stopped = {"audio_end_ms": heard.at_ms, "item_id": self._item}
                said.append(self._event("input_audio_buffer.speech_stopped", **stopped))
                said += self._completed(heard.text)
        return said

    def _commit(self) -> Sequence[Said]:
        if self._buffered_ms < COMMIT_MS_MIN:
            return (self._refused("input_audio_buffer_commit_empty", "buffer too small"),)
        ended = self._ear.finish()
        return self._completed(ended[0].text if ended else "")

    def _completed(self, text: str) -> list[Said]:
        rest = [self._delta(text)] if text != self._shown else []
        committed = self._event("input_audio_buffer.committed", item_id=self._item)
        completed = self._event(
            "conversation.item.input_audio_transcription.completed",
            item_id=self._item,
            content_index=0,
            transcript=text,
            usage={"type": "duration", "seconds": self._buffered_ms / 1000},
        )
        self._items, self._shown, self._buffered_ms = self._items + 1, "", 0
        return [committed, *rest, completed]

    def _delta(self, text: str) -> str:
        new, self._shown = text.removeprefix(self._shown), text
        return self._event(
            "conversation.item.input_audio_transcription.delta",
            item_id=self._item,
            content_index=0,
            delta=new,
        )

    @property
    def _detects(self) -> bool:
        heard = self._settings.get("audio", {}).get("input", {})
        return heard.get("turn_detection") is not None

    @property
    def _item(self) -> str:
        return f"item_{self._items}"

    def _refused(self, code: str, words: str) -> str:
        return self._error("invalid_request_error", code, words)

    def _error(self, kind: str, code: str, words: str) -> str:
        error = {"type": kind, "code": code, "message": words, "event_id": None, "param": None}
        return self._event("error", error=error)

    def _event(self, kind: str, **fields: Any) -> str:
        self._events += 1
        return text_of({"type": kind, "event_id": f"event_{self._events}", **fields})
