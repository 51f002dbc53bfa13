"""Pauses: a conversation is in human hands, or a person may be in need. Nothing automatic goes to them
until somebody lifts it; what they write is stored, no agent is asked, and the owners are told. Neither
an agent nor the person starts or ends one (P2)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ringfence.gateway import halt
from ringfence.gateway.cancel import hold_automatic
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.notices import owner_notices, quoted
from ringfence.gateway.proposal import Proposal
from ringfence.model.contact import Pause, PauseReason
from ringfence.model.errors import NotFound
from ringfence.model.line import Line
from ringfence.model.message import Message
from ringfence.model.phone import PhoneNumber
from ringfence.ports import Tx

EVERYWHERE = ""


def hand_over(
    kit: Equipment,
    tx: Tx,
    line: str,
    number: PhoneNumber,
    actor: str,
    message_id: str,
    now: datetime,
) -> bool:
    """A person takes over on a line (EVERYWHERE: on every line); False when one had already."""
    return begin(kit, tx, Pause(number, line, PauseReason.HANDOVER, now, actor, message_id), now)


def begin(kit: Equipment, tx: Tx, pause: Pause, now: datetime) -> bool:
    """Pause, hold what was on its way by itself and ask no agent any more; False when the person
    was paused there already, and what came up since is held all the same."""
    fresh = tx.pauses.add(pause)
    line = None if pause.line == EVERYWHERE else pause.line
    held = hold_automatic(kit, tx, pause.number, pause.why.value, pause.actor, now, line)
    if fresh:
        person = halt.known(kit, tx, pause.number, now)
        body = {"line": pause.line, "why": pause.why, "held": held, "message": pause.message_id}
        tx.audit.append([kit.audit("paused", person.contact_id, pause.actor, now, body)])
    return fresh


def release(
    kit: Equipment, tx: Tx, number: PhoneNumber, line: str | None, actor: str, now: datetime
) -> list[Pause]:
    """Lift a person's pause on a line (EVERYWHERE: the one for every line; None: all of them). What
    was held stays held, and what they wrote meanwhile is answered by nobody but people. Raises
    NotFound when they are not paused there."""
    lifted = [one for one in tx.pauses.of([number]) if line in (None, one.line)]
    if not lifted:
        raise NotFound("This person is not paused there; `ringfence pauses list` shows who is.")
    person = halt.known(kit, tx, number, now)
    for pause in lifted:
        tx.pauses.lift(number, pause.line)
        body = {"line": pause.line, "why": pause.why}
        tx.audit.append([kit.audit("pause_lifted", person.contact_id, actor, now, body)])
    return lifted


def paused(
    tx: Tx, pairs: Iterable[tuple[str, PhoneNumber]]
) -> dict[tuple[str, PhoneNumber], PauseReason]:
    """Those among (line, person) who are paused there, and why; an emergency before a handover."""
    wanted = set(pairs)
    known = tx.pauses.of({number for _, number in wanted})
    found: dict[tuple[str, PhoneNumber], PauseReason] = {}
    for pause in sorted(known, key=lambda one: one.why is PauseReason.EMERGENCY):
        for pair in wanted:
            if pair[1] == pause.number and pause.line in (EVERYWHERE, pair[0]):
                found[pair] = pause.why
    return found


def wrote(tx: Tx, line: Line, message: Message, why: PauseReason, now: datetime) -> list[Proposal]:
    """A paused person wrote: people answer them, so the owners are told."""
    number = message.number.e164
    text = (
        f"{number} wrote to {line.label}, where nothing answers by itself ({why.value}). "
        f"To let the agent answer again: ringfence pauses lift {number} "
        f"They wrote: {quoted(message.body)}"
    )
    return owner_notices(tx, line, text, now)
