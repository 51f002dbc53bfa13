"""`ringfence voicecall setup`: whether a line can place and take calls, and what it lacks. Looks at the
configuration and the store; asks no provider and rings nobody."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ringfence.cli import common
from ringfence.cli.symptoms import NOTE, OK, WRONG, Symptom, print_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ringfence.bootstrap import Gateway
    from ringfence.model.line import Line
    from ringfence.model.voice import VoiceSettings


@click.command("setup")
@common.line_option
@common.json_option
@click.pass_context
def setup(ctx: click.Context, account: str | None, as_json: bool) -> None:
    """Check what a line needs for calls: provider, credentials, number, public address, agent, who may
    be called and who may call. Exit code 1 when something is missing."""
    shown(ctx, examined(ctx, account), as_json)


def examined(ctx: click.Context, account: str | None) -> list[Symptom]:
    async def work(gateway: Gateway) -> list[Symptom]:
        line = common.line_of(gateway.settings, account)
        stopped = await gateway.kit.store.read(lambda tx: tx.lines.stopped())
        found = list(_of_line(line, stopped.get(line.id)))
        if line.voice is not None:
            found += _of_agents(gateway, line.voice)
        if await common.gateway_answers(gateway) is False:
            hint = "Start it: ringfence gateway"
            found.append(Symptom("gateway", NOTE, "No gateway answers here.", hint))
        return found

    return common.with_gateway(ctx, work)


def shown(ctx: click.Context, symptoms: Sequence[Symptom], as_json: bool) -> None:
    healthy = all(symptom.level != WRONG for symptom in symptoms)
    if as_json:
        common.print_json({"ok": healthy, "findings": [asdict(symptom) for symptom in symptoms]})
    else:
        print_all(symptoms, healthy)
    if not healthy:
        ctx.exit(1)


def _of_line(line: Line, stopped: str | None) -> Iterator[Symptom]:
    from ringfence.providers import call_providers

    yield _judged(
        "provider",
        line.provider in call_providers(),
        f"{line.provider} places and takes calls.",
        f"Calls are not there for the provider {line.provider}.",
        f"One of: {', '.join(sorted(call_providers()))}.",
    )
    yield _judged(
        "credentials",
        _has_credentials(line) and not line.blocked_reason,
        "They are there.",
        line.blocked_reason or "There are none.",
        "See docs/howto/configure.md.",
    )
    yield _judged(
        "number",
        line.number is not None,
        "It has one to call from.",
        "It has no number to call from.",
        "Set fromNumber.",
    )
    if stopped:
        hint = f"Mend it, then: ringfence channels status --probe --account {line.id}"
        yield Symptom("line", WRONG, f"It is stopped: {stopped}", hint)
    if line.voice is None:
        hint = "docs/howto/calls.md says which keys it takes."
        yield Symptom("calls", WRONG, "There is no channels.voice for this line.", hint)
        return
    yield from _of_voice(line, line.voice)


def _has_credentials(line: Line) -> bool:
    held = line.credentials
    return bool(held.auth_tokens) or held.api_key_secret is not None


def _of_voice(line: Line, voice: VoiceSettings) -> Iterator[Symptom]:
    from ringfence.model.line import AccessPolicy

    yield _judged(
        "address",
        bool(line.voice_url),
        f"The provider asks at {line.voice_url}.",
        voice.blocked_reason or "The provider has no address to ask at.",
        "Set channels.voice.publicUrl; `ringfence voicecall expose` makes one.",
    )
    if not voice.validate_signature:
        yield Symptom("signature", NOTE, "Webhooks of calls are taken unsigned.")
    stream = voice.stream
    how = "The provider speaks and listens" if stream is None else f"Sound is at {stream.path}"
    by = ", and text goes over its relay" if voice.relay is not None else ""
    yield Symptom("sound", OK, f"{how}{by}.")
    if voice.allow_to:
        yield Symptom("outbound", OK, f"{len(voice.allow_to)} numbers may be called.")
    else:
        hint = "List them in channels.voice.allowTo; a person approves any other call."
        yield Symptom("outbound", NOTE, "Nobody may be called without a yes.", hint)
    if voice.access is AccessPolicy.DISABLED:
        hint = "Set channels.voice.inboundPolicy where people may call."
        yield Symptom("inbound", NOTE, "Nobody may call in.", hint)
    else:
        yield Symptom("inbound", OK, f"Who may call in: {voice.access.value}.")
    limit = f"A call lasts {voice.limit_s} s at most, {voice.at_once} at once."
    yield Symptom("limits", OK, limit)


def _of_agents(gateway: Gateway, voice: VoiceSettings) -> Iterator[Symptom]:
    routes = [voice.route, *(route for _, route in voice.routes)]
    for agent_id in sorted({route.agent_id for route in routes}):
        yield _judged(
            "agent",
            agent_id in gateway.kit.agents,
            f"{agent_id} answers calls.",
            f"{agent_id} is not configured, or is blocked.",
            "ringfence doctor says why.",
        )


def _judged(area: str, good: bool, yes: str, no: str, hint: str) -> Symptom:
    return Symptom(area, OK, yes) if good else Symptom(area, WRONG, no, hint)
