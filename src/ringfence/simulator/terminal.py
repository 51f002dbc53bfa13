"""A phone in the terminal: lines typed are sent, received texts are printed. Talks to a running
simulated carrier over its control door, so it can sit in a window of its own.

Input and output are handed in; it ends on `/quit`, and on the end of input once nothing has come
for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from ringfence.simulator.webhooks import LOOPBACK_HOSTS

POLL_S: Final = 20.0
QUIT: Final = "/quit"


class CarrierUnreachable(Exception):
    """No simulated carrier answers at this address; start one with `ringfence sim`."""


@dataclass(slots=True)
class TerminalPhone:
    """`carrier` is the base address (loopback only), `to` the number texted: the carrier's first
    one if empty. `linger_s` is how long to stay after the input has ended."""

    number: str
    carrier: str
    to: str
    show: Callable[[str], None]
    linger_s: float = 2.0
    _seen: set[str] = field(default_factory=set)
    _version: int = 0

    async def run(self, lines: AsyncIterator[str]) -> None:
        """Raises CarrierUnreachable, also when the address is not a loopback one."""
        if urlsplit(self.carrier).hostname not in LOOPBACK_HOSTS:
            raise CarrierUnreachable(f"{self.carrier} is not on this machine")
        timeout = aiohttp.ClientTimeout(total=POLL_S + 10)
        async with aiohttp.ClientSession(self.carrier, timeout=timeout) as session:
            try:
                await self._talk(session, lines)
            except aiohttp.ClientError as error:
                raise CarrierUnreachable(f"{self.carrier}: {error}") from error

    async def _talk(self, session: aiohttp.ClientSession, lines: AsyncIterator[str]) -> None:
        await self._skip_old(session)
        listening = asyncio.create_task(self._listen(session))
        try:
            quit_asked = await self._type(session, lines)
            while not quit_asked:
                before = self._version
                await asyncio.wait((listening,), timeout=self.linger_s)
                if listening.done():
                    listening.result()
                if before == self._version:
                    break
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _type(self, session: aiohttp.ClientSession, lines: AsyncIterator[str]) -> bool:
        """Send each line; True when the last one was /quit."""
        async for line in lines:
            if line.strip() == QUIT:
                return True
            if line.strip():
                await self._send(session, line)
        return False

    async def _send(self, session: aiohttp.ClientSession, body: str) -> None:
        fields = {"body": body, "to": self.to} if self.to else {"body": body}
        path = f"/_sim/phones/{self.number}/texts"
        async with session.post(path, json=fields) as response:
            answer: dict[str, Any] = await response.json()
        if response.status != 201:
            self.show(f"! not sent: {answer.get('error')}")
        elif not answer["reached"]:
            self.show(f"! nobody took it (webhook status {answer['webhook_status']})")

    async def _skip_old(self, session: aiohttp.ClientSession) -> None:
        """Texts from before this phone was picked up are not shown again."""
        thread = await self._thread(session, 0.0)
        self._seen.update(text["sid"] for text in thread["texts"])

    async def _listen(self, session: aiohttp.ClientSession) -> None:
        while True:
            thread = await self._thread(session, POLL_S)
            for text in thread["texts"]:
                if not text["mine"] and text["sid"] not in self._seen:
                    self._seen.add(text["sid"])
                    self.show(_line(text))

    async def _thread(self, session: aiohttp.ClientSession, wait_s: float) -> dict[str, Any]:
        query = {"since": str(self._version), "wait_s": str(wait_s)}
        async with session.get(f"/_sim/phones/{self.number}/thread", params=query) as response:
            thread: dict[str, Any] = await response.json()
        if response.status != 200:
            raise CarrierUnreachable(str(thread.get("error")))
        self._version = thread["version"]
        return thread


def _line(text: dict[str, Any]) -> str:
    """One received text on one or more lines. Control characters do not reach the terminal."""
    body = "".join(
        c if c == "\n" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text["body"]
    )
    files = "".join(f" [{item['content_type']}]" for item in text["media"])
    return f"< {text['number']}: {body}{files}"
