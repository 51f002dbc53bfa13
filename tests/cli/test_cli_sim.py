"""`ringfence sim` as a process: it prints its addresses, serves, ends on a signal, and a phone in
another process talks through it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from click.testing import CliRunner

from ringfence.cli.sim import command

RUN = (sys.executable, "-c", "from ringfence.cli.sim import command; command(prog_name='sim')")


@asynccontextmanager
async def running(
    *arguments: str,
) -> AsyncIterator[tuple[dict[str, str], asyncio.subprocess.Process]]:
    """A `ringfence sim` process and what it printed, by label."""
    process = await asyncio.create_subprocess_exec(
        *RUN,
        "--port",
        "0",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    printed: dict[str, str] = {}
    async with asyncio.timeout(20):
        while "webhook" not in printed:
            line = (await process.stdout.readline()).decode()
            assert line, "it ended before it was ready"
            label, _, value = line.strip().partition("  ")
            printed[label.strip()] = value.strip()
    try:
        yield printed, process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            await process.wait()


async def test_it_serves_with_what_it_printed_and_ends_on_a_signal() -> None:
    async with running("--account-sid", "AC" + "1" * 32, "--auth-token", "secret") as (
        shown,
        process,
    ):
        assert shown["account sid"] == "AC" + "1" * 32
        url = f"{shown['api']}/2010-04-01/Accounts/{shown['account sid']}/Messages.json"
        secret = aiohttp.encode_basic_auth(shown["account sid"], shown["auth token"])
        fields = {"To": "+15555550111", "From": shown["number"], "Body": "hi"}
        async with aiohttp.ClientSession(headers={"Authorization": secret}) as session:
            async with session.post(url, data=fields) as answer:
                assert answer.status == 201
            async with session.get(shown["handset"]) as answer:
                assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await process.wait() == 0


async def test_it_speaks_plivo_on_request() -> None:
    async with running("--provider", "plivo") as (shown, _):
        assert shown["auth id"].startswith("MA")
        secret = aiohttp.encode_basic_auth(shown["auth id"], shown["auth token"])
        url = f"{shown['api']}/v1/Account/{shown['auth id']}/Message/"
        fields = {"src": shown["number"], "dst": "+15555550111", "text": "hi"}
        async with (
            aiohttp.ClientSession(headers={"Authorization": secret}) as session,
            session.post(url, json=fields) as answer,
        ):
            assert answer.status == 202


async def test_a_phone_in_another_process_talks_through_it() -> None:
    async with running() as (shown, _):
        phone = await asyncio.create_subprocess_exec(
            *RUN,
            "phone",
            "+15555550111",
            "--carrier",
            shown["api"],
            "--linger",
            "0.1",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(20):
            out, _err = await phone.communicate(b"hello\n")
        assert phone.returncode == 0
        assert b"nobody took it" in out, "there is no webhook"


async def test_the_same_seed_deals_the_same_account() -> None:
    async with running("--seed", "5") as (first, _), running("--seed", "5") as (second, _):
        assert first["auth token"] == second["auth token"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--fault", "nonsense=1"], "no such fault"),
        (["--fault", "callback_dropped"], "NAME=VALUE"),
        (["--fault", "callback_dropped=often"], "--fault"),
        (["--fault", "callback_dropped=7"], "between 0 and 1"),
        (["--latency-ms", "-1"], "0 or more"),
        (["--number", "5550100"], "E.164"),
        (["--tunnel", "nonsense"], "NAME=VALUE"),
        (["phone", "5550100"], "E.164"),
        (["phone", "+15555550111", "--to", "5550100"], "E.164"),
    ],
)
def test_wrong_usage_is_told_and_exits_with_2(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert told in result.output


def test_no_carrier_is_told_and_exits_with_1() -> None:
    result = CliRunner().invoke(
        command, ["phone", "+15555550111", "--carrier", "http://127.0.0.1:9"], input="hi\n"
    )
    assert result.exit_code == 1
    assert "ringfence sim" in result.output


async def test_a_taken_port_is_told() -> None:
    async with running() as (shown, _):
        port = shown["api"].rpartition(":")[2]
        result = await asyncio.to_thread(CliRunner().invoke, command, ["--port", port])
    assert result.exit_code == 1
    assert port in result.output


async def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from ringfence.cli.sim import command; "
        "sys.exit(any(m in sys.modules for m in ('aiohttp', 'starlette', 'uvicorn', 'asyncio')))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
    async with asyncio.timeout(20):
        assert await process.wait() == 0
