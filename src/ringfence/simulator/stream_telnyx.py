"""Telnyx media streaming, from the carrier's side (voice.md 1.6). Written apart from the gateway's codec.
Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

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

TOKEN: Final = "x-telnyx-streaming-auth-token"  # noqa: S105 - the name of a header
PIECE_MS: Final = (20, 30_000)
BYTES_A_MS: Final = 8
UNKNOWN: Final = 100002
TITLES: Final = {UNKNOWN: "unknown_error", 100003: "malformed_frame", 100004: "invalid_media"}


class Telnyx:
    """Answers nonsense on the socket. `encoding` is one of the two names met for µ-law."""

    name = "telnyx"
    first = 1
    in_order = False
    clear_returns_marks = True
    secure_only = False
    has_query = True

    def __init__(self, encoding: str = "PCMU") -> None:
        self.encoding = encoding

    def headers(self, about: About, url: str) -> Mapping[str, str]:
        return {TOKEN: about.token} if about.token else {}

    def greeting(self, about: About) -> Message | None:
        message = {"event": "connected", "version": "1.0.0"}
        return message | ({TOKEN: about.token} if about.token else {})

    def start(self, about: About, numbers: Iterator[int]) -> Message:
        body = {
            "user_id": about.account_id,
            "call_control_id": about.call_id,
            "call_session_id": about.session_id or about.call_id,
            "from": about.caller,
            "to": about.called,
            "client_state": about.client_state,
            "custom_parameters": dict(about.parameters),
            "media_format": {"encoding": self.encoding, "sample_rate": 8000, "channels": 1},
        }
        return self._message(about, "start", body, numbers)

    def media(
        self, about: About, numbers: Iterator[int], chunk: int, at_ms: int, sound: bytes
    ) -> Message:
        body = {
            "track": "inbound",
            "chunk": str(chunk),
            "timestamp": str(at_ms),
            "payload": to_base64(sound),
        }
        return self._message(about, "media", body, numbers)

    def key(self, about: About, numbers: Iterator[int], key: str, at_ms: int) -> Message:
        return self._message(about, "dtmf", {"digit": key}, numbers)

    def mark(self, about: About, numbers: Iterator[int], name: str) -> Message:
        return self._message(about, "mark", {"name": name})

    def cleared(self, about: About, numbers: Iterator[int]) -> Message | None:
        return None

    def complaint(self, about: About, numbers: Iterator[int], bad: Nonsense) -> Message | None:
        code = bad.code if bad.code in TITLES else UNKNOWN
        body = {"code": code, "title": TITLES[code], "detail": bad.why}
        return {"event": "error", "stream_id": about.stream_id, "payload": body}

    def stop(self, about: About, numbers: Iterator[int]) -> Message:
        body = {"user_id": about.account_id, "call_control_id": about.call_id}
        return self._message(about, "stop", body, numbers)

    def _message(
        self, about: About, event: str, body: Message, numbers: Iterator[int] | None = None
    ) -> Message:
        numbered = {} if numbers is None else {"sequence_number": str(next(numbers))}
        return {"event": event, "stream_id": about.stream_id, **numbered, event: body}

    def command(self, about: About, message: str | bytes) -> Command:
        found = object_in(message)
        if found is None:
            return Nonsense(100003, "no JSON object in a text frame")
        match found.get("event"):
            case "media":
                return self._played(sound_of(found.get("media")))
            case "mark" if (name := name_in(found.get("mark"))) is not None:
                return QueueMark(name)
            case "clear":
                return Clear()
        return Nonsense(100003, "no media, mark or clear frame")

    def _played(self, sound: bytes | None) -> Command:
        low, high = (ms * BYTES_A_MS for ms in PIECE_MS)
        if sound is None or not low <= len(sound) <= high:
            return Nonsense(100004, "a piece is 20 ms to 30 s of base64")
        return PlaySound(sound)
