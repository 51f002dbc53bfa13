"""Events at the public door, of the sources that are `public`: only what their secret signed, or what
shows a good `events` token. An operator's token is nothing here: it must never travel this way.
Everything is bounded before it is looked at, and strangers learn nothing of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson

from ringfence.delivery.flow import SourceSettings
from ringfence.gateway import principals
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.rates import Rate
from ringfence.model.errors import (
    BodyUnreadable,
    RingfenceError,
    SourceBlocked,
    StoreError,
    TokenRefused,
    TooMany,
    WrongMethod,
    WrongRequest,
)
from ringfence.model.principal import PrincipalKind
from ringfence.model.wire import WebhookRequest
from ringfence.web.arrivals import Arrivals
from ringfence.web.bodies import (
    Network,
    Receive,
    Scope,
    Send,
    answer,
    bearer_in,
    client_address,
    headers_of,
)
from ringfence.web.event_posts import EventPosts
from ringfence.web.refusing import Refusing

PREFIX: Final = "/events/"
BAD_PER_MINUTE: Final = 60
AT_ONCE: Final = 32
BODY_TIMEOUT_S: Final = 5.0


class PublicEvents:
    def __init__(self, kit: Equipment, posts: EventPosts, trusted: tuple[Network, ...]) -> None:
        self._kit, self._posts, self._trusted = kit, posts, trusted
        self._bad = Rate(BAD_PER_MINUTE)
        self._arrivals = Arrivals()
        self._refusing = Refusing(kit, "event", "source")

    def source_at(self, path: str) -> SourceSettings | None:
        """The public source of a path; None for any other."""
        if not path.startswith(PREFIX):
            return None
        source = self._kit.operations.sources.get(path.removeprefix(PREFIX))
        return source if source is not None and source.public else None

    async def serve(
        self, scope: Scope, receive: Receive, send: Send, source: SourceSettings
    ) -> None:
        headers = headers_of(scope)
        client = client_address(scope, headers, self._trusted)
        try:
            if scope["method"] != "POST":
                raise WrongMethod("Events are POSTed.")
            document = await self._taken(scope, receive, headers, source, client)
        except BodyUnreadable:
            return  # nobody is there to be answered; without an answer it is sent again
        except (WrongRequest, SourceBlocked, StoreError) as error:
            await self._refuse(send, source, client, error)
            return
        body = orjson.dumps(document)
        kind = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        await answer(send, 202, body, kind)

    async def _taken(
        self,
        scope: Scope,
        receive: Receive,
        headers: Mapping[str, str],
        source: SourceSettings,
        client: str,
    ) -> Mapping[str, object]:
        if source.blocked_reason:
            raise SourceBlocked(source.blocked_reason)
        body = await self._arrivals.read(
            scope,
            receive,
            headers,
            whole=f"source {source.name}",
            client=client,
            at_once=AT_ONCE,
            bytes_max=self._posts.bytes_max(source),
            timeout_s=BODY_TIMEOUT_S,
        )
        query = scope["query_string"].decode("latin-1")
        request = WebhookRequest("POST", scope["path"], query, headers, body)
        await self._prove(source, request)
        return await self._posts.take(source, request, self._kit.clock.now())

    async def _prove(self, source: SourceSettings, request: WebhookRequest) -> None:
        """Raises SignatureRefused, TokenRefused, NotPermitted. Who shows a token is judged by it, and
        by the signature too where there is a secret; who shows none, by the signature alone."""
        given, now = request.headers.get("authorization"), self._kit.clock.now()
        if given is None and self._posts.is_signed(source):
            self._posts.verify(source, request, now)
            return
        bearer = self._posts.token(source, request) if given is None else bearer_in(given)
        principal = await principals.authenticate(self._kit, bearer, now)
        if principal.kind is not PrincipalKind.EVENTS:
            raise TokenRefused("No token like this is known.")
        self._posts.admit(source, principal)

    async def _refuse(
        self, send: Send, source: SourceSettings, client: str, error: RingfenceError
    ) -> None:
        """Bad requests are counted against the client; only further bad ones feel it."""
        self._posts.refused(source, error)
        counted = isinstance(error, WrongRequest) and not isinstance(error, TooMany)
        if counted and not self._bad.allow(client, self._kit.clock.now()):
            error = TooMany("Too many bad requests came from this address.")
        allow = b"POST" if isinstance(error, WrongMethod) else b""
        await self._refusing.refuse(send, source.name, error, client, allow)
