"""The line's agent in a live call: asked what a person said, it answers by the sentence, may have the person
connected to somebody of ours, and is consulted by a model that speaks by itself."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncGenerator
from typing import Final

from ringfence.gateway.call_asking import CHANNEL, role_of, shown_history
from ringfence.gateway.call_placing import caller_of
from ringfence.gateway.call_transfer import NOBODY, transfer
from ringfence.gateway.call_words import Manner
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.live_call import LiveCall, Sentence
from ringfence.model.call import Call
from ringfence.model.errors import AgentRefused, RingfenceError
from ringfence.model.instruction import DialNumber, Instruction
from ringfence.model.line import Line
from ringfence.ports import AgentReply, AgentTurn, Tx
from ringfence.text.spoken import SpokenAnswer, spoken

log = logging.getLogger("ringfence.call")

_SENTENCE_END: Final = re.compile(r"(?<=[.!?…])\s+(?=\S)")


class LiveAgent:
    """Fulfils `live_call.AsksAgent`: one answer, said by the sentence."""

    def __init__(
        self, kit: Equipment, line: Line, manner: Manner, call: Call, record: LiveCall
    ) -> None:
        self._kit, self._line, self._manner, self._call = kit, line, manner, call
        self._record = record

    async def ask(self, turn: int, text: str, digits: str) -> AsyncGenerator[Sentence, None]:
        reply = await self.reply(turn, text or " ".join(digits))
        answer = spoken(reply.text)
        if answer.transfer and not await self.connected(turn, answer):
            yield Sentence(NOBODY)
        if answer.transfer:
            return
        pieces = _SENTENCE_END.split(answer.text) if answer.text else []
        for at, piece in enumerate(pieces, start=1):
            yield Sentence(piece, hang_up=answer.hang_up and at == len(pieces))
        if answer.hang_up and not pieces:
            yield Sentence("", hang_up=True)

    @property
    def name(self) -> str:
        return self._manner.route.agent_id

    async def reply(self, turn: int, body: str, part: str = "") -> AgentReply:
        """What it says to `body`; `part` tells apart what it is asked within one turn. Raises
        AgentError."""
        kit, line, call = self._kit, self._line, self._call
        agent = kit.agents.get(self.name)
        if agent is None:
            raise AgentRefused(f"No agent named {self.name} is configured or usable.")
        said = await kit.store.read(lambda tx: tx.calls.words_of(call.id))
        role = await kit.store.read(lambda tx: role_of(tx, line, call))
        now = kit.clock.now()
        reply = await agent.reply(
            AgentTurn(
                turn_id=f"{call.id}.{turn}" + (f".{part}" if part else ""),
                contact_id=call.contact_id,
                line=line.id,
                body=body,
                role=role,
                history=() if agent.keeps_history else shown_history(said, turn),
                received_at=now,
                channel=CHANNEL,
            )
        )
        if reply.hold:
            # Nobody can be asked while somebody is on the phone.
            raise AgentRefused(f"A person would have to look first: {reply.hold}.")
        return reply

    async def connected(self, turn: int, answer: SpokenAnswer) -> bool:
        """The provider connects them and speaks meanwhile: its instructions replace the stream."""
        kit, line, now = self._kit, self._line, self._kit.clock.now()
        said = answer.text if (await self._record.may_say(turn, answer.text)).decision else ""

        def job(tx: Tx) -> tuple[Call, list[Instruction]] | None:
            call = tx.calls.get(self._call.id)
            if call is None or call.is_over or call.ending is not None:
                return None
            by = f"agent:{self._manner.route.agent_id}"
            return transfer(kit, tx, line, self._manner, call, answer.transfer, by, said, now)

        done = await kit.store.write(job)
        if done is None or not any(isinstance(one, DialNumber) for one in done[1]):
            return False
        call, instructions = done
        provider = caller_of(line)
        requests = provider.tell(instructions, call.person.provider_id, call.id, line)
        try:
            *_, last = [await kit.http.send(request) for request in requests]
            provider.told(last)
        except RingfenceError as error:
            log.warning(
                "a call could not be connected", extra={"call_id": call.id, "error": error.code}
            )
            return False
        return True
