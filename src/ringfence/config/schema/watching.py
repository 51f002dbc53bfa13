"""The sections `heartbeat` and `telemetry`: who outside is told that all is well, and where traces go."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ringfence.config.schema.base import SecretKey, Shape, key, required


class HeartbeatShape(Shape):
    url: SecretKey = required(
        "Asked with GET while the self-audit finds nothing wrong: https, or http on this machine; "
        "text or a secret reference."
    )
    every_seconds: Annotated[int, Field(ge=10, le=86_400)] = key(
        "Seconds between heartbeats.", default="60"
    )


class TelemetryShape(Shape):
    otlp_endpoint: SecretKey = required(
        "Where traces are posted (OTLP over HTTP), with the path (…/v1/traces): https, or http on "
        "this machine; text or a secret reference. Needs ringfence[otel]."
    )
