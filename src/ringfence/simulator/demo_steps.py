"""What the steps of the demo's story are made of: commands typed in a process of their own, phones
that see a text in time, and the failure that ends the story. Leaves no process behind."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ringfence.simulator.calls import Played
from ringfence.simulator.phone import Phone

COMMAND_S: Final = 20.0
SEEN_S: Final = 10.0


class StoryFailed(Exception):
    """A step did not go as the story goes."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What it printed with --json."""
        try:
            return json.loads(self.out)
        except ValueError:
            raise StoryFailed(f"not JSON: {self.out!r} {self.err!r}") from None


async def run_command(config: Path, *words: str) -> Done:
    """One command of ours as its own process, bounded. Raises StoryFailed when it hangs."""
    process = await asyncio.create_subprocess_exec(
        *ringfence_words(config),
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(),
    )
    try:
        async with asyncio.timeout(COMMAND_S):
            out, err = await process.communicate()
    except TimeoutError:
        raise StoryFailed(f"ringfence {words[0]} took longer than {COMMAND_S:g} s") from None
    finally:
        await end(process)
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())


async def end(process: asyncio.subprocess.Process) -> None:
    """Ask it to end, then make it. Ends for sure, also while we are being cancelled ourselves."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(COMMAND_S):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def ringfence_words(config: Path) -> tuple[str, ...]:
    return (sys.executable, "-m", "ringfence", "--config", str(config))


def environment() -> dict[str, str]:
    """Ours, without what would configure a line: the demo is the file's alone."""
    own = ("TWILIO_", "SMS_", "RINGFENCE_")
    return {key: value for key, value in os.environ.items() if not key.startswith(own)}


async def sees(phone: Phone, expected: str, within_s: float = SEEN_S) -> str:
    return (await phone.receives(expected, timeout_s=within_s)).body


async def picks_up(phone: Phone, within_s: float = SEEN_S) -> None:
    """The phone rings, is answered, and its call is connected."""
    await phone.rings(timeout_s=within_s)
    phone.answers()
    ringing = phone.connections[-1]
    while ringing.state == "ringing":
        await phone.calls_change(phone.bell.rung, timeout_s=SEEN_S)


async def begins(phone: Phone, expected: str, within_s: float = SEEN_S) -> Played:
    """Something with these words sounds on the live call, and is not over yet."""
    said = phone.connections[-1].call.played
    try:
        async with asyncio.timeout(within_s):
            while not said or expected not in said[-1].text:
                await phone.calls_change(phone.bell.rung, timeout_s=within_s)
    except TimeoutError:
        raise StoryFailed(f"{phone.number} heard nothing with {expected!r} begin") from None
    return said[-1]


async def hears(phone: Phone, expected: str, within_s: float = SEEN_S) -> str:
    """What was said on the phone that contains this, once it was said."""
    return (await phone.hears(expected, timeout_s=within_s)).heard


def require(holds: bool, seen: str) -> None:
    if not holds:
        raise StoryFailed(seen.strip() or "it did not hold")
