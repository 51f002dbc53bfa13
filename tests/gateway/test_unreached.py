"""A round in which nothing left is no round: whoever is still owed a page says nothing of the others."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ringfence.gateway import unreached
from ringfence.model.alert import Alert, AlertState, Notice, NoticeKind, NoticeState
from ringfence.model.event import Severity
from ringfence.model.message import MessageStatus
from ringfence.model.oncall import Channel
from ringfence.ports import Tx

NOW = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
ALERT = Alert(
    id="alr_1",
    number=1,
    flow="incident",
    source="generic",
    title="The disk is full",
    severity=Severity.ERROR,
    state=AlertState.TRIGGERED,
    opened_at=NOW,
    triggered_at=NOW,
    policy="ops",
    dedupe_key="disk",
    service="disk",
    line="default",
    round=1,
)


def looked(notices: list[Notice], **statuses: MessageStatus) -> str:
    texts = {
        key: SimpleNamespace(status=status, provider_id="", reason="")
        for key, status in statuses.items()
    }
    tx = SimpleNamespace(
        alerts=SimpleNamespace(notices_of=lambda alert_id: notices),
        messages=SimpleNamespace(many=lambda keys: {k: texts[k] for k in keys if k in texts}),
    )
    return unreached._round_left(cast(Tx, cast(Any, tx)), ALERT).value


def told(responder: str, message_id: str, state: NoticeState = NoticeState.TOLD) -> Notice:
    return Notice(
        "alr_1",
        NoticeKind.ALERT,
        responder,
        Channel.SMS,
        NOW,
        1,
        "first",
        0,
        state=state,
        message_id=message_id,
    )


@pytest.mark.proves("P6")
def test_a_page_still_owed_to_who_answered_does_not_end_a_round() -> None:
    waiting = [told("ann", "m1"), told("ben", "m2")]
    owed = told("cara", "", NoticeState.OWED)
    queued = {"m1": MessageStatus.QUEUED, "m2": MessageStatus.EXPIRED}
    assert looked(waiting, **queued) == "maybe"
    assert looked([*waiting, owed], **queued) == "maybe"
    lost = dict.fromkeys(queued, MessageStatus.EXPIRED)
    assert looked([*waiting, owed], **lost) == "never"


def test_a_page_that_was_refused_did_ask_in_vain() -> None:
    refused = told("ben", "", NoticeState.FAILED)
    assert looked([told("ann", "m1"), refused], m1=MessageStatus.QUEUED) == "yes"
    assert looked([told("ann", "m1")], m1=MessageStatus.DELIVERED) == "yes"
