"""Paging: notices that are owed become texts, the most urgent first, those of one service together,
and nobody gets more than they can read. What leaves now is planned by `delivery.bundle` from what is
owed and what the log says was sent; each text is proposed to the gate like everything else."""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from ringfence.delivery.bundle import PER_PERSON, Bundle, Owed, Plan, Sent, Throttle, Tier, plan
from ringfence.delivery.flow import Responder
from ringfence.gateway.alert import line_of, tell
from ringfence.gateway.call_keys import ALERT_KEYS
from ringfence.gateway.call_words import CALL, KEYS
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.facts import covers
from ringfence.gateway.one_by_one import together_or_apart
from ringfence.gateway.proposal import Proposal
from ringfence.gateway.review import propose, reason_text
from ringfence.model.alert import Alert, AlertState, Notice, NoticeKind, NoticeState
from ringfence.model.call import CallMode
from ringfence.model.contact import Switch
from ringfence.model.draft import Category
from ringfence.model.line import Line
from ringfence.model.message import MessageClass, MessageStatus
from ringfence.model.oncall import Channel
from ringfence.model.verdict import Act
from ringfence.ports import AlertLink, NoticeEnd, Tx
from ringfence.text import paging as words
from ringfence.text.content import scan

TEMPLATE: Final = "alert@1"
"""What the gate and the record call the texts of pages: their words are `text.paging`'s."""
OWED_MAX: Final = 2_000
LOOK_BACK: Final = timedelta(hours=3)
LINK_LASTS: Final = timedelta(hours=24)
TOKENS_DRAWN_MAX: Final = 20
# Facts reliability-mechanics 3.1: status updates bear less than alerts.
NEWS: Final = Throttle((Tier(1, 180), Tier(3, 1_200), Tier(8, 7_200)))
CALLS: Final = Throttle((Tier(3, 900), Tier(6, 3_600)), gap_s=120)
"""Calls to one person: a phone that rings is harder to bear than a text."""
SERVICES_APART_MAX: Final = 4
THROTTLES: Final = {NoticeKind.ALERT: PER_PERSON, NoticeKind.RESOLVED: NEWS}


def throttle_of(kind: NoticeKind, channel: Channel) -> Throttle:
    """How often one person is told so."""
    return CALLS if channel is Channel.CALL else THROTTLES[kind]


@dataclass(frozen=True, slots=True)
class _Text:
    """One text on its way to the gate, and the notices it ends."""

    proposal: Proposal
    notices: tuple[Notice, ...]
    alerts: tuple[Alert, ...]
    token: str


class Paging:
    """The worker's stage."""

    def __init__(self, kit: Equipment) -> None:
        self._kit = kit

    async def page(self) -> bool:
        """Propose what may leave now; True when anything was."""
        now = self._kit.clock.now()
        owed = await self._kit.store.read(lambda tx: tx.alerts.owed(1))
        if not owed:
            return False
        proposed: list[int] = []

        async def pages(only: str = "") -> None:
            proposed.append(await store.write(lambda tx: page(self._kit, tx, now, only)))

        store = self._kit.store
        try:
            await together_or_apart(
                pages,
                lambda: store.read(lambda tx: {one.responder: None for one in owed_now(tx)}),
                pages,
            )
        finally:
            if any(proposed):
                self._kit.outbox_bell.ring()
        return any(proposed)


def owed_now(tx: Tx) -> list[Notice]:
    """As many as one transaction bears, of each responder and flow their share: whose texts wait for
    long holds up nobody else's."""
    owed = tx.alerts.owed(OWED_MAX)
    return owed if len(owed) < OWED_MAX else tx.alerts.owed_shares(OWED_MAX)


def page(kit: Equipment, tx: Tx, now: datetime, only: str = "") -> int:
    """In the caller's transaction; answers how many texts were proposed. `only` is one responder."""
    owed = [one for one in owed_now(tx) if only in ("", one.responder)]
    alerts = tx.alerts.many({one.alert_id for one in owed})
    texts: list[_Text] = []
    switches, windows = tx.switches.engaged(), tx.duty.maintenance(now)
    going = [
        one
        for one in owed
        if not _is_stopped(kit, switches, one, alerts[one.alert_id])
        and not any(window.covers(alerts[one.alert_id], now) for window in windows)
    ]
    for kind, channel in itertools.product(NoticeKind, Channel):
        ours = [one for one in going if one.kind is kind and one.channel is channel]
        if ours:
            texts += _planned(kit, tx, kind, ours, alerts, now)
    if not texts:
        return 0
    results = propose(kit, tx, [text.proposal for text in texts], now)
    ends: list[NoticeEnd] = []
    for text, result in zip(texts, results, strict=True):
        refused = result.status is MessageStatus.REFUSED
        state = NoticeState.FAILED if refused else NoticeState.TOLD
        reason = reason_text(result.reasons) if refused else ""
        ends += [NoticeEnd(one, state, result.message_id, now, reason) for one in text.notices]
        if text.token:
            link = AlertLink(
                hashed(text.token), text.notices[0].responder, result.message_id, now + LINK_LASTS
            )
            tx.alerts.add_link(link)
    tx.alerts.end_notices(ends)
    for text, result in zip(texts, results, strict=True):
        if result.status is MessageStatus.REFUSED:
            _refused(kit, tx, text, reason_text(result.reasons), now)
    return len(texts)


def hashed(token: str) -> str:
    """How a link's token is kept: whoever reads the database cannot acknowledge with it."""
    return hashlib.sha256(token.encode()).hexdigest()


def _is_stopped(kit: Equipment, switches: Sequence[Switch], notice: Notice, alert: Alert) -> bool:
    """While the kill switch covers it, it stays owed: refused, it would be as if everybody had been
    asked in vain, and nobody would be asked when it is lifted."""
    responder = kit.operations.responders.get(notice.responder)
    if responder is None:
        return False
    line = kit.lines.get(responder.line) or line_of(kit, alert)
    line_id, initiator = alert.line if line is None else line.id, f"event:{alert.source}"
    return any(
        covers(switch, line_id, initiator, responder.number, alert.flow) for switch in switches
    )


def _refused(kit: Equipment, tx: Tx, text: _Text, why: str, now: datetime) -> None:
    """The gate does not let the page go: the way after it is due at once, and the owners hear of it."""
    first = text.notices[0]
    if first.kind is not NoticeKind.ALERT:
        return
    ids = [alert.id for alert in text.alerts]
    waiting = [one for one in tx.alerts.many(ids).values() if one.next_at is not None]
    tx.alerts.save([replace(alert, next_at=now) for alert in waiting])
    tell(kit, tx, text.alerts[0], f"{first.responder} cannot be told ({why})", now)


def _planned(
    kit: Equipment,
    tx: Tx,
    kind: NoticeKind,
    owed: Sequence[Notice],
    alerts: Mapping[str, Alert],
    now: datetime,
) -> list[_Text]:
    """What leaves of one kind and by one channel; what lost its use is closed."""
    channel = owed[0].channel
    by_key: dict[tuple[str, str], list[Notice]] = {}
    for one in _gathered(owed, alerts):
        by_key.setdefault((one.alert_id, one.responder), []).append(one)
    since = now - LOOK_BACK
    every = [_owed(kind, notices[0], alerts[key[0]]) for key, notices in by_key.items()]
    lost = _unreachable(kit, tx, {one.responder for one in every})
    sent = [
        Sent(one.responder, one.service, one.at)
        for one in tx.alerts.sent_since(kind, channel, since)
    ]
    planned = plan(
        [one for one in every if one.responder not in lost],
        sent,
        now,
        throttle=throttle_of(kind, channel),
    )
    # The gate will refuse these, and whoever is next must not wait for their throttle first.
    refused = plan([one for one in every if one.responder in lost], (), now, throttle=Throttle(()))
    planned = Plan((*planned.now, *refused.now), (*planned.moot, *refused.moot))
    moot = [one for each in planned.moot for one in by_key[each.id, each.responder]]
    tx.alerts.end_notices([NoticeEnd(one, NoticeState.MOOT, reason="over") for one in moot])
    texts = []
    for bundle in planned.now:
        notices = tuple(one for each in bundle.owed for one in by_key[each.id, each.responder])
        if (text := _text(kit, kind, bundle, notices, alerts)) is not None:
            texts.append(text)
        else:
            why = "not_configured: no such responder or line any more"
            tx.alerts.end_notices(
                [NoticeEnd(one, NoticeState.FAILED, told_at=now, reason=why) for one in notices]
            )
    return texts


def _unreachable(kit: Equipment, tx: Tx, names: Collection[str]) -> set[str]:
    """Who asked us to stop, or is blocked."""
    numbers = {
        name: kit.operations.responders[name].number
        for name in names
        if name in kit.operations.responders
    }
    people = tx.people.find(numbers.values())
    return {
        name
        for name, number in numbers.items()
        if (person := people.get(number)) is not None and (person.opt_out_source or person.blocked)
    }


def _gathered(owed: Sequence[Notice], alerts: Mapping[str, Alert]) -> list[Notice]:
    """Where more services of one flow wait for one person than a throttle lets through in a quarter
    of an hour, they share a text: one by one, the last would be told when it no longer matters."""
    services: dict[tuple[str, str], set[str]] = {}
    for one in owed:
        services.setdefault((one.responder, alerts[one.alert_id].flow), set()).add(one.service)
    crowded = {key for key, found in services.items() if len(found) > SERVICES_APART_MAX}
    return [
        replace(one, service=alerts[one.alert_id].flow)
        if (one.responder, alerts[one.alert_id].flow) in crowded
        else one
        for one in owed
    ]


def page_of(kit: Equipment, alert: Alert, responder: str, now: datetime) -> Proposal | None:
    """The page about this alert alone as the gate would be asked about it; None where nobody, or
    nothing to send it by, is there. Nothing is stored: a link in it leads nowhere."""
    notice = Notice(alert.id, NoticeKind.ALERT, responder, Channel.SMS, now)
    bundle = Bundle(responder, alert.service, (_owed(NoticeKind.ALERT, notice, alert),))
    text = _text(kit, NoticeKind.ALERT, bundle, (notice,), {alert.id: alert})
    return None if text is None else text.proposal


def _owed(kind: NoticeKind, notice: Notice, alert: Alert) -> Owed:
    return Owed(
        id=alert.id,
        responder=notice.responder,
        service=notice.service,
        since=notice.at,
        severity=alert.severity,
        number=alert.number,
        title=alert.title,
        open=kind is NoticeKind.RESOLVED or alert.state is AlertState.TRIGGERED,
    )


def _text(
    kit: Equipment,
    kind: NoticeKind,
    bundle: Bundle,
    notices: tuple[Notice, ...],
    alerts: Mapping[str, Alert],
) -> _Text | None:
    """The text of a bundle; None where nobody, or nothing to send it by, is left."""
    worst = sorted(bundle.owed, key=lambda one: (-one.severity.rank, one.since, one.number))
    ours = tuple(alerts[one.id] for one in worst)
    responder = kit.operations.responders.get(bundle.responder)
    line = None if responder is None else kit.lines.get(responder.line) or line_of(kit, ours[0])
    if responder is None or line is None:
        return None
    if notices[0].channel is Channel.CALL:
        return _Text(_call(line, responder, ours), notices, ours, "")
    token = _token(kit) if kind is NoticeKind.ALERT and _links(kit, responder) else ""
    body = _words(kit, kind, line, responder, ours, token)
    proposal = Proposal(
        line,
        responder.number,
        body,
        Act.INITIATE,
        f"event:{ours[0].source}",
        MessageClass.PAGE,
        provenance=_provenance(kind, ours),
        category=Category.ALERT,
        template=TEMPLATE,
        flow=ours[0].flow,
    )
    return _Text(proposal, notices, ours, token)


def _call(line: Line, responder: Responder, alerts: tuple[Alert, ...]) -> Proposal:
    """The same by a call: said, and answered with a key."""
    told = [words.Told(alert.number, alert.title) for alert in alerts]
    services = {alert.service for alert in alerts}
    service = alerts[0].service if len(services) == 1 else f"{len(services)} services"
    provenance = _provenance(NoticeKind.ALERT, alerts)
    return Proposal(
        line,
        responder.number,
        words.spoken(line.label, service, told),
        Act.CALL,
        f"event:{alerts[0].source}",
        MessageClass.PAGE,
        provenance={**provenance, CALL: CallMode.NOTIFY.value, KEYS: dict(ALERT_KEYS)},
        category=Category.ALERT,
        template=TEMPLATE,
        flow=alerts[0].flow,
    )


def _provenance(kind: NoticeKind, alerts: tuple[Alert, ...]) -> dict[str, Any]:
    return {
        "event": alerts[0].event_id,
        "flow": alerts[0].flow,
        "notice": kind.value,
        "alerts": [alert.id for alert in alerts],
    }


def _words(
    kit: Equipment,
    kind: NoticeKind,
    line: Line,
    responder: Responder,
    alerts: Sequence[Alert],
    token: str,
) -> str:
    told = [words.Told(alert.number, alert.title) for alert in alerts]
    services = {alert.service for alert in alerts}
    service = alerts[0].service if len(services) == 1 else f"{len(services)} services"
    if kind is NoticeKind.RESOLVED:
        return words.resolved(line.label, service, told)
    link = f"{kit.operations.base_url}/a/{token}" if token else ""
    return words.page(line.label, service, told, two_way=responder.two_way, link=link)


def _links(kit: Equipment, responder: Responder) -> bool:
    """Countries where no answer can come back are those that filter links too (facts 3.1)."""
    return bool(kit.operations.base_url) and responder.two_way


def _token(kit: Equipment) -> str:
    """One that reads as a word carriers filter ("_s3X-") would keep the page for a person to decide:
    another is drawn."""
    for _ in range(TOKENS_DRAWN_MAX):
        token = base64.urlsafe_b64encode(kit.chance.randbytes(16)).decode().rstrip("=")
        found = scan(token)
        if not (found.shaft or found.secrets or found.reserved or found.hidden):
            break
    return token
