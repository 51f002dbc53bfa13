"""The line probe by itself: bounded requests, stored facts first, the last outcome, no number."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from ringfence.gateway.probe import probe
from ringfence.model.errors import NotDispatched, PossiblyDispatched
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.providers.base import Finding
from telling import Story, telling

PERSON = "+15555550111"


@dataclass
class Deaf:
    """A network on which nobody answers."""

    error: type[Exception] = PossiblyDispatched
    asked: list[WireRequest] = field(default_factory=list)

    async def send(self, request: WireRequest) -> WireResponse:
        self.asked.append(request)
        raise self.error("nobody there")


@asynccontextmanager
async def quiet(sqlite_url: str, **sms: Any) -> AsyncIterator[Story]:
    async with telling(sqlite_url, sms=sms) as story:
        yield story


def _by_check(findings: tuple[Finding, ...]) -> dict[str, Finding]:
    return {finding.check: finding for finding in findings}


@pytest.mark.proves("P10")
@pytest.mark.parametrize("error", [NotDispatched, PossiblyDispatched])
async def test_a_provider_that_hangs_costs_its_findings_only(
    sqlite_url: str, error: type[Exception]
) -> None:
    async with quiet(sqlite_url) as story:
        deaf = Deaf(error)
        kit = replace(story.gateway.kit, http=deaf)
        checks = _by_check(await probe(kit, story.line, 0.25))
        assert deaf.asked
        assert {request.timeout_s for request in deaf.asked} == {0.25}
        assert {request.method for request in deaf.asked} == {"GET"}
        assert checks["line"].ok
        assert checks["token"].ok
        assert not checks["inbound"].ok


@pytest.mark.proves("B106", "B107")
async def test_a_line_that_cannot_be_used_is_not_asked_about(sqlite_url: str) -> None:
    async with quiet(sqlite_url) as story:
        deaf = Deaf()
        kit = replace(story.gateway.kit, http=deaf)
        for broken in (
            replace(story.line, blocked_reason="no token"),
            replace(story.line, enabled=False),
        ):
            checks = _by_check(await probe(kit, broken))
            assert not checks["line"].ok
            assert not checks["provider"].ok
        assert deaf.asked == []


@pytest.mark.proves("B103")
@pytest.mark.parametrize(
    ("fate", "ok", "words"),
    [("delivered", True, "delivered"), ("undelivered:30003", False, "undelivered, error 30003")],
)
async def test_the_last_outcome_is_told_without_a_number(
    sqlite_url: str, fate: str, ok: bool, words: str
) -> None:
    async with quiet(sqlite_url, owners=[PERSON]) as story:
        assert (
            "Nothing was sent"
            in _by_check(await probe(story.gateway.kit, story.line))["outbound"].text
        )
        story.carrier.script(PERSON, fate)
        await story.post("/sms/send", {"to": PERSON, "body": "hello"})
        await story.passes(seconds=30)
        findings = await probe(story.gateway.kit, story.line)
        outbound = _by_check(findings)["outbound"]
        assert (outbound.ok, words in outbound.text) == (ok, True)
        assert bool(outbound.hint) is not ok
        assert not any(
            "555" in part for one in findings for part in (one.text, one.hint) if "msg_" not in part
        )


async def test_a_line_the_provider_stopped_says_how_to_restart_it(sqlite_url: str) -> None:
    async with quiet(sqlite_url) as story:
        now = story.clock.now()
        await story.write(lambda tx: tx.lines.stop("default", "20003", now))
        finding = _by_check(await probe(story.gateway.kit, story.line))["line"]
        assert "ringfence resume --line default" in finding.hint
