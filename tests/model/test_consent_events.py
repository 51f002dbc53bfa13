"""What events of consent come to: the same in whatever order they were learned, and in doubt
nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.model.consent import (
    NOTHING,
    ConsentEvent,
    ConsentKind,
    Level,
    Method,
    Standing,
    after,
    opt_out_source,
    standing_of,
)
from ringfence.model.phone import PhoneNumber

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
ANN = PhoneNumber("+15555550101")
_ids = itertools.count()


def at(day: float) -> datetime:
    return NOW + timedelta(days=day)


def event(kind: ConsentKind = ConsentKind.GRANTED, **given: Any) -> ConsentEvent:
    made = ConsentEvent(
        id=f"cns_{next(_ids):04d}",
        number=ANN,
        programme="orders",
        kind=kind,
        level=Level.TRANSACTIONAL,
        method=Method.WEB_FORM,
        actor="operator:t",
        at=NOW,
        recorded_at=NOW,
    )
    return replace(made, **given)


def stands(events: Iterable[ConsentEvent], programme: str = "orders") -> Standing:
    known: dict[Any, Any] = {}
    for one in events:
        known = after(known, one)
    return standing_of((key[1], held) for key, held in known.items() if key[0] == programme)


def test_a_level_includes_the_ones_before_it_and_no_other_programme() -> None:
    agreed = stands([event()])
    assert [agreed.allows(level, NOW) for level in Level] == [True, True, False]
    assert stands([event()], "offers") == NOTHING
    assert not NOTHING.allows(Level.CONVERSATIONAL, NOW)


def test_a_grant_ends_at_its_time_and_is_renewed_by_the_newer_one() -> None:
    short = event(expires_at=at(10))
    assert stands([short]).allows(Level.TRANSACTIONAL, at(9))
    assert not stands([short]).allows(Level.TRANSACTIONAL, at(10))
    again = event(at=at(5), expires_at=at(100))
    assert stands([short, again]).allows(Level.TRANSACTIONAL, at(50))
    assert stands([again, short]).allows(Level.TRANSACTIONAL, at(50))


def test_taking_back_a_level_takes_back_what_includes_it() -> None:
    written = event(level=Level.MARKETING)
    back = event(ConsentKind.REVOKED, level=Level.MARKETING, at=at(1))
    both = [event(), written, back]
    assert [stands(both).allows(level, at(2)) for level in Level] == [True, True, False]
    back = event(ConsentKind.REVOKED, level=Level.CONVERSATIONAL, at=at(1))
    assert not stands([event(), written, back]).until


@pytest.mark.proves("C5")
def test_a_stop_withdraws_a_written_agreement_and_start_does_not_bring_it_back() -> None:
    written = event(level=Level.MARKETING)
    stop = event(ConsentKind.OPT_OUT, method=Method.KEYWORD, programme="", at=at(1))
    start = event(ConsentKind.OPT_IN, method=Method.KEYWORD, programme="", at=at(2))
    told = stands([event(), written, stop, start])
    assert told.allows(Level.TRANSACTIONAL, at(3))
    assert not told.allows(Level.MARKETING, at(3))
    # A paper that was signed before the STOP and found in a drawer afterwards changes nothing.
    late = event(level=Level.MARKETING, at=at(0.5), programme="drawer")
    assert not stands([stop, start, late], "drawer").until
    # An operator's do-not-contact is not the person's word: lifted, it leaves all as it was.
    entered = replace(stop, method=Method.OPERATOR)
    assert stands([written, entered]).allows(Level.MARKETING, at(3))


kinds = st.sampled_from(list(ConsentKind))
some_events = st.lists(
    st.builds(
        lambda kind, level, programme, method, day, until: event(
            kind,
            level=level,
            programme=programme if kind in (ConsentKind.GRANTED, ConsentKind.REVOKED) else "",
            method=method,
            at=at(day),
            expires_at=None if until is None else at(until),
        ),
        kinds,
        st.sampled_from(list(Level)),
        st.sampled_from(["orders", "offers"]),
        st.sampled_from([Method.KEYWORD, Method.OPERATOR, Method.WEB_FORM]),
        st.integers(0, 6),
        st.none() | st.integers(0, 9),
    ),
    max_size=7,
)


@given(some_events, st.randoms(use_true_random=False))
def test_the_order_in_which_events_are_learned_does_not_matter(
    events: list[ConsentEvent], chance: Any
) -> None:
    shuffled = list(events)
    chance.shuffle(shuffled)
    for programme in ("orders", "offers"):
        assert stands(events, programme) == stands(shuffled, programme)


@given(some_events, st.sampled_from(list(Level)), st.integers(0, 9))
def test_taking_everything_back_leaves_nothing(
    events: list[ConsentEvent], level: Level, day: int
) -> None:
    last = event(ConsentKind.REVOKED, programme="", level=Level.CONVERSATIONAL, at=at(9))
    assert not stands([*events, last]).until
    assert not stands([last, *events]).until


def test_who_lifts_an_opt_out() -> None:
    stop = event(ConsentKind.OPT_OUT, method=Method.KEYWORD, seq=1)
    entered = event(ConsentKind.OPT_OUT, method=Method.OPERATOR, seq=2)
    lifted = event(ConsentKind.OPT_IN, method=Method.OPERATOR, seq=3)
    start = event(ConsentKind.OPT_IN, method=Method.KEYWORD, seq=4)
    assert opt_out_source([]) == ""
    assert opt_out_source([stop]) == "keyword"
    assert opt_out_source([stop, entered]) == "operator"
    # What the operator lifts is the operator's own: the person's STOP is still there.
    assert opt_out_source([stop, entered, lifted]) == "keyword"
    assert opt_out_source([stop, entered, lifted, start]) == ""
    # START lifts nothing an operator entered, whatever it was entered from.
    by_paper = event(ConsentKind.OPT_OUT, method=Method.PAPER, seq=5)
    assert opt_out_source([stop, start, by_paper]) == "operator"
