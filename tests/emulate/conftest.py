"""The independent stand-ins: installs the two pinned npm packages once, and runs Vercel's `emulate`
for the session. Without Node or its registry the group is skipped, saying why; with
RINGFENCE_REQUIRE_NODE=1 it fails instead."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from emulate_rig import ACCOUNT, TOKEN, Standin

HERE = Path(__file__).parent
NODE_MAJOR_MIN = 20
INSTALL_S_MAX = 90
START_S_MAX = 20


def _unavailable(why: str) -> NoReturn:
    if os.environ.get("RINGFENCE_REQUIRE_NODE") == "1":
        pytest.fail(f"RINGFENCE_REQUIRE_NODE=1, but {why}")
    pytest.skip(f"the independent carrier stand-in needs Node.js and npm: {why}")


@pytest.fixture(scope="session")
def node() -> str:
    """The path of a Node.js that can run the packages, which are installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        _unavailable("node or npm is not on the PATH")
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = said.strip().lstrip("v").partition(".")[0]
    if not major.isdigit() or int(major) < NODE_MAJOR_MIN:
        _unavailable(f"Node {NODE_MAJOR_MIN} or newer is needed, this is {said.strip() or 'none'}")
    lock = HERE / "package-lock.json"
    with lock.open("rb") as held:
        # Two test runs on one checkout must not install over each other.
        fcntl.flock(held, fcntl.LOCK_EX)
        _install(npm, hashlib.sha256(held.read()).hexdigest())
    return node


def _install(npm: str, wanted: str) -> None:
    stamp = HERE / "node_modules" / ".installed"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    # No script of any package runs: both are plain JavaScript.
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    try:
        done = subprocess.run(
            [*command, "--fetch-retries=1", "--loglevel=error"],
            cwd=HERE,
            capture_output=True,
            text=True,
            timeout=INSTALL_S_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        _unavailable(f"npm ci did not finish in {INSTALL_S_MAX} s")
    if done.returncode != 0:
        _unavailable(f"npm ci failed: {' '.join(done.stderr.split())[:300]}")
    stamp.write_text(wanted)


@pytest.fixture(scope="session")
def standin(node: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    """`emulate --service twilio`, on a free port of 127.0.0.1."""
    folder = tmp_path_factory.mktemp("emulate")
    seed = folder / "seed.json"
    account = {"sid": ACCOUNT, "auth_token": TOKEN}
    seed.write_text(json.dumps({"twilio": {"port": 0, "account": account}}))
    program = HERE / "node_modules" / "emulate" / "dist" / "index.js"
    preload = ["--require", str(HERE / "loopback.cjs")]
    with (folder / "stderr").open("w+") as errors:
        process = subprocess.Popen(
            [node, *preload, str(program), "--service", "twilio", "--seed", str(seed)],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "NO_COLOR": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        try:
            port = _port(process)
            if not port:
                errors.seek(0)
                pytest.fail(f"emulate did not start: {errors.read()[-2000:]}")
            yield Standin(f"http://127.0.0.1:{port}", ACCOUNT, TOKEN)
        finally:
            process.terminate()
            process.communicate(timeout=START_S_MAX)


def _port(process: subprocess.Popen[bytes]) -> str:
    """What the preload says it listens on; empty when it ends or stays silent."""
    assert process.stdout is not None
    said = b""
    while select.select([process.stdout], [], [], START_S_MAX)[0]:
        piece = os.read(process.stdout.fileno(), 4096)
        if not piece:
            return ""
        said += piece
        for line in said.split(b"\n")[:-1]:
            if line.startswith(b"listening "):
                return line.removeprefix(b"listening ").decode()
    return ""
