"""The demo's calls: a notice rings and is heard, somebody calls, talks with the agent, interrupts it, is
connected to the owner, and the agent's own wish to call a stranger waits for a yes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from ringfence.clock import SystemClock
from ringfence.simulator.demo import NEIGHBOUR, OWNER, YOU, Demo
from ringfence.simulator.demo_agent import STORY
from ringfence.simulator.demo_steps import Done, begins, hears, picks_up, require, run_command, sees

NOTICE: Final = "Hi! This is a test call."
WORD_S: Final = 0.08
"""How long a word takes in the story. People speak four times slower, and would listen to it."""
LISTENS_S: Final = 0.6


class Calls:
    """The steps, in order. Each answers what was seen and heard."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._you, self._owner = demo.phone(YOU), demo.phone(OWNER)
        self._neighbour = demo.phone(NEIGHBOUR)

    def steps(self) -> tuple[Callable[[], Awaitable[str]], ...]:
        return (self.notice, self.conversation, self.interruption, self.transfer, self.errand)

    async def notice(self) -> str:
        """The operator calls: the phone rings, and whoever answers hears who it is and what for"""
        self._demo.world.exchange.voice.behaviour.word_s = WORD_S
        words = ("--to", YOU, "--message", NOTICE, "--mode", "notify", "--json")
        placed = await self._ringfence("voicecall", "call", *words)
        require(placed.code == 0, placed.out + placed.err)
        await picks_up(self._you)
        disclosure, notice = await hears(self._you, ""), await hears(self._you, NOTICE)
        await self._you.is_over()
        return f"{YOU} hears: {disclosure}\n    {YOU} hears: {notice}"

    async def conversation(self) -> str:
        """Somebody calls the number and talks with the agent"""
        self._you.calls()
        greeting = await hears(self._you, "this is the demo agent")
        self._you.says("What time is it?")
        answer = await hears(self._you, "You said: What time is it?")
        return (
            f"{YOU} hears: {greeting}\n    {YOU} says: What time is it?\n    {YOU} hears: {answer}"
        )

    async def interruption(self) -> str:
        """They ask for a story and speak into it: it stops, and they are answered"""
        self._you.says("Tell me a story.")
        answer = await begins(self._you, STORY)
        await SystemClock().sleep(LISTENS_S)
        self._you.says("That is enough.")
        await hears(self._you, "You said: That is enough.")
        require(answer.heard != STORY, "it was said to its end")
        return f"{YOU} hears: {answer.heard} …"

    async def transfer(self) -> str:
        """They ask for a person: the agent has them connected to the owner, and both talk"""
        self._you.says("Connect me to the owner, please.")
        await hears(self._you, "I connect you")
        await picks_up(self._owner)
        self._owner.says("Hello, this is a person.")
        heard = await hears(self._you, "this is a person")
        self._owner.hangs_up()
        await self._you.is_over()
        shown = await self._ringfence("voicecall", "tail", "--no-follow", "--since", "16")
        require("Connect me to the owner" in shown.out, shown.out + shown.err)
        told = "\n    ".join(shown.out.strip().splitlines())
        return f"{OWNER} answers, and {YOU} hears: {heard}\n    {told}"

    async def errand(self) -> str:
        """They ask the agent to call a neighbour: it is held, as a draft of the owner's; nothing rings"""
        sent = await self._you.texts(f"call {NEIGHBOUR}: the music is loud")
        require(sent.reached, "the gateway did not take the text")
        answer = await sees(self._you, "Held")
        await sees(self._owner, "waits for a yes")
        self._neighbour.has_not_rung()
        return f"{YOU} sees: {answer}"

    # -- how it is done --------------------------------------------------------------------

    async def _ringfence(self, *words: str) -> Done:
        return await run_command(self._demo.config_path, *words)
