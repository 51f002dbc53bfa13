"""`ringfence voicecall`: calls from the command line, with OpenClaw's flags (facts openclaw 2.7). A call
placed here passes the same gate as every other (P1); what is said in a live one passes it too. Like
all commands it works on the store, and the running gateway does what is owed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common
from ringfence.cli import voicecall_live as live
from ringfence.cli.voicecall_expose import expose
from ringfence.cli.voicecall_latency import latency
from ringfence.cli.voicecall_messages import messages
from ringfence.cli.voicecall_place import call, smoke, start
from ringfence.cli.voicecall_setup import setup
from ringfence.cli.voicecall_tail import spoken_line, tail

if TYPE_CHECKING:
    from ringfence.bootstrap import Gateway
    from ringfence.ports import Tx

LISTED = ("id", "created_at", "line", "direction", "number", "mode", "state", "end_reason")


@click.group("voicecall")
def command() -> None:
    """Calls: setup, smoke, call, continue, speak, dtmf, transfer, end, status, tail, latency, messages,
    expose."""


_PLACING = (call, start, smoke, setup, expose, messages)
for _below in (*_PLACING, live.continue_, live.speak, live.dtmf, live.transfer, tail, latency):
    command.add_command(_below)


@command.command("end")
@live.call_option
@common.json_option
@click.pass_context
def end(ctx: click.Context, call_id: str, as_json: bool) -> None:
    """End a call: it is told goodbye and hung up on. One that is over stays as it is."""

    async def work(gateway: Gateway) -> dict[str, Any]:
        from ringfence.gateway.call_control import end_call
        from ringfence.gateway.call_views import call_view

        return call_view(await end_call(gateway.kit, call_id, common.actor()))

    view = common.with_gateway(ctx, work)
    if as_json:
        common.print_json(view)
    elif view["end_reason"]:
        click.echo(f"Over: {view['id']} ({view['end_reason']}).")
    else:
        click.echo(f"Ending: {view['id']}. The running gateway hangs up.")


@command.command("status")
@click.option("--call-id", "call_id", metavar="ID", help="One call; the live ones if not given.")
@common.json_option
@click.pass_context
def status(ctx: click.Context, call_id: str | None, as_json: bool) -> None:
    """One call with what was said, by its id or its message's; without one, the calls under way."""

    async def work(gateway: Gateway) -> dict[str, Any]:
        return await gateway.kit.store.read(lambda tx: _status(tx, call_id))

    document = common.with_gateway(ctx, work)
    if as_json:
        common.print_json(document)
    elif call_id is None:
        common.print_table(
            [_row(one) for one in document["calls"]], LISTED, "No call is under way."
        )
    else:
        _print_call(document)


@command.command("conference", hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1)
def conference(words: tuple[str, ...]) -> None:
    """Join people in one call. Not there yet."""
    raise click.ClickException("Conferences are not there yet.")


def _status(tx: Tx, call_id: str | None) -> dict[str, Any]:
    from ringfence.gateway.call_views import call_document, call_view

    if call_id is not None:
        return call_document(tx, call_id)
    return {"calls": [call_view(one) for one in tx.calls.live_ones()]}


def _row(view: dict[str, Any]) -> dict[str, Any]:
    return view | {"number": view.get("to") or view.get("from")}


def _print_call(document: dict[str, Any]) -> None:
    for key, value in document.items():
        if key not in ("words", "joined") and value is not None:
            click.echo(f"{key:<14} {value}")
    for one in document["words"]:
        click.echo(spoken_line(one))
