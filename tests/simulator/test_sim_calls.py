"""The Calls API of the simulated carrier, asked by the vendor's client and by our codec, held against
the vendor's OpenAPI description."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from call_rig import START, Answers, Time, all_signed
from carrier_rig import ALICE, BOB, Raw, Receiver, Sdk
from openapi_core import OpenAPI
from test_sim_rest import _problems
from twilio.base.exceptions import TwilioRestException

from ringfence.model.call import (
    Answerer,
    AnswererHeard,
    CallProgress,
    CallState,
    IncomingCall,
    LegEnded,
    RecordingReport,
    RecordingState,
    WhatNext,
)
from ringfence.model.errors import SignatureRefused
from ringfence.model.instruction import (
    DialNumber,
    GoOn,
    HangUp,
    Instruction,
    Listen,
    Play,
    Refuse,
    Say,
    TakeMessage,
    Wait,
)
from ringfence.model.line import Credentials, Line, Secret
from ringfence.model.outbox import OutcomeKind
from ringfence.model.phone import PhoneNumber
from ringfence.model.wire import WebhookRequest, WireRequest, WireResponse
from ringfence.providers.base import Detection, OutboundCall, Told
from ringfence.providers.twilio_calls import CALLS
from ringfence.testing import Outcome, SimulatedCarrier

SAY = "<Response><Say>Hello.</Say></Response>"
EVENTS = ["initiated", "ringing", "answered", "completed"]


async def creates(sdk: Sdk, to: str = ALICE, **rest: Any) -> Any:
    if not {"url", "twiml"} & rest.keys():
        rest["twiml"] = SAY
    rest.setdefault("from_", sdk.carrier.number)
    return await sdk(lambda c: c.calls.create(to=to, **rest))


# -- create, fetch, list, update, delete ------------------------------------------------------------


async def test_create_answers_with_the_words_of_the_real_one(time: Time) -> None:
    sdk = Sdk(time.carrier)
    call = await creates(sdk)
    assert sdk.recorder.seen[0].status == 201
    assert call.sid.startswith("CA")
    assert len(call.sid) == 34
    assert (call.status, call.direction) == ("queued", "outbound-api")
    assert (call.duration, call.start_time, call.answered_by) == (None, None, None)
    assert call.to_formatted == "(555) 555-0111"
    time.carrier.script_call(ALICE, "answers")
    await time.settles()
    fetched = await sdk(lambda c: c.calls(call.sid).fetch())
    assert (fetched.status, fetched.duration) == ("completed", "1")
    assert fetched.start_time > START
    assert fetched.price == "-0.01400"
    assert await sdk(lambda c: c.calls(call.sid).delete())
    with pytest.raises(TwilioRestException) as gone:
        await sdk(lambda c: c.calls(call.sid).fetch())
    assert (gone.value.status, gone.value.code) == (404, 20404)


async def test_lists_are_filtered_and_paged(time: Time) -> None:
    sdk = Sdk(time.carrier)
    sids = [(await creates(sdk)).sid for _ in range(3)]
    other = await creates(sdk, BOB)
    assert not await sdk(lambda c: c.calls.list(start_time=START.date())), "none has started"
    time.carrier.script_call(ALICE, "answers")
    time.carrier.script_call(BOB, "busy")
    await time.settles()
    listed = await sdk(lambda c: c.calls.list(to=ALICE, page_size=2))
    assert [call.sid for call in listed] == sids[::-1]
    assert [c.sid for c in await sdk(lambda c: c.calls.list(status="busy"))] == [other.sid]
    assert len(await sdk(lambda c: c.calls.list(from_=time.carrier.number))) == 4
    for query, count in (
        ({"start_time": START}, 4),
        ({"start_time_after": START}, 4),
        ({"start_time_before": datetime(2026, 11, 20, tzinfo=UTC)}, 0),
        ({"start_time_after": datetime(2026, 11, 22, tzinfo=UTC)}, 0),
        ({"parent_call_sid": other.sid}, 0),
    ):
        assert len(await sdk(lambda c, q=query: c.calls.list(**q))) == count, query


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"To": ""}, 21201),
        ({"From": ""}, 21213),
        ({"To": "5550111"}, 21211),
        ({"From": "12"}, 21212),
        ({"From": "+15555550199"}, 21210),
        ({"Twiml": ""}, 21205),
        ({"Url": "ftp://x.example/"}, 21205),
        ({"Twiml": "<Response><Sing/></Response>"}, 20001),
        ({"Twiml": f"<Response><Say>{'x' * 4_000}</Say></Response>"}, 20001),
        ({"Timeout": "601"}, 20001),
        ({"TimeLimit": "soon"}, 20001),
        ({"StatusCallbackEvent": "hiccup"}, 20001),
        ({"MachineDetection": "true"}, 20001),
        ({"SendDigits": "1-2"}, 21206),
        ({"StatusCallback": "nowhere"}, 21609),
    ],
)
async def test_what_is_no_call_is_refused(raw: Raw, fields: dict[str, str], code: int) -> None:
    good = {"To": ALICE, "From": raw.carrier.number, "Twiml": SAY}
    status, document = await raw.post("/Calls.json", good | fields)
    assert (status, document["code"]) == (400, code)
    assert not raw.carrier.calls


async def test_a_trial_account_calls_verified_numbers(time: Time) -> None:
    time.carrier.world.account.trial = True
    sdk = Sdk(time.carrier)
    with pytest.raises(TwilioRestException) as refused:
        await creates(sdk)
    assert refused.value.code == 21219
    time.carrier.world.account.verified.add(ALICE)
    assert (await creates(sdk)).sid


async def test_what_is_over_cannot_be_turned_or_ended(time: Time) -> None:
    sdk = Sdk(time.carrier)
    time.carrier.script_call(ALICE, "busy")
    call = await creates(sdk)
    with pytest.raises(TwilioRestException) as early:
        await sdk(lambda c: c.calls(call.sid).update(twiml=SAY))
    assert early.value.code == 21220
    with pytest.raises(TwilioRestException) as busy:
        await sdk(lambda c: c.calls(call.sid).delete())
    assert busy.value.code == 20009
    await time.settles()
    for update, code in (
        ({"twiml": SAY}, 21220),
        ({"status": "completed"}, 20404),
    ):
        with pytest.raises(TwilioRestException) as over:
            await sdk(lambda c, u=update: c.calls(call.sid).update(**u))
        assert over.value.code == code


async def test_bad_updates_of_a_live_call_change_nothing(time: Time) -> None:
    sdk = Sdk(time.carrier)
    time.carrier.script_call(ALICE, "answers")
    call = await creates(sdk, twiml="<Response><Pause length='99'/></Response>")
    await time.passes(seconds=5)
    for update, code in (
        ({"status": "asleep"}, 20001),
        ({"url": "nowhere"}, 21205),
        ({"twiml": "<Response><Sing/></Response>"}, 20001),
    ):
        with pytest.raises(TwilioRestException) as refused:
            await sdk(lambda c, u=update: c.calls(call.sid).update(**u))
        assert refused.value.code == code
    same = await sdk(lambda c: c.calls(call.sid).update(time_limit=60))
    assert same.status == "in-progress"


async def test_credentials_and_accounts_are_checked(raw: Raw) -> None:
    status, document = await raw.post("/Calls.json", {"To": ALICE}, headers={})
    assert (status, document["code"]) == (401, 20003)


@pytest.mark.parametrize(
    ("outcome", "status", "calls"),
    [
        (Outcome.THROTTLED, 429, 0),
        (Outcome.ERROR_BEFORE_ACCEPT, 503, 0),
        (Outcome.ERROR_AFTER_ACCEPT, 500, 1),
    ],
)
async def test_an_error_may_leave_a_call_that_rings(
    raw: Raw, outcome: Outcome, status: int, calls: int
) -> None:
    raw.carrier.next_creates(outcome)
    got, _ = await raw.post("/Calls.json", {"To": ALICE, "From": raw.carrier.number, "Twiml": SAY})
    assert (got, len(raw.carrier.calls)) == (status, calls)
    if calls:
        assert await raw.carrier.phone(ALICE).rings() is raw.carrier.calls[0]


@pytest.mark.parametrize(
    ("outcome", "calls"), [(Outcome.LOST_BEFORE_ACCEPT, 0), (Outcome.LOST_AFTER_ACCEPT, 1)]
)
async def test_an_answer_may_be_lost(raw: Raw, outcome: Outcome, calls: int) -> None:
    raw.carrier.next_creates(outcome)
    fields = {"To": ALICE, "From": raw.carrier.number, "Twiml": SAY}
    with pytest.raises(Exception, match="disconnected"):
        await raw.post("/Calls.json", fields)
    assert len(raw.carrier.calls) == calls


@pytest.mark.shared
async def test_calls_hold_to_the_openapi_description(
    time: Time, receiver: Receiver, answers: Answers, shared_data: Callable[[str], Any]
) -> None:
    spec = shared_data("twilio-openapi-2010-trimmed.json")
    sdk = Sdk(time.carrier)
    call = await creates(
        sdk,
        url=answers.at("/voice", "<Pause length='99'/>"),
        status_callback=receiver.url("/status"),
        status_callback_event=EVENTS,
        machine_detection="Enable",
        timeout=20,
        time_limit=600,
    )
    time.carrier.script_call(ALICE, "answers")
    await time.passes(seconds=10)
    await sdk(lambda c: c.calls(call.sid).fetch())
    await sdk(lambda c: c.calls(call.sid).update(twiml=SAY))
    await sdk(lambda c: c.calls(call.sid).update(status="completed"))
    await time.settles()
    await sdk(lambda c: c.calls.list(to=ALICE, status="completed", page_size=2))
    await sdk(lambda c: c.calls(call.sid).delete())
    openapi = OpenAPI.from_dict(spec)
    assert len(sdk.recorder.seen) == 6
    for exchange in sdk.recorder.seen:
        problems = _problems(openapi, "https://api.twilio.com", spec, exchange)
        assert not problems, f"{exchange.method} {exchange.url}: {problems}"


# -- our codec against it ---------------------------------------------------------------------------


class Gateway:
    """The codec with a wire on both sides, and nothing else: what it is asked it answers from a list
    of instructions by turn."""

    def __init__(self, time: Time, answers: Answers, raw: Raw) -> None:
        self.time, self.raw, self.answers = time, raw, answers
        self.receiver, self.events = answers.receiver, list[Any]()
        self.said: dict[str, list[Instruction]] = {}
        self.line = Line(
            id="front",
            provider="twilio",
            credentials=Credentials(time.carrier.account_sid, (Secret(time.carrier.auth_token),)),
            number=PhoneNumber(time.carrier.number),
            service_id=None,
            public_url=None,
            webhook_path="/voice",
            api_base_url=time.carrier.base_url,
            voice_url=answers.receiver.url("/voice"),
        )
        answers.by_path["/voice"] = self._asked

    def _asked(self, hit: Any) -> str:
        request = WebhookRequest(
            hit.method,
            "/voice",
            hit.url.partition("?")[2],
            {name.lower(): value for name, value in hit.headers.items()},
            hit.raw,
        )
        event = CALLS.parse_call(CALLS.verify_call(request, self.line))
        assert CALLS.call_misdirected(event, self.line) == ""
        assert CALLS.call_dedupe_token(CALLS.verify_call(request, self.line))
        self.events.append(event)
        turn = getattr(event, "turn", "")
        answer = CALLS.answer_call(self.said.get(turn, []), "call_1", self.line).body.decode()
        return answer.partition("<Response>")[2].partition("</Response>")[0]

    async def send(self, request: WireRequest) -> WireResponse:
        async with self.raw.session.request(
            request.method,
            request.url,
            data=request.body or None,
            headers={**request.headers, **request.secret_headers},
        ) as answer:
            return WireResponse(answer.status, {}, await answer.read())

    async def places(self, **changes: Any) -> str:
        call = OutboundCall(**{"our_id": "call_1", "to": ALICE, "limit_s": 300, **changes})
        outcome = CALLS.placed(await self.send(CALLS.place(call, self.line)))
        assert outcome.kind is OutcomeKind.ACCEPTED, outcome.detail
        return outcome.provider_id

    def states(self) -> list[CallState]:
        return [event.state for event in self.events if isinstance(event, CallProgress)]


@pytest.fixture
async def gateway(time: Time, answers: Answers) -> Any:
    async with aiohttp.ClientSession() as session:
        yield Gateway(time, answers, Raw(time.carrier, session))


async def test_a_notice_is_placed_heard_and_over(gateway: Gateway) -> None:
    time, carrier = gateway.time, gateway.time.carrier
    sid = await gateway.places(instructions=(Say("Hi! This is a test call."), HangUp()), ring_s=20)
    alice = carrier.phone(ALICE)
    await time.until(alice.rings())
    alice.answers()
    await time.until(alice.hears("Hi! This is a test call."))
    await time.settles()
    (call,) = carrier.calls
    assert (call.sid, call.limit_s, call.limit_given, call.ring_s) == (sid, 300, True, 20)
    assert gateway.states() == [
        *(CallState.OFFERED, CallState.RINGING, CallState.ANSWERED, CallState.ENDED),
    ]
    assert {event.our_id for event in gateway.events} == {"call_1"}
    assert [event.sequence for event in gateway.events] == [0, 1, 2, 3]
    found = CALLS.call_fetched(await gateway.send(CALLS.fetch_call(sid, gateway.line)))
    assert (found.state, found.to, found.lasted_s) == (CallState.ENDED, ALICE, 3)
    page = CALLS.calls_found(
        await gateway.send(CALLS.find_calls(ALICE, START, gateway.line)), gateway.line
    )
    assert [one.provider_id for one in page.calls] == [sid]


async def test_a_conversation_by_keys_turn_after_turn(gateway: Gateway) -> None:
    time, carrier = gateway.time, gateway.time.carrier
    gateway.said = {
        "t1": [Listen("t2", (Say("Press one or two."),), digits_count=1), HangUp()],
        "t2": [Say("One moment."), Wait(1), GoOn("t3")],
        "t3": [Listen("t4", (Say("Why?"),), digits=False, speech=True)],
        "t4": [Say("I see.")],
    }
    await gateway.places(turn="t1")
    alice = carrier.phone(ALICE)
    await time.until(alice.rings())
    alice.answers()
    await time.until(alice.hears("Press one"))
    alice.presses("2")
    await time.until(alice.hears("Why?"))
    alice.says("Because <of> & it")
    await time.until(alice.hears("I see."))
    await time.settles()
    asked = [event for event in gateway.events if isinstance(event, WhatNext)]
    assert [(event.turn, event.digits, event.speech) for event in asked] == [
        ("t1", "", ""),
        ("t2", "2", ""),
        ("t3", "", ""),
        ("t4", "", "Because <of> & it"),
    ]
    assert carrier.calls[0].heard == "Press one or two. One moment. Why? I see."
    assert all_signed(gateway.receiver, carrier.auth_token)


async def test_a_machine_a_message_and_a_leg(gateway: Gateway) -> None:
    time, carrier = gateway.time, gateway.time.carrier
    gateway.said = {
        "t1": [TakeMessage("t2", seconds_max=30, beep=False)],
        "t2": [DialNumber("t3", BOB, caller=carrier.number, ring_s=10)],
        "t3": [Say("Nobody is there.")],
    }
    sid = await gateway.places(turn="t1", detection=Detection.PATIENT)
    alice = carrier.phone(ALICE)
    await time.until(alice.rings())
    alice.answers("machine")
    await time.passes(seconds=1)
    alice.says("We are out.")
    await time.until(alice.hears("Nobody is there."))
    await time.settles()
    (machine,) = [event for event in gateway.events if isinstance(event, AnswererHeard)]
    assert machine.answered_by is Answerer.MACHINE_READY
    reports = [event for event in gateway.events if isinstance(event, RecordingReport)]
    assert {(event.asks, event.state) for event in reports} == {
        (True, RecordingState.COMPLETED),
        (False, RecordingState.COMPLETED),
    }
    assert len({event.recording_id for event in reports}) == 1
    (ended,) = [event for event in gateway.events if isinstance(event, LegEnded)]
    assert (ended.leg_state, ended.provider_id) == (CallState.NO_ANSWER, sid)
    legs = [
        event
        for event in gateway.events
        if isinstance(event, CallProgress) and event.parent_provider_id == sid
    ]
    assert [event.state for event in legs][-1] is CallState.NO_ANSWER


async def test_a_live_call_is_told_and_ended_once(gateway: Gateway) -> None:
    time, carrier = gateway.time, gateway.time.carrier
    gateway.said = {"t1": [Wait(200)], "t9": [Say("Asked again."), Wait(200)]}
    sid = await gateway.places(turn="t1")
    alice = carrier.phone(ALICE)
    await time.until(alice.rings())
    alice.answers()
    await time.passes(seconds=2)
    for instructions, heard in (
        ([GoOn("t9")], "Asked again."),
        ([Say("Told directly."), Wait(100)], "Told directly."),
    ):
        (request,) = CALLS.tell(instructions, sid, "call_1", gateway.line)
        assert CALLS.told(await gateway.send(request)) is Told.DONE
        await time.until(alice.hears(heard))
    end = CALLS.hang_up(sid, gateway.line)
    assert CALLS.told(await gateway.send(end)) is Told.DONE
    await time.settles()
    assert CALLS.told(await gateway.send(end)) is Told.GONE, "over already is what was wanted"
    (late,) = CALLS.tell([Say("x")], sid, "call_1", gateway.line)
    assert CALLS.told(await gateway.send(late)) is Told.GONE


async def test_a_caller_is_told_apart_and_may_be_refused(gateway: Gateway) -> None:
    time, carrier = gateway.time, gateway.time.carrier
    assert gateway.line.voice_url is not None
    carrier.voice_url = gateway.line.voice_url
    gateway.said = {"": [Refuse()]}
    for shown, hidden in ((ALICE, False), ("anonymous", True), ("+266696687", True)):
        call = carrier.phone(ALICE).calls(shown=shown)
        await time.settles()
        assert call.answered_at is None
        event = gateway.events.pop()
        assert isinstance(event, IncomingCall)
        assert (event.caller, event.hidden, event.called) == (shown, hidden, carrier.number)


async def test_a_forged_request_is_refused(gateway: Gateway) -> None:
    carrier = gateway.time.carrier
    assert gateway.line.voice_url is not None
    refused: list[str] = []

    def asked(hit: Any) -> str:
        headers = {name.lower(): value for name, value in hit.headers.items()}
        request = WebhookRequest(hit.method, "/voice", hit.url.partition("?")[2], headers, hit.raw)
        with pytest.raises(SignatureRefused) as error:
            CALLS.verify_call(request, gateway.line)
        refused.append(str(error.value))
        return "<Hangup/>"

    gateway.answers.by_path["/voice"] = asked
    await carrier.posts(
        [("CallSid", "CA" + "0" * 32)], url=gateway.line.voice_url, auth_token="another"
    )
    assert len(refused) == 1


async def test_play_is_fetched_from_where_it_says(gateway: Gateway) -> None:
    time, carrier = gateway.time, gateway.time.carrier
    sound = gateway.receiver.url("/hold.wav")
    await gateway.places(instructions=(Play(sound), Say("Done.")))
    carrier.script_call(ALICE, "answers")
    await time.settles()
    assert [(p.kind, p.text) for p in carrier.calls[0].played] == [
        ("play", sound),
        ("say", "Done."),
    ]


@pytest.mark.shared
async def test_the_document_of_a_call_is_json_of_the_described_shape(
    carrier: SimulatedCarrier, shared_data: Callable[[str], Any]
) -> None:
    sdk = Sdk(carrier)
    await creates(sdk)
    spec = shared_data("twilio-openapi-2010-trimmed.json")
    schema = spec["components"]["schemas"]["api.v2010.account.call"]["properties"]
    assert json.loads(sdk.recorder.seen[0].text).keys() == schema.keys()
