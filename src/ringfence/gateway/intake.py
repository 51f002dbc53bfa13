"""Intake: a line asks who writes to it its questions, in order and without an agent, reads the answers
for their kind, and hands over to a person: with every answer, or at once where one does not fit again
and again, a forced topic comes up, or they seem to want no more. Keywords and emergencies come first
(receive.py). It must never ask what the gate refuses, nor guess an answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ringfence.gateway import handover
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.notices import SUSPECTED, owner_notices, quoted
from ringfence.gateway.proposal import Proposal
from ringfence.gateway.review import propose
from ringfence.gateway.templates import fill, settle
from ringfence.model.errors import InvalidField
from ringfence.model.intake import Intake, IntakeForm, IntakeState
from ringfence.model.line import Line
from ringfence.model.message import Message, MessageClass, MessageStatus
from ringfence.model.outbox import Turn, TurnState
from ringfence.model.phone import PhoneNumber
from ringfence.model.template import FieldKind
from ringfence.model.verdict import Act
from ringfence.policy.rule import ALL
from ringfence.policy.rules import forced_topics
from ringfence.ports import Tx
from ringfence.text.intake import question, read_answer, summary
from ringfence.text.topics import find_topics

THANKS = "Thank you. A person will read this and answer you here."
_SWEEP_MAX = 100
_WHY = {
    "tries": "no answer that fits",
    "topic": "a subject for a person",
    "suspected": "they seem to want no more texts",
    "refused": "the next question may not be sent",
}


def heard(kit: Equipment, tx: Tx, line: Line, message: Message, now: datetime) -> bool:
    """Take a person's text as the intake's, if it is: no agent is asked about it then. Owners are not
    asked, and who was asked lately is not asked again."""
    form = line.intake
    if form is None or message.number in line.owners:
        return False
    known = tx.intakes.get(line.id, message.number)
    if known is None or known.updated_at <= now - form.silence:
        _begin(kit, tx, line, form, message, now)
        return True
    if known.state is not IntakeState.ASKING:
        return False
    _answered(kit, tx, line, form, known, message, now)
    return True


def abandon(kit: Equipment, tx: Tx, now: datetime) -> int:
    """End intakes that heard nothing for too long, and tell the owners what there is; answers how
    many."""
    count = 0
    for line in kit.lines.values():
        if line.intake is None:
            continue
        for intake in tx.intakes.silent(line.id, now - line.intake.silence, _SWEEP_MAX):
            # Its last text stays its last: who writes again is asked anew.
            tx.intakes.put(replace(intake, state=IntakeState.ABANDONED))
            _record(kit, tx, intake, IntakeState.ABANDONED, "silence", "system", now)
            text = _told(line, line.intake, intake, "ended without an answer", _first(tx, intake))
            propose(kit, tx, owner_notices(tx, line, text, now), now)
            count += 1
    return count


def context(tx: Tx, line: Line, number: PhoneNumber, now: datetime) -> str:
    """What an agent is told of an intake that ended lately; empty where there was none."""
    if line.intake is None:
        return ""
    known = tx.intakes.get(line.id, number)
    if known is None or known.state is IntakeState.ASKING or not known.answers:
        return ""
    if known.updated_at <= now - line.intake.silence:
        return ""
    return f"What they answered:\n{summary(line.intake, known)}"


def _begin(
    kit: Equipment, tx: Tx, line: Line, form: IntakeForm, message: Message, now: datetime
) -> None:
    intake = Intake(message.number, line.id, IntakeState.ASKING, message.id, now, now)
    tx.intakes.put(intake)
    why = _for_a_person(kit, line, message)
    if why:
        _hand_over(kit, tx, line, form, intake, message, why, now)
        return
    _acknowledge(kit, tx, line, form, message, now)
    _go_on(kit, tx, line, form, intake, message, now)


def _answered(
    kit: Equipment,
    tx: Tx,
    line: Line,
    form: IntakeForm,
    intake: Intake,
    message: Message,
    now: datetime,
) -> None:
    asked = form.called(intake.asked)
    if asked is None:
        # The configuration asks other things by now: go on with what it asks first.
        _go_on(kit, tx, line, form, replace(intake, asked=""), message, now)
        return
    why = _for_a_person(kit, line, message)
    try:
        value = read_answer(asked, message.body)
    except InvalidField as error:
        again = replace(intake, tries=intake.tries + 1, updated_at=now)
        why = why or ("tries" if intake.tries >= form.tries_max else "")
        if why:
            _hand_over(kit, tx, line, form, intake, message, why, now)
        else:
            _ask(kit, tx, line, form, again, message, now, error.detail)
        return
    answers = {**intake.answers, asked.name: value}
    intake = replace(intake, answers=answers, updated_at=now)
    # What the operator offered to choose from, a day or a number is no subject by itself.
    if why == "suspected" or (why and asked.field.kind is FieldKind.TEXT):
        _hand_over(kit, tx, line, form, intake, message, why, now)
    else:
        _go_on(kit, tx, line, form, intake, message, now)


def _go_on(
    kit: Equipment,
    tx: Tx,
    line: Line,
    form: IntakeForm,
    intake: Intake,
    message: Message,
    now: datetime,
) -> None:
    following = form.following(intake.asked)
    while following is not None and following.name in intake.answers:
        following = form.following(following.name)
    if following is None:
        _end(kit, tx, line, form, intake, message, IntakeState.DONE, "", now)
        return
    _ask(kit, tx, line, form, replace(intake, asked=following.name, tries=1), message, now)


def _ask(
    kit: Equipment,
    tx: Tx,
    line: Line,
    form: IntakeForm,
    intake: Intake,
    message: Message,
    now: datetime,
    hint: str = "",
) -> None:
    asked = form.called(intake.asked)
    assert asked is not None, "only fields of the form are asked"
    words = _ours(line, message, question(asked, hint), MessageClass.INTAKE_QUESTION)
    [proposed] = propose(kit, tx, [words], now)
    if proposed.status is MessageStatus.REFUSED:
        # An answer to a question nobody read would be taken for another.
        _hand_over(kit, tx, line, form, intake, message, "refused", now)
    else:
        tx.intakes.put(intake)


def _acknowledge(
    kit: Equipment, tx: Tx, line: Line, form: IntakeForm, message: Message, now: datetime
) -> None:
    if not form.acknowledge:
        return
    filled = fill(kit, form.acknowledge, "", {})
    settle(kit, tx, filled, "system", now)
    wanted = replace(
        _ours(line, message, filled.text, MessageClass.TEMPLATE),
        category=filled.category,
        programme=filled.programme,
        template=filled.template,
        provenance=filled.provenance,
    )
    # By itself, so that the disclosure it carries is not put before the question too.
    propose(kit, tx, [wanted], now)


def _hand_over(
    kit: Equipment,
    tx: Tx,
    line: Line,
    form: IntakeForm,
    intake: Intake,
    message: Message,
    why: str,
    now: datetime,
) -> None:
    _end(kit, tx, line, form, intake, message, IntakeState.HANDED_OVER, why, now)


def _end(
    kit: Equipment,
    tx: Tx,
    line: Line,
    form: IntakeForm,
    intake: Intake,
    message: Message,
    state: IntakeState,
    why: str,
    now: datetime,
) -> None:
    """A person takes over: nothing automatic goes there until they give it back. They are told what
    was collected, and the one who wrote that a person answers; not who may want no more texts."""
    intake = replace(intake, state=state, updated_at=now)
    tx.intakes.put(intake)
    _record(kit, tx, intake, state, why, "person", now)
    handover.hand_over(kit, tx, line.id, intake.number, "system", message.id, now)
    if why != "suspected":
        thanks = form.thanks or THANKS
        propose(kit, tx, [_ours(line, message, thanks, MessageClass.INTAKE_END)], now)
    how = "is complete" if state is IntakeState.DONE else f"needs a person ({_WHY[why]})"
    first = message.body if intake.message_id == message.id else _first(tx, intake)
    latest = "" if intake.message_id == message.id else message.body
    text = _told(line, form, intake, how, first, latest if why else "")
    propose(kit, tx, owner_notices(tx, line, text, now), now)
    if form.draft and state is IntakeState.DONE:
        # What it writes waits for a person: by the purpose of the line, and by the pause.
        tx.turns.add([_turn(kit, message, now)])


def _record(
    kit: Equipment,
    tx: Tx,
    intake: Intake,
    state: IntakeState,
    why: str,
    actor: str,
    now: datetime,
) -> None:
    """Names of what was answered; the answers stand in the intake and nowhere else."""
    body = {"line": intake.line, "state": state, "why": why, "answered": sorted(intake.answers)}
    tx.audit.append([kit.audit("intake", intake.message_id, actor, now, body)])


def _for_a_person(kit: Equipment, line: Line, message: Message) -> str:
    if SUSPECTED in message.provenance:
        return "suspected"
    lists = kit.policies[line.id].settings.get("forced_topics", forced_topics.Settings())
    found = find_topics(message.body, lists.extra, lists.off)
    return "topic" if any(ALL in lists.topics or one in lists.topics for one in found) else ""


def _first(tx: Tx, intake: Intake) -> str:
    message = tx.messages.get(intake.message_id)
    return message.body if message is not None else ""


def _told(
    line: Line, form: IntakeForm, intake: Intake, how: str, first: str, latest: str = ""
) -> str:
    number = intake.number.e164
    parts = [f"Intake on {line.label} from {number} {how}.", summary(form, intake)]
    if first:
        parts.append(f"They first wrote: {quoted(first)}")
    if latest:
        parts.append(f"And at last: {quoted(latest)}")
    if intake.state is not IntakeState.ASKING:
        parts.append(f"Afterwards: ringfence pauses lift {number} --account {line.id}")
    return "\n".join(parts)


def _ours(line: Line, message: Message, text: str, message_class: MessageClass) -> Proposal:
    return Proposal(
        line,
        message.number,
        text,
        Act.REPLY,
        "system",
        message_class,
        in_reply_to=message.id,
    )


def _turn(kit: Equipment, message: Message, now: datetime) -> Turn:
    return Turn(
        id=kit.ids.new("turn", now),
        message_id=message.id,
        line=message.line,
        number=message.number,
        contact_id=message.contact_id,
        state=TurnState.OWED,
        received_at=message.created_at,
        due_at=now,
    )
