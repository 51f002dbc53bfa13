"""`ringfence audit`: look at the log of every decision and effect, tell one record in plain words, and
prove that the log still says what was written into it. Nothing here changes an entry."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from ringfence.bootstrap import Gateway
    from ringfence.config.settings import AuditSettings
    from ringfence.model.audit import Checkpoint
    from ringfence.ports import StoredAudit, Tx

LISTED_MAX = 10_000
FOLLOW_S = 1.0
CHUNK = 1_000
"""Entries read at once by an export."""


@click.group("audit")
def command() -> None:
    """The append-only, hash-chained log of every decision and every effect."""


# -- looking -----------------------------------------------------------------------------------


@command.command("tail")
@click.option(
    "-n",
    "count",
    type=click.IntRange(0, LISTED_MAX),
    default=20,
    show_default=True,
    help="How many of the newest entries.",
)
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until interrupted.")
@click.option("--kind", default="", metavar="KIND", help="Only these: decision, attempt, stop, …")
@common.json_option
@click.pass_context
def tail(ctx: click.Context, count: int, follow: bool, kind: str, as_json: bool) -> None:
    """The newest entries, oldest first. With --follow --json, one JSON object a line."""

    async def work(gateway: Gateway) -> list[StoredAudit]:
        newest = await gateway.kit.store.read(lambda tx: tx.audit.newest(count, kind))
        if follow:
            await _follow(gateway, newest, kind, as_json)
        return newest

    try:
        newest = common.with_gateway(ctx, work)
    except KeyboardInterrupt:
        return  # that is how following ends
    if as_json:
        from ringfence.gateway.record import entry_view

        common.print_json({"entries": [entry_view(stored) for stored in newest]})
    elif newest:
        _print_entries(newest, as_json)
    else:
        click.echo("No entries.")


async def _follow(gateway: Gateway, newest: list[StoredAudit], kind: str, as_json: bool) -> None:
    """Print these and what comes, for ever."""
    kit = gateway.kit
    seen = newest[-1].seq if newest else (await kit.store.read(lambda tx: tx.audit.head()))[0]
    while True:
        _print_entries(newest, as_json)
        seen = newest[-1].seq if newest else seen
        newest = await kit.store.read(partial(_after, seen, kind))
        if not newest:
            await _pause(gateway, FOLLOW_S)


async def _pause(gateway: Gateway, seconds: float) -> None:
    await gateway.kit.clock.sleep(seconds)


def _after(seq: int, kind: str, tx: Tx) -> list[StoredAudit]:
    return tx.audit.after(seq, CHUNK, kind)


def _print_entries(entries: list[StoredAudit], as_json: bool) -> None:
    import json

    from ringfence.gateway.record import entry_view

    for stored in entries:
        view = entry_view(stored)
        if as_json:
            click.echo(json.dumps(view, ensure_ascii=False))
        else:
            _print_entry(view)


def _print_entry(entry: dict[str, Any]) -> None:
    words = f"  {entry['words']}" if entry["words"] else ""
    click.echo(f"{entry['at']}  {entry['kind']}  {entry['actor']}  {entry['subject']}{words}")


@command.command("show")
@click.argument("name", metavar="ID")
@common.json_option
@click.pass_context
def show(ctx: click.Context, name: str, as_json: bool) -> None:
    """One record in plain words: who initiated it, what context was used, who approved, which model
    or workflow wrote it, how to stop or revoke it; then every decision with each rule's verdict, and
    the chain of entries. ID is a message's, an outbox item's, an audit entry's, a turn's or the
    provider's id, or a draft's code."""

    async def work(gateway: Gateway) -> dict[str, Any]:
        from ringfence.gateway.record import record

        return await gateway.kit.store.read(lambda tx: record(gateway.kit, tx, name))

    told = common.with_gateway(ctx, work)
    if as_json:
        common.print_json(told)
    else:
        _print_record(told)


_QUESTIONS = {
    "who_initiated_it": "Who initiated it?",
    "what_context_was_used": "What context was used?",
    "who_approved": "Who approved?",
    "which_model_or_workflow_wrote_it": "Which model or workflow wrote it?",
    "how_to_stop_or_revoke_it": "How to stop or revoke it?",
}


def _print_record(told: dict[str, Any]) -> None:
    if told["message"]:
        ours = "to" if told["direction"] == "out" else "from"
        click.echo(
            f"{told['message']}: {told['status']}, on line {told['line']}, {ours} {told['contact']}"
        )
    for key, question in _QUESTIONS.items():
        click.echo(f"\n{question}")
        for sentence in told["answers"][key]:
            click.echo(f"  {sentence}")
    for decision in told["decisions"]:
        _print_decision(decision)
    click.echo("\nRecords, in the order of the chain:")
    for entry in told["records"]:
        click.echo(f"  {entry['seq']:>6}  {entry['id']}")
        click.echo("          ", nl=False)
        _print_entry(entry)


def _print_decision(decision: dict[str, Any]) -> None:
    when = f"{decision['when']} ({decision['act']}), at {decision['at']}"
    click.echo(f"\n{when}: {decision['verdict']}  {decision['id']}")
    click.echo(f"  policy {decision['policy']}")
    for rule in decision["rules"]:
        why = f"  {rule['code']}: {rule['text']}" if rule["code"] else ""
        met = f" (met by {rule['met_by']})" if rule["met_by"] else ""
        click.echo(f"  {rule['verdict']:<6} {rule['rule']}{why}{met}")
    facts = {key: value for key, value in decision["facts"].items() if value not in ("", None, [])}
    click.echo("  facts: " + ", ".join(f"{key} {value}" for key, value in facts.items()))


# -- proving -----------------------------------------------------------------------------------

_public_key = click.option(
    "--public-key",
    "public_keys",
    multiple=True,
    metavar="HEX",
    help="Only checkpoints signed with this key count; may be given again.",
)


@command.command("verify")
@click.option(
    "--checkpoint",
    "kept",
    type=click.File("r", encoding="utf-8", errors="replace"),
    metavar="FILE",
    help="Also hold the log against the checkpoints in this file (any text: a printed one, a whole "
    "gateway log); - is standard input.",
)
@_public_key
@click.option(
    "--file",
    "export",
    type=click.File("r", encoding="utf-8", errors="replace"),
    metavar="FILE",
    help="Verify this exported file instead of the store.",
)
@common.json_option
@click.pass_context
def verify(
    ctx: click.Context,
    kept: TextIO | None,
    public_keys: tuple[str, ...],
    export: TextIO | None,
    as_json: bool,
) -> None:
    """Walk the whole chain and check every stored checkpoint's signature and the triggers that guard
    the log: an entry that was changed, removed, put in or cut off at the end is named, and the exit
    code is 1. Works beside a running gateway and without one. Against somebody who could rewrite the
    whole database, give a checkpoint that was kept elsewhere, and the public key."""
    from ringfence.model.audit import checkpoints_in

    given = checkpoints_in(kept.read()) if kept is not None else []
    trusted = _trusted(public_keys)
    if export is not None:
        found = _of_file(export, trusted, given)
    else:
        found = _of_store(ctx, trusted, given)
    if as_json:
        common.print_json(found)
    else:
        _print_verified(found)
    if found["problems"]:
        ctx.exit(1)


def _trusted(public_keys: tuple[str, ...]) -> frozenset[str] | None:
    import re

    for key in public_keys:
        if not re.fullmatch(r"[0-9a-f]{64}", key, re.ASCII):
            raise click.BadParameter("64 hexadecimal digits", param_hint="--public-key")
    return frozenset(public_keys) or None


def _of_store(
    ctx: click.Context, trusted: frozenset[str] | None, given: list[Checkpoint]
) -> dict[str, Any]:
    from ringfence.config.audit import trusted_keys
    from ringfence.store import check

    settings = common.settings(ctx)
    found = check(
        settings.store.url,
        busy_timeout_s=settings.store.busy_timeout_s,
        trusted=trusted_keys(settings.audit) if trusted is None else trusted,
        given=given,
    )
    return _verified(1, found.audit_entries, found.problems, found.checkpoints, found.newest)


def _of_file(
    export: TextIO, trusted: frozenset[str] | None, given: list[Checkpoint]
) -> dict[str, Any]:
    """By itself: neither configuration nor store is looked at."""
    from ringfence.store.exporting import verify_lines

    found = verify_lines(export, trusted=trusted, given=given)
    return _verified(found.first, found.last, found.problems, found.checkpoints, found.newest)


def _verified(
    first: int, last: int, problems: tuple[str, ...], checkpoints: int, newest: Checkpoint | None
) -> dict[str, Any]:
    from ringfence.gateway.views import moment

    return {
        "entries": last - first + 1,
        "first": first,
        "last": last,
        "whole": not problems,
        "broken": problems[0] if problems else None,
        "problems": list(problems),
        "checkpoints": checkpoints,
        "newest_checkpoint": newest
        and {"entries": newest.count, "at": moment(newest.at), "public_key": newest.public_key},
    }


def _print_verified(found: dict[str, Any]) -> None:
    newest = found["newest_checkpoint"]
    if found["problems"]:
        click.echo(f"The audit chain is broken: {found['broken']}.", err=True)
        for problem in found["problems"][1:]:
            click.echo(f"Also: {problem}.", err=True)
        click.echo(f"Good until entry {found['last']}.", err=True)
    else:
        begun = f" from entry {found['first']} on" if found["first"] != 1 else ""
        click.echo(f"The audit chain is whole: {found['entries']} entries{begun}.")
    if newest:
        click.echo(
            f"Checkpoints that hold: {found['checkpoints']}. The newest signs {newest['entries']} entries "
            f"at {newest['at']} with the key {newest['public_key']}.",
            err=bool(found["problems"]),
        )
    elif not found["problems"]:
        click.echo("No checkpoint signs it yet: ringfence audit checkpoint.")


@command.command("checkpoint")
@click.option(
    "--print", "printed", is_flag=True, help="Print the checkpoint alone, to keep elsewhere."
)
@common.json_option
@click.pass_context
def checkpoint(ctx: click.Context, printed: bool, as_json: bool) -> None:
    """Sign the log as it stands now. Keep the printed line where nobody who has the database can
    reach it: `audit verify --checkpoint` then finds whatever was cut off or rewritten since."""

    async def work(gateway: Gateway) -> Checkpoint:
        from ringfence.gateway.checkpoint import checkpoint as sign

        kit, now, actor = gateway.kit, gateway.kit.clock.now(), common.actor()
        return await kit.store.write(lambda tx: sign(kit, tx, actor, now))

    made = common.with_gateway(ctx, work)
    if as_json:
        common.print_json(_checkpoint_view(made))
    elif printed:
        click.echo(made.text)
    else:
        click.echo(f"{made.count} entries, signed at {made.at:%Y-%m-%d %H:%M:%S} UTC.")
        click.echo(made.text)
        click.echo(f"Public key: {made.public_key}")


def _checkpoint_view(made: Checkpoint) -> dict[str, Any]:
    from ringfence.gateway.views import moment

    return {
        "entries": made.count,
        "hash": made.hash,
        "at": moment(made.at),
        "public_key": made.public_key,
        "signature": made.signature,
        "checkpoint": made.text,
    }


@command.command("key")
@common.json_option
@click.pass_context
def key(ctx: click.Context, as_json: bool) -> None:
    """The public key of this gateway's checkpoints, for whoever verifies elsewhere. Makes the key
    if there is none yet."""
    settings = common.settings(ctx).audit
    public = _public(settings)
    if as_json:
        file = None if settings.signing_key is not None else str(settings.key_path)
        common.print_json({"public_key": public, "key_file": file})
    else:
        click.echo(public)


def _public(settings: AuditSettings) -> str:
    from ringfence.config.audit import signer
    from ringfence.model.errors import SecretUnavailable

    own = signer(settings)
    if own is None:
        raise SecretUnavailable(f"audit.signingKey: {settings.blocked_reason}")
    return own.public_key


# -- taking along ------------------------------------------------------------------------------


@command.command("export")
@click.option("--since", metavar="WHEN", help="From then on: 2026-11-21, …T13:00Z, or 30d, 12h.")
@click.option("--until", metavar="WHEN", help="Before then.")
@click.option(
    "--format", "form", type=click.Choice(["jsonl"]), default="jsonl", help="One object a line."
)
@click.pass_context
def export(ctx: click.Context, since: str | None, until: str | None, form: str) -> None:
    """Print entries with what chains them, and the checkpoints among them, one JSON object a line:
    `audit verify --file FILE` verifies it anywhere. Holds ids and digests, no texts or numbers."""

    async def work(gateway: Gateway) -> int:
        now = gateway.kit.clock.now()
        bounds = _when(since, "--since", now), _when(until, "--until", now)
        first, last = await gateway.kit.store.read(lambda tx: tx.audit.between(*bounds))
        return await _export(gateway, first, last)

    if not common.with_gateway(ctx, work):
        click.echo("No entries.", err=True)


async def _export(gateway: Gateway, first: int, last: int) -> int:
    """A chunk at a time; how many entries that were."""
    done = 0
    for start in range(first, last + 1, CHUNK):
        end = min(start + CHUNK - 1, last)
        entries, signed = await gateway.kit.store.read(partial(_between, start, end))
        for line in _lines(entries, signed):
            click.echo(line)
        done += len(entries)
    return done


def _between(first: int, last: int, tx: Tx) -> tuple[list[StoredAudit], list[Checkpoint]]:
    return tx.audit.after(first - 1, CHUNK, until=last), tx.checkpoints.between(first, last)


def _lines(entries: list[StoredAudit], signed: list[Checkpoint]) -> Iterator[str]:
    """Each checkpoint after the entry it is over."""
    from ringfence.store.exporting import checkpoint_line, entry_line

    over = {one.count: one for one in signed}
    for stored in entries:
        yield entry_line(stored)
        if stored.seq in over:
            yield checkpoint_line(over[stored.seq])


def _when(text: str | None, option: str, now: datetime) -> datetime | None:
    """A day, a moment (UTC unless it says otherwise), or so long ago."""
    import re
    from datetime import UTC, timedelta

    if text is None:
        return None
    if ago := re.fullmatch(r"([0-9]{1,5})([dhm])", text, re.ASCII):
        unit = {"d": "days", "h": "hours", "m": "minutes"}[ago[2]]
        return now - timedelta(**{unit: int(ago[1])})
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        hint = "a day such as 2026-11-21, a moment such as 2026-11-21T13:00Z, or 30d, 12h, 90m"
        raise click.BadParameter(f"{text!r}: expected {hint}", param_hint=option) from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
