"""The states of a live session, and which may follow which."""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """WAITING for the stream to start. LISTENING: it is the person's turn, also while they interrupt.
    THINKING: an answer is awaited, or its sound."""

    WAITING = "waiting"
    DISCLOSING = "disclosing"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"
    ENDING = "ending"
    OVER = "over"


_TALK = frozenset({State.LISTENING, State.THINKING, State.SPEAKING})
_END = frozenset({State.ENDING, State.OVER})

SESSION_TRANSITIONS: dict[State, frozenset[State]] = {
    State.WAITING: frozenset({State.DISCLOSING, State.OVER}) | _TALK,
    State.DISCLOSING: _TALK | _END,
    State.LISTENING: _TALK | _END,
    State.THINKING: _TALK | _END,
    State.SPEAKING: _TALK | _END,
    State.ENDING: frozenset({State.OVER}),
    State.OVER: frozenset(),
}
