"""What `/metrics` shows. Nearly all is read from the store at the scrape (`gateway.readings`): so it
survives restarts and is the same in every process, also where the worker runs in another one; and a
time is counted in the transaction that ends it, so a scrape rebuilds no histogram. Only what never
reaches the store (answers to webhooks, events taken and refused, breakers) is this process's own.
Labels are lines, sources and words of ours, never a number, a text or an id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from ringfence.gateway import figures
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.figures import BOUNDS_S, Family, Labels, Times
from ringfence.gateway.readings import Readings, read

Answers = Callable[[], Mapping[tuple[str, int], int]]
Counted = Callable[[], Mapping[tuple[str, str], int]]
Values = Iterable[tuple[Labels, float]]


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric: its name without a counter's `_total`."""

    name: str
    kind: str
    meaning: str
    labels: tuple[str, ...] = ()


def _of(family: Family) -> Measure:
    kind = "histogram" if family.times else "counter"
    return Measure(f"ringfence_{family.name}", kind, family.meaning, family.labels)


ROWS = Measure("ringfence_ledger_rows", "gauge", "Rows by ledger and state", ("state",))
DEAD = Measure("ringfence_dead_letters", "gauge", "Dead letters", ("line", "kind"))
STOPPED = Measure("ringfence_kill_switches_engaged", "gauge", "Engaged kill switches")
PROFILE = Measure("ringfence_profile", "gauge", "The profile that runs", ("profile",))
AGE = Measure(
    "ringfence_queue_age_seconds",
    "gauge",
    "How late the oldest due row of a ledger is",
    ("ledger",),
)
ALERTS = Measure("ringfence_alerts", "gauge", "Alerts by state", ("state",))
NOTICES = Measure("ringfence_notices_owed", "gauge", "Texts about alerts that are owed")
PROBLEMS = Measure(
    "ringfence_self_audit_problems", "gauge", "What the self-audit finds now, by code", ("code",)
)
AUDITED = Measure(
    "ringfence_self_audit_timestamp_seconds", "gauge", "When a worker last audited itself"
)
BEATEN = Measure(
    "ringfence_heartbeat_timestamp_seconds", "gauge", "When the last heartbeat was taken"
)
BREAKER = Measure(
    "ringfence_breaker_open", "gauge", "1 while this process gives a line a rest", ("line",)
)
ANSWERS = Measure("ringfence_webhook_answers", "counter", "Webhooks answered", ("line", "status"))
EVENTS = Measure(
    "ringfence_source_events", "counter", "Events by what became of them", ("source", "outcome")
)
COUNTERS = (figures.MESSAGES, figures.STEPS, figures.EXHAUSTED)
HISTOGRAMS = (figures.DELIVERY, figures.ACKNOWLEDGEMENT)
MEASURES = (
    ROWS,
    DEAD,
    STOPPED,
    PROFILE,
    AGE,
    ALERTS,
    NOTICES,
    PROBLEMS,
    AUDITED,
    BEATEN,
    BREAKER,
    ANSWERS,
    EVENTS,
    *map(_of, COUNTERS),
    *map(_of, HISTOGRAMS),
)
"""All of them, for the reference."""


class Measures:
    """`refresh` reads the store; the registry then holds the figures. `events` counts by source and
    outcome."""

    def __init__(self, kit: Equipment, answers: Answers, events: Counted = dict) -> None:
        self._kit, self._answers, self._events = kit, answers, events
        self._readings: Readings | None = None
        self.registry = CollectorRegistry()
        self.registry.register(self)

    async def refresh(self) -> None:
        now = self._kit.clock.now()
        self._readings = await self._kit.store.read(lambda tx: read(self._kit, tx, now))

    def collect(self) -> Iterator[Metric]:
        """Called by the registry."""
        answers = self._answers().items()
        yield _counter(ANSWERS, [((line, str(status)), n) for (line, status), n in answers])
        yield _counter(EVENTS, self._events().items())
        yield _gauge(PROFILE, [((self._kit.profile,), 1)])
        resting = self._kit.breakers.states(self._kit.clock.now())
        yield _gauge(BREAKER, [((line,), line in resting) for line in self._kit.lines])
        if self._readings is not None:
            yield from _of_store(self._readings)


def _of_store(seen: Readings) -> Iterator[Metric]:
    yield _gauge(ROWS, _keyed(seen.rows))
    yield _gauge(DEAD, seen.dead.items())
    yield _gauge(STOPPED, [((), seen.stopped)])
    yield _gauge(AGE, _keyed(seen.ages_s))
    yield _gauge(ALERTS, _keyed(seen.alerts))
    yield _gauge(NOTICES, [((), seen.notices_owed)])
    yield _gauge(PROBLEMS, _keyed(seen.problems))
    yield _gauge(AUDITED, _moment(seen.audited_at))
    yield _gauge(BEATEN, _moment(seen.beaten_at))
    for family in COUNTERS:
        yield _counter(_of(family), seen.counts[family.name].items())
    for family in HISTOGRAMS:
        yield _histogram(_of(family), seen.times[family.name].items())


def _keyed(values: Mapping[str, float]) -> Values:
    return [((key,), value) for key, value in values.items()]


def _moment(at: datetime | None) -> Values:
    """Left out where it never happened."""
    return [] if at is None else [((), at.timestamp())]


def _gauge(measure: Measure, values: Values) -> Metric:
    metric = GaugeMetricFamily(measure.name, measure.meaning, labels=measure.labels)
    for labels, value in values:
        metric.add_metric(labels, value)
    return metric


def _counter(measure: Measure, values: Values) -> Metric:
    metric = CounterMetricFamily(measure.name, measure.meaning, labels=measure.labels)
    for labels, value in values:
        metric.add_metric(labels, value)
    return metric


def _histogram(measure: Measure, values: Iterable[tuple[Labels, Times]]) -> Metric:
    metric = HistogramMetricFamily(measure.name, measure.meaning, labels=measure.labels)
    for labels, times in values:
        metric.add_metric(labels, _buckets(times), times.sum_s)
    return metric


def _buckets(times: Times) -> list[tuple[str, float]]:
    within = [
        (str(float(bound)), float(n)) for bound, n in zip(BOUNDS_S, times.within, strict=True)
    ]
    return [*within, ("+Inf", float(times.count))]
