"""`ringfence config`: read, check and change the configuration. Every change is checked before it
takes effect; nothing printed here shows a secret. Imports nothing heavy until a command runs."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common

if TYPE_CHECKING:
    from ringfence.config.documents import Path as KeyPath
    from ringfence.config.source import Source
    from ringfence.config.writing import Change

INPUT_BYTES_MAX = 1 << 20
# What is read as JSON5 rather than as text when it stands on the command line: a phone number
# such as +15555550123 and a token of digits and letters are texts.
_JSON_LIKE = re.compile(r"\s*(?:[\[{\"']|(?:true|false|null|-?[0-9]{1,9}(?:\.[0-9]+)?)\s*\Z)")

dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Show the difference, check it, write nothing."
)
file_argument = click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True)


@click.group("config")
def command() -> None:
    """Read, check and change the configuration."""


@command.command("get")
@click.argument("path", required=False, default="")
@click.option("--show-origin", is_flag=True, help="Also say where it is set.")
@common.json_option
@click.pass_context
def get(ctx: click.Context, path: str, show_origin: bool, as_json: bool) -> None:
    """Print what is set at PATH (channels.sms.fromNumber, agents.default.kind), secrets masked.

    Exits with 1 when it is not set. Without PATH: everything in the file."""
    from ringfence.config.looking import look_up

    found = look_up(_source(ctx), common.environ(ctx), _key_path(path))
    if found is None:
        click.echo(f"{path} is not set.", err=True)
        sys.exit(1)
    if as_json:
        origin = {"origin": found.origin} if show_origin else {}
        common.print_json({"path": path, "value": found.value, **origin})
        return
    if show_origin:
        click.echo(f"# {found.origin}")
    if isinstance(found.value, str):
        click.echo(found.value)
    else:
        common.print_json(found.value)


@command.command("set")
@click.argument("path")
@click.argument("value")
@click.option("--text", "as_text", is_flag=True, help="Take VALUE as text whatever it looks like.")
@dry_run_option
@common.json_option
@click.pass_context
def set_(
    ctx: click.Context, path: str, value: str, as_text: bool, dry_run: bool, as_json: bool
) -> None:
    """Set one key. VALUE is text, or JSON5 when it looks like it; null removes the key; - reads it
    from standard input, which keeps a secret out of the shell's history."""
    from ringfence.config.documents import patch_at

    if value == "-":
        value = sys.stdin.read(INPUT_BYTES_MAX).rstrip("\r\n")
    keys = _key_path(path)
    if not keys or any(isinstance(step, int) for step in keys):
        raise click.UsageError("PATH names a key, not a list's entry; set the whole list.")
    _apply(ctx, patch_at(keys, _read_value(value, as_text)), dry_run, as_json)


@command.command("patch")
@click.option(
    "--file", "file", required=True, type=file_argument, help="A JSON5 file; - for stdin."
)
@dry_run_option
@common.json_option
@click.pass_context
def patch(ctx: click.Context, file: Path, dry_run: bool, as_json: bool) -> None:
    """Apply a JSON merge patch (RFC 7396): objects merge, null removes, the rest replaces."""
    _apply(ctx, _read_document(file), dry_run, as_json)


@command.command("validate")
@common.json_option
@click.pass_context
def validate(ctx: click.Context, as_json: bool) -> None:
    """Check the configuration, secrets and all, and name every problem. Starts nothing."""
    from ringfence.config import load
    from ringfence.model.errors import ConfigInvalid

    source = _source(ctx)
    try:
        settings = load(ctx.find_root().obj, common.environ(ctx))
    except ConfigInvalid as error:
        _print_findings(source.path, error.problems, (), [], as_json)
        sys.exit(1)
    lines = [
        {"id": line.id, "enabled": line.enabled, "blocked": line.blocked_reason}
        for line in settings.lines
    ]
    _print_findings(source.path, (), settings.warnings, lines, as_json)


@command.command("import-openclaw")
@click.argument("file", type=file_argument)
@dry_run_option
@common.json_option
@click.pass_context
def import_openclaw(ctx: click.Context, file: Path, dry_run: bool, as_json: bool) -> None:
    """Take texts and calls out of an OpenClaw configuration FILE and say what stays behind."""
    from ringfence.config.openclaw import take_over

    taken = take_over(_read_document(file))
    _apply(ctx, taken.patch, dry_run, as_json, taken.left)


def _apply(
    ctx: click.Context,
    patch: dict[str, Any],
    dry_run: bool,
    as_json: bool,
    left: dict[str, str] | None = None,
) -> None:
    """Make the change and say what it was. Errors leave the file as it was."""
    from ringfence.config.writing import change

    done = change(_source(ctx), patch, common.environ(ctx), dry_run=dry_run)
    if as_json:
        common.print_json(_change_document(done, left))
        return
    for line in done.lines:
        click.echo(line)
    for path, why in (left or {}).items():
        click.echo(f"left: {path} ({why})")
    for warning in done.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(_outcome(done, dry_run))


def _change_document(done: Change, left: dict[str, str] | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "path": str(done.path),
        "written": done.written,
        "changes": list(done.lines),
        "warnings": list(done.warnings),
    }
    return document if left is None else document | {"left": left}


def _outcome(done: Change, dry_run: bool) -> str:
    if not done.lines:
        return "Nothing changes."
    if dry_run:
        return f"{done.path}: would load; nothing was written."
    return f"{done.path}: written. A running gateway takes it at its next start."


def _print_findings(
    path: Path,
    problems: tuple[str, ...],
    warnings: tuple[str, ...],
    lines: list[dict[str, Any]],
    as_json: bool,
) -> None:
    if as_json:
        common.print_json(
            {
                "path": str(path),
                "ok": not problems,
                "problems": list(problems),
                "warnings": list(warnings),
                "lines": lines,
            }
        )
        return
    for problem in problems:
        click.echo(problem, err=True)
    for warning in warnings:
        click.echo(f"warning: {warning}")
    click.echo(f"{path}: " + (f"{len(problems)} problem(s)" if problems else "all values are good"))


def _source(ctx: click.Context) -> Source:
    from ringfence.config.source import locate

    path = ctx.find_root().obj
    assert path is None or isinstance(path, Path)
    return locate(path, os.environ)


def _key_path(text: str) -> KeyPath:
    """A path on the command line; a wrong one is wrong usage."""
    from ringfence.config.documents import read_path
    from ringfence.model.errors import ConfigInvalid

    try:
        return read_path(text)
    except ConfigInvalid:
        raise click.UsageError(
            'PATH is written like channels.sms.owners[0] or agents["night shift"].kind.'
        ) from None


def _read_value(text: str, as_text: bool) -> Any:
    if as_text or not _JSON_LIKE.match(text):
        return text
    import pyjson5

    try:
        return pyjson5.decode(text)
    except pyjson5.Json5Exception:
        # The parser's own words can quote the value, which may be a secret.
        raise click.UsageError(
            "VALUE looks like JSON5 but is not; --text takes it as text."
        ) from None


def _read_document(file: Path) -> dict[str, Any]:
    """A JSON5 object from a file or standard input, bounded."""
    from ringfence.config.source import Source, parse, read_text

    if str(file) == "-":
        return parse(sys.stdin.read(INPUT_BYTES_MAX), "standard input")
    return parse(read_text(Source(file, named=True)) or "", str(file))
