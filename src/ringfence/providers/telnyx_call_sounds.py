"""Telnyx's commands that speak and listen (facts voice 1.6), each by itself: what follows one is
telnyx_call_commands.py's. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ringfence.model.instruction import Listen, Play, Say, Wait

WORDS_CHARS_MAX: Final = 3_000
VOICE: Final = "female"
LANGUAGE: Final = "en-US"
BREAK_S_MAX: Final = 10  # the longest one speech markup has
INTER_DIGIT_MS: Final = 5_000
DIGITS_MAX: Final = 128
GATHER: Final = "ringfence-"
"""Before the turn in the ids of our gathers; Telnyx makes up others."""


@dataclass(frozen=True, slots=True)
class Command:
    """One action on a call, without what every command carries."""

    action: str
    parameters: Mapping[str, object]


def words(said: Sequence[Say | Play | Wait]) -> str:
    return " ".join(one.text for one in said if isinstance(one, Say))


def spoken(text: str, voice: str = "", language: str = "", *, marked: bool = False) -> Command:
    """Raises ValueError for more than Telnyx says at once."""
    if len(text) > WORDS_CHARS_MAX:
        raise ValueError(f"at most {WORDS_CHARS_MAX} characters are said at once")
    parameters: dict[str, object] = {
        "payload": text,
        "voice": voice or VOICE,
        "language": language or LANGUAGE,
        "stop": "all",
    }
    return Command("speak", parameters | ({"payload_type": "ssml"} if marked else {}))


def silence(seconds: int) -> Command:
    whole, left = divmod(max(seconds, 0), BREAK_S_MAX)
    breaks = [BREAK_S_MAX] * whole + ([left] if left or not whole else [])
    marks = "".join(f'<break time="{one}s"/>' for one in breaks)
    return spoken(f"<speak>{marks}</speak>", marked=True)


def prompted(listen: Listen) -> Command:
    voice = next((part for part in listen.prompt if isinstance(part, Say)), Say(""))
    parameters: dict[str, object] = {
        "payload": words(listen.prompt),
        "voice": voice.voice or VOICE,
        "language": voice.language or LANGUAGE,
        "timeout_millis": listen.timeout_s * 1000,
        "maximum_tries": 1,  # Telnyx would ask three times by itself
    }
    return Command("gather_using_speak", parameters | _gathered(listen))


def gather(listen: Listen, seconds: int) -> Command:
    clock = {"initial_timeout_millis": seconds * 1000, "gather_id": GATHER + listen.turn}
    return Command("gather", clock | _gathered(listen))


def _gathered(listen: Listen) -> dict[str, object]:
    parameters: dict[str, object] = {
        "minimum_digits": 1,
        "maximum_digits": listen.digits_count or DIGITS_MAX,
        "inter_digit_timeout_millis": INTER_DIGIT_MS,
        "valid_digits": "0123456789*#",
    }
    if listen.finish_on:
        parameters["terminating_digit"] = listen.finish_on[0]
    return parameters


def transcription(listen: Listen) -> Command:
    engine: dict[str, object] = {
        "transcription_engine": "Google",
        "interim_results": False,
        "language": (listen.language or LANGUAGE).partition("-")[0].lower(),
    }
    if hints := [one.strip() for one in listen.hints.split(",") if one.strip()]:
        engine["hints"] = hints
    parameters: dict[str, object] = {
        "transcription_engine": "Google",
        "transcription_engine_config": engine,
        "transcription_tracks": "inbound",
    }
    return Command("transcription_start", parameters)
