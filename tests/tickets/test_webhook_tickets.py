"""tickets/webhook.py; the witness for its signatures is the `standardwebhooks` package."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook
from tickets_rig import NUMBER, TASK, answer, errand, lines, play

from ringfence.model.errors import ConfigInvalid
from ringfence.model.line import Secret
from ringfence.model.ticket import TicketAction
from ringfence.tickets import settings_of
from ringfence.tickets.base import again, done, refused
from ringfence.tickets.webhook import Settings, request

OLD = "whsec_" + base64.b64encode(b"o" * 24).decode()
NEW = "whsec_" + base64.b64encode(bytes(range(32))).decode()
URL = "https://hook.example.org/tickets?key=1"
SETTINGS = settings_of("webhook", {"url": URL, "secrets": (Secret(NEW),)})


def test_opening_is_one_signed_request() -> None:
    asked, outcome = play("webhook", SETTINGS, errand(), [answer(204)])
    body = (
        '{"type":"ticket.opened","timestamp":"2026-11-21T12:00:00+00:00","data":{'
        '"ticket":"tkt_0199aa","text":"","alert":{"id":"alr_1","number":12,'
        '"title":"Disk full","severity":"critical","service":"db","flow":"incident",'
        '"state":"triggered","opened_at":"2026-11-21T12:00:00+00:00","acknowledged_by":"",'
        '"url":"https://mon.example.org/a/12"}}}'
    )
    signature = Webhook(NEW).sign(TASK, datetime(2026, 11, 21, 12, 5, tzinfo=UTC), body)
    assert [lines(one) for one in asked] == [
        [
            f"POST {URL}",
            "Content-Type: application/json",
            f"webhook-id: {TASK}",
            "webhook-timestamp: 1795262700",
            f"webhook-signature: {signature}",
            body,
        ]
    ]
    assert outcome == done()


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_the_witness_accepts_either_secret_and_refuses_a_changed_body(secret: str) -> None:
    made = request(errand(), Settings(URL, (Secret(OLD), Secret(NEW))))
    headers, witness = made.secret_headers, Webhook(secret)
    signed = headers["webhook-signature"].split()
    stamp = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    assert witness.sign(TASK, stamp, made.body.decode()) in signed
    assert witness.sign(TASK, stamp, made.body.decode() + " ") not in signed


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        (TicketAction.OPEN, "ticket.opened"),
        (TicketAction.UPDATE, "ticket.updated"),
        (TicketAction.CLOSE, "ticket.closed"),
    ],
)
def test_each_change_is_told_also_without_an_answer_to_the_opening(
    action: TicketAction, kind: str
) -> None:
    what = errand(action, f"Call {NUMBER}\x07", remote_id="", title=f"from {NUMBER}")
    [asked], _ = play("webhook", SETTINGS, what, [])
    document = json.loads(asked.body)
    assert document["type"] == kind
    assert document["data"]["text"] == "Call +1555•••0123"
    assert NUMBER not in asked.body.decode()


@pytest.mark.parametrize(
    ("got", "wanted"),
    [
        (answer(200, {"anything": 1}), done()),
        (answer(410), refused("http_410")),
        (answer(302), again("http_302")),
        (answer(404), again("http_404")),
        (answer(400), again("http_400")),
        (answer(500), again("http_500")),
        (answer(502), again("http_502", slowly=True)),
        (answer(429, retry_after="7"), again("http_429", slowly=True, retry_after_s=7.0)),
        (answer(503, retry_after="7"), again("http_503", slowly=True, retry_after_s=7.0)),
    ],
)
def test_what_an_answer_means(got: Any, wanted: Any) -> None:
    assert play("webhook", SETTINGS, errand(), [got])[1] == wanted


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"url": "http://hook.example.org/"}, "url: may be plain http on this machine only"),
        ({"url": "https://u:p@hook.example.org/"}, "url: must hold no credentials"),
        ({"url": "ftp://hook.example.org/"}, "url: expected an https address"),
        ({"secrets": ()}, "secrets: expected at least one"),
        ({"secrets": (Secret(NEW), Secret("whsec_short"))}, "secrets[1]: expected whsec_"),
        ({"secrets": (Secret("hunter2"),)}, "secrets[0]: expected whsec_"),
    ],
)
def test_settings_that_would_send_in_the_open_are_refused(
    options: dict[str, Any], wrong: str
) -> None:
    with pytest.raises(ConfigInvalid) as refusal:
        settings_of("webhook", {"url": URL, "secrets": (Secret(NEW),), **options})
    assert wrong in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


def test_a_url_of_this_machine_may_be_plain() -> None:
    for host in ("127.0.0.1:9000", "localhost", "[::1]:9000"):
        assert settings_of("webhook", {"url": f"http://{host}/x", "secrets": (Secret(NEW),)})
