"""agents/command.py with real programs: this Python, running scripts a test writes."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pwd
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from ringfence.agents import command
from ringfence.agents.command import Settings
from ringfence.model.errors import (
    AgentError,
    AgentRefused,
    AgentTimeout,
    AgentUnavailable,
    ConfigInvalid,
)
from ringfence.ports import Agent, AgentTurn, Attachment, HistoryEntry

TurnMaker = Callable[..., AgentTurn]
NONE: Any = None


def make(**settings: Any) -> Agent:
    return command.make("script", Settings(**settings), NONE, NONE)


def python(source: str, *arguments: str, **settings: Any) -> Agent:
    """An agent that runs `source`; -I and -S start fast and apart from this environment."""
    argv = (sys.executable, "-I", "-S", "-c", source, *arguments)
    return make(**{"argv": argv, "timeout_s": 20.0, **settings})


CAT = "import sys; sys.stdout.write(sys.stdin.read())"


async def test_the_message_goes_in_and_the_answer_comes_out(turn: TurnMaker) -> None:
    photo = Attachment("image/png", b"1234")
    given = turn(body="héllo 😀", attachments=(photo,), unavailable=("too large",))
    reply = await python(CAT).reply(given)
    assert reply.text == (
        "héllo 😀\n[attachment: image/png, 4 bytes]\n[attachment unavailable: too large]"
    )
    assert reply.provenance == {"agent": "script", "kind": "command"}


async def test_the_whole_turn_as_json(turn: TurnMaker) -> None:
    given = turn(history=(HistoryEntry(True, "Hello"),), attachments=(Attachment("a/b", b"1"),))
    reply = await python(CAT, stdin="json").reply(given)
    assert json.loads(reply.text) == {
        "turn_id": "trn_0123",
        "contact_id": "ctc_0456",
        "line": "main",
        "role": "guest",
        "text": "What time is it?",
        "attachments": [{"content_type": "a/b", "bytes": 1}],
        "unavailable": [],
        "history": [{"from": "agent", "text": "Hello"}],
    }


@pytest.mark.proves("P2")
@pytest.mark.parametrize("body", ["$(touch owned)", "`id`; rm x | cat && y", "'\"\n-rf --", "%s"])
async def test_no_word_of_a_message_reaches_a_shell_or_the_arguments(
    turn: TurnMaker, body: str, tmp_path: Path
) -> None:
    source = "import sys, json; print(json.dumps([sys.argv, sys.stdin.read()]))"
    reply = await python(source, "$HOME", "*", cwd=str(tmp_path)).reply(turn(body=body))
    assert json.loads(reply.text) == [["-c", "$HOME", "*"], body]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.proves("P2", "P9")
async def test_the_environment_is_an_allow_list(
    turn: TurnMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "secret")
    monkeypatch.setenv("MY_SETTING", "passed on")
    source = "import os, json; print(json.dumps(dict(os.environ)))"
    reply = await python(source, env_allow=("MY_SETTING", "NOT_SET")).reply(turn())
    seen = json.loads(reply.text)
    assert seen["RINGFENCE_TURN_ID"] == "trn_0123"
    assert seen["RINGFENCE_CONTACT_ID"] == "ctc_0456"
    assert seen["MY_SETTING"] == "passed on"
    own = {"MY_SETTING", "RINGFENCE_TURN_ID", "RINGFENCE_CONTACT_ID"}
    assert set(seen) <= own | set(command.ENV_ALWAYS)


@pytest.mark.parametrize("output", ["", "\n \n"])
async def test_no_output_is_silence(turn: TurnMaker, output: str) -> None:
    reply = await python(f"print({output!r})").reply(turn())
    assert (reply.text, reply.hold) == ("", "")
    assert reply.provenance is not None
    assert reply.provenance["silence"] == "no_text"


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        ("raise SystemExit(75)", AgentUnavailable, "exit 75"),
        ("print('half'); raise SystemExit(1)", AgentRefused, "exit 1"),
        ("import os; os.abort()", AgentRefused, "signal 6"),
        (r"import sys; sys.stdout.buffer.write(b'\xff\xfe')", AgentRefused, "UTF-8"),
        (r"print('a\0b')", AgentRefused, "binary"),
        ("while True: print('x' * 1000)", AgentRefused, "more than 65536 bytes"),
    ],
)
@pytest.mark.proves("P10")
async def test_failures_are_raised_never_texted(
    turn: TurnMaker, source: str, kind: type[AgentError], words: str
) -> None:
    with pytest.raises(kind) as caught:
        await python(source).reply(turn())
    assert type(caught.value) is kind
    assert words in caught.value.detail


@pytest.mark.proves("P10")
async def test_a_long_answer_is_cut_and_held(turn: TurnMaker) -> None:
    reply = await python("print('x' * 101)", max_reply_chars=100).reply(turn())
    assert (reply.text, reply.hold) == ("x" * 100, "too_long")


async def test_a_program_that_reads_nothing_may_still_answer(turn: TurnMaker) -> None:
    source = "import os; os.close(0); print('ok')"
    assert (await python(source).reply(turn(body="x" * 1_000_000))).text == "ok"


@pytest.mark.parametrize(
    ("argv", "words"),
    [(("/nowhere/agent",), "no such file"), ((os.devnull,), "permission denied")],
)
async def test_a_program_that_cannot_start_is_unavailable(
    turn: TurnMaker, argv: tuple[str, ...], words: str
) -> None:
    missing = make(argv=argv)
    with pytest.raises(AgentUnavailable, match=words):
        await missing.reply(turn())
    assert argv[0] in await missing.check()


async def test_check_does_not_run_the_program(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    assert await python(f"open({str(ran)!r}, 'w')").check() == ""
    assert not ran.exists()
    assert "is not a directory" in await python("", cwd=str(tmp_path / "no")).check()


# A family of two, both holding the write end of a named pipe that they never close: the test reads
# the other end, and sees its end only when both are dead.
FAMILY = """
import os, signal, sys
if os.fork() == 0:
    os.close(0); os.close(1); os.close(2)
pipe = os.open(sys.argv[1], os.O_WRONLY)
os.write(pipe, b'.')
{then}
while True:
    signal.pause()
"""


async def all_dead(fifo: int) -> bytes:
    """Read the pipe until nobody holds its other end."""
    loop = asyncio.get_running_loop()
    seen = b""
    async with asyncio.timeout(10):
        while True:
            ready: asyncio.Future[None] = loop.create_future()
            loop.add_reader(fifo, lambda done=ready: done.done() or done.set_result(None))
            try:
                await ready
            finally:
                loop.remove_reader(fifo)
            chunk = os.read(fifo, 100)
            if not chunk:
                return seen
            seen += chunk


@pytest.fixture
def fifo(tmp_path: Path) -> tuple[str, int]:
    path = tmp_path / "alive"
    os.mkfifo(path)
    return str(path), os.open(path, os.O_RDONLY | os.O_NONBLOCK)


@pytest.mark.proves("P10")
@pytest.mark.parametrize(
    ("then", "settings", "kind"),
    [
        ("", {"timeout_s": 1.5}, AgentTimeout),
        ("if os.fork(): os._exit(0)", {"timeout_s": 1.5}, AgentTimeout),
        ("while True: os.write(1, b'x' * 1000)", {}, AgentRefused),
    ],
    ids=["hangs", "leaves a child behind", "floods"],
)
async def test_giving_up_ends_the_whole_process_group(
    turn: TurnMaker,
    fifo: tuple[str, int],
    then: str,
    settings: dict[str, Any],
    kind: type[AgentError],
) -> None:
    path, end = fifo
    with pytest.raises(kind):
        await python(FAMILY.format(then=then), path, **settings).reply(turn())
    await all_dead(end)
    os.close(end)


async def test_a_cancelled_turn_ends_its_program(turn: TurnMaker, fifo: tuple[str, int]) -> None:
    path, end = fifo
    running = asyncio.create_task(python(FAMILY.format(then=""), path).reply(turn()))
    loop = asyncio.get_running_loop()
    started: asyncio.Future[None] = loop.create_future()
    loop.add_reader(end, lambda: started.done() or started.set_result(None))
    await asyncio.wait_for(started, 60)
    loop.remove_reader(end)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await all_dead(end)
    os.close(end)


@pytest.mark.proves("P9", "P10")
async def test_stderr_is_logged_masked_and_bounded(
    turn: TurnMaker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MY_TOKEN", "tok-123456")
    source = (
        "import os, sys; sys.stderr.write('called +15555550123 with ' + os.environ['MY_TOKEN']);"
        "sys.stderr.write(' y' * 50000); print('ok')"
    )
    with caplog.at_level(logging.INFO):
        assert (await python(source, env_allow=("MY_TOKEN",)).reply(turn())).text == "ok"
    (record,) = caplog.records
    said = record.getMessage()
    assert "called +1555•••0123 with •••" in said
    assert "tok-123456" not in said
    assert len(said) < 1000


@pytest.mark.proves("P2")
@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"argv": "agent --reply"}, "argv"),
        ({"argv": ()}, "argv"),
        ({"argv": ("",)}, "argv"),
        ({"argv": ("agent", 5)}, "argv"),
        ({"argv": ("agent", "a\0b")}, "argv"),
        ({"argv": ("agent",), "stdin": "xml"}, "stdin"),
        ({"argv": ("agent",), "max_concurrent": 0}, "maxConcurrent"),
    ],
)
def test_settings_it_cannot_work_with(settings: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        make(**settings)
    assert [problem.split(":")[0] for problem in caught.value.problems] == [path]


# -- as another user ------------------------------------------------------------------------------

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a program as another")
WHO = ("sh", "-c", 'echo "$(id -u) $(id -G) $HOME"')


@needs_root
@pytest.mark.proves("P2")
@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_program_runs_as_the_user_it_is_given(
    turn: TurnMaker, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    nobody = pwd.getpwnam("nobody")
    with asyncio.Runner(loop_factory=loop) as runner:
        reply = runner.run(make(argv=WHO, cwd="/", run_as="nobody").reply(turn()))
    assert reply.text == f"{nobody.pw_uid} {nobody.pw_gid} {nobody.pw_dir}"


@needs_root
@pytest.mark.proves("P2")
async def test_that_program_is_ended_in_time_as_well(turn: TurnMaker) -> None:
    agent = make(argv=("sleep", "60"), cwd="/", run_as="nobody", timeout_s=0.2)
    with pytest.raises(AgentTimeout):
        await agent.reply(turn())


@pytest.mark.proves("P2")
async def test_without_the_right_nothing_is_run(
    turn: TurnMaker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    agent = make(argv=("touch", str(tmp_path / "ran")), run_as="nobody")
    with pytest.raises(AgentUnavailable, match="runs as root"):
        await agent.reply(turn())
    assert not (tmp_path / "ran").exists()
    assert "runAs" in await agent.check()


@pytest.mark.parametrize(
    ("name", "words"), [("no-such-user-here", "a user of this machine"), ("root", "fewer rights")]
)
def test_a_user_that_cannot_be_is_a_configuration_error(name: str, words: str) -> None:
    with pytest.raises(ConfigInvalid, match=words):
        make(argv=("id",), run_as=name)
