"""Telnyx media streaming: exact frames both ways, both names of µ-law, the stream's token, errors in both
writings, against another implementation's vectors."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from media_rig import URL, same_as_the_vector, sent_as_the_vector, upgrade, vectors
from telnyx_rig import line

from ringfence.model.errors import MalformedFrame
from ringfence.model.media import (
    DigitHeard,
    MarkReturned,
    SoundHeard,
    StreamFault,
    StreamOpened,
    StreamStarted,
    StreamStopped,
)
from ringfence.providers.telnyx_media import MEDIA, TOKEN_HEADER

STREAM, CALL = "32de0dea-53cb-4b21-89a4-9e1819c043bc", "v3:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdU"
PCMU = {"encoding": "PCMU", "sample_rate": 8000, "channels": 1}


def start(**changes: Any) -> str:
    body = {
        "user_id": "3e6f995f-85f7-4705-9741-53b116d28237",
        "call_control_id": CALL,
        "call_session_id": "ff55a038-6f5d-11ef-9692-02420aeffb1f",
        "from": "+15555550123",
        "to": "+15555550100",
        "client_state": "aGF2ZSBhIG5pY2UgZGF5ID1d",
        "custom_parameters": {"turn": "t1"},
        "media_format": PCMU,
        **changes,
    }
    told = {"event": "start", "sequence_number": "1", "start": body, "stream_id": STREAM}
    return json.dumps(told)


def media(**changes: Any) -> str:
    body = {"track": "inbound", "chunk": "2", "timestamp": "40", "payload": "/38A", **changes}
    return json.dumps({"event": "media", "stream_id": STREAM, "media": body})


STARTED = StreamStarted(STREAM, CALL, "3e6f995f-85f7-4705-9741-53b116d28237", (("turn", "t1"),))


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        ('{"event":"connected","version":"1.0.0"}', StreamOpened()),
        (json.dumps({"event": "connected", TOKEN_HEADER: "tok"}), StreamOpened("tok")),
        (
            json.dumps({"event": "connected", "connected": {TOKEN_HEADER: "tok"}}),
            StreamOpened("tok"),
        ),
        (start(), STARTED),
        (start(media_format=PCMU | {"encoding": "audio/x-mulaw"}), STARTED),
        (media(), SoundHeard(b"\xff\x7f\x00", 40, 2)),
        (media(track="outbound"), None),
        ('{"event":"dtmf","stream_id":"s","dtmf":{"digit":"*"}}', DigitHeard("*")),
        ('{"event":"mark","stream_id":"s","mark":{"name":"u1"}}', MarkReturned("u1")),
        ('{"event":"stop","stream_id":"s","stop":{}}', StreamStopped()),
        ('{"event":"something new"}', None),
    ],
)
def test_telnyxs_frames_are_read(frame: str, event: object) -> None:
    assert MEDIA.media_event(frame) == event


@pytest.mark.parametrize("place", ["payload", "error"])
def test_an_error_is_told_in_its_own_words_without_ids(place: str) -> None:
    reason = {"code": 100003, "title": "malformed_frame", "detail": f"of {STREAM}"}
    fault = MEDIA.media_event(json.dumps({"event": "error", "stream_id": STREAM, place: reason}))
    assert fault == StreamFault("100003 malformed_frame of •••")
    with pytest.raises(MalformedFrame):
        MEDIA.media_event('{"event":"error","payload":"no"}')


@pytest.mark.parametrize(
    "change", [{"encoding": "L16"}, {"encoding": "PCMA"}, {"sample_rate": 16000}]
)
def test_other_telnyx_sound_than_pcmu_is_refused_with_the_cure(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedFrame, match=r"only µ-law .*PCMU.* set the stream to that"):
        MEDIA.media_event(start(media_format=PCMU | change))


def test_what_is_sent_to_telnyx_names_no_stream() -> None:
    assert json.loads(MEDIA.sound(STREAM, b"\xff\x7f\x00")) == {
        "event": "media",
        "media": {"payload": "/38A"},
    }
    assert json.loads(MEDIA.mark(STREAM, "u1")) == {"event": "mark", "mark": {"name": "u1"}}
    assert json.loads(MEDIA.clear(STREAM)) == {"event": "clear"}
    with pytest.raises(ValueError, match="send_dtmf"):
        MEDIA.digits(STREAM, "1")


def test_telnyx_signs_no_upgrade() -> None:
    MEDIA.verify_upgrade(upgrade(), line(), URL)
    assert not MEDIA.media_capabilities.signed_upgrade
    assert not MEDIA.media_capabilities.in_order


@pytest.mark.shared
def test_telnyx_frames_as_another_implementation_has_them(
    shared_data: Callable[[str], Any],
) -> None:
    for vector in vectors(shared_data, "telnyx-pcmu"):
        if vector["direction"] == "app-to-carrier":
            assert sent_as_the_vector(MEDIA, vector), vector["id"]
        elif "-odd-" in vector["id"] and "unknown-event" not in vector["id"]:
            with pytest.raises(MalformedFrame):
                MEDIA.media_event(vector["text"])
        else:
            assert same_as_the_vector(MEDIA.media_event(vector["text"]), vector), vector["id"]
