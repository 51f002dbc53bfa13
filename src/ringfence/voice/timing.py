"""How long the steps of one turn took, from the end of the person's speech to the beginning of ours."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.voice.effects import TurnTimed


@dataclass(slots=True)
class TurnTimes:
    """When each step came, by the session's clock. `utterance` is the answer's first."""

    turn: int
    voice_ended: int
    over: int
    utterance: int = 0
    allowed: int | None = None
    made: int | None = None
    sent: int | None = None

    def sentence(self, utterance: int, now: int) -> None:
        if self.allowed is None:
            self.allowed, self.utterance = now, utterance

    def sound(self, utterance: int, now: int) -> None:
        if self.made is None and utterance == self.utterance:
            self.made = now

    def frame(self, utterance: int, now: int) -> None:
        if self.sent is None and utterance == self.utterance:
            self.sent = now

    def played(self, utterance: int, now: int) -> TurnTimed | None:
        """Its first mark came back; None while a step is missing."""
        if utterance != self.utterance or self.allowed is None:
            return None
        if self.made is None or self.sent is None:
            return None
        steps = (self.over, self.allowed, self.made, self.sent, now)
        return TurnTimed(self.turn, *(step - self.voice_ended for step in steps))
