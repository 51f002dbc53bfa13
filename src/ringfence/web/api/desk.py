"""What every resource of the API is written with: the desk it works at, and a route that says what
it asks of its caller. A route without a permission is open to every known caller and must tell
nothing but what concerns the caller."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ringfence.gateway.call_control import Sound
from ringfence.gateway.equipment import Equipment
from ringfence.model.errors import InvalidField, NotPermitted, RingfenceError
from ringfence.model.line import Line
from ringfence.model.principal import Permission, Principal
from ringfence.web.event_posts import EventPosts


@dataclass(frozen=True, slots=True)
class Desk:
    """The kit, the lines that are in use, where posted events go, and the calls in live sound of this
    process."""

    kit: Equipment
    lines: Mapping[str, Line]
    default_line_id: str
    posts: EventPosts
    sound: Sound | None = None

    def line(self, wanted: object, principal: Principal) -> Line:
        """The line named so (None: the default one, or the principal's only one). Raises
        NotPermitted for a line that is not the principal's."""
        name = self._default(principal) if wanted is None else wanted
        line = self.lines.get(name) if isinstance(name, str) else None
        if isinstance(name, str) and not principal.covers(name):
            raise NotPermitted(f"You may use the lines: {', '.join(self.ids(principal))}.")
        if line is None:
            known = ", ".join(self.ids(principal)) or "none is configured"
            raise InvalidField(f"`line` names no line. Known: {known}.")
        return line

    def ids(self, principal: Principal) -> list[str]:
        """The principal's lines by name."""
        return sorted(line for line in self.lines if principal.covers(line))

    def _default(self, principal: Principal) -> str:
        mine = self.ids(principal)
        if self.default_line_id not in mine and len(mine) == 1:
            return mine[0]
        return self.default_line_id


Handler = Callable[[Desk, Request, Principal], Awaitable[Response]]


class Gate(Protocol):
    """Of a route whose requests may prove otherwise than by an Authorization header whose they are.
    One that has that header is judged by it alone."""

    def bytes_max(self, desk: Desk, request: Request) -> int:
        """The largest body; instead of the route's own."""

    def vouch(self, desk: Desk, request: Request, now: datetime) -> Principal | str | None:
        """Whom its signature proves, or the token its body holds, not looked up yet; None where it
        shows neither. Raises SignatureRefused and SourceBlocked."""

    def refused(self, desk: Desk, request: Request, error: RingfenceError) -> None:
        """To count it."""


@dataclass(frozen=True, slots=True)
class ApiRoute:
    """One method on one path (Starlette's syntax). `permission` None: every known caller."""

    method: str
    path: str
    permission: Permission | None
    handler: Handler
    body_bytes_max: int = 64 * 1024
    gate: Gate | None = None


def whole_house(principal: Principal, what: str) -> None:
    """Raises NotPermitted for a principal that is kept to some lines."""
    if principal.lines is not None:
        raise NotPermitted(f"{what} concerns every line, and this token is for some only.")


def listing(name: str, rows: Sequence[Mapping[str, Any]], following: str | None) -> Response:
    """`{name: [...], "next": what `after` takes for the next page, or null}`."""
    return JSONResponse({name: list(rows), "next": following})
