"""`ringfence tokens`: who may call the private listener besides a program on this machine. A token
is shown when it is made and never again; this command line itself needs none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ringfence.bootstrap import Gateway
    from ringfence.gateway.principals import Issued
    from ringfence.model.principal import Token

LISTED = ("id", "name", "kind", "agent", "lines", "state", "expires_at", "last_used_at")
KINDS = ("operator", "approver", "viewer", "agent", "events")
PAGE = 1_000


@click.group("tokens")
def command() -> None:
    """Tokens for people and programs: create, list, revoke."""


@command.command("create")
@click.option("--name", required=True, help="Who acts: stands in the audit log.")
@click.option(
    "--kind",
    required=True,
    type=click.Choice(KINDS),
    help="operator: everything. approver: looks, decides drafts. viewer: looks. agent: proposes, "
    "sees its own. events: posts events.",
)
@click.option("--line", "lines", multiple=True, metavar="ID", help="Only this line; repeatable.")
@click.option("--agent", default="", metavar="ID", help="The agent's id (default: its name).")
@click.option("--expires", metavar="TIME", help="90m, 12h, 30d, 2w (default: until revoked).")
@common.json_option
@click.pass_context
def create(
    ctx: click.Context,
    name: str,
    kind: str,
    lines: tuple[str, ...],
    agent: str,
    expires: str | None,
    as_json: bool,
) -> None:
    """Make a token and show it, this once. Send it as `Authorization: Bearer rf_…`."""

    async def work(gateway: Gateway) -> Issued:
        from ringfence.gateway import principals
        from ringfence.model.principal import PrincipalKind

        wanted = principals.Wanted(
            name=name,
            kind=PrincipalKind(kind),
            lines=frozenset(lines) or None,
            agent=agent,
            lifetime=principals.lifetime_of(expires) if expires is not None else None,
        )
        return await principals.create(gateway.kit, wanted, common.actor())

    issued = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({**_view(issued.token), "token": issued.bearer})
        return
    click.echo(issued.bearer)
    click.echo(
        f"{issued.token.id}: {issued.token.principal.actor}. It is shown this once; keep it where "
        "only its holder reads it.",
        err=True,
    )


@command.command("list")
@click.option("--all", "everything", is_flag=True, help="Revoked and expired ones too.")
@common.json_option
@click.pass_context
def list_(ctx: click.Context, everything: bool, as_json: bool) -> None:
    """Tokens, newest first."""

    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        from ringfence.gateway import principals

        now = gateway.kit.clock.now()
        found = await _all(gateway)
        return [
            principals.token_view(token, now)
            for token in found
            if everything or token.state(now) == "active"
        ]

    rows = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"tokens": rows})
    else:
        shown = [{**row, "lines": ", ".join(row["lines"] or ()) or "all"} for row in rows]
        common.print_table(shown, LISTED, "There is no token.")


@command.command("revoke")
@click.argument("token_id", metavar="ID")
@common.json_option
@click.pass_context
def revoke(ctx: click.Context, token_id: str, as_json: bool) -> None:
    """From now on nobody is let in with the token ID (`tok_…`), in any process."""

    async def work(gateway: Gateway) -> Token:
        from ringfence.gateway import principals

        return await principals.revoke(gateway.kit, token_id, common.actor())

    token = common.with_gateway(ctx, work)
    if as_json:
        common.print_json(_view(token))
    else:
        click.echo(f"{token.id} is revoked: {token.principal.actor} is let in with it no more.")


async def _all(gateway: Gateway) -> Sequence[Token]:
    from ringfence.gateway import principals

    found: list[Token] = []
    while rows := await principals.listing(gateway.kit, PAGE, found[-1].id if found else None):
        found += rows
    return found


def _view(token: Token) -> dict[str, Any]:
    """As it stood when it was last changed."""
    from ringfence.gateway.principals import token_view

    return token_view(token, token.revoked_at or token.created_at)
