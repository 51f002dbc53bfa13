"""The kill switch (P3): each scope stops what it covers and nothing else, at once, across restarts
and whatever is on its way; only a person lifts it."""

from __future__ import annotations

from typing import Any

import pytest

from looking import (
    ALICE,
    BOB,
    OPEN,
    all_items,
    audit,
    creates,
    inbound,
    message_form,
    outbound,
    sid_of,
    webhook,
)
from ringfence.gateway import bridge, halt, release
from ringfence.gateway.proposal import Proposal
from ringfence.gateway.review import propose
from ringfence.model.contact import Switch, SwitchScope
from ringfence.model.errors import NotFound, NotReleasable
from ringfence.model.outbox import OutboxState
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.testing import Behaviour, OptOutHandling, Outcome
from telling import START, Story, telling

SECOND = {
    "fromNumber": "+15555550101",
    "webhookPath": "/webhooks/second",
    "publicWebhookUrl": "{public}/webhooks/second",
}
EVERYTHING, LINE, AGENT, CONTACT, _ = SwitchScope
SWITCH = Switch(EVERYTHING, "", START, "a test", "operator:t")


async def stop(story: Story, scope: SwitchScope, subject: str = "") -> int:
    kit, now = story.gateway.kit, story.clock.now()
    held: int = await story.write(
        lambda tx: halt.stop(kit, tx, scope, subject, "a test", "operator:t", now)
    )
    return held


async def resume(story: Story, scope: SwitchScope, subject: str = "") -> None:
    kit, now = story.gateway.kit, story.clock.now()
    await story.write(lambda tx: halt.resume(kit, tx, scope, subject, "operator:t", now))


async def sends(story: Story, to: str, line: str, who: str = "operator:t") -> str:
    kit = story.gateway.kit
    asked = bridge.SendRequest(kit.lines[line], PhoneNumber(to), f"{to} {line} {who}", who)
    return (await bridge.send(kit, asked)).message.id


async def sends_long(story: Story, to: str) -> str:
    """Two parts."""
    kit = story.gateway.kit
    asked = bridge.SendRequest(story.line, PhoneNumber(to), "word " * 400, "operator:t")
    return (await bridge.send(kit, asked)).message.id


async def both_lines(story: Story) -> None:
    """The carrier has the second line's number too."""
    world = story.carrier.world
    world.carrier.add_line(world.account, "+15555550101", story.clock.now(), world.line.sms)


@pytest.mark.proves("P3")
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(
    ("scope", "subject", "passed"),
    [
        (EVERYTHING, "", 0),
        (LINE, "default", 2),
        (LINE, "second", 3),
        (AGENT, "local", 4),
        (CONTACT, ALICE, 2),
    ],
)
async def test_each_scope_stops_what_it_covers(
    store_url: str, scope: SwitchScope, subject: str, passed: int, before: bool
) -> None:
    sms = {**OPEN, "accounts": {"second": SECOND}, "owners": [ALICE, BOB]}
    async with telling(store_url, sms=sms) as story:
        await both_lines(story)
        if before:
            await stop(story, scope, subject)
        keys = [
            await sends(story, ALICE, "default"),
            await sends(story, ALICE, "second"),
            await sends(story, BOB, "default"),
            await sends(story, BOB, "second"),
            await sends(story, ALICE, "default", "agent:local"),
        ]
        if not before:
            assert await stop(story, scope, subject) == 5 - passed
        await story.passes(seconds=30)
        assert len(creates(story)) == passed
        told = {m.id: m.status.value for m in await outbound(story)}
        stopped = [told[key] for key in keys if told[key] != "delivered"]
        assert stopped == ["refused" if before else "held"] * (5 - passed)


@pytest.mark.proves("P3")
async def test_it_survives_a_restart_and_holds_for_other_processes(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        await stop(story, EVERYTHING)
    async with telling(store_url, sms=OPEN, seed=8) as story:
        await sends(story, ALICE, "default")
        await story.phone(BOB).texts("hello")
        await story.passes(minutes=5)
        assert creates(story) == []
        _, health = await story.get("/health")
        assert [one["scope"] for one in health["kill_switches"]] == ["everything"]


@pytest.mark.proves("P3")
async def test_what_is_on_its_way_does_not_come_back(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        story.carrier.next_creates(Outcome.THROTTLED)
        await sends(story, ALICE, "default")
        [item] = await story.gateway.dispatcher.claim(1)
        await stop(story, EVERYTHING)
        await story.gateway.dispatcher.send(item)
        await story.passes(minutes=5)
        await resume(story, EVERYTHING)
        await story.passes(minutes=5)
        assert creates(story) == []
        [ended] = await all_items(story)
        assert ended.state is OutboxState.HELD


async def let_go(story: Story, key: str) -> int:
    kit, now = story.gateway.kit, story.clock.now()
    parts: int = await story.write(lambda tx: release.release(kit, tx, key, "operator:t", now))
    return parts


async def ends(story: Story, key: str) -> None:
    kit, now = story.gateway.kit, story.clock.now()
    await story.write(lambda tx: release.cancel(kit, tx, key, "operator:t", now))


@pytest.mark.proves("P1", "P2", "P7")
async def test_a_person_lets_go_what_a_stop_held(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        short, long = await sends(story, ALICE, "default"), await sends_long(story, BOB)
        await stop(story, EVERYTHING)
        with pytest.raises(NotReleasable, match="kill switch"):
            await let_go(story, short)
        await resume(story, EVERYTHING)
        assert (await let_go(story, short), await let_go(story, long)) == (1, 2)
        for _ in range(10):
            await story.passes(seconds=5)
        assert [len(story.phone(one).inbox) for one in (ALICE, BOB)] == [1, 2]
        [entry] = await audit(story, short, "released")
        assert len(entry["items"]) == 1
        with pytest.raises(NotReleasable, match="not held"):
            await let_go(story, short)


@pytest.mark.proves("P1", "P3")
async def test_what_came_back_from_a_retry_can_be_let_go(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        story.carrier.next_creates(Outcome.THROTTLED)
        key = await sends_long(story, ALICE)
        [item] = await story.gateway.dispatcher.claim(1)
        # Engaged by another process while the call was under way; nothing of it held yet.
        await story.gateway.dispatcher.send(item)
        await story.write(lambda tx: tx.switches.engage(SWITCH))
        await story.passes(minutes=5)
        await resume(story, EVERYTHING)
        await story.passes(minutes=5)
        # The second part does not go without the first.
        assert creates(story) == []
        assert {one.state for one in await all_items(story)} == {OutboxState.HELD}
        await let_go(story, key)
        for _ in range(10):
            await story.passes(seconds=5)
        assert len(story.phone(ALICE).inbox) == 2


@pytest.mark.proves("P1", "P3")
async def test_an_opt_out_counts_more_than_a_release(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        key = await sends(story, ALICE, "default")
        await stop(story, EVERYTHING)
        await resume(story, EVERYTHING)
        person = PhoneNumber(ALICE)
        # Not by STOP, which would cancel it: the gate itself must say no.
        await story.write(lambda tx: tx.people.set_opt_out(person, "operator"))
        with pytest.raises(NotReleasable, match="opted out"):
            await let_go(story, key)


@pytest.mark.proves("P1", "P2")
async def test_what_the_gate_held_is_not_let_go_but_can_be_cancelled(store_url: str) -> None:
    async with telling(store_url) as story:
        key = await sends(story, ALICE, "default", "agent:local")
        with pytest.raises(NotReleasable, match="drafts approve"):
            await let_go(story, key)
        await ends(story, key)
        [message] = await outbound(story)
        assert message.status.value == "cancelled"
        with pytest.raises(NotReleasable, match="cancelled"):
            await ends(story, key)
        with pytest.raises(NotFound):
            await let_go(story, "msg_none")


@pytest.mark.proves("P2", "P7")
async def test_a_waiting_text_can_be_cancelled(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        key = await sends_long(story, ALICE)
        await ends(story, key)
        await story.passes(minutes=1)
        assert creates(story) == []
        assert len(await audit(story, key, "message_cancelled")) == 1
        await webhook(story, message_form(ALICE, "hello", sid_of(1)))
        [received] = await inbound(story)
        with pytest.raises(NotReleasable, match="came in"):
            await ends(story, received.id)


@pytest.mark.proves("P3", "P6")
async def test_what_was_held_stays_held_after_a_resume_and_expires(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        await sends(story, ALICE, "default")
        await stop(story, EVERYTHING)
        await resume(story, EVERYTHING)
        await story.passes(hours=3)
        assert creates(story) == []
        [message] = await outbound(story)
        assert message.status.value == "held"
        await story.passes(hours=2)
        [message] = await outbound(story)
        assert message.status.value == "expired"


@pytest.mark.proves("P3")
async def test_two_switches_need_two_resumes(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        await stop(story, EVERYTHING)
        await stop(story, LINE, "default")
        await resume(story, EVERYTHING)
        await sends(story, ALICE, "default")
        await story.passes(seconds=10)
        assert creates(story) == []
        await resume(story, LINE, "default")
        with pytest.raises(NotFound):
            await resume(story, LINE, "default")
        await sends(story, ALICE, "default")
        await story.passes(seconds=10)
        assert len(creates(story)) == 1


@pytest.mark.proves("P3")
async def test_no_confirmation_leaves_either_and_opt_outs_still_count(store_url: str) -> None:
    options: dict[str, Any] = {"behaviour": Behaviour(opt_outs=OptOutHandling.NONE)}
    sms = {**OPEN, "optOutReplies": "ringfence"}
    async with telling(store_url, sms=sms, carrier_options=options) as story:
        await stop(story, EVERYTHING)
        assert (await webhook(story, message_form(ALICE, "STOP", sid_of(1)))).stored
        assert (await webhook(story, message_form(BOB, "HELP", sid_of(2)))).stored
        await story.passes(minutes=1)
        assert creates(story) == []
        people = await story.read(lambda tx: tx.people.find([PhoneNumber(ALICE)]))
        assert people[PhoneNumber(ALICE)].opt_out_source == "keyword"


@pytest.mark.proves("P7", "P9")
async def test_stop_and_resume_are_on_record_without_numbers(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=5)
        await stop(story, CONTACT, ALICE)
        await resume(story, CONTACT, ALICE)
        [stopped] = await audit(story, "contact", "stop")
        [resumed] = await audit(story, "contact", "resume")
        for body in (stopped, resumed):
            assert ALICE not in str(body)
            assert str(body["subject"]).startswith("ctc_")
        checked, broken = await story.read(lambda tx: tx.audit.verify())
        assert checked > 0
        assert broken == ""


@pytest.mark.proves("P9")
@pytest.mark.parametrize("number", [ALICE, "+1 (555) 555-0111", "1-555-555-0111", "15555550111"])
async def test_a_number_in_the_reason_stays_out_of_the_record(sqlite_url: str, number: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        kit, now = story.gateway.kit, story.clock.now()
        words = f"{number} complained 3 times since 9:15"
        await story.write(lambda tx: halt.stop(kit, tx, EVERYTHING, "", words, "operator:t", now))
        [body] = await audit(story, "everything", "stop")
        assert "555-0111" not in body["reason"]
        assert "5550111" not in body["reason"]
        assert "complained 3 times since 9:15" in body["reason"]
        [switch] = await story.read(lambda tx: tx.switches.engaged())
        assert switch.reason == words


@pytest.mark.proves("P2", "P8")
async def test_no_text_and_no_local_caller_lifts_it(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        await stop(story, EVERYTHING)
        for number, body in enumerate(
            ("/resume", "ringfence resume", "START", "resume everything")
        ):
            await webhook(story, message_form(ALICE, body, sid_of(number)))
        for path in ("/resume", "/sms/resume", "/stop"):
            status, _ = await story.post(path, {"scope": "everything"})
            assert status == 404
        await story.passes(minutes=1)
        assert len(await story.read(lambda tx: tx.switches.engaged())) == 1
        assert creates(story) == []


@pytest.mark.proves("P3", "C11")
async def test_a_flow_is_stopped_by_its_name_and_resume_shows_what_was_held(store_url: str) -> None:
    async with telling(store_url, sms={**OPEN, "owners": [ALICE, BOB]}) as story:
        kit, now = story.gateway.kit, story.clock.now()
        wanted = [
            Proposal(
                story.line, PhoneNumber(to), f"from {flow}", Act.INITIATE, "operator:t", flow=flow
            )
            for to, flow in ((ALICE, "backups"), (BOB, "deploys"))
        ]
        keys = [
            one.message_id for one in await story.write(lambda tx: propose(kit, tx, wanted, now))
        ]
        assert await stop(story, SwitchScope.FLOW, "backups") == 1
        await story.settle()
        assert [one.body for one in creates(story)] == ["from deploys"]
        held = await story.write(
            lambda tx: halt.resume(kit, tx, SwitchScope.FLOW, "backups", "operator:t", now)
        )
        assert [item.message_id for item in held] == [keys[0]]
        await story.settle()
        assert len(creates(story)) == 1, "resuming lets nothing go by itself"


@pytest.mark.proves("P3", "P6")
async def test_what_needs_a_person_after_a_stop_becomes_a_draft_when_it_is_let_go(
    store_url: str,
) -> None:
    """It was allowed before the stop; meanwhile the person left the lists."""
    async with telling(store_url, sms={"allowFrom": [BOB]}) as story:
        key = await sends(story, BOB, "default", "agent:local")
        await stop(story, EVERYTHING)
        object.__setattr__(story.line, "allow_from", frozenset())
        await resume(story, EVERYTHING)
        assert await let_go(story, key) == 1
        await story.passes(seconds=9)
        assert all(one.recipient != BOB for one in creates(story))
        draft = await story.read(lambda tx: tx.drafts.get(key))
        assert draft.state.value == "waiting"
        with pytest.raises(NotReleasable, match=draft.code):
            await let_go(story, key)
