"""The page about live calls says what the code does."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

from ringfence.voice.settings import Limits
from ringfence.voice.state import SESSION_TRANSITIONS, State

PAGE = (Path(__file__).parents[2] / "docs" / "topics" / "live-calls.md").read_text("utf-8")


def test_the_picture_of_a_session_is_its_table() -> None:
    arrows = set(re.findall(r"^    (\w+) --> (\w+)", PAGE, re.MULTILINE))
    table = {
        (one.value, two.value)
        for one, others in SESSION_TRANSITIONS.items()
        for two in others
        if one is not two
    }
    assert arrows == table, "docs/topics/live-calls.md: draw what voice/state.py says"


def test_every_limit_stands_on_the_page_with_its_default() -> None:
    found = {name: int(value) for name, value in re.findall(r"`(\w+)` (\d+)", PAGE)}
    assert found == asdict(Limits())


def test_every_session_can_end_and_stays_ended() -> None:
    assert SESSION_TRANSITIONS[State.OVER] == frozenset()
    assert set(SESSION_TRANSITIONS) == set(State)
    for state, others in SESSION_TRANSITIONS.items():
        assert state is State.OVER or State.OVER in others
