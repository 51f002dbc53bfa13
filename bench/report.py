"""Tables, medians and a word on the machine. Never judges: targets stand beside figures."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median


def machine() -> str:
    """`2 cores of …, Linux 6.1, Python 3.11.7`"""
    return (
        f"{os.cpu_count()} cores of {_processor()}, {platform.system()} {platform.release()}, "
        f"{platform.python_implementation()} {platform.python_version()}"
    )


def load() -> str:
    """The load average of the last minute: what a figure must be read with."""
    return f"{os.getloadavg()[0]:.1f}"


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table under a bold title, columns aligned so that it reads in a terminal too."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(columns, *cells, strict=True)]
    lines = [columns, ["-" * width for width in widths], *cells]
    text = "\n".join(
        "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    )
    return f"\n**{title}**\n\n{text}"


def middle(values: Iterable[float]) -> float:
    return median(values)


def share(part: float, whole: float) -> str:
    """`63 %`"""
    return f"{100 * part / whole:.0f} %" if whole else "-"


def number(value: float) -> str:
    """`12,070`"""
    return f"{value:,.0f}"


def millis(seconds: float) -> str:
    return f"{seconds * 1000:.1f}"


def micros(seconds: float) -> str:
    return f"{seconds * 1_000_000:.0f}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
