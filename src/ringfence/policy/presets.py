"""Purposes as presets: what each tightens or sets beside the rules' defaults, as one table that the
documents are generated from; and the versions of the lists a decision depends on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringfence.model.line import Purpose

PRESETS: Mapping[Purpose, Mapping[str, Mapping[str, Any]]] = {
    Purpose.HOTLINE: {},
    Purpose.INTAKE: {},
    Purpose.NOTIFY: {},
}

LISTS: Mapping[str, str] = {}
