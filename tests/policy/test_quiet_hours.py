"""Quiet hours as the gate asks for them: who waits, until when, who does not, and who needs a
person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from policy_facts import ask, facts

from ringfence.model.contact import Role
from ringfence.model.draft import Category
from ringfence.model.errors import InvalidField
from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Act, Ruling, Verdict
from ringfence.policy.facts import Facts, Initiator
from ringfence.policy.rules.quiet_hours import RULE, Settings
from ringfence.policy.windows import ALWAYS, CLOSED

NEW_YORK = ("America/New_York",)
NOON = datetime(2026, 7, 15, 16, tzinfo=UTC)
NIGHT = datetime(2026, 7, 15, 7, tzinfo=UTC)
EIGHT = datetime(2026, 7, 15, 12, tzinfo=UTC)


def unprompted(now: datetime = NIGHT, zones: tuple[str, ...] = NEW_YORK, **more: Any) -> Facts:
    """An agent writes first to a paired person, in the middle of their night."""
    known: dict[str, Any] = {
        "act": Act.INITIATE,
        "now": now,
        "zones": zones,
        "zone_source": "contact",
        "traits": {"heard_at": None},
    }
    return facts(**known | more)


def release(ruling: Ruling) -> datetime:
    assert (ruling.verdict, ruling.code) == (Verdict.HOLD, "quiet_hours"), ruling
    assert ruling.until is not None
    return ruling.until


@pytest.mark.proves("C8")
def test_the_night_waits_for_the_morning_where_the_person_is() -> None:
    assert ask(RULE, unprompted(NOON)) is ALLOWED
    ruling = ask(RULE, unprompted(), spread_s=0)
    assert release(ruling) == EIGHT
    assert "America/New_York" in ruling.text
    assert "2026-07-15 12:00 UTC" in ruling.text
    assert ask(RULE, unprompted(EIGHT)) is ALLOWED


@pytest.mark.proves("C8")
def test_all_places_the_person_may_be_in_count() -> None:
    coasts = ("America/New_York", "America/Los_Angeles")
    assert release(ask(RULE, unprompted(NOON - timedelta(hours=3), coasts), spread_s=0)) == (
        datetime(2026, 7, 15, 15, tzinfo=UTC)
    )
    assert ask(RULE, unprompted(NOON, coasts)) is ALLOWED


@pytest.mark.proves("C8")
def test_nobody_knows_where_so_a_person_decides() -> None:
    ruling = ask(RULE, unprompted(NOON, (), zone_source=""))
    assert (ruling.verdict, ruling.code, ruling.until) == (Verdict.HOLD, "zone_unknown", None)


@pytest.mark.proves("C8")
def test_an_operator_is_that_person_but_does_not_change_the_clock() -> None:
    by_hand = {"initiator": Initiator.OPERATOR}
    assert ask(RULE, unprompted(NIGHT, (), zone_source="", **by_hand)) is ALLOWED
    assert ask(RULE, unprompted(NIGHT, **by_hand)).verdict is Verdict.HOLD


@pytest.mark.proves("C8")
@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("act", [Act.REPLY, Act.INITIATE, Act.CALL])
def test_people_a_line_knows_may_be_exempt_from_texts_never_from_calls(
    role: Role, act: Act
) -> None:
    given = unprompted(role=role, act=act)
    exempt = role is not Role.STRANGER and act is not Act.CALL
    assert (ask(RULE, given, known_people_exempt=True) is ALLOWED) == exempt
    assert ask(RULE, given).verdict is Verdict.HOLD


@pytest.mark.proves("C8")
@pytest.mark.parametrize("role", list(Role))
def test_a_notice_to_an_owner_goes_by_text_at_night_not_by_call(role: Role) -> None:
    notice = unprompted(role=role, act=Act.CALL, message_class=MessageClass.OWNER_NOTICE)
    assert ask(RULE, notice).verdict is Verdict.HOLD


@pytest.mark.proves("C8")
def test_calls_have_hours_of_their_own_where_they_are_set() -> None:
    office = {"call_windows": "mon-fri 13:00-17:00", "spread_s": 0}
    one = datetime(2026, 7, 15, 17, tzinfo=UTC)
    assert ask(RULE, unprompted(NOON), **office) is ALLOWED
    assert release(ask(RULE, unprompted(NOON, act=Act.CALL), **office)) == one
    assert ask(RULE, unprompted(one, act=Act.CALL), **office) is ALLOWED
    nowhere = unprompted(NOON, (), act=Act.CALL, zone_source="")
    assert ask(RULE, nowhere, **office).code == "zone_unknown"


@pytest.mark.proves("C8")
def test_a_default_for_people_nobody_can_place_holds_only_where_it_is_set() -> None:
    nowhere = unprompted(NOON, (), zone_source="")
    assert ask(RULE, nowhere, default_zone="America/New_York") is ALLOWED
    assert ask(RULE, nowhere, default_zone="US-FL") is ALLOWED
    # It is the last resort: somebody who is known to be elsewhere stays there.
    elsewhere = unprompted(NOON, ("Asia/Tokyo",))
    assert ask(RULE, elsewhere, default_zone="America/New_York").verdict is Verdict.HOLD


@pytest.mark.proves("C8")
def test_places_without_a_common_hour_need_a_person_and_never_mean_now() -> None:
    everywhere = ("Pacific/Auckland", "Europe/London", "America/Los_Angeles")
    for hour in range(24):
        now = datetime(2026, 7, 15, hour, tzinfo=UTC)
        ruling = ask(RULE, unprompted(now, everywhere))
        assert (ruling.verdict, ruling.code) == (Verdict.HOLD, "no_common_hour")
        assert ruling.until is None
    assert ask(RULE, unprompted(NOON), windows=CLOSED).code == "no_common_hour"


@pytest.mark.proves("C8", "P1")
def test_a_zone_our_tables_do_not_have_is_never_open() -> None:
    with pytest.raises(InvalidField):
        ask(RULE, unprompted(NOON, ("America/Atlantis",)))


@pytest.mark.proves("C8")
@pytest.mark.parametrize(
    ("source", "opens"), [("number", 13), ("contact", 12), ("postal", 12), ("", 12)]
)
def test_a_margin_is_kept_where_only_the_number_tells(source: str, opens: int) -> None:
    ruling = ask(RULE, unprompted(zone_source=source), spread_s=0)
    assert release(ruling) == datetime(2026, 7, 15, opens, tzinfo=UTC)
    half = ask(RULE, unprompted(zone_source=source), spread_s=0, margin_minutes=0)
    assert release(half) == EIGHT


@pytest.mark.proves("C8")
def test_a_zone_that_changes_while_it_waits_is_asked_anew() -> None:
    first = release(ask(RULE, unprompted(), spread_s=0))
    moved = ask(RULE, unprompted(first, ("America/Los_Angeles",)), spread_s=0)
    assert release(moved) == datetime(2026, 7, 15, 15, tzinfo=UTC)


@pytest.mark.proves("C8")
def test_a_clock_that_steps_back_changes_no_release() -> None:
    first = release(ask(RULE, unprompted()))
    assert release(ask(RULE, unprompted(NIGHT - timedelta(minutes=30)))) == first
    assert ask(RULE, unprompted(first)) is ALLOWED
    assert release(ask(RULE, unprompted(EIGHT - timedelta(seconds=1)))) == first


@pytest.mark.proves("C8")
def test_what_waited_leaves_one_person_after_the_other_and_inside_the_hours() -> None:
    releases = [release(ask(RULE, unprompted(contact_id=f"ctc_{n}"))) for n in range(300)]
    assert all(EIGHT <= moment < EIGHT + timedelta(seconds=900) for moment in releases)
    assert len(set(releases)) > 290
    # A window shorter than the spread: nothing is put off past its end.
    for n in range(100):
        moment = release(
            ask(RULE, unprompted(contact_id=f"ctc_{n}"), windows="mon-sun 08:00-08:01")
        )
        assert EIGHT <= moment < EIGHT + timedelta(seconds=60)
    # Texts to one person keep their order.
    one, two = unprompted(NIGHT), unprompted(NIGHT + timedelta(minutes=5))
    assert release(ask(RULE, one)) == release(ask(RULE, two))


@pytest.mark.proves("C8")
@pytest.mark.parametrize(
    ("minutes_ago", "verdict"),
    [
        (0, Verdict.ALLOW),
        (59.9, Verdict.ALLOW),
        (60, Verdict.ALLOW),
        (60.1, Verdict.HOLD),
        (10_000, Verdict.HOLD),
        (None, Verdict.HOLD),
        # The clock was set back since: by seconds it is forgiven, by more it proves nothing.
        (-1, Verdict.ALLOW),
        (-1.1, Verdict.HOLD),
    ],
)
def test_an_answer_to_what_was_just_written_goes_at_any_hour(
    minutes_ago: float | None, verdict: Verdict
) -> None:
    heard = None if minutes_ago is None else NIGHT - timedelta(minutes=minutes_ago)
    answer = unprompted(act=Act.REPLY, traits={"heard_at": heard})
    assert ask(RULE, answer).verdict is verdict


@pytest.mark.proves("C8")
def test_only_answers_are_excused_by_what_the_person_wrote() -> None:
    just_now = {"heard_at": NIGHT - timedelta(seconds=5)}
    assert ask(RULE, unprompted(act=Act.REPLY, traits=just_now)) is ALLOWED
    assert ask(RULE, unprompted(act=Act.INITIATE, traits=just_now)).verdict is Verdict.HOLD
    assert ask(RULE, unprompted(act=Act.CALL, traits=just_now)).verdict is Verdict.HOLD
    this_moment = unprompted(act=Act.REPLY, traits={"heard_at": NIGHT})
    assert ask(RULE, this_moment, reply_minutes=0).verdict is Verdict.HOLD
    unknown = unprompted(act=Act.REPLY, traits=just_now, zones=(), zone_source="")
    assert ask(RULE, unknown) is ALLOWED


@pytest.mark.proves("C8")
@pytest.mark.parametrize("kind", list(MessageClass))
@pytest.mark.parametrize("role", list(Role))
def test_of_all_classes_only_notices_to_owners_are_exempt(kind: MessageClass, role: Role) -> None:
    ruling = ask(RULE, unprompted(message_class=kind, role=role))
    exempt = kind is MessageClass.OWNER_NOTICE and role is Role.OWNER
    assert (ruling is ALLOWED) == exempt


OWED = {
    MessageClass.PAIRING,
    MessageClass.OPT_OUT_CONFIRMATION,
    MessageClass.OPT_IN_CONFIRMATION,
    MessageClass.HELP,
    MessageClass.SAFE_REPLY,
    MessageClass.ALERT_ANSWER,
}


@pytest.mark.proves("C8")
@pytest.mark.parametrize("kind", list(MessageClass))
@pytest.mark.parametrize("initiator", list(Initiator))
@pytest.mark.parametrize("act", [Act.REPLY, Act.INITIATE])
def test_what_ringfence_itself_answers_goes_at_any_hour(
    kind: MessageClass, initiator: Initiator, act: Act
) -> None:
    """To a stranger, and to STOP: texts the line did not take in."""
    given = unprompted(act=act, initiator=initiator, message_class=kind, role=Role.STRANGER)
    exempt = kind in OWED and initiator is Initiator.SYSTEM and act is Act.REPLY
    assert (ask(RULE, given) is ALLOWED) == exempt


@pytest.mark.proves("C8")
@pytest.mark.parametrize("category", list(Category))
@pytest.mark.parametrize("role", list(Role))
def test_of_all_categories_only_those_listed_are_exempt_and_not_to_strangers(
    category: Category, role: Role
) -> None:
    given = unprompted(role=role, traits={"heard_at": None, "category": category})
    known = role is not Role.STRANGER
    assert (ask(RULE, given) is ALLOWED) == (category is Category.ALERT and known)
    listed = ask(RULE, given, exempt=(Category.TRANSACTIONAL,))
    assert (listed is ALLOWED) == (category is Category.TRANSACTIONAL and known)
    assert ask(RULE, given, exempt=()).verdict is Verdict.HOLD


@pytest.mark.proves("C8")
@pytest.mark.parametrize("initiator", list(Initiator))
def test_whoever_starts_it_the_night_is_the_night(initiator: Initiator) -> None:
    assert ask(RULE, unprompted(initiator=initiator)).verdict is Verdict.HOLD
    # A yes and a grant are for texts, not for hours.
    assert ask(RULE, unprompted(approval="msg_1", grant="grt_1")).verdict is Verdict.HOLD


@pytest.mark.proves("C8")
def test_calls_may_have_hours_of_their_own() -> None:
    call = unprompted(datetime(2026, 7, 15, 23, tzinfo=UTC), act=Act.CALL)
    assert ask(RULE, call) is ALLOWED
    evening = ask(RULE, call, call_windows="mon-fri 09:00-18:00", spread_s=0)
    assert release(evening) == datetime(2026, 7, 16, 13, tzinfo=UTC)
    text = unprompted(call.now)
    assert ask(RULE, text, call_windows="mon-fri 09:00-18:00") is ALLOWED


@pytest.mark.proves("C8")
def test_what_comes_in_and_what_is_said_in_a_call_is_none_of_its_business() -> None:
    assert RULE.acts == {Act.REPLY, Act.INITIATE, Act.CALL}


@pytest.mark.proves("C8")
def test_weekends_and_holidays_are_windows_of_their_own() -> None:
    saturday = datetime(2026, 7, 18, 13, tzinfo=UTC)
    late = ask(RULE, unprompted(saturday), windows="us-ri", spread_s=0)
    assert release(late) == saturday + timedelta(hours=1)
    fourth = datetime(2026, 7, 4, 16, tzinfo=UTC)
    ruling = ask(RULE, unprompted(fourth), holidays=("US:07-04",), spread_s=0)
    assert release(ruling) == datetime(2026, 7, 5, 12, tzinfo=UTC)
    some = ask(RULE, unprompted(fourth), holidays=("US:07-04",), holiday_windows="12:00-13:00")
    assert some is ALLOWED


def test_where_there_are_no_quiet_hours_no_zone_is_asked_for() -> None:
    assert ask(RULE, unprompted(zones=(), zone_source=""), windows=ALWAYS) is ALLOWED
    holiday = ask(RULE, unprompted(zones=()), windows=ALWAYS, holidays=("12-25",))
    assert holiday.code == "zone_unknown"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"windows": "9 to 5"}, "`windows` to be windows such as"),
        ({"call_windows": "noon"}, "`callWindows` to be windows such as"),
        ({"holidays": ("christmas",)}, "`holidays` to be dates such as"),
        ({"holiday_windows": "mon 09:00-10:00"}, "`holidayWindows` to be windows such as"),
        ({"default_zone": "Mars/Olympus"}, "`defaultZone` to be an IANA zone such as"),
    ],
)
def test_settings_that_make_no_sense_are_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidField) as refused:
        Settings(**change)
    assert refused.value.detail.startswith(words)
