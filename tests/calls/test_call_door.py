"""The door for voice webhooks: what it takes, and what it tells strangers."""

from __future__ import annotations

import pytest

from calling import PATH, calling


@pytest.mark.proves("B109")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
async def test_voice_webhooks_are_posted(sqlite_url: str, method: str) -> None:
    async with (
        calling(sqlite_url) as story,
        story.story.http.request(method, story.story.public + PATH) as answer,
    ):
        assert (answer.status, answer.headers["allow"]) == (405, "POST")


@pytest.mark.proves("B109")
@pytest.mark.parametrize("path", [PATH + "/", PATH + "x", PATH + "/../x", "/voice"])
async def test_a_path_that_begins_like_it_is_nobodys(sqlite_url: str, path: str) -> None:
    async with (
        calling(sqlite_url) as story,
        story.story.http.post(story.story.public + path) as answer,
    ):
        assert answer.status == 404


async def test_an_unsigned_webhook_is_told_nothing(sqlite_url: str) -> None:
    async with (
        calling(sqlite_url) as story,
        story.story.http.post(story.story.public + PATH, data={"CallSid": "CA1"}) as answer,
    ):
        assert answer.status == 403
        assert "+1" not in await answer.text()
        assert await story.all_calls() == []
