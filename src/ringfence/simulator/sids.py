"""Names and numbers as the carrier writes them: SIDs, strict E.164, test numbers, geography.

Randomness is handed in; nothing here may draw its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
SID = re.compile(r"[A-Z]{2}[0-9a-f]{32}")

DEFAULT_NUMBER = "+15555550100"
TEST_SENDER = "+15005550006"  # the one From that passes with test credentials


class SidSource:
    """Deals SIDs (two letters and 32 hex digits) and tokens from one seeded source."""

    def __init__(self, rng: Random) -> None:
        self._bits = rng.getrandbits

    def deal(self, prefix: str) -> str:
        return f"{prefix}{self._bits(128):032x}"

    def token(self) -> str:
        return f"{self._bits(128):032x}"

    def idempotency_token(self) -> str:
        """I-Twilio-Idempotency-Token looks like a UUID and stays the same over retries."""
        h = f"{self._bits(128):032x}"
        return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


@dataclass(frozen=True, slots=True)
class Geography:
    """What the carrier guesses from a number's prefix; any field may be blank."""

    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""


# Best effort, as the real one: a country from the prefix, a town for some area codes only
# (messaging-providers.md 2.3). Blank values are sent, and signed.
_COUNTRIES = (("+1", "US"), ("+44", "GB"), ("+49", "DE"), ("+33", "FR"), ("+61", "AU"))
_TOWNS = {
    "+1212": Geography("NEW YORK", "NY", "10001", "US"),
    "+1415": Geography("SAN FRANCISCO", "CA", "94103", "US"),
    "+1808": Geography("HONOLULU", "HI", "96813", "US"),
}


def geography(number: str) -> Geography:
    if (town := _TOWNS.get(number[:5])) is not None:
        return town
    for prefix, country in _COUNTRIES:
        if number.startswith(prefix):
            return Geography(country=country)
    return Geography()


def country(number: str) -> str:
    """The ISO country of a number, "US" where the prefix is unknown."""
    return geography(number).country or "US"
