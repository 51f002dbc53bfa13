"""Calls over the API for tests: a call that is placed and talked in, and what is done to it."""

from __future__ import annotations

from typing import Any

from callers import call

from calling import ANN, Calling
from looking import Answer
from ringfence.model.principal import PrincipalKind
from ringfence.testing import Phone

PATH = "/api/v1/calls"
AGENT, OPERATOR, VIEWER = PrincipalKind.AGENT, PrincipalKind.OPERATOR, PrincipalKind.VIEWER
STRANGER = "+15555550177"


def hello(**changes: Any) -> dict[str, Any]:
    return {"to": ANN, "message": "Hi! This is a test call.", **changes}


async def talking(story: Calling, token: str, **fields: Any) -> tuple[Phone, str]:
    """A conversation that was placed over the API, its first words heard; its id."""
    placed = await call(
        story.story, "POST", PATH, hello(mode="conversation", **fields), token=token
    )
    assert placed.document["state"] == "queued", placed.body
    phone = story.phone(ANN)
    await story.until(phone.rings())
    phone.answers()
    await story.until(phone.hears("test call"))
    seen = await call(story.story, "GET", placed.headers["location"], token=token)
    return phone, str(seen.document["id"])


async def verb(story: Calling, id_: str, name: str, token: str | None, **fields: Any) -> Answer:
    return await call(story.story, "POST", f"{PATH}/{id_}/{name}", fields, token=token)
