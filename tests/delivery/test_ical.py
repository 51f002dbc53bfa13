"""Calendars out and in: what was written reads the same, by our clocks, and nothing runs away."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.delivery.ical import (
    BYTES_MAX,
    DUTIES_MAX,
    EVENTS_MAX,
    Calendar,
    read_calendar,
    write_feed,
)
from ringfence.delivery.oncall import duties, on_call
from ringfence.model.errors import InvalidField
from ringfence.model.oncall import (
    Duty,
    Override,
    OverrideKind,
    Roster,
    Rotation,
    RotationKind,
    Schedule,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
UNTIL = NOW + timedelta(days=90)
BERLIN = "Europe/Berlin"
NAMES = {"ada": "Ada Byron", "ben": "Ben", "cleo": "Cleo"}
CALLED = {title: responder for responder, title in NAMES.items()} | {"ada@example.org": "ada"}
WEEKLY = Rotation("w", ("ada", "ben", "cleo"), RotationKind.WEEKLY, date(2026, 1, 5), time(9))
OPS = Schedule("Operations", BERLIN, (WEEKLY,))


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def calendar(*events: str, head: str = "") -> bytes:
    blocks = "".join(f"BEGIN:VEVENT\n{event.strip()}\nEND:VEVENT\n" for event in events)
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:test\n{head}{blocks}END:VCALENDAR\n"
    return text.replace("\n", "\r\n").encode()


def read(*events: str, since: datetime = NOW, until: datetime = UNTIL, head: str = "") -> Calendar:
    return read_calendar(calendar(*events, head=head), BERLIN, CALLED, since, until)


def ones(*events: str, **options: datetime) -> list[tuple[str, str, str]]:
    """The duties read, in short; there must be no problems."""
    found = read(*events, **options)  # type: ignore[arg-type]
    assert found.problems == ()
    return [
        (one.responder, f"{one.begins:%m-%d %H:%M}", f"{one.ends:%m-%d %H:%M}")
        for one in found.duties
    ]


def test_a_feed_says_what_calendars_read() -> None:
    feed = write_feed(OPS, NOW, UNTIL, NOW, NAMES)
    parsed = icalendar.Calendar.from_ical(feed)
    assert isinstance(parsed, icalendar.Calendar)
    assert parsed["X-WR-CALNAME"] == "Operations"
    first = parsed.events[0]
    # Begun before the feed: told with its true beginning, in UTC.
    assert first.start == utc(2026, 2, 23, 8)
    assert first.end == utc(2026, 3, 2, 8)
    assert first["SUMMARY"] == "Ben"
    assert all({"UID", "DTSTAMP", "DTSTART", "DTEND"} <= set(event) for event in parsed.events)
    assert all(len(line) <= 75 for line in feed.split(b"\r\n"))


def test_a_feed_read_again_is_the_same_schedule() -> None:
    feed = write_feed(OPS, NOW, UNTIL, NOW, NAMES)
    found = read_calendar(feed, BERLIN, CALLED, NOW, UNTIL)
    assert found.problems == ()
    roster = Schedule("again", BERLIN, (Roster("feed", found.duties),))
    assert duties(roster, NOW, UNTIL) == duties(OPS, NOW, UNTIL)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 300), st.integers(1, 120), st.booleans())
def test_the_same_duty_has_the_same_uid_in_every_feed(later: int, days: int, alone: bool) -> None:
    people = ("ada",) if alone else ("ada", "ben")
    turns = Rotation("w", people, RotationKind.WEEKLY, date(2026, 1, 5), time(9), every=5)
    ops = Schedule("x", BERLIN, (turns,))

    def told(since: datetime) -> dict[str, str]:
        feed = write_feed(ops, since, since + timedelta(days=200), since, NAMES)
        parsed = icalendar.Calendar.from_ical(feed)
        assert isinstance(parsed, icalendar.Calendar)
        return {str(event.start): str(event["UID"]) for event in parsed.events}

    one, other = told(NOW + timedelta(days=later)), told(NOW + timedelta(days=later + days))
    both = set(one) & set(other)
    assert {one[start] for start in both} == {other[start] for start in both}
    assert {start for start in one if start >= min(other)} <= set(other) | {max(one)}
    assert len(set(one.values())) == len(one)


def test_ones_own_feed_and_the_gaps() -> None:
    ends = Rotation(
        "w", ("ada", "ben"), RotationKind.WEEKLY, date(2026, 1, 5), ends_on=date(2026, 3, 16)
    )
    ops = Schedule("x", BERLIN, (ends,))
    mine = write_feed(ops, NOW, UNTIL, NOW, NAMES, only="ada")
    assert b"SUMMARY:Ada Byron" in mine
    assert b"Ben" not in mine
    shown = write_feed(ops, NOW, UNTIL, NOW, NAMES, gap_title="Nobody is on call")
    assert shown.count(b"SUMMARY:Nobody is on call") >= 1
    assert b"SUMMARY:Ada Byron" in shown
    assert b"DTSTART:20260316T080000Z" in shown


def test_a_duty_without_an_end_is_told_in_pieces() -> None:
    alone = Rotation("w", ("ada",), RotationKind.WEEKLY, date(2026, 1, 5))
    feed = write_feed(Schedule("x", BERLIN, (alone,)), NOW, UNTIL, NOW, NAMES)
    parsed = icalendar.Calendar.from_ical(feed)
    assert isinstance(parsed, icalendar.Calendar)
    spans = [(event.start, event.end) for event in parsed.events]
    assert all(ends - begins <= timedelta(days=28) for begins, ends in spans)
    assert [ends for _, ends in spans[:-1]] == [begins for begins, _ in spans[1:]]


def test_names_are_escaped() -> None:
    feed = write_feed(OPS, NOW, UNTIL, NOW, {"ada": "Ada\r\nATTENDEE:mailto:x, y; z"})
    assert b"\nATTENDEE" not in feed


def test_times_are_by_their_zone() -> None:
    assert ones(
        "UID:1\nSUMMARY:Ben\nDTSTART:20260310T090000Z\nDTEND:20260310T100000Z",
        "UID:2\nSUMMARY:Ben\nDTSTART;TZID=America/New_York:20260310T090000\nDURATION:PT8H",
        "UID:3\nSUMMARY:Ben\nDTSTART;TZID=Pacific Standard Time:20260311T090000\nDURATION:PT8H",
        "UID:4\nSUMMARY:Ben\nDTSTART;TZID=/x.org/Europe/Paris:20260312T090000\nDURATION:PT1H",
        "UID:5\nSUMMARY:Ben\nDTSTART:20260313T090000\nDTEND:20260313T100000",
        "UID:6\nSUMMARY:Ben\nDTSTART;VALUE=DATE:20260328\nDTEND;VALUE=DATE:20260330",
        "UID:7\nSUMMARY:Ben\nDTSTART;VALUE=DATE:20260401",
    ) == [
        ("ben", "03-10 09:00", "03-10 10:00"),
        ("ben", "03-10 13:00", "03-10 21:00"),
        ("ben", "03-11 16:00", "03-12 00:00"),
        ("ben", "03-12 08:00", "03-12 09:00"),
        ("ben", "03-13 08:00", "03-13 09:00"),
        ("ben", "03-27 23:00", "03-29 22:00"),
        ("ben", "03-31 22:00", "04-01 22:00"),
    ]


def test_a_feeds_own_zone_definitions_are_not_looked_at() -> None:
    lies = """BEGIN:VTIMEZONE
TZID:America/New_York
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0000
TZOFFSETTO:+1400
END:STANDARD
END:VTIMEZONE
"""
    event = "UID:2\nSUMMARY:Ben\nDTSTART;TZID=America/New_York:20260310T090000\nDURATION:PT8H"
    assert read(event, head=lies) == read(event)
    assert read(event).duties[0].begins == utc(2026, 3, 10, 13)


def test_people_by_title_or_by_invitation() -> None:
    at = "\nDTSTART:20260310T090000Z\nDURATION:PT1H"
    found = read(
        f"UID:1\nSUMMARY:  ada   BYRON {at}",
        f"UID:2\nSUMMARY:On call: Ben{at}",
        f"UID:3\nSUMMARY:Ben\\, Cleo{at}",
        f"UID:4\nSUMMARY:Pager\nATTENDEE;CN=A:mailto:Ada@example.org{at}",
        f"UID:5\nSUMMARY:Ben and somebody{at}",
        f"UID:6\nSUMMARY:Ben\\, Zoe{at}",
        f"UID:7{at}",
    )
    assert [one.responder for one in found.duties] == ["ada", "ben", "cleo"]
    assert len(found.problems) == 3
    assert all("nobody who is known" in problem for problem in found.problems)
    assert "Zoe" not in str(found.problems)


def test_repeats_keep_the_wall_clock() -> None:
    weekly = """UID:1
SUMMARY:Ben
DTSTART;TZID=Europe/Berlin:20260105T090000
DTEND;TZID=Europe/Berlin:20260112T090000
RRULE:FREQ=WEEKLY;INTERVAL=2;UNTIL=20260413T070000Z"""
    assert ones(weekly) == [
        ("ben", "03-02 08:00", "03-09 08:00"),
        ("ben", "03-16 08:00", "03-23 08:00"),
        ("ben", "03-30 07:00", "04-06 07:00"),
        ("ben", "04-13 07:00", "04-20 07:00"),
    ]


def test_a_duty_that_began_before_the_span_is_in_it() -> None:
    event = """UID:1
SUMMARY:Ben
DTSTART:20260102T090000Z
DURATION:P20D
RRULE:FREQ=MONTHLY;COUNT=3"""
    assert ones(event, since=utc(2026, 2, 15), until=utc(2026, 2, 16)) == [
        ("ben", "02-02 09:00", "02-22 09:00")
    ]


def test_exceptions_of_a_repeat() -> None:
    daily = """UID:1
SUMMARY:Ben
DTSTART;TZID=Europe/Berlin:20260310T090000
DURATION:PT8H
RRULE:FREQ=DAILY;COUNT=4
EXDATE;TZID=Europe/Berlin:20260311T090000
RDATE;TZID=Europe/Berlin:20260320T090000"""
    swapped = """UID:1
RECURRENCE-ID;TZID=Europe/Berlin:20260312T090000
SUMMARY:Cleo
DTSTART;TZID=Europe/Berlin:20260312T100000
DURATION:PT1H"""
    called_off = """UID:1
RECURRENCE-ID:20260313T080000Z
STATUS:CANCELLED
SUMMARY:Ben
DTSTART;TZID=Europe/Berlin:20260313T090000
DURATION:PT8H"""
    assert ones(daily, swapped, called_off) == [
        ("ben", "03-10 08:00", "03-10 16:00"),
        ("cleo", "03-12 09:00", "03-12 10:00"),
        ("ben", "03-20 08:00", "03-20 16:00"),
    ]
    assert ones("STATUS:CANCELLED\n" + daily) == []


@pytest.mark.parametrize(
    "event",
    [
        "UID:1\nSUMMARY:Ben",
        "UID:1\nSUMMARY:Ben\nDTSTART:20260310T090000Z",
        "UID:1\nSUMMARY:Ben\nDTSTART:20260310T090000Z\nDTEND:20260310T080000Z",
        "UID:1\nSUMMARY:Ben\nDTSTART:rubbish\nDURATION:PT1H",
        "UID:1\nSUMMARY:Ben\nDTSTART;TZID=Mars/Olympus:20260310T090000\nDURATION:PT1H",
        "UID:1\nSUMMARY:Ben\nDTSTART:00010101T000000Z\nDURATION:PT1H",
        "UID:1\nSUMMARY:Ben\nDTSTART:99991231T235959Z\nDURATION:PT1H",
        "UID:1\nSUMMARY:Ben\nDTSTART:20260310T090000Z\nDURATION:P99999999D",
        "UID:1\nSUMMARY:Ben\nDTSTART:20260310T090000Z\nDURATION:PT1H\nRRULE:FREQ=SECONDLY",
        "UID:1\nSUMMARY:Ben\nDTSTART:20260310T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;BYHOUR=1",
        "UID:1\nSUMMARY:Ben\nDTSTART:20260310T090000Z\nDURATION:PT1H\nRRULE:rubbish",
        "UID:1\nSUMMARY:Ben\nDTSTART:20260310T090000Z\nDURATION:PT1H"
        "\nRRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY",
        "UID:1\nSUMMARY:Ben\nDTSTART:20260310T090000Z\nDURATION:PT1H"
        "\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260310T090000Z",
        "UID:1\nSUMMARY:Ben\nDTSTART:20260310T090000Z\nDURATION:PT1H"
        "\nRDATE;VALUE=PERIOD:20260311T090000Z/PT1H",
    ],
)
def test_what_cannot_be_read_is_named_and_the_rest_is_read(event: str) -> None:
    good = "UID:9\nSUMMARY:Cleo\nDTSTART:20260310T090000Z\nDURATION:PT1H"
    found = read(event, good)
    assert [one.responder for one in found.duties] == ["cleo"]
    assert len(found.problems) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\x00",
        b"<html>",
        b"BEGIN:VCALENDAR\r\n",
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\n",
        b"END:VCALENDAR\r\n",
        b"BEGIN:VEVENT\r\nEND:VEVENT\r\n",
        b"BEGIN:VCALENDAR\r\n" * 5_000,
        b"X" * (BYTES_MAX + 1),
        calendar(*["UID:1"] * (EVENTS_MAX + 1)),
    ],
)
def test_what_is_no_calendar_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidField):
        read_calendar(body, BERLIN, CALLED, NOW, UNTIL)


@pytest.mark.timeout(20)
def test_a_calendar_made_to_keep_us_busy_is_refused_soon() -> None:
    never = "UID:1\nSUMMARY:Ben\nDTSTART:19900101T000000Z\nDURATION:PT1H"
    rule = "\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=9"
    with pytest.raises(InvalidField):
        read(*[never + rule] * 200)
    many = "UID:{}\nSUMMARY:Ben\nDTSTART:20260301T0{}0000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY"
    with pytest.raises(InvalidField):
        read(*[many.format(n, n % 10) for n in range(DUTIES_MAX // 90 + 2)])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 400))
def test_any_bytes_anywhere_are_read_or_refused(noise: bytes, at: int) -> None:
    good = calendar(
        "UID:1\nSUMMARY:Ben\nDTSTART;TZID=Europe/Berlin:20260310T090000\nDURATION:PT8H\n"
        "RRULE:FREQ=DAILY;COUNT=4\nEXDATE;TZID=Europe/Berlin:20260311T090000"
    )
    for body in (noise, good[:at] + noise + good[at:], good[:at] + noise + good[at + len(noise) :]):
        try:
            read_calendar(body, BERLIN, CALLED, NOW, UNTIL)
        except InvalidField:
            pass


def test_a_calendar_is_a_layer_like_others() -> None:
    found = read("UID:1\nSUMMARY:Ben\nDTSTART:20260310T090000Z\nDURATION:PT1H")
    swap = Override(OverrideKind.REPLACE, "cleo", NOW, UNTIL, "ben")
    ops = Schedule("x", BERLIN, (Roster("calendar", found.duties),), (swap,))
    assert found.duties == (Duty("ben", utc(2026, 3, 10, 9), utc(2026, 3, 10, 10)),)
    assert on_call(ops, utc(2026, 3, 10, 9)) == ("cleo",)
