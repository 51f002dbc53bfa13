"""What every media dialect must do, whoever it is: a new file in the folder gets these tests. The other
side is the simulated carrier's, which was written apart from it."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_rig import ABOUT, URL, frames, numbers, upgrade
from test_call_conformance import line_of

from ringfence.model.errors import MalformedFrame, SignatureRefused
from ringfence.model.media import (
    DigitHeard,
    MarkReturned,
    MediaEvent,
    PlaybackCleared,
    SoundHeard,
    StreamOpened,
    StreamStarted,
    StreamStopped,
)
from ringfence.providers import media_dialects, providers
from ringfence.providers.media import FRAME_CHARS_MAX, MediaCapabilities, SpeaksMedia
from ringfence.simulator.stream_dialects import SKINS
from ringfence.simulator.stream_skin import (
    Clear,
    Nonsense,
    PlaySound,
    QueueMark,
    SendKeys,
    Skin,
)

NAMES = sorted(media_dialects())
SOUND = st.binary(min_size=160, max_size=4_000)  # the least that every carrier takes is a frame
NAME = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=60)
ANY: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.fixture(params=NAMES)
def codec(request: pytest.FixtureRequest) -> SpeaksMedia:
    return media_dialects()[request.param]


@pytest.fixture
def skin(codec: SpeaksMedia) -> Skin:
    return SKINS[codec.name]


def test_a_dialect_fulfils_the_whole_contract(codec: SpeaksMedia) -> None:
    assert codec.name in providers(), "sound belongs to a provider that is there"
    for name, promised in inspect.getmembers(SpeaksMedia, inspect.isfunction):
        if not name.startswith("_"):
            parameters = list(inspect.signature(promised).parameters)[1:]
            assert list(inspect.signature(getattr(codec, name)).parameters) == parameters, name
    assert isinstance(codec.media_capabilities, MediaCapabilities)
    assert vars(codec) == {}, "one instance serves every call"


def test_its_capabilities_are_the_carriers(codec: SpeaksMedia, skin: Skin) -> None:
    able = codec.media_capabilities
    assert able.in_order == skin.in_order
    assert able.clears_apart == (skin.cleared(ABOUT, numbers(skin)) is not None)
    assert able.signed_upgrade == any("signature" in h.lower() for h in skin.headers(ABOUT, URL))
    if able.digits:
        assert skin.command(ABOUT, codec.digits(ABOUT.stream_id, "12")) == SendKeys("12")
    else:
        with pytest.raises(ValueError, match="digits"):
            codec.digits(ABOUT.stream_id, "12")


def test_what_the_carrier_says_is_understood(codec: SpeaksMedia, skin: Skin) -> None:
    token = ABOUT.token if codec.name == "telnyx" else ""
    expected: dict[str, MediaEvent] = {
        "greeting": StreamOpened(token),
        "start": StreamStarted(ABOUT.stream_id, ABOUT.call_id, ABOUT.account_id, ABOUT.parameters),
        "sound": SoundHeard(b"\xff" * 160, 20, 1),
        "key": DigitHeard("5"),
        "mark": MarkReturned("m1"),
        "cleared": PlaybackCleared(),
        "stop": StreamStopped(),
    }
    for kind, frame in frames(codec.name).items():
        assert codec.media_event(frame) == expected[kind], kind


@pytest.mark.parametrize("name", NAMES)
@given(sound=SOUND, mark=NAME)
def test_what_is_sent_is_understood_by_the_carrier(name: str, sound: bytes, mark: str) -> None:
    codec, skin, stream = media_dialects()[name], SKINS[name], ABOUT.stream_id
    assert skin.command(ABOUT, codec.sound(stream, sound)) == PlaySound(sound)
    assert skin.command(ABOUT, codec.mark(stream, mark)) == QueueMark(mark)
    assert skin.command(ABOUT, codec.clear(stream)) == Clear()


@pytest.mark.parametrize("name", NAMES)
@given(sound=st.binary(max_size=4_000), mark=NAME, chunk=st.integers(1, 10**6))
def test_what_the_carrier_says_comes_whole(name: str, sound: bytes, mark: str, chunk: int) -> None:
    codec, skin = media_dialects()[name], SKINS[name]
    count = numbers(skin)
    media = json.dumps(skin.media(ABOUT, count, chunk, chunk * 20, sound))
    assert codec.media_event(media) == SoundHeard(sound, chunk * 20, chunk)
    assert codec.media_event(json.dumps(skin.mark(ABOUT, count, mark))) == MarkReturned(mark)


@pytest.mark.parametrize(
    "frame",
    [
        b'{"event":"stop"}',
        b"\x00\xff" * 80,
        "",
        " ",
        "null",
        "7",
        "[]",
        '"media"',
        "{",
        "{}",
        '{"event":null}',
        '{"event":["media"]}',
        '{"event":"media"}',
        '{"event":"media","media":null}',
        '{"event":"media","media":{}}',
        '{"event":"start"}',
        '{"event":"dtmf","dtmf":{}}',
        "[" * 5_000,
        '{"event":"stop","x":"' + "a" * FRAME_CHARS_MAX + '"}',
        '{"event":"stop","x":"\ud800"}',
    ],
    ids=range(20),
)
def test_a_frame_of_no_dialect_is_malformed(codec: SpeaksMedia, frame: Any) -> None:
    with pytest.raises(MalformedFrame) as refused:
        codec.media_event(frame)
    assert len(str(refused.value)) < 300, "what is in a frame is not repeated"


def test_the_longest_frame_is_read_and_one_more_is_not(codec: SpeaksMedia) -> None:
    stop = '{"event":"stop"}'
    assert codec.media_event(stop.ljust(FRAME_CHARS_MAX)) == StreamStopped()
    with pytest.raises(MalformedFrame, match="longer"):
        codec.media_event(stop.ljust(FRAME_CHARS_MAX + 1))


def test_an_event_of_tomorrow_does_not_end_a_call(codec: SpeaksMedia) -> None:
    assert codec.media_event('{"event":"tomorrow","tomorrow":{}}') is None


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_a_frame_is_an_event_or_malformed(name: str, data: st.DataObject) -> None:
    """Any field of any real frame may be anything, or missing: no other error comes of it."""
    codec = media_dialects()[name]
    message = json.loads(data.draw(st.sampled_from(sorted(frames(name).values()))))
    for _ in range(data.draw(st.integers(1, 3))):
        _spoil(message, data)
    try:
        event = codec.media_event(json.dumps(message))
    except MalformedFrame:
        return
    assert event is None or isinstance(event, MediaEvent)


def _spoil(message: dict[str, Any], data: st.DataObject) -> None:
    """Change or drop one field somewhere."""
    holder = message
    while True:
        key = data.draw(st.sampled_from(sorted(holder)))
        inner = holder[key]
        if isinstance(inner, dict) and inner and data.draw(st.booleans()):
            holder = inner
            continue
        if len(holder) > 1 and data.draw(st.booleans()):
            del holder[key]
        else:
            holder[key] = data.draw(ANY)
        return


@pytest.mark.parametrize("name", NAMES)
@given(text=st.text(max_size=200) | ANY.map(json.dumps))
def test_any_text_is_an_event_or_malformed(name: str, text: str) -> None:
    codec = media_dialects()[name]
    try:
        event = codec.media_event(text)
    except MalformedFrame:
        return
    assert event is None or isinstance(event, MediaEvent)


@pytest.mark.parametrize("name", NAMES)
@given(text=st.text(max_size=200) | ANY.map(json.dumps))
def test_the_carrier_takes_any_text_for_a_command_or_nonsense(name: str, text: str) -> None:
    command = SKINS[name].command(ABOUT, text)
    assert isinstance(command, Nonsense), "nothing random is a command"


@pytest.mark.proves("P9")
def test_frames_do_not_print_what_was_said(codec: SpeaksMedia) -> None:
    told = frames(codec.name)
    assert "5" not in repr(codec.media_event(told["key"]))
    assert "xff" not in repr(codec.media_event(told["sound"]))
    assert "a call" not in repr(codec.media_event(told["start"]))


def test_an_upgrade_is_checked_where_the_carrier_signs_it(codec: SpeaksMedia, skin: Skin) -> None:
    line = line_of(codec.name)
    token = line.credentials.auth_tokens[0].reveal()
    headers = {
        name.lower(): value
        for name, value in skin.headers(replace(ABOUT, auth_token=token), URL).items()
    }
    codec.verify_upgrade(replace(upgrade(), headers=headers), line, URL)
    if codec.media_capabilities.signed_upgrade:
        with pytest.raises(SignatureRefused):
            codec.verify_upgrade(upgrade(), line, URL)
        with pytest.raises(SignatureRefused):
            codec.verify_upgrade(replace(upgrade(), headers=headers), line, URL + "2")
