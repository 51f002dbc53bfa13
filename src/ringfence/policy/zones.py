"""Where a person may be, as IANA zones: what somebody entered for them, else what their number
says, else nothing, which means that a person decides. It never takes fewer zones than are possible.
The clocks themselves are in `text/zones.py`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final, Literal

from ringfence.model.errors import InvalidField
from ringfence.model.phone import PhoneNumber
from ringfence.policy.regions import REGIONS
from ringfence.text.zones import TZDATA_VERSION, known_zones, tables, zone

__all__ = [
    "NOWHERE",
    "TZDATA_VERSION",
    "ZoneSource",
    "Zones",
    "check_place",
    "countries_of",
    "known_zones",
    "zone",
    "zones_at",
    "zones_of",
    "zones_of_number",
]

ZoneSource = Literal["contact", "postal", "number", ""]

_REMEMBERED = 4_096  # numbers: one is asked for when a text is proposed and again at its claim


@dataclass(frozen=True, slots=True)
class Zones:
    """Every zone a person may be in, and how that is known. No name at all means nobody knows."""

    names: tuple[str, ...] = ()
    source: ZoneSource = ""


NOWHERE: Final = Zones()


def zones_of(explicit_zone: str, number: PhoneNumber) -> Zones:
    """The best knowledge wins (facts compliance 4.4). `explicit_zone` is what somebody entered for
    the person: a zone ("contact"), or a state or country ("postal"); empty where nobody did. The
    default for people whom nobody can place is a setting (`rules/quiet_hours.py`), no fact.

    What was entered and is unknown to us places nobody: falling back to the number would answer
    another question than the one that was put."""
    if explicit_zone:
        names = zones_at(explicit_zone)
        source: ZoneSource = "contact" if names == (explicit_zone,) else "postal"
        return Zones(names, source) if names else NOWHERE
    names = zones_of_number(number)
    return Zones(names, "number") if names else NOWHERE


def zones_at(place: str) -> tuple[str, ...]:
    """All zones of a place: a zone itself, a state or province ("US-FL"), a country ("FR"); none
    for a name we do not know."""
    # "NZ" is an old zone's name too, and says less than the country of that code.
    if names := REGIONS.get(place) or _by_country().get(place):
        return names
    return (place,) if place in known_zones() else ()


@lru_cache(_REMEMBERED)
def zones_of_number(number: PhoneNumber) -> tuple[str, ...]:
    """All zones the numbering plan allows; none for a number that no plan has, or that belongs to
    no place (satellites, +800). Mobile numbers move: whoever uses this keeps a margin."""
    import phonenumbers
    from phonenumbers import timezone

    try:
        parsed = phonenumbers.parse(number.e164)
    except phonenumbers.NumberParseException:
        return ()
    names = tuple(timezone.time_zones_for_number(parsed))
    # "Etc/Unknown" is not in the tables. One unknown name spoils all: the person may be there.
    return names if known_zones().issuperset(names) else ()


def check_place(text: str) -> str:
    """`text` if it names a zone, state or country; raises InvalidField with what was expected."""
    if zones_at(text):
        return text
    raise InvalidField(
        'an IANA zone such as "America/New_York", a state or province such as "US-FL", '
        'or a country such as "FR"'
    )


@cache
def countries_of(name: str) -> frozenset[str]:
    """The ISO 3166 codes of the countries that keep this zone; none for a zone of no country."""
    found = _keepers(name) or _keepers(_links().get(name, name))
    return frozenset(found)


def _keepers(name: str) -> list[str]:
    return [country for country, zones in _by_country().items() if name in zones]


@cache
def _by_country() -> dict[str, tuple[str, ...]]:
    """zone.tab: a country, where in it, and the zone; `#` begins a remark."""
    found: dict[str, tuple[str, ...]] = {}
    for line in tables().joinpath("zone.tab").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            country, _, name = line.split("\t")[:3]
            found[country] = (*found.get(country, ()), name)
    return found


@cache
def _links() -> dict[str, str]:
    """Other names of a zone ("Asia/Katmandu"): lines `L target name` of the tables' source."""
    text = tables().joinpath("tzdata.zi").read_text(encoding="ascii")
    rows = (line.split() for line in text.splitlines() if line.startswith("L "))
    return {name: target for _, target, name in rows}
