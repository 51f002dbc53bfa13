"""Which kinds of text a line sends."""

from __future__ import annotations

import pytest
from policy_facts import ask, facts

from ringfence.model.draft import Category
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Facts, Initiator
from ringfence.policy.rule import Answer, Refusal
from ringfence.policy.rules.message_class import RULE


def template(name: str, **changes: object) -> Facts:
    return facts(
        traits={"template": name, "category": Category.TRANSACTIONAL},
        message_class=MessageClass.TEMPLATE,
        **changes,
    )


@pytest.mark.parametrize("act", [Act.REPLY, Act.INITIATE, Act.CALL, Act.SPEAK])
@pytest.mark.parametrize("answer", Answer)
def test_free_text(act: Act, answer: Answer) -> None:
    assert ask(RULE, facts(act=act), free_text=answer).verdict is Verdict[answer.name]
    assert ask(RULE, template("ready@1", act=act), free_text=answer).verdict is Verdict.ALLOW


@pytest.mark.parametrize("others", Refusal)
def test_only_the_named_templates_whatever_their_version(others: Refusal) -> None:
    named = {"templates": ("ready", "late"), "others": others}
    for name in ("ready@1", "ready@7", "late@1"):
        assert ask(RULE, template(name), **named).verdict is Verdict.ALLOW
    for name in ("readyish@1", "rea@1", "", "@1", "*@1"):
        assert ask(RULE, template(name), **named).verdict is Verdict[others.name]
    assert ask(RULE, template("anything@3")).verdict is Verdict.ALLOW
    assert ask(RULE, template("ready@1"), templates=()).verdict is Verdict.HOLD


@pytest.mark.parametrize("category", Category)
def test_only_the_named_categories(category: Category) -> None:
    for one in Category:
        verdict = ask(RULE, facts(traits={"category": one}), categories=(category,)).verdict
        assert verdict is (Verdict.ALLOW if one is category else Verdict.HOLD)


@pytest.mark.parametrize("others", Refusal)
@pytest.mark.parametrize("act", sorted(RULE.acts, key=str))
def test_a_category_taken_away_does_not_turn_a_refusal_into_a_question(
    others: Refusal, act: Act
) -> None:
    told = {"free_text": Answer.DENY, "others": others}
    asked = facts(act=act)
    assert ask(RULE, asked, **told).verdict is Verdict.DENY
    fewer = ask(RULE, asked, **told, categories=(Category.ALERT,))
    assert fewer.verdict is Verdict.DENY
    assert fewer.code == ("free_text" if others is Refusal.HOLD else "category")


def test_an_operator_has_looked_but_may_do_no_more() -> None:
    by = {"initiator": Initiator.OPERATOR}
    assert ask(RULE, facts(**by), free_text=Answer.HOLD).verdict is Verdict.ALLOW
    assert ask(RULE, facts(**by), free_text=Answer.DENY).verdict is Verdict.DENY
    assert ask(RULE, template("a@1", **by), templates=()).verdict is Verdict.ALLOW
    denied = ask(RULE, template("a@1", **by), templates=(), others=Refusal.DENY)
    assert denied.verdict is Verdict.DENY


def test_owed_answers_are_no_class_of_its() -> None:
    asked = facts(message_class=MessageClass.HELP)
    assert ask(RULE, asked, free_text=Answer.DENY, categories=()).verdict is Verdict.ALLOW
