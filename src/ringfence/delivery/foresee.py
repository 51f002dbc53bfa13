"""What an escalation will do if everything goes as it should and nobody answers: for looking at, never
for doing. Counted by `delivery.escalate` itself, so that what is shown is what will be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from ringfence.delivery.escalate import Began, Effect, Facts, Notify, Who, advance
from ringfence.model.alert import Alert, AlertState, Notification
from ringfence.model.oncall import EscalationPolicy

ROUNDS_MAX: Final = 2
LOOKS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One effect and when it comes."""

    at: datetime
    effect: Effect


@dataclass(frozen=True, slots=True)
class Outlook:
    """What comes, in order; `whole` is false where it goes on after the last one told."""

    foreseen: tuple[Foreseen, ...]
    whole: bool = True


def foresee(
    alert: Alert,
    policy: EscalationPolicy,
    facts: Facts,
    now: datetime,
    who: Callable[[datetime], Who],
    reaches: Callable[[Notify], bool],
) -> Outlook:
    """From this alert as it is. `who` answers who is meant at a time; what `reaches` somebody arrives
    at once, everything else fails at once. At most ROUNDS_MAX further rounds are told."""
    found: list[Foreseen] = []
    last = alert.round + ROUNDS_MAX
    at = now
    for _ in range(LOOKS_MAX):
        if alert.state is not AlertState.TRIGGERED or alert.next_at is None:
            return Outlook(tuple(found))
        at = max(at, alert.next_at)
        done = advance(alert, policy, facts, at, who(at))
        if any(isinstance(one, Began) and one.round > last for one in done.effects):
            break
        found += [Foreseen(at, effect) for effect in done.effects]
        told = [one for one in done.effects if isinstance(one, Notify)]
        facts = replace(
            facts,
            notifications=(
                *facts.notifications,
                *(_as_it_should(one, at, reaches(one)) for one in told),
            ),
        )
        # What failed at once brings the next way or step forward.
        failed = not all(reaches(one) for one in told)
        alert = replace(done.alert, next_at=at) if failed and done.alert.next_at else done.alert
    return Outlook(tuple(found), whole=False)


def _as_it_should(told: Notify, at: datetime, reaches: bool) -> Notification:
    return Notification(
        told.round,
        told.step,
        told.way,
        told.responder,
        told.channel,
        at,
        delivered_at=at if reaches else None,
        failed_at=None if reaches else at,
    )
