"""The first minute of product.md, played by itself: phones on the simulated carrier, the gateway as a
process of its own, and the commands an operator would type. Each step says what was seen and heard;
the first that goes wrong ends the story. Leaves no process behind."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

from ringfence.clock import SystemClock
from ringfence.simulator.call_phone import NotHeard
from ringfence.simulator.demo import FRIEND, OWNER, YOU, Demo
from ringfence.simulator.demo_calls import Calls
from ringfence.simulator.demo_incident import Incident
from ringfence.simulator.demo_steps import (
    SEEN_S,
    Done,
    StoryFailed,
    end,
    environment,
    require,
    ringfence_words,
    run_command,
    sees,
)
from ringfence.simulator.phone import NotReceived, Phone

READY_S: Final = 15.0
# How long silence is listened to. The gateway looks for work every 0.1 s.
SILENCE_S: Final = 0.5
_CODE: Final = re.compile(r"Your code: ([A-Z0-9]{8})")
_DRAFT: Final = re.compile(r"Draft ([A-Z0-9]{4}) ")
_LOG_TAIL_LINES: Final = 15
_SHOWN_LINES: Final = 22


async def play(demo: Demo, say: Callable[[str], None]) -> None:
    """Play all steps. Raises StoryFailed naming the step and what was seen instead."""
    story = Story(demo)
    log = demo.folder / "gateway.log"
    try:
        async with gateway_process(demo.config_path, log, demo.private_url):
            say(f"✓ The gateway runs at {demo.private_url}")
            for step in story.steps():
                title = (step.__doc__ or "").strip().rstrip(".")
                try:
                    seen = await step()
                except (StoryFailed, NotReceived, NotHeard) as error:
                    raise StoryFailed(f"{title}: {error}") from error
                say(f"✓ {title}\n    {seen}")
    except StoryFailed as error:
        raise StoryFailed(f"{error}{_tail(log)}") from error


class Story:
    """The steps, in order. Each answers what was seen."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._you, self._friend, self._owner = map(demo.phone, (YOU, FRIEND, OWNER))
        self._code = ""
        self._errand = ""

    def steps(self) -> tuple[Callable[[], Awaitable[str]], ...]:
        return (
            self.stranger,
            self.approval,
            self.conversation,
            self.errand,
            self.draft,
            self.operator,
            self.repetition,
            self.opt_out,
            self.stop,
            self.resume,
            *Calls(self._demo).steps(),
            *Incident(self._demo).steps(),
            self.audit,
        )

    async def stranger(self) -> str:
        """A stranger texts and gets a pairing code; the owner's phone is told"""
        await self._texts(self._you, "Good morning, who is there?")
        asked = await sees(self._you, "Your code")
        found = _CODE.search(asked)
        require(found is not None, f"no code in {asked!r}")
        assert found is not None
        self._code = found[1]
        await sees(self._owner, self._code)
        require(self._demo.agent.turns == 0, "the agent saw a stranger's text")
        return f"{YOU} sees: {asked}"

    async def approval(self) -> str:
        """An operator approves with the code"""
        done = await self._ringfence("pairing", "approve", "sms", self._code.lower())
        require(done.code == 0, done.err)
        return _typed("pairing approve sms", self._code) + done.out.strip()

    async def conversation(self) -> str:
        """They text again, the agent answers, and the answer is delivered"""
        await self._texts(self._you, "Good morning!")
        answer = await sees(self._you, "You said: Good morning!")
        await self._settles()
        delivered = await self._messages("--direction", "out", "--status", "delivered")
        bodies = [message["body"] for message in delivered]
        require(answer in bodies, f"delivered are {bodies}")
        return f"{YOU} sees: {answer} (delivered)"

    async def errand(self) -> str:
        """They ask the agent to text a friend: it is held, with the reason; the friend's phone is silent"""
        await self._texts(self._you, f"text {FRIEND}: lunch?")
        answer = await sees(self._you, "Held")
        held = await self._messages("--direction", "out", "--status", "held")
        require([one["to"] for one in held] == [FRIEND], f"held are {held}")
        require(held[0]["initiator"].startswith("agent:"), str(held[0]["initiator"]))
        _silent(self._friend)
        self._errand = str(held[0]["id"])
        return f"{YOU} sees: {answer}"

    async def draft(self) -> str:
        """The owner's phone is told of the draft; the owner replies OK and its code, and the friend gets it"""
        asked = await sees(self._owner, "waits for a yes")
        found = _DRAFT.search(asked)
        require(found is not None, f"no code in {asked!r}")
        assert found is not None
        await self._texts(self._owner, f"OK {found[1]}")
        body = await sees(self._friend, "lunch?")
        await sees(self._owner, "goes to")
        return f"{OWNER} sees: {asked}\n    {OWNER} texts: OK {found[1]}\n    {FRIEND} sees: {body}"

    async def operator(self) -> str:
        """The operator's own message to the friend arrives"""
        sent = await self._send(FRIEND, "Lunch at noon?", "demo-lunch")
        require(sent.code == 0, sent.out + sent.err)
        return f"{FRIEND} sees: " + await sees(self._friend, "Lunch at noon?")

    async def repetition(self) -> str:
        """The same send again, with its idempotency key, is the same message"""
        again = await self._send(FRIEND, "Lunch at noon?", "demo-lunch")
        require(again.code == 0 and again.document["replayed"], again.out + again.err)
        await self._listen()
        _silent(self._friend)
        return f"{again.document['id']} was sent once"

    async def opt_out(self) -> str:
        """The friend texts STOP; the operator's next message is refused, with the reason"""
        await self._texts(self._friend, "STOP")
        await sees(self._friend, "opted out")
        refused = await self._send(FRIEND, "Dinner then?")
        require(refused.code == 1 and refused.document["state"] == "refused", refused.out)
        await self._listen()
        _silent(self._friend)
        return _reasons(refused)

    async def stop(self) -> str:
        """`ringfence stop`: nothing leaves any more"""
        done = await self._ringfence("stop", "--reason", "demo")
        require(done.code == 0, done.err)
        await self._texts(self._you, "Are you still there?")
        refused = await self._send(YOU, "Not now.")
        require(refused.code == 1, refused.out)
        await self._listen()
        _silent(self._you)
        return _reasons(refused)

    async def resume(self) -> str:
        """`ringfence resume`: the agent answers what came meanwhile"""
        done = await self._ringfence("resume")
        require(done.code == 0, done.err)
        answer = await sees(self._you, "You said: Are you still there?")
        await self._settles()
        _silent(self._you)
        return f"{YOU} sees: {answer}"

    async def audit(self) -> str:
        """The audit log tells who asked for the errand and who approved it; the chain is whole"""
        shown = await self._ringfence("audit", "show", self._errand)
        require(shown.code == 0 and "operator:" in shown.out, shown.out + shown.err)
        done = await self._ringfence("audit", "verify")
        require(done.code == 0, done.out + done.err)
        told = "\n    ".join(shown.out.strip().splitlines()[:_SHOWN_LINES])
        return f"{told}\n    {done.out.strip()}"

    # -- how it is done --------------------------------------------------------------------

    async def _texts(self, phone: Phone, body: str) -> None:
        sent = await phone.texts(body)
        require(sent.reached, f"the gateway did not take {body!r}")

    async def _ringfence(self, *words: str) -> Done:
        return await run_command(self._demo.config_path, *words)

    async def _send(self, to: str, body: str, key: str = "") -> Done:
        words = ["message", "send", "--channel", "sms", "--target", f"sms:{to}", "--message", body]
        return await self._ringfence(*words, *(["--idempotency-key", key] if key else []), "--json")

    async def _messages(self, *options: str) -> list[dict[str, Any]]:
        done = await self._ringfence("message", "list", *options, "--json")
        messages: list[dict[str, Any]] = done.document["messages"]
        return messages

    async def _settles(self) -> None:
        """Until the carrier has nothing under way and has reported everything."""
        try:
            async with asyncio.timeout(SEEN_S):
                await self._demo.world.exchange.settle()
        except TimeoutError:
            raise StoryFailed(f"the carrier is not done within {SEEN_S:g} s") from None

    async def _listen(self) -> None:
        """Long enough for what should not leave to have left."""
        await SystemClock().sleep(SILENCE_S)
        await self._settles()


@asynccontextmanager
async def gateway_process(config: Path, log: Path, private_url: str) -> AsyncIterator[None]:
    """`ringfence gateway` as a process of its own, answering on its private door; ended whatever
    happens. Raises StoryFailed when it does not come up."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *ringfence_words(config),
            "gateway",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment(),
        )
    try:
        await _until_ready(process, private_url)
        yield
    finally:
        await end(process)


async def _until_ready(process: asyncio.subprocess.Process, private_url: str) -> None:
    clock = SystemClock()
    # Something else may sit on the port and say nothing.
    patience = aiohttp.ClientTimeout(total=1.0)
    async with aiohttp.ClientSession(timeout=patience) as session:
        try:
            async with asyncio.timeout(READY_S):
                while not await _answers(session, private_url):
                    if process.returncode is not None:
                        raise StoryFailed(f"the gateway ended with code {process.returncode}")
                    await clock.sleep(0.05)
        except TimeoutError:
            raise StoryFailed(f"the gateway was not ready within {READY_S:g} s") from None


async def _answers(session: aiohttp.ClientSession, private_url: str) -> bool:
    try:
        async with session.get(f"{private_url}/health") as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


def _tail(log: Path) -> str:
    """The gateway's last words, if it had any."""
    if not log.exists():
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_TAIL_LINES:]
    return "".join(f"\n    gateway: {line}" for line in lines)


def _silent(phone: Phone) -> None:
    phone.has_nothing_unread()


def _typed(command: str, code: str) -> str:
    return f"$ ringfence {command} {code}: "


def _reasons(done: Done) -> str:
    return "refused: " + "; ".join(reason["text"] for reason in done.document["reasons"])
