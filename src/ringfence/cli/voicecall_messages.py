"""`ringfence voicecall messages`: what callers left after the tone. Listed without its sound; one is
written to a file, which is on record (call_hearing)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common

if TYPE_CHECKING:
    from ringfence.bootstrap import Gateway
    from ringfence.ports import Tx

COLUMNS = ("call", "left_at", "line", "number", "lasted_s", "state", "bytes")


@click.command("messages")
@click.option("--call-id", "call_id", metavar="ID", help="The call; all of them if not given.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A new file for the sound of that one, readable by you alone.",
)
@click.option(
    "--limit", type=click.IntRange(1, 1_000), default=50, show_default=True, help="How many."
)
@common.json_option
@click.pass_context
def messages(
    ctx: click.Context, call_id: str | None, output: Path | None, limit: int, as_json: bool
) -> None:
    """Messages that callers left, newest first; with --call-id and --output, the sound of one."""
    if (call_id is None) != (output is None):
        raise click.UsageError("--call-id and --output go together.")
    if call_id is not None and output is not None:
        _save(ctx, call_id, output)
        return

    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        return await gateway.kit.store.read(lambda tx: _listed(tx, limit))

    rows = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"messages": rows})
    else:
        common.print_table(rows, COLUMNS, "Nobody left a message.")


def _listed(tx: Tx, limit: int) -> list[dict[str, Any]]:
    from ringfence.gateway.call_views import left_view

    left = tx.calls.messages_left(limit)
    calls = tx.calls.many({one.call_id for one in left})
    return [
        {
            "call": one.call_id,
            "line": calls[one.call_id].line,
            "number": calls[one.call_id].person.number.e164,
            **left_view(one),
        }
        for one in left
    ]


def _save(ctx: click.Context, call_id: str, output: Path) -> None:
    async def work(gateway: Gateway) -> bytes:
        from ringfence.gateway.call_hearing import heard

        content, _ = await heard(gateway.kit, call_id, common.actor())
        return content

    if output.exists():
        raise click.ClickException(f"{output} is there already.")
    content = common.with_gateway(ctx, work)
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
    click.echo(f"Written: {output} ({len(content)} bytes).")
