"""`ringfence maintenance`: times in which nobody is told of alerts. What is still open when one ends is
escalated then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common
from ringfence.cli.moments import METAVAR, moment_of

if TYPE_CHECKING:
    from ringfence.bootstrap import Gateway

LISTED = ("id", "flow", "service", "begins", "ends", "under_way", "reason", "actor")


@click.group("maintenance")
def command() -> None:
    """Times in which nobody is told of alerts: list, begin, end."""


@command.command("list")
@common.json_option
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """What is under way or to come, by its beginning."""

    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        from ringfence.gateway.oncall_views import maintenance_view

        now = gateway.kit.clock.now()
        windows = await gateway.kit.store.read(lambda tx: tx.duty.maintenance(now))
        return [maintenance_view(one, now) for one in windows]

    rows = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"maintenance": rows})
    else:
        shown = [
            {
                key: value or ("any" if key in ("flow", "service") else value)
                for key, value in row.items()
            }
            for row in rows
        ]
        common.print_table(shown, LISTED, "No maintenance is under way or to come.")


@command.command("begin")
@click.option("--flow", default="", metavar="NAME", help="Only alerts of this flow.")
@click.option("--service", default="", metavar="NAME", help="Only alerts about this service.")
@click.option(
    "--from", "begins", default="now", show_default=True, metavar=METAVAR, help="When it begins."
)
@click.option("--until", "ends", required=True, metavar=METAVAR, help="When it ends, such as +2h.")
@click.option("--reason", default="", metavar="TEXT", help="Kept with it.")
@common.json_option
@click.pass_context
def begin(
    ctx: click.Context, flow: str, service: str, begins: str, ends: str, reason: str, as_json: bool
) -> None:
    """Tell nobody of what it covers until it ends. Alerts are opened all the same. Times without a
    zone are UTC."""

    async def work(gateway: Gateway) -> dict[str, Any]:
        from ringfence.gateway.alert import begin_maintenance
        from ringfence.gateway.oncall_views import maintenance_view
        from ringfence.model.alert import Maintenance

        kit, now = gateway.kit, gateway.kit.clock.now()
        since, until = moment_of(begins, "--from", now), moment_of(ends, "--until", now)
        wanted = Maintenance("", flow, service, since, until, reason, common.actor())
        window = await kit.store.write(lambda tx: begin_maintenance(kit, tx, wanted, now))
        return maintenance_view(window, now)

    view = common.with_gateway(ctx, work)
    if as_json:
        common.print_json(view)
        return
    what = _covered(view)
    click.echo(
        f"{view['id']}: nobody is told of {what} from {view['begins']} until {view['ends']}."
    )


def _covered(view: dict[str, Any]) -> str:
    """Everything is said as such: a narrower window may have been meant."""
    what = " of ".join(
        part
        for part in (
            f"service {view['service']}" if view["service"] else "",
            f"flow {view['flow']}" if view["flow"] else "",
        )
        if part
    )
    return f"alerts of {what}" if what else "ANY alert, of every flow and service,"


@command.command("end")
@click.argument("window_id", metavar="ID")
@common.json_option
@click.pass_context
def end(ctx: click.Context, window_id: str, as_json: bool) -> None:
    """End it now; one that has not begun is dropped. What waited for its end is looked at."""

    async def work(gateway: Gateway) -> None:
        from ringfence.gateway.alert import end_maintenance

        kit, now = gateway.kit, gateway.kit.clock.now()
        await kit.store.write(lambda tx: end_maintenance(kit, tx, window_id, common.actor(), now))

    common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"id": window_id, "ended": True})
    else:
        click.echo(f"{window_id} is over.")
