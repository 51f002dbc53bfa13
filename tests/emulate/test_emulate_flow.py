"""The text line on a carrier that nobody here wrote: what it signs we accept, what we send it takes,
and a message's life ends where it should, also when an answer or a callback is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from emulate_rig import Standin, rigged

from ringfence.model.outbox import OutboxState
from ringfence.ports import Tx
from ringfence.providers.twilio import PROVIDER
from telling import ScriptedAgent

pytestmark = pytest.mark.node


@pytest.mark.parametrize(
    "body",
    [
        "hello",
        "5 > 3 & 2+2=4? 100% #1 /a;b:c@d",
        "zażółć 😀👩‍👩‍👧 «да»",
        " two\nlines ",
        "From+1MessageSid",
    ],
)
@pytest.mark.proves("B001", "B091")
async def test_a_text_is_answered_and_followed_until_delivered(
    standin: Standin, tmp_path: Path, body: str
) -> None:
    async with rigged(standin, tmp_path, agent=ScriptedAgent(lambda turn: turn.body)) as rig:
        await rig.texts(body)
        [message] = await rig.taken()
        assert [turn.body for turn in rig.agent.turns] == [body]
        [held] = await rig.sent_to()
        assert (held["sid"], held["direction"]) == (message.provider_id, "outbound-api")
        assert held["body"] == body.strip()
        await rig.carrier.reports(held["sid"], "sending", "sent", "delivered")
        [message] = await rig.standing("delivered")
        assert message.error_code is None
        assert rig.journal.count(("webhook", 200)) == 1
        assert rig.journal.count(("callback", 200)) == 4, "queued, sending, sent, delivered"
        assert {status for _, status in rig.journal} == {200, 201}


@pytest.mark.proves("P4", "P5")
async def test_the_callback_comes_before_the_create_has_answered(
    standin: Standin, tmp_path: Path
) -> None:
    async with rigged(standin, tmp_path) as rig:
        await rig.texts("hi")
        [message] = await rig.taken()
        await rig.noted(("create", 201))
        assert rig.journal == [("webhook", 200), ("callback", 200), ("create", 201)]
        item = await rig.item(message.id, OutboxState.ACCEPTED)
        # The callback settled it; what the create answered later is recorded and changes nothing.
        kinds = await rig.until(lambda tx: _kinds_once(tx, item.id, "attempt"))
        assert kinds.index("status") < kinds.index("attempt")
        await rig.carrier.reports(message.provider_id, "sent", "delivered")
        [message] = await rig.standing("delivered")
        assert len(await rig.sent_to()) == 1


def _kinds_once(tx: Tx, item_id: str, kind: str) -> list[str] | None:
    """The kinds of an item's audit entries in order, once one of them is `kind`."""
    kinds = [stored.entry.kind for stored in tx.audit.of_subject(item_id)]
    return kinds if kind in kinds else None


@pytest.mark.proves("B071", "P5")
async def test_a_lost_answer_is_made_good_by_the_callback(standin: Standin, tmp_path: Path) -> None:
    async with rigged(standin, tmp_path) as rig:
        rig.wire.loses_answers = True
        await rig.texts("hi")
        [message] = await rig.taken()
        [held] = await rig.sent_to()
        assert held["sid"] == message.provider_id
        await rig.carrier.reports(held["sid"], "delivered")
        await rig.standing("delivered")
        assert rig.journal.count(("create", 201)) == 1


@pytest.mark.proves("B071", "P5")
async def test_a_lost_answer_and_a_lost_callback_are_made_good_by_the_list(
    standin: Standin, tmp_path: Path
) -> None:
    async with rigged(standin, tmp_path) as rig:
        # An older message with other words, and another program's to the same person, are not it.
        await rig.sends("an older text")
        [older] = await rig.taken()
        await rig.carrier.account_call(
            "POST", "/Messages.json", From=rig.number, To=rig.person(), Body="not ours"
        )
        rig.wire.loses_answers = rig.door.shut = True
        await rig.sends("where did it go?")
        [_, message] = await rig.taken(2)
        bodies = {held["sid"]: held["body"] for held in await rig.sent_to()}
        assert bodies[message.provider_id] == "where did it go?"
        assert older.provider_id != message.provider_id
        assert (len(bodies), rig.journal.count(("create", 201))) == (3, 2)
        assert ("read", 200) in rig.journal


@pytest.mark.proves("B071", "P5")
async def test_what_never_arrived_is_not_sent_again_by_itself(
    standin: Standin, tmp_path: Path
) -> None:
    async with rigged(standin, tmp_path) as rig:
        rig.wire.loses_answers = rig.door.shut = True
        rig.wire.before_loss = rig.carrier.forgets
        queued = await rig.sends("gone")
        item = await rig.item(queued["id"], OutboxState.DEAD)
        assert item.reason.startswith("unknown_outcome")
        assert rig.journal.count(("create", 201)) == 1
        assert await rig.sent_to() == []


@pytest.mark.proves("P6")
async def test_a_status_nobody_called_back_is_fetched(standin: Standin, tmp_path: Path) -> None:
    async with rigged(standin, tmp_path) as rig:
        rig.door.shut = True  # from the start: only the create's answer says it was taken
        await rig.sends("hi")
        [message] = await rig.taken()
        assert [held["sid"] for held in await rig.sent_to()] == [message.provider_id]
        await rig.carrier.reports(message.provider_id, "sent", "delivered")
        await rig.standing("delivered")
        assert ("read", 200) in rig.journal


@pytest.mark.proves("B091", "B092", "P4")
async def test_late_and_repeated_statuses_change_nothing(standin: Standin, tmp_path: Path) -> None:
    async with rigged(standin, tmp_path) as rig:
        await rig.sends("hi")
        [message] = await rig.taken()
        reported = ("sent", "sent", "delivered", "sending", "delivered", "undelivered")
        await rig.carrier.reports(message.provider_id, *reported)
        [message] = await rig.standing("delivered")
        item = await rig.item(message.id)
        seen = await rig.read(lambda tx: tx.events.observations(item.id))
        statuses = [observation.provider_status for observation in seen]
        assert sorted(statuses) == ["delivered", "queued", "sending", "sent", "undelivered"]
        assert [o.provider_status for o in seen if o.conflicting] == ["undelivered"]
        assert rig.journal.count(("callback", 200)) == 1 + len(reported)


@pytest.mark.proves("P4")
async def test_another_program_s_message_reported_to_us_is_nobody_s(
    standin: Standin, tmp_path: Path
) -> None:
    async with rigged(standin, tmp_path) as rig:
        await rig.sends("ours")
        await rig.taken()
        made = await rig.carrier.account_call(
            "POST",
            "/Messages.json",
            From=rig.number,
            To=rig.person(),
            Body="theirs",
            StatusCallback=rig.public,
        )
        await rig.carrier.reports(made["sid"], "failed")
        assert rig.journal.count(("webhook", 200)) == 2
        [ours] = await rig.taken()
        assert (ours.body, ours.status.value) == ("ours", "sending"), "and not failed"
        unmatched = await rig.read(lambda tx: tx.events.unmatched([f"{rig.line.id}/{made['sid']}"]))
        assert {observation.provider_status for observation in unmatched} == {"queued", "failed"}


@pytest.mark.proves("B035")
async def test_a_long_answer_arrives_in_order(standin: Standin, tmp_path: Path) -> None:
    words = " ".join(f"word{n}" for n in range(600))
    async with rigged(standin, tmp_path, agent=ScriptedAgent(lambda _: words)) as rig:
        await rig.texts("tell me everything")
        [message] = await rig.messages(lambda message: message.status.value == "queued")
        await rig.until(lambda tx: _all_taken(tx, message.id))
        held = await rig.sent_to()
        assert " ".join(part["body"].strip() for part in held) == words
        assert len(held) == 4
        for part in held:
            await rig.carrier.reports(part["sid"], "delivered")
        await rig.standing("delivered")


def _all_taken(tx: Tx, message_id: str) -> bool | None:
    parts = tx.outbox.of_messages([message_id])[message_id]
    return True if all(part.state is OutboxState.ACCEPTED for part in parts) else None


@pytest.mark.proves("P5", "P6")
async def test_thirty_people_at_once_get_one_answer_each(standin: Standin, tmp_path: Path) -> None:
    many = 30
    async with rigged(standin, tmp_path) as rig:
        await rig.all(rig.texts(f"I am {n}", n) for n in range(many))
        messages = await rig.taken(many)
        await rig.all(
            rig.carrier.reports(message.provider_id, "sent", "delivered") for message in messages
        )
        await rig.standing("delivered", many)
        held = await rig.carrier.messages(From=rig.number)
        assert {(one["to"], one["body"]) for one in held} == {
            (rig.person(n), f"You said: I am {n}") for n in range(many)
        }
        assert len(held) == many


@pytest.mark.proves("B080")
async def test_an_attachment_is_offered_where_the_carrier_can_fetch_it(
    standin: Standin, tmp_path: Path
) -> None:
    async with rigged(standin, tmp_path) as rig:
        await rig.uploads("look", "image/png", b"\x89PNG picture")
        [message] = await rig.taken()
        assert message.provider_id.startswith("MM"), "an MMS has the other prefix"
        [held] = await rig.sent_to()
        assert held["num_media"] == "1"
        [media] = await rig.carrier.media_of(held["sid"])
        async with rig.carrier.http.get(media["uri"]) as answer:
            assert (answer.status, await answer.read()) == (200, b"\x89PNG picture")
        await rig.carrier.reports(held["sid"], "delivered")
        await rig.standing("delivered")


@pytest.mark.proves("B031")
async def test_a_messaging_service_sends_and_receives(standin: Standin, tmp_path: Path) -> None:
    async with rigged(standin, tmp_path, service=True) as rig:
        await rig.texts("to the service")
        [message] = await rig.taken()
        [held] = await rig.sent_to()
        assert held["messaging_service_sid"] == rig.line.service_id
        assert held["from"] == rig.number, "the service chose its number"
        await rig.carrier.reports(message.provider_id, "delivered")
        await rig.standing("delivered")


@pytest.mark.proves("P3")
async def test_stop_is_ours_to_keep_where_the_carrier_keeps_no_list(
    standin: Standin, tmp_path: Path
) -> None:
    async with rigged(standin, tmp_path, sms={"optOutReplies": "ringfence"}) as rig:
        await rig.texts("hello")
        await rig.taken()
        await rig.texts("Stop ")
        [_, confirmation] = await rig.taken(2)
        refused = await rig.sends("are you sure?")
        assert refused["state"] == "refused"
        await rig.texts("are you there?")
        [*_, last] = await rig.messages(lambda _: True, 3, "in")
        assert last.body == "are you there?"
        assert [held["sid"] for held in await rig.sent_to()][1:] == [confirmation.provider_id]
        assert len(rig.agent.turns) == 1


@pytest.mark.proves("B103")
@pytest.mark.parametrize(("sms_host", "ok"), [("127.0.0.1", True), ("localhost", False)])
async def test_the_probe_reads_the_number_s_address(
    standin: Standin, tmp_path: Path, sms_host: str, ok: bool
) -> None:
    async with rigged(standin, tmp_path, sms_host=sms_host) as rig:
        await rig.texts("hello")
        asked = PROVIDER.probe_requests(rig.line)
        answers = [(name, await rig.wire.send(request)) for name, request in asked]
        findings = PROVIDER.probe_findings(answers, rig.line)
        assert {finding.check: finding.ok for finding in findings} == {
            "webhook": ok,
            "inbound": True,
            "a2p": True,
        }
        assert not any(rig.number[2:] in repr(finding) for finding in findings)
