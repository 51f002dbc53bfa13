"""Registrations as the vendor's client and the vendor's description have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from carrier_rig import Sdk
from openapi_core import OpenAPI
from test_sim_rest import _problems
from twilio.base.exceptions import TwilioException, TwilioRestException

from ringfence.simulator.records import Webhook
from ringfence.testing import SimulatedCarrier

FREE = "+18885550123"


async def test_a_campaign_is_read_by_the_vendors_client(
    sdk: Sdk, carrier: SimulatedCarrier
) -> None:
    service = carrier.service()
    compliance = carrier.world.rest.compliance
    listing = sdk.client().messaging.v1.services(service.sid).us_app_to_person
    assert await sdk(lambda c: listing.list()) == []
    compliance.register(service, "FAILED", error_codes=(30908,))
    compliance.register(service, "VERIFIED", tier="LOWER_MID")
    newest, failed = await sdk(lambda c: listing.list(page_size=1))
    assert (newest.campaign_status, newest.rate_limits["tmobile"]) == (
        "VERIFIED",
        {"brand_tier": "LOWER_MID"},
    )
    assert (failed.campaign_status, failed.errors[0]["error_code"]) == ("FAILED", 30908)
    assert failed.rate_limits is None
    fetched = await sdk(lambda c: listing(failed.sid).fetch())
    assert fetched.us_app_to_person_usecase == "LOW_VOLUME"


async def test_a_verification_is_found_by_its_number(sdk: Sdk, carrier: SimulatedCarrier) -> None:
    world = carrier.world
    now = world.clock.now()
    lines = [
        world.carrier.add_line(world.account, number, now, Webhook())
        for number in (FREE, "+18445550124")
    ]
    world.rest.compliance.submit(lines[0], "TWILIO_REJECTED", error_code=30442)
    world.rest.compliance.submit(lines[1], "IN_REVIEW")
    listing = sdk.client().messaging.v1.tollfree_verifications
    [found] = await sdk(lambda c: listing.list(tollfree_phone_number_sid=lines[0].sid))
    assert (found.status, found.error_code) == ("TWILIO_REJECTED", 30442)
    [found] = await sdk(lambda c: listing.list(status="IN_REVIEW"))
    assert found.tollfree_phone_number_sid == lines[1].sid
    assert len(await sdk(lambda c: listing.list(page_size=1))) == 2


async def test_others_registrations_are_not_shown(sdk: Sdk, carrier: SimulatedCarrier) -> None:
    world = carrier.world
    other = world.carrier.open_account(world.clock.now())
    service = world.carrier.add_service(other, "theirs", world.clock.now())
    line = world.carrier.add_line(other, FREE, world.clock.now(), Webhook())
    world.rest.compliance.register(service)
    theirs = world.rest.compliance.submit(line)
    client = sdk.client().messaging.v1
    assert await sdk(lambda c: client.tollfree_verifications.list()) == []
    with pytest.raises(TwilioException, match="20404"):
        await sdk(lambda c: client.services(service.sid).us_app_to_person.list())
    with pytest.raises(TwilioRestException) as refused:
        await sdk(lambda c: client.tollfree_verifications(theirs.sid).fetch())
    assert (refused.value.status, refused.value.code) == (404, 20404)


def test_only_what_the_vendor_calls_a_status(carrier: SimulatedCarrier) -> None:
    compliance = carrier.world.rest.compliance
    with pytest.raises(ValueError, match="VERIFIED"):
        compliance.register(carrier.service(), "APPROVED")
    with pytest.raises(ValueError, match="TWILIO_APPROVED"):
        compliance.submit(carrier.world.line, "APPROVED")


@pytest.mark.shared
async def test_they_hold_to_the_vendors_description(
    sdk: Sdk, carrier: SimulatedCarrier, shared_data: Callable[[str], Any]
) -> None:
    spec = shared_data("twilio-openapi-messaging-v1-trimmed.json")
    # The vendor's own example answers have null here, which its description forgets.
    spec["components"]["schemas"]["tollfree_verification_enum_vetting_provider"]["enum"] += [None]
    compliance = carrier.world.rest.compliance
    service = carrier.service()
    compliance.register(service, "FAILED", error_codes=(30908,))
    compliance.register(service)
    verification = compliance.submit(carrier.world.line, "TWILIO_REJECTED", error_code=30442)
    client = sdk.client().messaging.v1
    await sdk(lambda c: client.services(service.sid).us_app_to_person.list(page_size=1))
    await sdk(lambda c: client.tollfree_verifications(verification.sid).fetch())
    openapi = OpenAPI.from_dict(spec)
    assert len(sdk.recorder.seen) == 3
    for exchange in sdk.recorder.seen:
        problems = _problems(openapi, "https://messaging.twilio.com", spec, exchange)
        assert not problems, f"{exchange.method} {exchange.url}: {problems}"
