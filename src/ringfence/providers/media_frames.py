"""Frames of media sockets taken apart, field by field: what the dialects share. Runs a hundred times a
second for every call, so it makes nothing it need not. Must never repair a frame, and never print what is
in one."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from typing import Any, Final

import orjson

from ringfence.model.errors import MalformedFrame
from ringfence.model.media import DigitHeard, MarkReturned, SoundHeard, StreamFault
from ringfence.providers.media import FRAME_CHARS_MAX
from ringfence.providers.redaction import redact

ID_CHARS_MAX: Final = 256  # Telnyx's call control ids are the longest, at about a hundred
TEXT_CHARS_MAX: Final = 4_096  # a token or parameter: Telnyx's stream_auth_token takes 4,000
PARAMETERS_MAX: Final = 50
WHOLE_DIGITS_MAX: Final = 15  # milliseconds since 1970 have 13
KEYS: Final = frozenset("0123456789*#ABCD")
# The names of G.711 µ-law, in lower case: Telnyx writes both (facts voice 1.6).
ULAW_NAMES: Final = frozenset(("audio/x-mulaw", "pcmu"))
RATE_HZ: Final = 8_000


def opened(frame: str | bytes) -> dict[str, Any]:
    """The object in a text frame. Raises MalformedFrame for anything else."""
    if not isinstance(frame, str):
        raise MalformedFrame("It is binary, and only text is spoken here.")
    if len(frame) > FRAME_CHARS_MAX:
        raise MalformedFrame(f"It is longer than {FRAME_CHARS_MAX} characters.")
    try:
        found = orjson.loads(frame)
    except orjson.JSONDecodeError:
        raise MalformedFrame("It is no JSON.") from None
    if not isinstance(found, dict):
        raise MalformedFrame("It is no JSON object.")
    return found


def part(message: dict[str, Any], name: str) -> dict[str, Any]:
    """An object inside it."""
    found = message.get(name)
    if not isinstance(found, dict):
        raise MalformedFrame(f"It has no {name} object.")
    return found


def text(given: object, what: str, chars_max: int = ID_CHARS_MAX) -> str:
    """A text that is there, bounded and printable."""
    if not isinstance(given, str) or not 0 < len(given) <= chars_max or not given.isprintable():
        raise MalformedFrame(f"Its {what} is no text of 1 to {chars_max} characters.")
    return given


def whole(given: object, what: str) -> int:
    """A number from 0 up, as a number or as a decimal string: dialects differ, and so do their
    own pages."""
    if (
        type(given) is str
        and len(given) <= WHOLE_DIGITS_MAX
        and given.isascii()
        and given.isdigit()
    ):
        return int(given)
    if type(given) is int and 0 <= given < 10**WHOLE_DIGITS_MAX:
        return given
    raise MalformedFrame(f"Its {what} is no whole number.")


def heard(media: dict[str, Any]) -> SoundHeard | None:
    """One piece of what the person said; None for the other direction's sound."""
    if media.get("track") == "outbound":
        return None
    payload = media.get("payload")
    try:
        sound = a2b_base64(payload, strict_mode=True) if isinstance(payload, str) else None
    except ValueError:
        sound = None
    if sound is None:
        raise MalformedFrame("Its payload is no base64.")
    return SoundHeard(
        sound, whole(media.get("timestamp"), "timestamp"), whole(media.get("chunk"), "chunk")
    )


def digit(dtmf: dict[str, Any]) -> DigitHeard:
    found = dtmf.get("digit")
    if not isinstance(found, str) or found not in KEYS:
        raise MalformedFrame("Its digit is none of 0-9, *, # and A-D.")
    return DigitHeard(found)


def returned(name: object) -> MarkReturned:
    return MarkReturned(text(name, "mark"))


def fault(*words: object) -> StreamFault:
    """The provider's words without ids and numbers, one line."""
    said = redact(" ".join(str(word) for word in words if word not in (None, "")))
    return StreamFault(said or "no reason given")


def check_ulaw(given: object, rate: object, channels: object = 1) -> None:
    """Raise MalformedFrame, and say what to change, unless the sound is what we speak. L16 above all:
    its byte order on these sockets is nowhere promised (facts voice 1.6)."""
    encoding = text(given, "encoding").lower().partition(";")[0].strip()
    hz = whole(rate, "sample rate")
    if encoding not in ULAW_NAMES or hz != RATE_HZ or whole(channels, "channels") != 1:
        raise MalformedFrame(
            f"Its sound is {encoding} at {hz} Hz, and only µ-law (audio/x-mulaw, PCMU) at {RATE_HZ} Hz, "
            "one channel, is understood: set the stream to that."
        )


def parameters(given: object) -> tuple[tuple[str, str], ...]:
    """What the opening of the stream was given, in the order it comes."""
    if given is None:
        return ()
    if not isinstance(given, dict) or len(given) > PARAMETERS_MAX:
        raise MalformedFrame(f"Its parameters are no object of at most {PARAMETERS_MAX}.")
    return tuple(
        (text(name, "parameter's name"), _parameter(value)) for name, value in given.items()
    )


def _parameter(value: object) -> str:
    return "" if value in (None, "") else text(value, "parameter", TEXT_CHARS_MAX)


def written(message: dict[str, Any]) -> str:
    return orjson.dumps(message).decode()


def payload(sound: bytes) -> str:
    return b2a_base64(sound, newline=False).decode()
