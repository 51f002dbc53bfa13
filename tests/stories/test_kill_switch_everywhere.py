"""The kill switch everywhere (compliance 4.7, point 11): whatever could leave is tried while one is
engaged by another process, and nothing does; it survives a restart, and a resume shows what it
held. Confirmations of STOP are held back as well, by choice (docs/decisions/0007)."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from looking import ALICE, BOB, CAROL, OPEN, all_items, creates, outbound
from ringfence.clock import ManualClock, SystemClock
from ringfence.gateway import bridge, drafts, grants, halt, opt_in, release, templates
from ringfence.gateway.bridge import SendRequest
from ringfence.gateway.proposal import Proposal
from ringfence.gateway.review import propose
from ringfence.model.consent import Level
from ringfence.model.contact import SwitchScope
from ringfence.model.draft import Draft
from ringfence.model.errors import NotReleasable
from ringfence.model.message import MessageClass, MessageStatus
from ringfence.model.outbox import OutboxItem, OutboxState
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.ports import StoredAudit, Tx
from ringfence.simulator.records import Message as CarrierMessage
from ringfence.store import open_store
from ringfence.testing import Behaviour, Faults, OptOutHandling, Outcome, SimulatedCarrier
from telling import NUMBER, OWNER, Story, configuration, telling

AGENT, LONG = "agent:local", "word " * 400
OURS = {"optOutReplies": "ringfence", "owners": [OWNER]}
NOBODY_ELSE: dict[str, Any] = {"behaviour": Behaviour(opt_outs=OptOutHandling.NONE)}
VISIT = {"version": 1, "category": "conversation", "texts": {"en": "Your visit is at nine."}}
TEMPLATES: dict[str, Any] = {"templates": {"visit": VISIT}}
EVERYTHING = SwitchScope.EVERYTHING


async def stops(story: Story) -> int:
    kit, now = story.gateway.kit, story.clock.now()
    held: int = await story.write(
        lambda tx: halt.stop(kit, tx, EVERYTHING, "", "a test", "operator:t", now)
    )
    return held


async def resumes(story: Story) -> list[OutboxItem]:
    kit, now = story.gateway.kit, story.clock.now()
    held: list[OutboxItem] = await story.write(
        lambda tx: halt.resume(kit, tx, EVERYTHING, "", "operator:t", now)
    )
    return held


async def sends(
    story: Story, to: str = ALICE, body: str = "hello", by: str = "operator:t", **given: Any
) -> str:
    asked = SendRequest(story.line, PhoneNumber(to), body, by, **given)
    return (await bridge.send(story.gateway.kit, asked)).message.id


async def drafted(story: Story, to: str = CAROL) -> Draft:
    key = await sends(story, to, "Dinner at eight?", AGENT)
    draft: Draft = await story.read(lambda tx: tx.drafts.get(key))
    return draft


async def approves(story: Story, draft: Draft) -> None:
    kit, now = story.gateway.kit, story.clock.now()
    await story.write(lambda tx: drafts.approve(kit, tx, draft, "operator:t", now))


async def time_passes(story: Story) -> None:
    """Long enough for every retry and every look, in steps so that each is made."""
    for _ in range(10):
        await story.passes(seconds=20)
    await story.passes(minutes=20)


# -- what is tried while it is engaged ------------------------------------------------------------


async def an_operator_texts(story: Story) -> None:
    await sends(story)


async def an_operator_sends_a_template(story: Story) -> None:
    kit = story.gateway.kit
    filled = templates.fill(kit, "visit", "", {})
    asked = SendRequest(story.line, PhoneNumber(ALICE), "", "operator:t")
    await bridge.send(kit, bridge.templated(asked, filled))


async def an_agent_texts_on_a_grant(story: Story) -> None:
    await sends(story, BOB, "On the grant.", AGENT)


async def an_agent_texts_an_owner(story: Story) -> None:
    await sends(story, OWNER, "All is done.", AGENT)


async def an_event_comes(story: Story) -> None:
    await sends(story, OWNER, "The door is open.", "event:door")


async def somebody_is_to_be_answered(story: Story) -> None:
    await story.phone(OWNER).texts("what is new?")


async def somebody_opts_out(story: Story) -> None:
    await story.phone(ALICE).texts("STOP")


async def somebody_comes_back(story: Story) -> None:
    await story.phone(ALICE).texts("STOP")
    await story.passes(seconds=5)
    await story.phone(ALICE).texts("START")


async def somebody_asks_for_help(story: Story) -> None:
    await story.phone(ALICE).texts("HELP")


async def a_stranger_asks_to_be_let_in(story: Story) -> None:
    await story.phone("+15555550177").texts("may I?")


async def somebody_is_asked_to_agree(story: Story) -> None:
    kit, now = story.gateway.kit, story.clock.now()
    asking = opt_in.Asking(story.line, PhoneNumber(ALICE), "orders", Level.TRANSACTIONAL, "Orders.")
    await story.write(lambda tx: opt_in.ask(kit, tx, asking, "operator:t", now))


async def somebody_is_in_need(story: Story) -> None:
    await story.phone(OWNER).texts("I want to kill myself")


async def a_draft_is_approved(story: Story) -> None:
    draft = await story.read(lambda tx: tx.drafts.waiting(None, 9)[0])
    with pytest.raises(NotReleasable, match="stopped"):
        await approves(story, draft)


async def an_owner_approves_by_text(story: Story) -> None:
    draft = await story.read(lambda tx: tx.drafts.waiting(None, 9)[0])
    await story.phone(OWNER).texts(f"OK {draft.code}")


async def an_owner_rewrites_by_text(story: Story) -> None:
    draft = await story.read(lambda tx: tx.drafts.waiting(None, 9)[0])
    await story.phone(OWNER).texts(f"EDIT {draft.code} Dinner at nine.")


async def a_held_text_is_released(story: Story) -> None:
    [held] = [one for one in await all_items(story) if one.state is OutboxState.HELD]
    kit, now = story.gateway.kit, story.clock.now()
    with pytest.raises(NotReleasable):
        await story.write(lambda tx: release.release(kit, tx, held.message_id, "operator:t", now))


async def the_gateway_itself_texts(story: Story) -> None:
    """Every class of text, by the highest there is: none is exempt."""
    kit, now = story.gateway.kit, story.clock.now()
    proposals = [
        Proposal(story.line, PhoneNumber(ALICE), one.value, Act.REPLY, "system", one)
        for one in MessageClass
    ]
    proposed = await story.write(lambda tx: propose(kit, tx, proposals, now))
    assert {one.status for one in proposed} == {MessageStatus.REFUSED}
    assert all("stopped" in {reason.code for reason in one.reasons} for one in proposed)


TRIED: list[Callable[[Story], Awaitable[None]]] = [
    an_operator_texts,
    an_operator_sends_a_template,
    an_agent_texts_on_a_grant,
    an_agent_texts_an_owner,
    an_event_comes,
    somebody_is_to_be_answered,
    somebody_opts_out,
    somebody_comes_back,
    somebody_asks_for_help,
    a_stranger_asks_to_be_let_in,
    somebody_is_asked_to_agree,
    somebody_is_in_need,
    a_draft_is_approved,
    an_owner_approves_by_text,
    an_owner_rewrites_by_text,
    a_held_text_is_released,
    the_gateway_itself_texts,
]
# These say no by themselves; the others must be known to leave where nothing is stopped, or their
# silence would prove nothing.
REFUSED = {a_draft_is_approved, a_held_text_is_released, the_gateway_itself_texts}


async def settled(story: Story) -> int:
    """A house with a draft that waits, a grant, and a text that is held; answers how much the
    carrier took by then."""
    kit, now = story.gateway.kit, story.clock.now()
    given = grants.Wanted(
        agent="local",
        recipients=frozenset({PhoneNumber(BOB)}),
        classes=frozenset({MessageClass.FREE_TEXT}),
    )
    await story.write(lambda tx: grants.add(kit, tx, given, "operator:t", now))
    await drafted(story)
    await time_passes(story)
    return len(creates(story))


@pytest.mark.proves("C11", "P3")
@pytest.mark.parametrize("tried", TRIED, ids=lambda tried: tried.__name__)
async def test_nothing_leaves_whoever_tries(
    sqlite_url: str, tried: Callable[[Story], Awaitable[None]]
) -> None:
    async with telling(
        sqlite_url, sms=OURS, config=TEMPLATES, carrier_options=NOBODY_ELSE
    ) as story:
        before = await settled(story)
        if tried is a_held_text_is_released:
            await sends(story, BOB, "one that is held")
        async with telling(
            sqlite_url, sms=OURS, config=TEMPLATES, seed=2, clock=story.clock
        ) as other:
            await stops(other)
        await tried(story)
        await time_passes(story)
        assert len(creates(story)) == before
        await resumes(story)
        await time_passes(story)
        # A resume lets nothing go by itself; only turns that no agent was asked about are asked now.
        waited = 1 if tried is somebody_is_to_be_answered else 0
        assert len(creates(story)) == before + waited


@pytest.mark.parametrize(
    "tried", [one for one in TRIED if one not in REFUSED], ids=lambda tried: tried.__name__
)
async def test_each_would_leave_otherwise(
    sqlite_url: str, tried: Callable[[Story], Awaitable[None]]
) -> None:
    async with telling(
        sqlite_url, sms=OURS, config=TEMPLATES, carrier_options=NOBODY_ELSE
    ) as story:
        before = await settled(story)
        await tried(story)
        await time_passes(story)
        assert len(creates(story)) > before


# -- what is on its way when it is engaged ---------------------------------------------------------


@pytest.mark.proves("C11", "P3")
async def test_what_is_under_way_stays_across_processes_and_restarts(store_url: str) -> None:
    clock = None
    async with telling(store_url, sms={**OPEN, **OURS}, carrier_options=NOBODY_ELSE) as story:
        clock = story.clock
        draft = await drafted(story)
        await story.settle()  # its owner is told of it
        story.carrier.next_creates(Outcome.THROTTLED)
        retried = await sends(story, "+15555550121", "to be tried again")
        long = await sends(story, "+15555550122", LONG)
        for item in await story.gateway.dispatcher.claim(5):
            await story.gateway.dispatcher.send(item)
        waiting = await sends(story, "+15555550123", "queued")
        await approves(story, draft)
        left = len(creates(story))
        async with telling(store_url, sms={**OPEN, **OURS}, seed=2, clock=story.clock) as other:
            assert await stops(other) == 4, (
                "the retry, the second part, the queued and the approved"
            )
        await time_passes(story)
        assert len(creates(story)) == left
    async with telling(store_url, sms={**OPEN, **OURS}, seed=3, clock=clock) as story:
        await story.phone(BOB).texts("anybody?")
        await time_passes(story)
        assert creates(story) == []
        _, health = await story.get("/health")
        assert [one["scope"] for one in health["kill_switches"]] == ["everything"]
        held = await resumes(story)
        assert {item.message_id for item in held} == {retried, long, waiting, draft.message_id}
        assert {item.reason for item in held} == {"stopped"}
        await time_passes(story)
        texts = [message.body for message in creates(story)]
        assert texts == ["You said: anybody?"], "a turn waited; what was held still is"


@pytest.mark.proves("C11", "P3")
async def test_a_confirmation_that_waits_is_held_too(store_url: str) -> None:
    sms = {**OPEN, **OURS}
    async with telling(store_url, sms=sms, carrier_options=NOBODY_ELSE) as story:
        await story.phone(ALICE).texts("STOP")
        [confirmation] = [m for m in await outbound(story) if m.number.e164 == ALICE]
        assert confirmation.message_class is MessageClass.OPT_OUT_CONFIRMATION
        await stops(story)
        await time_passes(story)
        assert creates(story) == []
        assert [item.message_id for item in await resumes(story)] == [confirmation.id]


@pytest.mark.proves("C11", "P3")
async def test_one_stop_races_a_hundred_sends(store_url: str) -> None:
    """The order of the audit chain is the order of the commits: after the stop's no claim is
    allowed, in any of two gateways."""
    many = {"recipientVolume": {"minute": 1_000, "hour": 1_000, "day": 1_000}}
    sms = {**OPEN, "policy": many}
    async with (
        telling(store_url, sms=sms, seed=1) as one,
        telling(store_url, sms=sms, seed=2, clock=one.clock) as two,
    ):

        async def stopping() -> None:
            while len(creates(one)) + len(creates(two)) < 5:
                await asyncio.sleep(0)
            await stops(two)

        async def works(story: Story, until: asyncio.Task[None]) -> None:
            while not until.done():
                await story.gateway.worker.step()
                await asyncio.sleep(0)

        stopped = asyncio.create_task(stopping())
        # A person gets one text at a time, so that the hundred cannot be claimed at once.
        people = [f"+1555555030{n}" for n in range(4)]
        texts = [sends((one, two)[n % 2], people[n % 4], f"text {n}") for n in range(100)]
        await asyncio.gather(*texts, works(one, stopped), works(two, stopped))
        await asyncio.gather(one.gateway.worker.drain(), two.gateway.worker.drain())
        claims, stopped_at = await one.read(_claims_and_stop)
        assert 5 <= len(creates(one)) + len(creates(two)) == len(claims) < 100
        assert all(claim.seq < stopped_at for claim in claims)


def _claims_and_stop(tx: Tx) -> tuple[list[StoredAudit], int]:
    entries = tx.audit.after(0, 1_000_000)
    claims = [
        one
        for one in entries
        if one.entry.kind == "decision"
        and one.entry.body["claiming"]
        and one.entry.body["verdict"] == "allow"
    ]
    [stop] = [one.seq for one in entries if one.entry.kind == "stop"]
    return claims, stop


# -- processes of their own ------------------------------------------------------------------------


WITHIN_S = 1.0
QUEUED = 600


@pytest.mark.proves("C11", "P3")
@pytest.mark.timeout(120)
async def test_a_running_gateway_obeys_another_process_at_once(
    store_url: str, tmp_path: Path
) -> None:
    """`ringfence stop` on the command line, while `ringfence gateway` drains a queue."""
    async with SimulatedCarrier(
        number=NUMBER,
        account_sid="AC00000000000000000000000000000001",
        auth_token="simulated-token",
        faults=Faults(latency_before_s=0.02, latency_after_s=0.02),
    ) as carrier:
        config = _config(tmp_path, carrier.base_url, store_url)
        await _fills(store_url)
        gateway = await _run(config, "gateway", "--role", "worker")
        try:
            async with asyncio.timeout(30):
                while len(carrier.sent) < 20:
                    await SystemClock().sleep(0.01)
            stop = await _run(config, "stop", "--reason", "a test")
            out, errors = await asyncio.wait_for(stop.communicate(), 30)
            assert stop.returncode == 0, errors.decode()
            assert re.search(r"Messages held: [1-9]", out.decode())
            await SystemClock().sleep(2 * WITHIN_S)  # it goes on looking for work
            taken = list(carrier.sent)
        finally:
            with suppress(ProcessLookupError):
                gateway.terminate()
            await asyncio.wait_for(gateway.communicate(), 30)
        await _judged(store_url, taken)


def _config(folder: Path, carrier_url: str, store_url: str) -> Path:
    document = configuration(
        carrier_url,
        "http://127.0.0.1:9/webhooks/sms",
        store_url,
        policy={"lineVolume": {"minute": 10_000}},
    )
    document["gateway"] = {"publicPort": 0, "privatePort": 0}
    # Slow enough for the queue to outlast the start of another process.
    document["delivery"] = {"concurrency": 8}
    path = folder / "ringfence.json5"
    path.write_text(json.dumps(document))
    path.chmod(0o600)
    return path


async def _fills(store_url: str) -> None:
    """Proposed by a clock that agrees with the process to come."""
    async with telling(store_url, clock=ManualClock(SystemClock().now())) as story:
        kit, now = story.gateway.kit, story.clock.now()
        proposals = [
            Proposal(
                story.line, PhoneNumber(f"+1555555{1000 + n}"), f"{n}", Act.INITIATE, "operator:t"
            )
            for n in range(QUEUED)
        ]
        await story.write(lambda tx: propose(kit, tx, proposals, now))


async def _run(config: Path, *words: str) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "ringfence", "--config", str(config), *words]
    return await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


async def _judged(store_url: str, taken: list[CarrierMessage]) -> None:
    store = await open_store(store_url, clock=SystemClock())
    try:
        claims, stopped_at = await store.read(_claims_and_stop)
        [stop] = [one.entry for one in await store.read(lambda tx: tx.audit.newest(1_000, "stop"))]
    finally:
        await store.close()
    assert len(taken) <= len(claims) < QUEUED
    assert all(claim.seq < stopped_at for claim in claims)
    late = [(one.created_at - stop.at).total_seconds() for one in taken]
    assert max(late) < WITHIN_S, "what was claimed before had left by then"
