"""Calls for store tests: everything has a default."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from store_rows import ANN, BOB, NOW, later

from ringfence.model.call import (
    Call,
    CallMode,
    CallState,
    CallTurn,
    CallTurnState,
    Leg,
    LegRole,
    Speaker,
    Words,
)
from ringfence.model.message import Direction

OVER = CallState.ENDED


def leg(provider_id: str = "", **given: Any) -> Leg:
    return replace(Leg(ANN, LegRole.PERSON, CallState.RINGING, provider_id, NOW), **given)


def owner_leg(provider_id: str = "", **given: Any) -> Leg:
    return leg(provider_id, **({"number": BOB, "role": LegRole.OWNER} | given))


def call(id_: str = "cal_1", **given: Any) -> Call:
    return replace(
        Call(
            id_,
            "default",
            Direction.OUT,
            CallMode.NOTIFY,
            "ctc_ann",
            leg(),
            timedelta(minutes=10),
            NOW,
            NOW,
        ),
        **given,
    )


def words(of: str = "cal_1", text: str = "hello", **given: Any) -> Words:
    return replace(Words(of, 0, Speaker.PERSON, text, NOW), **given)


def call_turn(id_: str = "trn_1", of: str = "cal_1", n: int = 1, **given: Any) -> CallTurn:
    return replace(
        CallTurn(id_, of, n, CallTurnState.ASKED, NOW, later(seconds=30)),
        **given,
    )
