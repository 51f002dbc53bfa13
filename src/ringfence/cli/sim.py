"""`ringfence sim`: a simulated carrier on loopback, and `ringfence sim phone`: a handset in the
terminal. Imports nothing heavy until a command runs, so that `--help` stays quick."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import asyncio

    from ringfence.simulator.faults import Faults
    from ringfence.simulator.world import World, WorldSettings

PORT = 8899
NUMBER = "+15555550100"


@click.group("sim", invoke_without_command=True)
@click.option("--port", default=PORT, show_default=True, help="Loopback port; 0 picks a free one.")
@click.option(
    "--seed", default=1, show_default=True, help="SIDs, tokens and faults follow from it."
)
@click.option("--webhook", default="", metavar="URL", help="Where inbound messages are posted.")
@click.option("--fallback", default="", metavar="URL", help="Where they go when that fails.")
@click.option(
    "--voice",
    default="",
    metavar="URL",
    help="Where it asks about inbound calls, and tells of them.",
)
@click.option("--number", default=NUMBER, show_default=True, help="The account's number, E.164.")
@click.option("--account-sid", default="", help="Dealt from the seed if not given.")
@click.option("--auth-token", default="", help="Dealt from the seed if not given.")
@click.option(
    "--provider",
    type=click.Choice(["twilio", "telnyx", "plivo"]),
    default="twilio",
    show_default=True,
    help="Whose API and webhooks it has.",
)
@click.option("--trial", is_flag=True, help="Trial account: verified recipients only.")
@click.option("--no-callbacks", is_flag=True, help="Messages finish at once, nothing is reported.")
@click.option("--latency-ms", default=0.0, help="Time between taking a message and answering.")
@click.option(
    "--tunnel",
    multiple=True,
    metavar="PUBLIC=LOOPBACK",
    help="Deliver webhooks of a public origin to a loopback one, still signed for the public one.",
)
@click.option(
    "--fault",
    multiple=True,
    metavar="NAME=VALUE",
    help="A fault and its probability, e.g. callback_duplicated=0.1; may be repeated.",
)
@click.pass_context
def command(
    context: click.Context,
    port: int,
    seed: int,
    webhook: str,
    fallback: str,
    voice: str,
    number: str,
    account_sid: str,
    auth_token: str,
    provider: str,
    trial: bool,
    no_callbacks: bool,
    latency_ms: float,
    tunnel: tuple[str, ...],
    fault: tuple[str, ...],
) -> None:
    """Run a simulated carrier: a provider's REST API and signed webhooks, with handsets."""
    if context.invoked_subcommand is not None:
        return
    from ringfence.simulator.world import WorldSettings

    settings = WorldSettings(
        seed=seed,
        port=port,
        number=number,
        account_sid=account_sid,
        auth_token=auth_token,
        webhook_url=webhook,
        fallback_url=fallback,
        voice_url=voice,
        voice_status_url=voice,
        trial=trial,
        provider=provider,
        callbacks=not no_callbacks,
        faults=_faults(fault, latency_ms),
        tunnel=dict(_pair(text, "--tunnel") for text in tunnel),
    )
    _run(settings)


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(f"{text!r}: written NAME=VALUE", param_hint=option)
    return name, value


def _faults(given: tuple[str, ...], latency_ms: float) -> Faults:
    from ringfence.simulator.faults import Faults

    pairs = [_pair(text, "--fault") for text in given]
    try:
        changes = {name: float(value) for name, value in pairs}
        return Faults().changed({"latency_after_s": latency_ms / 1000, **changes})
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--fault") from error


def _run(settings: WorldSettings) -> None:
    import asyncio

    from ringfence.simulator.world import World

    try:
        world = World(settings)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--number") from error
    try:
        with asyncio.Runner(loop_factory=_fast_loop()) as runner:
            runner.run(_serve(world))
    except OSError as error:
        raise click.ClickException(f"port {settings.port}: {error.strerror}") from error
    except KeyboardInterrupt:
        return


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where there is one (not on Windows); None means asyncio's own."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


async def _serve(world: World) -> None:
    """Serve until SIGINT or SIGTERM."""
    import asyncio
    import signal

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with world:
        for wanted in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(wanted, stop.set)
            except NotImplementedError:  # Windows: Ctrl-C arrives as KeyboardInterrupt
                break
        click.echo(f"api          {world.base_url}")
        click.echo(f"handset      {world.base_url}/_sim/")
        for name, value in _credentials(world):
            click.echo(f"{name:<12} {value}")
        click.echo(f"number       {world.line.number}")
        click.echo(f"webhook      {world.line.sms.url or '(none: give --webhook URL)'}")
        await stop.wait()


def _credentials(world: World) -> list[tuple[str, str]]:
    """What a line needs to use it, by the provider."""
    from ringfence.simulator import plivo, telnyx, telnyx_call_events

    account = world.account
    if account.provider == plivo.PROVIDER:
        return [("auth id", account.sid), ("auth token", account.auth_token)]
    if world.profile is None:
        return [("account sid", account.sid), ("auth token", account.auth_token)]
    return [
        ("api key", account.auth_token),
        ("public key", telnyx.public_key(account)),
        ("profile", telnyx.uuid_of(world.profile.sid)),
        ("connection", telnyx_call_events.application_of(account)),
    ]


@command.command("phone")
@click.argument("number")
@click.option(
    "--carrier",
    default=f"http://127.0.0.1:{PORT}",
    show_default=True,
    metavar="URL",
    help="The simulated carrier's address, as `ringfence sim` or `ringfence demo` printed it.",
)
@click.option(
    "--to", default="", metavar="NUMBER", help="Whom to text; the carrier's first number."
)
@click.option(
    "--linger", default=2.0, show_default=True, help="Seconds to wait after the input ends."
)
def phone(number: str, carrier: str, to: str, linger: float) -> None:
    """A phone in the terminal. Lines typed are sent, received texts are printed; /quit ends."""
    import asyncio

    from ringfence.simulator.sids import E164
    from ringfence.simulator.terminal import CarrierUnreachable, TerminalPhone

    for value in filter(None, (number, to)):
        if not E164.fullmatch(value):
            raise click.BadParameter(f"{value!r}: written in E.164, like +15555550111")
    handset = TerminalPhone(number, carrier, to, click.echo, linger)
    if sys.stdin.isatty():
        click.echo(f"{number} is on. Type a text and press Enter; /quit ends.")
    try:
        asyncio.run(handset.run(_typed_lines()))
    except CarrierUnreachable as error:
        raise click.ClickException(f"{error} (start one with: ringfence sim)") from error
    except KeyboardInterrupt:
        return


async def _typed_lines() -> AsyncIterator[str]:
    """Lines of standard input, read in a daemon thread so that leaving never waits for a key."""
    import asyncio
    import threading

    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def put(line: str | None) -> None:
        try:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        except RuntimeError:
            return  # the loop has ended, and nobody listens any more

    def read() -> None:
        for line in sys.stdin:
            put(line.rstrip("\r\n"))
        put(None)

    threading.Thread(target=read, daemon=True, name="keyboard").start()
    while (line := await lines.get()) is not None:
        yield line
