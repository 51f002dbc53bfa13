"""The measured side of live calls, in a process of its own: our listener and media door, and behind them
either the whole session or the least that echoes with a detector. The call core is one of the bench: it
allows everything and records nothing, so that what is measured is sound.

    python -m bench.calls_serve transport|echo|interrupt|talk [DEEPGRAM ELEVENLABS CERTIFICATE]"""

from __future__ import annotations

import asyncio
import os
import resource
import secrets
import ssl
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.calls_core import Core, Echo, Tone, Vendors
from bench.children import say
from ringfence.audio.activity import EnergyDetector
from ringfence.cli.common import run
from ringfence.cli.gateway import spare_the_collector
from ringfence.clock import SystemClock
from ringfence.gateway.conversations import Conversations
from ringfence.gateway.stream_tokens import StreamPlaces, StreamTokens
from ringfence.model.media import SoundHeard, StreamStarted
from ringfence.net.socket import SocketClient
from ringfence.net.streaming import HttpStreams
from ringfence.providers.twilio_media import MEDIA
from ringfence.speech.base import Wires
from ringfence.web.listener import Listener
from ringfence.web.media import FRAME_BYTES_MAX, STREAM_PATH, AsgiSocket, MediaDoor

CALLS_MAX = 2_000


async def transport(scope: Any, receive: Any, send: Any) -> None:
    """The least: the frame apart, its loudness, and the same sound back."""
    await receive()
    await send({"type": "websocket.accept"})
    socket, detector, stream = AsgiSocket(receive, send, FRAME_BYTES_MAX), EnergyDetector(), ""
    try:
        while (text := await socket.receive()) is not None:
            event = MEDIA.media_event(text)
            if isinstance(event, SoundHeard):
                detector.hear(event.sound)
                await socket.send(MEDIA.sound(stream, event.sound))
            elif isinstance(event, StreamStarted):
                stream = event.stream_id
    except ConnectionError:
        pass


async def serve(kind: str, vendors: list[str]) -> None:
    clock = SystemClock()
    tokens = StreamTokens(secrets.token_urlsafe, lives_s=600)
    async with AsyncExitStack() as stack:
        core = Core(await _speech(kind, vendors, stack))
        conversations = Conversations(core, tokens, clock, clock.monotonic)
        core.tell = conversations.tell
        places = StreamPlaces(
            pending_max=CALLS_MAX, pending_per_address_max=CALLS_MAX, sockets_max=CALLS_MAX
        )
        door = transport if kind == "transport" else MediaDoor(conversations, places, clock)
        listener = await stack.enter_async_context(Listener(door, "127.0.0.1", 0, sockets=True))
        spare_the_collector()
        say(port=urlsplit(listener.address).port)
        while word := await asyncio.to_thread(sys.stdin.readline):
            if word.startswith("paths "):
                ids = [f"cal_{n}" for n in range(int(word.split()[1]))]
                say(paths=[f"{STREAM_PATH}/{conversations.token(one)}" for one in ids])
            else:
                say(**_used(), ours=core.ours_ms)


async def _speech(kind: str, vendors: list[str], stack: AsyncExitStack) -> type[Echo] | Vendors:
    if kind != "talk":
        return Tone if kind == "interrupt" else Echo
    deepgram, elevenlabs, certificate = vendors
    trusting = ssl.create_default_context(cafile=certificate)
    wires = Wires(SocketClient(tls=trusting), HttpStreams(tls=trusting))
    stack.push_async_callback(wires.sockets.close)  # type: ignore[attr-defined]
    stack.push_async_callback(wires.streams.close)  # type: ignore[attr-defined]
    return Vendors.of(deepgram, elevenlabs, wires)


def _used() -> dict[str, float]:
    """Seconds of processor time so far, and resident megabytes now."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    memory = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return {"cpu": used.ru_utime + used.ru_stime, "memory": memory}


if __name__ == "__main__":
    run(serve(sys.argv[1], sys.argv[2:]))
