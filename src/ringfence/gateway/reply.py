"""Replying (architecture, steps 6 and 7): claim a turn owed, fetch what belongs to it, ask again
whether the sender may still write, ask the agent, and propose its answer. An agent's error is never
texted to anybody; an answer that lost its turn is thrown away."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from ringfence.delivery.retry import Again, DeadLetter, turn_again
from ringfence.gateway import bytext, classify, intake
from ringfence.gateway.attach import Fetched, fetch_all
from ringfence.gateway.batch import Batcher, until_stored
from ringfence.gateway.claiming import CLAIM_FAILED, Claim
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.facts import FactsDesk, Question, covers
from ringfence.gateway.notices import STOP_SUSPECTED, SUSPECTED
from ringfence.gateway.proposal import Proposal
from ringfence.gateway.review import propose
from ringfence.model.audit import AuditEntry, digest
from ringfence.model.contact import Switch
from ringfence.model.errors import (
    AgentError,
    AgentRefused,
    AgentUnavailable,
    WrongRequest,
)
from ringfence.model.line import Line
from ringfence.model.message import Direction, MediaRef, Message
from ringfence.model.outbox import Turn, TurnState
from ringfence.model.verdict import Act, Verdict
from ringfence.ports import AgentReply, AgentTurn, HistoryEntry, TurnChange, Tx
from ringfence.text.plain import is_blank, plain
from ringfence.text.scrub import scrub
from ringfence.text.segments import smart_encode

log = logging.getLogger("ringfence.reply")

_CLAIMED = frozenset({TurnState.CLAIMED})
# How soon after a resume, or a line's return, a waiting turn is noticed.
_STOPPED_LOOK = timedelta(seconds=5)
MEDIA_URLS_MAX = 10
# A person's later texts wait behind one whose attachment cannot be fetched: minutes, not a day.
FETCH_TRIES_MIN = 5
FETCH_AGE_MIN, FETCH_AGE_MAX = timedelta(minutes=2), timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """A claimed turn with what the agent will be shown."""

    turn: Turn
    line: Line
    message: Message
    role: str
    history: tuple[HistoryEntry, ...]
    context: str = ""

    @property
    def body(self) -> str:
        """What the agent is asked: the text, after what the person answered to our questions."""
        return f"{self.context}\n\n{self.message.body}" if self.context else self.message.body


@dataclass(frozen=True, slots=True)
class Finished:
    """How a turn ended, as the recording transaction takes it."""

    open: OpenTurn
    state: TurnState
    reply: AgentReply | None = None
    due_at: datetime | None = None
    reason: str = ""


class Replier:
    """Claims turns and answers them."""

    def __init__(self, kit: Equipment) -> None:
        self._kit = kit
        self._finish: Batcher[Finished, bool] = Batcher(kit.store, self._finish_many)

    async def claim(self, limit: int) -> list[OpenTurn]:
        """Take up to `limit` turns, at most one per conversation; each must then be answered. A
        turn that breaks its claim goes to the dead letters, so that it holds up nobody else's."""
        now = self._kit.clock.now()
        claim: Claim[Turn, OpenTurn] = Claim(
            due=lambda tx, most: self._due(tx, most, now),
            take=lambda tx, due: self._claim(tx, due, now),
            put_aside=lambda tx, turn: self._put_aside(tx, turn, now),
            about=_about,
        )
        return await claim.run(self._kit.store, limit, log)

    async def answer(self, open_turn: OpenTurn) -> None:
        """Run one turn to its end. Never raises for what an agent or a provider does."""
        turn = open_turn.turn
        with self._kit.trace.span("turn", turn.message_id, line=turn.line, turn=turn.id):
            await self._answer(open_turn)

    async def _answer(self, open_turn: OpenTurn) -> None:
        if open_turn.turn.reason == bytext.COMMAND:
            await self._command(open_turn)
            return
        try:
            finished = await self._run(open_turn)
        except AgentUnavailable as error:
            finished = self._later(open_turn, error)
        except AgentError as error:
            # It took the turn and may have acted on it: asking again is a person's choice.
            finished = Finished(open_turn, TurnState.DEAD, reason=f"{error.code}: {error}")
        await until_stored(self._kit.clock, lambda: self._finish(finished))
        _log_turn(finished)
        self._kit.turns_bell.ring()
        self._kit.outbox_bell.ring()

    # -- claiming --------------------------------------------------------------------------

    def _put_aside(self, tx: Tx, turn: Turn, now: datetime) -> None:
        owed = frozenset({TurnState.OWED})
        if tx.turns.change([TurnChange(turn.id, owed, TurnState.DEAD, reason=CLAIM_FAILED)]):
            body = {"reason": CLAIM_FAILED, "line": turn.line}
            tx.audit.append([self._kit.audit("dead_letter", turn.id, "system", now, body)])

    def _claim(self, tx: Tx, due: Sequence[Turn], now: datetime) -> list[OpenTurn]:
        kit = self._kit
        if not due:
            return []
        messages = tx.messages.many([turn.message_id for turn in due])
        questions = [
            Question(Act.RECEIVE, kit.lines[turn.line], turn.number, "person") for turn in due
        ]
        desk = FactsDesk(kit, tx, questions, now)
        opened: list[OpenTurn] = []
        changes: list[TurnChange] = []
        for turn, question in zip(due, questions, strict=True):
            message = messages[turn.message_id]
            commanded = turn.reason == bytext.COMMAND
            refusal = None if commanded else self._refusal(tx, desk, question, turn)
            if refusal is not None:
                changes.append(refusal)
                continue
            changes.append(self._lease(turn, now))
            line = question.line
            role = desk.role(line, turn.number).value
            history = self._history(tx, line, message)
            known = intake.context(tx, line, turn.number, now)
            opened.append(OpenTurn(turn, line, message, role, history, known))
        matched = tx.turns.change(changes)
        return [self._mine(entry) for entry in opened if entry.turn.id in matched]

    def _due(self, tx: Tx, limit: int, now: datetime) -> list[Turn]:
        """Due turns that may be asked now. Those of a stopped line, agent or person are put off,
        and so are those of a line that is not configured here (another gateway on this store may
        have it); neither crowds out others."""
        due = tx.turns.due(now, limit)
        if not due:
            return []
        switches = tx.switches.engaged()
        aside = {turn.id: change for turn in due if (change := self._aside(turn, switches, now))}
        tx.turns.change(list(aside.values()))
        return [turn for turn in due if turn.id not in aside and not _behind(tx, turn)]

    def _aside(self, turn: Turn, switches: Sequence[Switch], now: datetime) -> TurnChange | None:
        owed = frozenset({TurnState.OWED})
        reason = self._why_not_now(turn, switches)
        if not reason:
            return None
        if now - turn.received_at >= self._kit.pace.turn.age_min:
            return TurnChange(turn.id, owed, TurnState.DEAD, reason=reason)
        return TurnChange(turn.id, owed, TurnState.OWED, due_at=now + _STOPPED_LOOK)

    def _why_not_now(self, turn: Turn, switches: Sequence[Switch]) -> str:
        line = self._kit.lines.get(turn.line)
        if line is None:
            return "line_gone: this line is not configured"
        if turn.reason == bytext.COMMAND:
            return (
                ""  # no agent is asked, and an operator must be able to decide while all is stopped
            )
        agent = f"agent:{line.agent_id}"
        stopped = any(covers(switch, turn.line, agent, turn.number) for switch in switches)
        return "stopped" if stopped else ""

    def _refusal(
        self, tx: Tx, desk: FactsDesk, question: Question, turn: Turn
    ) -> TurnChange | None:
        """Who may write in is asked again at the turn (B058); a no ends it."""
        decision, entry = desk.decide(question, turn.id)
        if decision.verdict is Verdict.ALLOW:
            return None
        tx.audit.append([entry])
        reason = ", ".join(reason.code for reason in decision.reasons)
        both = frozenset({TurnState.OWED, TurnState.CLAIMED})
        return TurnChange(turn.id, both, TurnState.CANCELLED, reason=reason)

    def _lease(self, turn: Turn, now: datetime) -> TurnChange:
        return TurnChange(
            turn.id,
            frozenset({TurnState.OWED}),
            TurnState.CLAIMED,
            attempt=turn.attempt + 1,
            lease_owner=self._kit.owner,
            lease_until=now + self._kit.pace.turn_lease,
        )

    def _mine(self, entry: OpenTurn) -> OpenTurn:
        turn = replace(
            entry.turn,
            state=TurnState.CLAIMED,
            attempt=entry.turn.attempt + 1,
            lease_owner=self._kit.owner,
        )
        return replace(entry, turn=turn)

    def _history(self, tx: Tx, line: Line, message: Message) -> tuple[HistoryEntry, ...]:
        agent = self._kit.agents.get(line.agent_id)
        if agent is None or agent.keeps_history:
            return ()
        earlier = tx.messages.history(
            line.id, message.number, message.seq, self._kit.pace.history_max
        )
        return tuple(HistoryEntry(one.direction is Direction.OUT, one.body) for one in earlier)

    # -- the turn --------------------------------------------------------------------------

    async def _run(self, open_turn: OpenTurn) -> Finished:
        agent = self._kit.agents.get(open_turn.line.agent_id)
        if agent is None:
            raise AgentRefused(f"No agent named {open_turn.line.agent_id} is configured or usable.")
        fetched = Fetched((), ())
        if open_turn.message.media:
            fetched = await fetch_all(
                self._kit, open_turn.line, open_turn.message, self._patient(open_turn.turn)
            )
            if not await self._still_admitted(open_turn):
                return Finished(open_turn, TurnState.CANCELLED, reason="access_revoked")
        reply = await agent.reply(
            AgentTurn(
                turn_id=open_turn.turn.id,
                contact_id=open_turn.turn.contact_id,
                line=open_turn.line.id,
                body=open_turn.body,
                role=open_turn.role,
                attachments=fetched.files,
                unavailable=fetched.unavailable,
                history=open_turn.history,
                received_at=open_turn.turn.received_at,
            )
        )
        finished = _answered(open_turn, reply)
        if finished.reply is None:
            return finished
        words, role = _text_of(reply), open_turn.role
        seen = await classify.look_at(self._kit, open_turn.line, role, reply, words)
        return replace(finished, reply=seen)

    def _patient(self, turn: Turn) -> bool:
        age = self._kit.clock.now() - turn.received_at
        tried = turn.attempt >= FETCH_TRIES_MIN and age >= FETCH_AGE_MIN
        return not tried and age < FETCH_AGE_MAX

    async def _still_admitted(self, open_turn: OpenTurn) -> bool:
        now = self._kit.clock.now()
        question = Question(Act.RECEIVE, open_turn.line, open_turn.turn.number, "person")

        def job(tx: Tx) -> bool:
            desk = FactsDesk(self._kit, tx, [question], now)
            refusal = self._refusal(tx, desk, question, open_turn.turn)
            return refusal is None

        return await self._kit.store.write(job)

    def _later(self, open_turn: OpenTurn, error: AgentUnavailable) -> Finished:
        turn, now, reason = open_turn.turn, self._kit.clock.now(), str(error)
        step = turn_again(
            turn.attempt, turn.received_at, now, self._kit.chance.random(), self._kit.pace.turn
        )
        match step:
            case Again(at=at):
                asked = now + timedelta(seconds=error.retry_after_s or 0.0)
                return Finished(open_turn, TurnState.OWED, due_at=max(at, asked), reason=reason)
            case DeadLetter():
                return Finished(open_turn, TurnState.DEAD, reason=f"{step.reason}: {reason}")
            case _:
                assert_never(step)

    # -- an operator's word ----------------------------------------------------------------

    async def _command(self, open_turn: OpenTurn) -> None:
        """Obey, if the one who texted is an operator still; whoever is none any more is not the
        agent's either: the code in it is a draft's (P2)."""
        line, number, body = open_turn.line, open_turn.turn.number, open_turn.message.body
        if (command := bytext.read(line, number, body)) is not None:
            await self._obey(open_turn, command)
            return
        gone = Finished(open_turn, TurnState.CANCELLED, reason="no_operator")
        await until_stored(self._kit.clock, lambda: self._finish(gone))
        self._kit.turns_bell.ring()

    async def _obey(self, open_turn: OpenTurn, command: bytext.Command) -> None:
        """Do what an operator texted and end the turn, in one transaction; what cannot be done is
        undone as a whole and told."""
        store, line, message = self._kit.store, open_turn.line, open_turn.message

        def job(tx: Tx) -> None:
            now = self._kit.clock.now()
            if self._done(tx, open_turn):
                told = bytext.obey(self._kit, tx, line, message, command, now)
                propose(self._kit, tx, told, now)

        def refused(tx: Tx, words: str) -> None:
            if self._done(tx, open_turn):
                told = [bytext.answer(line, message, words)]
                propose(self._kit, tx, told, self._kit.clock.now())

        try:
            await until_stored(self._kit.clock, lambda: store.write(job))
        except WrongRequest as error:
            words = f"{command.code}: {error}"
            await until_stored(self._kit.clock, lambda: store.write(lambda tx: refused(tx, words)))
        self._kit.turns_bell.ring()
        self._kit.outbox_bell.ring()

    def _done(self, tx: Tx, open_turn: OpenTurn) -> bool:
        """End the turn of a command; False when it was cancelled meanwhile (its operator was
        blocked) or taken over: then it is not ours to obey."""
        done = self._change(Finished(open_turn, TurnState.DONE, reason=bytext.COMMAND))
        return bool(tx.turns.change([done]))

    # -- the finishing transaction ---------------------------------------------------------

    def _finish_many(self, tx: Tx, batch: Sequence[Finished]) -> list[bool]:
        now = self._kit.clock.now()
        matched = tx.turns.change([self._change(finished) for finished in batch])
        proposals: list[Proposal] = []
        for finished in batch:
            turn = finished.open.turn
            ours = turn.id in matched
            # Cancelled meanwhile, or taken over: then the answer is thrown away.
            if ours and finished.reply is not None:
                proposals += self._proposals(finished, finished.reply)
            else:
                tx.audit.append([self._asked(finished, ours, now)])
        propose(self._kit, tx, proposals, now)
        return [finished.open.turn.id in matched for finished in batch]

    def _asked(self, finished: Finished, ours: bool, now: datetime) -> AuditEntry:
        """That an agent was asked, where no proposal tells it: it may have acted all the same."""
        turn = finished.open.turn
        body = {
            "state": finished.state if ours else "settled_elsewhere",
            "attempt": turn.attempt,
            "line": turn.line,
            "agent": finished.open.line.agent_id,
            "reason": finished.reason.partition(":")[0],
        }
        return self._kit.audit("turn", turn.id, "system", now, body)

    def _change(self, finished: Finished) -> TurnChange:
        return TurnChange(
            finished.open.turn.id,
            _CLAIMED,
            finished.state,
            expect_owner=self._kit.owner,
            due_at=finished.due_at,
            lease_owner="",
            reason=finished.reason,
        )

    def _proposals(self, finished: Finished, reply: AgentReply) -> list[Proposal]:
        turn = finished.open.turn
        agent_id = finished.open.line.agent_id
        provenance = {
            "agent": agent_id,
            "turn": turn.id,
            "answered": digest(finished.open.message.body),
            **(reply.provenance or {}),
        }
        return [
            Proposal(
                line=finished.open.line,
                number=turn.number,
                body=_text_of(reply),
                act=Act.REPLY,
                initiator=f"agent:{agent_id}",
                media=tuple(MediaRef("", url=url) for url in reply.media_urls),
                in_reply_to=turn.message_id,
                caution=_caution(finished.open.message, reply),
                provenance=provenance,
            )
        ]


def _behind(tx: Tx, turn: Turn) -> bool:
    """Of several commands by one operator the later waits for the earlier."""
    return turn.reason == bytext.COMMAND and any(
        one.reason == bytext.COMMAND and one.line == turn.line and one.seq < turn.seq
        for one in tx.turns.open_for(turn.number)
    )


def _text_of(reply: AgentReply) -> str:
    return smart_encode(scrub(plain(reply.text)))


def _answered(open_turn: OpenTurn, reply: AgentReply) -> Finished:
    """Silence is an answer. Nothing to say together with a warning is not: a person must see it,
    and as there is no text to hold, the turn goes to the dead letters."""
    if reply.media_urls or not is_blank(_text_of(reply)):
        return Finished(open_turn, TurnState.DONE, reply=reply)
    if reply.hold:
        return Finished(open_turn, TurnState.DEAD, reason=f"empty_answer: {reply.hold}")
    why = (reply.provenance or {}).get("silence")
    return Finished(open_turn, TurnState.DONE, reason=f"silence: {why}" if why else "silence")


def _caution(message: Message, reply: AgentReply) -> str:
    """Whoever seems to want no more texts gets none before a person looked (compliance 4.1)."""
    suspected = STOP_SUSPECTED if SUSPECTED in message.provenance else ""
    media = _media_caution(reply.media_urls)
    return ", ".join(one for one in (suspected, reply.hold, media) if one)


def _media_caution(urls: Sequence[str]) -> str:
    """Agents send public attachments, and few; anything else waits for a person's eye."""
    if len(urls) > MEDIA_URLS_MAX:
        return "too_many_attachments"
    public = all(url.startswith("https://") and len(url) <= 2_000 for url in urls)
    return "" if public else "attachment_address"


def _about(turn: Turn) -> dict[str, str]:
    return {"turn_id": turn.id, "message_id": turn.message_id, "line": turn.line}


def _log_turn(finished: Finished) -> None:
    turn = finished.open.turn
    failed = finished.state in (TurnState.DEAD, TurnState.OWED)
    log.log(
        logging.WARNING if failed else logging.INFO,
        "turn",
        extra={
            "turn_id": turn.id,
            "message_id": turn.message_id,
            "line": turn.line,
            "state": finished.state.value,
            "attempt": turn.attempt,
            "reason": finished.reason,
        },
    )
