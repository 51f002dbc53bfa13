"""The public door: signed webhooks, media sockets of calls, hosted attachments, public sources of events,
the links of alerts, nothing else (P8). Picks the line by path, bounds everything, answers 2xx only for what is durable (P4), tells strangers nothing of the
configuration. Plain ASGI, since a carrier waits on it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qs

from ringfence.gateway.call_desk import CallDesk
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.events import EventIntake
from ringfence.gateway.rates import Rate
from ringfence.gateway.receive import Receiver
from ringfence.model.errors import (
    BodyUnreadable,
    LineBlocked,
    NotFound,
    RingfenceError,
    StoreError,
    TooMany,
    WrongMethod,
    WrongRequest,
)
from ringfence.model.line import Line
from ringfence.model.wire import WebhookRequest
from ringfence.ports import StoredMedia
from ringfence.web.arrivals import Arrivals
from ringfence.web.bodies import (
    Receive,
    Scope,
    Send,
    answer,
    answer_problem,
    client_address,
    headers_of,
    networks,
)
from ringfence.web.event_posts import EventPosts
from ringfence.web.media import MediaDoor
from ringfence.web.public_calls import PublicCalls
from ringfence.web.public_events import PublicEvents
from ringfence.web.public_links import PublicLinks
from ringfence.web.refusing import Refusing

STORED = (b"ringfence-event", b"stored")
UNSIGNED_PER_MINUTE = 30
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)


class PublicDoor:
    """The ASGI application of the internet listener."""

    def __init__(
        self,
        kit: Equipment,
        receiver: Receiver,
        paths: Mapping[str, Line],
        intake: EventIntake,
        desk: CallDesk,
        media: MediaDoor,
        trusted_proxies: Iterable[str] = (),
    ) -> None:
        self._kit = kit
        self._receiver = receiver
        self._paths = dict(paths)
        self._trusted = networks(trusted_proxies)
        self._bad = {
            line.id: Rate(line.inbound.bad_requests_per_minute, line.inbound.tracked_keys_max)
            for line in paths.values()
        }
        self._unsigned = Rate(UNSIGNED_PER_MINUTE)
        self._arrivals = Arrivals()
        self._refusing = Refusing(kit, "webhook", "line")
        self._events = PublicEvents(kit, EventPosts(kit, intake), self._trusted)
        self._links = PublicLinks(kit, self._trusted)
        self.answers: Counter[tuple[str, int]] = Counter()
        self._media = media
        self._calls = PublicCalls(kit, desk, paths.values(), self._trusted, self.answers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._media(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"the public door takes no {scope['type']}")
        line = self._paths.get(scope["path"])
        if line is None:
            await self._elsewhere(scope, receive, send)
            return
        if line.blocked_reason:
            await self._refuse(send, line, LineBlocked(line.blocked_reason))
        elif scope["method"] in ("GET", "HEAD"):
            await self._hosted(scope, send, line)
        elif scope["method"] != "POST":
            await self._refuse(send, line, WrongMethod("Webhooks are POSTed."))
        else:
            await self._webhook(scope, receive, send, line)

    async def _elsewhere(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What is no line's texts: calls, public sources, links of alerts."""
        calling = self._calls.line_at(scope["path"])
        source = self._events.source_at(scope["path"])
        token = self._links.token_in(scope["path"])
        if calling is not None:
            await self._calls.serve(scope, receive, send, calling)
        elif source is not None:
            await self._events.serve(scope, receive, send, source)
        elif token is not None:
            await self._links.serve(scope, receive, send, token)
        else:
            await answer_problem(send, NotFound("Nothing is served here."))

    async def _webhook(self, scope: Scope, receive: Receive, send: Send, line: Line) -> None:
        headers = headers_of(scope)
        client = client_address(scope, headers, self._trusted)
        try:
            body = await self._read(scope, receive, headers, line, client)
            self._bound_unsigned(line, client)
            query = scope["query_string"].decode("latin-1")
            now = self._kit.clock.now()
            request = WebhookRequest("POST", scope["path"], query, headers, body, now)
            receipt = await self._receiver.webhook(line, request)
        except BodyUnreadable:
            # Nobody is there to be answered; without an answer the provider tries again (B005).
            self.answers[line.id, 499] += 1
            return
        except WrongRequest as error:
            await self._bad_request(send, line, client, error)
            return
        except StoreError as error:
            await self._refuse(send, line, error)
            return
        acknowledgement = self._kit.provider_of(line).acknowledgement()
        extra = [STORED] if receipt.stored else []
        self.answers[line.id, acknowledgement.status] += 1
        await answer(
            send,
            acknowledgement.status,
            acknowledgement.body,
            _raw(acknowledgement.headers) + extra,
        )

    async def _read(
        self, scope: Scope, receive: Receive, headers: Mapping[str, str], line: Line, client: str
    ) -> bytes:
        limits = line.inbound
        return await self._arrivals.read(
            scope,
            receive,
            headers,
            whole=line.id,
            client=client,
            at_once=limits.concurrent_max,
            bytes_max=limits.body_bytes_max,
            timeout_s=limits.body_timeout_s,
        )

    async def _bad_request(self, send: Send, line: Line, client: str, error: WrongRequest) -> None:
        """Count it against the client; only further bad requests feel it (B007, B008)."""
        if not isinstance(error, TooMany) and not self._bad[line.id].allow(
            client, self._kit.clock.now()
        ):
            error = TooMany(f"limits.badRequestsPerMinute of {line.id} is reached.")
        await self._refuse(send, line, error, client)

    def _bound_unsigned(self, line: Line, client: str) -> None:
        if line.validate_signature:
            return
        if not self._unsigned.allow(f"{line.id}/{client}", self._kit.clock.now()):
            raise TooMany("Without signature validation few requests are taken from one address.")

    async def _refuse(
        self, send: Send, line: Line, error: RingfenceError, client: str = ""
    ) -> None:
        self.answers[line.id, error.http_status] += 1
        allow = b"POST, GET, HEAD" if isinstance(error, WrongMethod) else b""
        await self._refusing.refuse(send, line.id, error, client, allow)

    async def _attachment(self, token: str) -> StoredMedia | None:
        if not _TOKEN.fullmatch(token):
            return None
        now = self._kit.clock.now()
        return await self._kit.store.read(lambda tx: tx.media.hosted(token, now))

    async def _hosted(self, scope: Scope, send: Send, line: Line) -> None:
        tokens = parse_qs(scope["query_string"].decode("latin-1")).get("media", [])
        if len(tokens) != 1:
            await self._refuse(send, line, WrongMethod("Webhooks are POSTed."))
            return
        client = client_address(scope, headers_of(scope), self._trusted)
        try:
            if self._bad[line.id].spent(client, self._kit.clock.now()):
                raise TooMany(f"limits.badRequestsPerMinute of {line.id} is reached.")
            media = await self._attachment(tokens[0])
            if media is None or media.line != line.id:
                raise NotFound("This attachment is not here any more.")
        except WrongRequest as error:
            await self._bad_request(send, line, client, error)
            return
        except StoreError as error:
            await self._refuse(send, line, error)
            return
        headers = [
            (b"content-type", media.content_type.encode("latin-1")),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            (b"content-disposition", b"attachment"),
        ]
        self.answers[line.id, 200] += 1
        if scope["method"] == "HEAD":
            headers.append((b"content-length", str(len(media.content)).encode()))
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        await answer(send, 200, media.content, headers)


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


def paths_of(lines: Iterable[Line], default_line_id: str) -> dict[str, Line]:
    """Every path a usable line answers on: its own, and for the default line the bridge's aliases
    `/webhooks/sms` and `/sms/webhook`, unless another line has claimed them."""
    usable = [line for line in lines if line.enabled]
    paths = {line.webhook_path: line for line in usable}
    for line in usable:
        if line.id == default_line_id:
            for alias in ("/webhooks/sms", "/sms/webhook"):
                paths.setdefault(alias, line)
    return paths
