"""Where a person may be: what was entered, what a number tells, and what nobody knows."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime

import phonenumbers.timezone
import pytest
from phonenumbers.tzdata import TIMEZONE_DATA

from ringfence.model.errors import InvalidField
from ringfence.model.phone import PhoneNumber
from ringfence.policy.regions import REGIONS
from ringfence.policy.zones import (
    NOWHERE,
    TZDATA_VERSION,
    Zones,
    check_place,
    countries_of,
    known_zones,
    zone,
    zones_at,
    zones_of,
    zones_of_number,
)

NEW_YORK = PhoneNumber("+12125550123")
NOBODY = PhoneNumber("+15555550123")  # 555 is no area code


@pytest.mark.proves("C8")
@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("+12125550123", ("America/New_York",)),
        # Split between two zones in truth: why a number's word is not taken without a margin.
        ("+18505550123", ("America/New_York",)),
        ("+12505550123", ("America/Vancouver",)),
        ("+19075550123", ("America/Adak", "America/Anchorage")),
        ("+17095550123", ("America/Halifax", "America/St_Johns")),
        ("+12085550123", ("America/Boise", "America/Los_Angeles")),
        ("+34612345678", ("Atlantic/Canary", "Europe/Madrid")),
        ("+6433050123", ("Pacific/Chatham",)),
    ],
)
def test_a_number_tells_its_zones(number: str, expected: tuple[str, ...]) -> None:
    assert zones_of("", PhoneNumber(number)) == Zones(expected, "number")


@pytest.mark.proves("C8")
@pytest.mark.parametrize(
    ("number", "count"),
    [
        ("+18005550123", 42),
        ("+18885550123", 42),
        ("+15005550123", 42),
        ("+79161234567", 16),
        ("+61412345678", 8),
    ],
)
def test_a_number_of_no_area_may_be_anywhere_in_its_plan(number: str, count: int) -> None:
    assert len(zones_of_number(PhoneNumber(number))) == count


@pytest.mark.proves("C8")
@pytest.mark.parametrize("number", ["+15555550123", "+870773111632", "+80012345678", "+9991234567"])
def test_a_number_of_no_place_tells_nothing(number: str) -> None:
    assert zones_of("", PhoneNumber(number)) == NOWHERE == Zones((), "")


@pytest.mark.proves("C8")
def test_a_plan_that_names_an_unknown_zone_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ("America/New_York", "America/Atlantis")
    monkeypatch.setattr(phonenumbers.timezone, "time_zones_for_number", lambda _: found)
    zones_of_number.cache_clear()
    try:
        assert zones_of_number(NEW_YORK) == ()
    finally:
        zones_of_number.cache_clear()


@pytest.mark.proves("C8")
def test_what_was_entered_wins_over_the_number() -> None:
    assert zones_of("Europe/Paris", NEW_YORK) == Zones(("Europe/Paris",), "contact")
    florida = zones_of("US-FL", NEW_YORK)
    assert florida == Zones(("America/New_York", "America/Chicago"), "postal")
    assert zones_of("US-NY", NOBODY) == Zones(("America/New_York",), "postal")
    assert zones_of("FR", NOBODY) == Zones(("Europe/Paris",), "postal")


@pytest.mark.proves("C8")
@pytest.mark.parametrize(
    "entered", ["Mars/Olympus", "US-XX", "XX", "../etc/passwd", "america/new_york", "Etc/Unknown"]
)
def test_what_was_entered_and_is_unknown_is_not_replaced_by_the_number(entered: str) -> None:
    assert zones_of(entered, NEW_YORK) == NOWHERE


def test_a_country_is_all_its_zones() -> None:
    assert len(zones_at("US")) >= 29
    # Also an old name of one zone; the country has two.
    assert set(zones_at("NZ")) == {"Pacific/Auckland", "Pacific/Chatham"}


@pytest.mark.parametrize("text", ["", "Mars", "US-ZZ", "Europe/", "Europe"])
def test_a_place_we_do_not_know_is_refused_with_examples(text: str) -> None:
    with pytest.raises(InvalidField, match=r"America/New_York.*US-FL.*FR"):
        check_place(text)
    assert check_place("US-FL") == "US-FL"


@pytest.mark.proves("C8")
def test_every_zone_a_number_can_tell_is_in_our_tables() -> None:
    told = {name for names in TIMEZONE_DATA.values() for name in names}
    assert len(told) > 250
    assert told <= known_zones()
    assert all(countries_of(name) for name in told)


def test_the_regions_are_those_of_two_countries() -> None:
    states = [code for code in REGIONS if code.startswith("US-")]
    assert len(states) == 50 + 1 + 5
    assert len(REGIONS) - len(states) == 13
    for code, names in REGIONS.items():
        assert names, code
        assert known_zones().issuperset(names), code


def test_a_zone_knows_its_countries_under_every_name() -> None:
    assert countries_of("America/New_York") == countries_of("US/Eastern") == {"US"}
    assert countries_of("Asia/Katmandu") == countries_of("Asia/Kathmandu") == {"NP"}
    assert countries_of("Europe/Oslo") == {"NO"}
    assert countries_of("Etc/UTC") == frozenset()


@pytest.mark.proves("C8", "P11")
def test_the_clock_rules_are_the_packages_not_the_machines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Trap(zoneinfo.ZoneInfo):
        def __new__(cls, key: str) -> Trap:
            raise AssertionError(f"the machine's own tables were asked for {key}")

    zone.cache_clear()
    monkeypatch.setattr("ringfence.text.zones.ZoneInfo", Trap)
    try:
        # from_file of the subclass does not go through __new__ with a key.
        clock = zone("Australia/Lord_Howe")
    finally:
        zone.cache_clear()
    assert clock.key == "Australia/Lord_Howe"
    summer = datetime(2026, 1, 1, tzinfo=UTC).astimezone(clock)
    assert str(summer.utcoffset()) == "11:00:00"


def test_the_release_of_the_tables_is_named() -> None:
    year, letter = TZDATA_VERSION[:4], TZDATA_VERSION[4:]
    assert int(year) >= 2026
    assert len(letter) == 1
    assert letter.isalpha()


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../zones", "/etc/localtime", "posixrules"])
def test_an_unknown_zone_has_no_clock(name: str) -> None:
    with pytest.raises(InvalidField):
        zone(name)
