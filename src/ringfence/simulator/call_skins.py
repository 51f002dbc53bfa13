"""How each provider asks about calls and reports on them: one engine, a skin for each whose account it
is. A skin turns what happened into forms, answers into verbs, and says who plays them; it posts nothing
and decides nothing about calls. Twilio's stands here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from ringfence.simulator import call_dialect, plivo, plivo_calls, twiml_voice
from ringfence.simulator.records import Webhook
from ringfence.simulator.twiml_play import Player
from ringfence.simulator.twiml_voice import Script
from ringfence.simulator.webhooks import Delivery, Fields, WebhookRequest

if TYPE_CHECKING:
    from ringfence.simulator.call_session import Session
    from ringfence.simulator.calls import Call
    from ringfence.simulator.carrier import Carrier
    from ringfence.simulator.voice import Voice


class CallSkin(Protocol):
    """One provider. `ends_where_asked`: the end of a call that came in is told at the address that
    was asked about it, where nothing else is set."""

    ends_where_asked: bool

    def player(self, voice: Voice, session: Session) -> Player:
        """Who plays this provider's documents on a leg."""

    def asking(self, call: Call) -> Fields:
        """What every question about a call carries."""

    def asking_again(self, url: str) -> Fields:
        """What the question at the fallback address carries besides, `url` having failed."""

    def progress(
        self, call: Call, event: str, word: str, now: datetime
    ) -> tuple[Webhook, Fields] | None:
        """Where an event of a leg is told, and how: `initiated`, `ringing`, `answered`, `completed`.
        `word` is the status that goes with it. None: it is told to nobody."""

    def verdict(self, call: Call, took_ms: int) -> Fields:
        """What machine detection tells at its own address; nothing where it tells nothing."""

    def request(
        self, carrier: Carrier, call: Call, hook: Webhook, fields: Sequence[tuple[str, str]]
    ) -> WebhookRequest:
        """A webhook about a call, ready to be signed and sent."""

    def read(self, delivery: Delivery) -> Script:
        """What an answer to a question says, or that none came."""


class TwilioSkin:
    """TwiML and signed forms (call_dialect.py)."""

    ends_where_asked = False

    def player(self, voice: Voice, session: Session) -> Player:
        return Player(voice, session)

    def asking(self, call: Call) -> Fields:
        return call_dialect.voice_fields(call)

    def asking_again(self, url: str) -> Fields:
        return [("ErrorCode", "11200"), ("ErrorUrl", url)]

    def progress(
        self, call: Call, event: str, word: str, now: datetime
    ) -> tuple[Webhook, Fields] | None:
        if not call.status_callback.url:
            return None
        return call.status_callback, call_dialect.progress_fields(call, word, now, call.sequence)

    def verdict(self, call: Call, took_ms: int) -> Fields:
        return call_dialect.verdict_fields(call, took_ms)

    def request(
        self, carrier: Carrier, call: Call, hook: Webhook, fields: Sequence[tuple[str, str]]
    ) -> WebhookRequest:
        account = carrier.accounts[call.account_sid]
        token = carrier.sids.idempotency_token()
        return WebhookRequest(hook.url, hook.method, tuple(fields), account.auth_token, token)

    def read(self, delivery: Delivery) -> Script:
        if not delivery.reached:
            return Script(error_code=11200, error="the instructions could not be fetched")
        return twiml_voice.read(delivery.status or 0, delivery.content_type, delivery.body)


TWILIO = TwilioSkin()


SKINS: dict[str, CallSkin] = {plivo.PROVIDER: plivo_calls.SKIN}


def skin_of(provider: str) -> CallSkin:
    return SKINS.get(provider, TWILIO)
