"""Posted events, for both doors: which source is meant, how much it may send, who may post for it, and
what it is answered. A source that cannot be verified takes nothing; a door never decides by itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ringfence.delivery.flow import SourceSettings
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.events import EventIntake, Receipt
from ringfence.model.errors import (
    NotFound,
    NotPermitted,
    RingfenceError,
    SourceBlocked,
    TooMany,
    WrongRequest,
)
from ringfence.model.principal import Principal, PrincipalKind
from ringfence.sources import sources
from ringfence.sources.base import Answers, CarriesToken, Signing, Source, WebhookRequest


class EventPosts:
    """The sources of the configuration, and the intake behind them."""

    def __init__(self, kit: Equipment, intake: EventIntake) -> None:
        self._kit, self._intake = kit, intake

    def named(self, name: str) -> SourceSettings:
        """Raises NotFound, which lists nothing: who posts need not know what else there is."""
        source = self._kit.operations.sources.get(name)
        if source is None:
            raise NotFound("No source has this name; see `sources` in the configuration.")
        return source

    def of_kind(self, kind: str) -> SourceSettings:
        """Where an address names no source: the one called as its kind, else the only one of it.
        Raises NotFound."""
        known = self._kit.operations.sources
        if kind in known and known[kind].kind == kind:
            return known[kind]
        found = [source for source in known.values() if source.kind == kind]
        if len(found) != 1:
            raise NotFound("Name the source: POST /v1/events/NAME.")
        return found[0]

    def bytes_max(self, source: SourceSettings) -> int:
        return _codec(source).capabilities.body_bytes_max

    def is_signed(self, source: SourceSettings) -> bool:
        """Whether a request proves by itself that it is the source's."""
        signing = _codec(source).capabilities.signing
        return bool(source.secrets) and signing is not Signing.NEVER

    def verify(self, source: SourceSettings, request: WebhookRequest, now: datetime) -> None:
        """Raises SignatureRefused, BodyTooLarge."""
        _codec(source).verify(request, source.secrets, now)

    def token(self, source: SourceSettings, request: WebhookRequest) -> str:
        """The token that stands in the body, empty for none. Nothing was checked of it yet."""
        codec = _codec(source)
        return codec.token(request) if isinstance(codec, CarriesToken) else ""

    def admit(self, source: SourceSettings, principal: Principal) -> None:
        """Raises NotPermitted for a token that is not for this source, or for some lines only when
        the source starts flows on others. Whoever signed needs no token, and operators may."""
        if not principal.token_id or principal.kind is PrincipalKind.OPERATOR:
            named = True
        else:
            named = not source.tokens or principal.name in source.tokens
        if not named:
            raise NotPermitted("This token may not post for this source (sources.….tokens).")
        if not all(principal.covers(flow.line) for flow in self._flows(source)):
            raise NotPermitted("This source starts flows on lines that this token is not for.")

    async def take(
        self, source: SourceSettings, request: WebhookRequest, now: datetime
    ) -> dict[str, Any]:
        """Verify, read, store; answers what the sender is told, after the commit. Raises
        SignatureRefused, MalformedEvent, BodyTooLarge, TooMany, SourceBlocked, StoreError."""
        if source.blocked_reason:
            raise SourceBlocked(source.blocked_reason)
        codec = _codec(source)
        events = codec.parse(codec.verify(request, source.secrets, now))
        traceparent = request.headers.get("traceparent", "")
        receipt = await self._intake.accept(source, events, traceparent)
        if isinstance(codec, Answers):
            return dict(codec.answer(receipt.events))
        return _told(receipt)

    def refused(self, source: SourceSettings, error: RingfenceError) -> None:
        """Count a post that was refused. What its own rate refused is counted as that."""
        limited = isinstance(error, TooMany) and error.__cause__ is None
        if isinstance(error, WrongRequest | SourceBlocked) and not limited:
            self._intake.count(source.name, "refused")

    def _flows(self, source: SourceSettings) -> list[Any]:
        flows = self._kit.operations.flows
        return [flow for flow in flows if not flow.sources or source.name in flow.sources]


def _codec(source: SourceSettings) -> Source:
    return sources()[source.kind]


def _told(receipt: Receipt) -> dict[str, Any]:
    return {
        "accepted": len(receipt.ids) - len(receipt.duplicates),
        "duplicates": len(receipt.duplicates),
        "events": [
            {"id": id_, "duplicate": True} if id_ in receipt.duplicates else {"id": id_}
            for id_ in receipt.ids
        ],
    }
