"""Pipecat in the same harness: its FastAPI transport and Twilio serializer, set to what is cheapest (8 kHz
both ways, chunks of 20 ms, nothing it can do without), and an echo. Runs in an environment of its own, which
has no Ringfence in it.

    path/to/python -m bench.calls_pipecat energy|silero"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import socket
import sys
from pathlib import Path
from typing import Any

import numpy
import uvicorn
import uvloop
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import Frame, InputAudioRawFrame, OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)
from pipecat.workers.runner import WorkerRunner

HZ = 8_000
SPEECH = 130.0**2  # the same level as our detector's least
app = FastAPI()


class Echo(FrameProcessor):
    """Says what it hears, and looks how loud it is."""

    def __init__(self, *, looks: bool) -> None:
        super().__init__()
        self._looks = looks
        self.loud = 0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, InputAudioRawFrame):
            await self.push_frame(frame, direction)
            return
        if self._looks:
            samples = numpy.frombuffer(frame.audio, dtype=numpy.int16).astype(numpy.float32)
            self.loud += bool(numpy.dot(samples, samples) / max(len(samples), 1) > SPEECH)
        await self.push_frame(OutputAudioRawFrame(frame.audio, frame.sample_rate, 1))


@app.websocket("/{path:path}")
async def call(socket: WebSocket) -> None:
    await socket.accept()
    await socket.receive_text()  # connected
    start = json.loads(await socket.receive_text())["start"]
    serializer = TwilioFrameSerializer(
        stream_sid=start["streamSid"],
        params=TwilioFrameSerializer.InputParams(auto_hang_up=False),
    )
    transport = FastAPIWebsocketTransport(
        socket,
        FastAPIWebsocketParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_out_10ms_chunks=2,
            serializer=serializer,
        ),
    )
    is_silero = sys.argv[1] == "silero"
    ears = [VADProcessor(vad_analyzer=SileroVADAnalyzer())] if is_silero else []
    worker = PipelineWorker(
        Pipeline([transport.input(), *ears, Echo(looks=not is_silero), transport.output()]),
        params=PipelineParams(audio_in_sample_rate=HZ, audio_out_sample_rate=HZ),
        enable_rtvi=False,
        enable_turn_tracking=False,
        idle_timeout_secs=None,
    )

    @transport.event_handler("on_client_disconnected")
    async def gone(transport: Any, client: Any) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.run(worker)


def _say(**words: Any) -> None:
    print(json.dumps(words), flush=True)


def _used() -> dict[str, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    memory = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return {"cpu": used.ru_utime + used.ru_stime, "memory": memory}


async def serve() -> None:
    logger.remove()
    bound = socket.create_server(("127.0.0.1", 0), backlog=1_024)
    config = uvicorn.Config(app, log_level="error", lifespan="off", ws_per_message_deflate=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    while not server.started:
        await asyncio.sleep(0.01)
    _say(port=bound.getsockname()[1])
    while word := await asyncio.to_thread(sys.stdin.readline):
        if word.startswith("paths "):
            _say(paths=[f"/call/{n}" for n in range(int(word.split()[1]))])
        else:
            _say(**_used(), ours=[])
    server.force_exit = server.should_exit = True
    await serving


if __name__ == "__main__":
    uvloop.run(serve())
