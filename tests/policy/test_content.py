"""Findings in a text: what is refused, what waits, what may pass."""

from __future__ import annotations

from typing import Any

import pytest
from policy_facts import ask, facts

from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Initiator
from ringfence.policy.rule import Answer, Refusal
from ringfence.policy.rules.content import RULE, Links
from ringfence.text.content import host_digest

ALLOW, HOLD, DENY = Verdict.ALLOW, Verdict.HOLD, Verdict.DENY
OURS, OTHERS = host_digest("example.com"), host_digest("example.org")


@pytest.mark.parametrize(
    ("found", "verdict", "code"),
    [
        ({}, ALLOW, ""),
        ({"secrets": ("card_number",)}, DENY, "secret"),
        ({"shorteners": 1}, DENY, "short_link"),
        ({"hosts": (OTHERS,)}, DENY, "link"),
        ({"reserved": ("CANCEL",)}, HOLD, "reserved_word"),
        ({"hidden": ("bidi",)}, HOLD, "hidden"),
        ({"shaft": ("tobacco",)}, HOLD, "shaft"),
        ({"segments": 41}, HOLD, "too_long"),
        ({"segments": 40}, ALLOW, ""),
        ({"encoding": "UCS-2"}, ALLOW, ""),
        ({"media": 3}, ALLOW, ""),
    ],
)
@pytest.mark.parametrize("act", [Act.REPLY, Act.INITIATE, Act.CALL, Act.SPEAK])
def test_each_finding(found: dict[str, Any], verdict: Verdict, code: str, act: Act) -> None:
    ruling = ask(RULE, facts(act=act, traits=found))
    assert (ruling.verdict, ruling.code, ruling.until) == (verdict, code, None)


@pytest.mark.parametrize(
    ("links", "hosts", "found", "verdict"),
    [
        (Links.ANY, (), (OTHERS,), ALLOW),
        (Links.LISTED, ("example.com",), (OURS,), ALLOW),
        (Links.LISTED, ("EXAMPLE.com.",), (OURS,), ALLOW),
        (Links.LISTED, ("example.com",), (OURS, OTHERS), DENY),
        (Links.LISTED, ("sub.example.com",), (OURS,), DENY),
        (Links.LISTED, (), (OURS,), DENY),
        (Links.NONE, ("example.com",), (OURS,), DENY),
    ],
)
def test_where_links_may_lead(
    links: Links, hosts: tuple[str, ...], found: tuple[str, ...], verdict: Verdict
) -> None:
    asked = facts(traits={"hosts": found})
    assert ask(RULE, asked, links=links, hosts=hosts).verdict is verdict


@pytest.mark.parametrize(
    ("setting", "found"),
    [
        ("shaft", {"shaft": ("sex",)}),
        ("ucs2", {"encoding": "UCS-2"}),
        ("media", {"media": 1}),
    ],
)
@pytest.mark.parametrize("answer", Answer)
def test_what_an_operator_may_choose(setting: str, found: dict[str, Any], answer: Answer) -> None:
    assert ask(RULE, facts(traits=found), **{setting: answer}).verdict is Verdict[answer.name]


@pytest.mark.parametrize("over", Refusal)
def test_the_longest_text(over: Refusal) -> None:
    at, beyond = facts(traits={"segments": 3}), facts(traits={"segments": 4})
    assert ask(RULE, at, segments=3, over=over).verdict is ALLOW
    assert ask(RULE, beyond, segments=3, over=over).verdict is Verdict[over.name]


def test_the_strictest_finding_is_told() -> None:
    both = facts(traits={"shaft": ("sex",), "secrets": ("card_number",), "segments": 99})
    assert ask(RULE, both).code == "secret"


def test_an_operator_has_looked_but_secrets_stay_secret() -> None:
    by = {"initiator": Initiator.OPERATOR}
    waits = facts(traits={"shaft": ("alcohol",), "reserved": ("STOP",), "segments": 99}, **by)
    assert ask(RULE, waits).verdict is ALLOW
    for found in ({"secrets": ("card_number",)}, {"shorteners": 2}, {"hosts": (OTHERS,)}):
        assert ask(RULE, facts(traits=found, **by)).verdict is DENY


def test_our_own_answers_are_not_searched() -> None:
    asked = facts(traits={"hosts": (OTHERS,)}, message_class=MessageClass.OWNER_NOTICE)
    assert ask(RULE, asked).verdict is ALLOW


def test_no_grant_lets_a_finding_through() -> None:
    assert not RULE.grantable
