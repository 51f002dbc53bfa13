"""tickets/github.py: exact requests, and what its answers mean."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tickets_rig import NOW, NUMBER, TASK, TICKET, answer, errand, lines, play

from ringfence.model.line import Secret
from ringfence.model.ticket import TicketAction
from ringfence.tickets import settings_of
from ringfence.tickets.base import OutcomeKind, again, done, refused
from ringfence.tickets.github import PAGES_MAX

SETTINGS = settings_of("github", {"repository": "acme/ops", "token": Secret("ghp_x")})
ISSUES = "https://api.github.com/repos/acme/ops/issues"
HEADERS = ["Authorization: Bearer ghp_x", "X-GitHub-Api-Version: 2022-11-28"]
TELLING = ["Accept: application/json", "Content-Type: application/json", *HEADERS]
LOOKING = ["Accept: application/json", *HEADERS]
CREATED = answer(201, {"number": 7, "html_url": "https://github.com/acme/ops/issues/7"})
DONE = done("7", "https://github.com/acme/ops/issues/7")


def test_opening_is_one_request() -> None:
    asked, outcome = play("github", SETTINGS, errand(), [CREATED])
    body = (
        "```text\\nDisk full\\n\\nAlert:    12\\nState:    triggered\\nSeverity: critical\\n"
        "Service:  db\\nFlow:     incident\\nOpened:   2026-11-21 12:00:00 UTC\\n"
        "Page:     https://mon.example.org/a/12\\n\\nRingfence: tkt_0199aa\\n```\\n\\n"
        "<https://mon.example.org/a/12>"
    )
    wanted = '{"title":"Alert 12: Disk full","body":"' + body + '"}'
    assert [lines(one) for one in asked] == [[f"POST {ISSUES}", *TELLING, wanted]]
    assert outcome == DONE


def test_labels_and_another_server() -> None:
    options: dict[str, Any] = {
        "repository": "acme/ops",
        "token": Secret("t"),
        "base_url": "https://ghe.example.org/api/v3/",
        "labels": ("incident", "ops, night"),
    }
    [asked], _ = play("github", settings_of("github", options), errand(), [])
    assert asked.url == "https://ghe.example.org/api/v3/repos/acme/ops/issues"
    assert json.loads(asked.body)["labels"] == ["incident", "ops, night"]


def test_an_update_is_a_comment() -> None:
    what = errand(TicketAction.UPDATE, "Acknowledged by ann.")
    asked, outcome = play("github", SETTINGS, what, [answer(201, {"id": 1})])
    body = '{"body":"```text\\nAcknowledged by ann.\\n\\nRingfence: tsk_0199bb\\n```"}'
    assert [lines(one) for one in asked] == [[f"POST {ISSUES}/7/comments", *TELLING, body]]
    assert outcome == done()


def test_the_end_is_a_comment_and_a_closed_issue() -> None:
    what = errand(TicketAction.CLOSE, state="resolved")
    asked, outcome = play("github", SETTINGS, what, [answer(201, {}), answer(200, {})])
    said = '{"body":"```text\\nThe alert is resolved.\\n\\nRingfence: tsk_0199bb\\n```"}'
    closing = '{"state":"closed","state_reason":"completed"}'
    assert [lines(one) for one in asked] == [
        [f"POST {ISSUES}/7/comments", *TELLING, said],
        [f"PATCH {ISSUES}/7", *TELLING, closing],
    ]
    assert outcome == done()


def test_after_an_unknown_outcome_the_list_is_read_before_a_second_issue() -> None:
    mine = {"number": 7, "body": f"x Ringfence: {TICKET}", "created_at": "2026-11-21T12:00:09Z"}
    others = [{"number": 9, "body": None}, {"number": 8, "body": "Ringfence: tkt_other"}]
    found = answer(200, [*others, mine])
    asked, outcome = play("github", SETTINGS, errand(again=True), [found])
    query = (
        "state=all&sort=created&direction=desc&since=2026-11-21T11%3A00%3A00Z&per_page=100&page=1"
    )
    assert [lines(one) for one in asked] == [[f"GET {ISSUES}?{query}", *LOOKING, ""]]
    assert outcome == done("7")
    asked, outcome = play("github", SETTINGS, errand(again=True), [answer(200, others), CREATED])
    assert [one.method for one in asked] == ["GET", "POST"]
    assert outcome == DONE


def test_a_long_list_is_read_back_to_the_tickets_time_and_no_further() -> None:
    young = [{"number": n, "body": "", "created_at": "2026-11-21T12:30:00Z"} for n in range(100)]
    old = [{"number": n, "body": "", "created_at": "2026-11-21T10:00:00Z"} for n in range(100)]
    asked, _ = play(
        "github", SETTINGS, errand(again=True), [answer(200, young), answer(200, old), CREATED]
    )
    assert [one.method for one in asked] == ["GET", "GET", "POST"]
    assert asked[1].url.endswith("page=2")
    pages = [answer(200, young)] * PAGES_MAX
    asked, outcome = play("github", SETTINGS, errand(again=True), pages)
    assert outcome == refused("too_many_to_search")
    assert all(one.method == "GET" for one in asked)


def test_a_comment_is_not_said_twice() -> None:
    what = errand(TicketAction.CLOSE, again=True)
    said = answer(200, [{"body": "hello"}, {"body": f"Ringfence: {TASK}"}])
    asked, outcome = play("github", SETTINGS, what, [said, answer(200, {})])
    assert [(one.method, one.url) for one in asked] == [
        ("GET", f"{ISSUES}/7/comments?since=2026-11-21T11%3A00%3A00Z&per_page=100"),
        ("PATCH", f"{ISSUES}/7"),
    ]
    assert outcome == done()


def test_without_an_issue_there_is_nothing_to_comment() -> None:
    what = errand(TicketAction.UPDATE, "x", remote_id="")
    assert play("github", SETTINGS, what, []) == ([], refused("not_opened"))


@pytest.mark.parametrize(
    ("got", "wanted"),
    [
        (answer(401), refused("http_401")),
        (answer(404), refused("http_404")),
        (answer(410), refused("http_410")),
        (answer(422), refused("http_422")),
        (answer(301, location="https://x"), refused("http_301")),
        (answer(403, x_ratelimit_remaining="12"), refused("http_403")),
        (answer(403, retry_after="60"), again("http_403", slowly=True, retry_after_s=60.0)),
        (
            answer(
                403, x_ratelimit_remaining="0", x_ratelimit_reset=str(int(NOW.timestamp()) + 90)
            ),
            again("http_403", slowly=True, retry_after_s=90.0),
        ),
        (answer(429, x_ratelimit_remaining="0"), again("http_429", slowly=True)),
        (answer(429), again("http_429", slowly=True)),
        (answer(500), again("http_500")),
        (answer(503, retry_after="soon"), again("http_503", slowly=True)),
        (answer(201), again("bad_answer", slowly=True)),
        (answer(201, []), again("bad_answer", slowly=True)),
        (answer(201, {"number": "7"}), again("bad_answer", slowly=True)),
    ],
)
def test_what_an_answer_means(got: Any, wanted: Any) -> None:
    assert play("github", SETTINGS, errand(), [got])[1] == wanted


def test_words_of_an_event_are_neither_markup_nor_a_number() -> None:
    title = f"@acme/all\n```\n/close [x](y) {NUMBER}"
    url = "https://mon.example.org/`@all`"
    what = errand(title=title, url=url, service="# h")
    [asked], _ = play("github", SETTINGS, what, [])
    fields = json.loads(asked.body)
    assert fields["title"] == "Alert 12: @acme/all ``` /close [x](y) +1555•••0123"
    assert fields["body"].startswith("````text\n@acme/all ``` /close")
    assert fields["body"].endswith("\n````")
    assert NUMBER not in asked.body.decode()
    ticks = errand(TicketAction.UPDATE, "````` and\n@all")
    [asked], _ = play("github", SETTINGS, ticks, [])
    assert json.loads(asked.body)["body"].startswith("``````text\n````` and\n@all")


def test_an_address_it_names_is_kept_only_if_it_is_one() -> None:
    sly = answer(201, {"number": 7, "html_url": "javascript:alert(1)"})
    outcome = play("github", SETTINGS, errand(), [sly])[1]
    assert outcome is not None
    assert (outcome.kind, outcome.remote_id, outcome.url) == (OutcomeKind.DONE, "7", "")
