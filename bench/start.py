"""How long a start takes: the gateway until it says it is ready, and `--help`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from bench import report
from bench.children import ROOT
from bench.places import store_url
from bench.setup import write_config

COLUMNS = ("what", "median s", "longest s", "target s", "runs")


def measure(runs: int) -> dict[str, list[float]]:
    """Seconds of each run; one start before does not count (byte code is written, files cached)."""
    with (
        tempfile.TemporaryDirectory() as name,
        store_url("sqlite", Path(name)) as url,
    ):
        config = write_config(Path(name), url)
        ready = [_ready(config) for _ in range(runs + 1)][1:]
        help_ = [_help() for _ in range(runs + 1)][1:]
    return {"ringfence gateway, until ready": ready, "ringfence --help": help_}


def rows(measured: dict[str, list[float]]) -> list[list[str]]:
    targets = ("1.5", "0.3")
    return [
        [what, f"{report.middle(seconds):.2f}", f"{max(seconds):.2f}", target, str(len(seconds))]
        for (what, seconds), target in zip(measured.items(), targets, strict=True)
    ]


def _ready(config: Path) -> float:
    started = perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "ringfence", "--config", str(config), "gateway"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if b'"event":"ready"' in line:
                return perf_counter() - started
        raise RuntimeError(f"the gateway ended with {process.wait()} before it was ready")
    finally:
        process.terminate()
        process.wait(30)
        process.stderr.close()


def _help() -> float:
    started = perf_counter()
    subprocess.run(
        [sys.executable, "-m", "ringfence", "--help"], cwd=ROOT, check=True, capture_output=True
    )
    return perf_counter() - started
