"""Connecting a person to somebody else of ours: to an owner or a responder, by name and never by a number
an agent wrote. The gate decides about the second call as about any other; the person's own goes on when
it is over, or was not answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ringfence.gateway.call_words import Manner, listen, say
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.facts import FactsDesk, Question
from ringfence.model.audit import digest
from ringfence.model.call import Call, CallProgress, CallState, EndReason, Leg, LegEnded, LegRole
from ringfence.model.draft import Category, Traits
from ringfence.model.instruction import DialNumber, Instruction
from ringfence.model.line import Line
from ringfence.model.message import MessageClass
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act, Verdict
from ringfence.ports import Tx

OWNER = "owner"
BACK = "back"
"""The turn at which the provider asks once the other leg is over."""
RING_S = 30
CONNECTING = "I am connecting you now."
NOBODY = "Nobody can take the call now."


def whom(kit: Equipment, line: Line, name: str) -> PhoneNumber | None:
    """The number behind a name; None for nobody of ours."""
    if name.lower() == OWNER:
        return line.owners[0] if line.owners else None
    responder = kit.operations.responders.get(name)
    return None if responder is None else responder.number


def transfer(
    kit: Equipment,
    tx: Tx,
    line: Line,
    manner: Manner,
    call: Call,
    name: str,
    initiator: str,
    said: str,
    now: datetime,
) -> tuple[Call, list[Instruction]]:
    """The other leg, where the gate lets it ring; else the person is told and heard again."""
    number = whom(kit, line, name)
    if number is None or not _may(kit, tx, line, call, number, now):
        return call, [listen(manner, call.turn + 1, say(manner, NOBODY))]
    leg = Leg(number, LegRole.OWNER, CallState.OFFERED, offered_at=now)
    call = replace(call, joined=(*call.joined, leg), updated_at=now)
    tx.calls.save([call])
    body = {"line": line.id, "to": name, "by": initiator}
    tx.audit.append([kit.audit("call_transfer", call.id, initiator, now, body)])
    answered = call.person.answered_at or now
    left_s = int((answered + call.time_limit - now).total_seconds())
    return call, [
        say(manner, said or CONNECTING),
        DialNumber(
            f"{BACK}{call.turn}",
            number.e164,
            caller=call.called,
            ring_s=RING_S,
            limit_s=max(60, left_s),
        ),
    ]


def progressed(tx: Tx, call: Call, event: CallProgress, now: datetime) -> Call:
    """The other leg was answered: its minutes count, also where the person hangs up first. Its end is
    asked about."""
    if event.state is not CallState.ANSWERED or all(leg.is_over for leg in call.joined):
        return call
    joined = tuple(
        leg if leg.is_over else replace(leg, state=event.state, answered_at=leg.answered_at or now)
        for leg in call.joined
    )
    call = replace(call, joined=joined, updated_at=now)
    tx.calls.save([call])
    return call


def back(
    kit: Equipment, tx: Tx, manner: Manner, call: Call, event: LegEnded, now: datetime
) -> tuple[Call, list[Instruction]]:
    """The other leg is over: answered, the talk was theirs and is over too; else we listen again."""
    talked, lasted = event.leg_state is CallState.ENDED, timedelta(seconds=event.lasted_s)
    ended = [
        replace(
            leg,
            state=event.leg_state if event.leg_state in _ENDS else CallState.ENDED,
            provider_id=leg.provider_id or event.leg_provider_id,
            # As long as the provider says it lasted: its minutes count like the person's.
            answered_at=leg.answered_at or (now - lasted if talked else None),
            ended_at=now,
            end_reason=EndReason.HUNG_UP if talked else EndReason.NO_ANSWER,
        )
        if not leg.is_over
        else leg
        for leg in call.joined
    ]
    call = replace(call, joined=tuple(ended), updated_at=now)
    tx.calls.save([call])
    if talked:
        return call, []
    return call, [listen(manner, call.turn + 1, say(manner, NOBODY))]


_ENDS = frozenset(
    {CallState.ENDED, CallState.BUSY, CallState.NO_ANSWER, CallState.FAILED, CallState.CANCELLED}
)


def _may(
    kit: Equipment,
    tx: Tx,
    line: Line,
    call: Call,
    number: PhoneNumber,
    now: datetime,
) -> bool:
    question = Question(
        act=Act.CALL,
        line=line,
        number=number,
        # Whom it may ring is the configuration's, by name: the agent's wish starts nothing by itself.
        initiator="system",
        # They are rung as they are told of what needs them, at any hour.
        message_class=MessageClass.PAGE,
        text_digest=digest(f"{call.id}/transfer/{len(call.joined)}"),
        claiming=True,
        message_id=call.id,
        call=call,
        text=f"A transfer of {call.id}",
        traits=Traits(category=Category.ALERT, programme=line.programme or line.id),
    )
    desk = FactsDesk(kit, tx, [question], now)
    decision, entry = desk.decide(question, call.id)
    tx.audit.append([entry])
    if decision.verdict is not Verdict.ALLOW:
        return False
    desk.counts.raise_for(question)
    desk.counts.write()
    return True
