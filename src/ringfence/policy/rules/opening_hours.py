"""The opening hours of the line, by its own clock: outside them nothing automatic leaves. What a
person of ours wrote or said yes to is not automatic, and goes."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.model.draft import Category
from ringfence.model.verdict import ALLOWED, Act, Ruling, hold
from ringfence.policy.facts import Facts, Initiator
from ringfence.policy.hours import OPEN, Until, hours_of, judge_hours, spread
from ringfence.policy.rule import Looser, Rule, option
from ringfence.policy.windows import (
    ALWAYS,
    CLOSED,
    check_setting,
    parse_holidays,
    parse_spans,
    parse_windows,
)
from ringfence.policy.zones import zone

_SPREAD_S_MAX = 14_400
_AUTOMATIC = frozenset({Initiator.AGENT, Initiator.EVENT})


@dataclass(frozen=True, slots=True)
class Settings:
    windows: str = option(
        ALWAYS,
        'When the line is open, in its own zone: "mon-fri 09:00-17:00; sat 10:00-14:00".',
        looser=Looser.ANY,
    )
    holidays: tuple[str, ...] = option(
        (),
        'Dates with hours of their own: "2026-12-24", or "12-25" (every year).',
        looser=Looser.FEWER,
    )
    holiday_windows: str = option(
        CLOSED, 'The hours of a holiday: "10:00-14:00", or closed.', looser=Looser.ANY
    )
    exempt: tuple[Category, ...] = option(
        (Category.ALERT,), "What goes while the line is closed.", looser=Looser.MORE
    )
    spread_s: int = option(
        0,
        "What waited leaves within so many seconds after the line opens.",
        looser=Looser.NEVER,
        ge=0,
        le=_SPREAD_S_MAX,
    )
    zone: str = option("UTC", "Where the line's clock is.", looser=Looser.NEVER, from_line="zone")

    def __post_init__(self) -> None:
        check_setting("windows", parse_windows, self.windows)
        check_setting("holidays", parse_holidays, self.holidays)
        check_setting("holidayWindows", parse_spans, self.holiday_windows)
        check_setting("zone", zone, self.zone)


def judge(facts: Facts, settings: Settings) -> Ruling:
    if not _automatic(facts) or _is_exempt(facts, settings):
        return ALLOWED
    hours = hours_of(settings.windows, settings.holidays, settings.holiday_windows)
    if hours.always:
        return ALLOWED
    judged = judge_hours(hours, (settings.zone,), facts.now)
    if judged is OPEN:
        return ALLOWED
    if not isinstance(judged, Until):
        return hold("closed", "The line is closed, and does not open in the days to come.")
    room_s = min(settings.spread_s, int((judged.closes - judged.moment).total_seconds()))
    until = spread(judged.moment, f"{facts.contact_id} {judged.moment.isoformat()}", room_s)
    text = f"The line is closed; it opens at {judged.moment:%Y-%m-%d %H:%M} UTC."
    return hold("closed", text, until)


def _automatic(facts: Facts) -> bool:
    """Codes, confirmations, HELP and notices are owed at any hour; people keep their own hours. Who
    takes a call is the line's agent."""
    if facts.act is Act.ANSWER:
        return True
    return facts.initiator in _AUTOMATIC and facts.is_text and not facts.approval


def _is_exempt(facts: Facts, settings: Settings) -> bool:
    return facts.act is not Act.ANSWER and facts.traits.category in settings.exempt


RULE = Rule(
    "opening_hours",
    "While the line is closed, by its own clock, what agents and event sources write waits for it to "
    "open. What operators write or approve, what Ringfence itself owes, and alerts go at any hour. No "
    "agent takes calls meanwhile.",
    judge,
    Settings(),
    acts=frozenset({Act.REPLY, Act.INITIATE, Act.CALL, Act.ANSWER}),
)
