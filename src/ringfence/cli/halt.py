"""`ringfence stop` and `ringfence resume`: the kill switch, for everything or one line, agent or
person (P3). Works beside a running gateway and without one; no agent can reach it (P2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ringfence.cli import common

if TYPE_CHECKING:
    from datetime import datetime

    from ringfence.bootstrap import Gateway
    from ringfence.gateway.equipment import Equipment
    from ringfence.model.contact import SwitchScope
    from ringfence.ports import Tx

F = TypeVar("F", bound=Callable[..., Any])
LISTED = ("scope", "subject", "engaged_at", "reason", "actor")
HELD_LISTED = ("message", "line", "to", "part", "created_at")


def scope_options(function: F) -> F:
    """--line, --agent, --contact, --flow: at most one."""
    for option in (
        click.option("--flow", metavar="NAME", help="Only what this flow sends."),
        click.option("--contact", metavar="NUMBER", help="Only messages to this person (E.164)."),
        click.option("--agent", metavar="ID", help="Only what this agent writes."),
        click.option("--line", metavar="ID", help="Only this line."),
    ):
        function = option(function)
    return function


@dataclass(frozen=True, slots=True)
class Covered:
    """What a switch covers, and how to say it."""

    scope: SwitchScope
    subject: str
    words: str


@click.command("stop")
@scope_options
@click.option("--reason", default="", metavar="TEXT", help="Kept with the switch and the audit.")
@click.option("--list", "show", is_flag=True, help="Only show which kill switches are engaged.")
@common.json_option
@click.pass_context
def stop(
    ctx: click.Context,
    line: str | None,
    agent: str | None,
    contact: str | None,
    flow: str | None,
    reason: str,
    show: bool,
    as_json: bool,
) -> None:
    """Engage a kill switch: nothing it covers leaves any more, and what was waiting is held. Without
    an option it covers everything. It stays engaged, restarts included, until `ringfence resume`."""
    covered = _covered(line, agent, contact, flow)
    if show:
        if covered.subject or reason:
            raise click.UsageError("--list shows all; give it alone.")
        _print_switches(_engaged(ctx), as_json)
        return

    async def work(gateway: Gateway) -> int:
        from ringfence.gateway import halt

        await _must_exist(gateway, covered)
        kit, now = gateway.kit, gateway.kit.clock.now()
        scope, subject, actor = covered.scope, covered.subject, common.actor()
        return await kit.store.write(
            lambda tx: halt.stop(kit, tx, scope, subject, reason, actor, now)
        )

    held = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({**_document(covered), "engaged": True, "held": held})
    else:
        click.echo(f"Stopped: {covered.words}. Messages held: {held}.")


@click.command("resume")
@scope_options
@common.json_option
@click.pass_context
def resume(
    ctx: click.Context,
    line: str | None,
    agent: str | None,
    contact: str | None,
    flow: str | None,
    as_json: bool,
) -> None:
    """Release the kill switch that `ringfence stop` engaged with the same option, and show what it
    held. That stays held: `ringfence message release` lets one go, `message cancel` ends it, and
    what nobody decides on expires. `resume --line ID` also restarts a line that a credential or
    account error at the provider had stopped."""
    covered = _covered(line, agent, contact, flow)

    async def work(gateway: Gateway) -> tuple[list[dict[str, Any]] | None, bool]:
        kit, now = gateway.kit, gateway.kit.clock.now()
        return await kit.store.write(lambda tx: _resume(kit, tx, covered, now))

    held, started = common.with_gateway(ctx, work)
    if as_json:
        document = {**_document(covered), "engaged": False, "line_restarted": started}
        common.print_json({**document, "held": held or []})
        return
    if held is not None:
        click.echo(f"Released: {covered.words}.")
        common.print_table(held, HELD_LISTED, "It held nothing that still waits.")
    if held:
        click.echo("They stay held: `ringfence message release ID` or `message cancel ID`.")
    if started:
        click.echo(f"{covered.words} tries again after the provider's error.")
    for row in _engaged(ctx):
        click.echo(f"Still engaged: {row['scope']} {row['subject'] or ''}".rstrip())


def _resume(
    kit: Equipment, tx: Tx, covered: Covered, now: datetime
) -> tuple[list[dict[str, Any]] | None, bool]:
    """(what the switch held, None when there was none; line restarted). Raises NotFound when neither
    was so."""
    from ringfence.gateway import halt
    from ringfence.gateway.views import item_view
    from ringfence.model.contact import SwitchScope
    from ringfence.model.errors import NotFound

    actor = common.actor()
    started = covered.scope is SwitchScope.LINE and halt.start_line(
        kit, tx, covered.subject, actor, now
    )
    try:
        held = halt.resume(kit, tx, covered.scope, covered.subject, actor, now)
    except NotFound:
        if not started:
            raise
        return None, True
    return [item_view(item) for item in held], started


def _covered(line: str | None, agent: str | None, contact: str | None, flow: str | None) -> Covered:
    from ringfence.model.contact import SwitchScope

    if sum(option is not None for option in (line, agent, contact, flow)) > 1:
        raise click.UsageError("Give at most one of --line, --agent, --contact and --flow.")
    if line is not None:
        return Covered(SwitchScope.LINE, line, f"line {line}")
    if agent is not None:
        return Covered(SwitchScope.AGENT, agent, f"agent {agent}")
    if contact is not None:
        person = common.number_of(contact, "--contact")
        return Covered(SwitchScope.CONTACT, person.e164, f"messages to {person.e164}")
    if flow is not None:
        return Covered(SwitchScope.FLOW, flow, f"flow {flow}")
    return Covered(SwitchScope.EVERYTHING, "", "everything")


async def _must_exist(gateway: Gateway, covered: Covered) -> None:
    """A switch for a name nobody has would stop nothing and look as if it did."""
    from ringfence.gateway.principals import known_agents
    from ringfence.model.contact import SwitchScope

    if covered.scope is SwitchScope.LINE:
        common.line_of(gateway.settings, covered.subject)
    if covered.scope is SwitchScope.AGENT:
        kit = gateway.kit
        known = sorted(
            await kit.store.read(lambda tx: known_agents(kit, tx)) | set(gateway.settings.agents)
        )
        if covered.subject not in known:
            raise click.UsageError(f"No agent {covered.subject!r}. Known: {', '.join(known)}.")


def _engaged(ctx: click.Context) -> list[dict[str, Any]]:
    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        from ringfence.gateway.views import switch_view

        switches = await gateway.kit.store.read(lambda tx: tx.switches.engaged())
        return [switch_view(switch) for switch in switches]

    return common.with_gateway(ctx, work)


def _print_switches(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        common.print_json({"kill_switches": rows})
    else:
        common.print_table(rows, LISTED, "No kill switch is engaged.")


def _document(covered: Covered) -> dict[str, Any]:
    return {"scope": covered.scope.value, "subject": covered.subject or None}
