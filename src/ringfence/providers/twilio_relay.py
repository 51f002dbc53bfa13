"""Twilio ConversationRelay on the wire (facts voice 1.5): text frames of one JSON object. Twilio never says
that a message was played to its end; only `tokensPlayed`, asked for with the attribute `events`, and
`utteranceUntilInterrupt` say what a person heard. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

from ringfence.model.errors import MalformedFrame
from ringfence.model.line import Line
from ringfence.model.relay import (
    PersonPrompted,
    RelayEvent,
    RelayFault,
    RelayStarted,
    SpeechCut,
    WordsPlayed,
)
from ringfence.model.wire import WebhookRequest
from ringfence.providers import media_frames as frames
from ringfence.providers import twilio_media
from ringfence.providers.redaction import redact

WORDS_CHARS_MAX: Final = 16_384
"""Of one utterance, theirs or ours; nobody says more in one breath."""
_DIGITS: Final = re.compile(r"[0-9w*#]{1,128}", re.ASCII)
_TAG_CHARS_MAX: Final = 35  # RFC 5646 section 4.4.1


class TwilioRelay:
    """Fulfils `SpeaksRelay`; one instance serves every call."""

    name = "twilio"

    def verify_upgrade(self, request: WebhookRequest, line: Line, url: str) -> None:
        """Signed like that of a media stream. Raises SignatureRefused."""
        twilio_media.MEDIA.verify_upgrade(request, line, url)

    def relay_event(self, frame: str | bytes) -> RelayEvent | None:
        """Raises MalformedFrame."""
        message = frames.opened(frame)
        match message.get("type"):
            case "prompt":
                return _prompted(message)
            case "info":
                return _told(message)
            case "interrupt":
                return _cut(message)
            case "dtmf":
                return frames.digit(message)
            case "setup":
                return _started(message)
            case "error":
                return _refused(message.get("description"))
            case str():
                return None  # what Twilio adds later must not end calls
        raise MalformedFrame("It names no type.")

    def text(self, text: str, *, last: bool, interruptible: bool, language: str = "") -> str:
        message: dict[str, Any] = {"type": "text", "token": text, "last": last}
        if language:
            message["lang"] = language
        # A text that a later one may push aside was not said, so none of ours is such.
        return frames.written(message | {"interruptible": interruptible, "preemptible": False})

    def play(self, url: str, *, interruptible: bool = True) -> str:
        message = {"type": "play", "source": url, "loop": 1}
        return frames.written(message | {"interruptible": interruptible, "preemptible": False})

    def digits(self, digits: str) -> str:
        if not _DIGITS.fullmatch(digits):
            raise ValueError("keys are 1 to 128 of 0-9 * # and w")
        return frames.written({"type": "sendDigits", "digits": digits})

    def language(self, heard: str = "", spoken: str = "") -> str:
        chosen = {"transcriptionLanguage": heard, "ttsLanguage": spoken}
        named = {name: tag for name, tag in chosen.items() if tag}
        if not named:
            raise ValueError("a language to hear or to speak in must be named")
        return frames.written({"type": "language", **named})

    def end(self, handed_on: str = "") -> str:
        message = {"type": "end"}
        return frames.written(message | {"handoffData": handed_on} if handed_on else message)


def _started(message: dict[str, Any]) -> RelayStarted:
    return RelayStarted(
        frames.text(message.get("sessionId"), "sessionId"),
        frames.text(message.get("callSid"), "callSid"),
        frames.text(message.get("accountSid"), "accountSid"),
        frames.parameters(message.get("customParameters")),
    )


def _prompted(message: dict[str, Any]) -> PersonPrompted:
    language = message.get("lang")
    tag = frames.text(language, "lang", _TAG_CHARS_MAX) if language else ""
    # Without partialPrompts every prompt is final, and older sessions did not say so.
    return PersonPrompted(_words(message, "voicePrompt"), message.get("last", True) is True, tag)


def _told(message: dict[str, Any]) -> RelayEvent | None:
    if message.get("name") != "tokensPlayed":
        return None
    return WordsPlayed(_words(message, "value"))


def _cut(message: dict[str, Any]) -> SpeechCut:
    after = message.get("durationUntilInterruptMs")
    after_ms = 0 if after is None else frames.whole(after, "durationUntilInterruptMs")
    return SpeechCut(_words(message, "utteranceUntilInterrupt"), after_ms)


def _refused(given: object) -> RelayFault:
    """Twilio repeats the message it did not take, and what we say on calls is not for a log."""
    said = redact(str(given or "").partition("{")[0])
    return RelayFault(said or "no reason given")


def _words(message: dict[str, Any], name: str) -> str:
    """What was said, bounded: it may be empty, and hold line breaks of our own."""
    found = message.get(name)
    if not isinstance(found, str) or len(found) > WORDS_CHARS_MAX:
        raise MalformedFrame(f"Its {name} is no text of at most {WORDS_CHARS_MAX} characters.")
    return found


RELAY = TwilioRelay()
