"""What Ringfence does and answers to a keyword: STOP, START, HELP (P3). One opt-out, one confirmation;
what the provider answers, we do not answer too."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from ringfence.gateway.arrival import Admission
from ringfence.gateway.cancel import cancel_person
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.evidence import Statement, opted_in, opted_out
from ringfence.gateway.notices import owner_notices
from ringfence.gateway.proposal import Proposal
from ringfence.model.consent import ConsentKind, Method
from ringfence.model.line import OptOutReplies
from ringfence.model.message import (
    MessageClass,
)
from ringfence.model.verdict import Act
from ringfence.ports import Tx
from ringfence.text.keywords import KeywordKind


def act(kit: Equipment, tx: Tx, arrival: Admission, now: datetime) -> list[Proposal]:
    match arrival.keyword.kind:
        case KeywordKind.OPT_OUT:
            return _opt_out(kit, tx, arrival, now)
        case KeywordKind.OPT_IN:
            return _opt_in(kit, tx, arrival, now)
        case KeywordKind.HELP:
            return _help(arrival)
        case KeywordKind.SUSPECTED | KeywordKind.NONE:
            return []
        case _:
            assert_never(arrival.keyword.kind)


def _opt_out(kit: Equipment, tx: Tx, arrival: Admission, now: datetime) -> list[Proposal]:
    number = arrival.message.number
    person = tx.people.find([number])[number]
    event = opted_out(kit, tx, _said(arrival, ConsentKind.OPT_OUT), "person", now)
    if event is None or person.opt_out_source:
        return []  # one opt-out, one confirmation
    body = {"line": arrival.line.id, "source": "keyword", "word": arrival.keyword.word}
    tx.audit.append([kit.audit("opt_out", arrival.message.id, "person", now, body)])
    cancel_person(kit, tx, number, "opted_out", "person", now)
    told = _on_call(kit, tx, arrival, now)
    text = (
        f"{arrival.line.label}: you are unsubscribed and will get no more messages. "
        "Reply START to subscribe again."
    )
    return [*_ours(arrival, text, MessageClass.OPT_OUT_CONFIRMATION), *told]


def _on_call(kit: Equipment, tx: Tx, arrival: Admission, now: datetime) -> list[Proposal]:
    """Somebody on call who stopped cannot be paged any more: the owners hear it now, and not in the
    middle of an incident."""
    responder = kit.operations.responder_at(arrival.message.number)
    if responder is None:
        return []
    text = (
        f"{responder.label or responder.name} texted STOP and cannot be paged any more, on any line, "
        "until they text START. Alerts go past them."
    )
    return owner_notices(tx, arrival.line, text, now)


def _opt_in(kit: Equipment, tx: Tx, arrival: Admission, now: datetime) -> list[Proposal]:
    opted_in(kit, tx, _said(arrival, ConsentKind.OPT_IN), "person", now)
    body = {"line": arrival.line.id, "source": "keyword", "word": arrival.keyword.word}
    tx.audit.append([kit.audit("opt_in", arrival.message.id, "person", now, body)])
    text = f"{arrival.line.label}: you are subscribed again. Reply STOP to unsubscribe."
    return _ours(arrival, text, MessageClass.OPT_IN_CONFIRMATION)


def _help(arrival: Admission) -> list[Proposal]:
    text = arrival.line.help_text or (
        f"{arrival.line.label}: automated line. Reply STOP to unsubscribe."
    )
    return _ours(arrival, text, MessageClass.HELP)


def _ours(arrival: Admission, text: str, message_class: MessageClass) -> list[Proposal]:
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


def _said(arrival: Admission, kind: ConsentKind) -> Statement:
    """A keyword as the ledger of consent has it."""
    return Statement(arrival.message.number, kind, Method.KEYWORD, evidence=arrival.message.id)
