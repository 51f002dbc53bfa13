"""Attachments both ways (behaviours F): what is hosted, for whom and how long; what is fetched, how
much of it, and what a message is told when something is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from looking import (
    ACCOUNT,
    ALICE,
    OPEN,
    Answer,
    all_items,
    creates,
    dead_turns,
    message_form,
    outbound,
    request,
    sid_of,
    webhook,
)
from ringfence.gateway import attach, bridge
from ringfence.gateway.reply import FETCH_TRIES_MIN
from ringfence.model.errors import (
    DestinationRefused,
    MediaRefused,
    NotDispatched,
    PossiblyDispatched,
)
from ringfence.model.phone import PhoneNumber
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.testing import Outcome
from telling import OWNER, Story, telling

PICTURE = b"\x89PNG" + b"x" * 1000
Given = Callable[[WireRequest], WireResponse | Exception]


class MediaServer:
    """Answers attachment requests as told; everything else goes where it went before."""

    def __init__(self, story: Story, answer: Given) -> None:
        self._real = story.gateway.kit.http
        self._answer = answer
        self.asked: list[WireRequest] = []
        object.__setattr__(story.gateway.kit, "http", self)

    async def send(self, wire: WireRequest) -> WireResponse:
        if "/Media/" not in wire.url:
            return await self._real.send(wire)
        self.asked.append(wire)
        answer = self._answer(wire)
        if isinstance(answer, Exception):
            raise answer
        return answer


def file(body: bytes = PICTURE, status: int = 200) -> WireResponse:
    return WireResponse(status, {"content-type": "image/png"}, body)


def mms(story: Story, count: int, *, body: str = "look", declared: int | None = None) -> list[Any]:
    sid = "MM" + "0" * 31 + "1"
    changes: dict[str, str | None] = {"NumMedia": str(count if declared is None else declared)}
    for index in range(count):
        base = f"{story.carrier.base_url}/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}/Media"
        changes[f"MediaUrl{index}"] = f"{base}/ME{index:032x}"
        changes[f"MediaContentType{index}"] = "image/png"
    return message_form(ALICE, body, sid, **changes)


# -- in -------------------------------------------------------------------------------------------


@pytest.mark.proves("B085")
async def test_text_and_two_attachments_are_one_turn(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        files = [("image/png", PICTURE), ("text/vcard", b"BEGIN:VCARD")]
        await story.phone(ALICE).texts("look", media=list(files))
        await story.passes(seconds=5)
        [turn] = story.agent.turns
        assert turn.body == "look"
        assert [(one.content_type, one.content) for one in turn.attachments] == files
        assert turn.unavailable == ()
        # The address that really holds the files was asked without our credentials.
        assert story.carrier.world.rest.credentials_leaked == 0


@pytest.mark.proves("B085")
async def test_an_attachment_without_text_is_a_turn(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        await story.phone(ALICE).texts("", media=PICTURE)
        await story.passes(seconds=5)
        [turn] = story.agent.turns
        assert (turn.body, len(turn.attachments)) == ("", 1)


@pytest.mark.proves("B086", "P10")
async def test_ten_are_fetched_and_the_rest_is_told(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        server = MediaServer(story, lambda _: file(b"small"))
        await webhook(story, mms(story, 14))
        await story.passes(seconds=5)
        [turn] = story.agent.turns
        assert (len(turn.attachments), len(server.asked)) == (10, 10)
        assert turn.unavailable == ("4 more attachments over the limit of 10",)


@pytest.mark.proves("B086")
async def test_more_declared_than_sent_is_told(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        MediaServer(story, lambda _: file(b"small"))
        await webhook(story, mms(story, 1, declared=3))
        await story.passes(seconds=5)
        [turn] = story.agent.turns
        assert len(turn.attachments) == 1
        assert len(turn.unavailable) == 1


@pytest.mark.proves("B088", "P10")
async def test_what_is_over_the_budget_is_told_and_the_rest_arrives(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms={**OPEN, "media": {"inboundBytesMax": 1000}}) as story:
        sizes = iter([400, 900, 500, 200])
        MediaServer(story, lambda _: file(b"x" * next(sizes)))
        await webhook(story, mms(story, 4))
        await story.passes(seconds=5)
        [turn] = story.agent.turns
        assert [len(one.content) for one in turn.attachments] == [400, 500]
        assert turn.unavailable == ("image/png: over the size limit",) * 2


@pytest.mark.proves("B088", "P10")
async def test_a_file_far_too_large_is_not_read_to_its_end(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms={**OPEN, "media": {"inboundBytesMax": 500}}) as story:
        await story.phone(ALICE).texts("look", media=[("image/png", PICTURE), ("image/gif", b"g")])
        await story.passes(seconds=5)
        [turn] = story.agent.turns
        assert [one.content_type for one in turn.attachments] == ["image/gif"]
        assert turn.unavailable == ("image/png: over the size limit",)


@pytest.mark.proves("B089")
@pytest.mark.parametrize("status", [401, 403, 404, 410, 302])
async def test_what_is_gone_is_told_and_not_tried_again(sqlite_url: str, status: int) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        server = MediaServer(story, lambda _: file(b"", status))
        await webhook(story, mms(story, 1))
        await story.passes(minutes=5)
        [turn] = story.agent.turns
        assert turn.unavailable == (f"image/png: no longer available ({status})",)
        assert len(server.asked) == 1


@pytest.mark.proves("B089", "B037")
@pytest.mark.parametrize(
    "trouble",
    [
        file(b"", 408),
        file(b"", 429),
        file(b"", 500),
        file(b"", 503),
        NotDispatched("no connection"),
        PossiblyDispatched("no answer in time"),
    ],
)
async def test_what_may_pass_is_tried_again_and_the_turn_happens_once(
    sqlite_url: str, trouble: WireResponse | Exception
) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        answers = iter([file(b"a"), trouble, file(b"a"), file(b"b")])
        server = MediaServer(story, lambda _: next(answers))
        await webhook(story, mms(story, 2))
        for _ in range(5):
            await story.passes(seconds=1)
        [turn] = story.agent.turns
        assert [one.content for one in turn.attachments] == [b"a", b"b"]
        assert len(server.asked) == 4
        assert len(creates(story)) == 1


@pytest.mark.proves("B089", "P10")
async def test_an_attachment_that_never_comes_mutes_nobody_for_long(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        server = MediaServer(story, lambda _: file(b"", 503))
        await webhook(story, mms(story, 1))
        await story.phone(ALICE).texts("did you get it?")
        for _ in range(60):
            await story.passes(seconds=1)
        assert story.agent.turns == []
        for _ in range(30):
            await story.passes(seconds=10)
        assert [turn.body for turn in story.agent.turns] == ["look", "did you get it?"]
        assert story.agent.turns[0].unavailable == ("image/png: could not be fetched",)
        assert len(server.asked) >= FETCH_TRIES_MIN


@pytest.mark.proves("B089")
async def test_a_place_we_never_contact_is_told_at_once(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        MediaServer(story, lambda _: DestinationRefused("not public"))
        await webhook(story, mms(story, 1))
        await story.passes(seconds=5)
        [turn] = story.agent.turns
        assert len(turn.unavailable) == 1


@pytest.mark.proves("P2", "P10")
async def test_an_attachment_elsewhere_is_never_fetched(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        server = MediaServer(story, lambda _: file())
        for number, url in enumerate(
            (
                "http://169.254.169.254/2010-04-01/Accounts/x/Messages/x/Media/x",
                f"https://evil.example.com/2010-04-01/Accounts/{ACCOUNT}/Messages/MM1/Media/ME1",
                f"{story.carrier.base_url}/2010-04-01/Accounts/ACother/Messages/MM1/Media/ME1",
                "file:///etc/passwd/Media/",
            )
        ):
            form = message_form(
                ALICE, "look", sid_of(number), NumMedia="1", MediaUrl0=url, MediaContentType0="a/b"
            )
            await webhook(story, form)
            await story.passes(seconds=5)
        assert server.asked == []
        assert await dead_turns(story) == []
        assert all(len(turn.attachments) == 0 for turn in story.agent.turns)


@pytest.mark.proves("B029", "B052")
async def test_nothing_is_fetched_for_a_stranger(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        server = MediaServer(story, lambda _: file())
        await webhook(story, mms(story, 1))
        await story.passes(seconds=5)
        assert server.asked == []


# -- out ------------------------------------------------------------------------------------------


async def sends(
    story: Story,
    *uploads: tuple[str, bytes],
    body: str = "look",
    to: str = ALICE,
    who: str = "operator:t",
) -> bridge.SendAnswer:
    asked = bridge.SendRequest(
        story.line,
        PhoneNumber(to),
        body,
        who,
        uploads=tuple(bridge.Upload(*one) for one in uploads),
    )
    return await bridge.send(story.gateway.kit, asked)


async def fetched(story: Story, token: str, method: str = "GET") -> Answer:
    return await request(story.public, f"/webhooks/sms?media={token}", method=method)


@pytest.mark.proves("B080", "P8")
async def test_a_hosted_file_arrives_on_the_phone(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        await sends(story, ("image/png", PICTURE), body="")
        await story.passes(seconds=5)
        [got] = story.phone(ALICE).inbox
        assert [(one.content_type, one.content) for one in got.media] == [("image/png", PICTURE)]
        [item] = await all_items(story)
        token = item.media[0].media_id
        assert len(token) >= 32
        full, head = await fetched(story, token), await fetched(story, token, "HEAD")
        assert (full.status, full.body) == (200, PICTURE)
        assert (head.status, head.body) == (200, b"")
        for one in (full, head):
            assert one.headers["cache-control"] == "no-store"
            assert one.headers["x-content-type-options"] == "nosniff"
            assert one.headers["content-type"] == "image/png"
            assert one.headers["content-length"] == str(len(PICTURE))
        for method in ("PUT", "DELETE", "PATCH"):
            assert (await fetched(story, token, method)).status == 405
        assert (await fetched(story, token[:-1] + "_")).status == 404
        assert (await fetched(story, "")).status in (404, 405)


@pytest.mark.proves("B082")
async def test_ten_minutes_and_not_longer(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        await sends(story, ("image/png", PICTURE))
        await story.settle()
        [item] = await all_items(story)
        token = item.media[0].media_id
        story.clock.advance(minutes=9, seconds=59)
        assert (await fetched(story, token)).status == 200
        story.clock.advance(seconds=2)
        assert (await fetched(story, token)).status == 404


@pytest.mark.proves("B082", "P6")
async def test_the_minutes_begin_when_the_provider_learns_the_address(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        # The carrier is busy for longer than a file is hosted, and housekeeping goes on.
        await story.write(lambda tx: tx.lines.stop("default", "test", story.clock.now()))
        await sends(story, ("image/png", PICTURE))
        for _ in range(5):
            await story.passes(minutes=11)
        await story.write(lambda tx: tx.lines.start("default"))
        story.carrier.next_creates(Outcome.THROTTLED)
        for _ in range(5):
            await story.passes(seconds=2)
        [got] = story.phone(ALICE).inbox
        assert [one.content for one in got.media] == [PICTURE]
        [item] = await all_items(story)
        await story.passes(minutes=9)
        assert (await fetched(story, item.media[0].media_id)).status == 200
        await story.passes(minutes=2)
        assert (await fetched(story, item.media[0].media_id)).status == 404


@pytest.mark.proves("B083", "P10")
async def test_the_sixty_fifth_is_refused_and_none_is_evicted(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        await story.write(lambda tx: tx.lines.stop("default", "test", story.clock.now()))
        for _ in range(64):
            await sends(story, ("image/png", b"x"))
        with pytest.raises(MediaRefused, match="hostedCountMax"):
            await sends(story, ("image/png", b"x"))
        tokens = [item.media[0].media_id for item in await all_items(story)]
        assert len(tokens) == 64
        got = await asyncio.gather(*(fetched(story, token) for token in tokens[:8]))
        assert {one.status for one in got} == {200}
        # A plain text still goes.
        assert (await sends(story, body="plain")).message.status.value == "queued"


@pytest.mark.proves("B083")
async def test_what_is_refused_hosts_nothing(sqlite_url: str) -> None:
    sms = {**OPEN, "purpose": "intake", "media": {"hostedCountMax": 1}}
    async with telling(sqlite_url, sms=sms) as story:
        for _ in range(3):
            answer = await sends(story, ("image/png", b"x"), who="agent:local")
            assert answer.message.status.value == "refused"


@pytest.mark.proves("B077", "P10")
@pytest.mark.parametrize(
    ("kind", "size", "caption", "fits"),
    [
        ("image/png", 5_000_000, "", True),
        ("image/png", 5_000_001, "", False),
        ("image/png", 4_999_990, "ten chars.", True),
        ("image/png", 4_999_990, "eleven char", False),
        ("image/png", 4_999_990, "é" * 6, False),
        ("text/vcard", 500_000, "", True),
        ("text/vcard", 500_001, "", False),
        ("application/pdf", 500_001, "", False),
        ("application/x-msdownload", 10, "", False),
        ("text/html", 10, "", False),
    ],
)
async def test_sizes_and_kinds(
    sqlite_url: str, kind: str, size: int, caption: str, fits: bool
) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        if fits:
            attach.check_outbound(story.line, kind, size, caption)
            return
        with pytest.raises(MediaRefused):
            await sends(story, (kind, b"x" * size), body=caption)
        assert await outbound(story) == []


@pytest.mark.proves("B079")
@pytest.mark.parametrize(
    ("public_url", "words"),
    [
        (None, "publicWebhookUrl"),
        ("http://sms.example.com/hook", "https"),
        ("https://user:password@sms.example.com/hook", "credentials"),
    ],
)
async def test_without_a_place_to_host_only_attachments_fail(
    sqlite_url: str, public_url: str | None, words: str
) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        real = "https://api.twilio.com"
        line = replace(story.line, public_url=public_url, api_base_url=real)
        with pytest.raises(MediaRefused, match=words) as refused:
            attach.check_outbound(line, "image/png", 10, "")
        assert "password" not in str(refused.value)


@pytest.mark.proves("B079")
async def test_a_line_without_a_public_address_still_sends_text(sqlite_url: str) -> None:
    sms = {**OPEN, "publicWebhookUrl": None, "dangerouslyDisableSignatureValidation": True}
    async with telling(sqlite_url, sms=sms) as story:
        with pytest.raises(MediaRefused):
            await sends(story, ("image/png", PICTURE))
        await sends(story, body="plain")
        await story.passes(seconds=5)
        assert [got.body for got in story.phone(ALICE).inbox] == ["plain"]


@pytest.mark.proves("P8")
async def test_a_file_is_served_at_its_own_line_only(sqlite_url: str) -> None:
    second = {
        "fromNumber": "+15555550101",
        "webhookPath": "/webhooks/second",
        "publicWebhookUrl": "{public}/webhooks/second",
    }
    async with telling(sqlite_url, sms={**OPEN, "accounts": {"second": second}}) as story:
        await sends(story, ("image/png", PICTURE))
        [item] = await all_items(story)
        token = item.media[0].media_id
        elsewhere = await request(story.public, f"/webhooks/second?media={token}", method="GET")
        assert elsewhere.status == 404
        assert (await fetched(story, token)).status == 200


async def test_the_attachment_goes_with_the_first_part(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        await sends(story, ("image/png", PICTURE), body="word " * 400, to=OWNER)
        for _ in range(3):
            await story.passes(seconds=2)
        assert [len(got.media) for got in story.phone(OWNER).inbox] == [1, 0]
