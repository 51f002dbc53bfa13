"""A call's life cycle holds as a table: forward only, into one end, whatever order reports come in."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from ringfence.model.call import (
    CALL_ENDS,
    CALL_TRANSITIONS,
    Answerer,
    Call,
    CallMode,
    CallProgress,
    CallState,
    IncomingCall,
    Leg,
    LegRole,
    RecordingReport,
    RecordingState,
    WhatNext,
    after,
)
from ringfence.model.instruction import DialNumber, Listen, OpenStream, Play, Say, SendDigits
from ringfence.model.message import Direction
from ringfence.model.phone import PhoneNumber

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
NUMBER = "+15555550111"
STATES = sorted(CallState, key=lambda state: state.value)
ENDS = {
    CallState.ENDED,
    CallState.BUSY,
    CallState.NO_ANSWER,
    CallState.FAILED,
    CallState.CANCELLED,
}
LEG = Leg(PhoneNumber(NUMBER), LegRole.PERSON, CallState.ANSWERED, "CA1", NOW, NOW)
CALL = Call(
    id="call_1",
    line="front",
    direction=Direction.OUT,
    mode=CallMode.NOTIFY,
    contact_id="con_1",
    person=LEG,
    time_limit=timedelta(minutes=5),
    created_at=NOW,
    updated_at=NOW,
)


def test_the_table_is_whole_and_has_five_ends() -> None:
    assert set(CALL_TRANSITIONS) == set(CallState)
    assert CALL_ENDS == ENDS


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.value)
def test_no_report_leads_back_or_out_of_an_end(state: CallState) -> None:
    order = [CallState.OFFERED, CallState.RINGING, CallState.ANSWERED]
    for reported in STATES:
        reached = after(state, reported)
        assert reached in (state, reported)
        if state in ENDS:
            assert reached is state
        elif reached not in ENDS:
            assert order.index(reached) >= order.index(state)
        assert after(reached, reported) is reached, "a repeated report changes nothing"


def test_every_order_of_a_calls_reports_ends_it() -> None:
    reports = (CallState.OFFERED, CallState.RINGING, CallState.ANSWERED, CallState.ENDED)
    for order in permutations(reports):
        state = CallState.OFFERED
        for reported in order:
            state = after(state, reported)
        assert state is CallState.ENDED, order


def test_who_answered_was_not_busy() -> None:
    for late in (CallState.BUSY, CallState.NO_ANSWER, CallState.CANCELLED):
        assert after(CallState.ANSWERED, late) is CallState.ANSWERED


def test_only_what_is_a_machine_counts_as_one() -> None:
    assert {who for who in Answerer if who.is_machine} == {
        Answerer.MACHINE,
        Answerer.MACHINE_READY,
        Answerer.FAX,
    }


def test_a_call_lasts_from_its_answer_and_is_over_with_its_last_leg() -> None:
    ended = replace(LEG, state=CallState.ENDED, ended_at=NOW + timedelta(seconds=90))
    assert ended.lasted == timedelta(seconds=90)
    assert replace(ended, answered_at=None).lasted == timedelta(0)
    assert LEG.lasted == timedelta(0)
    assert CALL.state is CallState.ANSWERED
    assert not CALL.is_over
    over = replace(CALL, person=ended)
    assert over.is_over
    joined = replace(over, joined=(replace(LEG, role=LegRole.OWNER),))
    assert not joined.is_over, "the owner still talks"


@pytest.mark.proves("P9")
@pytest.mark.parametrize(
    "value",
    [
        CALL,
        LEG,
        IncomingCall("CA1", "AC1", NUMBER, NUMBER, forwarded_from=NUMBER),
        WhatNext("CA1", "AC1", "call_1", CallState.ANSWERED, digits="5555550111", speech=NUMBER),
        CallProgress("CA1", "AC1", "call_1", CallState.BUSY, "busy"),
        RecordingReport("CA1", "AC1", "c", RecordingState.COMPLETED, url=NUMBER, digits=NUMBER),
        Say(NUMBER),
        Play(f"https://example.com/{NUMBER}"),
        SendDigits(NUMBER),
        Listen("t", (Say(NUMBER),)),
        DialNumber("t", NUMBER, NUMBER, digits=NUMBER),
        OpenStream("t", f"wss://example.com/{NUMBER}", parameters=(("who", NUMBER),)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_people_said_and_their_numbers_do_not_print(value: Any) -> None:
    assert "5555550111" not in f"{value} {value!r}"
    with pytest.raises(FrozenInstanceError):
        setattr(value, next(iter(value.__slots__)), "")
