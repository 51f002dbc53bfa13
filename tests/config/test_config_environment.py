"""OpenClaw's environment variables, and what accounts inherit from where (facts/openclaw.md 1.2)."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from ringfence.config import load
from ringfence.model.errors import ConfigInvalid
from ringfence.model.line import Secret

SID = "AC" + "1" * 32
ENVIRON = {
    "TWILIO_ACCOUNT_SID": SID,
    "TWILIO_AUTH_TOKEN": "from-the-environment",
    "TWILIO_PHONE_NUMBER": "+15555550110",
    "SMS_PUBLIC_WEBHOOK_URL": "https://env.example.com/webhooks/sms",
}


def test_the_environment_alone_is_a_set_up(tmp_path: Path) -> None:
    settings = load(None, ENVIRON | {"HOME": str(tmp_path)})
    (line,) = settings.lines
    assert line.id == "default"
    assert line.credentials.account_id == SID
    assert line.credentials.auth_tokens == (Secret("from-the-environment"),)
    assert line.number is not None
    assert line.number.e164 == "+15555550110"
    assert line.public_url == "https://env.example.com/webhooks/sms"
    assert line.blocked_reason is None


def test_every_variable_arrives(load_text: Any) -> None:
    environ = ENVIRON | {
        "TWILIO_PHONE_NUMBER": "  ",
        "TWILIO_SMS_FROM": "+15555550111",
        "SMS_WEBHOOK_PATH": "/in",
        "SMS_ALLOWED_USERS": "+15555550101, sms:+1 555 555 0102,",
        "SMS_TEXT_CHUNK_LIMIT": "320",
        "SMS_DANGEROUSLY_DISABLE_SIGNATURE_VALIDATION": "true",
    }
    (line,) = load_text("{}", environ).lines
    assert line.number is not None
    assert line.number.e164 == "+15555550111"
    assert line.webhook_path == "/in"
    assert line.allow_from == {"+15555550101", "+15555550102"}
    assert line.text_chunk_limit == 320
    assert line.validate_signature is False
    (line,) = load_text("{}", {**ENVIRON, "TWILIO_MESSAGING_SERVICE_SID": "MG1"}).lines
    assert line.service_id == "MG1"


def test_the_configuration_wins(load_good: Any) -> None:
    (line,) = load_good({}, ENVIRON).lines
    assert line.credentials.account_id != SID
    assert line.number is not None
    assert line.number.e164 == "+15555550100"
    assert line.credentials.auth_tokens == (Secret("token-of-the-test"),)


@pytest.mark.parametrize("text", ["1.5", "0", "-3", "many", "9" * 30])
@pytest.mark.proves("B065")
def test_a_chunk_limit_that_is_none_falls_back(text: str, load_text: Any) -> None:
    (line,) = load_text("{}", {**ENVIRON, "SMS_TEXT_CHUNK_LIMIT": text}).lines
    assert line.text_chunk_limit == (1600 if text.startswith("9") else 1500)


@pytest.mark.parametrize("text", ["TRUE", "1", "yes", "false", "true!"])
def test_only_the_word_true_switches_signatures_off(text: str, load_text: Any) -> None:
    environ = {**ENVIRON, "SMS_DANGEROUSLY_DISABLE_SIGNATURE_VALIDATION": text}
    assert load_text("{}", environ).lines[0].validate_signature is True


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("TWILIO_ACCOUNT_SID", "a/b", "expected text like ^[A-Za-z0-9_-]{1,64}$, got \"a/b\""),
        ("SMS_PUBLIC_WEBHOOK_URL", "gw", "expected an http or https address such as "
                                         'https://gateway.example.com/webhooks/sms, got "gw"'),
        ("SMS_WEBHOOK_PATH", "/a b", "expected a path such as /webhooks/sms, without query or .., "
                                     'got "/a b"'),
        ("TWILIO_AUTH_TOKEN", "${hush}", 'expected "${NAME}" with a name of upper-case letters, '
                                         "digits and underscores, got text (•••)"),
        ("SMS_ALLOWED_USERS", "*", 'expected "*" only together with dmPolicy "open", got "*"'),
    ],
)  # fmt: skip
def test_a_bad_variable_is_named(name: str, value: str, problem: str, load_text: Any) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        load_text("{}", {**ENVIRON, name: value})
    assert caught.value.problems == (f"{name}: {problem}",)


@pytest.mark.proves("P9")
def test_a_number_in_a_variable_is_masked(load_text: Any) -> None:
    for name in ("TWILIO_PHONE_NUMBER", "SMS_ALLOWED_USERS"):
        with pytest.raises(ConfigInvalid) as caught:
            load_text("{}", {**ENVIRON, name: "2125550123"})
        assert "2125550123" not in str(caught.value)
        assert "212•••0123" in str(caught.value)


def test_the_store_variable_stands_in_for_the_key(load_text: Any, load_good: Any) -> None:
    environ = {"RINGFENCE_STORE_URL": "postgresql://db.example.com/rf"}
    assert load_text("{}", environ).store.url == "postgresql://db.example.com/rf"
    assert load_good({"store": {"url": "sqlite:////x.db"}}, environ).store.url == "sqlite:////x.db"


def test_the_file_may_be_named_by_a_variable(tmp_path: Path) -> None:
    path = tmp_path / "other.json5"
    path.write_text("{gateway: {publicPort: 1}}")
    settings = load(None, {"RINGFENCE_CONFIG": str(path)})
    assert settings.gateway.public_port == 1
    assert settings.path == path


ACCOUNTS: dict[str, Any] = {
    "defaultAccount": "b",
    "limits": {"bodyBytesMax": 1000, "concurrentMax": 7},
    "accounts": {
        "a": {"webhookPath": "/a", "fromNumber": "+15555550111", "limits": {"concurrentMax": 3}},
        "b": {"webhookPath": "/b", "messagingServiceSid": "MGb", "authTokens": ["t1", "t2"]},
    },
}


def test_accounts_inherit_the_top_level(load_good: Any) -> None:
    settings = load_good({"channels": {"sms": ACCOUNTS}}, ENVIRON)
    by_id = {line.id: line for line in settings.lines}
    assert list(by_id) == ["default", "a", "b"]
    assert settings.default_line_id == "b"
    a, b = by_id["a"], by_id["b"]
    assert a.credentials == by_id["default"].credentials
    assert a.number is not None
    assert a.number.e164 == "+15555550111"
    assert (a.inbound.body_bytes_max, a.inbound.concurrent_max) == (1000, 3)
    assert (b.inbound.body_bytes_max, b.inbound.concurrent_max) == (1000, 7)
    # What is set nearer replaces its other form: the service the number, the list the one token.
    assert (b.number, b.service_id) == (None, "MGb")
    assert b.credentials.auth_tokens == (Secret("t1"), Secret("t2"))


def test_named_accounts_never_see_the_environment(load_text: Any) -> None:
    text = '{channels: {sms: {accounts: {a: {webhookPath: "/a"}}}}}'
    by_id = {line.id: line for line in load_text(text, ENVIRON).lines}
    assert by_id["default"].credentials.account_id == SID
    assert by_id["a"].credentials.account_id == ""
    assert by_id["a"].blocked_reason is not None


def test_a_top_level_without_sender_is_only_inherited(load_text: Any) -> None:
    text = '{channels: {sms: {accountSid: "AC1", accounts: {a: {fromNumber: "+15555550111"}}}}}'
    assert [line.id for line in load_text(text, {}).lines] == ["a"]
    text = text.replace("{a:", "{default:")
    (line,) = load_text(text, {}).lines
    assert (line.id, line.credentials.account_id) == ("default", "AC1")


def test_a_bad_account_is_named_where_it_stands(problems_of: Any) -> None:
    accounts = {"a": {"webhookPath": "/a", "fromNumber": "1", "dmPolicy": "open"}}
    assert [
        p.split(": ")[0] for p in problems_of({"channels": {"sms": {"accounts": accounts}}})
    ] == [
        "channels.sms.accounts.a.fromNumber",
        "channels.sms.accounts.a.allowFrom",
    ]


def test_loading_logs_nothing(load_good: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        load_good({}, ENVIRON)
    assert caplog.records == []
