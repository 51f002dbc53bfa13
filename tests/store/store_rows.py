"""Rows for store tests: everything has a default, so that a test says only what matters to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ringfence.model.audit import AuditEntry
from ringfence.model.contact import PairingRequest, PairingState, Person
from ringfence.model.message import Direction, Message, MessageClass, MessageStatus
from ringfence.model.outbox import OutboxItem, OutboxState, Turn, TurnState
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.ports import Observation, OutboxChange, TurnChange

NOW = datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=UTC)
ANN = PhoneNumber("+15555550101")
BOB = PhoneNumber("+15555550102")


def later(**delta: float) -> datetime:
    return NOW + timedelta(**delta)


def number(index: int) -> PhoneNumber:
    return PhoneNumber(f"+1555{index:07d}")


def person(of: PhoneNumber = ANN, **given: Any) -> Person:
    return replace(Person(of, f"ctc_{of.e164[1:]}"), **given)


def request(id_: str = "par_1", **given: Any) -> PairingRequest:
    return replace(
        PairingRequest(
            id_, "default", ANN, "ABCD2345", PairingState.PENDING, NOW, later(hours=1), NOW
        ),
        **given,
    )


def inbound(id_: str = "msg_in", provider_id: str = "SM1", **given: Any) -> Message:
    return replace(
        Message(
            id_,
            "default",
            Direction.IN,
            ANN,
            "ctc_ann",
            "hello",
            MessageStatus.RECEIVED,
            NOW,
            NOW,
            provider_id=provider_id,
        ),
        **given,
    )


def outbound(id_: str = "msg_out", **given: Any) -> Message:
    return replace(
        Message(
            id_, "default", Direction.OUT, ANN, "ctc_ann", "hi", MessageStatus.QUEUED, NOW, NOW
        ),
        **given,
    )


def item(id_: str = "obx_1", **given: Any) -> OutboxItem:
    return replace(
        OutboxItem(
            id_,
            f"msg_{id_}",
            "default",
            ANN,
            1,
            1,
            "hi",
            (),
            Act.REPLY,
            MessageClass.FREE_TEXT,
            "agent:default",
            OutboxState.DUE,
            NOW,
            later(hours=4),
            NOW,
        ),
        **given,
    )


def turn(id_: str = "trn_1", **given: Any) -> Turn:
    return replace(
        Turn(id_, f"msg_{id_}", "default", ANN, "ctc_ann", TurnState.OWED, NOW, NOW), **given
    )


def move(id_: str, before: OutboxState, after: OutboxState, **given: Any) -> OutboxChange:
    return OutboxChange(id_, frozenset({before}), after, **given)


def claim(id_: str, owner: str = "here", **given: Any) -> OutboxChange:
    return move(
        id_,
        OutboxState.DUE,
        OutboxState.SENDING,
        attempt=1,
        lease_owner=owner,
        lease_until=later(minutes=1),
        **given,
    )


def turn_move(id_: str, before: TurnState, after: TurnState, **given: Any) -> TurnChange:
    return TurnChange(id_, frozenset({before}), after, **given)


def observation(outbox_id: str = "obx_1", **given: Any) -> Observation:
    return replace(
        Observation(outbox_id, "SM1", "delivered", MessageStatus.DELIVERED, None, NOW), **given
    )


def entry(id_: str, subject: str = "obx_1") -> AuditEntry:
    return AuditEntry(id_, NOW, "outbox.claimed", subject, "agent:default", {"rules": ["access"]})


def ids(rows: Any) -> list[str]:
    return [row.id for row in rows]
