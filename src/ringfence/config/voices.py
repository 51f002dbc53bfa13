"""One account of `channels.voice` becomes the VoiceSettings of its line. What cannot be right is a
problem; what is right but cannot run yet blocks the calls of this line only, with a reason, while its
texts go on. Whom the lists name is said here alone: no configuration, no calls."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from ringfence.config.accounts import Account
from ringfence.config.lines import below, normalised_path
from ringfence.config.names import snake_keys
from ringfence.config.numbers import read_number
from ringfence.config.problems import Problems, join_path
from ringfence.config.reach import is_loopback, unreachable
from ringfence.config.secrets import SecretResolver
from ringfence.config.speech import SpeechMaker
from ringfence.config.voice_routes import RouteMaker, whole_seconds
from ringfence.model.call import CallMode
from ringfence.model.errors import InvalidNumber, SecretUnavailable
from ringfence.model.line import AccessPolicy, Line, Purpose, Secret
from ringfence.model.phone import PhoneNumber
from ringfence.model.realtime import RealtimeChoice
from ringfence.model.voice import (
    MessageSettings,
    RelaySettings,
    Route,
    Sentences,
    StreamSettings,
    TurnDetector,
    TurnTaking,
    VoiceSettings,
)
from ringfence.providers import relay_dialects

WEBHOOK_PATH = "/voice/webhook"
STREAM_PATH = "/voice/stream"
_PIN = re.compile(r"[0-9]{4,12}\Z")
_PLAIN = {
    "pinTries": "pin_tries",
    "maxDurationSeconds": "limit_s",
    "maxConcurrentCalls": "at_once",
    "staleCallReaperSeconds": "reap_s",
    "silenceTimeoutMs": "silence_ms",
    "detectMachines": "detects_machines",
    "voicemail": "voicemail",
}
_STREAM = {
    "maxPendingConnections": "pending_max",
    "maxPendingConnectionsPerIp": "pending_per_address_max",
    "maxConnections": "sockets_max",
    "leadMs": "lead_ms",
}


@dataclass(slots=True)
class VoiceMaker:
    """What making the calls of a line needs from outside, and where findings go."""

    resolver: SecretResolver
    problems: Problems
    warnings: list[str]
    public_base_url: str | None
    agent_ids: tuple[str, ...]
    environ: Mapping[str, str]

    def make(self, line: Line, account: Account, voice: Account) -> Line:
        """The line with its calls; switched off, they are not there at all, nor their secrets looked
        up."""
        if not voice.enabled or not line.enabled:
            return line
        return _Making(self, line, account, voice).line_with_calls()


@dataclass(slots=True)
class _Making:
    """The calls of one line under way. `blocked` are reasons why there will be none yet."""

    maker: VoiceMaker
    line: Line
    account: Account
    voice: Account

    def line_with_calls(self) -> Line:
        values = self.voice.values
        blocked: list[str] = []
        path = self._path("webhookPath", values.get("webhookPath", WEBHOOK_PATH), WEBHOOK_PATH)
        url = values.get("publicUrl") or below(self.maker.public_base_url, path)
        self._judge_reach(url, blocked)
        if self.line.provider == "telnyx" and not self._connection:
            blocked.append("no connection to call by: set telnyx.connectionId")
        speech = SpeechMaker(self.maker.resolver, self.maker.problems, self.maker.environ).make
        routes = RouteMaker(
            self.maker.agent_ids, speech, self.maker.problems, self.line, self.voice
        )
        route = routes.base()
        stream = self._stream(url, path)
        realtime = self._realtime(stream, blocked)
        self._judge_speech(stream, route, blocked, hears=realtime is None)
        relay = self._relay(url, path, stream)
        pin = self._pin(blocked)
        access = self._access(pin)
        settings = VoiceSettings(
            webhook_path=path,
            route=route,
            access=access,
            allow_from=self._numbers("allowFrom"),
            allow_anyone=access is AccessPolicy.OPEN,
            allow_to=self._numbers("allowTo"),
            default_to=self._number("toNumber") or self.line.default_to,
            pin=pin,
            routes=routes.routes(route, self._read),
            turns=self._turns(),
            sentences=Sentences(**snake_keys(values.get("sentences", {}))),
            stream=stream,
            relay=relay,
            realtime=realtime,
            summary=values.get("summary", "owner") == "owner",
            messages=self._messages(),
            validate_signature=not values.get("skipSignatureVerification", False),
            connection_id=self._connection,
            **self._durations(),
            **{name: values[key] for key, name in _PLAIN.items() if key in values},
        )
        self._judge_reaper(settings)
        self._judge_callers(settings)
        reason = "; ".join(blocked) or None
        return replace(
            self.line,
            voice=replace(settings, blocked_reason=reason),
            voice_url=None if blocked else url,
        )

    # -- addresses --------------------------------------------------------------------------------

    def _path(self, key: str, raw: str, default: str) -> str:
        path = normalised_path(raw)
        if path is None:
            expected = f"a path such as {default}, without query or .."
            self.maker.problems.add(self.voice.path(key), expected, raw)
        return path or default

    def _judge_reach(self, url: str | None, blocked: list[str]) -> None:
        """B119: a real carrier cannot ask at a private address; a stand-in on this machine can."""
        if url is None:
            blocked.append(
                "no public address: set publicUrl (or gateway.publicBaseUrl), where the provider asks "
                "what to do with a call"
            )
            return
        why = unreachable(url)
        if why and not self._is_stand_in:
            self.maker.problems.add(
                self.voice.path("publicUrl"),
                f"an address the provider can reach from the internet (this is {why})",
                url,
            )
        elif url.lower().startswith("http:") and not why:
            self._warn("publicUrl", "is plain http: what is said on calls travels in clear")

    @property
    def _is_stand_in(self) -> bool:
        return is_loopback(self.line.api_base_url)

    @property
    def _connection(self) -> str:
        if self.line.provider != "telnyx":
            return ""
        return str(self.voice.values.get("telnyx", {}).get("connectionId", ""))

    # -- people -----------------------------------------------------------------------------------

    def _access(self, pin: Secret | None) -> AccessPolicy:
        """Without the PIN that was asked for nobody gets in."""
        access = AccessPolicy(self.voice.values.get("inboundPolicy", "disabled"))
        lost_pin = pin is None and "pin" in {*self.voice.values, *self.voice.bad}
        open_hotline = access is AccessPolicy.OPEN and self.line.purpose is Purpose.HOTLINE
        if open_hotline and pin is None:
            self._warn("inboundPolicy", "is open on a hotline: whoever calls talks to the agent")
        return AccessPolicy.DISABLED if lost_pin else access

    def _numbers(self, key: str) -> frozenset[str]:
        """A list of calls alone: who may write may not therefore call or be called (decision 0015)."""
        entries = self.voice.values.get(key, [])
        read = [self._read(key, entry, index) for index, entry in enumerate(entries)]
        return frozenset(number.e164 for number in read if number is not None)

    def _number(self, key: str) -> PhoneNumber | None:
        value = self.voice.values.get(key)
        return None if value is None else self._read(key, value)

    def _read(self, key: str, value: str | int, index: int | None = None) -> PhoneNumber | None:
        place = self.voice.path(key)
        place = place if index is None else join_path(place, index)
        if str(value).strip() == "*":
            self.maker.problems.add(
                place, 'a phone number (everybody is inboundPolicy "open")', got='"*"'
            )
            return None
        try:
            return read_number(value, self.account.values.get("defaultRegion"))
        except InvalidNumber as error:
            self.maker.problems.add(place, f"a phone number ({error.detail.rstrip('.')})", value)
            return None

    def _pin(self, blocked: list[str]) -> Secret | None:
        wanted = self.voice.values.get("pin")
        if wanted is None:
            return None
        try:
            pin = self.maker.resolver.resolve(wanted)
        except SecretUnavailable as error:
            blocked.append(f"{self.voice.path('pin')}: {error.detail}")
            return None
        if not _PIN.match(pin.reveal()):
            self.maker.problems.add(self.voice.path("pin"), "4 to 12 digits", got="something else")
        return pin

    # -- turns and durations -------------------------------------------------------------------------

    def _turns(self) -> TurnTaking:
        values = snake_keys(self.voice.values.get("turns", {}))
        if "detector" in values:
            values["detector"] = TurnDetector(values["detector"])
        if values.get("interrupt_ms") == 0:
            values["interrupt_ms"] = None
        if "responseTimeoutMs" in self.voice.values:
            values["agent_s"] = whole_seconds(self.voice.values["responseTimeoutMs"])
        return TurnTaking(**values)

    def _durations(self) -> dict[str, Any]:
        """Keys in other units, or in a group, than ours."""
        values, outbound = self.voice.values, self.voice.values.get("outbound", {})
        taken: dict[str, Any] = {}
        if "ringTimeoutMs" in values:
            taken["ring_s"] = whole_seconds(values["ringTimeoutMs"])
        if "transcriptTimeoutMs" in values:
            taken["reply_wait_s"] = whole_seconds(values["transcriptTimeoutMs"])
        if "defaultMode" in outbound:
            taken["mode"] = CallMode(outbound["defaultMode"])
        if "notifyHangupDelaySec" in outbound:
            taken["notify_hangup_s"] = outbound["notifyHangupDelaySec"]
        return taken

    def _messages(self) -> MessageSettings | None:
        values = snake_keys(self.voice.values.get("messages", {}))
        return MessageSettings(**values) if values.pop("enabled", False) else None

    # -- live sound -------------------------------------------------------------------------------

    def _stream(self, url: str | None, webhook_path: str) -> StreamSettings | None:
        values = self.voice.values.get("streaming", {})
        if not values.get("enabled", False):
            return None
        raw = values.get("streamPath", STREAM_PATH)
        path = self._path("streaming.streamPath", raw, STREAM_PATH)
        address = values.get("publicUrl") or _socket_address(url or "", webhook_path, path)
        if address.lower().startswith("ws:") and not self._is_stand_in:
            self.maker.problems.add(
                self.voice.path("streaming.publicUrl"),
                "wss, or a publicUrl with https: no provider opens a media socket in clear",
                address,
            )
        elif "publicUrl" in values and (why := unreachable(address)) and not self._is_stand_in:
            self.maker.problems.add(
                self.voice.path("streaming.publicUrl"),
                f"an address the provider can reach from the internet (this is {why})",
                address,
            )
        limits = {name: values[key] for key, name in _STREAM.items() if key in values}
        if "preStartTimeoutMs" in values:
            limits["start_s"] = whole_seconds(values["preStartTimeoutMs"])
        return StreamSettings(path, address, **limits)

    def _realtime(self, stream: StreamSettings | None, blocked: list[str]) -> RealtimeChoice | None:
        maker = self.maker
        speech = SpeechMaker(maker.resolver, maker.problems, maker.environ)
        path = self.voice.path("realtime")
        choice = speech.realtime(self.voice.values.get("realtime", {}), path)
        if choice is None:
            return None
        if stream is None:
            maker.problems.refuse(join_path(path, "enabled"), "needs streaming.enabled")
        if choice.service.blocked_reason:
            blocked.append(choice.service.blocked_reason)
        if not choice.instructions.strip():
            self._warn("realtime.instructions", "is empty: the model is told nothing of its task")
        return choice

    def _relay(
        self, url: str | None, webhook_path: str, stream: StreamSettings | None
    ) -> RelaySettings | None:
        """Text over a socket beside the webhook, where the provider has such a thing."""
        values = self.voice.values.get("relay", {})
        if not values.get("enabled", False):
            return None
        place = self.voice.path("relay.enabled")
        if self.line.provider not in relay_dialects():
            self.maker.problems.refuse(place, f"is for Twilio; {self.line.provider} has no relay")
        if stream is not None:
            self.maker.problems.refuse(
                place, "and streaming.enabled exclude each other: switch one off"
            )
        address = _socket_address(url or "", webhook_path, STREAM_PATH)
        if address.lower().startswith("ws:") and not self._is_stand_in:
            self.maker.problems.refuse(
                place, "needs a publicUrl with https: no provider opens a socket in clear"
            )
        return RelaySettings(
            address,
            voice=values.get("voice", ""),
            speaks_by=values.get("ttsProvider", ""),
            hears_by=values.get("transcriptionProvider", ""),
            hints=values.get("hints", ""),
        )

    def _judge_speech(
        self, stream: StreamSettings | None, route: Route, blocked: list[str], *, hears: bool
    ) -> None:
        """Live sound needs an ear and a mouth: the provider's own must not step in unseen (B146). A
        model that hears by itself needs no ear, but the gateway's own words still need a mouth."""
        if stream is None:
            return
        ears = (("stt", route.ears, "hears"),) if hears else ()
        for key, choice, names in (*ears, ("tts", route.mouth, "speaks")):
            if choice is None and f"{key}.provider" not in self.voice.bad | {key}:
                self.maker.problems.refuse(
                    self.voice.path(f"{key}.provider"),
                    f"is needed with streaming: name the service that {names}",
                )
            elif choice is not None and choice.blocked_reason:
                blocked.append(choice.blocked_reason)

    # -- what is told -----------------------------------------------------------------------------

    def _judge_reaper(self, settings: VoiceSettings) -> None:
        if 0 < settings.reap_s <= settings.ring_s:
            self._warn(
                "staleCallReaperSeconds",
                f"is not above ringTimeoutMs ({settings.ring_s} s): calls are hung up while they ring",
            )

    def _judge_callers(self, settings: VoiceSettings) -> None:
        listed = settings.allow_from or self.line.owners
        if settings.access is AccessPolicy.ALLOWLIST and not listed:
            self._warn("allowFrom", "is empty, and there are no owners: nobody may call")
        if not settings.validate_signature:
            self._warn(
                "skipSignatureVerification", f"is on: line {self.line.id} takes unsigned calls"
            )

    def _warn(self, key: str, text: str) -> None:
        self.maker.warnings.append(f"{self.voice.path(key)} {text}")


def _socket_address(url: str, webhook_path: str, stream_path: str) -> str:
    """Beside the webhook, whatever a proxy puts before its path."""
    parts = urlsplit(url)
    if not parts.netloc:
        return ""
    scheme = "wss" if parts.scheme.lower() == "https" else "ws"
    before = parts.path.removesuffix(webhook_path) if parts.path.endswith(webhook_path) else ""
    return f"{scheme}://{parts.netloc}{before}{stream_path}"
