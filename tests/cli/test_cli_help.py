"""The whole command line: `--help` stays quick because nothing heavy is imported for it, every
command explains itself, and our own errors are words and exit code 1."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner
from house import House

from ringfence.cli import COMMANDS, main

HEAVY = ("pydantic", "aiohttp", "starlette", "psycopg", "uvicorn", "phonenumbers", "markdown_it")


def _commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))


ALL = list(_commands(main))


def _python(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "code",
    [
        "import ringfence.cli",
        "import runpy, sys; sys.argv = ['ringfence', '--help']\ntry: runpy.run_module('ringfence', run_name='__main__')\nexcept SystemExit: pass",
    ],
    ids=["import", "help"],
)
def test_nothing_heavy_is_imported_for_help(code: str) -> None:
    look = f"\nimport sys\nprint('loaded:', [name for name in {HEAVY!r} if name in sys.modules])"
    assert "loaded: []" in _python(code + look).stdout


@pytest.mark.parametrize("module", sorted({module for module, _ in COMMANDS.values()}))
def test_a_command_module_is_light_until_it_works(module: str) -> None:
    code = f"import sys, ringfence.cli.{module}\nprint([name for name in {HEAVY!r} if name in sys.modules])"
    assert _python(code).stdout.strip() == "[]"


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_every_command_and_option_explains_itself(
    path: tuple[str, ...], command: click.Command
) -> None:
    assert command.help, path
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, (path, parameter.opts)
    assert CliRunner().invoke(main, [*path, "--help"]).exit_code == 0


@pytest.mark.parametrize(
    "path",
    [
        path
        for path, _ in ALL
        if path[-1] in ("list", "status", "capabilities", "doctor", "show", "validate", "get")
    ],
    ids=" ".join,
)
def test_every_listing_has_json(path: tuple[str, ...]) -> None:
    assert "--json" in CliRunner().invoke(main, [*path, "--help"]).stdout


def test_a_command_nobody_knows_is_wrong_usage() -> None:
    assert CliRunner().invoke(main, ["telephone"]).exit_code == 2


def test_our_errors_are_words_and_exit_code_1(house: House) -> None:
    run = "from ringfence.__main__ import main; main()"
    done = _python(run, "--config", str(house.path), "message", "show", "msg_none")
    assert done.returncode == 1
    assert done.stderr.startswith("ringfence: ")
    assert "Traceback" not in done.stderr
    missing = _python(run, "--config", str(house.path) + ".none", "message", "list")
    assert missing.returncode == 1
    assert "nothing there" in missing.stderr
