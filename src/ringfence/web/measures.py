"""What `/metrics` shows: ledgers by state, dead letters, webhook answers. Labels are lines and
words, never a number, a text or an id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily, Metric

from ringfence.gateway.equipment import Equipment
from ringfence.ports import Tx

Answers = Callable[[], Mapping[tuple[str, int], int]]


class Measures:
    """`refresh` reads the store; the registry then holds the figures."""

    def __init__(self, kit: Equipment, answers: Answers) -> None:
        self._kit = kit
        self.registry = CollectorRegistry()
        self._rows = Gauge(
            "ringfence_ledger_rows", "Rows by ledger and state", ["state"], registry=self.registry
        )
        self._dead = Gauge(
            "ringfence_dead_letters", "Dead letters", ["line", "kind"], registry=self.registry
        )
        self._stopped = Gauge(
            "ringfence_kill_switches_engaged", "Engaged kill switches", registry=self.registry
        )
        self.registry.register(_Answers(answers))

    async def refresh(self) -> None:
        def query(tx: Tx) -> tuple[dict[str, int], dict[tuple[str, str], int], int]:
            return tx.health.counts(), tx.health.dead_letters(), len(tx.switches.engaged())

        counts, dead, stopped = await self._kit.store.read(query)
        self._rows.clear()
        self._dead.clear()
        for state, count in counts.items():
            self._rows.labels(state).set(count)
        for (line, kind), count in dead.items():
            self._dead.labels(line, kind).set(count)
        self._stopped.set(stopped)


class _Answers:
    """Webhook answers by line and status, counted by the public door."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(
            "ringfence_webhook_answers", "Webhooks answered", labels=["line", "status"]
        )
        for (line, status), count in self._answers().items():
            family.add_metric([line, str(status)], count)
        yield family
