"""Events: severities are ordered, names are filled in once, and nothing of a person prints."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ringfence.model.event import Event, Link, Severity

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_severities_are_ordered_by_how_bad_they_are() -> None:
    worst_first = sorted(Severity, key=lambda severity: severity.rank, reverse=True)
    assert [one.value for one in worst_first] == ["critical", "error", "warning", "info"]


@pytest.mark.proves("P9")
def test_what_an_event_says_does_not_print() -> None:
    event = Event(
        id="evt-1",
        source="generic",
        type="payment.failed",
        at=AT,
        subject="+15555550123",
        title="Ms Example owes 12.50",
        data={"phone": "+15555550123"},
        attributes={"who": "+15555550123"},
        dedupe_key="+15555550123",
        group="+15555550123",
        links=(Link("https://example.com/+15555550123"),),
    )
    for printed in (repr(event), str(event)):
        assert "5555550123" not in printed
        assert "Example" not in printed
        assert "payment.failed" in printed


@pytest.mark.parametrize(
    ("name", "key", "named"),
    [
        ("", "", ("evt_ours", "evt_ours")),
        ("theirs", "", ("theirs", "theirs")),
        ("", "disk", ("evt_ours", "disk")),
        ("theirs", "disk", ("theirs", "disk")),
    ],
)
def test_our_id_stands_in_only_where_the_source_named_nothing(
    name: str, key: str, named: tuple[str, str]
) -> None:
    event = Event(name, "pagerduty", "alert.trigger", AT, dedupe_key=key).named("evt_ours")
    assert (event.id, event.dedupe_key) == named
