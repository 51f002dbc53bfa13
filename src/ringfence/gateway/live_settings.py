"""A line's way of speaking as a live session takes it: the operator's settings (`model/voice.py`) in
milliseconds and sentences. What Ringfence says or takes for a nod in English is not put into a call in
another language."""

from __future__ import annotations

from datetime import timedelta

from ringfence.model.voice import Route, TurnDetector, TurnTaking, VoiceSettings
from ringfence.providers.media import MediaCapabilities
from ringfence.voice.settings import (
    BACKCHANNELS,
    BargeIn,
    Endpointing,
    Limits,
    Pacing,
    Sentences,
    SessionSettings,
)

LAST_WORDS = timedelta(seconds=8)
"""Before the provider's own limit, so that the last sentence is still heard."""


def session_settings(
    settings: VoiceSettings, route: Route, capabilities: MediaCapabilities, left: timedelta
) -> SessionSettings:
    """`left` is what the provider lets the call still last (B148)."""
    is_realtime = settings.realtime is not None
    by_service = is_realtime or settings.turns.detector is TurnDetector.SERVICE
    stream = settings.stream
    return SessionSettings(
        endpointing=Endpointing(by_service=by_service, silence_ms=settings.silence_ms),
        barge_in=_barge_in(settings.turns, route),
        pacing=Pacing() if stream is None else Pacing(lead_ms=stream.lead_ms),
        limits=_limits(settings, route, left),
        sentences=_sentences(settings, route),
        sends_digits=capabilities.digits,
        refusal_cuts=is_realtime,
    )


def _barge_in(turns: TurnTaking, route: Route) -> BargeIn:
    return BargeIn(
        allowed=turns.interrupt_ms is not None,
        hold_ms=turns.interrupt_ms or 0,
        resume_ms=turns.resume_ms,
        guard_ms=turns.echo_guard_ms,
        backchannels=BACKCHANNELS if _is_english(route) else frozenset(),
    )


def _limits(settings: VoiceSettings, route: Route, left: timedelta) -> Limits:
    turns, usual = settings.turns, Limits()
    agent_s = turns.agent_s if route.agent_s is None else route.agent_s
    start_ms = usual.start_ms if settings.stream is None else settings.stream.start_s * 1_000
    talk = max(left - LAST_WORDS, left / 2, timedelta(0))
    return Limits(
        start_ms=start_ms,
        filler_ms=turns.filler_ms,
        agent_ms=agent_s * 1_000,
        silence_ms=turns.nobody_s * 1_000,
        silence_asks=turns.nobody_times,
        duration_ms=int(talk.total_seconds() * 1_000),
        goodbye_ms=int(LAST_WORDS.total_seconds() * 1_000),
    )


def _sentences(settings: VoiceSettings, route: Route) -> Sentences:
    ours, usual = settings.sentences, Sentences()
    is_english = _is_english(route)
    return Sentences(
        filler=ours.filler,
        stuck=ours.fault,
        failed=usual.failed if is_english else "",
        refused=usual.refused if is_english else "",
        still_there=ours.silence,
        silence=ours.goodbye,
        time_over=ours.time_up,
    )


def _is_english(route: Route) -> bool:
    return route.language.lower().split("-")[0] == "en"
