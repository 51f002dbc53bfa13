"""What phones do by themselves when they are called, and how fast things happen in a call. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ringfence.simulator.call_phone import HUMAN


@dataclass(frozen=True, slots=True)
class CallScript:
    """What a phone does by itself. `answer`: None waits for somebody, "" never answers, else who
    picks up after `after_s`; `refuses` is the status it ends with at once."""

    answer: str | None = None
    after_s: float = 2.0
    refuses: str = ""
    sip_code: int | None = None


SCRIPTS: Final = {
    "rings": CallScript(),
    "answers": CallScript(HUMAN),
    "voicemail": CallScript("machine", after_s=15.0),
    "fax": CallScript("fax"),
    "silent": CallScript(""),
    "busy": CallScript(refuses="busy", sip_code=486),
    "failed": CallScript(refuses="failed", sip_code=503),
    "off": CallScript(refuses="failed", sip_code=480),
}


@dataclass(slots=True)
class VoiceBehaviour:
    """How fast things happen, in seconds."""

    word_s: float = 0.35
    dial_after_s: float = 0.1
    ring_after_s: float = 0.4
    verdict_s: float = 3.0  # machine detection
    verdict_end_s: float = 8.0  # until a machine's greeting is over
