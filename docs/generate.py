"""Writes the reference pages that come from the code: `python docs/generate.py`, or `--check` to
tell which are out of date (a test does). Edit the code, not these pages."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

import click

from ringfence.cli import COMMANDS, main
from ringfence.config.reference import render as render_configuration
from ringfence.gateway.figures import BOUNDS_S
from ringfence.gateway.finals import OUTCOMES
from ringfence.gateway.selfaudit import CODES
from ringfence.model import errors
from ringfence.model.draft import Category
from ringfence.model.line import AccessPolicy, Purpose
from ringfence.model.verdict import Act
from ringfence.policy.policy import discover
from ringfence.policy.presets import PRESETS
from ringfence.policy.rule import Looser, Rule
from ringfence.policy.rules.purpose import WORDS as PURPOSE_WORDS
from ringfence.providers import call_providers, media_dialects, providers
from ringfence.web.measures import MEASURES

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
    """Every rule in plain words, each with its page; the purposes as presets."""
    lines = [
        "# Policy\n",
        "Every rule sees the same facts and gives its own verdict: ALLOW, HOLD (a person, or time,",
        "decides) or DENY. The strictest wins. A rule that fails counts as DENY; no rules means DENY.",
        "The gate decides when a message is proposed, and again in the transaction that claims it for",
        "sending.\n",
        "| rule | in plain words |",
        "|---|---|",
    ]
    lines += [f"| [`{rule.name}`](policy/{rule.name}.md) | {rule.explain} |" for rule in discover()]
    lines += [
        "\nSettings stand under `policy` for all lines, and under `channels.sms.policy` (or an",
        "account's `policy`) for one, which wins.\n",
        "## Purposes of a line\n",
        "A purpose is a preset of these settings, and the rule [`purpose`](policy/purpose.md), which",
        "no setting softens. A line may tighten its preset freely; what it loosens `ringfence doctor`",
        "shows.\n",
        *_presets(),
        "\n## Who may write in (`dmPolicy`)\n",
        ", ".join(f"`{one.value}`" for one in AccessPolicy) + ".\n",
    ]
    return "\n".join(lines)


def _presets() -> Iterator[str]:
    """The settings in which purposes differ from each other or from the rules' defaults."""
    yield "| setting | " + " | ".join(f"`{one.value}`" for one in Purpose) + " |"
    yield "|---" * (len(Purpose) + 1) + "|"
    words = [PURPOSE_WORDS[one] for one in Purpose]
    yield "| [`purpose`](policy/purpose.md) | " + " | ".join(words) + " |"
    for rule in discover():
        for entry in _settings(rule):
            cells = [_of_preset(one, rule, entry.name) for one in Purpose]
            if any(entry.name in PRESETS[one].get(rule.name, {}) for one in Purpose):
                yield f"| `{_key(rule, entry)}` | " + " | ".join(map(_shown, cells)) + " |"


def _of_preset(purpose: Purpose, rule: Rule, name: str) -> Any:
    return PRESETS[purpose].get(rule.name, {}).get(name, getattr(rule.settings, name))


def rule_page(rule: Rule) -> str:
    """One rule: what it says, about what, and what can be set."""
    lines = [
        f"# The rule `{rule.name}`\n",
        f"{rule.explain}\n",
        f"Asked about: {', '.join(act.value for act in Act if act in rule.acts)}.\n",
        "A HOLD of it without a time is met by a person's yes to that very text"
        + (
            ", or by an operator's grant.\n" if rule.grantable else "; no grant stands in for it.\n"
        ),
    ]
    said = sorted(_said(rule))
    if said:
        lines += ["## What it says\n", "| code | verdict | words |", "|---|---|---|"]
        lines += [f"| `{code}` | {verdict} | {words} |" for code, verdict, words in said]
        lines.append("")
    lines += ["## Settings\n"]
    entries = list(_settings(rule))
    if entries:
        lines += [
            "| setting | default | lets more through | meaning |",
            "|---|---|---|---|",
        ]
        for entry in entries:
            meta = entry.metadata
            default = _shown(getattr(rule.settings, entry.name))
            lines.append(
                f"| `{_key(rule, entry)}` | {default} | {LOOSER[meta['looser']]} | {meta['meaning']} |"
            )
        lines.append("")
    taken = [one for one in dataclasses.fields(rule.settings or _Nothing()) if one not in entries]
    for entry in taken:
        words = entry.metadata["meaning"]
        lines.append(f"Of the line itself: `{entry.metadata['from_line']}`. {words}\n")
    if not entries and not taken:
        lines.append("There is nothing to set.\n")
    lines.append("[All rules](../policy.md)")
    return "\n".join(lines) + "\n"


@dataclasses.dataclass(frozen=True)
class _Nothing:
    """The settings of a rule without any."""


def _settings(rule: Rule) -> Iterator[dataclasses.Field[Any]]:
    for entry in dataclasses.fields(rule.settings or _Nothing()):
        if not entry.metadata["from_line"]:
            yield entry


def _key(rule: Rule, entry: dataclasses.Field[Any]) -> str:
    return f"{_camel(rule.name)}.{_camel(entry.name)}"


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple | frozenset):
        return ", ".join(f"`{_shown(one)}`" for one in value) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_shown(one)}" for name, one in value.items()) or "none"
    return f"{value:,}" if isinstance(value, int | float) else str(value) or "none"


def _said(rule: Rule) -> set[tuple[str, str, str]]:
    """The codes a rule's file gives, with their verdicts and words, read from its source."""
    tree = ast.parse(inspect.getsource(inspect.getmodule(rule.judge)))  # type: ignore[arg-type]
    verdicts = {"hold": "HOLD", "deny": "DENY", "ruling": "as set"}
    found = set()
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        match call.args:
            case [ast.Constant(value=str(code)), words, *_] if name in verdicts:
                found.add((code, verdicts[name], _words(_assigned(tree, words))))
    return found


def _assigned(tree: ast.AST, text: ast.expr) -> ast.expr:
    """What a name stood for where it was used: its last assignment before."""
    if not isinstance(text, ast.Name):
        return text
    before = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and node.lineno < text.lineno
        and any(isinstance(one, ast.Name) and one.id == text.id for one in node.targets)
    ]
    return max(before, key=lambda node: node.lineno).value if before else text


def _words(text: ast.expr) -> str:
    """A text with its values left out."""
    if isinstance(text, ast.JoinedStr):
        return "".join(
            str(one.value) if isinstance(one, ast.Constant) else "…" for one in text.values
        )
    return str(text.value) if isinstance(text, ast.Constant) else ""


LOOSER = {
    Looser.HIGHER: "more",
    Looser.LOWER: "less, or milder",
    Looser.TRUE: "true",
    Looser.FALSE: "false",
    Looser.MORE: "more of them",
    Looser.FEWER: "fewer of them",
    Looser.ANY: "any other",
    Looser.NEVER: "",
}


def provider_matrix() -> str:
    """What each provider can do, from its codecs."""
    return "\n".join(
        [
            "# Providers\n",
            "## Texts\n",
            *_abilities({name: one.capabilities for name, one in providers().items()}),
            "\n## Calls\n",
            *_abilities({n: one.call_capabilities for n, one in call_providers().items()}),
            "\n## The sound of calls\n",
            *_abilities({n: one.media_capabilities for n, one in media_dialects().items()}),
            "",
        ]
    )


def _abilities(of: Mapping[str, object]) -> list[str]:
    """A table of yes and no, a line for each provider."""
    names = list(inspect.signature(type(of["twilio"])).parameters)
    rows = [
        [name, *("yes" if getattr(of[name], ability) else "no" for ability in names)]
        for name in sorted(of)
    ]
    lines = [["provider", *names], *rows]
    made = [f"| {' | '.join(line)} |" for line in lines]
    return [made[0], "|---" * (len(names) + 1) + "|", *made[1:]]


def metrics() -> str:
    """Every metric, from what the scrape is made of."""
    lines = [
        "# Metrics\n",
        "`GET /metrics` on the private listener, Prometheus text; how to watch them is in",
        "[Monitor](../howto/monitor.md). Labels are lines, sources and words of ours, never a number, a",
        "text or an id.\n",
        "| name | kind | labels | |",
        "|---|---|---|---|",
    ]
    for one in sorted(MEASURES, key=lambda measure: measure.name):
        name = f"{one.name}_total" if one.kind == "counter" else one.name
        labels = ", ".join(f"`{label}`" for label in one.labels)
        lines.append(f"| `{name}` | {one.kind} | {labels} | {one.meaning} |")
    bounds = ", ".join(f"{bound:,}" for bound in BOUNDS_S)
    codes = ", ".join(f"`{code}`" for code in CODES)
    lines += [
        f"\nThe bounds of histograms are {bounds} seconds. `category` is one of",
        ", ".join(f"`{one.value}`" for one in Category) + "; `outcome` of messages one of",
        ", ".join(f"`{one}`" for one in OUTCOMES) + "; of events `accepted`, `duplicate`,",
        "`refused`, `limited`.\n",
        f"The codes of the self-audit: {codes}.",
    ]
    return "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "configuration.md": render_configuration,
    "errors.md": error_codes,
    "metrics.md": metrics,
    "policy.md": policy,
    "providers.md": provider_matrix,
    **{f"policy/{rule.name}.md": partial(rule_page, rule) for rule in discover()},
}


def stale() -> list[str]:
    """The pages that differ from what the code says, and those of rules that are gone."""
    behind = [
        name
        for name, render in PAGES.items()
        if not (REFERENCE / name).is_file()
        or (REFERENCE / name).read_text(encoding="utf-8") != MADE + render()
    ]
    of_rules = {f"policy/{page.name}" for page in (REFERENCE / "policy").glob("*.md")}
    return behind + sorted(of_rules - PAGES.keys())


if __name__ == "__main__":
    if "--check" in sys.argv:
        behind = stale()
        print("\n".join(f"out of date: docs/reference/{name}" for name in behind) or "up to date")
        sys.exit(bool(behind))
    (REFERENCE / "policy").mkdir(parents=True, exist_ok=True)
    for page, made in PAGES.items():
        (REFERENCE / page).write_text(MADE + made(), encoding="utf-8")
        print(f"docs/reference/{page}")
