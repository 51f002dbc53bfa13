"""Who opted out, read from Twilio's message log: what counts as a sign, and where the next page may
lead."""

from __future__ import annotations

import json
from typing import Any

import pytest
from twilio_rig import ACCOUNT, SERVICE, line

from ringfence.model.errors import ProviderError, ProviderMisconfigured
from ringfence.model.wire import WireResponse
from ringfence.providers.base import ListsOptOuts
from ringfence.providers.twilio import PROVIDER

OURS, ANN = "+15555550100", "+15555550111"
LIST = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"


def row(**changes: Any) -> dict[str, Any]:
    return {
        "sid": "SM" + "0" * 32,
        "from": ANN,
        "to": OURS,
        "body": "STOP",
        "direction": "inbound",
        "error_code": None,
        "date_created": "Mon, 02 Mar 2026 17:00:00 +0000",
        "messaging_service_sid": None,
        **changes,
    }


def sent(**changes: Any) -> dict[str, Any]:
    return row(**{"from": OURS, "to": ANN, "body": "hi", "direction": "outbound-api", **changes})


def answer(*rows: Any, next_page: object = None, status: int = 200) -> WireResponse:
    document = {"messages": list(rows), "next_page_uri": next_page}
    return WireResponse(status, {}, json.dumps(document).encode())


def signs(*rows: Any, **changes: Any) -> list[tuple[str, bool, str]]:
    page = PROVIDER.opt_outs_listed(answer(*rows), line(**changes))
    return [(sign.number, sign.opted_in, sign.word) for sign in page.signs]


def test_the_codec_says_where_it_looks() -> None:
    assert isinstance(PROVIDER, ListsOptOuts)
    assert "nowhere" in PROVIDER.opt_outs_seen_in
    urls = [request.url for request in PROVIDER.opt_outs(line())]
    assert urls == [
        f"https://api.twilio.com{LIST}?From=%2B15555550100&PageSize=1000",
        f"https://api.twilio.com{LIST}?To=%2B15555550100&PageSize=1000",
    ]
    [whole] = PROVIDER.opt_outs(line(number=None, service_id=SERVICE))
    assert whole.url == f"https://api.twilio.com{LIST}?PageSize=1000"
    assert whole.secret_headers


@pytest.mark.proves("C4")
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (row(), (ANN, False, "stop")),
        (row(body="Arrêt !"), (ANN, False, "arret")),
        (row(body="START"), (ANN, True, "start")),
        (row(body="YES"), (ANN, True, "yes")),
        (sent(error_code=21610), (ANN, False, "21610")),
        (sent(error_code="21610"), (ANN, False, "21610")),
        (row(body="stop texting me"), None),
        (row(body="HELP"), None),
        (row(body=None), None),
        (row(error_code=21610, body="hi"), None),
        (sent(error_code=30003), None),
        (sent(error_code=True), None),
        (sent(body="STOP"), None),
        (row(to="+15555550109"), None),
        ({}, None),
    ],
)
def test_what_is_a_sign(given: dict[str, Any], expected: tuple[str, bool, str] | None) -> None:
    assert signs(given, "no row") == ([expected] if expected else [])


def test_a_service_reads_its_own_messages_alone() -> None:
    ours, others = row(messaging_service_sid=SERVICE), row(**{"from": "+15555550112"})
    assert [one[0] for one in signs(ours, others, number=None, service_id=SERVICE)] == [ANN]


def test_a_page_says_how_old_it_gets_and_where_the_list_goes_on() -> None:
    more = f"{LIST}?From=%2B15555550100&PageSize=1000&Page=1&PageToken=PASM1"
    page = PROVIDER.opt_outs_listed(answer(row(), sent(), next_page=more), line())
    assert page.oldest is not None
    assert page.oldest.isoformat() == "2026-03-02T17:00:00+00:00"
    assert page.more is not None
    assert page.more.url == f"https://api.twilio.com{more}"
    last = PROVIDER.opt_outs_listed(answer(), line())
    assert (last.signs, last.oldest, last.more) == ((), None, None)


@pytest.mark.proves("P9")
@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example" + LIST,
        "//elsewhere.example" + LIST,
        LIST.replace(ACCOUNT, "AC" + "f" * 32),
        LIST.replace("Messages", "Calls"),
        "@elsewhere.example" + LIST,
        f"{LIST}?Page=%zz",
    ],
)
def test_the_list_goes_on_nowhere_else(link: str) -> None:
    with pytest.raises(ProviderError):
        PROVIDER.opt_outs_listed(answer(next_page=link), line())


def test_an_answer_that_is_no_list_is_an_error() -> None:
    with pytest.raises(ProviderError):
        PROVIDER.opt_outs_listed(WireResponse(200, {}, b'{"messages": 7}'), line())
    with pytest.raises(ProviderMisconfigured):
        PROVIDER.opt_outs_listed(WireResponse(401, {}, b'{"code": 20003}'), line())
