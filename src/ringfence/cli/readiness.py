"""What `doctor` says of profiles and of registration: which profile runs and whether it reaches a real
carrier, which tokens are production's, what error codes mean, what failed lately for want of a
registration, and how much of a day's segments is used. Never prints a secret or a number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from ringfence.cli import common
from ringfence.cli.symptoms import NOTE, OK, WRONG, Symptom

if TYPE_CHECKING:
    from ringfence.config import Settings
    from ringfence.gateway.registration import Failed, Tier
    from ringfence.model.line import Line
    from ringfence.ports import Tx
    from ringfence.providers.explaining import Explanation


def explain(code: int, as_json: bool) -> None:
    """What a provider's error code means, who has to do what, and where the provider says so."""
    from ringfence.providers import explainers

    found = {name: one.explain(code) for name, one in sorted(explainers().items())}
    if as_json:
        common.print_json({name: asdict(one) for name, one in found.items()})
        return
    for name, one in found.items():
        click.echo(f"{name} {code}: {one.means}")
        for label, text in (("who", one.who), ("do", one.do), ("page", one.page)):
            if text:
                click.echo(f"  {label + ':':<6}{text}")


def digests(settings: Settings, as_json: bool) -> None:
    """The digests of the lines' tokens, for `productionTokens` in staging's own file."""
    from ringfence.config.apart import token_digest

    tokens = {
        token_digest(secret.reveal()): line.id
        for line in settings.lines
        for secret in (*line.credentials.auth_tokens, line.credentials.api_key_secret)
        if secret is not None
    }
    if as_json:
        common.print_json({"profile": settings.profile, "productionTokens": list(tokens)})
        return
    if settings.profile != "production":
        click.echo(f"These are tokens of the profile {settings.profile}.", err=True)
    for digest, line in tokens.items():
        click.echo(f"{digest}  {line}")


def profile(settings: Settings) -> Iterator[Symptom]:
    """In staging, every line that real people could be reached by."""
    from ringfence.config.reach import is_loopback

    yield Symptom("profile", OK, f"The profile {settings.profile} runs.")
    if settings.profile != "staging":
        return
    for line in settings.lines:
        if line.enabled and not is_loopback(line.api_base_url):
            host = urlsplit(line.api_base_url).hostname
            text = (
                f"Line {line.id} reaches a real carrier ({host}); {_reached(line)} get its texts."
            )
            hint = "To try without one: ringfence sim serve, and apiBaseUrl of it in the profile."
            yield Symptom("profile", NOTE, text, hint)


def _reached(line: Line) -> str:
    count = len(line.test_recipients)
    return f"its {count} test recipients" if count else "nobody (testRecipients is empty), so none"


def registration(tx: Tx, settings: Settings, now: datetime) -> Iterator[Symptom]:
    """What our store tells: texts that failed for want of a registration, and the day's segments."""
    from ringfence.gateway.registration import failed_lately, tiers
    from ringfence.providers import explainers

    for line in settings.lines:
        explainer = explainers().get(line.provider)
        if explainer is None or not line.enabled:
            continue
        for failed in failed_lately(tx, line.id, now):
            explanation = explainer.explain(failed.code)
            if explanation.registration:
                yield _failed(line, failed, explanation)
    yield from map(_tier, tiers(tx, settings.lines, now))


def _failed(line: Line, failed: Failed, explanation: Explanation) -> Symptom:
    """Over when a text arrived since: then it is worth knowing, and no illness."""
    text = (
        f"{failed.count} texts of the last 7 days ended with {failed.code}, the newest of "
        f"{failed.newest_at:%F %R} UTC. {explanation.means}"
    )
    if failed.over:
        text += " Others arrived since."
    hint = f"{explanation.do} ({explanation.who}; {explanation.page})"
    return Symptom(f"line {line.id}", NOTE if failed.over else WRONG, text, hint)


def _tier(tier: Tier) -> Symptom:
    from ringfence.gateway.registration import WARN_AT

    lines = ", ".join(tier.lines)
    text = f"{tier.segments:,} of {tier.segments_max:,} segments left today ({tier.share:.0%}; {lines})."
    if tier.share < WARN_AT:
        return Symptom("a2p", OK, text)
    hint = (
        "What goes beyond the tier ends with 30023 or 30027 until the next day (Pacific time): let "
        "wait what can wait, or have the brand vetted for a higher tier."
    )
    return Symptom("a2p", WRONG if tier.share >= 1 else NOTE, text, hint)
