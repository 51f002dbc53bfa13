"""The spans that stages leave: each step of a message under its id, of an alert under its own, and the
caller's trace of an event; never a number, never a text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from looking import ALICE, NUMBER, OPEN, outbound
from paged import ANN, BEN, operations, paged
from ringfence.bootstrap import Swaps
from ringfence.model.errors import ConfigInvalid
from ringfence.net import otel
from telling import OWNER, telling

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@dataclass
class Kept:
    name: str
    about: str
    parent: str
    attributes: dict[str, Any]

    def set(self, **attributes: Any) -> None:
        self.attributes |= attributes


@dataclass
class Spans:
    """A trace that keeps what it is told."""

    kept: list[Kept] = field(default_factory=list)

    @contextmanager
    def span(
        self, name: str, about: str = "", *, parent: str = "", **attributes: Any
    ) -> Iterator[Kept]:
        one = Kept(name, about, parent, attributes)
        self.kept.append(one)
        yield one

    def about(self, key: str) -> list[str]:
        return [one.name for one in self.kept if one.about == key]


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Spans:
    """Every story of the test is traced."""
    traced = Spans()
    monkeypatch.setattr("telling.Swaps", lambda **given: replace(Swaps(**given), trace=traced))
    return traced


async def test_an_endpoint_without_the_extra_stops_the_start_and_says_so(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(otel, "import_module", missing)
    section = {"telemetry": {"otlpEndpoint": "http://127.0.0.1:4318/v1/traces"}}
    with pytest.raises(ConfigInvalid, match="pip install"):
        async with telling(sqlite_url, config=section):
            pass


@pytest.mark.proves("P9")
async def test_an_answer_from_the_webhook_to_its_delivery(sqlite_url: str, spans: Spans) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        await story.phone(ALICE).texts("a question nobody else may read")
        await story.passes(seconds=30)
        [answer] = await outbound(story, ALICE)
    steps = spans.about(answer.id)
    assert steps[:3] == ["propose", "claim", "send"]
    assert set(steps[3:]) == {"callback"}
    assert [one.about for one in spans.kept if one.name == "turn"] == [answer.in_reply_to]
    assert {one.name for one in spans.kept} >= {"receive", "turn"}
    [send] = [one for one in spans.kept if one.name == "send"]
    assert send.attributes["outcome"] == "accepted"
    assert send.attributes["provider_id"].startswith("SM")
    said = str(spans.kept)
    assert "nobody else" not in said
    for number in (ALICE, NUMBER, OWNER):
        assert number[1:] not in said


async def test_an_event_continues_its_callers_trace_and_its_page_names_it(
    sqlite_url: str, spans: Spans
) -> None:
    async with paged(sqlite_url, operations()) as story:
        gateway = story.story.gateway
        source = gateway.kit.operations.sources["generic"]
        receipt = await gateway.events.accept(source, [story.event("db-1")], PARENT)
        await story.passes(minutes=6)
        alert = await story.alert("db-1")
    [event] = [one for one in spans.kept if one.name == "event"]
    assert event.parent == PARENT
    assert event.attributes == {"source": "generic", "event": receipt.ids[0]}
    assert len([one for one in spans.kept if (one.name, one.about) == ("alert", alert.id)]) >= 2
    pages = [
        one for one in spans.kept if one.name == "propose" and one.attributes["category"] == "alert"
    ]
    assert pages
    assert {one.attributes["event"] for one in pages} == {receipt.ids[0]}
    for number in (ANN, BEN):
        assert number[1:] not in str(spans.kept)
