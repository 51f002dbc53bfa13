"""What flow tests share: looking into a story from outside, and raw requests with every byte ours."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from ringfence.clock import ManualClock
from ringfence.model.errors import StoreBusy
from ringfence.model.message import Message, MessageClass
from ringfence.model.outbox import OutboxItem, Turn
from ringfence.simulator.records import Direction as CarrierDirection
from ringfence.simulator.records import Message as CarrierMessage
from ringfence.simulator.webhooks import signature
from telling import NUMBER, Story

ALICE, BOB, CAROL = "+15555550111", "+15555550112", "+15555550113"
ACCOUNT = "AC00000000000000000000000000000001"
TOKEN = "simulated-token"
OPEN = {"dmPolicy": "open", "allowFrom": ["*"]}
READ_TIMEOUT_S = 10.0


async def outbound(
    story: Story, number: str | None = None, *, told_of_drafts: bool = False
) -> list[Message]:
    """Outbound messages, oldest first; what owners are told of drafts only where asked for."""
    found = await story.read(lambda tx: tx.messages.listing(1_000, None, "out", None))
    return [
        m
        for m in reversed(found)
        if number in (None, m.number.e164) and (told_of_drafts or not _of_draft(m))
    ]


def _of_draft(message: Message) -> bool:
    notice = message.message_class is MessageClass.OWNER_NOTICE
    return notice and message.body.startswith("Draft ")


async def inbound(story: Story) -> list[Message]:
    """Every stored inbound message, whatever became of it, oldest first."""
    found = await story.read(lambda tx: tx.messages.listing(1_000, None, "in", None))
    return list(reversed(found))


async def parts(story: Story, message: Message) -> list[OutboxItem]:
    """The outbox items of one message, by part."""
    found = await story.read(lambda tx: tx.outbox.of_messages([message.id]))
    return list(found.get(message.id, []))


async def all_items(story: Story) -> list[OutboxItem]:
    return [item for m in await outbound(story) for item in await parts(story, m)]


async def audit(story: Story, subject: str, kind: str) -> list[dict[str, Any]]:
    """Bodies of a subject's audit entries of one kind, in order."""
    found = await story.read(lambda tx: tx.audit.of_subject(subject))
    return [dict(stored.entry.body) for stored in found if stored.entry.kind == kind]


class Locked:
    """Another process holds the database: `story.gateway.kit.store` refuses writes until `free`."""

    def __init__(self, story: Story) -> None:
        self._store = story.gateway.kit.store
        self.refused = 0
        self._store.write = self._write  # type: ignore[method-assign]

    def free(self) -> None:
        del self._store.write  # the class's own again

    async def _write(self, job: Any) -> Any:
        self.refused += 1
        raise StoreBusy("another process holds the lock")

    async def refuses(self, times: int, clock: ManualClock) -> None:
        """Return once so many writes were refused, moving the clock for those that wait."""
        while self.refused < times:
            await asyncio.sleep(0)
            if clock.next_wake is not None:
                clock.move_to(clock.next_wake)


async def dead_turns(story: Story) -> list[Turn]:
    found: list[Turn] = await story.read(lambda tx: tx.turns.dead(None))
    return found


def creates(story: Story) -> list[CarrierMessage]:
    """What the carrier took from our account; its own confirmations left out."""
    return [m for m in story.carrier.sent if m.direction is CarrierDirection.OUTBOUND_API]


@dataclass(frozen=True)
class Answer:
    """One HTTP answer as it came off the socket. Header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def stored(self) -> bool:
        return self.headers.get("ringfence-event") == "stored"


async def connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts_ = urlsplit(address)
    return await asyncio.open_connection(parts_.hostname, parts_.port)


async def answer(reader: asyncio.StreamReader) -> Answer | None:
    """Read one answer; None when the peer closed without any."""
    async with asyncio.timeout(READ_TIMEOUT_S):
        head = await reader.readline()
        if not head:
            return None
        headers: dict[str, str] = {}
        while (line := (await reader.readline()).strip()) != b"":
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(head.split()[1]), headers, body)


async def request(
    address: str,
    path: str,
    *,
    method: str = "POST",
    headers: Sequence[tuple[str, str]] = (),
    body: bytes = b"",
    host: str | None = None,
) -> Answer:
    """One request on a connection of its own."""
    reader, writer = await connect(address)
    try:
        names = [("Host", host if host is not None else urlsplit(address).netloc)]
        names += [("Content-Length", str(len(body))), ("Connection", "close"), *headers]
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in names)]
        writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        await writer.drain()
        if method == "HEAD":
            return await _head(reader)
        got = await answer(reader)
        assert got is not None, "the connection closed without an answer"
        return got
    finally:
        writer.close()


async def _head(reader: asyncio.StreamReader) -> Answer:
    async with asyncio.timeout(READ_TIMEOUT_S):
        raw = await reader.read()
    head, _, rest = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return Answer(int(first.split()[1]), {n.lower(): v.strip() for n, _, v in pairs}, rest)


def message_form(
    sender: str = ALICE,
    body: str = "hello",
    sid: str = "SM" + "0" * 31 + "1",
    **changes: str | None,
) -> list[tuple[str, str]]:
    """An inbound message's form as Twilio posts it; `changes` replace, or with None drop, fields."""
    fields: dict[str, str | None] = {
        "ToCountry": "US",
        "SmsMessageSid": sid,
        "NumMedia": "0",
        "SmsSid": sid,
        "SmsStatus": "received",
        "Body": body,
        "To": NUMBER,
        "NumSegments": "1",
        "MessageSid": sid,
        "AccountSid": ACCOUNT,
        "From": sender,
        "ApiVersion": "2010-04-01",
        **changes,
    }
    return [(name, value) for name, value in fields.items() if value is not None]


def sid_of(number: int) -> str:
    return f"SM{number:032x}"


def status_form(
    sid: str, status: str, to: str = ALICE, **changes: str | None
) -> list[tuple[str, str]]:
    """A status callback's form."""
    fields: dict[str, str | None] = {
        "SmsSid": sid,
        "SmsStatus": status,
        "MessageStatus": status,
        "To": to,
        "MessageSid": sid,
        "AccountSid": ACCOUNT,
        "From": NUMBER,
        "ApiVersion": "2010-04-01",
        **changes,
    }
    return [(name, value) for name, value in fields.items() if value is not None]


async def webhook(
    story: Story,
    fields: Sequence[tuple[str, str]],
    *,
    path: str = "/webhooks/sms",
    signed_url: str | None = None,
    token: str = TOKEN,
    signed: bool = True,
    headers: Sequence[tuple[str, str]] = (),
    method: str = "POST",
) -> Answer:
    """Post a form to the public door, signed for its public URL unless told otherwise."""
    url = signed_url if signed_url is not None else story.public + path
    extra = [("Content-Type", "application/x-www-form-urlencoded"), *headers]
    if signed:
        extra.append(("X-Twilio-Signature", signature(token, url, list(fields))))
    body = urlencode(list(fields)).encode()
    return await request(story.public, path, method=method, headers=extra, body=body)
