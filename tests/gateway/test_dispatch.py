"""Dispatch, against a carrier that fails in every way: four outcomes, never twice, never against a
decision made a moment ago, never more than a ceiling allows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from looking import (
    ALICE,
    BOB,
    CAROL,
    OPEN,
    Locked,
    all_items,
    audit,
    creates,
    outbound,
    parts,
    sid_of,
    status_form,
    webhook,
)
from ringfence.gateway import bridge, halt, recover
from ringfence.gateway.deadletters import Wish, resubmit
from ringfence.gateway.facts import FactsDesk
from ringfence.model.contact import SwitchScope
from ringfence.model.errors import (
    DestinationRefused,
    NotDispatched,
    NotResubmittable,
    ProviderMisconfigured,
)
from ringfence.model.message import Message
from ringfence.model.outbox import OutboxState
from ringfence.model.phone import PhoneNumber
from ringfence.policy.policy import discover, make_policy
from ringfence.policy.rule import Rule
from ringfence.ports import OutboxChange, Tx
from ringfence.testing import Faults, Outcome
from telling import OWNER, ScriptedAgent, Story, telling

LONG = "word " * 700  # three parts
SILENT_CARRIER = {"faults": Faults(callback_dropped=1.0)}


async def sends(story: Story, to: str = ALICE, body: str = "hello", who: str = "operator:t") -> str:
    kit = story.gateway.kit
    asked = bridge.SendRequest(story.line, PhoneNumber(to), body, who)
    return (await bridge.send(kit, asked)).message.id


async def message(story: Story, message_id: str) -> Message:
    return await bridge.message(story.gateway.kit, message_id)


async def walks(story: Story, seconds: int, step: float = 1.0) -> None:
    for _ in range(int(seconds / step)):
        await story.passes(seconds=step)


# -- the four outcomes ----------------------------------------------------------------------------


@pytest.mark.proves("P7", "P1")
async def test_accepted_is_followed_until_delivered(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        key = await sends(story)
        await story.passes(seconds=5)
        assert (await message(story, key)).status.value == "delivered"
        [item] = await all_items(story)
        assert (item.state, item.attempt) == (OutboxState.ACCEPTED, 1)
        [attempt] = await audit(story, item.id, "attempt")
        assert attempt["outcome"] == "accepted"
        # One decision for the proposal, one for the one call.
        assert len(await audit(story, key, "decision")) == 1
        [claim] = await audit(story, item.id, "decision")
        assert (claim["claiming"], claim["verdict"]) == (True, "allow")


@pytest.mark.proves("P5", "P6")
@pytest.mark.parametrize("callbacks", [True, False])
@pytest.mark.parametrize("fault", [Outcome.LOST_AFTER_ACCEPT, Outcome.ERROR_AFTER_ACCEPT])
async def test_accepted_and_unanswered_is_resolved_and_not_repeated(
    store_url: str, fault: Outcome, callbacks: bool
) -> None:
    options: dict[str, Any] = {} if callbacks else SILENT_CARRIER
    async with telling(store_url, sms=OPEN, carrier_options=options) as story:
        story.carrier.next_creates(fault)
        key = await sends(story)
        await walks(story, 60, 5)
        await story.passes(minutes=10)
        assert len(creates(story)) == 1
        assert (await message(story, key)).status.value == "delivered"
        assert len(story.phone(ALICE).inbox) == 1


@pytest.mark.proves("P5", "P6", "B071")
@pytest.mark.parametrize("fault", [Outcome.LOST_BEFORE_ACCEPT, Outcome.ERROR_BEFORE_ACCEPT])
async def test_an_outcome_nobody_knows_is_a_dead_letter(store_url: str, fault: Outcome) -> None:
    async with telling(store_url, sms=OPEN) as story:
        story.carrier.next_creates(fault)
        key = await sends(story)
        await walks(story, 900, 30)
        [item] = await all_items(story)
        assert (item.state, item.attempt) == (OutboxState.DEAD, 1)
        assert (await message(story, key)).status.value == "failed"
        assert "unknown_outcome" in (await message(story, key)).reason
        assert creates(story) == []
        _, health = await story.get("/health")
        assert health["dead_letters"] == {"default": {"outbox": 1}}
        await story.passes(days=3)
        assert creates(story) == []


@pytest.mark.proves("P5", "P6")
async def test_a_resubmitted_dead_letter_yields_to_a_late_proof(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        story.carrier.next_creates(Outcome.LOST_BEFORE_ACCEPT)
        key = await sends(story)
        await walks(story, 900, 30)
        [item] = await all_items(story)
        await resubmits(story, item.id, may_repeat=True)
        # Before it is claimed, the provider says that the first try had arrived after all.
        path = f"/webhooks/sms?ringfence={item.id}"
        got = await webhook(story, status_form(sid_of(7), "delivered"), path=path)
        assert got.stored
        await story.passes(minutes=5)
        assert creates(story) == []
        told = await message(story, key)
        assert (told.status.value, told.reason) == ("delivered", "")


@pytest.mark.proves("P6", "B091")
async def test_a_dead_letter_yields_to_a_late_proof_by_itself(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        story.carrier.next_creates(Outcome.LOST_BEFORE_ACCEPT)
        key = await sends(story)
        await walks(story, 900, 30)
        [item] = await all_items(story)
        path = f"/webhooks/sms?ringfence={item.id}"
        for status in ("sent", "delivered"):
            assert (await webhook(story, status_form(sid_of(7), status), path=path)).stored
        told = await message(story, key)
        assert (told.status.value, told.reason) == ("delivered", "")
        assert not any(
            one.conflicting for one in await story.read(lambda tx: tx.events.observations(item.id))
        )
        _, health = await story.get("/health")
        assert health["dead_letters"] == {}


@pytest.mark.proves("P6", "B091")
@pytest.mark.parametrize(
    ("proof", "states"),
    [("delivered", ["accepted"] * 3), ("undelivered", ["accepted", "cancelled", "cancelled"])],
)
async def test_what_waited_with_a_dead_part_follows_a_late_proof(
    store_url: str, proof: str, states: list[str]
) -> None:
    async with telling(store_url, sms=OPEN) as story:
        story.carrier.next_creates(Outcome.LOST_BEFORE_ACCEPT)
        key = await sends(story, body=LONG)
        await walks(story, 900, 30)
        before = await parts(story, await message(story, key))
        assert [item.state.value for item in before] == ["dead", "held", "held"]
        path = f"/webhooks/sms?ringfence={before[0].id}"
        assert (await webhook(story, status_form(sid_of(7), proof), path=path)).stored
        await walks(story, 60, 5)
        told = await message(story, key)
        after = await parts(story, told)
        assert [item.state.value for item in after] == states
        assert told.status.value == proof
        assert [m.body for m in creates(story)] == [
            item.body for item in after[1:] if item.state is OutboxState.ACCEPTED
        ]


@pytest.mark.proves("P5")
@pytest.mark.parametrize("lost", ["the answer", "the process"])
async def test_what_may_have_arrived_stays_so_through_later_tries(
    store_url: str, lost: str
) -> None:
    async with telling(store_url, sms=OPEN) as story:
        await sends(story)
        if lost == "the answer":
            story.carrier.next_creates(Outcome.LOST_BEFORE_ACCEPT)
        else:
            await story.gateway.dispatcher.claim(1)
        await walks(story, 900, 30)
        [item] = await all_items(story)
        assert item.state is OutboxState.DEAD
        story.carrier.faults = Faults(throttled=1.0)
        await resubmits(story, item.id, may_repeat=True)
        await walks(story, 1_200, 10)
        [item] = await all_items(story)
        # The one of unknown outcome, then a round of its own.
        told = (item.state, item.reason, item.attempt)
        assert told == (OutboxState.DEAD, "attempts_exhausted", 1 + 8)
        with pytest.raises(NotResubmittable, match="may-repeat"):
            await resubmits(story, item.id)
        story.carrier.faults = Faults()
        await resubmits(story, item.id, may_repeat=True)
        # Eight refusals in a row opened the line's breaker; it is the probe.
        await walks(story, 150, 5)
        [item] = await all_items(story)
        assert item.state is OutboxState.ACCEPTED
        assert item.attempt > 9


@pytest.mark.proves("P5", "P6")
async def test_a_lost_lease_whose_outcome_was_told_after_all_is_certain(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        await sends(story)
        [item] = await story.gateway.dispatcher.claim(1)
        kit, later = story.gateway.kit, item.lease_until
        await story.write(lambda tx: recover.recover(kit, tx, False, later))
        [lost] = await all_items(story)
        assert lost.state is OutboxState.UNKNOWN
        story.carrier.world.account.auth_token = "rotated"
        await story.gateway.dispatcher.send(item)  # a refusal: nothing arrived
        story.carrier.world.account.auth_token = "simulated-token"
        await resubmits(story, item.id)
        [again] = await all_items(story)
        assert (again.state, again.attempt) == (OutboxState.DUE, 0)


async def resubmits(story: Story, item_id: str, *, may_repeat: bool = False) -> None:
    kit, now = story.gateway.kit, story.clock.now()

    def readmit(tx: Tx, line: Any, fields: Any) -> bool:
        raise AssertionError("no event is resubmitted here")

    wish = Wish(item_id, "operator:t", may_repeat=may_repeat)
    await story.write(lambda tx: resubmit(kit, tx, readmit, wish, now))


@pytest.mark.proves("P5")
async def test_a_throttled_send_is_tried_again(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        story.carrier.next_creates(*[Outcome.THROTTLED] * 3)
        key = await sends(story)
        await walks(story, 20)
        assert (await message(story, key)).status.value == "delivered"
        [item] = await all_items(story)
        assert item.attempt == 4
        assert len(creates(story)) == 1
        outcomes = [entry["outcome"] for entry in await audit(story, item.id, "attempt")]
        assert outcomes == ["retryable"] * 3 + ["accepted"]
        # Every call has its decision (P7).
        assert len(await audit(story, item.id, "decision")) == 4


@pytest.mark.proves("P6")
async def test_throttled_for_good_is_a_dead_letter_within_its_bound(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        story.carrier.faults = Faults(throttled=1.0)
        key = await sends(story)
        await walks(story, 1_200, 10)
        [item] = await all_items(story)
        assert (item.state, item.attempt) == (OutboxState.DEAD, 8)
        assert (await message(story, key)).reason == "attempts_exhausted"


@pytest.mark.proves("P3")
async def test_21610_is_an_opt_out_on_every_line(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        story.carrier.opt_out(ALICE)
        first = await sends(story)
        second = await sends(story, body="another")
        await story.passes(seconds=5)
        assert (await message(story, first)).status.value == "failed"
        assert (await message(story, second)).status.value in ("cancelled", "refused")
        person = await story.read(lambda tx: tx.people.find([PhoneNumber(ALICE)]))
        assert person[PhoneNumber(ALICE)].opt_out_source == "provider"
        assert creates(story) == []


@pytest.mark.proves("P2", "P3")
async def test_21610_never_softens_an_operators_do_not_contact(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        number = PhoneNumber(ALICE)
        story.carrier.opt_out(ALICE)
        await sends(story)
        [item] = await story.gateway.dispatcher.claim(5)
        await story.write(lambda tx: tx.people.set_opt_out(number, "operator"))
        await story.gateway.dispatcher.send(item)
        people = await story.read(lambda tx: tx.people.find([number]))
        assert people[number].opt_out_source == "operator"


@pytest.mark.proves("P6", "B106")
async def test_wrong_credentials_stop_the_line_and_lose_nothing(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        story.carrier.world.account.auth_token = "rotated"
        first = await sends(story)
        await story.passes(seconds=5)
        second = await sends(story, BOB)
        await story.passes(seconds=30)
        assert list(await story.read(lambda tx: tx.lines.stopped())) == ["default"]
        assert (await message(story, second)).status.value == "queued"
        [item] = await parts(story, await message(story, first))
        assert (item.state, item.reason) == (OutboxState.DEAD, "line_misconfigured")
        _, health = await story.get("/health")
        assert (health["status"], health["lines"]) == ("degraded", {"default": "blocked"})

        story.carrier.world.account.auth_token = "simulated-token"
        kit, now = story.gateway.kit, story.clock.now()
        await story.write(lambda tx: halt.start_line(kit, tx, "default", "operator:t", now))
        await resubmits(story, item.id)
        await story.passes(seconds=5)
        assert [len(story.phone(number).inbox) for number in (ALICE, BOB)] == [1, 1]


@pytest.mark.proves("B070")
@pytest.mark.parametrize(
    ("error", "state"),
    [
        (NotDispatched("no connection"), OutboxState.DUE),
        (DestinationRefused("not public"), OutboxState.FAILED),
        (ProviderMisconfigured("no sender"), OutboxState.DEAD),
    ],
)
async def test_what_never_left_is_told_apart(
    sqlite_url: str, error: Exception, state: OutboxState
) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:

        class Broken:
            async def send(self, request: object) -> object:
                raise error

        await sends(story)
        [item] = await story.gateway.dispatcher.claim(1)
        object.__setattr__(story.gateway.kit, "http", Broken())
        await story.gateway.dispatcher.send(item)
        [after] = await all_items(story)
        assert after.state is state


@pytest.mark.proves("P5", "B071")
async def test_a_carrier_that_is_away_is_waited_for(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        kit = story.gateway.kit
        real = kit.http
        object.__setattr__(kit, "http", Away())
        key = await sends(story)
        await walks(story, 10)
        object.__setattr__(kit, "http", real)
        await walks(story, 60, 5)
        assert (await message(story, key)).status.value == "delivered"
        assert len(creates(story)) == 1


class Away:
    """Nothing reaches the carrier."""

    async def send(self, request: object) -> object:
        raise NotDispatched("no connection")


@pytest.mark.proves("P6", "P10", "B071")
async def test_an_outage_uses_up_neither_tries_nor_ceilings(store_url: str) -> None:
    policy = {"recipientVolume": {"hour": 3}, "lineVolume": {"day": 3}}
    async with telling(store_url, sms={**OPEN, "policy": policy}) as story:
        kit = story.gateway.kit
        real = kit.http
        object.__setattr__(kit, "http", Away())
        keys = [await sends(story, body=f"alert {number}") for number in range(3)]
        await walks(story, 2_400, 20)
        items = await all_items(story)
        assert {item.state for item in items} == {OutboxState.DUE}
        # The others of the conversation wait behind its first.
        assert (8 < items[0].attempt < 20, items[1].attempt) == (True, 0)
        object.__setattr__(kit, "http", real)
        story.carrier.next_creates(Outcome.THROTTLED)  # a first refusal, whatever the attempt
        await walks(story, 400, 10)
        assert [(await message(story, key)).status.value for key in keys] == ["delivered"] * 3
        # The ceilings hold for what was taken.
        late = await sends(story, body="one too many")
        await walks(story, 100, 10)
        assert (await message(story, late)).status.value == "queued"
        assert len(creates(story)) == 3


@pytest.mark.proves("P6")
async def test_an_outage_that_outlasts_a_message_ends_it(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms={**OPEN, "messageTtlMinutes": 30}) as story:
        object.__setattr__(story.gateway.kit, "http", Away())
        key = await sends(story)
        await walks(story, 2_400, 30)
        [item] = await all_items(story)
        # It waits for its line's breaker when its time is over, so it never was given up.
        assert (item.state, item.reason) == (OutboxState.EXPIRED, "expired")
        assert (await message(story, key)).status.value == "expired"


# -- what breaks its claim -------------------------------------------------------------------------


@pytest.mark.proves("P1", "P6")
@pytest.mark.parametrize("body", ["poison", LONG])
async def test_an_item_that_breaks_its_claim_holds_up_nobody(
    store_url: str,
    body: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with telling(store_url, sms=OPEN) as story:
        await sends(story, CAROL, "before")
        poison = await sends(story, ALICE, body)
        await sends(story, BOB, "after")
        real = FactsDesk.decide

        def decide(desk: FactsDesk, question: Any, subject: str) -> Any:
            if question.number.e164 == ALICE:
                raise KeyError("a bug in a fact")
            return real(desk, question, subject)

        monkeypatch.setattr(FactsDesk, "decide", decide)
        await walks(story, 20)
        assert sorted(m.recipient for m in creates(story)) == [BOB, CAROL]
        told = await message(story, poison)
        assert (told.status.value, told.reason) == ("failed", "claim_failed")
        first, *later = await parts(story, told)
        assert (first.state, first.attempt) == (OutboxState.DEAD, 0)
        assert {item.state for item in later} <= {OutboxState.HELD}
        [line] = [r for r in caplog.records if r.message == "dead letter: its claim failed"]
        assert vars(line)["outbox_id"] == first.id
        assert line.exc_info is not None

        monkeypatch.setattr(FactsDesk, "decide", real)
        await resubmits(story, first.id)
        await walks(story, 30)
        assert (await message(story, poison)).status.value == "delivered"


# -- the store fails as the outcome is known --------------------------------------------------------


async def sends_while_locked(story: Story, times: int = 3) -> None:
    """Claim and call; the database is locked as the outcome is to be recorded, so many times."""
    [item] = await story.gateway.dispatcher.claim(1)
    locked = Locked(story)
    sending = asyncio.create_task(story.gateway.dispatcher.send(item))
    await locked.refuses(times, story.clock)
    locked.free()
    while not sending.done():
        await asyncio.sleep(0)
        if story.clock.next_wake is not None:
            story.clock.move_to(story.clock.next_wake)
    await sending


@pytest.mark.proves("P5", "P6")
@pytest.mark.parametrize("times", [1, 3])
async def test_an_outcome_is_kept_though_the_store_was_busy(sqlite_url: str, times: int) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        story.carrier.next_creates(Outcome.THROTTLED)
        key = await sends(story)
        await sends_while_locked(story, times)
        [item] = await all_items(story)
        assert (item.state, item.attempt) == (OutboxState.DUE, 1)
        await walks(story, 10)
        assert (await message(story, key)).status.value == "delivered"
        assert len(creates(story)) == 1


@pytest.mark.proves("P3")
async def test_an_opt_out_is_kept_though_the_store_was_busy(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        story.carrier.opt_out(ALICE)
        await sends(story)
        await sends_while_locked(story)
        [item] = await all_items(story)
        people = await story.read(lambda tx: tx.people.find([PhoneNumber(ALICE)]))
        assert item.state is OutboxState.FAILED
        assert people[PhoneNumber(ALICE)].opt_out_source == "provider"


@pytest.mark.proves("P3", "B106")
@pytest.mark.parametrize("refusal", ["opt-out", "credentials"])
async def test_a_refusal_is_heeded_whoever_settled_the_item(sqlite_url: str, refusal: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        await sends(story)
        if refusal == "opt-out":
            story.carrier.opt_out(ALICE)
        else:
            story.carrier.world.account.auth_token = "rotated"
        [item] = await story.gateway.dispatcher.claim(1)
        # Somebody gave the item up while its call was under way.
        gone = OutboxChange(item.id, frozenset({OutboxState.SENDING}), OutboxState.DEAD)
        await story.write(lambda tx: tx.outbox.change([gone]))
        await story.gateway.dispatcher.send(item)
        people = await story.read(lambda tx: tx.people.find([PhoneNumber(ALICE)]))
        stopped = await story.read(lambda tx: tx.lines.stopped())
        told = (people[PhoneNumber(ALICE)].opt_out_source, list(stopped))
        assert told == (("provider", []) if refusal == "opt-out" else ("", ["default"]))


# -- decided again at the claim -------------------------------------------------------------------


Change = Callable[[Story, Tx], object]


def _stop(scope: SwitchScope, subject: str) -> Change:
    def change(story: Story, tx: Tx) -> object:
        now = story.clock.now()
        return halt.stop(story.gateway.kit, tx, scope, subject, "test", "operator:t", now)

    return change


def _block(story: Story, tx: Tx) -> object:
    return halt.block(story.gateway.kit, tx, PhoneNumber(ALICE), "operator:t", story.clock.now())


CHANGES: dict[str, Change] = {
    "an operator's opt-out": lambda story, tx: tx.people.set_opt_out(
        PhoneNumber(ALICE), "operator"
    ),
    "a flag set by another process": lambda story, tx: tx.people.set_blocked(
        PhoneNumber(ALICE), True
    ),
    "a block": _block,
    "a stop of everything": _stop(SwitchScope.EVERYTHING, ""),
    "a stop of the line": _stop(SwitchScope.LINE, "default"),
    "a stop of the person": _stop(SwitchScope.CONTACT, ALICE),
    "a stopped line": lambda story, tx: tx.lines.stop("default", "test", story.clock.now()),
}


@pytest.mark.proves("P1", "P3")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize("body", ["hello", LONG])
async def test_what_changes_before_the_claim_is_heeded(
    store_url: str, change: Change, body: str
) -> None:
    async with telling(store_url, sms=OPEN) as story:
        key = await sends(story, body=body)
        await story.write(lambda tx: change(story, tx))
        await story.passes(minutes=10)
        assert creates(story) == []
        assert (await message(story, key)).status.value in (
            *("refused", "cancelled", "held", "queued"),
        )
        await story.passes(hours=6)
        assert creates(story) == []
        assert (await message(story, key)).status.value in ("refused", "cancelled", "expired")


@pytest.mark.proves("P1", "P3")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_what_changes_before_a_retry_is_heeded(store_url: str, change: Change) -> None:
    async with telling(store_url, sms=OPEN) as story:
        story.carrier.next_creates(Outcome.THROTTLED)
        await sends(story)
        [item] = await story.gateway.dispatcher.claim(1)
        # Committed while the request is under way; the retry that follows must not leave.
        await story.write(lambda tx: change(story, tx))
        await story.gateway.dispatcher.send(item)
        await walks(story, 60, 5)
        assert creates(story) == []


@pytest.mark.proves("P1")
async def test_a_rule_that_breaks_at_the_claim_means_no(sqlite_url: str) -> None:
    def broken(facts: object, settings: object) -> Any:
        raise RuntimeError("a bug")

    async with telling(sqlite_url, sms=OPEN) as story:
        key = await sends(story)
        _judged_by(story, (*discover(), Rule("broken", "", broken)))
        await story.passes(seconds=30)
        assert creates(story) == []
        assert "rule_failed" in (await message(story, key)).reason


@pytest.mark.proves("P1")
async def test_no_rules_means_no(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        _judged_by(story, ())
        await sends(story)
        await story.passes(seconds=30)
        assert creates(story) == []


def _judged_by(story: Story, rules: Sequence[Rule]) -> None:
    kit = story.gateway.kit
    policies = {line: make_policy(one.settings, {}, rules) for line, one in kit.policies.items()}
    object.__setattr__(kit, "policies", policies)


# -- order and parts ------------------------------------------------------------------------------


@pytest.mark.proves("B065", "B067")
async def test_parts_arrive_in_order_and_whole(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        story.carrier.next_creates(Outcome.THROTTLED, Outcome.ANSWERED, Outcome.THROTTLED)
        text = " ".join(f"number{n}" for n in range(400))
        key = await sends(story, body=text)
        await sends(story, body="afterwards")
        await walks(story, 20)
        got = [one.body for one in story.phone(ALICE).inbox]
        assert got[-1] == "afterwards"
        assert " ".join(" ".join(got[:-1]).split()) == text
        assert (await message(story, key)).status.value == "delivered"


@pytest.mark.proves("P10")
async def test_a_long_text_is_no_repetition(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms={**OPEN, "textChunkLimit": 20}) as story:
        key = await sends(story, OWNER, "word " * 40, "agent:local")
        assert (await message(story, key)).status.value == "queued"
        for _ in range(4):
            await story.passes(seconds=61)
        assert (await message(story, key)).status.value == "delivered"
        assert len(creates(story)) == 10


@pytest.mark.proves("P5")
async def test_the_first_refused_part_is_the_last(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        key = await sends(story, body=LONG)
        [first] = await story.gateway.dispatcher.claim(5)
        await story.gateway.dispatcher.send(first)
        story.carrier.opt_out(ALICE)
        await walks(story, 10)
        told = await parts(story, await message(story, key))
        assert [part.state for part in told] == [
            OutboxState.ACCEPTED,
            OutboxState.FAILED,
            OutboxState.CANCELLED,
        ]
        assert (await message(story, key)).status.value == "failed"
        assert len(creates(story)) == 1


@pytest.mark.proves("P5", "P6")
async def test_later_parts_wait_with_a_dead_one_and_follow_it(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        story.carrier.next_creates(Outcome.LOST_BEFORE_ACCEPT)
        key = await sends(story, body=LONG)
        await walks(story, 600, 30)
        told = await parts(story, await message(story, key))
        assert [part.state for part in told] == [
            OutboxState.DEAD,
            OutboxState.HELD,
            OutboxState.HELD,
        ]
        assert creates(story) == []
        await resubmits(story, told[0].id, may_repeat=True)
        await walks(story, 10)
        assert len(story.phone(ALICE).inbox) == 3
        assert (await message(story, key)).status.value == "delivered"


@pytest.mark.proves("P6")
async def test_no_part_overtakes_one_that_is_given_up(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        story.carrier.next_creates(*[Outcome.THROTTLED] * 8)
        key = await sends(story, body=LONG)
        await walks(story, 1_200, 10)
        told = await parts(story, await message(story, key))
        assert [part.state for part in told] == [
            OutboxState.DEAD,
            OutboxState.HELD,
            OutboxState.HELD,
        ]
        assert creates(story) == []


@pytest.mark.proves("B035")
async def test_nothing_overtakes_an_unknown_send_to_the_same_person(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN, carrier_options=SILENT_CARRIER) as story:
        story.carrier.next_creates(Outcome.LOST_AFTER_ACCEPT)
        await sends(story, body="first")
        await sends(story, body="second")
        await sends(story, BOB, body="to another")
        await story.passes(seconds=3)
        assert [one.body for one in story.phone(ALICE).inbox] == ["first"]
        assert len(story.phone(BOB).inbox) == 1
        await walks(story, 30, 5)
        assert [one.body for one in story.phone(ALICE).inbox] == ["first", "second"]


# -- ceilings -------------------------------------------------------------------------------------


@pytest.mark.proves("P10", "P1")
@pytest.mark.parametrize(
    ("policy", "most"),
    [
        ({"recipientVolume": {"minute": 4}}, 4),
        ({"recipientVolume": {"hour": 5}}, 5),
        ({"recipientVolume": {"day": 3}}, 3),
        ({"lineVolume": {"minute": 6}}, 6),
        ({"lineVolume": {"day": 7}}, 7),
    ],
)
async def test_a_ceiling_is_reached_and_never_passed(
    store_url: str, policy: dict[str, Any], most: int
) -> None:
    async with telling(store_url, sms={**OPEN, "policy": policy}) as story:
        for number in range(12):
            await sends(story, body=f"text {number}")
        # Many claims at once, as by several workers.
        for _ in range(14):
            batches = await asyncio.gather(*(story.gateway.dispatcher.claim(3) for _ in range(4)))
            await asyncio.gather(
                *(story.gateway.dispatcher.send(item) for batch in batches for item in batch)
            )
        assert len(creates(story)) == most
        waiting = [item for item in await all_items(story) if item.state is OutboxState.DUE]
        assert len(waiting) == 12 - most


@pytest.mark.proves("P10", "P6")
async def test_what_a_ceiling_holds_back_leaves_in_the_next_window(sqlite_url: str) -> None:
    async with telling(
        sqlite_url, sms={**OPEN, "policy": {"recipientVolume": {"minute": 2}}}
    ) as story:
        for number in range(5):
            await sends(story, body=f"text {number}")
        counts = []
        for _ in range(3):
            await story.passes(seconds=59)
            counts.append(len(creates(story)))
            await story.passes(seconds=1)
        assert counts == [2, 4, 5]
        assert [one.body for one in story.phone(ALICE).inbox] == [f"text {n}" for n in range(5)]


@pytest.mark.proves("P10")
async def test_what_the_provider_did_not_take_takes_no_place(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms={**OPEN, "policy": {"lineVolume": {"minute": 3}}}) as story:
        story.carrier.next_creates(Outcome.THROTTLED, Outcome.THROTTLED)
        for number in (ALICE, BOB, CAROL, ALICE):
            await sends(story, number)
        await walks(story, 50)
        assert len(creates(story)) == 3
        await walks(story, 60, 5)
        assert len(creates(story)) == 4


@pytest.mark.proves("P10")
@pytest.mark.parametrize("policy", [{"recipientVolume": {"hour": 2}}, {"lineVolume": {"day": 2}}])
async def test_a_place_is_given_back_in_its_own_window(
    store_url: str, policy: dict[str, Any]
) -> None:
    async with telling(store_url, sms={**OPEN, "policy": policy}) as story:
        for number in range(4):
            await sends(story, body=f"text {number}")
        # Claimed in one minute and answered in the next, then for good.
        for outcome in (Outcome.THROTTLED, Outcome.THROTTLED, None):
            story.carrier.next_creates(*([outcome] if outcome else []))
            [item] = await story.gateway.dispatcher.claim(1)
            story.clock.advance(seconds=61)
            item = replace(item, lease_until=item.lease_until + timedelta(seconds=61))
            await story.gateway.dispatcher.send(item)
            story.clock.advance(seconds=3)
        await walks(story, 600, 10)
        assert len(creates(story)) == 2


@pytest.mark.proves("P10")
async def test_many_tries_of_one_text_are_no_loop(sqlite_url: str) -> None:
    sms = {**OPEN, "policy": {"loopGuard": {"sameTextPer5Minutes": 1}}}
    async with telling(sqlite_url, sms=sms) as story:
        story.carrier.next_creates(*[Outcome.THROTTLED] * 3)
        await story.phone(ALICE).texts("hello")
        await walks(story, 20)
        assert len(creates(story)) == 1


@pytest.mark.proves("P10")
async def test_the_same_text_over_and_over_is_refused(store_url: str) -> None:
    agent = ScriptedAgent(lambda turn: "I am a machine")
    sms = {**OPEN, "policy": {"loopGuard": {"sameTextPer5Minutes": 3}}}
    async with telling(store_url, sms=sms, agent=agent) as story:
        for number in range(6):
            await story.phone(ALICE).texts(f"text {number}")
            await story.passes(seconds=5)
        assert len(creates(story)) == 3
        refused = [m for m in await outbound(story) if m.status.value == "refused"]
        assert {m.reason.partition(":")[0] for m in refused} == {"loop_same_text"}


@pytest.mark.proves("P10")
async def test_a_full_queue_refuses_with_its_name(sqlite_url: str) -> None:
    async with telling(
        sqlite_url, sms={**OPEN, "policy": {"lineVolume": {"waitingMax": 3}}}
    ) as story:
        got = []
        for number in range(5):
            got.append(await message(story, await sends(story, body=f"text {number}")))
        assert [m.status.value for m in got] == ["queued"] * 3 + ["refused"] * 2
        assert "queue_full" in got[-1].reason


# -- time -----------------------------------------------------------------------------------------


@pytest.mark.proves("P6")
async def test_a_held_message_of_a_line_that_is_gone_expires(store_url: str) -> None:
    async with telling(store_url) as story:
        key = await sends(story, ALICE, who="agent:local")
        assert (await message(story, key)).status.value == "held"
        line = story.gateway.kit.lines.pop("default")
        for after, status in ((24 * 60 - 2, "held"), (2, "expired")):
            story.clock.advance(minutes=after)
            await story.passes(minutes=1)
            assert (await message(story, key)).status.value == status
        story.gateway.kit.lines["default"] = line


@pytest.mark.proves("P6", "P10")
async def test_what_waited_too_long_expires_even_if_nobody_looked(store_url: str) -> None:
    async with telling(store_url, sms={**OPEN, "messageTtlMinutes": 30}) as story:
        short, long = await sends(story), await sends(story, BOB, LONG)
        # The gateway was down; the first thing it does afterwards is claim.
        story.clock.advance(minutes=31)
        assert await story.gateway.dispatcher.claim(10) == []
        await story.passes(minutes=1)
        assert creates(story) == []
        for key in (short, long):
            told = await message(story, key)
            assert (told.status.value, told.reason) == ("expired", "expired")


@pytest.mark.proves("P6")
async def test_a_held_message_expires(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms={"draftTtlMinutes": 30}) as story:
        key = await sends(story, ALICE, who="agent:local")
        assert (await message(story, key)).status.value == "held"
        await story.passes(minutes=31)
        assert (await message(story, key)).status.value == "expired"


# -- crashes --------------------------------------------------------------------------------------


@pytest.mark.proves("P5", "P6", "B040")
@pytest.mark.parametrize("crash", ["before the call", "after the call"])
async def test_a_crash_around_the_call_is_resolved_by_asking(store_url: str, crash: str) -> None:
    async with telling(store_url, sms=OPEN, carrier_options=SILENT_CARRIER) as story:
        key = await sends(story)
        [item] = await story.gateway.dispatcher.claim(1)
        if crash == "after the call":
            await story.gateway.dispatcher._call(item)
        # The process is gone; the next one takes over.
        kit = story.gateway.kit
        story.clock.advance(seconds=1)
        object.__setattr__(kit, "owner", "gateway-next")
        await story.write(lambda tx: recover.recover(kit, tx, True, story.clock.now()))
        await walks(story, 900, 30)
        told = await message(story, key)
        if crash == "after the call":
            assert (len(creates(story)), told.status.value) == (1, "delivered")
        else:
            assert (len(creates(story)), told.status.value) == (0, "failed")
            assert "unknown_outcome" in told.reason


@pytest.mark.proves("P5")
async def test_twelve_workers_send_each_item_once(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        people = [f"+1555555{number:04}" for number in range(300, 330)]
        for person in people:
            await sends(story, person)
        batches = await asyncio.gather(*(story.gateway.dispatcher.claim(7) for _ in range(12)))
        claimed = [item for batch in batches for item in batch]
        assert len({item.id for item in claimed}) == len(claimed) == 30
        await asyncio.gather(*(story.gateway.dispatcher.send(item) for item in claimed))
        assert sorted(m.recipient for m in creates(story)) == people


@pytest.mark.proves("P6")
async def test_a_line_that_left_the_configuration_does_not_block_others(sqlite_url: str) -> None:
    second = {
        "fromNumber": "+15555550101",
        "webhookPath": "/webhooks/second",
        "publicWebhookUrl": "{public}/webhooks/second",
    }
    async with telling(sqlite_url, sms={**OPEN, "accounts": {"second": second}}) as story:
        line = story.gateway.kit.lines["second"]
        for number in range(70):
            asked = bridge.SendRequest(
                line, PhoneNumber(f"+1555555{300 + number:04}"), "x", "operator:t"
            )
            await bridge.send(story.gateway.kit, asked)
    async with telling(sqlite_url, sms=OPEN, seed=8) as story:
        await sends(story)
        await story.passes(seconds=5)
        assert [m.recipient for m in creates(story)] == [ALICE]
        await story.passes(hours=5)
        assert {m.status.value for m in await outbound(story)} == {"delivered", "expired"}


async def test_the_owner_is_reached(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        await sends(story, OWNER, who="agent:local")
        await story.passes(seconds=5)
        assert len(story.phone(OWNER).inbox) == 1
