"""Plivo audio streaming on the wire (facts voice 1.7): text frames of one JSON object, numbers mostly as
numbers. A clear has its own acknowledgement, so a checkpoint that comes back was played; digits can be
sent. Vobiz speaks the same dialect. Pure."""

from __future__ import annotations

from typing import Any

import orjson

from ringfence.model.errors import MalformedFrame
from ringfence.model.line import Line
from ringfence.model.media import MediaEvent, PlaybackCleared, StreamStarted, StreamStopped
from ringfence.model.wire import WebhookRequest
from ringfence.providers import media_frames as frames
from ringfence.providers.media import MediaCapabilities

_TONES = frozenset("0123456789*#")


class PlivoMedia:
    """Fulfils `SpeaksMedia`; one instance serves every call."""

    name = "plivo"
    media_capabilities = MediaCapabilities(clears_apart=True, digits=True)

    def verify_upgrade(self, request: WebhookRequest, line: Line, url: str) -> None:
        """Nothing is checked: Plivo documents no signature of an upgrade, and its stream SDK (0.1.1) looks
        for one over an address that is not the stream's. The token in the path is what admits."""

    def media_event(self, frame: str | bytes) -> MediaEvent | None:
        """Raises MalformedFrame."""
        message = frames.opened(frame)
        match message.get("event"):
            case "media":
                return frames.heard(frames.part(message, "media"))
            case "playedStream":
                return frames.returned(message.get("name"))
            case "clearedAudio":
                return PlaybackCleared()
            case "dtmf":
                return frames.digit(frames.part(message, "dtmf"))
            case "start":
                return _started(message)
            case "stop":
                return StreamStopped()
            case "playFailed" | "error" as event:
                return frames.fault(event, message.get("reason"))
            case str():
                return None  # what Plivo adds later must not end calls
        raise MalformedFrame("It names no event.")

    def sound(self, stream_id: str, sound: bytes) -> str:
        media = {
            "contentType": "audio/x-mulaw",
            "sampleRate": frames.RATE_HZ,
            "payload": frames.payload(sound),
        }
        return frames.written({"event": "playAudio", "media": media, "streamId": stream_id})

    def mark(self, stream_id: str, name: str) -> str:
        return frames.written({"event": "checkpoint", "streamId": stream_id, "name": name})

    def clear(self, stream_id: str) -> str:
        return frames.written({"event": "clearAudio", "streamId": stream_id})

    def digits(self, stream_id: str, digits: str) -> str:
        if not digits or not set(digits) <= _TONES:
            raise ValueError("digits are 0-9, * and #")
        return frames.written({"event": "sendDTMF", "dtmf": digits})


def _started(message: dict[str, Any]) -> StreamStarted:
    start = frames.part(message, "start")
    sound = frames.part(start, "mediaFormat")
    frames.check_ulaw(sound.get("encoding"), sound.get("sampleRate"))
    return StreamStarted(
        frames.text(start.get("streamId"), "streamId"),
        frames.text(start.get("callId"), "callId"),
        frames.text(start.get("accountId"), "accountId"),
        _extra(message.get("extra_headers")),
    )


def _extra(given: object) -> tuple[tuple[str, str], ...]:
    """`extra_headers` is a string: an object in JSON, or the `k=v;k2=v2` it was set as."""
    if given is None or given == "":
        return ()
    if isinstance(given, dict):
        return frames.parameters(given)
    if not isinstance(given, str):
        raise MalformedFrame("Its extra_headers are no text.")
    if given.startswith("{"):
        try:
            return frames.parameters(orjson.loads(given))
        except orjson.JSONDecodeError:
            raise MalformedFrame("Its extra_headers are broken JSON.") from None
    pairs = [pair.partition("=") for pair in given.replace(",", ";").split(";") if pair.strip()]
    return frames.parameters({name.strip(): value.strip() for name, _, value in pairs})


MEDIA = PlivoMedia()
