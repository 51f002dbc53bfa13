"""Whether a grant covers an act, and which of several counts: pure, over the facts of the act and
who asks. What a grant may be at all stands here too: no grant lets an agent talk freely to everybody
for as long and as often as it likes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from ringfence.model.contact import Role
from ringfence.model.errors import InvalidField
from ringfence.model.grant import Grant, GrantGroup, GrantScope
from ringfence.model.message import MessageClass
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.policy.facts import Facts, Initiator
from ringfence.policy.hours import OPEN, hours_of, judge_hours

TEXTS = frozenset({MessageClass.FREE_TEXT, MessageClass.TEMPLATE})
_ACTS = frozenset({Act.REPLY, Act.INITIATE})

COUNT_MAX = 1_000_000
LIFETIME_MAX = timedelta(days=3_660)
RECIPIENTS_MAX = 500
# Of free text to people whom nobody wrote on a list.
WIDE_COUNT_MAX = 1_000
WIDE_LIFETIME_MAX = timedelta(days=92)


@dataclass(frozen=True, slots=True)
class Asking:
    """What the facts leave out, since they are kept: which agent asks, for whose number; and the
    zone of the line."""

    agent: str
    number: PhoneNumber
    zone: str


def covers(grant: Grant, facts: Facts, asking: Asking) -> bool:
    """May this text leave the gate on this grant? A use more is left, and it is one of its texts."""
    return grant.usable(facts.now) and _applies(grant, facts, asking)


def still_covers(grant: Grant, facts: Facts, asking: Asking) -> bool:
    """May a text that left the gate on this grant, its use recorded, still go?"""
    return grant.stands(facts.now) and _applies(grant, facts, asking)


def narrowest(grants: Iterable[Grant]) -> Grant | None:
    """Of several grants that cover one act the one that says most about it; of two alike the one
    with the least left, then the first to end, then the older. Always the same one."""
    return min(grants, key=_width, default=None)


def refusal(scope: GrantScope, count_max: int | None, lifetime: timedelta | None) -> str:
    """Why there can be no such grant, in words for the operator; empty when there can."""
    if not scope.classes or not scope.classes <= TEXTS:
        return "Say which class: free_text, template, or both."
    if scope.templates and MessageClass.TEMPLATE not in scope.classes:
        return "It names templates, so its class must be template as well."
    if (scope.group is GrantGroup.NAMED) != bool(scope.recipients):
        return "Say to whom: either numbers, or a group."
    if len(scope.recipients) > RECIPIENTS_MAX:
        return f"At most {RECIPIENTS_MAX} recipients; a list of the line can hold more."
    if count_max is not None and not 1 <= count_max <= COUNT_MAX:
        return f"The count is a whole number from 1 to {COUNT_MAX}."
    if lifetime is not None and not timedelta(0) < lifetime <= LIFETIME_MAX:
        return f"It ends after its beginning, at most {LIFETIME_MAX.days} days after."
    if MessageClass.FREE_TEXT in scope.classes and not scope.group.on_lists:
        return _wide(count_max, lifetime)
    return ""


def _wide(count_max: int | None, lifetime: timedelta | None) -> str:
    bounded = count_max is not None and count_max <= WIDE_COUNT_MAX
    if bounded and lifetime is not None and lifetime <= WIDE_LIFETIME_MAX:
        return ""
    return (
        "Free text to people on no list needs a count (at most "
        f"{WIDE_COUNT_MAX}) and an end (within {WIDE_LIFETIME_MAX.days} days): without them an "
        "agent could talk to everybody, and nobody would look. Name recipients, use a group of "
        "people you listed, or grant templates instead."
    )


def _applies(grant: Grant, facts: Facts, asking: Asking) -> bool:
    scope = grant.scope
    return (
        facts.initiator is Initiator.AGENT
        and facts.act in _ACTS
        and grant.agent == asking.agent != ""
        and grant.line in ("", facts.line)
        and _is_one_of(scope, facts)
        and _goes_to(scope, facts, asking.number)
        and _is_open(scope.hours, asking.zone, facts.now)
    )


def _is_one_of(scope: GrantScope, facts: Facts) -> bool:
    traits = facts.traits
    if facts.message_class not in scope.classes & TEXTS:
        return False
    if scope.categories and traits.category not in scope.categories:
        return False
    if scope.programmes and traits.programme not in scope.programmes:
        return False
    if facts.message_class is MessageClass.FREE_TEXT or not scope.templates:
        return True
    return bool(scope.templates & {traits.template, traits.template.partition("@")[0]})


def _goes_to(scope: GrantScope, facts: Facts, number: PhoneNumber) -> bool:
    match scope.group:
        case GrantGroup.NAMED:
            return number in scope.recipients
        case GrantGroup.OWNERS:
            return facts.role is Role.OWNER
        case GrantGroup.PAIRED:
            return facts.role is not Role.STRANGER
        case GrantGroup.LISTED:
            return facts.listed or facts.role is not Role.STRANGER
        case GrantGroup.CONSENTED:
            return bool(facts.consent)
        case GrantGroup.ANYONE:
            return True
        case _:
            assert_never(scope.group)


def _is_open(hours: str, zone: str, now: datetime) -> bool:
    try:
        return not hours or judge_hours(hours_of(hours), (zone,), now) is OPEN
    except InvalidField:  # hours or a zone nobody can read are no hours at all
        return False


def _width(grant: Grant) -> tuple[object, ...]:
    """Sorts the narrower grant first."""
    scope = grant.scope
    until = grant.valid_until
    return (
        scope.group.breadth,
        len(scope.recipients),
        len(scope.classes),
        not scope.templates,
        len(scope.templates),
        not grant.line,
        not scope.programmes,
        not scope.categories,
        not scope.hours,
        COUNT_MAX + 1 if grant.left is None else grant.left,
        float("inf") if until is None else until.timestamp(),
        grant.id,
    )
