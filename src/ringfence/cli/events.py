"""`ringfence events`: what trusted sources said, and what became of it. Reads only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common

if TYPE_CHECKING:
    from ringfence.bootstrap import Gateway

LISTED = ("id", "received_at", "source", "type", "severity", "action", "flows")
LIMIT_MAX = 1_000


@click.group("events")
def command() -> None:
    """What sources said, and what became of it: list, show."""


@command.command("list")
@click.option("--source", metavar="NAME", help="Only those of this source.")
@click.option("--limit", type=click.IntRange(1, LIMIT_MAX), default=50, help="At most so many.")
@common.json_option
@click.pass_context
def list_(ctx: click.Context, source: str | None, limit: int, as_json: bool) -> None:
    """Events, newest first."""

    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        from ringfence.gateway.event_views import event_view

        found = await gateway.kit.store.read(
            lambda tx: tx.source_events.listing(limit, source, None)
        )
        return [event_view(one) for one in found]

    rows = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"events": rows})
        return
    shown = [row | {"flows": ", ".join(row["flows"]) or None} for row in rows]
    common.print_table(shown, LISTED, "No event came yet.")


@command.command("show")
@click.argument("event_id", metavar="ID")
@common.json_option
@click.pass_context
def show(ctx: click.Context, event_id: str, as_json: bool) -> None:
    """One event: what it said, while that is kept, and what each flow did with it."""

    async def work(gateway: Gateway) -> dict[str, Any]:
        from ringfence.gateway.event_views import event_story
        from ringfence.model.errors import NotFound

        found = await gateway.kit.store.read(lambda tx: tx.source_events.get(event_id))
        if found is None:
            raise NotFound("No event has this id; `ringfence events list` shows them.")
        return event_story(found)

    view = common.with_gateway(ctx, work)
    if as_json:
        common.print_json(view)
        return
    for name, value in view.items():
        if name not in ("flows", "event") and value is not None:
            click.echo(f"{name.replace('_', ' '):<13}{value}")
    for flow, did in view["flows"].items():
        click.echo(f"{'flow ' + flow:<13}{_did(did)}")
    if view["event"] is None:
        click.echo("What it said is not kept.")
    else:
        click.echo(json.dumps(view["event"], indent=2, ensure_ascii=False))


def _did(did: dict[str, Any]) -> str:
    known = {name: value for name, value in did.items() if value not in (None, [], {}, 0)}
    return ", ".join(f"{name} {_plain(value)}" for name, value in known.items()) or "nothing"


def _plain(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)
