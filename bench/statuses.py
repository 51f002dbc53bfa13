"""Status callbacks as the provider posts them, signed, and a few connections that post them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from bench.setup import ACCOUNT, NUMBER, TOKEN
from ringfence.providers import forms
from ringfence.providers.twilio_signature import signature, signing_text

_CONNECTIONS = 8


def request(url: str, sid: str, status: str, recipient: str) -> bytes:
    """One callback to `url`, the StatusCallback that came with the message."""
    url = url.partition("#")[0]
    fields = [
        ("AccountSid", ACCOUNT),
        ("ApiVersion", "2010-04-01"),
        ("From", NUMBER),
        ("MessageSid", sid),
        ("MessageStatus", status),
        ("SmsSid", sid),
        ("SmsStatus", status),
        ("To", recipient),
    ]
    body = forms.encode(fields).encode()
    host, slash, path = url.removeprefix("http://").partition("/")
    head = (
        f"POST {slash}{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: TwilioProxy/1.1\r\n"
        f"Content-Type: {forms.FORM}; charset=utf-8\r\n"
        f"X-Twilio-Signature: {signature(TOKEN, url + signing_text(fields))}\r\n"
        f"Accept: */*\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Poster:
    """Posts what it is given, in that order, over a few keep-alive connections to each port, and
    counts what was taken."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue()
        self._tasks = [
            asyncio.create_task(self._post(port)) for port in ports for _ in range(_CONNECTIONS)
        ]
        self.taken = 0

    def post(self, request_: bytes) -> None:
        self._waiting.put_nowait(request_)

    async def _post(self, port: int) -> None:
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            waiting = await self._waiting.get()
            # A server closes what was idle for a while: a carrier posts again, on a new connection.
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while True:
                    writer.write(waiting)
                    head = (await reader.readuntil(b"\r\n\r\n")).lower()
                    length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
                    await reader.readexactly(int(length or 0))
                    self.taken += head.startswith(b"http/1.1 2")
                    waiting = await self._waiting.get()
            self._waiting.put_nowait(waiting)
            writer.close()
