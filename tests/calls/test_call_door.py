"""The door for voice webhooks: what it takes, and what it tells strangers."""

from __future__ import annotations

import pytest
from twilio.request_validator import RequestValidator

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


@pytest.mark.proves("P9")
async def test_what_was_said_is_not_kept_of_an_event_nobody_acts_on(sqlite_url: str) -> None:
    async with calling(sqlite_url) as story:
        kit, line = story.story.gateway.kit, story.story.line
        fields = {"CallSid": "nonsense", "Digits": "4711", "SpeechResult": "my card is", "To": "x"}
        url = story.story.public + PATH
        signature = RequestValidator("simulated-token").compute_signature(url, fields)
        headers = {"X-Twilio-Signature": signature}
        async with story.story.http.post(url, data=fields, headers=headers) as answer:
            assert answer.status == 200
        [buried] = await kit.store.read(lambda tx: tx.events.dead(line.id))
        assert "4711" not in str(buried.body)
        assert "card" not in str(buried.body)
        assert buried.body["CallSid"] == "nonsense"
