"""`ringfence audit verify`: does the audit log still say what was written into it? Reads only."""

from __future__ import annotations

import click

from ringfence.cli import common


@click.group("audit")
def command() -> None:
    """The append-only, hash-chained log of every decision and every effect."""


@command.command("verify")
@common.json_option
@click.pass_context
def verify(ctx: click.Context, as_json: bool) -> None:
    """Walk the whole chain: an entry that was changed, removed, put in or cut off at the end is
    named, and the exit code is 1. Works beside a running gateway and without one."""
    from ringfence.store import check

    chosen = common.settings(ctx).store
    found = check(chosen.url, busy_timeout_s=chosen.busy_timeout_s)
    if as_json:
        common.print_json(
            {
                "entries": found.audit_entries,
                "whole": not found.audit,
                "broken": found.audit or None,
            }
        )
    elif found.audit:
        click.echo(f"The audit chain is broken: {found.audit}.", err=True)
        click.echo(f"Good until entry {found.audit_entries}.", err=True)
    else:
        click.echo(f"The audit chain is whole: {found.audit_entries} entries.")
    if found.audit:
        ctx.exit(1)
