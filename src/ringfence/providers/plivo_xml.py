"""Plivo's voice XML, as its own library writes it: each function takes the attributes it knows and no
others, so that what it writes is always an element of the vendor's own table. Must never take markup:
text stays text. How an element becomes characters is in twiml.py; the two formats share only that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ringfence.providers import twiml
from ringfence.providers.twiml import Element

CONTENT_TYPE = "application/xml; charset=utf-8"
DOCUMENT_BYTES_MAX = 100_000  # plivo.com/docs/voice/xml/request, read 2026-11

_Attributes = Iterable[tuple[str, str | int | bool | None]]


def document(elements: Iterable[Element]) -> str:
    """A whole answer. Raises ValueError for one that Plivo would not read to its end."""
    text = twiml.document(elements)
    if len(text.encode()) > DOCUMENT_BYTES_MAX:
        raise ValueError(f"a document has at most {DOCUMENT_BYTES_MAX} bytes")
    return text


def _element(
    name: str, attributes: _Attributes = (), text: str = "", children: Sequence[Element] = ()
) -> Element:
    """Attributes that are None or empty are left out."""
    given = tuple((key, _value(value)) for key, value in attributes if value not in (None, ""))
    return Element(name, given, text, tuple(children))


def _value(value: str | int | bool | None) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# -- elements -------------------------------------------------------------------------------------


def speak(text: str, *, voice: str = "", language: str = "") -> Element:
    return _element("Speak", (("voice", voice), ("language", language)), text)


def play(url: str) -> Element:
    return _element("Play", (), url)


def dtmf(digits: str) -> Element:
    """What follows waits for the tones: they could be spoken over else."""
    return _element("DTMF", (("async", False),), digits)


def wait(seconds: int) -> Element:
    """Silence: without the attribute Plivo plays music."""
    return _element("Wait", (("length", seconds), ("silence", True)))


def hang_up(reason: str = "") -> Element:
    return _element("Hangup", (("reason", reason),))


def redirect(url: str) -> Element:
    return _element("Redirect", (("method", "POST"),), url)


def get_input(
    action: str,
    children: Sequence[Element] = (),
    *,
    source: str,
    timeout_s: int,
    digit_end_s: int,
    finish_on: str,
    digits_count: int | None = None,
    language: str = "",
    hints: str = "",
) -> Element:
    """`source` is `dtmf`, `speech` or `dtmf speech`; an empty `finish_on` means that no key ends it.
    Plivo keeps no log of what was said and pressed: it may be a PIN."""
    digits, speech = "dtmf" in source, "speech" in source
    return _element(
        "GetInput",
        (
            ("action", action),
            ("method", "POST"),
            ("inputType", source),
            ("executionTimeout", timeout_s),
            ("digitEndTimeout", digit_end_s if digits else None),
            ("finishOnKey", (finish_on or "none") if digits else None),
            ("numDigits", digits_count if digits else None),
            ("language", language if speech else None),
            ("hints", hints if speech else None),
            ("log", False),
            ("redirect", True),
        ),
        "",
        children,
    )


def record(
    action: str,
    *,
    seconds_max: int,
    silence_s: int,
    finish_on: str,
    beep: bool,
    callback: str,
) -> Element:
    attributes: _Attributes = (
        ("action", action),
        ("method", "POST"),
        ("redirect", True),
        ("maxLength", seconds_max),
        ("timeout", silence_s),
        ("finishOnKey", finish_on or "none"),
        ("playBeep", beep),
        ("callbackUrl", callback),
        ("callbackMethod", "POST"),
    )
    return _element("Record", attributes)


def dial(
    noun: Element, *, action: str, caller: str, ring_s: int, limit_s: int, callback: str
) -> Element:
    attributes: _Attributes = (
        ("action", action),
        ("method", "POST"),
        ("redirect", True),
        ("callerId", caller),
        ("timeout", ring_s),
        ("timeLimit", limit_s),
        ("callbackUrl", callback),
        ("callbackMethod", "POST"),
    )
    return _element("Dial", attributes, "", (noun,))


def number(e164: str, *, digits: str = "") -> Element:
    return _element("Number", (("sendDigits", digits),), e164)


def conference(
    room: str,
    *,
    action: str,
    muted: bool,
    begins: bool,
    ends: bool,
    beep: bool,
    people_max: int,
) -> Element:
    """`begins` and `ends`: whether this person's coming and going opens and closes the room."""
    attributes: _Attributes = (
        ("action", action),
        ("method", "POST"),
        ("redirect", True),
        ("muted", muted),
        ("startConferenceOnEnter", begins),
        ("endConferenceOnExit", ends),
        ("enterSound", "beep:1" if beep else None),
        ("exitSound", "beep:2" if beep else None),
        ("maxMembers", people_max),
    )
    return _element("Conference", attributes, room)


def stream(url: str, *, extra_headers: str = "") -> Element:
    """Two-way sound. Without `keepCallAlive` the call runs on past it and ends (facts voice 1.7)."""
    attributes: _Attributes = (
        ("bidirectional", True),
        ("audioTrack", "inbound"),
        ("contentType", "audio/x-mulaw;rate=8000"),
        ("keepCallAlive", True),
        ("extraHeaders", extra_headers),
    )
    return _element("Stream", attributes, url)
