"""Taking over what OpenClaw's voice-call plugin was told: every key is taken, or named with the reason
it stays; what comes of it loads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ringfence.config.openclaw import take_over
from ringfence.config.openclaw_voice import PATH
from ringfence.config.source import parse
from ringfence.model.errors import ConfigInvalid
from ringfence.model.line import AccessPolicy, Line

# Every key of its reference (facts/openclaw.md 2.1), in the shapes its documentation shows.
WHOLE = """\
{
  tts: { provider: "elevenlabs",
         providers: { elevenlabs: { apiKey: "core-key", modelId: "multi" }, openai: {} } },
  plugins: {
    allow: ["voice-call"],
    entries: {
      "voice-call": { enabled: true, config: {
        enabled: true,
        provider: "twilio",
        fromNumber: "+15555550100",
        toNumber: "+15555550101",
        twilio: { accountSid: "AC00000000000000000000000000000000",
                  authToken: { source: "env", provider: "default", id: "VOICE_TOKEN" }, region: "ie1" },
        telnyx: { apiKey: "k", connectionId: "1494404757140276705", publicKey: "p" },
        plivo: { authId: "MA000000000000000000", authToken: "t" },
        inboundPolicy: "pairing",
        allowFrom: ["+15555550102"],
        inboundGreeting: "Good day.",
        numbers: { "+15555550100": {
          inboundGreeting: "Desk.", agentId: "desk", responseModel: "x/y",
          responseSystemPrompt: "Be brief.", responseTimeoutMs: 9000,
          tts: { providers: { elevenlabs: { speakerVoiceId: "v2" } } } } },
        outbound: { defaultMode: "conversation", notifyHangupDelaySec: 4 },
        maxDurationSeconds: 240,
        staleCallReaperSeconds: 180,
        silenceTimeoutMs: 700,
        transcriptTimeoutMs: 60000,
        ringTimeoutMs: 25000,
        maxConcurrentCalls: 2,
        serve: { port: 3334, bind: "127.0.0.1", path: "/voice/in" },
        publicUrl: "https://claw.example.com/voice/in",
        tunnel: { provider: "none", ngrokAuthToken: "hush" },
        tailscale: { mode: "off" },
        webhookSecurity: { allowedHosts: ["claw.example.com"], trustedProxyIPs: ["10.0.0.1"] },
        skipSignatureVerification: false,
        streaming: { enabled: true, provider: "deepgram", streamPath: "/voice/sound",
                     preStartTimeoutMs: 4000, maxPendingConnections: 16,
                     maxPendingConnectionsPerIp: 2, maxConnections: 64,
                     providers: { deepgram: { apiKey: "${EAR_KEY}", model: "nova", language: "en",
                                              endpointingMs: 300 },
                                  xai: { apiKey: "hush" } } },
        realtime: { enabled: false, provider: "openai", providers: { openai: { apiKey: "hush" } } },
        sessionScope: "per-phone",
        agentId: "main",
        responseModel: "x/y",
        responseSystemPrompt: "You are on the telephone.",
        responseTimeoutMs: 20000,
        tts: { providers: { elevenlabs: { speakerVoiceId: "v1", voiceSettings: { speed: 1.1 } } },
               maxTextLength: 400 },
        store: "~/calls",
      } },
      other: { enabled: true },
    },
  },
}
"""
ENVIRON = {"VOICE_TOKEN": "token", "EAR_KEY": "ear-key", "HOME": "/nonexistent"}


def plugin(**config: Any) -> dict[str, Any]:
    return {"plugins": {"entries": {"voice-call": {"config": config}}}}


def taken_voice(**config: Any) -> dict[str, Any]:
    voice = take_over(plugin(**config)).patch["channels"]["voice"]
    assert isinstance(voice, dict)
    return voice


def left_of(**config: Any) -> dict[str, str]:
    left = take_over(plugin(**config)).left
    return {key.removeprefix(f"{PATH}."): why for key, why in left.items()}


def test_what_comes_over_of_calls() -> None:
    assert take_over(parse(WHOLE)).patch["channels"]["voice"] == {
        "provider": "twilio",
        "fromNumber": "+15555550100",
        "toNumber": "+15555550101",
        "twilio": {
            "accountSid": "AC00000000000000000000000000000000",
            "authToken": {"source": "env", "provider": "default", "id": "VOICE_TOKEN"},
        },
        "telnyx": {"apiKey": "k", "connectionId": "1494404757140276705", "publicKey": "p"},
        "plivo": {"authId": "MA000000000000000000", "authToken": "t"},
        "inboundPolicy": "pairing",
        "allowFrom": ["+15555550102"],
        "inboundGreeting": "Good day.",
        "numbers": {
            "+15555550100": {
                "inboundGreeting": "Desk.",
                "responseTimeoutMs": 9_000,
                "tts": {"provider": "elevenlabs", "voice": "v2"},
            }
        },
        "outbound": {"defaultMode": "conversation", "notifyHangupDelaySec": 4},
        "maxDurationSeconds": 240,
        "staleCallReaperSeconds": 180,
        "silenceTimeoutMs": 700,
        "transcriptTimeoutMs": 60_000,
        "ringTimeoutMs": 25_000,
        "maxConcurrentCalls": 2,
        "responseTimeoutMs": 20_000,
        "webhookPath": "/voice/in",
        "publicUrl": "https://claw.example.com/voice/in",
        "skipSignatureVerification": False,
        "streaming": {
            "enabled": True,
            "streamPath": "/voice/sound",
            "preStartTimeoutMs": 4_000,
            "maxPendingConnections": 16,
            "maxPendingConnectionsPerIp": 2,
            "maxConnections": 64,
        },
        "stt": {
            "provider": "deepgram",
            "apiKey": "${EAR_KEY}",
            "model": "nova",
            "language": "en",
        },
        "tts": {"provider": "elevenlabs", "apiKey": "core-key", "model": "multi", "voice": "v1"},
    }


@pytest.mark.proves("P9")
def test_what_stays_of_calls_is_named_with_the_reason_and_without_its_value() -> None:
    left = take_over(parse(WHOLE)).left
    inside = {key.removeprefix(f"{PATH}.") for key in left if key.startswith(PATH)}
    assert inside == {
        "twilio.region",
        "numbers.+15555550100.agentId",
        "numbers.+15555550100.responseModel",
        "numbers.+15555550100.responseSystemPrompt",
        "serve.port",
        "serve.bind",
        "tunnel",
        "tailscale",
        "webhookSecurity",
        "streaming.providers.deepgram.endpointingMs",
        "streaming.providers.xai",
        "realtime",
        "sessionScope",
        "agentId",
        "responseModel",
        "responseSystemPrompt",
        "tts.providers.elevenlabs.voiceSettings",
        "tts.maxTextLength",
        "store",
    }
    assert {key for key in left if not key.startswith(PATH)} == {
        "tts",
        "plugins.allow",
        "plugins.entries.other",
        "channels.voice.allowTo",
    }
    assert all(why for why in left.values())
    assert "hush" not in str(left)


def test_every_key_is_taken_or_named() -> None:
    """Whatever stands there: nothing of it is dropped without a word."""
    document = parse(WHOLE)
    config = document["plugins"]["entries"]["voice-call"]["config"]
    taken = take_over(document)
    voice = taken.patch["channels"]["voice"]
    renamed = {"serve": "webhookPath", "enabled": "provider"}
    for key in config:
        named = any(one.startswith(f"{PATH}.{key}") for one in taken.left)
        assert key in voice or renamed.get(key) in voice or named, key


def test_the_calls_that_came_over_load(load_text: Any) -> None:
    patch = take_over(parse(WHOLE)).patch | {"agent": {"kind": "echo"}}
    settings = load_text(json.dumps(patch), ENVIRON)
    (line,) = settings.lines
    assert isinstance(line, Line)
    assert (line.id, line.provider, line.blocked_reason) == ("default", "twilio", None)
    assert [one.reveal() for one in line.credentials.auth_tokens] == ["token"]
    assert line.voice_url == "https://claw.example.com/voice/in"
    assert line.voice is not None
    assert (line.voice.access, line.voice.limit_s) == (AccessPolicy.PAIRING, 240)
    assert line.voice.route_to("+15555550100").greeting == "Desk."
    assert line.voice.stream is not None
    assert line.voice.stream.url == "wss://claw.example.com/voice/sound"
    mouth = line.voice.route_to("+15555550100").mouth
    assert mouth is not None
    assert mouth.api_key is not None
    assert (mouth.voice, mouth.api_key.reveal()) == ("v2", "core-key")


def test_calls_join_the_texts_of_their_number(load_text: Any) -> None:
    document = parse(WHOLE)
    document["channels"] = {
        "sms": {
            "accountSid": "AC00000000000000000000000000000000",
            "authToken": "${VOICE_TOKEN}",
            "fromNumber": "+15555550100",
            "publicWebhookUrl": "https://claw.example.com/webhooks/sms",
        }
    }
    patch = take_over(document).patch | {"agent": {"kind": "echo"}}
    (line,) = load_text(json.dumps(patch), ENVIRON).lines
    assert (line.id, line.blocked_reason) == ("default", None)
    assert line.voice is not None


@pytest.mark.parametrize(
    "document",
    [
        {"plugins": {"entries": {"voice-call": {"enabled": True}}}},
        {"plugins": {"entries": {"voice-call": 3}}},
        {"plugins": {"entries": []}},
        {"plugins": 3},
    ],
)
def test_without_a_configured_plugin_there_are_no_calls_to_take(document: dict[str, Any]) -> None:
    with pytest.raises(ConfigInvalid, match="nothing to take over"):
        take_over(document)
    taken = take_over({**document, "channels": {"sms": {}}})
    assert "voice" not in taken.patch["channels"]
    assert taken.left["plugins"] == "belongs to OpenClaw"


@pytest.mark.parametrize("off", [{"enabled": False}, {"provider": "mock"}, {"provider": "log"}])
def test_what_calls_nobody_over_there_calls_nobody_here(
    off: dict[str, Any], load_text: Any
) -> None:
    voice = taken_voice(fromNumber="+15555550100", **off)
    assert voice["enabled"] is False
    (line,) = load_text(json.dumps({"channels": {"voice": voice}, "agent": {"kind": "echo"}})).lines
    assert (line.enabled, line.voice) == (False, None)


def test_a_plugin_that_is_switched_off_comes_over_switched_off() -> None:
    document = plugin(provider="plivo")
    document["plugins"]["entries"]["voice-call"]["enabled"] = False
    assert take_over(document).patch["channels"]["voice"] == {"provider": "plivo", "enabled": False}


def test_older_keys_come_over_too() -> None:
    streaming = {
        "enabled": True,
        "sttProvider": "openai-realtime",
        "openaiApiKey": "k",
        "sttModel": "transcribe",
        "silenceDurationMs": 600,
        "vadThreshold": 0.5,
    }
    old = {
        "twilio": {"from": "+15555550100"},
        "streaming": streaming,
        "tts": {"provider": "openai", "openai": {"voice": "coral", "model": "m"}},
    }
    voice = taken_voice(**old)
    assert voice == {
        "twilio": {},
        "fromNumber": "+15555550100",
        "streaming": {"enabled": True},
        "silenceTimeoutMs": 600,
        "stt": {"provider": "openai", "apiKey": "k", "model": "transcribe"},
        "tts": {"provider": "openai", "voice": "coral", "model": "m"},
    }
    assert set(left_of(**old)) == {"streaming.vadThreshold", "channels.voice.allowTo"}


def test_a_number_said_twice_is_the_newer_one() -> None:
    twice = {"fromNumber": "+15555550100", "twilio": {"from": "+15555550109"}}
    assert taken_voice(**twice)["fromNumber"] == "+15555550100"
    assert left_of(**twice)["twilio.from"] == "fromNumber says it"


@pytest.mark.parametrize(
    ("config", "missing"),
    [
        ({"streaming": {"enabled": True}}, "stt and tts"),
        (
            {
                "streaming": {"enabled": True, "provider": "openai"},
                "tts": {"provider": "elevenlabs", "providers": {"elevenlabs": {"apiKey": "k"}}},
            },
            "tts",
        ),
        ({"streaming": {"enabled": True, "provider": "xai"}}, "stt and tts"),
        ({"streaming": {"enabled": True}, "stt": {"provider": "openai"}}, "tts"),
        (
            {
                "streaming": {"enabled": True, "provider": "openai"},
                "tts": {"provider": "microsoft"},
            },
            "tts",
        ),
    ],
)
def test_live_sound_without_a_service_comes_over_switched_off(
    config: dict[str, Any], missing: str, load_text: Any
) -> None:
    voice = taken_voice(provider="twilio", **config)
    assert voice["streaming"]["enabled"] is False
    assert left_of(**config)["streaming.enabled"] == f"stays off until {missing} name a service"
    load_text(json.dumps({"channels": {"voice": voice}, "agent": {"kind": "echo"}}))


@pytest.mark.parametrize(
    "key", ["numbers", "outbound", "serve", "streaming", "stt", "tts", "twilio"]
)
def test_odd_shapes_of_calls_are_refused_or_named(key: str) -> None:
    taken = take_over(plugin(**{key: 3}))
    voice = taken.patch["channels"]["voice"]
    assert voice.get(key) == 3 or f"{PATH}.{key}" in taken.left


def test_unknown_keys_of_calls_are_named() -> None:
    left = left_of(
        silenceFiller={"enabled": True},
        streaming={"sampleRate": 8000},
        plivo={"authId": "x", "region": "eu"},
        numbers={"+15555550100": {"sessionScope": "main", "colour": "red"}},
    )
    assert set(left) == {
        "silenceFiller",
        "streaming.sampleRate",
        "plivo.region",
        "numbers.+15555550100.sessionScope",
        "numbers.+15555550100.colour",
        "channels.voice.allowTo",
    }
