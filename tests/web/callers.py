"""Callers of the private door for tests: tokens of every kind, and requests that show them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from looking import Answer, request
from ringfence.gateway import principals
from ringfence.gateway.principals import Wanted
from ringfence.model.principal import PrincipalKind
from telling import Story

KINDS = tuple(PrincipalKind)


async def bearer(
    story: Story, kind: PrincipalKind, name: str = "ann", lines: Sequence[str] | None = None
) -> str:
    """A new token of this kind."""
    wanted = Wanted(name, kind, None if lines is None else frozenset(lines))
    return (await principals.create(story.gateway.kit, wanted, "operator:test")).bearer


async def call(
    story: Story,
    method: str,
    path: str,
    document: Any = None,
    *,
    token: str | None = None,
    headers: Sequence[tuple[str, str]] = (),
    host: str | None = None,
) -> Answer:
    """One request, with a token or without."""
    body = b"" if document is None else json.dumps(document).encode()
    shown = [] if token is None else [("Authorization", f"Bearer {token}")]
    return await request(
        story.private, path, method=method, headers=[*shown, *headers], body=body, host=host
    )


async def refusals(story: Story, subject: str) -> list[dict[str, Any]]:
    """Bodies of the audit entries about what a caller (token id, or actor) was refused."""
    found = await story.read(lambda tx: tx.audit.of_subject(subject))
    return [dict(one.entry.body) for one in found if one.entry.kind == "forbidden"]
