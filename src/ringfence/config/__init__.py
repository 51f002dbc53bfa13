"""The configuration: one JSON5 file and the environment, checked at the edge and handed on as
frozen values. Importing this package loads no validating library; `load` does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from ringfence.config.settings import (
    AgentSettings,
    AuditSettings,
    DeliverySettings,
    GatewaySettings,
    LoggingSettings,
    Settings,
    StoreSettings,
)

__all__ = [
    "AgentSettings",
    "AuditSettings",
    "DeliverySettings",
    "GatewaySettings",
    "LoggingSettings",
    "Settings",
    "StoreSettings",
    "load",
]


def load(path: Path | None, environ: Mapping[str, str], now: datetime | None = None) -> Settings:
    """Read the file (`path`, else RINGFENCE_CONFIG, else ~/.ringfence/ringfence.json5) and the
    environment. Raises ConfigInvalid with every problem at once; a missing default file is an
    empty configuration. Secrets are resolved here: one that cannot be blocks its line only.
    Calendars of schedules are read around `now`, the present when it is not given."""
    from ringfence.config.loading import load_settings

    return load_settings(path, environ, now)
