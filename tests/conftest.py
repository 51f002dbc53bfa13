"""Shared fixtures: the vector files, and the guard that keeps tests on loopback."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["stores"]

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0")


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Any]:
    """Load one vector file from ../shared/data; fail with words when the folder is absent."""

    def load(name: str) -> Any:
        path = SHARED_DATA / name
        if not path.is_file():
            pytest.fail(
                f"../shared/data/{name} is absent: these tests compare with vectors made by the "
                "vendors' own libraries. Check out the shared folder beside the repository."
            )
        return json.loads(path.read_text(encoding="utf-8"))

    return load


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches for the network fails at the connect call (style: no network)."""
    real_connect = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else address
        if self.family != socket.AF_UNIX and not str(host).startswith(LOOPBACK):
            raise AssertionError(f"a test tried to reach {host!r}; tests stay on loopback")
        return real_connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
