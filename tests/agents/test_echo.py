"""agents/echo.py: says back what it was told, bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ringfence.agents import make
from ringfence.agents.echo import Settings as EchoSettings
from ringfence.ports import AgentTurn, Attachment

TurnMaker = Callable[..., AgentTurn]
NONE: Any = None


async def test_echo_says_back_what_it_was_told(turn: TurnMaker) -> None:
    echo = make("echo", "parrot", EchoSettings(), NONE, NONE)
    assert (echo.id, await echo.check()) == ("parrot", "")
    reply = await echo.reply(turn(body="Hi", attachments=(Attachment("image/png", b"123"),)))
    assert reply.text == "You said: Hi\n[attachment: image/png, 3 bytes]"
    await echo.close()


@pytest.mark.proves("P10")
async def test_echo_is_bounded_too(turn: TurnMaker) -> None:
    echo = make("echo", "parrot", EchoSettings(prefix="", max_reply_chars=3), NONE, NONE)
    reply = await echo.reply(turn(body="abcd"))
    assert (reply.text, reply.hold) == ("abc", "too_long")
    assert reply.provenance is not None
    assert reply.provenance["reply_chars"] == 4
