"""Templates: whoever may propose looks at them and tries them out."""

from __future__ import annotations

from ringfence.model.principal import Permission
from ringfence.web import templates
from ringfence.web.api.desk import ApiRoute

ROUTES = (
    ApiRoute("GET", "/templates", Permission.READ_OWN, templates.list_),
    ApiRoute("GET", "/templates/{name}", Permission.READ_OWN, templates.show),
    ApiRoute("POST", "/templates/{name}/preview", Permission.READ_OWN, templates.preview),
)
