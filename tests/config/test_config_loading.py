"""A file and an environment become Settings; every bad value is refused by its path."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ringfence.config import load
from ringfence.model.errors import ConfigInvalid
from ringfence.model.line import (
    AccessPolicy,
    InboundLimits,
    MediaLimits,
    OptOutReplies,
    Purpose,
    Secret,
)
from ringfence.policy.policy import Policy

SMS = "channels.sms"


def sms(**keys: Any) -> dict[str, Any]:
    return {"channels": {"sms": keys}}


NUMBER_ADVICE = (
    "a phone number (Write the country code with a plus sign (+15555550123), or set "
    "channels.sms.defaultRegion so that national numbers can be read)"
)
E164_ADVICE = "a phone number (Write it as + and 7 to 15 digits, for example +15555550123)"


@pytest.mark.parametrize(
    ("patch", "problem"),
    [
        (sms(enabled="yes"), f'{SMS}.enabled: expected true or false, got "yes"'),
        (sms(enabled=1), f"{SMS}.enabled: expected true or false, got 1"),
        (sms(name=5), f"{SMS}.name: expected text, got 5"),
        (sms(accountSid=""), f'{SMS}.accountSid: expected text like ^[A-Za-z0-9_-]{{1,64}}$, got ""'),
        (
            sms(accountSid="../x"),
            f'{SMS}.accountSid: expected text like ^[A-Za-z0-9_-]{{1,64}}$, got "../x"',
        ),
        (sms(authToken=7), f"{SMS}.authToken: expected text, \"${{ENV_NAME}}\", or "
                           '{source: "env" | "file" | "exec", provider: "name", id: "…"}, '
                           "got a number (•••)"),
        (sms(authToken=" "), f"{SMS}.authToken: expected a secret that is not empty, got text (•••)"),
        (
            sms(authToken={"source": "store", "id": "x"}),
            f'{SMS}.authToken: expected a reference whose source is "env", "file" or "exec", '
            "got an object",
        ),
        (
            sms(authToken="${lower}"),
            f'{SMS}.authToken: expected "${{NAME}}" with a name of upper-case letters, digits and '
            "underscores, got text (•••)",
        ),
        (
            sms(authTokens=["a"]),
            f"{SMS}.authTokens: expected authToken or authTokens, not both, got both",
        ),
        (sms(authToken=None, authTokens=[]), f"{SMS}.authTokens: expected at least 1 entry, got a list"),
        (
            sms(apiKeySid="SK1"),
            f"{SMS}.apiKeySid: expected apiKeySid and apiKeySecret together, got one of them",
        ),
        (sms(authTokn="hush"), f'{SMS}.authTokn: expected a known key, got an unknown one; did you mean "authToken"?'),
        (sms(fromNumber="5555550100"), f'{SMS}.fromNumber: expected {NUMBER_ADVICE}, got "555•••0100"'),
        (sms(fromNumber="+0555555010"), f'{SMS}.fromNumber: expected {E164_ADVICE}, got "+055•••5010"'),
        (sms(fromNumber="+155555"), f'{SMS}.fromNumber: expected {E164_ADVICE}, got "+1•••"'),
        (sms(fromNumber=True), f"{SMS}.fromNumber: expected a phone number such as +15555550123, got true"),
        (sms(fromNumber=[1]), f"{SMS}.fromNumber: expected a phone number such as +15555550123, got a list"),
        (
            sms(fromNumber="whatsapp:+15555550100"),
            f"{SMS}.fromNumber: expected a phone number (This is an address of another network, "
            'not a phone number), got "whats•••0100"',
        ),
        (sms(allowFrom=["+15555550101", 12]), f"{SMS}.allowFrom[1]: expected {E164_ADVICE}, got 12"),
        (sms(allowFrom=[1.5]), f"{SMS}.allowFrom[0]: expected a phone number such as +15555550123, got 1.5"),
        (sms(allowFrom="+15555550101"), f'{SMS}.allowFrom: expected a list, got "+1555•••0101"'),
        (sms(allowFrom=["*"]), f'{SMS}.allowFrom: expected "*" only together with dmPolicy "open", got "*"'),
        (sms(dmPolicy="open"), f'{SMS}.allowFrom: expected a list with "*", since dmPolicy is "open", got none'),
        (
            sms(dmPolicy="opn", allowFrom=["*"]),
            f'{SMS}.dmPolicy: expected one of "pairing", "allowlist", "open", "disabled", got "opn"',
        ),
        (sms(owners=["me"]), f'{SMS}.owners[0]: expected {NUMBER_ADVICE}, got "me"'),
        (sms(defaultRegion="usa"), f'{SMS}.defaultRegion: expected text like ^[A-Z]{{2}}$, got "usa"'),
        (
            sms(webhookPath="/a?b"),
            f'{SMS}.webhookPath: expected a path such as /webhooks/sms, without query or .., got "/a?b"',
        ),
        (
            sms(webhookPath="/a/../b"),
            f'{SMS}.webhookPath: expected a path such as /webhooks/sms, without query or .., '
            'got "/a/../b"',
        ),
        (
            sms(publicWebhookUrl="gateway.example.com"),
            f"{SMS}.publicWebhookUrl: expected an http or https address such as "
            'https://gateway.example.com/webhooks/sms, got "gateway.example.com"',
        ),
        (
            sms(apiBaseUrl="http://api.example.com"),
            f"{SMS}.apiBaseUrl: expected https, or http on a loopback address only, "
            'got "http://api.example.com"',
        ),
        (
            sms(apiBaseUrl="https://u:p@api.example.com"),
            f"{SMS}.apiBaseUrl: expected an http or https address without credentials, query or "
            'fragment, got "https://•••@api.example.com"',
        ),
        (sms(mediaMaxMb=0), f"{SMS}.mediaMaxMb: expected a number above 0, got 0"),
        (sms(provider="telnix"), f'{SMS}.provider: expected one of "twilio", "telnyx", "plivo", got "telnix"'),
        (sms(purpose="party"), f'{SMS}.purpose: expected one of "hotline", "intake", "notify", got "party"'),
        (sms(optOutReplies="both"), f'{SMS}.optOutReplies: expected one of "provider", "ringfence", got "both"'),
        (sms(agent="nobody"), f'{SMS}.agent: expected the name of an agent (default), got "nobody"'),
        (sms(pairing={"ttlMinutes": 0}), f"{SMS}.pairing.ttlMinutes: expected a number of at least 1, got 0"),
        (sms(limits={"bodyBytesMax": 1.5}), f"{SMS}.limits.bodyBytesMax: expected a whole number, got 1.5"),
        (sms(limits={"bodyByteMax": 1}), f'{SMS}.limits.bodyByteMax: expected a known key, got an unknown one; did you mean "bodyBytesMax"?'),
        (sms(limits=3), f"{SMS}.limits: expected an object, got 3"),
        (sms(policy={"lineVolume": {"day": -1}}), f"{SMS}.policy.lineVolume.day: expected a number of at least 1, got -1"),
        (sms(media={"fetchTimeoutS": 0}), f"{SMS}.media.fetchTimeoutS: expected a number of seconds above 0 and at most 86400, got 0"),
        (sms(messageTtlMinutes=99999), f"{SMS}.messageTtlMinutes: expected a number of at most 10080, got 99999"),
        (sms(defaultAccount="x"), f'{SMS}.defaultAccount: expected the name of an account (default), got "x"'),
        (sms(accounts={"a b": {}}), f"{SMS}.accounts.a b: expected another name: text like ^[A-Za-z0-9][A-Za-z0-9_-]{{0,63}}$, got that one"),
        (sms(accounts={"a": {"accounts": {}, "enabled": False}}), f'{SMS}.accounts.a.accounts: expected a known key, got an unknown one; did you mean "accountSid"?'),
        ({"channels": {"telegram": {}}}, "channels.telegram: expected a known key, got an unknown one"),
        ({"gateway": {"auth": {"token": "hush"}}}, "gateway.auth: expected a known key, got an unknown one"),
        ({"gateway": {"publicPort": 70000}}, "gateway.publicPort: expected a number of at most 65535, got 70000"),
        ({"gateway": {"privatePort": 8080}}, "gateway.privatePort: expected another port than gateway.publicPort (two doors), got 8080"),
        ({"gateway": {"trustedProxies": ["nginx"]}}, 'gateway.trustedProxies[0]: expected an IP address or a network such as 10.0.0.0/8, got "nginx"'),
        ({"store": {"url": "mysql://u:hush@h/d"}}, "store.url: expected sqlite:///path or postgresql://host/database, got another address"),
        ({"store": {"url": "${NO_SUCH}"}}, "store.url: expected a secret that can be resolved, got The environment variable NO_SUCH is not set."),
        ({"policy": {"killSwitch": True}}, "policy.killSwitch: expected a known key, got an unknown one"),
        ({"logging": {"level": "loud"}}, 'logging.level: expected one of "debug", "info", "warning", "error", got "loud"'),
        ({"delivery": {"attemptsMax": 0}}, "delivery.attemptsMax: expected a number of at least 1, got 0"),
        ({"agent": {"kind": "openclaw"}}, 'agent.kind: expected one of "openai", "webhook", "command", "echo", got "openclaw"'),
        ({"agent": {"kind": None}}, 'agent.kind: expected one of "openai", "webhook", "command", "echo", got nothing'),
        ({"agent": {"kind": "openai", "baseUrl": "http://127.0.0.1:1"}}, "agent.model: expected a value, got nothing"),
        ({"agents": {"default": {"kind": "echo"}}}, "agent: expected agent or agents.default, not both, got both"),
        (
            {"agent": {"kind": "webhook", "url": "https://a.example.com", "secrets": ["hush"]}},
            "agent.secrets[0]: expected whsec_ and 24 to 64 bytes in base64, got another",
        ),
        ({"secrets": {"providers": {"v": {"source": "store"}}}}, 'secrets.providers.v.source: expected one of "env", "file", "exec", got "store"'),
        ({"secrets": {"providers": {"v": {"source": "exec"}}}}, "secrets.providers.v.command: expected a value, got nothing"),
        ({"channels": 3}, "channels: expected an object, got 3"),
        ({"plugins": {}}, "plugins: expected a known key, got an unknown one"),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused_with_its_path(
    patch: dict[str, Any], problem: str, problems_of: Any
) -> None:
    assert problems_of(patch) == (problem,)


@pytest.mark.proves("P9")
def test_all_problems_come_at_once_and_no_secret_with_them(problems_of: Any) -> None:
    found = problems_of(
        {
            "channels": {"sms": {"authTokn": "hush-1", "authToken": ["hush-2"], "fromNumber": "1"}},
            "agent": {"kind": "openai", "apiKey": {"hush-3": 1}, "model": 4},
            "gateway": {"auth": "hush-4"},
            "store": {"url": ["hush-5"]},
        }
    )
    assert sorted(problem.split(":")[0] for problem in found) == [
        "agent.apiKey",
        "agent.baseUrl",
        "agent.model",
        "channels.sms.authToken",
        "channels.sms.authTokn",
        "channels.sms.fromNumber",
        "gateway.auth",
        "store.url",
    ]
    assert "hush" not in "".join(found)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{a: "hush", b: hush}', "line 1, column 16: expected JSON5"),
        ('{\n  "authToken": hush', "line 2, column 16: expected JSON5"),
        ("", "line 1, column 1: expected JSON5"),
        ('["hush"]', "expected an object in braces, got a list"),
        ("{a:" * 200, "expected fewer nested levels"),
    ],
)
@pytest.mark.proves("P9")
def test_a_text_that_is_no_json5_is_placed_but_not_quoted(
    text: str, problem: str, load_text: Any, config_path: Path
) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        load_text(text)
    assert caught.value.problems == (f"{config_path}: {problem}",)
    assert caught.value.__cause__ is None
    assert "hush" not in str(caught.value)


def test_a_key_written_twice_is_refused(load_text: Any) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        load_text('{channels: {sms: {dmPolicy: "allowlist",\n dmPolicy: "pairing"}}}')
    assert caught.value.problems == (
        "channels.sms.dmPolicy: expected this key once, got it again in line 2",
    )


def test_a_file_that_was_named_must_exist(tmp_path: Path) -> None:
    for given, environ in ((tmp_path / "no", {}), (None, {"RINGFENCE_CONFIG": f"{tmp_path}/no"})):
        with pytest.raises(ConfigInvalid) as caught:
            load(given, environ)
        assert caught.value.problems == (f"{tmp_path}/no: expected a file, got nothing there",)


@pytest.mark.parametrize("content", [b"\xff\xfe{}", b" " * (1 << 20) + b"{}"])
def test_a_file_that_is_no_text_or_too_large_is_refused(content: bytes, config_path: Path) -> None:
    config_path.write_bytes(content)
    with pytest.raises(ConfigInvalid):
        load(config_path, {})


def test_no_file_and_no_environment_is_an_empty_configuration(tmp_path: Path) -> None:
    settings = load(None, {"HOME": str(tmp_path)})
    assert settings.lines == ()
    assert settings.default_line_id == ""
    assert settings.path == tmp_path / ".ringfence" / "ringfence.json5"
    assert settings.store.url == f"sqlite:///{tmp_path}/.ringfence/ringfence.db"
    assert settings.warnings == ("channels.sms: no line is configured",)


def test_every_key_reaches_the_line(load_good: Any) -> None:
    settings = load_good(
        sms(
            name="Night",
            defaultTo="tel:+1 555 555 0109",
            webhookPath="hooks//night/",
            dmPolicy="allowlist",
            allowFrom=["+15555550101"],
            textChunkLimit=320,
            apiBaseUrl="https://api.example.com/",
            authToken=None,
            authTokens=["new", "old"],
            apiKeySid="SK1",
            apiKeySecret="shh",
            purpose="intake",
            owners=["+15555550102"],
            silent=True,
            notifyOwner=False,
            optOutReplies="ringfence",
            helpText="Ask Ada.",
            pairing={"ttlMinutes": 5},
            messageTtlMinutes=7,
            limits={"bodyTimeoutS": 2, "callbacksPerMinute": 9},
            policy={"loopGuard": {"sameTextPer5Minutes": 2}},
            media={"hostedTtlMinutes": 3, "inboundCountMax": 0},
        )
    )
    (line,) = settings.lines
    assert settings.default_line_id == line.id == "default"
    assert (line.name, line.webhook_path, line.text_chunk_limit) == ("Night", "/hooks/night", 320)
    assert line.default_to is not None
    assert line.default_to.e164 == "+15555550109"
    assert line.access is AccessPolicy.ALLOWLIST
    assert not line.allow_anyone
    assert line.allow_from == {"+15555550101"}
    assert [owner.e164 for owner in line.owners] == ["+15555550102"]
    assert line.api_base_url == "https://api.example.com"
    assert line.credentials.auth_tokens == (Secret("new"), Secret("old"))
    assert line.credentials.api_key_id == "SK1"
    assert line.credentials.api_key_secret == Secret("shh")
    assert line.purpose is Purpose.INTAKE
    assert (line.silent, line.notify_owner) == (True, False)
    assert line.optout_replies is OptOutReplies.RINGFENCE
    assert line.help_text == "Ask Ada."
    assert line.pairing_ttl == timedelta(minutes=5)
    assert line.message_ttl == timedelta(minutes=7)
    assert line.inbound == InboundLimits(body_timeout_s=2, callbacks_per_minute=9)
    assert settings.policies["default"].settings["loop_guard"].same_text_per_5_minutes == 2
    assert line.media == MediaLimits(hosted_ttl=timedelta(minutes=3), inbound_count_max=0)
    assert line.blocked_reason is None


def test_sections_and_agents_arrive(load_good: Any, config_path: Path) -> None:
    settings = load_good(
        {
            "gateway": {"publicPort": 0, "trustedProxies": ["10.0.0.0/8"], "pollMs": 100},
            "store": {"url": "sqlite:///data/x.db", "busyTimeoutS": 1},
            "logging": {"level": "debug", "format": "text"},
            "delivery": {"attemptsMax": 3, "retryWaitsS": [1, 2], "turnAgeHoursMin": 2},
            "agents": {
                "claw": {
                    "kind": "openai",
                    "baseUrl": "http://127.0.0.1:18789",
                    "model": "main",
                    "apiKey": "$CLAW",
                    "profile": "openclaw",
                },
                "script": {"kind": "command", "argv": ["/bin/cat"], "envAllow": ["LANG"]},
            },
        },
        {"CLAW": "hush"},
    )
    assert settings.gateway.public_port == 0
    assert settings.gateway.trusted_proxies == ("10.0.0.0/8",)
    assert settings.store.url == f"sqlite:///{config_path.parent}/data/x.db"
    assert settings.store.path == config_path.parent / "data" / "x.db"
    assert settings.logging.format == "text"
    assert settings.delivery.retry.attempts_max == 3
    assert settings.delivery.retry.waits_s == (1.0, 2.0)
    assert settings.delivery.turn.age_min == timedelta(hours=2)
    assert list(settings.agents) == ["claw", "default", "script"]
    assert dict(settings.agents["claw"].options) == {
        "base_url": "http://127.0.0.1:18789",
        "model": "main",
        "api_key": Secret("hush"),
        "profile": "openclaw",
    }
    assert settings.agents["script"].options["argv"] == ("/bin/cat",)
    assert "hush" not in repr(settings)


def test_a_password_in_the_store_url_is_not_printed(load_good: Any) -> None:
    settings = load_good({"store": {"url": "postgres://me:hush@db.example.com/rf"}})
    assert settings.store.url == "postgresql://me:hush@db.example.com/rf"
    assert "hush" not in repr(settings)
    assert settings.store.masked_url == "postgresql://me:•••@db.example.com/rf"


@pytest.mark.proves("B055")
def test_allow_list_entries_of_every_spelling_are_one_number(load_good: Any) -> None:
    spellings = ["+1 (555) 555-0101", "sms:+15555550101", "twilio-sms:+1-555-555-0101", 15555550101]
    (line,) = load_good(sms(allowFrom=spellings)).lines
    assert line.allow_from == {"+15555550101"}


@pytest.mark.proves("B061")
def test_a_national_number_needs_a_region(load_good: Any, problems_of: Any) -> None:
    (line,) = load_good(sms(allowFrom=["(212) 555-0101"], defaultRegion="US")).lines
    assert line.allow_from == {"+12125550101"}
    for text in ("555-0101", "(212) 555-0101 ext. 5", "hello"):
        (problem,) = problems_of(sms(allowFrom=[text], defaultRegion="US"))
        assert problem.startswith("channels.sms.allowFrom[0]: expected a phone number")


@pytest.mark.parametrize("number", ["+155555", "+1234567890123456", "+0555555010"])
@pytest.mark.proves("B062")
def test_a_number_outside_e164_is_refused(number: str, problems_of: Any) -> None:
    assert problems_of(sms(fromNumber=number))


@pytest.mark.parametrize(
    ("written", "used", "warned"),
    [(1500, 1500, False), (1600, 1600, False), (1601, 1600, True), (0, 1500, True),
     (-5, 1500, True), (12.5, 1500, True), ("900", 1500, True), (True, 1500, True)],
)  # fmt: skip
@pytest.mark.proves("B065")
def test_text_chunk_limit_falls_back(written: Any, used: int, warned: bool, load_good: Any) -> None:
    settings = load_good(sms(textChunkLimit=written))
    assert settings.lines[0].text_chunk_limit == used
    assert any("textChunkLimit" in warning for warning in settings.warnings) is warned


@pytest.mark.proves("B053")
def test_the_channel_switch_overrides_enabled_accounts(load_good: Any) -> None:
    accounts = {"a": {"enabled": True, "webhookPath": "/a"}, "b": {"enabled": False}}
    on = load_good(sms(accounts=accounts))
    assert {line.id: line.enabled for line in on.lines} == {"default": True, "a": True, "b": False}
    off = load_good(sms(enabled=False, accounts=accounts))
    assert not any(line.enabled for line in off.lines)


@pytest.mark.proves("B104")
def test_two_lines_on_one_path_is_an_error(problems_of: Any, load_good: Any) -> None:
    assert problems_of(sms(accounts={"a": {"webhookPath": "webhooks//sms/"}})) == (
        "channels.sms.accounts.a.webhookPath: expected a path of its own (a and default share it), "
        'got "/webhooks/sms"',
    )
    assert load_good(sms(accounts={"a": {"webhookPath": "/a"}})).lines[1].webhook_path == "/a"
    assert load_good(sms(accounts={"a": {"enabled": False}}))


@pytest.mark.proves("B106")
def test_a_secret_that_cannot_be_resolved_blocks_its_line_only(load_good: Any) -> None:
    settings = load_good(
        sms(
            accounts={
                "lost": {"authToken": "${NOT_SET}", "webhookPath": "/lost"},
                "off": {"authToken": "${NOT_SET}", "webhookPath": "/off", "enabled": False},
            }
        )
    )
    by_id = {line.id: line for line in settings.lines}
    assert by_id["default"].blocked_reason is None
    assert by_id["lost"].blocked_reason == (
        "channels.sms.accounts.lost.authToken: The environment variable NOT_SET is not set."
    )
    assert by_id["off"].blocked_reason is None
    assert any(warning.startswith("line lost is blocked") for warning in settings.warnings)


def test_a_switched_off_line_has_its_secrets_left_alone(load_good: Any) -> None:
    (line,) = load_good(sms(enabled=False, authToken="${TOKEN}"), {"TOKEN": "hush"}).lines
    assert line.credentials.auth_tokens == ()


def test_a_bad_value_that_is_inherited_is_named_once(problems_of: Any) -> None:
    accounts = {"a": {"webhookPath": "/a"}, "b": {"webhookPath": "/b"}}
    (problem,) = problems_of(sms(owners=["me"], accounts=accounts))
    assert problem.startswith("channels.sms.owners[0]: ")


@pytest.mark.proves("B106")
def test_an_agent_without_its_secret_is_blocked_alone(load_good: Any) -> None:
    settings = load_good(
        {
            "agents": {
                "far": {"kind": "openai", "baseUrl": "https://a.example.com", "model": "m",
                        "apiKey": "${NOT_SET}"}
            },
            "channels": {"sms": {"agent": "default"}},
        }
    )  # fmt: skip
    assert settings.agents["far"].blocked_reason == (
        "agents.far.apiKey: The environment variable NOT_SET is not set."
    )
    assert settings.agents["default"].blocked_reason is None


@pytest.mark.proves("B107")
def test_checking_signatures_without_a_public_address_blocks_the_line(load_good: Any) -> None:
    (line,) = load_good(sms(publicWebhookUrl=None)).lines
    assert line.blocked_reason == (
        "no public address: set publicWebhookUrl (or gateway.publicBaseUrl), which signatures are "
        "checked against"
    )
    (line,) = load_good(
        {"gateway": {"publicBaseUrl": "https://gw.example.com/"}} | sms(publicWebhookUrl=None)
    ).lines
    assert line.public_url == "https://gw.example.com/webhooks/sms"
    assert line.blocked_reason is None
    settings = load_good(sms(publicWebhookUrl=None, dangerouslyDisableSignatureValidation=True))
    assert settings.lines[0].blocked_reason is None
    assert "line default takes unsigned webhooks" in settings.warnings


@pytest.mark.parametrize("key", ["accountSid", "authToken", "fromNumber"])
def test_a_line_without_an_essential_is_blocked(key: str, load_good: Any) -> None:
    (line,) = load_good(sms(**{key: None}, name="x")).lines
    assert line.blocked_reason is not None
    assert line.blocked_reason.startswith("no ")


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("127.0.0.1", "a loopback address"),
        ("127.1", "a loopback address"),
        ("localhost", "a name of the local network"),
        ("[::1]:8080", "a loopback address"),
        ("[::ffff:127.0.0.1]", "a loopback address"),
        ("10.1.2.3", "a private address"),
        ("172.31.0.1", "a private address"),
        ("192.168.1.1", "a private address"),
        ("[::ffff:192.168.1.1]", "a private address"),
        ("169.254.1.1", "a link-local address"),
        ("[fe80::1]", "a link-local address"),
        ("100.64.0.1", "a shared (CGNAT) address"),
        ("[fd00::1]", "a unique local address"),
        ("0.0.0.0", "not an address of a host"),
        ("gateway", "a name of the local network"),
        ("gateway.local", "a name of the local network"),
    ],
)
@pytest.mark.proves("B119")
def test_an_address_no_carrier_can_reach_is_refused(
    host: str, why: str, problems_of: Any, load_good: Any
) -> None:
    url = f"https://{host}/webhooks/sms"
    assert problems_of(sms(publicWebhookUrl=url)) == (
        "channels.sms.publicWebhookUrl: expected an address the provider can reach from the "
        f'internet (this is {why}), got "{url}"',
    )
    # A stand-in on this machine reaches it.
    (line,) = load_good(sms(publicWebhookUrl=url, apiBaseUrl="http://127.0.0.1:8899")).lines
    assert line.blocked_reason is None


def test_a_purpose_opens_the_line_only_where_nothing_else_is_written(load_good: Any) -> None:
    (line,) = load_good(sms(purpose="notify")).lines
    assert (line.access, line.allow_anyone) == (AccessPolicy.OPEN, True)
    (line,) = load_good(sms(purpose="notify", dmPolicy="allowlist")).lines
    assert (line.access, line.allow_anyone) == (AccessPolicy.ALLOWLIST, False)
    settings = load_good(sms(dmPolicy="open", allowFrom=["*"]))
    assert any("open on a hotline" in warning for warning in settings.warnings)


def test_media_max_caps_both_ways(load_good: Any) -> None:
    (line,) = load_good(sms(mediaMaxMb=0.25)).lines
    cap = 256 * 1024
    assert line.media == MediaLimits(
        image_bytes_max=cap, other_bytes_max=cap, inbound_bytes_max=cap
    )
    (line,) = load_good(sms(mediaMaxMb=8, media={"otherBytesMax": 700_000})).lines
    assert line.media == MediaLimits(other_bytes_max=700_000, inbound_bytes_max=8 * 1024 * 1024)


@pytest.mark.proves("P11")
def test_the_version_changes_with_policy_and_with_nothing_else(load_good: Any) -> None:
    def version(*given: Any) -> str:
        policy: Policy = load_good(*given).policies["default"]
        return policy.version

    plain = version()
    assert version(sms(authToken="another"), {"X": "y"}) == plain
    assert version({"gateway": {"pollMs": 99}}) == plain
    # Who is on a list is a fact of each decision, not a setting of the rule.
    assert version(sms(allowFrom=["+15555550101"])) == plain
    assert version(sms(dmPolicy="allowlist")) != plain
    assert version(sms(policy={"lineVolume": {"day": 9}})) != plain
    assert version({"policy": {"lineVolume": {"day": 9}}}) != plain
    assert len(plain) == 16


@pytest.mark.proves("P9")
def test_a_file_everyone_can_read_is_named(config_path: Path) -> None:
    config_path.write_text('{channels: {sms: {authToken: "hush"}}}')
    config_path.chmod(0o644)
    assert f"{config_path} holds secrets and everyone may read it" in load(config_path, {}).warnings
    config_path.chmod(0o600)
    assert not any("everyone" in warning for warning in load(config_path, {}).warnings)


def test_settings_are_frozen(load_good: Any) -> None:
    settings = load_good()
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.warnings = ()


def test_importing_the_package_loads_no_validating_library() -> None:
    code = "import sys, ringfence.config, ringfence.cli.config; print('pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
