"""Tokens of media sockets: one call, one use, seconds; and the places there are."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from ringfence.gateway import stream_tokens
from ringfence.gateway.stream_tokens import StreamPlaces, StreamTokens
from ringfence.model.errors import TooMany

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def tokens() -> StreamTokens:
    count = itertools.count()
    return StreamTokens(lambda size: f"token-{next(count):037d}")


@pytest.mark.proves("B143")
def test_a_token_opens_its_call_once() -> None:
    desk = tokens()
    token = desk.issue("cal_1", NOW)
    assert desk.look(token, NOW) == "cal_1"
    assert desk.claim(token, NOW) == "cal_1"
    assert desk.claim(token, NOW) is None
    assert desk.look(token, NOW) is None


@pytest.mark.proves("B143")
@pytest.mark.parametrize("wrong", ["", "token", "x" * 43, "x" * 500, "tökén" * 9, "a/b" * 13])
def test_another_token_opens_nothing(wrong: str) -> None:
    desk = tokens()
    desk.issue("cal_1", NOW)
    assert desk.claim(wrong, NOW) is None


@pytest.mark.proves("B143")
def test_an_unused_token_is_over_after_30_s_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = tokens()
    token = desk.issue("cal_1", NOW)
    assert desk.look(token, NOW + timedelta(seconds=29)) == "cal_1"
    later = NOW + timedelta(seconds=30)
    assert desk.claim(token, later) is None
    assert [record.call_id for record in caplog.records] == ["cal_1"]  # type: ignore[attr-defined]
    assert token not in caplog.text
    assert desk.expire(later) == [], "told once"


def test_a_used_token_warns_nobody(caplog: pytest.LogCaptureFixture) -> None:
    desk = tokens()
    desk.claim(desk.issue("cal_1", NOW), NOW)
    assert desk.expire(NOW + timedelta(minutes=1)) == []
    assert not caplog.records


def test_a_call_has_one_token_at_a_time() -> None:
    desk = tokens()
    first, second = desk.issue("cal_1", NOW), desk.issue("cal_1", NOW)
    assert desk.claim(first, NOW) is None
    assert desk.claim(second, NOW) == "cal_1"


def test_a_withdrawn_token_opens_nothing() -> None:
    desk = tokens()
    token = desk.issue("cal_1", NOW)
    desk.withdraw("cal_1")
    assert desk.claim(token, NOW) is None


def test_tokens_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_tokens, "TOKENS_MAX", 2)
    desk = tokens()
    desk.issue("cal_1", NOW)
    desk.issue("cal_2", NOW)
    with pytest.raises(TooMany):
        desk.issue("cal_3", NOW)
    desk.issue("cal_3", NOW + timedelta(seconds=31))


@pytest.mark.proves("B143")
def test_places_are_bounded_by_address_unstarted_and_in_all() -> None:
    places = StreamPlaces(pending_max=3, pending_per_address_max=2, sockets_max=4)
    first, second = places.enter("192.0.2.1"), places.enter("192.0.2.1")
    with pytest.raises(TooMany, match="2 sockets of one address"):
        places.enter("192.0.2.1")
    places.enter("192.0.2.2")
    with pytest.raises(TooMany, match="3 media sockets have not started"):
        places.enter("192.0.2.3")
    first.started()
    first.started()
    places.enter("192.0.2.3")
    second.started()
    with pytest.raises(TooMany, match="4 media sockets are open"):
        places.enter("192.0.2.4")
    first.leave()
    first.leave()
    assert places.open == 3
    places.enter("192.0.2.4")
