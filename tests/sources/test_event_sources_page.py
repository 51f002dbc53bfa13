"""Every `curl` of the page about event sources is run, as far as the wire, and read by its source."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from sources_rig import NOW

from ringfence.model.line import Secret
from ringfence.model.wire import WebhookRequest
from ringfence.sources import sources
from ringfence.sources.base import EVENTS_MAX, Signing
from ringfence.text.conditions import CHARS_MAX, DEPTH_MAX, TERMS_MAX, parse

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "event-sources.md"
TEXT = PAGE.read_text(encoding="utf-8")
SHELL = re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
SECRET, TOKEN = "page-secret", "rf_page_token"
# Stands in for curl: shows its arguments.
STUB = "curl() { printf '%s\\0' \"$@\"; }\n"


def as_sent(block: str) -> WebhookRequest:
    names = ("GRAFANA_SECRET", "SENTRY_SECRET", "STRIPE_SECRET")
    env = dict.fromkeys(names, SECRET) | {"RINGFENCE_TOKEN": TOKEN, "PATH": "/usr/bin:/bin"}
    bash = shutil.which("bash") or "/bin/bash"
    shown = subprocess.run([bash, "-c", STUB + block], env=env, capture_output=True, check=True)
    arguments = shown.stdout.decode().split("\0")[:-1]
    url = next(each for each in arguments if each.startswith("http"))
    pairs = list(pairwise(arguments))
    headers = [value.split(": ", 1) for flag, value in pairs if flag == "-H"]
    body = "".join(value for flag, value in pairs if flag == "-d")
    path, _, query = url.partition("?")
    return WebhookRequest(
        method="POST",
        path="/" + path.split("/", 3)[3],
        query=query,
        headers={name.lower(): value for name, value in headers},
        body=body.encode(),
    )


@pytest.mark.skipif(not shutil.which("openssl"), reason="the page signs with openssl")
@pytest.mark.parametrize("block", SHELL, ids=range(len(SHELL)))
def test_a_curl_of_the_page_is_read(block: str) -> None:
    request = as_sent(block)
    source = sources()[request.path.removeprefix("/api/v1/events/")]
    signed = source.capabilities.signing is Signing.ALWAYS or "signature" in block
    # Signed by the clock of the machine.
    now = datetime.fromtimestamp(int(found[1]), UTC) if (found := _time(request)) else NOW
    secrets = (Secret(SECRET),) if signed else ()
    source.parse(source.verify(request, secrets, now))
    bearer = request.headers.get("authorization")
    assert signed or bearer == f"Bearer {TOKEN}" or TOKEN in request.body.decode()


def _time(request: WebhookRequest) -> re.Match[str] | None:
    shown = request.headers.get("stripe-signature", "")
    return re.search(r"(\d{10})", shown or request.headers.get("x-grafana-alerting-timestamp", ""))


def test_every_source_has_its_section_and_a_curl() -> None:
    for name, source in sources().items():
        assert f"\n## {name}\n" in TEXT
        assert any(f"/api/v1/events/{name}" in block for block in SHELL)
        row = next(line for line in TEXT.splitlines() if line.startswith(f"| [`{name}`]"))
        assert _cells(row)[-3:] == [
            "yes" if source.capabilities.acknowledges else "",
            "yes" if source.capabilities.resolves else "",
            _size(source.capabilities.body_bytes_max),
        ]


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def _size(size: int) -> str:
    return f"{size // 2**20} MiB" if size % 2**20 == 0 else f"{size // 1024} KiB"


def test_the_conditions_of_the_page_are_some() -> None:
    lines = TEXT.partition("## Conditions")[2].split("```")[1].strip().splitlines()
    assert len(lines) == 3
    for line in lines:
        parse(line)


@pytest.mark.proves("P10")
def test_the_limits_of_the_page_are_the_codes() -> None:
    assert f"| {EVENTS_MAX:,} | events in a request" in TEXT
    assert f"At most {CHARS_MAX:,} characters, {TERMS_MAX} parts, {DEPTH_MAX} levels" in TEXT
