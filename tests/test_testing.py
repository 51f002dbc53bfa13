"""`ringfence.testing`, as somebody else's tests would use it."""

from __future__ import annotations

import aiohttp
import pytest
from aiohttp import web
from twilio.request_validator import RequestValidator

from ringfence.testing import Faults, Outcome, SimulatedCarrier

ALICE = "+15555550111"


async def send(carrier: SimulatedCarrier, **fields: str) -> int:
    url = f"{carrier.base_url}/2010-04-01/Accounts/{carrier.account_sid}/Messages.json"
    secret = aiohttp.encode_basic_auth(carrier.account_sid, carrier.auth_token)
    async with (
        aiohttp.ClientSession(headers={"Authorization": secret}) as session,
        session.post(
            url, data={"To": ALICE, "From": carrier.number, "Body": "hi", **fields}
        ) as got,
    ):
        return got.status


async def test_a_text_is_sent_and_received() -> None:
    async with SimulatedCarrier() as carrier:
        assert carrier.base_url.startswith("http://127.0.0.1:")
        assert await send(carrier) == 201
        text = await carrier.phone(ALICE).receives("hi")
        assert text.number == carrier.number
        await carrier.settles()
        assert carrier.by_status == {"delivered": 1}
        assert [message.sid for message in carrier.sent] == [text.sid]


@pytest.mark.proves("P11")
async def test_the_same_seed_is_the_same_world() -> None:
    async def life(seed: int) -> tuple[str, str, list[str], list[int]]:
        async with SimulatedCarrier(seed=seed, faults=Faults(throttled=0.4)) as carrier:
            statuses = [await send(carrier) for _ in range(12)]
            sids = [message.sid for message in carrier.sent]
            return carrier.account_sid, carrier.auth_token, sids, statuses

    assert await life(1) == await life(1)
    assert await life(1) != await life(2)


async def test_two_carriers_live_side_by_side() -> None:
    async with SimulatedCarrier(seed=1) as one, SimulatedCarrier(seed=2) as two:
        assert one.base_url != two.base_url
        await send(one)
        assert (len(one.sent), len(two.sent)) == (1, 0)


async def test_ordered_outcomes_come_before_chance() -> None:
    async with SimulatedCarrier() as carrier:
        carrier.next_creates(Outcome.THROTTLED, Outcome.ERROR_BEFORE_ACCEPT)
        assert [await send(carrier) for _ in range(3)] == [429, 503, 201]


async def test_bad_settings_are_refused() -> None:
    with pytest.raises(ValueError, match=r"E\.164"):
        SimulatedCarrier(number="5550100")
    async with SimulatedCarrier() as carrier:
        with pytest.raises(KeyError):
            carrier.script(ALICE, "nonsense")
        port = int(carrier.base_url.rpartition(":")[2])
        with pytest.raises(OSError, match=r"\w"):
            async with SimulatedCarrier(port=port):
                pass


async def test_any_form_can_be_posted_with_any_signature() -> None:
    got: list[tuple[str, dict[str, str]]] = []

    async def note(request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        got.append((request.headers["X-Twilio-Signature"], form))
        return web.Response(status=403)

    app = web.Application()
    app.router.add_post("/x", note)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/x"
    async with SimulatedCarrier(webhook_url=url) as carrier:
        for token in ("", "another"):
            delivery = await carrier.posts([("MessageSid", "nonsense")], auth_token=token)
            assert delivery.status == 403
        judge = RequestValidator(carrier.auth_token)
    await runner.cleanup()
    verdicts = [judge.validate(url, form, signature) for signature, form in got]
    assert verdicts == [True, False]
