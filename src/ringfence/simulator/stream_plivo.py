"""Plivo audio streaming, from the carrier's side (voice.md 1.7). Written apart from the gateway's codec.
Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ringfence.simulator.stream_skin import (
    About,
    Clear,
    Command,
    Message,
    Nonsense,
    PlaySound,
    QueueMark,
    SendKeys,
    name_in,
    object_in,
    sound_of,
    to_base64,
)

KEYS: Final = frozenset("0123456789*#")
# Plivo numbers no errors; these are for the log here.
_ERROR: Final = 0
_PLAY_FAILED: Final = 1


class Plivo:
    """Tells what was cleared apart from what was played. Whether checkpoints come back on a clear is
    not documented, so `returns_cleared` plays either."""

    name = "plivo"
    first = 0
    in_order = True
    secure_only = False
    has_query = True

    def __init__(self, *, returns_cleared: bool = False) -> None:
        self.clear_returns_marks = returns_cleared

    def headers(self, about: About, url: str) -> Mapping[str, str]:
        return {}

    def greeting(self, about: About) -> Message | None:
        return None

    def start(self, about: About, numbers: Iterator[int]) -> Message:
        body = {
            "callId": about.call_id,
            "streamId": about.stream_id,
            "accountId": about.account_id,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
        }
        return {
            "sequenceNumber": next(numbers),
            "event": "start",
            "start": body,
            "extra_headers": self._extra(about),
        }

    def _extra(self, about: About) -> str:
        return json.dumps(dict(about.parameters))

    def media(
        self, about: About, numbers: Iterator[int], chunk: int, at_ms: int, sound: bytes
    ) -> Message:
        body = {
            "track": "inbound",
            "timestamp": str(at_ms),
            "chunk": chunk,
            "payload": to_base64(sound),
        }
        message = self._message(about, numbers, "media", media=body)
        return message | {"extra_headers": self._extra(about)}

    def key(self, about: About, numbers: Iterator[int], key: str, at_ms: int) -> Message:
        body = {"track": "inbound", "digit": key, "timestamp": str(at_ms)}
        return self._message(about, numbers, "dtmf", dtmf=body)

    def mark(self, about: About, numbers: Iterator[int], name: str) -> Message:
        return self._message(about, numbers, "playedStream", name=name)

    def cleared(self, about: About, numbers: Iterator[int]) -> Message | None:
        return self._message(about, numbers, "clearedAudio")

    def complaint(self, about: About, numbers: Iterator[int], bad: Nonsense) -> Message | None:
        event = "playFailed" if bad.code == _PLAY_FAILED else "error"
        return {"event": event, "streamId": about.stream_id, "reason": bad.why}

    def stop(self, about: About, numbers: Iterator[int]) -> Message:
        return {"event": "stop", "streamId": about.stream_id}

    def _message(self, about: About, numbers: Iterator[int], event: str, **rest: Any) -> Message:
        return {
            "event": event,
            "streamId": about.stream_id,
            "sequenceNumber": next(numbers),
            **rest,
        }

    def command(self, about: About, message: str | bytes) -> Command:
        found = object_in(message)
        if found is None:
            return Nonsense(_ERROR, "no JSON object in a text message")
        match found.get("event"):
            case "playAudio":
                return self._played(found.get("media"))
            case "checkpoint" if self._is_ours(about, found) and (name := name_in(found)):
                return QueueMark(name)
            case "clearAudio" if self._is_ours(about, found):
                return Clear()
            case "sendDTMF" if isinstance(keys := found.get("dtmf"), str):
                if keys and set(keys) <= KEYS:
                    return SendKeys(keys)
        return Nonsense(_ERROR, "no playAudio, checkpoint, clearAudio or sendDTMF message")

    def _is_ours(self, about: About, found: Message) -> bool:
        return found.get("streamId") == about.stream_id

    def _played(self, media: object) -> Command:
        sound = sound_of(media)
        if sound is None or not isinstance(media, dict):
            return Nonsense(_PLAY_FAILED, "the payload is no base64")
        kind, rate = media.get("contentType"), media.get("sampleRate")
        if kind != "audio/x-mulaw" or rate != 8000:
            return Nonsense(_PLAY_FAILED, "only audio/x-mulaw at 8000 is played here")
        return PlaySound(sound)
