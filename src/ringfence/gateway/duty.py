"""Who is meant now: a person, those on call, a group. The configured schedules with the overrides
people made meanwhile; reads only what the transaction sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ringfence.delivery.escalate import Who
from ringfence.delivery.oncall import on_call
from ringfence.gateway.equipment import Equipment
from ringfence.model.errors import InvalidField, NotFound
from ringfence.model.oncall import Override, OverrideKind, Schedule, Target, TargetKind
from ringfence.ports import StoredOverride, Tx

OVERRIDE_MAX = timedelta(days=366)


def who(kit: Equipment, tx: Tx, now: datetime) -> Who:
    """Whom a target means at `now`: names of responders, nobody for what is not configured any
    more. Schedules are looked up once per answer."""
    known: dict[str, Sequence[str]] = {}

    def meant(target: Target) -> Sequence[str]:
        match target.kind:
            case TargetKind.PERSON:
                return (target.name,) if target.name in kit.operations.responders else ()
            case TargetKind.GROUP:
                return kit.operations.groups.get(target.name, ())
            case TargetKind.SCHEDULE:
                if target.name not in known:
                    schedule = kit.operations.schedules.get(target.name)
                    known[target.name] = (
                        () if schedule is None else on_call(changed(tx, schedule, now), now)
                    )
                return known[target.name]

    return meant


def changed(tx: Tx, schedule: Schedule, since: datetime) -> Schedule:
    """A schedule with the overrides that end after `since`."""
    stored = tx.duty.overrides(schedule.name, since)
    made = tuple(one.override for one in stored)
    return replace(schedule, overrides=(*schedule.overrides, *made))


def schedule_of(kit: Equipment, name: str) -> Schedule:
    """Raises NotFound."""
    found = kit.operations.schedules.get(name)
    if found is None:
        known = ", ".join(sorted(kit.operations.schedules)) or "none is configured"
        raise NotFound(f"No schedule is called {name[:64]!r}. Known: {known}.")
    return found


def override(
    kit: Equipment, tx: Tx, schedule: str, wanted: Override, actor: str, now: datetime
) -> StoredOverride:
    """Change who is on call for a span of time. Raises NotFound, InvalidField."""
    schedule_of(kit, schedule)
    for name in (wanted.responder, wanted.instead_of):
        if name and name not in kit.operations.responders:
            known = ", ".join(sorted(kit.operations.responders)) or "none is configured"
            raise InvalidField(f"No responder is called {name[:64]!r}. Known: {known}.")
    if wanted.instead_of and wanted.kind is not OverrideKind.REPLACE:
        raise InvalidField("`instead_of` belongs to an override that replaces somebody.")
    if wanted.ends <= max(wanted.begins, now) or wanted.ends - wanted.begins > OVERRIDE_MAX:
        raise InvalidField("An override ends after it begins, in the future, within a year.")
    stored = StoredOverride(kit.ids.new("override", now), schedule, wanted, now, actor)
    tx.duty.add_override(stored)
    body = {
        "schedule": schedule,
        "kind": wanted.kind.value,
        "responder": wanted.responder,
        "instead_of": wanted.instead_of,
        "begins": wanted.begins.isoformat(),
        "ends": wanted.ends.isoformat(),
    }
    tx.audit.append([kit.audit("duty_override", stored.id, actor, now, body)])
    return stored


def remove_override(kit: Equipment, tx: Tx, override_id: str, actor: str, now: datetime) -> None:
    """Raises NotFound."""
    if not tx.duty.remove_override(override_id):
        raise NotFound("No override has this id; `ringfence oncall overrides` lists them.")
    tx.audit.append([kit.audit("duty_override_removed", override_id, actor, now, {})])
