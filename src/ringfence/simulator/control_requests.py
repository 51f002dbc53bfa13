"""Requests to the control door, read: a bounded JSON object, or why it is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

BODY_MAX_BYTES: Final = 8_000_000


@dataclass(frozen=True, slots=True)
class Bad:
    """Why a control request is refused."""

    problem: str
    status: int = 400

    def response(self) -> Response:
        return JSONResponse({"error": self.problem}, self.status)


async def fields_of(request: Request) -> Mapping[str, object] | Bad:
    """The JSON object of a request, within the size limit."""
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > BODY_MAX_BYTES:
            return Bad(f"at most {BODY_MAX_BYTES} bytes", 413)
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return Bad("the body is not JSON")
    return document if isinstance(document, dict) else Bad("the body is not a JSON object")
