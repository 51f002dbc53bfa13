"""Clocks of the world: an IANA zone's rules by its name, and the instant at which a wall shows a time.
Never a machine's own zone tables: those of the pinned `tzdata` package are loaded by name, so that
every gateway and every replay counts by the same clock rules."""

from __future__ import annotations

import importlib
import importlib.resources
from datetime import UTC, datetime, tzinfo
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from ringfence.model.errors import InvalidField

TZDATA_VERSION: Final[str] = importlib.import_module("tzdata").IANA_VERSION
"""The release of the zone tables ("2026f"); a policy names it among its lists."""

_DAY_S = 86_400
_EPOCH = datetime(1970, 1, 1)  # without a zone, as wall-clock times are


@cache
def zone(name: str) -> ZoneInfo:
    """The zone's clock, from the package's tables. Raises InvalidField for an unknown name."""
    if name not in known_zones():
        raise InvalidField('an IANA zone such as "America/New_York"')
    with tables().joinpath(*name.split("/")).open("rb") as table:
        return ZoneInfo.from_file(table, key=name)


@cache
def known_zones() -> frozenset[str]:
    names = importlib.resources.files("tzdata").joinpath("zones").read_text(encoding="ascii")
    return frozenset(names.split())


def tables() -> importlib.resources.abc.Traversable:
    """Where the package keeps its tables, one file for each zone and some lists."""
    return importlib.resources.files("tzdata").joinpath("zoneinfo")


def moment_at(name: str, wall: datetime) -> datetime:
    """The one moment that stands for a time on the wall of a zone: the later of two, and where clocks
    jumped past it, the jump. Times on the wall in order give moments in order. Raises InvalidField."""
    return datetime.fromtimestamp(instant_s(zone(name), wall, later=True), UTC)


def instant_s(clock: tzinfo, wall: datetime, *, later: bool) -> int:
    """When the wall clock shows `wall` (which has no zone), in seconds since the epoch. Shown twice,
    the reading asked for; never shown, the moment the clock jumped past it (PEP 495: Python's own
    answer would lie the length of the jump away)."""
    first = offset_s(wall.replace(tzinfo=clock))
    second = offset_s(wall.replace(tzinfo=clock, fold=1))
    shown = wall - _EPOCH
    shown_s = shown.days * _DAY_S + shown.seconds
    if first < second:
        return _jump(clock, shown_s - second, shown_s - first)
    return shown_s - (second if later else first)


def offset_s(moment: datetime) -> int:
    """How far the clock of `moment` is ahead of UTC."""
    offset = moment.utcoffset()
    assert offset is not None, "a wall clock without a zone"
    return offset.days * _DAY_S + offset.seconds


def _jump(clock: tzinfo, before: int, after: int) -> int:
    """The first second with the offset of `after`, which `before` does not have yet."""
    old = offset_s(datetime.fromtimestamp(before, clock))
    while after - before > 1:
        middle = (before + after) // 2
        if offset_s(datetime.fromtimestamp(middle, clock)) == old:
            before = middle
        else:
            after = middle
    return after
