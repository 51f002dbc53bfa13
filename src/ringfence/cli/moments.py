"""Moments as they are typed: ISO 8601, on the wall of a zone where none is written, or so long from
now (`+2h`, `-30m`). What cannot be read is wrong usage; nothing is guessed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import click

METAVAR: Final = "TIME"
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_span: Final = re.compile(r"([+-])(\d{1,6})([smhdw])", re.ASCII)


def on_the_wall(moment: str | None, zone_name: str) -> str | None:
    """A moment of an API answer as the clock of a zone shows it, with its offset, to the minute."""
    from ringfence.text.zones import zone

    if moment is None:
        return None
    at = datetime.fromisoformat(moment).astimezone(zone(zone_name))
    return at.isoformat(timespec="minutes")


def moment_of(text: str, option: str, now: datetime, zone_name: str = "UTC") -> datetime:
    """`now`, `+2h`, `2026-12-01T09:00`, `2026-12-01T09:00+01:00` or `2026-12-01`, in UTC."""
    from ringfence.text.zones import moment_at

    if text == "now":
        return now
    try:
        if found := _span.fullmatch(text):
            length = timedelta(**{_UNITS[found[3]]: int(found[2])})
            return now + length if found[1] == "+" else now - length
        at = datetime.fromisoformat(text)
        return moment_at(zone_name, at) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        why = f"{text!r} is no time such as 2026-12-01T09:00, 2026-12-01T09:00+01:00 or +2h."
        raise click.BadParameter(why, param_hint=option) from None
