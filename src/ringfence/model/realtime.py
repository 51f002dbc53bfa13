"""A model that hears and speaks by itself on a line's calls, as its operator chose it. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from ringfence.model.voice import SpeechChoice


class ToolPolicy(Enum):
    """In whose calls the model has tools beside ending the call: nobody's, the line's owners', all."""

    NONE = "none"
    OWNER = "owner"
    ALL = "all"


class Hold(Enum):
    """How long its sound is held for the gate: until a sentence's words were judged, or all of an
    answer's, which is slower and lets nothing slip out."""

    SENTENCE = "sentence"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class RealtimeChoice:
    """`service` with the model, the voice, the key and the address; `instructions` are the operator's."""

    service: SpeechChoice
    instructions: str = field(default="", repr=False)
    tools: ToolPolicy = ToolPolicy.ALL
    hold: Hold = Hold.ANSWER
