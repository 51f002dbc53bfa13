"""The carrier plays <Connect><ConversationRelay>: what it tells an application in text, what it plays of what
it is sent, who cuts off whom, and where it goes on afterwards."""

from __future__ import annotations

import json
from typing import Any

import pytest
from call_rig import Answers, Time
from carrier_rig import ALICE, Sdk
from stream_rig import URL, AppSocket, Door, alerts, in_process
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Connect, VoiceResponse

from ringfence.providers.twilio_relay import RELAY
from ringfence.simulator.phone import Phone
from ringfence.simulator.relay import BAD_MESSAGE, NOT_CONNECTED

PLAIN = f'<ConversationRelay url="{URL}" events="tokens-played" dtmfDetection="true"/>'
TEXT = "one two three four five six"


async def placed(time: Time, document: str, door: Door | None = None) -> Door:
    """Alice is called, and answers."""
    door = door or Door()
    in_process(time, door)
    time.carrier.script_call(ALICE, "answers")
    twiml = f"<Response>{document}</Response>"
    await Sdk(time.carrier)(
        lambda c: c.calls.create(to=ALICE, from_=time.carrier.number, twiml=twiml)
    )
    return door


async def relayed(time: Time, noun: str = PLAIN, action: str = "") -> tuple[AppSocket, Phone]:
    """She is on a relay."""
    door = await placed(time, f'<Connect action="{action}">{noun}</Connect>')
    alice = time.carrier.phone(ALICE)
    await time.until(alice.is_streamed())
    await time.passes(milliseconds=1)
    return door.socket, alice


def kinds(app: AppSocket) -> list[str]:
    return [message["type"] for message in app.told]


def told(app: AppSocket, kind: str) -> list[dict[str, Any]]:
    return [message for message in app.told if message["type"] == kind]


async def say(app: AppSocket, text: str, **more: Any) -> None:
    await app.say({"type": "text", "token": text, "last": True, **more})


async def test_a_relay_opens_with_its_setup(time: Time) -> None:
    noun = f'<ConversationRelay url="{URL}"><Parameter name="turn" value="t1"/></ConversationRelay>'
    app, alice = await relayed(time, noun)
    call = alice.connections[-1].call
    [setup] = app.told
    assert setup.pop("sessionId").startswith("VX")
    assert setup == {
        "type": "setup",
        "accountSid": time.carrier.account_sid,
        "parentCallSid": "",
        "callSid": call.sid,
        "from": time.carrier.number,
        "to": ALICE,
        "forwardedFrom": "",
        "callerName": "",
        "callType": "PSTN",
        "direction": "outbound-api",
        "callStatus": "IN-PROGRESS",
        "customParameters": {"turn": "t1"},
    }


async def test_the_vendor_signs_the_upgrade_of_a_relay_and_writes_its_document(time: Time) -> None:
    built, connect = VoiceResponse(), Connect()
    connect.conversation_relay(url=URL, dtmf_detection=True, welcome_greeting="Hello there.")
    built.append(connect)
    document = str(built).partition("<Response>")[2].removesuffix("</Response>")
    door = await placed(time, document)
    alice = time.carrier.phone(ALICE)
    await time.until(alice.hears("Hello there."))
    validator = RequestValidator(time.carrier.auth_token)
    given = door.socket.socket.headers["x-twilio-signature"]
    assert validator.validate(URL, {}, given)


async def test_what_is_sent_is_played_and_told(time: Time) -> None:
    app, alice = await relayed(time)
    await say(app, TEXT)
    await time.until(alice.hears(TEXT))
    await time.passes(milliseconds=1)
    played = [one["value"] for one in told(app, "info")]
    assert played == ["one two three four", "five six"]


async def test_nothing_is_told_of_what_was_played_unless_it_is_asked_for(time: Time) -> None:
    app, alice = await relayed(time, f'<ConversationRelay url="{URL}"/>')
    await say(app, TEXT)
    await time.until(alice.hears(TEXT))
    alice.presses("1")
    await time.passes(seconds=1)
    assert kinds(app) == ["setup"]


async def test_what_a_person_says_and_presses_is_told(time: Time) -> None:
    app, alice = await relayed(time)
    alice.says("Hello?")
    alice.presses("1#")
    await time.passes(seconds=1)
    said = {"type": "prompt", "voicePrompt": "Hello?", "lang": "en-US", "last": True}
    assert app.told[1:] == [said, {"type": "dtmf", "digit": "1"}, {"type": "dtmf", "digit": "#"}]


async def test_who_speaks_into_it_cuts_off_all_that_waits(time: Time) -> None:
    app, alice = await relayed(time)
    await say(app, TEXT)
    await say(app, "Never heard.")
    word_s = time.carrier.voice.behaviour.word_s
    await time.passes(seconds=3.5 * word_s)
    alice.says("Stop!")
    await time.passes(seconds=10)
    [cut] = told(app, "interrupt")
    assert cut["utteranceUntilInterrupt"] == "one two three"
    assert int(cut["durationUntilInterruptMs"]) == pytest.approx(3_500 * word_s, abs=2)
    assert kinds(app) == ["setup", "interrupt", "prompt"]
    [sounded] = alice.connections[-1].call.played
    assert sounded.heard == "one two three"
    await say(app, "I listen.")
    await time.until(alice.hears("I listen."))


@pytest.mark.parametrize(
    ("noun", "free"),
    [
        (PLAIN, False),
        (PLAIN.replace("/>", ' interruptible="none"/>'), True),
        (PLAIN.replace("/>", ' interruptible="dtmf"/>'), True),
    ],
)
async def test_what_nobody_may_interrupt_is_played_and_nothing_is_heard_meanwhile(
    time: Time, noun: str, free: bool
) -> None:
    app, alice = await relayed(time, noun)
    await say(app, TEXT, interruptible=free)
    await time.passes(milliseconds=500)
    alice.says("Stop!")
    await time.until(alice.hears(TEXT))
    assert not told(app, "prompt")
    assert not told(app, "interrupt")


@pytest.mark.parametrize(
    "message",
    ["no json", "[]", {"type": "text"}, {"type": "talk"}, {"type": "language"}, {"foo": "bar"}],
)
async def test_a_message_that_is_none_is_complained_about(time: Time, message: Any) -> None:
    app, alice = await relayed(time)
    await app.say(message)
    await time.passes(milliseconds=10)
    [error] = told(app, "error")
    assert error["description"].startswith("Invalid message received: ")
    assert alerts(time) == [BAD_MESSAGE]
    await say(app, "It goes on.")
    await time.until(alice.hears("It goes on."))


async def test_everything_the_gateway_writes_is_taken(time: Time) -> None:
    app, alice = await relayed(time)
    await app.say(RELAY.text("Words.", last=True, interruptible=False, language="en-GB"))
    await app.say(RELAY.play("https://gw.example.test/a.mp3"))
    await app.say(RELAY.digits("12"))
    await app.say(RELAY.language(heard="de-DE", spoken="de-DE"))
    await time.passes(seconds=20)
    assert [one.kind for one in alice.connections[-1].call.played] == ["say", "play", "digits"]
    assert not told(app, "error")
    for message in app.told:
        RELAY.relay_event(json.dumps(message))


async def test_the_end_of_a_relay_asks_what_next(time: Time, answers: Answers) -> None:
    action = answers.at("/next", "<Say>Bye now.</Say>")
    app, alice = await relayed(time, action=action)
    await time.passes(seconds=5)
    await app.say({"type": "end", "handoffData": "done"})
    await time.until(alice.hears("Bye now."))
    [hit] = answers.hits("/next")
    assert (hit.form["SessionStatus"], hit.form["HandoffData"]) == ("ended", "done")
    assert hit.form["SessionId"] == app.told[0]["sessionId"]
    assert int(hit.form["SessionDuration"]) == 5


async def test_a_relay_that_cannot_be_opened_is_told_as_failed(
    time: Time, answers: Answers
) -> None:
    action = answers.at("/next", "<Hangup/>")
    await placed(time, f'<Connect action="{action}">{PLAIN}</Connect>', Door(refuses=True))
    await time.settles()
    [hit] = answers.hits("/next")
    assert hit.form["SessionStatus"] == "failed"
    assert alerts(time) == [NOT_CONNECTED]


async def test_the_relay_ends_with_the_call(time: Time) -> None:
    app, alice = await relayed(time)
    await say(app, TEXT)
    await time.passes(milliseconds=100)
    alice.hangs_up()
    await time.settles()
    await time.passes(seconds=1)
    assert app.is_over
