"""Scrapes as Prometheus makes them, parsed by the format's own library."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from looking import request
from telling import Story

Sample = tuple[str, tuple[tuple[str, str], ...]]


async def scrape(story: Story) -> str:
    got = await request(story.private, "/metrics", method="GET")
    assert got.status == 200
    return got.body.decode()


def samples(text: str) -> dict[Sample, float]:
    """(name, labels in order of their names) → value."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def names(text: str) -> set[str]:
    """What may be asked for: families, and the names their samples have."""
    families = list(text_string_to_metric_families(text))
    found = {family.name for family in families}
    for family in families:
        endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
        found |= {family.name + ending for ending in endings.get(family.type, ())}
    return found


def sample(name: str, **labels: str) -> Sample:
    return name, tuple(sorted(labels.items()))
