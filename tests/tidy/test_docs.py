"""The docs say what the code says: reference pages are made from it, links lead somewhere, and what
people look for is there."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import click
import pyjson5
import pytest
from starlette.routing import Route

from ringfence.cli import main
from ringfence.config import load
from ringfence.config.edit import merge_patch
from ringfence.config.schema.sections import RootShape
from ringfence.gateway.selfaudit import CODES
from ringfence.model.line import InboundLimits, MediaLimits
from ringfence.model.outbox import OUTBOX_TRANSITIONS
from ringfence.policy.policy import discover
from ringfence.web.measures import MEASURES, Measures
from ringfence.web.private import PrivateDoor

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_reference_pages_are_up_to_date() -> None:
    assert _generator().stale() == [], "run `make docs` and commit the pages"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    broken = [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    assert not broken, f"{page.relative_to(ROOT)} links to {broken}"


HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
ANCHOR = re.compile(r"\[[^\]]*\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)")


def _anchors(page: Path) -> set[str]:
    """The names a browser jumps to: headings in lower case, spaces as hyphens, no punctuation."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    bare = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text))
    return {heading.replace(" ", "-") for heading in bare}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_headings_that_are_there(page: Path) -> None:
    links = ANCHOR.findall(page.read_text(encoding="utf-8"))
    aims = [(page.parent / link if link else page, anchor) for link, anchor in links]
    lost = [f"{to.name}#{name}" for to, name in aims if to.exists() and name not in _anchors(to)]
    assert not lost, f"{page.relative_to(ROOT)} links to {lost}"


@pytest.mark.parametrize(
    "name", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"]
)
def test_the_first_pages_exist_and_say_something(name: str) -> None:
    assert len((ROOT / name).read_text(encoding="utf-8")) > 500, f"{name} says too little"


def test_every_page_of_the_docs_is_reached_from_the_readme() -> None:
    reached, queue = set(), [ROOT / "README.md"]
    while queue:
        page = queue.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        links = LINK.findall(page.read_text(encoding="utf-8"))
        queue += [(page.parent / link).resolve() for link in links]
    lost = [str(page.relative_to(ROOT)) for page in PAGES if page not in reached]
    assert not lost, f"no page links to {lost}"


NOTHING = cast(Any, None)
# The rules that are ceilings; what their settings do must stand among the limits.
CEILINGS = {"recipient_volume", "line_volume", "loop_guard", "agent_volume", "spend", "call_limits"}


def _page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_every_route_of_the_private_door_is_described() -> None:
    door = PrivateDoor(NOTHING, {}, "", Measures(NOTHING, dict), "0", NOTHING)
    routes = [route for route in door.app().routes if isinstance(route, Route)]
    named = {
        f"### `{method} {route.path}`"
        for route in routes
        for method in (route.methods or set()) - {"HEAD"}
    }
    missing = named - set(_page("reference/http.md").splitlines())
    assert routes
    assert not missing, f"docs/reference/http.md lacks the headings {sorted(missing)}"


def test_every_metric_is_described() -> None:
    page = _page("reference/metrics.md")
    missing = [one.name for one in MEASURES if f"`{one.name}" not in page]
    assert not missing, f"docs/reference/metrics.md does not name {missing}"


def test_every_problem_of_the_self_audit_is_described() -> None:
    missing = [code for code in CODES if f"| `{code}` |" not in _page("howto/monitor.md")]
    assert not missing, f"docs/howto/monitor.md does not say what to do about {missing}"


@pytest.mark.proves("P10")
@pytest.mark.parametrize(
    ("section", "limits"),
    [("limits", InboundLimits), ("media", MediaLimits)],
)
def test_every_limit_is_described_by_its_key(section: str, limits: type) -> None:
    page = _page("topics/limits.md")
    keys = [_key(field.name) for field in dataclasses.fields(limits)]
    missing = [f"{section}.{key}" for key in keys if f"| `{section}.{key}` |" not in page]
    assert not missing, f"docs/topics/limits.md has no row for {missing}"


@pytest.mark.proves("P10")
def test_every_ceiling_of_a_rule_is_described_by_its_key() -> None:
    page = _page("topics/limits.md")
    keys = [
        f"{_key(rule.name)}.{_key(field.name)}"
        for rule in discover()
        if rule.name in CEILINGS
        for field in dataclasses.fields(rule.settings)
        if not field.metadata["from_line"]
    ]
    missing = [key for key in keys if f"| `{key}` |" not in page]
    assert keys
    assert not missing, f"docs/topics/limits.md has no row for {missing}"


def _key(name: str) -> str:
    """The configuration's spelling: camelCase, and a lifetime says its unit."""
    first, *rest = name.split("_")
    key = first + "".join(word.capitalize() for word in rest)
    return f"{key}Minutes" if key == "hostedTtl" else key


def test_the_picture_of_the_outbox_is_its_table() -> None:
    arrows = re.findall(r"^    (\w+) --> (\w+)", _page("topics/delivery.md"), re.MULTILINE)
    table = {(one.value, two.value) for one, others in OUTBOX_TRANSITIONS.items() for two in others}
    assert set(arrows) == table, "docs/topics/delivery.md: draw what model/outbox.py says"


# -- what is written to be typed -------------------------------------------------------------------

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SAID = re.compile(r"`(ringfence [^`]+)`")
COMMENT = re.compile(r"//.*")
SECRET = re.compile(r"\$\{(\w+)\}")
A_SECRET = "whsec_" + "c2VjcmV0" * 5  # good anywhere, also where a signing secret must stand
LINE = {
    "accountSid": "AC" + "0" * 32,
    "authToken": "token-of-the-test",
    "fromNumber": "+15555550100",
    "publicWebhookUrl": "https://gateway.example.com/webhooks/sms",
}
WRITTEN = [page for page in PAGES if "reference" not in page.parts and page.name != "CHANGELOG.md"]


def _configurations() -> Iterator[Any]:
    """Every json5 block people may copy; one with a gap ("…" outside a comment) only explains."""
    for page in WRITTEN:
        blocks = [text for kind, text in BLOCK.findall(page.read_text("utf-8")) if kind == "json5"]
        for index, block in enumerate(blocks, start=1):
            if "…" not in COMMENT.sub("", block):
                yield pytest.param(block, id=f"{page.name}-{index}")


def _whole(block: str) -> dict[str, Any]:
    """The configuration a block stands for: itself where it names a line's number, otherwise laid
    over a good one. Keys without a section belong to the line."""
    bare = COMMENT.sub("", block).strip()
    keys: dict[str, Any] = pyjson5.decode(block if bare.startswith("{") else f"{{{block}}}")
    if "fromNumber" in block and "channels" in keys:
        return keys
    sections = {field.alias or name for name, field in RootShape.model_fields.items()}
    if not keys.keys() <= sections:
        keys = {"channels": {"sms": keys}}
    merged: dict[str, Any] = merge_patch({"channels": {"sms": LINE}}, keys)
    return merged


@pytest.mark.parametrize("block", list(_configurations()))
def test_a_configuration_in_the_docs_loads(block: str, tmp_path: Path) -> None:
    path = tmp_path / "ringfence.json5"
    path.write_text(pyjson5.encode(_whole(block)), encoding="utf-8")
    path.chmod(0o600)
    settings = load(path, dict.fromkeys(SECRET.findall(block), A_SECRET))
    assert settings.lines


def _commands(text: str) -> Iterator[list[str]]:
    """The words of each command line of ours, in blocks and in the text."""
    for kind, block in BLOCK.findall(text):
        if kind in ("", "sh", "console"):
            yield from _typed(block.splitlines())
    prose = BLOCK.sub("", text)
    for said in SAID.findall(prose):
        yield shlex.split(" ".join(said.split()))


def _typed(lines: list[str]) -> Iterator[list[str]]:
    for at, line in enumerate(lines):
        if not re.match(r"\s*(\$ )?ringfence ", line):
            continue
        typed = line.strip().removeprefix("$ ")
        for more in [*lines[at + 1 : at + 6], ""]:
            try:
                words = shlex.split(typed.removesuffix("\\"), comments=True)
            except ValueError:  # a quote that the next line ends
                typed = f"{typed}\n{more}"
                continue
            if not typed.endswith("\\"):
                yield words
                break
            typed = typed.removesuffix("\\") + more


def _wrong(words: list[str]) -> str:
    """What a command line names that there is not; empty when all of it is there."""
    command: click.Command = main
    context = click.Context(main)
    options: dict[str, bool] = {"--help": False}  # by name, whether a value follows
    rest = iter(words[1:])
    for word in rest:
        options |= {
            name: isinstance(one, click.Option) and not one.is_flag
            for one in command.params
            for name in (*one.opts, *one.secondary_opts)
        }
        name, equals, _ = word.partition("=")
        if word in ("|", "&&", ";", ">", "…"):
            break
        if word.startswith("-") and len(word) > 1:
            if name not in options:
                return f"{' '.join(words)}: there is no {name}"
            if options[name] and not equals:
                next(rest, "")
        elif isinstance(command, click.Group):
            found = command.get_command(context, word)
            if found is None:
                return f"{' '.join(words)}: there is no {word}"
            command = found
    return ""


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_docs_are_there(page: Path) -> None:
    wrong = [found for words in _commands(page.read_text("utf-8")) if (found := _wrong(words))]
    assert not wrong, "\n".join(wrong)
