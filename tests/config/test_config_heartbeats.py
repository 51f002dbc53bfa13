"""The sections `heartbeat` and `telemetry`: addresses that may be secrets, and never show."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ringfence.config import load
from ringfence.config.settings import Settings
from ringfence.model.errors import ConfigInvalid

URL = "https://watch.example.org/ping/4f1c-secret"


def settings(tmp_path: Path, environ: dict[str, str] | None = None, **sections: Any) -> Settings:
    path = tmp_path / "ringfence.json5"
    path.write_text(json.dumps(sections))
    path.chmod(0o600)
    return load(path, environ or {})


def test_nothing_is_sent_where_nothing_is_configured(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    assert (chosen.heartbeat, chosen.traces_to) == (None, None)


@pytest.mark.proves("P9")
def test_an_address_may_be_a_secret_and_never_prints(tmp_path: Path) -> None:
    chosen = settings(
        tmp_path,
        {"PING": URL, "OTLP": URL},
        heartbeat={"url": "${PING}", "everySeconds": 30},
        telemetry={"otlpEndpoint": "${OTLP}"},
    )
    assert chosen.heartbeat is not None
    assert chosen.traces_to is not None
    assert (chosen.heartbeat.url.reveal(), chosen.traces_to.reveal()) == (URL, URL)
    assert chosen.heartbeat.every == timedelta(seconds=30)
    assert "4f1c" not in repr(chosen)


@pytest.mark.parametrize(
    "url", [URL, "http://127.0.0.1:8000/x", "http://localhost/", "http://[::1]:9/"]
)
def test_https_anywhere_and_http_on_this_machine(tmp_path: Path, url: str) -> None:
    chosen = settings(tmp_path, heartbeat={"url": url})
    assert chosen.heartbeat is not None
    assert chosen.heartbeat.every == timedelta(seconds=60)


@pytest.mark.parametrize(
    "url",
    [
        "http://watch.example.org/ping",
        "http://10.0.0.5/ping",
        "ftp://watch.example.org/",
        "https://user:pass@watch.example.org/",
        "https://watch.example.org/?to=+15555550111",
        "https://watch.example.org/?to=%2B15555550111",
        "https:///nowhere",
        "watch.example.org",
        "https://watch.example.org/a b",
        "http://[::1/",
    ],
)
@pytest.mark.parametrize(("section", "key"), [("heartbeat", "url"), ("telemetry", "otlpEndpoint")])
def test_other_addresses_are_refused_without_being_quoted(
    tmp_path: Path, url: str, section: str, key: str
) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        settings(tmp_path, **{section: {key: url}})
    [problem] = refused.value.problems
    assert f"{section}.{key}" in problem
    assert "https" in problem
    assert "15555550111" not in problem


def test_a_secret_that_cannot_be_had_leaves_the_gateway_running(tmp_path: Path) -> None:
    chosen = settings(tmp_path, heartbeat={"url": "${PING}"})
    assert chosen.heartbeat is None
    assert any(warning.startswith("heartbeat.url") for warning in chosen.warnings)


@pytest.mark.parametrize("every", [0, 9, 86_401, 1.5, "60"])
def test_how_often_has_bounds(tmp_path: Path, every: Any) -> None:
    with pytest.raises(ConfigInvalid, match=r"heartbeat\.everySeconds"):
        settings(tmp_path, heartbeat={"url": URL, "everySeconds": every})


def test_a_heartbeat_needs_an_address(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=r"heartbeat\.url"):
        settings(tmp_path, heartbeat={"everySeconds": 60})
