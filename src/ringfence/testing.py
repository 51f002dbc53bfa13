"""The simulated carrier for other people's tests: Twilio's REST API and signed webhooks on
loopback, with phones to hold.

    async def test_my_agent_answers():
        async with SimulatedCarrier(webhook_url="http://127.0.0.1:8080/webhooks/sms") as carrier:
            start_my_gateway(
                api_base_url=carrier.base_url,
                account_sid=carrier.account_sid,
                auth_token=carrier.auth_token,
                number=carrier.number,
            )
            phone = carrier.phone("+15555550111")
            await phone.texts("hello")
            await phone.receives("hello to you")
            phone.has_nothing_unread()

Never reaches for anything but loopback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType

from ringfence.simulator import telnyx, telnyx_call_events
from ringfence.simulator.call_phone import NotHeard
from ringfence.simulator.call_scripts import SCRIPTS, CallScript, VoiceBehaviour
from ringfence.simulator.calls import Call, Played
from ringfence.simulator.carrier import Behaviour, Carrier
from ringfence.simulator.exchange import LogEntry
from ringfence.simulator.faults import Faults, Outcome
from ringfence.simulator.optout import OptOutHandling
from ringfence.simulator.phone import Attachment, NotReceived, Phone, Sent, Text
from ringfence.simulator.records import Alert, Message, Service
from ringfence.simulator.sids import DEFAULT_NUMBER
from ringfence.simulator.timeline import Clock, Timeline, by_name
from ringfence.simulator.voice import Voice
from ringfence.simulator.webhooks import Delivery, RetryMode, WebhookRequest
from ringfence.simulator.world import World, WorldSettings

__all__ = [
    "SCRIPTS",
    "Alert",
    "Attachment",
    "Behaviour",
    "Call",
    "CallScript",
    "Delivery",
    "Faults",
    "Message",
    "NotHeard",
    "NotReceived",
    "OptOutHandling",
    "Outcome",
    "Phone",
    "Played",
    "RetryMode",
    "Sent",
    "SimulatedCarrier",
    "Text",
    "Timeline",
    "VoiceBehaviour",
]


class SimulatedCarrier:
    """A carrier with one account and one number; use it as an async context manager.

    `webhook_url` is where inbound messages go, `voice_url` where it asks about calls. Empty SIDs and tokens are dealt from the seed.
    `provider="telnyx"` makes it Telnyx's API and webhooks: `auth_token` is its API key then;
    `provider="plivo"` Plivo's, with `account_sid` as its auth id.
    `callbacks=False` ends every message at once and reports nothing. `tunnel` maps a public origin
    ("https://sms.example.test") to a loopback one, as an operator's tunnel would. A `clock` (see
    `ringfence.clock.ManualClock`) lets a test move time.

    Raises ValueError for a number that is not E.164, OSError when started on a taken port."""

    def __init__(
        self,
        *,
        webhook_url: str = "",
        fallback_url: str = "",
        voice_url: str = "",
        number: str = DEFAULT_NUMBER,
        account_sid: str = "",
        auth_token: str = "",
        seed: int = 1,
        port: int = 0,
        trial: bool = False,
        provider: str = "twilio",
        callbacks: bool = True,
        faults: Faults | None = None,
        behaviour: Behaviour | None = None,
        retry_mode: RetryMode = RetryMode.CONNECT_ONLY,
        tunnel: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        settings = WorldSettings(
            seed=seed,
            port=port,
            number=number,
            account_sid=account_sid,
            auth_token=auth_token,
            webhook_url=webhook_url,
            fallback_url=fallback_url,
            voice_url=voice_url,
            trial=trial,
            provider=provider,
            callbacks=callbacks,
            faults=faults or Faults(),
            behaviour=behaviour or Behaviour(),
            retry_mode=retry_mode,
            tunnel=tunnel or {},
        )
        self.world = World(settings, clock)

    async def __aenter__(self) -> SimulatedCarrier:
        await self.world.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.world.__aexit__(kind, error, trace)

    # -- where and who ------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """The API's address, for `apiBaseUrl`; known once started."""
        return self.world.base_url

    @property
    def account_sid(self) -> str:
        return self.world.account.sid

    @property
    def auth_token(self) -> str:
        return self.world.account.auth_token

    @property
    def public_key(self) -> str:
        """What Telnyx webhooks are checked with, base64. Raises ValueError for another provider."""
        return telnyx.public_key(self.world.account)

    @property
    def messaging_profile_id(self) -> str:
        """The profile of the number; empty where the provider has none."""
        profile = self.world.profile
        return "" if profile is None else telnyx.uuid_of(profile.sid)

    @property
    def connection_id(self) -> str:
        """The account's call control application at Telnyx."""
        return telnyx_call_events.application_of(self.world.account)

    @property
    def number(self) -> str:
        """The account's number, E.164."""
        return self.world.line.number

    @property
    def webhook_url(self) -> str:
        """Where inbound messages go; may be set at any time (a fragment holds overrides)."""
        return self.world.line.sms.url

    @webhook_url.setter
    def webhook_url(self, url: str) -> None:
        self.world.line.sms.url = url

    @property
    def voice_url(self) -> str:
        """Where the carrier asks about inbound calls; may be set at any time."""
        return self.world.line.settings.get("voice_url", "")

    @voice_url.setter
    def voice_url(self, url: str) -> None:
        self.world.line.settings["voice_url"] = url

    def phone(self, number: str) -> Phone:
        """The handset with this number, E.164."""
        return self.world.exchange.phone(number)

    def service(self, name: str = "Simulated service", *, webhook_url: str = "") -> Service:
        """A Messaging Service with the account's numbers in its pool; `.sid` names it."""
        return self.world.service(name, webhook_url=webhook_url)

    def api_key(self) -> tuple[str, str]:
        """A new API key of the account: SID and secret, good in place of the auth token."""
        sid, secret = self.world.carrier.sids.deal("SK"), self.world.carrier.sids.token()
        self.world.account.api_keys[sid] = secret
        return sid, secret

    # -- what it does -------------------------------------------------------------------------

    @property
    def faults(self) -> Faults:
        """Fault probabilities; assign a new `Faults` to change them."""
        return self.world.dice.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self.world.dice.faults = faults

    def next_creates(self, *outcomes: Outcome) -> None:
        """How the next create requests end, one each, before probabilities are asked."""
        self.world.dice.order(outcomes)

    def script(self, recipient: str, timeline: Timeline | str) -> None:
        """What becomes of messages to this person: a Timeline, or `delivered`, `sent_only`,
        `read`, `stalled`, `silent`, `undelivered[:code]`, `failed[:code]`.

        Raises KeyError for an unknown name."""
        chosen = by_name(timeline) if isinstance(timeline, str) else timeline
        self.world.carrier.scripts[recipient] = chosen

    def script_call(self, number: str, script: CallScript | str) -> None:
        """What this person's phone does by itself when it is called: a CallScript, or `rings`,
        `answers`, `voicemail`, `fax`, `silent`, `busy`, `failed`, `off`.

        Raises KeyError for an unknown name."""
        chosen = SCRIPTS[script] if isinstance(script, str) else script
        self.voice.scripts[number] = chosen

    def opt_out(self, person: str, scope: str = "") -> None:
        """Block a person for a number or a service (the account's number if not given)."""
        self.world.carrier.opt_outs.block(scope or self.number, person)

    async def posts(
        self, fields: Sequence[tuple[str, str]], *, url: str = "", auth_token: str = ""
    ) -> Delivery:
        """Post any form to `url` (the number's webhook if not given), signed with `auth_token` (the
        account's if not given): for forged, foreign and misshapen webhooks."""
        world = self.world
        request = WebhookRequest(
            url or self.webhook_url,
            "POST",
            tuple(fields),
            auth_token or self.auth_token,
            world.carrier.sids.idempotency_token(),
        )
        return await world.deliverer.deliver(request)

    async def settles(self) -> None:
        """Wait until no message is under way and no callback is owed."""
        await self.world.exchange.settle()

    # -- what happened ------------------------------------------------------------------------

    @property
    def carrier(self) -> Carrier:
        """The state itself: accounts, lines, services, opt-outs."""
        return self.world.carrier

    @property
    def messages(self) -> Sequence[Message]:
        """All messages, both directions, in order of creation."""
        return tuple(self.world.carrier.messages.values())

    @property
    def sent(self) -> Sequence[Message]:
        """Messages that were accepted from the account, in order."""
        return tuple(m for m in self.messages if m.is_outbound)

    @property
    def voice(self) -> Voice:
        """The calls themselves: how fast things happen, sessions, recordings."""
        return self.world.exchange.voice

    @property
    def calls(self) -> Sequence[Call]:
        """All calls, both directions and dialled legs, in order of creation; `played` is what each
        person heard."""
        return tuple(self.voice.book.calls.values())

    @property
    def webhooks(self) -> Sequence[LogEntry]:
        """Webhooks as they went out, and how they ended (the latest 1,000)."""
        return tuple(self.world.exchange.log)

    @property
    def alerts(self) -> Sequence[Alert]:
        """The debugger: unreachable webhooks (11200), bad answers."""
        return tuple(self.world.carrier.alerts)

    @property
    def by_status(self) -> Mapping[str, int]:
        """How many messages stand at each status."""
        counts: dict[str, int] = {}
        for message in self.messages:
            counts[message.status] = counts.get(message.status, 0) + 1
        return counts
