"""The link in a page: looking changes nothing, its form does what it says, and it stands for one
responder and the alerts of one text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from callers import bearer, call

from looking import Answer, audit, request
from paged import ANN, BEN, INCIDENT, STEPS, Paged, operations, paged
from ringfence.model.alert import Alert, AlertState
from ringfence.model.principal import PrincipalKind
from ringfence.web import link_page, public_links

BASE = "https://gate.example.org"
FORM = ("Content-Type", "application/x-www-form-urlencoded")
MARKUP = '<script>alert("x")</script> & "disk" is full'


def config(**more: Any) -> dict[str, Any]:
    return operations(gateway={"publicBaseUrl": BASE}, **more)


def token_in(text: str) -> str:
    found = re.search(rf"{BASE}/a/([A-Za-z0-9_-]+)", text)
    assert found, text
    return found[1]


async def link_of(story: Paged, number: str = ANN) -> str:
    """The token of the last page this phone got."""
    return token_in([text for text in story.got(number) if "/a/" in text][-1])


async def look(story: Paged, token: str, method: str = "GET") -> Answer:
    return await request(story.story.public, f"/a/{token}", method=method)


async def press(story: Paged, token: str, act: str, alert: str, **more: str) -> Answer:
    body = urlencode({"alert": alert, "act": act, **more}).encode()
    return await request(story.story.public, f"/a/{token}", headers=[FORM], body=body)


def buttons(got: Answer) -> list[tuple[str, str]]:
    """(alert, act) of every form of a page."""
    page = got.body.decode()
    found = re.findall(r'<form method="post">.*?</form>', page)
    return [
        (re.findall(r'name="alert" value="([^"]+)"', one)[0], re.findall(r'name="act" value="([a-z]+)"', one)[0])
        for one in found
    ]  # fmt: skip


async def everything(story: Paged) -> Mapping[str, int]:
    counts: Mapping[str, int] = await story.story.read(lambda tx: tx.health.counts())
    return counts


# -- looking ---------------------------------------------------------------------------------------


async def test_the_page_says_what_is_the_matter_and_who_has_it(store_url: str) -> None:
    async with paged(store_url, config()) as story:
        alert = await story.fires("db-1", title="Disk of db1 is 97 % full")
        got = await look(story, await link_of(story))
        page = got.body.decode()
        assert got.status == 200
        for words in (
            "Alert for Ann",
            "Disk of db1 is 97 % full",
            "#1",
            "database",
            "Nobody has it",
        ):
            assert words in page
        assert buttons(got) == [
            (alert.id, "acknowledge"),
            (alert.id, "escalate"),
            (alert.id, "resolve"),
        ]
        await story.ben.texts("hello")
        await story.ann.texts("1a")
        await story.passes(seconds=10)
        assert "You have it" in (await look(story, await link_of(story))).body.decode()


@pytest.mark.proves("P2")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_looking_changes_nothing_however_often(store_url: str, method: str) -> None:
    async with paged(store_url, config()) as story:
        before = await story.fires("db-1")
        token, counts = await link_of(story), await everything(story)
        for path in (token, f"{token}?act=acknowledge&alert={before.id}", f"{token}?alert=all"):
            for _ in range(5):
                assert (await look(story, path, method)).status == 200
        assert await story.alert("db-1") == before
        assert await everything(story) == counts
        await story.passes(seconds=300)
        assert len(story.got(BEN)) == 1, "the next step came all the same"


@pytest.mark.proves("P9")
async def test_nothing_of_it_is_kept_run_or_told_on(sqlite_url: str) -> None:
    async with paged(sqlite_url, config()) as story:
        await story.fires("db-1", title=MARKUP)
        token = await link_of(story)
        for got in (await look(story, token), await look(story, "x" * 22)):
            assert got.headers["cache-control"] == "no-store"
            assert got.headers["referrer-policy"] == "no-referrer"
            assert got.headers["x-robots-tag"].startswith("noindex")
            assert got.headers["x-content-type-options"] == "nosniff"
            assert got.headers["content-type"] == "text/html; charset=utf-8"
            assert "set-cookie" not in got.headers
            policy = got.headers["content-security-policy"]
            assert policy == link_page.POLICY
            assert policy.startswith("default-src 'none'; ")
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            page = got.body.decode()
            assert "<script" not in page
            assert token not in page
            assert ANN not in page
        head = await look(story, token, "HEAD")
        assert (head.status, head.body) == (200, b"")


async def test_what_an_event_said_is_words_and_never_markup(sqlite_url: str) -> None:
    async with paged(sqlite_url, config()) as story:
        await story.fires("db-1", title=MARKUP, service="<b>shop</b>")
        page = (await look(story, await link_of(story))).body.decode()
        assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &quot;disk&quot;" in page
        assert "&lt;b&gt;shop&lt;/b&gt;" in page


# -- acting ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "state", "says"),
    [
        ("acknowledge", AlertState.ACKNOWLEDGED, "#1 is yours."),
        ("resolve", AlertState.RESOLVED, "#1 is resolved."),
        ("escalate", AlertState.TRIGGERED, "#1 is passed on"),
    ],
)
async def test_a_button_does_what_a_text_does(
    store_url: str, act: str, state: AlertState, says: str
) -> None:
    async with paged(store_url, config()) as story:
        alert = await story.fires("db-1")
        got = await press(story, await link_of(story), act, alert.id)
        assert (got.status, says in got.body.decode()) == (200, True)
        assert (await story.alert("db-1")).state is state
        await story.passes(seconds=10)
        assert len(story.got(BEN)) == (1 if act == "escalate" else 0)
        await story.passes(hours=1)
        assert len(story.got(BEN)) == (1 if act == "escalate" else 0)
        kind = {"acknowledge": "acknowledged", "resolve": "resolved", "escalate": "escalated"}[act]
        found = await story.story.read(lambda tx: tx.audit.of_subject(alert.id))
        [entry] = [one.entry for one in found if one.entry.kind == f"alert_{kind}"]
        assert entry.actor == "responder:ann"


async def test_pressed_twice_it_happens_once(store_url: str) -> None:
    async with paged(store_url, config()) as story:
        alert = await story.fires("db-1")
        token = await link_of(story)
        await press(story, token, "escalate", alert.id)
        await press(story, token, "escalate", alert.id)
        await story.passes(seconds=10)
        assert (await story.alert("db-1")).step == "second"
        first = await press(story, token, "acknowledge", alert.id)
        again = await press(story, token, "acknowledge", alert.id)
        assert "#1 is yours." in first.body.decode()
        assert "#1 is yours already." in again.body.decode()
        assert len(await audit(story.story, alert.id, "alert_acknowledged")) == 1


async def test_several_alerts_of_one_text_are_taken_together(sqlite_url: str) -> None:
    async with paged(sqlite_url, config()) as story:
        await story.post(story.event("db-1"), story.event("db-2"), story.event("db-3"))
        await story.passes(seconds=10)
        token = await link_of(story)
        page = await look(story, token)
        assert ("all", "acknowledge") in buttons(page)
        assert ("all", "escalate") not in buttons(page)
        assert "3 alerts for Ann" in page.body.decode()
        second: Alert = await story.alert("db-2")
        await press(story, token, "resolve", second.id)
        got = await press(story, token, "acknowledge", "all")
        assert "2 alerts of database are yours." in got.body.decode()
        states = [(await story.alert(key)).state.value for key in ("db-1", "db-2", "db-3")]
        assert states == ["acknowledged", "resolved", "acknowledged"]
        over = await press(story, token, "resolve", "all")
        assert buttons(over) == []
        assert (
            "They are over already." in (await press(story, token, "resolve", "all")).body.decode()
        )


@pytest.mark.proves("P2")
async def test_a_link_reaches_no_alert_but_those_of_its_text(store_url: str) -> None:
    async with paged(store_url, config()) as story:
        await story.fires("db-1")
        token = await link_of(story)
        other = await story.fires("web-1", service="web")
        await story.passes(seconds=200)  # nobody is paged twice in a breath
        assert token != await link_of(story)
        for act in ("acknowledge", "escalate", "resolve"):
            got = await press(story, token, act, other.id)
            assert got.status == 400
        await press(story, token, "resolve", "all")
        assert (await story.alert("web-1")).state is AlertState.TRIGGERED


@pytest.mark.proves("P2")
async def test_a_link_stands_for_whom_it_was_sent_to(store_url: str) -> None:
    async with paged(store_url, config()) as story:
        alert = await story.fires("db-1")
        await story.passes(seconds=300)
        await press(story, await link_of(story, BEN), "acknowledge", alert.id)
        page = (await look(story, await link_of(story, ANN))).body.decode()
        assert (await story.alert("db-1")).acknowledged_by == "ben"
        assert "Ben has it" in page


@pytest.mark.proves("P2")
async def test_a_number_that_is_not_verified_can_look_and_no_more(store_url: str) -> None:
    async with paged(store_url, config(responding={"requireVerified": True})) as story:
        alert = await story.fires("db-1")
        token = await link_of(story)
        page = await look(story, token)
        assert (page.status, buttons(page)) == (200, [])
        assert "not verified" in page.body.decode()
        assert (await press(story, token, "acknowledge", alert.id)).status == 403
        assert (await story.alert("db-1")).state is AlertState.TRIGGERED


# -- not good --------------------------------------------------------------------------------------


@pytest.mark.proves("P2")
@pytest.mark.parametrize(
    "bad", ["x" * 22, "", "short", "../../etc/passwd", "x" * 2_000, "%00", "x" * 22 + "/more"]
)
async def test_an_unknown_link_is_a_page_with_words(sqlite_url: str, bad: str) -> None:
    async with paged(sqlite_url, config()) as story:
        alert = await story.fires("db-1")
        for got in (await look(story, bad), await press(story, bad, "acknowledge", alert.id)):
            assert got.status == 404
            assert "not good, or not any more" in got.body.decode()
            assert "db-1" not in got.body.decode()
        assert (await story.alert("db-1")).state is AlertState.TRIGGERED


@pytest.mark.proves("P2", "P10")
async def test_a_link_lasts_a_day(store_url: str) -> None:
    async with paged(store_url, config()) as story:
        alert = await story.fires("db-1")
        token = await link_of(story)
        story.story.clock.advance(hours=23)
        assert (await look(story, token)).status == 200
        story.story.clock.advance(hours=1)
        assert (await look(story, token)).status == 404
        assert (await press(story, token, "acknowledge", alert.id)).status == 404


@pytest.mark.proves("P2")
async def test_a_link_ends_with_the_number_it_was_sent_to(sqlite_url: str) -> None:
    async with paged(sqlite_url, config()) as story:
        alert = await story.fires("db-1")
        token = await link_of(story)
    lost = {"ann": {"number": "+15555550149", "label": "Ann"}}
    async with paged(sqlite_url, config(responders=lost), seed=8) as story:
        assert (await look(story, token)).status == 404
        assert (await press(story, token, "acknowledge", alert.id)).status == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"act=acknowledge",
        b"alert=all",
        b"act=destroy&alert=all",
        b"act=acknowledge&act=resolve&alert=all",
        b"act=acknowledge&alert=all&alert=all",
        b"\xff\xfe",
        b"act=acknowledge&alert=all&" + b"&".join(b"a%d=1" % n for n in range(9)),
        b'{"act": "acknowledge", "alert": "all"}',
    ],
)
async def test_a_form_that_is_none_does_nothing(sqlite_url: str, body: bytes) -> None:
    async with paged(sqlite_url, config()) as story:
        before = await story.fires("db-1")
        token = await link_of(story)
        got = await request(story.story.public, f"/a/{token}", headers=[FORM], body=body)
        assert got.status == 400
        assert await story.alert("db-1") == before


@pytest.mark.proves("P10")
async def test_what_is_asked_from_one_address_is_bounded(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_links, "BAD_PER_MINUTE", 3)
    async with paged(sqlite_url, config()) as story:
        alert = await story.fires("db-1")
        token = await link_of(story)
        guesses = [(await look(story, f"{'x' * 21}{n}")).status for n in range(5)]
        assert guesses == [404, 404, 404, 429, 429]
        # Who guesses is not let in by the next guess either.
        assert (await press(story, token, "acknowledge", alert.id)).status == 429
        story.story.clock.advance(minutes=1)
        assert (await look(story, token)).status == 200
        large = await request(story.story.public, f"/a/{token}", headers=[FORM], body=b"a" * 2_049)
        assert large.status == 413
        for method in ("PUT", "DELETE", "PATCH"):
            got = await look(story, token, method)
            assert (got.status, got.headers["allow"]) == (405, "GET, HEAD, POST")


@pytest.mark.proves("P9")
async def test_the_store_holds_no_link_that_could_be_used(sqlite_url: str) -> None:
    async with paged(sqlite_url, config()) as story:
        await story.fires("db-1")
        token = await link_of(story)
        # Its text has it, as every text stands with its message; whoever reads that is Ann.
        found = await story.story.read(lambda tx: tx.alerts.link(token, story.story.clock.now()))
        assert found is None


@pytest.mark.proves("P2", "P9")
@pytest.mark.parametrize("kind", [PrincipalKind.VIEWER, PrincipalKind.OPERATOR])
async def test_who_may_read_messages_may_not_act_by_them(
    sqlite_url: str, kind: PrincipalKind
) -> None:
    async with paged(sqlite_url, config()) as story:
        await story.fires("db-1")
        reader = await bearer(story.story, kind)
        token = await link_of(story)
        found = (await call(story.story, "GET", "/api/v1/messages", token=reader)).document
        [page] = [one for one in found["messages"] if one["class"] == "page"]
        assert page["body"].endswith(f"{BASE}/a/…")
        one = await call(story.story, "GET", f"/api/v1/messages/{page['id']}", token=reader)
        assert token not in one.body.decode()


async def test_without_an_address_of_ours_there_is_no_link(sqlite_url: str) -> None:
    async with paged(sqlite_url, operations(flows={"incident": dict(INCIDENT)}, steps=STEPS)) as s:
        await s.fires("db-1")
        assert "/a/" not in s.got(ANN)[-1]
