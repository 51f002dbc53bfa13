"""The kill switch over the API: it stops what it names, for operators only, until it is released."""

from __future__ import annotations

from typing import Any

import pytest
from callers import bearer, call, refusals

from looking import ALICE, OPEN, audit, outbound
from ringfence.model.principal import PrincipalKind
from telling import OWNER, Story, telling

OPERATOR = PrincipalKind.OPERATOR


async def act(story: Story, token: str | None, word: str, **fields: Any) -> Any:
    got = await call(story, "POST", f"/api/v1/{word}", fields, token=token)
    return got.status, got.document


async def switches(story: Story, token: str) -> list[dict[str, Any]]:
    got = await call(story, "GET", "/api/v1/switches", token=token)
    assert got.document["next"] is None
    found: list[dict[str, Any]] = got.document["switches"]
    return found


@pytest.mark.proves("P3", "P7")
async def test_stop_holds_what_waits_and_what_comes(store_url: str) -> None:
    async with telling(store_url) as story:
        ann = await bearer(story, OPERATOR, "ann")
        text = {"to": OWNER, "body": "hello"}
        await call(story, "POST", "/sms/send", text)
        status, told = await act(story, ann, "stop", reason="drill")
        assert (status, told) == (
            200,
            {"scope": "everything", "subject": None, "engaged": True, "held": 1},
        )
        await call(story, "POST", "/sms/send", text)
        await story.passes(seconds=30)
        assert story.phone(OWNER).inbox == []
        assert {message.status.value for message in await outbound(story)} <= {"held", "refused"}
        [switch] = await switches(story, ann)
        assert (switch["reason"], switch["actor"]) == ("drill", "operator:ann")
        assert len(await audit(story, "everything", "stop")) == 1
        assert (await act(story, ann, "resume"))[0] == 200
        assert (await act(story, ann, "resume"))[0] == 404
        assert await switches(story, ann) == []


@pytest.mark.proves("P2", "P3")
@pytest.mark.parametrize("kind", [None, *PrincipalKind])
async def test_only_an_operator_lifts_a_stop(sqlite_url: str, kind: PrincipalKind | None) -> None:
    async with telling(sqlite_url) as story:
        ann = await bearer(story, OPERATOR, "ann")
        await act(story, ann, "stop")
        token = None if kind is None else await bearer(story, kind, "eve")
        status, told = await act(story, token, "resume")
        assert status == (200 if kind is OPERATOR else 403)
        assert (await switches(story, ann) == []) is (kind is OPERATOR)
        if status == 403:
            assert told["code"] == "not_permitted"
            if kind is None:
                [entry] = await refusals(story, "agent:local")
                assert entry["permission"] == "resume"


@pytest.mark.proves("P3", "P9")
@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ({"line": "default"}, "default"),
        ({"agent": "local"}, "local"),
        ({"agent": "default"}, "default"),
        ({"agent": "shop"}, "shop"),
        ({"contact": OWNER}, None),
        ({"contact": f"sms:{OWNER}"}, None),
    ],
)
async def test_one_line_agent_or_person(
    sqlite_url: str, subject: dict[str, str], shown: str | None
) -> None:
    async with telling(sqlite_url) as story:
        ann = await bearer(story, OPERATOR, "ann")
        await bearer(story, PrincipalKind.AGENT, "shop")
        status, told = await act(story, ann, "stop", **subject)
        assert status == 200
        assert OWNER not in str(told)
        assert told["subject"] == shown or shown is None
        [switch] = await switches(story, ann)
        assert (switch["scope"], switch["subject"]) == (told["scope"], told["subject"])
        assert (await act(story, ann, "resume"))[0] == 404
        assert (await act(story, ann, "resume", **subject))[0] == 200
        assert await switches(story, ann) == []


@pytest.mark.proves("P3")
async def test_an_agents_stop_holds_the_agent_behind_the_token(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        ann = await bearer(story, OPERATOR, "ann")
        shop = await bearer(story, PrincipalKind.AGENT, "shop")
        await act(story, ann, "stop", agent="shop")
        states = [
            (
                await call(story, "POST", "/sms/send", {"to": OWNER, "body": "hello"}, token=token)
            ).document["state"]
            for token in (shop, None)
        ]
        assert states[0] in ("held", "refused")
        assert states[1] == "queued"


@pytest.mark.parametrize(
    ("word", "fields", "code"),
    [
        ("stop", {"line": "nobody"}, "invalid_field"),
        ("stop", {"line": ""}, "invalid_field"),
        ("stop", {"line": None}, "invalid_field"),
        ("stop", {"agent": "nobody"}, "invalid_field"),
        ("stop", {"agent": ["default"]}, "invalid_field"),
        ("stop", {"contact": "5551234"}, "invalid_number"),
        ("stop", {"contact": "*"}, "invalid_number"),
        ("stop", {"flow": "a b"}, "invalid_field"),
        ("stop", {"line": "default", "contact": OWNER}, "invalid_field"),
        ("stop", {"everything": True}, "invalid_field"),
        ("stop", {"reason": 7}, "invalid_field"),
        ("stop", {"reason": "x" * 501}, "invalid_field"),
        ("stop", {"reason": "a\x00b"}, "invalid_field"),
        ("resume", {"reason": "done"}, "invalid_field"),
        ("resume", {"line": "x\x00"}, "invalid_field"),
    ],
)
async def test_bad_wishes_change_nothing(
    sqlite_url: str, word: str, fields: dict[str, Any], code: str
) -> None:
    async with telling(sqlite_url) as story:
        ann = await bearer(story, OPERATOR, "ann")
        status, told = await act(story, ann, word, **fields)
        assert (status, told["code"]) == (400, code)
        assert await switches(story, ann) == []


@pytest.mark.proves("P3")
async def test_resume_restarts_a_line_the_provider_stopped(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        ann, now = await bearer(story, OPERATOR, "ann"), story.clock.now()
        await story.write(lambda tx: tx.lines.stop("default", "20003", now))
        status, told = await act(story, ann, "resume", line="default")
        assert (status, told["released"], told["line_restarted"]) == (200, False, True)
        assert await story.read(lambda tx: tx.lines.stopped()) == {}
        await call(story, "POST", "/sms/send", {"to": OWNER, "body": "hello"})
        await story.passes(seconds=5)
        assert len(story.phone(OWNER).inbox) == 1
        assert ALICE not in str(told)
