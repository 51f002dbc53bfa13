"""The carrier's own opt-out handling: words, scope, answers, 21610."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from carrier_rig import ALICE, BOB, Receiver, Sdk
from twilio.base.exceptions import TwilioRestException

from ringfence.simulator.optout import Keyword, keyword
from ringfence.testing import Behaviour, OptOutHandling, SimulatedCarrier


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("STOP", Keyword.STOP),
        ("stop ", Keyword.STOP),
        ("Unsubscribe", Keyword.STOP),
        ("optout", Keyword.STOP),
        ("STOP PLEASE", None),
        ("please stop", None),
        ("stop!", None),
        ("", None),
        ("yes", Keyword.START),
        ("Unstop", Keyword.START),
        ("info", Keyword.HELP),
    ],
)
def test_only_a_single_word_counts(body: str, word: Keyword | None) -> None:
    assert keyword(body) is word


@pytest.mark.shared
def test_the_words_are_those_of_the_documentation(shared_data: Callable[[str], Any]) -> None:
    names = {"opt_out": Keyword.STOP, "opt_in": Keyword.START, "help": Keyword.HELP, "none": None}
    rows = shared_data("optout-keywords.json")["vectors"]
    found = {row["body"]: names[row["by_documented_list"]["twilio"]] for row in rows}
    assert len([word for word in found.values() if word]) > 20
    assert {body: keyword(body) for body in found} == found


async def test_stop_blocks_answers_once_and_still_reaches_the_webhook(
    sdk: Sdk, carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    phone = carrier.phone(ALICE)
    await phone.texts("Stop")
    await phone.receives("opted out")
    assert receiver.messages[0].form["Body"] == "Stop"
    assert "OptOutType" not in receiver.messages[0].form
    with pytest.raises(TwilioRestException) as refused:
        await sdk.sends()
    assert (refused.value.status, refused.value.code) == (400, 21610)
    await sdk.sends(BOB), "only this pair is blocked"
    await phone.texts("STOP")
    await carrier.settles()
    phone.has_nothing_unread()
    await phone.texts("START")
    await phone.receives("opted in")
    await sdk.sends()
    await phone.receives("hello")


async def test_help_is_answered_and_yes_is_an_ordinary_word(
    carrier: SimulatedCarrier,
) -> None:
    phone = carrier.phone(ALICE)
    await phone.texts("help")
    await phone.receives("STOP")
    await phone.texts("yes")
    await carrier.settles()
    phone.has_nothing_unread()


async def test_toll_free_does_not_answer_help_while_opted_out(carrier: SimulatedCarrier) -> None:
    carrier.world.line.toll_free = True
    phone = carrier.phone(ALICE)
    await phone.texts("stop")
    await phone.receives("opted out")
    await phone.texts("help")
    await carrier.settles()
    phone.has_nothing_unread()


async def test_an_answer_of_the_webhook_does_not_reach_somebody_who_opted_out(
    carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    receiver.document = "<Response><Message>you are out</Message></Response>"
    phone = carrier.phone(ALICE)
    await phone.texts("stop")
    await phone.receives("opted out")
    await carrier.settles()
    phone.has_nothing_unread()
    assert [alert.error_code for alert in carrier.alerts] == [21610]


async def test_a_service_is_blocked_as_a_whole_and_says_so_with_advanced_opt_out(
    sdk: Sdk, carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    service = carrier.service(webhook_url=receiver.url("/in"))
    service.advanced_opt_out = True
    await carrier.phone(ALICE).texts("stop")
    assert receiver.messages[0].form["OptOutType"] == "STOP"
    for send in ({"messaging_service_sid": service.sid}, {"from_": carrier.number}):
        with pytest.raises(TwilioRestException) as refused:
            await sdk.sends(**send)
        assert refused.value.code == 21610
    assert carrier.carrier.opt_outs.listing() == [(service.sid, ALICE)]


@pytest.mark.parametrize(
    ("handling", "blocked"), [(OptOutHandling.SILENT, True), (OptOutHandling.NONE, False)]
)
async def test_the_answer_may_be_left_to_the_account(
    receiver: Receiver, handling: OptOutHandling, blocked: bool
) -> None:
    behaviour = Behaviour(opt_outs=handling)
    async with SimulatedCarrier(webhook_url=receiver.url(), behaviour=behaviour) as carrier:
        phone = carrier.phone(ALICE)
        await phone.texts("stop")
        await carrier.settles()
        phone.has_nothing_unread()
        assert bool(carrier.carrier.opt_outs.listing()) is blocked


async def test_21610_may_come_late_as_a_failed_message(receiver: Receiver) -> None:
    async with SimulatedCarrier(behaviour=Behaviour(late_opt_out=True)) as carrier:
        carrier.opt_out(ALICE)
        message = await Sdk(carrier).sends(status_callback=receiver.url("/status"))
        assert message.status == "queued"
        await carrier.settles()
        assert receiver.statuses_seen == ["failed"]
        assert receiver.hits[0].form["ErrorCode"] == "21610"


async def test_an_opt_out_after_scheduling_fails_the_message_when_it_is_due(
    carrier: SimulatedCarrier, receiver: Receiver, sdk: Sdk
) -> None:
    service = carrier.service()
    await sdk.sends(messaging_service_sid=service.sid, status_callback=receiver.url("/status"))
    carrier.opt_out(ALICE, service.sid)
    await carrier.settles()
    assert receiver.statuses_seen == ["failed"]
    assert carrier.sent[0].error_code == 21610
    assert carrier.phone(ALICE).inbox == []
