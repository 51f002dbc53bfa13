"""Twilio Media Streams, from the carrier's side (voice.md 1.4). Written apart from the gateway's codec. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ringfence.simulator.stream_skin import (
    About,
    Clear,
    Command,
    Message,
    Nonsense,
    PlaySound,
    QueueMark,
    name_in,
    object_in,
    sound_of,
    to_base64,
)
from ringfence.simulator.webhooks import signature


class Twilio:
    """Every number a string, but those of the media format. Signs the upgrade. Keeps no query."""

    name = "twilio"
    first = 1
    in_order = True
    clear_returns_marks = True
    secure_only = True
    has_query = False

    def headers(self, about: About, url: str) -> Mapping[str, str]:
        return {"X-Twilio-Signature": signature(about.auth_token, url)}

    def greeting(self, about: About) -> Message | None:
        return {"event": "connected", "protocol": "Call", "version": "1.0.0"}

    def start(self, about: About, numbers: Iterator[int]) -> Message:
        body = {
            "accountSid": about.account_id,
            "streamSid": about.stream_id,
            "callSid": about.call_id,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": dict(about.parameters),
        }
        return self._message(about, numbers, "start", body)

    def media(
        self, about: About, numbers: Iterator[int], chunk: int, at_ms: int, sound: bytes
    ) -> Message:
        body = {
            "track": "inbound",
            "chunk": str(chunk),
            "timestamp": str(at_ms),
            "payload": to_base64(sound),
        }
        return self._message(about, numbers, "media", body)

    def key(self, about: About, numbers: Iterator[int], key: str, at_ms: int) -> Message:
        return self._message(about, numbers, "dtmf", {"track": "inbound_track", "digit": key})

    def mark(self, about: About, numbers: Iterator[int], name: str) -> Message:
        return self._message(about, numbers, "mark", {"name": name})

    def cleared(self, about: About, numbers: Iterator[int]) -> Message | None:
        return None

    def complaint(self, about: About, numbers: Iterator[int], bad: Nonsense) -> Message | None:
        return None  # it is told in the debugger only

    def stop(self, about: About, numbers: Iterator[int]) -> Message:
        body = {"accountSid": about.account_id, "callSid": about.call_id}
        return self._message(about, numbers, "stop", body)

    def _message(self, about: About, numbers: Iterator[int], event: str, body: Message) -> Message:
        return {
            "event": event,
            "sequenceNumber": str(next(numbers)),
            "streamSid": about.stream_id,
            event: body,
        }

    def command(self, about: About, message: str | bytes) -> Command:
        found = object_in(message)
        if found is None:
            return Nonsense(31950, "malformed or binary message")
        if found.get("streamSid") != about.stream_id:
            return Nonsense(31951, "streamSid is missing or another stream's")
        match found.get("event"):
            case "media" if (sound := sound_of(found.get("media"))) is not None:
                return PlaySound(sound)
            case "mark" if (name := name_in(found.get("mark"))) is not None:
                return QueueMark(name)
            case "clear":
                return Clear()
        return Nonsense(31951, "no media, mark or clear message")
