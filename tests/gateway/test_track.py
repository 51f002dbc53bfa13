"""Tracking (behaviours G): callbacks that come late, twice, out of order, from elsewhere or not at
all, and what is known in the end."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from looking import (
    ALICE,
    BOB,
    OPEN,
    all_items,
    audit,
    creates,
    outbound,
    sid_of,
    status_form,
    webhook,
)
from ringfence.gateway import bridge
from ringfence.model.errors import NotDispatched
from ringfence.model.message import MessageStatus
from ringfence.model.outbox import OutboxItem, OutboxState
from ringfence.model.phone import PhoneNumber
from ringfence.ports import Observation
from ringfence.testing import Faults, Outcome
from telling import Story, telling

QUIET = {"faults": Faults(callback_dropped=1.0)}
FIRST = sid_of(77)


async def sent_item(story: Story, to: str = ALICE, body: str = "hello") -> OutboxItem:
    """One message the carrier has taken and says nothing about."""
    story.carrier.script(to, "silent")
    asked = bridge.SendRequest(story.line, PhoneNumber(to), body, "operator:t")
    message = (await bridge.send(story.gateway.kit, asked)).message
    await story.settle()
    [item] = (await story.read(lambda tx: tx.outbox.of_messages([message.id])))[message.id]
    return item


async def told(story: Story, item: OutboxItem, status: str, **changes: str | None) -> None:
    form = status_form(item.provider_id, status, **changes)
    assert (await webhook(story, form, path=f"/webhooks/sms?ringfence={item.id}")).status == 200


async def status_of(story: Story, item: OutboxItem) -> str:
    message = await bridge.message(story.gateway.kit, item.message_id)
    now: OutboxItem = await story.read(lambda tx: tx.outbox.get(item.id))
    assert now.status is message.status
    return message.status.value


async def observed(story: Story, item: OutboxItem) -> list[Observation]:
    found: list[Observation] = await story.read(lambda tx: tx.events.observations(item.id))
    return found


# -- order and repetition -------------------------------------------------------------------------


@pytest.mark.proves("B091", "P4")
@pytest.mark.parametrize("order", list(itertools.permutations(("queued", "sent", "delivered"))))
async def test_every_order_ends_as_delivered(sqlite_url: str, order: tuple[str, ...]) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        item = await sent_item(story)
        seen: list[int] = []
        ranks = {"queued": 0, "sending": 0, "sent": 1, "delivered": 2}
        for status in order:
            await told(story, item, status)
            await told(story, item, status)
            seen.append(ranks[await status_of(story, item)])
        assert await status_of(story, item) == "delivered"
        assert seen == sorted(seen)
        assert len(await observed(story, item)) == 3
        assert not any(one.conflicting for one in await observed(story, item))
        # Nothing is owed any more.
        assert (await story.read(lambda tx: tx.health.counts()))["watches.open"] == 0


@pytest.mark.proves("B092")
@pytest.mark.parametrize(
    ("first", "second"),
    [("delivered", "undelivered"), ("failed", "delivered"), ("undelivered", "failed")],
)
async def test_two_ends_conflict_and_both_are_kept(store_url: str, first: str, second: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        item = await sent_item(story)
        await told(story, item, first, ErrorCode="30008" if first != "delivered" else None)
        await told(story, item, second)
        assert await status_of(story, item) == first
        both = await observed(story, item)
        assert [(one.status.value, one.conflicting) for one in both] == [
            (first, False),
            (second, True),
        ]
        entries = await audit(story, item.id, "status")
        assert [entry["conflicting"] for entry in entries] == [False, True]


async def test_read_follows_delivered_without_a_conflict(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        item = await sent_item(story)
        await told(story, item, "delivered")
        await told(story, item, "read")
        assert await status_of(story, item) == "read"
        assert not any(one.conflicting for one in await observed(story, item))


@pytest.mark.proves("P4")
async def test_a_storm_of_callbacks_is_one_truth(store_url: str) -> None:
    import asyncio

    async with telling(store_url, sms=OPEN) as story:
        item = await sent_item(story)
        words = ["queued", "sent", "delivered"] * 20
        await asyncio.gather(*(told(story, item, word) for word in words))
        assert await status_of(story, item) == "delivered"
        assert len(await observed(story, item)) == 3


@pytest.mark.proves("P4", "P5")
async def test_a_carrier_that_duplicates_delays_and_reorders(store_url: str) -> None:
    faults = Faults(
        callback_duplicated=0.5, callback_delayed=0.4, callback_reordered=0.4, callback_delay_s=3
    )
    options = {"faults": faults, "seed": 11}
    async with telling(store_url, sms=OPEN, carrier_options=options) as story:
        for number in range(300, 312):
            await story.phone(f"+1555555{number:04}").texts("hello")
        await story.passes(minutes=2)
        assert {m.status.value for m in await outbound(story)} == {"delivered"}
        assert len(creates(story)) == 12


# -- before we knew -------------------------------------------------------------------------------


@pytest.mark.proves("P4", "P5")
async def test_a_callback_before_the_answer_of_the_create(store_url: str) -> None:
    options = {"faults": Faults(callback_before_answer=1.0, latency_after_s=2.0)}
    async with telling(store_url, sms=OPEN, carrier_options=options) as story:
        await story.phone(ALICE).texts("hello")
        # A real clock would go on meanwhile: the create is answered two seconds later.
        await _while_time_passes(story, 6)
        [item] = await all_items(story)
        assert (item.state, item.attempt) == (OutboxState.ACCEPTED, 1)
        assert item.provider_id == creates(story)[0].sid
        assert await status_of(story, item) == "delivered"
        assert len(creates(story)) == 1
        [attempt] = await audit(story, item.id, "attempt")
        assert attempt["state"] == "settled_elsewhere"


async def _while_time_passes(story: Story, seconds: int) -> None:
    import asyncio

    settling = asyncio.create_task(story.passes(seconds=seconds))
    for _ in range(500_000):
        if settling.done():
            break
        await asyncio.sleep(0)
        wake = story.clock.next_wake
        if wake is not None:
            story.clock.move_to(max(wake, story.clock.now()))
    await settling


@pytest.mark.proves("P4", "P5")
async def test_what_was_said_before_the_id_was_known_is_adopted(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        story.carrier.script(ALICE, "silent")
        asked = bridge.SendRequest(story.line, PhoneNumber(ALICE), "hello", "operator:t")
        await bridge.send(story.gateway.kit, asked)
        [item] = await story.gateway.dispatcher.claim(1)
        outcome = await story.gateway.dispatcher._call(item)
        # A callback without our id (another address was configured at the provider), early.
        for status in ("sent", "delivered"):
            assert (await webhook(story, status_form(outcome.provider_id, status))).stored
        from ringfence.gateway.recording import Sent

        await story.gateway.dispatcher._record(Sent(item, outcome, 0.5))
        assert await status_of(story, item) == "delivered"
        assert {one.status for one in await observed(story, item)} == {
            MessageStatus.SENT,
            MessageStatus.DELIVERED,
        }
        await story.passes(hours=1)
        assert await status_of(story, item) == "delivered"


async def test_a_callback_without_our_id_finds_its_message(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        item = await sent_item(story)
        await webhook(story, status_form(item.provider_id, "delivered"))
        assert await status_of(story, item) == "delivered"


# -- from elsewhere -------------------------------------------------------------------------------


@pytest.mark.proves("B094", "B095")
async def test_our_id_beside_another_messages_id_changes_nothing(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        item = await sent_item(story)
        form = status_form(FIRST, "failed", ErrorCode="21610")
        await webhook(story, form, path=f"/webhooks/sms?ringfence={item.id}")
        assert await status_of(story, item) == "queued"
        people = await story.read(lambda tx: tx.people.find([PhoneNumber(ALICE)]))
        assert people[PhoneNumber(ALICE)].opt_out_source == ""


@pytest.mark.proves("B095")
async def test_another_accounts_word_is_nobodys_status_here(store_url: str) -> None:
    other = "AC" + "8" * 32
    second = {
        "accountSid": other,
        "authToken": "another-token",
        "fromNumber": "+15555550101",
        "webhookPath": "/webhooks/second",
        "publicWebhookUrl": "{public}/webhooks/second",
    }
    async with telling(store_url, sms={**OPEN, "accounts": {"second": second}}) as story:
        item = await sent_item(story)
        for query in ("", f"?ringfence={item.id}"):
            form = status_form(item.provider_id, "delivered", AccountSid=other)
            path = f"/webhooks/second{query}"
            assert (await webhook(story, form, path=path, token="another-token")).status == 200
        assert await status_of(story, item) == "queued"
        assert await observed(story, item) == []
        # Nor does it stand in the way of the true one, which says the very same.
        await told(story, item, "delivered")
        assert await status_of(story, item) == "delivered"


@pytest.mark.proves("B095")
async def test_a_rotated_token_keeps_what_was_seen(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        item = await sent_item(story)
        await told(story, item, "sent")
    rotated = {"authToken": None, "authTokens": ["new-token", "simulated-token"]}
    async with telling(store_url, sms={**OPEN, **rotated}, seed=8) as story:
        assert len(await observed(story, item)) == 1
        path = f"/webhooks/sms?ringfence={item.id}"
        form = status_form(item.provider_id, "delivered")
        assert (await webhook(story, form, path=path, token="new-token")).status == 200
        assert await status_of(story, item) == "delivered"


@pytest.mark.proves("B097")
@pytest.mark.parametrize(
    ("fragment", "sent"),
    [
        ("#rc=3&rp=all", "#rc=3&rp=all"),
        ("#ct=2000", "#ct=2000&rc=2&rp=all"),
        ("#rc=99&ct=1", "#rc=2&rp=all"),
    ],
)
async def test_connection_overrides_are_kept_in_the_callback_address(
    sqlite_url: str, fragment: str, sent: str
) -> None:
    url = "https://sms.example.com/webhooks/sms" + fragment
    async with telling(sqlite_url, sms={**OPEN, "publicWebhookUrl": url}) as story:
        item = await sent_item(story)
        [created] = creates(story)
        base, _, overrides = created.status_callback.partition("#")
        assert item.id in base
        wanted = dict(pair.split("=") for pair in fragment[1:].split("&"))
        got = dict(pair.split("=") for pair in overrides.split("&"))
        for name, value in wanted.items():
            if value not in ("99", "1"):
                assert got[name] == value
            else:
                assert got.get(name) != value


# -- how much is kept -----------------------------------------------------------------------------


@pytest.mark.proves("B098", "P10", "P9")
async def test_twenty_are_kept_and_none_holds_a_number_or_a_text(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        item = await sent_item(story, body="a secret text")
        for code in range(30_001, 30_031):
            await told(story, item, "undelivered", ErrorCode=str(code))
        await story.passes(minutes=11)
        kept = await observed(story, item)
        assert len(kept) == 20
        assert kept[-1].error_code == 30_030
        for one in kept:
            assert not {ALICE, "a secret text", "AC00000000000000000000000000000001"} & {
                str(value) for value in (one.outbox_id, one.provider_id, one.provider_status)
            }
        await story.passes(days=31)
        await story.passes(minutes=11)
        assert await observed(story, item) == []
        assert await status_of(story, item) == "undelivered"


# -- nothing said ---------------------------------------------------------------------------------


@pytest.mark.proves("P6")
async def test_lost_callbacks_are_asked_for(store_url: str) -> None:
    async with telling(store_url, sms=OPEN, carrier_options=QUIET) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=10)
        [item] = await all_items(story)
        assert await status_of(story, item) == "queued"
        await story.passes(seconds=60)
        assert await status_of(story, item) == "delivered"
        assert (await story.read(lambda tx: tx.health.counts()))["watches.open"] == 0


@pytest.mark.proves("P6")
async def test_a_carrier_that_gives_no_receipt_is_not_asked_for_ever(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        story.carrier.script(ALICE, "sent_only")
        await story.phone(ALICE).texts("hello")
        for _ in range(12):
            await story.passes(hours=1)
        [item] = await all_items(story)
        message = await bridge.message(story.gateway.kit, item.message_id)
        assert (message.status.value, message.reason) == ("sent", "no_receipt")
        assert (await story.read(lambda tx: tx.health.counts()))["watches.open"] == 0
        # A receipt that comes after all is still taken.
        await told(story, item, "delivered")
        assert await status_of(story, item) == "delivered"


@pytest.mark.proves("P6", "P10")
async def test_an_outcome_nobody_can_look_up_ends_with_a_person(store_url: str) -> None:
    async with telling(store_url, sms=OPEN, carrier_options=QUIET) as story:
        story.carrier.next_creates(Outcome.LOST_BEFORE_ACCEPT)
        asked = bridge.SendRequest(story.line, PhoneNumber(ALICE), "hello", "operator:t")
        await bridge.send(story.gateway.kit, asked)
        await story.settle()

        looks: list[str] = []

        class Unreachable:
            async def send(self, request: object) -> object:
                looks.append(str(request))
                raise NotDispatched("no connection")

        object.__setattr__(story.gateway.kit, "http", Unreachable())
        for _ in range(27):
            await story.passes(hours=1)
        [item] = await all_items(story)
        assert item.state is OutboxState.UNKNOWN
        for _ in range(3):
            await story.passes(hours=1)
        [item] = await all_items(story)
        assert (item.state, item.reason.partition(":")[0]) == (OutboxState.DEAD, "unknown_outcome")
        assert (await story.read(lambda tx: tx.health.counts()))["watches.open"] == 0
        count = len(looks)
        await story.passes(days=2)
        assert len(looks) == count


@pytest.mark.proves("P6")
async def test_an_unknown_outcome_of_a_line_that_is_gone_ends_as_well(sqlite_url: str) -> None:
    second = {
        "fromNumber": "+15555550101",
        "webhookPath": "/webhooks/second",
        "publicWebhookUrl": "{public}/webhooks/second",
    }
    async with telling(sqlite_url, sms={**OPEN, "accounts": {"second": second}}) as story:
        kit = story.gateway.kit
        story.carrier.next_creates(Outcome.LOST_BEFORE_ACCEPT)
        line = kit.lines["second"]
        world = story.carrier.world
        world.carrier.add_line(world.account, "+15555550101", story.clock.now(), world.line.sms)
        await bridge.send(kit, bridge.SendRequest(line, PhoneNumber(ALICE), "x", "operator:t"))
        await story.settle()
    async with telling(sqlite_url, sms=OPEN, seed=8) as story:
        for _ in range(30):
            await story.passes(hours=1)
        [item] = await all_items(story)
        assert item.state is OutboxState.DEAD


@pytest.mark.proves("P5")
async def test_an_equal_text_of_another_program_is_not_ours(store_url: str) -> None:
    async with telling(store_url, sms=OPEN, carrier_options=QUIET) as story:
        # Sent an hour ago by somebody else on the same number, and listed for the same day.
        form = {"To": [ALICE], "From": [story.carrier.number], "Body": ["hello"]}
        world = story.carrier.world
        world.carrier.create(world.account, form, story.clock.now())
        story.clock.advance(hours=1)
        story.carrier.next_creates(Outcome.LOST_BEFORE_ACCEPT)
        asked = bridge.SendRequest(story.line, PhoneNumber(ALICE), "hello", "operator:t")
        await bridge.send(story.gateway.kit, asked)
        for _ in range(10):
            await story.passes(minutes=1)
        [item] = await all_items(story)
        assert (item.state, item.provider_id) == (OutboxState.DEAD, "")


@pytest.mark.proves("P3")
async def test_an_opt_out_told_by_callback_counts(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        item = await sent_item(story)
        asked = bridge.SendRequest(story.line, PhoneNumber(ALICE), "next", "operator:t")
        waiting = (await bridge.send(story.gateway.kit, asked)).message.id
        await told(story, item, "failed", ErrorCode="21610")
        people = await story.read(lambda tx: tx.people.find([PhoneNumber(ALICE)]))
        assert people[PhoneNumber(ALICE)].opt_out_source == "provider"
        message = await bridge.message(story.gateway.kit, waiting)
        assert (message.status.value, message.reason) == ("cancelled", "opted_out")
        await story.phone(BOB).texts("hello")
        await story.passes(seconds=5)
        assert len(story.phone(BOB).inbox) == 1


@pytest.mark.proves("P6")
async def test_looks_are_few_and_far_between(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        item = await sent_item(story)
        looks = []
        watch = await story.read(
            lambda tx: tx.watches.due(story.clock.now() + timedelta(days=1), 5)
        )
        assert [one.id for one in watch] == [item.id]
        real = story.gateway.kit.http

        class Counting:
            async def send(self, request: object) -> object:
                looks.append(story.clock.now())
                return await real.send(request)  # type: ignore[arg-type]

        object.__setattr__(story.gateway.kit, "http", Counting())
        for _ in range(60):
            await story.passes(minutes=10)
        assert len(looks) == 5


# -- what a report says of the line ---------------------------------------------------------------


@pytest.mark.proves("P6", "B106")
async def test_an_account_that_was_suspended_stops_the_line(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        item = await sent_item(story)
        form = status_form(item.provider_id, "failed", ErrorCode="30002")
        for _ in range(2):
            assert (await webhook(story, form)).stored
        assert await status_of(story, item) == "failed"
        assert list(await story.read(lambda tx: tx.lines.stopped())) == ["default"]
        [stopped] = await audit(story, "default", "line_stopped")
        assert stopped["code"] == 30002
