"""`ringfence backup TARGET`: a whole, checked copy of the SQLite store while the gateway runs. Never
overwrites anything, and never opens the store for writing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ringfence.cli import common


@click.command("backup")
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@common.json_option
@click.pass_context
def command(ctx: click.Context, target: Path, as_json: bool) -> None:
    """Copy the store to TARGET, a new file, while the gateway runs; then read the copy back and
    check it, the audit chain included. To restore: stop the gateway, put the copy in the store's
    place, remove NAME-wal and NAME-shm beside it, start. PostgreSQL has pg_dump for this."""
    from ringfence.store import backup, check

    backup(common.settings(ctx).store.url, target)
    found = check(target)
    document: dict[str, Any] = {
        "backup": str(target),
        "bytes": target.stat().st_size,
        "schema_version": found.schema_version,
        "audit_entries": found.audit_entries,
        "audit_broken": found.audit or None,
    }
    if as_json:
        common.print_json(document)
    else:
        click.echo(
            f"{target}: {document['bytes']} bytes, schema {found.schema_version}, "
            f"{found.audit_entries} audit entries."
        )
    if found.audit:
        # The copy is as good as its source: keep it, it may be evidence.
        click.echo(f"The audit chain is broken: {found.audit}.", err=True)
        ctx.exit(1)
