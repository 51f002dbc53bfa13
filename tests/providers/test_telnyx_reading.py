"""Telnyx's list of opt-outs, and what the probe makes of numbers and profiles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from telnyx_rig import LINE, OURS, PERSON, PROFILE, URL, answer, of_profile, refusal

from ringfence.model.errors import ProviderError
from ringfence.model.line import Line
from ringfence.model.wire import WireResponse
from ringfence.providers import providers
from ringfence.providers.base import Finding, ListsOptOuts

TELNYX = providers()["telnyx"]
assert isinstance(TELNYX, ListsOptOuts)
LISTS: ListsOptOuts = TELNYX
ROW = {
    "from": OURS,
    "to": PERSON,
    "keyword": "STOP",
    "messaging_profile_id": PROFILE,
    "created_at": "2026-11-20T10:00:00Z",
}


def listed(*rows: dict[str, Any], page: int = 1, pages: int = 1) -> WireResponse:
    return answer(200, {"data": list(rows), "meta": {"page_number": page, "total_pages": pages}})


def test_the_profiles_list_is_asked_for_where_it_is_known() -> None:
    [asked] = LISTS.opt_outs(of_profile())
    assert asked.url.startswith("https://api.telnyx.com/v2/messaging_optouts?")
    assert f"filter%5Bmessaging_profile_id%5D={PROFILE}" in asked.url
    [asked] = LISTS.opt_outs(LINE)
    assert "filter%5Bfrom%5D=%2B15555550100" in asked.url


@pytest.mark.parametrize("row", [ROW, {**ROW, "from": PERSON, "to": OURS}])
def test_who_is_blocked(row: dict[str, Any]) -> None:
    page = LISTS.opt_outs_listed(listed(row), LINE)
    [sign] = page.signs
    assert (sign.number, sign.word, sign.opted_in) == (PERSON, "STOP", False)
    assert sign.at == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert page.more is None


def test_pages_follow_until_the_last() -> None:
    more = LISTS.opt_outs_listed(listed(ROW, page=1, pages=2), of_profile()).more
    assert more is not None
    assert "page%5Bnumber%5D=2" in more.url
    assert LISTS.opt_outs_listed(listed(ROW, page=2, pages=2), of_profile()).more is None
    assert LISTS.opt_outs_listed(listed(page=1, pages=9), of_profile()).more is None


def test_odd_rows_are_passed_over() -> None:
    page = LISTS.opt_outs_listed(listed({"to": 3}, {}, {"to": ""}), LINE)
    assert page.signs == ()
    for body in ({"data": {}}, {}, []):
        with pytest.raises(ProviderError):
            LISTS.opt_outs_listed(answer(200, body), LINE)


# -- the probe -------------------------------------------------------------------------------------

NUMBER = {"phone_number": OURS, "messaging_profile_id": PROFILE}
GOOD = {"id": PROFILE, "enabled": True, "webhook_url": URL, "webhook_api_version": "2"}


def findings(line: Line, number: object = None, profile: object = None) -> Sequence[Finding]:
    given = {"number": [NUMBER] if number is None else number, "profile": profile or GOOD}
    answers = [
        (name, answer(200, {"data": given[name]})) for name, _ in TELNYX.probe_requests(line)
    ]
    return TELNYX.probe_findings(answers, line)


def test_a_line_that_is_set_up() -> None:
    assert [one.ok for one in findings(of_profile())] == [True, True]


def test_without_a_profile_the_webhook_there_cannot_be_seen() -> None:
    [one] = findings(LINE)
    assert one.ok
    assert "messagingProfileId" in one.hint


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ([], "does not have the line's number"),
        ([{"phone_number": "+15555550101"}], "does not have the line's number"),
        ([{"phone_number": OURS, "messaging_profile_id": None}], "no messaging profile"),
        ([{"phone_number": OURS, "messaging_profile_id": "x"}], "another messaging profile"),
    ],
)
@pytest.mark.proves("B100")
def test_what_is_wrong_with_the_number(number: object, words: str) -> None:
    first = findings(of_profile(), number=number)[0]
    assert (first.ok, words in first.text) == (False, True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"enabled": False}, "switched off"),
        ({"webhook_url": None}, "No webhook"),
        ({"webhook_url": "https://other.example.com/w"}, "another URL"),
        ({"webhook_api_version": "1"}, "another version"),
        ({"redaction_enabled": True, "redaction_level": 2}, "redacts"),
    ],
)
@pytest.mark.proves("B100")
def test_what_is_wrong_with_the_profile(change: dict[str, Any], words: str) -> None:
    last = findings(of_profile(), profile=GOOD | change)[-1]
    assert (last.ok, words in last.text) == (False, True)


def test_a_default_port_and_level_one_are_right() -> None:
    url = URL.replace("gw.example.com", "gw.example.com:443")
    profile = GOOD | {"webhook_url": url, "redaction_enabled": True, "redaction_level": 1}
    assert findings(of_profile(), profile=profile)[-1].ok


@pytest.mark.proves("B103")
def test_a_refusal_is_told_without_a_number() -> None:
    line = of_profile()
    answers = [(name, refusal(403, 10010, OURS)) for name, _ in TELNYX.probe_requests(line)]
    for one in TELNYX.probe_findings(answers, line):
        assert (one.ok, OURS in one.text) == (False, False)
    assert all(not one.ok for one in TELNYX.probe_findings([], line))
