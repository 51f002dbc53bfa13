"""A hand in live calls, of `ringfence voicecall`: continue (ask and wait), speak, dtmf, transfer. The
provider is told from here, by a request of its own, once the gate has let it pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common

if TYPE_CHECKING:
    from ringfence.bootstrap import Gateway
    from ringfence.gateway.call_control import Spoken

call_option = click.option(
    "--call-id", "call_id", required=True, metavar="ID", help="The call's id, or its message's."
)
said_option = click.option(
    "-m", "--message", "text", required=True, metavar="TEXT", help="What to say."
)


@click.command("continue")
@call_option
@said_option
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(1, 600),
    metavar="SECONDS",
    help="How long to wait for words; transcriptTimeoutMs of the line if not given.",
)
@common.json_option
@click.pass_context
def continue_(
    ctx: click.Context, call_id: str, text: str, wait_s: float | None, as_json: bool
) -> None:
    """Say something in a live conversation and wait for what the person says next. Exit code 1 when
    the gate refuses it, nobody answers in time, or the call ends."""

    async def work(gateway: Gateway) -> dict[str, Any]:
        from ringfence.gateway.call_questions import ask
        from ringfence.gateway.call_views import words_view

        found = await ask(gateway.kit, call_id, text, common.actor(), wait_s=wait_s)
        heard = words_view(found.words) if found.words is not None else None
        return _document(found.spoken) | {"answer": heard, "waited_ms": found.waited_ms}

    document = common.with_gateway(ctx, work)
    if not as_json and document["answer"] is not None:
        click.echo(document["answer"]["text"])
        return
    _finish(ctx, document, as_json, "")


@click.command("speak")
@call_option
@said_option
@common.json_option
@click.pass_context
def speak(ctx: click.Context, call_id: str, text: str, as_json: bool) -> None:
    """Say something in a live conversation, in place of what is being said. Exit code 1 when the gate
    refuses it."""

    async def work(gateway: Gateway) -> dict[str, Any]:
        from ringfence.gateway.call_control import speak as say

        return _document(await say(gateway.kit, call_id, text, common.actor()))

    _finish(ctx, common.with_gateway(ctx, work), as_json, "Told the provider to say it.")


@click.command("dtmf")
@call_option
@click.option(
    "--digits", required=True, metavar="KEYS", help="0-9 * # and w for half a second, up to 32."
)
@common.json_option
@click.pass_context
def dtmf(ctx: click.Context, call_id: str, digits: str, as_json: bool) -> None:
    """Press keys in a live conversation, towards the person or the menu at the other end."""

    async def work(gateway: Gateway) -> dict[str, Any]:
        from ringfence.gateway.call_control import digits as press

        return _document(await press(gateway.kit, call_id, digits, common.actor()))

    _finish(ctx, common.with_gateway(ctx, work), as_json, "Told the provider to send them.")


@click.command("transfer")
@call_option
@click.option("--to", "name", required=True, metavar="NAME", help="owner, or a responder.")
@click.option("-m", "--message", "text", default="", metavar="TEXT", help="What is said first.")
@common.json_option
@click.pass_context
def transfer(ctx: click.Context, call_id: str, name: str, text: str, as_json: bool) -> None:
    """Connect the person of a live conversation to somebody of ours, by name. They are heard again
    where nobody takes it. Exit code 1 when the gate refuses it."""

    async def work(gateway: Gateway) -> dict[str, Any]:
        from ringfence.gateway.call_handing import hand_over

        actor = common.actor()
        return _document(await hand_over(gateway.kit, call_id, name, actor, words=text))

    _finish(ctx, common.with_gateway(ctx, work), as_json, f"Told the provider to ring {name}.")


def _document(answer: Spoken) -> dict[str, Any]:
    return {
        "id": answer.call.id,
        "state": "told" if answer.said else "refused",
        "reasons": [{"code": one.code, "text": one.text} for one in answer.reasons],
        "decision": answer.decision,
    }


def _finish(ctx: click.Context, document: dict[str, Any], as_json: bool, done: str) -> None:
    refused = document["state"] == "refused"
    if as_json:
        common.print_json(document)
    elif refused:
        click.echo(f"Refused: {document['id']}")
        for reason in document["reasons"]:
            click.echo(f"  {reason['code']}: {reason['text']}")
    else:
        click.echo(done)
    if refused:
        ctx.exit(1)
