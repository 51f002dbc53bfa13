"""The words of a page: what a responder reads of one alert or of many, and how to answer. What an
event said is shown as plain words: without its links, and not at all where it would make a carrier
or the gate stop the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ringfence.text.content import Content, scan
from ringfence.text.fields import links
from ringfence.text.plain import tidy

NAMED_MAX: Final = 5
CHARS_MAX: Final = 300
"""Two segments of GSM-7; a link comes on top."""
TITLE_CHARS_MAX: Final = 100
SERVICE_CHARS_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class Told:
    """One alert as a page names it."""

    number: int
    title: str
    by: str = ""


def page(label: str, service: str, told: list[Told], *, two_way: bool, link: str) -> str:
    """One text for these alerts of one service, the worst first. `two_way` is false where no answer
    can come back; `link` is empty for none."""
    text = _page(label, service, told, two_way=two_way, link=link)
    if not _stops(scan(text)):
        return text
    # Harmless each by itself and not together: nobody may be left untold for it.
    return _page(label, "", [Told(one.number, "") for one in told], two_way=two_way, link=link)


def _page(label: str, service: str, told: list[Told], *, two_way: bool, link: str) -> str:
    service = _plain(service, SERVICE_CHARS_MAX) or "a service"
    if len(told) == 1:
        text = f"{label}: #{told[0].number} {_title(told[0])} ({service})."
        how = _how_one(told[0].number)
    else:
        text = f"{label}: {len(told)} alerts of {service}: {_listed(told)}."
        how = _how_many(told[0].number, service)
    parts = [text, how if two_way else "", f"See {link}" if link else ""]
    return " ".join(part for part in parts if part)


def spoken(label: str, service: str, told: list[Told]) -> str:
    """The same said aloud: what it is first, in short sentences, without what only a screen can use."""
    service = _plain(service, SERVICE_CHARS_MAX) or "a service"
    first = f"Alert {told[0].number}. {_title(told[0])}."
    if len(told) == 1:
        return f"This is {label} with an alert. {service}. {first}"
    return f"This is {label} with {len(told)} alerts. {service}. The worst: {first}"


def resolved(label: str, service: str, told: list[Told]) -> str:
    """One text for alerts that are over."""
    service = _plain(service, SERVICE_CHARS_MAX) or "a service"
    if len(told) == 1:
        return f"{label}: resolved #{told[0].number} {_title(told[0])} ({service})."
    return f"{label}: {len(told)} alerts of {service} are resolved: {_listed(told)}."


def _how_one(number: int) -> str:
    return f"Reply {number}a to take it, {number}e to pass it on, {number}r when it is over."


def _how_many(number: int, service: str) -> str:
    return f"Reply {number}a to take that one, {number}aa to take all of {service}."


def _listed(told: list[Told]) -> str:
    """As many as fit, the others counted."""
    for named in range(min(NAMED_MAX, len(told)), 0, -1):
        rest = len(told) - named
        listed = "; ".join(f"#{one.number} {_title(one)}" for one in told[:named])
        text = f"{listed}; and {rest} more" if rest else listed
        if len(text) <= CHARS_MAX - 100:
            return text
    return ", ".join(f"#{one.number}" for one in told[:NAMED_MAX])


def _title(one: Told) -> str:
    return _plain(one.title, TITLE_CHARS_MAX) or "(see the alert)"


def _plain(words: str, most: int) -> str:
    """One line without links; nothing where the gate would not let it pass."""
    text = " ".join(tidy(words).split())
    for link in links(text):
        text = text.replace(link, "(link)")
    found = scan(text)
    if _stops(found) or found.hosts:
        return ""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _stops(found: Content) -> bool:
    """Whether the gate would not let a text go for what it says."""
    return bool(found.secrets or found.shaft or found.reserved or found.hidden)
