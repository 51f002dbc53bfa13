"""The page about event sources, tried at the door: every `curl` of it works as it stands, and the table
of what is refused is what is refused."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from events_rig import SECRET, events_token, sourced, stored
from test_events_door import BAD

from telling import START

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "event-sources.md"
TEXT = PAGE.read_text(encoding="utf-8")
CURLS = [
    block
    for block in re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    if "curl" in block
]
PRIVATE = "http://127.0.0.1:8081"
# The page signs with the time; here the story's.
PRELUDE = f"set -e\ndate() {{ echo {int(START.timestamp())}; }}\n"


def sources_of(block: str) -> dict[str, Any]:
    """Those with a secret that the block signs with."""
    signing = re.findall(r"\$([A-Z]+)_SECRET", block)
    return {name.lower(): {"secrets": [SECRET]} for name in signing}


async def shell(block: str, token: str) -> tuple[int, Any]:
    """Run the block; the status and document of its one answer."""
    asked = block.replace("curl ", "curl -sS -w '\\n%{http_code}' ", 1)
    secrets = {f"{name}_SECRET": SECRET for name in ("GRAFANA", "SENTRY", "STRIPE")}
    env = {"PATH": os.environ["PATH"], "RINGFENCE_TOKEN": token, **secrets}
    bash = shutil.which("bash") or "/bin/bash"
    pipe = asyncio.subprocess.PIPE
    running = await asyncio.create_subprocess_exec(
        bash, "-c", PRELUDE + asked, env=env, stdout=pipe, stderr=pipe
    )
    out, err = await running.communicate()
    assert running.returncode == 0, err.decode()
    document, _, status = out.decode().rpartition("\n")
    return int(status), json.loads(document)


@pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("openssl")),
    reason="the page posts with curl and signs with openssl",
)
@pytest.mark.proves("P4")
@pytest.mark.parametrize("block", CURLS, ids=range(len(CURLS)))
async def test_a_curl_of_the_page_works_as_it_stands(sqlite_url: str, block: str) -> None:
    async with sourced(sqlite_url, sources_of(block)) as story:
        asked = block.replace(PRIVATE, story.private)
        assert asked != block, "a curl of the page goes to the private listener"
        status, document = await shell(asked, await events_token(story))
        assert status == 202, document
        source = re.findall(r"/api/v1/events/([a-z]+)", block)[0]
        quiet = '"alerts": []' in block
        assert [event.source for event in await stored(story)] == ([] if quiet else [source])


def test_the_pages_table_of_what_is_refused_is_what_is_refused() -> None:
    rows = re.findall(r"^\| `([a-z]+)` \| (.+?) \| `(\d+) ([a-z_]+)` \|$", TEXT, re.MULTILINE)
    written = {f"{source}: {wrong}": (int(status), error) for source, wrong, status, error in rows}
    assert written == {what: (status, error) for what, (_, status, error, _) in BAD.items()}


async def test_the_configuration_of_the_page_is_taken(sqlite_url: str) -> None:
    [block] = re.findall(r"^```json5\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    plain = re.sub(r"(\w+): ", r'"\1": ', re.sub(r"//.*", "", block))
    document = json.loads(re.sub(r",(\s*[}\]])", r"\1", plain))
    async with sourced(sqlite_url, document["sources"]) as story:
        configured = story.gateway.kit.operations.sources
        assert configured["prometheus"].tokens == {"prometheus"}
        assert configured["prometheus"].per_minute == 600
        assert configured["stripe"].public
