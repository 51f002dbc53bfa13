"""Somebody says on the phone that they want no more calls: it is an opt-out like any other, of texts as
well, and takes effect in the transaction that heard it (P3). What only might mean it is told to owners."""

from __future__ import annotations

from datetime import datetime

from ringfence.gateway.cancel import cancel_person
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.evidence import Statement, opted_out
from ringfence.gateway.notices import owner_notices, quoted
from ringfence.gateway.review import propose
from ringfence.model.call import Call
from ringfence.model.consent import ConsentKind, Method
from ringfence.model.line import Line
from ringfence.ports import Tx
from ringfence.text.spoken_opt_out import SpokenWish, spoken_wish

STOPPED = "You will get no more calls or messages from us. Goodbye."


def heed_wish(kit: Equipment, tx: Tx, line: Line, call: Call, text: str, now: datetime) -> str:
    """What to say before the call ends; empty where it was no such wish. Owners' own words to their own
    line are no wish to be left alone."""
    number = call.person.number
    wish = SpokenWish.NONE if number in line.owners else spoken_wish(text)
    if wish is SpokenWish.NONE:
        return ""
    if wish is SpokenWish.SUSPECTED:
        said = f"{number.e164} may want no more calls from {line.label}. They said: {quoted(text)}"
        propose(kit, tx, owner_notices(tx, line, said, now), now)
        return ""
    statement = Statement(number, ConsentKind.OPT_OUT, Method.VERBAL, evidence=call.id)
    event = opted_out(kit, tx, statement, "person", now)
    if event is not None:
        body = {"line": line.id, "source": "spoken"}
        tx.audit.append([kit.audit("opt_out", call.id, "person", now, body)])
        cancel_person(kit, tx, number, "opted_out", "person", now, call_id=call.id)
    return STOPPED
