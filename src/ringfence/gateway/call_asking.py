"""Asking the agent in a call without media: what a person said becomes a turn, the agent's answer passes
the gate before it is kept, and only what is kept is ever said. Who asks holds the turn's lease: when it
runs out, whoever is asked what next asks anew, under the same id."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ringfence.gateway import call_facts
from ringfence.gateway.batch import until_stored
from ringfence.gateway.call_words import Manner
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.facts import FactsDesk, Question
from ringfence.gateway.traits import traits_of
from ringfence.model.audit import digest
from ringfence.model.call import Call, CallTurn, CallTurnState, Speaker, Words
from ringfence.model.errors import AgentError, AgentRefused
from ringfence.model.line import Line
from ringfence.model.verdict import Act, Verdict
from ringfence.ports import AgentReply, AgentTurn, HistoryEntry, Tx
from ringfence.text.spoken import spoken

log = logging.getLogger("ringfence.call")

CHANNEL = "call"
LEASE_SLACK = timedelta(seconds=5)


def owe(
    kit: Equipment,
    tx: Tx,
    call: Call,
    manner: Manner,
    n: int,
    text: str,
    now: datetime,
    *,
    confidence: float | None = None,
) -> CallTurn:
    """What a person said, and the turn owed for it; the caller's to run with `Asking.run`."""
    said = Words(call.id, 0, Speaker.PERSON, text, now, turn=n, confidence=confidence)
    tx.calls.add_words([said])
    turn = CallTurn(
        kit.ids.new("turn", now),
        call.id,
        n,
        CallTurnState.ASKED,
        asked_at=now,
        lease_until=now + timedelta(seconds=manner.agent_s) + LEASE_SLACK,
    )
    tx.calls.put_turn(turn)
    return turn


class Asking:
    """Runs turns of calls; one task each."""

    def __init__(self, kit: Equipment) -> None:
        self._kit = kit
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.with_agent = 0
        """Turns that an agent has in hand just now."""

    def start(self, line: Line, manner: Manner, call: Call, turn: CallTurn) -> None:
        task = asyncio.create_task(self._run(line, manner, call, turn))
        self._tasks[turn.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(turn.id, None))

    def is_asking(self, turn_id: str) -> bool:
        return turn_id in self._tasks

    async def done_within(self, turn_id: str, seconds: float) -> None:
        """Return once the turn's task is over, or after so long."""
        task = self._tasks.get(turn_id)
        if task is None:
            return
        sleep = asyncio.ensure_future(self._kit.clock.sleep(seconds))
        try:
            await asyncio.wait({task, sleep}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, line: Line, manner: Manner, call: Call, turn: CallTurn) -> None:
        kit = self._kit
        try:
            reply = await self._ask(line, manner, call, turn)
        except AgentError as error:
            await self._keep(replace(turn, state=CallTurnState.FAILED, reason=error.code))
            log.warning("call turn", extra={"call_id": call.id, "reason": f"{error.code}: {error}"})
            return
        except Exception:
            # Somebody is on the phone: the call must end with a sentence, and the fault be known.
            log.exception("a turn of a call broke", extra={"call_id": call.id})
            await self._keep(replace(turn, state=CallTurnState.FAILED, reason="broke"))
            return
        await until_stored(
            kit.clock,
            lambda: kit.store.write(lambda tx: self._judge(tx, line, manner, turn, reply)),
        )

    async def _ask(self, line: Line, manner: Manner, call: Call, turn: CallTurn) -> AgentReply:
        kit = self._kit
        agent = kit.agents.get(manner.route.agent_id)
        if agent is None:
            raise AgentRefused(f"No agent named {manner.route.agent_id} is configured or usable.")
        words = await kit.store.read(lambda tx: tx.calls.words_of(call.id))
        asked = [one.text for one in words if one.turn == turn.n and one.speaker is Speaker.PERSON]
        role = await kit.store.read(lambda tx: role_of(tx, line, call))
        question = AgentTurn(
            turn_id=turn.id,
            contact_id=call.contact_id,
            line=line.id,
            body=" ".join(asked),
            role=role,
            history=() if agent.keeps_history else shown_history(words, turn.n),
            received_at=turn.asked_at,
            channel=CHANNEL,
        )
        async with asyncio.timeout(manner.agent_s) as limit:
            try:
                self.with_agent += 1
                try:
                    return await agent.reply(question)
                finally:
                    self.with_agent -= 1
            except TimeoutError:
                if not limit.expired():
                    raise
                raise AgentRefused(
                    "The agent took too long for a call.", code="agent_slow"
                ) from None

    def _judge(self, tx: Tx, line: Line, manner: Manner, turn: CallTurn, reply: AgentReply) -> None:
        """The gate decides about what the agent wants to say; a sentence that waits for a person is
        not said, as nobody can be asked while somebody is on the phone."""
        kit, now = self._kit, self._kit.clock.now()
        call, standing = tx.calls.get(turn.call_id), tx.calls.turn(turn.call_id, turn.n)
        if call is None or standing is None or standing.state is not CallTurnState.ASKED:
            return
        answer = spoken(reply.text)
        text = answer.text
        turn = replace(turn, hang_up=answer.hang_up, transfer=answer.transfer)
        if not text:
            tx.calls.put_turn(replace(turn, state=CallTurnState.ANSWERED, reason="silence"))
            return
        question = speaking(kit, line, manner, call, text, caution=reply.hold)
        decision, entry = FactsDesk(kit, tx, [question], now).decide(question, turn.id)
        tx.audit.append([entry])
        if decision.verdict is not Verdict.ALLOW:
            why = ", ".join(reason.code for reason in decision.reasons)
            tx.calls.put_turn(replace(turn, state=CallTurnState.FAILED, reason=f"refused: {why}"))
            return
        tx.calls.add_words(
            [Words(call.id, 0, Speaker.AGENT, text, now, turn=turn.n, decision=entry.id)]
        )
        tx.calls.put_turn(replace(turn, state=CallTurnState.ANSWERED, answer=text))

    async def _keep(self, turn: CallTurn) -> None:
        kit = self._kit

        def job(tx: Tx) -> None:
            # Whoever asked anew may have its answer already; an erased call has no turns.
            standing = tx.calls.turn(turn.call_id, turn.n)
            if standing is not None and standing.state is CallTurnState.ASKED:
                tx.calls.put_turn(turn)

        await until_stored(kit.clock, lambda: kit.store.write(job))


def speaking(
    kit: Equipment, line: Line, manner: Manner, call: Call, text: str, *, caution: str = ""
) -> Question:
    """What the gate is asked of a sentence in a call."""
    traits = traits_of(kit.policies[line.id], text, ())
    # Whoever is on the phone has just spoken to us, or was called by leave of the gate.
    traits = replace(traits, programme=line.programme or line.id, heard_at=kit.clock.now())
    return Question(
        act=Act.SPEAK,
        line=line,
        number=call.person.number,
        initiator=f"agent:{manner.route.agent_id}",
        caution=caution,
        text_digest=digest(f"{call.id}/{text}"),
        claiming=True,
        message_id=call.id,
        text=text,
        traits=traits,
        call=call,
        pin_given=call.pin_given,
    )


def role_of(tx: Tx, line: Line, call: Call) -> str:
    number = call.person.number
    paired = (line.id, number) in tx.access.approved({(line.id, number)})
    return call_facts.role(
        Question(Act.SPEAK, line, number, "person", call=call), paired=paired
    ).value


def shown_history(words: Sequence[Words], turn: int) -> tuple[HistoryEntry, ...]:
    """What came before a turn, as an agent is shown it."""
    return tuple(_said(one) for one in words if one.turn < turn)


def _said(words: Words) -> HistoryEntry:
    """What an agent is shown of a call: of its own words only what was heard, where that is known."""
    ours = words.speaker is not Speaker.PERSON
    text = words.text if words.heard is None or not ours else words.text[: words.heard]
    return HistoryEntry(ours, text)
