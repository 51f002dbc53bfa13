"""What the carrier makes of a webhook's answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twilio.twiml.messaging_response import MessagingResponse

from ringfence.simulator import twiml


def read(document: str, kind: str = "text/xml") -> twiml.Answer:
    return twiml.read(200, kind, document.encode())


def test_a_document_of_the_vendor_s_builder_is_understood() -> None:
    response = MessagingResponse()
    message = response.message(to="+15555550112", status_callback="https://sms.example.test/s")
    message.body("picture <&> 😀")
    message.media("https://sms.example.test/a.png")
    response.message("plain")
    response.redirect("https://sms.example.test/next", method="POST")
    answer = read(str(response))
    first, second = answer.replies
    assert first.body == "picture <&> 😀"
    assert first.media_urls == ["https://sms.example.test/a.png"]
    assert (first.to, first.status_callback) == ("+15555550112", "https://sms.example.test/s")
    assert second.body == "plain"
    assert answer.redirect == "https://sms.example.test/next"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("<Response><Dial/></Response>", 12200),
        ("<Response><message>x</message></Response>", 12200),
        ("<Response><Message loud='1'>x</Message></Response>", 12200),
        ("<Response><Body>x</Body></Response>", 12200),
        ("<Reply/>", 12200),
        ("<!DOCTYPE r [<!ENTITY a 'b'>]><Response><Message>&a;</Message></Response>", 12200),
        ("<Response>", 12100),
        ("hello", 12100),
        ("<Response/><Response/>", 12100),
        ("\x00", 12100),
    ],
)
def test_bad_documents(document: str, code: int) -> None:
    answer = read(document)
    assert answer.error_code == code
    assert answer.replies == ()


@pytest.mark.parametrize("kind", ["text/xml", "application/xml; charset=utf-8", "TEXT/XML"])
def test_xml_types(kind: str) -> None:
    assert read("<Response><Message>x</Message></Response>", kind).replies[0].body == "x"


def test_plain_text_is_sent_as_it_stands() -> None:
    assert read("hello <b>", "text/plain").replies[0].body == "hello <b>"


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [(204, "", None), (200, "text/xml", None), (200, "", 11200), (200, "application/json", 11200)],
)
def test_nothing_said(status: int, kind: str, code: int | None) -> None:
    assert twiml.read(status, kind, b" ").error_code == code


@pytest.mark.shared
def test_the_verbs_are_those_of_the_vendor_s_builder(shared_data: Callable[[str], Any]) -> None:
    table = shared_data("twiml-verbs.json")["messaging"]
    assert twiml.CHILDREN.keys() - {""} == table.keys()
    for verb, row in table.items():
        assert twiml.CHILDREN[verb] == set(row["children"]), verb
        assert twiml.ATTRIBUTES.get(verb, frozenset()) == set(row["attributes"]), verb
