"""The ear of servers that speak as OpenAI does but have no Realtime socket, as most do that run a Whisper
of one's own: each utterance goes up as a WAVE file to the transcription endpoint. Streams nothing, so the
words come later than from a socket."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import aclosing

from ringfence.audio.g711 import pcm_bytes, samples, ulaw_to_pcm
from ringfence.audio.resample import Raised
from ringfence.model.errors import NetError
from ringfence.model.voice import SpeechChoice
from ringfence.model.wire import WireRequest
from ringfence.ports.sockets import Streamed
from ringfence.speech.base import (
    TIMEOUT_S,
    Junk,
    Wires,
    document,
    gone,
    refused,
    tame,
    told,
    unreachable,
    within,
)

HZ = 16_000  # what Whisper was made for; some servers take nothing else
ANSWER_BYTES_MAX = 64 * 1024


class Transcriber:
    """Makes words of utterances. Raises SpeechError."""

    def __init__(
        self,
        service: str,
        choice: SpeechChoice,
        wires: Wires,
        credentials: Mapping[str, str],
        fields: Mapping[str, str],
    ) -> None:
        self._service, self._choice, self._wires = service, choice, wires
        self._credentials, self._fields = credentials, fields

    async def recognise(self, ulaw: bytes) -> str:
        wav = await asyncio.to_thread(_wav, ulaw)
        request = self._request(wav)
        try:
            async with self._wires.streams.open(request) as answer:
                return await self._words(answer)
        except NetError as error:
            raise unreachable(self._service, error) from None

    async def _words(self, answer: Streamed) -> str:
        async with aclosing(answer.pieces()) as pieces:
            body = b"".join([piece async for piece in pieces])
        try:
            said = document(body)
        except Junk:
            said = {}
        if not 200 <= answer.status < 300:
            words = within(said, "error", "message")
            if words is not None and answer.status not in (401, 403):
                raise told(self._service, self._choice, words, "speech_refused")
            raise refused(self._service, answer.status)
        if not isinstance(said.get("text"), str):
            raise gone(self._service, "its answer has no words in it.", "speech_format")
        return tame(said["text"])

    def _request(self, wav: bytes) -> WireRequest:
        boundary = f"ringfence-{hashlib.sha256(wav).hexdigest()[:32]}"
        return WireRequest(
            method="POST",
            url=self._choice.base_url.rstrip("/") + "/audio/transcriptions",
            headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
            secret_headers=self._credentials,
            body=_form(boundary, self._fields, wav),
            timeout_s=TIMEOUT_S,
            response_bytes_max=ANSWER_BYTES_MAX,
        )


def _wav(ulaw: bytes) -> bytes:
    pcm = pcm_bytes(Raised(HZ).feed(samples(ulaw_to_pcm(ulaw))))
    numbers = ((16, 4), (1, 2), (1, 2), (HZ, 4), (HZ * 2, 4), (2, 2), (16, 2))
    form = b"".join(value.to_bytes(width, "little") for value, width in numbers)
    data = b"data" + len(pcm).to_bytes(4, "little") + pcm
    whole = b"WAVEfmt " + form + data
    return b"RIFF" + len(whole).to_bytes(4, "little") + whole


def _form(boundary: str, fields: Mapping[str, str], wav: bytes) -> bytes:
    """RFC 7578. Values are one line (`tame`), and names are ours."""
    parts: Sequence[bytes] = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="said.wav"\r\n'
        "Content-Type: audio/wav\r\n\r\n"
    ).encode()
    return b"".join([*parts, head, wav, f"\r\n--{boundary}--\r\n".encode()])
