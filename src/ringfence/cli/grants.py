"""`ringfence grants`: what an agent may do without asking: to whom, which texts, when, how often, until
when. Giving and taking back is an operator's act at this command line and never an agent's (P2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common

if TYPE_CHECKING:
    from datetime import datetime

    from ringfence.bootstrap import Gateway
    from ringfence.gateway.grants import Wanted
    from ringfence.model.grant import Grant
    from ringfence.ports import Tx

LISTED = ("id", "name", "state", "agent", "line", "to", "texts", "used", "count", "until")
USES = ("at", "message", "contact")
PAGE = 1_000
GROUPS = ("owners", "paired", "listed", "consented", "anyone")
CATEGORIES = ("conversation", "transactional", "marketing", "alert")


@click.group("grants")
def command() -> None:
    """What an agent may do without asking: add, list, show, revoke."""


@command.command("add")
@click.option("--agent", required=True, metavar="ID", help="Whose permission it is.")
@click.option("--line", default="", metavar="ID", help="On this line alone (default: on each).")
@click.option("--to", "to", multiple=True, metavar="NUMBER", help="To this person; repeatable.")
@click.option(
    "--group",
    type=click.Choice(GROUPS),
    help="Instead of --to: the line's owners; whoever is paired or on its lists; those who agreed "
    "to what the text is about; anyone.",
)
@click.option(
    "--class",
    "classes",
    multiple=True,
    type=click.Choice(("free_text", "template")),
    help="Texts in the agent's own words, or templates; repeatable.",
)
@click.option("--template", "templates", multiple=True, metavar="NAME", help="Only this template.")
@click.option(
    "--category", "categories", multiple=True, type=click.Choice(CATEGORIES), help="Only for this."
)
@click.option("--programme", "programmes", multiple=True, metavar="NAME", help="Only about this.")
@click.option(
    "--hours", default="", metavar="WINDOWS", help='By the line\'s clock: "mon-fri 09:00-17:00".'
)
@click.option("--count", type=click.IntRange(1), metavar="N", help="So many texts, then no more.")
@click.option("--until", metavar="TIME", help="30d, 12h, or a time with its zone.")
@click.option("--name", default="", metavar="TEXT", help="What you call it.")
@click.option("--note", default="", metavar="TEXT", help="Why; kept with it.")
@common.json_option
@click.pass_context
def add(ctx: click.Context, /, as_json: bool, to: tuple[str, ...], **given: Any) -> None:
    """Let an agent text some people without asking. Refusals, forced topics, opt-outs and limits
    stand as before: a grant only stands in for the person a rule asks for."""
    if bool(to) == bool(given["group"]):
        raise click.UsageError("Say to whom: --to NUMBER, or --group.")
    numbers = [common.number_of(one, "--to") for one in to]

    async def work(gateway: Gateway) -> tuple[Grant, datetime]:
        from ringfence.gateway import grants

        kit, now = gateway.kit, gateway.kit.clock.now()
        wanted = _wanted(given, frozenset(numbers), now)
        if wanted.line:
            common.line_of(gateway.settings, wanted.line)
        return await kit.store.write(
            lambda tx: grants.add(kit, tx, wanted, common.actor(), now)
        ), now

    grant, now = common.with_gateway(ctx, work)
    if as_json:
        common.print_json(_view(grant, now))
        return
    click.echo(f"{grant.id}: {_words(_view(grant, now))}")
    click.echo(f"Take it back: ringfence grants revoke {grant.id}")


@command.command("list")
@click.option("--all", "everything", is_flag=True, help="Revoked and expired ones too.")
@common.json_option
@click.pass_context
def list_(ctx: click.Context, everything: bool, as_json: bool) -> None:
    """Grants, newest first."""

    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        now = gateway.kit.clock.now()

        def query(tx: Tx) -> list[Grant]:
            found: list[Grant] = []
            while rows := tx.grants.listing(PAGE, found[-1].id if found else None, everything):
                found += rows
            return found

        views = [_view(grant, now) for grant in await gateway.kit.store.read(query)]
        return [view for view in views if everything or view["state"] != "expired"]

    rows = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"grants": rows})
    else:
        shown = [{**row, "to": _to(row), "texts": _texts(row)} for row in rows]
        common.print_table(shown, LISTED, "There is no grant: what needs a person waits for one.")


@command.command("show")
@click.argument("grant_id", metavar="ID")
@common.json_option
@click.pass_context
def show(ctx: click.Context, grant_id: str, as_json: bool) -> None:
    """One grant (`grt_…`) and the messages that went on it, newest first."""

    async def work(gateway: Gateway) -> dict[str, Any]:
        from ringfence.gateway import grants

        now = gateway.kit.clock.now()
        return await gateway.kit.store.read(
            lambda tx: grants.grant_story(tx, grants.find(tx, grant_id), now)
        )

    story = common.with_gateway(ctx, work)
    if as_json:
        common.print_json(story)
        return
    for name, value in story.items():
        if name != "uses" and value not in (None, []):
            shown = ", ".join(value) if isinstance(value, list) else value
            click.echo(f"{name}: {shown}")
    common.print_table(story["uses"], USES, "Nothing went on it.")


@command.command("revoke")
@click.argument("grant_id", metavar="ID")
@common.json_option
@click.pass_context
def revoke(ctx: click.Context, grant_id: str, as_json: bool) -> None:
    """Take a grant back. What waits because of it is cancelled with it."""

    async def work(gateway: Gateway) -> tuple[dict[str, Any], int]:
        from ringfence.gateway import grants

        kit, now = gateway.kit, gateway.kit.clock.now()
        grant, cancelled = await kit.store.write(
            lambda tx: grants.revoke(kit, tx, grant_id, common.actor(), now)
        )
        return _view(grant, now), cancelled

    view, cancelled = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({**view, "cancelled": cancelled})
    else:
        click.echo(f"{view['id']} is revoked. Messages cancelled with it: {cancelled}.")


def _wanted(given: dict[str, Any], recipients: frozenset[Any], now: datetime) -> Wanted:
    from ringfence.gateway import grants
    from ringfence.model.draft import Category
    from ringfence.model.grant import GrantGroup
    from ringfence.model.message import MessageClass

    return grants.Wanted(
        agent=given["agent"],
        line=given["line"],
        recipients=recipients,
        group=GrantGroup(given["group"] or "named"),
        classes=frozenset(map(MessageClass, given["classes"])),
        categories=frozenset(map(Category, given["categories"])),
        templates=frozenset(given["templates"]),
        programmes=frozenset(given["programmes"]),
        hours=given["hours"],
        count=given["count"],
        until=None if given["until"] is None else grants.until_of(given["until"], now),
        name=given["name"],
        note=given["note"],
    )


def _view(grant: Grant, now: datetime) -> dict[str, Any]:
    from ringfence.gateway.grants import grant_view

    return grant_view(grant, now)


def _to(view: dict[str, Any]) -> str:
    return ", ".join(view["recipients"]) or str(view["group"])


def _texts(view: dict[str, Any]) -> str:
    return ", ".join(
        [one for one in view["classes"] if one != "template" or not view["templates"]]
        + view["templates"]
    )


def _words(view: dict[str, Any]) -> str:
    """`the agent shop may send free_text to +1555… on line default, 5 times, until …`"""
    where = f" on line {view['line']}" if view["line"] else ""
    hours = f", {view['hours']}" if view["hours"] else ""
    count = f", {view['count']} times" if view["count"] else ""
    until = f", until {view['until']}" if view["until"] else ", until it is revoked"
    return (
        f"the agent {view['agent']} may send {_texts(view)} to {_to(view)} without asking"
        f"{where}{hours}{count}{until}."
    )
