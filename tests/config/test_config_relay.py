"""`channels.voice.relay`: Twilio hears and speaks, and text travels over a socket."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.model.line import Line
from ringfence.model.voice import RelaySettings, VoiceSettings

URL = "https://gateway.example.com/voice/webhook"
SOCKET = "wss://gateway.example.com/voice/stream"


def calls(**keys: Any) -> dict[str, Any]:
    return {"channels": {"voice": {"publicUrl": URL, **keys}}}


def voice_of(load_good: Any, patch: dict[str, Any]) -> VoiceSettings:
    (line,) = load_good(patch).lines
    assert isinstance(line, Line)
    assert line.voice is not None
    assert line.voice.blocked_reason is None
    return line.voice


def test_a_relay_has_its_socket_beside_the_webhook(load_good: Any) -> None:
    voice = voice_of(load_good, calls(relay={"enabled": True}))
    assert voice.relay == RelaySettings(SOCKET)
    assert voice.has_sockets


@pytest.mark.parametrize("relay", [{}, {"enabled": False}, {"voice": "Google.en-US-Journey-O"}])
def test_without_being_switched_on_there_is_no_relay(load_good: Any, relay: dict[str, Any]) -> None:
    voice = voice_of(load_good, calls(relay=relay))
    assert voice.relay is None
    assert not voice.has_sockets


def test_everything_said_of_a_relay_arrives(load_good: Any) -> None:
    relay = {
        "enabled": True,
        "voice": "en-US-Journey-O",
        "ttsProvider": "Google",
        "transcriptionProvider": "Deepgram",
        "hints": "Ringfence, Acme",
    }
    assert voice_of(load_good, calls(relay=relay)).relay == RelaySettings(
        SOCKET, "en-US-Journey-O", "Google", "Deepgram", "Ringfence, Acme"
    )


def test_a_relay_is_refused_where_the_provider_has_none(problems_of: Any) -> None:
    telnyx = {
        "provider": "telnyx",
        "fromNumber": "+15555550150",
        "telnyx": {
            "apiKey": "key",
            "connectionId": "1494404757140276705",
            "publicKey": "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
        },
        "relay": {"enabled": True},
    }
    (found,) = problems_of({"channels": {"sms": None, "voice": {"publicUrl": URL, **telnyx}}})
    assert found == "channels.voice.relay.enabled: is for Twilio; telnyx has no relay"


def test_a_relay_and_live_sound_exclude_each_other(problems_of: Any) -> None:
    keys = {
        "streaming": {"enabled": True},
        "stt": {"provider": "local"},
        "tts": {"provider": "local"},
        "relay": {"enabled": True},
    }
    (found,) = problems_of(calls(**keys))
    assert found.startswith("channels.voice.relay.enabled: and streaming.enabled exclude")


def test_the_text_of_a_relay_never_goes_in_clear(problems_of: Any) -> None:
    patch = calls(publicUrl=URL.replace("https:", "http:"), relay={"enabled": True})
    (found,) = problems_of(patch)
    assert found.startswith("channels.voice.relay.enabled: needs a publicUrl with https")


@pytest.mark.parametrize(
    ("key", "bad"),
    [
        ("enabled", "yes"),
        ("ttsProvider", "parrot"),
        ("transcriptionProvider", "ElevenLabs"),
        ("hints", "x" * 1_001),
    ],
)
def test_a_relays_values_out_of_bounds_are_refused(problems_of: Any, key: str, bad: Any) -> None:
    (found,) = problems_of(calls(relay={"enabled": True, key: bad}))
    assert found.startswith(f"channels.voice.relay.{key}: expected ")
