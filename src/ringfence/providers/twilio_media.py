"""Twilio Media Streams on the wire (facts voice 1.4): text frames of one JSON object, every number a
string, µ-law at 8 kHz in base64. A `clear` returns every outstanding mark as if it had been played, so
marks alone never prove that something was heard. Pure."""

from __future__ import annotations

from typing import Any

from ringfence.model.errors import MalformedFrame, SignatureRefused
from ringfence.model.line import Line
from ringfence.model.media import MediaEvent, StreamOpened, StreamStarted, StreamStopped
from ringfence.model.wire import WebhookRequest
from ringfence.providers import media_frames as frames
from ringfence.providers.media import MediaCapabilities
from ringfence.providers.twilio_signature import holds, signed_url


class TwilioMedia:
    """Fulfils `SpeaksMedia`; one instance serves every call."""

    name = "twilio"
    media_capabilities = MediaCapabilities(signed_upgrade=True)

    def verify_upgrade(self, request: WebhookRequest, line: Line, url: str) -> None:
        """Raise SignatureRefused unless Twilio signed this upgrade: X-Twilio-Signature over the wss
        address and nothing else, with or without the standard port (facts voice 1.3). `url` is the
        configured address with its token; never one made from the request's headers."""
        if not (line.voice or line).validate_signature:
            return
        given = request.headers.get("x-twilio-signature", "")
        if not given:
            raise SignatureRefused("It has no X-Twilio-Signature header.")
        tokens = [token.reveal() for token in line.credentials.auth_tokens]
        if not any(tokens):
            raise SignatureRefused("The line has no authToken, so no signature can be checked.")
        if request.query:
            # Twilio drops a query from a stream's address, so what has one is not from there.
            raise SignatureRefused("A stream's address has no query.")
        if not holds(given, signed_url(url).stems, "", tokens):
            raise SignatureRefused("Its X-Twilio-Signature is not Twilio's for this address.")

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
                return StreamOpened()
            case "start":
                return _started(message)
            case "stop":
                return StreamStopped()
            case str():
                return None  # what Twilio adds later must not end calls
        raise MalformedFrame("It names no event.")

    def sound(self, stream_id: str, sound: bytes) -> str:
        media = {"payload": frames.payload(sound)}
        return frames.written({"event": "media", "streamSid": stream_id, "media": media})

    def mark(self, stream_id: str, name: str) -> str:
        return frames.written({"event": "mark", "streamSid": stream_id, "mark": {"name": name}})

    def clear(self, stream_id: str) -> str:
        return frames.written({"event": "clear", "streamSid": stream_id})

    def digits(self, stream_id: str, digits: str) -> str:
        raise ValueError("Twilio's media stream has no message for digits: send tones as sound")


def _started(message: dict[str, Any]) -> StreamStarted:
    start = frames.part(message, "start")
    sound = frames.part(start, "mediaFormat")
    frames.check_ulaw(sound.get("encoding"), sound.get("sampleRate"), sound.get("channels"))
    return StreamStarted(
        frames.text(start.get("streamSid"), "streamSid"),
        frames.text(start.get("callSid"), "callSid"),
        frames.text(start.get("accountSid"), "accountSid"),
        frames.parameters(start.get("customParameters")),
    )


MEDIA = TwilioMedia()
