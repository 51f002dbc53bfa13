"""Some subjects are for people, whatever else allows the text."""

from __future__ import annotations

from dataclasses import replace

import pytest
from policy_facts import ask, facts

from ringfence.model.contact import Role
from ringfence.model.errors import InvalidField
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Caller, Facts, Initiator
from ringfence.policy.rules.forced_topics import RULE
from ringfence.text.topics import TOPICS


def on(*topics: str, **changes: object) -> Facts:
    return facts(traits={"topics": topics}, **changes)  # type: ignore[arg-type]


@pytest.mark.proves("P2")
@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("act", [Act.REPLY, Act.INITIATE, Act.CALL, Act.SPEAK])
@pytest.mark.parametrize("role", [Role.STRANGER, Role.GUEST, Role.MEMBER])
def test_every_topic_waits_for_a_person(topic: str, act: Act, role: Role) -> None:
    ruling = ask(RULE, on(topic, act=act, role=role))
    assert (ruling.verdict, ruling.code, ruling.until) == (Verdict.HOLD, "forced_topic", None)
    assert topic in ruling.text
    assert not RULE.grantable


def test_without_a_topic_it_is_silent() -> None:
    assert ask(RULE, on()).verdict is Verdict.ALLOW


def test_an_owner_is_answered_but_not_written_to_first() -> None:
    asked = on("money", role=Role.OWNER)
    assert ask(RULE, asked).verdict is Verdict.ALLOW
    assert ask(RULE, asked, owners_exempt=False).verdict is Verdict.HOLD
    for first in (Act.INITIATE, Act.CALL):
        assert ask(RULE, on("money", role=Role.OWNER, act=first)).verdict is Verdict.HOLD


@pytest.mark.parametrize(
    ("caller", "verdict"),
    [
        (Caller.NONE, Verdict.ALLOW),
        (Caller.BY_PIN, Verdict.ALLOW),
        (Caller.BY_NUMBER, Verdict.HOLD),
        (Caller.PIN_OWED, Verdict.HOLD),
        (Caller.HIDDEN, Verdict.HOLD),
    ],
)
def test_anybody_can_call_under_an_owners_number(caller: Caller, verdict: Verdict) -> None:
    said = on("money", role=Role.OWNER, act=Act.SPEAK, caller=caller)
    assert ask(RULE, said).verdict is verdict


def test_templates_were_read_beforehand() -> None:
    asked = on("money", message_class=MessageClass.TEMPLATE)
    assert ask(RULE, asked).verdict is Verdict.ALLOW
    assert ask(RULE, asked, exempt_templates=False).verdict is Verdict.HOLD


def test_an_operator_is_the_person() -> None:
    assert ask(RULE, on("money", initiator=Initiator.OPERATOR)).verdict is Verdict.ALLOW
    for started in (Initiator.AGENT, Initiator.EVENT, Initiator.SYSTEM):
        assert ask(RULE, on("money", initiator=started)).verdict is Verdict.HOLD


def test_topics_can_be_chosen_and_added() -> None:
    chosen = {"topics": ("money", "recall"), "extra": {"recall": ("product recall",)}}
    assert ask(RULE, on("money"), **chosen).verdict is Verdict.HOLD
    assert ask(RULE, on("recall"), **chosen).verdict is Verdict.HOLD
    assert ask(RULE, on("health"), **chosen).verdict is Verdict.ALLOW
    assert ask(RULE, on("recall")).verdict is Verdict.HOLD, "of all topics, also one's own"


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"topics": ("mony",)}, "topics out of"),
        ({"extra": {"Bad Name": ("x y",)}}, "extra.Bad Name"),
        ({"extra": {"money": ("",)}}, "extra.money"),
    ],
)
def test_settings_that_say_nothing_are_refused(wrong: dict[str, object], expected: str) -> None:
    with pytest.raises(InvalidField) as caught:
        replace(RULE.settings, **wrong)
    assert expected in caught.value.detail


def test_what_is_owed_touches_nothing() -> None:
    assert ask(RULE, on("money", message_class=MessageClass.OWNER_NOTICE)).verdict is Verdict.ALLOW
