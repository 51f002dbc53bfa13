"""`ringfence flows`: what each flow does, and what would happen with an event. Nothing here sends, and
nothing it tries stays in a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from ringfence.cli import common
from ringfence.cli.flow_words import told
from ringfence.cli.moments import METAVAR, moment_of

if TYPE_CHECKING:
    from datetime import datetime

    from ringfence.config import Settings
    from ringfence.delivery.flow import SourceSettings
    from ringfence.model.event import Event

LISTED = ("name", "kind", "line", "sources", "types", "does")
DEFAULT_SOURCE = "generic"


@click.group("flows")
def command() -> None:
    """Flows: list, show, test with an event. They are written in the configuration."""


@command.command("list")
@common.json_option
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """Every flow, in the order of the configuration."""
    from ringfence.gateway.flow_views import flow_view

    rows = [flow_view(flow) for flow in common.settings(ctx).operations.flows]
    if as_json:
        common.print_json({"flows": rows})
    else:
        common.print_table([_flat(row) for row in rows], LISTED, "No flows are configured.")


@command.command("show")
@click.argument("name", metavar="NAME")
@common.json_option
@click.pass_context
def show(ctx: click.Context, name: str, as_json: bool) -> None:
    """One flow in full: what starts it, and what it does."""
    from ringfence.gateway.flow_views import flow_view
    from ringfence.model.errors import NotFound

    operations = common.settings(ctx).operations
    found = operations.flow(name)
    if found is None:
        known = ", ".join(one.name for one in operations.flows) or "none is configured"
        raise NotFound(f"No flow is called {name[:64]!r}. Known: {known}.")
    view = flow_view(found)
    if as_json:
        common.print_json(view)
        return
    _print_fields({key: value for key, value in view.items() if key not in ("alert", "message")})
    _print_fields(view["alert"] or view["message"])


@command.command("test")
@click.argument(
    "file",
    metavar="[FILE]",
    required=False,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
)
@click.option(
    "--event",
    "event_file",
    required=True,
    type=click.File("rb"),
    help="What the source would send: a file with its JSON, or - for standard input.",
)
@click.option(
    "--source",
    "source_name",
    default=DEFAULT_SOURCE,
    show_default=True,
    metavar="NAME",
    help="The configured source it would come from.",
)
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="NAME:VALUE",
    help="A header of its request; once for each.",
)
@click.option("--at", "at", metavar=METAVAR, help="When it would come (now if not given).")
@click.option("--dry-store", is_flag=True, help="Ask an empty store, in which nobody agreed.")
@click.option("--reveal", is_flag=True, help="Show numbers in full.")
@common.json_option
@click.pass_context
def test(
    ctx: click.Context,
    file: Path | None,
    event_file: IO[bytes],
    source_name: str,
    headers: tuple[str, ...],
    at: str | None,
    dry_store: bool,
    reveal: bool,
    as_json: bool,
) -> None:
    """What the flows of FILE (the configuration if not given) would do with an event: which take it
    and why, the texts, to whom, when, and what the gate says by the consent and opt-outs on record.
    Nothing is sent and nothing stays in the store. Exit code 1 when a flow could not take it."""
    from ringfence.clock import SystemClock

    now = SystemClock().now()
    moment = moment_of(at, "--at", now) if at else now
    settings = _settings(ctx, file, moment)
    body = event_file.read(_BYTES_MAX + 1)
    request = _Request(body, _headers(headers, body))
    with _store(settings, dry_store) as (chosen, empty):
        view = common.run(_tried(chosen, source_name, request, moment, reveal))
    view = {"at": view["at"], "store": "empty" if empty else "configured", **view}
    if as_json:
        common.print_json(view)
    else:
        for line in told(view):
            click.echo(line)
    if any(flow["refused"] for event in view["events"] for flow in event["flows"]):
        ctx.exit(1)


_BYTES_MAX = 4 << 20


@dataclass(frozen=True, slots=True)
class _Request:
    """What the source would send us."""

    body: bytes
    headers: dict[str, str]
    method: str = "POST"
    query: str = ""


async def _tried(
    settings: Settings, source_name: str, request: _Request, now: datetime, reveal: bool
) -> dict[str, Any]:
    from ringfence.bootstrap import open_gateway
    from ringfence.gateway.flow_preview import previews
    from ringfence.gateway.trial import undone
    from ringfence.gateway.views import moment

    source = _source(settings, source_name)
    events = _events(source, request, now)
    async with open_gateway(settings) as gateway:
        kit = gateway.kit
        found = await undone(
            kit.store, lambda tx: previews(kit, tx, source, events, now, reveal=reveal)
        )
    return {"at": moment(now), "events": found}


def _source(settings: Settings, name: str) -> SourceSettings:
    from ringfence.model.errors import NotFound

    found = settings.operations.sources.get(name)
    if found is None:
        known = ", ".join(sorted(settings.operations.sources)) or "none is configured"
        raise NotFound(f"No source is called {name[:64]!r}. Known: {known}.")
    return found


def _events(source: SourceSettings, request: _Request, now: datetime) -> list[Event]:
    """As the source reads it. Its signature is nobody's to check here: the operator gives the file.
    Raises MalformedEvent, BodyTooLarge."""
    from ringfence.sources import sources
    from ringfence.sources.base import admitted

    codec = sources()[source.kind]
    return codec.parse(admitted(request, codec.capabilities, now))


def _headers(given: Sequence[str], body: bytes) -> dict[str, str]:
    """CloudEvents tell their form in a header; one that is in a file tells it itself."""
    structured = b'"specversion"' in body
    kind = "application/cloudevents+json" if structured else "application/json"
    headers = {"content-type": kind}
    for pair in given:
        name, sign, value = pair.partition(":")
        if not sign or not name.strip():
            raise click.BadParameter(f"{name!r}: written as NAME:VALUE", param_hint="--header")
        headers[name.strip().lower()] = value.strip()
    return headers


def _settings(ctx: click.Context, file: Path | None, now: datetime) -> Settings:
    from ringfence.config import load

    path = file or ctx.find_root().obj
    return load(path, common.environ(ctx), now)


@contextmanager
def _store(settings: Settings, dry: bool) -> Iterator[tuple[Settings, bool]]:
    """The configured store, or an empty one elsewhere: where that is wanted, and where there is none
    yet, which looking must not make."""
    from tempfile import TemporaryDirectory

    path = settings.store.path
    if not dry and (path is None or path.exists()):
        yield settings, False
        return
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'flows.db'}"
        yield replace(settings, store=replace(settings.store, url=url)), True


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    alert, message = row["alert"], row["message"]
    does = (
        f"alert → {alert['escalation']}"
        if alert
        else f"{message['template']} → " + ", ".join(message["to"])
    )
    return {
        **row,
        "sources": ", ".join(row["sources"]) or "any",
        "types": ", ".join(row["types"]),
        "does": does,
    }


def _print_fields(view: dict[str, Any]) -> None:
    for key, value in view.items():
        if value in (None, [], {}):
            continue
        if isinstance(value, dict):
            value = ", ".join(f"{name} = {one}" for name, one in value.items())
        elif isinstance(value, list):
            value = ", ".join(value)
        elif isinstance(value, bool):
            value = "yes" if value else "no"
        click.echo(f"{key.replace('_', ' '):<14}{value}")
