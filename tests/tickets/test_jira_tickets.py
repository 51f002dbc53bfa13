"""tickets/jira.py: exact requests, and what its answers mean."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tickets_rig import TASK, answer, errand, lines, play

from ringfence.model.line import Secret
from ringfence.model.ticket import TicketAction
from ringfence.tickets import settings_of
from ringfence.tickets.base import again, done, refused

OPTIONS: dict[str, Any] = {
    "base_url": "https://acme.atlassian.net",
    "project": "OPS",
    "user": "ann@example.org",
    "token": Secret("jira-token"),
}
SETTINGS = settings_of("jira", OPTIONS)
API = "https://acme.atlassian.net/rest/api/2"
LOGIN = "Authorization: Basic YW5uQGV4YW1wbGUub3JnOmppcmEtdG9rZW4="
TELLING = ["Accept: application/json", "Content-Type: application/json", LOGIN]
LOOKING = ["Accept: application/json", LOGIN]
CREATED = answer(201, {"id": "10001", "key": "OPS-7", "self": f"{API}/issue/10001"})
OPENED = done("OPS-7", "https://acme.atlassian.net/browse/OPS-7")
TO_DO = answer(200, {"fields": {"status": {"statusCategory": {"key": "new"}}}})
WAYS = {
    "transitions": [
        {"id": "11", "name": "Start", "to": {"statusCategory": {"key": "indeterminate"}}},
        {"id": "31", "name": "Fertig", "to": {"statusCategory": {"key": "done"}}},
        {"id": "41", "name": "Won't do", "to": {"statusCategory": {"key": "done"}}},
    ]
}


def mine(action: TicketAction, text: str = "", **changes: Any) -> Any:
    return errand(action, text, remote_id="OPS-7", **changes)


def test_opening_is_one_request() -> None:
    asked, outcome = play("jira", SETTINGS, errand(acknowledged_by="Ann"), [CREATED])
    description = (
        "{noformat}\\nDisk full\\n\\nAlert:    12\\nState:    triggered\\nSeverity: critical\\n"
        "Service:  db\\nFlow:     incident\\nOpened:   2026-11-21 12:00:00 UTC\\n"
        "Has it:   Ann\\nPage:     https://mon.example.org/a/12\\n\\nRingfence: tkt_0199aa\\n"
        "{noformat}\\n\\nhttps://mon.example.org/a/12"
    )
    body = (
        '{"fields":{"project":{"key":"OPS"},"issuetype":{"name":"Task"},'
        '"summary":"Alert 12: Disk full",'
        f'"description":"{description}",'
        '"labels":["ringfence-tkt_0199aa"]}}'
    )
    assert [lines(one) for one in asked] == [[f"POST {API}/issue", *TELLING, body]]
    assert outcome == OPENED


def test_an_update_is_a_comment() -> None:
    what = mine(TicketAction.UPDATE, "Note: {noformat} *bold* [~ann]")
    asked, outcome = play("jira", SETTINGS, what, [answer(201, {})])
    said = (
        '{"body":"{noformat}\\nNote: { noformat} *bold* [~ann]\\n\\nRingfence: tsk_0199bb\\n'
        '{noformat}"}'
    )
    assert [lines(one) for one in asked] == [[f"POST {API}/issue/OPS-7/comment", *TELLING, said]]
    assert outcome == done()


def test_the_end_takes_the_first_way_to_a_done_status() -> None:
    what = mine(TicketAction.CLOSE)
    answers = [answer(201, {}), TO_DO, answer(200, WAYS), answer(204)]
    asked, outcome = play("jira", SETTINGS, what, answers)
    assert [lines(one) for one in asked[1:]] == [
        [f"GET {API}/issue/OPS-7?fields=status", *LOOKING, ""],
        [f"GET {API}/issue/OPS-7/transitions", *LOOKING, ""],
        [f"POST {API}/issue/OPS-7/transitions", *TELLING, '{"transition":{"id":"31"}}'],
    ]
    assert outcome == done()


def test_the_end_takes_the_way_that_is_configured() -> None:
    settings = settings_of("jira", {**OPTIONS, "done_transition": "WON'T DO"})
    answers = [answer(201, {}), TO_DO, answer(200, WAYS), answer(204)]
    asked, outcome = play("jira", settings, mine(TicketAction.CLOSE), answers)
    assert json.loads(asked[-1].body) == {"transition": {"id": "41"}}
    assert outcome == done()


def test_an_issue_that_is_done_is_left_alone() -> None:
    finished = answer(200, {"fields": {"status": {"statusCategory": {"key": "done"}}}})
    asked, outcome = play("jira", SETTINGS, mine(TicketAction.CLOSE), [answer(201, {}), finished])
    assert len(asked) == 2
    assert outcome == done()


@pytest.mark.parametrize("ways", [{}, {"transitions": WAYS["transitions"][:1]}, []])
def test_without_a_way_to_close_a_person_is_needed(ways: Any) -> None:
    answers = [answer(201, {}), TO_DO, answer(200, ways)]
    outcome = play("jira", SETTINGS, mine(TicketAction.CLOSE), answers)[1]
    assert outcome == refused("no_done_transition")


def test_after_an_unknown_outcome_our_label_is_searched_for_first() -> None:
    other = {"key": "OPS-6", "fields": {"labels": ["ringfence-tkt_other"]}}
    ours = {"key": "OPS-7", "fields": {"labels": ["night", "ringfence-tkt_0199aa"]}}
    found = answer(200, {"issues": [other, ours]})
    asked, outcome = play("jira", SETTINGS, errand(again=True), [found])
    query = (
        "jql=project+%3D+%22OPS%22+AND+labels+%3D+%22ringfence-tkt_0199aa%22"
        "&fields=labels&maxResults=100"
    )
    assert [lines(one) for one in asked] == [[f"GET {API}/search/jql?{query}", *LOOKING, ""]]
    assert outcome == OPENED
    nothing = answer(200, {"issues": [], "isLast": True})
    asked, outcome = play("jira", SETTINGS, errand(again=True), [nothing, CREATED])
    assert [one.method for one in asked] == ["GET", "POST"]
    assert outcome == OPENED


def test_a_comment_is_not_said_twice() -> None:
    what = mine(TicketAction.UPDATE, "x", again=True)
    said = answer(200, {"comments": [{"body": f"Ringfence: {TASK}"}]})
    asked, outcome = play("jira", SETTINGS, what, [said])
    assert [one.url for one in asked] == [
        f"{API}/issue/OPS-7/comment?orderBy=-created&maxResults=100"
    ]
    assert outcome == done()


@pytest.mark.parametrize(
    ("got", "wanted"),
    [
        (answer(400, {"errors": {"issuetype": "no"}}), refused("http_400")),
        (answer(401), refused("http_401")),
        (answer(429, retry_after="9"), again("http_429", slowly=True, retry_after_s=9.0)),
        (answer(503), again("http_503", slowly=True)),
        (answer(201, {"key": "../../x"}), again("bad_answer", slowly=True)),
        (answer(201, {"key": None}), again("bad_answer", slowly=True)),
    ],
)
def test_what_an_answer_means(got: Any, wanted: Any) -> None:
    assert play("jira", SETTINGS, errand(), [got])[1] == wanted


@pytest.mark.parametrize("got", [answer(200, []), answer(200, {"issues": None}), answer(200)])
def test_a_search_that_cannot_be_read_opens_nothing(got: Any) -> None:
    asked, outcome = play("jira", SETTINGS, errand(again=True), [got])
    assert (len(asked), outcome) == (1, again("bad_answer", slowly=True))
