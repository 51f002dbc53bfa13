"""A key's two spellings: camelCase in the file, snake_case inside."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_BOUNDARY = re.compile(r"(?<!^)(?=[A-Z])|(?<=[a-z])(?=[0-9])")


def snake(key: str) -> str:
    """`sameTextPer5Minutes` as `same_text_per_5_minutes`."""
    return _BOUNDARY.sub("_", key).lower()


def snake_keys(values: Mapping[str, Any]) -> dict[str, Any]:
    return {snake(key): value for key, value in values.items()}
