"""Processes of a measurement: each says what it did in JSON lines on its standard output, and ends
when its standard input closes. Standard error goes to a file, as a service's log does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import orjson

ROOT = Path(__file__).resolve().parents[1]


class Child:
    """One process: `says()` waits for its next line."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process, self._log = process, log

    def says(self) -> dict[str, Any]:
        """Raises RuntimeError with the end of its log when it died instead."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            end = self._log.read_text(encoding="utf-8", errors="replace")[-2_000:]
            raise RuntimeError(f"a child ended with {self._process.returncode}: {end}")
        said: dict[str, Any] = orjson.loads(line)
        return said

    def asks(self, word: str) -> dict[str, Any]:
        """Write a line to it and wait for its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(word.encode() + b"\n")
        self._process.stdin.flush()
        return self.says()

    def ends(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)


@contextmanager
def child(
    module: str, *arguments: object, folder: Path, python: str = sys.executable
) -> Iterator[Child]:
    """Run `python -m bench.<module> …`; ended on the way out, killed if it will not end."""
    log = folder / f"{module}.log"
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [python, "-m", f"bench.{module}", *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    started = Child(process, log)
    try:
        yield started
        started.ends()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        _close(process.stdin)
        _close(process.stdout)


def say(**words: Any) -> None:
    """One line to the parent."""
    sys.stdout.buffer.write(orjson.dumps(words) + b"\n")
    sys.stdout.buffer.flush()


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is not None and not pipe.closed:
        pipe.close()
