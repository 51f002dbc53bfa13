"""Intakes over the API."""

from __future__ import annotations

from callers import bearer, call

from looking import ALICE
from ringfence.model.principal import PrincipalKind
from telling import telling

FIELDS = [{"name": "name", "ask": "What is your name?", "kind": "text"}]


async def test_people_with_a_token_see_what_was_answered(store_url: str) -> None:
    sms = {"purpose": "intake", "name": "Shop", "intake": {"fields": FIELDS}}
    async with telling(store_url, sms=sms) as story:
        for text in ("Hello", "Ann"):
            await story.phone(ALICE).texts(text)
            await story.passes(seconds=9)
        viewer = await bearer(story, PrincipalKind.VIEWER)
        got = await call(story, "GET", "/api/v1/intakes?limit=5&line=default", token=viewer)
        [row] = got.document["intakes"]
        assert (row["number"], row["state"], row["answers"]) == (ALICE, "done", {"name": "Ann"})
        agent = await bearer(story, PrincipalKind.AGENT)
        assert (await call(story, "GET", "/api/v1/intakes", token=agent)).status == 403
