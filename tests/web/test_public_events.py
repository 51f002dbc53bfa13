"""Events at the public door: of public sources only, signed or with an events token, bounded, and
nothing told to strangers."""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import urlsplit

import pytest
from callers import bearer
from events_rig import (
    ALERTMANAGER,
    CANARY,
    GENERIC,
    GRAFANA,
    PAGERDUTY,
    SECRET,
    SENTRY,
    SIGNED,
    STRIPE,
    Post,
    code,
    events_token,
    grafana,
    pagerduty,
    posted,
    sentry,
    sourced,
    stored,
    stripe,
)

from looking import Locked, answer, connect, request
from ringfence.model.principal import PrincipalKind
from ringfence.web import public_events

SOURCES = {
    **SIGNED,
    "shop": {"kind": "generic", "public": True, "tokens": ["shop"]},
    "pager": {"kind": "pagerduty", "public": True},
}
GOOD = {post.source: post for post in (grafana(), pagerduty(), sentry(), stripe())}
SHOP = Post("shop", GENERIC.document)


@pytest.mark.proves("P4", "P8")
@pytest.mark.parametrize("source", sorted(GOOD))
async def test_a_signed_event_is_stored_before_it_is_answered(store_url: str, source: str) -> None:
    async with sourced(store_url, SOURCES) as story:
        got = await posted(story, GOOD[source], public=True)
        assert got.status == 202
        assert got.headers["cache-control"] == "no-store"
        [event] = await stored(story)
        assert event.source == source


@pytest.mark.proves("P2")
async def test_an_events_token_of_that_source_is_enough(sqlite_url: str) -> None:
    async with sourced(sqlite_url, SOURCES) as story:
        shop, other = await events_token(story, "shop"), await events_token(story, "other")
        got = await posted(story, SHOP, other, public=True)
        assert code(got) == (403, "not_permitted")
        assert (await posted(story, SHOP, shop, public=True)).status == 202
        pager = Post("pager", pagerduty(other).document)
        assert (await posted(story, pager, public=True)).status == 202
        assert [event.source for event in await stored(story)] == ["shop", "pager"]


@pytest.mark.proves("P2", "P8")
@pytest.mark.parametrize("kind", [one for one in PrincipalKind if one is not PrincipalKind.EVENTS])
async def test_no_other_token_is_worth_anything_here(sqlite_url: str, kind: PrincipalKind) -> None:
    async with sourced(sqlite_url, SOURCES) as story:
        token = await bearer(story, kind, "shop")
        for post, shown in ((SHOP, token), (stripe(), token), (Post("pager", {}), None)):
            document = pagerduty(token).document if post.source == "pager" else post.document
            sent = Post(post.source, document, post.headers)
            got = await posted(story, sent, shown, public=True)
            assert code(got) == (401, "token_refused")
            assert got.headers["www-authenticate"].startswith("Bearer")
        assert await stored(story) == []


@pytest.mark.proves("P2", "P8")
@pytest.mark.parametrize(
    ("post", "status", "error"),
    [
        (Post("stripe", STRIPE), 403, "signature_refused"),
        (stripe(secret="other"), 403, "signature_refused"),
        (Post("sentry", SENTRY), 403, "signature_refused"),
        (grafana(secret="other"), 403, "signature_refused"),
        (GRAFANA, 403, "signature_refused"),
        (pagerduty("another"), 403, "signature_refused"),
        (SHOP, 401, "token_refused"),
        (Post("pager", PAGERDUTY.document), 401, "token_refused"),
        (Post("stripe", b" " * (1024 * 1024 + 1)), 413, "body_too_large"),
        (stripe({**STRIPE, "object": CANARY}), 400, "malformed_event"),
        # Configured or not, what is not public is not here.
        (GENERIC, 404, "not_found"),
        (ALERTMANAGER, 404, "not_found"),
        (Post("no-such-source", {}), 404, "not_found"),
        (Post("stripe/more", {}), 404, "not_found"),
    ],
    ids=lambda one: one.source if isinstance(one, Post) else str(one),
)
async def test_strangers_are_refused_and_learn_nothing(
    sqlite_url: str, post: Post, status: int, error: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "ringfence")
    async with sourced(sqlite_url, SOURCES) as story:
        got = await posted(story, post, public=True)
        assert code(got) == (status, error)
        for word in (SECRET, CANARY, "sources.", "shop", "monitoring"):
            assert word not in got.body.decode()
            assert word in ("shop", "sources.") or word not in caplog.text
        assert await stored(story) == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_only_post_is_taken(sqlite_url: str, method: str) -> None:
    async with sourced(sqlite_url, SOURCES) as story:
        got = await request(story.public, "/events/stripe", method=method)
        assert (got.status, got.headers["allow"]) == (405, "POST")


async def test_a_blocked_source_says_to_come_again_and_not_why(sqlite_url: str) -> None:
    missing = {"source": "env", "id": "RINGFENCE_TEST_NO_SUCH_SECRET"}
    async with sourced(sqlite_url, {"stripe": {"secrets": [missing], "public": True}}) as story:
        got = await posted(story, stripe(), public=True)
        assert code(got) == (503, "source_blocked")
        assert got.document["detail"] == ""
        assert got.headers["retry-after"]


@pytest.mark.proves("P4")
async def test_a_store_that_is_busy_is_no_202(sqlite_url: str) -> None:
    async with sourced(sqlite_url, SOURCES) as story:
        locked = Locked(story)
        got = await posted(story, stripe(), public=True)
        assert code(got) == (503, "store_busy")
        locked.free()


@pytest.mark.proves("P10")
async def test_bad_requests_of_one_address_are_bounded_and_good_ones_feel_nothing(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_events, "BAD_PER_MINUTE", 3)
    async with sourced(sqlite_url, SOURCES) as story:
        bad = [await posted(story, stripe(secret="other"), public=True) for _ in range(5)]
        assert [got.status for got in bad] == [403, 403, 403, 429, 429]
        assert (await posted(story, stripe(), public=True)).status == 202
        assert story.gateway.events.counted[("stripe", "refused")] == 5
        story.clock.advance(minutes=1)
        assert (await posted(story, stripe(secret="other"), public=True)).status == 403


@pytest.mark.proves("P10")
async def test_slow_bodies_of_one_address_are_bounded(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_events, "AT_ONCE", 4)
    async with sourced(sqlite_url, SOURCES) as story:
        slow = []
        for _ in range(2):
            reader, writer = await connect(story.public)
            host = urlsplit(story.public).netloc
            writer.write(f"POST /events/stripe HTTP/1.1\r\nHost: {host}\r\n".encode())
            writer.write(b"Content-Length: 10\r\n\r\nhalf")
            slow.append((reader, writer))
        while True:
            got = await posted(story, stripe(), public=True)
            if got.status == 429:
                break
            await asyncio.sleep(0)
        for reader, writer in slow:
            writer.write(b" of it")
            ended = await answer(reader)
            assert ended is not None
            assert ended.status == 403
            writer.close()
        assert (await posted(story, stripe(), public=True)).status == 202
