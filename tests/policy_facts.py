"""Facts for rule tests: a guest on a pairing hotline whom an agent answers, unless told otherwise."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ringfence.model.contact import Role
from ringfence.model.line import AccessPolicy, Purpose
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act
from ringfence.policy.facts import Facts, Initiator

NOW = datetime(2026, 3, 2, 17, 0, 30, tzinfo=UTC)


def facts(**changes: Any) -> Facts:
    values: dict[str, Any] = {
        "act": Act.REPLY,
        "now": NOW,
        "line": "default",
        "contact_id": "ctc_1",
        "purpose": Purpose.HOTLINE,
        "access": AccessPolicy.PAIRING,
        "role": Role.GUEST,
        "initiator": Initiator.AGENT,
        "message_class": MessageClass.FREE_TEXT,
    }
    return Facts(**(values | changes))
