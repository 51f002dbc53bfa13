"""The fake speech services over TLS, in a process of their own: as far away as they can be here.

python -m bench.calls_vendors FOLDER"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from bench.children import say
from ringfence.cli.common import run
from ringfence.clock import SystemClock
from ringfence.simulator.certificates import loopback_tls
from ringfence.simulator.speech import SpeechServer
from ringfence.simulator.speech_deepgram import DeepgramVendor
from ringfence.simulator.speech_elevenlabs import ElevenLabsVendor

HEARD = ["when do you open please"] * 20_000


async def serve(folder: Path) -> None:
    tls, _ = loopback_tls(folder, SystemClock().now())
    async with (
        SpeechServer(DeepgramVendor(), transcripts=HEARD, tls=tls) as deepgram,
        SpeechServer(ElevenLabsVendor(), tls=tls) as elevenlabs,
    ):
        certificate = str(folder / "loopback.pem")
        say(deepgram=deepgram.url, elevenlabs=elevenlabs.url, certificate=certificate)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    run(serve(Path(sys.argv[1])))
