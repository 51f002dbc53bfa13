"""A key pressed on a call of ours: what it does, and what is said to it. So far the alerts that the call
told of: 1 has them, 2 passes them on. Only the number of a verified responder counts, as by text."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from ringfence.gateway.acknowledging import do, is_verified, words
from ringfence.gateway.equipment import Equipment
from ringfence.model.alert import OPEN
from ringfence.model.call import Call
from ringfence.model.message import Message
from ringfence.ports import Tx
from ringfence.text.replies import ReplyVerb

ALERT_KEYS: Final = {"1": "acknowledge", "2": "pass it on"}
_VERBS: Final = {"1": ReplyVerb.ACKNOWLEDGE, "2": ReplyVerb.ESCALATE}
THANKS: Final = "Thank you."


def pressed(kit: Equipment, tx: Tx, call: Call, message: Message, digit: str, now: datetime) -> str:
    """In the caller's transaction; answers what to say."""
    alerts = tx.alerts.of_message(message.id)
    if not alerts or digit not in _VERBS:
        return THANKS
    responder = kit.operations.responder_at(call.person.number)
    if responder is None or not is_verified(kit, tx, responder):
        return "This number is not verified, so its answers do not count."
    verb = _VERBS[digit]
    found = sorted(tx.alerts.many(alerts).values(), key=lambda alert: alert.number)
    name = responder.name
    meant = [alert for alert in found if alert.state in OPEN]
    done = [do(kit, tx, one, verb, name, now, now, f"responder:{name}") for one in meant]
    return words(kit, responder, verb, done) if done else "They are over already."
