"""A line's settings of calls, as a live session takes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ringfence.gateway.live_settings import session_settings
from ringfence.model.voice import (
    Route,
    StreamSettings,
    TurnDetector,
    TurnTaking,
    VoiceSettings,
)
from ringfence.providers.media import MediaCapabilities
from ringfence.voice.settings import SessionSettings

ROUTE = Route("front")
SETTINGS = VoiceSettings(
    "/webhooks/voice",
    ROUTE,
    turns=TurnTaking(TurnDetector.SERVICE, 350, 1_500, 400, 1_200, 25, 12, 3),
    stream=StreamSettings("/voice/stream", "wss://gw.example.com/voice/stream", lead_ms=160),
)


def made(
    settings: VoiceSettings = SETTINGS, route: Route = ROUTE, left_s: float = 300
) -> SessionSettings:
    capabilities = MediaCapabilities(digits=True)
    return session_settings(settings, route, capabilities, timedelta(seconds=left_s))


def test_everything_the_operator_chose_arrives() -> None:
    found = made()
    assert (found.endpointing.by_service, found.endpointing.silence_ms) == (True, 800)
    barge_in = found.barge_in
    assert (barge_in.hold_ms, barge_in.resume_ms, barge_in.guard_ms) == (350, 1_500, 400)
    assert found.pacing.lead_ms == 160
    limits = found.limits
    assert (limits.start_ms, limits.filler_ms, limits.agent_ms) == (5_000, 1_200, 25_000)
    assert (limits.silence_ms, limits.silence_asks) == (12_000, 3)
    sentences = SETTINGS.sentences
    assert found.sentences.stuck == sentences.fault
    assert found.sentences.still_there == sentences.silence
    assert found.sentences.silence == sentences.goodbye
    assert found.sentences.time_over == sentences.time_up
    assert found.sends_digits


def test_a_route_may_give_its_agent_another_time() -> None:
    assert made(route=replace(ROUTE, agent_s=7)).limits.agent_ms == 7_000


def test_where_nobody_interrupts_nothing_does() -> None:
    turns = replace(SETTINGS.turns, interrupt_ms=None)
    assert not made(replace(SETTINGS, turns=turns)).barge_in.allowed


def test_a_detector_of_silence_does_not_take_the_services_word() -> None:
    turns = replace(SETTINGS.turns, detector=TurnDetector.SILENCE)
    assert not made(replace(SETTINGS, turns=turns)).endpointing.by_service


@pytest.mark.parametrize(("left_s", "talks_s"), [(300, 292), (10, 5), (0, 0), (-5, 0)])
def test_the_last_sentence_has_its_time_before_the_providers_limit(
    left_s: float, talks_s: float
) -> None:
    limits = made(left_s=left_s).limits
    assert limits.duration_ms == talks_s * 1_000
    assert limits.goodbye_ms == 8_000


def test_a_call_in_another_language_hears_no_english_of_ours() -> None:
    found = made(route=replace(ROUTE, language="de-DE"))
    assert found.sentences.failed == found.sentences.refused == ""
    assert found.barge_in.backchannels == frozenset()
    assert made().sentences.failed
