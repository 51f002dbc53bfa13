"""Telnyx media streaming on the wire (facts voice 1.6), in its `rtp` mode with PCMU: text frames of one
JSON object. The order of media frames is not promised, only their chunk numbers; what we send needs no
stream id. Pure."""

from __future__ import annotations

from typing import Any

from ringfence.model.errors import MalformedFrame
from ringfence.model.line import Line
from ringfence.model.media import (
    MediaEvent,
    StreamFault,
    StreamOpened,
    StreamStarted,
    StreamStopped,
)
from ringfence.model.wire import WebhookRequest
from ringfence.providers import media_frames as frames
from ringfence.providers.media import MediaCapabilities

TOKEN_HEADER = "x-telnyx-streaming-auth-token"  # noqa: S105 - the name of a header


class TelnyxMedia:
    """Fulfils `SpeaksMedia`; one instance serves every call."""

    name = "telnyx"
    media_capabilities = MediaCapabilities(in_order=False)

    def verify_upgrade(self, request: WebhookRequest, line: Line, url: str) -> None:
        """Telnyx signs no upgrade. A stream_auth_token comes with `connected`, and as TOKEN_HEADER of
        the upgrade; whoever set one compares it."""

    def media_event(self, frame: str | bytes) -> MediaEvent | None:
        """Raises MalformedFrame."""
        message = frames.opened(frame)
        match message.get("event"):
            case "media":
                return frames.heard(frames.part(message, "media"))
            case "mark":
                return frames.returned(frames.part(message, "mark").get("name"))
            case "dtmf":
                return frames.digit(frames.part(message, "dtmf"))
            case "connected":
                return StreamOpened(_token(message))
            case "start":
                return _started(message)
            case "stop":
                return StreamStopped()
            case "error":
                return _fault(message)
            case str():
                return None  # what Telnyx adds later must not end calls
        raise MalformedFrame("It names no event.")

    def sound(self, stream_id: str, sound: bytes) -> str:
        """Telnyx takes 20 ms to 30 s in one."""
        return frames.written({"event": "media", "media": {"payload": frames.payload(sound)}})

    def mark(self, stream_id: str, name: str) -> str:
        return frames.written({"event": "mark", "mark": {"name": name}})

    def clear(self, stream_id: str) -> str:
        return frames.written({"event": "clear"})

    def digits(self, stream_id: str, digits: str) -> str:
        raise ValueError(
            "Telnyx's media stream has no message for digits: use send_dtmf of the call"
        )


def _token(message: dict[str, Any]) -> str:
    """The pages do not show where in `connected` it stands: beside `event`, or in an object of its own."""
    inner = message.get("connected")
    found = message.get(TOKEN_HEADER) or (
        inner.get(TOKEN_HEADER) if isinstance(inner, dict) else None
    )
    return frames.text(found, "token", frames.TEXT_CHARS_MAX) if found else ""


def _started(message: dict[str, Any]) -> StreamStarted:
    start = frames.part(message, "start")
    sound = frames.part(start, "media_format")
    frames.check_ulaw(sound.get("encoding"), sound.get("sample_rate"), sound.get("channels", 1))
    return StreamStarted(
        frames.text(message.get("stream_id"), "stream_id"),
        frames.text(start.get("call_control_id"), "call_control_id"),
        frames.text(start.get("user_id"), "user_id"),
        frames.parameters(start.get("custom_parameters")),
    )


def _fault(message: dict[str, Any]) -> StreamFault:
    """In `payload`, in an older writing in `error`."""
    found = message.get("payload") or message.get("error")
    if not isinstance(found, dict):
        raise MalformedFrame("It is an error without a reason.")
    return frames.fault(found.get("code"), found.get("title"), found.get("detail"))


MEDIA = TelnyxMedia()
