"""Traces: whose trace a span belongs to, what it may carry, and that nothing of OpenTelemetry is needed
where none is configured. With the extra installed the same goes through its own SDK."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import pytest

from ringfence.model.errors import ConfigInvalid, NotFound
from ringfence.net import otel
from ringfence.net.otel import OtelTrace, Parent, continued, together
from ringfence.ports.tracing import NO_TRACE

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{SPAN}-01"
NUMBER = "+15555550111"
HAS_SDK = find_spec("opentelemetry") is not None


@dataclass
class Recorded:
    name: str
    parent: Parent | None
    attributes: dict[str, Any]
    failed: str = ""
    ended: bool = False

    def set_attribute(self, name: str, value: Any) -> None:
        self.attributes[name] = value


@dataclass
class Recorder:
    """Makes spans that a test can look at."""

    spans: list[Recorded] = field(default_factory=list)
    closed: bool = False

    @contextmanager
    def start(
        self, name: str, parent: Parent | None, attributes: Mapping[str, Any]
    ) -> Iterator[Recorded]:
        span = Recorded(name, parent, dict(attributes))
        self.spans.append(span)
        yield span
        span.ended = True

    def failed(self, span: Recorded, kind: str) -> None:
        span.failed, span.ended = kind, True

    def close(self) -> None:
        self.closed = True


def test_spans_about_one_id_share_a_trace_in_every_process() -> None:
    recorder = Recorder()
    for name, about in (("propose", "msg_1"), ("send", "msg_1"), ("send", "msg_2")):
        with OtelTrace(recorder).span(name, about, line="default"):
            pass
    one, two, other = recorder.spans
    assert one.parent == two.parent == together("msg_1")
    assert other.parent != one.parent
    assert one.name == "ringfence.propose"
    assert two.attributes == {"ringfence.about": "msg_1", "ringfence.line": "default"}
    assert together("msg_1").trace_id < 2**128
    assert 0 < together("msg_1").span_id < 2**64


def test_a_callers_trace_is_continued() -> None:
    recorder = Recorder()
    with OtelTrace(recorder).span("event", "evt_1", parent=GIVEN):
        pass
    assert recorder.spans[0].parent == Parent(int(TRACE, 16), int(SPAN, 16), sampled=True)


@pytest.mark.parametrize(
    ("header", "sampled"),
    [
        (GIVEN, True),
        (GIVEN[:-2] + "00", False),
        (f" {GIVEN} ", True),
        (f"cc{GIVEN[2:]}-more", True),
    ],
)
def test_traceparents_that_count(header: str, sampled: bool) -> None:
    found = continued(header)
    assert found is not None
    assert found.sampled is sampled


@pytest.mark.parametrize(
    "header",
    [
        "",
        "x",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        GIVEN * 100,
    ],
)
def test_traceparents_that_count_as_none(header: str) -> None:
    assert continued(header) is None


@pytest.mark.proves("P9")
def test_no_span_carries_a_number_or_an_errors_words() -> None:
    recorder = Recorder()

    def work() -> None:
        with OtelTrace(recorder).span("send", "msg_1", to=NUMBER, reason="", attempt=0) as span:
            span.set(line="default", said=f"call {NUMBER}")
            raise NotFound(f"nobody at {NUMBER}")

    with pytest.raises(NotFound):
        work()
    [seen] = recorder.spans
    assert seen.failed == "NotFound"
    assert seen.attributes == {
        "ringfence.about": "msg_1",
        "ringfence.attempt": 0,
        "ringfence.line": "default",
    }


def test_without_traces_a_span_is_nothing() -> None:
    one = NO_TRACE.span("send", "msg_1", line="default")
    assert one is NO_TRACE.span("turn")

    def work() -> None:
        with one as span:
            span.set(outcome="accepted")
            raise ValueError("through")

    with pytest.raises(ValueError, match="through"):
        work()


def test_nothing_of_opentelemetry_is_imported_by_the_gateway() -> None:
    code = (
        "import sys, ringfence.bootstrap; "
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_the_extra_the_words_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(otel, "import_module", missing)
    with pytest.raises(ConfigInvalid, match=r"pip install 'ringfence\[otel\]'"):
        otel.open_traces("https://collector.example.org/v1/traces", "0", "gateway-1")


@pytest.mark.skipif(not HAS_SDK, reason="the extra ringfence[otel] is not installed")
def test_through_the_sdk_itself() -> None:
    from importlib import import_module

    memory = import_module("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    export = import_module("opentelemetry.sdk.trace.export")
    kept = memory.InMemorySpanExporter()
    provider = otel.provider_of("1", "gateway-1")
    provider.add_span_processor(export.SimpleSpanProcessor(kept))
    trace = OtelTrace(otel.Sdk(provider))
    with trace.span("event", parent=GIVEN, source="generic"), trace.span("inner"):
        pass
    with pytest.raises(NotFound), trace.span("send", "msg_1", attempt="1"):
        raise NotFound(f"nobody at {NUMBER}")
    inner, event, send = kept.get_finished_spans()
    assert event.context.trace_id == inner.context.trace_id == int(TRACE, 16)
    assert event.parent.span_id == int(SPAN, 16)
    assert inner.parent.span_id == event.context.span_id
    assert send.context.trace_id == together("msg_1").trace_id
    assert (send.status.status_code.name, send.status.description) == ("ERROR", "NotFound")
    assert NUMBER not in send.to_json()
    assert send.resource.attributes["service.instance.id"] == "gateway-1"
    trace.close()
