"""Voice TwiML as the carrier reads it: the vendor's own table, what the vendor's builder writes and
what our codec writes are all understood; anything else is refused with a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.twiml.voice_response import Connect, Dial, Gather, Say, VoiceResponse

from ringfence.providers import twiml as writer
from ringfence.simulator.twiml_voice import ATTRIBUTES, CHILDREN, VERBS_MAX, Verb, document, read

URL = "https://gw.example.com/voice?a=1&b=2"


def verbs(inner: str) -> tuple[Verb, ...]:
    script = document(f"<Response>{inner}</Response>".encode())
    assert script.error_code is None, script.error
    return script.verbs


@pytest.mark.shared
def test_its_verbs_are_the_vendors(shared_data: Callable[[str], Any]) -> None:
    """Everything it knows is in the vendor's table, and each verb with all of its attributes."""
    table = shared_data("twiml-verbs.json")["voice"]
    for name in sorted(ATTRIBUTES):
        assert ATTRIBUTES[name] == set(table[name]["attributes"]), name
    for name in sorted(CHILDREN.keys() & ATTRIBUTES.keys() - {"Response"}):
        assert CHILDREN[name] <= set(table[name]["children"]), name
    assert CHILDREN["Response"] <= set(table["Response"]["children"])


def test_what_the_vendors_builder_writes_is_understood() -> None:
    response = VoiceResponse()
    asked = Gather(input="dtmf speech", action=URL, num_digits=1, speech_timeout="auto")
    asked.say("Press <1> & wait", voice="alice", loop=2)
    asked.pause(length=1)
    response.append(asked)
    response.play(URL)
    response.play("", digits="1w2")
    response.record(max_length=30, recording_status_callback=URL)
    dialled = Dial(caller_id="+15555550100", time_limit=60)
    dialled.number("+15555550112", status_callback_event="answered")
    response.append(dialled)
    joined = Connect(action=URL)
    joined.stream(url="wss://gw.example.com/x").parameter(name="a", value="")
    response.append(joined)
    response.redirect(URL, method="POST")
    response.reject(reason="busy")
    response.hangup()
    found = document(str(response).encode())
    assert found.error_code is None, found.error
    names = [verb.name for verb in found.verbs]
    assert names == [
        *("Gather", "Play", "Play", "Record", "Dial", "Connect", "Redirect", "Reject", "Hangup"),
    ]
    gather = found.verbs[0]
    assert (gather["action"], gather.whole("numDigits", 0)) == (URL, 1)
    assert (gather.children[0].text, gather.children[0]["voice"]) == ("Press <1> & wait", "alice")
    assert found.verbs[4].children[0].text == "+15555550112"


def test_ssml_is_spoken() -> None:
    said = Say("Dear ")
    said.emphasis("Ada", level="strong")
    said.break_(time="1s")
    said.prosody("goodbye", rate="slow")
    response = VoiceResponse()
    response.append(said)
    (verb,) = document(str(response).encode()).verbs
    assert verb.text == "Dear Ada goodbye"


@given(st.text(st.characters(), max_size=100))
def test_what_our_writer_says_is_what_it_reads(text: str) -> None:
    found = document(writer.document([writer.say(text), writer.hang_up()]).encode())
    assert found.error_code is None
    assert [verb.name for verb in found.verbs] == ["Say", "Hangup"]
    assert found.verbs[0].text == " ".join(writer.possible(text).split())


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ("<Response><Say>", 12100, "no element found"),
        ("hello", 12100, "syntax error"),
        ("<Say>x</Say>", 12200, "<Say> is not allowed in <document>"),
        ("<Response><say>x</say></Response>", 12200, "<say> is not allowed in <Response>"),
        ("<Response><Message>x</Message></Response>", 12200, "<Message> is not allowed"),
        ("<Response><Say><Say>x</Say></Say></Response>", 12200, "in <Say>"),
        ("<Response><Gather><Hangup/></Gather></Response>", 12200, "in <Gather>"),
        ("<Response><Say pitch='1'>x</Say></Response>", 12200, "<Say> has no attribute pitch"),
        ("<!DOCTYPE r><Response/>", 12200, "document type"),
        ("<!DOCTYPE r [<!ENTITY x 'y'>]><Response>&x;</Response>", 12200, "document type"),
        ("<Response>" + "<Hangup/>" * VERBS_MAX + "</Response>", 12200, "more than 200"),
    ],
)
def test_what_is_no_voice_twiml_is_refused(content: str, code: int, words: str) -> None:
    found = document(content.encode())
    assert (found.error_code, found.verbs) == (code, ())
    assert words in found.error


@given(st.binary(max_size=300))
def test_it_reads_anything(content: bytes) -> None:
    found = document(content)
    assert found.verbs == () or found.error_code is None


@pytest.mark.parametrize(
    ("status", "kind", "content", "code", "count"),
    [
        (200, "text/xml", b"<Response><Hangup/></Response>", None, 1),
        (200, "application/xml; charset=utf-8", b"<Response/>", None, 0),
        (200, "text/xml", b" ", None, 0),
        (204, "", b"", None, 0),
        (200, "", b"", 11200, 0),
        (200, "text/plain", b"Hello", None, 1),
        (200, "application/json", b"{}", 12300, 0),
        (200, "", b"<Response/>", 12300, 0),
    ],
)
def test_what_kind_of_answer_it_is(
    status: int, kind: str, content: bytes, code: int | None, count: int
) -> None:
    found = read(status, kind, content)
    assert (found.error_code, len(found.verbs)) == (code, count)


def test_attributes_out_of_range_count_as_absent() -> None:
    (pause,) = verbs("<Pause length='-3'/>")
    assert pause.whole("length", 1) == 1
    (gather,) = verbs("<Gather timeout='soon' bargeIn='FALSE'/>")
    assert gather.whole("timeout", 5) == 5
    assert gather.is_true("bargeIn", True) is False
    assert gather["action"] == ""
