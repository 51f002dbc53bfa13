"""Secrets by reference: environment, file, command; each way it can fail, and never the value."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ringfence.config.schema.base import read_secret
from ringfence.config.secrets import SecretProvider, SecretResolver, SecretSource
from ringfence.model.errors import SecretUnavailable

VALUE = "hush-hush"


@pytest.fixture
def resolve(tmp_path: Path) -> Callable[..., str]:
    """Resolve a reference against one provider called `p`."""

    def resolved(reference: Any, environ: dict[str, str] | None = None, **options: Any) -> str:
        wanted = read_secret(reference)
        providers = {}
        if options and wanted.source is not None:
            providers["p"] = SecretProvider(wanted.source, options)
        resolver = SecretResolver(providers, {}, environ or {}, tmp_path)
        try:
            return resolver.resolve(wanted).reveal()
        finally:
            resolved.warnings = resolver.warnings  # type: ignore[attr-defined]

    return resolved


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """A small program; its path."""

    def made(body: str) -> str:
        path = tmp_path / "program"
        path.write_text(f"#!{sys.executable}\nimport json, os, sys\n{body}\n")
        path.chmod(0o755)
        return str(path)

    return made


def failure(resolve: Callable[..., str], *args: Any, **options: Any) -> str:
    with pytest.raises(SecretUnavailable) as caught:
        resolve(*args, **options)
    assert VALUE not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value.detail


# -- environment ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reference",
    [
        "$TOKEN",
        "${TOKEN}",
        {"source": "env", "id": "TOKEN"},
        {"source": "env", "provider": "default", "id": "TOKEN"},
    ],
)
def test_an_environment_reference(reference: Any, resolve: Any) -> None:
    assert resolve(reference, {"TOKEN": VALUE}) == VALUE


def test_plain_text_is_itself(resolve: Any) -> None:
    for text in (VALUE, "$notaname", "a$TOKEN", "$TOKEN "):
        assert resolve(text, {"TOKEN": "x"}) == text


@pytest.mark.parametrize(
    ("environ", "options", "reason"),
    [
        ({}, {}, "The environment variable TOKEN is not set."),
        ({"TOKEN": ""}, {}, "The environment variable TOKEN is not set."),
        ({"TOKEN": "  "}, {}, "The reference leads to an empty value."),
        ({"TOKEN": f"{VALUE}\n{VALUE}"}, {}, "The value behind the reference is too long or spans lines."),
        ({"TOKEN": VALUE * 2000}, {}, "The value behind the reference is too long or spans lines."),
    ],
)  # fmt: skip
def test_an_environment_reference_that_fails(
    environ: dict[str, str], options: Any, reason: str, resolve: Any
) -> None:
    assert failure(resolve, "${TOKEN}", environ, **options) == reason


def test_a_provider_must_be_there_and_allow_it(resolve: Any) -> None:
    reference = {"source": "env", "provider": "p", "id": "TOKEN"}
    assert failure(resolve, reference, {"TOKEN": VALUE}) == (
        "secrets.providers has no env provider named 'p'."
    )
    assert failure(resolve, reference, {"TOKEN": VALUE}, allowlist=["OTHER"]) == (
        "The variable TOKEN is not on its provider's allowlist."
    )
    assert resolve(reference, {"TOKEN": VALUE}, allowlist=["TOKEN"]) == VALUE


def test_a_reference_without_provider_takes_the_default(tmp_path: Path) -> None:
    (tmp_path / "s").write_text(VALUE)
    providers = {"main": SecretProvider(SecretSource.FILE, {"path": "s", "mode": "singleValue"})}
    wanted = read_secret({"source": "file", "id": "value"})
    resolver = SecretResolver(providers, {"file": "main"}, {}, tmp_path)
    assert resolver.resolve(wanted).reveal() == VALUE
    with pytest.raises(SecretUnavailable):
        SecretResolver(providers, {}, {}, tmp_path).resolve(wanted)


# -- file -----------------------------------------------------------------------------------------

POINTER = {"source": "file", "provider": "p", "id": "/a~1b/c~0d"}
WHOLE = {"source": "file", "provider": "p", "id": "value"}


def test_a_value_in_a_json_file(tmp_path: Path, resolve: Any) -> None:
    (tmp_path / "s.json").write_text(f'{{"a/b": {{"c~d": "{VALUE}"}}}}')
    (tmp_path / "s.json").chmod(0o600)
    assert resolve(POINTER, path="s.json") == VALUE
    assert resolve(POINTER, path=str(tmp_path / "s.json")) == VALUE
    assert resolve.warnings == []


def test_a_file_that_is_the_value(tmp_path: Path, resolve: Any) -> None:
    (tmp_path / "s").write_text(VALUE + "\r\n")
    assert resolve(WHOLE, path="s", mode="singleValue") == VALUE


@pytest.mark.proves("P9")
def test_a_file_everyone_may_read_is_named(tmp_path: Path, resolve: Any) -> None:
    (tmp_path / "s").write_text(VALUE)
    (tmp_path / "s").chmod(0o644)
    assert resolve(WHOLE, path="s", mode="singleValue") == VALUE
    (warning,) = resolve.warnings
    assert "everyone may read it" in warning
    assert VALUE not in warning


def test_a_file_reference_that_fails(tmp_path: Path, resolve: Any) -> None:
    path = tmp_path / "s"
    assert (
        failure(resolve, WHOLE, path="s") == f"{path} cannot be read (No such file or directory)."
    )
    os.mkfifo(path)
    assert failure(resolve, WHOLE, path="s") == f"{path} is not a regular file."
    path.unlink()
    path.mkdir()
    assert "is not a regular file" in failure(resolve, WHOLE, path="s")
    path.rmdir()
    path.write_text(VALUE)
    assert failure(resolve, WHOLE, path="s", maxBytes=3) == f"{path} is larger than 3 bytes."
    assert failure(resolve, POINTER, path="s") == f"{path} is not JSON."
    assert "singleValue file" in failure(resolve, POINTER, path="s", mode="singleValue")
    path.write_text(f'{{"a/b": ["{VALUE}"]}}')
    assert failure(resolve, POINTER, path="s") == f"{path} has no text at /a~1b/c~0d."
    path.write_bytes(b"\xff")
    assert failure(resolve, WHOLE, path="s", mode="singleValue") == f"{path} is not UTF-8 text."


# -- command --------------------------------------------------------------------------------------

EXEC = {"source": "exec", "provider": "p", "id": "sms/token"}


def test_a_command_speaks_the_json_protocol(script: Any, resolve: Any) -> None:
    body = (
        "asked = json.load(sys.stdin)\n"
        "assert asked == {'protocolVersion': 1, 'provider': 'p', 'ids': ['sms/token']}, asked\n"
        "assert sys.argv[1:] == ['--profile', 'a b; echo no'], sys.argv\n"
        "assert os.environ['GIVEN'] == 'g' and os.environ['SET'] == 's' and 'OTHER' not in os.environ\n"
        f"print(json.dumps({{'protocolVersion': 1, 'values': {{'sms/token': '{VALUE}'}}}}))"
    )
    options = {
        "command": script(body),
        "args": ["--profile", "a b; echo no"],
        "passEnv": ["GIVEN", "ABSENT"],
        "env": {"SET": "s"},
    }
    assert resolve(EXEC, {"GIVEN": "g", "OTHER": "o"}, **options) == VALUE


def test_a_command_may_print_the_bare_value(script: Any, resolve: Any) -> None:
    assert resolve(EXEC, command=script(f"print('{VALUE}')"), jsonOnly=False) == VALUE


def test_standard_error_is_no_part_of_the_value(script: Any, resolve: Any) -> None:
    body = f"print('note', file=sys.stderr, flush=True); print('{VALUE}')"
    assert resolve(EXEC, command=script(body), jsonOnly=False) == VALUE


def test_a_command_that_reads_nothing_still_works(script: Any, resolve: Any) -> None:
    body = f"sys.stdin.close(); print(json.dumps({{'values': {{'sms/token': '{VALUE}'}}}}))"
    assert resolve(EXEC, command=script(body)) == VALUE


@pytest.mark.parametrize(
    ("body", "options", "reason"),
    [
        (f"print('{VALUE}')", {}, "The command did not answer in the JSON protocol (jsonOnly)."),
        (f"print('{{\"values\": {{\"x\": \"{VALUE}\"}}}}')", {}, "The command knows no value of that id."),
        (f"print('{VALUE}'); sys.exit(3)", {"jsonOnly": False}, "PROGRAM ended with exit code 3."),
        (f"sys.stderr.write('{VALUE}'); sys.exit(1)", {}, "PROGRAM ended with exit code 1."),
        (f"print('{VALUE}' * 99)", {"maxOutputBytes": 50}, "PROGRAM printed more than 50 bytes."),
        (f"print('{VALUE}', flush=True); os.read(os.pipe()[0], 1)", {"timeoutMs": 300}, "PROGRAM did not finish within 0.3 s."),
        ("sys.stdout.buffer.write(bytes([255]))", {"jsonOnly": False}, "PROGRAM did not print UTF-8 text."),
        ("pass", {"jsonOnly": False}, "The reference leads to an empty value."),
    ],
)  # fmt: skip
def test_a_command_that_fails(
    body: str, options: dict[str, Any], reason: str, script: Any, resolve: Any
) -> None:
    program = script(body)
    found = failure(resolve, EXEC, command=program, **options)
    assert found.replace(program, "PROGRAM") == reason


def test_a_command_that_hangs_takes_its_children_along(tmp_path: Path, resolve: Any) -> None:
    note = tmp_path / "child"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n/bin/sleep 600 &\necho $! > {note}\nwait\n")
    program.chmod(0o755)
    assert "did not finish" in failure(resolve, EXEC, command=str(program), timeoutMs=1000)
    try:
        child = os.pidfd_open(int(note.read_text()))
    except ProcessLookupError:
        return
    gone, _, _ = select.select([child], [], [], 10)
    os.close(child)
    assert gone


def test_which_programs_are_run(tmp_path: Path, script: Any, resolve: Any) -> None:
    program = Path(script(f"print('{VALUE}')"))
    good = {"command": str(program), "jsonOnly": False}
    assert "absolute path" in failure(resolve, EXEC, command="program")
    assert "cannot be run" in failure(resolve, EXEC, command=str(tmp_path / "absent"))
    assert "not a program" in failure(resolve, EXEC, command=str(tmp_path))
    assert "trustedDirs" in failure(resolve, EXEC, **good, trustedDirs=["/opt/none"])
    assert resolve(EXEC, **good, trustedDirs=[str(tmp_path)]) == VALUE
    link = tmp_path / "link"
    link.symlink_to(program)
    assert "symbolic link" in failure(resolve, EXEC, **{**good, "command": str(link)})
    assert resolve(EXEC, **{**good, "command": str(link)}, allowSymlinkCommand=True) == VALUE
    program.chmod(0o777)
    assert "changed by others" in failure(resolve, EXEC, **good)
    assert resolve(EXEC, **good, allowInsecurePath=True) == VALUE
    program.chmod(0o600)
    assert "not a program" in failure(resolve, EXEC, **good)


def test_a_command_runs_once_per_id(tmp_path: Path, script: Any) -> None:
    body = f"open({str(tmp_path / 'runs')!r}, 'a').write('x'); print('{VALUE}')"
    options = {"command": script(body), "jsonOnly": False}
    resolver = SecretResolver({"p": SecretProvider(SecretSource.EXEC, options)}, {}, {}, tmp_path)
    assert [resolver.resolve(read_secret(EXEC)).reveal() for _ in range(3)] == [VALUE] * 3
    assert (tmp_path / "runs").read_text() == "x"
