"""Rows of the operations channel for store tests: everything has a default."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from store_rows import ANN, NOW, later

from ringfence.model.alert import Alert, AlertState, Notice, NoticeKind
from ringfence.model.event import Severity
from ringfence.model.oncall import Channel
from ringfence.model.planned import Planned, PlannedState
from ringfence.model.ticket import TaskState, Ticket, TicketAction, TicketState, TicketTask
from ringfence.ports import NoticeEnd, StoredEvent


def event(id_: str = "evt_1", name: str = "one", **given: Any) -> StoredEvent:
    return replace(
        StoredEvent(
            id_, "prometheus", name, "alert.firing", "error", "trigger", NOW, later(seconds=1)
        ),
        **given,
    )


def alert(number: int = 1, **given: Any) -> Alert:
    return replace(
        Alert(
            id=f"alr_{number}",
            number=number,
            flow="incident",
            source="prometheus",
            title="The disk is full",
            severity=Severity.ERROR,
            state=AlertState.TRIGGERED,
            opened_at=NOW,
            triggered_at=NOW,
            policy="ops",
            dedupe_key=f"key-{number}",
            service="disk",
            next_at=later(minutes=5),
            line="default",
        ),
        **given,
    )


def notice(of: str = "alr_1", responder: str = "ann", **given: Any) -> Notice:
    return replace(
        Notice(of, NoticeKind.ALERT, responder, Channel.SMS, NOW, 1, "first", 0, service="disk"),
        **given,
    )


def ended(of: Notice, state: Any, message_id: str = "", **given: Any) -> NoticeEnd:
    return replace(NoticeEnd(of, state, message_id, NOW), **given)


def planned(id_: str = "pln_1", **given: Any) -> Planned:
    return replace(
        Planned(
            id_,
            "reminder",
            "shop",
            "evt_1",
            "default",
            ANN,
            "reminder",
            "en",
            PlannedState.WAITING,
            NOW,
            NOW,
            key="visit-1",
            values={"name": "Ann"},
        ),
        **given,
    )


def ticket(id_: str = "tkt_1", of: str = "alr_1", **given: Any) -> Ticket:
    return replace(
        Ticket(id_, of, "board", TicketState.OPEN, "The disk is full", NOW, NOW), **given
    )


def task(id_: str = "tsk_1", of: str = "tkt_1", **given: Any) -> TicketTask:
    return replace(TicketTask(id_, of, TicketAction.OPEN, TaskState.DUE, NOW, NOW), **given)
