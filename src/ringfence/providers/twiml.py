"""TwiML as Twilio reads it (Telnyx reads nearly the same): elements made by name, written with every
character escaped. Each function takes the attributes it knows and no others, so that what it writes
is always a verb of the vendor's own table. Must never take markup: text stays text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

DOCUMENT_CHARS_MAX = 64 * 1024
INLINE_CHARS_MAX = 4_000  # the Twiml parameter of a call (facts voice 1.1)
CONTENT_TYPE = "text/xml; charset=utf-8"

# What XML 1.0 section 2.2 cannot hold, however it is escaped.
_IMPOSSIBLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = {
    ord("&"): "&amp;",
    ord("<"): "&lt;",
    ord(">"): "&gt;",
    ord('"'): "&quot;",
    # Parsers turn these into spaces or line feeds unless they are written as references
    # (XML 1.0 sections 2.11 and 3.3.3).
    ord("\t"): "&#9;",
    ord("\n"): "&#10;",
    ord("\r"): "&#13;",
}


@dataclass(frozen=True, slots=True)
class Element:
    """One element: attributes in order, text or children."""

    name: str
    attributes: tuple[tuple[str, str], ...] = ()
    text: str = field(default="", repr=False)
    children: tuple[Element, ...] = ()


def possible(text: str) -> str:
    """`text` as XML can carry it: what it cannot becomes a space, so that no words run together."""
    return _IMPOSSIBLE.sub(" ", text)


def escaped(text: str) -> str:
    return possible(text).translate(_ESCAPES)


def document(elements: Iterable[Element]) -> str:
    """A whole answer. Raises ValueError over DOCUMENT_CHARS_MAX."""
    inner = "".join(_written(element) for element in elements)
    text = f'<?xml version="1.0" encoding="UTF-8"?><Response>{inner}</Response>'
    if len(text) > DOCUMENT_CHARS_MAX:
        raise ValueError(f"a document has at most {DOCUMENT_CHARS_MAX} characters")
    return text


def _written(element: Element) -> str:
    given = "".join(f' {name}="{escaped(value)}"' for name, value in element.attributes)
    inner = escaped(element.text) + "".join(_written(child) for child in element.children)
    name = element.name
    return f"<{name}{given}>{inner}</{name}>" if inner else f"<{name}{given}/>"


def _element(
    name: str,
    attributes: Iterable[tuple[str, str | int | bool | None]] = (),
    text: str = "",
    children: Sequence[Element] = (),
) -> Element:
    """Attributes that are None or empty are left out."""
    given = tuple((key, _value(value)) for key, value in attributes if value not in (None, ""))
    return Element(name, given, text, tuple(children))


def _value(value: str | int | bool | None) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


# -- verbs ----------------------------------------------------------------------------------------


def say(text: str, *, voice: str = "", language: str = "") -> Element:
    return _element("Say", (("voice", voice), ("language", language)), text)


def play(url: str) -> Element:
    return _element("Play", (), url)


def play_digits(digits: str) -> Element:
    return _element("Play", (("digits", digits),))


def pause(seconds: int) -> Element:
    return _element("Pause", (("length", seconds),))


def hang_up() -> Element:
    return _element("Hangup")


def reject(reason: str = "") -> Element:
    return _element("Reject", (("reason", reason),))


def redirect(url: str) -> Element:
    return _element("Redirect", (("method", "POST"),), url)


def gather(
    action: str,
    children: Sequence[Element] = (),
    *,
    source: str,
    timeout_s: int,
    finish_on: str,
    digits_count: int | None = None,
    language: str = "",
    hints: str = "",
    barge_in: bool = True,
    when_empty: bool = False,
) -> Element:
    """`source` is `dtmf`, `speech` or `dtmf speech`. An empty `finish_on` means no key ends it,
    which is written, since leaving it out means `#`."""
    speech = "speech" in source
    attributes: list[tuple[str, str | int | bool | None]] = [
        ("input", source),
        ("action", action),
        ("method", "POST"),
        ("timeout", timeout_s),
        ("speechTimeout", "auto" if speech else None),
        ("numDigits", digits_count),
        ("language", language if speech else None),
        ("hints", hints if speech else None),
        ("bargeIn", None if barge_in else False),
        ("actionOnEmptyResult", True if when_empty else None),
    ]
    found = _element("Gather", attributes, "", children)
    return Element(found.name, (*found.attributes, ("finishOnKey", finish_on)), "", found.children)


def record(
    action: str,
    *,
    seconds_max: int,
    silence_s: int,
    finish_on: str,
    beep: bool,
    status_callback: str = "",
) -> Element:
    attributes = (
        ("action", action),
        ("method", "POST"),
        ("maxLength", seconds_max),
        ("timeout", silence_s),
        ("finishOnKey", finish_on),
        ("playBeep", beep),
        ("recordingStatusCallback", status_callback),
        ("recordingStatusCallbackEvent", "completed absent" if status_callback else None),
    )
    return _element("Record", attributes)


def dial(
    noun: Element,
    *,
    action: str,
    caller: str = "",
    ring_s: int | None = None,
    limit_s: int | None = None,
) -> Element:
    attributes = (
        ("action", action),
        ("method", "POST"),
        ("callerId", caller),
        ("timeout", ring_s),
        ("timeLimit", limit_s),
    )
    return _element("Dial", attributes, "", (noun,))


def number(e164: str, *, digits: str = "", status_callback: str = "", events: str = "") -> Element:
    attributes = (
        ("sendDigits", digits),
        ("statusCallback", status_callback),
        ("statusCallbackEvent", events if status_callback else None),
    )
    return _element("Number", attributes, e164)


def conference(
    room: str,
    *,
    muted: bool,
    begins: bool,
    ends: bool,
    beep: bool,
    label: str = "",
    people_max: int | None = None,
    status_callback: str = "",
    events: str = "",
) -> Element:
    """`begins` and `ends`: whether this person's coming and going opens and closes the room."""
    attributes = (
        ("muted", muted),
        ("startConferenceOnEnter", begins),
        ("endConferenceOnExit", ends),
        ("beep", beep),
        ("participantLabel", label),
        ("maxParticipants", people_max),
        ("statusCallback", status_callback),
        ("statusCallbackEvent", events if status_callback else None),
    )
    return _element("Conference", attributes, room)


def connect(noun: Element, *, action: str = "") -> Element:
    return _element(
        "Connect", (("action", action), ("method", "POST" if action else None)), "", (noun,)
    )


def stream(
    url: str,
    parameters: Iterable[tuple[str, str]] = (),
    *,
    name: str = "",
    status_callback: str = "",
) -> Element:
    """Twilio drops a query from `url`: tokens go into its path or into `parameters`."""
    attributes = (("url", url), ("name", name), ("statusCallback", status_callback))
    return _element("Stream", attributes, "", _parameters(parameters))


def conversation_relay(
    url: str,
    parameters: Iterable[tuple[str, str]] = (),
    *,
    greeting: str = "",
    greeting_interruptible: str = "",
    language: str = "",
    voice: str = "",
    hints: str = "",
    speaks_by: str = "",
    hears_by: str = "",
    interruptible: str = "",
    events: str = "",
    digits: bool = True,
) -> Element:
    attributes = (
        ("url", url),
        ("welcomeGreeting", greeting),
        ("welcomeGreetingInterruptible", greeting_interruptible),
        ("language", language),
        ("ttsProvider", speaks_by),
        ("voice", voice),
        ("transcriptionProvider", hears_by),
        ("hints", hints),
        ("interruptible", interruptible),
        ("events", events),
        ("dtmfDetection", digits),
    )
    return _element("ConversationRelay", attributes, "", _parameters(parameters))


def _parameters(pairs: Iterable[tuple[str, str]]) -> tuple[Element, ...]:
    """A value may be empty, so these keep their attributes whatever they hold."""
    return tuple(Element("Parameter", (("name", name), ("value", value))) for name, value in pairs)
