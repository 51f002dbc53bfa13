"""`ringfence pairing`: strangers who asked to write in. Approving is an operator's act at this
command line and never an agent's (P2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import click

from ringfence.cli import common

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ringfence.bootstrap import Gateway
    from ringfence.gateway.equipment import Equipment
    from ringfence.model.contact import PairingRequest
    from ringfence.model.line import Line
    from ringfence.model.phone import PhoneNumber
    from ringfence.ports import Tx

LISTED = ("line", "from", "code", "asked_at", "expires_at", "messages", "answered")

channel_argument = click.argument(
    "channel", required=False, type=click.Choice(common.CHANNELS, case_sensitive=False)
)
words_argument = click.argument("words", nargs=-1, required=True, metavar="[sms] CODE")
notify_option = click.option(
    "--notify", is_flag=True, help="Text the person that they are connected."
)


@click.group("pairing")
def command() -> None:
    """Strangers who ask to write in: list, approve, dismiss, block."""


@command.command("list")
@channel_argument
@click.option("--blocked", is_flag=True, help="Show the block list instead.")
@common.line_option
@common.json_option
@click.pass_context
def list_(
    ctx: click.Context, channel: str | None, blocked: bool, account: str | None, as_json: bool
) -> None:
    """Pending requests of all lines (or of --account), oldest first. The channel word is optional."""

    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        from ringfence.gateway.views import pairing_view

        line = common.line_of(gateway.settings, account).id if account else None
        now = gateway.kit.clock.now()
        store = gateway.kit.store
        if blocked:
            people = await store.read(lambda tx: tx.people.blocked())
            return [{"from": one.number.e164, "contact": one.contact_id} for one in people]
        return [
            pairing_view(request)
            for request in await store.read(lambda tx: tx.access.requests(line, now))
        ]

    rows = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"blocked" if blocked else "requests": rows})
    elif blocked:
        common.print_table(rows, ("from", "contact"), "Nobody is blocked.")
    else:
        common.print_table(rows, LISTED, "Nobody is waiting.")


@command.command("approve")
@words_argument
@notify_option
@common.line_option
@common.json_option
@click.pass_context
def approve(
    ctx: click.Context, words: tuple[str, ...], notify: bool, account: str | None, as_json: bool
) -> None:
    """Let the person behind CODE write to the line. Upper or lower case is the same. Without
    --account the code is looked for on the default line first, then on the others."""

    def act(kit: Equipment, tx: Tx, line: Line, code: str, now: datetime) -> PairingRequest:
        from ringfence.gateway import pairing

        return pairing.approve(kit, tx, line, code, common.actor(), notify, now)

    request = _with_code(ctx, account, _code(words), act)
    said = "approved" + (" and told so" if notify else "")
    _print_done(request, said, as_json)


@command.command("dismiss")
@words_argument
@common.line_option
@common.json_option
@click.pass_context
def dismiss(ctx: click.Context, words: tuple[str, ...], account: str | None, as_json: bool) -> None:
    """Remove a request without answering. The next message from there opens a new one; to refuse
    for good, use `pairing block`."""

    def act(kit: Equipment, tx: Tx, line: Line, code: str, now: datetime) -> PairingRequest:
        from ringfence.gateway import pairing

        return pairing.dismiss(kit, tx, line, code, common.actor(), now)

    _print_done(_with_code(ctx, account, _code(words), act), "dismissed", as_json)


@command.command("block")
@click.argument("words", nargs=-1, required=True, metavar="[sms] CODE|NUMBER")
@common.line_option
@common.json_option
@click.pass_context
def block(ctx: click.Context, words: tuple[str, ...], account: str | None, as_json: bool) -> None:
    """Block a person on every line, by pairing CODE or by NUMBER (E.164). What is waiting for them
    is cancelled; their messages are kept and nobody answers."""
    word = _code(words)
    number = common.number_of(word) if _is_number(word) else None

    async def work(gateway: Gateway) -> tuple[PhoneNumber, int]:
        lines = _lines(gateway, account)
        now = gateway.kit.clock.now()
        return await gateway.kit.store.write(
            lambda tx: _block(gateway.kit, tx, lines, word, number, now)
        )

    blocked, cancelled = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"from": blocked.e164, "blocked": True, "cancelled": cancelled})
    else:
        click.echo(f"{blocked.e164} is blocked on every line. Cancelled messages: {cancelled}.")


@command.command("unblock")
@click.argument("number")
@common.json_option
@click.pass_context
def unblock(ctx: click.Context, number: str, as_json: bool) -> None:
    """Take NUMBER (E.164) off the block list. They must pair again if they were not paired."""
    person = common.number_of(number)

    async def work(gateway: Gateway) -> None:
        from ringfence.gateway import halt

        kit = gateway.kit
        now = kit.clock.now()
        await kit.store.write(lambda tx: halt.unblock(kit, tx, person, common.actor(), now))

    common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"from": person.e164, "blocked": False})
    else:
        click.echo(f"{person.e164} is no longer blocked.")


@command.command("revoke")
@click.argument("number")
@common.line_option
@common.json_option
@click.pass_context
def revoke(ctx: click.Context, number: str, account: str | None, as_json: bool) -> None:
    """Take the approval of NUMBER (E.164) back on one line. What is waiting for them there is
    cancelled; their next message opens a new request."""
    person = common.number_of(number)

    async def work(gateway: Gateway) -> tuple[str, int]:
        from ringfence.gateway import pairing

        kit, line = gateway.kit, common.line_of(gateway.settings, account)
        now = kit.clock.now()
        cancelled = await kit.store.write(
            lambda tx: pairing.revoke(kit, tx, line, person, common.actor(), now)
        )
        return line.id, cancelled

    line_id, cancelled = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"from": person.e164, "line": line_id, "cancelled": cancelled})
    else:
        click.echo(
            f"{person.e164} may no longer write to {line_id}. Cancelled messages: {cancelled}."
        )


class _Act(Protocol):
    def __call__(
        self, kit: Equipment, tx: Tx, line: Line, code: str, now: datetime
    ) -> PairingRequest: ...


def _with_code(ctx: click.Context, account: str | None, code: str, act: _Act) -> PairingRequest:
    async def work(gateway: Gateway) -> PairingRequest:
        kit = gateway.kit
        lines, now = _lines(gateway, account), kit.clock.now()
        return await kit.store.write(_on_its_line(kit, lines, code, now, act))

    return common.with_gateway(ctx, work)


def _on_its_line(
    kit: Equipment, lines: list[Line], code: str, now: datetime, act: _Act
) -> Callable[[Tx], PairingRequest]:
    def job(tx: Tx) -> PairingRequest:
        from ringfence.gateway.pairing import line_with

        return act(kit, tx, line_with(tx, lines, code, now), code, now)

    return job


def _lines(gateway: Gateway, account: str | None) -> list[Line]:
    """The named line alone, or all with the default one first. Exits with 2 when there is none."""
    first = common.line_of(gateway.settings, account)
    if account:
        return [first]
    return [first, *(line for line in gateway.settings.lines if line.id != first.id)]


def _block(
    kit: Equipment, tx: Tx, lines: list[Line], word: str, number: PhoneNumber | None, now: datetime
) -> tuple[PhoneNumber, int]:
    from ringfence.gateway import halt, pairing

    actor = common.actor()
    if number is None:
        line = pairing.line_with(tx, lines, word, now)
        number = pairing.dismiss(kit, tx, line, word, actor, now).number
    pending = tx.access.pending([(line.id, number) for line in lines], now)
    for line in lines:
        if (request := pending.get((line.id, number))) is not None:
            pairing.dismiss(kit, tx, line, request.code, actor, now)
    return number, halt.block(kit, tx, number, actor, now)


def _code(words: tuple[str, ...]) -> str:
    """`CODE` or `sms CODE`."""
    if len(words) == 1:
        return words[0]
    if len(words) == 2 and words[0].lower() in common.CHANNELS:
        return words[1]
    raise click.UsageError("Give the code, or the channel and the code: pairing approve sms CODE.")


def _is_number(word: str) -> bool:
    return "+" in word


def _print_done(request: PairingRequest, said: str, as_json: bool) -> None:
    if as_json:
        common.print_json(
            {"line": request.line, "from": request.number.e164, "code": request.code, "done": said}
        )
    else:
        click.echo(f"{request.number.e164} is {said} on line {request.line}.")
