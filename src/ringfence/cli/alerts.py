"""`ringfence alerts`: what people must know of, and what was done about it. What is done here is on
record under the operating system's user, or, with --as, for a responder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common

if TYPE_CHECKING:
    from datetime import datetime

    from ringfence.bootstrap import Gateway
    from ringfence.delivery.escalate import Answered
    from ringfence.gateway.equipment import Equipment
    from ringfence.model.alert import Alert
    from ringfence.ports import Tx

LISTED = (
    "number",
    "state",
    "severity",
    "title",
    "service",
    "opened_at",
    "acknowledged_by",
    "next_at",
)
LIMIT_MAX = 1_000
STATES = ("open", "triggered", "acknowledged", "resolved", "all")

key_argument = click.argument("key", metavar="ALERT")
as_option = click.option(
    "--as", "responder", metavar="RESPONDER", help="On whose behalf; else it is the operator's."
)


@click.group("alerts")
def command() -> None:
    """Alerts: list, show, ack, escalate, resolve, note."""


@command.command("list")
@click.option(
    "--state", type=click.Choice(STATES), default="open", show_default=True, help="Which ones."
)
@click.option("--limit", type=click.IntRange(1, LIMIT_MAX), default=50, help="At most so many.")
@common.json_option
@click.pass_context
def list_(ctx: click.Context, state: str, limit: int, as_json: bool) -> None:
    """Alerts, newest first."""

    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        from ringfence.gateway.alert_views import alert_view
        from ringfence.model.alert import OPEN, AlertState

        wanted = {"open": OPEN, "all": frozenset[AlertState]()}
        states = wanted[state] if state in wanted else frozenset({AlertState(state)})
        found = await gateway.kit.store.read(lambda tx: tx.alerts.listing(limit, states, None))
        return [alert_view(one) for one in found]

    rows = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"alerts": rows})
    else:
        which = "" if state == "all" else f" {state}"
        common.print_table(rows, LISTED, f"There is no{which} alert.")


@command.command("show")
@key_argument
@common.json_option
@click.pass_context
def show(ctx: click.Context, key: str, as_json: bool) -> None:
    """One alert and everything that happened to it. ALERT is its number or its id."""

    async def work(gateway: Gateway) -> dict[str, Any]:
        from ringfence.gateway import alert
        from ringfence.gateway.alert_views import alert_story

        kit = gateway.kit
        return await kit.store.read(lambda tx: alert_story(kit, tx, alert.find(tx, key)))

    view = common.with_gateway(ctx, work)
    if as_json:
        common.print_json(view)
        return
    for name, value in view.items():
        if name not in ("tickets", "timeline") and value not in (None, "", 0):
            click.echo(f"{name.replace('_', ' '):<16}{value}")
    for ticket in view["tickets"]:
        where = f" {ticket['url']}" if ticket["url"] else ""
        click.echo(f"{'ticket':<16}{ticket['id']} in {ticket['system']}, {ticket['state']}{where}")
    click.echo()
    for entry in view["timeline"]:
        click.echo(f"{entry['at']}  {_happened(entry)}")


@command.command("ack")
@key_argument
@as_option
@common.json_option
@click.pass_context
def ack(ctx: click.Context, key: str, responder: str | None, as_json: bool) -> None:
    """Somebody has it: nobody else is asked, and texts about it that have not left are cancelled."""

    def act(kit: Equipment, tx: Tx, found: Alert, by: str, now: datetime) -> Answered:
        from ringfence.gateway import alert

        return alert.acknowledge(kit, tx, found, _named(by), now, now, by)

    _do(ctx, key, responder, act, as_json)


@command.command("escalate")
@key_argument
@as_option
@common.json_option
@click.pass_context
def escalate(ctx: click.Context, key: str, responder: str | None, as_json: bool) -> None:
    """The next step at once; also of an alert somebody has, who passes it on by this."""

    def act(kit: Equipment, tx: Tx, found: Alert, by: str, now: datetime) -> Answered:
        from ringfence.gateway import alert

        return alert.escalate(kit, tx, found, now, now, by)

    _do(ctx, key, responder, act, as_json)


@command.command("resolve")
@key_argument
@as_option
@common.json_option
@click.pass_context
def resolve(ctx: click.Context, key: str, responder: str | None, as_json: bool) -> None:
    """It is over, for good; who was told of it hears so."""

    def act(kit: Equipment, tx: Tx, found: Alert, by: str, now: datetime) -> Answered:
        from ringfence.gateway import alert

        return alert.resolve(kit, tx, found, by, now)

    _do(ctx, key, responder, act, as_json)


@command.command("note")
@key_argument
@click.option("--text", help="What to write down; read from the standard input if not given.")
@as_option
@common.json_option
@click.pass_context
def note(
    ctx: click.Context, key: str, text: str | None, responder: str | None, as_json: bool
) -> None:
    """Write something down about it; its open tickets get it too."""
    words = sys.stdin.read() if text is None else text

    async def work(gateway: Gateway) -> int:
        from ringfence.gateway import alert

        kit, now = gateway.kit, gateway.kit.clock.now()
        by = _actor(gateway, responder)

        def job(tx: Tx) -> int:
            found = alert.find(tx, key)
            alert.note(kit, tx, found, words, by, now)
            return found.number

        return await kit.store.write(job)

    number = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"number": number, "noted": True})
    else:
        click.echo(f"Noted with #{number}.")


def _do(
    ctx: click.Context,
    key: str,
    responder: str | None,
    act: Callable[[Equipment, Tx, Alert, str, datetime], Answered],
    as_json: bool,
) -> None:
    async def work(gateway: Gateway) -> dict[str, Any]:
        from ringfence.gateway import alert
        from ringfence.gateway.alert_views import answered_view

        kit, now = gateway.kit, gateway.kit.clock.now()
        by = _actor(gateway, responder)
        done = await kit.store.write(lambda tx: act(kit, tx, alert.find(tx, key), by, now))
        return answered_view(done)

    view = common.with_gateway(ctx, work)
    if as_json:
        common.print_json(view)
    else:
        click.echo(_answer(view))
    if view["answer"] not in ("taken", "partly", "already"):
        ctx.exit(1)


def _actor(gateway: Gateway, responder: str | None) -> str:
    """As the record names who acts. Raises NotFound."""
    from ringfence.gateway.acknowledging import responder_named

    if responder is None:
        return common.actor()
    return f"responder:{responder_named(gateway.kit, responder).name}"


def _named(actor: str) -> str:
    """Who has it from now on: a responder by their name."""
    return actor.removeprefix("responder:")


def _answer(view: dict[str, Any]) -> str:
    alert = view["alert"]
    name = f"#{alert['number']} {alert['title']}"
    match view["answer"]:
        case "taken" if alert["state"] == "triggered":
            return f"{name}: passed on to step {alert['step']} of round {alert['round']}."
        case "taken" if alert["state"] == "acknowledged":
            return f"{name}: {alert['acknowledged_by']} has it."
        case "taken":
            return f"{name}: resolved."
        case "partly":
            return f"{name}: noted; it still waits for {', '.join(view['missing'])}."
        case "already" if alert["state"] == "acknowledged":
            return f"{name}: {alert['acknowledged_by']} has it already."
        case "already":
            return f"{name}: so it was already."
        case "over":
            return f"{name}: it is over already (by {alert['resolved_by']})."
        case "nobody_left":
            return f"{name}: nobody is left to ask. It stays open."
        case _:
            return f"{name}: it changed hands meanwhile; look at it again."


def _happened(entry: dict[str, Any]) -> str:
    """One entry of the timeline in a line."""
    match entry["kind"]:
        case "notice":
            return _notice(entry)
        case "note":
            return f"note by {entry['actor']}: {' '.join(entry['text'].split())}"
        case _:
            body = ", ".join(f"{name} {value}" for name, value in entry["body"].items())
            return f"{entry['kind'].replace('_', ' ')} by {entry['actor']}" + (
                f" ({body})" if body else ""
            )


def _notice(entry: dict[str, Any]) -> str:
    about = "that it is over" if entry["about"] == "resolved" else f"step {entry['step']}"
    became = next((f", {word} {entry[key]}" for key, word in _BECAME if entry[key]), "")
    why = f" ({entry['reason']})" if entry["reason"] else ""
    return f"{entry['responder']} by {entry['channel']}, {about}: {entry['state']}{why}{became}"


_BECAME = (("delivered_at", "delivered"), ("failed_at", "failed"))
