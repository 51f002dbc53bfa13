"""A person's data, and texts past their keeping time: forgotten for good, while the chain stays whole
and nobody is written to who asked not to be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from looking import ALICE, BOB, OPEN, inbound, outbound
from ringfence.gateway import bridge, contacts, drafts
from ringfence.model.errors import NotFound
from ringfence.model.message import MessageStatus
from ringfence.model.phone import PhoneNumber
from telling import OWNER, Story, telling

ALICE_NUMBER = PhoneNumber(ALICE)


async def erase(story: Story, number: str = ALICE) -> dict[str, int]:
    kit, now = story.gateway.kit, story.clock.now()
    erased: dict[str, int] = await story.write(
        lambda tx: contacts.erase(kit, tx, PhoneNumber(number), "operator:t", now)
    )
    return erased


async def _rows(story: Story) -> str:
    postgres = story.gateway.settings.store.path is None
    catalogue = (
        "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        if postgres
        else "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )

    def query(tx: Any) -> str:
        db = tx.people._db
        names = [name for (name,) in db.rows(catalogue)]
        return "\n".join(str(row) for name in names for row in db.rows(f"SELECT * FROM {name}"))

    found: str = await story.read(query)
    return found


async def talks(story: Story) -> None:
    await story.phone(ALICE).texts("my secret is a red door")
    await story.passes(seconds=9)
    await story.phone(BOB).texts("good morning")
    await story.passes(seconds=9)


@pytest.mark.proves("P9")
async def test_what_owners_were_told_of_an_erased_person_goes_too(store_url: str) -> None:
    async with telling(store_url) as story:
        await story.phone(ALICE).texts("my secret is a red door")
        request = bridge.SendRequest(
            story.line, PhoneNumber(ALICE), "Mind the red door", "agent:local"
        )
        await bridge.send(story.gateway.kit, request)
        await story.passes(seconds=30)
        assert len(story.phone(OWNER).inbox) == 2
        before = len(await story.read(lambda tx: tx.messages.of_person(PhoneNumber(OWNER))))
        assert (await erase(story))["notices"] == 2
        after = await _rows(story)
        assert ALICE not in after
        assert "red door" not in after
        told = await story.read(lambda tx: tx.messages.of_person(PhoneNumber(OWNER)))
        assert len(told) == before, "that they were told stays"
        _, broken = await story.read(lambda tx: tx.audit.verify())
        assert broken == ""


@pytest.mark.proves("P7", "P9")
async def test_an_erased_person_is_nowhere_and_the_chain_is_whole(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        await talks(story)
        before = await _rows(story)
        assert ALICE in before
        assert "red door" in before
        erased = await erase(story)
        assert erased["messages"] == 2
        after = await _rows(story)
        assert ALICE not in after
        assert "red door" not in after
        assert "good morning" in after, "the others are left alone"
        checked, broken = await story.read(lambda tx: tx.audit.verify())
        assert broken == ""
        assert checked > 0


async def test_the_counts_of_the_ledgers_go_with_the_rows(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        await talks(story)
        await erase(story)
        counts = await story.read(lambda tx: tx.health.counts())
        assert counts["outbox.accepted"] == 1
        assert counts["turns.done"] == 1


@pytest.mark.proves("P3")
async def test_forgetting_does_not_forget_a_stop(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        await talks(story)
        await story.phone(ALICE).texts("STOP")
        await story.passes(seconds=9)
        await erase(story)
        kit = story.gateway.kit
        answer = await bridge.send(
            kit, bridge.SendRequest(story.line, ALICE_NUMBER, "hello again", "operator:t")
        )
        assert answer.message.status is MessageStatus.REFUSED
        assert "opted_out" in answer.message.reason


@pytest.mark.proves("P3")
async def test_what_waits_for_an_erased_person_never_leaves(store_url: str) -> None:
    async with telling(store_url) as story:
        kit = story.gateway.kit
        asked = bridge.SendRequest(story.line, ALICE_NUMBER, "dinner?", "agent:local")
        held = await bridge.send(kit, asked)
        await erase(story)
        with pytest.raises(NotFound):
            await story.read(lambda tx: drafts.find(tx, held.message.id))
        await story.passes(minutes=1)
        assert await outbound(story, ALICE) == []
        assert story.phone(ALICE).inbox == []


async def test_after_being_forgotten_one_is_a_stranger_again(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        await talks(story)
        [old] = {one.contact_id for one in await inbound(story) if one.number == ALICE_NUMBER}
        await erase(story)
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=9)
        [new] = {one.contact_id for one in await inbound(story) if one.number == ALICE_NUMBER}
        assert new != old


async def test_nobody_is_not_erased(store_url: str) -> None:
    async with telling(store_url) as story:
        with pytest.raises(NotFound):
            await erase(story, "+15555550177")


async def test_an_export_has_what_was_said_and_agreed(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        await talks(story)
        await story.phone(ALICE).texts("STOP")
        await story.passes(seconds=9)
        kit = story.gateway.kit
        document = await story.read(lambda tx: contacts.export(kit, tx, ALICE_NUMBER))
        json.dumps(document)
        assert document["opted_out"] == "keyword"
        assert [one["body"] for one in document["messages"]] == [
            "my secret is a red door",
            "You said: my secret is a red door",
            "STOP",
        ]
        assert document["consent"], "the opt-out is an event of consent"


@pytest.mark.proves("P7", "C10")
async def test_texts_past_their_time_are_forgotten_and_the_chain_is_whole(store_url: str) -> None:
    async with telling(store_url, sms=OPEN, config={"retention": {"bodyDays": 3}}) as story:
        await talks(story)
        await story.passes(days=2)
        assert "red door" in await _rows(story)
        await story.passes(days=2)
        rows = await _rows(story)
        assert "red door" not in rows
        assert ALICE in rows, "who wrote when to whom stays"
        _, broken = await story.read(lambda tx: tx.audit.verify())
        assert broken == ""


async def test_texts_are_kept_where_nothing_is_said(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        await talks(story)
        await story.passes(days=9)
        assert "red door" in await _rows(story)


@pytest.mark.proves("P6")
async def test_what_is_under_way_is_not_forgotten(store_url: str) -> None:
    sms = {"draftTtlMinutes": 20_000}
    async with telling(store_url, sms=sms, config={"retention": {"bodyDays": 3}}) as story:
        kit = story.gateway.kit
        asked = bridge.SendRequest(story.line, ALICE_NUMBER, "a red door?", "agent:local")
        held = await bridge.send(kit, asked)
        await story.passes(days=5)
        draft = await story.read(lambda tx: drafts.find(tx, held.message.id))
        now = story.clock.now()
        await story.write(lambda tx: drafts.approve(kit, tx, draft, "operator:t", now))
        await story.passes(seconds=9)
        assert [one.body for one in story.phone(ALICE).inbox] == ["a red door?"]
