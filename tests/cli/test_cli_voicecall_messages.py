"""`ringfence voicecall messages`: what callers left, listed, and written to a file of one's own."""

from __future__ import annotations

import stat
from pathlib import Path

from phoning import phoning

from calling import BEN
from ringfence.model.errors import AgentRefused
from telling import ScriptedAgent

WORDS = "Please call me back."


async def test_a_message_is_listed_and_written_to_a_private_file(
    store_url: str, tmp_path: Path
) -> None:
    agent = ScriptedAgent(lambda turn: AgentRefused("It is out of order."))
    voice = {"messages": {"enabled": True}}
    async with phoning(store_url, agent=agent, voice=voice) as story:
        assert (await story.run("messages")).stdout.strip() == "Nobody left a message."
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.says("Hello?")
        await story.until(phone.hears("beep"))
        phone.says(WORDS)
        await story.until(phone.is_over())
        await story.settles()
        made = await story.call()
        (row,) = (await story.document("messages"))["messages"]
        assert (row["call"], row["number"], row["state"]) == (made.id, BEN, "kept")
        file = tmp_path / "message.wav"
        told = await story.run("messages", "--call-id", made.id, "--output", str(file))
        assert told.stdout.startswith("Written: ")
        assert WORDS.encode() in file.read_bytes()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        again = await story.run("messages", "--call-id", made.id, "--output", str(file), code=1)
        assert "is there already" in again.output
        await story.run("messages", "--call-id", made.id, code=2)
