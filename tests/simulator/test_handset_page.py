"""The handset page holds together: what its script reaches for is on the page, what it asks the door for
the door knows, and nothing on it comes from another place."""

from __future__ import annotations

import re
from collections import Counter
from importlib import resources

import aiohttp

from ringfence.testing import SimulatedCarrier

PAGE = resources.files("ringfence.simulator").joinpath("handset.html").read_text(encoding="utf-8")
MARKUP, SCRIPT = PAGE.split("<script>")


def test_every_element_the_script_reaches_for_is_there_once() -> None:
    there = Counter(re.findall(r'\bid="([^"]+)"', MARKUP))
    assert {name for name, times in there.items() if times > 1} == set()
    assert set(re.findall(r'\bel\("([^"]+)"\)', SCRIPT)) <= set(there)
    assert set(re.findall(r'href="#([^"]+)"', MARKUP)) <= set(there)


def test_what_is_outside_is_never_parsed_as_a_page() -> None:
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", SCRIPT)


def test_nothing_comes_from_another_place() -> None:
    assert not re.search(r"https?:|//[a-z0-9-]+\.[a-z]", PAGE)


async def test_the_door_knows_what_the_page_asks_it_for() -> None:
    """An unknown deed is a bad request; a known one fails only for want of a call."""
    deeds = set(re.findall(r'\bdo: "([a-z_]+)"', SCRIPT))
    assert deeds == {"answer", "press", "say", "hang_up"}
    async with SimulatedCarrier() as carrier, aiohttp.ClientSession(carrier.base_url) as door:
        for deed, status in [*((one, 409) for one in sorted(deeds)), ("dance", 400)]:
            asked = {"do": deed, "digits": "1", "words": "hello"}
            async with door.post("/_sim/phones/+15555550111/call", json=asked) as answer:
                assert (deed, answer.status) == (deed, status)
