"""Reads voice TwiML: a tree of verbs, or why it is none. Only the verbs of the vendor's own table
exist, with its attributes and nesting (twiml-verbs.json), read here apart from the gateway's writer
so that each can catch the other's mistake. Pure; no entity or DTD is ever expanded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

VERBS_MAX: Final = 200
_XML_TYPES: Final = ("text/xml", "application/xml", "text/html")

_REPORTS: Final = "statusCallback statusCallbackEvent statusCallbackMethod"
_DETECTION: Final = (
    "machineDetection machineDetectionTimeout machineDetectionSpeechThreshold "
    "machineDetectionSpeechEndThreshold machineDetectionSilenceTimeout "
    "amdStatusCallback amdStatusCallbackMethod"
)
_RECORDING: Final = (
    "recordingStatusCallback recordingStatusCallbackEvent recordingStatusCallbackMethod "
    "recordingConfigurationId trim"
)
# Verb -> its attributes.
ATTRIBUTES: Final[Mapping[str, frozenset[str]]] = {
    name: frozenset(attributes.split())
    for name, attributes in {
        "Response": "",
        "Say": "language loop voice",
        "Play": "digits loop",
        "Pause": "length",
        "Gather": (
            "action actionOnEmptyResult bargeIn debug enhanced finishOnKey hints input language "
            "maxSpeechTime method numDigits partialResultCallback partialResultCallbackMethod "
            "profanityFilter speechModel speechTimeout timeout"
        ),
        "Record": (
            f"action finishOnKey maxLength method playBeep timeout transcribe transcribeCallback "
            f"{_RECORDING}"
        ),
        "Dial": (
            f"action answerOnBridge callerId events hangupOnStar method passports record "
            f"recordingTrack referMethod referUrl ringTone sequential timeLimit timeout {_RECORDING}"
        ),
        "Number": f"byoc method sendDigits url {_REPORTS} {_DETECTION}",
        "Conference": (
            "beep coach endConferenceOnExit eventCallbackUrl jitterBufferSize maxParticipants muted "
            "participantLabel record region startConferenceOnEnter waitMethod waitUrl "
            f"{_REPORTS} {_RECORDING}"
        ),
        "Connect": "action method",
        "Start": "action method",
        "Stop": "",
        "Stream": (
            "audioFormat connectorName name sampleRate statusCallback statusCallbackMethod track url"
        ),
        "ConversationRelay": (
            "applicationReconnect asrSmartFormat backgroundNoiseReduction customerName debug "
            "deepgramSmartFormat dtmfDetection eagerEotThreshold echoPromptFiltering "
            "elevenlabsLanguageTextNormalization elevenlabsTextNormalization events hints "
            "ignoreBackchannel includeInPrompt intelligenceService interruptSensitivity "
            "interruptible language partialPromptOnHangup partialPrompts preemptible "
            "profanityFilter reportInputDuringAgentSpeech speechModel speechTimeout "
            "transcriptionLanguage transcriptionProvider ttsLanguage ttsLanguageTextNormalization "
            "ttsProvider ttsTextNormalization turnDetection url voice welcomeGreeting "
            "welcomeGreetingInterruptible"
        ),
        "Language": (
            "asrSmartFormat code hints speechModel transcriptionProvider "
            "ttsLanguageTextNormalization ttsProvider ttsTextNormalization voice"
        ),
        "Parameter": "name value",
        "Redirect": "method",
        "Reject": "reason",
        "Hangup": "",
    }.items()
}
_SSML: Final = frozenset(
    ("break", "emphasis", "lang", "p", "phoneme", "prosody", "s", "say-as", "sub", "w")
)
_NONE: Final = frozenset[str]()
# Verb -> what may stand inside it.
CHILDREN: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset(("Response",)),
    "Response": frozenset(
        (
            *("Say", "Play", "Pause", "Gather", "Record", "Dial", "Connect", "Start", "Stop"),
            *("Redirect", "Reject", "Hangup"),
        )
    ),
    "Say": _SSML,
    "Gather": frozenset(("Say", "Play", "Pause")),
    "Dial": frozenset(("Number", "Conference")),
    "Connect": frozenset(("Stream", "ConversationRelay")),
    "Start": frozenset(("Stream",)),
    "Stop": frozenset(("Stream",)),
    "Stream": frozenset(("Parameter",)),
    "ConversationRelay": frozenset(("Language", "Parameter")),
    "Hangup": frozenset(("Parameter",)),
    "Reject": frozenset(("Parameter",)),
    **dict.fromkeys(_SSML, _SSML),
}


@dataclass(slots=True)
class Verb:
    """One element. `text` is its words with white space collapsed, those of SSML inside it too."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    children: list[Verb] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        """An attribute, "" when it is absent."""
        return self.attributes.get(name, "")

    def whole(self, name: str, default: int) -> int:
        """An attribute as a number of seconds or digits; the default for anything else."""
        given = self[name]
        return int(given) if given.isdecimal() and len(given) <= 6 else default

    def is_true(self, name: str, default: bool) -> bool:
        return self[name].lower() == "true" if self[name] else default


@dataclass(frozen=True, slots=True)
class Script:
    """What a call is to do; `error_code` when the document is no good (then nothing is)."""

    verbs: tuple[Verb, ...] = ()
    error_code: int | None = None
    error: str = ""


def read(status: int, content_type: str, content: bytes) -> Script:
    """The meaning of a 2xx answer to a voice webhook. An empty document ends the call."""
    kind = content_type.partition(";")[0].strip().lower()
    if not content.strip():
        if status == 204 or kind in _XML_TYPES:
            return Script()
        return Script(error_code=11200, error="empty answer without a document (502)")
    if kind == "text/plain":
        return Script((Verb("Say", text=" ".join(content.decode("utf-8", "replace").split())),))
    if kind not in _XML_TYPES:
        return Script(error_code=12300, error=f"content type {kind or 'missing'}")
    return document(content)


def document(content: bytes) -> Script:
    return _Reader().read(content)


class _Refused(Exception):
    """The document is not voice TwiML."""


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
        except expat.ExpatError as error:
            return Script(error_code=12100, error=str(error))
        except _Refused as refused:
            return Script(error_code=12200, error=str(refused))
        return Script(tuple(self._open[0].children[0].children))

    def _doctype(self, *_: object) -> None:
        raise _Refused("a document type is not allowed")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        parent = self._open[-1]
        self._count += 1
        if self._count > VERBS_MAX:
            raise _Refused(f"more than {VERBS_MAX} elements")
        if name not in CHILDREN.get(parent.name, _NONE):
            raise _Refused(f"<{name}> is not allowed in <{parent.name or 'document'}>")
        unknown = attributes.keys() - ATTRIBUTES.get(name, attributes.keys())
        if unknown:
            raise _Refused(f"<{name}> has no attribute {', '.join(sorted(unknown))}")
        verb = Verb(name, attributes)
        parent.children.append(verb)
        self._open.append(verb)

    def _characters(self, text: str) -> None:
        self._open[-1].text += text

    def _end(self, name: str) -> None:
        verb = self._open.pop()
        verb.text = " ".join(verb.text.split())
        if name in _SSML:
            self._open[-1].text += f" {verb.text} "
