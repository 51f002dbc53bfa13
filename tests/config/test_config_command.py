"""`ringfence config …` as an operator meets it: words, JSON, exit codes, and no secret anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ringfence.cli import main
from ringfence.model.errors import RingfenceError

TEXT = """\
{
  channels: {
    sms: {
      accountSid: "AC00000000000000000000000000000000",
      authToken: "hush-old", // keep me
      fromNumber: "+15555550100",
      publicWebhookUrl: "https://gateway.example.com/webhooks/sms",
    },
  },
  agent: { kind: "echo" },
}
"""


@pytest.fixture
def path(config_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("TWILIO_PHONE_NUMBER", "RINGFENCE_STORE_URL", "RINGFENCE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    config_path.write_text(TEXT)
    config_path.chmod(0o600)
    return config_path


def call(path: Path, *args: str, stdin: str = "") -> Result:
    """Exit code 1 for our own errors, as the entry point gives it."""
    result = CliRunner().invoke(main, ["--config", str(path), "config", *args], input=stdin)
    if isinstance(result.exception, RingfenceError):
        assert result.exit_code == 1
    elif result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert "hush" not in result.output + str(result.exception or "")
    return result


def test_get_shows_a_value_its_origin_and_no_secret(path: Path) -> None:
    assert call(path, "get", "channels.sms.fromNumber").output == "+15555550100\n"
    assert call(path, "get", "channels.sms.authToken").output == "•••\n"
    assert json.loads(call(path, "get", "agent").output) == {"kind": "echo"}
    shown = json.loads(
        call(path, "get", "channels.sms.fromNumber", "--json", "--show-origin").output
    )
    assert shown == {
        "path": "channels.sms.fromNumber",
        "value": "+15555550100",
        "origin": f"{path}:6",
    }
    assert "•••" in call(path, "get").output


def test_get_finds_what_the_environment_sets(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMS_ALLOWED_USERS", "+15555550101")
    monkeypatch.setenv("RINGFENCE_STORE_URL", "postgresql://u:hush@h/d")
    shown = call(path, "get", "channels.sms.allowFrom[0]", "--show-origin").output
    assert shown == "# SMS_ALLOWED_USERS\n+15555550101\n"
    shown = call(path, "get", "store.url", "--show-origin").output
    assert shown == "# RINGFENCE_STORE_URL\npostgresql://u:•••@h/d\n"


def test_get_of_what_is_not_set_exits_with_1_and_of_no_path_with_2(path: Path) -> None:
    assert call(path, "get", "channels.sms.silent").exit_code == 1
    assert call(path, "get", "channels..sms").exit_code == 2


@pytest.mark.parametrize(
    ("key", "value", "written"),
    [
        ("channels.sms.silent", "true", True),
        ("channels.sms.textChunkLimit", "320", 320),
        ("channels.sms.defaultTo", "+15555550109", "+15555550109"),
        ("channels.sms.name", "Night shift", "Night shift"),
        ("channels.sms.name", '"42"', "42"),
        ("channels.sms.owners", "['+15555550102']", ["+15555550102"]),
        ("channels.sms.limits", "{concurrentMax: 3}", {"concurrentMax": 3}),
    ],
)
def test_set_reads_values_as_an_operator_means_them(
    key: str, value: str, written: Any, path: Path
) -> None:
    assert call(path, "set", key, value).exit_code == 0
    shown = json.loads(call(path, "get", key, "--json").output)
    assert shown["value"] == written
    assert "// keep me" in path.read_text()


def test_set_takes_text_as_text_and_null_removes(path: Path) -> None:
    assert call(path, "set", "channels.sms.name", "42").exit_code == 1
    assert call(path, "set", "channels.sms.name", "42", "--text").exit_code == 0
    assert call(path, "set", "channels.sms.name", "null").exit_code == 0
    assert path.read_text() == TEXT


def test_set_reads_a_secret_from_standard_input(path: Path) -> None:
    result = call(path, "set", "channels.sms.authToken", "-", stdin="hush-new\n")
    assert result.exit_code == 0
    assert '"hush-new", // keep me' in path.read_text()


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("set", "channels.sms.dmPolicy", "opn"), 1),
        (("set", "channels.sms.nme", "x"), 1),
        (("set", "channels.sms.owners[0]", "x"), 2),
        (("set", "channels.sms.owners", "[hush"), 2),
        (("set", "channels.sms.owners"), 2),
        (("patch",), 2),
        (("patch", "--file", "/nonexistent"), 2),
        (("import-openclaw", "/nonexistent"), 2),
        (("nonsense",), 2),
    ],
)
def test_refusals_and_wrong_usage_change_nothing(
    args: tuple[str, ...], code: int, path: Path
) -> None:
    assert call(path, *args).exit_code == code
    assert path.read_text() == TEXT


def test_patch_shows_with_dry_run_and_writes_without(path: Path, tmp_path: Path) -> None:
    patch = tmp_path / "p.json5"
    patch.write_text('{channels: {sms: {authToken: "hush-new", dmPolicy: "allowlist"}}} // why')
    result = call(path, "patch", "--file", str(patch), "--dry-run")
    assert result.exit_code == 0
    assert result.output.splitlines()[:4] == [
        '- channels.sms.authToken: "•••"  (secret)',
        '+ channels.sms.authToken: "•••"  (secret)',
        '+ channels.sms.dmPolicy: "allowlist"',
        f"{path}: would load; nothing was written.",
    ]
    assert path.read_text() == TEXT
    result = call(path, "patch", "--file", "-", "--json", stdin=patch.read_text())
    shown = json.loads(result.stdout)
    assert (shown["written"], len(shown["changes"])) == (True, 3)
    assert "hush-new" in path.read_text()


def test_a_patch_that_is_no_json5_is_refused_unquoted(path: Path) -> None:
    result = call(path, "patch", "--file", "-", stdin="{a: hush")
    assert result.exit_code == 1
    assert "standard input: line 1, column 5: expected JSON5" in str(result.exception)


def test_validate_names_every_problem(path: Path) -> None:
    assert call(path, "validate").exit_code == 0
    shown = json.loads(call(path, "validate", "--json").output)
    assert shown["ok"] is True
    assert shown["lines"] == [{"id": "default", "enabled": True, "blocked": None}]
    path.write_text(TEXT.replace("fromNumber", "fromNumbr").replace('"echo"', "3"))
    result = call(path, "validate", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["problems"] == [
        'channels.sms.fromNumbr: expected a known key, got an unknown one; did you mean "fromNumber"?',
        'agent.kind: expected one of "openai", "webhook", "command", "echo", got 3',
    ]
    result = call(path, "validate")
    assert result.exit_code == 1
    assert "2 problem(s)" in result.output


def test_import_openclaw_says_what_it_left(tmp_path: Path) -> None:
    openclaw = tmp_path / "openclaw.json"
    openclaw.write_text(TEXT.replace('agent: { kind: "echo" }', 'gateway: {auth: {token: "hush"}}'))
    target = tmp_path / "new" / "ringfence.json5"
    result = call(target, "import-openclaw", str(openclaw), "--dry-run")
    assert result.exit_code == 0
    assert "left: gateway (" in result.output
    assert not target.parent.exists()
    result = call(target, "import-openclaw", str(openclaw), "--json")
    assert list(json.loads(result.stdout)["left"]) == ["gateway"]
    assert call(target, "validate").exit_code == 0


OPERATIONS = {
    "sources": {"stripe": {"secrets": ["whsec_hush"]}},
    "responders": {"ann": {"number": "+15555550141"}},
    "escalationPolicies": {"ops": {"steps": [{"notify": ["person:ann"]}]}},
    "tickets": {"hub": {"kind": "github", "repository": "acme/ops", "token": "hush"}},
    "flows": {"incident": {"types": ["alert.*"], "alert": {"escalation": "ops"}}},
}


def test_the_operations_channel_is_patched_shown_set_and_validated(path: Path) -> None:
    text = json.dumps(OPERATIONS)
    assert "would load" in call(path, "patch", "--file", "-", "--dry-run", stdin=text).output
    assert "incident" not in path.read_text()
    done = call(path, "patch", "--file", "-", stdin=text).output
    assert '+ sources.stripe.secrets: ["•••"]  (secret)' in done
    assert '+ tickets.hub.token: "•••"  (secret)' in done
    assert call(path, "get", "responders.ann.number").output == "+15555550141\n"
    assert call(path, "get", "tickets.hub.token").output == "•••\n"
    assert call(path, "set", "flows.incident.when", 'severity == "critical"').exit_code == 0
    assert "all values are good" in call(path, "validate").output


def test_a_change_that_a_flow_does_not_survive_is_not_written(path: Path) -> None:
    call(path, "patch", "--file", "-", stdin=json.dumps(OPERATIONS))
    before = path.read_text()
    result = call(path, "set", "escalationPolicies.ops", "null")
    assert result.exit_code == 1
    assert "flows.incident.alert.escalation" in str(result.exception)
    result = call(path, "set", "flows.incident.when", "severity ==")
    assert "flows.incident.when: Character 12" in str(result.exception)
    assert path.read_text() == before
