"""`ringfence channels`: lines, what their providers can do, how they stand, and their dead letters.
Nothing printed here holds a phone number or a secret (B103)."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common
from ringfence.cli.moments import METAVAR, moment_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ringfence.bootstrap import Gateway
    from ringfence.gateway.deadletters import Resubmitted
    from ringfence.gateway.reconcile import Reconciled
    from ringfence.model.line import Line
    from ringfence.ports import Tx

LISTED = ("line", "provider", "state", "sender", "purpose", "dm_policy", "agent", "reason")
channel_option = click.option(
    "--channel",
    type=click.Choice(common.CHANNELS, case_sensitive=False),
    default="sms",
    show_default=True,
    help="There is one channel; twilio-sms is its other name.",
)


@click.group("channels")
def command() -> None:
    """Lines: list, capabilities, status, reconcile, dead letters."""


@command.command("list")
@channel_option
@common.line_option
@common.json_option
@click.pass_context
def list_(ctx: click.Context, channel: str, account: str | None, as_json: bool) -> None:
    """All configured lines (accounts) and whether they can be used."""

    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        lines = _lines(gateway, account)
        stopped = await gateway.kit.store.read(lambda tx: tx.lines.stopped())
        return [_view(line, stopped) for line in lines]

    rows = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"lines": rows})
    else:
        common.print_table(rows, LISTED, "No line is configured.")


@command.command("capabilities")
@channel_option
@common.line_option
@common.json_option
@click.pass_context
def capabilities(ctx: click.Context, channel: str, account: str | None, as_json: bool) -> None:
    """What each line's provider can do."""
    from ringfence.providers import providers

    settings = common.settings(ctx)
    lines = [common.line_of(settings, account)] if account else settings.lines
    known = providers()
    rows = [
        {"line": line.id, "provider": line.provider, **asdict(known[line.provider].capabilities)}
        for line in lines
    ]
    if as_json:
        common.print_json({"capabilities": rows})
        return
    for row in rows:
        row.update(
            {key: "yes" if value else "no" for key, value in row.items() if value in (True, False)}
        )
    common.print_table(rows, tuple(rows[0]) if rows else (), "No line is configured.")


@command.command("status")
@channel_option
@common.line_option
@click.option(
    "--probe",
    is_flag=True,
    help="Also ask the provider: webhook URL and method there, recent delivery errors. Read-only; "
    "exit code 1 when something is wrong.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0.1, 120),
    default=10.0,
    show_default=True,
    help="Seconds the provider may take.",
)
@common.json_option
@click.pass_context
def status(
    ctx: click.Context,
    channel: str,
    account: str | None,
    probe: bool,
    timeout_s: float,
    as_json: bool,
) -> None:
    """How each line stands: set-up, dead letters, last messages. Never shows a phone number."""

    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        return [
            await _status(gateway, line, timeout_s if probe else None)
            for line in _lines(gateway, account)
        ]

    rows = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"lines": rows})
    else:
        for row in rows:
            _print_status(row)
        if not rows:
            click.echo("No line is configured.")
    if any(not finding["ok"] for row in rows for finding in row.get("probe", ())):
        ctx.exit(1)


async def _status(gateway: Gateway, line: Line, timeout_s: float | None) -> dict[str, Any]:
    """Facts of one line; with a timeout, its probe too."""
    from ringfence.gateway.probe import probe

    row = await gateway.kit.store.read(lambda tx: _facts(tx, line))
    if timeout_s is None:
        return row
    findings = await probe(gateway.kit, line, timeout_s)
    return {
        **row,
        "ok": all(finding.ok for finding in findings),
        "probe": [
            {"check": one.check, "ok": one.ok, "text": one.text, "hint": one.hint or None}
            for one in findings
        ],
    }


def _facts(tx: Tx, line: Line) -> dict[str, Any]:
    from ringfence.gateway.probe import last_sent
    from ringfence.gateway.views import moment

    letters = {kind: n for (one, kind), n in tx.health.dead_letters().items() if one == line.id}
    came = next(iter(tx.messages.listing(1, line.id, "in", None)), None)
    went = last_sent(tx, line.id)
    return {
        **_view(line, tx.lines.stopped()),
        "dead_letters": letters,
        "last_inbound": None
        if came is None
        else {"id": came.id, "status": came.status.value, "at": moment(came.created_at)},
        "last_outbound": None
        if went is None
        else {
            "id": went.id,
            "status": went.status.value,
            "error_code": went.error_code,
            "at": moment(went.updated_at),
        },
    }


def _print_status(row: dict[str, Any]) -> None:
    because = f" ({row['reason']})" if row["reason"] else ""
    click.echo(f"{row['line']}: {row['state']}{because}")
    signature = "checked" if row["signature_checked"] else "NOT CHECKED"
    token = "available" if row["credentials"] else "not available"
    click.echo(
        f"  {row['provider']}, by {row['sender']}, purpose {row['purpose']}, dmPolicy {row['dm_policy']}"
    )
    click.echo(f"  signatures {signature}, token {token}, webhook {row['webhook_path']}")
    letters = ", ".join(f"{count} {kind}" for kind, count in row["dead_letters"].items())
    click.echo(f"  dead letters: {letters or 'none'}")
    for key, word in (("last_inbound", "in"), ("last_outbound", "out")):
        if (last := row[key]) is not None:
            code = f", error {last['error_code']}" if last.get("error_code") else ""
            click.echo(f"  last {word}: {last['status']}{code}, {last['at']}, {last['id']}")
    for finding in row.get("probe", ()):
        print_finding(finding)


def print_finding(finding: dict[str, Any]) -> None:
    """`ok` or `NOT OK`, what was seen, and below it what to do."""
    click.echo(
        f"  {'ok    ' if finding['ok'] else 'NOT OK'}  {finding['check']}: {finding['text']}"
    )
    if finding.get("hint"):
        click.echo(f"          {finding['hint']}")


# -- the provider's own list -------------------------------------------------------------------


@command.command("reconcile")
@channel_option
@common.line_option
@click.option(
    "--since", default="-2d", show_default=True, metavar=METAVAR, help="From then until now."
)
@common.json_option
@click.pass_context
def reconcile(
    ctx: click.Context, channel: str, account: str | None, since: str, as_json: bool
) -> None:
    """Compare a line with its provider's own list. Texts that never reached us are taken in, statuses
    that differ are folded, the rest is reported. A START, or an owner's text, goes to the dead
    letters: somebody must say whether it still holds."""

    async def work(gateway: Gateway) -> Reconciled:
        line = common.line_of(gateway.settings, account)
        begin = moment_of(since, "--since", gateway.kit.clock.now())
        return await gateway.reconciliation.run(line, begin, common.actor())

    done = common.with_gateway(ctx, work)
    if as_json:
        common.print_json(
            {**done.counts(), "missing_ids": done.missing, "foreign_ids": done.foreign}
        )
        return
    click.echo(f"{done.line}: {done.listed} messages listed since {done.since:%F %R}Z")
    for count, words in (
        (done.taken_in, "texts that never reached us were taken in"),
        (done.late, "texts wait for a person among the dead letters"),
        (done.refused, "texts cannot be taken in; the log says why"),
        (done.statuses, "statuses of ours were behind"),
        (done.resolved, "dead letters had been sent after all"),
        (len(done.missing), "sends of ours are unknown there"),
        (len(done.foreign), "texts were sent by somebody else, the provider included"),
    ):
        if count:
            click.echo(f"  {count:>6}  {words}")
    if not done.complete:
        click.echo("  Not all of it was read; choose a later --since.")


# -- dead letters ------------------------------------------------------------------------------


@command.group("dead-letters")
def dead_letters() -> None:
    """What is not tried again without a person: sends, agent turns, webhook events."""


@dead_letters.command("list")
@channel_option
@common.line_option
@common.json_option
@click.pass_context
def letters(ctx: click.Context, channel: str, account: str | None, as_json: bool) -> None:
    """All dead letters, or those of one line, with the reason of each."""

    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        from ringfence.gateway import views

        line = common.line_of(gateway.settings, account).id if account else None
        return await gateway.kit.store.read(lambda tx: views.dead_letters(tx, line))

    rows = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"dead_letters": rows})
    else:
        columns = ("id", "kind", "line", "created_at", "reason")
        common.print_table(rows, columns, "There are no dead letters.")


@dead_letters.command("resubmit")
@click.argument("letter_id", metavar="ID")
@channel_option
@common.line_option
@click.option(
    "--may-repeat",
    is_flag=True,
    help="Send again although the provider may have sent it already: the person may get it twice.",
)
@common.json_option
@click.pass_context
def resubmit(
    ctx: click.Context,
    letter_id: str,
    channel: str,
    account: str | None,
    may_repeat: bool,
    as_json: bool,
) -> None:
    """Try one dead letter again. A send gets a fresh lifetime and passes the gate again; a turn goes
    to the agent again; an event is read again with the line as it is configured now."""

    async def work(gateway: Gateway) -> Resubmitted:
        from ringfence.gateway import deadletters

        kit, readmit, now = gateway.kit, gateway.receiver.readmit, gateway.kit.clock.now()
        line = common.line_of(gateway.settings, account).id if account else None
        wish = deadletters.Wish(letter_id, common.actor(), line, may_repeat)
        return await kit.store.write(lambda tx: deadletters.resubmit(kit, tx, readmit, wish, now))

    done = common.with_gateway(ctx, work)
    if as_json:
        common.print_json(asdict(done))
    else:
        click.echo(f"{done.kind} {done.id} of line {done.line}: {done.words}")


def _lines(gateway: Gateway, account: str | None) -> Sequence[Line]:
    if account:
        return [common.line_of(gateway.settings, account)]
    return gateway.settings.lines


def _view(line: Line, stopped: dict[str, str]) -> dict[str, Any]:
    """views.line_view without even a masked number (B103)."""
    from ringfence.gateway.views import line_view

    sender = "number" if line.number else "messaging service" if line.service_id else None
    return {**line_view(line, stopped), "sender": sender}
