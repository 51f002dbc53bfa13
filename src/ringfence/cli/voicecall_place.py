"""Placing calls, of `ringfence voicecall`: call, start, smoke. Each is proposed to the gate like a text;
the running gateway rings. Nobody is called whom no list names, whoever types it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common
from ringfence.cli.symptoms import WRONG
from ringfence.cli.voicecall_setup import examined, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ringfence.bootstrap import Gateway
    from ringfence.gateway.bridge import SendRequest
    from ringfence.model.line import Line
    from ringfence.model.phone import PhoneNumber

MODES = ("notify", "conversation")
NOT_PLACED = ("held", "refused", "cancelled", "failed", "expired")
TEST_WORDS = "Hi! This is a test call."

message_option = click.option(
    "-m", "--message", "text", required=True, metavar="TEXT", help="The words it opens with."
)
mode_option = click.option(
    "--mode",
    type=click.Choice(MODES),
    default="conversation",
    show_default=True,
    help="notify: say it and hang up; conversation: then talk.",
)
key_option = click.option(
    "--idempotency-key",
    "idempotency",
    default="",
    metavar="K",
    help="The same key and call again rings nobody more.",
)
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Say what would happen; nothing is stored, nobody rung."
)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What was typed."""

    to: str | None
    text: str
    mode: str
    keys: Mapping[str, str]
    account: str | None
    idempotency: str


@click.command("call")
@message_option
@click.option(
    "-t", "--to", "to", metavar="NUMBER", help="Whom; channels.voice.toNumber if not given."
)
@mode_option
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="DIGIT=MEANING",
    help="A key the person is asked to press; once for each. Makes it a notice.",
)
@common.line_option
@key_option
@dry_run_option
@common.json_option
@click.pass_context
def call(
    ctx: click.Context,
    text: str,
    to: str | None,
    mode: str,
    keys: tuple[str, ...],
    account: str | None,
    idempotency: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Call somebody. The gate decides as for any message; exit code 1 when it is held or refused, with
    why, and the code to approve it by."""
    chosen = "notify" if keys else mode
    wanted = _Wanted(to, text, chosen, _keys(keys), account, idempotency)
    place(ctx, wanted, dry_run=dry_run, as_json=as_json)


@click.command("start")
@click.option("-t", "--to", "to", required=True, metavar="NUMBER", help="Whom.")
@click.option(
    "-m",
    "--message",
    "text",
    default="",
    metavar="TEXT",
    help="The words it opens with; the line's greeting if not given.",
)
@mode_option
@common.line_option
@common.json_option
@click.pass_context
def start(
    ctx: click.Context, to: str, text: str, mode: str, account: str | None, as_json: bool
) -> None:
    """Call somebody and talk: as `call`, with the line's greeting for words."""
    place(ctx, _Wanted(to, text, mode, {}, account, ""), dry_run=False, as_json=as_json)


@click.command("smoke")
@click.option("-t", "--to", "to", metavar="NUMBER", help="Whom to call.")
@click.option("--message", "text", default=TEST_WORDS, show_default=True, help="What is said.")
@click.option("--mode", type=click.Choice(MODES), default="notify", show_default=True, help="How.")
@click.option(
    "--yes", is_flag=True, help="Really call. Without it, and without --to, it only looks."
)
@common.line_option
@common.json_option
@click.pass_context
def smoke(
    ctx: click.Context,
    to: str | None,
    text: str,
    mode: str,
    yes: bool,
    account: str | None,
    as_json: bool,
) -> None:
    """Check the set-up as `setup` does; then, with --to and --yes, place one call."""
    dials = to is not None and yes
    symptoms = examined(ctx, account)
    if any(symptom.level == WRONG for symptom in symptoms) or not dials:
        shown(ctx, symptoms, as_json)
        if not as_json:
            click.echo("Nobody was called: that takes --to and --yes.")
        return
    place(ctx, _Wanted(to, text, mode, {}, account, ""), dry_run=False, as_json=as_json)


def place(ctx: click.Context, wanted: _Wanted, *, dry_run: bool, as_json: bool) -> None:
    """Propose it, and say what came of it. Exit code 1 when it does not ring."""
    document = common.with_gateway(ctx, lambda gateway: _place(gateway, wanted, dry_run))
    if as_json:
        common.print_json(document)
    else:
        _print_placed(document)
    if document["state"] in NOT_PLACED:
        ctx.exit(1)


async def _place(gateway: Gateway, wanted: _Wanted, dry_run: bool) -> dict[str, Any]:
    from ringfence.gateway import bridge

    kit, request = gateway.kit, _request(gateway, wanted)
    if dry_run:
        seen = await bridge.dry_run(kit, request)
        reasons = [_reason(one.code, one.text) for one in seen.reasons]
        return {"dry_run": True, "state": seen.status.value, "reasons": reasons}
    answer = await bridge.send(kit, request)
    message = answer.message
    draft = await kit.store.read(lambda tx: tx.drafts.get(message.id))
    document = {
        "message": message.id,
        "line": message.line,
        "state": message.status.value,
        "reasons": [_reason(one.code, one.text) for one in answer.proposed.reasons]
        if answer.proposed is not None
        else [_reason(message.reason.partition(":")[0], message.reason)] * bool(message.reason),
        "code": draft.code if draft is not None else None,
        "replayed": answer.replayed,
    }
    running = await common.gateway_answers(gateway)
    return document if running is None else document | {"gateway_running": running}


def _request(gateway: Gateway, wanted: _Wanted) -> SendRequest:
    from ringfence.gateway import call_proposing
    from ringfence.model.call import CallMode

    line = common.line_of(gateway.settings, wanted.account)
    return call_proposing.wanted(
        line,
        _callee(line, wanted.to),
        wanted.text or _greeting(line),
        common.actor(),
        mode=CallMode(wanted.mode),
        keys=wanted.keys,
        idempotency_key=wanted.idempotency,
    )


def _callee(line: Line, to: str | None) -> PhoneNumber:
    if to is not None:
        return common.number_of(to, "--to")
    if line.voice is None or line.voice.default_to is None:
        raise click.UsageError("Give --to, or set channels.voice.toNumber.")
    return line.voice.default_to


def _greeting(line: Line) -> str:
    greeting = "" if line.voice is None else line.voice.route.greeting
    if not greeting:
        raise click.UsageError("Give --message, or set channels.voice.inboundGreeting.")
    return greeting


def _keys(given: tuple[str, ...]) -> dict[str, str]:
    keys: dict[str, str] = {}
    for pair in given:
        digit, sign, meaning = pair.partition("=")
        if not sign or digit in keys:
            why = "given twice" if sign else "written as DIGIT=MEANING"
            raise click.BadParameter(f"{digit!r}: {why}", param_hint="--key")
        keys[digit] = meaning
    return keys


def _reason(code: str, text: str) -> dict[str, str]:
    return {"code": code, "text": text}


def _print_placed(document: dict[str, Any]) -> None:
    if document.get("dry_run"):
        click.echo(f"Would be {document['state']}; nothing was stored, nobody rung.")
    elif document["replayed"]:
        click.echo(f"This key was used already; {document['message']} is {document['state']}.")
    else:
        click.echo(f"{document['state']}: {document['message']}")
    for reason in document["reasons"]:
        click.echo(f"  {reason['code']}: {reason['text']}")
    if document.get("code"):
        click.echo(f"  Approve it: ringfence drafts approve {document['code']}")
    if document["state"] != "queued" or document.get("dry_run"):
        return
    if document.get("gateway_running") is False:
        click.echo("No gateway answers here; it rings when one runs, within the line's lifetime.")
    else:
        click.echo(f"Follow it: ringfence voicecall status --call-id {document['message']}")
