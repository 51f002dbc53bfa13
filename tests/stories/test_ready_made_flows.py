"""The five flows of docs/howto/flows run as they stand there: the page's configuration, the page's
event, the page's text; then what each of them promises."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pyjson5
import pytest

from paged import Paged
from ringfence.gateway import consent
from ringfence.gateway.evidence import Statement
from ringfence.model.consent import ConsentKind, Level, Method
from ringfence.model.event import Event
from ringfence.model.phone import PhoneNumber
from ringfence.model.planned import PlannedState
from ringfence.model.wire import WebhookRequest
from ringfence.ports import Tx
from ringfence.sources import sources
from ringfence.testing import Faults
from telling import OWNER, START, telling

PAGES = Path(__file__).resolve().parents[2] / "docs" / "howto" / "flows"
KIM = "+15555550121"
LINE: dict[str, Any] = {"purpose": "notify"}


def block(page: str, kind: str) -> str:
    found = re.search(rf"^```{kind}\n(.*?)^```$", (PAGES / f"{page}.md").read_text(), re.S | re.M)
    assert found, f"{page} has no block of {kind}"
    return found[1]


@asynccontextmanager
async def running(store_url: str, page: str, programme: str) -> AsyncIterator[Paged]:
    """The page's configuration on a notify line; Kim has agreed."""
    config = pyjson5.decode(block(page, "json5"))
    async with telling(store_url, config=config, sms=LINE) as story:
        kit, now = story.gateway.kit, story.clock.now()
        said = Statement(
            PhoneNumber(KIM),
            ConsentKind.GRANTED,
            Method.VERBAL,
            programme=programme,
            level=Level.TRANSACTIONAL,
            evidence="asked at the desk",
        )

        def agreed(tx: Tx) -> None:
            consent.record(kit, tx, said, "operator:t", now)
            tx.people.set_zone(said.number, "Europe/Berlin")  # no country's numbers begin so

        await story.write(agreed)
        yield Paged(story)


def told(page: str, **data: Any) -> list[Event]:
    """The page's own event, with other data where given."""
    document = json.loads(block(page, "json"))
    document["data"] |= data
    return read(document)


def read(document: dict[str, Any]) -> list[Event]:
    source = sources()["generic"]
    request = WebhookRequest("POST", "", "", {}, json.dumps(document).encode())
    return source.parse(source.verify(request, (), START))


async def later(story: Paged, **document: Any) -> None:
    await story.post(*read(document))
    await story.passes(seconds=10)


def said(story: Paged) -> list[str]:
    """What Kim got, without what the first text of a line says before it."""
    return [text.rpartition("\n\n")[2] for text in story.got(KIM)]


def words(page: str) -> str:
    return block(page, "text").strip()


async def test_a_reminder_leaves_a_day_before(store_url: str) -> None:
    async with running(store_url, "appointment-reminder", "visits") as story:
        await story.post(*told("appointment-reminder"))
        await story.passes(hours=20)
        assert said(story) == []
        await story.passes(hours=1)
        assert said(story) == [words("appointment-reminder")]
        await story.passes(hours=30)
        assert len(said(story)) == 1


async def test_a_reminder_moves_with_its_appointment(store_url: str) -> None:
    async with running(store_url, "appointment-reminder", "visits") as story:
        await story.post(*told("appointment-reminder"))
        data = {
            "appointment": "1001",
            "phone": KIM,
            "language": "de",
            "starts_at": "2026-03-05T10:00:00+01:00",
        }
        await later(story, id="m", type="appointment.moved", data=data)
        await story.passes(hours=22)
        assert said(story) == []
        await story.passes(hours=19)
        [text] = said(story)
        assert "05.03.2026 um 10:00" in text


async def test_a_reminder_ends_with_its_appointment(store_url: str) -> None:
    async with running(store_url, "appointment-reminder", "visits") as story:
        await story.post(*told("appointment-reminder"))
        await later(story, id="c", type="appointment.cancelled", data={"appointment": "1001"})
        await story.passes(hours=40)
        assert said(story) == []
        [planned] = await story.story.read(lambda tx: tx.planned.listing(9, None, False, None))
        assert planned.state is PlannedState.CANCELLED
        assert dict(planned.values) == {}


async def test_a_late_booking_is_reminded_of_at_once_and_a_past_one_never(store_url: str) -> None:
    async with running(store_url, "appointment-reminder", "visits") as story:
        await story.post(*told("appointment-reminder", starts_at="2026-03-02T19:00:00Z"))
        await story.passes(seconds=10)
        assert len(said(story)) == 1
        document = json.loads(block("appointment-reminder", "json"))
        document |= {"id": "past"}
        document["data"] |= {"appointment": "2", "starts_at": "2026-03-01T19:00:00Z"}
        await story.post(*read(document))
        await story.passes(seconds=10)
        assert len(said(story)) == 1


async def test_payment_reminders_stop_when_it_is_paid(store_url: str) -> None:
    async with running(store_url, "payment-reminder", "invoices") as story:
        await story.post(*told("payment-reminder"))
        await story.passes(seconds=10)
        assert said(story) == [words("payment-reminder")]
        await story.passes(hours=73)
        assert len(said(story)) == 2
        await later(story, id="p", type="invoice.paid", data={"invoice": "R-77"})
        await story.passes(hours=100)
        assert len(said(story)) == 2


async def test_payment_reminders_have_a_limit(store_url: str) -> None:
    async with running(store_url, "payment-reminder", "invoices") as story:
        await story.post(*told("payment-reminder"))
        await story.passes(hours=24 * 7)
        assert len(said(story)) == 3
        again = json.loads(block("payment-reminder", "json")) | {"id": "overdue-again"}
        await story.post(*read(again))
        await story.passes(hours=24 * 7)
        assert len(said(story)) == 3


async def test_an_order_is_told_of_step_by_step(store_url: str) -> None:
    async with running(store_url, "order-status", "orders") as story:
        await story.post(*told("order-status"))
        await later(
            story,
            id="d",
            type="order.delivered",
            data={"order": "A-555", "state": "delivered", "phone": KIM},
        )
        assert said(story) == [words("order-status"), "Acme: your order A-555 is delivered."]


@pytest.mark.proves("P9")
async def test_a_code_is_in_its_text_and_nowhere_else(
    store_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with running(store_url, "one-time-code", "logins") as story:
            await story.post(*told("one-time-code"))
            await story.passes(seconds=10)
            assert said(story) == [words("one-time-code")]
            messages = await story.story.read(lambda tx: tx.messages.listing(9, None, None, None))
            entries = await story.story.read(lambda tx: tx.audit.after(0, 1_000))
            events = await story.story.read(lambda tx: tx.source_events.listing(9, None, None))
            planned = await story.story.read(lambda tx: tx.planned.listing(9, None, False, None))
    assert [message.body for message in messages] == [""]
    kept = [str(one) + str(getattr(one, "document", "")) for one in events]
    kept += [str(one.entry.body) for one in entries] + [str(dict(one.values)) for one in planned]
    assert not any("482913" in each for each in [*kept, caplog.text])
    assert not any("482913" in str(record.__dict__) for record in caplog.records)


async def test_codes_are_limited_and_short_lived(store_url: str) -> None:
    async with running(store_url, "one-time-code", "logins") as story:
        for n in range(5):
            document = json.loads(block("one-time-code", "json")) | {"id": f"login-{n}"}
            document["data"] |= {"code": f"10000{n}"}
            await story.post(*read(document))
            await story.passes(seconds=30)
        assert len(said(story)) == 3
        [event, *_] = await story.story.read(lambda tx: tx.source_events.listing(1, None, None))
        assert event.outcome["login_code"]["limited"] == 1


async def test_a_code_that_could_not_leave_in_time_never_does(store_url: str) -> None:
    async with running(store_url, "one-time-code", "logins") as story:
        story.story.carrier.faults = Faults(throttled=1.0)
        await story.post(*told("one-time-code"))
        await story.passes(minutes=6)
        story.story.carrier.faults = Faults()
        await story.passes(minutes=30)
        assert said(story) == []


async def test_a_booking_is_confirmed_once(store_url: str) -> None:
    async with running(store_url, "confirmation", "visits") as story:
        await story.post(*told("confirmation"))
        again = json.loads(block("confirmation", "json")) | {"id": "told-twice"}
        await story.post(*read(again))
        await story.passes(seconds=10)
        assert said(story) == [words("confirmation")]


# -- what a flow refuses ---------------------------------------------------------------------------


@pytest.mark.proves("P3")
async def test_without_consent_nothing_leaves_and_the_owners_hear_it(store_url: str) -> None:
    async with running(store_url, "confirmation", "visits") as story:
        stranger = "+15555550177"
        receipt = await story.post(*told("confirmation", phone=stranger))
        await story.passes(seconds=10)
        assert story.got(stranger) == []
        stored = await story.story.read(lambda tx: tx.source_events.get(receipt.ids[0]))
        assert stored.outcome["booking_confirmed"]["proposed"][0]["state"] == "refused"
        [notice] = story.got(OWNER)
        assert "Flow booking_confirmed did not send" in notice
        assert "did not agree" in notice


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"first_name": "x" * 31}, "`name`"),
        ({"first_name": "see http://bad.example"}, "`name`"),
        ({"starts_at": "tomorrow"}, "`day`"),
        ({"first_name": None}, "`name` is missing"),
        ({"phone": "not a number"}, "number"),
        ({"booking": None}, "data.booking"),
        ({"booking": ["a", "list"]}, "data.booking is a list"),
    ],
)
async def test_what_the_template_does_not_take_is_refused_by_name(
    store_url: str, data: dict[str, Any], why: str
) -> None:
    async with running(store_url, "confirmation", "visits") as story:
        receipt = await story.post(*told("confirmation", **data))
        await story.passes(seconds=10)
        assert said(story) == []
        stored = await story.story.read(lambda tx: tx.source_events.get(receipt.ids[0]))
        assert why in stored.outcome["booking_confirmed"]["refused"]
        assert any("could not take event" in text for text in story.got(OWNER))


@pytest.mark.proves("P3")
async def test_a_stop_ends_what_is_planned(store_url: str) -> None:
    async with running(store_url, "appointment-reminder", "visits") as story:
        await story.post(*told("appointment-reminder"))
        await story.story.phone(KIM).texts("STOP")
        await story.passes(hours=40)
        [planned] = await story.story.read(lambda tx: tx.planned.listing(9, None, False, None))
        assert planned.state is PlannedState.CANCELLED
        assert not any("Termin" in text for text in said(story))


async def test_an_event_may_name_a_contact_instead_of_a_number(store_url: str) -> None:
    async with running(store_url, "confirmation", "visits") as story:
        people = await story.story.read(lambda tx: tx.people.find([PhoneNumber(KIM)]))
        await story.post(*told("confirmation", phone=people[PhoneNumber(KIM)].contact_id))
        await story.passes(seconds=10)
        assert said(story) == [words("confirmation")]
        nobody = json.loads(block("confirmation", "json")) | {"id": "nobody"}
        nobody["data"] |= {"phone": "ctc_" + "0" * 32, "booking": "2"}
        receipt = await story.post(*read(nobody))
        stored = await story.story.read(lambda tx: tx.source_events.get(receipt.ids[0]))
        assert "goes to nobody" in stored.outcome["booking_confirmed"]["refused"]
