"""Each rule is taken away, turned around and made milder, and the tests must notice: `make mutate`.
A mutant nobody notices is a survivor; it is named, and the exit code is 1. Runs pytest with the
plug-in below, one process a mutant; changes no file.

    python tests/mutation/mutate_rules.py [--rule NAME …] [--flows]

`--flows` leaves out a rule's own tests, and tells what the flows alone would notice."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "src"))

from mutants import KINDS, VARIABLE  # noqa: E402 - found beside this file

from ringfence.policy.policy import discover  # noqa: E402

TIMEOUT_S = 900
OF_ALL = ("tests/policy/test_rules.py", "tests/policy/test_decide.py")
FLOWS = (
    "tests/gateway/test_dispatch.py",
    "tests/gateway/test_reply.py",
    "tests/gateway/test_pairing.py",
    "tests/gateway/test_drafts.py",
    "tests/gateway/test_grants.py",
    "tests/gateway/test_halt.py",
    "tests/stories",
)


def noticed(mutant: str, tests: tuple[str, ...]) -> bool:
    """Does any of these tests fail with the mutant in place, and none without?"""
    if not _fails(mutant, tests):
        return False
    if _fails("", tests):
        raise SystemExit(f"Mend the tests first, they fail as things are: {' '.join(tests)}")
    return True


@cache
def _fails(mutant: str, tests: tuple[str, ...]) -> bool:
    there = [test for test in tests if (ROOT / test).exists()]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "mutation.mutants", *there]
    command += ["-k", "not postgres", "-p", "no:cacheprovider", "--no-header", "--tb=no"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, VARIABLE: mutant, "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    # 1: some test failed. Anything else but 0 would be a mistake of this script.
    if done.returncode not in (0, 1):
        raise SystemExit(f"{mutant}: pytest could not run\n{done.stdout}{done.stderr}")
    return done.returncode == 1


def survivors(rules: list[str], stages: list[tuple[str, ...]]) -> list[str]:
    """The mutants that pass every stage; the cheap stage goes first."""
    alive = []
    for rule in rules:
        for kind in KINDS:
            own = [tuple(test.replace("{rule}", rule) for test in stage) for stage in stages]
            killed = any(noticed(f"{rule}:{kind}", stage) for stage in own)
            print(f"{rule:22} {kind:9} {'noticed' if killed else 'SURVIVED'}", flush=True)
            alive += [] if killed else [f"{rule}:{kind}"]
    return alive


def main() -> int:
    names = [rule.name for rule in discover()]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rule", action="append", choices=names, help="only this rule")
    parser.add_argument("--flows", action="store_true", help="only tests of whole flows")
    told = parser.parse_args()
    stages = [FLOWS] if told.flows else [("tests/policy/test_{rule}.py",), OF_ALL, FLOWS]
    alive = survivors(told.rule or names, stages)
    print(f"{len(alive)} survivors" + (": " + ", ".join(alive) if alive else ""))
    return int(bool(alive))


if __name__ == "__main__":
    sys.exit(main())
