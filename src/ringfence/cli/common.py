"""What every command needs: settings, an opened gateway, and one way to print."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ringfence.bootstrap import Gateway
    from ringfence.config import Settings
    from ringfence.model.line import Line
    from ringfence.model.phone import PhoneNumber

T = TypeVar("T")

HEALTH_TIMEOUT_S = 2.0
# The words for our one channel; the second is OpenClaw's alias.
CHANNELS = ("sms", "twilio-sms")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
line_option = click.option(
    "--account", "account", metavar="ID", help="The line (account); the default one if not given."
)
set_option = click.option(
    "--set",
    "given",
    multiple=True,
    metavar="FIELD=VALUE",
    help="A field of the template; once for each.",
)
language_option = click.option(
    "--lang",
    "language",
    default="",
    metavar="TAG",
    help="The language, such as de or es-MX; the template's own if it has no text in it.",
)


def fields_of(given: Sequence[str]) -> dict[str, str]:
    """The fields typed as FIELD=VALUE. Wrong usage without a sign of equality, or twice the same."""
    fields: dict[str, str] = {}
    for pair in given:
        name, sign, value = pair.partition("=")
        if not sign or name in fields:
            why = "given twice" if sign else "written as FIELD=VALUE"
            raise click.BadParameter(f"{name!r}: {why}", param_hint="--set")
        fields[name] = value
    return fields


def environ(ctx: click.Context) -> Mapping[str, str]:
    """The environment of this call: the process's own, in which --profile stands for its variable."""
    from ringfence.cli import PROFILE
    from ringfence.config.environment import PROFILE_VARIABLE

    profile = ctx.meta.get(PROFILE)
    return os.environ if profile is None else {**os.environ, PROFILE_VARIABLE: str(profile)}


def settings(ctx: click.Context) -> Settings:
    """The settings of this call. Its warnings are for `config validate`, `doctor` and the
    gateway's log to show. Raises ConfigInvalid."""
    from ringfence.config import load

    path = ctx.find_root().obj
    assert path is None or isinstance(path, Path)
    return load(path, environ(ctx))


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end on a quick loop where there is one."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def with_gateway(ctx: click.Context, work: Callable[[Gateway], Awaitable[T]]) -> T:
    """Open the store and the parts beside a running gateway (or without one), do the work, close."""
    chosen = settings(ctx)

    async def opened() -> T:
        from ringfence.bootstrap import open_gateway

        async with open_gateway(chosen) as gateway:
            return await work(gateway)

    return run(opened())


def line_of(gateway_settings: Settings, account: str | None) -> Line:
    """The named line, or the default one. Exits with 2 when there is none of that name."""
    wanted = account or gateway_settings.default_line_id
    line = gateway_settings.line(wanted)
    if line is None:
        known = ", ".join(entry.id for entry in gateway_settings.lines) or "none is configured"
        raise click.UsageError(f"No line {wanted!r}. Known: {known}.")
    return line


def number_of(text: str, option: str = "NUMBER") -> PhoneNumber:
    """A number as an operator writes it, a channel prefix included. A wrong one is wrong usage: it
    is never guessed (B061)."""
    from ringfence.model.errors import InvalidNumber
    from ringfence.model.phone import from_operator

    try:
        return from_operator(text)
    except InvalidNumber as error:
        raise click.BadParameter(f"{text!r}: {error.detail}", param_hint=option) from None


async def gateway_answers(gateway: Gateway) -> bool | None:
    """Does a gateway answer where the configuration puts its private listener? None when that
    cannot be known (port 0)."""
    from ringfence.model.errors import NetError
    from ringfence.model.wire import WireRequest

    chosen = gateway.settings.gateway
    if chosen.private_port == 0:
        return None
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(chosen.private_host, chosen.private_host)  # noqa: S104 - compared with, never bound
    url = f"http://{host}:{chosen.private_port}/health"
    try:
        answer = await gateway.kit.http.send(WireRequest("GET", url, timeout_s=HEALTH_TIMEOUT_S))
    except NetError:
        return False
    return answer.status == 200 and b'"ledgers"' in answer.body


def actor() -> str:
    """Who acts: the operating system's user, as the audit log names them."""
    import getpass

    try:
        return f"operator:{getpass.getuser()}"
    except (KeyError, OSError):
        return "operator:unknown"


def print_json(document: object) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], empty: str) -> None:
    """A plain table; `empty` is what to say when there is nothing."""
    if not rows:
        click.echo(empty)
        return
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [
        max(len(column), *(len(row[index]) for row in cells))
        for index, column in enumerate(columns)
    ]
    click.echo("  ".join(c.upper().ljust(w) for c, w in zip(columns, widths, strict=True)).rstrip())
    for row in cells:
        click.echo("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    if value is None:
        return "-"
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else text[:59] + "…"
