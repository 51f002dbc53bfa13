"""`ringfence demo`: a simulated carrier, an agent and a gateway, nothing to configure and nothing to
pay. With --script the first minute plays by itself. Everything stays on this machine."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ringfence.cli import common

if TYPE_CHECKING:
    from ringfence.simulator.demo import Demo, Ports

PORT = click.IntRange(0, 65_535)
LATER = "A console in the browser comes later; until then people approve by text and by command."


@click.command("demo")
@click.option(
    "--script", is_flag=True, help="Play the first minute by itself, then end: 0 if all went well."
)
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep configuration and store there; otherwise in a temporary folder.",
)
@click.option("--public-port", type=PORT, default=0, help="For webhooks; a free one if not given.")
@click.option(
    "--private-port", type=PORT, default=0, help="For the bridge; a free one if not given."
)
@click.option(
    "--sim-port", type=PORT, default=0, help="For the simulated carrier; a free one if not given."
)
def command(
    script: bool, folder: Path | None, public_port: int, private_port: int, sim_port: int
) -> None:
    """Run a gateway with a simulated carrier and a demo agent, with nothing configured. Prints
    where the phones and the bridge are, and stays up until Ctrl-C."""
    from ringfence.simulator.demo import Ports

    ports = Ports(public_port, private_port, sim_port)
    folder = folder.expanduser().absolute() if folder is not None else None
    if script and folder is not None and (folder / "ringfence.db").exists():
        raise click.UsageError(f"The script begins with strangers; {folder} knows people already.")
    try:
        code = common.run(_demo(script, folder, ports))
    except OSError as error:
        raise click.ClickException(
            f"{error.strerror or error}; is another port or --dir free?"
        ) from error
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


async def _demo(script: bool, folder: Path | None, ports: Ports) -> int:
    """The exit code."""
    from ringfence.simulator.demo import surroundings

    async with _folder(folder) as chosen, surroundings(chosen, ports) as demo:
        return await (_script(demo) if script else _stay_up(demo))


@asynccontextmanager
async def _folder(folder: Path | None) -> AsyncIterator[Path]:
    from tempfile import TemporaryDirectory

    if folder is not None:
        yield folder
        return
    with TemporaryDirectory(prefix="ringfence-demo-", ignore_cleanup_errors=True) as made:
        yield Path(made)


async def _script(demo: Demo) -> int:
    import asyncio
    import signal

    from ringfence.simulator.demo_script import play
    from ringfence.simulator.demo_steps import StoryFailed

    playing = asyncio.ensure_future(play(demo, click.echo))
    # A cancelled story ends its gateway; a killed one could not.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, playing.cancel)
    try:
        await playing
    except StoryFailed as error:
        click.echo(f"✗ {error}", err=True)
        return 1
    except asyncio.CancelledError:
        click.echo("✗ interrupted", err=True)
        return 1
    click.echo(f"\nAll of it happened. {LATER}")
    return 0


async def _stay_up(demo: Demo) -> int:
    import asyncio
    import signal

    from ringfence import logs
    from ringfence.bootstrap import broken_part, open_gateway, running
    from ringfence.config import load
    from ringfence.store import claim_instance

    settings = load(demo.config_path, {})
    logs.configure(settings.logging.level, settings.logging.format)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for wanted in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(wanted, stop.set)
    path = settings.store.path
    assert path is not None, "the demo's store is a file"
    with claim_instance(path):
        async with open_gateway(settings) as gateway, running(gateway) as addresses:
            _introduce(demo)
            broken = await broken_part(stop, addresses)
            click.echo("Ending." if broken is None else f"Ending: {broken.get_name()} broke.")
    return 0 if broken is None else 1


def _introduce(demo: Demo) -> None:
    from ringfence.simulator.demo import ANN, BEN, FRIEND, OWNER, YOU

    program = "ringfence" if shutil.which("ringfence") else f"{sys.executable} -m ringfence"
    click.echo(f"""\
Ringfence runs: gateway, simulated carrier and demo agent, all on this machine.

  Your phone     {demo.handset(YOU)}
  A friend's     {demo.handset(FRIEND)}
  The owner's    {demo.handset(OWNER)}
  Bridge         {demo.private_url}/sms/send
  Webhooks       {demo.public_url}/webhooks/sms
  Configuration  {demo.config_path}

Open your phone in a browser and write something. As a stranger you get a code. Then, in another
terminal:

  export RINGFENCE_CONFIG={demo.config_path}
  {program} pairing approve sms CODE
  {program} voicecall call --to {YOU} --message "Hi! This is a test call."
  {program} message send --target sms:{FRIEND} --message "Hello from the operator"
  curl {demo.private_url}/sms/send -d '{{"to": "{FRIEND}", "body": "Hello from a program"}}'
  {program} message list
  {program} stop
  {program} resume
  {program} sim phone {FRIEND} --carrier {demo.world.base_url}

Ask the agent for something: text {FRIEND}: lunch?
Or press call on the page and talk with it; ask for the owner and answer on the owner's page. What is
said on calls, as it is said: {program} voicecall tail

An incident pages Ann, and calls Ben if she does not answer; before her word counts, her number is
verified:

  Ann's          {demo.handset(ANN)}
  Ben's          {demo.handset(BEN)}

  {program} oncall verify ann                 # then: --code, and the code from her phone
  {program} tokens create --name demo --kind events > events-token
  curl {demo.private_url}/api/v1/events/generic -H "Authorization: Bearer $(cat events-token)" \\
    -d '{{"id": "1", "type": "incident.opened", "severity": "critical", "title": "The shop is down"}}'
  {program} alerts list                       # she replies 1a; he presses 1, once verified too

{LATER}
Ctrl-C ends it.""")
