"""Writes the reference pages that come from the code: `python docs/generate.py`, or `--check` to
tell which are out of date (a test does). Edit the code, not these pages."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from ringfence.cli import COMMANDS, main
from ringfence.config.reference import render as render_configuration
from ringfence.model import errors
from ringfence.model.line import AccessPolicy, Purpose
from ringfence.policy.policy import discover
from ringfence.providers import providers

REFERENCE = Path(__file__).resolve().parent / "reference"
MADE = "<!-- Made by docs/generate.py; edit the code, not this page. -->\n\n"


def commands() -> str:
    """Every command with its options, as `--help` says it."""
    lines = [
        "# Commands\n",
        "Exit codes: 0 done, 1 refused or failed, 2 wrong usage. Every listing takes `--json`.\n",
    ]
    # As click makes it when it runs: `-h` is inherited from the group's settings.
    context = click.Context(main, info_name="ringfence", **main.context_settings)
    lines += ["```text", main.get_help(context), "```\n"]
    for name in sorted(COMMANDS):
        command = main.get_command(context, name)
        assert command is not None, name
        lines += _command(command, context, name)
    return "\n".join(lines)


def _command(command: click.Command, parent: click.Context, name: str) -> Iterator[str]:
    context = click.Context(command, parent=parent, info_name=name)
    depth = context.command_path.count(" ") + 1
    yield f"{'#' * min(depth, 4)} `{context.command_path}`\n"
    yield "```text"
    yield command.get_help(context)
    yield "```\n"
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None, below
            yield from _command(found, context, below)


def error_codes() -> str:
    """Every error: code, HTTP status, who can mend it, whether trying again helps."""
    lines = [
        "# Errors\n",
        "Problem documents (RFC 9457) name one of these codes; `detail` says what to do.\n",
        "| code | status | blame | retry | words |",
        "|---|---|---|---|---|",
    ]
    classes = [
        found
        for _, found in inspect.getmembers(errors, inspect.isclass)
        if issubclass(found, errors.RingfenceError)
    ]
    for found in sorted(classes, key=lambda one: one.__name__):
        words = (found.__doc__ or "").strip().splitlines()[0]
        code = "".join("_" + c.lower() if c.isupper() else c for c in found.__name__).lstrip("_")
        retry = "yes" if found.retryable else "no"
        lines.append(
            f"| `{code}` | {found.http_status} | {found.blame.value} | {retry} | {words} |"
        )
    return "\n".join(lines) + "\n"


def policy() -> str:
    """Every rule in plain words."""
    lines = [
        "# Policy\n",
        "Every rule sees the same facts and gives its own verdict: ALLOW, HOLD (a person, or time,",
        "decides) or DENY. The strictest wins. A rule that fails counts as DENY; no rules means DENY.",
        "The gate decides when a message is proposed, and again in the transaction that claims it for",
        "sending.\n",
        "| rule | in plain words |",
        "|---|---|",
    ]
    lines += [f"| `{rule.name}` | {rule.explain} |" for rule in discover()]
    lines += ["\n## Purposes of a line\n", ", ".join(f"`{one.value}`" for one in Purpose) + ".\n"]
    lines += ["## Who may write in (`dmPolicy`)\n"]
    lines += [", ".join(f"`{one.value}`" for one in AccessPolicy) + ".\n"]
    return "\n".join(lines)


def provider_matrix() -> str:
    """What each provider can do, from its codec."""
    codecs = providers()
    names = list(inspect.signature(type(codecs["twilio"].capabilities)).parameters)
    lines = ["# Providers\n", "| provider | " + " | ".join(names) + " |"]
    lines.append("|---" * (len(names) + 1) + "|")
    for codec in codecs.values():
        cells = ["yes" if getattr(codec.capabilities, name) else "no" for name in names]
        lines.append(f"| {codec.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "configuration.md": render_configuration,
    "errors.md": error_codes,
    "policy.md": policy,
    "providers.md": provider_matrix,
}


def stale() -> list[str]:
    """The pages that differ from what the code says."""
    return [
        name
        for name, render in PAGES.items()
        if not (REFERENCE / name).is_file()
        or (REFERENCE / name).read_text(encoding="utf-8") != MADE + render()
    ]


if __name__ == "__main__":
    if "--check" in sys.argv:
        behind = stale()
        print("\n".join(f"out of date: docs/reference/{name}" for name in behind) or "up to date")
        sys.exit(bool(behind))
    REFERENCE.mkdir(exist_ok=True)
    for page, made in PAGES.items():
        (REFERENCE / page).write_text(MADE + made(), encoding="utf-8")
        print(f"docs/reference/{page}")
