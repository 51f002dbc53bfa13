"""Templates on the private door: what there is, how one would read, and the fields of a send that
name one. Nothing here changes a template; that is the configuration's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ringfence.gateway import templates
from ringfence.model.errors import InvalidField
from ringfence.model.principal import Principal
from ringfence.web import fields
from ringfence.web.api.desk import Desk

FIELDS = ("template", "fields", "language")


def filled(desk: Desk, given: Mapping[str, Any]) -> templates.Filled | None:
    """The template a send names instead of a body; None for a send of free text."""
    if "template" not in given:
        if extra := sorted({"fields", "language"} & given.keys()):
            raise InvalidField(f"`{extra[0]}` goes with `template`.")
        return None
    if "body" in given:
        raise InvalidField("Send `body` or `template`, not both.")
    name = fields.text(given, "template")
    return templates.fill(desk.kit, name, _language(given), _values(given))


async def list_(desk: Desk, request: Request, principal: Principal) -> Response:
    fields.query(request, ())
    found = [desk.kit.templates[name] for name in sorted(desk.kit.templates)]
    return JSONResponse({"templates": [templates.template_view(one) for one in found]})


async def show(desk: Desk, request: Request, principal: Principal) -> Response:
    fields.query(request, ())
    found = templates.template_of(desk.kit.templates, request.path_params["name"])
    return JSONResponse(templates.template_view(found))


async def preview(desk: Desk, request: Request, principal: Principal) -> Response:
    """POST: `{"language": …, "fields": {…}}`; GET: the same as parameters, fields by their names."""
    template = templates.template_of(desk.kit.templates, request.path_params["name"])
    values: Mapping[str, object]
    if request.method == "POST":
        given = fields.json_object(request, ("fields", "language"), may_be_empty=True)
        language, values = _language(given), _values(given)
    else:
        query = dict(request.query_params)
        language, values = query.pop("language", ""), query
    shown = templates.preview(template, language, values)
    return JSONResponse(templates.preview_view(shown))


def _language(given: Mapping[str, Any]) -> str:
    return fields.text(given, "language", optional=True)


def _values(given: Mapping[str, Any]) -> dict[str, object]:
    values = given.get("fields", {})
    if not isinstance(values, dict):
        raise InvalidField("`fields` must be an object: each field's name and its value.")
    return values
