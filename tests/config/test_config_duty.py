"""Responders, groups, schedules with their layers, escalation policies: what becomes of them, and
what is refused or told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from ringfence.config import Settings
from ringfence.config.mask import masked
from ringfence.delivery.ical import BYTES_MAX
from ringfence.delivery.oncall import on_call
from ringfence.model.errors import ConfigInvalid
from ringfence.model.oncall import (
    Channel,
    DutyHours,
    EscalationPolicy,
    Roster,
    Rotation,
    RotationKind,
    Step,
    Target,
    TargetKind,
    Way,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OWN = "+15555550100"
ANN = {"number": "+15555550141", "label": "Ann"}
BEN = {"number": "+15555550142"}
PEOPLE = {"ann": ANN, "ben": BEN}
WEEK = {"rotation": "weekly", "responders": ["ann", "ben"], "startsOn": "2026-11-02"}
SCHEDULE = {"zone": "Europe/Berlin", "layers": [WEEK]}
STEP: dict[str, Any] = {"notify": ["schedule:primary"]}
POLICY: dict[str, Any] = {"steps": [STEP]}


def good(**sections: Any) -> dict[str, Any]:
    """A configuration with two responders, a schedule and a policy, changed by section."""
    return {
        "responders": PEOPLE,
        "groups": {"everybody": ["ann", "ben"]},
        "schedules": {"primary": SCHEDULE},
        "escalationPolicies": {"ops": POLICY},
        **sections,
    }


@pytest.fixture
def load_now(load_good: Any) -> Callable[..., Settings]:
    """Load a good configuration with these sections, as of NOW."""
    return lambda **sections: load_good(good(**sections), None, NOW)


def layers(*raw: dict[str, Any], zone: str = "Europe/Berlin") -> dict[str, Any]:
    return {"schedules": {"primary": {"zone": zone, "layers": list(raw)}}}


def step(**keys: Any) -> dict[str, Any]:
    return {"escalationPolicies": {"ops": {"steps": [{**STEP, **keys}]}}}


def calendar(path: Path, *events: str, name: str = "duty.ics") -> dict[str, Any]:
    """A layer whose calendar holds these events, written beside the configuration."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", *events, "END:VCALENDAR", ""]
    (path.parent / name).write_text("\r\n".join(lines))
    return {"calendar": name}


def event(title: str, starts: str = "20261121T200000", ends: str = "20261122T080000") -> str:
    fields = (f"UID:{title}", f"DTSTART:{starts}", f"DTEND:{ends}", f"SUMMARY:{title}")
    return "\r\n".join(("BEGIN:VEVENT", *fields, "END:VEVENT"))


# -- what becomes of them ------------------------------------------------------------------------------


def test_without_any_there_is_nothing_and_numbers_must_be_verified(load_good: Any) -> None:
    made = load_good().operations
    assert not made.responders
    assert not made.schedules
    assert not made.flows
    assert made.base_url == ""
    assert made.require_verified


def test_whether_numbers_must_be_verified_and_the_address_of_links(load_good: Any) -> None:
    patch = {
        "responding": {"requireVerified": False},
        "gateway": {"publicBaseUrl": "https://gate.example.org/ring/"},
    }
    made = load_good(patch).operations
    assert not made.require_verified
    assert made.base_url == "https://gate.example.org/ring"


def test_responders_and_groups(load_good: Any) -> None:
    ann = {**ANN, "channels": ["sms"], "twoWay": False, "line": "default"}
    made = load_good(good(responders={"ann": ann, "ben": BEN})).operations
    assert made.groups == {"everybody": ("ann", "ben")}
    one, other = made.responders["ann"], made.responders["ben"]
    assert (one.label, one.line, one.two_way) == ("Ann", "default", False)
    assert one.number.e164 == "+15555550141"
    assert (other.label, other.line, other.two_way) == ("ben", "", True)
    assert other.channels == frozenset({Channel.SMS})


def test_national_numbers_are_read_by_the_region_of_the_line(load_good: Any) -> None:
    patch = {
        **good(responders={"ann": {"number": "(555) 555-0141"}, "ben": BEN}),
        "channels": {"sms": {"defaultRegion": "US"}},
    }
    assert load_good(patch).operations.responders["ann"].number.e164 == "+15555550141"


def test_a_rotation(load_now: Any) -> None:
    raw = {
        **WEEK,
        "name": "week",
        "rotation": "daily",
        "handOver": "08:30",
        "every": 2,
        "endsOn": "2027-01-01",
        "hours": [
            {"days": ["mon", "sun"], "from": "08:00", "to": "20:00"},
            {"days": ["fri"], "from": "20:00", "to": "08:00"},
            {"days": ["sat"], "from": "00:00", "to": "24:00"},
        ],
    }
    schedule = load_now(**layers(raw)).operations.schedules["primary"]
    assert schedule.zone == "Europe/Berlin"
    assert schedule.layers == (
        Rotation(
            "week",
            ("ann", "ben"),
            RotationKind.DAILY,
            date(2026, 11, 2),
            time(8, 30),
            2,
            (
                DutyHours(0, 480, 1200),
                DutyHours(6, 480, 1200),
                DutyHours(4, 1200, 1920),
                DutyHours(5, 0, 1440),
            ),
            date(2027, 1, 1),
        ),
    )


def test_hours_without_days_are_of_every_day(load_now: Any) -> None:
    raw = {**WEEK, "hours": [{"from": "08:00", "to": "20:00"}]}
    [layer] = load_now(**layers(raw)).operations.schedules["primary"].layers
    assert [one.weekday for one in layer.hours] == [0, 1, 2, 3, 4, 5, 6]
    assert (layer.name, layer.hand_over) == ("layer 1", time(9))


def test_a_calendar_beside_the_file(load_now: Any, config_path: Path) -> None:
    layer = {
        **calendar(config_path, event("Ann Other"), event("Ben"), event("ANN")),
        "people": {"Ann Other": "ann"},
    }
    schedule = load_now(**layers(WEEK, layer)).operations.schedules["primary"]
    roster = schedule.layers[1]
    assert isinstance(roster, Roster)
    assert roster.name == "layer 2"
    assert {one.responder for one in roster.duties} == {"ann", "ben"}
    at = datetime(2026, 11, 21, 19, tzinfo=UTC)
    assert {"ann", "ben"} == set(on_call(schedule, at))


def test_a_label_that_two_people_have_means_nobody(load_now: Any, config_path: Path) -> None:
    layer = calendar(config_path, event("Sam"), event("ann"))
    people = {"ann": {**ANN, "label": "Sam"}, "ben": {**BEN, "label": "SAM"}}
    settings = load_now(responders=people, **layers(layer))
    [roster] = settings.operations.schedules["primary"].layers
    assert {one.responder for one in roster.duties} == {"ann"}
    assert any("it names nobody who is known" in one for one in settings.warnings)


def test_a_calendar_is_read_around_now(load_now: Any, config_path: Path) -> None:
    """An event of every week for ever is as many duties as somebody may ask for, and no more."""
    weekly = event("ann").replace("SUMMARY", "RRULE:FREQ=WEEKLY\r\nSUMMARY")
    layer = calendar(config_path, weekly.replace("2026112", "2016112"))
    [roster] = load_now(**layers(layer)).operations.schedules["primary"].layers
    assert 60 <= len(roster.duties) <= 65
    assert roster.duties[0].begins > NOW - timedelta(days=40)
    assert roster.duties[-1].begins > NOW + timedelta(days=390)


def test_an_escalation_policy(load_now: Any) -> None:
    first = {"name": "first", "notify": ["schedule:primary"], "by": ["sms"], "delay": "1m"}
    second = {
        "notify": ["person:ben", "group:everybody"],
        "by": [{"channel": "sms"}, {"channel": "sms", "after": "2m"}],
        "acknowledgedWithin": "15m",
        "deliveredWithin": 90,
    }
    raw = {"steps": [first, second], "rounds": "untilAcknowledged", "pause": 600, "everyone": True}
    made = load_now(escalationPolicies={"ops": raw, "plain": POLICY}).operations.policies
    assert made["ops"] == EscalationPolicy(
        "ops",
        (
            Step("first", (Target(TargetKind.SCHEDULE, "primary"),), delay_s=60),
            Step(
                "step 2",
                (Target(TargetKind.PERSON, "ben"), Target(TargetKind.GROUP, "everybody")),
                900,
                90,
                ways=(Way(Channel.SMS), Way(Channel.SMS, 120)),
            ),
        ),
        None,
        600,
        True,
    )
    assert made["plain"] == EscalationPolicy(
        "plain", (Step("step 1", (Target(TargetKind.SCHEDULE, "primary"),)),)
    )


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90s", 90), ("15m", 900), ("4h", 14_400), ("2d", 172_800), ("1w", 604_800), (45, 45)],
)
def test_durations(written: Any, seconds: int, load_now: Any) -> None:
    made = load_now(**step(acknowledgedWithin=written, deliveredWithin=0))
    assert made.operations.policies["ops"].steps[0].acknowledged_within_s == seconds


# -- what is told --------------------------------------------------------------------------------------


def told(settings: Settings) -> list[str]:
    return [one for one in settings.warnings if one.startswith("schedules.")]


def test_a_whole_schedule_is_not_complained_about(load_now: Any) -> None:
    assert told(load_now()) == []


def test_gaps_of_the_next_days_are_told_by_the_schedules_clock(load_now: Any) -> None:
    hours = [{"days": ["mon"], "from": "09:00", "to": "17:00"}]
    assert told(load_now(**layers(WEEK, {**WEEK, "hours": hours}))) == []
    [found] = told(load_now(**layers({**WEEK, "hours": hours})))
    assert found == (
        "schedules.primary: nobody is on call from 2026-11-21 13:00 to 2026-11-23 09:00, "
        "2026-11-23 17:00 to 2026-11-30 09:00, 2026-11-30 17:00 to 2026-12-05 13:00 in the next "
        "14 days, unless somebody stands in"
    )


def test_a_schedule_with_nobody_is_told(load_now: Any, config_path: Path) -> None:
    words = ["schedules.primary: nobody is on call in the next 14 days"]
    assert told(load_now(**layers({**WEEK, "endsOn": "2026-11-09"}))) == words
    assert told(load_now(**layers(calendar(config_path)))) == words


def test_what_a_calendar_says_that_cannot_be_used_is_told_without_names(
    load_now: Any, config_path: Path
) -> None:
    strangers = [event(f"Nobody{n}", f"2026112{n}T200000", f"2026112{n}T210000") for n in range(5)]
    found = told(load_now(**layers(WEEK, calendar(config_path, *strangers))))
    assert len(found) == 4
    place = "schedules.primary.layers[1].calendar: "
    assert found[0] == f"{place}the event of 2026-11-20 20:00: it names nobody who is known"
    assert found[3] == f"{place}and 2 more of its events cannot be used"
    assert "Nobody" not in str(found)


# -- what is refused -----------------------------------------------------------------------------------


def person(**keys: Any) -> dict[str, Any]:
    return {"responders": {"ann": {**ANN, **keys}, "ben": BEN}}


NO_ROTATION = {"responders": ["ann"], "startsOn": "2026-11-02"}
TWICE = [{**STEP, "name": "a"}, {**STEP, "name": "a"}]


@pytest.mark.parametrize(
    ("sections", "problem"),
    [
        (person(number=True), "responders.ann.number: expected a phone number such as"),
        (person(number="0151"), "responders.ann.number: expected a phone number (Write the country code"),
        (person(number=OWN), "responders.ann.number: expected a person's number (this is a line's own, which is never written to), got \"+1555•••0100\""),
        ({"responders": {"ann": ANN, "ben": ANN}}, "responders.ben.number: expected a number of their own (ann has it), got \"+1555•••0141\""),
        (person(line="nowhere"), 'responders.ann.line: expected the name of an account (default), got "nowhere"'),
        (person(channels=["fax"]), 'responders.ann.channels[0]: expected "sms" or "call", got "fax"'),
        (person(channels=[]), "responders.ann.channels: expected at least 1 entry"),
        (person(twoway=True), 'responders.ann.twoway: expected a known key, got an unknown one; did you mean "twoWay"?'),
        ({"groups": {"everybody": ["anne"]}}, 'groups.everybody[0]: expected the name of a responder (ann, ben); did you mean "ann"?, got "anne"'),
        ({"groups": {"everybody": []}}, "groups.everybody: expected at least 1 entry"),
        ({"responding": {"requireVerfied": True}}, "responding.requireVerfied: expected a known key"),
        ({"schedules": {"primary": {"layers": [WEEK]}}}, "schedules.primary.zone: expected a value, got nothing"),
        (layers(WEEK, zone="Mars/Base"), "schedules.primary.zone: expected an IANA time zone"),
        (layers(), "schedules.primary.layers: expected at least 1 entry"),
        (layers({**WEEK, "responders": []}), "schedules.primary.layers[0].responders: expected at least 1 entry"),
        (layers({**WEEK, "responders": ["an"]}), "schedules.primary.layers[0].responders[0]: expected the name of a responder (ann, ben); did you mean"),
        (layers(NO_ROTATION), "schedules.primary.layers[0].rotation: expected a value, got nothing"),
        (layers({**WEEK, "rotation": "hourly"}), 'schedules.primary.layers[0].rotation: expected one of "daily", "weekly", got "hourly"'),
        (layers({**WEEK, "startsOn": "2026-02-30"}), "schedules.primary.layers[0].startsOn: expected a day such as"),
        (layers({**WEEK, "handOver": "24:00"}), "schedules.primary.layers[0].handOver: expected a time of day"),
        (layers({**WEEK, "every": 0}), "schedules.primary.layers[0].every: expected a number of at least 1"),
        (layers({**WEEK, "endsOn": "2026-11-02"}), 'schedules.primary.layers[0].endsOn: expected a day after startsOn, got "2026-11-02"'),
        (layers({**WEEK, "hours": [{"days": ["monday"], "from": "08:00", "to": "09:00"}]}), "schedules.primary.layers[0].hours[0].days[0]: expected one of"),
        (layers({**WEEK, "hours": [{"from": "8", "to": "09:00"}]}), "schedules.primary.layers[0].hours[0].from: expected a time of day"),
        (layers({"rotation": "weekly", "calendar": "duty.ics"}), "schedules.primary.layers[0].rotation: expected a known key"),
        (layers({"calendar": "none.ics"}), "schedules.primary.layers[0].calendar: expected a calendar that can be read (No such file or directory), got \"none.ics\""),
        (layers({"calendar": "."}), "schedules.primary.layers[0].calendar: expected a calendar in a regular file"),
        (layers({"calendar": "none.ics", "people": {"Ann": "x"}}), "schedules.primary.layers[0].people.Ann: expected the name of a responder (ann, ben), got \"x\""),
        (step(notify=["ann"]), 'escalationPolicies.ops.steps[0].notify[0]: expected person:NAME, schedule:NAME or group:NAME; did you mean "person:ann"?, got "ann"'),
        (step(notify=["person:al"]), "escalationPolicies.ops.steps[0].notify[0]: expected the name of a responder (ann, ben)"),
        (step(notify=["schedule:prime"]), 'escalationPolicies.ops.steps[0].notify[0]: expected the name of a schedule (primary); did you mean "primary"?, got "prime"'),
        (step(notify=["group:all"]), "escalationPolicies.ops.steps[0].notify[0]: expected the name of a group (everybody)"),
        (step(notify=[]), "escalationPolicies.ops.steps[0].notify: expected at least 1 entry"),
        (step(by=["fax"]), 'escalationPolicies.ops.steps[0].by[0]: expected "sms", "call" or {channel: "call", after: "2m"}, got "fax"'),
        (step(by=[{"channel": "fax"}]), 'escalationPolicies.ops.steps[0].by[0].channel: expected "sms" or "call", got "fax"'),
        (step(by=[7]), 'escalationPolicies.ops.steps[0].by[0]: expected "sms", "call" or {channel: "call", after: "2m"}, got 7'),
        (step(by=[{"channel": "sms", "after": "10m"}]), "escalationPolicies.ops: step \"step 1\" has ways that do not begin at 0 seconds"),
        (step(by=["sms", {"channel": "sms", "after": "5m"}]), "escalationPolicies.ops: step \"step 1\" is given up before its last way is tried"),
        (step(acknowledgedWithin=0), "escalationPolicies.ops.steps[0].acknowledgedWithin: expected a duration"),
        (step(delay="-5m"), "escalationPolicies.ops.steps[0].delay: expected a duration"),
        (step(delay="5 minutes"), "escalationPolicies.ops.steps[0].delay: expected a duration such as 90s"),
        (step(delay=1.5), "escalationPolicies.ops.steps[0].delay: expected a duration such as 90s"),
        (step(delay="400d"), "escalationPolicies.ops.steps[0].delay: expected a duration"),
        ({"escalationPolicies": {"ops": {"steps": TWICE}}}, 'escalationPolicies.ops: each step has a name of its own; "a" has not'),
        ({"escalationPolicies": {"ops": {"steps": [STEP, {**STEP, "name": "step 1"}]}}}, 'escalationPolicies.ops: each step has a name of its own; "step 1" has not'),
        ({"escalationPolicies": {"ops": {"steps": []}}}, "escalationPolicies.ops.steps: expected at least 1 entry"),
        ({"escalationPolicies": {"ops": {**POLICY, "rounds": 0}}}, 'escalationPolicies.ops.rounds: expected a whole number from 1 to 100, or "untilAcknowledged", got 0'),
        ({"escalationPolicies": {"ops": {**POLICY, "rounds": "forever"}}}, "escalationPolicies.ops.rounds: expected a whole number"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_path(
    sections: dict[str, Any], problem: str, load_now: Any
) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        load_now(**sections)
    found = caught.value.problems
    assert any(one.startswith(problem) for one in found), found
    assert len(found) == 1, "what refers to it is not blamed"


def test_everything_wrong_is_told_at_once(load_now: Any) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        load_now(
            **person(number="x"),
            groups={"everybody": ["nobody"]},
            **layers({**WEEK, "rotation": "hourly"}, {"calendar": "none.ics"}),
            **step(notify=["person:nobody"], by=["fax"]),
        )
    assert len(caught.value.problems) == 6


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"hello", "an iCalendar file (RFC 5545)"),
        (b"BEGIN:VCALENDAR\r\n" + b"X" * BYTES_MAX, "a calendar of at most 1,000,000 bytes"),
    ],
)
def test_a_file_that_is_no_calendar(
    body: bytes, words: str, load_now: Any, config_path: Path
) -> None:
    (config_path.parent / "duty.ics").write_bytes(body)
    with pytest.raises(ConfigInvalid) as caught:
        load_now(**layers(WEEK, {"calendar": "duty.ics"}))
    [found] = caught.value.problems
    assert found == f'schedules.primary.layers[1].calendar: expected {words}, got "duty.ics"'


@pytest.mark.proves("P9")
def test_responders_numbers_are_masked_as_others_are(load_good: Any) -> None:
    shown = masked(good())["responders"]
    assert shown["ann"] == {"number": "+1555•••0141", "label": "Ann"}
    assert "5550141" not in repr(load_good(good()))
