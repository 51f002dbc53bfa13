"""The link in a page, `/a/TOKEN`, at the public door: looked at by anything that previews links, so
nothing happens but by a POST of its form. No script, no cookie, nothing cached, no referrer; strangers
see that it is not good, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs

from ringfence.gateway import links
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.rates import Rate
from ringfence.model.errors import (
    BodyUnreadable,
    InvalidField,
    NotFound,
    RingfenceError,
    TooMany,
    WrongMethod,
)
from ringfence.text.replies import ReplyVerb
from ringfence.web import link_page
from ringfence.web.arrivals import Arrivals
from ringfence.web.bodies import (
    RETRY_AFTER_S,
    Network,
    Receive,
    Scope,
    Send,
    answer,
    client_address,
    headers_of,
)

PREFIX: Final = "/a/"
ASKED_PER_MINUTE: Final = 120
BAD_PER_MINUTE: Final = 20
AT_ONCE: Final = 32
BODY_BYTES_MAX: Final = 2_048
BODY_TIMEOUT_S: Final = 5.0
HEADERS: Final = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex, nofollow"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", link_page.POLICY.encode()),
)


class PublicLinks:
    def __init__(self, kit: Equipment, trusted: tuple[Network, ...]) -> None:
        self._kit, self._trusted = kit, trusted
        self._asked, self._bad = Rate(ASKED_PER_MINUTE), Rate(BAD_PER_MINUTE)
        self._arrivals = Arrivals()

    def token_in(self, path: str) -> str | None:
        """What stands where a token would; None for any other path."""
        return path.removeprefix(PREFIX) if path.startswith(PREFIX) else None

    async def serve(self, scope: Scope, receive: Receive, send: Send, token: str) -> None:
        headers = headers_of(scope)
        client = client_address(scope, headers, self._trusted)
        try:
            page = await self._page(scope, receive, headers, token, client)
        except BodyUnreadable:
            return
        except RingfenceError as error:
            await _refuse(scope, send, error)
            return
        await _send(scope, send, 200, page)

    async def _page(
        self, scope: Scope, receive: Receive, headers: Mapping[str, str], token: str, client: str
    ) -> str:
        now = self._kit.clock.now()
        if not self._asked.allow(client, now) or self._bad.spent(client, now):
            raise TooMany("Too much was asked from your address; wait a minute.")
        try:
            if scope["method"] in ("GET", "HEAD"):
                linked = await self._kit.store.read(
                    lambda tx: links.look(self._kit, tx, token, now)
                )
                return link_page.page(self._kit, linked)
            if scope["method"] != "POST":
                raise WrongMethod("Open the link in a browser.")
            body = await self._read(scope, receive, headers, client)
            return await self._acted(token, body)
        except (NotFound, InvalidField):
            self._bad.allow(client, now)
            raise

    async def _read(
        self, scope: Scope, receive: Receive, headers: Mapping[str, str], client: str
    ) -> bytes:
        return await self._arrivals.read(
            scope,
            receive,
            headers,
            whole="links",
            client=client,
            at_once=AT_ONCE,
            bytes_max=BODY_BYTES_MAX,
            timeout_s=BODY_TIMEOUT_S,
        )

    async def _acted(self, token: str, body: bytes) -> str:
        verb, wanted = _form(body)
        kit, now = self._kit, self._kit.clock.now()
        linked, said = await kit.store.write(
            lambda tx: links.act(kit, tx, token, verb, wanted, now)
        )
        kit.alerts_bell.ring()
        kit.outbox_bell.ring()
        return link_page.page(kit, linked, said)


def _form(body: bytes) -> tuple[ReplyVerb, str]:
    """`act` and `alert`, each once. Raises InvalidField."""
    try:
        given = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=4)
        (act,), (alert,) = given["act"], given["alert"]
        return ReplyVerb(act), alert
    except (ValueError, KeyError):
        raise InvalidField("Use the buttons of the page.") from None


async def _refuse(scope: Scope, send: Send, error: RingfenceError) -> None:
    extra = [(b"retry-after", str(RETRY_AFTER_S).encode())] if error.retryable else []
    if isinstance(error, WrongMethod):
        extra.append((b"allow", b"GET, HEAD, POST"))
    await _send(scope, send, error.http_status, link_page.refusal(error), extra)


async def _send(
    scope: Scope, send: Send, status: int, page: str, extra: list[tuple[bytes, bytes]] | None = None
) -> None:
    body, headers = page.encode(), [*HEADERS, *(extra or [])]
    if scope["method"] == "HEAD":
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    await answer(send, status, body, headers)
