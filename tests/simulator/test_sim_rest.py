"""Twilio's published client works against the simulated carrier, and both directions hold to
Twilio's OpenAPI description, unknown and missing fields included."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from carrier_rig import ALICE, BOB, Raw, Receiver, Recorded, Sdk
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse
from twilio.base.exceptions import TwilioRestException

from ringfence.clock import ManualClock
from ringfence.simulator.records import Webhook
from ringfence.testing import Behaviour, Outcome, SimulatedCarrier

PICTURE = b"\x89PNG\r\n\x1a\n" + b"\x00" * 32


async def test_create_answers_201_with_the_words_of_the_real_one(sdk: Sdk) -> None:
    message = await sdk.sends(body="hi")
    assert sdk.recorder.seen[0].status == 201
    assert message.sid.startswith("SM")
    assert len(message.sid) == 34
    assert message.status == "queued"
    assert message.direction == "outbound-api"
    assert (message.num_segments, message.num_media) == ("1", "0")
    assert (message.price, message.price_unit, message.error_code) == (None, None, None)
    document = json.loads(sdk.recorder.seen[0].text)
    assert document["date_created"].endswith("+0000")
    assert parsedate_to_datetime(document["date_created"]).tzinfo is not None


@pytest.mark.parametrize(
    ("body", "segments"), [("a" * 160, "1"), ("a" * 161, "2"), ("я" * 71, "2"), ("[" * 80, "1")]
)
async def test_segments_are_counted_as_the_real_one_counts(
    sdk: Sdk, body: str, segments: str
) -> None:
    assert (await sdk.sends(body=body)).num_segments == segments


async def test_fetch_list_page_update_delete(sdk: Sdk, carrier: SimulatedCarrier) -> None:
    sids = [(await sdk.sends(ALICE, f"text {n}")).sid for n in range(5)]
    await sdk.sends(BOB, "another")
    await carrier.settles()
    fetched = await sdk(lambda c: c.messages(sids[0]).fetch())
    assert (fetched.body, fetched.status) == ("text 0", "delivered")
    assert fetched.price == "-0.00790"
    listed = await sdk(lambda c: c.messages.list(to=ALICE, page_size=2))
    assert [m.sid for m in listed] == sids[::-1], "newest first, over three pages"
    assert len([r for r in sdk.recorder.seen if "PageToken" in r.url]) == 2
    redacted = await sdk(lambda c: c.messages(sids[0]).update(body=""))
    assert redacted.body == ""
    assert await sdk(lambda c: c.messages(sids[0]).delete())
    with pytest.raises(TwilioRestException) as gone:
        await sdk(lambda c: c.messages(sids[0]).fetch())
    assert (gone.value.status, gone.value.code) == (404, 20404)


async def test_a_page_token_holds_its_place_when_messages_arrive(sdk: Sdk) -> None:
    first = [(await sdk.sends(body=str(n))).sid for n in range(4)]
    page = await sdk(lambda c: c.messages.page(page_size=2))
    await sdk.sends(body="meanwhile")
    second = await sdk(lambda c: page.next_page())
    assert [m.sid for m in second] == [first[1], first[0]]


async def test_the_list_is_filtered_by_sender_and_day(
    sdk: Sdk, carrier: SimulatedCarrier, raw: Raw
) -> None:
    sent = await sdk.sends()
    carrier.script(BOB, "silent")
    await sdk.sends(BOB)
    await carrier.settles()
    at = carrier.carrier.messages[sent.sid].sent_at
    assert at is not None
    got = await sdk(lambda c: c.messages.list(date_sent_after=at, from_=carrier.number))
    assert [m.sid for m in got] == [sent.sid], "a message that was not sent yet has no such date"
    assert await sdk(lambda c: c.messages.list(date_sent=at.date()))
    assert not await sdk(lambda c: c.messages.list(from_="+15555550199"))
    path = f"{carrier.base_url}/2010-04-01/Accounts/{carrier.account_sid}/Messages.json"
    for query, count in (
        (f"DateSent>={at:%Y-%m-%d}", 1),
        ("DateSent>=2100-01-01", 0),
        ("DateSent<=2000-01-01", 0),
    ):
        async with raw.session.get(f"{path}?{query}", headers=raw.auth()) as answer:
            assert len((await answer.json())["messages"]) == count, query


async def test_a_new_message_may_stay_out_of_lists_for_a_while(receiver: Receiver) -> None:
    clock = ManualClock(datetime(2026, 3, 4, 12, 0, tzinfo=UTC))
    behaviour = Behaviour(list_lag_s=30)
    async with SimulatedCarrier(clock=clock, behaviour=behaviour) as carrier:
        sdk = Sdk(carrier)
        message = await sdk.sends()
        assert await sdk(lambda c: c.messages.list(to=ALICE)) == []
        assert (await sdk(lambda c: c.messages(message.sid).fetch())).sid == message.sid
        clock.advance(seconds=30)
        assert len(await sdk(lambda c: c.messages.list(to=ALICE))) == 1


async def test_a_message_on_its_way_cannot_be_deleted(sdk: Sdk, carrier: SimulatedCarrier) -> None:
    carrier.script(ALICE, "silent")
    message = await sdk.sends()
    with pytest.raises(TwilioRestException) as refused:
        await sdk(lambda c: c.messages(message.sid).delete())
    assert refused.value.code == 20009


async def test_wrong_credentials_are_20003_and_an_api_key_is_right(
    sdk: Sdk, carrier: SimulatedCarrier, raw: Raw
) -> None:
    with pytest.raises(TwilioRestException) as refused:
        await sdk(lambda c: c.messages("SM" + "0" * 32).fetch(), sdk.client(secret="wrong"))
    assert (refused.value.status, refused.value.code) == (401, 20003)
    key, secret = carrier.api_key()
    keyed = sdk.client(key, secret, carrier.account_sid)
    assert await sdk(lambda c: c.messages.create(to=ALICE, from_=carrier.number, body="x"), keyed)
    status, document = await raw.post("/Messages.json", {"To": ALICE}, headers={})
    assert (status, document["code"]) == (401, 20003)
    assert set(document) == {"code", "message", "more_info", "status"}


async def test_another_account_in_the_path_is_not_found(
    sdk: Sdk, carrier: SimulatedCarrier
) -> None:
    stranger = sdk.client(account="AC" + "0" * 32)
    for work in (
        lambda c: c.incoming_phone_numbers(carrier.world.line.sid).fetch(),
        lambda c: c.messages.create(to=ALICE, from_=carrier.number, body="x"),
    ):
        with pytest.raises(TwilioRestException) as refused:
            await sdk(work, stranger)
        assert refused.value.code == 20404


async def test_unknown_paths_and_methods_answer_in_the_api_s_own_words(raw: Raw) -> None:
    assert (await raw.post("/Nonsense.json", {}))[1]["code"] == 20404
    url = f"{raw.carrier.base_url}/2010-04-01/Accounts/{raw.carrier.account_sid}/Messages.json"
    async with raw.session.put(url, headers=raw.auth()) as answer:
        assert (answer.status, (await answer.json())["code"]) == (405, 20004)


async def test_unknown_fields_are_ignored_and_remembered(
    raw: Raw, carrier: SimulatedCarrier
) -> None:
    status, _ = await raw.create(To=ALICE, From=carrier.number, Body="x", Nonsense="y")
    assert status == 201
    assert "Nonsense" in carrier.carrier.form_keys_seen
    assert carrier.sent[0].form_keys == ("To", "From", "Body", "Nonsense")


async def test_a_body_that_is_not_a_form_counts_as_empty(raw: Raw) -> None:
    headers = raw.auth() | {"Content-Type": "application/json"}
    status, document = await raw.post("/Messages.json", b'{"To": "x"}', headers=headers)  # type: ignore[arg-type]
    assert (status, document["code"]) == (400, 21604)


async def test_the_sdk_makes_one_message_of_one_send_when_the_answer_is_an_error(
    sdk: Sdk, carrier: SimulatedCarrier
) -> None:
    carrier.next_creates(Outcome.ERROR_AFTER_ACCEPT)
    with pytest.raises(TwilioRestException) as error:
        await sdk.sends()
    assert error.value.status == 500
    assert len(carrier.sent) == 1


# -- numbers, services, alerts --------------------------------------------------------------------


async def test_numbers_are_listed_changed_bought_and_released(
    sdk: Sdk, carrier: SimulatedCarrier
) -> None:
    line = (await sdk(lambda c: c.incoming_phone_numbers.list(phone_number=carrier.number)))[0]
    assert line.sms_method == "POST"
    await sdk(lambda c: line.update(sms_url="https://sms.example.test/x", sms_method="GET"))
    assert carrier.world.line.sms == Webhook("https://sms.example.test/x", "GET")
    with pytest.raises(TwilioRestException):
        await sdk(lambda c: line.update(sms_url="nonsense"))
    bought = await sdk(lambda c: c.incoming_phone_numbers.create(phone_number="+15555550150"))
    assert len(await sdk(lambda c: c.incoming_phone_numbers.list())) == 2
    with pytest.raises(TwilioRestException):
        await sdk(lambda c: c.incoming_phone_numbers.create(phone_number="+15555550150"))
    assert await sdk(lambda c: c.incoming_phone_numbers(bought.sid).delete())
    assert list(carrier.carrier.lines) == [carrier.number]


async def test_a_service_shows_where_its_inbound_messages_go(
    sdk: Sdk, carrier: SimulatedCarrier
) -> None:
    made = await sdk(
        lambda c: c.messaging.v1.services.create(
            friendly_name="pool",
            inbound_request_url="https://sms.example.test/in",
            use_inbound_webhook_on_number=True,
        )
    )
    line = carrier.world.line
    await sdk(lambda c: made.phone_numbers.create(phone_number_sid=line.sid))
    fetched = await sdk(lambda c: c.messaging.v1.services(made.sid).fetch())
    assert fetched.inbound_request_url == "https://sms.example.test/in"
    assert fetched.use_inbound_webhook_on_number is True
    pool = await sdk(lambda c: fetched.phone_numbers.list())
    assert [entry.phone_number for entry in pool] == [carrier.number]
    changed = await sdk(lambda c: fetched.update(use_inbound_webhook_on_number=False))
    assert changed.use_inbound_webhook_on_number is False
    assert len(await sdk(lambda c: c.messaging.v1.services.list())) == 1
    assert await sdk(lambda c: c.messaging.v1.services(made.sid).delete())


async def test_an_unreachable_webhook_shows_as_11200_on_the_message_and_in_the_alerts(
    sdk: Sdk, carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    receiver.statuses = [500]
    await carrier.phone(ALICE).texts("anybody there?")
    inbound = (await sdk(lambda c: c.messages.list(to=carrier.number)))[0]
    assert (inbound.direction, inbound.error_code) == ("inbound", 11200)
    alerts = await sdk(lambda c: c.monitor.v1.alerts.list())
    assert [(a.error_code, a.resource_sid) for a in alerts] == [("11200", inbound.sid)]


# -- media ----------------------------------------------------------------------------------------


async def test_media_is_listed_and_its_content_redirects_to_another_host(
    sdk: Sdk, carrier: SimulatedCarrier, receiver: Receiver, raw: Raw
) -> None:
    await carrier.phone(ALICE).texts("look", media=("image/png", PICTURE))
    form = receiver.messages[0].form
    assert form["MessageSid"].startswith("MM")
    assert (form["NumMedia"], form["MediaContentType0"]) == ("1", "image/png")
    url = form["MediaUrl0"]
    listed = await sdk(lambda c: c.messages(form["MessageSid"]).media.list())
    assert [item.content_type for item in listed] == ["image/png"]
    fetched = await sdk(lambda c: c.messages(form["MessageSid"]).media(listed[0].sid).fetch())
    assert fetched.parent_sid == form["MessageSid"]
    async with raw.session.get(url, allow_redirects=False) as answer:
        assert answer.status == 401
    async with raw.session.get(url, headers=raw.auth(), allow_redirects=False) as answer:
        assert answer.status == 307
        location = answer.headers["Location"]
    assert urlsplit(location).hostname != urlsplit(url).hostname
    async with raw.session.get(location) as answer:
        assert (answer.content_type, await answer.read()) == ("image/png", PICTURE)
    async with raw.session.get(location, headers=raw.auth()) as answer:
        assert answer.status == 400, "credentials must not be forwarded to the CDN"
    assert carrier.world.rest.credentials_leaked == 1
    assert await sdk(lambda c: c.messages(form["MessageSid"]).media(listed[0].sid).delete())
    async with raw.session.get(location) as answer:
        assert answer.status == 404


async def test_media_is_bound_to_its_message_and_account(
    carrier: SimulatedCarrier, receiver: Receiver, raw: Raw
) -> None:
    phone = carrier.phone(ALICE)
    for name in ("one", "two"):
        await phone.texts(name, media=PICTURE)
    first, second = (hit.form["MediaUrl0"] for hit in receiver.messages)
    crossed = second.rpartition("/")[0] + "/" + first.rpartition("/")[2]
    async with raw.session.get(crossed, headers=raw.auth()) as answer:
        assert answer.status == 404


async def test_the_carrier_fetches_outgoing_media_itself(
    sdk: Sdk, carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    receiver.document, receiver.content_type = "picture", "image/png"
    urls = [receiver.url("/a"), receiver.url("/b")]
    message = await sdk.sends(body="two", media_url=urls)
    assert message.sid.startswith("MM")
    assert message.num_media == "2"
    text = await carrier.phone(ALICE).receives("two")
    assert [(f.content_type, f.content) for f in text.media] == [("image/png", b"picture")] * 2
    assert all("Authorization" not in hit.headers for hit in receiver.hits)


async def test_a_media_address_that_fails_or_redirects_is_an_alert(
    sdk: Sdk, carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    receiver.statuses, receiver.headers = [404, 302], {"Location": "https://media.example.test/"}
    await sdk.sends(body="two", media_url=[receiver.url("/a"), receiver.url("/b")])
    await carrier.settles()
    assert [alert.error_code for alert in carrier.alerts] == [11200, 11200]
    assert len(receiver.hits) == 2


# -- OpenAPI --------------------------------------------------------------------------------------


def _problems(openapi: OpenAPI, host: str, spec: dict[str, Any], exchange: Recorded) -> list[str]:
    """What the description has against one recorded exchange, its blind spots included: form
    fields it does not know, and response properties that are missing or unknown."""
    parts = urlsplit(exchange.url)
    query: dict[str, Any] = parse_qs(parts.query) | {
        k: v for k, v in exchange.params.items() if v is not None
    }
    pairs = [
        (name, str(value))
        for name, given in exchange.data.items()
        for value in (given if isinstance(given, list) else [given])
    ]
    form = aiohttp.FormData(pairs)()._value if pairs else b""
    request = MockRequest(
        host,
        exchange.method.lower(),
        parts.path,
        args={k: (v[0] if isinstance(v, list) else str(v)) for k, v in query.items()},
        headers={"Authorization": "Basic eDp5"},
        data=form,
        content_type="application/x-www-form-urlencoded" if pairs else "application/json",
    )
    response = MockResponse(
        exchange.text.encode(), status_code=exchange.status, content_type="application/json"
    )
    found = [str(e) for e in openapi.iter_request_errors(request)] if pairs else []
    if exchange.status != 204:
        found += [str(e) for e in openapi.iter_response_errors(request, response)]
    operation = _operation(spec, exchange.method.lower(), parts.path)
    if pairs:
        content = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]
        unknown = {name for name, _ in pairs} - content["schema"]["properties"].keys()
        found += [f"unknown form field {name}" for name in unknown]
    if str(exchange.status) not in operation["responses"]:
        found.append(f"status {exchange.status} is not described")
    elif exchange.status != 204:
        content = operation["responses"][str(exchange.status)]["content"]["application/json"]
        found += _shape(spec, content["schema"], json.loads(exchange.text), "answer")
    return found


def _operation(spec: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    for template, operations in spec["paths"].items():
        wanted, given = template.split("/"), path.split("/")
        if len(wanted) == len(given) and all(
            _fits(w, g) for w, g in zip(wanted, given, strict=True)
        ):
            return operations[method]
    raise AssertionError(f"{path} is not described")


def _fits(wanted: str, given: str) -> bool:
    if not wanted.startswith("{"):
        return wanted == given
    suffix = wanted.partition("}")[2]
    return given.endswith(suffix) and (suffix != "" or "." not in given)


def _shape(spec: dict[str, Any], schema: dict[str, Any], value: Any, where: str) -> list[str]:
    """Keys equal the schema's properties, all the way down; free maps are left alone."""
    if "$ref" in schema:
        schema = spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if isinstance(value, list):
        return [
            p
            for n, v in enumerate(value)
            for p in _shape(spec, schema["items"], v, f"{where}[{n}]")
        ]
    if not isinstance(value, dict) or "properties" not in schema:
        return []
    properties = schema["properties"]
    found = [f"{where}: unknown property {k}" for k in value.keys() - properties.keys()]
    found += [f"{where}: missing property {k}" for k in properties.keys() - value.keys()]
    return found + [
        p
        for k in value.keys() & properties.keys()
        for p in _shape(spec, properties[k], value[k], f"{where}.{k}")
    ]


async def _use_everything(sdk: Sdk, carrier: SimulatedCarrier, receiver: Receiver) -> None:
    """One of each kind of request the carrier knows of the 2010 API."""
    receiver.document, receiver.content_type = "picture", "image/png"
    carrier.script(BOB, "undelivered:30005")
    first = await sdk.sends(status_callback=receiver.url("/status"), validity_period=600)
    await sdk.sends(BOB)
    mms = await sdk.sends(body=None, media_url=[receiver.url("/a"), receiver.url("/b")])
    receiver.document, receiver.content_type = "<Response/>", "text/xml"
    service = carrier.service()
    await sdk.sends(messaging_service_sid=service.sid)
    await carrier.settles()
    await carrier.phone(ALICE).texts("hello", media=PICTURE)
    await sdk(lambda c: c.messages(first.sid).fetch())
    await sdk(lambda c: c.messages.list(page_size=2))
    await sdk(lambda c: c.messages(first.sid).update(body=""))
    media = await sdk(lambda c: c.messages(mms.sid).media.list())
    await sdk(lambda c: c.messages(mms.sid).media(media[0].sid).fetch())
    await sdk(lambda c: c.messages(mms.sid).media(media[0].sid).delete())
    line = (await sdk(lambda c: c.incoming_phone_numbers.list()))[0]
    await sdk(lambda c: line.update(sms_url="https://sms.example.test/", sms_method="POST"))
    bought = await sdk(lambda c: c.incoming_phone_numbers.create(phone_number="+15555550150"))
    await sdk(lambda c: c.incoming_phone_numbers(bought.sid).delete())
    await sdk(lambda c: c.api.v2010.accounts(carrier.account_sid).fetch())
    await sdk(lambda c: c.balance.fetch())
    await sdk(lambda c: c.messages(first.sid).delete())


@pytest.mark.shared
async def test_the_2010_api_holds_to_its_openapi_description(
    sdk: Sdk, carrier: SimulatedCarrier, receiver: Receiver, shared_data: Callable[[str], Any]
) -> None:
    spec = shared_data("twilio-openapi-2010-trimmed.json")
    await _use_everything(sdk, carrier, receiver)
    openapi = OpenAPI.from_dict(spec)
    assert len(sdk.recorder.seen) > 18
    for exchange in sdk.recorder.seen:
        problems = _problems(openapi, "https://api.twilio.com", spec, exchange)
        assert not problems, f"{exchange.method} {exchange.url}: {problems}"


@pytest.mark.shared
async def test_the_messaging_v1_api_holds_to_its_openapi_description(
    sdk: Sdk, carrier: SimulatedCarrier, shared_data: Callable[[str], Any]
) -> None:
    spec = shared_data("twilio-openapi-messaging-v1-trimmed.json")
    services = sdk.client().messaging.v1.services
    made = await sdk(lambda c: services.create(friendly_name="pool", sticky_sender=True))
    await sdk(lambda c: made.phone_numbers.create(phone_number_sid=carrier.world.line.sid))
    await sdk(lambda c: made.phone_numbers.list())
    await sdk(lambda c: made.phone_numbers(carrier.world.line.sid).fetch())
    await sdk(lambda c: services.list())
    await sdk(lambda c: services(made.sid).fetch())
    await sdk(lambda c: services(made.sid).update(friendly_name="lake"))
    await sdk(lambda c: made.phone_numbers(carrier.world.line.sid).delete())
    await sdk(lambda c: services(made.sid).delete())
    openapi = OpenAPI.from_dict(spec)
    for exchange in sdk.recorder.seen:
        problems = _problems(openapi, "https://messaging.twilio.com", spec, exchange)
        assert not problems, f"{exchange.method} {exchange.url}: {problems}"


@pytest.mark.shared
async def test_the_conformance_check_itself_finds_planted_faults(
    sdk: Sdk, carrier: SimulatedCarrier, shared_data: Callable[[str], Any]
) -> None:
    spec = shared_data("twilio-openapi-2010-trimmed.json")
    await sdk.sends()
    openapi, good = OpenAPI.from_dict(spec), sdk.recorder.seen[0]
    document = json.loads(good.text)
    planted = [
        ({**good.data, "body": "misspelt"}, document, 201),
        ({k: v for k, v in good.data.items() if k != "To"}, document, 201),
        (good.data, {**document, "num_segments": 1}, 201),
        (good.data, {**document, "status": "posted"}, 201),
        (good.data, {**document, "surprise": 1}, 201),
        (good.data, {k: v for k, v in document.items() if k != "price"}, 201),
        (good.data, document, 200),
    ]
    for data, answer, status in planted:
        bad = Recorded(good.method, good.url, {}, data, status, json.dumps(answer))
        assert _problems(openapi, "https://api.twilio.com", spec, bad), (data, answer, status)
