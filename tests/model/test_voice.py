"""Which calls a line takes, and by which route: numbers are compared whole, however they are written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ringfence.model.line import Credentials, Line
from ringfence.model.phone import PhoneNumber, same_digits
from ringfence.model.voice import Route, VoiceSettings

OWN, DESK = "+15555550100", "+15555550150"
LINE = Line(
    id="default",
    provider="twilio",
    credentials=Credentials("AC", ()),
    number=PhoneNumber(OWN),
    service_id=None,
    public_url=None,
    webhook_path="/webhooks/sms",
    api_base_url="https://api.twilio.com",
)
VOICE = VoiceSettings("/voice/webhook", Route("mine"), routes=((DESK, Route("desk")),))


@pytest.mark.proves("B124")
@pytest.mark.parametrize(
    "called", [DESK, "15555550150", "tel:+1-555-555-0150", "+1 (555) 555.0150"]
)
def test_a_route_by_a_number_in_any_formatting(called: str) -> None:
    assert VOICE.route_to(called) == Route("desk")
    assert VOICE.routes_to(called)


@pytest.mark.proves("B121")
@pytest.mark.parametrize("called", ["", "anonymous", "5550150", "5555550150", "+155555501500"])
def test_no_route_by_a_part_of_a_number(called: str) -> None:
    assert VOICE.route_to(called) is VOICE.route
    assert not VOICE.routes_to(called)
    assert not replace(LINE, voice=VOICE).takes_calls_to(called)


def test_calls_a_line_takes() -> None:
    line = replace(LINE, voice=VOICE)
    assert line.takes_calls_to("1 555 555 0100")
    assert line.takes_calls_to(DESK)
    assert not LINE.takes_calls_to(OWN), "no configuration, no calls"
    pool = replace(line, number=None)
    assert pool.takes_calls_to(DESK)
    assert not pool.takes_calls_to(OWN)


def test_what_has_no_digits_is_no_number() -> None:
    assert not same_digits("", "")
    assert not same_digits("anonymous", "restricted")
    assert not same_digits("٠١٢٣", "0123"), "digits of other scripts are none of a number's"
