"""Secrets by reference, resolved once at load: environment, file, command (OpenClaw's SecretRef
contract, docs.openclaw.ai gateway/secrets). Nothing here prints or logs a value; an error names the
reference and why it failed, never what a file or command contained."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, assert_never

from ringfence.model.errors import SecretUnavailable
from ringfence.model.line import Secret

SECRET_CHARS_MAX = 16_384


class SecretSource(Enum):
    """Where a reference leads."""

    ENV = "env"
    FILE = "file"
    EXEC = "exec"


@dataclass(frozen=True, slots=True)
class SecretInput:
    """A secret as configured: plain text, or a reference. Its repr shows no plain text."""

    plain: str | None = field(default=None, repr=False)
    source: SecretSource | None = None
    provider: str = ""
    id: str = ""

    @property
    def is_plain(self) -> bool:
        return self.source is None


@dataclass(frozen=True, slots=True)
class SecretProvider:
    """One entry of `secrets.providers`, or a built-in one. `options` are the entry's keys as
    written, already checked."""

    source: SecretSource
    options: Mapping[str, Any] = field(default_factory=dict)


class SecretResolver:
    """Resolves references. `base` is the folder relative paths start from. Each file is read and
    each command run at most once per id; `warnings` collects what an operator should mend;
    `met_plain` says that a secret stood in the configuration itself."""

    def __init__(
        self,
        providers: Mapping[str, SecretProvider],
        defaults: Mapping[str, str],
        environ: Mapping[str, str],
        base: Path,
    ) -> None:
        self._providers = providers
        self._defaults = defaults
        self._environ = environ
        self._base = base
        self._known: dict[tuple[SecretSource, str, str], str] = {}
        self.warnings: list[str] = []
        self.met_plain = False

    def resolve(self, wanted: SecretInput) -> Secret:
        """Raises SecretUnavailable with the reason, safe to show."""
        if wanted.source is None:
            self.met_plain = True
            return Secret(wanted.plain or "")
        name = wanted.provider or self._defaults.get(wanted.source.value, "default")
        known = (wanted.source, name, wanted.id)
        if known not in self._known:
            self._known[known] = _sane(self._look_up(wanted.source, name, wanted.id))
        return Secret(self._known[known])

    def _look_up(self, source: SecretSource, name: str, ident: str) -> str:
        provider = self._provider(source, name)
        match source:
            case SecretSource.ENV:
                return self._from_env(provider, ident)
            case SecretSource.FILE:
                return self._from_file(provider, ident)
            case SecretSource.EXEC:
                return self._from_exec(provider, name, ident)
        assert_never(source)

    def _provider(self, source: SecretSource, name: str) -> SecretProvider:
        provider = self._providers.get(name)
        if provider is not None and provider.source is source:
            return provider
        # Environment references need no entry as long as they use the default name.
        if source is SecretSource.ENV and name == self._defaults.get("env", "default"):
            return SecretProvider(SecretSource.ENV)
        raise SecretUnavailable(f"secrets.providers has no {source.value} provider named {name!r}.")

    def _from_env(self, provider: SecretProvider, ident: str) -> str:
        allowed = provider.options.get("allowlist")
        if allowed is not None and ident not in allowed:
            raise SecretUnavailable(f"The variable {ident} is not on its provider's allowlist.")
        value = self._environ.get(ident, "")
        if not value:
            raise SecretUnavailable(f"The environment variable {ident} is not set.")
        return value

    def _from_file(self, provider: SecretProvider, ident: str) -> str:
        path = self._base / Path(provider.options["path"]).expanduser()
        text = read_bounded(path, provider.options.get("maxBytes", 1 << 20), self.warnings)
        if provider.options.get("mode", "json") == "singleValue":
            if ident != "value":
                raise SecretUnavailable('A singleValue file is referred to with the id "value".')
            return text.removesuffix("\n").removesuffix("\r")
        return _pointed(text, ident, path)

    def _from_exec(self, provider: SecretProvider, name: str, ident: str) -> str:
        options = provider.options
        command = _checked_command(options)
        json_only = options.get("jsonOnly", True)
        request = json.dumps({"protocolVersion": 1, "provider": name, "ids": [ident]})
        output = run_bounded(
            [str(command), *options.get("args", [])],
            environ=_child_environ(options, self._environ),
            stdin=request.encode() if json_only else b"",
            timeout_s=options.get("timeoutMs", 5000) / 1000,
            output_bytes_max=options.get("maxOutputBytes", 1 << 20),
        )
        return _answered(output, ident, json_only)


def _sane(value: str) -> str:
    """A credential goes into headers and keys: one line of it, bounded, not empty."""
    if not value.strip():
        raise SecretUnavailable("The reference leads to an empty value.")
    if len(value) > SECRET_CHARS_MAX or any(c in value for c in "\r\n\0"):
        raise SecretUnavailable("The value behind the reference is too long or spans lines.")
    return value


def read_bounded(path: Path, bytes_max: int, warnings: list[str]) -> str:
    """A regular file of at most `bytes_max`, as text. Opened before it is looked at, so that the
    file judged is the file read; never blocks on a pipe. Raises SecretUnavailable."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        raise SecretUnavailable(f"{path} cannot be read ({error.strerror}).") from None
    state = os.fstat(handle)
    if not stat.S_ISREG(state.st_mode):
        os.close(handle)
        raise SecretUnavailable(f"{path} is not a regular file.")
    if state.st_mode & stat.S_IROTH:
        warnings.append(f"{path} holds a secret and everyone may read it; try chmod 600.")
    with os.fdopen(handle, "rb") as file:
        content = file.read(bytes_max + 1)
    if len(content) > bytes_max:
        raise SecretUnavailable(f"{path} is larger than {bytes_max} bytes.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise SecretUnavailable(f"{path} is not UTF-8 text.") from None


def _pointed(text: str, pointer: str, path: Path) -> str:
    """The text an RFC 6901 pointer leads to in a JSON document."""
    try:
        value: Any = json.loads(text)
    except ValueError:
        raise SecretUnavailable(f"{path} is not JSON.") from None
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, str) or not pointer.startswith("/"):
        raise SecretUnavailable(f"{path} has no text at {pointer}.")
    return value


def _checked_command(options: Mapping[str, Any]) -> Path:
    """The program, if it is one we may run. Raises SecretUnavailable."""
    command = Path(options["command"])
    if not command.is_absolute():
        raise SecretUnavailable("The command must be an absolute path.")
    if command.is_symlink() and not options.get("allowSymlinkCommand", False):
        raise SecretUnavailable(f"{command} is a symbolic link; allowSymlinkCommand permits it.")
    try:
        real = command.resolve(strict=True)
        state = real.stat()
    except OSError as error:
        raise SecretUnavailable(f"{command} cannot be run ({error.strerror}).") from None
    if not stat.S_ISREG(state.st_mode) or not os.access(real, os.X_OK):
        raise SecretUnavailable(f"{command} is not a program.")
    if state.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not options.get(
        "allowInsecurePath", False
    ):
        raise SecretUnavailable(f"{command} can be changed by others; try chmod go-w.")
    trusted = [Path(folder).expanduser() for folder in options.get("trustedDirs", [])]
    if trusted and not any(real.is_relative_to(folder.resolve()) for folder in trusted):
        raise SecretUnavailable(f"{command} does not lie under trustedDirs.")
    return command


def _child_environ(options: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    passed = {name: environ[name] for name in options.get("passEnv", []) if name in environ}
    return passed | dict(options.get("env", {}))


def run_bounded(
    argv: list[str],
    *,
    environ: Mapping[str, str],
    stdin: bytes,
    timeout_s: float,
    output_bytes_max: int,
) -> str:
    """Run a program without a shell, within limits, its own process group killed afterwards. What
    it writes on standard error is thrown away: it may repeat the secret. Raises SecretUnavailable."""
    try:
        process = subprocess.Popen(  # noqa: S603 - argv from the operator's own file, no shell
            argv,
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise SecretUnavailable(f"{argv[0]} cannot be run ({error.strerror}).") from None
    output = _converse(process, stdin, timeout_s, output_bytes_max)
    if output is None:
        raise SecretUnavailable(f"{argv[0]} did not finish within {timeout_s:g} s.")
    if len(output) > output_bytes_max:
        raise SecretUnavailable(f"{argv[0]} printed more than {output_bytes_max} bytes.")
    if process.returncode != 0:
        raise SecretUnavailable(f"{argv[0]} ended with exit code {process.returncode}.")
    try:
        return output.decode("utf-8")
    except UnicodeDecodeError:
        raise SecretUnavailable(f"{argv[0]} did not print UTF-8 text.") from None


def _converse(
    process: subprocess.Popen[bytes], stdin: bytes, timeout_s: float, bytes_max: int
) -> bytes | None:
    """What the program printed, at most one byte more than allowed; None when it took too long."""
    printed: list[bytes] = []
    to_program, from_program = process.stdin, process.stdout
    assert to_program is not None
    assert from_program is not None

    def listen() -> None:
        _quietly(lambda: to_program.write(stdin))
        _quietly(to_program.close)
        printed.append(from_program.read(bytes_max + 1))
        if len(printed[0]) <= bytes_max:
            process.wait()

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    listener.join(timeout_s)
    in_time = not listener.is_alive()
    _quietly(lambda: os.killpg(process.pid, signal.SIGKILL))
    process.wait()
    listener.join(1.0)
    if not listener.is_alive():
        _quietly(from_program.close)
    return printed[0] if in_time and printed else None


def _quietly(act: Callable[[], object]) -> None:
    """A program that is gone, or has closed its input, is no failure of ours."""
    try:
        act()
    except OSError:
        return


def _answered(output: str, ident: str, json_only: bool) -> str:
    """The value in the command's answer: the JSON protocol, or with jsonOnly off, the bare text."""
    try:
        answer = json.loads(output)
    except ValueError:
        answer = None
    if isinstance(answer, dict) and isinstance(answer.get("values"), dict):
        value = answer["values"].get(ident)
        if isinstance(value, str):
            return value
        raise SecretUnavailable("The command knows no value of that id.")
    if json_only:
        raise SecretUnavailable("The command did not answer in the JSON protocol (jsonOnly).")
    return output.rstrip("\r\n")
