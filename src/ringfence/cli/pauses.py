"""`ringfence pauses`: conversations that are in human hands. Nothing automatic goes to a paused person;
neither an agent nor the person ends a pause (P2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common

if TYPE_CHECKING:
    from ringfence.bootstrap import Gateway

LISTED = ("number", "line", "why", "since", "actor", "message")

line_option = click.option(
    "--account", "account", metavar="ID", help="On this line (account) only."
)


@click.group("pauses")
def command() -> None:
    """People nothing automatic goes to: list, add, lift."""


@command.command("list")
@common.json_option
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """Who is paused, since when and why: an emergency in their words, or a handover."""

    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        from ringfence.gateway.views import pause_view

        found = await gateway.kit.store.read(lambda tx: tx.pauses.listing())
        return [pause_view(pause) for pause in found]

    rows = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"pauses": rows})
    else:
        common.print_table(rows, LISTED, "Nobody is paused.")


@command.command("add")
@click.argument("number")
@line_option
@common.json_option
@click.pass_context
def add(ctx: click.Context, number: str, account: str | None, as_json: bool) -> None:
    """Take over the conversation with NUMBER: no agent is asked about them, and nothing automatic goes
    to them on any line (or on --account) until `lift`. What operators send goes."""
    person = common.number_of(number)

    async def work(gateway: Gateway) -> bool:
        from ringfence.gateway import handover

        kit = gateway.kit
        line = common.line_of(gateway.settings, account).id if account else handover.EVERYWHERE
        now = kit.clock.now()
        return await kit.store.write(
            lambda tx: handover.hand_over(kit, tx, line, person, common.actor(), "", now)
        )

    fresh = common.with_gateway(ctx, work)
    if as_json:
        document = {"number": person.e164, "line": account, "paused": True, "fresh": fresh}
        common.print_json(document)
    else:
        click.echo(f"{person.e164} {'is' if fresh else 'was already'} paused{_where(account)}.")


@command.command("lift")
@click.argument("number")
@line_option
@common.json_option
@click.pass_context
def lift(ctx: click.Context, number: str, account: str | None, as_json: bool) -> None:
    """Let things go on by themselves with NUMBER, everywhere (or what was paused on --account alone).
    What was held stays held, and what they wrote meanwhile is answered by people or not at all."""
    person = common.number_of(number)

    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        from ringfence.gateway import handover
        from ringfence.gateway.views import pause_view

        kit, now = gateway.kit, gateway.kit.clock.now()
        # A line may have left the configuration since.
        lifted = await kit.store.write(
            lambda tx: handover.release(kit, tx, person, account, common.actor(), now)
        )
        return [pause_view(pause) for pause in lifted]

    rows = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"lifted": rows})
        return
    for row in rows:
        click.echo(f"Lifted: {person.e164}{_where(row['line'])} ({row['why']}).")


def _where(line: str | None) -> str:
    return f" on line {line}" if line else " on every line"
