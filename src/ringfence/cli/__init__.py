"""The command line, one file per command group. Each is imported only when it is called, so that
`ringfence --help` stays quick. Exit codes: 0 done, 1 refused or failed, 2 wrong usage."""

from __future__ import annotations

import importlib
from pathlib import Path

import click

import ringfence

# Where a call keeps its --profile, for `common.environ`.
PROFILE = "ringfence.profile"

# Name → (module, what `--help` says, so that help need not import it).
COMMANDS = {
    "alerts": ("alerts", "Alerts: list, show, ack, escalate, resolve, note."),
    "audit": ("audit", "The log of every decision and effect: look, show one, verify, export."),
    "backup": ("backup", "Copy the store while the gateway runs, and check the copy."),
    "channels": ("channels", "Lines: list, capabilities, status, dead letters."),
    "config": ("config", "Read, check and change the configuration."),
    "consent": ("consent", "Who agreed to what: list, show, grant, revoke, import, export, ask."),
    "contacts": ("contacts", "A person's data: export, erase, zone."),
    "demo": ("demo", "Gateway, simulated carrier and demo agent; nothing to configure."),
    "doctor": ("doctor", "Check everything and say what to do."),
    "drafts": ("drafts", "Messages that wait for a yes: list, show, approve, edit, reject."),
    "events": ("events", "What sources said, and what became of it: list, show."),
    "flows": ("flows", "Flows: list, show, test with an event."),
    "gateway": ("gateway", "Run the gateway."),
    "grants": ("grants", "What an agent may do without asking: add, list, show, revoke."),
    "intakes": ("intakes", "What people answered to a line's questions: list."),
    "maintenance": ("maintenance", "Times in which nobody is told: list, begin, end."),
    "message": ("message", "Send a message; look at messages."),
    "oncall": ("oncall", "Who is on call: show, shifts, gaps, overrides, feed, verify."),
    "pairing": ("pairing", "Strangers who ask to write in: list, approve, dismiss, block."),
    "pauses": ("pauses", "People nothing automatic goes to: list, add, lift."),
    "planned": ("planned", "Messages that flows owe people: list, show, cancel."),
    "policy": ("policy", "What the rules say: show, explain, backtest."),
    "resume": ("halt", "Release a kill switch."),
    "sim": ("sim", "The simulated carrier, and phones on it."),
    "stop": ("halt", "Engage a kill switch: nothing it covers leaves any more."),
    "templates": ("templates", "Templates: list, show, lint, preview."),
    "tickets": ("tickets", "Tickets of alerts: list, show, dead letters, resubmit."),
    "tokens": ("tokens", "Tokens for people and programs: create, list, revoke."),
    "voicecall": (
        "voicecall",
        "Calls: place one, take a hand in it, end it, follow it, set them up.",
    ),
}


class LazyGroup(click.Group):
    """Finds a command in its module's `command`, or the attribute of its own name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"ringfence.cli.{COMMANDS[cmd_name][0]}")
        command = getattr(module, cmd_name, None) or module.command
        assert isinstance(command, click.Command), cmd_name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, text) for name, (_, text) in sorted(COMMANDS.items())]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(ringfence.__version__, prog_name="ringfence")
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The JSON5 file (default: RINGFENCE_CONFIG, else ~/.ringfence/ringfence.json5).",
)
@click.option(
    "--profile",
    type=click.Choice(["production", "staging"]),
    help="Which profile of the file (default: RINGFENCE_PROFILE, else the file's `profile`).",
)
@click.pass_context
def main(ctx: click.Context, config_path: Path | None, profile: str | None) -> None:
    """Ringfence: a phone number for an agent. A phone number is not permission."""
    ctx.obj = config_path
    ctx.meta[PROFILE] = profile
