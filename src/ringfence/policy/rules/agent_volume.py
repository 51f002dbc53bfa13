"""How much one agent or event source may send in a day, and how many people a line may write to who
never wrote to it: the best brake on a machine that got it wrong."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.model.contact import Role
from ringfence.model.verdict import ALLOWED, Act, Ruling, deny, hold
from ringfence.policy.facts import Facts, Initiator, day_end
from ringfence.policy.rule import Looser, Rule, option

_AUTOMATIC = frozenset({Initiator.AGENT, Initiator.EVENT})


@dataclass(frozen=True, slots=True)
class Settings:
    day: int = option(
        5_000,
        "Messages and calls of one agent or event source in a day.",
        looser=Looser.HIGHER,
        ge=1,
    )
    asked_hour: int = option(
        600,
        "Messages and calls one agent may propose of its own accord in an hour, drafts among them.",
        looser=Looser.HIGHER,
        ge=1,
    )
    new_recipients_day: int = option(
        50,
        "People a day whom the line writes to or calls first, and who never wrote to it.",
        looser=Looser.HIGHER,
        ge=0,
    )
    zone: str = option("UTC", "Where the day turns.", looser=Looser.NEVER, from_line="zone")


def judge(facts: Facts, settings: Settings) -> Ruling:
    if facts.initiator not in _AUTOMATIC:
        return ALLOWED
    counts = facts.counts
    if counts.asked_hour >= settings.asked_hour:
        return deny(
            "agent_flood",
            f"It already proposed {counts.asked_hour} messages this hour "
            f"(limit {settings.asked_hour}).",
        )
    if counts.agent_day >= settings.day:
        text = f"It already sent {counts.agent_day} messages this day (limit {settings.day})."
        return hold("agent_volume", text, day_end(facts.now, settings.zone))
    # A page to somebody on duty is of no use tomorrow, and the configuration names who that is.
    unknown = facts.new_recipient and facts.heard_s is None and facts.role is not Role.RESPONDER
    if unknown and counts.new_recipients_day >= settings.new_recipients_day:
        text = f"The line already wrote first to {counts.new_recipients_day} new people this day."
        return hold("new_recipients", text, day_end(facts.now, settings.zone))
    return ALLOWED


RULE = Rule(
    "agent_volume",
    "One agent or event source sends at most so many messages a day, and the line writes first to "
    "at most so many new people a day, responders aside; more wait. Beyond so many proposals an hour an agent is refused, "
    "so that nobody has to look through a flood of drafts.",
    judge,
    Settings(),
    acts=frozenset({Act.REPLY, Act.INITIATE, Act.CALL}),
)
