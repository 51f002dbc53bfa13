"""Reads Plivo's voice XML: a tree of elements, or why it is none. Only the elements of the vendor's own
table exist, with its attributes and nesting (plivo-xml.json), read here apart from the gateway's writer so
that each can catch the other's mistake. What Plivo does with what it does not know is not documented;
here it fails, as loudly as it can. Pure; no entity or DTD is ever expanded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from xml.parsers import expat

from ringfence.simulator.twiml_voice import Script, Verb

ELEMENTS_MAX: Final = 200
BYTES_MAX: Final = 100_000
UNREACHED: Final = 7000  # and what was asked: 11 answer, 12 action, 13 transfer, 14 redirect
UNREADABLE: Final = 8000
_XML_TYPES: Final = ("text/xml", "application/xml")

_ACTION: Final = "action method redirect"
_CALLBACK: Final = "callbackUrl callbackMethod"
_SCRIBE: Final = "transcriptionType transcriptionUrl transcriptionMethod"
# Element -> its attributes.
ATTRIBUTES: Final[Mapping[str, frozenset[str]]] = {
    name: frozenset(attributes.split())
    for name, attributes in {
        "Response": "",
        "Speak": "voice language loop",
        "Play": "loop",
        "Wait": "length silence minSilence beep",
        "DTMF": "async",
        "Hangup": "reason schedule",
        "Redirect": "method",
        "PreAnswer": "",
        "GetInput": (
            f"{_ACTION} inputType executionTimeout digitEndTimeout speechEndTimeout finishOnKey "
            "numDigits speechModel hints language interimSpeechResultsCallback "
            "interimSpeechResultsCallbackMethod log profanityFilter"
        ),
        "GetDigits": (
            f"{_ACTION} timeout digitTimeout finishOnKey numDigits retries playBeep validDigits "
            "invalidDigitsSound log"
        ),
        "Record": (
            f"{_ACTION} fileFormat timeout maxLength playBeep finishOnKey recordSession "
            f"startOnDialAnswer transcriptionReportType recordChannelType {_SCRIBE} {_CALLBACK}"
        ),
        "Dial": (
            f"{_ACTION} hangupOnStar timeLimit timeout callerId callerName confirmSound "
            f"confirmTimeout confirmKey dialMusic digitsMatch digitsMatchBLeg sipHeaders {_CALLBACK}"
        ),
        "Number": "sendDigits sendOnPreanswer sendDigitsMode",
        "User": "sendDigits sendOnPreanswer sipHeaders",
        "Conference": (
            f"{_ACTION} muted enterSound exitSound startConferenceOnEnter endConferenceOnExit "
            "stayAlone waitSound maxMembers record recordFileFormat timeLimit hangupOnStar "
            f"digitsMatch floorEvent relayDtmf sendDigits recordWhenAlone {_SCRIBE} {_CALLBACK}"
        ),
        "Stream": (
            "bidirectional audioTrack streamTimeout statusCallbackUrl statusCallbackMethod "
            "contentType extraHeaders keepCallAlive"
        ),
    }.items()
}
_NONE: Final = frozenset[str]()
# Element -> what may stand inside it. SSML is read as the words it holds.
_SSML: Final = frozenset(
    ("break", "cont", "emphasis", "lang", "p", "phoneme", "prosody", "s", "say-as", "sub", "w")
)
CHILDREN: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset(("Response",)),
    "Response": frozenset(
        (
            *("Speak", "Play", "Wait", "DTMF", "Hangup", "Redirect", "PreAnswer", "GetInput"),
            *("GetDigits", "Record", "Dial", "Conference", "Stream"),
        )
    ),
    "PreAnswer": frozenset(("Speak", "Play", "Wait", "DTMF", "GetDigits", "Redirect")),
    "GetInput": frozenset(("Speak", "Play", "Wait")),
    "GetDigits": frozenset(("Speak", "Play", "Wait")),
    "Dial": frozenset(("Number", "User")),
    "Speak": _SSML,
    **dict.fromkeys(_SSML, _SSML),
}


def read(reached: bool, content_type: str, content: bytes) -> Script:
    """The meaning of an answer to a question. A document without elements ends the call; no document
    at all is an error, as a page of something else is."""
    if not reached:
        return Script(error_code=UNREACHED, error="the instructions could not be fetched")
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in _XML_TYPES:
        return Script(error_code=UNREADABLE, error=f"content type {kind or 'missing'}")
    if len(content) > BYTES_MAX:
        return Script(error_code=UNREADABLE, error=f"more than {BYTES_MAX} bytes")
    return _Reader().read(content)


class _Refused(Exception):
    """The document is not voice XML."""


class _Reader:
    def __init__(self) -> None:
        self._open: list[Verb] = [Verb("")]
        self._count = 0

    def read(self, content: bytes) -> Script:
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._doctype
        try:
            parser.Parse(content, True)
        except (expat.ExpatError, _Refused) as error:
            return Script(error_code=UNREADABLE, error=str(error))
        return Script(tuple(self._open[0].children[0].children))

    def _doctype(self, *_: object) -> None:
        raise _Refused("a document type is not allowed")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        parent = self._open[-1]
        self._count += 1
        if self._count > ELEMENTS_MAX:
            raise _Refused(f"more than {ELEMENTS_MAX} elements")
        if name not in CHILDREN.get(parent.name, _NONE):
            raise _Refused(f"<{name}> is not allowed in <{parent.name or 'document'}>")
        unknown = attributes.keys() - ATTRIBUTES.get(name, attributes.keys())
        if unknown:
            raise _Refused(f"<{name}> has no attribute {', '.join(sorted(unknown))}")
        element = Verb(name, attributes)
        parent.children.append(element)
        self._open.append(element)

    def _characters(self, text: str) -> None:
        self._open[-1].text += text

    def _end(self, name: str) -> None:
        element = self._open.pop()
        element.text = " ".join(element.text.split())
        if name in _SSML:
            self._open[-1].text += f" {element.text} "
        if name in ("Number", "User", "Redirect", "Play") and not element.text:
            raise _Refused(f"an empty <{name}> dials and plays nothing")
