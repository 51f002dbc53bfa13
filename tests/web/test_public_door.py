"""The public door with raw sockets in hand (behaviours A and B): what it takes, what it refuses,
with which answer, and that nothing is answered 2xx before it is stored."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any
from urllib.parse import urlencode

import pytest

from looking import (
    ALICE,
    BOB,
    OPEN,
    TOKEN,
    Answer,
    all_items,
    answer,
    connect,
    inbound,
    message_form,
    request,
    sid_of,
    status_form,
    webhook,
)
from ringfence.model.errors import RingfenceError, SignatureRefused, StoreFull, TooMany
from ringfence.simulator.webhooks import signature
from telling import NUMBER, OWNER, Story, telling

FORM = ("Content-Type", "application/x-www-form-urlencoded")
TOO_MUCH = 40 * 1024


async def text(story: Story, number: int, sender: str = ALICE, **options: Any) -> Answer:
    return await webhook(story, message_form(sender, sid=sid_of(number)), **options)


async def nothing_stored(story: Story) -> bool:
    counts = await story.read(lambda tx: tx.health.counts())
    return await inbound(story) == [] and not counts.get("events.dead")


# -- taken ----------------------------------------------------------------------------------------


@pytest.mark.proves("B001", "P4")
async def test_a_signed_form_is_stored_and_answered_with_an_empty_document(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        got = await text(story, 1)
        assert (got.status, got.stored) == (200, True)
        assert got.headers["content-type"].startswith("text/xml")
        assert got.body.endswith(b"<Response></Response>")
        # Before anything else ran: it is there for whoever opens the store next.
        [stored] = await inbound(story)
        assert (stored.body, stored.provider_id) == ("hello", sid_of(1))


@pytest.mark.proves("B001", "B040", "P4", "P6")
async def test_what_was_answered_is_answered_to_after_a_restart(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        assert (await text(story, 1)).stored
    async with telling(sqlite_url, sms=OPEN, seed=8) as story:
        await story.passes(seconds=5)
        assert [turn.body for turn in story.agent.turns] == ["hello"]
        assert [got.body for got in story.phone(ALICE).inbox] == ["You said: hello"]


@pytest.mark.proves("B010", "B011")
async def test_one_message_delivered_again_and_after_a_restart_is_one_turn(
    store_url: str,
) -> None:
    async with telling(store_url, sms=OPEN) as story:
        answers = [await text(story, 1), await text(story, 1)]
        assert [(got.status, got.stored) for got in answers] == [(200, True)] * 2
        await story.passes(seconds=5)
        assert len(story.agent.turns) == 1
    async with telling(store_url, sms=OPEN, seed=8) as story:
        story.clock.advance(hours=23)
        assert (await text(story, 1)).stored
        await story.passes(seconds=5)
        assert story.agent.turns == []
        assert len(await inbound(story)) == 1


@pytest.mark.proves("B010", "P4")
async def test_twenty_deliveries_at_once_are_one_turn(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        answers = await asyncio.gather(*(text(story, 1) for _ in range(20)))
        assert {got.status for got in answers} == {200}
        await story.passes(seconds=5)
        assert len(story.agent.turns) == 1


@pytest.mark.parametrize("path", ["/webhooks/sms", "/sms/webhook"])
async def test_the_default_line_answers_on_its_aliases(sqlite_url: str, path: str) -> None:
    async with telling(sqlite_url, sms={**OPEN, "webhookPath": "/hooks/mine"}) as story:
        own = story.public + "/webhooks/sms"
        for at in (path, "/hooks/mine"):
            assert (await text(story, hash(at) % 1000, path=at, signed_url=own)).status == 200


@pytest.mark.proves("B041", "P4")
async def test_a_new_configuration_while_a_request_arrives_loses_and_doubles_nothing(
    store_url: str,
) -> None:
    async with telling(store_url, sms=OPEN) as old:
        reader, writer = await connect(old.public)
        form = message_form(sid=sid_of(1))
        body = urlencode(form).encode()
        signed = signature(TOKEN, old.public + "/webhooks/sms", form)
        head = [
            "POST /webhooks/sms HTTP/1.1",
            "Host: x",
            f"Content-Length: {len(body)}",
            ": ".join(FORM),
            f"X-Twilio-Signature: {signed}",
        ]
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + body[:20])
        await writer.drain()
        # The process with the new configuration is up on the same store before the rest arrives.
        changed = {**OPEN, "name": "Renamed", "limits": {"messagesPerMinutePerSender": 5}}
        async with telling(store_url, sms=changed, seed=8) as new:
            writer.write(body[20:])
            late = await answer(reader)
            writer.close()
            assert late is not None
            assert (late.status, late.stored) == (200, True)
            again = await webhook(new, form)
            assert (again.status, again.stored) == (200, True)
            await new.passes(seconds=5)
            assert [turn.body for turn in new.agent.turns] == ["hello"]
        await old.passes(seconds=5)
        assert old.agent.turns == []
        assert len(await inbound(old)) == 1


# -- refused --------------------------------------------------------------------------------------


@pytest.mark.proves("B002", "P8")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE"])
async def test_only_post_is_a_webhook(sqlite_url: str, method: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        got = await text(story, 1, method=method)
        assert got.status == 405
        assert "POST" in got.headers["allow"]
        assert await nothing_stored(story)


@pytest.mark.proves("P8")
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/sms/send",
        "/sms/inbox",
        "/health",
        "/metrics",
        "/webhooks",
        "/webhooks/sms/",
        "/webhooks/smsx",
        "/webhooks/sms/../../sms/inbox",
        "//webhooks/sms",
    ],
)
async def test_nothing_else_is_served_to_the_internet(sqlite_url: str, path: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        for method in ("GET", "POST"):
            got = await request(story.public, path, method=method)
            assert got.status == 404
            assert got.headers["content-type"] == "application/problem+json"


@pytest.mark.proves("B004")
async def test_a_body_that_does_not_finish_is_an_error_the_provider_retries(
    sqlite_url: str,
) -> None:
    async with telling(sqlite_url, sms={**OPEN, "limits": {"bodyTimeoutS": 0.1}}) as story:
        reader, writer = await connect(story.public)
        writer.write(
            b"POST /webhooks/sms HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nMessageSid="
        )
        got = await answer(reader)
        writer.close()
        assert got is not None
        assert got.status == 503
        assert got.headers["cache-control"] == "no-store"
        assert got.headers["retry-after"] == "2"
        assert got.headers["connection"] == "close"
        assert not got.stored
        assert await nothing_stored(story)


@pytest.mark.proves("B005")
async def test_a_body_that_breaks_off_is_never_acknowledged(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        reader, writer = await connect(story.public)
        writer.write(b"POST /webhooks/sms HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nM")
        await writer.drain()
        writer.write_eof()
        got = await answer(reader)
        writer.close()
        assert got is None or got.status >= 500
        assert await nothing_stored(story)


@pytest.mark.proves("P10")
@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_over_the_limit_is_refused(sqlite_url: str, declared: bool) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        reader, writer = await connect(story.public)
        head = b"POST /webhooks/sms HTTP/1.1\r\nHost: x\r\n"
        if declared:
            # Refused by its header: not a byte of the body is waited for.
            writer.write(head + f"Content-Length: {TOO_MUCH}\r\n\r\n".encode())
        else:
            chunk = b"a" * TOO_MUCH
            writer.write(head + b"Transfer-Encoding: chunked\r\n\r\n")
            writer.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        got = await answer(reader)
        writer.close()
        assert got is not None
        assert got.status == 413
        assert await nothing_stored(story)


@pytest.mark.proves("B007")
async def test_a_missing_or_wrong_signature_is_refused(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        wrong = await text(story, 1, token="another-token")
        missing = await text(story, 1, signed=False)
        altered = await webhook(
            story,
            message_form(body="changed", sid=sid_of(1)),
            signed=False,
            headers=[
                (
                    "X-Twilio-Signature",
                    signature(
                        "simulated-token",
                        story.public + "/webhooks/sms",
                        message_form(sid=sid_of(1)),
                    ),
                )
            ],
        )
        assert [got.status for got in (wrong, missing, altered)] == [403] * 3
        assert wrong.document["code"] == "signature_refused"
        assert await nothing_stored(story)


@pytest.mark.proves("B008")
async def test_a_flood_of_forgeries_stops_at_429_and_never_the_provider(sqlite_url: str) -> None:
    limits = {"badRequestsPerMinute": 20}
    async with telling(sqlite_url, sms={**OPEN, "limits": limits}) as story:
        bad = [(await text(story, n, signed=False)).status for n in range(25)]
        assert bad == [403] * 20 + [429] * 5
        # The same address, in the same minute, with a signature.
        assert (await text(story, 99)).status == 200
        assert (await text(story, 98, signed=False)).status == 429
        story.clock.advance(seconds=60)
        assert (await text(story, 97, signed=False)).status == 403


@pytest.mark.proves("B008", "P10")
async def test_guessing_at_attachments_counts_as_bad_requests(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms={**OPEN, "limits": {"badRequestsPerMinute": 3}}) as story:
        paths = [f"/webhooks/sms?media={'A' * 31}{n}" for n in range(5)]
        got = [(await request(story.public, path, method="GET")).status for path in paths]
        assert got == [404] * 3 + [429] * 2


@pytest.mark.parametrize("token", ["%00" * 32, "%F0%9F%98%80" * 8, "a" * 5000, "../../etc/passwd"])
async def test_a_strange_token_is_not_found(store_url: str, token: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        got = await request(story.public, f"/webhooks/sms?media={token}", method="GET")
        assert got.status == 404


# -- how many -------------------------------------------------------------------------------------


@pytest.mark.proves("B013", "B014")
async def test_a_sender_has_thirty_a_minute_however_it_is_written(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        senders = [ALICE, f"rcs:{ALICE}", f"RCS:{ALICE}"]
        got = [await text(story, n, senders[n % 3]) for n in range(31)]
        assert [one.status for one in got] == [200] * 30 + [429]
        assert not got[-1].stored
        assert (await text(story, 50, BOB)).status == 200
        story.clock.advance(seconds=60)
        assert (await text(story, 30)).status == 200
        assert len(await inbound(story)) == 32


@pytest.mark.proves("B016", "P10")
async def test_a_line_has_its_own_limit(sqlite_url: str) -> None:
    limits = {"messagesPerMinutePerLine": 12}
    async with telling(sqlite_url, sms={**OPEN, "limits": limits}) as story:
        got = [(await text(story, n, f"+1555555{n:04}")).status for n in range(14)]
        assert got == [200] * 12 + [429] * 2
        assert len(await inbound(story)) == 12


@pytest.mark.proves("B016", "P10")
async def test_events_that_are_not_ours_count_as_well(sqlite_url: str) -> None:
    limits = {"messagesPerMinutePerLine": 3}
    async with telling(sqlite_url, sms={**OPEN, "limits": limits}) as story:
        foreign = "AC" + "9" * 32
        forms = [message_form(sid=sid_of(n), AccountSid=foreign) for n in range(5)]
        got = [(await webhook(story, form)).status for form in forms]
        assert got == [200] * 3 + [429] * 2


@pytest.mark.proves("B017")
async def test_callbacks_have_their_own_allowance_and_are_answered_503(sqlite_url: str) -> None:
    limits = {"callbacksPerMinute": 5, "messagesPerMinutePerLine": 2}
    async with telling(sqlite_url, sms={**OPEN, "limits": limits}) as story:
        got = [await webhook(story, status_form(sid_of(n), "sent")) for n in range(7)]
        assert [one.status for one in got] == [200] * 5 + [503] * 2
        assert [one.stored for one in got] == [True] * 5 + [False] * 2
        seen = await story.read(
            lambda tx: tx.events.unmatched(f"default/{sid_of(n)}" for n in range(7))
        )
        assert len(seen) == 5
        # None of them was counted against the messages.
        assert [(await text(story, n)).status for n in (20, 21, 22)] == [200, 200, 429]


@pytest.mark.proves("P10")
async def test_slow_requests_of_one_address_leave_room_for_others(sqlite_url: str) -> None:
    limits = {"concurrentMax": 4, "bodyTimeoutS": 30}
    config = {"gateway": {"trustedProxies": ["127.0.0.1"]}}
    async with telling(sqlite_url, sms={**OPEN, "limits": limits}, config=config) as story:
        slow = [await connect(story.public) for _ in range(5)]
        try:
            for index, (_, writer) in enumerate(slow):
                client = "198.51.100.7" if index < 3 else f"198.51.100.{index}"
                writer.write(
                    b"POST /webhooks/sms HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
                    + f"X-Forwarded-For: {client}\r\n\r\na".encode()
                )
                await writer.drain()
                if index == 2:  # the third of one address: half of four places are taken
                    third = await answer(slow[2][0])
            assert third is not None
            assert (third.status, third.headers["connection"]) == (429, "close")
            # Two of that address and two others fill the line; a fifth has to wait its turn.
            assert (await text(story, 1)).status == 429
            slow[0][1].write(b"bcdefghi")
            assert (refused := await answer(slow[0][0])) is not None
            assert refused.status == 403
            assert (await text(story, 1)).status == 200
        finally:
            for _, writer in slow:
                writer.close()


@pytest.mark.proves("B019", "B008")
async def test_forwarded_addresses_count_only_from_a_trusted_proxy(sqlite_url: str) -> None:
    limits = {"badRequestsPerMinute": 2}

    async def bad(story: Story, client: str) -> int:
        headers = [("X-Forwarded-For", client)]
        return (await text(story, 1, signed=False, headers=headers)).status

    async with telling(sqlite_url, sms={**OPEN, "limits": limits}) as story:
        clients = [f"198.51.100.{n}" for n in range(3)]
        assert [await bad(story, client) for client in clients] == [403, 403, 429]


@pytest.mark.proves("B019", "B008")
async def test_a_trusted_proxys_word_is_taken(sqlite_url: str) -> None:
    limits = {"badRequestsPerMinute": 2}
    config = {"gateway": {"trustedProxies": ["127.0.0.0/8", "203.0.113.1"]}}
    async with telling(sqlite_url, sms={**OPEN, "limits": limits}, config=config) as story:

        async def bad(forwarded: str) -> int:
            headers = [("X-Forwarded-For", forwarded)]
            return (await text(story, 1, signed=False, headers=headers)).status

        # What a client writes to the left of its own address does not hide it.
        hidden = ["10.0.0.1, 198.51.100.9", "10.0.0.2, 198.51.100.9, 203.0.113.1"]
        assert [await bad(one) for one in hidden] == [403, 403]
        assert await bad("::ffff:198.51.100.9") == 429
        assert await bad("198.51.100.10") == 403


@pytest.mark.proves("B020", "P9")
async def test_no_limit_writes_a_number_into_the_log(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="ringfence")
    limits = {
        "messagesPerMinutePerSender": 1,
        "badRequestsPerMinute": 1,
        "callbacksPerMinute": 1,
    }
    async with telling(sqlite_url, sms={**OPEN, "limits": limits}) as story:
        for n in range(3):
            await text(story, n)
            await text(story, n, signed=False)
            await webhook(story, status_form(sid_of(n), "sent"))
        await story.passes(seconds=5)
    logged = [json.dumps(record.__dict__, default=str) for record in caplog.records]
    assert any("too_many" in line for line in logged)
    for number in (ALICE, NUMBER, OWNER):
        assert not any(number.removeprefix("+") in line for line in logged)


# -- whose signature, whose event -----------------------------------------------------------------


@pytest.mark.proves("B022")
async def test_without_a_configured_query_the_requests_query_is_signed(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        path = "/webhooks/sms?tenant=7"
        assert (await text(story, 1, path=path)).status == 200
        plain = story.public + "/webhooks/sms"
        assert (await text(story, 2, path=path, signed_url=plain)).status == 403


@pytest.mark.proves("B023", "B025", "B028")
async def test_only_the_configured_url_is_signed_for(sqlite_url: str) -> None:
    public = "https://sms.example.com/hook?key=1#rc=3&rp=all"
    async with telling(sqlite_url, sms={**OPEN, "publicWebhookUrl": public}) as story:
        signed = "https://sms.example.com/hook?key=1"
        forged = [
            ("X-Forwarded-Host", "evil.example.com"),
            ("X-Forwarded-Proto", "http"),
            ("X-Original-URL", "/elsewhere"),
        ]
        assert (await text(story, 1, signed_url=signed, headers=forged)).status == 200
        assert (await text(story, 2, signed_url=signed, path="/webhooks/sms?x=2")).status == 200
        for other in (
            "https://evil.example.com/hook?key=1",
            "https://sms.example.com/hook?key=2",
            "http://sms.example.com/hook?key=1",
            story.public + "/webhooks/sms",
        ):
            assert (await text(story, 3, signed_url=other, headers=forged)).status == 403


@pytest.mark.proves("B026")
async def test_blank_and_padded_values_are_signed_as_they_are(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        form = [*message_form(body="  padded "), ("FromCity", ""), ("Extra", "b"), ("Extra", "a")]
        assert (await webhook(story, [*form, ("Extra", "b")])).status == 200


@pytest.mark.proves("B029", "P6")
@pytest.mark.parametrize("account", [None, "AC" + "9" * 32])
async def test_another_accounts_event_is_taken_and_buried(
    store_url: str, account: str | None
) -> None:
    async with telling(store_url, sms=OPEN) as story:
        form = message_form(
            sid="MM" + "0" * 31 + "1",
            AccountSid=account,
            NumMedia="1",
            MediaUrl0=f"{story.carrier.base_url}/2010-04-01/Accounts/AC/Messages/MM/Media/ME1",
            MediaContentType0="image/png",
        )
        got = [await webhook(story, form), await webhook(story, form)]
        assert [(one.status, one.stored) for one in got] == [(200, True)] * 2
        await story.passes(seconds=5)
        assert story.agent.turns == []
        assert await inbound(story) == []
        [buried] = await story.read(lambda tx: tx.events.dead(None))
        assert buried.kind == "misdirected"
        _, health = await story.get("/health")
        assert health["dead_letters"] == {"default": {"events": 1}}


@pytest.mark.proves("B031")
@pytest.mark.parametrize("service", [None, "MG" + "9" * 32])
async def test_another_services_event_is_taken_and_buried(
    sqlite_url: str, service: str | None
) -> None:
    ours = "MG" + "0" * 31 + "1"
    sms = {**OPEN, "fromNumber": None, "messagingServiceSid": ours}
    async with telling(sqlite_url, sms=sms) as story:
        assert story.line.number is None
        assert (await webhook(story, message_form(MessagingServiceSid=service))).status == 200
        await story.passes(seconds=5)
        assert story.agent.turns == []
        assert len(await story.read(lambda tx: tx.events.dead(None))) == 1
        good = message_form(sid=sid_of(7), MessagingServiceSid=ours)
        assert (await webhook(story, good)).status == 200
        await story.passes(seconds=5)
        assert len(story.agent.turns) == 1


@pytest.mark.proves("B032")
@pytest.mark.parametrize("sender", [f"whatsapp:{ALICE}", f"signal:{ALICE}", "24273", "Bank", "+1"])
async def test_senders_that_are_no_phone_numbers_are_buried(sqlite_url: str, sender: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        assert (await text(story, 1, sender)).status == 200
        await story.passes(seconds=5)
        assert story.agent.turns == []
        assert await inbound(story) == []
        assert len(await story.read(lambda tx: tx.events.dead(None))) == 1


@pytest.mark.proves("B032", "B014")
@pytest.mark.parametrize("prefix", ["rcs:", "RCS:", "Rcs:"])
async def test_rcs_is_the_number_behind_it(sqlite_url: str, prefix: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        await text(story, 1, prefix + ALICE)
        [stored] = await inbound(story)
        assert stored.number.e164 == ALICE


@pytest.mark.proves("B034")
@pytest.mark.parametrize(
    ("status", "is_message"), [("received", True), ("receiving", True), ("sent", False)]
)
async def test_the_status_says_which_kind_of_event_it_is(
    sqlite_url: str, status: str, is_message: bool
) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        form = message_form(sid=sid_of(3), SmsStatus=status)
        assert (await webhook(story, form)).status == 200
        assert bool(await inbound(story)) is is_message


@pytest.mark.proves("B094", "B095")
@pytest.mark.parametrize("account", [None, "AC" + "9" * 32])
async def test_another_accounts_callback_leaves_no_trace(
    sqlite_url: str, account: str | None
) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        await story.phone(ALICE).texts("hi")
        await story.settle()
        [item] = await all_items(story)
        got = await webhook(story, status_form(item.provider_id, "failed", AccountSid=account))
        assert (got.status, got.stored) == (200, False)
        assert await story.read(lambda tx: tx.events.observations(item.id)) == []


async def test_signed_junk_is_kept_for_a_person(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        for form in ([("a", "b")], [("SmsStatus", "received")], message_form(NumMedia="many")):
            got = await webhook(story, form)
            assert (got.status, got.stored) == (200, True)
        assert len(await story.read(lambda tx: tx.events.dead(None))) == 3
        assert await inbound(story) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"body": "a\x00b"},
        {"body": "\U0001f600" * 400},
        {"body": "\u202e\ufeff\ud7ff"},
        {"body": ""},
        {"FromCity": "\x00"},
    ],
)
async def test_strange_text_is_text(store_url: str, fields: dict[str, str]) -> None:
    async with telling(store_url, sms=OPEN) as story:
        assert (await webhook(story, message_form(**fields))).status == 200
        await story.passes(seconds=5)
        assert len(story.agent.turns) == 1


# -- lines that cannot work -----------------------------------------------------------------------


@pytest.mark.proves("B107", "B106")
async def test_a_blocked_line_answers_so_that_the_provider_comes_back(sqlite_url: str) -> None:
    broken = {"authToken": {"source": "env", "provider": "default", "id": "NOT_SET_ANYWHERE"}}
    async with telling(sqlite_url, sms={**OPEN, **broken}) as story:
        got = await text(story, 1)
        assert (got.status, got.headers["retry-after"]) == (503, "2")
        assert got.document["code"] == "line_blocked"
        _, health = await story.get("/health")
        assert (health["status"], health["lines"]) == ("degraded", {"default": "blocked"})


@pytest.mark.proves("B053")
async def test_a_disabled_line_is_not_there(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms={**OPEN, "enabled": False}) as story:
        assert (await text(story, 1)).status == 404
        assert await nothing_stored(story)


# -- what strangers are told, and what the log is -------------------------------------------------


def refusals(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records if record.name == "ringfence.public"]


@pytest.mark.proves("P8", "P9")
async def test_a_stranger_is_not_told_what_is_wrong_here(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    broken = {"authToken": {"source": "env", "provider": "default", "id": "NOT_SET_ANYWHERE"}}
    async with telling(sqlite_url, sms={**OPEN, **broken}) as story:
        got = await request(story.public, "/webhooks/sms", method="GET")
    assert (got.status, got.document["detail"]) == (503, "")
    assert b"NOT_SET_ANYWHERE" not in got.body
    assert "NOT_SET_ANYWHERE" in refusals(caplog)[0]["detail"]


@pytest.mark.proves("P8", "P9")
@pytest.mark.parametrize(
    "error",
    [
        StoreFull("No room at /var/lib/ringfence."),
        TooMany("limits.callbacksPerMinute of default is reached."),
        SignatureRefused("The line has no authToken."),
    ],
    ids=lambda error: str(error.code),
)
async def test_nor_of_the_configuration(
    sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: RingfenceError,
) -> None:
    async def fails(*given: object) -> None:
        raise error

    async with telling(sqlite_url, sms=OPEN) as story:
        monkeypatch.setattr(story.gateway.receiver, "webhook", fails)
        got = await text(story, 1)
    assert (got.status, got.document["code"]) == (error.http_status, error.code)
    assert got.document["detail"] == ""
    [told] = refusals(caplog)
    assert told["detail"] == error.detail


@pytest.mark.proves("P9", "P10")
async def test_refusals_are_logged_once_a_minute_and_counted(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        for _ in range(20):
            await text(story, 1, signed=False)
        await request(story.public, "/webhooks/sms", method="PUT")
        assert [told["error"] for told in refusals(caplog)] == ["signature_refused", "wrong_method"]
        story.clock.advance(seconds=60)
        await text(story, 1, signed=False)
        assert story.gateway.public.answers["default", 403] == 21
    assert [told["not_logged"] for told in refusals(caplog)] == [None, 19, None]


@pytest.mark.proves("B005", "P4", "P10")
async def test_a_body_that_breaks_off_is_counted_and_nothing_more(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        for _ in range(5):
            _, writer = await connect(story.public)
            writer.write(b"POST /webhooks/sms HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
            await writer.drain()
            writer.close()
        async with asyncio.timeout(10):
            while story.gateway.public.answers["default", 499] < 5:
                await asyncio.sleep(0)
        await story.settle()
        assert dict(story.gateway.public.answers) == {("default", 499): 5}
        assert await nothing_stored(story)
    assert [record.getMessage() for record in caplog.records] == []


@pytest.mark.proves("B008", "P10")
async def test_look_ups_of_a_spent_address_do_not_reach_the_store(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/webhooks/sms?media={'A' * 32}"
    reads = 0

    async def fails(query: object) -> None:
        nonlocal reads
        reads += 1
        raise StoreFull("at /var/lib")

    async with telling(sqlite_url, sms={**OPEN, "limits": {"badRequestsPerMinute": 2}}) as story:
        with monkeypatch.context() as broken:
            broken.setattr(story.gateway.kit.store, "read", fails)
            got = await request(story.public, path, method="GET")
            assert (got.status, got.document["code"]) == (503, "store_full")
            await text(story, 1, signed=False)
            await text(story, 1, signed=False)
            assert (await request(story.public, path, method="GET")).status == 429
            assert reads == 1
        story.clock.advance(seconds=60)
        assert (await request(story.public, path, method="GET")).status == 404
