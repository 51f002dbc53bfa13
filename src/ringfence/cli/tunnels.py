"""Which programs make the public door reachable, word by word: Tailscale serve and funnel, ngrok,
cloudflared. Values only; nothing is run here. What is mounted together is undone together: a webhook
without its media path takes calls in which nobody speaks."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

START_S = 30.0
"""How long a program has to say where it is reachable, and each command to end."""
STOP_S = 5.0
"""How long it has to end when asked, before it is made to."""
_URL = re.compile(r"https://[A-Za-z0-9.-]+\.[A-Za-z]{2,}(?::[0-9]+)?")
_OF_NGROK = ("started tunnel",)


@dataclass(frozen=True, slots=True)
class Mount:
    """A path outside and the one of the public door it leads to; what for."""

    what: str
    path: str
    local: str


@dataclass(frozen=True, slots=True)
class Step:
    """A command that ends by itself, and the one that takes it back."""

    does: tuple[str, ...]
    undoes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What makes the mounts reachable. `steps` are run in order and taken back in the other; `stays` is
    a program that runs for as long as the tunnel is wanted, `asks` tells the address where no program
    prints it. `public` is false where no provider on the internet could reach it."""

    steps: tuple[Step, ...] = ()
    stays: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    public: bool = True


def tailscale(mode: str, mounts: Sequence[Mount], port: int) -> Plan:
    """`mode` is serve (the tailnet alone) or funnel (the internet)."""
    steps = tuple(
        Step(
            (
                *("tailscale", mode, "--bg", "--yes", "--https=443", f"--set-path={one.path}"),
                f"http://127.0.0.1:{port}{one.local}",
            ),
            _off(mode, one),
        )
        for one in mounts
    )
    return Plan(steps, asks=("tailscale", "status", "--json"), public=mode == "funnel")


def tailscale_off(mounts: Sequence[Mount]) -> Plan:
    """Takes both kinds away; what was not there is no failure."""
    return Plan(tuple(Step(_off(mode, one), ()) for mode in ("funnel", "serve") for one in mounts))


def ngrok(port: int, domain: str) -> Plan:
    """All paths at once. With `domain` at that name of the account."""
    named = (f"--url=https://{domain}",) if domain else ()
    where = f"http://127.0.0.1:{port}"
    return Plan(stays=("ngrok", "http", *named, "--log=stdout", "--log-format=json", where))


def cloudflared(port: int) -> Plan:
    """All paths at once, at a name that is another one each time."""
    where = f"http://127.0.0.1:{port}"
    return Plan(stays=("cloudflared", "tunnel", "--no-autoupdate", "--url", where))


def address_in(program: str, line: str) -> str:
    """The public address that a line of a program's log names; empty where it names none."""
    if program == "ngrok":
        return _ngrok_address(line)
    found = _URL.search(line)
    return found.group() if found is not None and "trycloudflare.com" in found.group() else ""


def tailscale_address(status: str) -> str:
    """The machine's address in what `tailscale status --json` prints. Raises ValueError."""
    try:
        name = json.loads(status)["Self"]["DNSName"]
    except (ValueError, KeyError, TypeError):
        raise ValueError("tailscale does not say what this machine is called") from None
    if not isinstance(name, str) or not name.strip("."):
        raise ValueError("this machine has no name in a tailnet; is it logged in?")
    return f"https://{name.rstrip('.')}"


def _off(mode: str, mount: Mount) -> tuple[str, ...]:
    return ("tailscale", mode, "--https=443", f"--set-path={mount.path}", "off")


def _ngrok_address(line: str) -> str:
    try:
        entry = json.loads(line)
    except ValueError:
        return ""
    if not isinstance(entry, dict) or entry.get("msg") not in _OF_NGROK:
        return ""
    found = _URL.fullmatch(str(entry.get("url", "")))
    return found.group() if found is not None else ""
