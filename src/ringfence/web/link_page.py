"""The page behind an alert's link, as HTML: what is the matter, who has it, and a button for each
thing that can be done. Everything that came from outside is escaped; nothing is loaded, nothing runs."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from html import escape
from typing import Final

from ringfence.gateway.acknowledging import called
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.links import EVERY, Linked
from ringfence.model.alert import OPEN, Alert, AlertState
from ringfence.model.errors import (
    InvalidField,
    NotFound,
    NotPermitted,
    RingfenceError,
    TooMany,
    WrongMethod,
)
from ringfence.text.replies import ReplyVerb
from ringfence.text.zones import zone

STYLE: Final = """
:root{color-scheme:light dark;--ink:#1c2024;--soft:#5b6570;--paper:#f6f6f3;--card:#fff;
--edge:#dcdcd6;--go:#1f5d4c;--on-go:#fff;--bad:#9c2f22;--ok:#2a6a4f}
@media(prefers-color-scheme:dark){:root{--ink:#e8e8e4;--soft:#a3abb3;--paper:#16181a;
--card:#1f2225;--edge:#3a3f44;--go:#7fc4ab;--on-go:#10201a;--bad:#f0978a;--ok:#8fd0b3}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:17px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:34rem;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.15rem;margin:0 0 1rem}
h2{font-size:1.15rem;margin:.15rem 0 .5rem;overflow-wrap:anywhere}
p{margin:.35rem 0;overflow-wrap:anywhere}
.soft,footer{color:var(--soft);font-size:.9rem}
.said{border-left:4px solid var(--go);padding:.5rem .8rem;background:var(--card);font-weight:600}
article{background:var(--card);border:1px solid var(--edge);border-radius:12px;
padding:1rem;margin:1rem 0}
.state{font-weight:600}.triggered{color:var(--bad)}.acknowledged,.resolved{color:var(--ok)}
nav{display:flex;flex-wrap:wrap;gap:.6rem;margin-top:.9rem}
form{margin:0;flex:1 1 8rem}
button{width:100%;min-height:48px;padding:.5rem .8rem;font:inherit;font-weight:600;
border-radius:10px;border:1px solid var(--edge);background:transparent;color:var(--ink);cursor:pointer}
button.go{background:var(--go);border-color:var(--go);color:var(--on-go)}
button:focus-visible,a:focus-visible{outline:3px solid var(--soft);outline-offset:2px}
a{color:inherit}
footer{margin-top:2rem}
"""
_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_BUTTONS: Final = {
    ReplyVerb.ACKNOWLEDGE: "Take it",
    ReplyVerb.ESCALATE: "Pass it on",
    ReplyVerb.RESOLVE: "It is over",
}
_EVERY: Final = {ReplyVerb.ACKNOWLEDGE: "Take all", ReplyVerb.RESOLVE: "All are over"}
_GONE: Final = (
    "This link is not good, or not any more. Links last a day, and only while the text they came in "
    "is yours. Answer the text instead, or ask whoever is on call with you."
)
_REFUSED: Final[dict[type[RingfenceError], str]] = {
    NotFound: _GONE,
    TooMany: "Too much was asked from your address. Wait a minute, then open the link again.",
    InvalidField: "That cannot be done from here. Open the link again and use its buttons.",
    NotPermitted: "This number is not verified yet, so nothing was done. Whoever set this up can "
    "verify it.",
    WrongMethod: "Open the link in a browser.",
}
_BROKEN: Final = "That did not work, and nothing was done. Open the link again in a moment."


def page(kit: Equipment, linked: Linked, said: str = "") -> str:
    """How things stand. `said` is what became of what was pressed, empty where only looked at."""
    responder = linked.responder
    name = escape(responder.label or responder.name)
    many = len(linked.alerts) > 1
    title = f"{len(linked.alerts)} alerts" if many else "Alert"
    parts = [f"<h1>{title} for {name}</h1>"]
    if said:
        parts.append(f'<p class="said" role="status">{escape(said)}</p>')
    if not linked.verified:
        parts.append(
            '<p class="said">This number is not verified yet, so nothing can be done from here. '
            "Whoever set this up can verify it.</p>"
        )
    if many and linked.verified:
        parts.append(_for_all(linked))
    parts += [_article(kit, linked, alert) for alert in linked.alerts]
    until = _when(kit, linked.alerts[0], linked.expires_at) if linked.alerts else ""
    parts.append(
        f"<footer>This link is {name}'s: whoever opens it acts as {name}. Do not forward it. "
        f"It lasts until {escape(until)}.</footer>"
    )
    return _document(title, "".join(parts))


def refusal(error: RingfenceError) -> str:
    """Words for whoever cannot go on; nothing of why beyond what they may know."""
    words = next((words for kind, words in _REFUSED.items() if isinstance(error, kind)), _BROKEN)
    return _document("Alert", f"<h1>Alert</h1><p>{escape(words)}</p>")


def _article(kit: Equipment, linked: Linked, alert: Alert) -> str:
    about = f'<p><a href="{escape(alert.url)}" rel="noreferrer noopener">More about it</a></p>'
    return (
        "<article>"
        f'<p class="soft">#{alert.number} · {escape(alert.service or alert.flow)} · '
        f"{escape(alert.severity.value)}</p>"
        f"<h2>{escape(alert.title)}</h2>"
        f'<p class="state {alert.state.value}">{escape(_state(kit, linked, alert))}</p>'
        f'<p class="soft">since {escape(_when(kit, alert, alert.opened_at))}</p>'
        f"{about if alert.url.startswith(('https://', 'http://')) else ''}"
        f"{_buttons(linked, alert)}"
        "</article>"
    )


def _state(kit: Equipment, linked: Linked, alert: Alert) -> str:
    match alert.state:
        case AlertState.TRIGGERED:
            return "Nobody has it yet"
        case AlertState.ACKNOWLEDGED if alert.acknowledged_by == linked.responder.name:
            return "You have it"
        case AlertState.ACKNOWLEDGED:
            return f"{called(kit, alert.acknowledged_by)} has it"
        case AlertState.RESOLVED:
            return f"It is over (by {called(kit, alert.resolved_by)})"


def _buttons(linked: Linked, alert: Alert) -> str:
    """What can still be done, one form each."""
    if alert.state not in OPEN or not linked.verified:
        return ""
    mine = alert.acknowledged_by == linked.responder.name
    offered = [verb for verb in _BUTTONS if verb is not ReplyVerb.ACKNOWLEDGE or not mine]
    return f"<nav>{''.join(_form(verb, alert.id, _BUTTONS[verb]) for verb in offered)}</nav>"


def _for_all(linked: Linked) -> str:
    if not any(alert.state in OPEN for alert in linked.alerts):
        return ""
    return f"<nav>{''.join(_form(verb, EVERY, words) for verb, words in _EVERY.items())}</nav>"


def _form(verb: ReplyVerb, alert: str, words: str) -> str:
    kind = ' class="go"' if verb is ReplyVerb.ACKNOWLEDGE else ""
    return (
        '<form method="post">'
        f'<input type="hidden" name="alert" value="{escape(alert)}">'
        f'<button name="act" value="{verb.value}"{kind}>{words}</button></form>'
    )


def _when(kit: Equipment, alert: Alert, at: datetime) -> str:
    """By the clock of the alert's line."""
    line = kit.lines.get(alert.line)
    name = "UTC" if line is None else line.zone
    return f"{at.astimezone(zone(name)):%Y-%m-%d %H:%M} ({name})"


def _document(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="robots" content="noindex">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main>{body}</main></body></html>"
    )
