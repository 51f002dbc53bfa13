"""The link in a page: what it shows, and what its holder may do. It stands for the responder whose
text it was in, for the alerts of that text alone, while it lasts and while that number is still
theirs. Looking changes nothing, however often; only `act` does, and only for a verified number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ringfence.delivery.flow import Responder
from ringfence.gateway.acknowledging import do, is_verified, words
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.paging import hashed
from ringfence.model.alert import OPEN, Alert, AlertState
from ringfence.model.errors import InvalidField, NotFound, NotPermitted
from ringfence.ports import Tx
from ringfence.text.replies import ReplyVerb

EVERY: Final = "all"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Linked:
    """What a link stands for: whose it is, whether their word counts, and the alerts of the text by
    number."""

    responder: Responder
    verified: bool
    alerts: tuple[Alert, ...]
    expires_at: datetime


def look(kit: Equipment, tx: Tx, token: str, now: datetime) -> Linked:
    """Reads only. Raises NotFound for a link that is unknown, over, or of somebody who is no
    responder by that number any more."""
    link = tx.alerts.link(hashed(token), now) if _TOKEN.fullmatch(token) else None
    responder = None if link is None else kit.operations.responders.get(link.responder)
    message = None if link is None else tx.messages.get(link.message_id)
    if link is None or responder is None or message is None:
        raise NotFound("This link is not good, or not any more.")
    if message.number != responder.number:
        raise NotFound("This link is not good, or not any more.")
    found = tx.alerts.many(tx.alerts.of_message(link.message_id))
    alerts = tuple(sorted(found.values(), key=lambda alert: alert.number))
    return Linked(responder, is_verified(kit, tx, responder), alerts, link.expires_at)


def act(
    kit: Equipment, tx: Tx, token: str, verb: ReplyVerb, wanted: str, now: datetime
) -> tuple[Linked, str]:
    """Do it to one alert of the text, or to all that are open; answers how things stand now, and
    what became of it in words. Raises NotFound, NotPermitted while the number is not verified,
    InvalidField for an alert that is not in the text."""
    linked = look(kit, tx, token, now)
    if not linked.verified:
        raise NotPermitted("This number is not verified yet, so its answers do not count.")
    meant = _meant(linked, verb, wanted)
    name = linked.responder.name
    done = [do(kit, tx, one, verb, name, now, now, f"responder:{name}") for one in meant]
    said = words(kit, linked.responder, verb, done) if done else "They are over already."
    return look(kit, tx, token, now), said


def _meant(linked: Linked, verb: ReplyVerb, wanted: str) -> list[Alert]:
    if wanted == EVERY:
        if verb is ReplyVerb.ESCALATE:
            raise InvalidField("Pass them on one by one.")
        waiting = {AlertState.TRIGGERED} if verb is ReplyVerb.ACKNOWLEDGE else OPEN
        return [one for one in linked.alerts if one.state in waiting]
    meant = [one for one in linked.alerts if one.id == wanted]
    if not meant:
        raise InvalidField("This alert is not in the text that the link came with.")
    return meant
