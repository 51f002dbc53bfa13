"""What a responder's text does to the alerts they were told of: "12a", "ack", "12e", "12r". Only a
number that is a configured responder's counts, and only once it is verified; a word about an alert
this person was never told of does nothing; "12aa" takes what came of its service meanwhile too. Answers say who has it, so that nobody wonders."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never

from ringfence.delivery.escalate import Answer, Answered
from ringfence.delivery.flow import Responder
from ringfence.gateway import alert as alerts
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.proposal import Proposal
from ringfence.model.alert import OPEN, Alert, NoticeKind, NoticeState
from ringfence.model.errors import NotFound
from ringfence.model.line import Line
from ringfence.model.message import Message, MessageClass
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.ports import Tx
from ringfence.text.replies import Reply, ReplyVerb, parse_reply

BARE_WITHIN: Final = timedelta(hours=72)
"""A bare "ack" so long after the last page is small talk, not an answer."""
_LOOKED_AT: Final = 20
_MEANT: Final = re.compile(r"\s*#?[0-9]{1,6}\s*[a-z]{1,12}[\s.!]*", re.IGNORECASE | re.ASCII)
"""A number and a word: somebody on call who was just told of alerts means one of them."""
EVERY_MAX: Final = 300


@dataclass(frozen=True, slots=True)
class Heard:
    """A responder's word about alerts: those it is about, none where it is about none of theirs.
    Without a `reply` it was meant as one and says nothing we know; the alert is the newest."""

    responder: Responder
    reply: Reply | None
    alerts: tuple[Alert, ...]

    @property
    def code(self) -> str:
        return "not understood" if self.reply is None else self.reply.code


def heard(
    kit: Equipment, tx: Tx, line: Line, number: PhoneNumber, body: str, now: datetime
) -> Heard | None:
    """None for any text that is no word of a responder about an alert, and on a line that takes
    unsigned webhooks, where anybody can be that number."""
    responder = kit.operations.responder_at(number)
    if responder is None or not line.validate_signature:
        return None
    reply = parse_reply(body)
    if reply is None:
        newest = _newest(tx, responder, now) if _MEANT.fullmatch(body) else None
        return None if newest is None else Heard(responder, None, (newest,))
    if reply.number is None:
        newest = _newest(tx, responder, now)
        if newest is None:
            return None  # nobody asked them anything lately: an ordinary text
        return Heard(responder, reply, _every(tx, responder, reply, newest))
    named = tx.alerts.by_number(reply.number)
    if named is None or not _was_told(tx, named, responder):
        return Heard(responder, reply, ())
    return Heard(responder, reply, _every(tx, responder, reply, named))


def obey(
    kit: Equipment, tx: Tx, line: Line, message: Message, said: Heard, now: datetime
) -> list[Proposal]:
    """Do it, and answer what to text for it."""
    responder, reply = said.responder, said.reply
    if not is_verified(kit, tx, responder):
        text = (
            f"This number is not verified as {responder.label or responder.name}'s, so its answers "
            f"do not count yet. An operator runs: ringfence oncall verify {responder.name}"
        )
        return [_answer(line, message, text)]
    if reply is None:
        number = said.alerts[0].number
        text = (
            f"Not understood. Reply {number}a to take #{number}, {number}e to pass it on, {number}r "
            "when it is over."
        )
        return [_answer(line, message, text)]
    if not said.alerts:
        return [_answer(line, message, f"You were told of no alert #{reply.number}.")]
    actor = f"responder:{responder.name}"
    as_of = message.created_at
    done = [do(kit, tx, one, reply.verb, responder.name, as_of, now, actor) for one in said.alerts]
    if any(one.answer in (Answer.TAKEN, Answer.PARTLY) for one in done):
        tx.people.set_passive_replies([(message.number, 0)])
    return [_answer(line, message, words(kit, responder, reply.verb, done))]


def is_verified(kit: Equipment, tx: Tx, responder: Responder) -> bool:
    """A number counts when its person gave the code that was texted to it; an owner's is one an
    operator trusts with more than that."""
    if not kit.operations.require_verified:
        return True
    if any(responder.number in line.owners for line in kit.lines.values()):
        return True
    return responder.number in tx.duty.verified([responder.number])


def responder_named(kit: Equipment, name: str) -> Responder:
    """Raises NotFound."""
    found = kit.operations.responders.get(name)
    if found is None:
        known = ", ".join(sorted(kit.operations.responders)) or "none is configured"
        raise NotFound(f"No responder is called {name[:64]!r}. Known: {known}.")
    return found


def do(
    kit: Equipment,
    tx: Tx,
    alert: Alert,
    verb: ReplyVerb,
    responder: str,
    as_of: datetime,
    now: datetime,
    actor: str,
) -> Answered:
    """What a responder said, in a text or on the page of a link. Done to the alert as it is now: what
    was said in the same transaction before has been done."""
    alert = tx.alerts.get(alert.id) or alert
    match verb:
        case ReplyVerb.ACKNOWLEDGE:
            return alerts.acknowledge(kit, tx, alert, responder, as_of, now, actor)
        case ReplyVerb.RESOLVE:
            return alerts.resolve(kit, tx, alert, actor, now)
        case ReplyVerb.ESCALATE:
            asked = _asked_at(tx, alert, responder, as_of)
            return alerts.escalate(kit, tx, alert, asked, now, actor)
        case _:
            assert_never(verb)


def _asked_at(tx: Tx, alert: Alert, responder: str, as_of: datetime) -> datetime:
    """To pass it on answers the last page they got: pressed twice, or after the step moved on by
    itself, it happens once (facts 3.1). Who has it passes it on as of now."""
    if alert.acknowledged_by == responder:
        return as_of
    told = [
        one.told_at
        for one in tx.alerts.notices_of(alert.id)
        if one.responder == responder and one.kind is NoticeKind.ALERT and one.told_at is not None
    ]
    return min(as_of, max(told, default=as_of))


def _newest(tx: Tx, responder: Responder, now: datetime) -> Alert | None:
    """The newest they were told of that is open; of none open, the newest."""
    ids = tx.alerts.told(responder.name, _LOOKED_AT)
    found = tx.alerts.many(ids)
    known = [found[id_] for id_ in ids if id_ in found]
    lately = [one for one in known if _asked_lately(tx, one, responder, now)]
    return next((one for one in lately if one.state in OPEN), lately[0] if lately else None)


def _asked_lately(tx: Tx, alert: Alert, responder: Responder, now: datetime) -> bool:
    """By their page, not by the event: who is asked for days, or late, answers the last page."""
    return any(
        one.responder == responder.name
        and one.kind is NoticeKind.ALERT
        and one.told_at is not None
        and one.told_at > now - BARE_WITHIN
        for one in tx.alerts.notices_of(alert.id)
    )


def _was_told(tx: Tx, alert: Alert, responder: Responder) -> bool:
    return any(
        one.responder == responder.name
        and one.kind is NoticeKind.ALERT
        and one.state is NoticeState.TOLD
        for one in tx.alerts.notices_of(alert.id)
    )


def _every(tx: Tx, responder: Responder, reply: Reply, named: Alert) -> tuple[Alert, ...]:
    """With "aa", all open ones of the same flow and service, and what the same text told of."""
    if not reply.every:
        return (named,)
    texts = {
        one.message_id
        for one in tx.alerts.notices_of(named.id)
        if one.responder == responder.name and one.message_id
    }
    beside = tx.alerts.many({id_ for text in sorted(texts) for id_ in tx.alerts.of_message(text)})
    meant = {one.id: one for one in tx.alerts.open_of(named.flow, named.service)}
    meant |= {one.id: one for one in beside.values() if one.state in OPEN}
    found = sorted(meant.values(), key=lambda one: one.number)
    return tuple(found[:EVERY_MAX]) or (named,)


def _answer(line: Line, message: Message, text: str) -> Proposal:
    return Proposal(
        line,
        message.number,
        text,
        Act.REPLY,
        "system",
        MessageClass.ALERT_ANSWER,
        in_reply_to=message.id,
    )


# -- what they read --------------------------------------------------------------------------------


def words(kit: Equipment, responder: Responder, verb: ReplyVerb, done: Sequence[Answered]) -> str:
    """What became of it, for them; `done` is not empty."""
    if len(done) == 1:
        return _one(kit, responder, verb, done[0])
    taken = [one for one in done if one.answer in (Answer.TAKEN, Answer.PARTLY)]
    services = {one.alert.service for one in done}
    service = done[0].alert.service if len(services) == 1 else f"{len(services)} services"
    what = {
        ReplyVerb.ACKNOWLEDGE: "are yours",
        ReplyVerb.RESOLVE: "are resolved",
        ReplyVerb.ESCALATE: "are passed on",
    }[verb]
    rest = len(done) - len(taken)
    more = f"; {rest} were somebody's or over already" if rest else ""
    return f"{len(taken)} alerts of {service} {what}{more}."


def _one(kit: Equipment, responder: Responder, verb: ReplyVerb, done: Answered) -> str:
    alert = done.alert
    name = f"#{alert.number}"
    match done.answer:
        case Answer.TAKEN:
            return {
                ReplyVerb.ACKNOWLEDGE: f"{name} is yours.",
                ReplyVerb.RESOLVE: f"{name} is resolved.",
                ReplyVerb.ESCALATE: f"{name} is passed on; others are being told.",
            }[verb]
        case Answer.PARTLY:
            others = ", ".join(called(kit, one) for one in done.missing)
            return f"{name}: noted. It still waits for {others}."
        case Answer.ALREADY if verb is ReplyVerb.RESOLVE:
            return f"{name} is over already (by {called(kit, alert.resolved_by)})."
        case Answer.ALREADY if alert.acknowledged_by == responder.name:
            return f"{name} is yours already."
        case Answer.ALREADY if alert.acknowledged_by:
            return f"{name} is with {called(kit, alert.acknowledged_by)} already."
        case Answer.ALREADY:
            return f"{name}: noted already; it waits for others."
        case Answer.OVER:
            return f"{name} is over already (by {called(kit, alert.resolved_by)})."
        case Answer.STALE:
            return f"{name} changed hands after you wrote; text again if you mean it."
        case Answer.NOBODY_LEFT:
            return f"{name}: nobody is left to ask. It stays open."
        case _:
            assert_never(done.answer)


def called(kit: Equipment, by: str) -> str:
    """How people are told of somebody who acted: never by a number."""
    name = by.removeprefix("responder:")
    responder = kit.operations.responders.get(name)
    if responder is not None:
        return responder.label or responder.name
    kind, _, rest = by.partition(":")
    return {"event": f"the source {rest}", "operator": f"operator {rest}"}.get(kind, by or "nobody")
