"""Telnyx's calls on the wire: exact commands, signed events, and the thread between them: what is left
of what a call was told comes back with the event that ends a step."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telnyx_call_rig import (
    ACTIONS,
    APP,
    CALL,
    CALLING,
    HOOK,
    LEG,
    SETTINGS,
    VOICE,
    actions,
    after,
    arrived,
    call,
    document,
    event,
    webhook,
)
from telnyx_rig import NOW, OTHER_SIGNER, OURS, PERSON, answer, posted, refusal

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
from ringfence.model.errors import (
    MalformedEvent,
    ProviderBusy,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    SignatureRefused,
)
from ringfence.model.instruction import (
    DialNumber,
    GoOn,
    HangUp,
    Instruction,
    JoinConference,
    Listen,
    OpenRelay,
    OpenStream,
    Play,
    Refusal,
    Refuse,
    Say,
    SendDigits,
    TakeMessage,
    Wait,
)
from ringfence.model.outbox import ErrorClass, OutcomeKind
from ringfence.providers import call_providers, telnyx_call_memory
from ringfence.providers.base import Detection, PlacesCalls, TakesCalls, Told
from ringfence.providers.telnyx_call_errors import CALL_MEANINGS, ENDS
from ringfence.providers.telnyx_call_memory import After, Memory
from ringfence.providers.telnyx_call_sounds import WORDS_CHARS_MAX
from ringfence.providers.telnyx_calls import CALLS

NOTICE = (Say("Your server is down. Press 1."), HangUp())
ASK = Listen("t1", (Say("Press 1."),), digits_count=1)


def tell(*instructions: Instruction) -> list[Any]:
    return list(CALLS.tell(instructions, CALL, "call_1", CALLING))


def told(*instructions: Instruction) -> dict[str, Any]:
    """The document of the last command of a step, without what every one carries."""
    found = document(tell(*instructions)[-1])
    return {k: v for k, v in found.items() if k not in ("client_state", "command_id")}


def test_it_is_found_and_is_told_by_requests() -> None:
    assert call_providers()["telnyx"] is CALLS
    assert isinstance(CALLS, PlacesCalls)
    assert isinstance(CALLS, TakesCalls)
    assert not CALLS.call_capabilities.answers_with_instructions


# -- placing ----------------------------------------------------------------------------------------


@pytest.mark.proves("P12")
def test_a_call_is_placed_with_the_carriers_own_limit() -> None:
    request = CALLS.place(call(instructions=NOTICE, ring_s=25), CALLING)
    assert (request.method, request.url) == ("POST", "https://api.telnyx.com/v2/calls")
    assert request.secret_headers["Authorization"].startswith("Bearer ")
    sent = document(request)
    state, id_ = sent.pop("client_state"), sent.pop("command_id")
    assert sent == {
        "connection_id": APP,
        "to": PERSON,
        "from": OURS,
        "webhook_url": HOOK,
        "webhook_url_method": "POST",
        "timeout_secs": 25,
        "time_limit_secs": 300,
        "answering_machine_detection": "disabled",
    }
    assert telnyx_call_memory.read(state) == Memory("call_1", After.ANSWER, rest=NOTICE)
    again = document(CALLS.place(call(instructions=NOTICE, ring_s=25), CALLING))
    assert again["command_id"] == id_, "a repeat is recognised"
    other = document(CALLS.place(call(our_id="call_2"), CALLING))
    assert other["command_id"] != id_


@pytest.mark.proves("B128")
def test_a_notice_travels_along_and_a_conversation_is_asked_for() -> None:
    notice = CALLS.place(call(instructions=NOTICE), CALLING)
    assert after(notice, "call.answered") == WhatNext(
        CALL, APP, "call_1", CallState.ANSWERED, rest=NOTICE
    )
    for much in ((), (Say("x" * 20_000),)):
        talk = CALLS.place(call(turn="t1", instructions=much), CALLING)
        assert after(talk, "call.answered") == WhatNext(
            CALL, APP, "call_1", CallState.ANSWERED, turn="t1"
        )


@pytest.mark.parametrize(
    ("detection", "word"),
    [
        (Detection.NONE, "disabled"),
        (Detection.FAST, "detect"),
        (Detection.PATIENT, "greeting_end"),
    ],
)
def test_machines_are_listened_for(detection: Detection, word: str) -> None:
    sent = document(CALLS.place(call(detection=detection, digits="ww12"), CALLING))
    assert sent["answering_machine_detection"] == word
    assert sent["send_digits_on_answer"] == "ww12"


@pytest.mark.proves("B127")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"number": None}, "fromNumber"),
        ({"voice": None}, "connectionId"),
        ({"voice": replace(SETTINGS, connection_id="")}, "connectionId"),
        ({"voice_url": None}, "this line has none"),
        ({"voice_url": "https://10.0.0.1/voice"}, "cannot reach"),
        ({"credentials": replace(CALLING.credentials, auth_tokens=())}, "apiKey"),
    ],
)
def test_a_line_that_cannot_call_tells_what_is_missing(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ProviderMisconfigured, match=words):
        CALLS.place(call(), replace(CALLING, **changes))


def test_our_id_joins_a_query_that_is_there() -> None:
    odd = replace(CALLING, voice_url="https://gw.example.com/voice?tenant=a%26b#x")
    url = document(CALLS.place(call(), odd))["webhook_url"]
    assert url == "https://gw.example.com/voice?tenant=a%26b&ringfence=call_1"


def test_an_accepted_call_has_a_control_id() -> None:
    taken = {"data": {"call_control_id": CALL, "is_alive": False, "record_type": "call"}}
    outcome = CALLS.placed(answer(200, taken))
    assert (outcome.kind, outcome.provider_id) == (OutcomeKind.ACCEPTED, CALL)
    assert CALLS.placed(answer(200, {"data": {}})).kind is OutcomeKind.UNKNOWN


@pytest.mark.parametrize(
    ("status", "code", "kind", "error_class"),
    [
        (422, 10016, OutcomeKind.REJECTED, ErrorClass.BAD_ADDRESS),
        (422, 10015, OutcomeKind.REJECTED, ErrorClass.CONFIG),
        (401, 10009, OutcomeKind.REJECTED, ErrorClass.STOP_LINE),
        (403, 10039, OutcomeKind.REJECTED, ErrorClass.CONFIG),
        (429, 10011, OutcomeKind.RETRYABLE, ErrorClass.RETRY),
        (422, 98765, OutcomeKind.REJECTED, ErrorClass.PERMANENT),
        (500, 10007, OutcomeKind.UNKNOWN, None),
        (408, 10008, OutcomeKind.UNKNOWN, None),
    ],
)
def test_a_refused_call_is_read(
    status: int, code: int, kind: OutcomeKind, error_class: ErrorClass | None
) -> None:
    outcome = CALLS.placed(refusal(status, code, f"no {PERSON}"))
    assert (outcome.kind, outcome.error_class) == (kind, error_class)
    assert PERSON[1:] not in outcome.detail


def test_every_code_of_a_call_has_words_and_a_class() -> None:
    for code in sorted(CALL_MEANINGS):
        assert CALLS.classify_call(code) is CALL_MEANINGS[code].error_class
        assert CALL_MEANINGS[code].means.endswith(".")
        assert "message" not in CALL_MEANINGS[code].means, code


# -- a live call ------------------------------------------------------------------------------------


def test_words_are_spoken_and_what_follows_waits_for_their_end() -> None:
    (speak,) = tell(Say("Your server is down."), Say("Press 1."), ASK, HangUp())
    assert (speak.method, speak.url) == ("POST", f"{ACTIONS}/speak")
    assert told(Say("Your server is down."), Say("Press 1."), ASK) == {
        "payload": "Your server is down. Press 1.",
        "voice": "female",
        "language": "en-US",
        "stop": "all",
    }
    assert after(speak, "call.speak.ended", status="completed") == WhatNext(
        CALL, APP, "call_1", CallState.ANSWERED, turn="t1", rest=(ASK, HangUp())
    )
    for kind in ("call.speak.started", "call.playback.ended", "call.gather.ended"):
        assert after(speak, kind, status="completed") is None, kind
    for status in ("call_hangup", "cancelled_amd", "cancelled"):
        assert after(speak, "call.speak.ended", status=status) is None, status


def test_voices_and_lengths_are_steps_of_their_own() -> None:
    (speak,) = tell(Say("One.", language="de-DE"), Say("Two."))
    assert document(speak)["payload"] == "One."
    assert document(speak)["language"] == "de-DE"
    assert after(speak, "call.speak.ended").rest == (Say("Two."),)
    long = Say("x" * (WORDS_CHARS_MAX - 1))
    assert after(tell(long, Say("Two."))[0], "call.speak.ended").rest == (Say("Two."),)
    with pytest.raises(ValueError, match="3000 characters"):
        tell(Say("x" * (WORDS_CHARS_MAX + 1)))


def test_a_filler_leaves_the_call_as_it_is_and_a_hang_up_ends_it() -> None:
    (filler,) = tell(Say("One moment."))
    assert after(filler, "call.speak.ended", status="completed") is None
    over = after(filler, "call.hangup", hangup_cause="user_busy")
    assert over.state is CallState.ENDED, "it was answered"
    (speak,) = tell(*NOTICE)
    assert after(speak, "call.speak.ended").rest == (HangUp(),)
    assert actions(tell(HangUp())) == ["hangup"]
    assert actions(tell()) == ["hangup"]


def test_a_question_follows_a_step_without_a_rest() -> None:
    asked = WhatNext(CALL, APP, "call_1", CallState.ANSWERED, turn="t2")
    for instructions in ((Say("Wait."), GoOn("t2")), (Wait(25), GoOn("t2")), (GoOn("t2"),)):
        (request,) = tell(*instructions)
        assert after(request, "call.speak.ended", status="completed") == asked
    silence = told(Wait(25))
    assert silence["payload_type"] == "ssml"
    assert silence["payload"].count("10s") == 2
    assert '"5s"' in silence["payload"]


def test_sounds_and_tones() -> None:
    (play,) = tell(Play("https://files.example.com/a.wav"), HangUp())
    assert told(Play("https://files.example.com/a.wav"))["stop"] == "all"
    for status in ("completed", "file_not_found", "failed"):
        assert after(play, "call.playback.ended", status=status).rest == (HangUp(),)
    assert after(play, "call.playback.ended", status="cancelled") is None
    tones = tell(SendDigits("1w2"), HangUp())
    assert actions(tones) == ["send_dtmf", "speak"]
    assert document(tones[0])["digits"] == "1w2"
    assert '"2s"' in document(tones[1])["payload"], "as long as the tones"
    assert after(tones[1], "call.speak.ended").rest == (HangUp(),)


def test_keys_are_gathered_with_their_prompt() -> None:
    assert told(Listen("t1", (Say("Press 1.", "male"),), digits_count=1, timeout_s=7)) == {
        "payload": "Press 1.",
        "voice": "male",
        "language": "en-US",
        "timeout_millis": 7_000,
        "maximum_tries": 1,
        "minimum_digits": 1,
        "maximum_digits": 1,
        "inter_digit_timeout_millis": 5_000,
        "valid_digits": "0123456789*#",
        "terminating_digit": "#",
    }
    stop, gather = tell(ASK)
    assert actions([stop, gather]) == ["gather_stop", "gather_using_speak"]
    assert after(gather, "call.gather.ended", status="valid", digits="1").digits == "1"
    nothing = after(gather, "call.gather.ended", status="timeout", digits="")
    assert (nothing.turn, nothing.digits, nothing.rest) == ("t1", "", ())
    for status in ("call_hangup", "cancelled", "cancelled_amd"):
        assert after(gather, "call.gather.ended", status=status, digits="1") is None
    assert after(gather, "call.gather.ended", digits="<script>").digits == ""


def test_who_says_nothing_hears_the_next_instruction_where_that_was_asked_for() -> None:
    ask = replace(ASK, ask_when_empty=False)
    for said, left in (
        ((ask, Say("Bye."), HangUp()), (Say("Bye."), HangUp())),
        ((ask,), (HangUp(),)),
    ):
        gather = tell(*said)[-1]
        assert after(gather, "call.gather.ended", status="timeout").rest == left
        pressed = after(gather, "call.gather.ended", status="valid", digits="1")
        assert (pressed.digits, pressed.rest) == ("1", ())


def test_a_prompt_nobody_may_cut_short_comes_first() -> None:
    for ask in (
        replace(ASK, may_interrupt=False),
        replace(ASK, prompt=(Play("https://files.example.com/a.wav"), Say("1?"))),
        replace(ASK, speech=True),
    ):
        (first,) = tell(ask)
        kind = (
            "call.playback.ended" if actions([first]) == ["playback_start"] else "call.speak.ended"
        )
        assert after(first, kind).turn == "t1"
        assert after(first, kind).rest[-1] == replace(ask, prompt=())


def test_words_are_heard_by_a_transcription_with_a_gather_as_its_clock() -> None:
    requests = tell(Listen("t7", speech=True, timeout_s=5, language="de-DE", hints="Ja, Nein"))
    assert actions(requests) == ["transcription_start", "gather_stop", "gather"]
    engine = document(requests[0])["transcription_engine_config"]
    assert (engine["language"], engine["hints"]) == ("de", ["Ja", "Nein"])
    assert document(requests[0])["transcription_tracks"] == "inbound"
    assert document(requests[2])["initial_timeout_millis"] == 20_000
    gather = requests[2]
    said = {"transcript": " I am fine. ", "confidence": 0.83, "is_final": True}
    heard = after(gather, "call.transcription", transcription_data=said)
    assert (heard.turn, heard.speech, heard.confidence) == ("t7", "I am fine.", 0.83)
    silent = after(gather, "call.gather.ended", status="timeout", gather_id="ringfence-t7")
    assert (silent.turn, silent.speech) == ("t7", "")
    old = after(gather, "call.gather.ended", status="timeout", gather_id="ringfence-t6")
    assert old is None, "the clock of a turn before"


@pytest.mark.proves("B136")
@pytest.mark.parametrize(
    "said",
    [
        {"transcript": "I am", "is_final": False},
        {"transcript": " ", "is_final": True},
        {"transcript": "ours", "is_final": True, "transcription_track": "outbound"},
        {},
    ],
)
def test_partial_and_empty_words_are_no_turn(said: dict[str, Any]) -> None:
    gather = tell(Listen("t7", speech=True))[-1]
    assert after(gather, "call.transcription", transcription_data=said) is None
    (speak,) = tell(Say("Hello."), Listen("t8", speech=True))
    final = {"transcript": "into our words", "is_final": True}
    assert after(speak, "call.transcription", transcription_data=final) is None


@pytest.mark.proves("B116")
def test_deliveries_of_one_event_are_the_same() -> None:
    again = event("call.hangup", hangup_cause="normal_clearing")
    again["meta"]["attempt"] = 2
    first = event("call.hangup", hangup_cause="normal_clearing")
    tokens = [
        CALLS.call_dedupe_token(CALLS.verify_call(webhook(one), CALLING)) for one in (first, again)
    ]
    assert tokens[0] == tokens[1]
    assert tokens[0].startswith("event:")


def test_a_message_is_recorded_and_its_event_finds_the_call() -> None:
    (record,) = tell(TakeMessage("t3", 60, silence_s=4))
    assert actions([record]) == ["record_start"]
    assert told(TakeMessage("t3", 60, silence_s=4)) == {
        "format": "wav",
        "channels": "single",
        "recording_track": "inbound",
        "play_beep": True,
        "max_length": 60,
        "timeout_secs": 4,
    }
    saved = after(
        record,
        "call.recording.saved",
        call_control_id=None,
        recording_urls={"wav": "https://files.example.com/r.wav"},
        recording_started_at="2026-11-21T12:00:00Z",
        recording_ended_at="2026-11-21T12:00:09Z",
    )
    assert saved == RecordingReport(
        CALL,
        APP,
        "call_1",
        RecordingState.COMPLETED,
        url="https://files.example.com/r.wav",
        lasted_s=9,
        turn="t3",
        asks=True,
    )
    broken = after(record, "call.recording.error", call_control_id=None)
    assert (broken.state, broken.url, broken.asks) == (RecordingState.FAILED, "", True)


def test_another_number_is_connected_and_the_person_stays() -> None:
    requests = tell(DialNumber("t4", "+15555550177", ring_s=20, limit_s=600))
    assert actions(requests) == ["streaming_stop", "transfer"]
    sent = document(requests[1])
    leg_state = sent.pop("target_leg_client_state")
    assert {k: v for k, v in sent.items() if k not in ("client_state", "command_id")} == {
        "to": "+15555550177",
        "from": OURS,
        "timeout_secs": 20,
        "time_limit_secs": 600,
        "park_after_unbridge": "self",
        "webhook_url": HOOK,
        "webhook_url_method": "POST",
    }
    leg = {"call_control_id": LEG, "client_state": leg_state}
    rung = arrived(event("call.initiated", direction="outgoing", **leg))
    assert rung == CallProgress(
        LEG, APP, "call_1", CallState.OFFERED, "call.initiated", parent_provider_id=CALL
    )
    over = arrived(event("call.hangup", hangup_cause="timeout", **leg))
    assert over == LegEnded(CALL, APP, "call_1", CallState.NO_ANSWER, "t4", LEG)
    own = after(requests[1], "call.hangup", hangup_cause="normal_clearing")
    assert (own.provider_id, own.state, own.parent_provider_id) == (CALL, CallState.ENDED, "")


def test_a_stream_opens_with_the_phones_own_sound_both_ways() -> None:
    stream = OpenStream("t5", "wss://gw.example.com/m/tok", parameters=(("a", "b"),))
    assert told(stream) == {
        "stream_url": "wss://gw.example.com/m/tok",
        "stream_track": "inbound_track",
        "stream_codec": "PCMU",
        "stream_bidirectional_mode": "rtp",
        "stream_bidirectional_codec": "PCMU",
        "stream_bidirectional_sampling_rate": 8000,
        "stream_bidirectional_target_legs": "self",
        "stream_auth_token": "tok",
        "custom_parameters": [{"name": "a", "value": "b"}],
    }
    (start,) = tell(stream)
    assert after(start, "streaming.started") is None
    for kind in ("streaming.stopped", "streaming.failed"):
        assert after(start, kind).turn == "t5"
    for bad in ("ws://gw.example.com/m", "wss://gw.example.com/m?token=1"):
        with pytest.raises(ValueError, match="wss"):
            tell(OpenStream("t5", bad))


@pytest.mark.parametrize(
    "instruction",
    [
        JoinConference("t", "room"),
        OpenRelay("t", "wss://gw.example.com/r"),
        DialNumber("t", "+15555550177", digits="12"),
        Listen("t", digits=False),
    ],
)
def test_what_telnyx_has_not_is_said_clearly(instruction: Instruction) -> None:
    with pytest.raises(ValueError, match=r"Telnyx|listen for nothing"):
        tell(instruction)


def test_a_caller_is_answered_first_and_told_afterwards() -> None:
    (request,) = CALLS.take((Say("Hello."), ASK), CALL, "call_1", CALLING)
    assert actions([request]) == ["answer"]
    sent = document(request)
    assert (sent["webhook_url"], sent["webhook_url_method"]) == (HOOK, "POST")
    asked = after(request, "call.answered")
    assert (asked.turn, asked.rest) == ("t1", (Say("Hello."), ASK))


def test_a_caller_is_refused_without_an_answer() -> None:
    for how, cause in ((Refusal.REJECTED, "CALL_REJECTED"), (Refusal.BUSY, "USER_BUSY")):
        (request,) = CALLS.take((Refuse(how),), CALL, "call_1", CALLING)
        assert (actions([request]), document(request)["cause"]) == (["reject"], cause)
    assert actions(CALLS.take((), CALL, "call_1", CALLING)) == ["reject"]
    with pytest.raises(ValueError, match="at once or not at all"):
        CALLS.take((Say("No."), Refuse()), CALL, "call_1", CALLING)


def test_the_answer_to_an_event_says_nothing() -> None:
    said = CALLS.answer_call(NOTICE, "call_1", CALLING)
    assert (said.status, said.body) == (200, b"{}")


def test_another_call_is_begun_once_and_a_question_is_asked_again() -> None:
    ids = [document(tell(DialNumber(t, PERSON))[-1])["command_id"] for t in ("a", "a", "b")]
    assert ids[0] == ids[1] != ids[2]
    for again in (Say("Are you there?"), ASK, Wait(2), Play("https://files.example.com/a.wav")):
        assert all("command_id" not in document(request) for request in tell(again))


@pytest.mark.proves("B133")
def test_hanging_up_is_never_taken_for_a_repeat() -> None:
    request = CALLS.hang_up(CALL, CALLING)
    assert (request.url, document(request)) == (f"{ACTIONS}/hangup", {})
    for bad in ("../messages", "", "v3:a b c d e", "x" * 300):
        with pytest.raises(ProviderRejected):
            CALLS.hang_up(bad, CALLING)
    for over in (refusal(422, 90018), refusal(404, 10005)):
        assert CALLS.told(over) is Told.GONE
    assert CALLS.told(answer(200, {"data": {"result": "ok"}})) is Told.DONE


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (422, 10015, ProviderRejected),
        (404, 99999, ProviderRejected),
        (401, 10009, ProviderMisconfigured),
        (429, 10011, ProviderBusy),
        (500, 10007, ProviderBusy),
    ],
)
def test_what_proves_no_end_is_an_error(status: int, code: int, error: type[ProviderError]) -> None:
    with pytest.raises(error):
        CALLS.told(refusal(status, code))


# -- reading back -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"is_alive": False}, CallState.OFFERED),
        ({"is_alive": True}, CallState.RINGING),
        ({"is_alive": True, "call_duration": 3}, CallState.ANSWERED),
        ({"is_alive": False, "end_time": "2026-11-21T12:00:00Z"}, CallState.NO_ANSWER),
        (
            {"is_alive": False, "call_duration": 9, "end_time": "2026-11-21T12:00:00Z"},
            CallState.ENDED,
        ),
    ],
)
def test_a_call_read_back_claims_no_more_than_it_says(
    fields: dict[str, Any], state: CallState
) -> None:
    request = CALLS.fetch_call(CALL, CALLING)
    assert (request.method, request.url) == ("GET", f"https://api.telnyx.com/v2/calls/{CALL}")
    found = CALLS.call_fetched(answer(200, {"data": {"call_control_id": CALL, **fields}}))
    assert (found.provider_id, found.state) == (CALL, state)
    assert found.lasted_s == (fields.get("call_duration", 0) if "end_time" in fields else None)
    with pytest.raises(ProviderError):
        CALLS.call_fetched(answer(200, {"data": {"call_control_id": CALL}}))


# -- events -----------------------------------------------------------------------------------------


def caller(**changes: Any) -> Any:
    return event(
        "call.initiated",
        hook=VOICE,
        **{"direction": "incoming", "from_": PERSON, "to": OURS, "state": "parked", **changes},
    )


def test_a_caller_is_announced() -> None:
    found = arrived(caller(shaken_stir_attestation="A"))
    assert found == IncomingCall(CALL, APP, PERSON, OURS, attested="A")
    assert CALLS.call_misdirected(found, CALLING) == ""


@pytest.mark.proves("B121")
@pytest.mark.parametrize("shown", ["anonymous", "", "+266696687", "+0000", "sip:a@b.example"])
def test_a_caller_who_names_nobody_is_hidden(shown: str) -> None:
    found = arrived(caller(from_=shown))
    assert isinstance(found, IncomingCall)
    assert found.hidden


@pytest.mark.parametrize(
    ("changes", "on", "words"),
    [
        ({"connection_id": "1"}, CALLING, "another call control application"),
        ({"connection_id": None}, CALLING, "another call control application"),
        ({}, replace(CALLING, voice=None), "another call control application"),
        ({"connection_id": None}, replace(CALLING, voice=None), "another call control application"),
        ({"to": "+15555550199"}, CALLING, "another number"),
    ],
)
def test_a_call_that_is_not_the_lines_is_noticed(
    changes: dict[str, Any], on: Any, words: str
) -> None:
    found = arrived(caller(**changes))
    assert found is not None
    assert words in CALLS.call_misdirected(found, on)


@pytest.mark.parametrize(
    ("cause", "sip", "state"),
    [(cause, None, state) for cause, state in sorted(ENDS.items())]
    + [
        ("unspecified", "480", CallState.NO_ANSWER),
        ("not_found", "404", CallState.FAILED),
        ("something_new", None, CallState.FAILED),
    ],
)
def test_an_unanswered_call_ends_for_its_cause(
    cause: str, sip: str | None, state: CallState
) -> None:
    placed = CALLS.place(call(turn="t1"), CALLING)
    found = after(placed, "call.hangup", hangup_cause=cause, sip_hangup_cause=sip)
    assert (found.state, found.provider_status) == (state, cause)
    assert (found.our_id, found.sip_code) == ("call_1", int(sip) if sip else None)


@pytest.mark.parametrize("cause", sorted(ENDS))
def test_nobody_who_was_told_something_was_busy(cause: str) -> None:
    found = after(tell(Say("Hello."))[0], "call.hangup", hangup_cause=cause)
    failed = cause in ("not_found", "unspecified")
    assert found.state is (CallState.FAILED if failed else CallState.ENDED)


def test_our_id_is_found_in_the_address_where_no_state_has_it() -> None:
    found = arrived(event("call.hangup", hangup_cause="timeout"))
    assert isinstance(found, CallProgress)
    assert found.our_id == "call_1"
    unknown = arrived(event("call.hangup", hook=VOICE, hangup_cause="timeout"))
    assert isinstance(unknown, CallProgress)
    assert unknown.our_id == ""


def detection_of(detection: Detection, *, meanwhile: bool) -> Any:
    return CALLS.place(call(turn="t1", detection=detection, detects_meanwhile=meanwhile), CALLING)


@pytest.mark.parametrize(
    ("kind", "result", "who"),
    [
        ("call.machine.detection.ended", "human", Answerer.HUMAN),
        ("call.machine.detection.ended", "machine", Answerer.MACHINE),
        ("call.machine.detection.ended", "not_sure", Answerer.UNKNOWN),
        ("call.machine.premium.detection.ended", "human_business", Answerer.HUMAN),
        ("call.machine.premium.detection.ended", "fax_detected", Answerer.FAX),
        ("call.machine.premium.detection.ended", "silence", Answerer.UNKNOWN),
        ("call.machine.greeting.ended", "ended", Answerer.MACHINE_READY),
        ("call.machine.premium.greeting.ended", "beep_detected", Answerer.MACHINE_READY),
    ],
)
def test_who_picked_up_is_told_while_the_call_goes_on(
    kind: str, result: str, who: Answerer
) -> None:
    (speak,) = tell(Say("Hello."))
    assert after(speak, kind, result=result) == AnswererHeard(CALL, APP, "call_1", who)
    fast = after(detection_of(Detection.FAST, meanwhile=False), kind, result=result)
    assert (fast.turn, fast.answered_by) == ("t1", who)


def test_a_call_that_waits_for_the_detection_asks_once_it_knows() -> None:
    patient = detection_of(Detection.PATIENT, meanwhile=False)
    answered = after(patient, "call.answered")
    assert isinstance(answered, CallProgress)
    assert answered.state is CallState.ANSWERED
    machine = after(patient, "call.machine.detection.ended", result="machine")
    assert isinstance(machine, AnswererHeard), "its greeting still runs"
    ready = after(patient, "call.machine.greeting.ended", result="beep_detected")
    assert (ready.turn, ready.answered_by) == ("t1", Answerer.MACHINE_READY)
    human = after(patient, "call.machine.detection.ended", result="human")
    assert (human.turn, human.answered_by) == ("t1", Answerer.HUMAN)
    meanwhile = after(detection_of(Detection.FAST, meanwhile=True), "call.answered")
    assert meanwhile.turn == "t1"


@pytest.mark.parametrize(
    "kind",
    ["call.speak.started", "call.bridged", "call.cost", "call.dtmf.received", "conference.created"],
)
def test_what_tells_nothing_is_quiet(kind: str) -> None:
    assert arrived(event(kind, digit="1")) is None


@pytest.mark.parametrize(
    "broken",
    [
        {},
        [],
        {"data": {"event_type": "message.received", "id": "x"}},
        {"data": {"event_type": "call.answered"}},
        event("call.answered", call_control_id=None),
        event("call.answered", call_control_id="../../x y"),
        event("call.machine.detection.ended", hook=VOICE, result="human"),
        {"data": {"event_type": "call.hangup", "id": "x", "payload": {"call_control_id": [1]}}},
    ],
    ids=range(8),
)
def test_what_is_no_event_of_a_call_is_refused(broken: Any) -> None:
    with pytest.raises(MalformedEvent):
        arrived(broken)


# -- signatures -------------------------------------------------------------------------------------


@pytest.mark.proves("B007")
def test_unsigned_changed_and_foreign_events_are_refused() -> None:
    good = event("call.answered")
    for request in (
        posted(good, body=json.dumps(event("call.hangup")).encode()),
        posted(good, signer=OTHER_SIGNER),
        posted(good, now=None),
    ):
        with pytest.raises(SignatureRefused):
            CALLS.verify_call(request, CALLING)
    unchecked = replace(CALLING, voice=replace(SETTINGS, validate_signature=False))
    assert CALLS.verify_call(posted(good, signer=OTHER_SIGNER), unchecked).fields
    assert posted(good).received_at == NOW


# -- what a call remembers --------------------------------------------------------------------------

_TEXT = st.text(max_size=40)
_SOUND = st.one_of(
    st.builds(Say, _TEXT, _TEXT, _TEXT), st.builds(Play, _TEXT), st.builds(Wait, st.integers(1, 9))
)
_ANY = st.one_of(
    _SOUND,
    st.builds(SendDigits, _TEXT),
    st.builds(
        Listen,
        _TEXT,
        st.lists(_SOUND, max_size=3).map(tuple),
        speech=st.booleans(),
        digits_count=st.none() | st.integers(1, 9),
    ),
    st.builds(TakeMessage, _TEXT, st.integers(1, 90)),
    st.builds(DialNumber, _TEXT, _TEXT),
    st.builds(OpenStream, _TEXT, _TEXT, parameters=st.tuples(st.tuples(_TEXT, _TEXT))),
    st.builds(GoOn, _TEXT),
    st.just(HangUp()),
)


@given(
    rest=st.lists(_ANY, max_size=4), after_=st.sampled_from(sorted(After, key=lambda a: a.value))
)
def test_what_is_remembered_comes_back(rest: list[Instruction], after_: After) -> None:
    memory = Memory("call_1", after_, "t1", tuple(rest), CALL)
    assert telnyx_call_memory.read(telnyx_call_memory.written(memory)) == memory


@pytest.mark.parametrize(
    "state",
    [
        "",
        "not base64!",
        *(
            b64encode(json.dumps(one).encode()).decode()
            for one in (
                [],
                {"after": "later"},
                {"ringfence": 5},
                {"rest": [["Say", {"text": 5}]]},
                {"rest": [["Say", {"text": "a", "loud": True}]]},
                {"rest": [["Shout", {}]]},
                {"rest": [["Refuse", {}]]},
                {"rest": [["Listen", {"turn": "t", "prompt": [["HangUp", {}]]}]]},
                {"rest": [["Wait", {"seconds": True}]]},
                {"rest": "HangUp"},
                {"rest": [["HangUp"]]},
                {"rest": [5]},
            )
        ),
    ],
)
def test_a_state_that_is_not_ours_is_none(state: str) -> None:
    assert telnyx_call_memory.read(state) == Memory()
