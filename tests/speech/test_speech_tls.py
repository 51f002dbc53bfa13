"""The services are reached over TLS, with a certificate that is looked at."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from speech_rig import EARS, MOUTHS, SENTENCE, feed, said, spoken_sound, text_of_turn, until_over

from ringfence.clock import SystemClock
from ringfence.model.errors import SpeechError
from ringfence.net.socket import SocketClient
from ringfence.net.streaming import HttpStreams
from ringfence.simulator.certificates import loopback_tls
from ringfence.speech.base import Wires

Contexts = tuple[ssl.SSLContext, ssl.SSLContext]


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    folder: Path = tmp_path_factory.mktemp("tls")
    return loopback_tls(folder, SystemClock().now())


@pytest.fixture
async def trusting(contexts: Contexts) -> AsyncIterator[Wires]:
    sockets, streams = SocketClient(tls=contexts[1]), HttpStreams(tls=contexts[1])
    yield Wires(sockets, streams)
    await sockets.close()
    await streams.close()


@pytest.mark.parametrize("name", sorted(EARS))
async def test_an_ear_hears_over_tls(name: str, trusting: Wires, contexts: Contexts) -> None:
    async with EARS[name].server(SENTENCE, tls=contexts[0]) as server:
        assert server.url.startswith("https://")
        hearing = await EARS[name].ears(server, trusting).listen("en-US")
        await feed(hearing, spoken_sound())
        heard = await until_over(hearing)
        await hearing.close()
    assert text_of_turn(heard) == SENTENCE


@pytest.mark.parametrize("name", sorted(MOUTHS))
async def test_a_mouth_speaks_over_tls(name: str, trusting: Wires, contexts: Contexts) -> None:
    async with MOUTHS[name].server(tls=contexts[0]) as server:
        pieces = await said(MOUTHS[name].mouth(server, trusting), "Hello.")
    assert sum(len(piece.sound) for piece in pieces) > 2_000


@pytest.mark.proves("P9")
@pytest.mark.parametrize("name", sorted(EARS))
async def test_a_certificate_that_nobody_vouches_for_gets_no_key(
    name: str, wires: Wires, contexts: Contexts
) -> None:
    async with EARS[name].server(tls=contexts[0]) as server:
        with pytest.raises(SpeechError, match="TLS failed"):
            await EARS[name].ears(server, wires).listen("en-US")
        assert not server.sessions
