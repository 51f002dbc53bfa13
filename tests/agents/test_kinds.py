"""agents/__init__.py (discovery) and what every kind has in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from ringfence.agents import KINDS, make
from ringfence.agents.base import scrub
from ringfence.agents.echo import Settings as EchoSettings
from ringfence.model.errors import ConfigInvalid
from ringfence.model.line import Secret
from ringfence.ports import AgentTurn

TurnMaker = Callable[..., AgentTurn]
NONE: Any = None


def test_a_kind_is_a_file() -> None:
    assert sorted(KINDS) == ["command", "echo", "openai", "webhook"]


@pytest.mark.proves("P10")
@pytest.mark.parametrize("name", sorted(KINDS))
def test_settings_are_frozen_and_bound_the_reply(name: str) -> None:
    settings = KINDS[name].settings
    assert settings.__dataclass_params__.frozen
    fields = {field.name: field for field in dataclasses.fields(settings)}
    assert isinstance(fields["max_reply_chars"].default, int)


@pytest.mark.parametrize(("kind", "path"), [("telepathy", "kind"), ("openai", "settings")])
def test_an_unknown_kind_or_foreign_settings(kind: str, path: str) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        make(kind, "x", EchoSettings(), NONE, NONE)
    assert caught.value.problems[0].startswith(f"{path}:")


@pytest.mark.proves("P9")
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("token abc!", "token •••!"),
        ("call +15555550123 or +15555550199.", "call +1555•••0123 or +1555•••0199."),
        ("a\r\nb\x1b[31m\tc", "a b [31m c"),
        ("x" * 600, "x" * 500 + "…"),
        ("", ""),
    ],
)
def test_foreign_words_are_made_safe(text: str, shown: str) -> None:
    assert scrub(text, [Secret("abc"), Secret("")]) == shown
