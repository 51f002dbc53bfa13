"""A model that hears and speaks by itself, as an operator chooses it."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.model.realtime import Hold, ToolPolicy
from ringfence.model.voice import VoiceSettings
from ringfence.speech import realtimes

MODEL: dict[str, Any] = {
    "publicUrl": "https://gateway.example.com/voice/webhook",
    "streaming": {"enabled": True},
    "tts": {"provider": "elevenlabs", "apiKey": "mouth-key", "voice": "v1"},
    "realtime": {"enabled": True, "apiKey": "model-key", "instructions": "Be brief."},
}


def with_model(**keys: Any) -> dict[str, Any]:
    return {"channels": {"voice": {**MODEL, "realtime": {**MODEL["realtime"], **keys}}}}


def voice_with_model(load_good: Any, patch: dict[str, Any], environ: Any = None) -> VoiceSettings:
    (line,) = load_good(patch, environ).lines
    assert isinstance(line.voice, VoiceSettings)
    return line.voice


def test_a_model_is_chosen_with_its_defaults_and_needs_no_ear(load_good: Any) -> None:
    voice = voice_with_model(load_good, with_model())
    chosen = voice.realtime
    assert chosen is not None
    assert (chosen.service.service, chosen.instructions) == ("openai", "Be brief.")
    assert (chosen.tools, chosen.hold) == (ToolPolicy.ALL, Hold.ANSWER)
    assert chosen.service.api_key is not None
    assert "model-key" not in repr(voice)
    assert (voice.blocked_reason, voice.route.ears) == (None, None)


def test_every_key_of_a_model_arrives(load_good: Any) -> None:
    keys = {"model": "m", "voice": "v", "language": "de", "toolPolicy": "owner", "hold": "answer"}
    chosen = voice_with_model(load_good, with_model(**keys)).realtime
    assert chosen is not None
    service = chosen.service
    assert (service.model, service.voice, service.language) == ("m", "v", "de")
    assert (chosen.tools, chosen.hold) == (ToolPolicy.OWNER, Hold.ANSWER)
    assert sorted(realtimes()) == ["openai"]


def test_a_model_that_is_off_is_not_there(load_good: Any) -> None:
    off = {"streaming": {"enabled": False}, "realtime": {"enabled": False}}
    patch = {"channels": {"voice": {**MODEL, **off}}}
    assert voice_with_model(load_good, patch).realtime is None


@pytest.mark.proves("B146")
@pytest.mark.parametrize(
    ("without", "words"),
    [("streaming", "realtime.enabled needs streaming.enabled"), ("tts", "tts.provider is needed")],
)
def test_a_model_needs_streaming_and_the_gateways_own_mouth(
    problems_of: Any, without: str, words: str
) -> None:
    keys = {name: one for name, one in MODEL.items() if name != without}
    (found,) = problems_of({"channels": {"voice": keys}})
    assert words.split(" ", maxsplit=1)[0] in found
    assert words.split(" ", maxsplit=1)[1] in found


@pytest.mark.parametrize("provider", ["gemini", "google"])
def test_what_is_not_there_is_named(problems_of: Any, provider: str) -> None:
    (found,) = problems_of(with_model(provider=provider))
    assert "Gemini Live is not there yet" in found


def test_a_model_without_a_key_blocks_calls_not_texts(load_good: Any) -> None:
    keyless = with_model()
    del keyless["channels"]["voice"]["realtime"]["apiKey"]
    (line,) = load_good(keyless).lines
    assert line.blocked_reason is None
    assert line.voice.blocked_reason == (
        "no key: set channels.voice.realtime.apiKey or OPENAI_API_KEY"
    )
    there = voice_with_model(load_good, keyless, {"OPENAI_API_KEY": "k"})
    assert there.blocked_reason is None


def test_a_model_that_is_told_nothing_is_warned_of(load_good: Any) -> None:
    warnings = load_good(with_model(instructions="")).warnings
    assert "realtime.instructions is empty" in str(warnings)
