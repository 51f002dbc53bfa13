"""What holds whoever carries the line: every story here is told once on each provider, with its own API and
its own signed webhooks. Swapping the provider changes one word and its credentials."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from looking import ALICE, OPEN, all_items, creates, inbound, request
from ringfence.gateway import bridge, provider_opt_outs
from ringfence.gateway.probe import probe
from ringfence.model.errors import NotFound
from ringfence.model.outbox import OutboxState
from ringfence.model.phone import PhoneNumber
from ringfence.providers import providers
from ringfence.providers.base import ListsOptOuts
from ringfence.testing import Attachment, Behaviour, Faults, Outcome
from telling import ScriptedAgent, Story, telling

pytestmark = pytest.mark.parametrize("provider", sorted(providers()))
LISTING = sorted(name for name, codec in providers().items() if codec.capabilities.list)
LISTS_OPT_OUTS = sorted(n for n, codec in providers().items() if isinstance(codec, ListsOptOuts))
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


async def sends(story: Story, body: str = "hello", **given: Any) -> str:
    asked = bridge.SendRequest(story.line, PhoneNumber(ALICE), body, "operator:t", **given)
    return (await bridge.send(story.gateway.kit, asked)).message.id


async def walks(story: Story, seconds: int, step: int = 5) -> None:
    """Time in steps, so that every try that falls due is made at its time."""
    for _ in range(0, seconds, step):
        await story.passes(seconds=step)


async def status(story: Story, message_id: str) -> str:
    return (await bridge.message(story.gateway.kit, message_id)).status.value


async def opted_out(story: Story) -> str:
    alice = PhoneNumber(ALICE)
    people: Mapping[PhoneNumber, Any] = await story.read(lambda tx: tx.people.find([alice]))
    return str(people[alice].opt_out_source) if alice in people else ""


@pytest.mark.proves("P3", "C1")
async def test_stop_stops_on_both_sides_and_start_lifts_it(store_url: str, provider: str) -> None:
    async with telling(store_url, sms=OPEN, provider=provider) as story:
        phone = story.phone(ALICE)
        await phone.texts("hello")
        await story.passes(seconds=5)
        await phone.texts("STOP")
        await story.passes(seconds=5)
        assert await opted_out(story)
        assert story.carrier.carrier.opt_outs.listing()
        sent = len(creates(story))
        refused = await sends(story)
        await story.passes(minutes=1)
        assert await status(story, refused) == "refused"
        assert len(creates(story)) == sent
        await phone.texts("START")
        await phone.texts("back again")
        await story.passes(seconds=5)
        assert not await opted_out(story)
        assert phone.inbox[-1].body == "You said: back again"


@pytest.mark.proves("P3")
async def test_yes_lifts_here_what_it_lifts_there(store_url: str, provider: str) -> None:
    lifts = providers()[provider].capabilities.yes_lifts
    async with telling(store_url, sms=OPEN, provider=provider) as story:
        await story.phone(ALICE).texts("STOP")
        await story.passes(seconds=5)
        await story.phone(ALICE).texts("yes")
        await story.passes(seconds=5)
        assert bool(await opted_out(story)) is not lifts
        assert bool(story.carrier.carrier.opt_outs.listing()) is not lifts


@pytest.mark.proves("P3")
@pytest.mark.parametrize("late", [False, True])
async def test_an_opt_out_that_only_the_provider_knew_is_learned(
    store_url: str, provider: str, late: bool
) -> None:
    options = {"behaviour": Behaviour(late_opt_out=late)}
    async with telling(store_url, sms=OPEN, provider=provider, carrier_options=options) as story:
        story.carrier.opt_out(ALICE)
        message = await sends(story)
        await story.passes(minutes=1)
        assert await status(story, message) == "failed"
        assert await opted_out(story) == "provider"
        assert story.phone(ALICE).inbox == []


FAULTS = {
    "none": Faults(),
    "early and twice": Faults(callback_duplicated=1.0, callback_before_answer=1.0),
    "reordered": Faults(callback_reordered=1.0),
}


@pytest.mark.parametrize("faults", FAULTS)
@pytest.mark.parametrize(
    ("timeline", "ends"),
    [
        ("delivered", "delivered"),
        ("read", "read"),
        ("sent_only", "sent"),
        ("undelivered:30005", "undelivered"),
        ("failed:30007", "failed"),
    ],
)
@pytest.mark.proves("P4")
async def test_statuses_are_folded_however_they_come(
    store_url: str, provider: str, timeline: str, ends: str, faults: str
) -> None:
    options = {"faults": FAULTS[faults]}
    async with telling(store_url, sms=OPEN, provider=provider, carrier_options=options) as story:
        story.carrier.script(ALICE, timeline)
        message = await sends(story)
        await walks(story, 60)
        assert await status(story, message) == ends
        assert len(creates(story)) == 1


@pytest.mark.proves("P6")
async def test_a_status_nobody_told_is_asked_for(store_url: str, provider: str) -> None:
    options = {"faults": Faults(callback_dropped=1.0)}
    async with telling(store_url, sms=OPEN, provider=provider, carrier_options=options) as story:
        message = await sends(story)
        await story.passes(hours=1)
        assert await status(story, message) == "delivered"


@pytest.mark.proves("P5", "P6")
@pytest.mark.parametrize("fault", [Outcome.LOST_AFTER_ACCEPT, Outcome.ERROR_AFTER_ACCEPT])
async def test_a_lost_answer_is_settled_by_the_report(
    store_url: str, provider: str, fault: Outcome
) -> None:
    async with telling(store_url, sms=OPEN, provider=provider) as story:
        story.carrier.next_creates(fault)
        message = await sends(story)
        await story.passes(minutes=10)
        assert (len(creates(story)), len(story.phone(ALICE).inbox)) == (1, 1)
        assert await status(story, message) == "delivered"


@pytest.mark.proves("P5", "P6")
@pytest.mark.parametrize("arrived", [False, True])
async def test_where_nobody_can_tell_a_person_is_asked_and_nothing_repeated(
    store_url: str, provider: str, arrived: bool
) -> None:
    """With no report either: a provider with a list finds what arrived, another cannot."""
    options = {"faults": Faults(callback_dropped=1.0)}
    async with telling(store_url, sms=OPEN, provider=provider, carrier_options=options) as story:
        story.carrier.next_creates(
            Outcome.LOST_AFTER_ACCEPT if arrived else Outcome.LOST_BEFORE_ACCEPT
        )
        message = await sends(story)
        for _ in range(12):
            await story.passes(hours=1)
        [item] = await all_items(story)
        assert len(creates(story)) == arrived
        if arrived and provider in LISTING:
            assert await status(story, message) == "delivered"
            return
        assert item.state is OutboxState.DEAD
        assert item.reason.startswith("unknown_outcome")
        assert ("no list" in item.reason) is (provider not in LISTING)


@pytest.mark.proves("P5")
async def test_what_was_throttled_is_sent_once(store_url: str, provider: str) -> None:
    async with telling(store_url, sms=OPEN, provider=provider) as story:
        story.carrier.next_creates(Outcome.THROTTLED, Outcome.THROTTLED)
        message = await sends(story)
        await walks(story, 300)
        assert len(creates(story)) == 1
        assert await status(story, message) == "delivered"


@pytest.mark.proves("B010")
async def test_a_text_that_is_delivered_twice_is_answered_once(
    store_url: str, provider: str
) -> None:
    options = {"faults": Faults(webhook_duplicated=1.0)}
    async with telling(store_url, sms=OPEN, provider=provider, carrier_options=options) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=5)
        assert len(await inbound(story)) == 1
        assert [text.body for text in story.phone(ALICE).inbox] == ["You said: hello"]


async def test_pictures_come_in(store_url: str, provider: str) -> None:
    agent = ScriptedAgent()
    async with telling(store_url, sms=OPEN, provider=provider, agent=agent) as story:
        await story.phone(ALICE).texts("look", media=Attachment("image/png", PNG))
        await story.passes(seconds=5)
        [turn] = agent.turns
        assert [(one.content_type, one.content) for one in turn.attachments] == [("image/png", PNG)]
        assert story.carrier.world.rest.credentials_leaked == 0


async def test_pictures_go_out(store_url: str, provider: str) -> None:
    async with telling(store_url, sms=OPEN, provider=provider) as story:
        message = await sends(story, "look", uploads=(bridge.Upload("image/png", PNG),))
        await walks(story, 60)
        assert await status(story, message) == "delivered"
        [got] = story.phone(ALICE).inbox
        assert [(one.content_type, one.content) for one in got.media] == [("image/png", PNG)]


@pytest.mark.proves("B007")
async def test_a_forged_webhook_is_refused(store_url: str, provider: str) -> None:
    """A document of the right shape, without the provider's signature or with one of another time."""
    forged = json.dumps({"data": {"event_type": "message.received", "id": "12345678"}}).encode()
    async with telling(store_url, sms=OPEN, provider=provider) as story:
        for kind in ("application/json", "application/x-www-form-urlencoded"):
            headers = [
                ("Content-Type", kind),
                ("Telnyx-Timestamp", str(int(story.clock.now().timestamp()))),
                ("Telnyx-Signature-Ed25519", "A" * 86 + "=="),
                ("X-Twilio-Signature", "A" * 27 + "="),
            ]
            answer = await request(story.public, "/webhooks/sms", headers=headers, body=forged)
            assert answer.status == 403
        assert await inbound(story) == []


@pytest.mark.proves("P4")
async def test_a_replay_of_a_true_webhook_changes_nothing(store_url: str, provider: str) -> None:
    async with telling(store_url, sms=OPEN, provider=provider) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=5)
        [first] = [entry for entry in story.carrier.webhooks if entry.kind == "message"]
        url, headers, body = first.request.wire()
        answer = await request(
            story.public, url.removeprefix(story.public), headers=list(headers.items()), body=body
        )
        assert answer.status == 200
        await story.passes(hours=1)
        assert len(await inbound(story)) == 1


@pytest.mark.proves("B100")
async def test_the_probe_sees_whether_the_line_is_set_up(store_url: str, provider: str) -> None:
    async with telling(store_url, provider=provider) as story:
        kit = story.gateway.kit
        assert [one for one in await probe(kit, story.line) if not one.ok] == []
        story.carrier.webhook_url = "https://elsewhere.example.com/webhooks/sms"
        [wrong] = [one for one in await probe(kit, story.line) if not one.ok]
        assert "calls another URL" in wrong.text


async def test_who_opted_out_before_is_found_at_the_provider(store_url: str, provider: str) -> None:
    async with telling(store_url, sms=OPEN, provider=provider) as story:
        kit, phone = story.gateway.kit, story.phone(ALICE)
        await phone.texts("STOP")
        await story.passes(seconds=5)
        if provider not in LISTS_OPT_OUTS:
            with pytest.raises(NotFound, match="shows no opt-outs"):
                await provider_opt_outs.find(kit, story.line, None)
            return
        found = await provider_opt_outs.find(kit, story.line, None)
        assert [number.e164 for number, _ in found.opted_out] == [ALICE]
        assert found.complete


async def test_what_a_provider_cannot_do_is_said(store_url: str, provider: str) -> None:
    async with telling(store_url, sms=OPEN, provider=provider) as story:
        run = story.gateway.reconciliation.run(story.line, story.clock.now(), "operator:t")
        if provider in LISTING:
            await run
            return
        with pytest.raises(NotFound, match="no list of messages"):
            await run
