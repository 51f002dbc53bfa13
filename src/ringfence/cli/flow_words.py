"""What `ringfence flows test` found, in words: one line after the other, nothing decided here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

View = Mapping[str, Any]

_STATES: Final = {
    "queued": "the gate lets it go",
    "held": "the gate holds it for a person",
    "refused": "the gate refuses it",
}


def told(view: View) -> Iterator[str]:
    """The whole preview."""
    which = {"empty": "an empty store", "configured": "the configured store"}[view["store"]]
    yield f"As of {view['at']}, by {which}. Nothing is sent and nothing is stored."
    for event in view["events"]:
        yield ""
        yield (
            f"Event of {event['source']}: {event['type']}, {event['severity']}, {event['action']}, "
            f"key {event['dedupe_key']}"
        )
        if event["known"]:
            yield f"  It came before, as {event['known']}: in earnest it would do nothing."
        for flow in event["flows"]:
            yield ""
            yield from _flow(flow)
        if not any(flow["meaning"] for flow in event["flows"]):
            yield ""
            yield _nothing(event)


def _nothing(event: View) -> str:
    if not event["flows"]:
        return "No flow is configured: this event would be recorded, and nothing else."
    return "No flow takes this event: it would be recorded, and nothing else."


def _flow(flow: View) -> Iterator[str]:
    what = flow["meaning"] or "does nothing"
    yield f"Flow {flow['flow']} ({flow['kind']}, line {flow['line']}): {what}"
    yield from _match(flow)
    if flow["refused"]:
        yield f"  REFUSED: {flow['refused']}"
    elif flow["meaning"] is None:
        return
    elif flow["kind"] == "alert":
        yield from _alert(flow)
    elif flow["meaning"] == "cancels":
        yield f"  key {flow['key']}: {_count(flow['cancels'], 'planned message')} cancelled"
        yield from (f"    {_planned(one)}" for one in flow["cancels"])
        yield from _recalled(flow)
    else:
        yield from _message_flow(flow)


def _match(flow: View) -> Iterator[str]:
    match = flow["match"]
    yield f"  {_yes(match['source'])} source: {', '.join(match['sources']) or 'any'}"
    yield f"  {_yes(match['type'])} type: {', '.join(match['types'])}"
    for part in match["condition"]:
        why = f" ({part['why']})" if part["why"] else ""
        yield f"  {'  ' * part['depth']}{_yes(part['held'])} {part['text']}{why}"


# -- messages --------------------------------------------------------------------------------------


def _message_flow(flow: View) -> Iterator[str]:
    yield f"  key: {flow['key']}"
    yield f"  template: {flow['template']}"
    for name, value in flow["fields"].items():
        yield f"    {name} = {value}"
    if flow["expired"]:
        yield (
            "  Nothing leaves: it has lost its use before its time (useUntil or life is over); "
            "--at tries another time."
        )
    if flow["limited"]:
        yield f"  Left out by keyMax or personMax: {flow['limited']}"
    for one in flow["moves"]:
        yield f"  moved: {_planned(one)}"
    yield from _recalled(flow)
    for one in flow["messages"]:
        yield from _message(one)
    if flow["more"]:
        yield f"  and {flow['more']} more"
    later = flow["later"]
    yield f"  later, with the same key: {', '.join(later['moved_by'])} moves what still waits"
    if later["cancelled_by"]:
        yield f"  later, with the same key: {', '.join(later['cancelled_by'])} cancels it"


def _message(one: View) -> Iterator[str]:
    turn = f", number {one['turn']}" if one["turn"] > 1 else ""
    until = f", of no use after {one['useless_after']}" if one["useless_after"] else ""
    yield f"  to {one['to']} at {one['send_at']}{turn}{until}"
    if one["refused"]:
        yield f"    REFUSED: {one['refused']}"
    else:
        yield from _gate(one)


def _gate(one: View) -> Iterator[str]:
    when = f", not before {one['not_before']}" if one["not_before"] else ""
    yield f"    {_STATES.get(one['state'], one['state'])}{when}"
    for reason in one["reasons"]:
        name = f"{reason['rule']} {reason['code']}".strip()
        yield f"      {name}: {reason['text']}"
    if one["text"]:
        many = "s" if one["segments"] != 1 else ""
        yield f"    {one['segments']} segment{many}, {one['encoding']}:"
        yield from (f"    | {line}" for line in one["text"].splitlines())


def _recalled(flow: View) -> Iterator[str]:
    if flow["recalls"]:
        yield f"  not sent any more, though it waited to leave: {', '.join(flow['recalls'])}"


def _planned(one: View) -> str:
    return f"{one['id']} to {one['to']}, due {one['due_at']}"


# -- alerts ----------------------------------------------------------------------------------------


def _alert(flow: View) -> Iterator[str]:
    alert = flow["alert"]
    if alert is None:
        yield "  Nothing of this key is open."
        return
    yield f"  {flow['did'].replace('_', ' ')}: #{alert['number']} {alert['title']}"
    yield (
        f"  service {alert['service']}, {alert['severity']}, {alert['state']}, key "
        f"{alert['dedupe_key']}, policy {alert['policy']}"
    )
    for ticket in flow["tickets"]:
        yield f"  ticket in {ticket['system']}: {ticket['state']}"
    if flow["told_of_end"]:
        yield f"  told that it is over: {', '.join(flow['told_of_end'])}"
    if flow["maintenance_until"]:
        yield f"  maintenance: nobody is told before {flow['maintenance_until']}"
    for target in flow.get("on_call", ()):
        yield f"  {target['target']} means {', '.join(target['who']) or 'NOBODY'} now"
    yield from _plan(flow)
    for name, person in flow["people"].items():
        yield from _person(name, person)
    if alert["state"] == "triggered":
        yield "  later, with the same key: the same again joins it, an end resolves it"


def _plan(flow: View) -> Iterator[str]:
    if not flow["plan"]:
        return
    yield "  if every text arrives and nobody answers:"
    for row in flow["plan"]:
        yield f"    {_after(row['after_s']):>9}  {_rung(row)}"
    if not flow["whole"]:
        yield "               and so on, until somebody has it"


def _rung(row: View) -> str:
    if row.get("exhausted"):
        missing = ", ".join(row["missing"]) or "nobody was asked"
        return f"nobody is left; the owners are told (asked in vain: {missing})"
    asks = ", ".join(f"{one['responder']} by {one['channel']}" for one in row["asks"])
    nobody = f"NOBODY ({', '.join(row['nobody'])})" if row["nobody"] else ""
    return f"round {row['round']}, {row['step']}: {asks or nobody or 'nobody new'}"


def _person(name: str, person: View) -> Iterator[str]:
    unverified = "" if person["verified"] else ", NOT VERIFIED: answers would not count"
    yield f"  {name} ({person['to'] or 'no number'}{unverified}) would read:"
    yield from _gate(person)


def _after(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"+{hours}:{minutes:02}:{rest:02}"


def _yes(held: bool) -> str:
    return "yes" if held else "no "


def _count(rows: Any, what: str) -> str:
    return f"{len(rows)} {what}{'s' if len(rows) != 1 else ''}"
