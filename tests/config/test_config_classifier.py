"""`policy.classifier`: for every line, or a line's own; an agent that is there, and better another."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.bootstrap import _turn_lease
from ringfence.model.classifier import Classifier, OnFailure
from ringfence.model.errors import ConfigInvalid

AGENTS: dict[str, Any] = {
    "agent": None,
    "agents": {"default": {"kind": "echo"}, "judge": {"kind": "echo"}},
}


def classifier(**keys: Any) -> dict[str, Any]:
    return {**AGENTS, "policy": {"classifier": keys}}


def test_there_is_none_by_itself(load_good: Any) -> None:
    assert load_good().classifiers == {}


def test_every_line_has_it_and_fails_closed(load_good: Any) -> None:
    settings = load_good(classifier(agent="judge"))
    assert settings.classifiers == {"default": Classifier("judge", 10.0, OnFailure.HOLD)}
    assert not any("classifier" in warning for warning in settings.warnings)


def test_a_lines_own_keys_win(load_good: Any) -> None:
    patch = classifier(agent="judge", timeoutS=3)
    patch["channels"] = {"sms": {"policy": {"classifier": {"onFailure": "ignore"}}}}
    assert load_good(patch).classifiers == {"default": Classifier("judge", 3.0, OnFailure.IGNORE)}


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"agent": "nobody"}, "policy.classifier.agent: expected the name of an agent"),
        ({"timeoutS": 5}, "policy.classifier.agent: expected the name of an agent"),
        ({"agent": "judge", "onFailure": "allow"}, 'onFailure: expected one of "hold", "ignore"'),
        ({"agent": "judge", "timeoutS": 0}, "timeoutS: expected a number above 0"),
        ({"agent": "judge", "timeoutS": 999}, "timeoutS: expected a number of at most 120"),
        ({"agent": "judge", "timeout": 5}, 'did you mean "timeoutS"?'),
    ],
)
def test_what_cannot_be_is_told_with_its_path(
    keys: dict[str, Any], words: str, load_good: Any
) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        load_good(classifier(**keys))
    assert words in str(caught.value.problems)


def test_an_agent_that_judges_itself_is_told(load_good: Any) -> None:
    settings = load_good(classifier(agent="default"))
    assert any("does not see its own mistakes" in warning for warning in settings.warnings)


def test_a_turn_has_the_time_for_it(load_good: Any) -> None:
    """The lease of a turn covers the agent and the classifier one after the other."""
    slow = {**AGENTS["agents"], "default": {"kind": "command", "argv": ["x"], "timeoutS": 3_000}}
    without = load_good({**AGENTS, "agents": slow})
    patch = {**classifier(agent="judge", timeoutS=100), "agents": slow}
    assert (_turn_lease(load_good(patch)) - _turn_lease(without)).total_seconds() == 100
