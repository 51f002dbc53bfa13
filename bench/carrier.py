"""A carrier that takes every message and answers some time later, on raw sockets: the simulated
carrier keeps a timeline, and its share of two cores would be what is measured. Its answers are the
provider's documents, shortened. It keeps what it took, so that doubles and losses are seen from
outside, and posts two status callbacks for each message where it is told ports to post them to.

    python -m bench.carrier MILLISECONDS [PLACES]

With several PLACES it listens on as many ports, so that who sent what can be told apart. Words on its
input: `taken` (how many), `log` (what), `reports PORT …`."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson

from bench import statuses
from bench.children import say
from bench.setup import ACCOUNT
from bench.texts import message_sid
from ringfence.cli.common import run
from ringfence.providers import forms

SENT_AFTER_S, DELIVERED_AFTER_S = 0.1, 0.5


@dataclass(frozen=True, slots=True)
class Taken:
    """One request that was answered; `at` in seconds since the epoch, `path` of one that asks."""

    place: int
    at: float
    path: str
    body: bytes

    def shown(self) -> dict[str, Any]:
        fields = dict(forms.decode(self.body.decode())) if self.body else {}
        return {
            "place": self.place,
            "at": self.at,
            "path": self.path,
            "to": fields.get("To", ""),
            "body": fields.get("Body", ""),
        }


class Carrier:
    """Keeps what it took."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.log: list[Taken] = []
        self.taken = 0
        self._poster: statuses.Poster | None = None

    def answer(self, place: int, head: bytes, body: bytes) -> bytes:
        method, path = head.decode("latin-1").split(" ", 2)[:2]
        self.log.append(Taken(place, time.time(), path, body))
        if method == "GET":
            sid = path.rpartition("/")[2].removesuffix(".json")
            return _document("200 OK", sid, "delivered")
        self.taken += 1
        sid = message_sid(self.taken)
        if self._poster is not None:
            self._report(sid, body)
        return _document("201 Created", sid, "queued")

    def report_to(self, ports: Sequence[int]) -> None:
        self._poster = statuses.Poster(ports)

    @property
    def reported(self) -> int:
        return 0 if self._poster is None else self._poster.taken

    def _report(self, sid: str, body: bytes) -> None:
        fields = dict(forms.decode(body.decode()))
        loop, poster = asyncio.get_running_loop(), self._poster
        assert poster is not None, "asked only where reports are wanted"
        for after_s, status in ((SENT_AFTER_S, "sent"), (DELIVERED_AFTER_S, "delivered")):
            made = statuses.request(fields["StatusCallback"], sid, status, fields["To"])
            loop.call_later(after_s, poster.post, made)


def _document(status: str, sid: str, word: str) -> bytes:
    document = {
        "account_sid": ACCOUNT,
        "api_version": "2010-04-01",
        "date_created": "Mon, 02 Mar 2026 17:00:00 +0000",
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "num_media": "0",
        "num_segments": "1",
        "sid": sid,
        "status": word,
    }
    body = orjson.dumps(document)
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


class _Connection(asyncio.Protocol):
    def __init__(self, carrier: Carrier, place: int) -> None:
        self._carrier, self._place = carrier, place
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._got = got = self._got + data if self._got else data
        end = got.find(b"\r\n\r\n")
        if end < 0:
            return
        mark = got.lower().find(b"content-length: ", 0, end)
        length = int(got[mark + 16 : got.index(b"\r\n", mark)]) if mark >= 0 else 0
        if len(got) >= end + 4 + length:
            self._got = b""
            loop = asyncio.get_running_loop()
            loop.call_later(self._carrier.delay_s, self._answer, got[:end], got[end + 4 :])

    def _answer(self, head: bytes, body: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(self._carrier.answer(self._place, head, body))


async def serve(delay_s: float, places: int) -> None:
    carrier = Carrier(delay_s)
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(
            lambda place=place: _Connection(carrier, place),  # type: ignore[misc]
            "127.0.0.1",
            0,
            backlog=1024,
        )
        for place in range(places)
    ]
    listening = [server.sockets[0].getsockname()[1] for server in servers]
    say(port=listening[0], ports=listening)
    while line := await asyncio.to_thread(sys.stdin.readline):
        match line.split():
            case ["log"]:
                say(log=[one.shown() for one in carrier.log])
            case ["reports", *ports]:
                carrier.report_to([int(port) for port in ports])
                say(reports=ports)
            case _:
                say(taken=carrier.taken, reported=carrier.reported)
    for server in servers:
        server.close()


if __name__ == "__main__":
    run(serve(float(sys.argv[1]) / 1000, int(sys.argv[2]) if len(sys.argv) > 2 else 1))
