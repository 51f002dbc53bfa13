"""Takes the calls out of an OpenClaw configuration: what its voice-call plugin is told becomes
`channels.voice` (facts/openclaw.md 2.1). Every key is taken, or named with the reason it stays. Values
come over as they are; whether they can stand is for the check that follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ringfence.config.schema.voice import EARS, MOUTHS

PLUGIN = "voice-call"
PATH = f"plugins.entries.{PLUGIN}.config"
_SAME = (
    *("fromNumber", "toNumber", "inboundPolicy", "allowFrom", "inboundGreeting", "publicUrl"),
    *("maxDurationSeconds", "staleCallReaperSeconds", "silenceTimeoutMs", "transcriptTimeoutMs"),
    *("ringTimeoutMs", "maxConcurrentCalls", "skipSignatureVerification", "responseTimeoutMs"),
)
_GROUPS: Mapping[str, tuple[str, ...]] = {
    "outbound": ("defaultMode", "notifyHangupDelaySec"),
    "twilio": ("accountSid", "authToken"),
    "telnyx": ("apiKey", "connectionId", "publicKey"),
    "plivo": ("authId", "authToken"),
}
_STREAMING = (
    *("enabled", "streamPath", "preStartTimeoutMs", "maxPendingConnections"),
    *("maxPendingConnectionsPerIp", "maxConnections"),
)
# Names the plugin's services have for one thing, the newest first.
_SPEECH_KEYS = {
    "apiKey": ("apiKey",),
    "model": ("model", "modelId"),
    "voice": ("speakerVoice", "speakerVoiceId", "voice", "voiceId"),
    "language": ("language", "languageCode"),
    "baseUrl": ("baseUrl",),
}
_NAMES_A_VOICE = ("elevenlabs",)
_NO_SETTING = "Ringfence has no such setting"
_OF_THE_AGENT = "is the agent's: set it where the agent is"
_AGENT = "Ringfence's agents have names of their own: set channels.voice.agentId to one of `agents`"
_TUNNEL = "a tunnel is no part of the gateway: open it, and write its address into publicUrl"
_WHY_LEFT = {
    "agentId": _AGENT,
    "responseModel": _OF_THE_AGENT,
    "responseSystemPrompt": _OF_THE_AGENT,
    "sessionScope": "every contact has a conversation of its own",
    "store": "calls are kept in Ringfence's own store",
    "tunnel": _TUNNEL,
    "tailscale": _TUNNEL,
    "webhookSecurity": "signatures are checked against publicUrl, never against forwarded names; "
    "trusted proxies stand in gateway.trustedProxies",
    "realtime": "Ringfence's model says nothing unjudged: write channels.voice.realtime yourself",
}
_WHY_LEFT_INSIDE = {
    "twilio.region": "the region is in the address: set apiBaseUrl where it is not us1",
    "serve.port": "calls come in at the public listener: see gateway.publicPort",
    "serve.bind": "calls come in at the public listener: see gateway.publicHost",
    "streaming.vadThreshold": "Ringfence's own ear has no such threshold",
}
_NO_ALLOW_TO = (
    "OpenClaw has none: until it names somebody, agents call owners and paired people only"
)


@dataclass(slots=True)
class _Taking:
    """`core` is the speech that calls share with everything else over there."""

    config: Mapping[str, Any]
    core: Mapping[str, Any]
    voice: dict[str, Any] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    def take(self) -> None:
        for key, value in self.config.items():
            if key in _SAME:
                self.voice[key] = value
            elif key in _GROUPS:
                self._group(key, value)
            elif key not in _HANDLED:
                self._leave(key, _WHY_LEFT.get(key, _NO_SETTING))
            elif key in _OBJECTS and not isinstance(value, Mapping):
                self._leave(key, "is no object, as it would be over there")
        self._provider()
        self._old_number()
        self._path()
        self._streaming()
        self._ears()
        self.voice |= _named("tts", self._mouth(self._of("tts"), "tts"))
        self._numbers()
        self._stream_only_with_speech()

    def _of(self, key: str) -> Mapping[str, Any]:
        return _mapping(self.config.get(key))

    def _leave(self, key: str, why: str) -> None:
        self.left[f"{PATH}.{key}"] = _WHY_LEFT_INSIDE.get(key, why)

    def _group(self, key: str, value: Any) -> None:
        if not isinstance(value, Mapping):
            self.voice[key] = value
            return
        self.voice[key] = {inner: value[inner] for inner in _GROUPS[key] if inner in value}
        for inner in value:
            if inner not in _GROUPS[key] and (key, inner) != ("twilio", "from"):
                self._leave(f"{key}.{inner}", _NO_SETTING)

    # -- who carries the calls, and where -----------------------------------------------------------

    def _provider(self) -> None:
        """Without the one that pretends nobody must be called in earnest."""
        provider = self.config.get("provider")
        if provider in ("mock", "log"):
            self.voice["enabled"] = False
            self._leave(
                "provider", "no carrier: calls stay off; `ringfence demo` has a simulated one"
            )
        elif provider is not None:
            self.voice["provider"] = provider

    def _old_number(self) -> None:
        written = self._of("twilio").get("from")
        if written is None:
            return
        if "fromNumber" in self.voice:
            self._leave("twilio.from", "fromNumber says it")
        else:
            self.voice["fromNumber"] = written

    def _path(self) -> None:
        for key, value in self._of("serve").items():
            if key == "path":
                self.voice["webhookPath"] = value
            else:
                self._leave(f"serve.{key}", _NO_SETTING)

    # -- speech -------------------------------------------------------------------------------------

    def _streaming(self) -> None:
        values = self._of("streaming")
        taken = {key: values[key] for key in _STREAMING if key in values}
        if taken:
            self.voice["streaming"] = taken
        if "silenceDurationMs" in values:
            self.voice.setdefault("silenceTimeoutMs", values["silenceDurationMs"])
        for key in values:
            if key not in (*_STREAMING, *_EARS_OF_STREAMING, "silenceDurationMs"):
                self._leave(f"streaming.{key}", _NO_SETTING)

    def _ears(self) -> None:
        """`streaming.providers`, its older keys, or the oldest `stt`."""
        values, old = self._of("streaming"), self._of("stt")
        providers = _mapping(values.get("providers"))
        older = str(values.get("sttProvider", "")).removesuffix("-realtime").removesuffix("-scribe")
        service = values.get("provider") or older or next(iter(providers), None)
        place = f"streaming.providers.{service}"
        if service is None and old:
            service, place = old.get("provider"), "stt"
        if service is None:
            return
        if service not in EARS:
            self._leave("streaming.provider", f"Ringfence hears with {', '.join(EARS)}")
            return
        found = dict(_mapping(providers.get(service))) if place != "stt" else dict(old)
        for key, name in (("sttModel", "model"), (f"{service}ApiKey", "apiKey")):
            if key in values:
                found.setdefault(name, values[key])
        found.pop("provider", None)
        self.voice["stt"] = {"provider": service} | self._speech(found, place, without="voice")
        for other in providers:
            if other != service:
                self._leave(f"streaming.providers.{other}", f"{service} hears")

    def _mouth(self, values: Mapping[str, Any], place: str) -> dict[str, Any]:
        """One service's keys, those of calls over those of everything."""
        core_providers = _mapping(self.core.get("providers"))
        providers = _mapping(values.get("providers"))
        old = {key: one for key, one in values.items() if key in MOUTHS}
        service = values.get("provider") or self.core.get("provider")
        if place != "tts":
            service = service or _mapping(self.voice.get("tts")).get("provider")
        service = service or next(iter({**providers, **old}), None)
        for key in values:
            if key not in ("provider", "providers", *MOUTHS):
                self._leave(f"{place}.{key}", "has no meaning on a call")
        if service is None:
            return {}
        if service not in MOUTHS:
            self._leave(f"{place}.provider", f"Ringfence speaks with {', '.join(MOUTHS)}")
            return {}
        shared = core_providers.get(service) if place == "tts" else None
        found = {
            **_mapping(shared),
            **_mapping(old.get(service)),
            **_mapping(providers.get(service)),
        }
        for other in {**providers, **old}:
            if other != service:
                self._leave(f"{place}.providers.{other}", f"{service} speaks")
        mouth = {"provider": service} | self._speech(found, f"{place}.providers.{service}")
        if place == "tts" and service in _NAMES_A_VOICE and "voice" not in mouth:
            self._leave("tts.provider", f"{service} needs a voice named: set channels.voice.tts")
            return {}
        return mouth

    def _speech(
        self, values: Mapping[str, Any], place: str, *, without: str = ""
    ) -> dict[str, Any]:
        taken: dict[str, Any] = {}
        used = set()
        for ours, theirs in _SPEECH_KEYS.items():
            known = [key for key in theirs if key in values]
            if known and ours != without:
                taken[ours] = values[known[0]]
                used |= set(known)
        for key in values:
            if key not in used:
                self._leave(f"{place}.{key}", _NO_SETTING)
        return taken

    def _stream_only_with_speech(self) -> None:
        """Over there the plugin runs on without it, and here nothing may step in unseen."""
        streaming = self.voice.get("streaming", {})
        missing = [key for key in ("stt", "tts") if key not in self.voice]
        if streaming.get("enabled") is True and missing:
            streaming["enabled"] = False
            self._leave(
                "streaming.enabled", f"stays off until {' and '.join(missing)} name a service"
            )

    # -- numbers ------------------------------------------------------------------------------------

    def _numbers(self) -> None:
        written = self.config.get("numbers")
        if written is None:
            return
        if not isinstance(written, Mapping):
            self.voice["numbers"] = written
            return
        self.voice["numbers"] = {
            number: self._route(f"numbers.{number}", values)
            if isinstance(values, Mapping)
            else values
            for number, values in written.items()
        }

    def _route(self, place: str, values: Mapping[str, Any]) -> dict[str, Any]:
        same = ("inboundGreeting", "responseTimeoutMs")
        route = {key: values[key] for key in same if key in values}
        if "tts" in values:
            route |= _named("tts", self._mouth(_mapping(values["tts"]), f"{place}.tts"))
        for key in values:
            if key not in (*same, "tts"):
                self._leave(f"{place}.{key}", _WHY_LEFT.get(key, _NO_SETTING))
        return route


_EARS_OF_STREAMING = (
    *("provider", "providers", "sttProvider", "sttModel", "openaiApiKey", "elevenlabsApiKey"),
)
_OBJECTS = ("serve", "streaming", "stt", "tts")
_HANDLED = ("enabled", "provider", "numbers", *_OBJECTS)


def take_calls(document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]] | None:
    """What becomes `channels.voice`, and per path why something does not; None when the plugin is not
    configured."""
    entry = _entry(document)
    config = entry.get("config")
    if not isinstance(config, Mapping):
        return None
    core = {
        **_mapping(_mapping(document.get("messages")).get("tts")),
        **_mapping(document.get("tts")),
    }
    taking = _Taking(config, core)
    taking.take()
    if entry.get("enabled") is False or config.get("enabled") is False:
        taking.voice["enabled"] = False
    taking.left["channels.voice.allowTo"] = _NO_ALLOW_TO
    return taking.voice, taking.left


def _entry(document: Mapping[str, Any]) -> Mapping[str, Any]:
    plugins = _mapping(document.get("plugins"))
    return _mapping(_mapping(plugins.get("entries")).get(PLUGIN))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _named(key: str, value: dict[str, Any]) -> dict[str, Any]:
    return {key: value} if value else {}
