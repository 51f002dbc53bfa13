"""Telnyx's calls of the simulated carrier: phones ring, hear, press and speak, told by commands of our
codec and read by it; every event against the vendor's own schemas."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from call_rig import START, Time
from carrier_rig import ALICE, BOB, Hit, Receiver
from jsonschema import Draft202012Validator

from ringfence.clock import ManualClock
from ringfence.model.call import (
    Answerer,
    AnswererHeard,
    CallEvent,
    CallProgress,
    CallState,
    IncomingCall,
    LegEnded,
    RecordingReport,
    WhatNext,
)
from ringfence.model.errors import ProviderRejected
from ringfence.model.instruction import (
    DialNumber,
    GoOn,
    HangUp,
    Instruction,
    Listen,
    OpenStream,
    Play,
    Refuse,
    Say,
    SendDigits,
    TakeMessage,
    Wait,
)
from ringfence.model.line import Credentials, Line, Secret
from ringfence.model.outbox import OutcomeKind
from ringfence.model.phone import PhoneNumber
from ringfence.model.voice import Route, VoiceSettings
from ringfence.model.wire import WebhookRequest, WireRequest, WireResponse
from ringfence.providers.base import Detection, OutboundCall, Told
from ringfence.providers.telnyx_calls import CALLS
from ringfence.testing import Faults, Outcome, SimulatedCarrier

KEY = "simulated-key"
Flow = Callable[[CallEvent], tuple[Instruction, ...] | None]


@dataclass
class Desk:
    """The smallest gateway: reads each event with our codec, tells a call again what is left, and asks
    `flow` about the rest. `events` are what it read, `told` what came of its commands."""

    time: Time
    receiver: Receiver
    line: Line
    http: aiohttp.ClientSession
    flow: Flow = lambda _: None
    events: list[CallEvent] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    async def on_hit(self, hit: Hit) -> None:
        headers = {name.lower(): value for name, value in hit.headers.items()}
        now = self.time.clock.now()
        request = WebhookRequest(hit.method, "/voice", "", headers, hit.raw, now)
        verified = CALLS.verify_call(request, self.line)
        event = CALLS.parse_call(verified)
        if event is None or (token := CALLS.call_dedupe_token(verified)) in self.seen:
            return
        assert CALLS.call_misdirected(event, self.line) == ""
        self.seen.add(token)
        self.events.append(event)
        rest = event.rest if isinstance(event, WhatNext) else ()
        what = rest or self.flow(event)
        if what is not None:
            # After the answer to the webhook, as a gateway does it.
            self.time.carrier.world.exchange.spawn(self.tells(event, what))

    async def tells(self, event: CallEvent, what: tuple[Instruction, ...]) -> None:
        make = CALLS.take if isinstance(event, IncomingCall) else CALLS.tell
        requests = make(what, event.provider_id, "call_1", self.line)
        for request in requests[:-1]:
            try:
                CALLS.told(await self.sends(request))
            except ProviderRejected:
                self.refused.append(request.url.rpartition("/")[2])
        self.told.append(CALLS.told(await self.sends(requests[-1])))

    async def sends(self, request: WireRequest) -> WireResponse:
        headers = {**request.headers, **request.secret_headers}
        reports = self.time.carrier.voice.reports
        reports.in_flight += 1  # so that the moved clock waits for it
        try:
            async with self.http.request(
                request.method, request.url, data=request.body, headers=headers
            ) as answer:
                named = {name.lower(): value for name, value in answer.headers.items()}
                return WireResponse(answer.status, named, await answer.read())
        finally:
            reports.in_flight -= 1

    async def places(self, *instructions: Instruction, **changes: Any) -> str:
        call = OutboundCall(
            **{"our_id": "call_1", "to": ALICE, "limit_s": 600, **changes},
            instructions=instructions,
        )
        outcome = CALLS.placed(await self.sends(CALLS.place(call, self.line)))
        assert outcome.kind is OutcomeKind.ACCEPTED, outcome.detail
        return outcome.provider_id

    def ends(self) -> list[CallState]:
        return [e.state for e in self.events if isinstance(e, CallProgress)]

    def asked(self, turn: str) -> list[WhatNext]:
        return [e for e in self.events if isinstance(e, WhatNext) and not e.rest and e.turn == turn]


@pytest.fixture
async def desk(receiver: Receiver) -> AsyncIterator[Desk]:
    clock = ManualClock(START)
    async with (
        SimulatedCarrier(
            provider="telnyx", auth_token=KEY, voice_url=receiver.url("/voice"), clock=clock
        ) as carrier,
        aiohttp.ClientSession() as http,
    ):
        line = Line(
            id="front",
            provider="telnyx",
            credentials=Credentials("", (Secret(KEY),), public_keys=(carrier.public_key,)),
            number=PhoneNumber(carrier.number),
            service_id=None,
            public_url=None,
            webhook_path="/sms",
            api_base_url=carrier.base_url,
            voice_url=receiver.url("/voice"),
            voice=VoiceSettings("/voice", Route("default"), connection_id=carrier.connection_id),
        )
        one = Desk(Time(clock, carrier), receiver, line, http)
        receiver.on_hit = one.on_hit
        yield one


def kinds(desk: Desk) -> list[str]:
    """The events as they arrived, by type."""
    return [json.loads(hit.raw)["data"]["event_type"] for hit in desk.receiver.hits]


# -- notices ----------------------------------------------------------------------------------------


async def test_a_notice_is_said_to_its_end_and_the_call_ends(desk: Desk) -> None:
    time, alice = desk.time, desk.time.carrier.phone(ALICE)
    id_ = await desk.places(Say("Your server is down."), Wait(1), Say("Goodbye."), HangUp())
    call = await time.until(alice.rings())
    alice.answers()
    await time.until(alice.is_over())
    await time.settles()
    assert call.heard == "Your server is down. Goodbye."
    assert (call.status, call.limit_s) == ("completed", 600)
    assert desk.ends() == [CallState.OFFERED, CallState.ENDED]
    assert desk.told == [Told.DONE] * 4
    assert (
        CALLS.call_fetched(await desk.sends(CALLS.fetch_call(id_, desk.line))).state
        is CallState.ENDED
    )
    gone = CALLS.told(await desk.sends(CALLS.hang_up(id_, desk.line)))
    assert gone is Told.GONE


async def test_a_key_acknowledges(desk: Desk) -> None:
    time, alice = desk.time, desk.time.carrier.phone(ALICE)
    ask = Listen("t1", (Say("Press one to take it, two for somebody else."),), digits_count=1)
    desk.flow = lambda event: (Say("It is yours."), HangUp()) if desk.asked("t1") else None
    await desk.places(ask)
    await time.until(alice.rings())
    alice.answers()
    await time.passes(seconds=1)
    alice.presses("1")
    await time.until(alice.hears("It is yours."))
    await time.settles()
    (asked,) = desk.asked("t1")
    assert asked.digits == "1"
    assert desk.ends()[-1] is CallState.ENDED


async def test_nothing_pressed_asks_too_or_goes_on(desk: Desk) -> None:
    time, alice = desk.time, desk.time.carrier.phone(ALICE)
    ask = Listen("t1", (Say("Press one."),), digits_count=1, timeout_s=4, ask_when_empty=False)
    await desk.places(ask, Say("Nobody pressed."), HangUp())
    await time.until(alice.rings())
    alice.answers()
    await time.until(alice.hears("Press one."))
    await time.until(alice.hears("Nobody pressed."))
    await time.settles()
    assert desk.asked("t1") == []
    assert kinds(desk).count("call.gather.ended") == 1, "it is asked once, not three times"


# -- conversations ----------------------------------------------------------------------------------


async def test_turns_are_taken_in_words(desk: Desk) -> None:
    """Asked, thought about, answered; the transcription goes on, and a silence is a turn too."""
    time, alice = desk.time, desk.time.carrier.phone(ALICE)

    def flow(event: CallEvent) -> tuple[Instruction, ...] | None:
        if not isinstance(event, WhatNext):
            return None
        return {
            "t0": (Say("Hello. How are you?"), Listen("t1", speech=True)),
            "t1": (Wait(2), GoOn("t2")),
            "t2": (Say("Good to hear."), Listen("t3", speech=True, timeout_s=5)),
            "t3": (Say("Are you there?"), HangUp()),
        }[event.turn]

    desk.flow = flow
    await desk.places(turn="t0")
    await time.until(alice.rings())
    alice.answers()
    await time.until(alice.hears("How are you?"))
    await time.passes(seconds=1)
    alice.says("I am fine.")
    await time.until(alice.hears("Good to hear."))
    await time.until(alice.hears("Are you there?"))
    await time.settles()
    assert [(e.speech, e.confidence) for e in desk.asked("t1")] == [("I am fine.", 0.92)]
    assert [e.speech for e in desk.asked("t3")] == [""]
    assert desk.refused == ["gather_stop", "transcription_start"], "refusals that cost nothing"


async def test_a_live_call_is_told_something_else(desk: Desk) -> None:
    time, alice = desk.time, desk.time.carrier.phone(ALICE)
    id_ = await desk.places(Say("One two three four five six seven eight."), Listen("t1"))
    await time.until(alice.rings())
    call = alice.answers()
    await time.passes(seconds=1)
    requests = CALLS.tell((Say("Stop."), HangUp()), id_, "call_1", desk.line)
    for request in requests:
        CALLS.told(await desk.sends(request))
    await time.until(alice.is_over())
    await time.settles()
    assert call.heard.endswith("Stop.")
    assert "eight" not in call.heard
    assert desk.asked("t1") == []


# -- callers ----------------------------------------------------------------------------------------


async def test_a_caller_is_answered_and_asked(desk: Desk) -> None:
    time, alice = desk.time, desk.time.carrier.phone(ALICE)

    def flow(event: CallEvent) -> tuple[Instruction, ...] | None:
        if isinstance(event, IncomingCall):
            return (Say("Welcome."), Listen("t1", digits_count=2))
        return (HangUp(),) if isinstance(event, WhatNext) else None

    desk.flow = flow
    call = alice.calls()
    await time.until(alice.hears("Welcome."))
    await time.passes(seconds=1)
    alice.presses("42")
    await time.until(alice.is_over())
    await time.settles()
    assert [e.digits for e in desk.asked("t1")] == ["42"]
    (coming,) = [e for e in desk.events if isinstance(e, IncomingCall)]
    assert (coming.caller, coming.called, coming.hidden) == (ALICE, desk.time.carrier.number, False)
    assert (call.status, desk.ends()[-1]) == ("completed", CallState.ENDED)


async def test_a_refused_caller_was_never_answered(desk: Desk) -> None:
    desk.flow = lambda event: (Refuse(),) if isinstance(event, IncomingCall) else None
    call = desk.time.carrier.phone(ALICE).calls(shown="anonymous")
    await desk.time.settles()
    assert (call.answered_at, call.played) == (None, [])
    assert desk.ends() == [CallState.BUSY]
    assert any(isinstance(e, IncomingCall) and e.hidden for e in desk.events)


async def test_a_caller_nobody_answers_gives_up(desk: Desk) -> None:
    call = desk.time.carrier.phone(ALICE).calls()
    await desk.time.settles()
    assert (call.status, desk.ends()) == ("no-answer", [CallState.NO_ANSWER])


# -- ends and detection -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "state"),
    [
        ("busy", CallState.BUSY),
        ("failed", CallState.FAILED),
        ("off", CallState.NO_ANSWER),
        ("silent", CallState.NO_ANSWER),
    ],
)
async def test_calls_nobody_takes(desk: Desk, script: str, state: CallState) -> None:
    desk.time.carrier.script_call(ALICE, script)
    await desk.places(Say("Hello."), ring_s=20)
    await desk.time.settles()
    assert desk.ends() == [CallState.OFFERED, state]


@pytest.mark.proves("P12")
async def test_the_carriers_own_limit_ends_a_call(desk: Desk) -> None:
    desk.time.carrier.script_call(ALICE, "answers")
    await desk.places(Wait(500), limit_s=30)
    await desk.time.settles()
    (call,) = desk.time.carrier.calls
    assert call.duration_s == 30
    over = [e for e in desk.events if isinstance(e, CallProgress)][-1]
    assert (over.state, over.provider_status) == (CallState.ENDED, "time_limit")


@pytest.mark.parametrize(
    ("by", "detection", "expected"),
    [
        ("human", Detection.FAST, [Answerer.HUMAN]),
        ("machine", Detection.FAST, [Answerer.MACHINE]),
        ("machine", Detection.PATIENT, [Answerer.MACHINE, Answerer.MACHINE_READY]),
        ("unknown", Detection.FAST, [Answerer.UNKNOWN]),
    ],
)
async def test_machines_are_heard_while_the_call_goes_on(
    desk: Desk, by: str, detection: Detection, expected: list[Answerer]
) -> None:
    time, alice = desk.time, desk.time.carrier.phone(ALICE)
    await desk.places(Wait(20), detection=detection)
    await time.until(alice.rings())
    alice.answers(by)
    await time.settles()
    assert [e.answered_by for e in desk.events if isinstance(e, AnswererHeard)] == expected


async def test_a_message_is_left_once_the_greeting_is_over(desk: Desk) -> None:
    time, alice = desk.time, desk.time.carrier.phone(ALICE)
    await desk.places(
        *(Say("Call us back."), HangUp()), detection=Detection.PATIENT, detects_meanwhile=False
    )
    await time.until(alice.rings())
    call = alice.answers("machine")
    await time.settles()
    (said,) = [one for one in call.played if one.kind == "say"]
    assert call.answered_at is not None
    assert said.started_at - call.answered_at >= timedelta(seconds=8)
    waited = next(e for e in desk.events if isinstance(e, WhatNext))
    assert waited.answered_by is Answerer.MACHINE_READY


# -- more than words --------------------------------------------------------------------------------


async def test_a_caller_leaves_a_message(desk: Desk) -> None:
    time, alice = desk.time, desk.time.carrier.phone(ALICE)

    def flow(event: CallEvent) -> tuple[Instruction, ...] | None:
        if isinstance(event, IncomingCall):
            return (Say("Speak after the tone."), TakeMessage("t1", 60, silence_s=3))
        return (Say("Thank you."), HangUp()) if isinstance(event, RecordingReport) else None

    desk.flow = flow
    alice.calls()
    await time.until(alice.hears("beep"))
    alice.says("The pump is broken.")
    await time.until(alice.hears("Thank you."))
    await time.settles()
    (report,) = [e for e in desk.events if isinstance(e, RecordingReport)]
    assert (report.turn, report.asks, report.our_id) == ("t1", True, "call_1")
    assert report.url == time.carrier.voice.recordings[0].url
    assert time.carrier.voice.recordings[0].words == ("The pump is broken.",)


async def test_another_number_is_connected_and_the_person_stays_on_the_line(desk: Desk) -> None:
    time = desk.time
    alice, bob = time.carrier.phone(ALICE), time.carrier.phone(BOB)

    def flow(event: CallEvent) -> tuple[Instruction, ...] | None:
        if isinstance(event, IncomingCall):
            return (Say("One moment."), DialNumber("t1", BOB, ring_s=20))
        return (Say("They are gone."), HangUp()) if isinstance(event, LegEnded) else None

    desk.flow = flow
    call = alice.calls()
    await time.until(bob.rings())
    bob.answers()
    await time.passes(seconds=1)
    bob.says("Bob here.")
    alice.says("Hello Bob.")
    await time.until(alice.hears("Bob here."))
    await time.until(bob.hears("Hello Bob."))
    bob.hangs_up()
    await time.until(alice.hears("They are gone."))
    await time.settles()
    (ended,) = [e for e in desk.events if isinstance(e, LegEnded)]
    legs = [e for e in desk.events if isinstance(e, CallProgress) and e.parent_provider_id]
    assert (ended.turn, ended.leg_state) == ("t1", CallState.ENDED)
    assert {leg.parent_provider_id for leg in legs} == {ended.provider_id}
    assert call.status == "completed"
    assert desk.refused == ["streaming_stop"]


async def test_a_leg_never_outlives_the_call_it_was_dialled_from(desk: Desk) -> None:
    time = desk.time
    alice, bob = time.carrier.phone(ALICE), time.carrier.phone(BOB)
    desk.flow = lambda e: (DialNumber("t1", BOB),) if isinstance(e, IncomingCall) else None
    alice.calls()
    call = await time.until(bob.rings())
    alice.hangs_up()
    await time.settles()
    assert call.status == "canceled"


async def test_tones_and_files(desk: Desk) -> None:
    time, alice = desk.time, desk.time.carrier.phone(ALICE)
    good, none = desk.receiver.url("/a.wav"), f"{time.carrier.base_url}/nothing.wav"
    desk.receiver.on_hit = lambda hit: _only_posts(desk, hit)
    await desk.places(SendDigits("12"), Play(good), Play(none), Say("Done."), HangUp())
    await time.until(alice.rings())
    call = alice.answers()
    await time.until(alice.is_over())
    await time.settles()
    assert [(p.kind, p.text) for p in call.played] == [
        ("digits", "12"),
        ("play", good),
        ("say", "Done."),
    ]


async def _only_posts(desk: Desk, hit: Hit) -> None:
    if hit.method == "POST":
        await desk.on_hit(hit)


async def test_a_stream_that_cannot_be_opened_asks_what_next(desk: Desk) -> None:
    time, alice = desk.time, desk.time.carrier.phone(ALICE)

    def flow(event: CallEvent) -> tuple[Instruction, ...] | None:
        return (Say("No sound."), HangUp()) if desk.asked("t1") else None

    desk.flow = flow
    await desk.places(OpenStream("t1", "wss://127.0.0.1:9/media/token-1"))
    await time.until(alice.rings())
    alice.answers()
    await time.until(alice.hears("No sound."))
    await time.settles()
    (stream,) = time.carrier.voice.streams.all
    assert (stream.about.token, stream.two_way) == ("token-1", True)
    assert stream.about.call_id == desk.events[0].provider_id


# -- the API ----------------------------------------------------------------------------------------


async def posts(desk: Desk, path: str, document: Any, key: str = KEY) -> tuple[int, Any]:
    url = f"{desk.time.carrier.base_url}/v2{path}"
    headers = {"Authorization": f"Bearer {key}"}
    async with desk.http.post(url, json=document, headers=headers) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"to": None}, "10004"),
        ({"to": "12"}, "10016"),
        ({"from": "+15555550199"}, "10015"),
        ({"connection_id": "1"}, "10015"),
        ({"timeout_secs": 4}, "10015"),
        ({"time_limit_secs": 14_401}, "10015"),
        ({"client_state": "!"}, "10015"),
        ({"webhook_url": "nowhere"}, "10015"),
        ({"answering_machine_detection": "yes"}, "10015"),
        ({"TimeLimit": 5}, "10015"),
    ],
)
async def test_what_is_no_call_to_telnyx_is_refused(
    desk: Desk, change: dict[str, Any], code: str
) -> None:
    carrier = desk.time.carrier
    good = {"to": ALICE, "from": carrier.number, "connection_id": carrier.connection_id}
    asked = {name: value for name, value in (good | change).items() if value is not None}
    status, answer = await posts(desk, "/calls", asked)
    assert (status, answer["errors"][0]["code"]) == (422, code)
    assert not carrier.calls


async def test_a_repeat_within_a_minute_places_no_second_call(desk: Desk) -> None:
    carrier = desk.time.carrier
    asked = {"to": ALICE, "from": carrier.number, "connection_id": carrier.connection_id}
    asked["command_id"] = "once"
    ids = [(await posts(desk, "/calls", asked))[1]["data"]["call_control_id"] for _ in range(2)]
    assert (ids[0], len(carrier.calls)) == (ids[1], 1)
    await desk.time.passes(seconds=61)
    assert (await posts(desk, "/calls", asked))[0] == 200
    assert len(carrier.calls) == 2
    assert (await posts(desk, "/calls", asked, key="other"))[0] == 401


async def test_a_lost_answer_leaves_a_call_that_rings(desk: Desk) -> None:
    desk.time.carrier.next_creates(Outcome.ERROR_AFTER_ACCEPT, Outcome.THROTTLED)
    call = OutboundCall("call_1", ALICE, 60, turn="t0")
    outcomes = [CALLS.placed(await desk.sends(CALLS.place(call, desk.line))).kind for _ in range(2)]
    assert outcomes == [OutcomeKind.UNKNOWN, OutcomeKind.RETRYABLE]
    await desk.time.until(desk.time.carrier.phone(ALICE).rings())
    assert desk.ends() == [CallState.OFFERED], "its event names it, by our id"
    assert isinstance(desk.events[0], CallProgress)
    assert desk.events[0].our_id == "call_1"


@pytest.mark.parametrize(
    ("action", "document", "code"),
    [
        ("sing", {}, "10005"),
        ("speak", {"voice": "female"}, "10004"),
        ("speak", {"payload": "x" * 3001, "voice": "female"}, "10015"),
        ("speak", {"payload": "x", "voice": "female", "loud": True}, "10015"),
        ("hangup", {"client_state": "not base64!"}, "10015"),
        ("gather_stop", {}, "10015"),
        ("transcription_stop", {}, "10015"),
        ("record_stop", {}, "10015"),
        ("streaming_stop", {}, "10015"),
        ("streaming_start", {"stream_url": "https://x.example"}, "10015"),
        ("transfer", {"to": "12"}, "10016"),
        ("answer", {}, "10015"),
        ("reject", {"cause": "USER_BUSY"}, "10015"),
        ("playback_start", {"media_name": "a"}, "10004"),
    ],
)
async def test_commands_that_cannot_be_done(
    desk: Desk, action: str, document: dict[str, Any], code: str
) -> None:
    id_ = await desk.places(Wait(60))
    early = await posts(desk, f"/calls/{id_}/actions/speak", {"payload": "x", "voice": "female"})
    assert early[1]["errors"][0]["code"] == "90034"
    await desk.time.until(desk.time.carrier.phone(ALICE).rings())
    desk.time.carrier.phone(ALICE).answers()
    await desk.time.passes(seconds=1)
    status, answer = await posts(desk, f"/calls/{id_}/actions/{action}", document)
    assert (status >= 400, answer["errors"][0]["code"]) == (True, code)
    assert (await posts(desk, "/calls/v3:nobody/actions/hangup", {}))[0] == 404


async def test_a_command_is_done_once_a_minute(desk: Desk) -> None:
    id_ = await desk.places(Wait(200))
    await desk.time.until(desk.time.carrier.phone(ALICE).rings())
    call = desk.time.carrier.phone(ALICE).answers()
    await desk.time.passes(seconds=1)
    speak = {"payload": "Again.", "voice": "female", "stop": "all", "command_id": "a"}
    speak["client_state"] = "bm90IG91cnM="  # what our own would bring about is not wanted here
    for seconds in (2, 61, 2):
        assert (await posts(desk, f"/calls/{id_}/actions/speak", speak))[0] == 200
        await desk.time.passes(seconds=seconds)
    assert call.heard == "Again. Again."


# -- what it tells ----------------------------------------------------------------------------------


@pytest.mark.proves("B116")
async def test_events_come_twice_late_or_never(desk: Desk) -> None:
    desk.time.carrier.faults = Faults(callback_duplicated=1.0)
    desk.time.carrier.script_call(ALICE, "answers")
    await desk.places(Say("Hello."), HangUp())
    await desk.time.settles()
    assert kinds(desk).count("call.speak.ended") == 2
    assert desk.told == [Told.DONE] * 2, "said once, hung up once"
    (call,) = desk.time.carrier.calls
    assert call.heard == "Hello."


async def test_an_event_that_is_not_taken_is_tried_three_times(desk: Desk) -> None:
    desk.time.carrier.script_call(ALICE, "busy")
    desk.receiver.statuses = [500, 500, 200]
    await desk.places(Say("Hello."))
    await desk.time.settles()
    attempts = [json.loads(hit.raw)["meta"]["attempt"] for hit in desk.receiver.hits]
    assert attempts[:3] == [1, 2, 3]


_SCHEMAS = {
    "call.initiated": "CallInitiatedWebhookEvent",
    "call.answered": "CallAnsweredWebhookEvent",
    "call.hangup": "CallHangupWebhookEvent",
    "call.speak.started": "CallSpeakStartedWebhookEvent",
    "call.speak.ended": "CallSpeakEndedWebhookEvent",
    "call.playback.started": "CallPlaybackStartedWebhookEvent",
    "call.playback.ended": "CallPlaybackEndedWebhookEvent",
    "call.gather.ended": "CallGatherEndedWebhookEvent",
    "call.dtmf.received": "CallDtmfReceivedWebhookEvent",
    "call.machine.detection.ended": "CallMachineDetectionEndedWebhookEvent",
    "call.recording.saved": "CallRecordingSavedWebhookEvent",
    "call.transcription": "TranscriptionWebhookEvent",
    "call.bridged": "CallBridgedWebhookEvent",
    "streaming.failed": "CallStreamingFailedWebhookEvent",
}


@pytest.mark.shared
async def test_every_event_is_what_the_vendors_types_say(
    desk: Desk, shared_data: Callable[[str], Any]
) -> None:
    """One call with everything in it. `gather_id` is promised by the request's types only."""
    schemas = shared_data("telnyx-webhook-events.schema.json")["events"]
    time, alice, bob = desk.time, desk.time.carrier.phone(ALICE), desk.time.carrier.phone(BOB)

    def flow(event: CallEvent) -> tuple[Instruction, ...] | None:
        turn = getattr(event, "turn", "")
        ask = Listen("t1", speech=True, timeout_s=2)
        return {
            "t0": (Play(f"{time.carrier.base_url}/none.wav"), Say("Words?"), ask),
            "t1": (TakeMessage("t2", 5),),
            "t2": (Listen("t3", digits_count=1, timeout_s=2),),
            "t3": (OpenStream("t4", "wss://127.0.0.1:9/m"),),
            "t4": (DialNumber("t5", BOB),),
            "t5": (HangUp(),),
        }.get(turn)

    desk.flow = flow
    time.carrier.script_call(BOB, "answers")
    await desk.places(turn="t0", detection=Detection.FAST)
    await time.until(alice.rings())
    alice.answers()
    await time.until(alice.hears("Words?"))
    await time.passes(seconds=1)
    alice.says("Yes.")
    await time.until(alice.hears("beep"))
    await time.passes(seconds=6)
    alice.presses("5")
    await time.until(bob.rings())
    await time.passes(seconds=5)
    bob.hangs_up()
    await time.settles()
    told = [json.loads(hit.raw) for hit in desk.receiver.hits]
    assert {one["data"]["event_type"] for one in told} == _SCHEMAS.keys()
    for document in told:
        schema = schemas[_SCHEMAS[document["data"]["event_type"]]]
        document["data"]["payload"].pop("gather_id", None)
        wrong = [error.message for error in Draft202012Validator(schema).iter_errors(document)]
        known = {name for kind in schema["$defs"].values() for name in kind.get("properties", {})}
        assert (wrong, document["data"]["payload"].keys() - known) == ([], set()), document


async def test_nobody_is_told_where_callbacks_are_off(desk: Desk) -> None:
    desk.time.carrier.world.exchange.callbacks = False
    desk.time.carrier.script_call(ALICE, "answers")
    await desk.places(Say("Hello."), limit_s=20)
    await desk.time.settles()
    assert desk.receiver.hits == []
