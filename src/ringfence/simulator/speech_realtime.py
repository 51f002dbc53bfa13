"""OpenAI's Realtime models on loopback or in this process, in the generally available shape (facts voice
1.9): it hears a script, answers what it is given, when it is told to, and keeps its conversation, so that
what it would remember can be looked at. Written apart from the adapter."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
from aiohttp import web

from ringfence.model.errors import NotDispatched, PossiblyDispatched
from ringfence.model.wire import WireRequest
from ringfence.ports.sockets import SocketClosed
from ringfence.simulator.speech import (
    KEY,
    Said,
    Script,
    ScriptedEar,
    SpeechFaults,
    SpeechSession,
    Talker,
    pieces_of,
    text_of,
    tone_of,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model answers once. `tools` are names and arguments; `lag`: its words come after its sound;
    `unfinished`: it is still at it until it is cancelled; `failed`: it breaks off so."""

    text: str = ""
    tools: Sequence[tuple[str, Mapping[str, Any]]] = ()
    lag: bool = False
    unfinished: bool = False
    failed: str = ""


class RealtimeVendor:
    """`answers` in their order, then silence. `talkers` are the sockets that came."""

    def __init__(self, *answers: Answer, key: str = KEY, base: str = "/v1") -> None:
        self._answers = list(answers)
        self._key, self._base = key, base
        self.talkers: list[RealtimeTalker] = []

    def refusal(self, session: SpeechSession) -> int | None:
        if session.headers.get("authorization") != f"Bearer {self._key}":
            return 401
        if session.path != f"{self._base}/realtime":
            return 404
        return None if session.query.get("model") else 400

    def talker(self, session: SpeechSession, script: Script, faults: SpeechFaults) -> Talker:
        self.talkers.append(RealtimeTalker(session, script, self._answers))
        return self.talkers[-1]

    async def answer(
        self, request: web.Request, session: SpeechSession, faults: SpeechFaults
    ) -> web.StreamResponse | None:
        return None


@dataclass(slots=True)
class _Item:
    role: str
    text: str = field(repr=False)
    ms: int = 0


class RealtimeTalker:
    """`items` is the conversation as it stands: who said what, its own words as far as it may think that
    they were heard."""

    def __init__(self, session: SpeechSession, script: Script, answers: list[Answer]) -> None:
        self._session, self._answers = session, answers
        self._ear = ScriptedEar(script)
        self._events = self._count = 0
        self._under_way = ""
        self._settings: dict[str, Any] = {"type": "realtime"}
        self.items: dict[str, _Item] = {}

    @property
    def remembers(self) -> list[tuple[str, str]]:
        return [(item.role, item.text) for item in self.items.values()]

    @property
    def settings(self) -> Mapping[str, Any]:
        return self._settings

    # -- a socket's side ---------------------------------------------------------------------------

    def opened(self) -> Sequence[Said]:
        return (self._event("session.created", session=self._settings),)

    def error(self) -> Sequence[Said]:
        return (self._error("simulated", "it went wrong"),)

    def took(self, message: str | bytes) -> Sequence[Said]:
        event = orjson.loads(message) if isinstance(message, str) else {}
        match event.get("type"):
            case "session.update":
                return self._update(event.get("session") or {})
            case "input_audio_buffer.append":
                return self._heard(base64.b64decode(event["audio"]))
            case "conversation.item.create":
                return self._created(event["item"])
            case "conversation.item.truncate":
                return self._truncated(event)
            case "conversation.item.delete":
                self.items.pop(event["item_id"], None)
                return (self._event("conversation.item.deleted", item_id=event["item_id"]),)
            case "response.create":
                return self._respond(event.get("event_id"))
            case "response.cancel":
                return self._cancelled()
            case _:
                return (self._error("unknown_event", "no such event"),)

    def _update(self, session: dict[str, Any]) -> Sequence[Said]:
        sound = session.get("audio", {})
        formats = [sound.get(side, {}).get("format") for side in ("input", "output")]
        if session.get("type") != "realtime" or formats != [{"type": "audio/pcmu"}] * 2:
            return (self._error("invalid_value", "a type and two formats are needed"),)
        self._settings = session
        return (self._event("session.updated", session=session),)

    # -- the person --------------------------------------------------------------------------------

    def _heard(self, sound: bytes) -> list[Said]:
        self._session.sound += sound
        said: list[Said] = []
        for heard in self._ear.feed(sound):
            if heard.kind == "began":
                said.append(self.begins())
            elif heard.kind == "ended":
                said += self.says(heard.text)
        return said

    def begins(self) -> str:
        """Somebody speaks."""
        place = {"audio_start_ms": 0, "item_id": f"person_{self._count + 1}"}
        return self._event("input_audio_buffer.speech_started", **place)

    def says(self, text: str) -> list[Said]:
        """Somebody has spoken; whether it answers is ours to say."""
        self._count += 1
        item = f"person_{self._count}"
        self.items[item] = _Item("user", text)
        usage = {"type": "duration", "seconds": 1.0}
        return [
            self._event("input_audio_buffer.speech_stopped", audio_end_ms=0, item_id=item),
            self._event("input_audio_buffer.committed", item_id=item),
            self._event(
                "conversation.item.input_audio_transcription.completed",
                item_id=item,
                content_index=0,
                transcript=text,
                usage=usage,
            ),
        ]

    # -- the conversation --------------------------------------------------------------------------

    def _created(self, item: dict[str, Any]) -> Sequence[Said]:
        self._count += 1
        name = f"item_{self._count}"
        if item["type"] == "function_call_output":
            self.items[name] = _Item("tool", item["output"])
        else:
            self.items[name] = _Item(item["role"], item["content"][0]["text"])
        return (self._event("conversation.item.added", item={**item, "id": name}),)

    def _truncated(self, event: dict[str, Any]) -> Sequence[Said]:
        item, ms = self.items.get(event["item_id"]), event["audio_end_ms"]
        if item is None or ms > item.ms:
            return (self._error("invalid_value", "the audio is shorter than that"),)
        item.text = item.text[: len(item.text) * ms // item.ms]
        item.ms = ms
        place = {"item_id": event["item_id"], "content_index": 0, "audio_end_ms": ms}
        return (self._event("conversation.item.truncated", **place),)

    # -- its answers -------------------------------------------------------------------------------

    def _respond(self, event_id: str | None) -> Sequence[Said]:
        if self._under_way:
            code = "conversation_already_has_active_response"
            return (self._error(code, "one at a time", event_id),)
        self._count += 1
        self._under_way = f"resp_{self._count}"
        answer = self._answers.pop(0) if self._answers else Answer()
        said: list[Said] = [self._event("response.created", response={"id": self._under_way})]
        if answer.text:
            said += self._speech(answer)
        for number, (name, arguments) in enumerate(answer.tools):
            said.append(self._tool(number, name, arguments))
        if answer.unfinished:
            return said
        return [*said, self._done("failed" if answer.failed else "completed", answer.failed)]

    def _speech(self, answer: Answer) -> list[Said]:
        item, sound = f"item_{self._count}", tone_of(answer.text)
        self.items[item] = _Item("assistant", answer.text, len(sound) // 8)
        place = {
            "response_id": self._under_way,
            "item_id": item,
            "output_index": 0,
            "content_index": 0,
        }
        words: list[Said] = [
            self._event("response.output_audio_transcript.delta", delta=delta, **place)
            for delta in _deltas(answer.text)
        ]
        # A word's sound comes after the word, as long as the word is.
        sounds: list[Said] = [
            self._event("response.output_audio.delta", delta=_base64(piece), **place)
            for delta in _deltas(answer.text)
            for piece in pieces_of(tone_of(delta), 4_000)
        ]
        if answer.lag:
            said = [*sounds, *words]
        else:
            said = [one for pair in zip(words, sounds, strict=True) for one in pair]
        done = [self._event("response.output_audio.done", **place)]
        transcript = {**place, "transcript": answer.text}
        return [
            *said,
            *done,
            self._event("response.output_audio_transcript.done", **transcript),
        ]

    def _tool(self, number: int, name: str, arguments: Mapping[str, Any]) -> str:
        return self._event(
            "response.function_call_arguments.done",
            response_id=self._under_way,
            item_id=f"tool_{self._count}_{number}",
            output_index=number,
            call_id=f"call_{self._count}_{number}",
            name=name,
            arguments=text_of(arguments),
        )

    def _cancelled(self) -> Sequence[Said]:
        if not self._under_way:
            return (self._error("response_cancel_not_active", "nothing to cancel"),)
        return (self._done("cancelled", "client_cancelled"),)

    def _done(self, status: str, reason: str) -> str:
        response: dict[str, Any] = {"id": self._under_way, "status": status}
        if status == "cancelled":
            response["status_details"] = {"type": status, "reason": reason}
        self._under_way = ""
        return self._event("response.done", response=response)

    def _error(self, code: str, words: str, event_id: str | None = None) -> str:
        error = {"type": "invalid_request_error", "code": code, "message": words, "param": None}
        return self._event("error", error={**error, "event_id": event_id})

    def _event(self, kind: str, **fields: Any) -> str:
        self._events += 1
        return text_of({"type": kind, "event_id": f"event_{self._events}", **fields})


def _deltas(text: str) -> list[str]:
    """Word by word, blanks in front, as such models make them."""
    first, *rest = text.split(" ")
    return [first, *(f" {word}" for word in rest)]


def _base64(sound: bytes) -> str:
    return base64.b64encode(sound).decode()


class DirectSockets:
    """`ports.sockets.Sockets` straight into a vendor, without a network. `says` has the person speak,
    `dies` breaks the newest socket."""

    def __init__(self, vendor: RealtimeVendor) -> None:
        self.vendor = vendor
        self.open: list[_DirectSocket] = []

    async def connect(self, request: WireRequest) -> _DirectSocket:
        parts = urlsplit(request.url)
        headers = {**request.headers, **request.secret_headers}
        lowered = {name.lower(): value for name, value in headers.items()}
        session = SpeechSession(parts.path, parse_qs(parts.query), lowered)
        status = self.vendor.refusal(session)
        if status:
            raise NotDispatched("The model's service opens no socket.", code=f"http_{status}")
        talker = self.vendor.talker(session, Script(()), SpeechFaults())
        self.open.append(_DirectSocket(session, talker))
        return self.open[-1]

    def begins(self) -> None:
        self.open[-1].tell([self.vendor.talkers[-1].begins()])

    def says(self, text: str) -> None:
        self.open[-1].tell(self.vendor.talkers[-1].says(text))

    def dies(self) -> None:
        self.open[-1].die()


class _DirectSocket:
    def __init__(self, session: SpeechSession, talker: Talker) -> None:
        self.session, self._talker = session, talker
        self._inbox: asyncio.Queue[str | None] = asyncio.Queue()
        self._is_dead = False
        self.tell(talker.opened())

    def tell(self, messages: Sequence[Said]) -> None:
        for message in messages:
            assert isinstance(message, str)
            self._inbox.put_nowait(message)

    def die(self) -> None:
        self._is_dead = True
        self._inbox.put_nowait(None)

    async def send(self, message: str | bytes) -> None:
        if self._is_dead:
            raise PossiblyDispatched("The model's socket broke.", code="socket_gone")
        self.session.texts.append(orjson.loads(message))
        self.tell(self._talker.took(message))

    async def receive(self) -> str | bytes | SocketClosed:
        message = await self._inbox.get()
        return SocketClosed(1006) if message is None else message

    async def close(self) -> None:
        self._is_dead = True
