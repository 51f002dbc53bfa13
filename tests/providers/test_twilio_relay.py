"""Twilio ConversationRelay: exact frames both ways, and the signature of the upgrade, made by the vendor's
own code."""

from __future__ import annotations

import json
from typing import Any

import pytest
from media_rig import URL, upgrade
from twilio_rig import ACCOUNT, line, vendor_signature

from ringfence.model.errors import MalformedFrame, SignatureRefused
from ringfence.model.media import DigitHeard
from ringfence.model.relay import (
    PersonPrompted,
    RelayFault,
    RelayStarted,
    SpeechCut,
    WordsPlayed,
)
from ringfence.providers import relay_dialects
from ringfence.providers.relay import SpeaksRelay
from ringfence.providers.twilio_relay import RELAY

SESSION, CALL = "VX" + "e5" * 16, "CA" + "a1" * 16


def setup(**changes: Any) -> str:
    body = {
        "type": "setup",
        "sessionId": SESSION,
        "accountSid": ACCOUNT,
        "parentCallSid": "",
        "callSid": CALL,
        "from": "+15555550123",
        "to": "+15555550100",
        "forwardedFrom": "",
        "callerName": "",
        "callType": "PSTN",
        "direction": "inbound",
        "callStatus": "IN-PROGRESS",
        "customParameters": {"turn": "t1"},
    }
    return json.dumps(body | changes)


def told(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, **fields})


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        (setup(), RelayStarted(SESSION, CALL, ACCOUNT, (("turn", "t1"),))),
        (setup(customParameters=None), RelayStarted(SESSION, CALL, ACCOUNT)),
        (
            told("prompt", voicePrompt="Hello.", lang="en-US", last=True),
            PersonPrompted("Hello.", True, "en-US"),
        ),
        (told("prompt", voicePrompt="Hel", last=False), PersonPrompted("Hel", False)),
        (told("prompt", voicePrompt="Hello."), PersonPrompted("Hello.", True)),
        (
            told("interrupt", utteranceUntilInterrupt="We op", durationUntilInterruptMs="460"),
            SpeechCut("We op", 460),
        ),
        (
            told("interrupt", utteranceUntilInterrupt="", durationUntilInterruptMs=0),
            SpeechCut("", 0),
        ),
        (told("dtmf", digit="#"), DigitHeard("#")),
        (told("info", name="tokensPlayed", value="We open"), WordsPlayed("We open")),
        (told("info", name="agentSpeaking", value="on", ts=1), None),
        (told("something new"), None),
        (
            told("error", description='Invalid message received: {"token": "said in private"}'),
            RelayFault("Invalid message received:"),
        ),
        (told("error"), RelayFault("no reason given")),
    ],
)
def test_frames_of_the_relay_are_read(frame: str, event: object) -> None:
    assert RELAY.relay_event(frame) == event


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "[]",
        "no json",
        "{}",
        told("setup"),
        setup(callSid=""),
        setup(callSid=7),
        setup(sessionId="V" * 257),
        setup(accountSid=None),
        setup(customParameters=[]),
        told("prompt"),
        told("prompt", voicePrompt=7),
        told("prompt", voicePrompt="x" * 16_385),
        told("prompt", voicePrompt="Hello.", lang="x" * 36),
        told("interrupt"),
        told("interrupt", utteranceUntilInterrupt="We", durationUntilInterruptMs="soon"),
        told("dtmf", digit="12"),
        told("info", name="tokensPlayed", value=None),
        "x" * 65_537,
    ],
)
def test_a_relays_field_out_of_shape_is_refused(frame: str) -> None:
    with pytest.raises(MalformedFrame):
        RELAY.relay_event(frame)


def test_binary_is_no_frame_of_a_relay() -> None:
    with pytest.raises(MalformedFrame, match="binary"):
        RELAY.relay_event(b"{}")


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            RELAY.text('Say "hi".', last=True, interruptible=False),
            {
                "type": "text",
                "token": 'Say "hi".',
                "last": True,
                "interruptible": False,
                "preemptible": False,
            },
        ),
        (
            RELAY.text("Guten Tag", last=False, interruptible=True, language="de-DE"),
            {
                "type": "text",
                "token": "Guten Tag",
                "last": False,
                "lang": "de-DE",
                "interruptible": True,
                "preemptible": False,
            },
        ),
        (
            RELAY.play("https://gw.example.com/a.mp3", interruptible=False),
            {
                "type": "play",
                "source": "https://gw.example.com/a.mp3",
                "loop": 1,
                "interruptible": False,
                "preemptible": False,
            },
        ),
        (RELAY.digits("1w2#"), {"type": "sendDigits", "digits": "1w2#"}),
        (
            RELAY.language(heard="de-DE", spoken="de-AT"),
            {"type": "language", "transcriptionLanguage": "de-DE", "ttsLanguage": "de-AT"},
        ),
        (RELAY.language(spoken="fr-FR"), {"type": "language", "ttsLanguage": "fr-FR"}),
        (RELAY.end(), {"type": "end"}),
        (RELAY.end("done"), {"type": "end", "handoffData": "done"}),
    ],
)
def test_what_is_sent_on_a_relay(frame: str, message: dict[str, Any]) -> None:
    assert json.loads(frame) == message


@pytest.mark.parametrize("digits", ["", "A", "1 2", "1" * 129, "٣"])
def test_keys_the_relay_has_not_are_our_mistake(digits: str) -> None:
    with pytest.raises(ValueError, match="keys"):
        RELAY.digits(digits)


def test_a_change_to_no_language_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="language"):
        RELAY.language()


@pytest.mark.proves("B110")
def test_the_upgrade_of_a_relay_is_signed_like_a_streams() -> None:
    RELAY.verify_upgrade(upgrade(x_twilio_signature=vendor_signature(URL, [])), line(), URL)
    for given in ("", vendor_signature(URL, [], "another-token"), vendor_signature(URL + "x", [])):
        with pytest.raises(SignatureRefused):
            RELAY.verify_upgrade(upgrade(x_twilio_signature=given), line(), URL)


def test_the_relay_is_found_by_its_providers_name() -> None:
    assert relay_dialects() == {"twilio": RELAY}
    assert isinstance(RELAY, SpeaksRelay)
