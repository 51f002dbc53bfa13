"""Playing the state machine: one seed in a test, or seed after seed until so many steps are done
(`make hostile`; `HOSTILE_SEED`, `HOSTILE_STEPS`, `HOSTILE_SHRINK=1` to make a failure small)."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from hostile.machine import Hostile

STEPS = 1_000_000
FIRST_SEED = 1
HISTORIES_PER_SEED, STEPS_PER_HISTORY = 40, 80
TOLD_EVERY = 20


def play(
    machine: type[RuleBasedStateMachine],
    seed_: int,
    histories: int = HISTORIES_PER_SEED,
    steps: int = STEPS_PER_HISTORY,
    *,
    shrink: bool = bool(os.environ.get("HOSTILE_SHRINK")),
) -> None:
    """Play this seed's histories. Raises AssertionError with what the oracle found; Hypothesis prints
    the moves that led there."""
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    chosen = settings(
        max_examples=histories,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=phases,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    seeded = seed(seed_)(type(machine.__name__, (machine,), {}))
    with quiet():
        run_state_machine_as_test(seeded, settings=chosen)


@contextmanager
def quiet() -> Iterator[None]:
    """A hostile agent fills every log with what it was refused."""
    log = logging.getLogger("ringfence")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


def nightly(first: int, wanted: int) -> int:
    """Seed after seed. Prints how it goes, and the seed that failed; answers an exit code."""
    begun, number = time.monotonic(), first
    while Hostile.total_steps < wanted:
        try:
            play(Hostile, number)
        except BaseException:
            print(
                f"hostile: seed {number} failed after {Hostile.total_steps} steps; play it again "
                f"and small with: HOSTILE_SEED={number} HOSTILE_STEPS=1 HOSTILE_SHRINK=1 make hostile",
                flush=True,
            )
            raise
        if (number - first) % TOLD_EVERY == 0:
            _tell(begun, number)
        number += 1
    _tell(begun, number - 1)
    return 0


def _tell(begun: float, number: int) -> None:
    spent_s = time.monotonic() - begun
    print(
        f"hostile: {Hostile.total_steps} steps, {Hostile.total_requests} requests, "
        f"{Hostile.total_creates} texts at the carrier, seed {number}, "
        f"{Hostile.total_steps / spent_s:.0f} steps/s, {spent_s:.0f} s",
        flush=True,
    )


def main() -> int:
    first = int(os.environ.get("HOSTILE_SEED", FIRST_SEED))
    return nightly(first, int(os.environ.get("HOSTILE_STEPS", STEPS)))


if __name__ == "__main__":
    sys.exit(main())
