"""A line that does not work: its messages wait without using up their tries, its owners hear of it by
another line, and alerts leave by the fallback. Never two copies (P5)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from calling import PATH, ROUTE
from looking import ALICE, BOB, CAROL, OPEN, all_items, audit, creates, outbound, parts
from paged import ANN, BEN, operations, paged
from ringfence.config.settings import Settings
from ringfence.gateway import bridge
from ringfence.gateway.call_words import CALL
from ringfence.gateway.proposal import Proposal
from ringfence.gateway.review import propose
from ringfence.model.call import CallMode
from ringfence.model.draft import Category
from ringfence.model.errors import NotDispatched
from ringfence.model.message import Message, MessageClass
from ringfence.model.outbox import OutboxState
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.model.voice import VoiceSettings
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.testing import Faults, Outcome
from telling import NUMBER, OWNER, Story, telling

SECOND = "+15555550101"
TWO_LINES = {
    **OPEN,
    "allowTo": [ALICE, BOB, CAROL],
    "accounts": {
        "second": {
            "fromNumber": SECOND,
            "webhookPath": "/webhooks/second",
            "publicWebhookUrl": "{public}/webhooks/second",
        }
    },
}
WITH_FALLBACK = {**TWO_LINES, "fallbackAccount": "second"}


class AwayFor:
    """The carrier cannot be reached by those who send from one number."""

    def __init__(self, story: Story, number: str) -> None:
        self._real, self._number = story.gateway.kit.http, number
        self.refused = 0
        self.back = False
        object.__setattr__(story.gateway.kit, "http", self)

    async def send(self, request: WireRequest) -> WireResponse:
        theirs = f"From=%2B{self._number[1:]}".encode() in request.body
        if theirs and request.method == "POST" and not self.back:
            self.refused += 1
            raise NotDispatched("no connection")
        answer: WireResponse = await self._real.send(request)
        return answer


@asynccontextmanager
async def two_lines(store_url: str, sms: Any, **more: Any) -> AsyncIterator[Story]:
    async with telling(store_url, sms=sms, **more) as story:
        world = story.carrier.world
        world.carrier.add_line(world.account, SECOND, story.clock.now(), world.line.sms)
        yield story


async def says(story: Story, to: str, body: str, category: Category, **more: Any) -> str:
    """Propose an operator's text on the default line."""
    kit, now = story.gateway.kit, story.clock.now()
    proposal = Proposal(
        story.line,
        PhoneNumber(to),
        body,
        Act.INITIATE,
        "operator:t",
        MessageClass.FREE_TEXT,
        category=category,
        **more,
    )
    (done,) = await story.write(lambda tx: propose(kit, tx, [proposal], now))
    return str(done.message_id)


async def message(story: Story, key: str) -> Message:
    found: Message = await story.read(lambda tx: tx.messages.get(key))
    return found


async def walks(story: Story, seconds: float, step: float = 1.0) -> None:
    for _ in range(int(seconds / step)):
        await story.passes(seconds=step)


def got(story: Story, number: str) -> list[str]:
    return [text.body for text in story.phone(number).inbox]


# -- the breaker -----------------------------------------------------------------------------------


@pytest.mark.proves("P5", "P6", "P10")
async def test_an_hour_without_the_carrier(store_url: str) -> None:
    async with two_lines(store_url, TWO_LINES) as story:
        away = AwayFor(story, NUMBER)
        people = [f"+1555555{number:04}" for number in range(150, 170)]
        keys = [await says(story, to, "hello", Category.CONVERSATION) for to in people]
        await walks(story, 60, 2)
        _, health = await story.get("/health")
        assert (health["status"], health["breakers"]) == ("degraded", {"default": "open"})
        refused = away.refused
        assert refused < 2 * len(people), "all were tried again and again"
        await walks(story, 3_540, 20)
        # One probe at a time, each after its rest.
        assert away.refused - refused < 3_540 / 60
        waiting = [item for item in await all_items(story) if item.line == "default"]
        assert {item.state for item in waiting} == {OutboxState.DUE}
        away.back = True
        await walks(story, 600, 10)
        assert {(await message(story, key)).status.value for key in keys} == {"delivered"}
        assert sorted(m.recipient for m in creates(story) if m.sender == NUMBER) == sorted(people)
        _, health = await story.get("/health")
        assert (health["status"], health["breakers"]) == ("ok", {})
        kinds = [
            stored.entry.kind
            for stored in await story.read(lambda tx: tx.audit.of_subject("default"))
            if stored.entry.kind.startswith("breaker")
        ]
        assert kinds == ["breaker_opened", "breaker_closed"]


@pytest.mark.proves("P9")
async def test_its_owners_hear_of_it_once_by_a_line_that_works(sqlite_url: str) -> None:
    async with two_lines(sqlite_url, TWO_LINES) as story:
        away = AwayFor(story, NUMBER)
        await says(story, ALICE, "hello", Category.CONVERSATION)
        await walks(story, 1_200, 10)
        [told] = got(story, OWNER)
        assert told.startswith("default does not send")
        [notice] = await outbound(story, OWNER)
        assert notice.line == "second"
        away.back = True
        await walks(story, 300, 10)
        assert (len(got(story, OWNER)), got(story, ALICE)) == (1, ["hello"])


async def test_without_another_line_it_is_an_error_in_the_log(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with telling(sqlite_url, sms={**OPEN, "allowTo": [ALICE]}) as story:
        AwayFor(story, NUMBER)
        await says(story, ALICE, "hello", Category.CONVERSATION)
        await walks(story, 120, 5)
        assert got(story, OWNER) == []
        said = [record for record in caplog.records if record.name == "ringfence.breaker"]
        assert "no other line can tell the owners of the outage" in {r.message for r in said}


@pytest.mark.proves("P5", "P6")
async def test_a_burst_of_429s_is_waited_out(store_url: str) -> None:
    async with telling(store_url, sms={**OPEN, "allowTo": [ALICE, BOB]}) as story:
        story.carrier.next_creates(*[Outcome.THROTTLED] * 12)
        people = [f"+1555555{number:04}" for number in range(150, 180)]
        keys = [await says(story, to, "hello", Category.CONVERSATION) for to in people]
        await walks(story, 300, 1)
        assert {(await message(story, key)).status.value for key in keys} == {"delivered"}
        assert sorted(m.recipient for m in creates(story)) == sorted(people)
        assert max(item.attempt for item in await all_items(story)) <= 8


@pytest.mark.proves("P5")
async def test_unknown_outcomes_open_it_and_are_never_repeated(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms={**OPEN, "allowTo": [ALICE]}) as story:
        story.carrier.faults = Faults(error_before_accept=1.0)
        people = [f"+1555555{number:04}" for number in range(150, 160)]
        for to in people:
            await says(story, to, "hello", Category.CONVERSATION)
            await story.passes(seconds=1)
        items = await all_items(story)
        left = [item for item in items if item.attempt]
        assert 5 <= len(left) < len(people), "the rest waits for the breaker"
        story.carrier.faults = Faults()
        await walks(story, 1_800, 10)
        after = await all_items(story)
        assert all(item.attempt <= 1 for item in after)
        assert len(creates(story)) == len(people) - sum(
            item.state is OutboxState.DEAD for item in after
        )


async def test_one_probe_at_a_time(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms={**OPEN, "allowTo": [ALICE]}) as story:
        away = AwayFor(story, NUMBER)
        people = [f"+1555555{number:04}" for number in range(150, 170)]
        for to in people:
            await says(story, to, "hello", Category.CONVERSATION)
        await story.settle()
        kit, dispatcher = story.gateway.kit, story.gateway.dispatcher
        assert kit.breakers.states(story.clock.now()), "it is open"
        story.clock.move_to(kit.breakers.of("default").until or story.clock.now())
        [probe] = await dispatcher.claim(64)
        assert await dispatcher.claim(64) == []
        away.back = True
        await dispatcher.send(probe)
        assert len(await dispatcher.claim(64)) > 1


async def test_a_line_that_waits_holds_up_no_other(sqlite_url: str) -> None:
    async with two_lines(sqlite_url, TWO_LINES) as story:
        AwayFor(story, NUMBER)
        kit = story.gateway.kit
        for number in range(80):
            await says(story, f"+1555555{number + 400:04}", "hello", Category.CONVERSATION)
        await walks(story, 30, 1)
        assert kit.breakers.states(story.clock.now())
        asked = bridge.SendRequest(kit.lines["second"], PhoneNumber(ALICE), "hi", "operator:t")
        await bridge.send(kit, asked)
        await walks(story, 10, 1)
        assert got(story, ALICE) == ["hi"]


# -- the fallback line -----------------------------------------------------------------------------


@pytest.mark.proves("P1", "P5")
async def test_an_alert_leaves_by_the_fallback_and_others_wait(store_url: str) -> None:
    async with two_lines(store_url, WITH_FALLBACK) as story:
        away = AwayFor(story, NUMBER)
        alert = await says(story, ALICE, "db-1 is down", Category.ALERT, flow="incident")
        other = await says(story, BOB, "your parcel", Category.CONVERSATION)
        await walks(story, 90, 1)
        assert got(story, ALICE) == ["db-1 is down"]
        assert got(story, BOB) == []
        before = await message(story, alert)
        [after] = [m for m in await outbound(story, ALICE) if m.id != alert]
        assert (before.status.value, before.reason) == (
            "cancelled",
            f"fallback: {after.id} on second",
        )
        assert (after.line, after.status.value) == ("second", "delivered")
        assert after.provenance["fallback_of"] == alert
        assert (after.traits.flow, after.traits.category) == ("incident", Category.ALERT)
        [moved] = await audit(story, alert, "fell_back")
        assert moved == {"line": "default", "to_line": "second", "message": after.id}
        assert len(await audit(story, after.id, "decision")) == 1
        away.back = True
        await walks(story, 300, 10)
        assert got(story, ALICE) == ["db-1 is down"]
        assert (await message(story, other)).line == "default"
        assert got(story, BOB) == ["your parcel"]


@pytest.mark.proves("P5")
@pytest.mark.parametrize("why", ["policy", "uncertain", "target", "twice"])
async def test_what_stays_where_it_is(sqlite_url: str, why: str) -> None:
    sms: dict[str, Any] = {**WITH_FALLBACK}
    if why == "policy":
        sms["policy"] = {"fallback": {"categories": []}}
    if why == "twice":
        second = {**TWO_LINES["accounts"]["second"], "fallbackAccount": "default"}
        sms["accounts"] = {"second": second}
    async with two_lines(sqlite_url, sms) as story:
        kit = story.gateway.kit
        if why == "uncertain":
            story.carrier.next_creates(Outcome.LOST_BEFORE_ACCEPT)
            story.carrier.next_creates(Outcome.LOST_BEFORE_ACCEPT)
        if why == "target":
            now = story.clock.now()
            await story.write(lambda tx: tx.lines.stop("second", "a test", now))
        away = AwayFor(story, NUMBER) if why != "uncertain" else None
        key = await says(story, ALICE, "db-1 is down", Category.ALERT)
        if why == "uncertain":
            await story.passes(seconds=1)
            AwayFor(story, NUMBER)
            for to in (BOB, CAROL):
                await says(story, to, "another", Category.CONVERSATION)
        if why == "twice":
            AwayFor(story, SECOND)
        await walks(story, 120, 1)
        if why == "twice" and away is not None:
            # Its first line works again, the other does not: it has had its turn.
            away.back = True
            await says(story, BOB, "another", Category.CONVERSATION)
            await walks(story, 240, 2)
            assert story.gateway.kit.breakers.works("default", story.clock.now())
            assert not story.gateway.kit.breakers.works("second", story.clock.now())
        texts = await outbound(story, ALICE)
        if why == "twice":
            assert [m.line for m in texts] == ["default", "second"]
            [item] = await parts(story, texts[1])
            assert (item.state, kit.lines["second"].fallback) == (OutboxState.DUE, "default")
        else:
            assert [m.id for m in texts] == [key]
        assert got(story, ALICE) == []


# -- what lost its use -----------------------------------------------------------------------------


@pytest.mark.proves("P6")
@pytest.mark.parametrize("category", [Category.ALERT, Category.CONVERSATION])
async def test_an_alert_expires_sooner_than_other_texts(
    sqlite_url: str, category: Category
) -> None:
    async with telling(sqlite_url, sms={**OPEN, "allowTo": [ALICE]}) as story:
        AwayFor(story, NUMBER)
        key = await says(story, ALICE, "hello", category)
        await walks(story, 35 * 60, 30)
        status = (await message(story, key)).status.value
        assert status == ("expired" if category is Category.ALERT else "queued")


# -- pages -----------------------------------------------------------------------------------------


@pytest.mark.proves("P5", "P6")
async def test_a_page_by_the_fallback_is_the_same_page(store_url: str) -> None:
    sms = {**WITH_FALLBACK, "dmPolicy": "allowlist", "allowFrom": [ALICE]}
    async with paged(store_url, sms=sms) as story:
        world = story.story.carrier.world
        world.carrier.add_line(world.account, SECOND, story.story.clock.now(), world.line.sms)
        # Nothing was sent by that line before: its first failures are those of the page.
        AwayFor(story.story, NUMBER)
        alert = await story.fires("db-1")
        await walks(story.story, 60, 1)
        [page] = story.got(ANN)
        assert "#1 db-1 is down" in page
        [notice] = await story.story.read(lambda tx: tx.alerts.notices_of(alert.id))
        told = await message(story.story, notice.message_id)
        assert (told.line, told.status.value) == ("second", "delivered")
        # It was told: the next step waits for her answer, not for a text that was lost.
        assert story.got(BEN) == []
        assert (await story.alert("db-1")).step == "first"


@pytest.mark.proves("P6")
async def test_a_page_that_never_leaves_hurries_the_next_step(sqlite_url: str) -> None:
    steps = [
        {"name": "first", "notify": ["person:ann"], "acknowledgedWithin": 7_200},
        {"name": "second", "notify": ["person:ben"], "acknowledgedWithin": 7_200},
    ]
    async with paged(sqlite_url, operations(steps=steps)) as story:
        story.story.carrier.opt_out(ANN)  # refused at once: 21610
        await story.fires("db-1")
        await story.passes(seconds=60)
        assert story.got(ANN) == []
        assert len(story.got(BEN)) == 1


@pytest.mark.proves("P6")
async def test_a_call_does_not_leave_by_a_line_that_places_none(sqlite_url: str) -> None:
    """There it would be a dead letter at once; where it is it goes when the line works again."""

    def change(settings: Settings, public: str) -> Settings:
        voice = VoiceSettings(PATH, ROUTE, allow_to=frozenset({OWNER}))
        lines = [
            replace(one, voice=voice, voice_url=public + PATH) if one.id == "default" else one
            for one in settings.lines
        ]
        return replace(settings, lines=tuple(lines))

    async with two_lines(sqlite_url, WITH_FALLBACK, change=change) as story:
        away = AwayFor(story, NUMBER)
        for number in range(150, 160):
            await says(story, f"+1555555{number:04}", "hello", Category.CONVERSATION)
        await walks(story, 60, 2)
        provenance = {CALL: CallMode.NOTIFY.value}
        to, text = PhoneNumber(OWNER), "The shop is down."
        proposal = Proposal(
            story.line, to, text, Act.CALL, "operator:t", MessageClass.PAGE, provenance=provenance
        )
        proposal = replace(proposal, category=Category.ALERT, template="page")
        kit, now = story.gateway.kit, story.clock.now()
        (done,) = await story.write(lambda tx: propose(kit, tx, [proposal], now))
        await walks(story, 30, 2)
        items = (await story.read(lambda tx: tx.outbox.of_messages([done.message_id])))[
            done.message_id
        ]
        assert away.refused
        assert [(one.line, one.state) for one in items] == [("default", OutboxState.DUE)]
