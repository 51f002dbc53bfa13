"""`ringfence oncall`: who is on call, and changes to it for a while. Schedules are written in the
configuration; what is changed here stands in the store. Gaps are shown, never filled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common
from ringfence.cli import oncall_overrides as overrides
from ringfence.cli.moments import METAVAR, moment_of, on_the_wall
from ringfence.cli.oncall_verify import verify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ringfence.bootstrap import Gateway

NOW_LISTED = ("schedule", "responders", "next_handover", "zone")
SHIFTS_LISTED = ("schedule", "begins", "ends", "who")
RESPONDERS_LISTED = ("name", "label", "number", "line", "two_way", "verified", "groups")
GAPS_AHEAD = "+14d"

schedule_option = click.option("--schedule", metavar="NAME", help="Only this one.")


@click.group("oncall")
def command() -> None:
    """Who is on call: show, shifts, gaps, overrides, feed, responders, verify."""


for _below in (overrides.overrides, overrides.override, overrides.remove_override, verify):
    command.add_command(_below)


@command.command("show")
@schedule_option
@click.option("--at", "at", default="now", metavar=METAVAR, help="At this time (now if not given).")
@common.json_option
@click.pass_context
def show(ctx: click.Context, schedule: str | None, at: str, as_json: bool) -> None:
    """Who is on call, by schedule, and when that changes. Exit code 1 where it is nobody."""

    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        from ringfence.gateway.oncall_views import on_call_view

        kit = gateway.kit
        when = moment_of(at, "--at", kit.clock.now())
        return await kit.store.read(lambda tx: on_call_view(kit, tx, schedule, when))

    rows = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"schedules": rows})
    else:
        shown = [
            row
            | {
                "responders": _people(row["responders"]),
                "next_handover": on_the_wall(row["next_handover"], row["zone"]),
            }
            for row in rows
        ]
        common.print_table(shown, NOW_LISTED, "No schedule is configured.")
    if any(not row["responders"] for row in rows):
        ctx.exit(1)


@command.command("shifts")
@schedule_option
@click.option("--since", default="now", show_default=True, metavar=METAVAR, help="From when.")
@click.option("--until", default=GAPS_AHEAD, show_default=True, metavar=METAVAR, help="To when.")
@common.json_option
@click.pass_context
def shifts(ctx: click.Context, schedule: str | None, since: str, until: str, as_json: bool) -> None:
    """Who is on call from when to when, overrides included; hours with nobody are marked."""
    views = common.with_gateway(ctx, lambda gateway: _spans(gateway, schedule, since, until))
    if as_json:
        common.print_json({"schedules": views})
        return
    rows = [
        {
            "schedule": view["schedule"],
            "begins": on_the_wall(shift["begins"], view["zone"]),
            "ends": on_the_wall(shift["ends"], view["zone"]),
            "who": ", ".join(shift["responders"]) or "NOBODY",
        }
        for view in views
        for shift in view["shifts"]
    ]
    common.print_table(rows, SHIFTS_LISTED, "No schedule is configured.")
    for view in views:
        if view["gaps"]:
            many = "s" if len(view["gaps"]) != 1 else ""
            click.echo(f"{view['schedule']} has {len(view['gaps'])} gap{many}.", err=True)


@command.command("gaps")
@schedule_option
@click.option("--since", default="now", show_default=True, metavar=METAVAR, help="From when.")
@click.option("--until", default=GAPS_AHEAD, show_default=True, metavar=METAVAR, help="To when.")
@common.json_option
@click.pass_context
def gaps(ctx: click.Context, schedule: str | None, since: str, until: str, as_json: bool) -> None:
    """Hours in which nobody is on call. Exit code 1 when there are any."""
    views = common.with_gateway(ctx, lambda gateway: _spans(gateway, schedule, since, until))
    rows = [{"schedule": view["schedule"], **gap} for view in views for gap in view["gaps"]]
    if as_json:
        common.print_json({"gaps": rows})
    else:
        zones = {view["schedule"]: view["zone"] for view in views}
        shown = [
            row | {key: on_the_wall(row[key], zones[row["schedule"]]) for key in ("begins", "ends")}
            for row in rows
        ]
        common.print_table(shown, SHIFTS_LISTED[:3], "Somebody is on call at all times.")
    if rows:
        ctx.exit(1)


async def _spans(
    gateway: Gateway, schedule: str | None, since: str, until: str
) -> list[dict[str, Any]]:
    from ringfence.gateway.oncall_views import shifts_view

    kit, now = gateway.kit, gateway.kit.clock.now()
    begins, ends = moment_of(since, "--since", now), moment_of(until, "--until", now)
    if ends <= begins:
        raise click.BadParameter("It is not after --since.", param_hint="--until")
    names = [schedule] if schedule else sorted(kit.operations.schedules)
    return await kit.store.read(
        lambda tx: [shifts_view(kit, tx, name, begins, ends) for name in names]
    )


@command.command("feed")
@click.argument("schedule", metavar="SCHEDULE")
@click.option("--only", default="", metavar="RESPONDER", help="Only the shifts of one person.")
@click.pass_context
def feed(ctx: click.Context, schedule: str, only: str) -> None:
    """The schedule as a calendar file, four weeks back and half a year ahead:
    `ringfence oncall feed primary > duty.ics`."""

    async def work(gateway: Gateway) -> bytes:
        from ringfence.gateway.acknowledging import responder_named
        from ringfence.gateway.oncall_views import feed as made

        kit, now = gateway.kit, gateway.kit.clock.now()
        if only:
            responder_named(kit, only)
        return await kit.store.read(lambda tx: made(kit, tx, schedule, now, only))

    click.echo(common.with_gateway(ctx, work), nl=False)


@command.command("responders")
@common.json_option
@click.pass_context
def responders(ctx: click.Context, as_json: bool) -> None:
    """Everybody who can be on call, and whether what they answer counts."""

    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        from ringfence.gateway.oncall_views import responder_views

        return await gateway.kit.store.read(lambda tx: responder_views(gateway.kit, tx))

    rows = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"responders": rows})
        return
    shown = [
        row
        | {name: "yes" if row[name] else "no" for name in ("two_way", "verified")}
        | {"groups": ", ".join(row["groups"]) or None}
        for row in rows
    ]
    common.print_table(shown, RESPONDERS_LISTED, "No responder is configured.")


def _people(people: Sequence[dict[str, Any]]) -> str:
    return ", ".join(one["name"] for one in people) or "NOBODY"
