"""What a caller left, over the API: operators hear it, nobody else does."""

from __future__ import annotations

import pytest
from call_verbs import AGENT, OPERATOR, PATH, VIEWER
from callers import bearer, call

from calling import BEN, calling
from ringfence.model.errors import AgentRefused
from ringfence.model.voice import MessageSettings
from telling import ScriptedAgent

WORDS = "Please call me back."


@pytest.mark.proves("P2", "P7")
async def test_operators_alone_hear_what_was_left(store_url: str) -> None:
    agent = ScriptedAgent(lambda turn: AgentRefused("It is out of order."))
    async with calling(store_url, agent=agent, voice={"messages": MessageSettings()}) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.says("Hello?")
        await story.until(phone.hears("beep"))
        phone.says(WORDS)
        await story.until(phone.is_over())
        await story.settles()
        made = await story.call()
        path = f"{PATH}/{made.id}/message"
        ann = await bearer(story.story, OPERATOR)
        heard = await call(story.story, "GET", path, token=ann)
        assert heard.status == 200
        assert heard.headers["content-type"].startswith("audio/")
        assert WORDS.encode() in heard.body
        shown = (await call(story.story, "GET", f"{PATH}/{made.id}", token=ann)).document
        assert (shown["left"]["state"], shown["left"]["bytes"]) == ("kept", len(heard.body))
        for kind in (AGENT, VIEWER):
            token = await bearer(story.story, kind, "default")
            refused = await call(story.story, "GET", path, token=token)
            assert refused.status == 403
        entries = await story.story.read(lambda tx: tx.audit.of_subject(made.id))
        assert sum(one.entry.kind == "call_message_heard" for one in entries) == 1


async def test_where_nothing_was_left_there_is_nothing_to_hear(sqlite_url: str) -> None:
    async with calling(sqlite_url) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.hangs_up()
        await story.settles()
        made, ann = await story.call(), await bearer(story.story, OPERATOR)
        answer = await call(story.story, "GET", f"{PATH}/{made.id}/message", token=ann)
        assert (answer.status, answer.document["code"]) == (404, "not_found")
