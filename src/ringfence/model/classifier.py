"""An optional classifier of an agent's words, as a line has it configured. Values only: what it may do
(add holds, nothing else) is gateway/classify.py's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class OnFailure(Enum):
    """What becomes of a text the classifier said nothing usable about."""

    HOLD = "hold"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Classifier:
    """Which configured agent is asked, for how long, and what silence means."""

    agent_id: str
    timeout_s: float = 10.0
    on_failure: OnFailure = OnFailure.HOLD
