"""tickets/gitlab.py: exact requests, and what its answers mean."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tickets_rig import TASK, TICKET, answer, errand, lines, play

from ringfence.model.line import Secret
from ringfence.model.ticket import TicketAction
from ringfence.tickets import settings_of
from ringfence.tickets.base import again, done, refused

SETTINGS = settings_of(
    "gitlab", {"project": "acme/ops/night", "token": Secret("glpat-x"), "labels": ("a", "b")}
)
ISSUES = "https://gitlab.com/api/v4/projects/acme%2Fops%2Fnight/issues"
TELLING = ["Accept: application/json", "Content-Type: application/json", "PRIVATE-TOKEN: glpat-x"]
LOOKING = ["Accept: application/json", "PRIVATE-TOKEN: glpat-x"]
WEB_URL = "https://gitlab.com/acme/ops/night/-/issues/7"
CREATED = answer(201, {"id": 9001, "iid": 7, "web_url": WEB_URL})


def test_opening_is_one_request() -> None:
    asked, outcome = play("gitlab", SETTINGS, errand(url=""), [CREATED])
    description = (
        "```text\\nDisk full\\n\\nAlert:    12\\nState:    triggered\\nSeverity: critical\\n"
        "Service:  db\\nFlow:     incident\\nOpened:   2026-11-21 12:00:00 UTC\\n\\n"
        "Ringfence: tkt_0199aa\\n```"
    )
    body = f'{{"title":"Alert 12: Disk full","description":"{description}","labels":"a,b"}}'
    assert [lines(one) for one in asked] == [[f"POST {ISSUES}", *TELLING, body]]
    assert outcome == done("7", WEB_URL)


def test_an_update_and_the_end() -> None:
    what = errand(TicketAction.CLOSE, "Resolved by ann.")
    asked, outcome = play("gitlab", SETTINGS, what, [answer(201, {}), answer(200, {})])
    said = '{"body":"```text\\nResolved by ann.\\n\\nRingfence: tsk_0199bb\\n```"}'
    assert [lines(one) for one in asked] == [
        [f"POST {ISSUES}/7/notes", *TELLING, said],
        [f"PUT {ISSUES}/7", *TELLING, '{"state_event":"close"}'],
    ]
    assert outcome == done()
    what = errand(TicketAction.UPDATE, "Acknowledged by ann.")
    asked, outcome = play("gitlab", SETTINGS, what, [answer(201, {})])
    assert [one.method for one in asked] == ["POST"]
    assert outcome == done()


def test_after_an_unknown_outcome_descriptions_are_searched_first() -> None:
    near = {"iid": 6, "description": f"see {TICKET}"}
    mine = {"iid": 7, "description": f"Ringfence: {TICKET}", "web_url": WEB_URL}
    asked, outcome = play("gitlab", SETTINGS, errand(again=True), [answer(200, [near, mine])])
    query = f"search={TICKET}&in=description&per_page=100"
    assert [lines(one) for one in asked] == [[f"GET {ISSUES}?{query}", *LOOKING, ""]]
    assert outcome == done("7", WEB_URL)
    asked, _ = play("gitlab", SETTINGS, errand(again=True), [answer(200, [near]), CREATED])
    assert [one.method for one in asked] == ["GET", "POST"]


def test_a_note_is_not_said_twice() -> None:
    what = errand(TicketAction.UPDATE, "x", again=True)
    asked, outcome = play("gitlab", SETTINGS, what, [answer(200, [{"body": f"Ringfence: {TASK}"}])])
    assert [one.url for one in asked] == [
        f"{ISSUES}/7/notes?sort=desc&order_by=created_at&per_page=100"
    ]
    assert outcome == done()


@pytest.mark.parametrize(
    ("got", "wanted"),
    [
        (answer(401), refused("http_401")),
        (answer(404), refused("http_404")),
        (answer(409), again("http_409")),
        (answer(429, retry_after="30"), again("http_429", slowly=True, retry_after_s=30.0)),
        (answer(502), again("http_502")),
        (answer(201, {"iid": None}), again("bad_answer", slowly=True)),
    ],
)
def test_what_an_answer_means(got: Any, wanted: Any) -> None:
    assert play("gitlab", SETTINGS, errand(), [got])[1] == wanted


def test_no_line_of_an_event_stands_outside_the_block() -> None:
    """GitLab runs a line that begins with a slash, except in a code block."""
    what = errand(TicketAction.UPDATE, "x\n```\n/close\n/assign @root")
    [asked], _ = play("gitlab", SETTINGS, what, [])
    said = json.loads(asked.body)["body"].split("\n")
    assert said[0] == "````text"
    assert said[-1] == "````"
    assert "````" not in said[1:-1]
