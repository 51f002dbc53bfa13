"""The zones of states and provinces of the two countries whose calling rules go by state. A place
split between zones names all of them; rules of the clock decide, so one name stands for all zones
that keep the same time. It must never name fewer zones than the place has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_EASTERN = "America/New_York"
_CENTRAL = "America/Chicago"
_MOUNTAIN = "America/Denver"
_PACIFIC = "America/Los_Angeles"
_ATLANTIC = "America/Halifax"

_EASTERN_STATES = "CT DC DE GA MA MD ME NC NH NJ NY OH PA RI SC VA VT WV"
_CENTRAL_STATES = "AL AR IA IL LA MN MO MS OK WI"
_MOUNTAIN_STATES = "CO MT NM UT WY"
_PACIFIC_STATES = "CA WA"
_SPLIT_STATES: Final[Mapping[str, tuple[str, ...]]] = {
    "AK": ("America/Anchorage", "America/Adak"),
    "AZ": ("America/Phoenix", _MOUNTAIN),  # the Navajo Nation changes its clocks
    "FL": (_EASTERN, _CENTRAL),
    "HI": ("Pacific/Honolulu",),
    "ID": ("America/Boise", _PACIFIC),
    "IN": ("America/Indiana/Indianapolis", _CENTRAL),
    "KS": (_CENTRAL, _MOUNTAIN),
    "KY": (_EASTERN, _CENTRAL),
    "MI": ("America/Detroit", "America/Menominee"),
    "ND": (_CENTRAL, _MOUNTAIN),
    "NE": (_CENTRAL, _MOUNTAIN),
    "NV": (_PACIFIC, _MOUNTAIN),  # West Wendover
    "OR": (_PACIFIC, "America/Boise"),
    "SD": (_CENTRAL, _MOUNTAIN),
    "TN": (_EASTERN, _CENTRAL),
    "TX": (_CENTRAL, _MOUNTAIN),
    "AS": ("Pacific/Pago_Pago",),
    "GU": ("Pacific/Guam",),
    "MP": ("Pacific/Saipan",),
    "PR": ("America/Puerto_Rico",),
    "VI": ("America/St_Thomas",),
}
_PROVINCES: Final[Mapping[str, tuple[str, ...]]] = {
    "AB": ("America/Edmonton",),
    "BC": (
        "America/Vancouver",
        "America/Edmonton",
        "America/Creston",
        "America/Dawson_Creek",
        "America/Fort_Nelson",
    ),
    "MB": ("America/Winnipeg",),
    "NB": ("America/Moncton",),
    "NL": ("America/St_Johns", "America/Goose_Bay"),
    "NS": (_ATLANTIC,),
    "NT": ("America/Edmonton", "America/Inuvik"),
    "NU": (
        "America/Iqaluit",
        "America/Rankin_Inlet",
        "America/Resolute",
        "America/Cambridge_Bay",
        "America/Atikokan",
    ),
    "ON": ("America/Toronto", "America/Winnipeg", "America/Atikokan"),
    "PE": (_ATLANTIC,),
    "QC": ("America/Toronto", _ATLANTIC, "America/Blanc-Sablon"),
    "SK": ("America/Regina", "America/Swift_Current", "America/Edmonton"),
    "YT": ("America/Whitehorse",),
}


def _regions() -> dict[str, tuple[str, ...]]:
    whole = (
        (_EASTERN_STATES, _EASTERN),
        (_CENTRAL_STATES, _CENTRAL),
        (_MOUNTAIN_STATES, _MOUNTAIN),
        (_PACIFIC_STATES, _PACIFIC),
    )
    regions: dict[str, tuple[str, ...]] = {
        f"US-{state}": (zone,) for states, zone in whole for state in states.split()
    }
    regions |= {f"US-{state}": zones for state, zones in _SPLIT_STATES.items()}
    return regions | {f"CA-{province}": zones for province, zones in _PROVINCES.items()}


REGIONS: Final[Mapping[str, tuple[str, ...]]] = _regions()
"""ISO 3166-2 code to IANA zones."""
