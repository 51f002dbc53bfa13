"""The PIN is all that proves a caller: it cannot be tried out by calling again and again."""

from __future__ import annotations

import pytest

from calling import BEN, Calling, calling
from ringfence.model.line import Secret


async def tries(story: Calling, *codes: str) -> None:
    phone = story.phone(BEN)
    phone.calls()
    for code in codes:
        await story.until(phone.hears("enter your code"))
        await story.story.passes(seconds=1)
        phone.presses(f"{code}#")
    await story.until(phone.is_over())
    await story.settles()


@pytest.mark.proves("P2", "P10")
async def test_a_pin_is_not_found_out_by_calling_again(sqlite_url: str) -> None:
    async with calling(sqlite_url, voice={"pin": Secret("4711")}) as story:
        for _ in range(3):
            await tries(story, "1111", "2222", "3333")
        await tries(story, "4711")
        call = await story.call()
        assert (call.pin_given, call.turn) == (False, 0)
        await story.story.passes(hours=1)
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("enter your code"))
        phone.presses("4711#")
        await story.until(phone.hears("this is Acme"))
        phone.hangs_up()
        await story.settles()


@pytest.mark.proves("P2")
async def test_whoever_says_nothing_has_not_guessed(sqlite_url: str) -> None:
    async with calling(sqlite_url, voice={"pin": Secret("4711")}) as story:
        for _ in range(4):
            phone = story.phone(BEN)
            phone.calls()
            await story.until(phone.is_over())
            await story.settles()
        phone.calls()
        await story.until(phone.hears("enter your code"))
        phone.presses("4711#")
        await story.until(phone.hears("this is Acme"))
        phone.hangs_up()
        await story.settles()
