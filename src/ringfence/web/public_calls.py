"""Calls at the public door: what providers ask and report at a line's `voice_url`. Signed, bounded, and
answered with instructions; strangers learn nothing of the configuration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

from ringfence.gateway.call_desk import CallDesk
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.rates import Rate
from ringfence.model.errors import (
    BodyUnreadable,
    RingfenceError,
    TooMany,
    WrongMethod,
    WrongRequest,
)
from ringfence.model.line import Line
from ringfence.model.wire import WebhookRequest
from ringfence.web.arrivals import Arrivals
from ringfence.web.bodies import (
    Network,
    Receive,
    Scope,
    Send,
    answer,
    client_address,
    headers_of,
)
from ringfence.web.refusing import Refusing

BODY_BYTES_MAX: Final = 64 * 1024


class PublicCalls:
    def __init__(
        self,
        kit: Equipment,
        desk: CallDesk,
        lines: Iterable[Line],
        trusted: tuple[Network, ...],
        answers: Counter[tuple[str, int]],
    ) -> None:
        self._kit, self._desk, self._trusted = kit, desk, trusted
        self._paths = {
            urlsplit(line.voice_url).path: line
            for line in lines
            if line.enabled and line.voice_url and line.voice is not None
        }
        self._bad = {
            line.id: Rate(line.inbound.bad_requests_per_minute, line.inbound.tracked_keys_max)
            for line in self._paths.values()
        }
        self._arrivals = Arrivals()
        self._refusing = Refusing(kit, "voice webhook", "line")
        self._answers = answers

    def line_at(self, path: str) -> Line | None:
        return self._paths.get(path)

    async def serve(self, scope: Scope, receive: Receive, send: Send, line: Line) -> None:
        headers = headers_of(scope)
        client = client_address(scope, headers, self._trusted)
        try:
            if scope["method"] != "POST":
                raise WrongMethod("Voice webhooks are POSTed.")
            body = await self._read(scope, receive, headers, line, client)
            request = WebhookRequest(
                scope["method"],
                scope["path"],
                scope["query_string"].decode("latin-1"),
                headers,
                body,
                self._kit.clock.now(),
            )
            response = await self._desk.webhook(line, request)
        except BodyUnreadable:
            self._answers[line.id, 499] += 1
            return
        except WrongRequest as error:
            await self._refuse(send, line, self._counted(line, client, error), client)
            return
        except RingfenceError as error:
            await self._refuse(send, line, error, client)
            return
        self._answers[line.id, response.status] += 1
        raw = [(name.encode(), value.encode()) for name, value in response.headers.items()]
        await answer(send, response.status, response.body, raw)

    def _counted(self, line: Line, client: str, error: WrongRequest) -> RingfenceError:
        now = self._kit.clock.now()
        if isinstance(error, TooMany) or self._bad[line.id].allow(client, now):
            return error
        return TooMany(f"limits.badRequestsPerMinute of {line.id} is reached.")

    async def _read(
        self, scope: Scope, receive: Receive, headers: Mapping[str, str], line: Line, client: str
    ) -> bytes:
        return await self._arrivals.read(
            scope,
            receive,
            headers,
            whole=line.id,
            client=client,
            at_once=line.inbound.concurrent_max,
            bytes_max=BODY_BYTES_MAX,
            timeout_s=line.inbound.body_timeout_s,
        )

    async def _refuse(self, send: Send, line: Line, error: RingfenceError, client: str) -> None:
        self._answers[line.id, error.http_status] += 1
        allow = b"POST" if isinstance(error, WrongMethod) else b""
        await self._refusing.refuse(send, line.id, error, client, allow)
