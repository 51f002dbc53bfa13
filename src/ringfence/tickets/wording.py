"""What tickets say, in plain words, and how to put them where markup is read. Words of an event are
never markup, a mention or a command there, and hold no phone number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ringfence.model.ticket import TicketAction
from ringfence.text.unnumbered import unnumbered
from ringfence.tickets.base import Errand

TITLE_CHARS_MAX: Final = 200
TEXT_CHARS_MAX: Final = 4_000
URL_CHARS_MAX: Final = 2_000

_ticks: Final = re.compile(r"`{3,}")
_plain_url: Final = re.compile(r"https?://[A-Za-z0-9._~/:?#=&%+,;-]+", re.ASCII)


def title(errand: Errand) -> str:
    """One line."""
    return one_line(f"Alert {errand.alert.number}: {errand.alert.title}")[:TITLE_CHARS_MAX]


def body(errand: Errand) -> str:
    """What a new ticket says, line by line."""
    return "\n".join(_lines(errand))


def news(errand: Errand) -> str:
    """What an update or an end says."""
    if said := cleaned(errand.task.text):
        return said
    closing = errand.task.action is TicketAction.CLOSE
    return "The alert is resolved." if closing else f"The alert is {errand.alert.state}."


def remark(errand: Errand) -> str:
    """An update or an end as a comment."""
    return f"{news(errand)}\n\n{reference(errand)}"


def reference(errand: Errand) -> str:
    """The mark by which the text of this very task is found again."""
    name = errand.ticket.id if errand.task.action is TicketAction.OPEN else errand.task.id
    return f"Ringfence: {name}"


def fenced(text: str) -> str:
    """As Markdown that shows the text letter by letter. The fence is longer than any run of
    backticks in it (CommonMark section 4.5)."""
    longest = max((len(run) for run in _ticks.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def link(errand: Errand) -> str:
    """The alert's page, where it is an address that no markup could take for anything else."""
    url = errand.alert.url
    return url if len(url) <= URL_CHARS_MAX and _plain_url.fullmatch(url) else ""


def address(url: object) -> str:
    """An address that the other side named, if it is one."""
    usable = isinstance(url, str) and len(url) <= URL_CHARS_MAX and _plain_url.fullmatch(url)
    return str(url) if usable else ""


def one_line(text: str) -> str:
    """Without line breaks, control characters and phone numbers."""
    return " ".join(cleaned(text).split())


def cleaned(text: str) -> str:
    """Without control characters other than line breaks, and without phone numbers; bounded."""
    kept = "".join(c if c.isprintable() or c == "\n" else " " for c in text[:TEXT_CHARS_MAX])
    return unnumbered(kept).strip()


def _lines(errand: Errand) -> Iterator[str]:
    alert = errand.alert
    yield one_line(alert.title)
    yield ""
    yield f"Alert:    {alert.number}"
    yield f"State:    {alert.state}"
    yield f"Severity: {alert.severity}"
    if alert.service:
        yield f"Service:  {one_line(alert.service)}"
    yield f"Flow:     {one_line(alert.flow)}"
    yield f"Opened:   {alert.opened_at:%Y-%m-%d %H:%M:%S} UTC"
    if alert.acknowledged_by:
        yield f"Has it:   {one_line(alert.acknowledged_by)}"
    if alert.url:
        yield f"Page:     {one_line(alert.url)}"
    yield ""
    yield reference(errand)
