"""`ringfence drafts`: messages that wait for a person. Deciding is for the owner at this command
line, and never for an agent (P2)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common

if TYPE_CHECKING:
    from datetime import datetime

    from ringfence.bootstrap import Gateway
    from ringfence.gateway.drafts import Approved
    from ringfence.gateway.equipment import Equipment
    from ringfence.model.draft import Draft
    from ringfence.ports import Tx

LISTED = ("code", "line", "to", "body", "reasons", "initiator", "segments", "expires_at")
LISTED_MAX = 1_000

key_argument = click.argument("key", metavar="CODE")


@click.group("drafts")
def command() -> None:
    """Messages that wait for a yes: list, show, approve, edit, reject."""


@command.command("list")
@common.line_option
@common.json_option
@click.pass_context
def list_(ctx: click.Context, account: str | None, as_json: bool) -> None:
    """Drafts that wait, oldest first, on all lines (or on --account)."""

    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        from ringfence.gateway.draft_views import draft_views

        lines = {common.line_of(gateway.settings, account).id} if account else None
        return await gateway.kit.store.read(
            lambda tx: draft_views(gateway.kit, tx, tx.drafts.waiting(lines, LISTED_MAX))
        )

    rows = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"drafts": rows})
    else:
        common.print_table(rows, LISTED, "Nothing waits for a yes.")


@command.command("show")
@key_argument
@common.json_option
@click.pass_context
def show(ctx: click.Context, key: str, as_json: bool) -> None:
    """One draft in full: the text, why it is held, who and what wrote it, segments and cost. CODE is
    its code or its message's id."""

    async def work(gateway: Gateway) -> dict[str, Any]:
        from ringfence.gateway import drafts
        from ringfence.gateway.draft_views import draft_views

        def query(tx: Tx) -> dict[str, Any]:
            return draft_views(gateway.kit, tx, [drafts.find(tx, key)])[0]

        return await gateway.kit.store.read(query)

    row = common.with_gateway(ctx, work)
    if as_json:
        common.print_json(row)
        return
    for name, value in row.items():
        if value not in (None, [], {}):
            click.echo(f"{name.replace('_', ' ') + ':':<14} {value}")


@command.command("approve")
@key_argument
@common.json_option
@click.pass_context
def approve(ctx: click.Context, key: str, as_json: bool) -> None:
    """Say yes to exactly this text to exactly this person. The gate decides again when it leaves; a
    STOP, a block or a kill switch that comes first still wins."""

    def act(kit: Equipment, tx: Tx, draft: Draft, now: datetime) -> Approved:
        from ringfence.gateway import drafts

        return drafts.approve(kit, tx, draft, common.actor(), now)

    _print_going(_decide(ctx, key, act), as_json)


@command.command("edit")
@key_argument
@click.option("--body", help="The new text; read from the standard input if not given.")
@common.json_option
@click.pass_context
def edit(ctx: click.Context, key: str, body: str | None, as_json: bool) -> None:
    """Replace the text and say yes to the new one. The new text goes through the gate as any other,
    and both are kept."""
    text = sys.stdin.read() if body is None else body

    def act(kit: Equipment, tx: Tx, draft: Draft, now: datetime) -> Approved:
        from ringfence.gateway import drafts

        return drafts.edit(kit, tx, draft, text, common.actor(), now)

    _print_going(_decide(ctx, key, act), as_json)


@command.command("reject")
@key_argument
@click.option("--reason", default="", metavar="TEXT", help="Kept with the draft.")
@common.json_option
@click.pass_context
def reject(ctx: click.Context, key: str, reason: str, as_json: bool) -> None:
    """Say no; also to what was approved and has not left yet."""

    def act(kit: Equipment, tx: Tx, draft: Draft, now: datetime) -> None:
        from ringfence.gateway import drafts

        drafts.reject(kit, tx, draft, reason, common.actor(), now)

    _decide(ctx, key, act)
    if as_json:
        common.print_json({"code": key, "state": "rejected"})
    else:
        click.echo(f"{key} is rejected; nothing is sent.")


def _decide(
    ctx: click.Context, key: str, act: Callable[[Equipment, Tx, Draft, datetime], Any]
) -> Any:
    async def work(gateway: Gateway) -> Any:
        from ringfence.gateway import drafts

        kit = gateway.kit
        now = kit.clock.now()
        return await kit.store.write(lambda tx: act(kit, tx, drafts.find(tx, key), now))

    return common.with_gateway(ctx, work)


def _print_going(approved: Approved, as_json: bool) -> None:
    from ringfence.gateway.views import moment

    message = approved.message
    if as_json:
        common.print_json(
            {
                "message": message.id,
                "state": "approved",
                "status": message.status.value,
                "not_before": moment(approved.until),
            }
        )
        return
    when = "" if approved.until is None else f", not before {moment(approved.until)}"
    click.echo(f"Approved: {message.id} goes to {message.number.e164}{when}.")
