"""Dead letters go back to work when a person says so, and only where that can be right (P6)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from looking import message_form, webhook
from ringfence.gateway import deadletters
from ringfence.gateway.deadletters import Resubmitted, Wish
from ringfence.model.errors import AgentTimeout, NotFound, NotResubmittable
from ringfence.model.message import MessageStatus
from ringfence.model.outbox import OutboxItem, OutboxState
from ringfence.model.phone import PhoneNumber
from ringfence.ports import OutboxChange
from telling import NUMBER, Story, telling

PERSON = "+15555550111"
ACTOR = "operator:test"


async def _resubmit(story: Story, letter_id: str, **wish: Any) -> Resubmitted:
    kit, now = story.gateway.kit, story.clock.now()
    readmit = story.gateway.receiver.readmit
    chosen = Wish(letter_id, ACTOR, **wish)
    done: Resubmitted = await story.write(
        lambda tx: deadletters.resubmit(kit, tx, readmit, chosen, now)
    )
    return done


async def _is_paired(story: Story) -> None:
    now = story.clock.now()
    await story.write(lambda tx: tx.access.approve(story.line.id, PhoneNumber(PERSON), ACTOR, now))


async def _dies(story: Story, reason: str, body: str = "late news") -> list[OutboxItem]:
    """A text to a paired person ends in the dead letters; its items."""
    status, answer = await story.post("/sms/send", {"to": PERSON, "body": body})
    assert (status, answer["state"]) == (202, "queued")

    def job(tx: Any) -> list[OutboxItem]:
        items = tx.outbox.of_messages([answer["id"]])[answer["id"]]
        for before, after in (
            (OutboxState.DUE, OutboxState.SENDING),
            (OutboxState.SENDING, OutboxState.DEAD),
        ):
            tx.outbox.change(
                [
                    OutboxChange(
                        item.id,
                        frozenset({before}),
                        after,
                        attempt=8,
                        reason=reason,
                        status=MessageStatus.FAILED,
                    )
                    for item in items
                ]
            )
        return list(tx.outbox.of_messages([answer["id"]])[answer["id"]])

    return await story.write(job)


@asynccontextmanager
async def _paired(store_url: str) -> AsyncIterator[Story]:
    async with telling(store_url) as story:
        await _is_paired(story)
        yield story


@pytest.mark.proves("P6", "P7")
async def test_a_dead_send_goes_out_once_with_a_fresh_lifetime(store_url: str) -> None:
    async with _paired(store_url) as story:
        [item] = await _dies(story, "attempts_exhausted")
        await story.passes(hours=5)
        assert story.phone(PERSON).inbox == []
        done = await _resubmit(story, item.id)
        assert (done.kind, done.line) == ("send", "default")
        again = await story.read(lambda tx: tx.outbox.get(item.id))
        assert (again.state, again.attempt) == (OutboxState.DUE, 0)
        await story.passes(seconds=5)
        assert [text.body for text in story.phone(PERSON).inbox] == ["late news"]
        message = await story.read(lambda tx: tx.messages.get(item.message_id))
        assert message.status is MessageStatus.DELIVERED
        kinds = await story.read(
            lambda tx: [one.entry.kind for one in tx.audit.of_subject(item.id)]
        )
        assert "resubmitted" in kinds
        with pytest.raises(NotResubmittable):
            await _resubmit(story, item.id)


@pytest.mark.proves("P1", "P3")
async def test_the_gate_decides_again(store_url: str) -> None:
    async with _paired(store_url) as story:
        [item] = await _dies(story, "line_misconfigured")
        await story.write(lambda tx: tx.people.set_blocked(PhoneNumber(PERSON), True))
        await _resubmit(story, item.id)
        await story.passes(seconds=5)
        assert story.phone(PERSON).inbox == []
        message = await story.read(lambda tx: tx.messages.get(item.message_id))
        assert message.status is MessageStatus.REFUSED


@pytest.mark.proves("P5")
async def test_an_unknown_outcome_is_repeated_only_when_a_person_says_so(store_url: str) -> None:
    async with _paired(store_url) as story:
        [item] = await _dies(story, "unknown_outcome: not listed")
        with pytest.raises(NotResubmittable, match="may-repeat"):
            await _resubmit(story, item.id)
        await _resubmit(story, item.id, may_repeat=True)
        again = await story.read(lambda tx: tx.outbox.get(item.id))
        assert (again.state, again.attempt) == (OutboxState.DUE, 8)


async def test_a_fragment_is_never_resubmitted(store_url: str) -> None:
    async with _paired(store_url) as story:
        first, second = await _dies(story, "attempts_exhausted", "x" * 2000)
        both = frozenset({OutboxState.DEAD})
        change = OutboxChange(second.id, both, OutboxState.CANCELLED)
        await story.write(lambda tx: tx.outbox.change([change]))
        with pytest.raises(NotResubmittable, match="fragment"):
            await _resubmit(story, first.id)


async def test_all_parts_of_a_long_text_can_go_again(store_url: str) -> None:
    async with _paired(store_url) as story:
        for item in await _dies(story, "attempts_exhausted", "x" * 2000):
            await _resubmit(story, item.id)
        await story.passes(seconds=10)
        assert [len(text.body) for text in story.phone(PERSON).inbox] == [1500, 500]


@pytest.mark.proves("P6")
async def test_a_dead_turn_is_asked_again(store_url: str) -> None:
    async with _paired(store_url) as story:
        story.agent.answer = lambda turn: AgentTimeout("no answer")
        await story.phone(PERSON).texts("hello")
        await story.passes(seconds=5)
        [dead] = await story.read(lambda tx: tx.turns.dead(None))
        story.agent.answer = lambda turn: "here I am"
        assert (await _resubmit(story, dead.id)).kind == "turn"
        await story.passes(seconds=5)
        assert [text.body for text in story.phone(PERSON).inbox] == ["here I am"]
        with pytest.raises(NotResubmittable):
            await _resubmit(story, dead.id)


@pytest.mark.proves("B029", "P6")
async def test_a_misdirected_event_is_taken_once_the_line_is_mended(store_url: str) -> None:
    async with _paired(store_url) as story:
        fields = [
            ("MessageSid", "SM" + "1" * 32),
            ("AccountSid", "AC" + "f" * 32),
            ("From", PERSON),
            ("To", NUMBER),
            ("Body", "from the old account"),
            ("SmsSid", "SM" + "1" * 32),
            ("ApiVersion", "2010-04-01"),
            ("SmsStatus", "received"),
            ("NumMedia", "0"),
            ("NumSegments", "1"),
        ]
        delivery = await story.carrier.posts(fields)
        assert delivery.reached
        [event] = await story.read(lambda tx: tx.events.dead(None))
        with pytest.raises(NotResubmittable, match="another account"):
            await _resubmit(story, event.id)
        assert await story.read(lambda tx: tx.events.dead(None)) == [event]
        kit = story.gateway.kit
        line = story.line
        mended = replace(line, credentials=replace(line.credentials, account_id="AC" + "f" * 32))
        kit.lines[line.id] = mended
        assert (await _resubmit(story, event.id)).kind == "event"
        kit.lines[line.id] = line
        await story.passes(seconds=5)
        assert [turn.body for turn in story.agent.turns] == ["from the old account"]
        assert await story.read(lambda tx: tx.events.dead(None)) == []


@pytest.mark.proves("P3", "P6")
async def test_a_buried_stop_with_a_picture_is_an_opt_out_when_it_is_taken(store_url: str) -> None:
    async with _paired(store_url) as story:
        foreign = "AC" + "f" * 32
        picture = {"NumMedia": "1", "MediaUrl0": "https://api.twilio.com/m", "AccountSid": foreign}
        form = message_form(PERSON, "STOP", MediaContentType0="image/png", **picture)
        await webhook(story, form)
        [event] = await story.read(lambda tx: tx.events.dead(None))
        line = story.line
        mended = replace(line, credentials=replace(line.credentials, account_id=foreign))
        story.gateway.kit.lines[line.id] = mended
        await _resubmit(story, event.id)
        person = PhoneNumber(PERSON)
        found = await story.read(lambda tx: tx.people.find([person]))
        assert found[person].opt_out_source == "keyword"


async def test_what_is_not_there_or_elsewhere_is_named(store_url: str) -> None:
    async with _paired(store_url) as story:
        with pytest.raises(NotFound, match="dead-letters list"):
            await _resubmit(story, "evt_none")
        [item] = await _dies(story, "attempts_exhausted")
        with pytest.raises(NotFound, match="line default"):
            await _resubmit(story, item.id, line="other")
