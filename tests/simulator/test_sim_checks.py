"""Refusals: each bad create gets the carrier's code, and nothing is taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from carrier_rig import ALICE, BOB, Raw, Sdk
from twilio.base.exceptions import TwilioRestException

from ringfence.simulator.refusals import refuse
from ringfence.testing import SimulatedCarrier

OURS = "+15555550100"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"From": OURS, "Body": "x"}, 21604),
        ({"To": "", "From": OURS, "Body": "x"}, 21604),
        ({"To": "5555550111", "From": OURS, "Body": "x"}, 21211),
        ({"To": "+1 555 555 0111", "From": OURS, "Body": "x"}, 21211),
        ({"To": "+05555550111", "From": OURS, "Body": "x"}, 21211),
        ({"To": "+1555555011１", "From": OURS, "Body": "x"}, 21211),
        ({"To": ALICE + "\n", "From": OURS, "Body": "x"}, 21211),
        ({"To": ALICE, "Body": "x"}, 21603),
        ({"To": ALICE, "From": "nonsense", "Body": "x"}, 21212),
        ({"To": ALICE, "From": BOB, "Body": "x"}, 21606),
        ({"To": OURS, "From": OURS, "Body": "x"}, 21266),
        ({"To": ALICE, "MessagingServiceSid": "MG" + "0" * 32, "Body": "x"}, 21701),
        ({"To": ALICE, "From": OURS}, 21602),
        ({"To": ALICE, "From": OURS, "Body": ""}, 21602),
        ({"To": ALICE, "From": OURS, "body": "x"}, 21602),
        ({"To": ALICE, "From": OURS, "Body": "x" * 1601}, 21617),
        ({"To": ALICE, "From": OURS, "Body": "x", "StatusCallback": "nonsense"}, 21609),
        ({"To": ALICE, "From": OURS, "Body": "x", "StatusCallback": "ftp://a.test/"}, 21609),
        ({"To": ALICE, "From": OURS, "Body": "x", "StatusCallback": "https://a_b.test/"}, 21609),
        ({"To": ALICE, "From": OURS, "Body": "x", "StatusCallback": "http://[::1"}, 21609),
        ({"To": ALICE, "From": OURS, "MediaUrl": "nonsense"}, 21620),
        ({"To": ALICE, "From": OURS, "Body": "x", "ValidityPeriod": "0"}, 20001),
        ({"To": ALICE, "From": OURS, "Body": "x", "ValidityPeriod": "36001"}, 20001),
        ({"To": ALICE, "From": OURS, "Body": "x", "ValidityPeriod": "1.5"}, 20001),
    ],
)
async def test_bad_creates(
    raw: Raw, carrier: SimulatedCarrier, fields: dict[str, str], code: int
) -> None:
    status, document = await raw.create(**fields)
    assert (status, document["code"], document["status"]) == (400, code, 400)
    assert document["more_info"].endswith(f"/{code}")
    assert carrier.messages == ()


async def test_1600_characters_and_ten_files_pass_and_eleven_do_not(
    raw: Raw, carrier: SimulatedCarrier
) -> None:
    assert (await raw.create(To=ALICE, From=OURS, Body="x" * 1600))[0] == 201
    url = "https://media.example.test/a.png"
    base = [("To", ALICE), ("From", OURS)]
    assert (await raw.post("/Messages.json", base + [("MediaUrl", url)] * 10))[0] == 201
    status, document = await raw.post("/Messages.json", base + [("MediaUrl", url)] * 11)
    assert (status, document["code"]) == (400, 21623)


async def test_a_service_without_numbers_is_21704(raw: Raw, carrier: SimulatedCarrier) -> None:
    service = carrier.service()
    service.pool.clear()
    status, document = await raw.create(To=ALICE, MessagingServiceSid=service.sid, Body="x")
    assert (status, document["code"]) == (400, 21704)


async def test_send_at_without_a_service_is_dropped_and_the_message_leaves(raw: Raw) -> None:
    fields = {"SendAt": "2100-01-01T00:00:00Z", "ScheduleType": "fixed"}
    status, document = await raw.create(To=ALICE, From=OURS, Body="x", **fields)
    assert (status, document["status"]) == (201, "queued")


@pytest.mark.shared
async def test_magic_numbers(
    sdk: Sdk, carrier: SimulatedCarrier, shared_data: Callable[[str], Any]
) -> None:
    rows = shared_data("twilio-magic-numbers.json")["vectors"]
    assert len(rows) == 10
    for row in rows:
        value = BOB if row["value"] == "any other" else row["value"]
        numbers = {"from_": "+15005550006", "to": ALICE}
        numbers["from_" if row["field"] == "From" else "to"] = value
        if row["code"] is None:
            assert (await sdk.sends(**numbers)).status == "queued"
            continue
        with pytest.raises(TwilioRestException) as refused:
            await sdk.sends(**numbers)
        assert refused.value.code == row["code"], row
    await carrier.settles()
    assert carrier.by_status == {"queued": 1}, "test credentials send nothing"
    assert carrier.phone(ALICE).inbox == []


async def test_a_trial_account_writes_to_verified_numbers_with_a_prefix() -> None:
    async with SimulatedCarrier(trial=True) as carrier:
        sdk = Sdk(carrier)
        with pytest.raises(TwilioRestException) as refused:
            await sdk.sends()
        assert refused.value.code == 21608
        carrier.world.account.verified.add(ALICE)
        message = await sdk.sends(body="hi")
        assert message.body.startswith("Sent from your Twilio trial account - ")
        await carrier.phone(ALICE).receives("hi")


def test_an_unknown_code_is_our_own_mistake() -> None:
    with pytest.raises(KeyError):
        refuse(1)
