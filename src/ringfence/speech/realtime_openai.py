"""OpenAI's Realtime models in the generally available shape (facts voice 1.9), µ-law both ways. It never
answers by itself: its detection of turns has `create_response` off, and `response.create` is sent when
somebody was allowed to answer. Nothing here opens a socket but `talk`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from ringfence.model.errors import SpeechError
from ringfence.model.realtime import RealtimeChoice
from ringfence.model.wire import WireRequest
from ringfence.ports.realtime import (
    AnswerDone,
    AnswerSound,
    AnswerWords,
    RealtimeEvent,
    RealtimeTalk,
    TalksItself,
    Tool,
    ToolCalled,
)
from ringfence.ports.sockets import SocketClosed
from ringfence.ports.speech import Final, Partial, SpeechBegan
from ringfence.speech.base import (
    SOCKET_MESSAGE_BYTES_MAX,
    TIMEOUT_S,
    TRANSCRIPT_CHARS_MAX,
    Junk,
    RealtimeKind,
    Wires,
    document,
    gone,
    service_problems,
    socket_url,
    tame,
    tamed_hints,
    told,
    within,
)
from ringfence.speech.realtime_socket import talk

NAME = "openai"
SERVICE = "OpenAI"
BASE_URL = "https://api.openai.com/v1"
MODEL = "gpt-realtime"
VOICE = "marin"
EARS_MODEL = "gpt-4o-mini-transcribe"
ULAW = {"type": "audio/pcmu"}
ARGUMENTS_CHARS_MAX = 8_000
DELTA_CHARS_MAX = 2_000
ITEMS_MAX = 16
_HEARS = "conversation.item.input_audio_transcription."
_ANSWERS = "answer-"  # event ids of our response.create, which an error names

_Took = tuple[Sequence[RealtimeEvent], Sequence[str]]
_NOTHING: _Took = ((), ())


class OpenAIRealtime:
    """One call's messages, both ways. One answer is under way at a time, as the service has it; a next
    one that is wanted before waits for its end."""

    service = SERVICE

    def __init__(
        self,
        choice: RealtimeChoice,
        language: str,
        tools: Sequence[Tool],
        hints: Sequence[str],
        silence_ms: int,
    ) -> None:
        self._choice, self._language = choice, language
        self._tools, self._hints, self._silence_ms = tools, hints, silence_ms
        self._words: dict[str, str] = {}  # the person's, under way, by their item
        self._answer = 0  # the one under way, or 0
        self._owed = 0  # the one that waits for its end
        self.ready = False

    # -- what we say ---------------------------------------------------------------------------

    def opening(self) -> Sequence[str]:
        chosen = self._choice.service
        session = {
            "type": "realtime",
            "model": chosen.model or MODEL,
            "output_modalities": ["audio"],
            "instructions": self._choice.instructions,
            "tools": [_tool(tool) for tool in self._tools],
            "tool_choice": "auto",
            "audio": {
                "input": {
                    "format": ULAW,
                    "transcription": self._transcription(),
                    "turn_detection": {
                        "type": "server_vad",
                        "silence_duration_ms": self._silence_ms,
                        "create_response": False,
                        "interrupt_response": False,
                    },
                },
                "output": {"format": ULAW, "voice": chosen.voice or VOICE},
            },
        }
        return (_event("session.update", session=session),)

    def _transcription(self) -> dict[str, str]:
        asked = {"model": EARS_MODEL, "language": self._language.partition("-")[0].lower()}
        if words := tamed_hints(list(self._hints)):
            asked["prompt"] = ", ".join(words)
        return asked

    def sound(self, sound: bytes) -> Sequence[str]:
        return (_event("input_audio_buffer.append", audio=base64.b64encode(sound).decode()),)

    def answer(self, number: int) -> Sequence[str]:
        if self._answer:
            self._owed = number
            return ()
        self._answer = number
        return (_event("response.create", event_id=f"{_ANSWERS}{number}"),)

    def cancel(self) -> Sequence[str]:
        self._owed = 0
        return (_event("response.cancel"),) if self._answer else ()

    def said(self, text: str) -> Sequence[str]:
        return (_message("assistant", "output_text", text),)

    def told(self, text: str) -> Sequence[str]:
        return (_message("user", "input_text", text),)

    def heard(self, item: str, ms: int) -> Sequence[str]:
        place = {"item_id": item, "content_index": 0, "audio_end_ms": ms}
        return (_event("conversation.item.truncate", **place),)

    def forget(self, item: str) -> Sequence[str]:
        return (_event("conversation.item.delete", item_id=item),)

    def result(self, call: str, output: str) -> Sequence[str]:
        item = {"type": "function_call_output", "call_id": call, "output": output}
        return (_event("conversation.item.create", item=item),)

    # -- what it says --------------------------------------------------------------------------

    def took(self, message: str | bytes) -> _Took:
        said = document(message)
        match said.get("type"):
            case "session.updated":
                self.ready = True
                return _NOTHING
            case "input_audio_buffer.speech_started":
                return (SpeechBegan(),), ()
            case str() as kind if kind.startswith(_HEARS):
                return self._transcript(kind.removeprefix(_HEARS), said), ()
            case str() as kind if kind.startswith("response."):
                return self._response(kind, said)
            case "error":
                return self._error(said)
            case str():
                return _NOTHING
            case _:
                raise Junk

    def ended(self, closed: SocketClosed) -> SpeechError:
        return gone(SERVICE, f"it closed the socket (code {closed.code}).")

    def _transcript(self, kind: str, said: Mapping[str, Any]) -> Sequence[RealtimeEvent]:
        item = _name(said, "item_id")
        match kind:
            case "delta":
                if item not in self._words and len(self._words) >= ITEMS_MAX:
                    self._words.pop(next(iter(self._words)))
                more = said.get("delta")
                words = self._words.get(item, "") + (more if isinstance(more, str) else "")
                self._words[item] = words[:TRANSCRIPT_CHARS_MAX]
                text = tame(self._words[item])
                return (Partial(text),) if text else ()
            case "completed":
                self._words.pop(item, None)
                return (Final(tame(said.get("transcript")), turn_over=True),)
            case "failed":
                # The words are lost, not the call: their turn ends with what was heard of it.
                return (Final(tame(self._words.pop(item, "")), turn_over=True),)
            case _:
                return ()

    def _response(self, kind: str, said: Mapping[str, Any]) -> _Took:
        answer = self._answer
        match kind:
            case "response.done":
                return self._done(said)
            case "response.output_audio_transcript.delta":
                words = said.get("delta")
                text = words[:DELTA_CHARS_MAX] if isinstance(words, str) else ""
                return (AnswerWords(answer, _name(said, "item_id"), _printable(text)),), ()
            case "response.output_audio.delta":
                return (AnswerSound(answer, _name(said, "item_id"), _sound(said)),), ()
            case "response.function_call_arguments.done":
                name, call = _name(said, "name"), _name(said, "call_id")
                return (ToolCalled(answer, call, name, _arguments(said)),), ()
            case _:
                return _NOTHING

    def _done(self, said: Mapping[str, Any]) -> _Took:
        status = within(said, "response", "status")
        why = within(said, "response", "status_details", "reason")
        failure = "" if status == "completed" else tame(why or status or "unknown", 60)
        return self._over(failure)

    def _over(self, failure: str) -> _Took:
        over, self._answer = self._answer, 0
        owed, self._owed = self._owed, 0
        return (AnswerDone(over, failure),), self.answer(owed) if owed else ()

    def _error(self, said: Mapping[str, Any]) -> _Took:
        """Before it has our settings an error is the end of it. After that most concern one message of
        ours alone and leave the session as it is; of those only a refused answer matters."""
        error = said.get("error")
        if not self.ready:
            words = within(error, "message")
            raise told(SERVICE, self._choice.service, words, "speech_refused")
        if self._answer and within(error, "event_id") == f"{_ANSWERS}{self._answer}":
            return self._over(tame(within(error, "code"), 60) or "refused")
        return _NOTHING


def _tool(tool: Tool) -> dict[str, Any]:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
    }


def _event(kind: str, **fields: Any) -> str:
    return orjson.dumps({"type": kind, **fields}).decode()


def _message(role: str, kind: str, text: str) -> str:
    item = {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}
    return _event("conversation.item.create", item=item)


def _name(said: Mapping[str, Any], key: str) -> str:
    """An id or a name of theirs. Raises Junk."""
    found = said.get(key)
    if not isinstance(found, str) or not found or len(found) > 200:
        raise Junk
    return found


def _sound(said: Mapping[str, Any]) -> bytes:
    delta = said.get("delta")
    if not isinstance(delta, str):
        raise Junk
    try:
        return base64.b64decode(delta, validate=True)
    except binascii.Error:
        raise Junk from None


def _arguments(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those of a tool; none where they are no object of bounded size."""
    written = said.get("arguments")
    if not isinstance(written, str) or len(written) > ARGUMENTS_CHARS_MAX:
        return {}
    try:
        return document(written)
    except Junk:
        return {}


def _printable(text: str) -> str:
    """Blanks at its ends stand: the next delta goes on where this one stopped."""
    return "".join(c if c.isprintable() else " " for c in text)


class OpenAITalks:
    """Fulfils ports.realtime.TalksItself."""

    name = NAME

    def __init__(self, choice: RealtimeChoice, wires: Wires, silence_ms: int) -> None:
        self._choice, self._wires, self._silence_ms = choice, wires, silence_ms

    async def open(
        self, language: str, tools: Sequence[Tool], hints: Sequence[str]
    ) -> RealtimeTalk:
        chosen = self._choice.service
        dialect = OpenAIRealtime(
            self._choice, chosen.language or language, tools, hints, self._silence_ms
        )
        key = chosen.api_key
        request = WireRequest(
            method="GET",
            url=socket_url(
                chosen.base_url or BASE_URL, "/realtime", {"model": chosen.model or MODEL}
            ),
            secret_headers={} if key is None else {"Authorization": f"Bearer {key.reveal()}"},
            timeout_s=TIMEOUT_S,
            response_bytes_max=SOCKET_MESSAGE_BYTES_MAX,
            public_only=not chosen.base_url,
        )
        return await talk(self._wires, request, dialect)


def _problems(choice: RealtimeChoice) -> tuple[str, ...]:
    return service_problems(choice.service, key_needed=not choice.service.base_url)


def _build(choice: RealtimeChoice, wires: Wires, silence_ms: int) -> TalksItself:
    return OpenAITalks(choice, wires, silence_ms)


REALTIME = RealtimeKind(NAME, _problems, _build)
