"""Grants: an agent texts without asking whom it may, what it may, as often as it may, and not one text
more; what rests on a grant ends with it, and nothing that is refused or forced is ever lifted."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from looking import ALICE, BOB, CAROL, OPEN, all_items, audit, creates, outbound
from ringfence.gateway import (
    bridge,
    contacts,
    drafts,
    evidence,
    grants,
    halt,
    record,
    release,
    review,
    templates,
)
from ringfence.gateway.proposal import Proposal
from ringfence.model.consent import ConsentKind, Method
from ringfence.model.contact import SwitchScope
from ringfence.model.draft import Draft, DraftState
from ringfence.model.errors import InvalidField, NotFound, NotPermitted, NotReleasable, TooMany
from ringfence.model.grant import Grant, GrantGroup, GrantState, basis_on
from ringfence.model.message import Message, MessageClass, MessageStatus
from ringfence.model.outbox import OutboxState
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.ports import OutboxChange
from telling import OWNER, Story
from telling import telling as telling_

AGENT, OPERATOR = "agent:local", "operator:ann"
FREE = frozenset({MessageClass.FREE_TEXT})
MONEY = "I demand a refund"
VISIT = {
    "version": 1,
    "category": "conversation",
    "texts": {"en": "Your visit is at {at}."},
    "fields": {"at": {"kind": "time"}},
}
# The clock of the people in these stories is nobody's concern.
ANY_HOUR = {"policy": {"quietHours": {"windows": "mon-sun 00:00-24:00"}}}
TEMPLATES = {"templates": {"visit": VISIT, "order": VISIT}}
HELD, QUEUED = MessageStatus.HELD, MessageStatus.QUEUED


def telling(store_url: str, **given: Any) -> AbstractAsyncContextManager[Story]:
    return telling_(store_url, **{**given, "config": {**ANY_HOUR, **given.get("config", {})}})


def wanted(*to: str, **given: Any) -> grants.Wanted:
    people = frozenset(map(PhoneNumber, to or ([] if "group" in given else [BOB])))
    return grants.Wanted(**{"agent": "local", "recipients": people, "classes": FREE, **given})


async def gives(story: Story, what: grants.Wanted | None = None, actor: str = OPERATOR) -> Grant:
    kit, now = story.gateway.kit, story.clock.now()
    made: Grant = await story.write(lambda tx: grants.add(kit, tx, what or wanted(), actor, now))
    return made


async def revokes(story: Story, grant: Grant, actor: str = OPERATOR) -> int:
    kit, now = story.gateway.kit, story.clock.now()
    _, cancelled = await story.write(lambda tx: grants.revoke(kit, tx, grant.id, actor, now))
    return int(cancelled)


async def asks(
    story: Story,
    to: str = BOB,
    body: str = "Dinner at eight?",
    agent: str = AGENT,
    key: str = "",
    template: str = "",
) -> Message:
    """An agent asks to text somebody."""
    kit = story.gateway.kit
    request = bridge.SendRequest(story.line, PhoneNumber(to), body, agent, idempotency_key=key)
    if template:
        request = replace(request, body="")
        request = bridge.templated(request, templates.fill(kit, template, "", {"at": "09:30"}))
    return (await bridge.send(kit, request)).message


async def now_is(story: Story, grant: Grant) -> Grant:
    found: Grant = await story.read(lambda tx: tx.grants.get(grant.id))
    return found


async def message_of(story: Story, message_id: str) -> Message:
    found: Message = await story.read(lambda tx: tx.messages.get(message_id))
    return found


async def used_by(story: Story, grant: Grant) -> list[str]:
    uses = await story.read(lambda tx: tx.grants.uses(grant.id, 1_000))
    return sorted(use.message_id for use in uses)


def got(story: Story, number: str) -> list[str]:
    return [text.body for text in story.phone(number).inbox]


# -- what it is for --------------------------------------------------------------------------------


@pytest.mark.proves("P1", "P7", "C10")
async def test_a_text_on_a_grant_leaves_without_a_person_and_is_told(store_url: str) -> None:
    async with telling(store_url) as story:
        assert (await asks(story)).status is HELD
        grant = await gives(story)
        message = await asks(story, body="Dinner at nine?")
        assert message.status is QUEUED
        assert message.traits.basis == basis_on(grant.id)
        await story.passes(seconds=9)
        assert got(story, BOB) == ["Dinner at nine?"]
        assert await used_by(story, grant) == [message.id]
        [decided] = await audit(story, message.id, "decision")
        assert (decided["verdict"], decided["grant"]) == ("allow", grant.id)
        assert {why["met_by"] for why in decided["reasons"]} == {f"grant:{grant.id}"}
        [used] = await audit(story, message.id, "grant_used")
        assert used == {"grant": grant.id, "contact": message.contact_id, "use": 1}
        [item] = [one for one in await all_items(story) if one.message_id == message.id]
        [claimed] = await audit(story, item.id, "decision")
        assert (claimed["verdict"], claimed["grant"]) == ("allow", grant.id)
        shown = await story.read(lambda tx: record.record(story.gateway.kit, tx, message.id))
        assert f"The grant {grant.id} stood in for a person." in shown["answers"]["who_approved"]
        undo = shown["answers"]["how_to_stop_or_revoke_it"]
        assert f"Revoke the grant: ringfence grants revoke {grant.id}" in undo


@pytest.mark.proves("P7", "P9")
async def test_what_is_on_record_of_a_grant_names_no_number(store_url: str) -> None:
    async with telling(store_url) as story:
        grant = await gives(story, wanted(BOB, CAROL, count=1, name="Friends", note="for June"))
        await asks(story)
        await story.write(
            lambda tx: grants.expire(story.gateway.kit, tx, story.clock.now() + timedelta(days=9))
        )
        await revokes(story, grant)
        entries = await story.read(lambda tx: tx.audit.after(0, 1_000))
        of_grants = [one.entry for one in entries if one.entry.kind.startswith("grant")]
        assert [one.kind for one in of_grants] == ["grant_created", "grant_used", "grant_revoked"]
        assert all("+1555" not in str(one.entry.body) for one in entries)
        created = of_grants[0].body
        people = await story.read(lambda tx: tx.people.find([PhoneNumber(BOB)]))
        assert people[PhoneNumber(BOB)].contact_id in created["recipients"]
        assert len(created["recipients"]) == 2


async def test_what_needs_no_grant_uses_none(store_url: str) -> None:
    async with telling(store_url) as story:
        grant = await gives(story, wanted(OWNER, count=1))
        message = await asks(story, OWNER)
        assert (message.status, message.traits.basis) == (QUEUED, "")
        assert (await now_is(story, grant)).used == 0
        [decided] = await audit(story, message.id, "decision")
        assert "grant" not in decided


@pytest.mark.proves("P2")
async def test_a_dry_run_uses_nothing(store_url: str) -> None:
    async with telling(store_url) as story:
        grant = await gives(story, wanted(count=1))
        kit = story.gateway.kit
        request = bridge.SendRequest(story.line, PhoneNumber(BOB), "hi", AGENT)
        assert (await bridge.dry_run(kit, request)).status is QUEUED
        assert (await now_is(story, grant)).used == 0


async def test_the_narrowest_of_several_is_used(store_url: str) -> None:
    async with telling(store_url) as story:
        until = story.clock.now() + timedelta(days=1)
        wide = await gives(story, wanted(group=GrantGroup.ANYONE, count=5, until=until))
        narrow = await gives(story, wanted(count=1))
        bases = [(await asks(story, body=f"text {n}")).traits.basis for n in range(3)]
        assert bases == [basis_on(narrow.id), basis_on(wide.id), basis_on(wide.id)]


# -- what it does not cover ------------------------------------------------------------------------


@pytest.mark.proves("P1", "P2")
@pytest.mark.parametrize(
    ("what", "act"),
    [
        (wanted(agent="default"), {}),
        (wanted(), {"to": CAROL}),
        (wanted(), {"agent": "agent:default"}),
        (wanted(), {"agent": "event:shop"}),
        (wanted(line="second"), {}),
        (wanted(hours="sat-sun 00:00-24:00"), {}),
        (wanted(hours="mon-fri 18:00-19:00"), {}),
        (wanted(group=GrantGroup.PAIRED), {}),
        (wanted(group=GrantGroup.LISTED), {}),
        (wanted(group=GrantGroup.OWNERS), {}),
        (wanted(classes=frozenset({MessageClass.TEMPLATE})), {}),
        (wanted(classes=frozenset(), templates=frozenset({"visit"})), {}),
        (wanted(classes=frozenset(), templates=frozenset({"visit"})), {"template": "order"}),
        (wanted(), {"template": "visit"}),
        (wanted(programmes=frozenset({"orders"})), {}),
    ],
)
async def test_whatever_it_does_not_name_waits_for_a_person(
    sqlite_url: str, what: grants.Wanted, act: dict[str, Any]
) -> None:
    second = {
        "accountSid": "AC00000000000000000000000000000002",
        "authToken": "other",
        "fromNumber": "+15555550109",
        "webhookPath": "/webhooks/second",
    }
    sms = {"accounts": {"second": second}}
    async with telling(sqlite_url, sms=sms, config=TEMPLATES) as story:
        grant = await gives(story, what)
        assert (await asks(story, **act)).status is HELD
        assert (await now_is(story, grant)).used == 0
        await story.passes(seconds=9)
        assert got(story, BOB) + got(story, CAROL) == []


async def test_a_grant_for_a_template_sends_that_template(store_url: str) -> None:
    async with telling(store_url, config=TEMPLATES) as story:
        await gives(story, wanted(classes=frozenset(), templates=frozenset({"visit"})))
        assert (await asks(story, template="visit")).status is QUEUED
        await story.passes(seconds=9)
        assert got(story, BOB) == ["Your visit is at 09:30."]


@pytest.mark.proves("P1")
async def test_its_time_is_its_time(store_url: str) -> None:
    async with telling(store_url) as story:
        until = story.clock.now() + timedelta(minutes=10)
        grant = await gives(story, wanted(until=until))
        story.clock.move_to(until - timedelta(seconds=1))
        assert (await asks(story, body="in time")).status is QUEUED
        story.clock.move_to(until)
        assert (await asks(story, body="too late")).status is HELD
        assert (await now_is(story, grant)).used == 1


@pytest.mark.proves("P1", "P3")
async def test_a_refusal_is_never_lifted(store_url: str) -> None:
    async with telling(store_url) as story:
        grant = await gives(story, wanted(BOB, CAROL))
        kit, now = story.gateway.kit, story.clock.now()
        said = evidence.Statement(
            PhoneNumber(BOB), ConsentKind.OPT_OUT, Method.OPERATOR, evidence="asked"
        )
        await story.write(lambda tx: evidence.opted_out(kit, tx, said, OPERATOR, now))
        await story.write(lambda tx: halt.block(kit, tx, PhoneNumber(CAROL), OPERATOR, now))
        assert (await asks(story, BOB)).status is MessageStatus.REFUSED
        assert (await asks(story, CAROL)).status is MessageStatus.REFUSED
        assert (await now_is(story, grant)).used == 0


async def test_an_intake_line_lets_no_agent_begin(store_url: str) -> None:
    async with telling(store_url, sms={**OPEN, "purpose": "intake"}) as story:
        await gives(story)
        assert (await asks(story)).status is MessageStatus.REFUSED


@pytest.mark.proves("P1")
async def test_a_forced_topic_waits_for_a_person_and_uses_nothing(store_url: str) -> None:
    async with telling(store_url) as story:
        grant = await gives(story, wanted(count=1))
        message = await asks(story, body=MONEY)
        assert (message.status, message.traits.basis) == (HELD, "")
        assert (await now_is(story, grant)).used == 0
        shown = await story.read(lambda tx: record.record(story.gateway.kit, tx, message.id))
        assert not [line for line in shown["answers"]["who_approved"] if grant.id in line]
        # A person may let it go; that is their yes, and not the grant's.
        kit, now = story.gateway.kit, story.clock.now()
        draft: Draft = await story.read(lambda tx: tx.drafts.get(message.id))
        await story.write(lambda tx: drafts.approve(kit, tx, draft, OPERATOR, now))
        await revokes(story, grant)
        await story.passes(seconds=9)
        assert got(story, BOB) == [MONEY]
        assert (await now_is(story, grant)).used == 0


async def test_what_a_person_rewrites_is_theirs_and_uses_nothing(store_url: str) -> None:
    async with telling(store_url) as story:
        message = await asks(story)
        grant = await gives(story, wanted(count=1))
        kit, now = story.gateway.kit, story.clock.now()
        draft: Draft = await story.read(lambda tx: tx.drafts.get(message.id))
        await story.write(lambda tx: drafts.edit(kit, tx, draft, "At nine?", OPERATOR, now))
        await story.passes(seconds=9)
        assert got(story, BOB) == ["At nine?"]
        assert (await now_is(story, grant)).used == 0


# -- so many and not one more ----------------------------------------------------------------------


@pytest.mark.proves("P1")
async def test_fifty_at_once_against_five(store_url: str) -> None:
    async with telling(store_url) as story:
        grant = await gives(story, wanted(count=5))
        asked = await asyncio.gather(*(asks(story, body=f"text {n}") for n in range(50)))
        going = [one for one in asked if one.status is QUEUED]
        assert len(going) == 5
        assert {one.status for one in asked} == {QUEUED, HELD}
        assert await used_by(story, grant) == sorted(one.id for one in going)
        known = await now_is(story, grant)
        assert (known.used, known.state) == (5, GrantState.USED_UP)
        await story.passes(minutes=9)
        assert sorted(got(story, BOB)) == sorted(one.body for one in going)


@pytest.mark.proves("P1")
async def test_several_gateways_on_one_database_share_a_count(store_url: str) -> None:
    async with (
        telling(store_url, seed=1) as one,
        telling(store_url, seed=2, clock=one.clock) as two,
        telling(store_url, seed=3, clock=one.clock) as three,
    ):
        grant = await gives(one, wanted(count=5))
        houses = (one, two, three)
        asked = await asyncio.gather(
            *(asks(houses[n % 3], body=f"text {n}") for n in range(51)),
        )
        assert len([message for message in asked if message.status is QUEUED]) == 5
        assert len(await used_by(one, grant)) == 5
        assert (await now_is(two, grant)).used == 5


@pytest.mark.proves("P1")
async def test_uses_within_one_batch_count(store_url: str) -> None:
    async with telling(store_url) as story:
        grant = await gives(story, wanted(count=2))
        kit, now = story.gateway.kit, story.clock.now()
        batch = [
            Proposal(story.line, PhoneNumber(BOB), f"text {n}", Act.INITIATE, AGENT)
            for n in range(4)
        ]
        asked = await story.write(lambda tx: review.propose(kit, tx, batch, now))
        assert [one.status for one in asked] == [QUEUED, QUEUED, HELD, HELD]
        assert await used_by(story, grant) == sorted(one.message_id for one in asked[:2])
        counted = [await audit(story, one.message_id, "grant_used") for one in asked[:2]]
        assert [entry["use"] for [entry] in counted] == [1, 2]


@pytest.mark.proves("P1")
async def test_another_grant_is_used_when_one_is_up(store_url: str) -> None:
    """Of two equally narrow ones the other is used when the first is up, and then none."""
    async with telling(store_url) as story:
        first, second = await gives(story, wanted(count=2)), await gives(story, wanted(count=2))
        asked = await asyncio.gather(*(asks(story, body=f"text {n}") for n in range(9)))
        bases = Counter(one.traits.basis for one in asked)
        assert bases == {"": 5, basis_on(first.id): 2, basis_on(second.id): 2}


@pytest.mark.proves("P5")
async def test_a_repeated_key_uses_it_once_also_after_a_restart(store_url: str) -> None:
    async with telling(store_url) as story:
        grant = await gives(story, wanted(count=2))
        first = await asks(story, key="dinner")
        assert (await asks(story, key="dinner")).id == first.id
        later = story.clock
    async with telling(store_url, seed=8, clock=later) as story:
        assert (await asks(story, key="dinner")).id == first.id
        assert (await now_is(story, grant)).used == 1
        assert (await asks(story, body="more")).status is QUEUED
        assert (await asks(story, body="too much")).status is HELD
        await story.passes(seconds=9)
        assert sorted(got(story, BOB)) == ["Dinner at eight?", "more"]


async def test_a_use_does_not_come_back(store_url: str) -> None:
    async with telling(store_url) as story:
        grant = await gives(story, wanted(count=1))
        message = await asks(story)
        kit, now = story.gateway.kit, story.clock.now()
        await story.write(lambda tx: release.cancel(kit, tx, message.id, OPERATOR, now))
        assert (await now_is(story, grant)).used == 1
        assert (await asks(story, body="again")).status is HELD


# -- taking it back --------------------------------------------------------------------------------


@pytest.mark.proves("P3")
async def test_revoking_cancels_what_rests_on_it_and_nothing_else(store_url: str) -> None:
    async with telling(store_url, sms={"allowFrom": [ALICE]}) as story:
        grant, other = await gives(story), await gives(story, wanted(CAROL))
        resting = [await asks(story, body=f"text {n} " + "word " * 400) for n in range(3)]
        free, elsewhere = await asks(story, ALICE), await asks(story, CAROL)
        assert await revokes(story, grant) == 3
        for message in resting:
            assert (await message_of(story, message.id)).status is MessageStatus.CANCELLED
        await story.passes(seconds=9)
        assert got(story, BOB) == []
        assert len(got(story, ALICE)) == len(got(story, CAROL)) == 1
        assert (await asks(story, body="and now?")).status is HELD
        [said] = await audit(story, grant.id, "grant_revoked")
        assert said["messages"] == sorted(one.id for one in resting)
        assert len(said["items"]) == 6
        assert (await now_is(story, grant)).ended_by == OPERATOR
        assert (await now_is(story, other)).state is GrantState.ACTIVE
        assert {free.status, elsewhere.status} == {QUEUED}
        with pytest.raises(NotFound, match="revoked by operator:ann"):
            await revokes(story, grant)


@pytest.mark.proves("P3")
async def test_revoking_ends_what_is_held_because_of_a_stop(store_url: str) -> None:
    async with telling(store_url) as story:
        grant = await gives(story, wanted(count=1))
        message = await asks(story)
        kit, now = story.gateway.kit, story.clock.now()
        await story.write(
            lambda tx: halt.stop(kit, tx, SwitchScope.EVERYTHING, "", "x", OPERATOR, now)
        )
        await story.write(
            lambda tx: halt.resume(kit, tx, SwitchScope.EVERYTHING, "", OPERATOR, now)
        )
        assert await revokes(story, grant) == 1, "one that is used up can be taken back as well"
        with pytest.raises(NotReleasable):
            await story.write(lambda tx: release.release(kit, tx, message.id, OPERATOR, now))


@pytest.mark.proves("P3")
@pytest.mark.parametrize("turns", range(0, 40, 4))
async def test_a_revocation_races_the_claims(store_url: str, turns: int) -> None:
    """What was claimed before the revocation committed may go; nothing claimed after it does."""
    people = [f"+1555555{n:04d}" for n in range(200, 212)]
    async with telling(store_url) as story:
        grant = await gives(story, wanted(*people))
        for person in people:
            await asks(story, person)

        async def takes_back() -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            await revokes(story, grant)

        await asyncio.gather(story.settle(), takes_back())
        await story.passes(minutes=9)
        entries = await story.read(lambda tx: tx.audit.after(0, 10_000))
        [revoked] = [one.seq for one in entries if one.entry.kind == "grant_revoked"]
        claims = {
            one.entry.subject: one.seq
            for one in entries
            if one.entry.kind == "decision"
            and one.entry.body["claiming"]
            and one.entry.body["verdict"] == "allow"
        }
        items = {one.id: one for one in await all_items(story) if one.number.e164 in people}
        left = {one.id for one in items.values() if one.state is not OutboxState.CANCELLED}
        assert left <= claims.keys()
        assert all(claims[key] < revoked for key in left)
        assert len([one for one in creates(story) if one.recipient in people]) == len(left)


@pytest.mark.proves("P1", "P3")
async def test_one_that_came_back_to_the_queue_after_the_revocation_waits(store_url: str) -> None:
    """In flight while the grant was revoked, not taken by the provider, tried again: not without a
    person."""
    async with telling(store_url) as story:
        grant = await gives(story)
        message = await asks(story)
        [item] = [one for one in await all_items(story) if one.message_id == message.id]
        state = frozenset({OutboxState.DUE})
        await story.write(
            lambda tx: tx.outbox.change([OutboxChange(item.id, state, OutboxState.SENDING)])
        )
        assert await revokes(story, grant) == 0
        state = frozenset({OutboxState.SENDING})
        await story.write(
            lambda tx: tx.outbox.change([OutboxChange(item.id, state, OutboxState.DUE)])
        )
        await story.passes(seconds=9)
        assert got(story, BOB) == []
        held = await message_of(story, message.id)
        assert held.status is HELD
        assert "grant_gone" in held.reason
        draft: Draft = await story.read(lambda tx: tx.drafts.get(message.id))
        assert draft.state is DraftState.WAITING


@pytest.mark.proves("P1", "P3")
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE grants SET state = 'revoked' WHERE id = ?",
        "UPDATE grants SET valid_until = 1 WHERE id = ?",
        "UPDATE grants SET agent = 'other' WHERE id = ?",
        "DELETE FROM grants WHERE id = ?",
        "DELETE FROM grant_uses WHERE grant_id = ?",
        "UPDATE grant_uses SET message_id = 'msg_x' WHERE grant_id = ?",
    ],
)
async def test_without_the_grant_or_its_use_nothing_is_claimed(store_url: str, change: str) -> None:
    """Even to somebody whom the agent may text by now without any grant."""
    async with telling(store_url) as story:
        grant = await gives(story)
        message = await asks(story)
        object.__setattr__(story.line, "allow_from", frozenset({BOB}))
        await story.write(lambda tx: tx.people._db.run(change, (grant.id,)))
        await story.passes(seconds=9)
        assert got(story, BOB) == []
        assert (await message_of(story, message.id)).status is HELD


@pytest.mark.proves("P3")
async def test_what_waits_past_its_end_or_its_hours_asks_a_person(store_url: str) -> None:
    async with telling(store_url) as story:
        now = story.clock.now()
        ends = await gives(story, wanted(BOB, until=now + timedelta(minutes=30)))
        hours = await gives(story, wanted(CAROL, hours="mon-sun 16:00-17:30"))
        texts = [await asks(story, BOB), await asks(story, CAROL)]
        assert {one.status for one in texts} == {QUEUED}
        story.clock.move_to(now + timedelta(minutes=31))
        await story.settle()
        assert got(story, BOB) + got(story, CAROL) == []
        for text in texts:
            draft: Draft = await story.read(lambda tx, text=text: tx.drafts.get(text.id))
            assert draft.state is DraftState.WAITING
        # Revoking it then ends the draft; approving the other lets it go on the person's word.
        kit = story.gateway.kit
        assert await revokes(story, ends) == 1
        ended: Draft = await story.read(lambda tx: tx.drafts.get(texts[0].id))
        assert ended.state is DraftState.CANCELLED
        await story.write(lambda tx: drafts.approve(kit, tx, draft, OPERATOR, story.clock.now()))
        assert await revokes(story, hours) == 0
        await story.passes(seconds=9)
        assert (got(story, BOB), got(story, CAROL)) == ([], ["Dinner at eight?"])


async def test_used_up_is_not_revoked(store_url: str) -> None:
    async with telling(store_url) as story:
        grant = await gives(story, wanted(count=1))
        await asks(story)
        assert (await now_is(story, grant)).state is GrantState.USED_UP
        await story.passes(seconds=9)
        assert got(story, BOB) == ["Dinner at eight?"]


async def test_the_end_of_a_grant_is_put_on_record_once(store_url: str) -> None:
    async with telling(store_url) as story:
        grant = await gives(story, wanted(until=story.clock.now() + timedelta(minutes=5)))
        await story.passes(minutes=20)
        known = await now_is(story, grant)
        assert (known.state, known.ended_by) == (GrantState.EXPIRED, "system")
        assert await audit(story, grant.id, "grant_expired") == [{}]


# -- giving it -------------------------------------------------------------------------------------


@pytest.mark.proves("P2")
@pytest.mark.parametrize(
    "actor", [AGENT, "event:x", "system", "person", "approver:ben", "viewer:c"]
)
async def test_nobody_but_an_operator_gives_or_takes_back(sqlite_url: str, actor: str) -> None:
    async with telling(sqlite_url) as story:
        grant = await gives(story)
        with pytest.raises(NotPermitted):
            await gives(story, actor=actor)
        with pytest.raises(NotPermitted):
            await revokes(story, grant, actor)
        assert (await now_is(story, grant)).state is GrantState.ACTIVE


def _soon(story: Story, **given: Any) -> grants.Wanted:
    return wanted(**{"until": story.clock.now() + timedelta(days=1), **given})


@pytest.mark.proves("P2", "P10")
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"agent": "nobody"}, "Known: default, local"),
        ({"agent": ""}, "Known"),
        ({"agent": "*"}, "Known"),
        ({"line": "nobody"}, "Known: default"),
        ({"classes": frozenset()}, "class"),
        ({"recipients": frozenset()}, "whom"),
        ({"group": GrantGroup.ANYONE, "recipients": frozenset()}, "everybody"),
        ({"group": GrantGroup.CONSENTED, "count": 5, "until": None}, "everybody"),
        ({"templates": frozenset({"nothing"}), "classes": frozenset()}, "No template 'nothing'"),
        ({"templates": frozenset({"visit@x"}), "classes": frozenset()}, "No template"),
        ({"programmes": frozenset({"A B"})}, "programme"),
        ({"hours": "whenever"}, "hours"),
        ({"hours": "closed"}, "allow nothing"),
        ({"count": 0}, "count"),
        ({"name": "x" * 81}, "name"),
        ({"note": "two\nlines"}, "note"),
        ({"note": "\x00"}, "note"),
    ],
)
async def test_a_grant_that_cannot_be_is_refused_with_words(
    sqlite_url: str, given: dict[str, Any], words: str
) -> None:
    async with telling(sqlite_url, config=TEMPLATES) as story:
        with pytest.raises(InvalidField, match=words):
            await gives(story, _soon(story, **given))
        assert await story.read(lambda tx: tx.grants.listing(9, None, True)) == []


async def test_there_are_only_so_many(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grants, "ACTIVE_MAX", 2)
    async with telling(sqlite_url) as story:
        first = await gives(story)
        await gives(story)
        with pytest.raises(TooMany):
            await gives(story)
        await revokes(story, first)
        await gives(story)


@pytest.mark.parametrize("key", ["grt_9", "", "\x00", "é", "x" * 5_000])
async def test_a_grant_nobody_knows(store_url: str, key: str) -> None:
    async with telling(store_url) as story:
        with pytest.raises(NotFound):
            await story.read(lambda tx: grants.find(tx, key))


async def test_the_end_is_a_time_or_a_lifetime(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        now = story.clock.now()
        assert grants.until_of("30d", now) == now + timedelta(days=30)
        assert grants.until_of("2026-03-31T17:00:00+02:00", now).isoformat().endswith("+02:00")
        for text in ("2026-03-31", "2026-03-31T17:00:00", "soon", ""):
            with pytest.raises(InvalidField):
                grants.until_of(text, now)


async def test_a_story_of_a_grant_tells_its_uses(store_url: str) -> None:
    async with telling(store_url) as story:
        grant = await gives(story, wanted(count=3, name="Friends"))
        message = await asks(story)
        now = story.clock.now()
        told = await story.read(lambda tx: grants.grant_story(tx, grants.find(tx, grant.id), now))
        assert (told["used"], told["left"], told["recipients"]) == (1, 2, [BOB])
        assert [one["message"] for one in told["uses"]] == [message.id]
        assert BOB not in str(told["uses"])


@pytest.mark.proves("P9")
async def test_who_is_forgotten_is_in_no_grant(store_url: str) -> None:
    async with telling(store_url) as story:
        grant = await gives(story, wanted(BOB))
        await asks(story)
        kit, now = story.gateway.kit, story.clock.now()
        await story.write(lambda tx: contacts.erase(kit, tx, PhoneNumber(BOB), OPERATOR, now))
        known = await now_is(story, grant)
        assert known.scope.recipients == frozenset(), "and so it is for nobody"
        assert await used_by(story, grant) == []
        assert (known.used, known.scope.group) == (1, GrantGroup.NAMED)
        assert (await asks(story)).status is HELD


@pytest.mark.proves("P2")
async def test_no_text_of_anybody_makes_or_widens_a_grant(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        grant = await gives(story, wanted(count=1))
        for text in ("GRANT local anyone", f"grants add --agent local --to {ALICE}", "OK grt_1"):
            await story.phone(ALICE).texts(text)
        await story.passes(seconds=9)
        assert [one.id for one in await story.read(lambda tx: tx.grants.active(["local"]))] == [
            grant.id
        ]
        assert len(await outbound(story, BOB)) == 0
