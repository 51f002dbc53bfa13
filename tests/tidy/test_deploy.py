"""What deploy/ hands to Prometheus and Grafana names metrics that a running gateway shows, with labels
and values they have; a rule that asks for something else would never fire."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client.parser import text_string_to_metric_families

from looking import OPEN
from paged import paged
from ringfence.gateway.finals import OUTCOMES
from ringfence.web.measures import MEASURES
from scraping import names, scrape

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "ringfence.rules.yml"
SCRAPE = DEPLOY / "prometheus" / "prometheus.yml"
DASHBOARD = DEPLOY / "grafana" / "ringfence.json"
METRIC = re.compile(r"\bringfence_[a-z_]+")
SELECTOR = re.compile(r"\b(ringfence_[a-z_]+)\{([^}]*)\}")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
GROUPED = re.compile(r"\bby \(([^)]*)\)")
# Prometheus adds these, or a histogram has them.
OTHERS = {"le", "job", "instance"}


def _rules() -> list[dict[str, Any]]:
    document = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def _panels() -> list[dict[str, Any]]:
    document = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return [panel for panel in document["panels"] if panel["type"] != "row"]


def _expressions() -> Iterator[Any]:
    for rule in _rules():
        yield pytest.param(rule["expr"], id=f"rule-{rule['alert']}")
    for panel in _panels():
        for target in panel["targets"]:
            yield pytest.param(target["expr"], id=f"panel-{panel['id']}-{target['refId']}")


EXPRESSIONS = list(_expressions())


@pytest.fixture(scope="module")
def labels() -> dict[str, tuple[str, ...]]:
    """The labels of each name a sample can have."""
    endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
    return {
        measure.name + ending: measure.labels
        for measure in MEASURES
        for ending in endings[measure.kind]
    }


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_asks_for_what_there_is(
    expression: str, labels: dict[str, tuple[str, ...]]
) -> None:
    asked = set(METRIC.findall(expression))
    assert asked <= labels.keys() or expression.startswith("up{")
    for name, matchers in SELECTOR.findall(expression):
        given = MATCHER.findall(matchers)
        assert len(given) == len([one for one in matchers.split('",') if one]), matchers
        for label, _, value in given:
            assert label in labels[name]
            if label == "outcome" and name == "ringfence_messages_total":
                assert set(value.split("|")) <= set(OUTCOMES)
    shared = set.intersection(*(set(labels[name]) for name in asked)) if asked else OTHERS
    for grouped in GROUPED.findall(expression):
        assert {one.strip() for one in grouped.split(",")} <= shared | OTHERS
    for opening, closing in ("()", "{}", "[]"):
        assert expression.count(opening) == expression.count(closing)


async def test_a_running_gateway_shows_every_metric_that_is_named(sqlite_url: str) -> None:
    async with paged(sqlite_url, sms=OPEN) as story:
        await story.fires("db-1")
        await story.passes(seconds=90)
        text = await scrape(story.story)
    shown = names(text)
    asked = {name for one in EXPRESSIONS for name in METRIC.findall(str(one.values[0]))}
    assert asked <= shown, f"no such metric: {sorted(asked - shown)}"
    with_samples = {one.name for one in text_string_to_metric_families(text) if one.samples}
    unused = {measure.name for measure in MEASURES} - {
        re.sub(r"_(total|bucket|sum|count)$", "", name) for name in asked
    }
    assert unused == {"ringfence_profile"}, "show it on the dashboard, or do not count it"
    assert "ringfence_self_audit_timestamp_seconds" in with_samples


@pytest.mark.parametrize("rule", _rules(), ids=lambda rule: str(rule["alert"]))
def test_a_rule_says_how_bad_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"].endswith(".")
    # A label that the expression sums away would be empty in the words.
    used = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    by = {one.strip() for found in GROUPED.findall(rule["expr"]) for one in found.split(",")}
    plain = not GROUPED.search(rule["expr"])
    assert plain or used <= by


def test_rules_cover_what_must_not_pass_unseen() -> None:
    named = {rule["alert"].removeprefix("Ringfence") for rule in _rules()}
    wanted = "Down HeartbeatMissing QueueAge DeadLetters Undelivered AlertsUnacknowledged SelfAudit"
    assert {*wanted.split(), "BreakerOpen", "WorkerSilent"} <= named
    assert len(named) == len(_rules())


def test_the_scrape_loads_these_rules() -> None:
    document = yaml.safe_load(SCRAPE.read_text(encoding="utf-8"))
    assert document["rule_files"] == [RULES.name]
    [job] = document["scrape_configs"]
    assert job["job_name"] == "ringfence", "the rules ask for this job"
    assert job["metrics_path"] == "/metrics"


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    for panel in _panels():
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["targets"]
