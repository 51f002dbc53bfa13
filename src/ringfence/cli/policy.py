"""`ringfence policy`: what the rules say, why they said it, and what they would say under another
configuration. Reads only; the rules are changed in the configuration."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common

if TYPE_CHECKING:
    from ringfence.bootstrap import Gateway
    from ringfence.gateway.replay import Backtest

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@click.group("policy")
def command() -> None:
    """What the rules say: show, explain, backtest."""


@command.command("show")
@common.line_option
@common.json_option
@click.pass_context
def show(ctx: click.Context, account: str | None, as_json: bool) -> None:
    """Every rule of a line with its settings, and what is looser than its purpose's preset."""

    async def work(gateway: Gateway) -> dict[str, Any]:
        from ringfence.gateway.policy_views import policy_view

        line = common.line_of(gateway.settings, account)
        view = policy_view(gateway.kit, line.id)
        return view | {"loosened": _loosened(gateway, line.id)}

    view = common.with_gateway(ctx, work)
    if as_json:
        common.print_json(view)
        return
    click.echo(f"Line {view['line']}, purpose {view['purpose']}, policy {view['version']}.")
    for rule in view["rules"]:
        click.echo(f"\n{rule['rule']}: {rule['explain']}")
        for name, value in rule["settings"].items():
            click.echo(f"  {name} = {value}")
    if view["loosened"]:
        click.echo(f"\nLooser than the preset: {', '.join(view['loosened'])}")


def _loosened(gateway: Gateway, line: str) -> list[str]:
    head = f"{line}: "
    return [one.removeprefix(head) for one in gateway.settings.loosened if one.startswith(head)]


@command.command("explain")
@click.argument("key", required=False, metavar="[ID]")
@click.option("--to", "target", metavar="NUMBER", help="Ask about a message nobody sent yet.")
@click.option("--message", "text", default="", metavar="TEXT", help="Its text.")
@click.option("--agent", metavar="ID", help="Who would send it (an agent; else an operator).")
@click.option("--at", metavar="TIME", help="When, as ISO 8601 with a zone (now if not given).")
@common.line_option
@common.json_option
@click.pass_context
def explain(
    ctx: click.Context,
    key: str | None,
    target: str | None,
    text: str,
    agent: str | None,
    at: str | None,
    account: str | None,
    as_json: bool,
) -> None:
    """Every rule's verdict and the facts it saw: of a stored decision (ID of a decision, a message or
    an outbox item), or of a message that nobody sent (--to and --message). Nothing is stored."""
    if (key is None) == (target is None):
        raise click.UsageError("Give the ID of something on record, or --to and --message.")
    if key is not None:
        view = common.with_gateway(ctx, lambda gateway: _stored(gateway, key))
    else:
        assert target is not None
        wanted = common.number_of(target, "--to").e164
        moment = _time(at) if at else None
        view = common.with_gateway(
            ctx, lambda gateway: _hypothetical(gateway, account, wanted, text, agent, moment)
        )
    if as_json:
        common.print_json(view)
    else:
        _print_explained(view)


async def _stored(gateway: Gateway, key: str) -> dict[str, Any]:
    from ringfence.gateway.replay import explain_stored

    return await gateway.kit.store.read(lambda tx: explain_stored(tx, key))


async def _hypothetical(
    gateway: Gateway,
    account: str | None,
    to: str,
    text: str,
    agent: str | None,
    at: datetime | None,
) -> dict[str, Any]:
    from ringfence.gateway import bridge
    from ringfence.gateway.replay import explained
    from ringfence.model.phone import PhoneNumber
    from ringfence.policy.decide import decide

    line = common.line_of(gateway.settings, account)
    who = f"agent:{agent}" if agent else common.actor()
    request = bridge.SendRequest(line=line, to=PhoneNumber(to), body=text, initiator=who)
    facts = await bridge.what_if(gateway.kit, request, at)
    policy = gateway.kit.policies[line.id]
    return explained(facts, policy, decide(facts, policy))


def _print_explained(view: dict[str, Any]) -> None:
    until = f", until {view['until']}" if view["until"] else ""
    click.echo(f"Verdict: {view['verdict']}{until} (policy {view['policy']})")
    if view.get("same_again") is False:
        click.echo("Deciding again gives another verdict: the record or the rules were changed.")
    for rule in view["rules"]:
        met = f" [met by {rule['met_by']}]" if rule["met_by"] else ""
        why = f" {rule['code']}: {rule['text']}" if rule["code"] else ""
        click.echo(f"  {rule['verdict']:<5} {rule['rule']}{why}{met}")
    click.echo("Facts:")
    for name, value in view["facts"].items():
        click.echo(f"  {name} = {value}")


@command.command("backtest")
@click.option(
    "--config",
    "config_path",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The other configuration.",
)
@click.option(
    "--since", default="30d", show_default=True, metavar="AGE|TIME", help="30d, 12h, or ISO 8601."
)
@common.json_option
@click.pass_context
def backtest(ctx: click.Context, config_path: Path, since: str, as_json: bool) -> None:
    """Which past decisions another configuration would have made otherwise, with counts and
    examples. Its rules, settings and lists are used; nothing is changed."""

    async def work(gateway: Gateway) -> Backtest:
        from ringfence.config import load
        from ringfence.gateway import replay

        settings = load(config_path, common.environ(ctx))
        other = replay.other_of(settings.lines, settings.policies)
        now = gateway.kit.clock.now()
        return await replay.backtest(gateway.kit.store, other, _since(since, now), now)

    view = common.with_gateway(ctx, work).view()
    if as_json:
        common.print_json(view)
        return
    click.echo(f"{view['asked']} decisions asked again: {view['same']} the same.")
    if view["unread"] or view["lines_gone"]:
        click.echo(
            f"Left out: {view['unread']} of another version, {view['lines_gone']} of lines that "
            "the other configuration does not have."
        )
    for change in view["changes"]:
        examples = ", ".join(one["about"] for one in change["examples"])
        click.echo(
            f"{change['count']:>8} {change['act']}: {change['was']} → {change['would_be']} "
            f"({change['why'] or 'same reasons'}), for example {examples}"
        )


def _since(text: str, now: datetime) -> datetime:
    if found := re.fullmatch(r"(\d{1,5})([mhdw])", text):
        return now - timedelta(**{_UNITS[found[2]]: int(found[1])})
    return _time(text)


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no time such as 2026-01-31T12:00:00Z.") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
