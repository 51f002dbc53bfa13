"""Traces for an OpenTelemetry collector, by OTLP over HTTP. An extra (`ringfence[otel]`): nothing of
OpenTelemetry is imported before `open_traces` is called. A span never carries a number or a text:
attributes are ids and words of ours, an error is its class's name alone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Protocol

from ringfence.model.errors import ConfigInvalid
from ringfence.ports.tracing import Attribute

MISSING: Final = (
    "telemetry.otlpEndpoint: OpenTelemetry is not installed; run: pip install 'ringfence[otel]'"
)
_TIMEOUT_S: Final = 10.0
_DIGITS: Final = re.compile(r"\+[0-9]{7}")
# https://www.w3.org/TR/trace-context/#traceparent-header: version, trace id, parent id, flags; ids
# of zeroes and version ff are not valid, a later version may have more fields.
_TRACEPARENT: Final = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?!0{32})(?P<trace>[0-9a-f]{32})-(?!0{16})(?P<span>[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)


@dataclass(frozen=True, slots=True)
class Parent:
    """The span that another one belongs under, wherever it was made."""

    trace_id: int
    span_id: int
    sampled: bool = True


class Maker(Protocol):
    """Makes spans; the one place that speaks OpenTelemetry."""

    def start(
        self, name: str, parent: Parent | None, attributes: Mapping[str, Attribute]
    ) -> AbstractContextManager[Any]:
        """A span with `set_attribute`, current for as long as the block lasts."""

    def failed(self, span: Any, kind: str) -> None: ...
    def close(self) -> None:
        """Send what waits; may take some seconds."""


class OtelTrace:
    """Fulfils ports.tracing.Trace."""

    def __init__(self, maker: Maker) -> None:
        self._maker = maker

    @contextmanager
    def span(
        self, name: str, about: str = "", *, parent: str = "", **attributes: Attribute
    ) -> Iterator[_Span]:
        under = continued(parent) or (together(about) if about else None)
        named = {"about": about, **attributes} if about else attributes
        with self._maker.start(f"ringfence.{name}", under, _fit(named)) as span:
            try:
                yield _Span(span)
            except BaseException as error:
                self._maker.failed(span, type(error).__name__)
                raise

    def close(self) -> None:
        self._maker.close()


class _Span:
    __slots__ = ("_span",)

    def __init__(self, span: Any) -> None:
        self._span = span

    def set(self, **attributes: Attribute) -> None:
        for name, value in _fit(attributes).items():
            self._span.set_attribute(name, value)


def continued(traceparent: str) -> Parent | None:
    """The caller's span; None for what is no traceparent."""
    found = _TRACEPARENT.fullmatch(traceparent.strip())
    if found is None or (found["version"] == "00" and found["more"]):
        return None
    sampled = bool(int(found["flags"], 16) & 1)
    return Parent(int(found["trace"], 16), int(found["span"], 16), sampled)


def together(about: str) -> Parent:
    """The same for the same id, in any process: spans of one message find each other unstored."""
    digest = hashlib.sha256(about.encode()).digest()
    return Parent(int.from_bytes(digest[:16]) or 1, int.from_bytes(digest[16:24]) or 1)


def _fit(attributes: Mapping[str, Attribute]) -> dict[str, Attribute]:
    """Without what is empty, and without anything like a number, should one ever get here (P9)."""
    return {
        f"ringfence.{name}": value
        for name, value in attributes.items()
        if value != "" and not (isinstance(value, str) and _DIGITS.search(value))
    }


def open_traces(endpoint: str, version: str, instance: str) -> OtelTrace:
    """Spans go to `endpoint` in batches, from a thread of their own; what cannot be delivered is
    dropped. Raises ConfigInvalid where the extra is not installed."""
    try:
        sdk = import_module("opentelemetry.sdk.trace")
        export = import_module("opentelemetry.sdk.trace.export")
        otlp = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    except ImportError:
        raise ConfigInvalid((MISSING,)) from None
    exporter = otlp.OTLPSpanExporter(endpoint=endpoint, timeout=_TIMEOUT_S)
    provider = provider_of(version, instance)
    assert isinstance(provider, sdk.TracerProvider), "ours, never the global one"
    provider.add_span_processor(export.BatchSpanProcessor(exporter))
    return OtelTrace(Sdk(provider))


def provider_of(version: str, instance: str) -> Any:
    """A provider of our own; the global one is whoever's embeds us."""
    sdk = import_module("opentelemetry.sdk.trace")
    resources = import_module("opentelemetry.sdk.resources")
    named = {
        "service.name": "ringfence",
        "service.version": version,
        "service.instance.id": instance,
    }
    return sdk.TracerProvider(resource=resources.Resource.create(named))


class Sdk:
    """Fulfils Maker by OpenTelemetry's own."""

    def __init__(self, provider: Any) -> None:
        self._api = import_module("opentelemetry.trace")
        self._context = import_module("opentelemetry.context")
        self._provider = provider
        self._tracer = provider.get_tracer("ringfence")

    def start(
        self, name: str, parent: Parent | None, attributes: Mapping[str, Attribute]
    ) -> AbstractContextManager[Any]:
        started: AbstractContextManager[Any] = self._tracer.start_as_current_span(
            name,
            context=None if parent is None else self._under(parent),
            attributes=attributes,
            # An error's words may quote a number; its class's name is enough (P9).
            record_exception=False,
            set_status_on_exception=False,
        )
        return started

    def _under(self, parent: Parent) -> Any:
        flags = self._api.TraceFlags(self._api.TraceFlags.SAMPLED if parent.sampled else 0)
        place = self._api.SpanContext(parent.trace_id, parent.span_id, True, flags)
        return self._api.set_span_in_context(
            self._api.NonRecordingSpan(place), self._context.Context()
        )

    def failed(self, span: Any, kind: str) -> None:
        span.set_status(self._api.Status(self._api.StatusCode.ERROR, kind))

    def close(self) -> None:
        self._provider.shutdown()
