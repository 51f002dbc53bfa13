"""`ringfence voicecall`: what is typed rings a phone, by leave of the gate, and takes a hand in the call."""

from __future__ import annotations

import asyncio

import pytest
from house import House
from phoning import Phoning, phoning

from calling import ANN
from ringfence.model.call import EndReason
from ringfence.testing import Phone
from telling import OWNER

STRANGER = "+15555550177"
WORDS = "Hi! This is a test call."


async def talking(story: Phoning) -> tuple[Phone, str]:
    """A conversation that was typed and is under way, the disclosure heard; its message's id."""
    placed = await story.document("call", "--to", ANN, "--message", WORDS)
    phone = story.phone(ANN)
    await story.until(phone.rings())
    phone.answers()
    await story.until(phone.hears("test call"))
    phone.says("Yes?")
    await story.until(phone.hears("You said: Yes?"))
    return phone, str(placed["message"])


@pytest.mark.proves("P1", "P7")
async def test_a_typed_call_rings_and_is_shown(store_url: str) -> None:
    async with phoning(store_url) as story:
        shown = (await story.run("call", "--to", ANN, "-m", WORDS, "--mode", "notify")).stdout
        assert shown.startswith("queued: msg_")
        id_ = shown.splitlines()[0].split()[-1]
        phone = story.phone(ANN)
        await story.until(phone.rings())
        live = await story.run("status")
        assert "ringing" in live.stdout
        phone.answers()
        await story.until(phone.hears("This is a test call"))
        await story.until(phone.is_over())
        await story.settles()
        told = (await story.run("status", "--call-id", id_)).stdout
        assert "said_all" in told
        assert "operator:" in told
        assert told.splitlines()[-1].endswith(WORDS)
        document = await story.document("status", "--call-id", id_)
        assert [one["text"] for one in document["words"]] == [WORDS]
        assert (await story.run("status")).stdout.strip() == "No call is under way."


@pytest.mark.proves("P1")
async def test_a_call_that_waits_for_a_yes_says_why_and_by_which_code(store_url: str) -> None:
    held_back = {"policy": {"initiator": {"operator": "hold"}}}
    async with phoning(store_url, sms=held_back) as story:
        held = await story.document("call", "--to", STRANGER, "-m", WORDS, code=1)
        assert (held["state"], len(held["code"])) == ("held", 4)
        assert held["reasons"]
        shown = await story.run("call", "--to", STRANGER, "-m", WORDS, code=1)
        assert "ringfence drafts approve " in shown.stdout
        waiting = await story.run("status", "--call-id", held["message"])
        assert "held" in waiting.stdout
        await story.story.passes(minutes=1)
        story.phone(STRANGER).has_not_rung()


@pytest.mark.proves("P5")
async def test_a_typed_key_rings_once_and_a_dry_run_never(store_url: str) -> None:
    async with phoning(store_url) as story:
        call = ("call", "--to", ANN, "-m", WORDS, "--mode", "notify")
        assert "nobody rung" in (await story.run(*call, "--dry-run")).stdout
        first = await story.document(*call, "--idempotency-key", "k")
        again = await story.document(*call, "--idempotency-key", "k")
        assert (first["message"], first["replayed"]) == (again["message"], False)
        assert again["replayed"]
        assert "used already" in (await story.run(*call, "--idempotency-key", "k")).stdout
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.settles()
        assert len(phone.connections) == 1


async def test_start_opens_with_the_lines_greeting(sqlite_url: str) -> None:
    async with phoning(sqlite_url) as story:
        await story.run("start", "--to", ANN)
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.hears("this is Acme"))
        phone.hangs_up()
        await story.settles()


async def test_keys_are_typed_with_their_meaning(sqlite_url: str) -> None:
    async with phoning(sqlite_url) as story:
        call = ("call", "--to", ANN, "-m", "Your visit is at nine.")
        await story.run(*call, "--key", "1=confirm", "--key", "2=cancel")
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.hears("Press 1 to confirm"))
        phone.hangs_up()
        await story.settles()
        for wrong in (("--key", "1"), ("--key", "1=a", "--key", "1=b")):
            await story.run(*call, *wrong, code=2)


@pytest.mark.proves("B133")
async def test_a_call_is_ended_by_hand_and_stays_ended(store_url: str) -> None:
    async with phoning(store_url) as story:
        phone, id_ = await talking(story)
        assert "Ending" in (await story.run("end", "--call-id", id_)).stdout
        await story.story.passes(seconds=1)
        await story.until(phone.is_over())
        await story.settles()
        assert (await story.call()).person.end_reason is EndReason.ENDED_BY_OPERATOR
        assert "Over" in (await story.run("end", "--call-id", id_)).stdout
        assert (await story.document("end", "--call-id", id_))["state"] == "ended"


async def test_words_and_keys_are_put_into_a_live_call(sqlite_url: str) -> None:
    async with phoning(sqlite_url) as story:
        phone, id_ = await talking(story)
        assert "Told" in (await story.run("speak", "--call-id", id_, "-m", "One moment.")).stdout
        await story.until(phone.hears("One moment."))
        assert "Told" in (await story.run("dtmf", "--call-id", id_, "--digits", "12#")).stdout
        await story.story.passes(seconds=5)
        keys = [
            one.text for c in phone.connections for one in c.call.played if one.kind == "digits"
        ]
        assert keys == ["12#"]
        card = "Your card 4111 1111 1111 1111 was charged."
        refused = await story.run("speak", "--call-id", id_, "-m", card, code=1)
        assert "Refused" in refused.stdout
        phone.hangs_up()
        await story.settles()
        over = await story.run("speak", "--call-id", id_, "-m", "Hello?", code=1)
        assert "hung_up" in str(over.exception)


async def test_a_live_call_is_handed_to_the_owner_by_name(sqlite_url: str) -> None:
    async with phoning(sqlite_url) as story:
        phone, id_ = await talking(story)
        await story.run("transfer", "--call-id", id_, "--to", "mallory", code=1)
        handed = await story.run("transfer", "--call-id", id_, "--to", "owner", "-m", "One moment.")
        assert "Told" in handed.stdout
        await story.until(phone.hears("One moment."))
        await story.until(story.phone(OWNER).rings())
        phone.hangs_up()
        await story.settles()


@pytest.mark.proves("B134")
async def test_continue_answers_with_what_the_person_says(sqlite_url: str) -> None:
    async with phoning(sqlite_url) as story:
        phone, id_ = await talking(story)
        asking = asyncio.ensure_future(story.run("continue", "--call-id", id_, "-m", "Go on?"))
        await _is_said(story, phone, "Go on?")
        await story.until(phone.hears("Go on?"))
        phone.says("Yes, please.")
        await story.until(_on_record(story, "Yes, please."))
        # The command looks by the machine's clock; the story's stands still meanwhile.
        assert (await asking).stdout == "Yes, please.\n"
        phone.hangs_up()
        await story.settles()


async def _is_said(story: Phoning, phone: Phone, text: str) -> None:
    """It sounds; the story's clock stands still until the command has come so far."""
    while text not in [one.text for c in phone.connections for one in c.call.played]:
        await story.story.settle()


async def _on_record(story: Phoning, text: str) -> None:
    while text not in [one.text for one in await story.words(await story.call())]:
        await asyncio.sleep(0)


def test_what_is_not_there_is_said(house: House) -> None:
    assert "not there yet" in house.run("voicecall", "conference", "--to", ANN, code=1).stderr


@pytest.mark.proves("B127")
def test_without_channels_voice_nothing_rings(house: House) -> None:
    refused = house.run("voicecall", "call", "--to", ANN, "-m", WORDS, code=1)
    assert "channels.voice" in str(refused.exception)
    house.run("voicecall", "call", "-m", WORDS, code=2)
    house.run("voicecall", "start", "--to", ANN, code=2)
    house.run("voicecall", "status", "--call-id", "cal_0", code=1)


# -- set-up ----------------------------------------------------------------------------------------


def test_setup_says_what_is_missing(house: House) -> None:
    shown = house.json("voicecall", "setup", code=1)
    wrong = {one["area"] for one in shown["findings"] if one["level"] == "wrong"}
    assert (shown["ok"], wrong) == (False, {"calls"})
    assert "docs/howto/calls.md" in house.run("voicecall", "setup", code=1).stdout


async def test_smoke_rings_only_with_a_target_and_a_yes(sqlite_url: str) -> None:
    async with phoning(sqlite_url) as story:
        assert (await story.document("setup"))["ok"]
        for words in ((), ("--to", ANN), ("--yes",)):
            assert "Nobody was called" in (await story.run("smoke", *words)).stdout
        assert await story.all_calls() == []
        await story.run("smoke", "--to", ANN, "--yes")
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.hears("This is a test call"))
        await story.settles()


def test_smoke_rings_nobody_where_something_is_wrong(house: House) -> None:
    shown = house.run("voicecall", "smoke", "--to", ANN, "--yes", code=1)
    assert "WRONG" in shown.stdout
    assert house.read(lambda tx: tx.messages.listing(5, None, "out", None)) == []
