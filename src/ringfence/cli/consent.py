"""`ringfence consent`: who agreed to what, with the evidence. Writing consent is an operator's act at
this command line and never an agent's (P2)."""

from __future__ import annotations

import os
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common
from ringfence.model.consent import ConsentKind, Level, Method

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.bootstrap import Gateway
    from ringfence.gateway.consent_csv import Imported
    from ringfence.gateway.equipment import Equipment
    from ringfence.gateway.opt_in import Asked
    from ringfence.gateway.provider_opt_outs import Found, Taken
    from ringfence.model.consent import ConsentEvent
    from ringfence.model.phone import PhoneNumber
    from ringfence.ports import Tx

LISTED = ("at", "number", "kind", "programme", "level", "method", "actor")
AGREED = ("programme", "level", "holds", "expires_at")
LIMIT_MAX = 1_000
EXPORT_PAGE = 1_000


class _Moment(click.ParamType[datetime]):
    """A time with its zone: a time without one is a guess."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            at = None
        if at is None or at.tzinfo is None:
            self.fail(f"{value!r}: write it with its zone, such as 2026-03-02T17:00:00Z.")
        return at


def _choice(kind: type[Level] | type[Method]) -> click.Choice[str]:
    return click.Choice([one.value for one in kind], case_sensitive=False)


programme_option = click.option("--programme", required=True, metavar="NAME", help="What about.")
reason_option = click.option("--reason", default="", metavar="TEXT", help="Why; kept as evidence.")
evidence_option = click.option(
    "--evidence", default="", metavar="TEXT", help="Where the proof is: an id, an address, a file."
)


@click.group("consent")
def command() -> None:
    """Who agreed to what: list, show, grant, revoke, import, export, ask."""


@command.command("list")
@click.option("--programme", default=None, metavar="NAME", help="Only this programme's events.")
@click.option(
    "--limit",
    type=click.IntRange(1, LIMIT_MAX),
    default=50,
    show_default=True,
    help="How many at most.",
)
@common.json_option
@click.pass_context
def list_(ctx: click.Context, programme: str | None, limit: int, as_json: bool) -> None:
    """The newest events of the ledger, newest first."""

    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        from ringfence.gateway.consent_views import event_view

        found = await gateway.kit.store.read(lambda tx: tx.consents.newest(limit, programme))
        return [event_view(event) for event in found]

    rows = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"events": rows})
    else:
        common.print_table(rows, LISTED, "Nothing is on record.")


@command.command("show")
@click.argument("number")
@common.json_option
@click.pass_context
def show(ctx: click.Context, number: str, as_json: bool) -> None:
    """Everything on record about NUMBER (E.164): what they agreed to, whether they opted out, what
    they were asked, and every event."""
    person = common.number_of(number)

    async def work(gateway: Gateway) -> dict[str, Any]:
        from ringfence.gateway.consent_views import person_view

        now = gateway.kit.clock.now()
        return await gateway.kit.store.read(lambda tx: person_view(tx, person, now))

    document = common.with_gateway(ctx, work)
    if as_json:
        common.print_json(document)
        return
    by = document["opted_out_by"]
    click.echo(f"{document['number']}: " + (f"opted out (by {by})" if by else "not opted out"))
    common.print_table(document["agreed"], AGREED, "Agreed to nothing that is on record.")
    common.print_table(document["events"], LISTED, "No events.")


@command.command("grant")
@click.argument("number")
@programme_option
@click.option("--level", type=_choice(Level), required=True, help="What they agreed to.")
@click.option("--method", type=_choice(Method), required=True, help="How they said so.")
@click.option("--at", type=_Moment(), help="When they said so, with the zone (default: now).")
@click.option("--expires", type=_Moment(), help="Until when it holds (default: no end).")
@click.option("--disclosure", default="", metavar="TEXT", help="The very text they saw.")
@evidence_option
@click.option("--country", default="", metavar="CC", help="Where they were then (ISO 3166).")
@click.option("--ip", default="", help="For a web form.")
@click.option("--user-agent", default="", help="For a web form.")
@common.json_option
@click.pass_context
def grant(
    ctx: click.Context, /, number: str, level: str, method: str, as_json: bool, **given: Any
) -> None:
    """Record that NUMBER (E.164) agreed to a programme. It needs evidence: the text they saw, or
    where the proof is; marketing needs a written agreement and the text."""
    person = common.number_of(number)

    def act(kit: Equipment, tx: Tx, now: datetime) -> dict[str, Any]:
        from ringfence.gateway.consent import record
        from ringfence.gateway.consent_views import event_view
        from ringfence.gateway.evidence import Statement

        given["expires_at"] = given.pop("expires", None)
        said = Statement(person, ConsentKind.GRANTED, Method(method), level=Level(level), **given)
        return event_view(record(kit, tx, said, common.actor(), now))

    _print_event(_write(ctx, act), "agreed to", as_json)


@command.command("revoke")
@click.argument("number")
@click.option("--programme", default="", metavar="NAME", help="Default: every programme.")
@click.option(
    "--level",
    type=_choice(Level),
    default=Level.CONVERSATIONAL.value,
    help="This level and what includes it (default: all).",
)
@evidence_option
@common.json_option
@click.pass_context
def revoke(
    ctx: click.Context, number: str, programme: str, level: str, evidence: str, as_json: bool
) -> None:
    """Record that NUMBER (E.164) takes consent back. To stop every text, use opt-out."""
    person = common.number_of(number)

    def act(kit: Equipment, tx: Tx, now: datetime) -> dict[str, Any]:
        from ringfence.gateway import consent
        from ringfence.gateway.consent_views import event_view

        event = consent.revoke(
            kit, tx, person, programme, Level(level), evidence, common.actor(), now
        )
        return event_view(event)

    _print_event(_write(ctx, act), "no longer agrees to", as_json)


@command.command("opt-out")
@click.argument("number")
@click.option("--reason", required=True, metavar="TEXT", help="Why; kept as evidence.")
@common.json_option
@click.pass_context
def opt_out(ctx: click.Context, number: str, reason: str, as_json: bool) -> None:
    """Do not contact NUMBER (E.164), on any line, until an operator lifts it: their START does not.
    What waits for them is cancelled."""
    person = common.number_of(number)

    def act(kit: Equipment, tx: Tx, now: datetime) -> int:
        from ringfence.gateway import consent

        return consent.opt_out(kit, tx, person, reason, common.actor(), now)

    cancelled = _write(ctx, act)
    if as_json:
        common.print_json({"number": person.e164, "opted_out": True, "cancelled": cancelled})
    else:
        click.echo(f"{person.e164} gets nothing more. Cancelled messages: {cancelled}.")


@command.command("opt-in")
@click.argument("number")
@reason_option
@common.json_option
@click.pass_context
def opt_in(ctx: click.Context, number: str, reason: str, as_json: bool) -> None:
    """Lift what an operator set for NUMBER (E.164). Who opted out themselves comes back by START
    alone."""
    person = common.number_of(number)

    def act(kit: Equipment, tx: Tx, now: datetime) -> str:
        from ringfence.gateway import consent

        return consent.opt_in(kit, tx, person, reason, common.actor(), now)

    left = _write(ctx, act)
    if as_json:
        common.print_json({"number": person.e164, "opted_out_by": left or None})
    elif left:
        click.echo(f"Lifted. {person.e164} had opted out themselves ({left}); that still stands.")
    else:
        click.echo(f"{person.e164} is no longer opted out.")


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--partial", is_flag=True, help="Keep the good rows of a file that has bad ones.")
@click.option("--dry-run", is_flag=True, help="Say what is wrong with it; nothing is recorded.")
@common.json_option
@click.pass_context
def import_(ctx: click.Context, file: Path, partial: bool, dry_run: bool, as_json: bool) -> None:
    """Record a CSV file's rows. Columns: number and at (with its zone) always; kind, programme,
    level, method, disclosure, evidence, expires_at, channel, country, ip, user_agent. With a bad
    row nothing is recorded unless --partial. What is on record already is passed over."""
    from ringfence.gateway.consent_csv import FILE_BYTES_MAX, read_csv

    with file.open("rb") as opened:
        rows = read_csv(opened.read(FILE_BYTES_MAX + 1))

    def act(kit: Equipment, tx: Tx, now: datetime) -> Imported:
        from ringfence.gateway import consent_csv

        if dry_run:
            said, bad = consent_csv.parse(rows, now)
            return consent_csv.Imported(len(said), 0, 0, tuple(bad))
        return consent_csv.import_csv(kit, tx, rows, common.actor(), partial, now)

    done = _write(ctx, act)
    _print_imported(done, dry_run, as_json)
    if done.bad:
        ctx.exit(1)


@command.command("export")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A new file.")
@click.option("--programme", default=None, metavar="NAME", help="Only this programme's events.")
@common.json_option
@click.pass_context
def export(ctx: click.Context, output: Path | None, programme: str | None, as_json: bool) -> None:
    """The whole ledger as CSV (or JSON, one event a line), to standard output or a new file that
    only you can read. Cells that a spreadsheet would run as a formula begin with an apostrophe."""
    file = sys.stdout if output is None else _new_file(output)

    async def work(gateway: Gateway) -> int:
        from ringfence.gateway.consent_csv import export_csv

        if not as_json:
            file.writelines(export_csv([]))
        count, page = 0, await _page(gateway, 0, programme)
        while page:
            file.writelines(_json_lines(page) if as_json else export_csv(page, headers=False))
            count, page = count + len(page), await _page(gateway, page[-1].seq, programme)
        return count

    count = common.with_gateway(ctx, work)
    file.flush()
    if output is not None:
        file.close()
        click.echo(f"{count} events are in {output}.", err=True)


@command.command("ask")
@click.argument("number")
@programme_option
@click.option(
    "--level",
    type=_choice(Level),
    default=Level.TRANSACTIONAL.value,
    show_default=True,
    help="What they are asked to agree to.",
)
@click.option(
    "--text",
    required=True,
    help="Who writes, what about, how often; the code and STOP and HELP are added.",
)
@click.option(
    "--hours",
    type=click.IntRange(1, 168),
    default=24,
    show_default=True,
    help="How long the question waits for its answer.",
)
@common.line_option
@common.json_option
@click.pass_context
def ask(
    ctx: click.Context,
    number: str,
    programme: str,
    level: str,
    text: str,
    hours: int,
    account: str | None,
    as_json: bool,
) -> None:
    """Ask NUMBER (E.164) by one text whether they agree (double opt-in). They agree by the code in
    it, never by YES. Nobody is asked twice within 24 hours. Exit code 1 when the gate lets it not
    go."""
    person = common.number_of(number)

    async def work(gateway: Gateway) -> Asked:
        from ringfence.gateway import opt_in

        kit, line = gateway.kit, common.line_of(gateway.settings, account)
        now = kit.clock.now()
        wanted = opt_in.Asking(line, person, programme, Level(level), text, timedelta(hours=hours))
        return await kit.store.write(lambda tx: opt_in.ask(kit, tx, wanted, common.actor(), now))

    asked = common.with_gateway(ctx, work)
    document = {
        "number": person.e164,
        "message": asked.proposed.message_id,
        "state": asked.proposed.status.value,
        "reasons": [f"{one.code}: {one.text}" for one in asked.proposed.reasons],
        "request": asked.request.id if asked.request is not None else None,
    }
    if as_json:
        common.print_json(document)
    else:
        click.echo(f"The question to {person.e164} is {document['state']}.")
        for reason in asked.proposed.reasons:
            click.echo(f"  {reason.code}: {reason.text}")
    if document["state"] in ("held", "refused"):
        ctx.exit(1)


@command.command("import-provider")
@common.line_option
@click.option("--days", type=click.IntRange(1, 4_000), help="Look back so far (default: all).")
@click.option("--dry-run", is_flag=True, help="Say who it is; nothing is recorded.")
@common.json_option
@click.pass_context
def import_provider(
    ctx: click.Context, account: str | None, days: int | None, dry_run: bool, as_json: bool
) -> None:
    """Opt out whoever opted out at the line's provider, as far as the provider shows it. The person's
    START lifts it."""

    async def work(gateway: Gateway) -> tuple[str, Found, Taken | None]:
        from ringfence.gateway import provider_opt_outs as theirs

        kit, line = gateway.kit, common.line_of(gateway.settings, account)
        now = kit.clock.now()
        seen_in = theirs.lister(kit, line).opt_outs_seen_in
        found = await theirs.find(kit, line, None if days is None else now - timedelta(days=days))
        if dry_run:
            return seen_in, found, None
        return (
            seen_in,
            found,
            await kit.store.write(
                lambda tx: theirs.take(kit, tx, line, found, common.actor(), now)
            ),
        )

    _print_taken(*common.with_gateway(ctx, work), as_json)


def _write(ctx: click.Context, act: Callable[[Equipment, Tx, datetime], Any]) -> Any:
    async def work(gateway: Gateway) -> Any:
        kit = gateway.kit
        now = kit.clock.now()
        return await kit.store.write(lambda tx: act(kit, tx, now))

    return common.with_gateway(ctx, work)


def _print_event(event: dict[str, Any], verb: str, as_json: bool) -> None:
    if as_json:
        common.print_json(event)
    else:
        programme = event["programme"] or "any programme"
        click.echo(f"{event['number']} {verb} {programme} ({event['level']}). {event['id']}")


def _print_imported(done: Imported, dry_run: bool, as_json: bool) -> None:
    bad = [{"row": one.row, "reason": one.reason} for one in done.bad]
    if as_json:
        counts = {"repeated": done.repeated, "cancelled": done.cancelled, "bad": bad}
        common.print_json({"good" if dry_run else "recorded": done.recorded, **counts})
        return
    for row in bad:
        click.echo(f"row {row['row']}: {row['reason']}", err=True)
    if dry_run:
        click.echo(f"{done.recorded} good rows, {len(bad)} bad ones. Nothing was recorded.")
    elif bad and not done.recorded:
        click.echo("Nothing was recorded. Mend these rows, or keep the others with --partial.")
    else:
        click.echo(
            f"Recorded: {done.recorded}. On record already: {done.repeated}. "
            f"Cancelled messages: {done.cancelled}."
        )


def _print_taken(seen_in: str, found: Found, taken: Taken | None, as_json: bool) -> None:
    numbers: list[PhoneNumber] = [number for number, _ in found.opted_out]
    fresh = numbers if taken is None else list(taken.numbers)
    if as_json:
        common.print_json(
            {
                "seen_in": seen_in,
                "signs": found.signs,
                "complete": found.complete,
                "found": [number.e164 for number in numbers],
                "opted_out": None if taken is None else [number.e164 for number in fresh],
                "cancelled": None if taken is None else taken.cancelled,
            }
        )
        return
    click.echo(seen_in)
    said = "Found, not recorded" if taken is None else "Opted out now"
    click.echo(f"{said}: {len(fresh)} of {len(numbers)} who opted out there.")
    for number in fresh:
        click.echo(f"  {number.e164}")
    if not found.complete:
        click.echo("The log is longer than was read; use --days to look at its newest part.")


async def _page(gateway: Gateway, after: int, programme: str | None) -> list[ConsentEvent]:
    return await gateway.kit.store.read(
        lambda tx: tx.consents.listing(after, EXPORT_PAGE, programme)
    )


def _json_lines(events: list[ConsentEvent]) -> list[str]:
    import json

    from ringfence.gateway.consent_views import event_view

    return [json.dumps(event_view(event), ensure_ascii=False) + "\n" for event in events]


def _new_file(path: Path) -> Any:
    """Numbers and what people agreed to: readable for the owner alone."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise click.BadParameter(f"{path} is there already.", param_hint="--output") from None
    return open(descriptor, "w", encoding="utf-8", newline="")
