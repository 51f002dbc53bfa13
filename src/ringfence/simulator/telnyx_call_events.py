"""What Telnyx tells of a call: events of a leg as signed webhooks. Our own reading of voice.md 1.6 and of
the vendor's types; must never be taken from the gateway's codec. Decides nothing about calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from ringfence.simulator.call_session import Session
from ringfence.simulator.calls import Call
from ringfence.simulator.telnyx import PATIENCE, TelnyxWebhook, uuid_of

if TYPE_CHECKING:
    from ringfence.simulator.exchange import Exchange
    from ringfence.simulator.records import Account

_CAUSES: Final = {
    "completed": ("normal_clearing", "200"),
    "busy": ("user_busy", "486"),
    "no-answer": ("timeout", "487"),
    "canceled": ("originator_cancel", "487"),
    "failed": ("unspecified", "500"),
}
# Of these the vendor's types have no numbers, and of recordings no call control id either.
_WITHOUT_NUMBERS: Final = (
    "call.playback",
    "call.speak",
    "call.recording",
    "call.transcription",
    "call.cost",
    "streaming",
)


@dataclass(slots=True, eq=False)
class Leg:
    """One leg as Telnyx has it: where its events go, and the state that each of them repeats, as the
    last command left it. `cause` is why it ends, where its status does not say."""

    session: Session
    webhook_url: str
    client_state: str = ""
    cause: str = ""
    session_sid: str = ""
    commands: dict[str, datetime] = field(default_factory=dict)

    @property
    def call(self) -> Call:
        return self.session.call

    @property
    def control_id(self) -> str:
        return control_id(self.call)

    @property
    def session_id(self) -> str:
        return uuid_of(self.session_sid or self.call.sid)


def control_id(call: Call) -> str:
    return f"v3:{call.sid[2:]}"


def application_of(account: Account) -> str:
    """The id of the account's one call control application: 19 digits."""
    return str(int(account.sid[2:], 16)).zfill(19)[:19]


def say(exchange: Exchange, leg: Leg, kind: str, **about: object) -> None:
    """Report an event of a leg, in its turn unless a fault has other plans."""
    if not leg.webhook_url or not exchange.callbacks:
        return
    request = _webhook(exchange, leg, kind, about)
    exchange.voice.reports.tell(leg.session, request, kind, is_last=kind == "call.hangup")


def hung_up(exchange: Exchange, leg: Leg) -> None:
    """`call.hangup`, when the leg is over."""
    call = leg.call
    cause, sip = _CAUSES.get(call.status, _CAUSES["failed"])
    out_of_time = (
        call.answered_at is not None
        and call.ended_at is not None
        and (call.ended_at - call.answered_at).total_seconds() >= call.limit_s
    )
    say(
        exchange,
        leg,
        "call.hangup",
        state="hangup",
        start_time=_iso(call.created_at),
        hangup_cause=leg.cause or ("time_limit" if out_of_time else cause),
        hangup_source="unknown",
        sip_hangup_cause=str(call.sip_code or sip),
    )


def _webhook(exchange: Exchange, leg: Leg, kind: str, about: dict[str, object]) -> TelnyxWebhook:
    carrier, call = exchange.carrier, leg.call
    account, id_ = carrier.accounts[call.account_sid], carrier.sids.idempotency_token()
    payload: dict[str, object] = {
        "call_control_id": leg.control_id,
        "call_leg_id": uuid_of(call.sid),
        "call_session_id": leg.session_id,
        "connection_id": application_of(account),
        "client_state": leg.client_state or None,
    }
    if not kind.startswith(_WITHOUT_NUMBERS):
        payload |= {"from": call.caller, "to": call.called}
    if kind.startswith("call.recording"):
        del payload["call_control_id"]
    data: dict[str, object] = {
        "record_type": "event",
        "event_type": kind,
        "id": id_,
        "occurred_at": _iso(exchange.clock.now()),
        "payload": payload | about,
    }
    return TelnyxWebhook(
        leg.webhook_url.partition("#")[0] + PATIENCE,
        "POST",
        (("CallStatus", kind),),
        "",
        id_,
        event=data,
        key=account.signing_key,
        clock=exchange.clock,
    )


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso(at: datetime | None) -> str | None:
    return None if at is None else _iso(at)
