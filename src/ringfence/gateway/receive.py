"""Receiving (architecture, steps 2 to 5): verify, parse, decide, and one transaction that stores
the message with its decision and everything it causes. The webhook is answered 2xx only after this
returned (P4). The agent is not called here; it is owed a turn."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

from ringfence.gateway import bytext, emergency, handover, intake
from ringfence.gateway.batch import Batcher
from ringfence.gateway.cancel import cancel_person
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.evidence import Statement, opted_in, opted_out
from ringfence.gateway.facts import FactsDesk, Question
from ringfence.gateway.notices import SUSPECTED, suspected_stop
from ringfence.gateway.opt_in import answered
from ringfence.gateway.pairing import stranger_wrote
from ringfence.gateway.proposal import Proposal
from ringfence.gateway.rates import Rate
from ringfence.gateway.review import propose, reason_text
from ringfence.gateway.track import Tracker
from ringfence.model.audit import AuditEntry, digest
from ringfence.model.consent import ConsentKind, Method
from ringfence.model.contact import PauseReason, Person
from ringfence.model.errors import InvalidNumber, MalformedEvent, StoreBusy, TooMany
from ringfence.model.line import Line, OptOutReplies
from ringfence.model.message import (
    Direction,
    InboundMessage,
    Message,
    MessageClass,
    MessageStatus,
    StatusCallback,
)
from ringfence.model.outbox import Turn, TurnState
from ringfence.model.phone import PhoneNumber, from_sender
from ringfence.model.verdict import Act, Decision, Verdict
from ringfence.ports import DeadEvent, MessageChange, Tx
from ringfence.providers.base import Verified
from ringfence.providers.wire import WebhookRequest
from ringfence.text.keywords import Keyword, KeywordKind, classify

log = logging.getLogger("ringfence.receive")

# Repeats of an opt-out change nothing; this only bounds what they cost.
OPT_OUTS_PER_MINUTE_PER_SENDER = 30


@dataclass(frozen=True, slots=True)
class Receipt:
    """`stored` is true when the event is durable (now or from an earlier delivery)."""

    stored: bool
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Arrival:
    """An inbound message on its way into the transaction, under the id it will have. `token` names
    the event in the log; `urgent` is what its words speak of (`emergency`, `self_harm`)."""

    line: Line
    id: str
    event: InboundMessage
    number: PhoneNumber
    keyword: Keyword
    at: datetime
    token: str = ""
    urgent: str = ""


@dataclass(frozen=True, slots=True)
class Admission:
    """An arrival and what was decided about it; `keyword` is the one that is heeded, `paused` is why
    nothing automatic goes to the person."""

    line: Line
    keyword: Keyword
    message: Message
    decision: Decision
    entry: AuditEntry
    urgent: str = ""
    paused: PauseReason | None = None


class Receiver:
    """Takes webhooks of all lines."""

    def __init__(self, kit: Equipment, tracker: Tracker) -> None:
        self._kit = kit
        self._tracker = tracker
        self._admit: Batcher[Arrival, bool] = Batcher(
            kit.store, self._admit_many, stored=self._received
        )
        limits = {line.id: line.inbound for line in kit.lines.values()}
        self._per_sender = {
            key: Rate(value.messages_per_minute_per_sender, value.tracked_keys_max)
            for key, value in limits.items()
        }
        self._per_line = {
            key: Rate(value.messages_per_minute_per_line) for key, value in limits.items()
        }
        self._callbacks = {key: Rate(value.callbacks_per_minute) for key, value in limits.items()}
        self._opt_outs = {
            key: Rate(OPT_OUTS_PER_MINUTE_PER_SENDER, value.tracked_keys_max)
            for key, value in limits.items()
        }

    async def webhook(self, line: Line, request: WebhookRequest) -> Receipt:
        """Raises SignatureRefused (the caller counts it), TooMany, StoreBusy and StoreError; a
        signed event that is not ours is taken, buried, and answered like a good one (B029)."""
        provider = self._kit.provider_of(line)
        verified = provider.verify(request, line)
        try:
            event = provider.parse(verified)
            token = provider.dedupe_token(verified)
        except MalformedEvent as error:
            unnamed = digest(request.body.decode("utf-8", "replace"))
            return await self._bury(line, unnamed, "malformed", error.detail, verified)
        wrong = provider.misdirected(event, line)
        match event:
            case StatusCallback():
                return await self._callback(line, event, wrong)
            case InboundMessage():
                if wrong:
                    return await self._bury(line, token, "misdirected", wrong, verified)
                return await self._message(line, event, token, verified)
            case _:
                assert_never(event)

    async def _callback(self, line: Line, event: StatusCallback, wrong: str) -> Receipt:
        if wrong:
            return Receipt(stored=False)  # B094
        if not self._callbacks[line.id].allow(line.id, self._kit.clock.now()):
            raise StoreBusy(
                "Too many status callbacks this minute "
                f"(limits.callbacksPerMinute of {line.id}); nothing was written, send it again."
            )
        await self._tracker.callback(line, event)
        return Receipt(stored=True)

    async def _message(
        self, line: Line, event: InboundMessage, token: str, verified: Verified
    ) -> Receipt:
        now = self._kit.clock.now()
        try:
            number = from_sender(event.sender)
        except InvalidNumber as error:
            return await self._bury(line, token, "sender", error.detail, verified)
        keyword = _keyword_of(line, event, number)
        self._limit(line, number, keyword, now)
        id_ = self._kit.ids.new("message", now)
        urgent = self._urgent(line, event, number, keyword)
        stored = await self._admit(Arrival(line, id_, event, number, keyword, now, token, urgent))
        return Receipt(stored=True, duplicate=not stored)

    def _received(self, batch: Sequence[Arrival], stored: Sequence[bool]) -> None:
        self._kit.turns_bell.ring()
        self._kit.outbox_bell.ring()
        lines = [
            {
                "message_id": arrival.id,
                "provider_id": arrival.event.provider_id,
                "event_id": arrival.token,
                "line": arrival.line.id,
                "state": "stored" if fresh else "duplicate",
            }
            for arrival, fresh in zip(batch, stored, strict=True)
        ]
        log.info("received", extra={"each": lines})

    def _limit(self, line: Line, number: PhoneNumber, keyword: Keyword, now: datetime) -> None:
        """A carrier does not send again what got a 429, and STOP must not be lost (P3): it has a
        bound of its own, which earlier texts do not use up."""
        if keyword.kind is KeywordKind.OPT_OUT:
            if not self._opt_outs[line.id].allow(number.e164, now):
                raise TooMany("This sender asked to stop too many times this minute.")
            return
        if not self._per_sender[line.id].allow(number.e164, now):
            raise TooMany(f"limits.messagesPerMinutePerSender of {line.id} is reached.")
        self._limit_line(line, now)

    def _limit_line(self, line: Line, now: datetime) -> None:
        if not self._per_line[line.id].allow(line.id, now):
            raise TooMany(f"limits.messagesPerMinutePerLine of {line.id} is reached.")

    async def _bury(
        self, line: Line, token: str, kind: str, reason: str, verified: Verified
    ) -> Receipt:
        now = self._kit.clock.now()
        self._limit_line(line, now)
        event = DeadEvent(
            id=self._kit.ids.new("event", now),
            line=line.id,
            dedupe_token=token,
            kind=kind,
            reason=reason,
            at=now,
            body={"fields": [list(pair) for pair in verified.fields]},
        )

        def job(tx: Tx) -> bool:
            fresh = tx.events.bury(event)
            if fresh:
                body = {"line": line.id, "kind": kind, "reason": reason}
                tx.audit.append([self._kit.audit("event_buried", event.id, "provider", now, body)])
            return fresh

        fresh = await self._kit.store.write(job)
        return Receipt(stored=True, duplicate=not fresh)

    def readmit(self, tx: Tx, line: Line, fields: Sequence[tuple[str, str]]) -> bool:
        """Take a buried event again, in the caller's transaction, as the line is set up now; its
        signature held when it came. Returns False for a message that is there already. Raises
        MalformedEvent or InvalidNumber when it still cannot be taken."""
        provider = self._kit.provider_of(line)
        event = provider.parse(Verified(_NO_REQUEST, tuple(fields)))
        if not isinstance(event, InboundMessage):
            raise MalformedEvent("It is a status callback; the poller finds such statuses itself.")
        if wrong := provider.misdirected(event, line):
            raise MalformedEvent(f"On line {line.id}, {wrong}.")
        number = from_sender(event.sender)
        keyword = _keyword_of(line, event, number)
        now = self._kit.clock.now()
        id_ = self._kit.ids.new("message", now)
        urgent = self._urgent(line, event, number, keyword)
        arrival = Arrival(line, id_, event, number, keyword, now, urgent=urgent)
        return self._admit_many(tx, [arrival])[0]

    def _urgent(
        self, line: Line, event: InboundMessage, number: PhoneNumber, keyword: Keyword
    ) -> str:
        if keyword.kind in _ACTED_ON:
            return ""
        return emergency.heard(self._kit.policies[line.id], line, number, event.body)

    # -- the receiving transaction ---------------------------------------------------------

    def _admit_many(self, tx: Tx, batch: Sequence[Arrival]) -> list[bool]:
        now = self._kit.clock.now()
        # What a text brings about holds for what comes after it, in the same batch too.
        return [done for run in _runs(batch) for done in self._admit_run(tx, run, now)]

    def _admit_run(self, tx: Tx, batch: Sequence[Arrival], now: datetime) -> list[bool]:
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
            message = _message(arrival, person, keyword, decision, why)
            judged.append(
                Admission(arrival.line, keyword, message, decision, entry, arrival.urgent, why)
            )
        fresh = tx.messages.add_inbound([row.message for row in judged])
        admitted = [row for row in judged if row.message.id in fresh]
        tx.audit.append([row.entry for row in admitted])
        self._effects(tx, desk, admitted, now)
        return [arrival.id in fresh for arrival in batch]

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
            if arrival.keyword.kind in _ACTED_ON:
                # The order of keywords and texts within one batch is the order of their effect.
                tx.turns.add(turns)
                turns = []
                propose(self._kit, tx, self._keyword(tx, arrival, now), now)
                continue
            if self._agreed(tx, arrival, now):
                continue
            if arrival.urgent and _may_be_in_need(decision):
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
        tx.messages.change([change])
        return True

    def _keyword(self, tx: Tx, arrival: Admission, now: datetime) -> list[Proposal]:
        match arrival.keyword.kind:
            case KeywordKind.OPT_OUT:
                return self._opt_out(tx, arrival, now)
            case KeywordKind.OPT_IN:
                return self._opt_in(tx, arrival, now)
            case KeywordKind.HELP:
                return self._help(arrival)
            case KeywordKind.SUSPECTED | KeywordKind.NONE:
                return []
            case _:
                assert_never(arrival.keyword.kind)

    def _opt_out(self, tx: Tx, arrival: Admission, now: datetime) -> list[Proposal]:
        number = arrival.message.number
        person = tx.people.find([number])[number]
        event = opted_out(self._kit, tx, _said(arrival, ConsentKind.OPT_OUT), "person", now)
        if event is None or person.opt_out_source:
            return []  # one opt-out, one confirmation
        body = {"line": arrival.line.id, "source": "keyword", "word": arrival.keyword.word}
        tx.audit.append([self._kit.audit("opt_out", arrival.message.id, "person", now, body)])
        cancel_person(self._kit, tx, number, "opted_out", "person", now)
        text = (
            f"{arrival.line.label}: you are unsubscribed and will get no more messages. "
            "Reply START to subscribe again."
        )
        return self._ours(arrival, text, MessageClass.OPT_OUT_CONFIRMATION)

    def _opt_in(self, tx: Tx, arrival: Admission, now: datetime) -> list[Proposal]:
        opted_in(self._kit, tx, _said(arrival, ConsentKind.OPT_IN), "person", now)
        body = {"line": arrival.line.id, "source": "keyword", "word": arrival.keyword.word}
        tx.audit.append([self._kit.audit("opt_in", arrival.message.id, "person", now, body)])
        text = f"{arrival.line.label}: you are subscribed again. Reply STOP to unsubscribe."
        return self._ours(arrival, text, MessageClass.OPT_IN_CONFIRMATION)

    def _help(self, arrival: Admission) -> list[Proposal]:
        text = arrival.line.help_text or (
            f"{arrival.line.label}: automated line. Reply STOP to unsubscribe."
        )
        return self._ours(arrival, text, MessageClass.HELP)

    def _ours(self, arrival: Admission, text: str, message_class: MessageClass) -> list[Proposal]:
        """The single answer to a keyword, unless the provider gives it (facts 2.8) or the line
        answers nobody."""
        if arrival.line.optout_replies is OptOutReplies.PROVIDER or arrival.line.silent:
            return []
        message = arrival.message
        return [
            Proposal(
                arrival.line,
                message.number,
                text,
                Act.REPLY,
                "system",
                message_class,
                in_reply_to=message.id,
            )
        ]


# A buried event keeps its fields, not the request that brought them.
_NO_REQUEST = WebhookRequest("POST", "", "", {}, b"")
_ACTED_ON = frozenset({KeywordKind.OPT_OUT, KeywordKind.OPT_IN, KeywordKind.HELP})
_PROVIDER_KEYWORDS = {
    "STOP": KeywordKind.OPT_OUT,
    "START": KeywordKind.OPT_IN,
    "HELP": KeywordKind.HELP,
}


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


def _keyword_of(line: Line, event: InboundMessage, number: PhoneNumber) -> Keyword:
    """What a provider that answers keywords lifts on YES, we lift too, or it would tell people
    that they are subscribed while we say nothing to them."""
    yes = line.optout_replies is OptOutReplies.PROVIDER
    keyword = _provider_saw(event, classify(event.body, yes_is_opt_in=yes))
    if keyword.kind is KeywordKind.SUSPECTED and number in line.owners:
        # Who runs the line knows how to stop it; "who is this?" is a question to their agent.
        return Keyword(KeywordKind.NONE)
    if event.media and keyword.kind not in (KeywordKind.OPT_OUT, KeywordKind.SUSPECTED):
        return Keyword(KeywordKind.NONE)  # a picture with a word is more than the word
    return keyword


def _provider_saw(event: InboundMessage, keyword: Keyword) -> Keyword:
    """OptOutType says the provider's own list (custom words included) recognised a keyword."""
    kind = _PROVIDER_KEYWORDS.get((event.opt_out_type or "").upper())
    return keyword if kind is None else Keyword(kind, event.opt_out_type or "", None)


def _message(
    arrival: Arrival,
    person: Person,
    keyword: Keyword,
    decision: Decision,
    paused: PauseReason | None,
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
        status=_status(keyword, decision),
        created_at=arrival.at,
        updated_at=arrival.at,
        media=event.media,
        message_class=_class_of(arrival),
        initiator="person",
        provider_id=event.provider_id,
        segments=event.segments,
        reason=_reason(arrival, keyword, decision, paused),
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
    if keyword.kind in _ACTED_ON or decision.verdict is Verdict.ALLOW:
        return MessageStatus.RECEIVED
    if decision.verdict is Verdict.HOLD:
        return MessageStatus.HELD
    return MessageStatus.REFUSED


def _reason(
    arrival: Arrival, keyword: Keyword, decision: Decision, paused: PauseReason | None
) -> str:
    if keyword.kind in _ACTED_ON:
        return f"keyword: {keyword.kind.value}"
    if decision.verdict is Verdict.ALLOW and arrival.urgent:
        return f"{arrival.urgent}: people were paged; nothing automatic answers"
    if decision.verdict is Verdict.ALLOW and paused is not None:
        return f"paused: nothing automatic answers ({paused.value})"
    if decision.verdict is Verdict.ALLOW and arrival.line.silent:
        return "silent: recorded; this line answers nobody"
    return reason_text(decision.reasons)


def _may_be_in_need(decision: Decision) -> bool:
    """Anybody but whom an operator blocked, and ourselves; who was not let in may be in need too."""
    return not {reason.code for reason in decision.reasons} & {"blocked", "own_number"}


def _wish_to_tell(arrival: Admission) -> bool:
    """A wish to stop in other words, from somebody who gets texts: not of a stranger, whom owners
    are told of anyway, nor of one whom nobody answers any more."""
    if arrival.keyword.kind is not KeywordKind.SUSPECTED:
        return False
    return {reason.code for reason in arrival.decision.reasons} <= {"keywords_only"}


def _said(arrival: Admission, kind: ConsentKind) -> Statement:
    """A keyword as the ledger of consent has it."""
    return Statement(arrival.message.number, kind, Method.KEYWORD, evidence=arrival.message.id)


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
