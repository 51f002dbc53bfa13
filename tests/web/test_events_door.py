"""Events at the private door: what each source is taken by, what is refused with which answer, who may
post, and that nothing is answered 202 before it is stored."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from callers import bearer, call, refusals
from events_rig import (
    ALERTMANAGER,
    CANARY,
    CLOUD,
    CLOUD_TYPE,
    CLOUDEVENTS,
    GENERIC,
    GRAFANA,
    HEARTBEAT,
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

from looking import Locked
from paged import INCIDENT, operations
from ringfence.gateway import principals
from ringfence.model.principal import PrincipalKind
from telling import START, telling

OPERATOR, AGENT, EVENTS = PrincipalKind.OPERATOR, PrincipalKind.AGENT, PrincipalKind.EVENTS
BY_TOKEN = {
    post.source: post
    for post in (ALERTMANAGER, CLOUDEVENTS, GENERIC, GRAFANA, HEARTBEAT, PAGERDUTY)
}
BY_SIGNATURE = {post.source: post for post in (grafana(), pagerduty(), sentry(), stripe())}
LATE = START - timedelta(seconds=301)
MIB = 1024 * 1024


# -- taken ----------------------------------------------------------------------------------------


@pytest.mark.proves("P4")
@pytest.mark.parametrize("source", sorted(BY_TOKEN))
@pytest.mark.parametrize("path", ["/api/v1/events/{}", "/v1/events/{}"])
async def test_a_token_lets_an_event_in(store_url: str, source: str, path: str) -> None:
    async with sourced(store_url) as story:
        got = await posted(story, BY_TOKEN[source], await events_token(story), path=path)
        assert got.status == 202
        # Before anything else ran: it is there for whoever opens the store next.
        [event] = await stored(story)
        assert event.source == source
        if source == "pagerduty":
            assert got.document["status"] == "success"
            assert got.document["dedup_key"] == event.id == event.dedupe_key
        else:
            assert got.document == {
                "accepted": 1,
                "duplicates": 0,
                "events": [{"id": event.id}],
            }


@pytest.mark.proves("P4")
@pytest.mark.parametrize("source", sorted(BY_SIGNATURE))
async def test_a_signature_lets_an_event_in_without_a_token(store_url: str, source: str) -> None:
    async with sourced(store_url, SIGNED) as story:
        got = await posted(story, BY_SIGNATURE[source])
        assert got.status == 202
        [event] = await stored(story)
        assert event.source == source
        assert SECRET not in str(event.document)


async def test_the_routing_key_is_the_token(sqlite_url: str) -> None:
    async with sourced(sqlite_url) as story:
        token = await events_token(story)
        got = await posted(story, pagerduty(token))
        assert got.status == 202
        [event] = await stored(story)
        assert token not in str(event)
        assert token not in str(event.document)


async def test_where_no_source_is_named_the_request_says_what_it_is(sqlite_url: str) -> None:
    async with sourced(sqlite_url) as story:
        token = await events_token(story)
        binary = (("ce-specversion", "1.0"), ("ce-id", "2"), ("ce-source", "/a"), ("ce-type", "b"))
        batch = Post("", [CLOUD | {"id": "3"}, CLOUD | {"id": "4"}])
        for post in (
            GENERIC,
            CLOUDEVENTS,
            Post("", {}, (("Content-Type", "application/json"), *binary)),
            batch.saying(("Content-Type", "application/cloudevents-batch+json; charset=utf-8")),
        ):
            got = await posted(story, post, token, path="/v1/events")
            assert got.status == 202, got.body
        sources = [event.source for event in await stored(story)]
        assert sources == ["generic", *["cloudevents"] * 4]


async def test_events_have_the_configured_sources_name(sqlite_url: str) -> None:
    shops = {"shop": {"kind": "cloudevents"}, "cloudevents": {"kind": "generic"}}
    async with sourced(sqlite_url, shops) as story:
        token = await events_token(story)
        # The only one of its kind is meant, whatever has the kind's name.
        assert (await posted(story, CLOUDEVENTS, token, path="/v1/events")).status == 202
        assert [event.source for event in await stored(story)] == ["shop"]
    both = {**shops, "other": {"kind": "cloudevents"}}
    async with sourced(sqlite_url, both, seed=8) as story:
        token = await events_token(story, "again")
        got = await posted(story, CLOUDEVENTS, token, path="/v1/events")
        assert code(got) == (404, "not_found")
        assert "shop" not in got.document["detail"]


@pytest.mark.proves("P4")
@pytest.mark.parametrize(
    "post", [CLOUDEVENTS, GENERIC, stripe()], ids=lambda post: str(post.source)
)
async def test_the_same_event_again_is_one_for_ever(store_url: str, post: Post) -> None:
    async with sourced(store_url, SIGNED) as story:
        token = None if post.source == "stripe" else await events_token(story)
        first = await posted(story, post, token)
        again = await posted(story, post, token)
        [event] = await stored(story)
        assert first.document["accepted"] == 1
        assert (again.status, again.document) == (
            202,
            {"accepted": 0, "duplicates": 1, "events": [{"id": event.id, "duplicate": True}]},
        )


@pytest.mark.proves("P4")
async def test_what_could_not_be_stored_is_not_answered_202(sqlite_url: str) -> None:
    async with sourced(sqlite_url) as story:
        token = await events_token(story)
        locked = Locked(story)
        got = await posted(story, GENERIC, token)
        assert code(got) == (503, "store_busy")
        assert got.headers["retry-after"]
        locked.free()
        assert (await posted(story, GENERIC, token)).document["accepted"] == 1


async def test_sentry_is_answered_without_waiting_for_anything(sqlite_url: str) -> None:
    """It gives up after a second: nothing between its request and the answer waits for the clock,
    which stands still here, or for a worker, which does not run."""
    async with sourced(sqlite_url, SIGNED) as story:
        before = story.clock.now()
        assert (await posted(story, sentry())).status == 202
        assert story.clock.now() == before


# -- refused ---------------------------------------------------------------------------------------

# What is wrong → the post, the answer's status and code, and what the words must say.
BAD: dict[str, tuple[Post, int, str, str]] = {
    "alertmanager: a `version` that is not 4": (
        ALERTMANAGER.having("version", "3"), 400, "malformed_event", "`version`",
    ),
    "alertmanager: no `alerts`": (ALERTMANAGER.without("alerts"), 400, "malformed_event", "`alerts`"),
    "alertmanager: an alert that is no object": (
        ALERTMANAGER.having("alerts", [CANARY]), 400, "malformed_event", "`alerts[0]`",
    ),
    "alertmanager: a time without an offset in `startsAt`": (
        ALERTMANAGER.having("alerts.0.startsAt", f"2026-03-02T16:40:12 {CANARY}"),
        400,
        "malformed_event",
        "`alerts[0].startsAt`",
    ),
    "alertmanager: more than 2 MiB": (Post("alertmanager", b" " * (2 * MIB + 1)), 413, "body_too_large", ""),
    "cloudevents: a `specversion` that is not 1.0": (
        CLOUDEVENTS.having("specversion", "0.3"), 400, "malformed_event", "`specversion`",
    ),
    "cloudevents: no `source`": (CLOUDEVENTS.without("source"), 400, "malformed_event", "`source`"),
    "cloudevents: a batch that is no list": (
        CLOUDEVENTS.saying(("Content-Type", "application/cloudevents-batch+json")),
        400,
        "malformed_event",
        "list",
    ),
    "cloudevents: a format that is not JSON": (
        CLOUDEVENTS.saying(("Content-Type", "application/cloudevents+xml")),
        400,
        "malformed_event",
        "JSON",
    ),
    "cloudevents: neither the Content-Type nor `ce-` headers": (
        CLOUDEVENTS.saying(("Content-Type", "application/json")), 400, "malformed_event", "`ce-`",
    ),
    "cloudevents: more than 1 MiB": (
        Post("cloudevents", b" " * (MIB + 1), (CLOUD_TYPE,)), 413, "body_too_large", "",
    ),
    "generic: what is no JSON": (Post("generic", CANARY.encode()), 400, "malformed_event", "JSON"),
    "generic: a list of events": (Post("generic", [GENERIC.document]), 400, "malformed_event", "object"),
    "generic: no `id`": (GENERIC.without("id"), 400, "malformed_event", "`id`"),
    "generic: no `type`": (GENERIC.without("type"), 400, "malformed_event", "`type`"),
    "generic: a field that is not known, such as `at`": (
        GENERIC.having("at", CANARY), 400, "malformed_event", "`at`",
    ),
    "generic: a `severity` that is none of the four": (
        GENERIC.having("severity", CANARY), 400, "malformed_event", "`severity`",
    ),
    "generic: a link that is no web address": (
        GENERIC.having("links", [{"href": "javascript:1"}]),
        400,
        "malformed_event",
        "`links[0].href`",
    ),
    "generic: more than 512 KiB": (Post("generic", b" " * (MIB // 2 + 1)), 413, "body_too_large", ""),
    "grafana: a signature by another secret": (grafana(secret="other"), 403, "signature_refused", ""),
    "grafana: no signature": (GRAFANA, 403, "signature_refused", ""),
    "grafana: a signature older than 300 s": (grafana(at=LATE), 403, "signature_refused", "300 s"),
    "grafana: more than 2 MiB": (
        Post("grafana", b" " * (2 * MIB + 1), grafana().headers), 413, "body_too_large", "",
    ),
    "heartbeat: no `name`": (HEARTBEAT.without("name"), 400, "malformed_event", "`name`"),
    "heartbeat: a `period_s` of less than 10": (
        HEARTBEAT.having("period_s", 1), 400, "malformed_event", "`period_s`",
    ),
    "heartbeat: a query without names": (
        Post("heartbeat", b"", query=CANARY), 400, "malformed_event", "query",
    ),
    "heartbeat: more than 16 KiB": (Post("heartbeat", b" " * (16 * 1024 + 1)), 413, "body_too_large", ""),
    "pagerduty: a routing key that is no secret of the source": (pagerduty("another"), 403, "signature_refused", "`routing_key`"),
    "pagerduty: more than 512 KiB": (
        Post("pagerduty", b" " * (MIB // 2 + 1)), 413, "body_too_large", "",
    ),
    "pagerduty: no routing key": (PAGERDUTY, 403, "signature_refused", "`routing_key`"),
    "pagerduty: an `event_action` that is none of the three": (
        pagerduty().having("event_action", CANARY), 400, "malformed_event", "`event_action`",
    ),
    "pagerduty: no `payload.summary`": (
        pagerduty().without("payload.summary"), 400, "malformed_event", "`payload.summary`",
    ),
    "pagerduty: a `resolve` without `dedup_key`": (
        pagerduty().having("event_action", "resolve"), 400, "malformed_event", "`dedup_key`",
    ),
    "sentry: a signature by another secret": (sentry(secret="other"), 403, "signature_refused", ""),
    "sentry: more than 2 MiB": (
        Post("sentry", b" " * (2 * MIB + 1), sentry().headers), 413, "body_too_large", "",
    ),
    "sentry: no signature": (Post("sentry", SENTRY), 403, "signature_refused", ""),
    "sentry: no `data.event` in an event alert": (
        sentry({"action": "triggered", "data": {}}), 400, "malformed_event", "`data.event`",
    ),
    "sentry: no `Sentry-Hook-Resource`": (
        sentry().saying(sentry().headers[1]), 400, "malformed_event", "`sentry-hook-resource`",
    ),
    "stripe: a signature by another secret": (stripe(secret="other"), 403, "signature_refused", ""),
    "stripe: no signature": (Post("stripe", STRIPE), 403, "signature_refused", ""),
    "stripe: a signature older than 300 s": (stripe(at=LATE), 403, "signature_refused", "300 s"),
    "stripe: a signature more than 300 s ahead": (
        stripe(at=START + timedelta(seconds=301)), 403, "signature_refused", "300 s",
    ),
    "stripe: a body that was changed": (
        stripe().having("type", "invoice.paid"), 403, "signature_refused", "",
    ),
    "stripe: an `object` that is no event": (
        stripe({**STRIPE, "object": CANARY}), 400, "malformed_event", "`object`",
    ),
    "stripe: more than 1 MiB": (Post("stripe", b" " * (MIB + 1)), 413, "body_too_large", ""),
}  # fmt: skip


@pytest.mark.proves("P9", "P10")
@pytest.mark.parametrize("what", sorted(BAD))
async def test_what_is_wrong_is_named_and_nothing_is_kept(
    sqlite_url: str, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    post, status, error, says = BAD[what]
    caplog.set_level(logging.DEBUG, "ringfence")
    async with sourced(sqlite_url, SIGNED) as story:
        token = None if post.source in SIGNED else await events_token(story)
        got = await posted(story, post, token)
        assert code(got) == (status, error)
        assert got.headers["content-type"] == "application/problem+json"
        assert says in got.document["detail"]
        assert CANARY not in got.body.decode()
        assert CANARY not in caplog.text
        assert await stored(story) == []
        assert story.gateway.events.counted == {(post.source, "refused"): 1}


@pytest.mark.parametrize(
    "post",
    [
        GENERIC.having("type", "what.nobody.knows"),
        stripe({**STRIPE, "type": "what.nobody.knows"}),
        sentry({"action": "invented", "data": {}}, resource="novelty"),
        CLOUDEVENTS.having("type", "what.nobody.knows"),
    ],
    ids=lambda post: str(post.source),
)
async def test_a_type_that_nobody_knows_is_no_error(sqlite_url: str, post: Post) -> None:
    async with sourced(sqlite_url, SIGNED) as story:
        token = None if post.source in SIGNED else await events_token(story)
        assert (await posted(story, post, token)).status == 202
        [event] = await stored(story)
        assert event.outcome == {}


@pytest.mark.proves("P10")
async def test_more_than_a_source_may_is_told_to_come_again(sqlite_url: str) -> None:
    async with sourced(sqlite_url, {"generic": {"ratePerMinute": 2}}) as story:
        token = await events_token(story)
        posts = [GENERIC.having("id", str(number)) for number in range(3)]
        got = [await posted(story, post, token) for post in posts]
        assert [one.status for one in got] == [202, 202, 429]
        assert got[2].headers["retry-after"]
        assert story.gateway.events.counted[("generic", "limited")] == 1
        assert ("generic", "refused") not in story.gateway.events.counted
        story.clock.advance(minutes=1)
        assert (await posted(story, posts[2], token)).status == 202


async def test_a_blocked_source_takes_nothing_and_says_why_to_those_it_knows(
    sqlite_url: str,
) -> None:
    missing = {"source": "env", "id": "RINGFENCE_TEST_NO_SUCH_SECRET"}
    async with sourced(sqlite_url, {"stripe": {"secrets": [missing], "public": True}}) as story:
        got = await posted(story, stripe())
        assert code(got) == (503, "source_blocked")
        assert "RINGFENCE_TEST" not in got.body.decode()
        got = await posted(story, stripe(), await events_token(story))
        assert code(got) == (503, "source_blocked")
        assert "sources.stripe.secrets[0]" in got.document["detail"]
        assert await stored(story) == []


# -- who may ---------------------------------------------------------------------------------------


@pytest.mark.proves("P2")
@pytest.mark.parametrize("kind", list(PrincipalKind))
@pytest.mark.parametrize("path", ["/api/v1/events/{}", "/v1/events", "/v1/events/{}"])
async def test_only_events_tokens_and_operators_post(
    sqlite_url: str, kind: PrincipalKind, path: str
) -> None:
    async with sourced(sqlite_url) as story:
        token = await bearer(story, kind)
        got = await posted(story, GENERIC, token, path=path)
        if kind in (EVENTS, OPERATOR):
            assert got.status == 202
        else:
            assert code(got) == (403, "not_permitted")
            assert await stored(story) == []


@pytest.mark.proves("P2", "P7")
async def test_a_program_on_this_machine_is_no_source(sqlite_url: str) -> None:
    async with sourced(sqlite_url, SIGNED) as story:
        for post in (GENERIC, Post("no-such-source", {}), HEARTBEAT):
            got = await posted(story, post)
            assert code(got) == (403, "not_permitted")
            assert "a token of kind events or operator" in got.document["detail"]
        found = await refusals(story, "agent:local")
        assert {one["permission"] for one in found} == {"events"}
        assert await stored(story) == []


@pytest.mark.proves("P2")
async def test_a_bad_token_is_never_taken_for_a_signature_or_none(sqlite_url: str) -> None:
    async with sourced(sqlite_url, SIGNED) as story:
        good = await events_token(story)
        for post in (stripe(), GENERIC, pagerduty()):
            got = await posted(story, post, good + "x")
            assert code(got) == (401, "token_refused"), post.source
        # Nor does a good token stand in for the signature.
        assert code(await posted(story, stripe(secret="other"), good)) == (403, "signature_refused")
        assert await stored(story) == []


@pytest.mark.proves("P2", "P3")
async def test_a_routing_key_is_judged_as_every_token_is(sqlite_url: str) -> None:
    async with sourced(sqlite_url) as story:
        token = await events_token(story)
        agent = await bearer(story, AGENT, "shop")
        assert code(await posted(story, pagerduty(token + "x"))) == (401, "token_refused")
        assert code(await posted(story, pagerduty("0123456789abcdef"))) == (401, "token_refused")
        assert code(await posted(story, pagerduty(agent))) == (403, "not_permitted")
        assert code(await posted(story, PAGERDUTY)) == (403, "not_permitted")
        kit = story.gateway.kit
        for one in await principals.listing(kit, 10):
            await principals.revoke(kit, one.id, "operator:test")
        assert code(await posted(story, pagerduty(token))) == (401, "token_refused")
        assert await stored(story) == []


@pytest.mark.proves("P2")
async def test_a_token_in_the_body_opens_no_other_route(sqlite_url: str) -> None:
    async with sourced(sqlite_url) as story:
        operator = await bearer(story, OPERATOR)
        body = {"routing_key": operator, "event_action": "trigger"}
        for path in ("/api/v1/tokens", "/api/v1/stop", "/api/v1/events/generic"):
            got = await call(story, "POST", path, body)
            assert code(got) == (403, "not_permitted"), path


async def test_a_source_may_be_for_some_tokens_only(sqlite_url: str) -> None:
    async with sourced(sqlite_url, {"generic": {"tokens": ["shop"]}}) as story:
        other, shop = await events_token(story), await events_token(story, "shop")
        got = await posted(story, GENERIC, other)
        assert code(got) == (403, "not_permitted")
        assert "shop" not in got.document["detail"]
        assert (await posted(story, GENERIC, shop)).status == 202
        assert (await posted(story, HEARTBEAT, other)).status == 202
        boss = await bearer(story, OPERATOR, "boss")
        assert (await posted(story, GENERIC.having("id", "2"), boss)).status == 202


@pytest.mark.proves("P2")
async def test_a_token_for_some_lines_starts_nothing_on_others(sqlite_url: str) -> None:
    two = {"accounts": {"night": {"fromNumber": "+15555550109", "webhookPath": "/webhooks/night"}}}
    flows = {
        "by-day": {**INCIDENT, "sources": ["generic"]},
        "by-night": {**INCIDENT, "sources": ["shop", "heartbeat"], "line": "night"},
    }
    config = operations(flows=flows, sources={"shop": {"kind": "generic"}})
    async with telling(sqlite_url, config=config, sms=two) as story:
        night = await events_token(story, "night", ["night"])
        assert code(await posted(story, GENERIC, night)) == (403, "not_permitted")
        for post in (HEARTBEAT, Post("shop", GENERIC.document), CLOUDEVENTS):
            assert (await posted(story, post, night)).status == 202, post.source
        assert (await posted(story, GENERIC, await events_token(story))).status == 202


@pytest.mark.proves("P10")
async def test_guesses_are_bounded_and_good_ones_feel_nothing(sqlite_url: str) -> None:
    async with sourced(sqlite_url, SIGNED) as story:
        bad = stripe(secret="other")
        answers = [(await posted(story, bad)).status for _ in range(32)]
        assert answers == [*[403] * 30, 429, 429]
        assert (await posted(story, stripe())).status == 202
        assert story.gateway.events.counted[("stripe", "refused")] == 32


# -- looked at -------------------------------------------------------------------------------------


async def test_events_are_listed_and_shown(store_url: str) -> None:
    async with sourced(store_url) as story:
        token, viewer = await events_token(story), await bearer(story, PrincipalKind.VIEWER)
        for number in range(3):
            assert (await posted(story, GENERIC.having("id", str(number)), token)).status == 202
        await posted(story, HEARTBEAT, token)
        page = (await call(story, "GET", "/api/v1/events?limit=2", token=viewer)).document
        assert [one["source"] for one in page["events"]] == ["heartbeat", "generic"]
        rest = await call(story, "GET", f"/api/v1/events?after={page['next']}", token=viewer)
        assert (len(rest.document["events"]), rest.document["next"]) == (2, None)
        only = await call(story, "GET", "/api/v1/events?source=heartbeat", token=viewer)
        assert len(only.document["events"]) == 1
        key = page["events"][1]["id"]
        one = (await call(story, "GET", f"/api/v1/events/{key}", token=viewer)).document
        assert (one["name"], one["dedupe_key"]) == ("2", "deploy/shop")
        assert one["event"]["title"] == CANARY
        missing = await call(story, "GET", "/api/v1/events/evt_x", token=viewer)
        assert code(missing) == (404, "not_found")
