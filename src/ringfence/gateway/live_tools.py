"""What a model that speaks by itself may ask for in a call: to end it, to consult the line's agent, to
connect the person to somebody of ours by name, to ask the owner by text. Each is an act of ours, which
the gate decides about as it does without a model; what a model writes is data, and never a number."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ringfence.gateway.call_transfer import OWNER
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.live_agent import LiveAgent
from ringfence.gateway.live_realtime import Used
from ringfence.gateway.proposal import Proposal
from ringfence.gateway.review import propose
from ringfence.model.call import Call
from ringfence.model.errors import AgentError, RingfenceError
from ringfence.model.line import Line
from ringfence.model.message import MessageStatus
from ringfence.model.realtime import ToolPolicy
from ringfence.model.verdict import Act
from ringfence.ports.realtime import Tool
from ringfence.text.spoken import SpokenAnswer, spoken

log = logging.getLogger("ringfence.call")

WORDS_MAX: Final = 480
END, CONSULT, TRANSFER, ASK = "end_call", "consult_agent", "transfer", "ask_owner"


class LiveTools:
    """Fulfils `live_realtime.UsesTools`."""

    def __init__(
        self,
        kit: Equipment,
        line: Line,
        call: Call,
        agent: LiveAgent,
        policy: ToolPolicy,
        *,
        is_owner: bool,
    ) -> None:
        self._kit, self._line, self._call, self._agent = kit, line, call, agent
        self._is_trusted = policy is ToolPolicy.ALL or (policy is ToolPolicy.OWNER and is_owner)
        self._consulted = 0

    @property
    def offered(self) -> Sequence[Tool]:
        end = Tool(END, "End the call once what you have said was heard.", _object())
        if not self._is_trusted:
            return (end,)
        names = [*([OWNER] if self._line.owners else []), *sorted(self._kit.operations.responders)]
        question = {"question": {"type": "string", "maxLength": WORDS_MAX}}
        tools = [
            end,
            Tool(CONSULT, "Ask the agent that knows and does things here.", _object(question)),
        ]
        if names:
            who = {"to": {"type": "string", "enum": names}}
            tools.append(Tool(TRANSFER, "Connect the person to somebody by name.", _object(who)))
        if self._line.owners:
            described = "Text a question to the owner, who answers after the call."
            tools.append(Tool(ASK, described, _object(question)))
        return tuple(tools)

    async def use(self, turn: int, name: str, arguments: Mapping[str, Any]) -> Used:
        log.info("tool", extra={"call_id": self._call.id, "detail": name[:40]})
        if name not in {tool.name for tool in self.offered}:
            return Used("There is no such tool.")
        if name == END:
            return Used("", hang_up=True)
        words = _words(arguments, "to" if name == TRANSFER else "question")
        if not words:
            return Used("It needs words.")
        try:
            return await self._use(turn, name, words)
        except (AgentError, RingfenceError) as error:
            log.warning("tool", extra={"call_id": self._call.id, "error": error.code})
            return Used("That did not work.")

    async def _use(self, turn: int, name: str, words: str) -> Used:
        if name == CONSULT:
            return Used(await self._consult(turn, words))
        if name == TRANSFER:
            answer = SpokenAnswer("", transfer=words)
            if await self._agent.connected(turn, answer):
                return Used("", is_handed_over=True)
            return Used("Nobody can take the call now.")
        return Used(await self._ask_owner(words))

    async def _consult(self, turn: int, question: str) -> str:
        self._consulted += 1
        reply = await self._agent.reply(turn, question, f"consult{self._consulted}")
        return spoken(reply.text).text or "It has nothing to say."

    async def _ask_owner(self, question: str) -> str:
        kit, line, now = self._kit, self._line, self._kit.clock.now()
        body = f"Asked for you in a call: {question}"
        by = f"agent:{self._agent.name}"
        asked = Proposal(line, line.owners[0], body, Act.INITIATE, by)
        (proposed,) = await kit.store.write(lambda tx: propose(kit, tx, [asked], now))
        kit.outbox_bell.ring()
        if proposed.status is MessageStatus.QUEUED:
            return "The owner was texted. The answer comes after this call."
        if proposed.status is MessageStatus.HELD:
            return "The question waits until a person has looked at it. No answer in this call."
        return "The owner could not be texted now."


def _object(properties: Mapping[str, Any] | None = None) -> dict[str, Any]:
    fields = dict(properties or {})
    return {
        "type": "object",
        "properties": fields,
        "required": sorted(fields),
        "additionalProperties": False,
    }


def _words(arguments: Mapping[str, Any], key: str) -> str:
    found = arguments.get(key)
    return spoken(found[:WORDS_MAX]).text if isinstance(found, str) else ""
