"""`ringfence message`: send one, look at what came and went. A send from here passes the same gate
as everything else (P1); it is an operator's, so it must name its recipient (B076)."""

from __future__ import annotations

import mimetypes
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common
from ringfence.model.message import MessageStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ringfence.bootstrap import Gateway
    from ringfence.gateway.bridge import SendRequest, Upload
    from ringfence.gateway.proposal import Proposed
    from ringfence.model.line import Line
    from ringfence.model.message import Message
    from ringfence.text.segments import Segments

LISTED = ("id", "created_at", "line", "direction", "number", "status", "body")
LIMIT_MAX = 1_000


@click.group("message")
def command() -> None:
    """Send a message; look at messages; let go or cancel what is held."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What was typed."""

    target: str
    text: str
    media: tuple[str, ...]
    account: str | None
    key: str
    template: str
    fields: Mapping[str, str]
    language: str


@command.command("send")
@click.option(
    "--channel",
    type=click.Choice(common.CHANNELS, case_sensitive=False),
    default="sms",
    show_default=True,
    help="There is one channel; twilio-sms is its other name.",
)
@click.option(
    "--target",
    required=True,
    metavar="NUMBER",
    help="To whom: sms:+15555550123, twilio-sms:+15555550123 or +15555550123. Never guessed, and "
    "never the configured defaultTo.",
)
@click.option(
    "--message",
    "text",
    default="",
    metavar="TEXT",
    help="The text; - reads it from standard input.",
)
@click.option(
    "--template",
    default="",
    metavar="NAME",
    help="A template in place of --message; see `ringfence templates`.",
)
@common.set_option
@common.language_option
@click.option(
    "--media",
    multiple=True,
    metavar="FILE_OR_URL",
    help="A file to attach, or a public https URL that the provider fetches; up to 10.",
)
@common.line_option
@click.option(
    "--idempotency-key",
    "key",
    default="",
    metavar="K",
    help="The same key and message again sends nothing more; another message with it is refused.",
)
@click.option("--dry-run", is_flag=True, help="Say what would happen; nothing is stored or sent.")
@common.json_option
@click.pass_context
def send(
    ctx: click.Context,
    channel: str,
    target: str,
    text: str,
    template: str,
    given: tuple[str, ...],
    language: str,
    media: tuple[str, ...],
    account: str | None,
    key: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Send a text. The gate decides as for any other message; exit code 1 when it is held or
    refused. The running gateway sends it; without one it waits for the next."""
    if text and template:
        raise click.UsageError("Give --message or --template, not both.")
    if not template and (given or language):
        raise click.UsageError("--set and --lang go with --template.")
    if text == "-":
        text = sys.stdin.read(64 * 1024)
    fields = common.fields_of(given)
    wanted = _Wanted(target, text, media, account, key, template, fields, language)
    document = common.with_gateway(ctx, lambda gateway: _send(gateway, wanted, dry_run, as_json))
    if as_json:
        common.print_json(document)
    else:
        _print_sent(document)
    if document["state"] in ("held", "refused", "cancelled", "failed", "expired"):
        ctx.exit(1)


async def _send(gateway: Gateway, wanted: _Wanted, dry_run: bool, as_json: bool) -> dict[str, Any]:
    from ringfence.gateway import bridge

    request = _request(gateway, wanted)
    if not as_json:
        _print_cost(_parts(request))
    if dry_run:
        proposed = await bridge.dry_run(gateway.kit, request)
        return {"dry_run": True, **_proposed_document(request.line, proposed)}
    answer = await bridge.send(gateway.kit, request)
    document = {
        "id": answer.message.id,
        "line": answer.message.line,
        "state": answer.message.status.value,
        "reasons": _reasons(answer.proposed, answer.message),
        "segments": answer.message.segments,
        "encoding": answer.message.encoding,
        "replayed": answer.replayed,
    }
    running = await common.gateway_answers(gateway)
    return document if running is None else document | {"gateway_running": running}


def _request(gateway: Gateway, wanted: _Wanted) -> SendRequest:
    from ringfence.gateway.bridge import SendRequest, templated
    from ringfence.gateway.templates import fill

    line = common.line_of(gateway.settings, wanted.account)
    urls = tuple(one for one in wanted.media if one.lower().startswith("https://"))
    files = [one for one in wanted.media if one not in urls]
    request = SendRequest(
        line=line,
        to=common.number_of(wanted.target, "--target"),
        body=wanted.text,
        initiator=common.actor(),
        media_urls=urls,
        uploads=tuple(_upload(line, name) for name in files),
        idempotency_key=wanted.key,
    )
    if not wanted.template:
        return request
    return templated(request, fill(gateway.kit, wanted.template, wanted.language, wanted.fields))


def _upload(line: Line, name: str) -> Upload:
    """A file as it is; its type is told from its name. The gate of `attach` judges type and size."""
    from ringfence.gateway.bridge import Upload

    if "://" in name:
        raise click.BadParameter(f"{name!r}: a file or an https URL", param_hint="--media")
    most = max(line.media.image_bytes_max, line.media.other_bytes_max)
    try:
        with Path(name).open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise click.BadParameter(f"{name!r}: {error.strerror}", param_hint="--media") from None
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Upload(kind, content)


def _parts(request: SendRequest) -> Sequence[Segments]:
    from ringfence.text.chunks import split
    from ringfence.text.plain import tidy
    from ringfence.text.segments import count

    return [count(text) for text in split(tidy(request.body), request.line.text_chunk_limit)]


def _print_cost(parts: Sequence[Segments]) -> None:
    """What it will cost, before it is sent."""
    if not parts:
        return
    segments = sum(part.segments for part in parts)
    encodings = " and ".join(dict.fromkeys(part.encoding.value for part in parts))
    many = f", in {len(parts)} messages" if len(parts) > 1 else ""
    click.echo(f"{segments} segment{'s' if segments != 1 else ''}, {encodings}{many}")


def _proposed_document(line: Line, proposed: Proposed) -> dict[str, Any]:
    return {
        "line": line.id,
        "state": proposed.status.value,
        "reasons": _reasons(proposed, None),
        "segments": sum(part.segments for part in proposed.parts),
        "encoding": " and ".join(dict.fromkeys(part.encoding.value for part in proposed.parts)),
        "parts": len(proposed.parts),
    }


def _reasons(proposed: Proposed | None, message: Message | None) -> list[dict[str, str]]:
    if proposed is not None:
        return [{"rule": r.rule, "code": r.code, "text": r.text} for r in proposed.reasons]
    text = message.reason if message is not None else ""
    return [{"rule": "", "code": text.partition(":")[0], "text": text}] if text else []


def _print_sent(document: dict[str, Any]) -> None:
    if document.get("dry_run"):
        click.echo(f"Would be {document['state']}; nothing was stored.")
    elif document["replayed"]:
        click.echo(
            f"This key was used already; the message {document['id']} is {document['state']}."
        )
    else:
        click.echo(f"{document['state']}: {document['id']}")
    for reason in document["reasons"]:
        click.echo(f"  {reason['code']}: {reason['text']}")
    if document["state"] == "queued" and document.get("gateway_running") is False:
        click.echo(
            "No gateway answers here; it goes out when one runs, within the line's lifetime."
        )


@command.command("list")
@click.option(
    "--limit", type=click.IntRange(1, LIMIT_MAX), default=20, show_default=True, help="How many."
)
@common.line_option
@click.option("--direction", type=click.Choice(["in", "out"]), help="Only these.")
@click.option(
    "--status", type=click.Choice([status.value for status in MessageStatus]), help="Only these."
)
@common.json_option
@click.pass_context
def list_(
    ctx: click.Context,
    limit: int,
    account: str | None,
    direction: str | None,
    status: str | None,
    as_json: bool,
) -> None:
    """Messages both ways, newest first; those of all lines without --account."""

    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        from ringfence.gateway.views import message_view

        line = common.line_of(gateway.settings, account).id if account else None
        wanted = MessageStatus(status) if status else None
        messages = await gateway.kit.store.read(
            lambda tx: tx.messages.listing(limit, line, direction, wanted)
        )
        return [message_view(message) for message in messages]

    rows = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"messages": rows})
        return
    for row in rows:
        row["number"] = row.get("to") or row.get("from")
    common.print_table(rows, LISTED, "No messages.")


@command.command("show")
@click.argument("message_id", metavar="ID")
@common.json_option
@click.pass_context
def show(ctx: click.Context, message_id: str, as_json: bool) -> None:
    """One message: its parts, what the provider reported, and every decision about it with the
    reasons."""

    async def work(gateway: Gateway) -> dict[str, Any]:
        from ringfence.gateway import bridge
        from ringfence.gateway.explain import message_story

        message = await bridge.message(gateway.kit, message_id)
        return await gateway.kit.store.read(lambda tx: message_story(tx, message))

    story = common.with_gateway(ctx, work)
    if as_json:
        common.print_json(story)
    else:
        _print_story(story)


def _print_story(story: dict[str, Any]) -> None:
    told_below = ("parts", "decisions", "attempts", "media")
    for key, value in story.items():
        if key not in told_below and value is not None:
            click.echo(f"{key:<12} {value}")
    for one in story["media"]:
        click.echo(f"attachment   {one['content_type'] or 'file'} {one['url'] or ''}".rstrip())
    for part in story["parts"]:
        code = f", error {part['error_code']}" if part["error_code"] else ""
        click.echo(f"part {part['part']}     {part['state']}, {part['status']}{code}  {part['id']}")
        for report in part["reports"]:
            code = f", error {report['error_code']}" if report["error_code"] else ""
            click.echo(f"  {report['at']}  {report['provider_status']}{code}")
    for decision in story["decisions"]:
        click.echo(f"decision     {decision['at']}  {decision['words']}")
    for attempt in story["attempts"]:
        detail = f" ({attempt['detail']})" if attempt["detail"] else ""
        click.echo(f"attempt {attempt['attempt']}    {attempt['at']}  {attempt['outcome']}{detail}")


@command.command("release")
@click.argument("message_id", metavar="ID")
@common.json_option
@click.pass_context
def release(ctx: click.Context, message_id: str, as_json: bool) -> None:
    """Let a message go that `ringfence stop` held. It is due at once, and the gate decides again
    when it is sent; it keeps the time at which it expires. Refused while the kill switch is still
    engaged, and for what the gate itself held."""

    async def work(gateway: Gateway) -> int:
        from ringfence.gateway.release import release as let_go

        kit, now, actor = gateway.kit, gateway.kit.clock.now(), common.actor()
        return await kit.store.write(lambda tx: let_go(kit, tx, message_id, actor, now))

    parts = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"id": message_id, "released": parts})
    else:
        click.echo(f"Released: {message_id}. It is due now; the gate decides again.")


@command.command("cancel")
@click.argument("message_id", metavar="ID")
@common.json_option
@click.pass_context
def cancel(ctx: click.Context, message_id: str, as_json: bool) -> None:
    """End a message that waits or is held. What was handed to the provider cannot be called back."""

    async def work(gateway: Gateway) -> None:
        from ringfence.gateway.release import cancel as end

        kit, now, actor = gateway.kit, gateway.kit.clock.now(), common.actor()
        await kit.store.write(lambda tx: end(kit, tx, message_id, actor, now))

    common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"id": message_id, "cancelled": True})
    else:
        click.echo(f"Cancelled: {message_id}.")
