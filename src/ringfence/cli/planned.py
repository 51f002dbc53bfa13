"""`ringfence planned`: messages that flows owe people, with what became of them. A person may end one;
nothing here sends one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common

if TYPE_CHECKING:
    from ringfence.bootstrap import Gateway
    from ringfence.model.planned import Planned
    from ringfence.ports import Tx

LISTED = ("id", "flow", "to", "state", "due_at", "turn", "key", "message")
LIMIT_MAX = 1_000

id_argument = click.argument("planned_id", metavar="ID")


@click.group("planned")
def command() -> None:
    """Messages that flows owe people: list, show, cancel."""


@command.command("list")
@click.option("--flow", metavar="NAME", help="Only those of this flow.")
@click.option("--all", "every", is_flag=True, help="Also what waits no more.")
@click.option("--limit", type=click.IntRange(1, LIMIT_MAX), default=50, help="At most so many.")
@common.json_option
@click.pass_context
def list_(ctx: click.Context, flow: str | None, every: bool, limit: int, as_json: bool) -> None:
    """What waits for its time, newest first."""

    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        from ringfence.gateway.event_views import planned_view

        found = await gateway.kit.store.read(
            lambda tx: tx.planned.listing(limit, flow, not every, None)
        )
        return [planned_view(one) for one in found]

    rows = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"planned": rows})
    else:
        empty = "No flow ever owed anything." if every else "Nothing waits for its time."
        common.print_table(rows, LISTED, empty)


@command.command("show")
@id_argument
@click.option("--reveal", is_flag=True, help="Show the number in full.")
@common.json_option
@click.pass_context
def show(ctx: click.Context, planned_id: str, reveal: bool, as_json: bool) -> None:
    """One of them: whose, when, of which event, and what became of it."""

    async def work(gateway: Gateway) -> dict[str, Any]:
        from ringfence.gateway.event_views import planned_view

        found = await gateway.kit.store.read(lambda tx: _found(tx, planned_id))
        number = found.number.e164 if reveal else found.number.masked
        return planned_view(found) | {"to": number}

    view = common.with_gateway(ctx, work)
    if as_json:
        common.print_json(view)
        return
    for name, value in view.items():
        if value is not None:
            click.echo(f"{name.replace('_', ' '):<12}{value}")


@command.command("cancel")
@id_argument
@common.json_option
@click.pass_context
def cancel(ctx: click.Context, planned_id: str, as_json: bool) -> None:
    """End it, also when its text waits to leave already."""

    async def work(gateway: Gateway) -> dict[str, Any]:
        from ringfence.gateway.event_views import planned_view
        from ringfence.gateway.planning import recall

        kit, now = gateway.kit, gateway.kit.clock.now()

        def job(tx: Tx) -> tuple[Planned, Planned]:
            before = _found(tx, planned_id)
            recall(kit, tx, planned_id, common.actor(), now)
            return before, _found(tx, planned_id)

        before, after = await kit.store.write(job)
        return planned_view(after) | {"ended": before.state is not after.state}

    view = common.with_gateway(ctx, work)
    if as_json:
        common.print_json(view)
    elif view["ended"]:
        click.echo(f"{planned_id} is cancelled.")
    else:
        click.echo(f"{planned_id} was {view['state']} already; nothing of it waits.")


def _found(tx: Tx, planned_id: str) -> Planned:
    from ringfence.model.errors import NotFound

    found = tx.planned.get(planned_id)
    if found is None:
        raise NotFound("No planned message has this id; `ringfence planned list --all` shows them.")
    return found
