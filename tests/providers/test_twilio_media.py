"""Twilio Media Streams: exact frames both ways, against another implementation's vectors, and the
signature of the upgrade, made by the vendor's own code."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from media_rig import URL, same_as_the_vector, sent_as_the_vector, upgrade, vectors
from twilio_rig import ACCOUNT, TOKEN, line, vendor_signature

from ringfence.model.errors import MalformedFrame, SignatureRefused
from ringfence.model.line import Credentials, Secret
from ringfence.model.media import (
    DigitHeard,
    MarkReturned,
    SoundHeard,
    StreamOpened,
    StreamStarted,
    StreamStopped,
)
from ringfence.model.voice import Route, VoiceSettings
from ringfence.providers.twilio_media import MEDIA

STREAM, CALL = "MZ" + "e5" * 16, "CA" + "a1" * 16
FORMAT = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}


def start(**changes: Any) -> str:
    body = {
        "accountSid": ACCOUNT,
        "streamSid": STREAM,
        "callSid": CALL,
        "tracks": ["inbound"],
        "mediaFormat": FORMAT,
        "customParameters": {"turn": "t1"},
        **changes,
    }
    return json.dumps({"event": "start", "sequenceNumber": "1", "start": body, "streamSid": STREAM})


def media(**changes: Any) -> str:
    body = {"track": "inbound", "chunk": "2", "timestamp": "40", "payload": "/38A", **changes}
    return json.dumps({"event": "media", "sequenceNumber": "3", "streamSid": STREAM, "media": body})


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        ('{"event":"connected","protocol":"Call","version":"1.0.0"}', StreamOpened()),
        (start(), StreamStarted(STREAM, CALL, ACCOUNT, (("turn", "t1"),))),
        (start(customParameters={}), StreamStarted(STREAM, CALL, ACCOUNT)),
        (media(), SoundHeard(b"\xff\x7f\x00", 40, 2)),
        (media(chunk=2, timestamp=40), SoundHeard(b"\xff\x7f\x00", 40, 2)),
        (media(track="outbound"), None),
        ('{"event":"dtmf","dtmf":{"track":"inbound_track","digit":"#"}}', DigitHeard("#")),
        ('{"event":"mark","mark":{"name":"u1:2"}}', MarkReturned("u1:2")),
        ('{"event":"stop","stop":{}}', StreamStopped()),
        ('{"event":"something new"}', None),
    ],
)
def test_twilios_frames_are_read(frame: str, event: object) -> None:
    assert MEDIA.media_event(frame) == event


@pytest.mark.parametrize(
    "change",
    [
        {"encoding": "audio/x-l16"},
        {"encoding": "L16", "sampleRate": 16000},
        {"sampleRate": 16000},
        {"channels": 2},
        {"encoding": "audio/x-alaw"},
    ],
)
def test_other_sound_than_ulaw_is_refused_with_the_cure(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedFrame, match=r"only µ-law .* set the stream to that"):
        MEDIA.media_event(start(mediaFormat=FORMAT | change))


@pytest.mark.parametrize(
    "frame",
    [
        media(payload=None),
        media(payload=7),
        media(payload="/38"),
        media(payload="/3 8"),
        media(payload="ÿÿÿÿ"),
        media(chunk="-1"),
        media(chunk="two"),
        media(chunk=None),
        media(chunk=True),
        media(timestamp="1_0"),
        media(timestamp="٣"),
        media(timestamp="9" * 16),
        start(mediaFormat=None),
        start(callSid=""),
        start(callSid="C" * 257),
        start(callSid="CA\n1"),
        start(customParameters=[]),
        start(customParameters={"a": 7}),
        start(customParameters={str(n): "" for n in range(51)}),
        '{"event":"dtmf","dtmf":{"digit":"12"}}',
        '{"event":"dtmf","dtmf":{"digit":"x"}}',
        '{"event":"mark","mark":{}}',
        '{"event":"mark"}',
    ],
)
def test_a_field_out_of_shape_is_refused(frame: str) -> None:
    with pytest.raises(MalformedFrame):
        MEDIA.media_event(frame)


def test_what_is_sent_to_twilio() -> None:
    assert json.loads(MEDIA.sound("MZ1", b"\xff\x7f\x00")) == {
        "event": "media",
        "streamSid": "MZ1",
        "media": {"payload": "/38A"},
    }
    assert json.loads(MEDIA.mark("MZ1", 'a"b')) == {
        "event": "mark",
        "streamSid": "MZ1",
        "mark": {"name": 'a"b'},
    }
    assert json.loads(MEDIA.clear("MZ1")) == {"event": "clear", "streamSid": "MZ1"}
    with pytest.raises(ValueError, match="tones as sound"):
        MEDIA.digits("MZ1", "1")


@pytest.mark.shared
def test_twilio_frames_as_another_implementation_has_them(
    shared_data: Callable[[str], Any],
) -> None:
    for vector in vectors(shared_data, "twilio"):
        if vector["direction"] == "app-to-carrier":
            assert sent_as_the_vector(MEDIA, vector), vector["id"]
        elif "-odd-" in vector["id"]:
            with pytest.raises(MalformedFrame):
                MEDIA.media_event(vector["text"])
        else:
            assert same_as_the_vector(MEDIA.media_event(vector["text"]), vector), vector["id"]


# -- the upgrade ----------------------------------------------------------------------------------


@pytest.mark.proves("B110")
@pytest.mark.parametrize(
    ("configured", "signed"),
    [
        (URL, URL),
        (URL, URL.replace("example.com", "example.com:443")),
        (URL.replace("example.com", "example.com:443"), URL),
        (URL.replace("example.com", "example.com:8443"),) * 2,
        (URL.replace("example.com", "example.com:8443"), URL),
        (URL.replace("gw.example", "GW.Example"), URL),
    ],
)
def test_twilio_signs_the_upgrade_over_the_wss_address(configured: str, signed: str) -> None:
    request = upgrade(x_twilio_signature=vendor_signature(signed, []))
    MEDIA.verify_upgrade(request, line(), configured)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "AAAA",
        vendor_signature(URL, [], "another-token"),
        vendor_signature(URL + "x", []),
        vendor_signature(URL.replace("wss", "https"), []),
        vendor_signature(URL.replace("example.com", "example.com:80"), []),
        vendor_signature(URL, [("CallSid", CALL)]),
        vendor_signature("wss://evil.example/media/a-token-used-once", []),
    ],
)
def test_an_upgrade_twilio_did_not_sign_is_refused(given: str) -> None:
    headers = {"x_twilio_signature": given} if given else {}
    request = upgrade(host="evil.example", x_forwarded_host="evil.example", **headers)
    with pytest.raises(SignatureRefused) as refused:
        MEDIA.verify_upgrade(request, line(), URL)
    assert TOKEN not in str(refused.value)


def test_an_upgrade_with_a_query_was_not_made_by_twilio() -> None:
    request = upgrade("a=1", x_twilio_signature=vendor_signature(URL, []))
    with pytest.raises(SignatureRefused, match="query"):
        MEDIA.verify_upgrade(request, line(), URL)


def test_an_old_token_still_signs_an_upgrade_while_it_is_listed() -> None:
    rotated = line(credentials=Credentials(ACCOUNT, (Secret("new"), Secret(TOKEN))))
    MEDIA.verify_upgrade(upgrade(x_twilio_signature=vendor_signature(URL, [])), rotated, URL)
    none = line(credentials=Credentials(ACCOUNT, ()))
    with pytest.raises(SignatureRefused, match="authToken"):
        MEDIA.verify_upgrade(upgrade(x_twilio_signature="AAAA"), none, URL)


def test_the_upgrade_is_checked_unless_calls_are_not() -> None:
    unsigned, voice = upgrade(), VoiceSettings("/voice/webhook", Route("default"))
    with pytest.raises(SignatureRefused):
        MEDIA.verify_upgrade(unsigned, line(voice=voice, validate_signature=False), URL)
    MEDIA.verify_upgrade(unsigned, line(voice=replace(voice, validate_signature=False)), URL)
    MEDIA.verify_upgrade(unsigned, line(validate_signature=False), URL)
