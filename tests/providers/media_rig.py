"""What the tests of media dialects share: a stream as the simulated carrier tells of it, in each dialect,
and the vectors of another implementation's serializers."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

from ringfence.audio import g711
from ringfence.model.media import DigitHeard, MediaEvent, SoundHeard
from ringfence.model.wire import WebhookRequest
from ringfence.providers.media import SpeaksMedia
from ringfence.simulator.stream_dialects import SKINS
from ringfence.simulator.stream_skin import About, Skin

ABOUT = About(
    stream_id="MZ" + "e5" * 16,
    call_id="CA" + "a1" * 16,
    account_id="AC" + "0123456789abcdef" * 2,
    caller="+15555550123",
    called="+15555550100",
    parameters=(("turn", "t1"), ("purpose", "a call")),
    token="a-stream-token",
)
URL = "wss://gw.example.com/media/a-token-used-once"


def numbers(skin: Skin) -> Iterator[int]:
    return itertools.count(skin.first)


def frames(name: str) -> dict[str, str]:
    """One frame of each kind that the carrier sends, as text."""
    skin = SKINS[name]
    count = numbers(skin)
    made: dict[str, Any] = {
        "greeting": skin.greeting(ABOUT),
        "start": skin.start(ABOUT, count),
        "sound": skin.media(ABOUT, count, 1, 20, b"\xff" * 160),
        "key": skin.key(ABOUT, count, "5", 40),
        "mark": skin.mark(ABOUT, count, "m1"),
        "cleared": skin.cleared(ABOUT, count),
        "stop": skin.stop(ABOUT, count),
    }
    return {kind: json.dumps(found) for kind, found in made.items() if found is not None}


def upgrade(query: str = "", **headers: str) -> WebhookRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return WebhookRequest("GET", "/media/a-token-used-once", query, named, b"")


def vectors(shared_data: Callable[[str], Any], provider: str) -> list[dict[str, Any]]:
    """Those of a provider; a message as the text it travels as."""
    every = shared_data("media-streams.json")["vectors"]
    chosen = [vector for vector in every if vector["provider"] == provider]
    assert chosen, "the vectors are there"
    for vector in chosen:
        message = vector["message"]
        vector["text"] = message if isinstance(message, str) else json.dumps(message)
    return chosen


def same_as_the_vector(event: MediaEvent | None, vector: dict[str, Any]) -> bool:
    """Whether we read of a message what the other implementation read."""
    match vector["frame"]:
        case "InputAudioRawFrame":
            pcm = base64.b64decode(vector["pcm16le_b64"])
            return isinstance(event, SoundHeard) and g711.ulaw_to_pcm(event.sound) == pcm
        case "InputDTMFFrame":
            return event == DigitHeard(vector["digit"])
    return not isinstance(event, SoundHeard | DigitHeard)


def sent_as_the_vector(codec: SpeaksMedia, vector: dict[str, Any]) -> bool:
    """Whether we send sound as the other implementation does."""
    sound = g711.pcm_to_ulaw(base64.b64decode(vector["pcm16le_b64"]))
    stream_id = vector["message"].get("streamSid") or vector["message"].get("streamId", "")
    return bool(json.loads(codec.sound(stream_id, sound)) == vector["message"])
