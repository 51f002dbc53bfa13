"""Who started it, and what is still an answer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from policy_facts import NOW, ask, facts

from ringfence.model.contact import Role
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Initiator
from ringfence.policy.rule import OUTBOUND, Answer
from ringfence.policy.rules.initiator import RULE

TEXTS = {MessageClass.FREE_TEXT, MessageClass.TEMPLATE}
STARTERS = [Initiator.AGENT, Initiator.EVENT, Initiator.OPERATOR]


@pytest.mark.proves("P2")
@pytest.mark.parametrize("act", [Act.INITIATE, Act.CALL])
@pytest.mark.parametrize("started", STARTERS)
@pytest.mark.parametrize("answer", Answer)
def test_each_has_an_answer_of_its_own(act: Act, started: Initiator, answer: Answer) -> None:
    told = {one.value: Answer.DENY for one in STARTERS} | {started.value: answer}
    ruling = ask(RULE, facts(act=act, initiator=started), **told)
    assert ruling.verdict is Verdict[answer.name]
    assert answer is Answer.ALLOW or ruling.code == f"{started.value}_initiated"


def test_by_default_only_operators_start_anything() -> None:
    verdicts = {one: ask(RULE, facts(act=Act.INITIATE, initiator=one)).verdict for one in STARTERS}
    assert verdicts == {
        Initiator.AGENT: Verdict.HOLD,
        Initiator.EVENT: Verdict.HOLD,
        Initiator.OPERATOR: Verdict.ALLOW,
    }


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [
        (0, Verdict.ALLOW),
        (3_600, Verdict.ALLOW),
        (3_601, Verdict.DENY),
        (None, Verdict.DENY),
    ],
)
def test_a_late_answer_is_a_first_text(seconds: int | None, verdict: Verdict) -> None:
    heard_at = None if seconds is None else NOW - timedelta(seconds=seconds)
    asked = facts(traits={"heard_at": heard_at})
    assert ask(RULE, asked, agent=Answer.DENY, reply_window_hours=1).verdict is verdict


@pytest.mark.proves("P2")
@pytest.mark.parametrize("act", sorted(OUTBOUND, key=str))
@pytest.mark.parametrize("message_class", MessageClass)
def test_content_from_outside_starts_nothing(act: Act, message_class: MessageClass) -> None:
    asked = facts(act=act, initiator=Initiator.PERSON, message_class=message_class)
    assert ask(RULE, asked).verdict is Verdict.DENY


@pytest.mark.proves("P2")
@pytest.mark.parametrize("message_class", sorted(set(MessageClass) - TEXTS, key=str))
@pytest.mark.parametrize("role", Role)
def test_what_ringfence_owes_is_nobody_elses_to_send(
    message_class: MessageClass, role: Role
) -> None:
    def verdict(started: Initiator) -> Verdict:
        asked = facts(initiator=started, message_class=message_class, role=role)
        return ask(RULE, asked, agent=Answer.ALLOW, event=Answer.ALLOW).verdict

    assert verdict(Initiator.AGENT) is Verdict.DENY
    # Events wake people on call, and send nothing else of ours.
    wakes = message_class is MessageClass.PAGE
    assert verdict(Initiator.EVENT) is (Verdict.ALLOW if wakes else Verdict.DENY)
    assert {verdict(one) for one in (Initiator.SYSTEM, Initiator.OPERATOR)} == {Verdict.ALLOW}


def test_what_is_said_within_a_call_was_started_with_it() -> None:
    asked = facts(act=Act.SPEAK, traits={"heard_at": None})
    assert ask(RULE, asked, agent=Answer.DENY).verdict is Verdict.ALLOW
