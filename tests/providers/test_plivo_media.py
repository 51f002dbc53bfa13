"""Plivo audio streaming: exact frames both ways, what was cleared told apart from what was played, digits,
extra headers in each writing, against another implementation's vectors."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from media_rig import URL, same_as_the_vector, sent_as_the_vector, upgrade, vectors
from plivo_rig import AUTH_ID, line

from ringfence.model.errors import MalformedFrame
from ringfence.model.media import (
    DigitHeard,
    MarkReturned,
    PlaybackCleared,
    SoundHeard,
    StreamFault,
    StreamStarted,
    StreamStopped,
)
from ringfence.providers.plivo_media import MEDIA

STREAM, CALL = "b77e037d-4119-44b5-902d-25826b654539", "f4b1a2ea-9f2a-4b55-a1c7-62e19c3f8d10"


def start(extra: Any = "{}", **changes: Any) -> str:
    body = {
        "callId": CALL,
        "streamId": STREAM,
        "accountId": AUTH_ID,
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
        **changes,
    }
    told = {"sequenceNumber": 0, "event": "start", "start": body, "extra_headers": extra}
    return json.dumps(told)


def media(**changes: Any) -> str:
    body = {"track": "inbound", "chunk": 2, "timestamp": "40", "payload": "/38A", **changes}
    return json.dumps({"event": "media", "sequenceNumber": 3, "streamId": STREAM, "media": body})


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        (media(), SoundHeard(b"\xff\x7f\x00", 40, 2)),
        (media(chunk="2", timestamp=40), SoundHeard(b"\xff\x7f\x00", 40, 2)),
        (media(track="outbound"), None),
        ('{"event":"dtmf","streamId":"s","dtmf":{"digit":"0","timestamp":"9"}}', DigitHeard("0")),
        ('{"event":"playedStream","streamId":"s","name":"u1"}', MarkReturned("u1")),
        ('{"event":"playedStream","name":"u1"}', MarkReturned("u1")),  # Vobiz
        ('{"event":"clearedAudio","streamId":"s"}', PlaybackCleared()),
        ('{"event":"playFailed","reason":"no audio"}', StreamFault("playFailed no audio")),
        ('{"event":"error","reason":7}', StreamFault("error 7")),
        ('{"event":"error"}', StreamFault("error")),
        ('{"event":"stop","streamId":"s"}', StreamStopped()),
        ('{"event":"something new"}', None),
    ],
)
def test_plivos_frames_are_read(frame: str, event: object) -> None:
    assert MEDIA.media_event(frame) == event


@pytest.mark.parametrize(
    ("extra", "parameters"),
    [
        ("", ()),
        (None, ()),
        ("{}", ()),
        ('{"turn": "t1", "x": ""}', (("turn", "t1"), ("x", ""))),
        ("turn=t1;x=a=b", (("turn", "t1"), ("x", "a=b"))),
        ("turn=t1, x=y", (("turn", "t1"), ("x", "y"))),
        ({"turn": "t1"}, (("turn", "t1"),)),
    ],
)
def test_extra_headers_in_each_writing(extra: Any, parameters: object) -> None:
    assert MEDIA.media_event(start(extra)) == StreamStarted(STREAM, CALL, AUTH_ID, parameters)  # type: ignore[arg-type]


@pytest.mark.parametrize("extra", [7, [], "{", '{"a": 7}', '{"a": {}}', "=x", "a=" + "b" * 4_097])
def test_broken_extra_headers_are_refused(extra: Any) -> None:
    with pytest.raises(MalformedFrame):
        MEDIA.media_event(start(extra))


@pytest.mark.parametrize(
    "sound",
    [
        {"encoding": "audio/x-l16", "sampleRate": 8000},
        {"encoding": "audio/x-l16;rate=16000", "sampleRate": 16000},
        {"encoding": "audio/x-mulaw", "sampleRate": 16000},
    ],
)
def test_other_plivo_sound_than_ulaw_is_refused_with_the_cure(sound: dict[str, Any]) -> None:
    with pytest.raises(MalformedFrame, match=r"only µ-law .* set the stream to that"):
        MEDIA.media_event(start(mediaFormat=sound))


def test_plivos_encoding_may_carry_its_rate() -> None:
    sound = {"encoding": "audio/x-mulaw;rate=8000", "sampleRate": 8000}
    assert isinstance(MEDIA.media_event(start(mediaFormat=sound)), StreamStarted)


def test_what_is_sent_to_plivo() -> None:
    assert json.loads(MEDIA.sound("s", b"\xff\x7f\x00")) == {
        "event": "playAudio",
        "streamId": "s",
        "media": {"contentType": "audio/x-mulaw", "sampleRate": 8000, "payload": "/38A"},
    }
    expected = {"event": "checkpoint", "streamId": "s", "name": "u1"}
    assert json.loads(MEDIA.mark("s", "u1")) == expected
    assert json.loads(MEDIA.clear("s")) == {"event": "clearAudio", "streamId": "s"}
    assert json.loads(MEDIA.digits("s", "12#")) == {"event": "sendDTMF", "dtmf": "12#"}
    for bad in ("", "w", "1 2", "A"):
        with pytest.raises(ValueError, match="digits are"):
            MEDIA.digits("s", bad)


def test_plivo_signs_no_upgrade() -> None:
    MEDIA.verify_upgrade(upgrade(), line(), URL)
    assert MEDIA.media_capabilities.clears_apart
    assert not MEDIA.media_capabilities.signed_upgrade


@pytest.mark.shared
def test_plivo_frames_as_another_implementation_has_them(shared_data: Callable[[str], Any]) -> None:
    for vector in vectors(shared_data, "plivo"):
        if vector.get("frame") == "InterruptionFrame":
            assert json.loads(MEDIA.clear("s-1")) == vector["message"]
        elif vector["direction"] == "app-to-carrier":
            assert sent_as_the_vector(MEDIA, vector), vector["id"]
        elif "-odd-" in vector["id"]:
            with pytest.raises(MalformedFrame):
                MEDIA.media_event(vector["text"])
        else:
            assert same_as_the_vector(MEDIA.media_event(vector["text"]), vector), vector["id"]
