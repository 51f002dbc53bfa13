"""The three carriers' media messages, from the carrier's side (voice.md 1.4, 1.6, 1.7). Written from
the tables of the facts and apart from the gateway's codecs: what both get wrong would stay hidden. Pure:
values in, JSON objects out; text in, commands out."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

from ringfence.simulator.webhooks import signature

TELNYX_TOKEN: Final = "x-telnyx-streaming-auth-token"  # noqa: S105 - the name of a header
TELNYX_PIECE_MS: Final = (20, 30_000)
BYTES_A_MS: Final = 8
KEYS: Final = frozenset("0123456789*#")

Message: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class About:
    """Whose stream it is, in the carrier's ids. `auth_token` signs, `token` is Telnyx's stream token."""

    stream_id: str
    call_id: str
    account_id: str
    caller: str
    called: str
    session_id: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    client_state: str = ""
    token: str = field(default="", repr=False)
    auth_token: str = field(default="", repr=False)


# -- what the application asks for ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlaySound:
    sound: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class QueueMark:
    name: str


@dataclass(frozen=True, slots=True)
class Clear:
    pass


@dataclass(frozen=True, slots=True)
class SendKeys:
    keys: str


@dataclass(frozen=True, slots=True)
class Nonsense:
    """A message that is none of the dialect's. `code` is the carrier's."""

    code: int
    why: str


Command: TypeAlias = PlaySound | QueueMark | Clear | SendKeys | Nonsense


class Skin(Protocol):
    """One dialect. `numbers` are its sequence numbers, the first of which is `first`; a message takes one
    where the dialect numbers it. `clear_returns_marks` what becomes of marks
    that are thrown away; `in_order` whether its media frames come in order; `secure_only` whether it
    takes no other address than wss; `has_query` whether it keeps the query of an address."""

    name: str
    first: int
    in_order: bool
    clear_returns_marks: bool
    secure_only: bool
    has_query: bool

    def headers(self, about: About, url: str) -> Mapping[str, str]:
        """Of the upgrade, beside those of WebSocket itself."""

    def greeting(self, about: About) -> Message | None: ...

    def start(self, about: About, numbers: Iterator[int]) -> Message: ...

    def media(
        self, about: About, numbers: Iterator[int], chunk: int, at_ms: int, sound: bytes
    ) -> Message: ...

    def key(self, about: About, numbers: Iterator[int], key: str, at_ms: int) -> Message: ...

    def mark(self, about: About, numbers: Iterator[int], name: str) -> Message: ...

    def cleared(self, about: About, numbers: Iterator[int]) -> Message | None: ...

    def complaint(self, about: About, numbers: Iterator[int], bad: Nonsense) -> Message | None: ...

    def stop(self, about: About, numbers: Iterator[int]) -> Message: ...

    def command(self, about: About, message: str | bytes) -> Command: ...


def _base64(sound: bytes) -> str:
    return base64.b64encode(sound).decode()


def _object(message: str | bytes) -> Message | None:
    """A text message with a JSON object in it, or None."""
    if isinstance(message, bytes):
        return None
    try:
        found = json.loads(message)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _sound(media: object) -> bytes | None:
    payload = media.get("payload") if isinstance(media, dict) else None
    if not isinstance(payload, str):
        return None
    try:
        return base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        return None


def _named(holder: object) -> str | None:
    name = holder.get("name") if isinstance(holder, dict) else None
    return name if isinstance(name, str) else None


# -- Twilio ---------------------------------------------------------------------------------------


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
            "payload": _base64(sound),
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
        found = _object(message)
        if found is None:
            return Nonsense(31950, "malformed or binary message")
        if found.get("streamSid") != about.stream_id:
            return Nonsense(31951, "streamSid is missing or another stream's")
        match found.get("event"):
            case "media" if (sound := _sound(found.get("media"))) is not None:
                return PlaySound(sound)
            case "mark" if (name := _named(found.get("mark"))) is not None:
                return QueueMark(name)
            case "clear":
                return Clear()
        return Nonsense(31951, "no media, mark or clear message")


# -- Telnyx ---------------------------------------------------------------------------------------


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
        return {TELNYX_TOKEN: about.token} if about.token else {}

    def greeting(self, about: About) -> Message | None:
        message = {"event": "connected", "version": "1.0.0"}
        return message | ({TELNYX_TOKEN: about.token} if about.token else {})

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
            "payload": _base64(sound),
        }
        return self._message(about, "media", body, numbers)

    def key(self, about: About, numbers: Iterator[int], key: str, at_ms: int) -> Message:
        return self._message(about, "dtmf", {"digit": key}, numbers)

    def mark(self, about: About, numbers: Iterator[int], name: str) -> Message:
        return self._message(about, "mark", {"name": name})

    def cleared(self, about: About, numbers: Iterator[int]) -> Message | None:
        return None

    def complaint(self, about: About, numbers: Iterator[int], bad: Nonsense) -> Message | None:
        title = {100003: "malformed_frame", 100004: "invalid_media"}.get(bad.code, "unknown_error")
        body = {"code": bad.code, "title": title, "detail": bad.why}
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
        found = _object(message)
        if found is None:
            return Nonsense(100003, "no JSON object in a text frame")
        match found.get("event"):
            case "media":
                return self._played(_sound(found.get("media")))
            case "mark" if (name := _named(found.get("mark"))) is not None:
                return QueueMark(name)
            case "clear":
                return Clear()
        return Nonsense(100003, "no media, mark or clear frame")

    def _played(self, sound: bytes | None) -> Command:
        low, high = (ms * BYTES_A_MS for ms in TELNYX_PIECE_MS)
        if sound is None or not low <= len(sound) <= high:
            return Nonsense(100004, "a piece is 20 ms to 30 s of base64")
        return PlaySound(sound)


# -- Plivo ----------------------------------------------------------------------------------------


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
            "payload": _base64(sound),
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
        found = _object(message)
        if found is None:
            return Nonsense(_ERROR, "no JSON object in a text message")
        match found.get("event"):
            case "playAudio":
                return self._played(found.get("media"))
            case "checkpoint" if self._is_ours(about, found) and (name := _named(found)):
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
        sound = _sound(media)
        if sound is None or not isinstance(media, dict):
            return Nonsense(_PLAY_FAILED, "the payload is no base64")
        kind, rate = media.get("contentType"), media.get("sampleRate")
        if kind != "audio/x-mulaw" or rate != 8000:
            return Nonsense(_PLAY_FAILED, "only audio/x-mulaw at 8000 is played here")
        return PlaySound(sound)


# Plivo numbers no errors; these are for the log here.
_ERROR: Final = 0
_PLAY_FAILED: Final = 1

SKINS: Final[Mapping[str, Skin]] = {skin.name: skin for skin in (Twilio(), Telnyx(), Plivo())}
