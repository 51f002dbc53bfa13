"""The sound of messages left at the carrier, served as it serves them. For want of a voice the file is a
tone of the message's length; its comment (`LIST`/`INFO`, as WAV files carry one) is what was said."""

from __future__ import annotations

import math
import struct
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ringfence.simulator.records import Account

if TYPE_CHECKING:
    from ringfence.simulator.voice import Voice

PREFIX: Final = "/_recordings/"
RATE: Final = 8_000
SECONDS_MAX: Final = 300
_TONE_HZ, _LOUDNESS = 440, 40
Endpoint = Callable[[Request, Account], Awaitable[Response]]
Guard = Callable[[Endpoint], Callable[[Request], Awaitable[Response]]]


class RecordingFiles:
    """Twilio's address of a recording asks for the account's credentials; the other two name one that
    whoever knows it may fetch. `missing` is how many requests are answered that it is not there yet."""

    def __init__(self, voice: Voice) -> None:
        self.voice = voice
        self.missing = 0

    def routes(self, guarded: Guard) -> list[Route]:
        account = "/2010-04-01/Accounts/{account_sid}/Recordings/{name}.wav"
        return [
            Route(account, guarded(self._at_account), methods=("GET",)),
            Route(PREFIX + "{name}.wav", self._for_anybody, methods=("GET",)),
        ]

    async def _at_account(self, request: Request, account: Account) -> Response:
        return self._file(request.path_params["name"], account.sid)

    async def _for_anybody(self, request: Request) -> Response:
        return self._file("RE" + request.path_params["name"], None)

    def _file(self, sid: str, account_sid: str | None) -> Response:
        found = next((one for one in self.voice.recordings if one.sid == sid), None)
        if found is None or self.missing > 0:
            self.missing = max(0, self.missing - 1)
            return Response("no such recording", 404)
        if account_sid is not None and f"/Accounts/{account_sid}/" not in found.url:
            return Response("no such recording", 404)
        return Response(wav(found.words, found.duration_s), headers={"Content-Type": "audio/x-wav"})


def public_url(address: str, sid: str) -> str:
    return f"{address}{PREFIX}{sid[2:]}.wav"


def wav(words: Sequence[str], duration_s: int) -> bytes:
    """8-bit PCM, mono."""
    length = RATE * min(duration_s, SECONDS_MAX)
    period = [
        128 + round(_LOUDNESS * math.sin(2 * math.pi * _TONE_HZ * n / RATE)) for n in range(RATE)
    ]
    samples = (bytes(period) * (length // RATE + 1))[:length]
    said = " ".join(words).encode() + b"\0"
    comment = b"INFO" + _chunk(b"ICMT", said)
    shape = struct.pack("<HHIIHH", 1, 1, RATE, RATE, 1, 8)
    chunks = _chunk(b"fmt ", shape) + _chunk(b"LIST", comment) + _chunk(b"data", samples)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
