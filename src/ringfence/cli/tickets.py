"""`ringfence tickets`: what ticket systems were told of alerts, what they were not, and trying that
again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common

if TYPE_CHECKING:
    from ringfence.bootstrap import Gateway
    from ringfence.ports import Tx

LISTED = ("id", "alert", "system", "state", "remote_id", "title", "updated_at")
TASKS = ("id", "action", "state", "attempt", "reason", "due_at")
LETTERS = ("id", "alert", "system", "action", "created_at", "reason")
LISTED_MAX = 1_000


@click.group("tickets")
def command() -> None:
    """Tickets of alerts: list, show, dead letters, resubmit."""


@command.command("list")
@click.option("--system", metavar="NAME", help="Only those of this configured system.")
@common.json_option
@click.pass_context
def list_(ctx: click.Context, system: str | None, as_json: bool) -> None:
    """Tickets, newest first."""

    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        from ringfence.gateway import ticket_desk

        rows, _ = await gateway.kit.store.read(
            lambda tx: ticket_desk.listing(tx, LISTED_MAX, system, None)
        )
        return rows

    rows = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"tickets": rows})
    else:
        common.print_table(rows, LISTED, "There are no tickets.")


@command.command("show")
@click.argument("ticket_id", metavar="ID")
@common.json_option
@click.pass_context
def show(ctx: click.Context, ticket_id: str, as_json: bool) -> None:
    """One ticket, and what its system was told or is still owed."""

    async def work(gateway: Gateway) -> dict[str, Any]:
        from ringfence.gateway import ticket_desk

        return await gateway.kit.store.read(lambda tx: ticket_desk.one(tx, ticket_id))

    row = common.with_gateway(ctx, work)
    if as_json:
        common.print_json(row)
        return
    for name, value in row.items():
        if name != "tasks" and value is not None:
            click.echo(f"{name.replace('_', ' ') + ':':<12} {value}")
    click.echo()
    common.print_table(row["tasks"], TASKS, "Its system is owed nothing.")


@command.command("dead")
@common.json_option
@click.pass_context
def dead(ctx: click.Context, as_json: bool) -> None:
    """What a system was not told and is not told without you, with the reason of each."""

    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        from ringfence.gateway import ticket_desk

        return await gateway.kit.store.read(ticket_desk.dead)

    rows = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"dead_letters": rows})
    else:
        common.print_table(rows, LETTERS, "There are no dead letters.")


@command.command("resubmit")
@click.argument("task_id", metavar="[ID]", default="")
@click.option("--all", "every", is_flag=True, help="All dead letters; after an outage, say.")
@common.json_option
@click.pass_context
def resubmit(ctx: click.Context, task_id: str, every: bool, as_json: bool) -> None:
    """Try one dead letter again, or all. ID is the task's, as `tickets dead` shows it. With the
    opening of a ticket, all that waited for it is tried again as well."""
    if every == bool(task_id):
        raise click.UsageError("Give an ID, or --all.")

    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        from ringfence.gateway import ticket_desk

        kit, now, who = gateway.kit, gateway.kit.clock.now(), common.actor()

        def job(tx: Tx) -> list[dict[str, Any]]:
            tasks = (
                ticket_desk.resubmit_all(kit, tx, who, now)
                if every
                else ticket_desk.resubmit(kit, tx, task_id, who, now)
            )
            return [ticket_desk.task_view(task) for task in tasks]

        return await kit.store.write(job)

    rows = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"resubmitted": rows})
        return
    for row in rows:
        click.echo(f"{row['id']} ({row['action']}) is due now.")
    if not rows:
        click.echo("There are no dead letters.")
