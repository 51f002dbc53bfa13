"""The conversations of this process, by call: opened by a token that the call core asked for, one at a time
for each call, and told from outside what to say and when to end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from ringfence.gateway.converse import Conversation
from ringfence.gateway.live_call import Live, MediaSocket, Relayed
from ringfence.gateway.relay import RelayConversation
from ringfence.gateway.stream_tokens import StreamTokens
from ringfence.model.errors import NotFound
from ringfence.model.wire import WebhookRequest
from ringfence.ports import Clock
from ringfence.voice.events import Leaving, Replaced, SessionEvent


class PreparesCalls(Protocol):
    """The call core, as far as streams need it."""

    async def live(self, call_id: str) -> Live | Relayed:
        """Everything about this call for a stream that is about to open, its script as it stands now (what
        was heard before is not said again). Raises NotFound for a call that is over, LineBlocked,
        StoreError."""


Talk = Conversation | RelayConversation


class Conversations:
    """The core asks for a `token` when it tells a provider to open a stream."""

    def __init__(
        self,
        core: PreparesCalls,
        tokens: StreamTokens,
        clock: Clock,
        monotonic: Callable[[], float],
    ) -> None:
        self._core = core
        self._clock = clock
        self._monotonic = monotonic
        self._under_way: dict[str, Talk] = {}
        self.tokens = tokens

    @property
    def count(self) -> int:
        return len(self._under_way)

    def token(self, call_id: str) -> str:
        """A token for this call's stream. Raises TooMany."""
        return self.tokens.issue(call_id, self._now())

    def tell(self, call_id: str, event: SessionEvent) -> bool:
        """Say, press, end or kill; False for a call that has no conversation here."""
        conversation = self._under_way.get(call_id)
        if conversation is not None:
            conversation.tell(event)
        return conversation is not None

    def tell_all(self, event: SessionEvent) -> None:
        for conversation in list(self._under_way.values()):
            conversation.tell(event)

    def leave(self) -> None:
        """This process ends: every stream is let go with its record whole, and no call is hung up."""
        self.tell_all(Leaving())

    async def open(
        self,
        token: str,
        request: WebhookRequest,
        socket: MediaSocket,
        on_start: Callable[[], None],
    ) -> Talk:
        """The conversation that this socket is for, to be given to `run`. Uses the token
        up. Raises NotFound for a token that opens nothing and a call that is over, SignatureRefused,
        LineBlocked, StoreError."""
        call_id = self.tokens.look(token, self._now())
        if call_id is None:
            raise NotFound("This stream was not asked for, or was opened before.")
        live = await self._core.live(call_id)
        live.dialect.verify_upgrade(request, live.line, f"{live.url.rstrip('/')}/{token}")
        if self.tokens.claim(token, self._now()) != call_id:
            raise NotFound("This stream was opened by another socket just now.")
        if isinstance(live, Relayed):
            return RelayConversation(live, socket, self._clock, self._monotonic, on_start)
        return Conversation(live, socket, self._clock, self._monotonic, on_start)

    async def run(self, conversation: Talk) -> None:
        """Until it is over. An older one of the same call is told that it is nobody's (B139)."""
        call_id = conversation.call_id
        older = self._under_way.get(call_id)
        self._under_way[call_id] = conversation
        if older is not None:
            older.tell(Replaced())
        try:
            await conversation.run()
        finally:
            if self._under_way.get(call_id) is conversation:
                del self._under_way[call_id]

    def _now(self) -> datetime:
        return self._clock.now()
