"""Handing a live call to somebody of ours because a person or an agent outside of it says so: by name, by
leave of the gate, as when the call's own agent asks (call_transfer). Conferences are not there yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ringfence.gateway.call_control import (
    Live,
    Spoken,
    judge,
    keep,
    live_call,
    sentence_of,
    tell,
    told_by,
)
from ringfence.gateway.call_transfer import OWNER, transfer, whom
from ringfence.gateway.equipment import Equipment
from ringfence.model.call import Call
from ringfence.model.errors import CallNotReady, InvalidField
from ringfence.model.verdict import Reason, Verdict
from ringfence.ports import Tx


async def hand_over(kit: Equipment, key: str, name: str, actor: str, *, words: str = "") -> Spoken:
    """Connect the person to the line's owner (`owner`) or to a responder, by name, with `words` for them
    first. They are heard again when nobody takes it. Raises as `speak`, InvalidField for a name that is
    nobody's, and CallNotReady while somebody is being connected."""
    said = sentence_of(words) if words else ""
    answer = await kit.store.write(
        lambda tx: _hand_over(kit, tx, live_call(kit, tx, key), name, actor, said)
    )
    await tell(kit, answer, None)
    return answer


def _hand_over(kit: Equipment, tx: Tx, live: Live, name: str, actor: str, said: str) -> Spoken:
    if whom(kit, live.line, name) is None:
        known = ", ".join([OWNER, *sorted(kit.operations.responders)])
        raise InvalidField(f"`to` takes the name of somebody of ours: {known}.")
    if not all(leg.is_over for leg in live.call.joined):
        raise CallNotReady("Somebody is being connected already.", code="call_transferring")
    now = kit.clock.now()
    spoken = judge(kit, tx, live, said, actor, now) if said else None
    if spoken is not None and not spoken.said:
        return spoken
    call, instructions = transfer(
        kit, tx, live.line, live.manner, live.call, name, actor, said, now
    )
    decision, reasons = _decided(tx, call)
    answer = Spoken(call, call.joined != live.call.joined, reasons, decision)
    if not answer.said:
        return answer
    n = 0 if spoken is None else keep(tx, live, said, actor, spoken.decision, now)
    return replace(answer, requests=told_by(replace(live, call=call), instructions), n=n)


def _decided(tx: Tx, call: Call) -> tuple[str, tuple[Reason, ...]]:
    """What the gate said of the other leg, by the entry it left."""
    entry = next(
        one.entry for one in reversed(tx.audit.of_subject(call.id)) if one.entry.kind == "decision"
    )
    recorded: list[Mapping[str, Any]] = entry.body["reasons"]
    reasons = [Reason(one["rule"], Verdict.DENY, one["code"], one["text"]) for one in recorded]
    return entry.id, tuple(reasons)
