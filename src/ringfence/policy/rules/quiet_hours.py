"""Quiet hours: nobody is written to or called unprompted outside the hours, by the clock of wherever
they may be (facts compliance 4.4). Where nobody knows, a person decides; it is never taken for now."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.model.contact import Role
from ringfence.model.draft import Category
from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Act, Ruling, hold
from ringfence.policy.facts import Facts, Initiator
from ringfence.policy.hours import (
    MARGIN_MIN_MAX,
    NEVER,
    Hours,
    Until,
    hours_of,
    judge_hours,
    spread,
)
from ringfence.policy.rule import Looser, Rule, option
from ringfence.policy.windows import (
    CLOSED,
    PRESETS,
    check_setting,
    parse_holidays,
    parse_spans,
    parse_windows,
)
from ringfence.policy.zones import check_place, zones_at

_SPREAD_S_MAX = 14_400
# What Ringfence itself answers, at once, to a text that may not count as one the line took in: a
# stranger's, or STOP (the confirmation is due within 5 minutes, facts compliance 4.1).
_OWED = frozenset(
    {
        MessageClass.PAIRING,
        MessageClass.OPT_OUT_CONFIRMATION,
        MessageClass.OPT_IN_CONFIRMATION,
        MessageClass.HELP,
        MessageClass.SAFE_REPLY,
        MessageClass.ALERT_ANSWER,
    }
)
# A clock that was set back makes a text of just now one from the future; more is no answer to it.
_CLOCK_BACK_S = 60


@dataclass(frozen=True, slots=True)
class Settings:
    windows: str = option(
        PRESETS["us"],
        'When people may be written to, where they are: "mon-fri 09:00-20:00; sat 10:00-17:00", '
        f"{CLOSED}, or one of {', '.join(PRESETS)}.",
        looser=Looser.ANY,
    )
    call_windows: str = option(
        "", "When they may be called; none: when they may be written to.", looser=Looser.ANY
    )
    holidays: tuple[str, ...] = option(
        (),
        'Dates with hours of their own: "2026-12-24", "12-25" (every year), "US:07-04" (one country).',
        looser=Looser.FEWER,
    )
    holiday_windows: str = option(
        CLOSED, 'The hours of a holiday: "10:00-14:00", or closed.', looser=Looser.ANY
    )
    margin_minutes: int = option(
        60,
        "Taken off at both ends where only the number tells the zone.",
        looser=Looser.LOWER,
        ge=0,
        le=MARGIN_MIN_MAX,
    )
    default_zone: str = option(
        "",
        "Where people are taken to be whom nobody can place: a zone, a state (US-FL) or a country "
        "(FR); none: a person decides.",
        looser=Looser.ANY,
    )
    reply_minutes: int = option(
        60,
        "Answers go at any hour for so long after the person wrote; 0: never.",
        looser=Looser.HIGHER,
        ge=0,
        le=1_440,
    )
    exempt: tuple[Category, ...] = option(
        (Category.ALERT,),
        "What goes at any hour to people who are no strangers to the line.",
        looser=Looser.MORE,
    )
    known_people_exempt: bool = option(
        False,
        "Owners, listed and paired people are written to at any hour.",
        looser=Looser.TRUE,
    )
    spread_s: int = option(
        900,
        "What waited leaves within so many seconds after the hours begin.",
        looser=Looser.NEVER,
        ge=0,
        le=_SPREAD_S_MAX,
    )

    def __post_init__(self) -> None:
        check_setting("windows", parse_windows, self.windows)
        check_setting("callWindows", parse_windows, self.call_windows or CLOSED)
        check_setting("holidays", parse_holidays, self.holidays)
        check_setting("holidayWindows", parse_spans, self.holiday_windows)
        if self.default_zone:
            check_setting("defaultZone", check_place, self.default_zone)


def judge(facts: Facts, settings: Settings) -> Ruling:
    if _exempt(facts, settings):
        return ALLOWED
    windows = settings.windows
    if facts.act is Act.CALL:
        windows = settings.call_windows or windows
    margin_min = settings.margin_minutes if facts.zone_source == "number" else 0
    hours = hours_of(windows, settings.holidays, settings.holiday_windows, margin_min)
    if hours.always:
        return ALLOWED
    zones = facts.zones or zones_at(settings.default_zone)
    if not zones and facts.initiator is Initiator.OPERATOR:
        return ALLOWED  # a person decides, and a person sends it
    if not zones:
        return hold(
            "zone_unknown",
            "Nobody knows what time it is for this person: enter their zone, or let it go by hand.",
        )
    return _by_the_clock(facts, settings, hours, zones)


def _by_the_clock(facts: Facts, settings: Settings, hours: Hours, zones: tuple[str, ...]) -> Ruling:
    judged = judge_hours(hours, zones, facts.now)
    where = zones[0] if len(zones) == 1 else f"all {len(zones)} zones this person may be in"
    if judged is NEVER:
        return hold("no_common_hour", f"No hour of these days is within the hours in {where}.")
    if not isinstance(judged, Until):
        return ALLOWED
    room_s = min(settings.spread_s, int((judged.closes - judged.moment).total_seconds()))
    # By person, not by message: what waits for one person stays in order.
    until = spread(judged.moment, f"{facts.contact_id} {judged.moment.isoformat()}", room_s)
    text = f"It is outside the hours in {where}; they begin at {judged.moment:%Y-%m-%d %H:%M} UTC."
    return hold("quiet_hours", text, until)


def _exempt(facts: Facts, settings: Settings) -> bool:
    if facts.message_class is MessageClass.OWNER_NOTICE:
        return facts.role is Role.OWNER and facts.act is not Act.CALL
    known = facts.role is not Role.STRANGER
    if known and facts.traits.category in settings.exempt:
        return True
    if known and settings.known_people_exempt and facts.act is not Act.CALL:
        return True
    if facts.message_class in _OWED and facts.initiator is Initiator.SYSTEM:
        return facts.act is Act.REPLY
    heard_s = facts.heard_s
    return (
        facts.act is Act.REPLY
        and heard_s is not None
        and -_CLOCK_BACK_S <= heard_s <= settings.reply_minutes * 60
        and settings.reply_minutes > 0
    )


RULE = Rule(
    "quiet_hours",
    "Nobody is written to or called outside the hours where they are, holidays included; what waits "
    "leaves when the hours begin. If a person may be in several zones, the hours of all of them "
    "count; if nobody knows where, a person decides (an operator who sends it has). Answers to what somebody just wrote, codes and "
    "confirmations among them, alerts to people known to the line, and notices to owners go at any "
    "hour.",
    judge,
    Settings(),
    acts=frozenset({Act.REPLY, Act.INITIATE, Act.CALL}),
)
