"""Calls of the simulated carrier as people have them: phones ring and are answered, words are played
out over time and heard, keys are pressed, calls end, and every webhook about it is signed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from call_rig import START, Answers, Time, all_signed
from carrier_rig import ALICE, BOB, Hit, Receiver, Sdk

from ringfence.clock import ManualClock
from ringfence.simulator.call_phone import NotHeard
from ringfence.simulator.calls import Call
from ringfence.testing import CallScript, Faults, SimulatedCarrier

SAY = "<Say>Your server is down. Press one to take it.</Say>"
EVENTS = ["initiated", "ringing", "answered", "completed"]


async def placed(time: Time, to: str = ALICE, **rest: Any) -> Call:
    """Place a call with the vendor's client."""
    if "url" not in rest:
        rest.setdefault("twiml", f"<Response>{SAY}</Response>")
    sdk = Sdk(time.carrier)
    made = await sdk(lambda c: c.calls.create(to=to, from_=time.carrier.number, **rest))
    return time.carrier.voice.book.calls[made.sid]


def progress(receiver: Receiver) -> list[str]:
    return [h.form["CallStatus"] for h in receiver.hits if "CallbackSource" in h.form]


# -- outbound -------------------------------------------------------------------------------------


async def test_a_phone_rings_is_answered_and_hears_the_words(
    time: Time, answers: Answers, receiver: Receiver
) -> None:
    url = answers.at("/voice", SAY)
    call = await placed(
        time, url=url, status_callback=receiver.url("/status"), status_callback_event=EVENTS
    )
    alice = time.carrier.phone(ALICE)
    assert await time.until(alice.rings()) is call
    assert call.status == "ringing"
    alice.answers()
    played = await time.until(alice.hears("Press one"))
    assert played.heard == "Your server is down. Press one to take it."
    step = timedelta(seconds=0.35)
    assert [at - played.started_at for _, at in played.words] == [n * step for n in range(9)]
    await time.until(alice.is_over())
    await time.settles()
    assert (call.status, call.duration_s) == ("completed", 4), "3.15 s of words, rounded up"
    (fetch,) = answers.hits("/voice")
    assert fetch.form["CallStatus"] == "in-progress"
    assert (fetch.form["Direction"], fetch.form["CallSid"]) == ("outbound-api", call.sid)
    assert progress(receiver) == ["initiated", "ringing", "in-progress", "completed"]
    reports = answers.hits("/status")
    assert [hit.form["SequenceNumber"] for hit in reports] == ["0", "1", "2", "3"]
    assert (reports[-1].form["CallDuration"], reports[-1].form["Duration"]) == ("4", "1")
    assert parsedate_to_datetime(reports[0].form["Timestamp"]) >= START
    assert all_signed(receiver, time.carrier.auth_token)
    assert not time.carrier.alerts


async def test_only_the_end_is_reported_unless_asked(time: Time, receiver: Receiver) -> None:
    time.carrier.script_call(ALICE, "answers")
    await placed(time, status_callback=receiver.url("/status"))
    await time.settles()
    assert progress(receiver) == ["completed"]


@pytest.mark.parametrize(
    ("script", "status", "sip"),
    [
        ("busy", "busy", "486"),
        ("failed", "failed", "503"),
        ("off", "failed", "480"),
        ("silent", "no-answer", None),
        ("rings", "no-answer", None),
    ],
)
async def test_calls_nobody_answers(
    time: Time, receiver: Receiver, script: str, status: str, sip: str | None
) -> None:
    time.carrier.script_call(ALICE, script)
    call = await placed(
        time,
        timeout=20,
        status_callback=receiver.url("/status"),
        status_callback_event=EVENTS,
    )
    await time.settles()
    assert (call.status, call.duration_s, call.played) == (status, 0, [])
    final = receiver.hits[-1].form
    assert (final["CallStatus"], final["CallDuration"]) == (status, "0")
    assert final.get("SipResponseCode") == sip
    assert "in-progress" not in progress(receiver)


async def test_who_turns_a_call_away_is_busy(time: Time) -> None:
    call = await placed(time)
    alice = time.carrier.phone(ALICE)
    await time.until(alice.rings())
    alice.hangs_up()
    await time.settles()
    assert call.status == "busy"


async def test_it_rings_as_long_as_it_was_told(time: Time) -> None:
    call = await placed(time, timeout=25)
    await time.until(time.carrier.phone(ALICE).rings())
    rang = time.clock.now()
    await time.settles()
    assert call.ended_at == rang + timedelta(seconds=25)


@pytest.mark.proves("P12")
async def test_the_carriers_own_limit_ends_a_call_that_nobody_ends(time: Time) -> None:
    call = await placed(time, twiml="<Response><Pause length='9999'/></Response>", time_limit=300)
    alice = time.carrier.phone(ALICE)
    await time.until(alice.rings())
    await time.passes(seconds=10)
    alice.answers()
    await time.settles()
    assert call.answered_at is not None
    assert call.ended_at == call.answered_at + timedelta(seconds=300), "ringing does not count"
    assert call.status == "completed"


async def test_hanging_up_cuts_the_words_where_they_were(time: Time, receiver: Receiver) -> None:
    call = await placed(time, status_callback=receiver.url("/status"))
    alice = time.carrier.phone(ALICE)
    await time.until(alice.rings())
    alice.answers()
    await time.passes(seconds=0.35 * 4.5)
    alice.hangs_up()
    await time.settles()
    assert call.heard == "Your server is down."
    assert call.played[0].text != call.heard, "said and heard are two things"
    assert progress(receiver) == ["completed"]


async def test_the_api_ends_and_turns_a_live_call(time: Time, answers: Answers) -> None:
    sdk = Sdk(time.carrier)
    url = answers.at("/next", "<Say>Please hold.</Say><Pause length='60'/>")
    call = await placed(time, twiml="<Response><Pause length='600'/></Response>")
    alice = time.carrier.phone(ALICE)
    await time.until(alice.rings())
    alice.answers()
    await time.passes(seconds=1)
    await sdk(lambda c: c.calls(call.sid).update(url=url))
    await time.until(alice.hears("Please hold."))
    await sdk(lambda c: c.calls(call.sid).update(twiml="<Response><Say>Bye.</Say></Response>"))
    await time.until(alice.hears("Bye."))
    await time.settles()
    assert call.status == "completed"
    other = await placed(time, BOB)
    await time.until(time.carrier.phone(BOB).rings())
    ended = await sdk(lambda c: c.calls(other.sid).update(status="canceled"))
    assert ended.sid == other.sid
    await time.settles()
    assert (other.status, other.duration_s) == ("canceled", 0)


async def test_canceling_spares_a_live_call_and_completing_does_not(time: Time) -> None:
    sdk = Sdk(time.carrier)
    time.carrier.script_call(ALICE, "answers")
    call = await placed(time, twiml="<Response><Pause length='600'/></Response>")
    await time.passes(seconds=5)
    await sdk(lambda c: c.calls(call.sid).update(status="canceled"))
    await time.passes(seconds=1)
    assert call.status == "in-progress"
    await sdk(lambda c: c.calls(call.sid).update(status="completed"))
    await time.settles()
    assert call.status == "completed"


# -- who picked up --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "by", "verdict", "after_s"),
    [
        ("Enable", "human", "human", 3),
        ("Enable", "machine", "machine_start", 3),
        ("DetectMessageEnd", "machine", "machine_end_beep", 8),
        ("DetectMessageEnd", "machine_end_silence", "machine_end_silence", 8),
        ("Enable", "fax", "fax", 3),
        ("Enable", "unknown", "unknown", 3),
    ],
)
async def test_the_instructions_wait_for_the_verdict(
    time: Time, answers: Answers, mode: str, by: str, verdict: str, after_s: int
) -> None:
    call = await placed(time, url=answers.at("/voice", SAY), machine_detection=mode)
    alice = time.carrier.phone(ALICE)
    await time.until(alice.rings())
    alice.answers(by)
    played = await time.until(alice.hears())
    assert call.answered_at is not None
    assert played.started_at - call.answered_at == timedelta(seconds=after_s)
    (fetch,) = answers.hits("/voice")
    assert fetch.form["AnsweredBy"] == verdict
    await time.settles()
    assert call.answered_by == verdict


async def test_the_verdict_comes_apart_while_the_call_goes_on(
    time: Time, answers: Answers, receiver: Receiver
) -> None:
    time.carrier.script_call(ALICE, "voicemail")
    call = await placed(
        time,
        url=answers.at("/voice", "<Pause length='60'/>"),
        machine_detection="DetectMessageEnd",
        async_amd="true",
        async_amd_status_callback=receiver.url("/amd"),
    )
    await time.settles()
    (fetch,) = answers.hits("/voice")
    assert "AnsweredBy" not in fetch.form
    (verdict,) = answers.hits("/amd")
    assert verdict.form == {
        "CallSid": call.sid,
        "AccountSid": time.carrier.account_sid,
        "AnsweredBy": "machine_end_beep",
        "MachineDetectionDuration": "8000",
    }
    assert all_signed(receiver, time.carrier.auth_token)


async def test_with_send_digits_nobody_listens_for_machines(time: Time, answers: Answers) -> None:
    time.carrier.script_call(ALICE, "answers")
    url = answers.at("/voice", SAY)
    call = await placed(time, url=url, machine_detection="Enable", send_digits="1234#")
    await time.settles()
    assert call.answered_by is None
    assert "AnsweredBy" not in answers.hits("/voice")[0].form


# -- gather ---------------------------------------------------------------------------------------


async def on_the_line(time: Time, answers: Answers, inner: str) -> Call:
    """A call that Alice has just answered, with these instructions."""
    call = await placed(time, url=answers.at("/voice", inner))
    alice = time.carrier.phone(ALICE)
    await time.until(alice.rings())
    alice.answers()
    return call


GATHER = f'<Gather action="/got" numDigits="1" timeout="5">{SAY}</Gather><Say>No key.</Say>'


async def test_a_key_cuts_the_prompt_and_arrives(time: Time, answers: Answers) -> None:
    answers.at("/got", lambda hit: f"<Say>You pressed {hit.form['Digits']}.</Say>")
    call = await on_the_line(time, answers, GATHER)
    alice = time.carrier.phone(ALICE)
    await time.passes(seconds=0.35 * 3.5)
    alice.presses("1")
    await time.until(alice.hears("You pressed 1."))
    await time.settles()
    assert call.heard == "Your server is You pressed 1."
    (got,) = answers.hits("/got")
    assert (got.form["Digits"], got.form["CallSid"]) == ("1", call.sid)


@pytest.mark.parametrize(
    ("attributes", "pressed", "digits", "finished"),
    [
        ("", "123#", "123", "#"),
        ('finishOnKey="*"', "1#2*", "1#2", "*"),
        ('finishOnKey=""', "1#", "1#", None),
        ('numDigits="4"', "98765", "9876", None),
    ],
)
async def test_when_digits_are_enough(
    time: Time,
    answers: Answers,
    attributes: str,
    pressed: str,
    digits: str,
    finished: str | None,
) -> None:
    answers.at("/got", "<Hangup/>")
    await on_the_line(time, answers, f'<Gather action="/got" {attributes}/>')
    await time.passes(seconds=1)
    time.carrier.phone(ALICE).presses(pressed)
    await time.settles()
    (got,) = answers.hits("/got")
    assert (got.form["Digits"], got.form.get("FinishedOnKey")) == (digits, finished)


async def test_silence_goes_on_with_the_next_verb(time: Time, answers: Answers) -> None:
    answers.at("/got", "<Hangup/>")
    call = await on_the_line(time, answers, GATHER)
    played = await time.until(time.carrier.phone(ALICE).hears("No key."))
    await time.settles()
    first = call.played[0]
    assert first.ended_at is not None
    assert played.started_at - first.ended_at == timedelta(seconds=5)
    assert not answers.hits("/got")


async def test_silence_is_told_where_that_was_asked(time: Time, answers: Answers) -> None:
    answers.at("/got", lambda hit: f"<Say>Nothing {hit.form.get('Digits', '?')}.</Say>")
    inner = '<Gather action="/got" actionOnEmptyResult="true" timeout="3"/><Say>No.</Say>'
    call = await on_the_line(time, answers, inner)
    await time.settles()
    assert call.heard == "Nothing ."


async def test_words_are_heard_when_they_are_asked_for(time: Time, answers: Answers) -> None:
    answers.at("/got", lambda hit: f"<Say>You said {hit.form['SpeechResult']}.</Say>")
    inner = f'<Gather input="speech" action="/got" bargeIn="false">{SAY}</Gather>'
    call = await on_the_line(time, answers, inner)
    alice = time.carrier.phone(ALICE)
    await time.passes(seconds=1)
    alice.says("too early")
    await time.until(alice.hears("take it."))
    alice.presses("5")
    alice.says("yes & no")
    await time.until(alice.is_over())
    await time.settles()
    (got,) = answers.hits("/got")
    assert got.form["SpeechResult"] == "yes & no"
    assert 0 < float(got.form["Confidence"]) <= 1
    assert "Digits" not in got.form
    assert [(one.kind, one.text) for one in call.said] == [
        *(("mine", "too early"), ("keys", "5"), ("mine", "yes & no")),
    ]


# -- the other verbs ------------------------------------------------------------------------------


async def test_a_call_follows_redirects_relative_and_whole(time: Time, answers: Answers) -> None:
    answers.at("/a/one", "<Redirect method='GET'>two?x=1</Redirect><Say>never</Say>")
    answers.at("/a/two", f"<Redirect>{answers.at('/three', '<Say>Here.</Say>')}</Redirect>")
    call = await on_the_line(time, answers, "<Redirect>/a/one</Redirect>")
    await time.settles()
    assert call.heard == "Here."
    (two,) = answers.hits("/a/two")
    assert two.method == "GET"
    assert "x=1&" in two.url
    assert all_signed(answers.receiver, time.carrier.auth_token)


async def test_an_endless_redirect_ends(time: Time, answers: Answers) -> None:
    call = await on_the_line(time, answers, "<Redirect>/voice</Redirect>")
    await time.settles()
    assert call.status == "completed"
    assert [alert.error_code for alert in time.carrier.alerts] == [11200]


async def test_play_takes_time_and_digits_are_tones(time: Time, answers: Answers) -> None:
    sound = answers.at("/sound.wav", "")
    inner = f"<Play loop='2'>{sound}</Play><Play digits='1w2'/><Play>/gone</Play>"
    receiver = answers.receiver
    call = await on_the_line(time, answers, inner)
    receiver.statuses = [200, 200, 200, 404]
    await time.settles()
    assert [(p.kind, p.text) for p in call.played] == [
        ("play", sound),
        ("play", sound),
        ("digits", "1w2"),
    ]
    assert [alert.error_code for alert in time.carrier.alerts] == [11200]


async def test_a_message_is_left_after_the_beep(time: Time, answers: Answers) -> None:
    answers.at("/left", "<Say>Thank you.</Say>")
    inner = (
        '<Say>Leave a message.</Say><Record action="/left" timeout="4" finishOnKey="#" '
        'recordingStatusCallback="/rec"/><Say>never</Say>'
    )
    inner = inner.replace('"/rec"', f'"{answers.receiver.url("/rec")}"')
    call = await on_the_line(time, answers, inner)
    alice = time.carrier.phone(ALICE)
    await time.until(alice.hears("beep"))
    alice.says("It is Alice.")
    await time.passes(seconds=2)
    alice.says("Call me.")
    await time.until(alice.hears("Thank you."))
    await time.settles()
    (left,) = answers.hits("/left")
    (recording,) = time.carrier.voice.recordings
    assert recording.words == ("It is Alice.", "Call me.")
    assert left.form["RecordingSid"] == recording.sid
    assert (left.form["RecordingDuration"], left.form["Digits"]) == ("6", "")
    (report,) = answers.hits("/rec")
    assert report.form["RecordingStatus"] == "completed"
    assert "never" not in call.heard


async def test_who_hangs_up_after_speaking_has_left_a_message(time: Time, answers: Answers) -> None:
    answers.at("/left", "<Say>never</Say>")
    await on_the_line(time, answers, '<Record action="/left" playBeep="false"/>')
    alice = time.carrier.phone(ALICE)
    await time.passes(seconds=1)
    alice.says("Goodbye.")
    await time.passes(seconds=1)
    alice.hangs_up()
    await time.settles()
    (left,) = answers.hits("/left")
    assert left.form["Digits"] == "hangup"
    assert left.form["CallStatus"] == "completed"


async def test_silence_is_no_message(time: Time, answers: Answers) -> None:
    call = await on_the_line(time, answers, '<Record action="/left"/><Say>Nothing.</Say>')
    await time.settles()
    assert not answers.hits("/left")
    assert not time.carrier.voice.recordings
    assert call.heard == "Nothing."


# -- dial -----------------------------------------------------------------------------------------

DIAL = (
    '<Dial action="/over" timeout="15"><Number statusCallback="{}" '
    f'statusCallbackEvent="{" ".join(EVENTS)}">{BOB}</Number></Dial>'
)


async def test_two_people_are_connected(time: Time, answers: Answers) -> None:
    answers.at("/over", lambda hit: f"<Say>They were {hit.form['DialCallStatus']}.</Say>")
    call = await on_the_line(time, answers, DIAL.format(answers.receiver.url("/leg")))
    alice, bob = time.carrier.phone(ALICE), time.carrier.phone(BOB)
    leg = await time.until(bob.rings())
    assert (leg.parent_sid, leg.direction) == (call.sid, "outbound-dial")
    bob.answers()
    await time.passes(seconds=1)
    alice.says("Are you there?")
    assert (await time.until(bob.hears("Are you there?"))).kind == "spoken"
    bob.says("I am.")
    await time.until(alice.hears("I am."))
    bob.presses("7")
    assert (await time.until(alice.hears("7"))).kind == "digits"
    bob.hangs_up()
    await time.until(alice.hears("They were completed."))
    await time.settles()
    (over,) = answers.hits("/over")
    assert over.form["DialCallSid"] == leg.sid
    assert int(over.form["DialCallDuration"]) == leg.duration_s >= 1
    reports = answers.hits("/leg")
    assert [hit.form["CallStatus"] for hit in reports] == [
        *("initiated", "ringing", "in-progress", "completed"),
    ]
    assert {hit.form["ParentCallSid"] for hit in reports} == {call.sid}
    assert all_signed(answers.receiver, time.carrier.auth_token)


@pytest.mark.parametrize(
    ("script", "status"), [("busy", "busy"), ("silent", "no-answer"), ("failed", "failed")]
)
async def test_a_leg_nobody_answers_leaves_the_call(
    time: Time, answers: Answers, script: str, status: str
) -> None:
    time.carrier.script_call(BOB, script)
    answers.at("/over", lambda hit: f"<Say>{hit.form['DialCallStatus']}</Say>")
    call = await on_the_line(time, answers, DIAL.format(""))
    await time.settles()
    assert call.heard == status
    assert time.carrier.calls[-1].status == status


async def test_who_hangs_up_while_it_rings_takes_the_leg_along(
    time: Time, answers: Answers
) -> None:
    call = await on_the_line(time, answers, DIAL.format(""))
    await time.until(time.carrier.phone(BOB).rings())
    time.carrier.phone(ALICE).hangs_up()
    await time.settles()
    assert [call.status for call in time.carrier.calls] == ["completed", "canceled"]
    assert call.is_over


async def test_a_dialled_leg_has_its_own_limit_and_a_star_may_end_it(
    time: Time, answers: Answers
) -> None:
    time.carrier.script_call(BOB, "answers")
    inner = f'<Dial timeLimit="60" callerId="+15555550177">{BOB}</Dial><Say>Back.</Say>'
    call = await on_the_line(time, answers, inner)
    await time.settles()
    leg = time.carrier.calls[-1]
    assert (leg.duration_s, leg.caller) == (60, "+15555550177")
    assert call.heard == "Back."
    answers.at("/voice", f'<Dial hangupOnStar="true">{BOB}</Dial><Say>Back.</Say>')
    again = await placed(time, url=answers.receiver.url("/voice"))
    alice = time.carrier.phone(ALICE)
    await time.until(alice.rings())
    alice.answers()
    await time.passes(seconds=5)
    alice.presses("*")
    await time.until(alice.hears("Back."))
    await time.settles()
    assert again.heard == "Back."


# -- inbound --------------------------------------------------------------------------------------


async def test_somebody_calls_and_is_answered(
    time: Time, answers: Answers, receiver: Receiver
) -> None:
    time.carrier.voice_url = answers.at("/voice", SAY)
    time.carrier.world.line.settings["status_callback"] = receiver.url("/status")
    alice = time.carrier.phone(ALICE)
    call = alice.calls()
    assert call.status == "ringing"
    await time.until(alice.hears("Your server is down."))
    await time.settles()
    (asked,) = answers.hits("/voice")
    wanted = {"From": ALICE, "To": time.carrier.number, "CallStatus": "ringing"}
    assert wanted.items() <= asked.form.items()
    assert asked.form["Direction"] == "inbound"
    assert "StatusCallbackEvent" not in asked.form
    assert progress(receiver) == ["completed"]
    assert all_signed(receiver, time.carrier.auth_token)


@pytest.mark.parametrize(
    ("inner", "status", "answered"),
    [
        ("<Reject/>", "failed", False),
        ("<Reject reason='busy'/>", "busy", False),
        ("<Pause length='3'/><Reject/>", "failed", False),
        ("<Hangup/>", "completed", True),
        ("", "completed", True),
        ("<Say>Hi.</Say><Reject/>", "completed", True),
    ],
)
async def test_what_is_turned_away_is_not_answered(
    time: Time, answers: Answers, inner: str, status: str, answered: bool
) -> None:
    """Nobody is charged for a call that Reject turns away (voice.md 1.2)."""
    time.carrier.voice_url = answers.at("/voice", inner)
    call = time.carrier.phone(ALICE).calls()
    await time.settles()
    assert (call.status, call.answered_at is not None) == (status, answered)


async def test_a_number_without_a_voice_url_takes_no_calls(time: Time) -> None:
    call = time.carrier.phone(ALICE).calls()
    await time.settles()
    assert (call.status, call.answered_at) == ("failed", None)


async def test_a_caller_may_hide_or_hang_up_first(time: Time, answers: Answers) -> None:
    time.carrier.voice_url = answers.at("/voice", "<Pause length='30'/><Say>Hi.</Say>")
    alice = time.carrier.phone(ALICE)
    call = alice.calls(shown="anonymous")
    await time.passes(seconds=2)
    alice.hangs_up()
    await time.settles()
    assert answers.hits("/voice")[0].form["From"] == "anonymous"
    assert (call.status, call.heard) == ("canceled", "")


async def test_when_the_first_address_fails_the_second_is_asked(
    time: Time, answers: Answers, receiver: Receiver
) -> None:
    settings = time.carrier.world.line.settings
    settings["voice_fallback_url"] = answers.at("/fallback", "<Say>Later, please.</Say>")
    time.carrier.voice_url = f"{receiver.url('/voice')}#rc=0"
    receiver.statuses = [500, 200]
    call = time.carrier.phone(ALICE).calls()
    await time.settles()
    assert call.heard == "Later, please."
    (fallback,) = answers.hits("/fallback")
    assert fallback.form["ErrorCode"] == "11200"
    assert fallback.form["ErrorUrl"].endswith("/voice#rc=0")


@pytest.mark.parametrize(
    ("document", "content_type", "code"),
    [
        ("<Response><Say>", "text/xml", 12100),
        ("<Response><Sing/></Response>", "text/xml", 12200),
        (
            "<Response><Start><Stream url='wss://x.example'/></Start></Response>",
            "text/xml",
            12200,
        ),
        ("<Response/>", "application/pdf", 12300),
        ("", "", 11200),
    ],
)
async def test_what_cannot_be_played_ends_the_call_aloud(
    time: Time, receiver: Receiver, document: str, content_type: str, code: int
) -> None:
    receiver.document, receiver.content_type = document, content_type
    time.carrier.voice_url = receiver.url("/voice")
    call = time.carrier.phone(ALICE).calls()
    await time.settles()
    assert [alert.error_code for alert in time.carrier.alerts] == [code]
    assert call.status == "completed"
    if "Stream" not in document:
        assert "application error" in call.heard


async def test_plain_text_is_read_out(time: Time, receiver: Receiver) -> None:
    receiver.document, receiver.content_type = "Hello there", "text/plain"
    time.carrier.voice_url = receiver.url("/voice")
    call = time.carrier.phone(ALICE).calls()
    await time.settles()
    assert call.heard == "Hello there"


async def test_phones_call_the_carriers_numbers_only(time: Time) -> None:
    with pytest.raises(ValueError, match="own numbers"):
        time.carrier.phone(ALICE).calls(BOB)


# -- faults ---------------------------------------------------------------------------------------


async def reported(time: Time, receiver: Receiver, faults: Faults) -> list[tuple[str, str]]:
    time.carrier.faults = faults
    time.carrier.script_call(ALICE, "answers")
    await placed(time, status_callback=receiver.url("/status"), status_callback_event=EVENTS)
    await time.settles()
    return [(h.form["SequenceNumber"], h.form["CallStatus"]) for h in receiver.hits]


IN_ORDER = [("0", "initiated"), ("1", "ringing"), ("2", "in-progress"), ("3", "completed")]


async def test_reports_may_come_twice(time: Time, receiver: Receiver) -> None:
    got = await reported(time, receiver, Faults(callback_duplicated=1.0))
    assert got == [report for report in IN_ORDER for _ in range(2)]
    tokens = [hit.headers["I-Twilio-Idempotency-Token"] for hit in receiver.hits]
    assert len(set(tokens)) == 4


async def test_reports_wait_for_each_other(time: Time, receiver: Receiver) -> None:
    """Without a fault they arrive in order, however slow their reader is."""
    gate = asyncio.Event()

    async def slow(hit: Hit) -> None:
        if hit.form["CallStatus"] == "initiated":
            await gate.wait()

    receiver.on_hit = slow
    time.carrier.script_call(ALICE, "busy")
    await placed(time, status_callback=receiver.url("/status"), status_callback_event=EVENTS)
    for _ in range(3):
        time.clock.advance(seconds=1)
        for _ in range(200):
            await asyncio.sleep(0)
    assert progress(receiver) == ["initiated"]
    gate.set()
    await time.settles()
    assert progress(receiver) == ["initiated", "busy"]


async def test_a_caller_may_be_told_of_twice(
    time: Time, answers: Answers, receiver: Receiver
) -> None:
    """The second answer is not heard: whoever gives one answer only once must not give it here."""
    given = iter(["<Say>First.</Say>", "<Say>Second.</Say>"])
    time.carrier.faults = Faults(webhook_duplicated=1.0)
    time.carrier.voice_url = answers.at("/voice", lambda _: next(given))
    call = time.carrier.phone(ALICE).calls()
    await time.settles()
    first, second = receiver.hits
    assert (first.pairs, first.signature) == (second.pairs, second.signature)
    assert call.heard == "First."


async def test_reports_may_be_lost(time: Time, receiver: Receiver) -> None:
    assert await reported(time, receiver, Faults(callback_dropped=1.0)) == []


async def test_reports_may_come_out_of_order(time: Time, receiver: Receiver) -> None:
    faults = Faults(callback_reordered=0.5, callback_delayed=0.5, callback_delay_s=60)
    got = await reported(time, receiver, faults)
    assert sorted(got) == IN_ORDER
    assert got != IN_ORDER


class EarlyClock(ManualClock):
    """Wakes sleepers a moment early, as timers may."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds - 0.001 if seconds > 0.001 else seconds)


async def test_an_early_timer_swallows_no_word(answers: Answers) -> None:
    clock = EarlyClock(START)
    async with SimulatedCarrier(clock=clock) as carrier:
        time = Time(clock, carrier)
        carrier.script_call(ALICE, "answers")
        call = await placed(time)
        await time.settles()
        assert call.heard == "Your server is down. Press one to take it."


# -- the phone ------------------------------------------------------------------------------------


async def test_a_phone_says_what_did_not_happen(time: Time) -> None:
    alice = time.carrier.phone(ALICE)
    with pytest.raises(NotHeard, match="did not ring"):
        await alice.rings(timeout_s=0.01)
    with pytest.raises(NotHeard, match="did not hear 'x'"):
        await alice.hears("x", timeout_s=0.01)
    with pytest.raises(NotHeard, match="did not see its call end"):
        await alice.is_over(timeout_s=0.01)
    with pytest.raises(NotHeard, match="does not ring"):
        alice.answers()
    for deed in (lambda: alice.presses("1"), lambda: alice.says("hi")):
        with pytest.raises(NotHeard, match="no live call"):
            deed()
    with pytest.raises(NotHeard, match="no call to hang up"):
        alice.hangs_up()
    alice.has_not_rung()


async def test_a_ring_nobody_expected_is_noticed(time: Time) -> None:
    time.carrier.script_call(ALICE, CallScript("human", after_s=1.0))
    await placed(time)
    await time.settles()
    with pytest.raises(NotHeard, match="nobody expected it"):
        time.carrier.phone(ALICE).has_not_rung()


async def test_a_world_that_ends_leaves_no_call_behind(time: Time, answers: Answers) -> None:
    await on_the_line(time, answers, DIAL.format(""))
    await time.until(time.carrier.phone(BOB).rings())
    await time.carrier.world.exchange.close()
    assert time.carrier.world.exchange.under_way == 0
