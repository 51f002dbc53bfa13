"""`ringfence voicecall expose`: makes the addresses of calls reachable by a program of the operator's,
the webhook and the media path together, and takes both back together when one of them fails. The
private listener is never among them."""

from __future__ import annotations

import shlex
import subprocess
import threading
from dataclasses import dataclass
from queue import Empty, Queue
from typing import TYPE_CHECKING

import click

from ringfence.cli import common, tunnels
from ringfence.cli.tunnels import START_S, STOP_S, Mount, Plan, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ringfence.config import Settings

_TAILSCALE, _NGROK, _CLOUDFLARED = "tailscale", "ngrok", "cloudflared"


@click.command("expose")
@click.option(
    "--with",
    "program",
    type=click.Choice([_TAILSCALE, _NGROK, _CLOUDFLARED]),
    default=_TAILSCALE,
    show_default=True,
    help="By which program; it must be installed and logged in.",
)
@click.option(
    "--mode",
    type=click.Choice(["off", "serve", "funnel"]),
    default="funnel",
    show_default=True,
    help="Of Tailscale: for the internet (funnel), the tailnet alone (serve), or not any more.",
)
@click.option("--path", metavar="PATH", help="Of Tailscale: the webhook's path outside.")
@click.option(
    "--port", type=click.IntRange(1, 65_535), help="The public listener's; of the configuration."
)
@click.option("--serve-path", metavar="PATH", help="The webhook's path here; of the line.")
@click.option("--domain", default="", metavar="NAME", help="Of ngrok: a domain of the account.")
@common.line_option
@click.option("--dry-run", is_flag=True, help="Print the commands; run nothing.")
@click.pass_context
def expose(
    ctx: click.Context,
    program: str,
    mode: str,
    path: str | None,
    port: int | None,
    serve_path: str | None,
    domain: str,
    account: str | None,
    dry_run: bool,
) -> None:
    """Make the addresses of calls reachable from the internet: the webhook's and, where sound is
    streamed, the media sockets', both or neither. Prints what to set as publicUrl. ngrok and
    cloudflared run until Ctrl-C; Tailscale goes on by itself until `--mode off`."""
    chosen = common.settings(ctx)
    mounts = _mounts(chosen, account, path, serve_path)
    plan = _plan(program, mode, mounts, port or _port(chosen), domain)
    if dry_run:
        for words in (*(step.does for step in plan.steps), plan.stays):
            if words:
                click.echo(shlex.join(words))
        return
    if plan.stays:
        _stay(program, plan.stays, lambda address: _told(address, mounts, plan))
        return
    mount_all(plan.steps, stop_at_failure=mode != "off")
    if mode == "off":
        click.echo("Not reachable any more.")
    else:
        _told(_tailscale_address(plan), mounts, plan)


def _mounts(
    chosen: Settings, account: str | None, path: str | None, serve_path: str | None
) -> list[Mount]:
    voice = common.line_of(chosen, account).voice
    if voice is None and serve_path is None:
        raise click.UsageError(
            "This line has no channels.voice; write it first, or give --serve-path."
        )
    local = serve_path or (voice.webhook_path if voice is not None else "")
    mounts = [Mount("webhook", path or local, local)]
    if voice is not None and voice.has_sockets:
        from ringfence.config.voices import STREAM_PATH

        media = STREAM_PATH if voice.stream is None else voice.stream.path
        mounts.append(Mount("media", media, media))
    for one in mounts:
        if not one.path.startswith("/") or not one.local.startswith("/"):
            raise click.BadParameter("a path begins with /", param_hint="--path, --serve-path")
    return mounts


def _port(chosen: Settings) -> int:
    if chosen.gateway.public_port == 0:
        raise click.UsageError("gateway.publicPort is 0, any free one: give --port.")
    return chosen.gateway.public_port


def _plan(program: str, mode: str, mounts: Sequence[Mount], port: int, domain: str) -> Plan:
    if program == _TAILSCALE:
        off = mode == "off"
        return tunnels.tailscale_off(mounts) if off else tunnels.tailscale(mode, mounts, port)
    if any(one.path != one.local for one in mounts):
        raise click.UsageError("--path is Tailscale's alone: the others pass every path as it is.")
    return tunnels.ngrok(port, domain) if program == _NGROK else tunnels.cloudflared(port)


def _told(address: str, mounts: Iterable[Mount], plan: Plan) -> None:
    for one in mounts:
        scheme = "wss" if one.what == "media" else "https"
        click.echo(f"{one.what:<8} {scheme}{address.removeprefix('https')}{one.path}")
    webhook = next(one for one in mounts if one.what == "webhook")
    click.echo(f"Set channels.voice.publicUrl to {address}{webhook.path}")
    if not plan.public:
        click.echo("Only the tailnet reaches it; a provider needs --mode funnel.")


# -- running -----------------------------------------------------------------------------------


def mount_all(steps: Sequence[Step], *, stop_at_failure: bool) -> None:
    """All of them, or none: where one fails, it and those before it are taken back. Raises
    ClickException."""
    for n, step in enumerate(steps):
        try:
            why = _run(step.does)
        except KeyboardInterrupt:
            _take_back(steps[: n + 1])
            raise
        if why and stop_at_failure:
            # It may have done its work and failed afterwards; that it did not is no failure of ours.
            _run(step.undoes)
            left = _take_back(steps[:n])
            also = f"Take back by hand: {'; '.join(left)}" if left else "Nothing is mounted."
            raise click.ClickException(f"{shlex.join(step.does)}: {why}. {also}")


def _take_back(steps: Sequence[Step]) -> list[str]:
    """Answers the commands that failed."""
    return [shlex.join(one.undoes) for one in reversed(steps) if _run(one.undoes)]


def _run(words: Sequence[str]) -> str:
    """Why it failed; empty when it did not."""
    try:
        ended = subprocess.run(  # noqa: S603 - argv of our own, no shell
            words,
            capture_output=True,
            text=True,
            timeout=START_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        return f"{words[0]} is not installed"
    except OSError as error:
        return str(error.strerror)
    except subprocess.TimeoutExpired:
        return f"no end within {START_S:g} s"
    if ended.returncode == 0:
        return ""
    said = " ".join((ended.stderr or ended.stdout).split())[:300]
    return f"exit code {ended.returncode} {said}".strip()


def _tailscale_address(plan: Plan) -> str:
    """Undoes everything where nobody could be told the address."""
    try:
        ended = subprocess.run(  # noqa: S603 - argv of our own, no shell
            plan.asks, capture_output=True, text=True, timeout=START_S, check=False
        )
        return tunnels.tailscale_address(ended.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        _take_back(plan.steps)
        raise click.ClickException(f"{error}. Nothing is mounted.") from None


def _stay(program: str, words: Sequence[str], told: Callable[[str], None]) -> None:
    """Run it until it ends or Ctrl-C. Raises ClickException when it says no address in time."""
    try:
        running = subprocess.Popen(  # noqa: S603 - argv of our own, no shell
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
        )
    except FileNotFoundError:
        raise click.ClickException(f"{program} is not installed.") from None
    try:
        address = _Log(program, running).address()
        if not address:
            ended = running.poll()
            why = "ended" if ended is not None else f"did not say within {START_S:g} s where it is"
            raise click.ClickException(f"{program} {why}; run it by hand to see why.")
        told(address)
        click.echo("Ctrl-C ends it.")
        code = running.wait()
        raise click.ClickException(f"{program} ended with exit code {code}.")
    except KeyboardInterrupt:
        click.echo("Not reachable any more.")
    finally:
        _end(running)


@dataclass(slots=True)
class _Log:
    """A program's log, read to its end so that the program is never kept waiting."""

    program: str
    running: subprocess.Popen[str]

    def address(self) -> str:
        """The one it names first; empty where it names none in time."""
        found: Queue[str] = Queue()
        threading.Thread(target=self._read, args=(found,), daemon=True).start()
        try:
            return found.get(timeout=START_S)
        except Empty:
            return ""

    def _read(self, found: Queue[str]) -> None:
        assert self.running.stdout is not None, "it was asked for"
        for line in self.running.stdout:
            if address := tunnels.address_in(self.program, line):
                found.put(address)
        found.put("")


def _end(running: subprocess.Popen[str]) -> None:
    running.terminate()
    try:
        running.wait(STOP_S)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()
