"""A carrier that takes every message and answers 50 ms later, on raw sockets: the simulated carrier
keeps a timeline and posts callbacks for each message, and its share of two cores would be what is
measured. Its answers are the provider's 201 document, shortened.

    python -m bench.carrier MILLISECONDS"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import orjson

from bench.children import say
from bench.setup import ACCOUNT
from bench.texts import message_sid
from ringfence.cli.common import run


class Carrier:
    """Counts what it took."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.taken = 0

    def answer(self) -> bytes:
        self.taken += 1
        document = {
            "account_sid": ACCOUNT,
            "api_version": "2010-04-01",
            "date_created": "Mon, 02 Mar 2026 17:00:00 +0000",
            "direction": "outbound-api",
            "error_code": None,
            "error_message": None,
            "num_media": "0",
            "num_segments": "1",
            "sid": message_sid(self.taken),
            "status": "queued",
        }
        body = orjson.dumps(document)
        head = (
            f"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        )
        return head.encode() + b"\r\n\r\n" + body


class _Connection(asyncio.Protocol):
    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._got = got = self._got + data if self._got else data
        head = got.find(b"\r\n\r\n")
        if head < 0:
            return
        mark = got.lower().find(b"content-length: ", 0, head)
        length = int(got[mark + 16 : got.index(b"\r\n", mark)])
        if len(got) >= head + 4 + length:
            self._got = b""
            loop = asyncio.get_running_loop()
            loop.call_later(self._carrier.delay_s, self._answer)

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(self._carrier.answer())


async def serve(delay_s: float) -> None:
    carrier = Carrier(delay_s)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(carrier), "127.0.0.1", 0, backlog=1024)
    say(port=server.sockets[0].getsockname()[1])
    while await asyncio.to_thread(sys.stdin.readline):
        say(taken=carrier.taken)
    server.close()


if __name__ == "__main__":
    run(serve(float(sys.argv[1]) / 1000))
