"""What each service's messages mean, message by message, and what each is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.audio.frames import silence
from ringfence.model.errors import ConfigInvalid, NotDispatched, SpeechError
from ringfence.model.line import Secret
from ringfence.model.voice import SpeechChoice
from ringfence.model.wire import WireRequest
from ringfence.ports.sockets import Socket, SocketClosed, Streamed
from ringfence.ports.speech import Final, HeardWords, Partial, SpeechBegan, Spoken
from ringfence.speech import ears, mouths
from ringfence.speech.base import TRANSCRIPT_CHARS_MAX, Junk, Turns, Wires, tame
from ringfence.speech.deepgram import Aura, Flux, Nova
from ringfence.speech.elevenlabs import Scribe, StreamInput
from ringfence.speech.hearing import EarDialect
from ringfence.speech.openai import Transcription
from ringfence.speech.speaking import MouthDialect

CHOICE = SpeechChoice("any", voice="v", api_key=Secret("the-secret-key"))
NO_WIRES = cast(Wires, None)


def results(text: str, *, final: bool = False, **more: Any) -> dict[str, Any]:
    best = {"transcript": text, "confidence": 0.75, "words": []}
    return {"type": "Results", "is_final": final, "channel": {"alternatives": [best]}, **more}


def turn(event: str, text: str = "") -> dict[str, Any]:
    return {
        "type": "TurnInfo",
        "event": event,
        "transcript": text,
        "end_of_turn_confidence": 0.8,
    }


def heard(dialect: EarDialect, *messages: Mapping[str, Any]) -> list[HeardWords]:
    return [words for one in messages for words in dialect.heard(orjson.dumps(one).decode())]


# -- Deepgram ----------------------------------------------------------------------------------


def test_novas_turn_of_several_finals_ends_with_the_one_that_says_so() -> None:
    assert heard(
        Nova(CHOICE),
        {"type": "SpeechStarted"},
        results("I would"),
        results("I would like", final=True),
        results("to leave"),
        results("to leave a message.", final=True, speech_final=True),
        {"type": "UtteranceEnd", "last_word_end": 3.1},
    ) == [
        SpeechBegan(),
        Partial("I would"),
        Final("I would like", confidence=0.75),
        Partial("to leave"),
        Final("to leave a message.", turn_over=True, confidence=0.75),
    ]


def test_novas_turn_ends_with_the_utterance_where_no_result_said_so() -> None:
    nova = Nova(CHOICE)
    first = heard(nova, results("one moment", final=True), {"type": "UtteranceEnd"})
    assert first == [Final("one moment", confidence=0.75), Final("", turn_over=True)]
    assert heard(nova, {"type": "UtteranceEnd"}) == []


@pytest.mark.proves("B136")
def test_novas_empty_results_are_no_words() -> None:
    empty = results("", final=True, speech_final=True)
    assert heard(Nova(CHOICE), results(""), results("", final=True), empty) == []


def test_nova_answers_finalize_also_without_words() -> None:
    asked = results("", final=True, from_finalize=True)
    assert heard(Nova(CHOICE), asked) == [Final("", turn_over=True)]


def test_flux_hears_a_turn_as_a_whole() -> None:
    flux = Flux(CHOICE)
    assert not flux.ready
    words = heard(
        flux,
        {"type": "Connected"},
        turn("StartOfTurn", "call"),
        turn("Update", "call me"),
        turn("EagerEndOfTurn", "call me"),
        turn("TurnResumed", "call me back"),
        turn("EndOfTurn", "call me back"),
        turn("SomethingNew", "x"),
    )
    assert flux.ready
    assert words == [
        SpeechBegan(),
        Partial("call"),
        Partial("call me"),
        Partial("call me"),
        Partial("call me back"),
        Final("call me back", turn_over=True, confidence=0.8),
    ]


@pytest.mark.parametrize(
    ("reason", "words"),
    [("NET-0001", "nothing from us"), ("DATA-0000", "as sound"), ("?", "code 1011")],
)
def test_deepgrams_close_codes_are_put_into_words(reason: str, words: str) -> None:
    closed = SocketClosed(1011, f"Error: {reason}")
    assert words in str(Nova(CHOICE).ended(closed))
    assert words in str(Aura(CHOICE, "x").ended(closed))


# -- ElevenLabs --------------------------------------------------------------------------------


def test_scribe_commits_turns() -> None:
    assert heard(
        Scribe(CHOICE),
        {"message_type": "session_started"},
        {"message_type": "partial_transcript", "text": ""},
        {"message_type": "partial_transcript", "text": "good"},
        {"message_type": "partial_transcript", "text": "good morning"},
        {"message_type": "committed_transcript", "text": "Good morning."},
        {"message_type": "partial_transcript", "text": "I"},
        {"message_type": "something_new"},
    ) == [
        SpeechBegan(),
        Partial("good"),
        Partial("good morning"),
        Final("Good morning.", turn_over=True),
        SpeechBegan(),
        Partial("I"),
    ]


@pytest.mark.parametrize("kind", ["commit_throttled", "insufficient_audio_activity"])
def test_a_commit_that_scribe_will_not_do_ends_a_turn_without_words(kind: str) -> None:
    words = heard(Scribe(CHOICE), {"message_type": kind, "error": "too short"})
    assert words == [Final("", turn_over=True)]


@pytest.mark.parametrize("kind", ["auth_error", "quota_exceeded", "unaccepted_terms", "error"])
def test_scribes_errors_end_the_ear(kind: str) -> None:
    with pytest.raises(SpeechError):
        heard(Scribe(CHOICE), {"message_type": kind, "error": "words"})


def piece(letters: Sequence[object], times: Sequence[object], name: str) -> str:
    alignment = {"chars": letters, name: times}
    return orjson.dumps({"audio": "//////////8=", "alignment": alignment}).decode()


@pytest.mark.parametrize("name", ["charStartTimesMs", "char_start_times_ms"])
def test_letters_keep_their_times(name: str) -> None:
    made = StreamInput(CHOICE, "hi").made(piece(["h", "i"], [0, 80], name))
    assert made == Spoken(b"\xff" * 8, "hi", (0, 80))


@pytest.mark.parametrize(
    ("letters", "times"),
    [(["h", "i"], [0]), (["hi"], [0]), (["h"], ["0"]), (["h"], [-5]), ([], []), ("h", [0])],
)
def test_letters_that_do_not_fit_their_times_are_left_out(letters: Any, times: Any) -> None:
    made = StreamInput(CHOICE, "hi").made(piece(letters, times, "charStartTimesMs"))
    assert made == Spoken(b"\xff" * 8)


# -- OpenAI ------------------------------------------------------------------------------------


def transcript(kind: str, item: str, **fields: str) -> dict[str, Any]:
    name = f"conversation.item.input_audio_transcription.{kind}"
    return {"type": name, "item_id": item, "content_index": 0, **fields}


def test_transcripts_under_way_are_kept_apart_by_item() -> None:
    assert heard(
        Transcription(CHOICE, "en-US", (), Turns(by_service=True)),
        {"type": "input_audio_buffer.speech_started"},
        transcript("delta", "a", delta="Good"),
        transcript("delta", "b", delta="And"),
        transcript("delta", "a", delta=" morning"),
        transcript("completed", "a", transcript="Good morning."),
        transcript("failed", "b"),
        {"type": "rate_limits.updated"},
    ) == [
        SpeechBegan(),
        Partial("Good"),
        Partial("And"),
        Partial("Good morning"),
        Final("Good morning.", turn_over=True),
        Final("And", turn_over=True),
    ]


def test_an_empty_commit_is_a_turn_without_words_and_another_error_the_end() -> None:
    dialect = Transcription(CHOICE, "", (), Turns())
    empty = {"type": "error", "error": {"code": "input_audio_buffer_commit_empty", "message": "x"}}
    assert heard(dialect, empty) == [Final("", turn_over=True)]
    with pytest.raises(SpeechError, match="no such model"):
        heard(dialect, {"type": "error", "error": {"message": "no such model"}})


@pytest.mark.parametrize("by_service", [False, True])
def test_a_transcription_session_is_asked_for_in_the_current_shape(by_service: bool) -> None:
    dialect = Transcription(CHOICE, "de-AT", ["Ringfence"], Turns(by_service, silence_ms=640))
    [update] = [orjson.loads(message) for message in dialect.opening()]
    heard_as = update["session"]["audio"]["input"]
    assert update["session"]["type"] == "transcription"
    assert heard_as["format"] == {"type": "audio/pcmu"}
    assert heard_as["transcription"]["language"] == "de"
    detection = {"type": "server_vad", "silence_duration_ms": 640} if by_service else None
    assert heard_as["turn_detection"] == detection


# -- all ---------------------------------------------------------------------------------------

EAR_DIALECTS: dict[str, Any] = {
    "elevenlabs": lambda: Scribe(CHOICE),
    "flux": lambda: Flux(CHOICE),
    "nova": lambda: Nova(CHOICE),
    "openai": lambda: Transcription(CHOICE, "en", (), Turns()),
}
MOUTH_DIALECTS: dict[str, Any] = {
    "deepgram": lambda: Aura(CHOICE, "hello"),
    "elevenlabs": lambda: StreamInput(CHOICE, "hello"),
}
KINDS = [
    *("Results", "TurnInfo", "Error", "UtteranceEnd", "Connected", "Flushed"),
    *("partial_transcript", "committed_transcript", "auth_error", "error", "session.updated"),
    *("delta", "completed", "failed", "conversation.item.input_audio_transcription.delta"),
]
values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
NAMES = [
    *("transcript", "channel", "is_final", "event", "text", "error", "item_id", "delta"),
    *("audio", "alignment", "isFinal", "confidence", "speech_final", "from_finalize"),
]
documents = st.builds(
    lambda kind, key, rest: {key: kind, **rest},
    st.sampled_from(KINDS) | values,
    st.sampled_from(["type", "message_type"]),
    st.dictionaries(st.sampled_from(NAMES), values, max_size=6),
)


def _encoded(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except (TypeError, orjson.JSONEncodeError):  # an integer or a surrogate that JSON cannot hold
        return b"null"


@pytest.mark.parametrize("name", sorted(EAR_DIALECTS))
@given(message=documents.map(_encoded) | st.binary(max_size=40))
def test_whatever_a_service_says_an_ear_takes_it_or_refuses_it(name: str, message: bytes) -> None:
    try:
        words = EAR_DIALECTS[name]().heard(message)
    except (Junk, SpeechError):
        return
    for one in words:
        if not isinstance(one, SpeechBegan):
            assert len(one.text) <= TRANSCRIPT_CHARS_MAX
            assert one.text.isprintable()


@pytest.mark.parametrize("name", sorted(MOUTH_DIALECTS))
@given(message=documents.map(lambda one: _encoded(one).decode("utf-8", "replace")))
def test_whatever_a_service_says_a_mouth_takes_it_or_refuses_it(name: str, message: str) -> None:
    dialect: MouthDialect = MOUTH_DIALECTS[name]()
    try:
        made = dialect.made(message)
    except (Junk, SpeechError):
        return
    if isinstance(made, Spoken):
        assert len(made.letters) == len(made.letters_at_ms)


@pytest.mark.proves("P9")
@pytest.mark.parametrize("name", sorted(EAR_DIALECTS))
def test_a_service_that_quotes_our_key_does_not_get_it_shown(name: str) -> None:
    quoted = "key the-secret-key is bad, call +1 555 555 0123"
    said = {
        "type": "error" if name == "openai" else "Error",
        "message_type": "error",
        "error": {"message": quoted} if name == "openai" else quoted,
        "description": quoted,
    }
    with pytest.raises(SpeechError) as caught:
        heard(EAR_DIALECTS[name](), said)
    assert "the-secret-key" not in str(caught.value)
    assert "0123" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(EAR_DIALECTS))
def test_an_idle_ear_sends_what_harms_nobody(name: str) -> None:
    message = EAR_DIALECTS[name]().idle()
    assert set(message) <= {0xFF} if isinstance(message, bytes) else orjson.loads(message)


@pytest.mark.proves("P10")
def test_transcripts_are_bounded_and_on_one_line() -> None:
    assert tame("a\x00b\u202e\nc  d") == "a b c d"
    assert len(tame("x" * 100_000)) == TRANSCRIPT_CHARS_MAX
    assert tame(7) == ""


# -- choices -----------------------------------------------------------------------------------


def test_the_folder_is_the_list_of_services() -> None:
    assert sorted(ears()) == ["deepgram", "elevenlabs", "local", "openai"]
    assert sorted(mouths()) == ["deepgram", "elevenlabs", "local", "openai"]
    assert all(kind.name == name for name, kind in {**ears(), **mouths()}.items())


@pytest.mark.parametrize("name", ["deepgram", "elevenlabs", "openai"])
def test_a_service_without_its_key_is_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigInvalid, match="apiKey"):
        ears()[name].make(SpeechChoice(name), NO_WIRES, Turns())
    with pytest.raises(ConfigInvalid, match="apiKey"):
        mouths()[name].make(SpeechChoice(name, voice="v"), NO_WIRES)


def test_a_local_server_in_openais_shape_needs_no_key() -> None:
    choice = SpeechChoice("openai", base_url="http://127.0.0.1:8000/v1")
    assert ears()["openai"].problems(choice) == ()
    assert mouths()["openai"].problems(choice) == ()


@pytest.mark.proves("P9")
@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://speech.example.com", True),
        ("http://127.0.0.1:9000", True),
        ("http://192.168.1.5:9000/v1", True),
        ("http://whisper:8000/v1", True),
        ("http://box.lan", True),
        ("http://speech.example.com", False),
        ("http://8.8.8.8", False),
        ("https://user:word@speech.example.com", False),
        ("https://speech.example.com/?key=1", False),
        ("wss://speech.example.com", False),
        ("speech.example.com", False),
    ],
)
@pytest.mark.parametrize("name", ["deepgram", "elevenlabs", "openai"])
def test_a_voice_does_not_cross_the_internet_in_the_clear(name: str, url: str, good: bool) -> None:
    choice = SpeechChoice(name, voice="v", api_key=Secret("x"), base_url=url)
    assert (ears()[name].problems(choice) == ()) is good
    assert (mouths()[name].problems(choice) == ()) is good


def test_a_choice_whose_secret_cannot_be_had_is_blocked() -> None:
    choice = SpeechChoice("deepgram", blocked_reason="DEEPGRAM_KEY is not set")
    with pytest.raises(SpeechError, match="DEEPGRAM_KEY"):
        ears()["deepgram"].make(choice, NO_WIRES, Turns())


def test_a_voice_of_elevenlabs_must_be_named() -> None:
    choice = SpeechChoice("elevenlabs", api_key=Secret("x"))
    assert [one.partition(":")[0] for one in mouths()["elevenlabs"].problems(choice)] == ["voice"]


def test_sound_of_an_idle_flux_is_silence() -> None:
    assert Flux(CHOICE).idle() == silence(80)


# -- addresses ---------------------------------------------------------------------------------


class Noting:
    """Opens nothing, and keeps what was asked for."""

    def __init__(self) -> None:
        self.asked: list[WireRequest] = []

    async def connect(self, request: WireRequest) -> Socket:
        self.asked.append(request)
        raise NotDispatched("nobody is there.")

    def open(self, request: WireRequest) -> AbstractAsyncContextManager[Streamed]:
        self.asked.append(request)
        raise NotDispatched("nobody is there.")


ADDRESSES = {
    "deepgram": "://api.deepgram.com/v1/",
    "elevenlabs": "://api.elevenlabs.io/v1/",
    "openai": "://api.openai.com/v1/",
}


@pytest.mark.proves("P9")
@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("name", sorted(ADDRESSES))
async def test_the_houses_own_address_is_public_and_encrypted(name: str, own: bool) -> None:
    noting = Noting()
    wires = Wires(noting, noting)
    base = "http://127.0.0.1:9/v1" if own else ""
    choice = SpeechChoice(name, voice="v", api_key=Secret("the-secret-key"), base_url=base)
    with pytest.raises(SpeechError, match="nobody is there"):
        await ears()[name].make(choice, wires, Turns()).listen("en-US")
    with pytest.raises(SpeechError, match="nobody is there"):
        await anext(mouths()[name].make(choice, wires).speak("Hello.", "en-US"))
    for request in noting.asked:
        scheme, _, _ = request.url.partition("://")
        assert scheme in (("ws", "http") if own else ("wss", "https"))
        assert own or ADDRESSES[name] in request.url
        assert request.public_only is not own
        assert "the-secret-key" not in f"{request.url}{request!r}"
        assert "the-secret-key" in str(request.secret_headers)
    assert len(noting.asked) == 2
