"""Messages in motion: timelines, status callbacks, the inbound webhook's answer, and the faults."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import aiohttp
import pytest
from carrier_rig import ALICE, BOB, Hit, Raw, Receiver, Sdk
from twilio.base.exceptions import TwilioRestException

from ringfence.clock import ManualClock
from ringfence.simulator.faults import Dice
from ringfence.testing import Faults, Outcome, SimulatedCarrier

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


async def until(condition: object) -> None:
    """Let the loop turn until `condition()` holds; bounded."""
    async with asyncio.timeout(5):
        while not condition():  # type: ignore[operator]
            await asyncio.to_thread(lambda: None)


# -- timelines ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "reported", "error"),
    [
        ("delivered", ["sent", "delivered"], None),
        ("sent_only", ["sent"], None),
        ("read", ["sent", "delivered", "read"], None),
        ("silent", [], None),
        ("undelivered:30005", ["sent", "undelivered"], 30005),
        ("undelivered", ["sent", "undelivered"], 30003),
        ("failed:30007", ["failed"], 30007),
    ],
)
async def test_a_timeline_reports_every_status_but_the_first(
    sdk: Sdk,
    carrier: SimulatedCarrier,
    receiver: Receiver,
    script: str,
    reported: list[str],
    error: int | None,
) -> None:
    carrier.script(ALICE, script)
    message = await sdk.sends(status_callback=receiver.url("/status"))
    assert message.status == "queued"
    await carrier.settles()
    assert receiver.statuses_seen == reported, "and never queued"
    fetched = await sdk(lambda c: c.messages(message.sid).fetch())
    assert fetched.status == (reported or ["queued"])[-1]
    assert fetched.error_code == error
    last = receiver.hits[-1].form if receiver.hits else {}
    assert last.get("ErrorCode") == (str(error) if error else None)
    assert ("RawDlrDoneDate" in last) == (last.get("MessageStatus") in ("delivered", "undelivered"))


async def test_a_read_message_moves_its_ticks_and_shows_once(
    sdk: Sdk, carrier: SimulatedCarrier
) -> None:
    carrier.script(ALICE, "read")
    await sdk.sends()
    await carrier.settles()
    assert [text.ticks for text in carrier.phone(ALICE).inbox] == ["read"]


async def test_the_callback_form_has_its_fields(
    sdk: Sdk, carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    message = await sdk.sends(status_callback=receiver.url("/status"))
    await carrier.settles()
    for hit in receiver.hits:
        assert {"MessageSid", "SmsSid", "AccountSid", "From", "To", "ApiVersion"} <= hit.form.keys()
        assert hit.form["MessageStatus"] == hit.form["SmsStatus"]
        assert hit.form["MessageSid"] == message.sid
        assert "ErrorCode" not in hit.form
        assert "MessagingServiceSid" not in hit.form


async def test_a_service_accepts_first_and_chooses_its_sender_later(
    sdk: Sdk, carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    service = carrier.service()
    message = await sdk.sends(
        messaging_service_sid=service.sid, status_callback=receiver.url("/status")
    )
    assert (message.status, message.from_, message.num_segments) == ("accepted", None, "0")
    await carrier.settles()
    assert receiver.statuses_seen == ["queued", "sent", "delivered"]
    assert {h.form["MessagingServiceSid"] for h in receiver.hits} == {service.sid}
    fetched = await sdk(lambda c: c.messages(message.sid).fetch())
    assert (fetched.from_, fetched.num_segments) == (carrier.number, "1")


async def test_a_service_s_sender_is_sticky(sdk: Sdk, carrier: SimulatedCarrier) -> None:
    for n in range(3):
        await sdk(lambda c, n=n: c.incoming_phone_numbers.create(phone_number=f"+1555555015{n}"))
    service = carrier.service()
    for _ in range(4):
        await sdk.sends(messaging_service_sid=service.sid)
    await carrier.settles()
    assert len({m.sender for m in carrier.sent}) == 1


async def test_the_service_s_own_callback_address_is_used_when_the_message_has_none(
    sdk: Sdk, carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    service = carrier.service()
    service.status_callback = receiver.url("/status")
    await sdk.sends(messaging_service_sid=service.sid)
    await carrier.settles()
    assert receiver.statuses_seen == ["queued", "sent", "delivered"]


async def test_a_scheduled_message_leaves_at_its_time_or_is_cancelled(receiver: Receiver) -> None:
    clock = ManualClock(NOON)
    async with SimulatedCarrier(webhook_url=receiver.url(), clock=clock) as carrier:
        sdk, service = Sdk(carrier), carrier.service()
        plan = {
            "messaging_service_sid": service.sid,
            "schedule_type": "fixed",
            "send_at": "2026-03-04T13:00:00Z",
            "status_callback": receiver.url("/status"),
        }
        kept, dropped = await sdk.sends(**plan), await sdk.sends(BOB, **plan)
        assert kept.status == "scheduled"
        cancelled = await sdk(lambda c: c.messages(dropped.sid).update(status="canceled"))
        assert cancelled.status == "canceled"
        clock.advance(minutes=59)
        await asyncio.to_thread(lambda: None)
        assert receiver.hits == []
        clock.advance(minutes=1)
        await until(lambda: "queued" in receiver.statuses_seen)
        assert {h.form["MessageSid"] for h in receiver.hits} == {kept.sid}
        with pytest.raises(TwilioRestException) as late:
            await sdk(lambda c: c.messages(kept.sid).update(status="canceled"))
        assert late.value.code == 30409


@pytest.mark.parametrize(
    "send_at", ["2026-03-04T12:04:59Z", "2026-04-09T12:00:00Z", "tomorrow", "2026-13-45T99:00:00Z"]
)
async def test_a_time_outside_the_scheduling_window_is_35114(send_at: str) -> None:
    async with SimulatedCarrier(clock=ManualClock(NOON)) as carrier:
        sdk, service = Sdk(carrier), carrier.service()
        with pytest.raises(TwilioRestException) as refused:
            await sdk.sends(
                messaging_service_sid=service.sid, schedule_type="fixed", send_at=send_at
            )
        assert refused.value.code == 35114


async def test_a_stalled_message_fails_when_its_validity_is_over(receiver: Receiver) -> None:
    clock = ManualClock(NOON)
    async with SimulatedCarrier(clock=clock) as carrier:
        sdk = Sdk(carrier)
        carrier.script(ALICE, "stalled")
        message = await sdk.sends(validity_period=600, status_callback=receiver.url("/status"))
        clock.advance(seconds=599)
        await asyncio.to_thread(lambda: None)
        assert carrier.carrier.messages[message.sid].status == "queued"
        clock.advance(seconds=1)
        await until(lambda: receiver.hits)
        assert receiver.hits[0].form["ErrorCode"] == "30036"


async def test_without_callbacks_messages_finish_at_once_and_nobody_is_told(
    receiver: Receiver,
) -> None:
    async with SimulatedCarrier(webhook_url=receiver.url(), callbacks=False) as carrier:
        sdk = Sdk(carrier)
        message = await sdk.sends(status_callback=receiver.url("/status"))
        assert message.status == "queued"
        assert carrier.by_status == {"delivered": 1}
        await carrier.phone(ALICE).receives("hello")
    assert receiver.hits == []


# -- the answer of the inbound webhook ------------------------------------------------------------


async def test_a_message_in_the_answer_is_sent_back(
    carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    receiver.document = (
        "<Response><Message>one</Message><Message><Body>two</Body></Message></Response>"
    )
    phone = carrier.phone(ALICE)
    assert (await phone.texts("hi")).reached
    await phone.receives("one")
    await phone.receives("two")
    assert {m.direction.value for m in carrier.sent} == {"outbound-reply"}


@pytest.mark.parametrize(
    ("document", "content_type", "code"),
    [
        ("<Response><Say>hi</Say></Response>", "text/xml", 12200),
        ("<Response><Message>", "text/xml", 12100),
        ("{}", "application/json", 12300),
        ("", "application/octet-stream", 11200),
    ],
)
async def test_a_bad_answer_is_an_alert_and_sends_nothing(
    carrier: SimulatedCarrier, receiver: Receiver, document: str, content_type: str, code: int
) -> None:
    receiver.document, receiver.content_type = document, content_type
    await carrier.phone(ALICE).texts("hi")
    assert [alert.error_code for alert in carrier.alerts] == [code]
    assert carrier.messages[0].error_code == code
    assert carrier.sent == ()


async def test_204_and_an_empty_response_say_nothing(
    carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    receiver.statuses = [204]
    phone = carrier.phone(ALICE)
    await phone.texts("one")
    await phone.texts("two")
    assert carrier.sent == ()
    assert carrier.alerts == ()
    phone.has_nothing_unread()


async def test_a_redirect_verb_is_followed_a_few_times(
    carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    receiver.document = "<Response><Redirect>/again</Redirect></Response>"
    await carrier.phone(ALICE).texts("hi")
    assert len(receiver.hits) == 4, "and not for ever"
    assert receiver.hits[1].url == receiver.url("/again")


async def test_the_fallback_address_is_called_when_the_first_fails(
    carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    carrier.world.line.sms.fallback_url = receiver.url("/fallback")
    receiver.statuses = [500]
    sent = await carrier.phone(ALICE).texts("hi")
    assert sent.reached
    first, second = receiver.hits
    assert second.url.endswith("/fallback")
    assert second.form["ErrorCode"] == "11200"
    assert second.form["MessageSid"] == first.form["MessageSid"]
    assert [alert.error_code for alert in carrier.alerts] == [11200]
    assert carrier.messages[0].error_code is None


async def test_a_number_in_a_service_answers_to_the_service(
    carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    service = carrier.service(webhook_url=receiver.url("/service"))
    phone = carrier.phone(ALICE)
    await phone.texts("hi")
    assert receiver.hits[0].url.endswith("/service")
    assert receiver.hits[0].form["MessagingServiceSid"] == service.sid
    service.use_inbound_webhook_on_number = True
    await phone.texts("hi")
    assert receiver.hits[1].url.endswith("/webhooks/sms")
    service.use_inbound_webhook_on_number, service.inbound.url = False, ""
    assert not (await phone.texts("hi")).reached
    assert len(receiver.hits) == 2


# -- faults ---------------------------------------------------------------------------------------


def test_the_dice_fall_the_same_way_for_the_same_seed_in_any_order() -> None:
    one, two, other = Dice(7), Dice(7), Dice(8)
    asked = [(kind, n) for kind in ("dropped", "delayed") for n in range(200)]
    first = {key: one.chance(0.3, *key) for key in asked}
    second = {key: two.chance(0.3, *key) for key in reversed(asked)}
    assert first == second
    assert first != {key: other.chance(0.3, *key) for key in asked}
    assert 80 < sum(first.values()) < 160


def test_certain_and_impossible_faults() -> None:
    dice = Dice(1)
    assert all(dice.chance(1.0, "x", n) for n in range(100))
    assert not any(dice.chance(0.0, "x", n) for n in range(100))


@pytest.mark.parametrize(
    "change",
    [
        {"callback_dropped": 1.5},
        {"callback_dropped": -0.1},
        {"callback_dropped": "often"},
        {"callback_dropped": True},
        {"nonsense": 0.5},
        {"throttle_burst": 0},
        {"latency_after_s": -1},
    ],
)
def test_bad_faults_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Faults().changed(change)


@pytest.mark.parametrize(
    ("faults", "seen"),
    [
        (Faults(callback_duplicated=1.0), ["sent", "sent", "delivered", "delivered"]),
        (Faults(callback_dropped=1.0), []),
        (Faults(callback_before_answer=1.0), ["sent", "delivered"]),
    ],
)
async def test_callbacks_are_duplicated_and_dropped(
    sdk: Sdk, carrier: SimulatedCarrier, receiver: Receiver, faults: Faults, seen: list[str]
) -> None:
    carrier.faults = faults
    await sdk.sends(status_callback=receiver.url("/status"))
    await carrier.settles()
    assert receiver.statuses_seen == seen
    assert carrier.by_status == {"delivered": 1}, "the message itself is not touched"


async def test_a_reordered_callback_comes_after_its_successor(
    sdk: Sdk, carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    orders = set()
    for seed in range(12):
        carrier.world.dice.seed = seed
        carrier.faults = Faults(callback_reordered=0.5)
        receiver.hits.clear()
        await sdk.sends(status_callback=receiver.url("/status"))
        await carrier.settles()
        orders.add(tuple(receiver.statuses_seen))
    assert orders == {("sent", "delivered"), ("delivered", "sent")}


async def test_a_delayed_callback_comes_late(receiver: Receiver) -> None:
    clock = ManualClock(NOON)
    faults = Faults(callback_delayed=1.0, callback_delay_s=3600)
    async with SimulatedCarrier(clock=clock, faults=faults) as carrier:
        await Sdk(carrier).sends(status_callback=receiver.url("/status"))
        for _ in range(4):
            clock.advance(seconds=1)
            await asyncio.to_thread(lambda: None)
        await until(lambda: carrier.by_status == {"delivered": 1})
        assert receiver.hits == []
        clock.advance(hours=1)
        await until(lambda: len(receiver.hits) == 2)


async def test_a_callback_may_come_before_the_create_is_answered(
    sdk: Sdk, carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    """The race every client must survive: a callback for an id it has never heard of."""
    answered_before: list[int] = []

    async def note(_: Hit) -> None:
        answered_before.append(len(sdk.recorder.seen))

    receiver.on_hit = note
    carrier.faults = Faults(callback_before_answer=1.0)
    message = await sdk.sends(status_callback=receiver.url("/status"))
    await carrier.settles()
    assert message.status == "queued", "the answer still tells the first status"
    assert answered_before[0] == 0


async def test_an_inbound_webhook_may_come_twice(
    carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    carrier.faults = Faults(webhook_duplicated=1.0)
    await carrier.phone(ALICE).texts("hi")
    first, second = receiver.hits
    assert (first.raw, first.signature) == (second.raw, second.signature)
    token = "I-Twilio-Idempotency-Token"
    assert first.headers[token] == second.headers[token]


@pytest.mark.parametrize(
    ("outcome", "status", "taken"),
    [
        (Outcome.LOST_AFTER_ACCEPT, None, 1),
        (Outcome.LOST_BEFORE_ACCEPT, None, 0),
        (Outcome.ERROR_AFTER_ACCEPT, 500, 1),
        (Outcome.ERROR_BEFORE_ACCEPT, 503, 0),
        (Outcome.THROTTLED, 429, 0),
    ],
)
async def test_a_create_may_end_badly(
    sdk: Sdk,
    raw: Raw,
    carrier: SimulatedCarrier,
    receiver: Receiver,
    outcome: Outcome,
    status: int | None,
    taken: int,
) -> None:
    carrier.next_creates(outcome)
    fields = {
        "To": ALICE,
        "From": carrier.number,
        "Body": "x",
        "StatusCallback": receiver.url("/s"),
    }
    if status is None:
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await raw.create(**fields)
    else:
        got, document = await raw.create(**fields)
        assert (got, document["status"]) == (status, status)
        assert status != 429 or document["code"] == 20429
    await carrier.settles()
    assert len(carrier.sent) == taken
    assert receiver.statuses_seen == ["sent", "delivered"] * taken, "a lost answer loses no message"
    assert (await raw.create(**fields))[0] == 201, "and the next one is fine"


async def test_429s_come_in_bursts_and_are_repeatable(raw: Raw, carrier: SimulatedCarrier) -> None:
    fields = {"To": ALICE, "From": carrier.number, "Body": "x"}
    runs = []
    for _ in range(2):
        carrier.world.dice.faults = Faults(throttled=0.15, throttle_burst=3)
        carrier.world.rest.requests = 0
        runs.append([(await raw.create(**fields))[0] for _ in range(40)])
    text = "".join("t" if status == 429 else "." for status in runs[0])
    assert runs[0] == runs[1]
    assert "ttt" in text
    assert ".t." not in text
    assert len(carrier.sent) == text.count(".") * 2


async def test_latency_is_the_clock_s(receiver: Receiver) -> None:
    clock = ManualClock(NOON)
    faults = Faults(latency_before_s=0.5, latency_after_s=0.5)
    async with SimulatedCarrier(clock=clock, faults=faults) as carrier:
        sending = asyncio.create_task(Sdk(carrier).sends())
        await until(lambda: carrier.world.rest.requests)
        assert carrier.sent == ()
        clock.advance(seconds=0.5)
        await until(lambda: carrier.sent)
        assert not sending.done()
        clock.advance(seconds=0.5)
        assert (await sending).status == "queued"
