"""Taking over an OpenClaw configuration: what comes, what stays, and that the result loads."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.config.openclaw import take_over
from ringfence.config.source import parse
from ringfence.model.errors import ConfigInvalid

# The shape of a whole one, as its documentation gives it: many sections, of which one is ours.
OPENCLAW = """\
// ~/.openclaw/openclaw.json
{
  meta: { lastTouchedVersion: "2026.9.6" },
  gateway: { port: 18789, auth: { mode: "token", token: "hush" },
             http: { endpoints: { chatCompletions: { enabled: true } } } },
  agents: { defaults: { model: "x/y", mediaMaxMb: 4, workspace: "~/ws" }, list: [{ id: "main" }] },
  session: { dmScope: "per-channel-peer" },
  secrets: {
    providers: {
      filemain: { source: "file", path: "~/.openclaw/secrets.json", mode: "json", timeoutMs: 5000 },
      vault: { source: "exec", command: "/usr/local/bin/resolver", args: ["--profile", "prod"],
               passEnv: ["PATH", "VAULT_ADDR"], jsonOnly: true, noOutputTimeoutMs: 900 },
      team: { source: "exec", pluginIntegration: { pluginId: "acme", integrationId: "s" } },
      unused: { source: "env" },
    },
    defaults: { env: "default", file: "filemain", exec: "vault" },
    resolution: { maxProviderConcurrency: 4 },
  },
  plugins: { entries: { "voice-call": { enabled: true, config: { provider: "twilio" } } } },
  channels: {
    telegram: { botToken: "hush" },
    sms: {
      enabled: true,
      configWrites: false,
      accountSid: "AC00000000000000000000000000000000",
      authToken: { source: "file", id: "/twilio/token" },
      fromNumber: "+15555550100",
      publicWebhookUrl: "https://claw.example.com/webhooks/sms",
      dmPolicy: "allowlist",
      allowFrom: ["sms:+15555550101", 15555550102, "accessGroup:family"],
      textChunkLimit: 1200,
      streaming: "off",
      accounts: {
        work: { name: "Work", messagingServiceSid: "MG0", webhookPath: "/webhooks/work",
                publicWebhookUrl: "https://claw.example.com/webhooks/work",
                authToken: { source: "exec", provider: "vault", id: "twilio/work" } },
        team: { fromNumber: "+15555550103", webhookPath: "/webhooks/team",
                authToken: { source: "exec", provider: "team", id: "t" } },
      },
      defaultAccount: "work",
    },
  },
}
"""


def test_what_comes_over() -> None:
    document = parse(OPENCLAW)
    taken = take_over(document)
    sms = document["channels"]["sms"]
    expected = {key: value for key, value in sms.items() if key != "streaming"}
    expected |= {"allowFrom": ["sms:+15555550101", 15555550102], "mediaMaxMb": 4}
    assert taken.patch == {
        "channels": {"sms": expected, "voice": {"provider": "twilio"}},
        "secrets": {
            "providers": {
                "filemain": {"source": "file", "path": "~/.openclaw/secrets.json", "mode": "json"},
                "vault": {
                    "source": "exec",
                    "command": "/usr/local/bin/resolver",
                    "args": ["--profile", "prod"],
                    "passEnv": ["PATH", "VAULT_ADDR"],
                    "jsonOnly": True,
                },
            },
            "defaults": {"env": "default", "file": "filemain", "exec": "vault"},
        },
    }


@pytest.mark.proves("P9")
def test_what_stays_is_named_with_the_reason_and_without_its_value() -> None:
    left = take_over(parse(OPENCLAW)).left
    assert set(left) == {
        "meta",
        "gateway",
        "agents",
        "session",
        "channels.voice.allowTo",
        "channels.telegram",
        "channels.sms.streaming",
        "channels.sms.allowFrom",
        "secrets.resolution",
        "secrets.providers.unused",
        "secrets.providers.team",
        "secrets.providers.filemain.timeoutMs",
        "secrets.providers.vault.noOutputTimeoutMs",
    }
    assert left["channels.sms.allowFrom"] == "1 access group(s): write their numbers into the list"
    assert "hush" not in str(left)


def test_the_result_loads_and_blocks_what_has_no_secret(load_text: Any) -> None:
    import json

    settings = load_text(json.dumps(take_over(parse(OPENCLAW)).patch), {"HOME": "/nonexistent"})
    assert [line.id for line in settings.lines] == ["default", "team", "work"]
    assert settings.default_line_id == "work"
    assert settings.line("default").allow_from == {"+15555550101", "+15555550102"}
    assert settings.line("team").blocked_reason == (
        "channels.sms.accounts.team.authToken: secrets.providers has no exec provider named 'team'."
    )
    assert settings.line("work").text_chunk_limit == 1200


def test_a_block_pasted_from_openclaw_works(load_text: Any) -> None:
    text = OPENCLAW[OPENCLAW.index("    sms: {") : OPENCLAW.rindex("  },\n}")]
    text = text.replace('"accessGroup:family"', "").replace('streaming: "off",', "")
    assert len(load_text("{channels: {" + text + "}}").lines) == 3


@pytest.mark.parametrize(
    "document", [{}, {"channels": {}}, {"channels": {"sms": []}}, {"channels": 1}]
)
def test_without_an_sms_channel_there_is_nothing_to_take(document: dict[str, Any]) -> None:
    with pytest.raises(ConfigInvalid, match=r"channels\.sms: expected an object"):
        take_over(document)


@pytest.mark.parametrize(
    "odd",
    [
        {"accounts": {"a": 3}},
        {"accounts": 3},
        {"allowFrom": 3},
        {"authToken": {"source": ["x"], "id": {}}},
    ],
)
def test_odd_shapes_come_over_as_they_are_for_the_check_to_refuse(odd: dict[str, Any]) -> None:
    taken = take_over({"channels": {"sms": odd}, "secrets": 3, "agents": 4})
    assert taken.patch["channels"] == {"sms": odd}
