"""`ringfence contacts`: what is kept of a person: export it, erase it, say where they are. For the
owner at this command line, never for an agent (P2)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common

if TYPE_CHECKING:
    from ringfence.bootstrap import Gateway


@click.group("contacts")
def command() -> None:
    """A person's data: export, erase, zone."""


@command.command("export")
@click.argument("number")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file to write (made private); else it is printed.",
)
@click.pass_context
def export(ctx: click.Context, number: str, output: Path | None) -> None:
    """Everything the store knows of NUMBER (E.164), as JSON: messages, consent, pairing, pauses."""
    person = common.number_of(number)

    async def work(gateway: Gateway) -> dict[str, Any]:
        from ringfence.gateway import contacts

        return await gateway.kit.store.read(lambda tx: contacts.export(gateway.kit, tx, person))

    document = common.with_gateway(ctx, work)
    if output is None:
        common.print_json(document)
        return
    output.touch(mode=0o600, exist_ok=True)
    output.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    click.echo(f"Written to {output}: {len(document['messages'])} messages.")


@command.command("erase")
@click.argument("number")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common.json_option
@click.pass_context
def erase(ctx: click.Context, number: str, yes: bool, as_json: bool) -> None:
    """Forget NUMBER (E.164): what waits for them is cancelled and their rows are deleted. The audit
    log keeps ids and digests and stays whole. A bare number that opted out or is blocked is kept, so
    that nobody writes to it again. This cannot be undone; a backup still has it."""
    person = common.number_of(number)
    if not yes:
        click.confirm(f"Forget everything about {person.e164}?", abort=True)

    async def work(gateway: Gateway) -> dict[str, int]:
        from ringfence.gateway import contacts

        kit = gateway.kit
        now = kit.clock.now()
        return await kit.store.write(
            lambda tx: contacts.erase(kit, tx, person, common.actor(), now)
        )

    erased = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"erased": erased})
        return
    for table, count in sorted(erased.items()):
        click.echo(f"{table}: {count}")
    click.echo(f"{person.e164} is forgotten.")


@command.command("zone")
@click.argument("number")
@click.argument("place", required=False, default="")
@click.pass_context
def zone(ctx: click.Context, number: str, place: str) -> None:
    """Say where NUMBER is: an IANA zone (America/Denver), a state (US-FL) or a country (FR). Quiet
    hours go by it. Without PLACE it is forgotten, and the number tells again."""
    person = common.number_of(number)

    async def work(gateway: Gateway) -> str:
        from ringfence.gateway import contacts
        from ringfence.policy.zones import check_place

        known = check_place(place) if place else ""
        kit = gateway.kit
        now = kit.clock.now()
        await kit.store.write(
            lambda tx: contacts.set_zone(kit, tx, person, known, common.actor(), now)
        )
        return known

    known = common.with_gateway(ctx, work)
    click.echo(f"{person.e164}: {known or 'by the number'}")
