"""Plays <Connect><ConversationRelay>: the carrier hears and speaks, and exchanges text with an application
over a signed socket (voice.md 1.5). What the person says is told as text, what the application sends is
played out over time; who speaks into it cuts it off. Written apart from the gateway's codec."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from ringfence.simulator.call_session import cancelled
from ringfence.simulator.stream_ends import Outbox
from ringfence.simulator.stream_skin import Message, object_in
from ringfence.simulator.stream_sockets import Refused, Socket
from ringfence.simulator.webhooks import signature

if TYPE_CHECKING:
    from ringfence.simulator.call_session import Source
    from ringfence.simulator.twiml_play import Player
    from ringfence.simulator.twiml_voice import Verb

# Twilio's debugger: no socket, and a message that is not taken.
NOT_CONNECTED: Final = 64102
BAD_MESSAGE: Final = 64107
WORDS_TOLD: Final = 4
"""A report of what was played comes after so many words."""
QUEUE_MAX: Final = 1_000
FRAME_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Piece:
    """Something to play: words, a sound file or keys. `is_last` of a talk cycle."""

    kind: str
    text: str
    interruptible: bool = True
    is_last: bool = True


async def connect_relay(player: Player, connect: Verb) -> Source | None:
    """Where to go on, if Connect has an action; otherwise the next verb follows."""
    relay = Relay(player, connect.children[0])
    fields = await relay.run()
    return player.source(connect["action"], connect, *fields) if connect["action"] else None


class Relay:
    """One relay of one leg. `sent` is what the application sent, as it came."""

    def __init__(self, player: Player, noun: Verb) -> None:
        self._player, self._noun = player, noun
        self._session, self._call = player.session, player.call
        self._id = player.voice.exchange.carrier.sids.deal("VX")
        self._outbox = Outbox()
        self._queue: deque[Piece] = deque()
        self._filled = asyncio.Event()
        self._sounding: asyncio.Task[None] | None = None
        self._piece: Piece | None = None
        self._piece_at = player.clock.now()
        self._cycle = ""  # what of the talk cycle was played before this piece
        self._handed_on: str | None = None

    # -- its life ------------------------------------------------------------------------------

    async def run(self) -> list[tuple[str, str]]:
        """Until the application ends it, or its socket breaks; the fields that tell how it ended."""
        began = self._player.clock.now()
        try:
            socket = await self._dialled()
        except Refused as refused:
            self._alert(NOT_CONNECTED, refused.why)
            return self._fields("failed", began, ("ErrorCode", str(NOT_CONNECTED)))
        try:
            self._session.taps.append(self)
            self._outbox.put(self._setup())
            if self._noun["welcomeGreeting"]:
                free = (self._noun["welcomeGreetingInterruptible"] or "any") != "none"
                self._put(Piece("say", self._noun["welcomeGreeting"], free))
            self._player.voice.tell_phone(self._call)
            await self._converse(socket)
        finally:
            self._session.taps.remove(self)
            await socket.close()
        if self._handed_on is None:
            return self._fields("failed", began)
        return self._fields("ended", began, ("HandoffData", self._handed_on))

    async def _dialled(self) -> Socket:
        voice, url = self._player.voice, self._noun["url"]
        account = voice.exchange.carrier.accounts[self._call.account_sid]
        voice.reports.in_flight += 1
        try:
            headers = {"X-Twilio-Signature": signature(account.auth_token, url)}
            return await voice.streams.dial(url, headers)
        finally:
            voice.reports.in_flight -= 1

    async def _converse(self, socket: Socket) -> None:
        parts = [
            asyncio.ensure_future(self._outbox.drain(socket)),
            asyncio.ensure_future(self._listen(socket)),
            asyncio.ensure_future(self._play_all()),
            asyncio.ensure_future(self._tick_along()),
        ]
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in parts:
                if part.done():
                    part.result()
        finally:
            await cancelled(*parts, *([self._sounding] if self._sounding else []))

    async def _tick_along(self) -> None:
        """The carrier listens in frames: under a moved clock no answer is passed over by a leap."""
        while True:
            await self._player.clock.sleep(FRAME_S)

    def _fields(
        self, status: str, began: datetime, *more: tuple[str, str]
    ) -> list[tuple[str, str]]:
        lasted_s = int((self._player.clock.now() - began).total_seconds())
        return [
            ("SessionId", self._id),
            ("SessionStatus", status),
            ("SessionDuration", str(lasted_s)),
            *more,
        ]

    def _alert(self, code: int, why: str) -> None:
        self._player.voice.alert(self._call, code, self._noun["url"], why)

    def _setup(self) -> Message:
        call = self._call
        return {
            "type": "setup",
            "sessionId": self._id,
            "accountSid": call.account_sid,
            "parentCallSid": "",
            "callSid": call.sid,
            "from": call.caller,
            "to": call.called,
            "forwardedFrom": "",
            "callerName": "",
            "callType": "PSTN",
            "direction": str(call.direction),
            "callStatus": "IN-PROGRESS",
            "customParameters": {one["name"]: one["value"] for one in self._parameters()},
        }

    def _parameters(self) -> list[Verb]:
        return [child for child in self._noun.children if child.name == "Parameter"]

    # -- the person ----------------------------------------------------------------------------

    def press(self, digit: str) -> None:
        if self._noun.is_true("dtmfDetection", False) and self._gets_through("dtmf"):
            self._outbox.put({"type": "dtmf", "digit": digit})

    def speak(self, words: str) -> None:
        if self._gets_through("speech"):
            language = self._noun["transcriptionLanguage"] or self._noun["language"] or "en-US"
            said = {"type": "prompt", "voicePrompt": words, "lang": language, "last": True}
            self._outbox.put(said)

    def utter(self, sound: bytes) -> None:
        """Nothing here makes words of sound."""

    def _gets_through(self, how: str) -> bool:
        """What comes while the application's words sound cuts them off, or is not told at all (there is
        reportInputDuringAgentSpeech for that, and it is off by default)."""
        piece = self._piece
        if piece is None:
            return True
        allowed = self._noun["interruptible"] or "any"
        if not piece.interruptible or allowed not in ("any", "true", how):
            return False
        self._cut(piece)
        return True

    def _cut(self, piece: Piece) -> None:
        """Nothing of it, or of what waits behind it, sounds any more."""
        lasted_s = (self._player.clock.now() - self._piece_at).total_seconds()
        count = int(lasted_s / self._player.voice.behaviour.word_s + 1e-6)
        heard = " ".join(piece.text.split()[:count]) if piece.kind == "say" else ""
        self._outbox.put(
            {
                "type": "interrupt",
                "utteranceUntilInterrupt": f"{self._cycle} {heard}".strip(),
                "durationUntilInterruptMs": str(int(lasted_s * 1000)),
            }
        )
        self._queue.clear()
        self._cycle, self._piece = "", None
        if self._sounding is not None:
            self._sounding.cancel()

    # -- the application -----------------------------------------------------------------------

    async def _listen(self, socket: Socket) -> None:
        while (text := await socket.receive()) is not None:
            message = object_in(text)
            if message is None or not self._obeyed(message):
                shown = text if isinstance(text, str) else "(binary)"
                self._alert(BAD_MESSAGE, "a message on the relay was not taken")
                self._outbox.put(
                    {"type": "error", "description": f"Invalid message received: {shown}"}
                )
            if self._handed_on is not None:
                return

    def _obeyed(self, message: Message) -> bool:
        match message:
            case {"type": "text", "token": str(token)}:
                free, last = _flag(message, "interruptible", True), _flag(message, "last", False)
                self._put(Piece("say", token, free, last))
            case {"type": "play", "source": str(url)}:
                self._put(Piece("play", url, _flag(message, "interruptible", True)))
            case {"type": "sendDigits", "digits": str(digits)}:
                self._put(Piece("digits", digits))
            case {"type": "language", "ttsLanguage": str()} | {
                "type": "language",
                "transcriptionLanguage": str(),
            }:
                pass
            case {"type": "end"}:
                self._handed_on = str(message.get("handoffData", ""))
            case _:
                return False
        return True

    def _put(self, piece: Piece) -> None:
        if len(self._queue) < QUEUE_MAX:
            self._queue.append(piece)
            self._filled.set()

    # -- what sounds ---------------------------------------------------------------------------

    async def _play_all(self) -> None:
        while True:
            while self._queue:
                await self._play(self._queue.popleft())
            self._filled.clear()
            await self._filled.wait()

    async def _play(self, piece: Piece) -> None:
        self._piece, self._piece_at = piece, self._player.clock.now()
        sounding = self._sounding = asyncio.ensure_future(self._sound(piece))
        await asyncio.wait({sounding})
        if sounding.cancelled():
            return  # cut off
        sounding.result()
        self._piece = None
        self._cycle = "" if piece.is_last else f"{self._cycle} {piece.text}".strip()

    async def _sound(self, piece: Piece) -> None:
        await asyncio.gather(self._player.sound(piece.kind, piece.text), self._tell_played(piece))

    async def _tell_played(self, piece: Piece) -> None:
        """Tells words as they are played, where that was asked for."""
        if piece.kind != "say" or "tokens-played" not in self._noun["events"].split():
            return
        words, word_s = piece.text.split(), self._player.voice.behaviour.word_s
        for at in range(0, len(words), WORDS_TOLD):
            told = words[at : at + WORDS_TOLD]
            await self._player.clock.sleep(word_s * len(told))
            played = {"type": "info", "name": "tokensPlayed", "value": " ".join(told)}
            self._outbox.put(played)


def _flag(message: Message, name: str, default: bool) -> bool:
    given = message.get(name, default)
    return given if isinstance(given, bool) else default
