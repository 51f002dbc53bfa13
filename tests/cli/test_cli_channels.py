"""`ringfence channels`: lines as they stand, the probe against a simulated carrier, dead letters."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from house import ACCOUNT, FRIEND, NUMBER, STRANGER, TOKEN, House, build

from ringfence.bootstrap import Gateway
from ringfence.model.message import MessageStatus
from ringfence.model.outbox import OutboxState
from ringfence.ports import DeadEvent, MessageChange, OutboxChange
from ringfence.testing import SimulatedCarrier

WEBHOOK = "http://127.0.0.1:9/webhooks/sms"
DIGITS = re.compile(r"\+?1?555\d{4,}|\+1555")


@asynccontextmanager
async def carrier_of(
    folder: Path, sms: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[tuple[SimulatedCarrier, House]]:
    """A simulated carrier, and a house whose line is on it."""
    chosen = {"webhook_url": WEBHOOK, **options}
    async with SimulatedCarrier(
        number=NUMBER, account_sid=ACCOUNT, auth_token=TOKEN, **chosen
    ) as carrier:
        yield carrier, build(folder, {"apiBaseUrl": carrier.base_url, **(sms or {})})


async def _probe(house: House, code: int) -> dict[str, dict[str, Any]]:
    """Findings by check. The carrier answers meanwhile, so the command runs beside it."""
    words = ("channels", "status", "--probe", "--timeout", "5")
    document = await asyncio.to_thread(house.json, *words, code=code)
    assert not DIGITS.search(str(document))
    [row] = document["lines"]
    assert row["ok"] is (code == 0)
    return {finding["check"]: finding for finding in row["probe"]}


def test_the_lines_and_what_they_can_do(two_lines: House) -> None:
    rows = two_lines.json("channels", "list")["lines"]
    assert [(row["line"], row["state"], row["sender"]) for row in rows] == [
        ("default", "ready", "number"),
        ("second", "ready", "number"),
    ]
    shown = two_lines.run("channels", "list", "--account", "second").stdout
    assert "second" in shown
    assert "default" not in shown.splitlines()[1].split()[0]
    abilities = two_lines.json("channels", "capabilities", "--channel", "sms")["capabilities"]
    assert [row["mms"] for row in abilities] == [True, True]
    assert "yes" in two_lines.run("channels", "capabilities").stdout
    two_lines.run("channels", "capabilities", "--channel", "fax", code=2)
    two_lines.run("channels", "list", "--account", "nobody", code=2)


@pytest.mark.proves("B106", "B107")
def test_a_blocked_line_says_why_and_the_other_is_ready(tmp_path: Path) -> None:
    missing = {"source": "env", "provider": "default", "id": "NO_SUCH_VARIABLE_HERE"}
    second = {"fromNumber": "+15555550101", "webhookPath": "/webhooks/second", "authToken": missing}
    house = build(tmp_path, {"accounts": {"second": second}})
    rows = {row["line"]: row for row in house.json("channels", "status")["lines"]}
    assert rows["default"]["state"] == "ready"
    assert rows["second"]["state"] == "blocked"
    assert "NO_SUCH_VARIABLE_HERE" in rows["second"]["reason"]
    probed = house.json("channels", "status", "--probe", "--account", "second", code=1)
    checks = {finding["check"]: finding for finding in probed["lines"][0]["probe"]}
    assert not checks["line"]["ok"]
    assert not checks["token"]["ok"]


@pytest.mark.proves("B103")
async def test_a_healthy_line_probes_well(tmp_path: Path) -> None:
    async with carrier_of(tmp_path) as (_, house):
        checks = await _probe(house, 0)
        assert checks["webhook"]["text"] == "The provider calls this line's URL with POST."
        shown = (await asyncio.to_thread(house.run, "channels", "status", "--probe")).stdout
        assert "ok      webhook" in shown
        assert not DIGITS.search(shown)


@pytest.mark.proves("B103")
async def test_another_webhook_at_the_provider_is_found(tmp_path: Path) -> None:
    elsewhere = "https://elsewhere.example.com/sms"
    async with carrier_of(tmp_path, webhook_url=elsewhere) as (_, house):
        finding = (await _probe(house, 1))["webhook"]
        assert not finding["ok"]
        assert "POST" in finding["hint"]


@pytest.mark.proves("B101", "B103")
async def test_messages_the_provider_could_not_hand_over_are_found(
    tmp_path: Path, unused_port: int
) -> None:
    url = f"http://127.0.0.1:{unused_port}/webhooks/sms"
    sms = {"publicWebhookUrl": url}
    async with carrier_of(tmp_path, sms, webhook_url=url) as (carrier, house):
        await carrier.phone(STRANGER).texts("anybody there?")
        finding = (await _probe(house, 1))["inbound"]
        assert "11200" in finding["text"]
        assert finding["hint"]


@pytest.mark.proves("B100")
async def test_a_service_that_defers_to_its_numbers_is_not_healthy(tmp_path: Path) -> None:
    async with carrier_of(tmp_path) as (carrier, _):
        service = carrier.service(webhook_url=WEBHOOK)
        sms = {"messagingServiceSid": service.sid, "apiBaseUrl": carrier.base_url}
        house = build(tmp_path, sms)
        document = house.path.read_text().replace('"fromNumber": "+15555550100", ', "")
        house.path.write_text(document)
        carrier.world.rest.compliance.register(service)
        assert (await _probe(house, 0))["webhook"]["ok"]
        service.use_inbound_webhook_on_number = True
        assert "defers" in (await _probe(house, 1))["webhook"]["text"]


async def test_a_service_without_a_campaign_is_not_healthy(tmp_path: Path) -> None:
    async with carrier_of(tmp_path) as (carrier, _):
        service = carrier.service(webhook_url=WEBHOOK)
        compliance = carrier.world.rest.compliance
        sms = {"messagingServiceSid": service.sid, "apiBaseUrl": carrier.base_url}
        house = build(tmp_path, sms)
        assert "no 10DLC campaign" in (await _probe(house, 1))["a2p"]["text"]
        compliance.register(service, "IN_PROGRESS")
        assert "in review" in (await _probe(house, 1))["a2p"]["text"]
        compliance.register(service, tier="LOWER_MID")
        assert "10,000 segments" in (await _probe(house, 0))["a2p"]["text"]


async def test_stored_facts_come_even_when_the_provider_hangs(tmp_path: Path) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()  # connections are taken by the kernel and nobody ever answers
        house = build(tmp_path, {"apiBaseUrl": f"http://127.0.0.1:{deaf.getsockname()[1]}"})
        words = ("channels", "status", "--probe", "--timeout", "0.2")
        [row] = (await asyncio.to_thread(house.json, *words, code=1))["lines"]
    checks = {finding["check"]: finding for finding in row["probe"]}
    assert checks["token"]["ok"]
    assert "did not answer" in checks["number"]["text"]


@pytest.mark.proves("B103")
async def test_wrong_credentials_are_named_and_not_shown(tmp_path: Path) -> None:
    async with carrier_of(tmp_path, {"authToken": "another-token-entirely"}) as (_, house):
        checks = await _probe(house, 1)
        assert "credentials" in checks["number"]["hint"]
        assert "another-token" not in str(checks)


def test_what_was_loosened_shows(tmp_path: Path) -> None:
    sms = {
        "dmPolicy": "open",
        "allowFrom": ["*"],
        "dangerouslyDisableSignatureValidation": True,
        "apiBaseUrl": "http://127.0.0.1:9",
    }
    house = build(tmp_path, sms)
    document = house.json("channels", "status", "--probe", "--timeout", "0.5", code=1)
    checks = {finding["check"]: finding["ok"] for finding in document["lines"][0]["probe"]}
    assert (checks["signature"], checks["purpose"]) == (False, False)


async def _dies(gateway: Gateway, message_id: str) -> str:
    kit, now = gateway.kit, gateway.kit.clock.now()

    def job(tx: Any) -> str:
        [item] = tx.outbox.of_messages([message_id])[message_id]
        for before, after in (
            (OutboxState.DUE, OutboxState.SENDING),
            (OutboxState.SENDING, OutboxState.DEAD),
        ):
            tx.outbox.change(
                [OutboxChange(item.id, frozenset({before}), after, reason="attempts_exhausted")]
            )
        tx.messages.change(
            [MessageChange(message_id, now, status=MessageStatus.FAILED, error_code=30001)]
        )
        return str(item.id)

    return await kit.store.write(job)


@pytest.mark.proves("B043", "P6")
def test_dead_letters_are_counted_listed_and_resubmitted(house: House) -> None:
    assert "There are no dead letters." in house.run("channels", "dead-letters", "list").stdout
    message_id = house.queues(FRIEND)
    item_id = house.with_gateway(lambda gateway: _dies(gateway, message_id))
    [row] = house.json("channels", "status")["lines"]
    assert row["dead_letters"] == {"outbox": 1}
    assert (row["last_outbound"]["status"], row["last_outbound"]["error_code"]) == ("failed", 30001)
    assert "dead letters: 1 outbox" in house.run("channels", "status").stdout
    [letter] = house.json("channels", "dead-letters", "list", "--account", "default")[
        "dead_letters"
    ]
    assert (letter["id"], letter["kind"], letter["reason"]) == (
        item_id,
        "send",
        "attempts_exhausted",
    )
    assert item_id in house.run("channels", "dead-letters", "list").stdout
    done = house.json("channels", "dead-letters", "resubmit", item_id)
    assert (done["kind"], done["line"]) == ("send", "default")
    assert house.json("channels", "dead-letters", "list") == {"dead_letters": []}
    house.run("channels", "dead-letters", "resubmit", item_id, code=1)
    house.run("channels", "dead-letters", "resubmit", code=2)


@pytest.mark.proves("P6")
def test_an_event_that_can_never_be_read_is_refused_and_kept(house: House) -> None:
    async def buried(gateway: Gateway) -> None:
        now = gateway.kit.clock.now()
        event = DeadEvent(
            "evt_1", "default", "t", "malformed", "no sid", now, {"fields": [["A", "b"]]}
        )
        await gateway.kit.store.write(lambda tx: tx.events.bury(event))

    house.with_gateway(buried)
    result = house.run("channels", "dead-letters", "resubmit", "evt_1", code=1)
    assert "cannot be tried again" in str(result.exception)
    [letter] = house.json("channels", "dead-letters", "list")["dead_letters"]
    assert letter["id"] == "evt_1"


@pytest.mark.proves("P4")
async def test_a_line_is_compared_with_its_providers_list(tmp_path: Path) -> None:
    async with carrier_of(tmp_path, {"dmPolicy": "open", "allowFrom": ["*"]}) as (carrier, house):
        before = datetime.now(UTC) - timedelta(minutes=10)
        for words in ("are you there?", "START"):
            carrier.world.carrier.arrive(STRANGER, NUMBER, words, (), before)
        words = ("channels", "reconcile", "--since", "-3h")
        shown = (await asyncio.to_thread(house.run, *words)).stdout
        assert not DIGITS.search(shown)
        assert "2 messages listed" in shown
        assert "1  texts that never reached us were taken in" in shown
        assert "1  texts wait for a person" in shown
        again = await asyncio.to_thread(house.json, *words)
        assert (again["listed"], again["taken_in"], again["late"]) == (2, 0, 0)
        await asyncio.to_thread(house.run, "channels", "reconcile", "--since", "soon", code=2)
        [letter] = (await asyncio.to_thread(house.json, "channels", "dead-letters", "list"))[
            "dead_letters"
        ]
        assert letter["reason"].startswith("late: ")
