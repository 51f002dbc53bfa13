"""`ringfence doctor`: looks at everything and says what to do. Reads only: it makes no store where
there is none, and without --probe it asks no provider. Never prints a secret or a number."""

from __future__ import annotations

import os
import socket
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ringfence.cli import common, doctor_operations, readiness
from ringfence.cli.symptoms import NOTE, OK, WRONG, Symptom, print_all

if TYPE_CHECKING:
    from ringfence.bootstrap import Gateway
    from ringfence.config import Settings
    from ringfence.ports import Tx
    from ringfence.providers.base import Finding

AGENT_TIMEOUT_S = 15.0
CLOCK_SLACK_S = 60.0


@click.command("doctor")
@click.option("--probe", is_flag=True, help="Also ask each line's provider (read-only requests).")
@click.option("--code", type=int, metavar="CODE", help="Only explain a provider's error code.")
@click.option(
    "--token-digests",
    is_flag=True,
    help="Only print digests of the lines' tokens, for productionTokens in staging's file.",
)
@common.json_option
@click.pass_context
def command(
    ctx: click.Context, probe: bool, code: int | None, token_digests: bool, as_json: bool
) -> None:
    """Check configuration, store, lines, registration, agents, clock and ports, and say what to do
    about each finding. Exit code 1 when something is wrong; notes alone are exit code 0."""
    if code is not None:
        readiness.explain(code, as_json)
        return
    if token_digests:
        readiness.digests(common.settings(ctx), as_json)
        return
    symptoms = list(_examine(ctx, probe))
    healthy = all(symptom.level != WRONG for symptom in symptoms)
    if as_json:
        common.print_json({"ok": healthy, "findings": [asdict(symptom) for symptom in symptoms]})
    else:
        print_all(symptoms, healthy)
    if not healthy:
        ctx.exit(1)


def _examine(ctx: click.Context, probe: bool) -> Iterator[Symptom]:
    from ringfence.model.errors import ConfigInvalid, RingfenceError

    yield from _programs()
    try:
        settings = common.settings(ctx)
    except ConfigInvalid as error:
        hint = "Mend it and run: ringfence config validate"
        yield from (Symptom("configuration", WRONG, problem, hint) for problem in error.problems)
        return
    yield from _configuration(settings)
    yield from readiness.profile(settings)
    store = list(_store(settings))
    yield from store
    if any(symptom.level == WRONG for symptom in store):
        return
    try:
        with _without_side_effects(settings) as looked_at:
            yield from common.run(_parts(looked_at, probe))
    except RingfenceError as error:
        yield Symptom("gateway", WRONG, error.title, error.detail)


# -- the machine -------------------------------------------------------------------------------


def _programs() -> Iterator[Symptom]:
    import sqlite3

    import ringfence

    python = ".".join(map(str, sys.version_info[:3]))
    text = f"Ringfence {ringfence.__version__}, Python {python}, SQLite {sqlite3.sqlite_version}."
    yield Symptom("programs", OK, text)


def _configuration(settings: Settings) -> Iterator[Symptom]:
    path = settings.path
    if not path.exists():
        hint = "Write one (docs/howto), or try everything without: ringfence demo"
        yield Symptom("configuration", NOTE, f"There is no file at {path}.", hint)
    elif path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        # Whoever writes this file decides who is let in (P2).
        hint = f"chmod go-w {path}"
        yield Symptom("configuration", WRONG, f"Others may change {path}.", hint)
    else:
        yield Symptom("configuration", OK, f"{path} is good.")
    for warning in settings.warnings:
        yield Symptom("configuration", NOTE, warning)
    for loosened in settings.loosened:
        text = f"{loosened} lets more through than the preset of the line's purpose."
        yield Symptom("configuration", NOTE, text)


def _store(settings: Settings) -> Iterator[Symptom]:
    """Soundness of the file, schema, and the whole audit chain."""
    from ringfence.config.audit import trusted_keys
    from ringfence.model.errors import ConfigError, StoreError
    from ringfence.store import check

    path = settings.store.path
    if path is not None and not path.exists():
        yield _new_store(path)
        return
    try:
        findings = check(
            settings.store.url,
            busy_timeout_s=settings.store.busy_timeout_s,
            trusted=trusted_keys(settings.audit),
        )
    except (StoreError, ConfigError) as error:
        yield Symptom("store", WRONG, error.title, error.detail)
        return
    where = settings.store.masked_url
    yield Symptom("store", OK, f"{where} is sound (schema {findings.schema_version}).")
    if findings.audit:
        hint = "Somebody changed the store by hand. Keep this file, and compare with a backup."
        yield Symptom("audit", WRONG, f"The chain is broken: {findings.audit}.", hint)
    else:
        signed = f"; checkpoints that hold: {findings.checkpoints}" if findings.checkpoints else ""
        whole = f"The chain of {findings.audit_entries} entries is whole{signed}."
        yield Symptom("audit", OK, whole)


def _new_store(path: Path) -> Symptom:
    folder = next(parent for parent in path.parents if parent.exists())
    if os.access(folder, os.W_OK):
        return Symptom("store", OK, f"{path} does not exist yet; the gateway makes it.")
    hint = f"Let this user write in {folder}, or choose another store.url."
    return Symptom("store", WRONG, f"{path} cannot be made.", hint)


@contextmanager
def _without_side_effects(settings: Settings) -> Iterator[Settings]:
    """Look through an empty store elsewhere while there is none: made by the wrong user, it would
    be in the gateway's way."""
    from tempfile import TemporaryDirectory

    path = settings.store.path
    if path is None or path.exists():
        yield settings
        return
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'doctor.db'}"
        yield replace(settings, store=replace(settings.store, url=url))


# -- the parts ---------------------------------------------------------------------------------


async def _parts(settings: Settings, probe: bool) -> list[Symptom]:
    from ringfence.bootstrap import open_gateway

    async with open_gateway(settings) as gateway:
        return [
            *await _lines(gateway, probe),
            *await _registration(gateway),
            *await doctor_operations.examine(gateway),
            *await _agents(gateway),
            *await gateway.kit.store.read(lambda tx: list(_ledgers(tx))),
            *await _clock(gateway),
            *await _ports(gateway),
        ]


async def _lines(gateway: Gateway, probe: bool) -> list[Symptom]:
    from ringfence.gateway.probe import probe as ask
    from ringfence.gateway.probe import set_up

    stopped = await gateway.kit.store.read(lambda tx: tx.lines.stopped())
    symptoms: list[Symptom] = []
    for line in gateway.settings.lines:
        area = f"line {line.id}"
        if not line.enabled:
            symptoms.append(Symptom(area, NOTE, "It is switched off."))
            continue
        findings = await ask(gateway.kit, line) if probe else set_up(line, stopped)
        symptoms += _of_line(area, findings)
    return symptoms


# Chosen on purpose by the operator: shown, and no illness.
_LOOSENED = frozenset({"signature", "purpose", "outbound"})


def _of_line(area: str, findings: Iterable[Finding]) -> Iterator[Symptom]:
    for finding in findings:
        level = OK if finding.ok else NOTE if finding.check in _LOOSENED else WRONG
        yield Symptom(area, level, finding.text, finding.hint)


async def _registration(gateway: Gateway) -> list[Symptom]:
    now = gateway.kit.clock.now()
    settings = gateway.settings
    return await gateway.kit.store.read(lambda tx: list(readiness.registration(tx, settings, now)))


async def _agents(gateway: Gateway) -> list[Symptom]:
    symptoms = []
    for entry in gateway.settings.agents.values():
        area = f"agent {entry.id}"
        if entry.blocked_reason:
            symptoms.append(Symptom(area, WRONG, f"It is blocked: {entry.blocked_reason}"))
            continue
        problem = await _agent_problem(gateway, entry.id)
        if problem:
            hint = "Its turns wait meanwhile; nobody is told of the error."
            symptoms.append(Symptom(area, WRONG, problem, hint))
        else:
            symptoms.append(Symptom(area, OK, f"It answers ({entry.kind})."))
        if entry.kind == "command" and not entry.options.get("run_as"):
            text = "Its program runs as the gateway's user and can do what an operator can."
            symptoms.append(Symptom(area, NOTE, text, "Set runAs: docs/howto/connect-an-agent.md"))
    return symptoms


async def _agent_problem(gateway: Gateway, agent_id: str) -> str:
    import asyncio

    try:
        async with asyncio.timeout(AGENT_TIMEOUT_S):
            return await gateway.kit.agents[agent_id].check()
    except TimeoutError:
        return f"It did not answer within {AGENT_TIMEOUT_S:g} s."


def _ledgers(tx: Tx) -> Iterator[Symptom]:
    letters = tx.health.dead_letters()
    for (line, kind), count in sorted(letters.items()):
        text = f"Line {line} has {count} dead letters ({kind})."
        yield Symptom("dead letters", NOTE, text, "ringfence channels dead-letters list")
    if not letters:
        yield Symptom("dead letters", OK, "There are none.")
    switches = tx.switches.engaged()
    for switch in switches:
        text = f"A kill switch for {switch.scope.value} is engaged since {switch.engaged_at:%F %R}."
        yield Symptom("kill switch", NOTE, text, "ringfence stop --list; ringfence resume")
    if not switches:
        yield Symptom("kill switch", OK, "None is engaged.")


async def _clock(gateway: Gateway) -> list[Symptom]:
    """The newest message cannot be from tomorrow."""
    now = gateway.kit.clock.now()
    newest = await gateway.kit.store.read(lambda tx: tx.messages.listing(1, None, None, None))
    zone = now.astimezone().tzname()
    ahead = (newest[0].created_at - now).total_seconds() if newest else 0.0
    if ahead > CLOCK_SLACK_S:
        text = f"The clock is {ahead:.0f} s behind the newest message in the store."
        return [
            Symptom("clock", WRONG, text, "Set the clock (NTP); waits and limits depend on it.")
        ]
    return [Symptom("clock", OK, f"{now:%Y-%m-%d %H:%M:%S} UTC, local time zone {zone}.")]


async def _ports(gateway: Gateway) -> list[Symptom]:
    chosen = gateway.settings.gateway
    if await common.gateway_answers(gateway):
        return [Symptom("gateway", OK, f"A gateway answers on port {chosen.private_port}.")]
    doors = (
        ("public", chosen.public_host, chosen.public_port),
        ("private", chosen.private_host, chosen.private_port),
    )
    return [
        Symptom("gateway", NOTE, "No gateway answers here.", "Start it: ringfence gateway"),
        *(_port(name, host, port) for name, host, port in doors),
    ]


def _port(name: str, host: str, port: int) -> Symptom:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            hint = f"Stop what uses it, or choose another gateway.{name}Port."
            text = f"{host}:{port} for the {name} listener: {error.strerror}."
            return Symptom("ports", WRONG, text, hint)
    return Symptom("ports", OK, f"{host}:{port} is free for the {name} listener.")
