"""The simulated carrier's calls as Plivo has them: placed, rung, answered, told by voice XML, reported by
forms that are signed by version 3; and our codec at the other end of them."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from call_rig import START, Answers, Time
from carrier_rig import ALICE, BOB, Hit, Receiver
from stream_rig import Door, in_process

from ringfence.clock import ManualClock
from ringfence.model.call import CallEvent, CallProgress, CallState, WhatNext
from ringfence.model.instruction import GoOn, HangUp, Instruction, Listen, OpenStream, Say
from ringfence.model.line import Credentials, Line, Secret
from ringfence.model.phone import PhoneNumber
from ringfence.model.wire import WebhookRequest, WireRequest, WireResponse
from ringfence.providers.base import Detection, OutboundCall, Told
from ringfence.providers.plivo_calls import CALLS
from ringfence.simulator import plivo, plivo_play_xml
from ringfence.simulator.calls import Call
from ringfence.testing import Outcome, SimulatedCarrier

AUTH_ID, TOKEN = "MATESTTESTTESTTEST00", "simulated-token"
SPEAK = "<Speak>Your server is down. Press one to take it.</Speak>"


@pytest.fixture
async def time(receiver: Receiver) -> AsyncIterator[Time]:
    """Plivo, with a clock that the test moves."""
    clock = ManualClock(START)
    async with SimulatedCarrier(
        clock=clock, provider="plivo", account_sid=AUTH_ID, auth_token=TOKEN
    ) as carrier:
        receiver.content_type = "application/xml"
        yield Time(clock, carrier)


async def sends(
    carrier: SimulatedCarrier, method: str, path: str, document: object = None, token: str = TOKEN
) -> tuple[int, Any]:
    word = base64.b64encode(f"{AUTH_ID}:{token}".encode()).decode()
    headers = {"Authorization": f"Basic {word}", "Content-Type": "application/json"}
    body = None if document is None else json.dumps(document)
    url = f"{carrier.base_url}/v1/Account/{AUTH_ID}/{path}"
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, headers=headers, data=body) as answer,
    ):
        raw = await answer.read()
        return answer.status, json.loads(raw) if raw else None


async def placed(time: Time, answer_url: str, to: str = ALICE, **rest: Any) -> tuple[str, Call]:
    """The request's id, and the call."""
    document = {"from": time.carrier.number, "to": to, "answer_url": answer_url, **rest}
    status, taken = await sends(time.carrier, "POST", "Call/", document)
    assert (status, taken["message"]) == (201, "call fired")
    return taken["request_uuid"], time.carrier.calls[-1]


def uuid_of(call: Call) -> str:
    return plivo.uuid_of(call.sid)


def all_signed(receiver: Receiver) -> bool:
    """The scheme is held against the vendor's vectors in test_sim_plivo.py."""
    return all(
        hit.headers["X-Plivo-Signature-V3"]
        == plivo.signature(TOKEN, hit.url, hit.pairs, hit.headers["X-Plivo-Signature-V3-Nonce"])
        for hit in receiver.hits
    )


# -- outbound ---------------------------------------------------------------------------------------


async def test_a_phone_rings_and_hears_what_the_answer_says(
    time: Time, answers: Answers, receiver: Receiver
) -> None:
    asked, call = await placed(
        time,
        answers.at("/voice?a=1".partition("?")[0], SPEAK) + "?b=2&a=1",
        ring_url=receiver.url("/ring"),
        hangup_url=receiver.url("/hangup"),
    )
    assert asked not in (call.sid, uuid_of(call)), "nobody may take one for the other"
    alice = time.carrier.phone(ALICE)
    await time.until(alice.rings())
    alice.answers()
    await time.until(alice.hears("Press one"))
    await time.settles()
    [ring], [fetch], [end] = (answers.hits(path) for path in ("/ring", "/voice", "/hangup"))
    for hit in (ring, fetch, end):
        assert hit.form["CallUUID"] == uuid_of(call)
        assert (hit.form["RequestUUID"], hit.form["ALegRequestUUID"]) == (asked, asked)
        assert (hit.form["To"], hit.form["Direction"]) == (ALICE.removeprefix("+"), "outbound")
    assert (ring.form["CallStatus"], ring.form["Event"]) == ("ringing", "Ring")
    assert (fetch.form["CallStatus"], fetch.form["Event"]) == ("in-progress", "StartApp")
    assert (end.form["CallStatus"], end.form["Event"]) == ("completed", "Hangup")
    assert (end.form["HangupCauseCode"], end.form["Duration"]) == ("4010", "4")
    assert all_signed(receiver)
    assert not time.carrier.alerts


@pytest.mark.parametrize(
    ("script", "status", "cause"),
    [
        ("busy", "busy", "3010"),
        ("failed", "failed", "2010"),
        ("silent", "no-answer", "6010"),
    ],
)
async def test_calls_that_nobody_answers_on_plivo(
    time: Time, receiver: Receiver, script: str, status: str, cause: str
) -> None:
    time.carrier.script_call(ALICE, script)
    await placed(time, receiver.url("/voice"), ring_timeout=20, hangup_url=receiver.url("/hangup"))
    await time.settles()
    [end] = receiver.hits
    assert (end.form["CallStatus"], end.form["HangupCauseCode"]) == (status, cause)
    assert (end.form["Duration"], end.form["AnswerTime"]) == ("0", "")


@pytest.mark.proves("P12")
async def test_plivos_own_limit_ends_a_call(time: Time, answers: Answers) -> None:
    url = answers.at("/voice", "<Wait length='9999'/>")
    time.carrier.script_call(ALICE, "answers")
    _, call = await placed(time, url, time_limit=300)
    await time.settles()
    assert (call.duration_s, call.limit_given) == (300, True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"answer_url": ""}, "answer_url"),
        ({"to": f"{ALICE}<{BOB}"}, "To"),
        ({"from": "15555550199"}, "not verified"),
        ({"time_limit": 0}, "TimeLimit"),
        ({"answer_method": "GET"}, "posts only"),
        ({"ring_url": "ftp://x"}, "ring_url"),
    ],
)
async def test_what_plivo_does_not_take(
    time: Time, receiver: Receiver, change: dict[str, Any], words: str
) -> None:
    document = {"from": time.carrier.number, "to": ALICE, "answer_url": receiver.url("/voice")}
    status, refused = await sends(time.carrier, "POST", "Call/", document | change)
    assert (status, words in refused["error"]) == (400, True), refused
    assert not time.carrier.calls
    assert (await sends(time.carrier, "POST", "Call/", document, token="other"))[0] == 401


async def test_a_lost_answer_leaves_a_call_that_rings(time: Time, receiver: Receiver) -> None:
    time.carrier.next_creates(Outcome.LOST_AFTER_ACCEPT, Outcome.THROTTLED)
    document = {"from": time.carrier.number, "to": ALICE, "answer_url": receiver.url("/voice")}
    with pytest.raises(aiohttp.ClientError):
        await sends(time.carrier, "POST", "Call/", document)
    assert (await sends(time.carrier, "POST", "Call/", document))[0] == 429
    await time.until(time.carrier.phone(ALICE).rings())
    assert len(time.carrier.calls) == 1


# -- hanging up, looking, transferring --------------------------------------------------------------


async def test_before_the_answer_the_request_is_cancelled_and_afterwards_the_call(
    time: Time, answers: Answers, receiver: Receiver
) -> None:
    url = answers.at("/voice", "<Wait length='600'/>")
    asked, call = await placed(time, url, hangup_url=receiver.url("/hangup"))
    assert (await sends(time.carrier, "DELETE", f"Request/{uuid_of(call)}/"))[0] == 404
    await time.until(time.carrier.phone(ALICE).rings())
    assert (await sends(time.carrier, "DELETE", f"Request/{asked}/"))[0] == 204
    await time.settles()
    assert receiver.hits[-1].form["HangupCauseCode"] == "1000"
    assert (await sends(time.carrier, "DELETE", f"Request/{asked}/"))[0] == 404
    time.carrier.script_call(BOB, "answers")
    asked, call = await placed(time, url, BOB)
    await time.passes(seconds=5)
    assert (await sends(time.carrier, "DELETE", f"Request/{asked}/"))[0] == 404
    assert (await sends(time.carrier, "DELETE", f"Call/{uuid_of(call)}/"))[0] == 204
    await time.settles()
    assert call.status == "completed"
    assert (await sends(time.carrier, "DELETE", f"Call/{uuid_of(call)}/"))[0] == 404


async def test_without_an_id_every_call_ends(time: Time, answers: Answers) -> None:
    url = answers.at("/voice", "<Wait length='600'/>")
    for to in (ALICE, BOB):
        time.carrier.script_call(to, "answers")
        await placed(time, url, to)
    await time.passes(seconds=5)
    assert len((await sends(time.carrier, "GET", "Call/?status=live"))[1]["calls"]) == 2
    assert (await sends(time.carrier, "DELETE", "Call/"))[0] == 204
    await time.settles()
    assert all(call.is_over for call in time.carrier.calls)


async def test_a_live_call_is_told_apart_from_one_that_is_over(
    time: Time, answers: Answers
) -> None:
    time.carrier.script_call(ALICE, "answers")
    asked, call = await placed(time, answers.at("/voice", "<Wait length='60'/>"))
    path = f"Call/{uuid_of(call)}/"
    await time.passes(seconds=5)
    status, live = await sends(time.carrier, "GET", f"{path}?status=live")
    assert (status, live["call_status"], live["request_uuid"]) == (200, "in-progress", asked)
    assert (await sends(time.carrier, "GET", path))[0] == 404
    await time.settles()
    assert (await sends(time.carrier, "GET", f"{path}?status=live"))[0] == 404
    status, record = await sends(time.carrier, "GET", path)
    assert (status, record["hangup_cause_code"], record["call_duration"]) == (200, 4010, 60)


async def test_a_call_is_sent_elsewhere_and_keys_go_out(
    time: Time, answers: Answers, receiver: Receiver
) -> None:
    time.carrier.script_call(ALICE, "answers")
    _, call = await placed(time, answers.at("/voice", "<Wait length='600'/>"))
    path, alice = f"Call/{uuid_of(call)}/", time.carrier.phone(ALICE)
    there = {"legs": "aleg", "aleg_url": answers.at("/next", "<Speak>Bye.</Speak><Hangup/>")}
    assert (await sends(time.carrier, "POST", path, there))[0] == 400, "it is not answered"
    await time.passes(seconds=5)
    assert (await sends(time.carrier, "POST", f"{path}DTMF/", {"digits": "12#"}))[0] == 202
    await time.until(alice.hears("12#"))
    assert call.status == "in-progress"
    assert (await sends(time.carrier, "POST", path, {"legs": "bleg"}))[0] == 400
    assert (await sends(time.carrier, "POST", path, there))[0] == 202
    await time.until(alice.hears("Bye."))
    await time.settles()
    assert answers.hits("/next")[0].form["Event"] == "Redirect"
    assert (await sends(time.carrier, "POST", path, there))[0] == 404
    assert (await sends(time.carrier, "POST", f"{path}DTMF/", {"digits": "1"}))[0] == 404


# -- documents --------------------------------------------------------------------------------------


def input_to(url: str, **attributes: str) -> str:
    given = {"inputType": "dtmf speech", "executionTimeout": "5"} | attributes
    written = "".join(f' {name}="{value}"' for name, value in given.items())
    return f'<GetInput action="{url}"{written}>{SPEAK}</GetInput>'


async def on_the_phone(time: Time, answers: Answers, document: str, **rest: Any) -> Call:
    """Alice has answered a call that is told `document`."""
    _, call = await placed(time, answers.at("/voice", document), **rest)
    await time.until(time.carrier.phone(ALICE).rings())
    time.carrier.phone(ALICE).answers()
    await time.passes(seconds=0.1)
    return call


async def test_keys_and_words_end_the_prompt_and_are_told(
    time: Time, answers: Answers, receiver: Receiver
) -> None:
    done = answers.at("/done", "<Hangup/>")
    call = await on_the_phone(time, answers, input_to(done, finishOnKey="#"))
    alice = time.carrier.phone(ALICE)
    await time.passes(seconds=0.9)
    alice.presses("12#")
    await time.settles()
    [hit] = answers.hits("/done")
    assert (hit.form["InputType"], hit.form["Digits"], hit.form["Speech"]) == ("dtmf", "12", "")
    assert hit.form["Event"] == "Redirect"
    assert call.heard == "Your server", "the key cut the prompt"
    await on_the_phone(time, answers, input_to(done))
    await time.passes(seconds=1)
    alice.says("yes please")
    await time.settles()
    hit = answers.hits("/done")[-1]
    assert (hit.form["InputType"], hit.form["Speech"]) == ("speech", "yes please")
    assert 0 < float(hit.form["SpeechConfidenceScore"]) <= 1


async def test_a_pause_ends_the_keys_and_a_count_does(time: Time, answers: Answers) -> None:
    done = answers.at("/done", "<Hangup/>")
    alice = time.carrier.phone(ALICE)
    await on_the_phone(time, answers, input_to(done, inputType="dtmf", digitEndTimeout="3"))
    alice.presses("7")
    await time.passes(seconds=2)
    alice.presses("8")
    alice.says("not asked for")
    await time.settles()
    await on_the_phone(time, answers, input_to(done, inputType="dtmf", numDigits="1"))
    alice.presses("55")
    await time.settles()
    assert [hit.form["Digits"] for hit in answers.hits("/done")] == ["78", "5"]


async def test_nothing_in_time_asks_nobody_and_the_next_element_follows(
    time: Time, answers: Answers
) -> None:
    done = answers.at("/done", "<Hangup/>")
    again = answers.at("/again", "<Speak>Goodbye.</Speak>")
    await on_the_phone(time, answers, f"{input_to(done)}<Redirect>{again}</Redirect>")
    await time.until(time.carrier.phone(ALICE).hears("Goodbye."))
    await time.settles()
    assert (len(answers.hits("/done")), len(answers.hits("/again"))) == (0, 1)


async def test_a_message_is_recorded_and_told_twice(time: Time, answers: Answers) -> None:
    done, ready = answers.at("/done", "<Hangup/>"), answers.at("/ready", "")
    record = f'<Record action="{done}" callbackUrl="{ready}" maxLength="60" timeout="4"/>'
    await on_the_phone(time, answers, record)
    await time.passes(seconds=2)
    time.carrier.phone(ALICE).says("call me back")
    time.carrier.phone(ALICE).presses("#")
    await time.settles()
    [asks], [told] = answers.hits("/done"), answers.hits("/ready")
    assert asks.form["RecordUrl"] == told.form["RecordUrl"] != ""
    assert (asks.form["RecordingID"], asks.form["Digits"]) == (told.form["RecordingID"], "#")
    assert time.carrier.voice.recordings[0].words == ("call me back",)
    await on_the_phone(time, answers, record)
    await time.settles()
    assert "RecordUrl" not in answers.hits("/done")[-1].form, "nobody said anything"


async def test_another_number_is_dialled_and_its_steps_are_told(
    time: Time, answers: Answers
) -> None:
    done, steps = answers.at("/done", "<Speak>That was it.</Speak>"), answers.at("/steps", "")
    dial = (
        f'<Dial action="{done}" callbackUrl="{steps}" timeout="20">'
        f"<Number>{BOB.removeprefix('+')}</Number></Dial>"
    )
    call = await on_the_phone(time, answers, dial)
    bob = time.carrier.phone(BOB)
    await time.until(bob.rings())
    bob.answers()
    await time.passes(seconds=3)
    time.carrier.phone(ALICE).says("hello Bob")
    await time.until(bob.hears("hello Bob"))
    bob.hangs_up()
    await time.settles()
    assert [hit.form["DialAction"] for hit in answers.hits("/steps")] == ["answer", "hangup"]
    [hit] = answers.hits("/done")
    assert (hit.form["DialStatus"], hit.form["CallUUID"]) == ("completed", uuid_of(call))
    assert hit.form["DialBLegUUID"] == answers.hits("/steps")[0].form["DialBLegUUID"]
    time.carrier.script_call(BOB, "busy")
    await on_the_phone(time, answers, dial)
    await time.settles()
    assert answers.hits("/done")[-1].form["DialStatus"] == "busy"


async def test_sound_goes_both_ways_until_the_application_closes(
    time: Time, receiver: Receiver
) -> None:
    """The document is the codec's; what follows the stream is asked for when it ends."""
    door = Door()
    in_process(time, door)
    socket = "wss://gw.example.test/media/one-time-token"
    desk = Desk(
        time,
        receiver,
        {"t1": [OpenStream("t2", socket, parameters=(("call", "c1"),))], "t2": [Say("Goodbye.")]},
    )
    await desk.asks(CALLS.place(OutboundCall("call_1", ALICE, 300, turn="t1"), desk.line))
    time.carrier.script_call(ALICE, "answers")
    alice = time.carrier.phone(ALICE)
    await time.until(alice.is_streamed())
    await time.passes(milliseconds=100)
    told = door.socket.told[0]
    assert (told["event"], told["start"]["callId"]) == ("start", desk.call_id)
    assert "c1" in told["extra_headers"]
    assert door.socket.of("media")
    await door.socket.socket.close()
    await time.until(alice.hears("Goodbye."))
    await time.settles()
    assert [event.turn for event in desk.events if isinstance(event, WhatNext)] == ["t1", "t2"]


@pytest.mark.parametrize(
    "attributes",
    [
        'bidirectional="true" contentType="audio/x-mulaw;rate=8000"',
        'keepCallAlive="true" contentType="audio/x-mulaw;rate=8000"',
        'bidirectional="true" keepCallAlive="true"',
    ],
)
async def test_a_stream_that_no_gateway_wants_is_refused(
    time: Time, answers: Answers, receiver: Receiver, attributes: str
) -> None:
    in_process(time, Door())
    document = f"<Stream {attributes}>wss://gw.example.test/media/token</Stream>"
    await on_the_phone(time, answers, document, hangup_url=receiver.url("/hangup"))
    await time.settles()
    assert answers.hits("/hangup")[0].form["HangupCauseCode"] == "8011"
    assert time.carrier.alerts


async def test_without_redirect_the_action_is_told_and_the_document_goes_on(
    time: Time, answers: Answers
) -> None:
    done = answers.at("/done", "<Speak>Never said.</Speak>")
    document = f"{input_to(done, redirect='false', numDigits='1')}<Speak>Thank you.</Speak>"
    call = await on_the_phone(time, answers, document)
    time.carrier.phone(ALICE).presses("1")
    await time.settles()
    assert len(answers.hits("/done")) == 1
    assert "Thank you." in call.heard
    assert "Never" not in call.heard


@pytest.mark.parametrize(
    ("document", "cause"),
    [
        ("<Say>hello</Say>", 8011),
        ("<Speak volume='1'>hello</Speak>", 8011),
        ("<GetInput><Dial/></GetInput>", 8011),
        ("<Speak>hello", 8011),
        ("<Dial><Number></Number></Dial>", 8011),
        ("<Conference>room</Conference>", 8011),
        ("<Redirect>http://127.0.0.1:1/nobody</Redirect>", 7014),
    ],
)
async def test_a_document_plivo_cannot_use_ends_the_call_and_says_why(
    time: Time, answers: Answers, receiver: Receiver, document: str, cause: int
) -> None:
    await on_the_phone(time, answers, document, hangup_url=receiver.url("/hangup"))
    await time.settles()
    [end] = answers.hits("/hangup")
    assert end.form["HangupCauseCode"] == str(cause)
    assert [alert.error_code for alert in time.carrier.alerts][-1] == cause


async def test_what_is_no_document_is_no_answer(time: Time, receiver: Receiver) -> None:
    receiver.content_type = "text/plain"
    time.carrier.script_call(ALICE, "answers")
    await placed(time, receiver.url("/voice"), hangup_url=receiver.url("/hangup"))
    await time.settles()
    assert receiver.hits[-1].form["HangupCauseCode"] == "8011"
    receiver.statuses = [500]
    await placed(
        time,
        receiver.url("/voice"),
        fallback_url=receiver.url("/fallback"),
        hangup_url=receiver.url("/hangup"),
    )
    await time.settles()
    assert [urlsplit(hit.url).path for hit in receiver.hits[-3:]] == [
        "/voice",
        "/fallback",
        "/hangup",
    ]


@pytest.mark.shared
def test_the_reader_knows_the_vendors_elements(shared_data: Callable[[str], Any]) -> None:
    """Attributes and nesting as its own library has them; rooms with roles, SMS and what is inside
    words are left out."""
    table = shared_data("plivo-xml.json")["elements"]
    for name, known in sorted(plivo_play_xml.ATTRIBUTES.items()):
        assert known == {_camel(param) for param in table[name]["params"]}, name
    left_out = {"MultiPartyCall", "Message"}
    for name in ("Response", "GetInput", "GetDigits", "Dial", "PreAnswer", "Speak"):
        nested = set(table[name]["nestable"]) - left_out
        assert plivo_play_xml.CHILDREN[name] == nested, name


def _camel(name: str) -> str:
    first, *others = name.strip("_").split("_")
    return first + "".join(word.capitalize() for word in others)


# -- who picked up, and who calls -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "told"),
    [("machine", ["true"]), ("human", [])],
)
async def test_machines_are_told_of_and_people_are_not(
    time: Time, answers: Answers, by: str, told: list[str]
) -> None:
    heard = answers.at("/heard", "")
    url = answers.at("/voice", "<Wait length='20'/>")
    _, call = await placed(time, url, machine_detection="true", machine_detection_url=heard)
    await time.until(time.carrier.phone(ALICE).rings())
    time.carrier.phone(ALICE).answers(by)
    await time.settles()
    assert [hit.form["Machine"] for hit in answers.hits("/heard")] == told
    assert call.answered_by is not None
    _, call = await placed(time, url, machine_detection="true")
    await time.until(time.carrier.phone(ALICE).rings())
    time.carrier.phone(ALICE).answers(by)
    await time.settles()
    assert answers.hits("/voice")[-1].form.get("Machine") == (told or [None])[0], "it waited"


async def test_a_caller_is_asked_about_and_the_end_is_told_there(
    time: Time, answers: Answers, receiver: Receiver
) -> None:
    time.carrier.voice_url = answers.at("/voice", SPEAK)
    alice = time.carrier.phone(ALICE)
    call = alice.calls()
    await time.until(alice.hears("Press one"))
    await time.settles()
    asked, ended = answers.hits("/voice")
    assert (asked.form["CallStatus"], asked.form["Direction"]) == ("ringing", "inbound")
    assert asked.form["From"] == ALICE.removeprefix("+")
    assert "RequestUUID" not in asked.form
    assert (ended.form["Event"], ended.form["CallUUID"]) == ("Hangup", uuid_of(call))
    assert all_signed(receiver)


@pytest.mark.parametrize(
    ("document", "cause"),
    [
        ('<Hangup reason="rejected"/>', "3020"),
        ('<Hangup reason="busy"/>', "3010"),
        ("<Hangup/>", "3020"),
    ],
)
async def test_who_is_turned_away_is_not_answered(
    time: Time, answers: Answers, document: str, cause: str
) -> None:
    time.carrier.voice_url = answers.at("/voice", document)
    call = time.carrier.phone(ALICE).calls()
    await time.settles()
    assert (call.answered_at, call.played) == (None, [])
    end = answers.hits("/voice")[-1].form
    assert (end["CallStatus"], end["HangupCauseCode"]) == ("completed", cause)


# -- our codec at the other end ---------------------------------------------------------------------


class Desk:
    """A gateway in small: verifies and reads every webhook with the codec, and answers what it asks."""

    def __init__(self, time: Time, receiver: Receiver, say: dict[str, list[Instruction]]) -> None:
        self.say = say
        self.events: list[CallEvent] = []
        self.receiver = receiver
        receiver.on_hit = self._answer
        self.line = Line(
            id="front",
            provider="plivo",
            credentials=Credentials(AUTH_ID, (Secret(TOKEN),)),
            number=PhoneNumber(time.carrier.number),
            service_id=None,
            public_url=None,
            webhook_path="/webhooks/sms",
            api_base_url=time.carrier.base_url,
            voice_url=receiver.url("/webhooks/voice?tenant=a"),
        )

    async def _answer(self, hit: Hit) -> None:
        parts = urlsplit(hit.url)
        headers = {name.lower(): value for name, value in hit.headers.items()}
        request = WebhookRequest(hit.method, parts.path, parts.query, headers, hit.raw)
        event = CALLS.parse_call(CALLS.verify_call(request, self.line))
        assert event is not None
        assert CALLS.call_misdirected(event, self.line) == ""
        self.events.append(event)
        said: list[Instruction] = []
        if isinstance(event, WhatNext):
            said = [*event.rest] or self.say[event.turn]
        self.receiver.document = CALLS.answer_call(said, "call_1", self.line).body.decode()

    async def asks(self, request: WireRequest) -> WireResponse:
        headers = {**request.headers, **request.secret_headers}
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method, request.url, headers=headers, data=request.body or None
            ) as answer,
        ):
            return WireResponse(answer.status, {}, await answer.read())

    @property
    def call_id(self) -> str:
        return self.events[-1].provider_id


async def test_the_codec_places_asks_listens_and_says_goodbye(
    time: Time, receiver: Receiver
) -> None:
    menu = Listen("t2", (Say("Press one to take it."),), digits_count=1, speech=True)
    desk = Desk(time, receiver, {"t1": [menu], "t2": [Say("Thank you."), HangUp()]})
    call = OutboundCall("call_1", ALICE, 300, turn="t1", detection=Detection.FAST)
    outcome = CALLS.placed(await desk.asks(CALLS.place(call, desk.line)))
    assert outcome.provider_id.startswith("request:")
    alice = time.carrier.phone(ALICE)
    await time.until(alice.rings())
    alice.answers()
    await time.until(alice.hears("Press one to take it."))
    alice.presses("1")
    await time.until(alice.hears("Thank you."))
    await time.settles()
    ring, first, second, end = desk.events
    assert isinstance(ring, CallProgress)
    assert (ring.state, ring.our_id) == (CallState.RINGING, "call_1")
    assert isinstance(first, WhatNext)
    assert isinstance(second, WhatNext)
    assert (first.turn, second.turn, second.digits) == ("t1", "t2", "1")
    assert isinstance(end, CallProgress)
    assert (end.state, end.error_code) == (CallState.ENDED, None)
    assert len({event.provider_id for event in desk.events}) == 1
    assert not time.carrier.alerts


async def test_the_codec_is_asked_again_when_nothing_is_pressed(
    time: Time, receiver: Receiver
) -> None:
    desk = Desk(time, receiver, {"t1": [Listen("t2")], "t2": [HangUp()]})
    await desk.asks(CALLS.place(OutboundCall("call_1", ALICE, 300, turn="t1"), desk.line))
    time.carrier.script_call(ALICE, "answers")
    await time.settles()
    asked = [event for event in desk.events if isinstance(event, WhatNext)]
    assert [(event.turn, event.digits, event.speech) for event in asked] == [
        ("t1", "", ""),
        ("t2", "", ""),
    ]


async def test_a_live_call_hears_what_the_codec_tells_it(time: Time, receiver: Receiver) -> None:
    desk = Desk(time, receiver, {"t1": [Listen("t1", timeout_s=60)], "t2": [Say("Turn two.")]})
    await desk.asks(CALLS.place(OutboundCall("call_1", ALICE, 300, turn="t1"), desk.line))
    alice = time.carrier.phone(ALICE)
    await time.until(alice.rings())
    alice.answers()
    await time.passes(seconds=5)
    told = [Say("Hold on, please."), GoOn("t2")]
    for request in CALLS.tell(told, desk.call_id, "call_1", desk.line):
        assert CALLS.told(await desk.asks(request)) is Told.DONE
    await time.until(alice.hears("Hold on, please."))
    await time.until(alice.hears("Turn two."))
    await time.settles()
    asked = [event.turn for event in desk.events if isinstance(event, WhatNext)]
    assert asked == ["t1", "t2", "t2"], "with what it was told, and then at the turn it led to"
    for request in CALLS.tell([GoOn("t1")], desk.call_id, "call_1", desk.line):
        assert CALLS.told(await desk.asks(request)) is Told.GONE


@pytest.mark.proves("B133")
async def test_the_codec_hangs_up_at_every_stage_and_twice(time: Time, receiver: Receiver) -> None:
    desk = Desk(time, receiver, {"t1": [Listen("t1", timeout_s=60)]})
    call = OutboundCall("call_1", ALICE, 300, turn="t1")
    placed = CALLS.placed(await desk.asks(CALLS.place(call, desk.line)))
    early = CALLS.hang_up(placed.provider_id, desk.line)
    assert CALLS.told(await desk.asks(early)) is Told.DONE
    await time.settles()
    assert CALLS.told(await desk.asks(early)) is Told.GONE
    end = desk.events[-1]
    assert isinstance(end, CallProgress)
    assert end.state is CallState.CANCELLED
    await desk.asks(CALLS.place(replace(call, to=BOB), desk.line))
    time.carrier.script_call(BOB, "answers")
    await time.passes(seconds=10)
    live = CALLS.call_fetched(await desk.asks(CALLS.fetch_call(desk.call_id, desk.line)))
    assert (live.state, live.to, live.inbound) == (CallState.ANSWERED, BOB, False)
    for told in (Told.DONE, Told.GONE):
        late = CALLS.hang_up(desk.call_id, desk.line)
        assert CALLS.told(await desk.asks(late)) is told
        await time.settles()
    assert all(call.is_over for call in time.carrier.calls)
