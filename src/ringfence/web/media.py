"""The door for media sockets on the public listener: `/voice/stream/TOKEN`, nothing else. Takes a place
among the sockets, opens the conversation the token is for, and closes with a code that says why. Plain
ASGI: whoever serves it bounds a message before it is read (`FRAME_BYTES_MAX`), and so does this."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Final

from ringfence.gateway.conversations import Conversations, Talk
from ringfence.gateway.live_shell import BROKEN, POLICY
from ringfence.gateway.stream_tokens import TOKEN, Place, StreamPlaces
from ringfence.model.errors import (
    LineBlocked,
    NotFound,
    SignatureRefused,
    StoreError,
    TooMany,
    WrongRequest,
)
from ringfence.model.wire import WebhookRequest
from ringfence.ports import Clock
from ringfence.web.bodies import Receive, Scope, Send, client_address, headers_of, networks
from ringfence.web.seldom import Seldom

log = logging.getLogger("ringfence.public")

STREAM_PATH: Final = "/voice/stream"
FRAME_BYTES_MAX: Final = 64 * 1024
TOO_LARGE: Final = 1009
UNSUPPORTED: Final = 1003
_PATH_CHARACTERS_MAX: Final = 256


class AsgiSocket:
    """A websocket of ASGI as `MediaSocket`. `close_code` is set where it was ended for what it sent."""

    def __init__(self, receive: Receive, send: Send, frame_bytes_max: int) -> None:
        self._receive, self._send = receive, send
        self._frame_bytes_max = frame_bytes_max
        self._is_open = True
        self.close_code: int | None = None

    async def send(self, text: str) -> None:
        if not self._is_open:
            raise ConnectionError("the media socket is closed")
        try:
            await self._send({"type": "websocket.send", "text": text})
        except (OSError, RuntimeError) as error:
            # Servers say in different words that the other side has gone.
            self._is_open = False
            raise ConnectionError("the media socket is gone") from error

    async def receive(self) -> str | None:
        if not self._is_open:
            return None
        message = await self._receive()
        if message["type"] != "websocket.receive":
            self._is_open = False
            return None
        text = message.get("text")
        if text is None:
            # No provider sends binary frames (facts voice 1.4).
            self._refuse(UNSUPPORTED, len(message.get("bytes") or b""))
        elif len(text) > self._frame_bytes_max or len(text.encode()) > self._frame_bytes_max:
            self._refuse(TOO_LARGE, len(text))
        return None if self.close_code else str(text)

    def _refuse(self, code: int, size: int) -> None:
        """What it sent is not looked at, and it may send no more."""
        self.close_code = code
        log.warning("a media frame was refused", extra={"status": code, "size": size})

    async def close(self, code: int) -> None:
        """Once; no error where the other side was first."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            await self._send({"type": "websocket.close", "code": self.close_code or code})
        except (OSError, RuntimeError):
            pass


class MediaDoor:
    """`token_in` says whether a path is its own; `serve` takes the socket."""

    def __init__(
        self,
        conversations: Conversations,
        places: StreamPlaces,
        clock: Clock,
        *,
        paths: Iterable[str] = (STREAM_PATH,),
        trusted_proxies: Iterable[str] = (),
        frame_bytes_max: int = FRAME_BYTES_MAX,
    ) -> None:
        self._conversations = conversations
        self._places = places
        self._clock = clock
        self._prefixes = tuple(sorted({path.rstrip("/") + "/" for path in paths}))
        self._trusted = networks(trusted_proxies)
        self._frame_bytes_max = frame_bytes_max
        self._seldom = Seldom()

    def token_in(self, path: str) -> str | None:
        """The token of a stream's path; None for any other path, also one that merely begins like it
        (B109)."""
        if len(path) > _PATH_CHARACTERS_MAX:
            return None
        rest = (path[len(one) :] for one in self._prefixes if path.startswith(one))
        return next((token for token in rest if TOKEN.fullmatch(token)), None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A websocket scope. What is not asked for here is not upgraded: the server answers 403."""
        token = self.token_in(scope["path"])
        if token is None:
            await _refuse_upgrade(receive, send)
            return
        headers = headers_of(scope)
        client = client_address(scope, headers, self._trusted)
        try:
            place = self._places.enter(client)
        except TooMany as error:
            self._tell(client, error)
            await _refuse_upgrade(receive, send)
            return
        try:
            await self._serve(scope, receive, send, token, headers, client, place)
        finally:
            place.leave()

    async def _serve(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        token: str,
        headers: dict[str, str],
        client: str,
        place: Place,
    ) -> None:
        if (await receive())["type"] != "websocket.connect":
            return
        await send({"type": "websocket.accept"})
        socket = AsgiSocket(receive, send, self._frame_bytes_max)
        query = scope["query_string"].decode("latin-1")
        request = WebhookRequest("GET", scope["path"], query, headers, b"", self._clock.now())
        try:
            conversation = await self._conversations.open(token, request, socket, place.started)
        except (NotFound, SignatureRefused, LineBlocked) as error:
            self._tell(client, error)
            await socket.close(POLICY)
        except StoreError as error:
            self._tell(client, error)
            await socket.close(BROKEN)
        else:
            await self._talk(conversation, socket, place)

    async def _talk(self, conversation: Talk, socket: AsgiSocket, place: Place) -> None:
        try:
            await self._conversations.run(conversation)
        finally:
            # The other side may take long to close; it does not keep anybody else out meanwhile.
            place.leave()
            await socket.close(conversation.close_code)

    def _tell(self, client: str, error: WrongRequest | LineBlocked | StoreError) -> None:
        """Into the log, seldom: strangers may knock as often as they like."""
        passed_over = self._seldom.due(f"{client}/{error.code}", self._clock.now().timestamp())
        if passed_over is None:
            return
        detail: dict[str, Any] = {"error": error.code, "detail": error.detail}
        log.warning("media socket refused", extra={**detail, "not_logged": passed_over or None})


async def _refuse_upgrade(receive: Receive, send: Send) -> None:
    """Closed before it was accepted: an HTTP answer, and no socket."""
    await receive()
    await send({"type": "websocket.close", "code": POLICY})
