"""Stop and resume, block and unblock, opt-outs an operator enters: the acts of people that change
what may happen. Each is one transaction with its audit entry; none is open to an agent (P2)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import assert_never

from ringfence.gateway.call_ending import end_stopped
from ringfence.gateway.cancel import cancel_person, hold_items
from ringfence.gateway.equipment import Equipment
from ringfence.model.contact import Person, Switch, SwitchScope
from ringfence.model.errors import NotFound
from ringfence.model.outbox import OutboxItem, OutboxState
from ringfence.model.phone import PhoneNumber, mask
from ringfence.ports import Tx

STOPPED = "stopped"
# Anything of 8 to 15 digits with a number's layout between them; rather one mask too many.
_NUMBER = re.compile(r"\+?\(?[0-9](?:[ ().-]{0,2}[0-9]){7,14}")


def stop(
    kit: Equipment,
    tx: Tx,
    scope: SwitchScope,
    subject: str,
    reason: str,
    actor: str,
    now: datetime,
) -> int:
    """Engage a kill switch and hold what is waiting; answers how many messages were held (P3)."""
    tx.switches.engage(Switch(scope, subject, now, reason, actor))
    held = hold_items(kit, tx, _pending(tx, scope, subject), STOPPED, actor, now)
    ended = end_stopped(kit, tx, scope, subject, actor, now)
    # The words as typed stand with the switch; the record outlives every person in it (P9).
    words = _NUMBER.sub(lambda found: mask(found.group()), reason)
    body = {
        "scope": scope,
        "reason": words,
        "held": held,
        "calls": ended,
        **_named(tx, scope, subject),
    }
    tx.audit.append([kit.audit("stop", scope.value, actor, now, body)])
    return held


def resume(
    kit: Equipment, tx: Tx, scope: SwitchScope, subject: str, actor: str, now: datetime
) -> list[OutboxItem]:
    """Release a kill switch; answers what it held, oldest first. That stays held: a person lets it
    go, or it expires. Raises NotFound when that switch is not engaged."""
    if not tx.switches.release(scope, subject):
        raise NotFound("That kill switch is not engaged; `ringfence stop --list` shows which are.")
    held = [
        item
        for item in _pending(tx, scope, subject)
        if item.state is OutboxState.HELD and item.reason.startswith(STOPPED)
    ]
    body = {"scope": scope, "held": len(held), **_named(tx, scope, subject)}
    tx.audit.append([kit.audit("resume", scope.value, actor, now, body)])
    return held


def stop_line(
    kit: Equipment, tx: Tx, line: str, code: int | None, detail: str, now: datetime
) -> None:
    """The provider refuses the line's credentials or account: nothing goes until a person says so."""
    tx.lines.stop(line, detail, now)
    body = {"line": line, "code": code, "detail": detail}
    tx.audit.append([kit.audit("line_stopped", line, "provider", now, body)])


def start_line(kit: Equipment, tx: Tx, line: str, actor: str, now: datetime) -> bool:
    """Let a line try again that a credential or account error had stopped."""
    started = tx.lines.start(line)
    if started:
        tx.audit.append([kit.audit("line_started", line, actor, now, {})])
    return started


def block(kit: Equipment, tx: Tx, number: PhoneNumber, actor: str, now: datetime) -> int:
    """Block a person on every line; cancels what is owed to them. Answers how many messages."""
    person = known(kit, tx, number, now)
    tx.people.set_blocked(number, True)
    tx.audit.append([kit.audit("blocked", person.contact_id, actor, now, {})])
    return cancel_person(kit, tx, number, "blocked", actor, now)


def unblock(kit: Equipment, tx: Tx, number: PhoneNumber, actor: str, now: datetime) -> None:
    """Raises NotFound for somebody who is not blocked."""
    person = tx.people.find([number]).get(number)
    if person is None or not person.blocked:
        raise NotFound("This person is not blocked.")
    tx.people.set_blocked(number, False)
    tx.audit.append([kit.audit("unblocked", person.contact_id, actor, now, {})])


def known(kit: Equipment, tx: Tx, number: PhoneNumber, now: datetime) -> Person:
    """The person at a number, made known if nobody knew them."""
    found = tx.people.find([number]).get(number)
    if found is None:
        tx.people.add([Person(number, kit.ids.new("contact", now))])
        found = tx.people.find([number])[number]
    return found


def _pending(tx: Tx, scope: SwitchScope, subject: str) -> list[OutboxItem]:
    """What waits of that which a switch covers."""
    match scope:
        case SwitchScope.EVERYTHING:
            return tx.outbox.pending_where(None, None)
        case SwitchScope.LINE:
            return tx.outbox.pending_where(subject, None)
        case SwitchScope.AGENT:
            return tx.outbox.pending_where(None, f"agent:{subject}")
        case SwitchScope.CONTACT:
            return tx.outbox.pending_for(PhoneNumber(subject))
        case SwitchScope.FLOW:
            waiting = tx.outbox.pending_where(None, None)
            return [item for item in waiting if item.traits.flow == subject]
        case _:
            assert_never(scope)


def _named(tx: Tx, scope: SwitchScope, subject: str) -> dict[str, str]:
    """What the switch covers, without a number in the log (P9)."""
    if scope is not SwitchScope.CONTACT:
        return {"subject": subject}
    person = tx.people.find([PhoneNumber(subject)]).get(PhoneNumber(subject))
    return {"subject": person.contact_id if person is not None else "unknown"}
