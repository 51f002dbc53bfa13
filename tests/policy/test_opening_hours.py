"""The opening hours of a line: what waits for it to open, and what does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from policy_facts import ask, facts

from ringfence.model.draft import Category
from ringfence.model.errors import InvalidField
from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Act, Verdict
from ringfence.policy.facts import Facts, Initiator
from ringfence.policy.rules.opening_hours import RULE, Settings

OFFICE: dict[str, Any] = {"windows": "mon-fri 09:00-17:00", "zone": "Europe/Paris"}
TUESDAY_NOON = datetime(2026, 7, 14, 10, tzinfo=UTC)
FRIDAY_NIGHT = datetime(2026, 7, 17, 20, tzinfo=UTC)
MONDAY_NINE = datetime(2026, 7, 20, 7, tzinfo=UTC)


def at(now: datetime, **more: Any) -> Facts:
    return facts(**{"now": now} | more)


def test_a_line_is_always_open_until_somebody_says_otherwise() -> None:
    assert ask(RULE, at(FRIDAY_NIGHT)) is ALLOWED


@pytest.mark.proves("C8")
@pytest.mark.parametrize("act", [Act.REPLY, Act.INITIATE, Act.CALL])
def test_what_is_automatic_waits_for_the_line_to_open_by_its_own_clock(act: Act) -> None:
    assert ask(RULE, at(TUESDAY_NOON, act=act), **OFFICE) is ALLOWED
    ruling = ask(RULE, at(FRIDAY_NIGHT, act=act), **OFFICE)
    assert (ruling.verdict, ruling.code, ruling.until) == (Verdict.HOLD, "closed", MONDAY_NINE)
    assert "2026-07-20 07:00 UTC" in ruling.text
    # Wherever the person is.
    far = at(FRIDAY_NIGHT, act=act, zones=("America/Los_Angeles",), zone_source="contact")
    assert ask(RULE, far, **OFFICE).until == MONDAY_NINE
    assert ask(RULE, at(MONDAY_NINE, act=act), **OFFICE) is ALLOWED


@pytest.mark.proves("C8")
@pytest.mark.parametrize("category", list(Category))
def test_nobody_takes_calls_while_the_line_is_closed(category: Category) -> None:
    """What a caller wants is not known before they were heard, so nothing of it is exempt."""
    given: dict[str, Any] = {"act": Act.ANSWER, "initiator": Initiator.PERSON}
    ruling = ask(RULE, at(FRIDAY_NIGHT, traits={"category": category}, **given), **OFFICE)
    assert (ruling.verdict, ruling.code, ruling.until) == (Verdict.HOLD, "closed", MONDAY_NINE)
    assert ask(RULE, at(TUESDAY_NOON, **given), **OFFICE) is ALLOWED
    assert ask(RULE, at(FRIDAY_NIGHT, **given)) is ALLOWED


@pytest.mark.proves("C8")
@pytest.mark.parametrize("initiator", list(Initiator))
def test_people_keep_their_own_hours(initiator: Initiator) -> None:
    ruling = ask(RULE, at(FRIDAY_NIGHT, initiator=initiator), **OFFICE)
    automatic = initiator in (Initiator.AGENT, Initiator.EVENT)
    assert (ruling.verdict is Verdict.HOLD) == automatic
    # What a person said yes to is theirs; what a grant covers stays automatic.
    approved = at(FRIDAY_NIGHT, initiator=initiator, approval="msg_1")
    assert ask(RULE, approved, **OFFICE) is ALLOWED
    granted = at(FRIDAY_NIGHT, initiator=initiator, grant="grt_1")
    assert (ask(RULE, granted, **OFFICE).verdict is Verdict.HOLD) == automatic


@pytest.mark.proves("C8")
@pytest.mark.parametrize("kind", list(MessageClass))
def test_what_ringfence_owes_goes_at_any_hour_and_nothing_else(kind: MessageClass) -> None:
    ruling = ask(RULE, at(FRIDAY_NIGHT, message_class=kind), **OFFICE)
    waits = kind in (MessageClass.FREE_TEXT, MessageClass.TEMPLATE, MessageClass.PAGE)
    assert (ruling.verdict is Verdict.HOLD) == waits


@pytest.mark.proves("C8")
@pytest.mark.parametrize("category", list(Category))
def test_alerts_go_at_any_hour_and_nothing_else(category: Category) -> None:
    given = at(FRIDAY_NIGHT, traits={"category": category})
    assert (ask(RULE, given, **OFFICE) is ALLOWED) == (category is Category.ALERT)
    assert ask(RULE, given, **OFFICE, exempt=()).verdict is Verdict.HOLD


@pytest.mark.proves("C8")
def test_holidays_of_the_line() -> None:
    closed = ask(RULE, at(TUESDAY_NOON), **OFFICE, holidays=("FR:07-14",))
    assert closed.until == datetime(2026, 7, 15, 7, tzinfo=UTC)
    assert ask(RULE, at(TUESDAY_NOON), **OFFICE, holidays=("DE:07-14",)) is ALLOWED


@pytest.mark.proves("C8")
def test_nine_is_nine_on_the_day_the_clocks_change() -> None:
    sundays = {"windows": "sun 09:00-17:00", "zone": "Europe/Paris"}
    spring = ask(RULE, at(datetime(2026, 3, 28, 20, tzinfo=UTC)), **sundays)
    assert spring.until == datetime(2026, 3, 29, 7, tzinfo=UTC)
    autumn = ask(RULE, at(datetime(2026, 10, 24, 20, tzinfo=UTC)), **sundays)
    assert autumn.until == datetime(2026, 10, 25, 8, tzinfo=UTC)


def test_a_line_that_never_opens_needs_a_person() -> None:
    ruling = ask(RULE, at(TUESDAY_NOON), windows="closed")
    assert (ruling.verdict, ruling.until) == (Verdict.HOLD, None)


def test_what_waited_can_leave_spread_out() -> None:
    moments = {
        ask(RULE, at(FRIDAY_NIGHT, contact_id=f"ctc_{n}"), **OFFICE, spread_s=600).until
        for n in range(50)
    }
    assert len(moments) > 45
    assert all(
        moment is not None and MONDAY_NINE <= moment < MONDAY_NINE + timedelta(seconds=600)
        for moment in moments
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"windows": "9 to 5"}, "`windows` to be windows such as"),
        ({"holidays": ("christmas",)}, "`holidays` to be dates such as"),
        ({"holiday_windows": "noon"}, "`holidayWindows` to be windows such as"),
        ({"zone": "Mars/Olympus"}, "`zone` to be an IANA zone such as"),
    ],
)
def test_settings_that_make_no_sense_are_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidField) as refused:
        Settings(**change)
    assert refused.value.detail.startswith(words)
