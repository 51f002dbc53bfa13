"""Grants: what an operator lets one agent do without asking. Add, revoke, expire; each is one transaction
with its audit entry. None of this is open to an agent (P2), and what rests on a grant ends with it
(P3). A use never comes back: not for a text that was cancelled, refused or never arrived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ringfence.gateway.cancel import cancel_items
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.halt import known
from ringfence.gateway.principals import known_agents, lifetime_of
from ringfence.gateway.views import moment
from ringfence.model.consent import is_programme
from ringfence.model.draft import Category, DraftState
from ringfence.model.errors import InvalidField, NotFound, NotPermitted, TooMany
from ringfence.model.grant import (
    Grant,
    GrantGroup,
    GrantScope,
    GrantState,
    GrantUse,
    basis_on,
)
from ringfence.model.message import MessageClass
from ringfence.model.outbox import OutboxItem
from ringfence.model.phone import PhoneNumber
from ringfence.model.template import Template
from ringfence.policy.granting import refusal
from ringfence.policy.windows import CLOSED, parse_windows
from ringfence.ports import Tx

ACTIVE_MAX = 1_000
NAME_LENGTH_MAX, NOTE_LENGTH_MAX = 80, 500
USES_SHOWN = 50
_SWEEP_MAX = 500
# Whose word a grant can be: principals of this kind and nobody else.
_OPERATOR = "operator:"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A grant somebody asks for. Either `recipients` or `group`; without `classes` the class is
    template where `templates` are named; `until` is a time to come (`until_of`)."""

    agent: str
    line: str = ""
    recipients: frozenset[PhoneNumber] = frozenset()
    group: GrantGroup = GrantGroup.NAMED
    classes: frozenset[MessageClass] = frozenset()
    categories: frozenset[Category] = frozenset()
    templates: frozenset[str] = frozenset()
    programmes: frozenset[str] = frozenset()
    hours: str = ""
    count: int | None = None
    until: datetime | None = None
    name: str = ""
    note: str = ""


def add(kit: Equipment, tx: Tx, wanted: Wanted, actor: str, now: datetime) -> Grant:
    """Raises InvalidField with words for a grant there cannot be, TooMany."""
    _operators_only(actor)
    scope = _scope(kit, wanted)
    _must_make_sense(kit, tx, wanted, scope, now)
    if tx.grants.alive() >= ACTIVE_MAX:
        raise TooMany(f"There are {ACTIVE_MAX} active grants; revoke those nobody uses.")
    grant = Grant(
        id=kit.ids.new("grant", now),
        name=wanted.name,
        agent=wanted.agent,
        line=wanted.line,
        scope=scope,
        count_max=wanted.count,
        valid_from=now,
        valid_until=wanted.until,
        created_at=now,
        created_by=actor,
        note=wanted.note,
    )
    tx.grants.add(grant)
    body = {
        **_terms(grant),
        # Numbers stay with the grant: the record outlives every person in it (P9).
        "recipients": sorted(known(kit, tx, one, now).contact_id for one in scope.recipients),
    }
    tx.audit.append([kit.audit("grant_created", grant.id, actor, now, body)])
    return grant


def revoke(kit: Equipment, tx: Tx, grant_id: str, actor: str, now: datetime) -> tuple[Grant, int]:
    """From this commit on nothing leaves on it: what waits or is held because of it is cancelled,
    drafts among it. Answers the grant and how many messages that ended. Raises NotFound."""
    _operators_only(actor)
    grant = find(tx, grant_id)
    if not tx.grants.end(grant.id, GrantState.REVOKED, actor, now):
        raise NotFound(f"It was revoked by {grant.ended_by} at {moment(grant.ended_at)}.")
    items = _resting_on(tx, grant)
    cancel_items(tx, items, "grant revoked", now)
    messages = sorted({item.message_id for item in items})
    for key in messages:
        tx.drafts.change(key, DraftState.CANCELLED, actor, "grant revoked", now)
    body = {"used": grant.used, "items": [item.id for item in items], "messages": messages}
    tx.audit.append([kit.audit("grant_revoked", grant.id, actor, now, body)])
    return find(tx, grant.id), len(messages)


def expire(kit: Equipment, tx: Tx, now: datetime) -> int:
    """Put on record which grants are over. The gate goes by the time itself and never waits for
    this."""
    over = tx.grants.overdue(now, _SWEEP_MAX)
    for grant_id in over:
        tx.grants.end(grant_id, GrantState.EXPIRED, "system", now)
    tx.audit.append([kit.audit("grant_expired", one, "system", now, {}) for one in over])
    return len(over)


def find(tx: Tx, grant_id: str) -> Grant:
    """Raises NotFound."""
    grant = tx.grants.get(grant_id) if grant_id.isascii() and grant_id.isprintable() else None
    if grant is None:
        raise NotFound("No grant has this id; `ringfence grants list --all` shows every one.")
    return grant


def until_of(text: str, now: datetime) -> datetime:
    """`30d`, `12h`, `2w`, or a time with its zone. Raises InvalidField."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return now + lifetime_of(text)
    if at.tzinfo is None:
        raise InvalidField("Write the end with its zone, such as 2026-03-31T17:00:00Z, or as 30d.")
    return at


def grant_view(grant: Grant, now: datetime) -> dict[str, Any]:
    """One grant as operators see it, the numbers they named in full."""
    return {
        "id": grant.id,
        "name": grant.name or None,
        "state": grant.state_at(now).value,
        **_terms(grant),
        "recipients": sorted(number.e164 for number in grant.scope.recipients),
        "used": grant.used,
        "left": grant.left,
        "note": grant.note or None,
        "created_at": moment(grant.created_at),
        "created_by": grant.created_by,
        "ended_at": moment(grant.ended_at),
        "ended_by": grant.ended_by or None,
    }


def grant_story(tx: Tx, grant: Grant, now: datetime) -> dict[str, Any]:
    """The grant with its newest uses: which message went to whom on it, and when."""
    uses = tx.grants.uses(grant.id, USES_SHOWN)
    return {**grant_view(grant, now), "uses": [_use_view(use) for use in uses]}


def _use_view(use: GrantUse) -> Mapping[str, Any]:
    return {"message": use.message_id, "contact": use.contact_id, "at": moment(use.at)}


def _terms(grant: Grant) -> dict[str, Any]:
    """What it allows, without a number."""
    scope = grant.scope
    return {
        "agent": grant.agent,
        "line": grant.line or None,
        "group": scope.group.value,
        "classes": sorted(one.value for one in scope.classes),
        "categories": sorted(one.value for one in scope.categories),
        "templates": sorted(scope.templates),
        "programmes": sorted(scope.programmes),
        "hours": scope.hours or None,
        "count": grant.count_max,
        "from": moment(grant.valid_from),
        "until": moment(grant.valid_until),
    }


def _resting_on(tx: Tx, grant: Grant) -> list[OutboxItem]:
    basis = basis_on(grant.id)
    waiting = tx.outbox.pending_where(grant.line or None, f"agent:{grant.agent}")
    return [item for item in waiting if item.traits.basis == basis]


def _operators_only(actor: str) -> None:
    """Whoever lets an agent in here made a mistake; it must not become a grant (P2)."""
    if not actor.startswith(_OPERATOR):
        raise NotPermitted("Only an operator gives grants and takes them back.")


def _scope(kit: Equipment, wanted: Wanted) -> GrantScope:
    only_templates = frozenset({MessageClass.TEMPLATE}) if wanted.templates else frozenset()
    return GrantScope(
        group=wanted.group,
        recipients=wanted.recipients,
        classes=wanted.classes or only_templates,
        categories=wanted.categories,
        templates=wanted.templates,
        programmes=wanted.programmes,
        hours=wanted.hours.strip(),
    )


def _must_make_sense(
    kit: Equipment, tx: Tx, wanted: Wanted, scope: GrantScope, now: datetime
) -> None:
    """A grant for what nobody has would license nothing and look as if it did."""
    agents = known_agents(kit, tx)
    if wanted.agent not in agents:
        raise InvalidField(f"No agent is called so. Known: {', '.join(sorted(agents))}.")
    if wanted.line and wanted.line not in kit.lines:
        known_lines = ", ".join(sorted(kit.lines)) or "none is configured"
        raise InvalidField(f"No line is called so. Known: {known_lines}.")
    lifetime = None if wanted.until is None else wanted.until - now
    if words := refusal(scope, wanted.count, lifetime):
        raise InvalidField(words)
    for name in sorted(scope.templates):
        if not _is_template(kit.templates, name):
            known_ones = ", ".join(sorted(kit.templates)) or "none is configured"
            raise InvalidField(f"No template {name[:64]!r}. Known: {known_ones}.")
    if bad := sorted(one for one in scope.programmes if not is_programme(one)):
        raise InvalidField(f"{bad[0][:64]!r} cannot be a programme's name.")
    if scope.hours:
        _hours(scope.hours)
    _words("name", wanted.name, NAME_LENGTH_MAX)
    _words("note", wanted.note, NOTE_LENGTH_MAX)


def _is_template(templates: Mapping[str, Template], name: str) -> bool:
    """`visit`, or a version of it, `visit@2`: the one in use, or one that may come back."""
    bare, at, version = name.partition("@")
    return bare in templates and (not at or (version.isascii() and version.isdigit()))


def _hours(hours: str) -> None:
    try:
        week = parse_windows(hours)
    except InvalidField as error:
        raise InvalidField(f"The hours are {error.detail}.") from None
    if not any(week):
        raise InvalidField(f"Hours that are {CLOSED} allow nothing; revoke a grant to end it.")


def _words(field: str, text: str, most: int) -> None:
    if len(text) > most or not text.isprintable():
        raise InvalidField(f"`{field}` takes one line of at most {most} characters.")
