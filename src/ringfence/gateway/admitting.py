"""Admitting (architecture, step 5): the receiving transaction. A message is stored with its decision
and everything it causes: a keyword is acted on, a responder's word heard, a stranger told of, a turn
owed. What a text brings about holds for what comes after it, in the same batch too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from ringfence.gateway import acknowledging, bytext, emergency, handover, intake, keyword_answers
from ringfence.gateway.arrival import ACTED_ON, Admission, Arrival
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.facts import FactsDesk, Question
from ringfence.gateway.finals import change_messages
from ringfence.gateway.notices import SUSPECTED, suspected_stop
from ringfence.gateway.opt_in import answered
from ringfence.gateway.pairing import stranger_wrote
from ringfence.gateway.review import propose, reason_text
from ringfence.model.contact import PauseReason, Person
from ringfence.model.message import (
    Direction,
    InboundMessage,
    Message,
    MessageClass,
    MessageStatus,
)
from ringfence.model.outbox import Turn, TurnState
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act, Decision, Verdict
from ringfence.ports import MessageChange, Tx
from ringfence.text.keywords import Keyword, KeywordKind


class Admitting:
    """The receiving transaction, for batches of arrivals."""

    def __init__(self, kit: Equipment) -> None:
        self._kit = kit

    def many(self, tx: Tx, batch: Sequence[Arrival]) -> list[bool]:
        now = self._kit.clock.now()
        # What a text brings about holds for what comes after it, in the same batch too.
        return [done for run in _runs(batch) for done in self._run(tx, run, now)]

    def _run(self, tx: Tx, batch: Sequence[Arrival], now: datetime) -> list[bool]:
        questions = [
            Question(Act.RECEIVE, arrival.line, arrival.number, "person") for arrival in batch
        ]
        desk = FactsDesk(self._kit, tx, questions, now)
        paused = handover.paused(tx, {(one.line.id, one.number) for one in batch})
        judged = []
        for arrival, question in zip(batch, questions, strict=True):
            person = desk.people[arrival.number]
            keyword = _heeded(arrival.keyword, person)
            decision, entry = desk.decide(question, arrival.id)
            why = paused.get((arrival.line.id, arrival.number))
            heard = self._heard(tx, arrival, keyword, decision, now)
            message = _message(arrival, person, keyword, decision, why, heard)
            judged.append(
                Admission(
                    arrival.line, keyword, message, decision, entry, arrival.urgent, why, heard
                )
            )
        fresh = tx.messages.add_inbound([row.message for row in judged])
        admitted = [row for row in judged if row.message.id in fresh]
        tx.audit.append([row.entry for row in admitted])
        self._effects(tx, desk, admitted, now)
        return [arrival.id in fresh for arrival in batch]

    def _heard(
        self, tx: Tx, arrival: Arrival, keyword: Keyword, decision: Decision, now: datetime
    ) -> acknowledging.Heard | None:
        """A responder's word counts whether or not the line takes in other texts of theirs."""
        if keyword.kind in ACTED_ON or not may_be_in_need(decision):
            return None
        kit, line = self._kit, arrival.line
        return acknowledging.heard(kit, tx, line, arrival.number, arrival.event.body, now)

    def _effects(
        self,
        tx: Tx,
        desk: FactsDesk,
        admitted: Sequence[Admission],
        now: datetime,
    ) -> None:
        turns: list[Turn] = []
        real: list[PhoneNumber] = []
        for arrival in admitted:
            decision = arrival.decision
            if arrival.keyword.kind in ACTED_ON:
                # The order of keywords and texts within one batch is the order of their effect.
                tx.turns.add(turns)
                turns = []
                propose(self._kit, tx, keyword_answers.act(self._kit, tx, arrival, now), now)
                continue
            if arrival.heard is not None:
                told = acknowledging.obey(
                    self._kit, tx, arrival.line, arrival.message, arrival.heard, now
                )
                propose(self._kit, tx, told, now)
                continue
            if self._agreed(tx, arrival, now):
                continue
            if arrival.urgent and may_be_in_need(decision):
                tx.turns.add(turns)
                turns = []
                told = emergency.heed(
                    self._kit, tx, arrival.line, arrival.message, arrival.urgent, now
                )
                propose(self._kit, tx, told, now)
                continue
            if _wish_to_tell(arrival):
                told = suspected_stop(self._kit, tx, arrival.line, arrival.message)
                propose(self._kit, tx, told, now)
            if (command := _command(arrival, decision)) is not None:
                self._commanded(tx, arrival, command, now)
            elif arrival.paused is not None:
                if decision.verdict is not Verdict.DENY:
                    told = handover.wrote(tx, arrival.line, arrival.message, arrival.paused, now)
                    propose(self._kit, tx, told, now)
            elif decision.verdict is Verdict.ALLOW and not arrival.line.silent:
                if not intake.heard(self._kit, tx, arrival.line, arrival.message, now):
                    turns.append(_turn(self._kit, arrival, now))
                if desk.people[arrival.message.number].passive_replies:
                    real.append(arrival.message.number)
            elif _needs_pairing(decision):
                message = arrival.message
                proposals = stranger_wrote(
                    self._kit, tx, arrival.line, message.number, message.body, message.id, now
                )
                propose(self._kit, tx, proposals, now)
        tx.turns.add(turns)
        if real:
            tx.people.set_passive_replies([(number, 0) for number in real])

    def _commanded(
        self, tx: Tx, arrival: Admission, command: bytext.Command, now: datetime
    ) -> None:
        """To stop everything cannot fail and is done with the text itself (P3). What may have to be
        undone gets a turn of its own, ahead of whatever the agent still owes the same operator."""
        if command.verb == "halt":
            told = bytext.obey(self._kit, tx, arrival.line, arrival.message, command, now)
            propose(self._kit, tx, told, now)
        else:
            tx.turns.add([_turn(self._kit, arrival, now, bytext.COMMAND)], ahead=True)

    def _agreed(self, tx: Tx, arrival: Admission, now: datetime) -> bool:
        """An answer to our own question is for us: no agent's, and no stranger's request either."""
        message = arrival.message
        line, number = arrival.line, message.number
        if arrival.decision.verdict is Verdict.DENY or not answered(
            self._kit, tx, line, number, message.body, now, message.id
        ):
            return False
        change = MessageChange(
            message.id, now, status=MessageStatus.RECEIVED, reason="opt_in: an answer to a question"
        )
        change_messages(tx, [change])
        return True


def _runs(batch: Sequence[Arrival]) -> Iterator[list[Arrival]]:
    """The batch in order, cut between two texts of one person: what the first brings about (a STOP,
    an emergency, the end of an intake), the second meets."""
    run: list[Arrival] = []
    people: set[PhoneNumber] = set()
    for arrival in batch:
        if arrival.number in people:
            yield run
            run, people = [], set()
        run.append(arrival)
        people.add(arrival.number)
    if run:
        yield run


def _heeded(keyword: Keyword, person: Person) -> Keyword:
    """START means something only to somebody who opted out, by a keyword or at the provider; from
    anybody else it is a text like any other. An operator's do-not-contact is not the person's to
    lift (compliance 4.1)."""
    if keyword.kind is not KeywordKind.OPT_IN:
        return keyword
    lifts = person.opt_out_source in ("keyword", "provider")
    return keyword if lifts else Keyword(KeywordKind.NONE)


def _message(
    arrival: Arrival,
    person: Person,
    keyword: Keyword,
    decision: Decision,
    paused: PauseReason | None,
    heard: acknowledging.Heard | None,
) -> Message:
    event = arrival.event
    return Message(
        id=arrival.id,
        line=arrival.line.id,
        direction=Direction.IN,
        number=arrival.number,
        contact_id=person.contact_id,
        # PostgreSQL's text takes no NUL, and no phone shows one.
        body=event.body.replace("\x00", ""),
        status=MessageStatus.RECEIVED if heard else _status(keyword, decision),
        created_at=arrival.at,
        updated_at=arrival.at,
        media=event.media,
        message_class=MessageClass.ALERT_ANSWER if heard else _class_of(arrival),
        initiator="person",
        provider_id=event.provider_id,
        segments=event.segments,
        reason=f"alert: {heard.code}" if heard else _reason(arrival, keyword, decision, paused),
        provenance=_noted(event, keyword),
    )


def _class_of(arrival: Arrival) -> MessageClass:
    """An operator's command may hold the code of a draft: it is for us, and no agent reads it (P2)."""
    command = bytext.read(arrival.line, arrival.number, arrival.event.body)
    return MessageClass.FREE_TEXT if command is None else MessageClass.OWNER_NOTICE


def _noted(event: InboundMessage, keyword: Keyword) -> dict[str, Any]:
    """What is kept with the message for later stages."""
    noted: dict[str, Any] = {}
    if event.media_declared:
        noted["media_declared"] = event.media_declared
    if keyword.kind is KeywordKind.SUSPECTED:
        noted[SUSPECTED] = keyword.word
    return noted


def _status(keyword: Keyword, decision: Decision) -> MessageStatus:
    if keyword.kind in ACTED_ON or decision.verdict is Verdict.ALLOW:
        return MessageStatus.RECEIVED
    if decision.verdict is Verdict.HOLD:
        return MessageStatus.HELD
    return MessageStatus.REFUSED


def _reason(
    arrival: Arrival, keyword: Keyword, decision: Decision, paused: PauseReason | None
) -> str:
    if keyword.kind in ACTED_ON:
        return f"keyword: {keyword.kind.value}"
    if decision.verdict is Verdict.ALLOW and arrival.urgent:
        return f"{arrival.urgent}: people were paged; nothing automatic answers"
    if decision.verdict is Verdict.ALLOW and paused is not None:
        return f"paused: nothing automatic answers ({paused.value})"
    if decision.verdict is Verdict.ALLOW and arrival.line.silent:
        return "silent: recorded; this line answers nobody"
    return reason_text(decision.reasons)


def may_be_in_need(decision: Decision) -> bool:
    """Anybody but whom an operator blocked, and ourselves; who was not let in may be in need too."""
    return not {reason.code for reason in decision.reasons} & {"blocked", "own_number"}


def _wish_to_tell(arrival: Admission) -> bool:
    """A wish to stop in other words, from somebody who gets texts: not of a stranger, whom owners
    are told of anyway, nor of one whom nobody answers any more."""
    if arrival.keyword.kind is not KeywordKind.SUSPECTED:
        return False
    return {reason.code for reason in arrival.decision.reasons} <= {"keywords_only"}


def _needs_pairing(decision: Decision) -> bool:
    return decision.verdict is Verdict.HOLD and any(
        reason.code == "pairing_required" for reason in decision.reasons
    )


def _command(arrival: Admission, decision: Decision) -> bytext.Command | None:
    """An operator's word about a draft, or to stop: for us and not for the agent, also on a line
    that answers nobody."""
    message = arrival.message
    if decision.verdict is Verdict.DENY:
        return None
    return bytext.read(arrival.line, message.number, message.body)


def _turn(kit: Equipment, arrival: Admission, now: datetime, why: str = "") -> Turn:
    message = arrival.message
    return Turn(
        id=kit.ids.new("turn", now),
        message_id=message.id,
        line=message.line,
        number=message.number,
        contact_id=message.contact_id,
        state=TurnState.OWED,
        received_at=message.created_at,
        due_at=now,
        reason=why,
    )
