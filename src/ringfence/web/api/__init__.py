"""The versioned REST API of the private door, one file per resource, discovered.

To add a resource `things`:

1. `web/api/things.py` with `ROUTES = (ApiRoute("GET", "/things", Permission.READ, list_), …)`; paths
   stand under `/api/v1`. A handler is `async def list_(desk, request, principal) -> Response`.
2. The door has already admitted the caller, recognised the principal, checked `permission` (a
   refusal is 403 and an audit entry) and read the body. What depends on the line stays with the
   handler: `desk.line(...)`, `principal.covers(line)`; raise NotPermitted, it is put on record too.
   What a caller may not know of is NotFound. Raise errors of model/errors.py; the door answers.
3. Take fields with `web/fields.py` (`json_object(request, KNOWN)`, `page(query(request, KNOWN))`).
   Listings are newest first, take `limit` and `after`, and answer with `desk.listing(name, rows,
   next)`: `next` is opaque, null at the end, and comes back as `after`. Fields are snake_case.
4. What changes anything is a function of `gateway/` with `principal.actor` as the actor, run in one
   `kit.store.write` with its audit entry. No handler changes rows by itself.
5. A row for each route in tests/web/test_private_rights.py (a route without one fails there) and a
   heading "### `GET /api/v1/things`" in docs/reference/http.md (its absence fails in tests/tidy)."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace

from ringfence.web.api.desk import ApiRoute

PREFIX = "/api/v1"


def discover() -> list[ApiRoute]:
    """Every route of every resource, its path in full."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names if name != "desk"]
    return [
        replace(route, path=PREFIX + route.path) for module in modules for route in module.ROUTES
    ]
