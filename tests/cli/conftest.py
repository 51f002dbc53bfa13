"""The house of the command line's tests."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from house import House, build


@pytest.fixture
def house(tmp_path: Path) -> House:
    return build(tmp_path)


@pytest.fixture
def two_lines(tmp_path: Path) -> House:
    """The lines `default` and `second`."""
    second = {"fromNumber": "+15555550101", "webhookPath": "/webhooks/second"}
    return build(tmp_path, {"accounts": {"second": second}})


@pytest.fixture
def unused_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
