"""The demo's incident: two people on call, one who sleeps, one who takes it. Posted with an `events`
token, as a monitoring system would."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

import aiohttp

from ringfence.simulator.demo import ANN, ANSWER_WITHIN_S, BEN, Demo
from ringfence.simulator.demo_steps import SEEN_S, Done, hears, picks_up, require, run_command, sees

_CODE: Final = re.compile(r"Your code: ([0-9]{6})")
EVENT: Final = {
    "id": "demo-1",
    "type": "incident.opened",
    "severity": "critical",
    "title": "Checkout fails for 40 % of customers",
    "data": {"service": "shop"},
}


class Incident:
    """The steps, in order. Each answers what was seen."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._ann, self._ben = demo.phone(ANN), demo.phone(BEN)

    def steps(self) -> tuple[Callable[[], Awaitable[str]], ...]:
        return (self.verification, self.page, self.escalation, self.acknowledgement)

    async def verification(self) -> str:
        """Two people are put on call; each number is proved with a code that was texted to it"""
        for name, phone in (("ann", self._ann), ("ben", self._ben)):
            asked = await self._ringfence("oncall", "verify", name)
            require(asked.code == 0, asked.out + asked.err)
            found = _CODE.search(await sees(phone, "Your code"))
            assert found is not None, "the text was asked for with these words"
            done = await self._ringfence("oncall", "verify", name, "--code", found[1])
            require(done.code == 0, done.out + done.err)
        return "ann and ben can answer alerts"

    async def page(self) -> str:
        """An event of a trusted source pages the first of them, and opens a ticket"""
        made = await self._ringfence(
            "tokens", "create", "--name", "shop", "--kind", "events", "--json"
        )
        require(made.code == 0, made.out + made.err)
        status, _ = await self._post(made.document["token"], EVENT)
        require(status == 202, f"the gateway answered {status}")
        page = await sees(self._ann, "#1 Checkout fails")
        tickets = await self._ringfence("tickets", "list", "--json")
        require("Checkout fails" in tickets.out, tickets.out + tickets.err)
        return f"{ANN} sees: {page}"

    async def escalation(self) -> str:
        """She sleeps; when her time is over the second is called"""
        await picks_up(self._ben, within_s=ANSWER_WITHIN_S + SEEN_S)
        page = await hears(self._ben, "Checkout fails")
        return f"{BEN} hears: {page}"

    async def acknowledgement(self) -> str:
        """He hangs up and texts 1a; nobody else is asked, and the same event again pages nobody"""
        await hears(self._ben, "Press 1")
        self._ben.hangs_up()
        await self._ben.texts("1a")
        answer = await sees(self._ben, "#1 is yours")
        shown = await self._ringfence("alerts", "show", "1", "--json")
        require(shown.document["state"] == "acknowledged", shown.out + shown.err)
        made = await self._ringfence(
            "tokens", "create", "--name", "again", "--kind", "events", "--json"
        )
        _, again = await self._post(made.document["token"], EVENT)
        require(again["duplicates"] == 1, str(again))
        self._ann.has_nothing_unread()
        return f"{BEN} sees: {answer}"

    async def _ringfence(self, *words: str) -> Done:
        return await run_command(self._demo.config_path, *words)

    async def _post(self, token: str, event: dict[str, Any]) -> tuple[int, Any]:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        url = f"{self._demo.private_url}/v1/events"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=json.dumps(event), headers=headers) as answer,
        ):
            return answer.status, await answer.json(content_type=None)
