"""The shape of one event source. Its kind is looked up in `config.sources`, which knows what kinds
there are and which of them sign."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ringfence.config.schema.base import SecretKey, Shape, Text, key

RATE_MAX = 1_000_000


class SourceShape(Shape):
    kind: Text = key("How its requests are read.", default="the source's own name")
    secrets: list[SecretKey] = key(
        "Signing secrets; any of them counts, so that one can be replaced.",
        default="[]",
        max_length=5,
    )
    tokens: list[Text] = key(
        "Names of the `events` tokens that may post here.",
        default="[]: every one",
        max_length=100,
    )
    public: bool = key("It is served on the public listener too.", default="false")
    rate_per_minute: Annotated[int, Field(ge=1, le=RATE_MAX)] = key(
        "Most events a minute; more are told to come again.", default="300"
    )
