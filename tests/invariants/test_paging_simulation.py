"""Seeded histories of the operations channel over production code, judged by what the carrier took and by
the record. A finding is a seed: mend the cause, tell it step by step in test_paging_found.py, and keep the
seed in KEPT. RINGFENCE_PAGING_SEEDS=N plays N more; `make paging` plays long histories."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ringfence.model.alert import AlertState
from ringfence.simulator.lives import fingerprint
from ringfence.simulator.paging_plan import Size
from ringfence.simulator.paging_run import main, prove, simulate

# An hour without the carrier while nobody answers, and one in which people do; bursts of 429s that are
# one by another name; an hour without the carrier that ends while somebody who answered is still owed
# a page.
KEPT = (25, 26, 27)
MORE = int(os.environ.get("RINGFENCE_PAGING_SEEDS", "1"))
FIRST = 20_000


@pytest.mark.proves("P1", "P4", "P5", "P6", "P7", "P9")
@pytest.mark.parametrize("seed", KEPT)
async def test_everybody_is_told_once_and_in_order_for_a_kept_seed(
    seed: int, sqlite_url: str, tmp_path: Path
) -> None:
    seen = await prove(seed, sqlite_url, tmp_path, Size.SMALL)
    states = {alert.state for alert in seen.alerts.values()}
    assert AlertState.ACKNOWLEDGED in states
    assert any(alert.exhausted_at for alert in seen.alerts.values())
    assert seen.base.taken, "a history in which nobody is told proves nothing"


@pytest.mark.parametrize("seed", range(FIRST, FIRST + MORE))
async def test_everybody_is_told_once_and_in_order_for_more_seeds(
    seed: int, sqlite_url: str, tmp_path: Path
) -> None:
    await prove(seed, sqlite_url, tmp_path, Size.SMALL)


@pytest.mark.postgres
@pytest.mark.proves("P1", "P4", "P5", "P6", "P7", "P9")
async def test_everybody_is_told_once_and_in_order_on_postgresql(
    postgres_url: str, tmp_path: Path
) -> None:
    """Two processes on one store, of which one dies again and again."""
    await prove(1621, postgres_url, tmp_path, Size.SMALL)


@pytest.mark.proves("P11")
async def test_the_same_seed_pages_the_same(tmp_path: Path) -> None:
    prints = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        url = f"sqlite:///{tmp_path / name / 'store.db'}"
        prints.append(fingerprint((await simulate(26, url, tmp_path / name, Size.SMALL)).base))
    assert prints[0] == prints[1]


def test_it_is_played_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["26", "1", "small"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("seed 26: ")
    assert "0 seeds with findings" in out
