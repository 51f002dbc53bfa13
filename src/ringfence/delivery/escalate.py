"""Which step of an escalation is due, whom it tells by what, and when to look again. State, facts
and `now` in; the changed alert and effects out, the same for the same.

It never tells anybody twice on one way of one step of one round, never begins a step before its time
(except when a person says so), and nothing at all once the alert is acknowledged or resolved. Time
that nobody looked is not made up for: what was missed happens once, and what follows keeps its distance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from ringfence.model.alert import Acknowledgement, Alert, AlertState, Notification
from ringfence.model.oncall import Channel, EscalationPolicy, Step, Target, Way

_AT_ONCE: Final = timedelta(0)

Who = Callable[[Target], Sequence[str]]
"""Whom a target means now: the person, those on call, the members of a group. Nobody is no error."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What was observed of one alert: everything that was told, and who has acknowledged."""

    notifications: tuple[Notification, ...] = ()
    acknowledgements: tuple[Acknowledgement, ...] = ()


@dataclass(frozen=True, slots=True)
class Began:
    """A step began; what it tells follows."""

    round: int
    step: str
    place: int


@dataclass(frozen=True, slots=True)
class Notify:
    """Tell this responder, as this way of this step of this round; to be stored as a Notification."""

    responder: str
    channel: Channel
    round: int
    step: str
    way: int


@dataclass(frozen=True, slots=True)
class Nobody:
    """A step began and its targets name nobody: it is passed over, and the owner should know."""

    round: int
    step: str
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The last step of the last round was in vain: the owner is told. `missing` are those who were
    told and have not acknowledged."""

    rounds: int
    missing: tuple[str, ...]


Effect = Began | Notify | Nobody | Exhausted


@dataclass(frozen=True, slots=True)
class Escalated:
    """The alert as it is now, and what is to be done in the same transaction."""

    alert: Alert
    effects: tuple[Effect, ...] = ()


class Answer(Enum):
    """What became of what a person said. TAKEN: done. PARTLY: noted, others are still missing.
    ALREADY: it was so before. STALE: said before something overtook it. OVER: it is resolved.
    NOBODY_LEFT: there is nobody further to ask."""

    TAKEN = "taken"
    PARTLY = "partly"
    ALREADY = "already"
    STALE = "stale"
    OVER = "over"
    NOBODY_LEFT = "nobody_left"


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of it; the alert as it is now. `missing` are those whose word is still owed."""

    answer: Answer
    alert: Alert
    effects: tuple[Effect, ...] = ()
    missing: tuple[str, ...] = ()


def advance(
    alert: Alert, policy: EscalationPolicy, facts: Facts, now: datetime, who: Who
) -> Escalated:
    """What is due by now. Asked again with its notifications stored, it has nothing more to do; asked
    late, it does once what was missed."""
    if alert.state is not AlertState.TRIGGERED or alert.exhausted_at is not None:
        return Escalated(replace(alert, next_at=None))
    due = _ends_at(alert, policy, facts)
    told = _ways_due(alert, policy, facts, now)
    if told or due > now:
        return _waiting(alert, policy, facts, now, told)
    return _step_on(alert, policy, facts, now, who)


def acknowledge(
    alert: Alert,
    policy: EscalationPolicy,
    facts: Facts,
    responder: str,
    as_of: datetime,
    now: datetime,
) -> Answered:
    """A responder says "I have it", in words sent at `as_of`. Store it as an Acknowledgement where
    the answer is TAKEN or PARTLY; `facts` are those from before."""
    said = min(as_of, now)
    if alert.state is AlertState.RESOLVED:
        return Answered(Answer.OVER, alert)
    if alert.state is AlertState.ACKNOWLEDGED:
        return Answered(Answer.ALREADY, alert)
    if said < alert.triggered_at:
        return Answered(Answer.STALE, alert, missing=missing(alert, facts))
    ours = (*facts.acknowledgements, Acknowledgement(responder, said))
    others = missing(alert, replace(facts, acknowledgements=ours))
    if policy.everyone and others:
        known = responder in acknowledged(alert, facts)
        return Answered(Answer.ALREADY if known else Answer.PARTLY, alert, missing=others)
    has_it = replace(
        alert,
        state=AlertState.ACKNOWLEDGED,
        acknowledged_by=responder,
        acknowledged_at=said,
        next_at=None,
    )
    return Answered(Answer.TAKEN, has_it)


def resolve(alert: Alert, by: str, now: datetime) -> Answered:
    """It is over; nothing more is owed."""
    if alert.state is AlertState.RESOLVED:
        return Answered(Answer.ALREADY, alert)
    over = replace(alert, state=AlertState.RESOLVED, resolved_by=by, resolved_at=now, next_at=None)
    return Answered(Answer.TAKEN, over)


def escalate(
    alert: Alert,
    policy: EscalationPolicy,
    facts: Facts,
    as_of: datetime,
    now: datetime,
    who: Who,
) -> Answered:
    """A person asks for the next step at once, in words sent at `as_of`. What they wanted may have
    happened meanwhile: a step that began, or an acknowledgement that was given, after they wrote
    stands. Whoever has the alert passes it on by this."""
    if alert.state is AlertState.RESOLVED:
        return Answered(Answer.OVER, alert)
    latest = max(_known(alert.triggered_at, alert.step_at, alert.acknowledged_at))
    if min(as_of, now) < latest:
        return Answered(Answer.STALE, alert)
    if alert.exhausted_at is not None and alert.state is AlertState.TRIGGERED:
        return Answered(Answer.NOBODY_LEFT, alert)
    passed_on = replace(
        alert,
        state=AlertState.TRIGGERED,
        triggered_at=now,
        acknowledged_by="",
        acknowledged_at=None,
        exhausted_at=None,
    )
    done = _step_on(passed_on, policy, facts, now, who, forced=True)
    told = any(isinstance(effect, Notify) for effect in done.effects)
    return Answered(Answer.TAKEN if told else Answer.NOBODY_LEFT, done.alert, done.effects)


def next_due(alert: Alert, policy: EscalationPolicy, facts: Facts) -> datetime | None:
    """When to look at this alert again; in the past, when somebody should have. None where nothing is
    owed. Facts that come in may change it: look again then."""
    if alert.state is not AlertState.TRIGGERED or alert.exhausted_at is not None:
        return None
    ways = (at for _, _, at in _open_ways(alert, policy, facts))
    return min((_ends_at(alert, policy, facts), *ways))


def acknowledged(alert: Alert, facts: Facts) -> tuple[str, ...]:
    """Who has acknowledged since the alert was opened or passed on."""
    valid = (one.responder for one in facts.acknowledgements if one.at >= alert.triggered_at)
    return tuple(dict.fromkeys(valid))


def missing(alert: Alert, facts: Facts) -> tuple[str, ...]:
    """Who was told of it and has not acknowledged, in the order they were told."""
    known = acknowledged(alert, facts)
    told = dict.fromkeys(one.responder for one in facts.notifications)
    return tuple(one for one in told if one not in known)


def problems(policy: EscalationPolicy) -> tuple[str, ...]:
    """What makes no sense in a policy, each in words for whoever wrote it."""
    return tuple(_problems(policy))


def _problems(policy: EscalationPolicy) -> Iterable[str]:
    names = [step.name for step in policy.steps]
    if not names:
        yield "there is no step: nobody would ever be told"
    if policy.rounds is not None and policy.rounds < 1:
        yield "`rounds` is at least 1"
    for name in dict.fromkeys(name for name in names if names.count(name) > 1 or not name):
        yield f'each step has a name of its own; "{name}" has not'
    for step in policy.steps:
        if not step.targets:
            yield f'step "{step.name}" has no targets'
        if step.acknowledged_within_s < 1 or step.delivered_within_s < 0 or step.delay_s < 0:
            yield f'step "{step.name}" has a time below nought'
        afters = [way.after_s for way in step.ways]
        if not afters or afters[0] != 0 or sorted(afters) != afters:
            yield f'step "{step.name}" has ways that do not begin at 0 seconds and follow in order'
        elif afters[-1] >= step.acknowledged_within_s:
            yield f'step "{step.name}" is given up before its last way is tried'


def _waiting(
    alert: Alert,
    policy: EscalationPolicy,
    facts: Facts,
    now: datetime,
    told: Sequence[Notify],
) -> Escalated:
    """Within a step: what its further ways tell, and when to look again."""
    after = _with(facts, told, now)
    return Escalated(replace(alert, next_at=next_due(alert, policy, after)), tuple(told))


def _step_on(
    alert: Alert,
    policy: EscalationPolicy,
    facts: Facts,
    now: datetime,
    who: Who,
    *,
    forced: bool = False,
) -> Escalated:
    """Begin the next step, and where it finds nobody the one after it as soon as that is due
    (`forced`: at once). Each step of the policy is tried at most once here."""
    effects: list[Effect] = []
    for _ in policy.steps:
        found = _next_step(alert, policy, facts)
        if found is None:
            break
        round_, index = found
        step = policy.steps[index]
        alert = replace(alert, step=step.name, place=index + 1, round=round_, step_at=now)
        effects.append(Began(round_, step.name, index + 1))
        meant = tuple(dict.fromkeys(one for target in step.targets for one in who(target)))
        if not meant:
            effects.append(Nobody(round_, step.name, step.targets))
        told = _first_way(alert, step, meant, facts)
        if told or (not forced and _ends_at(alert, policy, facts) > now):
            due = next_due(alert, policy, _with(facts, told, now))
            return Escalated(replace(alert, next_at=due), (*effects, *told))
    if _next_step(alert, policy, facts) is None:
        return _exhausted(alert, facts, now, effects)
    return Escalated(replace(alert, next_at=_ends_at(alert, policy, facts)), tuple(effects))


def _exhausted(alert: Alert, facts: Facts, now: datetime, effects: Sequence[Effect]) -> Escalated:
    over = replace(alert, exhausted_at=now, next_at=None)
    return Escalated(over, (*effects, Exhausted(alert.round, missing(alert, facts))))


def _first_way(alert: Alert, step: Step, meant: Iterable[str], facts: Facts) -> tuple[Notify, ...]:
    known = acknowledged(alert, facts)
    if not step.ways:
        return ()
    return tuple(
        Notify(person, step.ways[0].channel, alert.round, step.name, 0)
        for person in meant
        if person not in known
    )


def _next_step(alert: Alert, policy: EscalationPolicy, facts: Facts) -> tuple[int, int] | None:
    """Round and index of the step after the present one; None when that was the last.

    The policy may have been changed since. A step is known by its name; one that is gone leaves its
    place to those behind it; one that told people in this round does not do so again in it."""
    here, begun = _index(alert, policy), _told_in_round(alert, facts)
    start = here + 1 if here is not None else max(alert.place - 1, 0)
    for index in range(start, len(policy.steps)):
        if alert.round and policy.steps[index].name not in begun:
            return alert.round, index
    another = policy.rounds is None or alert.round < policy.rounds
    return (alert.round + 1, 0) if another and policy.steps else None


def _index(alert: Alert, policy: EscalationPolicy) -> int | None:
    names = [step.name for step in policy.steps]
    return names.index(alert.step) if alert.step in names else None


def _told_in_round(alert: Alert, facts: Facts) -> frozenset[str]:
    return frozenset(one.step for one in facts.notifications if one.round == alert.round)


def _ends_at(alert: Alert, policy: EscalationPolicy, facts: Facts) -> datetime:
    """When the step after the present one is due; after the last, when that was in vain."""
    following = _next_step(alert, policy, facts)
    given_up = _given_up_at(alert, policy, facts)
    if following is None:
        return given_up
    round_, index = following
    wait_s = policy.steps[index].delay_s
    if round_ > max(alert.round, 1):
        wait_s += policy.pause_s
    return given_up + timedelta(seconds=wait_s)


def _given_up_at(alert: Alert, policy: EscalationPolicy, facts: Facts) -> datetime:
    """When the present step has been in vain, if nobody acknowledges until then."""
    if alert.step_at is None:
        return alert.triggered_at
    if not policy.steps:
        return alert.step_at
    index = _index(alert, policy)
    # The times of a step that is gone went with it; those of what stands in its place hold.
    at = index if index is not None else min(alert.place, len(policy.steps)) - 1
    step, ours = policy.steps[at], _of_step(alert, facts)
    patience = timedelta(seconds=step.acknowledged_within_s)
    if not ours:
        return alert.step_at + (patience if _waits_empty(alert, policy, facts) else _AT_ONCE)
    # What was told late is given the time it was meant to have.
    kept = (one.at + patience - _after(step, one.way) for one in ours)
    until = max(alert.step_at + patience, *kept)
    lost = _lost_at(alert, step, facts)
    return until if lost is None else min(until, lost)


def _waits_empty(alert: Alert, policy: EscalationPolicy, facts: Facts) -> bool:
    """A whole round found nobody, and another is to follow: not at once, or it would never rest."""
    following = _next_step(alert, policy, facts)
    last = following is not None and following[0] > alert.round
    return last and not _told_in_round(alert, facts)


def _lost_at(alert: Alert, step: Step, facts: Facts) -> datetime | None:
    """When it was clear that nothing reached anybody on any way; None while something may."""
    latest: datetime | None = None
    for _, theirs in _by_person(alert, facts):
        last = theirs[-1]
        failed = _failed_at(step, last)
        if any(one.delivered_at for one in theirs) or last.way + 1 < len(step.ways) or not failed:
            return None
        latest = max(_known(latest, failed))
    return latest


def _ways_due(
    alert: Alert, policy: EscalationPolicy, facts: Facts, now: datetime
) -> tuple[Notify, ...]:
    return tuple(
        Notify(person, step_way.channel, alert.round, alert.step, way)
        for (person, way), step_way, at in _open_ways(alert, policy, facts)
        if at <= now
    )


def _open_ways(
    alert: Alert, policy: EscalationPolicy, facts: Facts
) -> Iterator[tuple[tuple[str, int], Way, datetime]]:
    """For each person of the present step who has not acknowledged, the way that follows and when."""
    index = _index(alert, policy)
    if index is None or alert.step_at is None:
        return
    step = policy.steps[index]
    for person, theirs in _by_person(alert, facts):
        last = theirs[-1]
        if last.way + 1 < len(step.ways):
            following = step.ways[last.way + 1]
            yield (person, last.way + 1), following, _way_at(alert.step_at, step, last)


def _way_at(step_at: datetime, step: Step, last: Notification) -> datetime:
    """When the way after `last` is due: as planned, keeping its distance where `last` was late; or
    as soon as `last` failed."""
    after_s = step.ways[last.way + 1].after_s
    planned = step_at + timedelta(seconds=after_s)
    kept = last.at + timedelta(seconds=after_s) - _after(step, last.way)
    failed = None if last.delivered_at else _failed_at(step, last)
    return min(_known(max(planned, kept), failed))


def _failed_at(step: Step, told: Notification) -> datetime | None:
    """When a way that delivered nothing counts as failed; None where it may take as long as it
    likes."""
    overdue = told.at + timedelta(seconds=step.delivered_within_s)
    return min(_known(told.failed_at, overdue if step.delivered_within_s else None), default=None)


def _by_person(alert: Alert, facts: Facts) -> Iterator[tuple[str, tuple[Notification, ...]]]:
    """What each person was told by the present step, in the order of its ways, those left out who
    acknowledged."""
    known, ours = acknowledged(alert, facts), _of_step(alert, facts)
    for person in dict.fromkeys(one.responder for one in ours):
        if person not in known:
            theirs = (one for one in ours if one.responder == person)
            yield person, tuple(sorted(theirs, key=lambda one: one.way))


def _of_step(alert: Alert, facts: Facts) -> tuple[Notification, ...]:
    return tuple(
        one for one in facts.notifications if one.round == alert.round and one.step == alert.step
    )


def _after(step: Step, way: int) -> timedelta:
    return timedelta(seconds=step.ways[min(way, len(step.ways) - 1)].after_s)


def _with(facts: Facts, told: Sequence[Notify], now: datetime) -> Facts:
    new = (
        Notification(one.round, one.step, one.way, one.responder, one.channel, now) for one in told
    )
    return replace(facts, notifications=(*facts.notifications, *new))


def _known(*moments: datetime | None) -> list[datetime]:
    return [moment for moment in moments if moment is not None]
