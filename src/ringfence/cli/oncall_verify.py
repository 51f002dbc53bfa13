"""Verifying numbers, of `ringfence oncall`: a code is texted, and entered here by whoever has it from the
person. The running gateway sends the text; nothing here does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common

if TYPE_CHECKING:
    from ringfence.bootstrap import Gateway


@click.command("verify")
@click.argument("name", metavar="RESPONDER")
@click.option("--code", metavar="CODE", help="What the person read in that text.")
@common.line_option
@common.json_option
@click.pass_context
def verify(
    ctx: click.Context, name: str, code: str | None, account: str | None, as_json: bool
) -> None:
    """Text a code to a responder's number; then, with --code, enter what they were texted. From then
    on what the number answers counts. The running gateway sends the text; a code lasts 30 minutes."""
    view = common.with_gateway(
        ctx,
        lambda gateway: (
            _ask(gateway, name, account) if code is None else _confirm(gateway, name, code)
        ),
    )
    if as_json:
        common.print_json(view)
    elif code is not None:
        right = f"{name} is verified: what this number answers counts now."
        wrong = "That is not the code that was texted last."
        click.echo(right if view["verified"] else wrong)
    elif view["state"] == "refused":
        click.echo(f"The code cannot be sent: {'; '.join(view['reasons'])}.", err=True)
    else:
        click.echo(f"A code goes to {name}. Then: ringfence oncall verify {name} --code CODE")
    if view.get("state") == "refused" or view.get("verified") is False:
        ctx.exit(1)


async def _ask(gateway: Gateway, name: str, account: str | None) -> dict[str, Any]:
    from ringfence.gateway import verification

    kit, now = gateway.kit, gateway.kit.clock.now()
    line = common.line_of(gateway.settings, account)
    done = await kit.store.write(
        lambda tx: verification.ask(kit, tx, name, line.id, common.actor(), now)
    )
    return {
        "responder": name,
        "message": done.message_id,
        "state": done.status.value,
        "reasons": [one.text for one in done.reasons],
    }


async def _confirm(gateway: Gateway, name: str, code: str) -> dict[str, Any]:
    from ringfence.gateway import verification

    kit, now = gateway.kit, gateway.kit.clock.now()
    right = await kit.store.write(
        lambda tx: verification.confirm(kit, tx, name, code, common.actor(), now)
    )
    return {"responder": name, "verified": right}
