"""Each checker is shown a gateway that breaks its promise, and must say so within a few seeds: a
checker that never fails proves nothing. (The same seeds hold with the gateway as it is.)"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import ringfence.config.policies
import ringfence.gateway.dispatch
import ringfence.gateway.recording
import ringfence.gateway.reports
import ringfence.logs
from ringfence.delivery.retry import Again, Next
from ringfence.delivery.status import Folded
from ringfence.gateway.facts import FactsDesk, Question
from ringfence.gateway.receive import Receipt, Receiver
from ringfence.gateway.track import Tracker
from ringfence.model.audit import AuditEntry
from ringfence.model.errors import AgentUnavailable
from ringfence.model.outbox import OutcomeKind
from ringfence.model.verdict import Decision
from ringfence.policy.policy import Policy, discover, make_policy
from ringfence.simulator.invariants import broken
from ringfence.simulator.lives import OWNER
from ringfence.simulator.run import simulate
from ringfence.store.audit import AuditTable

SEEDS = (16, 21, 7, 2, 15, 24, 30, 13)
Patch = Callable[[pytest.MonkeyPatch], None]


def _sends_without_a_claim_decision(patch: pytest.MonkeyPatch) -> None:
    """P1: the gate is asked, and its answer not recorded."""
    real = FactsDesk.decide

    def decide(
        self: FactsDesk, question: Question, *rest: Any, **named: Any
    ) -> tuple[Decision, AuditEntry]:
        decision, entry = real(self, question, *rest, **named)
        return decision, replace(entry, kind="note") if question.claiming else entry

    patch.setattr(FactsDesk, "decide", decide)


def _forgets_the_stops(patch: pytest.MonkeyPatch) -> None:
    """P3: opt-outs, blocks and switches are kept, and nobody asks."""
    fences = ("opt_out", "block_list", "kill_switch")
    rules = [rule for rule in discover() if rule.name not in fences]

    def without(settings: Any, lists: Any) -> Policy:
        return make_policy(settings, lists, rules)

    patch.setattr(ringfence.config.policies, "make_policy", without)


def _answers_before_storing(patch: pytest.MonkeyPatch) -> None:
    """P4: one webhook in ten is answered and forgotten."""
    real, turn = Receiver.webhook, itertools.count()

    async def webhook(self: Receiver, *given: Any) -> Receipt:
        if next(turn) % 10 == 9:
            return Receipt(stored=True)
        return await real(self, *given)

    patch.setattr(Receiver, "webhook", webhook)


def _believes_the_last_report(patch: pytest.MonkeyPatch) -> None:
    """P4: a late `sent` overwrites `delivered`."""

    def fold(_: Any, __: Any, status: Any, code: Any) -> Folded:
        return Folded(status, code, False)

    patch.setattr(ringfence.gateway.reports, "fold", fold)


def _sends_again_when_unsure(patch: pytest.MonkeyPatch) -> None:
    """P5: an unknown outcome counts as a refusal."""
    real = ringfence.gateway.recording.next_attempt

    def next_attempt(outcome: Any, attempt: int, now: datetime, *rest: Any) -> Next:
        if outcome.kind is OutcomeKind.UNKNOWN:
            return Again(now)
        return real(outcome, attempt, now, *rest)

    patch.setattr(ringfence.gateway.recording, "next_attempt", next_attempt)


def _never_looks(patch: pytest.MonkeyPatch) -> None:
    """P6: what is owed is written down, and nobody looks."""

    async def take_due(self: Tracker) -> Sequence[Any]:
        return []

    patch.setattr(Tracker, "take_due", take_due)


def _stumbles(patch: pytest.MonkeyPatch) -> None:
    """P6: a stage fails on the way, and only its lease saves it."""

    async def send(self: Any, item: Any) -> None:
        raise AgentUnavailable(f"item {item.id}")

    patch.setattr(ringfence.gateway.dispatch.Dispatcher, "send", send)


def _loses_an_entry(patch: pytest.MonkeyPatch) -> None:
    """P7: one decision in twenty never reaches the log."""
    real, turn = AuditTable.append, itertools.count()

    def append(self: AuditTable, entries: Sequence[AuditEntry]) -> None:
        real(self, [entry for entry in entries if entry.kind != "decision" or next(turn) % 20])

    patch.setattr(AuditTable, "append", append)


def _writes_numbers_into_the_log(patch: pytest.MonkeyPatch) -> None:
    """P9: a number in a log line, and nothing that masks it."""
    real = ringfence.gateway.dispatch.Dispatcher.send

    async def send(self: Any, item: Any) -> None:
        logging.getLogger("ringfence.dispatch").info("sending to %s", item.number.e164)
        await real(self, item)

    patch.setattr(ringfence.gateway.dispatch.Dispatcher, "send", send)
    patch.setattr(ringfence.logs, "masked", lambda text: text)


def _writes_numbers_into_the_audit(patch: pytest.MonkeyPatch) -> None:
    """P7: an entry that could not outlive the erasure of a person."""
    real = FactsDesk.decide

    def decide(self: FactsDesk, *given: Any) -> tuple[Decision, AuditEntry]:
        decision, entry = real(self, *given)
        return decision, replace(entry, body={**entry.body, "to": OWNER})

    patch.setattr(FactsDesk, "decide", decide)


@pytest.mark.parametrize(
    ("promise", "sabotage"),
    [
        ("P1", _sends_without_a_claim_decision),
        ("P3", _forgets_the_stops),
        ("P4 stored", _answers_before_storing),
        ("P4 back", _believes_the_last_report),
        ("P5", _sends_again_when_unsure),
        ("P6", _never_looks),
        ("P6", _stumbles),
        ("P7", _loses_an_entry),
        ("P7", _writes_numbers_into_the_audit),
        ("P9", _writes_numbers_into_the_log),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else str(value),
)
async def test_a_broken_promise_is_found(
    promise: str, sabotage: Patch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sabotage(monkeypatch)
    found: list[str] = []
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        seen = await simulate(seed, f"sqlite:///{folder / 'store.db'}", folder)
        found = broken(seen)
        if any(finding.startswith(f"{promise}: ") for finding in found):
            return
    pytest.fail(f"nothing of {promise} in {len(SEEDS)} seeds; the last found {found[:3]}")
