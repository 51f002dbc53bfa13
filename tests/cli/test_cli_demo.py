"""`ringfence demo`: the first minute as a story of real processes, and a demo that stays up until it
is told to stop. Nothing is left running, whatever happens."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner

from ringfence.cli import main
from ringfence.simulator.demo import FRIEND

RUN = (sys.executable, "-m", "ringfence", "demo")


@asynccontextmanager
async def demo(*words: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *RUN,
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            # A killed story could not end its gateway; a terminated one does.
            process.terminate()
            try:
                async with asyncio.timeout(20):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


def _ports(folder: Path) -> list[int]:
    """Where the demo's gateway was to listen."""
    text = (folder / "ringfence.json5").read_text()
    document = json.loads("\n".join(line for line in text.splitlines() if line[:2] != "//"))
    return [document["gateway"]["publicPort"], document["gateway"]["privatePort"]]


def _nobody_listens(ports: list[int]) -> bool:
    def refuses(port: int) -> bool:
        with socket.socket() as caller:
            return caller.connect_ex(("127.0.0.1", port)) != 0

    return all(refuses(port) for port in ports)


@pytest.mark.timeout(240)  # some thirty processes, one after another
@pytest.mark.proves("P1", "P2", "P3", "P5", "P7", "B044", "B049")
async def test_the_script_plays_the_first_minute(tmp_path: Path) -> None:
    # A line configured in the environment must not leak into the demo.
    async with (
        demo(
            "--script", "--dir", str(tmp_path), TWILIO_MESSAGING_SERVICE_SID="MG" + "0" * 32
        ) as process,
        asyncio.timeout(220),
    ):
        out, err = await process.communicate()
    told = out.decode()
    assert process.returncode == 0, told + err.decode()
    assert told.count("✓") == 21
    for seen in (
        "Your code: ",
        "You said: Good morning!",
        "Held for a person",
        "opted out",
        "kill switch",
        "+15555550111 hears: This is Demo. You are talking to an automated assistant.",
        "+15555550111 hears: Hi! This is a test call.",
        "+15555550111 hears: You said: What time is it?",
        "+15555550111 hears: The sea was calm",
        "+15555550111 hears: Hello, this is a person.",
        "+15555550113 was not called",
        "+15555550142 sees: #1 is yours.",
    ):
        assert seen in told
    assert "All of it happened." in told
    assert _nobody_listens(_ports(tmp_path))


async def test_a_failed_step_is_named_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = str(other.getsockname()[1])
        words = ("--script", "--dir", str(tmp_path), "--private-port", taken)
        async with demo(*words) as process, asyncio.timeout(60):
            out, err = await process.communicate()
    assert process.returncode == 1, out
    assert "✗ " in err.decode()
    assert taken in err.decode()
    assert "Traceback" not in err.decode()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_script_ends_its_gateway(tmp_path: Path, sent: signal.Signals) -> None:
    async with demo("--script", "--dir", str(tmp_path)) as process, asyncio.timeout(60):
        assert process.stdout is not None
        assert b"The gateway runs" in await process.stdout.readline()
        ports = _ports(tmp_path)
        assert not _nobody_listens(ports)
        process.send_signal(sent)
        _, err = await process.communicate()
    assert process.returncode == 1
    assert "interrupted" in err.decode()
    assert _nobody_listens(ports)


@pytest.mark.proves("P8", "P9")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
async def test_the_demo_stays_up_and_ends_on_a_signal(tmp_path: Path, sent: signal.Signals) -> None:
    async with demo("--dir", str(tmp_path)) as process, asyncio.timeout(60):
        assert process.stdout is not None
        told = ""
        while "Ctrl-C ends it" not in told:
            line = (await process.stdout.readline()).decode()
            assert line, "it ended before it was ready"
            told += line
        assert f"export RINGFENCE_CONFIG={tmp_path}" in told
        shown = dict(
            line.split(None, 1) for line in told.splitlines() if "http" in line and line[:2] == "  "
        )
        async with aiohttp.ClientSession() as http:
            page = told.partition("Your phone")[2].split()[0]
            async with http.get(page) as answer:
                assert answer.status == 200
            async with http.post(shown["Bridge"], json={"to": FRIEND, "body": "hi"}) as answer:
                assert (await answer.json())["state"] == "held"
        assert stat.S_IMODE((tmp_path / "ringfence.json5").stat().st_mode) == 0o600
        process.send_signal(sent)
        await process.communicate()
    assert process.returncode == 0
    assert _nobody_listens(_ports(tmp_path))


@pytest.mark.parametrize("words", [["--sim-port", "no"], ["--public-port", "70000"], ["extra"]])
def test_wrong_usage(words: list[str]) -> None:
    assert CliRunner().invoke(main, ["demo", *words]).exit_code == 2


def test_somebody_elses_folder_is_left_alone(tmp_path: Path) -> None:
    own = tmp_path / "ringfence.json5"
    own.write_text("// mine\n{}\n")
    for words in (["demo", "--dir", str(tmp_path)], ["demo", "--script", "--dir", str(tmp_path)]):
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 1
        assert "not the demo's own" in str(result.exception)
    assert own.read_text() == "// mine\n{}\n"
    own.unlink()
    (tmp_path / "ringfence.db").touch()
    assert CliRunner().invoke(main, ["demo", "--script", "--dir", str(tmp_path)]).exit_code == 2


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        result = CliRunner().invoke(main, ["demo", "--dir", str(tmp_path), "--sim-port", port])
    assert result.exit_code == 1
    assert "port" in result.stderr
