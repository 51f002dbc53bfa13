"""TwiML as written: any text survives an XML parser whole, and every verb and attribute is in the
vendor's own table; the vendor's builder says the same in its way."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.twiml.voice_response import Connect, Dial, Gather, VoiceResponse

from ringfence.providers import twiml
from ringfence.providers.twiml import Element

URL = "https://gw.example.com/voice?ringfence=call_1&for=next#rc=5&rp=all"
SOCKET = "wss://gw.example.com/media/token"
# Everything the writer can make, with every attribute given.
EVERY: Sequence[Element] = (
    twiml.say("hello", voice="Polly.Joanna", language="en-US"),
    twiml.play(URL),
    twiml.play_digits("1w2"),
    twiml.pause(2),
    twiml.hang_up(),
    twiml.reject("busy"),
    twiml.redirect(URL),
    twiml.gather(
        URL,
        [twiml.say("press 1"), twiml.play(URL), twiml.pause(1)],
        source="dtmf speech",
        timeout_s=5,
        finish_on="#",
        digits_count=1,
        language="en-US",
        hints="yes,no",
        barge_in=False,
        when_empty=True,
    ),
    twiml.record(URL, seconds_max=60, silence_s=5, finish_on="#", beep=True, status_callback=URL),
    twiml.dial(
        twiml.number("+15555550112", digits="w1", status_callback=URL, events="answered"),
        action=URL,
        caller="+15555550100",
        ring_s=30,
        limit_s=600,
    ),
    twiml.dial(
        twiml.conference(
            "room",
            muted=True,
            begins=False,
            ends=True,
            beep=False,
            label="owner",
            people_max=3,
            status_callback=URL,
            events="join",
        ),
        action=URL,
    ),
    twiml.connect(
        twiml.stream(SOCKET, [("token", "t")], name="s", status_callback=URL), action=URL
    ),
    twiml.connect(
        twiml.conversation_relay(
            SOCKET,
            [("token", "t")],
            greeting="hi",
            greeting_interruptible="none",
            language="en-US",
            voice="v",
            hints="yes",
            speaks_by="Google",
            hears_by="Deepgram",
            interruptible="any",
            events="tokens-played",
        ),
        action=URL,
    ),
)
NAMES = sorted(
    {
        *("Say", "Play", "Pause", "Hangup", "Reject", "Redirect", "Gather", "Record", "Dial"),
        *("Number", "Conference", "Connect", "Stream", "ConversationRelay", "Parameter"),
    }
)


def parsed(*elements: Element) -> ElementTree.Element:
    return ElementTree.fromstring(twiml.document(elements).encode())


def possible(text: str) -> str:
    """What XML 1.0 can carry, said independently of the writer."""
    return "".join(
        c
        if c in "\t\n\r" or "\x20" <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff"
        else " "
        for c in text
    )


ANY_TEXT = st.text(st.characters(), max_size=200)


@given(ANY_TEXT)
def test_any_text_comes_out_of_a_parser_as_it_went_in(text: str) -> None:
    root = parsed(twiml.say(text), twiml.hang_up())
    assert [child.tag for child in root] == ["Say", "Hangup"]
    assert (root[0].text or "") == possible(text)
    assert len(root[0]) == 0


@given(ANY_TEXT)
def test_any_attribute_comes_out_of_a_parser_as_it_went_in(text: str) -> None:
    parameter = parsed(twiml.connect(twiml.stream(SOCKET, [("name", text)])))[0][0][0]
    assert parameter.attrib == {"name": "name", "value": possible(text)}


@pytest.mark.parametrize(
    "text",
    [
        "</Say><Hangup/>",
        "]]>",
        "<!--",
        "&lt;",
        "<![CDATA[x]]>",
        '"',
        "'",
        "&#0;",
        "<?xml?>",
        "\x00\ud800\ufffe",
    ],
)
def test_markup_is_text(text: str) -> None:
    root = parsed(twiml.say(text))
    assert [child.tag for child in root] == ["Say"]
    assert root[0].text == possible(text)


def _verbs(element: ElementTree.Element) -> list[tuple[str, str, set[str]]]:
    found = []
    for child in element:
        found.append((element.tag, child.tag, set(child.attrib)))
        found += _verbs(child)
    return found


@pytest.mark.shared
def test_every_verb_nesting_and_attribute_is_the_vendors(shared_data: Callable[[str], Any]) -> None:
    table = shared_data("twiml-verbs.json")["voice"]
    found = _verbs(parsed(*EVERY))
    assert sorted({name for _, name, _ in found}) == NAMES
    for parent, name, attributes in found:
        assert name in table[parent]["children"], f"<{name}> in <{parent}>"
        unknown = attributes - set(table[name]["attributes"])
        assert not unknown, f"<{name}> has no {unknown}"


def _canonical(text: str) -> str:
    return ElementTree.canonicalize(re.sub(r"^<\?xml[^>]*\?>", "", text))


def test_the_vendors_builder_says_the_same() -> None:
    theirs = VoiceResponse()
    asked = Gather(
        input="dtmf speech",
        action=URL,
        method="POST",
        timeout=5,
        speech_timeout="auto",
        num_digits=1,
        language="en-US",
        finish_on_key="",
    )
    asked.say("Press <1> & wait", voice="alice")
    theirs.append(asked)
    dialled = Dial(action=URL, method="POST", caller_id="+15555550100", timeout=20, time_limit=60)
    dialled.number("+15555550112", status_callback=URL, status_callback_event="answered")
    theirs.append(dialled)
    joined = Connect(action=URL, method="POST")
    joined.stream(url=SOCKET, name="s").parameter(name="token", value="t")
    theirs.append(joined)
    theirs.record(
        action=URL, method="POST", max_length=60, timeout=5, finish_on_key="#", play_beep=True
    )
    theirs.reject(reason="busy")
    ours = twiml.document(
        (
            twiml.gather(
                URL,
                [twiml.say("Press <1> & wait", voice="alice")],
                source="dtmf speech",
                timeout_s=5,
                finish_on="",
                digits_count=1,
                language="en-US",
            ),
            twiml.dial(
                twiml.number("+15555550112", status_callback=URL, events="answered"),
                action=URL,
                caller="+15555550100",
                ring_s=20,
                limit_s=60,
            ),
            twiml.connect(twiml.stream(SOCKET, [("token", "t")], name="s"), action=URL),
            twiml.record(URL, seconds_max=60, silence_s=5, finish_on="#", beep=True),
            twiml.reject("busy"),
        )
    )
    assert _canonical(ours) == _canonical(str(theirs))


def test_an_empty_answer_is_a_document() -> None:
    assert len(parsed()) == 0


@pytest.mark.proves("P10")
def test_a_document_is_bounded() -> None:
    with pytest.raises(ValueError, match="at most 65536 characters"):
        twiml.document([twiml.say("x" * twiml.DOCUMENT_CHARS_MAX)])


@pytest.mark.proves("P9")
def test_what_is_said_does_not_print() -> None:
    assert "5555550111" not in repr(twiml.say("call +15555550111"))
