"""Ticket systems of the configuration: each kind's keys, what a system itself refuses, secrets."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ringfence.config.mask import masked
from ringfence.config.schema.tickets import TICKET_SHAPES
from ringfence.model.line import Secret
from ringfence.tickets import settings_of, systems

SIGNING = "whsec_aHVzaC1odXNoLWh1c2gtaHVzaC1odXNoLWh1c2g="
HOOK = {"kind": "webhook", "url": "https://hooks.example.org/x", "secrets": [SIGNING]}
GITHUB = {"kind": "github", "repository": "acme/ops", "token": "hush-token"}
GITLAB = {"kind": "gitlab", "project": "acme/team/ops", "token": "hush-token"}
JIRA = {
    "kind": "jira",
    "baseUrl": "https://acme.example.net",
    "project": "OPS",
    "user": "bot@example.org",
    "token": "hush-token",
}
SMTP = {
    "kind": "smtp",
    "host": "mail.example.org",
    "from": "a@example.org",
    "to": ["b@example.org"],
}
LOGIN = {"user": "bot", "password": "hush-word"}
EVERY = {
    "board": {"kind": "builtin"},
    "hook": HOOK,
    "hub": {**GITHUB, "labels": ["alert"]},
    "lab": GITLAB,
    "jira": {**JIRA, "issueType": "Bug", "doneTransition": "Done"},
    "mail": {**SMTP, **LOGIN, "tls": "tls"},
}


def test_there_is_a_shape_for_every_system() -> None:
    assert set(TICKET_SHAPES) == set(systems())


def test_the_keys_of_a_kind_are_the_settings_of_its_system(load_good: Any) -> None:
    made = load_good({"tickets": EVERY}).operations.tickets
    assert {one.kind for one in made.values()} == set(TICKET_SHAPES)
    for one in made.values():
        settings = settings_of(one.kind, one.options)
        given = {field.name for field in dataclasses.fields(settings)}
        assert set(one.options) <= given
        assert not one.blocked_reason
    assert made["hub"].options["token"] == Secret("hush-token")
    assert made["hub"].options["labels"] == ("alert",)
    assert made["jira"].options["done_transition"] == "Done"
    assert made["mail"].options["sender"] == "a@example.org"
    assert made["hook"].options["secrets"] == (Secret(SIGNING),)


@pytest.mark.parametrize(
    ("keys", "port"), [({}, 587), ({"tls": "tls"}, 465), ({"tls": "starttls", "port": 26}, 26)]
)
def test_the_port_of_mail_goes_by_its_protection(
    keys: dict[str, Any], port: int, load_good: Any
) -> None:
    made = load_good({"tickets": {"mail": {**SMTP, **keys}}}).operations.tickets
    assert made["mail"].options["port"] == port


def test_mail_on_this_machine_may_be_plain(load_good: Any) -> None:
    plain = {**SMTP, "host": "::1", "tls": "none"}
    made = load_good({"tickets": {"mail": plain}}).operations.tickets
    assert (made["mail"].options["tls"], made["mail"].options["port"]) == ("none", 25)


def test_a_secret_that_is_not_there_blocks_its_system_only(load_good: Any) -> None:
    settings = load_good({"tickets": {**EVERY, "hub": {**GITHUB, "token": "${NO_TOKEN}"}}})
    made = settings.operations.tickets
    assert "NO_TOKEN is not set" in made["hub"].blocked_reason
    assert not made["lab"].blocked_reason
    assert any("tickets hub is blocked: tickets.hub.token" in one for one in settings.warnings)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ({"kind": "gihub"}, 'tickets.t.kind: expected one of "builtin", "webhook", "github", "gitlab", "jira", "smtp", got "gihub"'),
        ({}, "tickets.t.kind: expected one of"),
        ({"kind": "builtin", "url": "https://example.org"}, "tickets.t.url: expected a known key"),
        ({**HOOK, "secrets": []}, "tickets.t.secrets: expected at least 1 entry"),
        ({**HOOK, "secrets": ["whsec_hush?"]}, "tickets.t.secrets[0]: expected"),
        ({**HOOK, "url": "http://hooks.example.org/x"}, "tickets.t.url: may be plain http on this machine only"),
        ({**GITHUB, "repository": "acme"}, "tickets.t.repository: expected text like"),
        ({**GITHUB, "token": ""}, "tickets.t.token: expected a secret that is not empty"),
        ({"kind": "github", "repository": "acme/ops"}, "tickets.t.token: expected a value, got nothing"),
        ({**GITLAB, "project": "ops"}, "tickets.t.project: expected text like"),
        ({**JIRA, "user": "bot"}, "tickets.t.user: expected text like"),
        ({**JIRA, "project": "ops"}, "tickets.t.project: expected text like"),
        ({**JIRA, "baseUrl": "ftp://x"}, "tickets.t.baseUrl: expected an http or https address"),
        ({**SMTP, "tls": "none"}, 'tickets.t.tls: expected "starttls" or "tls", except on this machine, got "none"'),
        ({**SMTP, "user": "bot"}, "tickets.t.user: expected user and password together, got one of them"),
        ({**SMTP, "from": "nobody"}, "tickets.t.from: expected text like"),
        ({**SMTP, "to": []}, "tickets.t.to: expected at least 1 entry"),
        ({**SMTP, "port": 0}, "tickets.t.port: expected a number of at least 1, got 0"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_path(
    raw: dict[str, Any], problem: str, problems_of: Any
) -> None:
    found = problems_of({"tickets": {"t": raw}})
    assert any(one.startswith(problem) for one in found), found
    assert "hush" not in str(found)


@pytest.mark.proves("P9")
def test_tokens_and_passwords_never_show(load_good: Any) -> None:
    assert "hush" not in repr(load_good({"tickets": EVERY}))
    shown = masked({"tickets": EVERY})["tickets"]
    assert shown["hook"]["secrets"] == ["•••"]
    assert (shown["hub"]["token"], shown["jira"]["token"]) == ("•••", "•••")
    assert shown["mail"]["password"] == "•••"
    assert shown["hub"]["repository"] == "acme/ops"
