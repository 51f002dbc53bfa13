"""`ringfence voicecall expose`: the commands word by word, with programs that only pretend; both paths or
neither, and an end in bounded time."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest
from house import House, build

from ringfence.cli import tunnels, voicecall_expose
from ringfence.cli.tunnels import Mount

WEBHOOK, MEDIA = "/voice/webhook", "/voice/stream"
NAME = "box.tail0.ts.net"
BOTH = [Mount("webhook", WEBHOOK, WEBHOOK), Mount("media", MEDIA, MEDIA)]
PRETENDS = """\
#!{python}
import json, os, pathlib, signal, sys
log = pathlib.Path(os.environ["PRETEND_LOG"])
with log.open("a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
if sys.argv[1:2] == ["status"]:
    print(os.environ.get("PRETEND_STATUS", ""))
elif os.environ.get("PRETEND_FAILS", "never") in " ".join(sys.argv[1:]) and sys.argv[-1] != "off":
    sys.exit("no permission")
elif os.environ.get("PRETEND_SAYS"):
    print(os.environ["PRETEND_SAYS"], flush=True)
    if os.environ.get("PRETEND_STAYS"):
        signal.pause()
"""


@pytest.fixture
def exposed(tmp_path: Path) -> House:
    """A line with calls whose sound is streamed."""
    voice = {
        "publicUrl": "http://127.0.0.1:9" + WEBHOOK,
        "streaming": {"enabled": True},
        "stt": {"provider": "deepgram", "apiKey": "k"},
        "tts": {"provider": "elevenlabs", "apiKey": "k", "voice": "v"},
    }
    house = build(tmp_path, gateway={"publicPort": 8080, "privatePort": 0})
    document = json.loads(house.path.read_text())
    document["channels"]["voice"] = voice
    house.path.write_text(json.dumps(document))
    return house


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs that note how they were called; the note."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("tailscale", "ngrok", "cloudflared"):
        program = folder / name
        program.write_text(PRETENDS.format(python=sys.executable))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    log = tmp_path / "ran"
    log.touch()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PRETEND_LOG", str(log))
    monkeypatch.setenv("PRETEND_STATUS", json.dumps({"Self": {"DNSName": NAME + "."}}))
    return log


def test_both_paths_are_mounted_together(exposed: House, ran: Path) -> None:
    shown = exposed.run("voicecall", "expose").stdout
    assert ran.read_text().splitlines() == [
        f"funnel --bg --yes --https=443 --set-path={WEBHOOK} http://127.0.0.1:8080{WEBHOOK}",
        f"funnel --bg --yes --https=443 --set-path={MEDIA} http://127.0.0.1:8080{MEDIA}",
        "status --json",
    ]
    assert f"https://{NAME}{WEBHOOK}" in shown
    assert f"wss://{NAME}{MEDIA}" in shown
    assert f"Set channels.voice.publicUrl to https://{NAME}{WEBHOOK}" in shown


def test_the_socket_of_a_relay_is_mounted_with_the_webhook(exposed: House, ran: Path) -> None:
    document = json.loads(exposed.path.read_text())
    document["channels"]["voice"] = {
        "publicUrl": "http://127.0.0.1:9" + WEBHOOK,
        "relay": {"enabled": True},
    }
    exposed.path.write_text(json.dumps(document))
    shown = exposed.run("voicecall", "expose").stdout
    assert f"wss://{NAME}{MEDIA}" in shown
    assert "text goes over its relay" in exposed.run("voicecall", "setup").stdout


def test_a_dry_run_prints_and_runs_nothing(exposed: House, ran: Path) -> None:
    shown = exposed.run("voicecall", "expose", "--dry-run", "--mode", "serve").stdout
    assert [line.split()[:2] for line in shown.splitlines()] == [["tailscale", "serve"]] * 2
    assert "ngrok http" in exposed.run("voicecall", "expose", "--with", "ngrok", "--dry-run").stdout
    assert ran.read_text() == ""


def test_when_the_second_fails_the_first_is_taken_back(
    exposed: House, ran: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRETEND_FAILS", MEDIA)
    refused = exposed.run("voicecall", "expose", code=1).stderr
    assert "no permission" in refused
    assert "Nothing is mounted" in refused
    assert ran.read_text().splitlines()[-2:] == [
        f"funnel --https=443 --set-path={MEDIA} off",
        f"funnel --https=443 --set-path={WEBHOOK} off",
    ]


@pytest.mark.parametrize("status", ["", "{}", '{"Self": {"DNSName": ""}}', '{"Self": null}'])
def test_without_an_address_nothing_stays_mounted(
    exposed: House, ran: Path, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    monkeypatch.setenv("PRETEND_STATUS", status)
    assert "Nothing is mounted" in exposed.run("voicecall", "expose", code=1).stderr
    assert [line.endswith(" off") for line in ran.read_text().splitlines()[-2:]] == [True, True]


def test_serve_is_no_address_for_a_provider(exposed: House, ran: Path) -> None:
    assert "--mode funnel" in exposed.run("voicecall", "expose", "--mode", "serve").stdout


def test_off_takes_both_kinds_away(exposed: House, ran: Path) -> None:
    exposed.run("voicecall", "expose", "--mode", "off")
    words = [line.split() for line in ran.read_text().splitlines()]
    assert [(line[0], line[-1]) for line in words] == [
        ("funnel", "off"),
        ("funnel", "off"),
        ("serve", "off"),
        ("serve", "off"),
    ]


def test_other_paths_and_ports_are_taken(exposed: House, ran: Path) -> None:
    exposed.run("voicecall", "expose", "--path", "/outside", "--port", "9000")
    assert (
        ran.read_text()
        .splitlines()[0]
        .endswith(f"--set-path=/outside http://127.0.0.1:9000{WEBHOOK}")
    )
    exposed.run("voicecall", "expose", "--path", "outside", code=2)
    exposed.run("voicecall", "expose", "--with", "ngrok", "--path", "/outside", code=2)


def test_a_line_without_calls_and_a_port_nobody_knows_are_wrong_usage(house: House) -> None:
    house.run("voicecall", "expose", code=2)
    house.run("voicecall", "expose", "--serve-path", WEBHOOK, "--dry-run", code=2)
    house.run("voicecall", "expose", "--serve-path", WEBHOOK, "--port", "80", "--dry-run")


def test_a_program_that_is_not_there_is_named(
    exposed: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    for program in ("tailscale", "ngrok", "cloudflared"):
        refused = exposed.run("voicecall", "expose", "--with", program, code=1)
        assert f"{program} is not installed" in refused.stderr


NGROK = json.dumps({"lvl": "info", "msg": "started tunnel", "url": "https://a.ngrok.app"})
CLOUDFLARED = "2026-03-02 INF |  https://some-words.trycloudflare.com  |"


@pytest.mark.parametrize(
    ("program", "says", "address"),
    [
        ("ngrok", NGROK, "https://a.ngrok.app"),
        ("cloudflared", CLOUDFLARED, "https://some-words.trycloudflare.com"),
    ],
)
def test_a_tunnel_tells_where_it_is_and_its_end_is_told(
    exposed: House,
    ran: Path,
    monkeypatch: pytest.MonkeyPatch,
    program: str,
    says: str,
    address: str,
) -> None:
    monkeypatch.setenv("PRETEND_SAYS", says)
    ended = exposed.run("voicecall", "expose", "--with", program, code=1)
    assert f"publicUrl to {address}{WEBHOOK}" in ended.stdout
    assert f"wss{address.removeprefix('https')}{MEDIA}" in ended.stdout
    assert f"{program} ended with exit code 0" in ended.stderr
    assert "http://127.0.0.1:8080" in ran.read_text()


def test_a_tunnel_that_says_nothing_in_time_is_ended(
    exposed: House, ran: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voicecall_expose, "START_S", 0.5)
    monkeypatch.setenv("PRETEND_SAYS", "nothing of use")
    monkeypatch.setenv("PRETEND_STAYS", "1")
    refused = exposed.run("voicecall", "expose", "--with", "ngrok", code=1)
    assert "did not say within" in refused.stderr


@pytest.mark.parametrize(
    "line",
    [
        "",
        "null",
        "[]",
        "{",
        '{"msg": "open config file", "url": "https://a.ngrok.app"}',
        '{"msg": "started tunnel", "url": "https://a.ngrok.app/x y"}',
        '{"msg": "started tunnel"}',
    ],
)
def test_what_ngrok_says_besides_is_no_address(line: str) -> None:
    assert tunnels.address_in("ngrok", line) == ""


@pytest.mark.parametrize(
    "line", ["INF See https://developers.example.com/tunnel", "https://", "trycloudflare.com"]
)
def test_what_cloudflared_says_besides_is_no_address(line: str) -> None:
    assert tunnels.address_in("cloudflared", line) == ""


def test_the_private_door_is_never_among_the_commands() -> None:
    for plan in (tunnels.tailscale("funnel", BOTH, 8080), tunnels.ngrok(8080, "a.example.com")):
        words = [*(word for step in plan.steps for word in step.does), *plan.stays]
        assert not any("8081" in word or "/api" in word for word in words)
