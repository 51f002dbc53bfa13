"""Facts for rule tests: an ordinary reply to a paired person, and changes to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ringfence.model.contact import Role
from ringfence.model.line import AccessPolicy, Purpose, VolumeLimits
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act
from ringfence.policy.facts import Facts, Initiator, VolumeCounts

NOW = datetime(2026, 3, 2, 17, 0, 30, tzinfo=UTC)
ORDINARY = Facts(
    act=Act.REPLY,
    now=NOW,
    line="default",
    contact_id="ctc_1",
    purpose=Purpose.HOTLINE,
    access=AccessPolicy.PAIRING,
    role=Role.GUEST,
    initiator=Initiator.AGENT,
    message_class=MessageClass.FREE_TEXT,
)


def facts(
    counts: dict[str, int] | None = None, limits: dict[str, int] | None = None, **changes: Any
) -> Facts:
    return replace(
        ORDINARY,
        counts=VolumeCounts(**(counts or {})),
        limits=VolumeLimits(**(limits or {})),
        **changes,
    )
