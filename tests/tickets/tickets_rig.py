"""Errands for tests of ticket systems, and a way to play the other side of a talk by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ringfence.model.mail import Mail, MailReply
from ringfence.model.ticket import TaskState, Ticket, TicketAction, TicketState, TicketTask
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.tickets import systems
from ringfence.tickets.base import AlertView, Answered, Errand, TicketOutcome

NOW = datetime(2026, 11, 21, 12, 5, tzinfo=UTC)
OPENED = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NUMBER = "+15555550123"
TICKET = "tkt_0199aa"
TASK = "tsk_0199bb"
URL = "https://mon.example.org/a/12"
ALERT = AlertView(12, "Disk full", "critical", "db", "incident", "triggered", OPENED, "", URL)


def errand(
    action: TicketAction = TicketAction.OPEN,
    text: str = "",
    *,
    again: bool = False,
    remote_id: str | None = None,
    **alert: Any,
) -> Errand:
    """`remote_id` is 7 for all but the opening if not given; keywords change the alert."""
    if remote_id is None:
        remote_id = "" if action is TicketAction.OPEN else "7"
    ticket = Ticket(
        TICKET, "alr_1", "board", TicketState.OPEN, "Disk full", OPENED, OPENED, remote_id
    )
    task = TicketTask(TASK, TICKET, action, TaskState.CLAIMED, OPENED, OPENED, text, 1)
    return Errand(task, ticket, replace(ALERT, **alert), NOW, again)


def answer(status: int = 200, document: Any = None, **headers: str) -> WireResponse:
    body = b"" if document is None else json.dumps(document).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return WireResponse(status, named, body)


def play(
    kind: str, settings: Any, what: Errand, answers: Sequence[Answered]
) -> tuple[list[Any], TicketOutcome | None]:
    """What was asked, and what came of it; None while it waits for one more answer."""
    talk = systems()[kind].carry_out(what, settings)
    asked: list[WireRequest | Mail] = []
    try:
        asked.append(next(talk))
        for one in answers:
            asked.append(talk.send(one))
    except StopIteration as ended:
        outcome: TicketOutcome = ended.value
        return asked, outcome
    return asked, None


def lines(request: WireRequest) -> list[str]:
    """A request, whole: method and address, headers, body."""
    headers = {**request.headers, **request.secret_headers}
    named = [f"{name}: {value}" for name, value in headers.items()]
    return [f"{request.method} {request.url}", *named, request.body.decode()]


def taken(code: int = 250) -> MailReply:
    return MailReply(code)
