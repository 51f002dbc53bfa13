"""Overrides, of `ringfence oncall`: somebody more, somebody less, somebody instead, for a while. A
change that leaves hours with nobody is made, and said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common
from ringfence.cli.moments import METAVAR, moment_of

if TYPE_CHECKING:
    from datetime import datetime

    from ringfence.bootstrap import Gateway
    from ringfence.model.oncall import Override, Schedule
    from ringfence.ports import Tx

LISTED = ("id", "schedule", "change", "begins", "ends", "actor")


@click.command("overrides")
@click.option("--schedule", metavar="NAME", help="Only those of this one.")
@common.json_option
@click.pass_context
def overrides(ctx: click.Context, schedule: str | None, as_json: bool) -> None:
    """Changes that hold now or later, in the order they were made."""

    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        from ringfence.gateway.duty import schedule_of
        from ringfence.gateway.oncall_views import override_view

        kit, now = gateway.kit, gateway.kit.clock.now()
        if schedule is not None:
            schedule_of(kit, schedule)
        stored = await kit.store.read(lambda tx: tx.duty.overrides(schedule, now))
        return [override_view(one) for one in stored]

    rows = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"overrides": rows})
    else:
        shown = [row | {"change": _change(row)} for row in rows]
        common.print_table(shown, LISTED, "No override holds now or later.")


@click.command("override")
@click.argument("schedule", metavar="SCHEDULE")
@click.option("--add", metavar="RESPONDER", help="One more is on call.")
@click.option("--remove", metavar="RESPONDER", help="This one is not.")
@click.option("--replace", metavar="RESPONDER", help="This one is not; who is instead says --with.")
@click.option(
    "--with",
    "stand_in",
    metavar="RESPONDER",
    help="Who stands in; without --replace, for everybody.",
)
@click.option(
    "--from", "begins", default="now", show_default=True, metavar=METAVAR, help="From when."
)
@click.option("--until", "ends", required=True, metavar=METAVAR, help="To when, such as +8h.")
@common.json_option
@click.pass_context
def override(
    ctx: click.Context,
    schedule: str,
    add: str | None,
    remove: str | None,
    replace: str | None,
    stand_in: str | None,
    begins: str,
    ends: str,
    as_json: bool,
) -> None:
    """Change who is on call for a while: exactly one of --add, --remove, and --with (for --replace).
    Times without a zone are on the wall of the schedule's zone."""
    kind, responder, instead_of = _wanted(add, remove, replace, stand_in)

    async def work(gateway: Gateway) -> dict[str, Any]:
        from ringfence.gateway import duty
        from ringfence.gateway.oncall_views import override_view
        from ringfence.model.oncall import Override, OverrideKind

        kit, now = gateway.kit, gateway.kit.clock.now()
        found = duty.schedule_of(kit, schedule)
        since = moment_of(begins, "--from", now, found.zone)
        until = moment_of(ends, "--until", now, found.zone)
        change = Override(OverrideKind(kind), responder, since, until, instead_of)

        def job(tx: Tx) -> dict[str, Any]:
            stored = duty.override(kit, tx, schedule, change, common.actor(), now)
            gaps = _gaps_within(tx, found, change, now)
            return override_view(stored) | {"gaps": gaps}

        return await kit.store.write(job)

    view = common.with_gateway(ctx, work)
    if as_json:
        common.print_json(view)
        return
    click.echo(f"{view['id']}: {_change(view)}, {view['begins']} to {view['ends']}.")
    for gap in view["gaps"]:
        click.echo(f"Nobody is on call then from {gap['begins']} to {gap['ends']}.", err=True)


@click.command("remove-override")
@click.argument("override_id", metavar="ID")
@common.json_option
@click.pass_context
def remove_override(ctx: click.Context, override_id: str, as_json: bool) -> None:
    """Take an override back; the schedule is as it was."""

    async def work(gateway: Gateway) -> None:
        from ringfence.gateway import duty

        kit, now = gateway.kit, gateway.kit.clock.now()
        await kit.store.write(
            lambda tx: duty.remove_override(kit, tx, override_id, common.actor(), now)
        )

    common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"id": override_id, "removed": True})
    else:
        click.echo(f"{override_id} is taken back.")


def _wanted(
    add: str | None, remove: str | None, replace: str | None, stand_in: str | None
) -> tuple[str, str, str]:
    """Kind, responder and whom they stand in for."""
    if replace and not stand_in:
        raise click.UsageError("--replace needs --with: who stands in?")
    if sum(one is not None for one in (add, remove, stand_in)) != 1:
        raise click.UsageError("Give exactly one of --add, --remove and --with.")
    if add:
        return "add", add, ""
    if remove:
        return "remove", remove, ""
    return "replace", stand_in or "", replace or ""


def _gaps_within(
    tx: Tx, schedule: Schedule, change: Override, now: datetime
) -> list[dict[str, Any]]:
    """Hours in which nobody is on call while the change holds."""
    from ringfence.delivery.oncall import gaps as found
    from ringfence.gateway.duty import changed
    from ringfence.gateway.views import moment

    begins = max(change.begins, now)
    return [
        {"begins": moment(gap.begins), "ends": moment(gap.ends)}
        for gap in found(changed(tx, schedule, begins), begins, change.ends)
    ]


def _change(row: dict[str, Any]) -> str:
    match row["kind"]:
        case "add":
            return f"{row['responder']} as well"
        case "remove":
            return f"{row['responder']} not"
        case _:
            return f"{row['responder']} instead of {row['instead_of'] or 'everybody'}"
