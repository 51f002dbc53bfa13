"""Tokens in the gateway: made once, shown once, recognised until revoked, in every process; and what
becomes of refusals."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from looking import Locked, audit
from ringfence.gateway import principals
from ringfence.gateway.principals import Refusals, Wanted
from ringfence.model.errors import InvalidField, NotFound, TokenRefused, TooMany
from ringfence.model.principal import LOCAL, Permission, Principal, PrincipalKind
from ringfence.store import open_store
from telling import Story, telling

KINDS = tuple(PrincipalKind)


@pytest.fixture
async def story(store_url: str) -> AsyncIterator[Story]:
    async with telling(store_url) as told:
        yield told


async def create(story: Story, kind: PrincipalKind = PrincipalKind.VIEWER, **given: object) -> str:
    wanted = dataclasses.replace(Wanted("ann", kind), **given)  # type: ignore[arg-type]
    return (await principals.create(story.gateway.kit, wanted, "operator:test")).bearer


async def who(story: Story, bearer: str) -> Principal:
    return await principals.authenticate(story.gateway.kit, bearer, story.clock.now())


async def why_not(story: Story, bearer: str) -> str:
    with pytest.raises(TokenRefused) as refused:
        await who(story, bearer)
    return refused.value.detail


@pytest.mark.parametrize("kind", KINDS)
async def test_a_token_stands_for_whom_it_was_made(story: Story, kind: PrincipalKind) -> None:
    bearer = await create(story, kind, lines=frozenset({"default"}))
    assert re.fullmatch(r"rf_[oavge]_[A-Za-z0-9_-]{43}", bearer)
    principal = await who(story, bearer)
    assert (principal.kind, principal.name, principal.lines) == (kind, "ann", {"default"})
    assert principal.actor == f"{kind.value}:ann"
    assert principal.agent == ("ann" if kind is PrincipalKind.AGENT else "")


@pytest.mark.proves("P9")
async def test_the_token_itself_is_kept_nowhere(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        bearer = await create(story)
        await who(story, bearer)
    folder = Path(sqlite_url.removeprefix("sqlite:///")).parent
    held = b"".join(path.read_bytes() for path in folder.iterdir())
    assert b"token_created" in held
    assert bearer[5:].encode() not in held


@pytest.mark.proves("P7")
async def test_making_and_revoking_are_on_record(story: Story) -> None:
    issued = await principals.create(
        story.gateway.kit,
        Wanted("shop", PrincipalKind.AGENT, frozenset({"default"}), "store", timedelta(days=1)),
        "operator:ann",
    )
    await principals.revoke(story.gateway.kit, issued.token.id, "operator:bob")
    assert await audit(story, issued.token.id, "token_created") == [
        {
            "kind": "agent",
            "name": "shop",
            "agent": "store",
            "lines": ["default"],
            "expires_at": "2026-03-03T17:00:00.000Z",
        }
    ]
    assert await audit(story, issued.token.id, "token_revoked") == [
        {"kind": "agent", "name": "shop"}
    ]
    found = await story.read(lambda tx: tx.audit.of_subject(issued.token.id))
    assert [one.entry.actor for one in found] == ["operator:ann", "operator:bob"]


@pytest.mark.proves("P2", "P3")
async def test_a_revocation_holds_at_once_in_every_process(store_url: str) -> None:
    async with telling(store_url) as story:
        bearer = await create(story)
        token_id = (await who(story, bearer)).token_id
        other = dataclasses.replace(
            story.gateway.kit, store=await open_store(store_url, clock=story.clock)
        )
        await principals.revoke(other, token_id, "operator:elsewhere")
        await other.store.close()
        assert "revoked" in await why_not(story, bearer)
        with pytest.raises(NotFound):
            await principals.revoke(story.gateway.kit, token_id, "operator:again")


@pytest.mark.proves("P2")
async def test_a_token_ends_when_it_was_told_to(story: Story) -> None:
    bearer = await create(story, lifetime=timedelta(hours=1))
    story.clock.advance(minutes=59, seconds=59)
    await who(story, bearer)
    story.clock.advance(seconds=1)
    assert "expired" in await why_not(story, bearer)


@pytest.mark.proves("P2")
async def test_what_is_no_token_is_nobody(story: Story) -> None:
    good = await create(story, PrincipalKind.VIEWER)
    for bad in (
        *("", "rf_", "rf_v_", good[:-1], good + "A", good.replace("rf_v_", "rf_o_")),
        *(good.upper(), " " + good, good + "\n", "rf_v_" + "A" * 43, "rf_x_" + good[5:]),
        *("rf_v_" + "ä" * 43, "rf_v_' OR '1'='1' --" + "A" * 30, "A" * 10_000),
    ):
        assert await why_not(story, bad) == "No token like this is known."


async def test_use_is_noted_to_the_minute(story: Story) -> None:
    bearer = await create(story)

    async def last() -> int:
        [token] = await principals.listing(story.gateway.kit, 10)
        assert token.last_used_at is not None
        return round((token.last_used_at - token.created_at).total_seconds())

    seen = []
    for _ in range(5):
        await who(story, bearer)
        seen.append(await last())
        story.clock.advance(seconds=30)
    assert seen == [0, 0, 60, 60, 120]


async def test_a_busy_store_costs_no_caller_its_entry(story: Story) -> None:
    bearer = await create(story)
    locked = Locked(story)
    assert (await who(story, bearer)).name == "ann"
    assert locked.refused == 1


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted("", PrincipalKind.VIEWER),
        Wanted("Ann B", PrincipalKind.VIEWER),
        Wanted("a15555550123", PrincipalKind.VIEWER),
        Wanted("ann", PrincipalKind.VIEWER, frozenset({"nobody"})),
        Wanted("ann", PrincipalKind.VIEWER, frozenset()),
        Wanted("ann", PrincipalKind.OPERATOR, agent="shop"),
        Wanted("ann", PrincipalKind.AGENT, agent="a:b"),
        Wanted("ann", PrincipalKind.AGENT, agent="local"),
        Wanted("local", PrincipalKind.AGENT),
    ],
)
async def test_a_token_that_cannot_be_is_not_made(story: Story, wanted: Wanted) -> None:
    with pytest.raises(InvalidField):
        await principals.create(story.gateway.kit, wanted, "operator:test")
    assert await principals.listing(story.gateway.kit, 10) == []


@pytest.mark.proves("P10")
async def test_there_are_only_so_many(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(principals, "LIVE_TOKENS_MAX", 2)
    first = await who(story, await create(story))
    await create(story)
    with pytest.raises(TooMany):
        await create(story)
    await principals.revoke(story.gateway.kit, first.token_id, "operator:test")
    await create(story)


@pytest.mark.parametrize(
    ("text", "lifetime"),
    [
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("30d", timedelta(days=30)),
        ("2w", timedelta(weeks=2)),
    ],
)
def test_lifetimes(text: str, lifetime: timedelta) -> None:
    assert principals.lifetime_of(text) == lifetime


@pytest.mark.parametrize("text", ["", "0d", "-1d", "1", "d", "1y", "1.5d", "99999w", " 1d", "1d\n"])
def test_what_is_no_lifetime(text: str) -> None:
    with pytest.raises(InvalidField):
        principals.lifetime_of(text)


async def test_agents_that_may_be_named(story: Story) -> None:
    await create(story, PrincipalKind.AGENT, name="shop", agent="store")
    kit = story.gateway.kit
    known = await story.read(lambda tx: principals.known_agents(kit, tx))
    assert known == {"store", "default", "local"}


# -- refusals on record ----------------------------------------------------------------------------


async def refused(story: Story, refusals: Refusals, principal: Principal, times: int) -> None:
    kit, now = story.gateway.kit, story.clock.now()
    for _ in range(times):
        await refusals.record(kit, principal, Permission.APPROVE.value, "POST /x", now)


@pytest.mark.proves("P2", "P10")
async def test_refusals_are_recorded_seldom_and_counted_always(story: Story) -> None:
    refusals, most = Refusals(), principals.REFUSALS_PER_MINUTE
    await refused(story, refusals, LOCAL, most + 25)
    entries = await audit(story, "agent:local", "forbidden")
    assert len(entries) == most
    assert {one["not_recorded"] for one in entries} == {0}
    story.clock.advance(minutes=1)
    await refused(story, refusals, LOCAL, 2)
    entries = await audit(story, "agent:local", "forbidden")
    assert [one["not_recorded"] for one in entries[most:]] == [25, 0]


async def test_one_that_floods_hides_no_other(story: Story) -> None:
    refusals = Refusals()
    await refused(story, refusals, LOCAL, 1_000)
    ann = Principal(PrincipalKind.VIEWER, "ann", token_id="tok_1")
    await refused(story, refusals, ann, 1)
    assert await audit(story, "tok_1", "forbidden") == [
        {"permission": "approve", "route": "POST /x", "not_recorded": 0}
    ]


async def test_a_refusal_no_store_would_take_is_told_later(story: Story) -> None:
    refusals = Refusals()
    locked = Locked(story)
    await refused(story, refusals, LOCAL, 1)
    locked.free()
    await refused(story, refusals, LOCAL, 1)
    assert await audit(story, "agent:local", "forbidden") == [
        {"permission": "approve", "route": "POST /x", "not_recorded": 1}
    ]
