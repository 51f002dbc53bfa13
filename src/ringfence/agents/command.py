"""An agent that is a program on this machine: the turn on its stdin, the reply on its stdout. Must
never go through a shell, never put a word of a message into the argument list or a name, and
never leave the program's process group running after giving up on it."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import orjson

from ringfence.agents.base import (
    CONCURRENT_MAX,
    QUEUE_S,
    REPLY_CHARS_MAX,
    Slots,
    bounded,
    scrub,
    turn_document,
    turn_text,
)
from ringfence.model.errors import AgentRefused, AgentTimeout, AgentUnavailable, ConfigInvalid
from ringfence.model.line import Secret
from ringfence.ports import Agent, AgentReply, AgentTurn, Clock, Http

STDOUT_BYTES_MAX = 64 * 1024
STDERR_BYTES_MAX = 4 * 1024
READ_BYTES = 16 * 1024
REAP_TIMEOUT_S = 5.0
EX_TEMPFAIL = 75  # sysexits.h: "temporary failure; user is invited to retry"
ENV_ALWAYS = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")
# A value shorter than this is too common a word to be blotted out of stderr.
SECRET_CHARS_MIN = 6

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """`argv` is a list, its first item the program. `stdin`: the message as `text`, or the whole
    turn as `json`. `env_allow` names the variables passed on besides ENV_ALWAYS; two are always
    set: RINGFENCE_TURN_ID (the same in every try) and RINGFENCE_CONTACT_ID. `run_as` names the user
    the program runs as; without one it is the gateway's, who may do what an operator may."""

    argv: tuple[str, ...]
    stdin: Literal["text", "json"] = "text"
    env_allow: tuple[str, ...] = ()
    cwd: str = ""
    run_as: str = ""
    timeout_s: float = 120.0
    stdout_bytes_max: int = STDOUT_BYTES_MAX
    max_reply_chars: int = REPLY_CHARS_MAX
    max_concurrent: int = CONCURRENT_MAX
    queue_s: float = QUEUE_S


@dataclass(frozen=True, slots=True)
class _Run:
    exit_code: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class _Account:
    """A user of this machine."""

    name: str
    uid: int
    gid: int
    home: str

    def become(self) -> None:
        """In the child, before the program: no group of the gateway's is kept."""
        os.setgroups([])
        os.setgid(self.gid)
        os.setuid(self.uid)


class CommandAgent:
    """Fulfils `ports.Agent`. `reply` raises AgentUnavailable (not started, or exit 75),
    AgentTimeout (killed), AgentRefused (any other exit, or an answer that is no text)."""

    keeps_history = False

    def __init__(self, agent_id: str, settings: Settings, account: _Account | None) -> None:
        self.id = agent_id
        self._settings, self._account = settings, account
        self._slots = Slots(settings.max_concurrent, settings.queue_s)

    async def reply(self, turn: AgentTurn) -> AgentReply:
        env = self._environment(turn)
        async with self._slots.take():
            run = await self._run(self._stdin(turn), env)
        self._log_stderr(turn, run, env)
        if run.exit_code == EX_TEMPFAIL:
            raise AgentUnavailable(f"{self._name} asked to be tried later (exit 75).")
        if run.exit_code != 0:
            raise AgentRefused(f"{self._name} {_exit_words(run.exit_code)}; see the log.")
        return self._read(run.stdout)

    async def check(self) -> str:
        """Whether the program is there and may be started as its user; it is not run."""
        return _not_runnable(self._settings) or _no_right(self._account)

    async def close(self) -> None:
        """Nothing is held: a turn under way ends its own program when it is cancelled."""

    @property
    def _name(self) -> str:
        return os.path.basename(self._settings.argv[0])

    def _stdin(self, turn: AgentTurn) -> bytes:
        match self._settings.stdin:
            case "json":
                return orjson.dumps(turn_document(turn)) + b"\n"
            case "text":
                return turn_text(turn).encode("utf-8", "replace")

    def _environment(self, turn: AgentTurn) -> dict[str, str]:
        names = (*ENV_ALWAYS, *self._settings.env_allow)
        passed = {name: os.environ[name] for name in names if name in os.environ}
        ours = {"RINGFENCE_TURN_ID": turn.turn_id, "RINGFENCE_CONTACT_ID": turn.contact_id}
        if self._account is not None:
            passed["HOME"] = self._account.home
        return {**passed, **ours}

    async def _run(self, stdin: bytes, env: Mapping[str, str]) -> _Run:
        """Start, feed, read, wait; kill the whole process group when that is not done in time,
        when the answer is too large, or when we are cancelled."""
        process = await self._started(env)
        done = False
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                run = await self._talk(process, stdin)
            done = True
            return run
        except TimeoutError:
            raise AgentTimeout(
                f"{self._name} was ended after {self._settings.timeout_s:g} s."
            ) from None
        finally:
            if not done:
                _kill_group(process)
                await _reaped(process)

    async def _started(self, env: Mapping[str, str]) -> asyncio.subprocess.Process:
        if problem := _no_right(self._account):
            raise AgentUnavailable(f"{self._name} was not started. {problem}")
        try:
            return await asyncio.create_subprocess_exec(
                *self._settings.argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=env,
                cwd=self._settings.cwd or None,
                start_new_session=True,  # its own process group, so that all of it can be ended
                # Not `user=`: uvloop, on which the gateway runs, refuses that word.
                preexec_fn=self._account.become if self._account is not None else None,
            )
        except subprocess.SubprocessError as error:
            raise AgentUnavailable(
                f"{self._name} could not be started as {self._settings.run_as}."
            ) from error
        except OSError as error:
            why = os.strerror(error.errno).lower() if error.errno else "no reason given"
            raise AgentUnavailable(f"{self._name} could not be started: {why}.") from error

    async def _talk(self, process: asyncio.subprocess.Process, stdin: bytes) -> _Run:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        limit = self._settings.stdout_bytes_max
        _, stdout, stderr = await asyncio.gather(
            _feed(process.stdin, stdin),
            _read(process.stdout, limit, lambda: _kill_group(process)),
            _read(process.stderr, STDERR_BYTES_MAX, lambda: None),
        )
        exit_code = await process.wait()
        if len(stdout) > limit:
            raise AgentRefused(f"{self._name} answered with more than {limit} bytes.")
        return _Run(exit_code, stdout, stderr)

    def _read(self, stdout: bytes) -> AgentReply:
        try:
            text = stdout.decode("utf-8").strip()
        except UnicodeDecodeError:
            raise AgentRefused(f"{self._name} answered with bytes that are not UTF-8.") from None
        if "\0" in text:
            raise AgentRefused(f"{self._name} answered with binary bytes, not text.")
        provenance = {"agent": self.id, "kind": "command"}
        if not text:
            return AgentReply("", provenance={**provenance, "silence": "no_text"})
        return bounded(text, self._settings.max_reply_chars, provenance=provenance)

    def _log_stderr(self, turn: AgentTurn, run: _Run, env: Mapping[str, str]) -> None:
        if not run.stderr.strip():
            return
        passed = [env.get(name, "") for name in self._settings.env_allow]
        secrets = [Secret(value) for value in passed if len(value) >= SECRET_CHARS_MIN]
        words = scrub(run.stderr[:STDERR_BYTES_MAX].decode("utf-8", "replace"), secrets)
        _log.log(
            logging.INFO if run.exit_code == 0 else logging.WARNING,
            "agent command wrote to stderr: %s",
            words,
            extra={"agent": self.id, "turn_id": turn.turn_id, "exit_code": run.exit_code},
        )


def _not_runnable(settings: Settings) -> str:
    if settings.cwd and not os.path.isdir(settings.cwd):
        return f"{settings.cwd} is not a directory."
    if shutil.which(settings.argv[0], path=os.environ.get("PATH")) is None:
        return f"{settings.argv[0]} is not a program that can be run from here."
    return ""


def _no_right(account: _Account | None) -> str:
    """Never falls back to the gateway's own user. Root alone: a right that came as a capability
    would go on to the program."""
    if account is None or os.geteuid() == 0:
        return ""
    return f"Only a gateway that runs as root can run it as {account.name} (runAs)."


def _account_of(name: str) -> _Account:
    """Raises ConfigInvalid."""
    try:
        import pwd  # not on Windows

        found = pwd.getpwnam(name)
    except (ImportError, KeyError, ValueError):
        raise ConfigInvalid(("runAs: expected the name of a user of this machine",)) from None
    if found.pw_uid == 0:
        raise ConfigInvalid(("runAs: expected a user with fewer rights than root",))
    return _Account(name, found.pw_uid, found.pw_gid, found.pw_dir)


async def _feed(stdin: asyncio.StreamWriter, content: bytes) -> None:
    """A program may exit without reading; that is its choice, not an error."""
    if stdin.transport.is_closing():
        return  # it did so before we came to write
    try:
        stdin.write(content)
        await stdin.drain()
        stdin.close()
        await stdin.wait_closed()
    except (BrokenPipeError, ConnectionResetError):
        stdin.close()


async def _read(
    stream: asyncio.StreamReader, bytes_max: int, on_overflow: Callable[[], None]
) -> bytes:
    """Read to the end, keeping `bytes_max` bytes and, when there were more, one beyond them. Reads
    on past the limit, since a full pipe would stop the program."""
    kept = b""
    while chunk := await stream.read(READ_BYTES):
        if len(kept) > bytes_max:
            continue
        kept = (kept + chunk)[: bytes_max + 1]
        if len(kept) > bytes_max:
            on_overflow()
    return kept


def _kill_group(process: asyncio.subprocess.Process) -> None:
    """SIGKILL: a program that ran out of time has had its time to end by itself."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # gone already; macOS says EPERM for a group of zombies


async def _reaped(process: asyncio.subprocess.Process) -> None:
    """Read what is left and wait, so that pipes and process are closed when we go on. Something
    that left the process group may still hold a pipe: then give up on that."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(REAP_TIMEOUT_S):
            await process.communicate()
    except TimeoutError:
        _log.warning("agent command %d did not end after SIGKILL", process.pid)


def _exit_words(exit_code: int) -> str:
    return f"was ended by signal {-exit_code}" if exit_code < 0 else f"ended with exit {exit_code}"


def make(agent_id: str, settings: Settings, http: Http, clock: Clock) -> Agent:
    """Raises ConfigInvalid for an argv that is not a list of arguments and for a `run_as` that is no
    user here. `http` and `clock` are not used."""
    problems = []
    argv: object = settings.argv  # whatever a configuration held
    if isinstance(argv, str):
        problems.append("argv: expected a list of arguments; a command line is never split here")
    elif not _is_argument_list(argv):
        problems.append("argv: expected a list with a program and its arguments, all texts")
    if settings.stdin not in ("text", "json"):
        problems.append("stdin: expected text or json")
    if settings.max_concurrent < 1:
        problems.append("maxConcurrent: expected at least 1")
    if problems:
        raise ConfigInvalid(tuple(problems))
    account = _account_of(settings.run_as) if settings.run_as else None
    return CommandAgent(agent_id, settings, account)


def _is_argument_list(argv: object) -> bool:
    if not isinstance(argv, (tuple, list)) or not argv or not argv[0]:
        return False
    return all(isinstance(item, str) and "\0" not in item for item in argv)
