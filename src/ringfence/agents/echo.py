"""An agent that says back what it was told: for the demo, and to try a line without an agent. Must
never do anything else."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.agents.base import REPLY_CHARS_MAX, bounded, turn_text
from ringfence.ports import Agent, AgentReply, AgentTurn, Clock, Http


@dataclass(frozen=True, slots=True)
class Settings:
    """`prefix` stands before what is said back."""

    prefix: str = "You said: "
    max_reply_chars: int = REPLY_CHARS_MAX


class EchoAgent:
    """Fulfils `ports.Agent`; raises nothing."""

    keeps_history = True

    def __init__(self, agent_id: str, settings: Settings) -> None:
        self.id = agent_id
        self._settings = settings

    async def reply(self, turn: AgentTurn) -> AgentReply:
        text = self._settings.prefix + turn_text(turn)
        provenance = {"agent": self.id, "kind": "echo"}
        return bounded(text, self._settings.max_reply_chars, provenance=provenance)

    async def check(self) -> str:
        return ""

    async def close(self) -> None:
        """Nothing is held."""


def make(agent_id: str, settings: Settings, http: Http, clock: Clock) -> Agent:
    """`http` and `clock` are not used: an echo reaches nobody."""
    return EchoAgent(agent_id, settings)
