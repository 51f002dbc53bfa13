"""Reconciliation with the carrier's own list: what it finds, what it does about it, what it leaves to
people, and that it changes nothing the second time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from looking import (
    ALICE,
    BOB,
    CAROL,
    OPEN,
    all_items,
    audit,
    creates,
    inbound,
    message_form,
    outbound,
    webhook,
)
from ringfence.gateway import bridge
from ringfence.gateway.reconcile import Reconciled
from ringfence.model.errors import PossiblyDispatched
from ringfence.model.outbox import OutboxState
from ringfence.model.phone import PhoneNumber
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.ports import DeadEvent
from ringfence.testing import Faults, Outcome
from telling import NUMBER, OWNER, Story, telling

DAILY: dict[str, Any] = {"delivery": {"reconcileHours": 24}}
DEAF: dict[str, Any] = {"faults": Faults(callback_dropped=1.0)}


async def sends(story: Story, to: str = ALICE, body: str = "hello") -> str:
    asked = bridge.SendRequest(story.line, PhoneNumber(to), body, "operator:t")
    return (await bridge.send(story.gateway.kit, asked)).message.id


async def reconciles(story: Story, hours: float = 48) -> Reconciled:
    since = story.clock.now() - timedelta(hours=hours)
    done: Reconciled = await story.gateway.reconciliation.run(story.line, since, "operator:t")
    return done


def unheard(story: Story, sender: str, body: str, media: Any = ()) -> str:
    """The carrier has a text from somebody, and its webhook is lost."""
    carrier = story.carrier.world.carrier
    return str(carrier.arrive(sender, NUMBER, body, media, story.clock.now()).message.sid)


async def dead_events(story: Story) -> list[DeadEvent]:
    found: list[DeadEvent] = await story.read(lambda tx: tx.events.dead(None))
    return found


@pytest.mark.proves("P4")
async def test_a_text_that_never_came_is_taken_in_once(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        await story.phone(BOB).texts("heard")
        sid = unheard(story, ALICE, "are you there?")
        await story.passes(minutes=6)
        done = await reconciles(story)
        assert (done.taken_in, done.complete) == (1, True)
        await story.passes(seconds=9)
        assert [turn.body for turn in story.agent.turns] == ["heard", "are you there?"]
        [late] = [m for m in await inbound(story) if m.provider_id == sid]
        [mark] = await audit(story, late.id, "inbound_recovered")
        assert mark == {"line": "default", "provider_id": sid, "late_s": 360}
        # Its webhook after all, and another look: nothing more.
        assert (await webhook(story, message_form(ALICE, "are you there?", sid))).stored
        assert (await reconciles(story)).taken_in == 0
        await story.passes(seconds=9)
        assert len(story.agent.turns) == 2


@pytest.mark.proves("P3")
async def test_a_stop_that_never_came_counts(store_url: str) -> None:
    async with telling(store_url, sms={**OPEN, "allowTo": [ALICE]}) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=5)
        unheard(story, ALICE, "STOP")
        await story.passes(minutes=6)
        assert (await reconciles(story)).taken_in == 1
        people = await story.read(lambda tx: tx.people.find([PhoneNumber(ALICE)]))
        assert people[PhoneNumber(ALICE)].opt_out_source
        key = await sends(story)
        await story.passes(seconds=5)
        refused = {m.id: m.status.value for m in await outbound(story, ALICE)}
        assert refused[key] == "refused"


@pytest.mark.proves("P2", "P3")
@pytest.mark.parametrize(
    ("sender", "words"), [(ALICE, "START"), (ALICE, "yes"), (OWNER, "RESUME"), (OWNER, "OK ABCD")]
)
async def test_what_undoes_something_waits_for_a_person(
    store_url: str, sender: str, words: str
) -> None:
    async with telling(store_url, sms=OPEN) as story:
        sid = unheard(story, sender, words)
        await story.passes(minutes=2)
        await story.phone(ALICE).texts("STOP")
        await story.passes(minutes=6)
        done = await reconciles(story)
        assert (done.taken_in, done.late) == (0, 1)
        assert (await reconciles(story)).late == 0
        [event] = await dead_events(story)
        assert (event.kind, event.line) == ("late", "default")
        assert ["MessageSid", sid] in [list(pair) for pair in event.body["fields"]]
        people = await story.read(lambda tx: tx.people.find([PhoneNumber(ALICE)]))
        assert people[PhoneNumber(ALICE)].opt_out_source == "keyword"


async def test_what_is_young_is_left_to_its_webhook(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        unheard(story, ALICE, "hello?")
        await story.passes(minutes=4)
        assert (await reconciles(story)).taken_in == 0
        await story.passes(minutes=2)
        assert (await reconciles(story)).taken_in == 1


async def test_many_pages_in_the_order_they_were_written(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringfence.providers.twilio_list._PAGE_SIZE", "3")
    async with telling(sqlite_url, sms=OPEN) as story:
        for number in range(10):
            unheard(story, ALICE, f"text {number}")
            await story.passes(seconds=1)
        await story.passes(minutes=6)
        assert (await reconciles(story)).taken_in == 10
        assert [m.body for m in await inbound(story)] == [f"text {n}" for n in range(10)]


@pytest.mark.proves("P4")
async def test_statuses_that_no_callback_told_are_folded(store_url: str) -> None:
    async with telling(store_url, sms=OPEN, carrier_options=DEAF) as story:
        await sends(story)
        [item] = await all_items(story)
        await story.passes(seconds=20)
        [item] = await all_items(story)
        assert item.status.value != "delivered"
        story.clock.move_to(story.clock.now() + timedelta(minutes=6))
        done = await reconciles(story)
        assert (done.statuses, done.missing, done.foreign) == (1, [], [])
        [item] = await all_items(story)
        assert item.status.value == "delivered"
        assert (await reconciles(story)).statuses == 0


@pytest.mark.proves("P5", "P6")
async def test_a_dead_letter_that_the_carrier_has_after_all(store_url: str) -> None:
    async with telling(store_url, sms=OPEN, carrier_options=DEAF) as story:
        story.carrier.next_creates(Outcome.LOST_AFTER_ACCEPT)
        blind = Blind(story)
        key = await sends(story)
        for _ in range(30):
            await story.passes(seconds=30)
        [item] = await all_items(story)
        assert item.state is OutboxState.DEAD
        blind.sees = True
        done = await reconciles(story)
        assert (done.resolved, done.foreign) == (1, [])
        told = await bridge.message(story.gateway.kit, key)
        assert (told.status.value, told.reason) == ("delivered", "")
        await story.passes(days=1)
        assert len(creates(story)) == 1


class Blind:
    """The provider's list cannot be read while the outcome is looked for."""

    def __init__(self, story: Story) -> None:
        self._real = story.gateway.kit.http
        self.sees = False
        object.__setattr__(story.gateway.kit, "http", self)

    async def send(self, request: WireRequest) -> WireResponse:
        answer: WireResponse = await self._real.send(request)
        if request.method == "GET" and not self.sees:
            return WireResponse(200, {}, b'{"messages": []}')
        return answer


async def test_what_only_one_of_the_two_knows_is_told(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        await sends(story)
        await story.passes(seconds=9)
        [item] = await all_items(story)
        carrier = story.carrier.world.carrier
        del carrier.messages[item.provider_id]
        theirs = await other_program_sends(story)
        await story.passes(minutes=6)
        done = await reconciles(story)
        assert (done.missing, done.foreign) == ([item.id], [theirs])
        # Told, and nothing else: the row stays as it is, and nothing is sent.
        [after] = await all_items(story)
        assert after.status == item.status
        [entry] = await audit(story, "default", "reconciled")
        assert (entry["missing_ids"], entry["foreign_ids"]) == ([item.id], [theirs])


async def other_program_sends(story: Story) -> str:
    from ringfence.providers.base import OutboundText
    from ringfence.providers.twilio import PROVIDER

    request = PROVIDER.send(OutboundText("", CAROL, "from the console"), story.line)
    answer = await story.gateway.kit.http.send(request)
    return PROVIDER.sent(answer).provider_id


async def test_a_provider_that_cannot_be_read_changes_nothing(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with telling(sqlite_url, sms=OPEN, config=DAILY) as story:
        unheard(story, ALICE, "hello?")

        class Away:
            async def send(self, request: object) -> object:
                raise PossiblyDispatched("no answer")

        real = story.gateway.kit.http
        object.__setattr__(story.gateway.kit, "http", Away())
        await story.passes(minutes=30)
        assert "not reconciled" in {record.message for record in caplog.records}
        object.__setattr__(story.gateway.kit, "http", real)
        for _ in range(3):
            await story.passes(minutes=30)
        assert [m.body for m in await inbound(story)] == ["hello?"]


async def test_it_runs_by_itself_once_a_day(store_url: str) -> None:
    async with telling(store_url, sms=OPEN, config=DAILY) as story:
        for _ in range(3 * 24):
            await story.passes(hours=1)
        entries = await audit(story, "default", "reconciled")
        assert len(entries) == 4, "the days of UTC, the first begun at 17:00"
        assert {entry["complete"] for entry in entries} == {True}


async def test_two_processes_share_the_day(sqlite_url: str) -> None:
    async with (
        telling(sqlite_url, sms=OPEN, config=DAILY) as story,
        telling(sqlite_url, sms=OPEN, config=DAILY, seed=9) as other,
    ):
        await story.passes(minutes=11)
        await other.passes(minutes=12)
        assert len(await audit(story, "default", "reconciled")) == 1


async def test_never_by_itself(sqlite_url: str) -> None:
    config = {"delivery": {"reconcileHours": 0}}
    async with telling(sqlite_url, sms=OPEN, config=config) as story:
        for _ in range(30):
            await story.passes(hours=1)
        assert await audit(story, "default", "reconciled") == []
