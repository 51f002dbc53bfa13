"""Each checker of calls is shown a gateway that breaks what it is about, and must say so within a few
seeds: a checker that never fails proves nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ringfence.gateway.call_ending
import ringfence.gateway.call_life
import ringfence.gateway.call_looks
import ringfence.gateway.call_placing
import ringfence.gateway.call_words
from ringfence.gateway.call_asking import Asking
from ringfence.gateway.call_looks import CallLooks
from ringfence.gateway.live_calls import LiveCalls
from ringfence.model.call import CallTurnState
from ringfence.model.message import MessageStatus
from ringfence.model.outbox import Outcome, OutcomeKind
from ringfence.providers.twilio_calls import TwilioCalls
from ringfence.simulator.calls_invariants import broken
from ringfence.simulator.calls_run import simulate

SEEDS = (59, 41, 28, 9)
Patch = Callable[[pytest.MonkeyPatch], None]


def _never_looks(patch: pytest.MonkeyPatch) -> None:
    """A call whose end was told to nobody stays for ever."""

    async def claim(*_: Any) -> list[Any]:
        return []

    patch.setattr(CallLooks, "claim", claim)


def _rings_again(patch: pytest.MonkeyPatch) -> None:
    """A lost answer counts as a refusal."""
    real = TwilioCalls.placed

    def placed(self: TwilioCalls, response: Any) -> Outcome:
        outcome = real(self, response)
        if outcome.kind is OutcomeKind.UNKNOWN:
            return replace(outcome, kind=OutcomeKind.RETRYABLE)
        return outcome

    patch.setattr(TwilioCalls, "placed", placed)


def _lets_them_talk(patch: pytest.MonkeyPatch) -> None:
    """A stop holds what waits, and leaves calls alone."""
    patch.setattr(ringfence.gateway.call_ending, "_end_where", lambda *_: 0)


def _says_anything(patch: pytest.MonkeyPatch) -> None:
    """What the agent answers is said without being asked about."""

    def judge(self: Asking, tx: Any, *given: Any) -> None:
        turn, reply = given[-2:]
        tx.calls.put_turn(replace(turn, state=CallTurnState.ANSWERED, answer=reply.text))

    patch.setattr(Asking, "_judge", judge)


def _takes_an_answer_for_a_reading(patch: pytest.MonkeyPatch) -> None:
    """Whoever picks up was told."""
    real = ringfence.gateway.call_life.status_of

    def status_of(call: Any) -> MessageStatus:
        return MessageStatus.DELIVERED if call.person.answered_at else real(call)

    patch.setattr(ringfence.gateway.call_life, "status_of", status_of)


def _does_not_say_who_calls(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ringfence.gateway.call_words, "owed_to", lambda *_: "")
    patch.setattr(ringfence.gateway.call_placing, "owed_to", lambda *_: "")


def _counts_nobody(patch: pytest.MonkeyPatch) -> None:
    """No call takes a place."""
    patch.setattr(LiveCalls, "of", classmethod(lambda cls, _: cls()))


def _charges_twice(patch: pytest.MonkeyPatch) -> None:
    real = ringfence.gateway.call_life.count_call

    def count_call(*given: Any) -> None:
        real(*given)
        real(*given)

    patch.setattr(ringfence.gateway.call_life, "count_call", count_call)


def _reaps_the_living(patch: pytest.MonkeyPatch) -> None:
    """Whoever is asked about is taken for somebody who never answered."""
    patch.setattr(ringfence.gateway.call_looks, "_is_unanswered", lambda *_: True)
    patch.setattr(ringfence.gateway.call_looks, "LIVE_LOOK", ringfence.gateway.call_looks.PARTING)
    patch.setattr(ringfence.gateway.call_life, "LIVE_LOOK", ringfence.gateway.call_looks.PARTING)


@pytest.mark.parametrize(
    ("checker", "sabotage"),
    [
        ("over", _never_looks),
        ("one ring", _rings_again),
        ("stopped", _lets_them_talk),
        ("leave", _says_anything),
        ("delivered", _takes_an_answer_for_a_reading),
        ("disclosed", _does_not_say_who_calls),
        ("room", _counts_nobody),
        ("minutes", _charges_twice),
        ("live", _reaps_the_living),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else str(value),
)
async def test_what_goes_wrong_with_calls_is_found(
    checker: str, sabotage: Patch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sabotage(monkeypatch)
    found: list[str] = []
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        found = broken(await simulate(seed, f"sqlite:///{folder / 'store.db'}", folder))
        if any(finding.startswith(f"{checker}: ") for finding in found):
            return
    pytest.fail(f"nothing of {checker} in {len(SEEDS)} seeds; the last found {found[:3]}")
