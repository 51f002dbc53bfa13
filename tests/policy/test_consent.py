"""What rests on what: answers on the person's own words, their affairs on an agreement, alerts on a
list, marketing on a written agreement and a switch."""

from __future__ import annotations

from datetime import timedelta

import pytest
from policy_facts import NOW, ask, facts

from ringfence.model.contact import Role
from ringfence.model.draft import Category
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Ruling, Verdict
from ringfence.policy.facts import Facts, Initiator
from ringfence.policy.rule import Answer, Refusal
from ringfence.policy.rules.consent import RULE

ALLOW, HOLD, DENY = Verdict.ALLOW, Verdict.HOLD, Verdict.DENY
LEVELS = ("conversational", "transactional", "marketing")


def about(category: Category, role: Role = Role.STRANGER, *consent: str, **more: object) -> Facts:
    traits = {"category": category, "programme": "orders", "heard_at": None}
    return facts(
        traits={**traits, **more.pop("traits", {})},  # type: ignore[dict-item]
        **{
            "act": Act.INITIATE,
            "role": role,
            "consent": consent,
            "message_class": MessageClass.TEMPLATE,
            **more,
        },
    )


def says(ruling: Ruling) -> tuple[Verdict, str]:
    return ruling.verdict, ruling.code


@pytest.mark.proves("P2")
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("initiator", [Initiator.AGENT, Initiator.OPERATOR, Initiator.EVENT])
def test_marketing_is_off_whoever_asks_and_whatever_was_agreed(
    role: Role, initiator: Initiator
) -> None:
    asked = about(Category.MARKETING, role, *LEVELS, initiator=initiator)
    assert says(ask(RULE, asked)) == (DENY, "no_marketing_consent")


@pytest.mark.parametrize(
    ("agreed", "verdict"),
    [((), DENY), (("conversational", "transactional"), DENY), (("marketing",), ALLOW)],
)
def test_switched_on_it_needs_a_written_agreement(
    agreed: tuple[str, ...], verdict: Verdict
) -> None:
    for role in Role:
        asked = about(Category.MARKETING, role, *agreed)
        assert ask(RULE, asked, marketing=True).verdict is verdict


@pytest.mark.parametrize("enforce", Refusal)
@pytest.mark.parametrize(
    ("role", "agreed", "allowed"),
    [
        (Role.STRANGER, (), False),
        (Role.GUEST, (), False),
        (Role.MEMBER, ("conversational",), False),
        (Role.STRANGER, ("transactional",), True),
        (Role.STRANGER, ("marketing",), True),
        (Role.OWNER, (), True),
    ],
)
def test_texts_about_their_affairs(
    role: Role, agreed: tuple[str, ...], allowed: bool, enforce: Refusal
) -> None:
    ruling = ask(RULE, about(Category.TRANSACTIONAL, role, *agreed), transactional=enforce)
    assert ruling == (enforce.ruling("no_consent", ruling.text) if not allowed else ruling)
    assert (ruling.verdict is ALLOW) is allowed
    assert ruling.until is None


@pytest.mark.parametrize(
    ("role", "listed", "agreed", "verdict"),
    [
        (Role.STRANGER, False, (), HOLD),
        (Role.STRANGER, False, ("conversational",), HOLD),
        (Role.STRANGER, False, ("transactional",), ALLOW),
        (Role.STRANGER, True, (), ALLOW),
        (Role.GUEST, False, (), ALLOW),
        (Role.MEMBER, False, (), ALLOW),
        (Role.OWNER, False, (), ALLOW),
    ],
)
def test_an_alert_needs_a_number_somebody_vouched_for(
    role: Role, listed: bool, agreed: tuple[str, ...], verdict: Verdict
) -> None:
    assert ask(RULE, about(Category.ALERT, role, *agreed, listed=listed)).verdict is verdict


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [(0, ALLOW), (2 * 3_600, ALLOW), (2 * 3_600 + 1, HOLD), (None, HOLD)],
)
def test_a_stranger_is_answered_for_some_hours(seconds: int | None, verdict: Verdict) -> None:
    heard_at = None if seconds is None else NOW - timedelta(seconds=seconds)
    asked = about(
        Category.CONVERSATION,
        act=Act.REPLY,
        traits={"heard_at": heard_at},
        message_class=MessageClass.FREE_TEXT,
    )
    assert ask(RULE, asked, conversation_hours=2).verdict is verdict
    for easier in (
        {"role": Role.GUEST},
        {"consent": ("conversational",)},
        {"listed": True},
        {"initiator": Initiator.OPERATOR},
    ):
        given = about(
            Category.CONVERSATION, **{"act": Act.REPLY, "traits": {"heard_at": heard_at}, **easier}
        )
        assert ask(RULE, given, conversation_hours=2).verdict is ALLOW


def test_whom_to_write_to_first_is_for_other_rules() -> None:
    assert ask(RULE, about(Category.CONVERSATION, act=Act.INITIATE)).verdict is ALLOW


CALLS = {"act": Act.CALL, "message_class": MessageClass.FREE_TEXT}


@pytest.mark.proves("P2")
@pytest.mark.parametrize(
    ("role", "listed", "agreed", "allowed"),
    [
        (Role.STRANGER, False, (), False),
        # Our own list of whom agents may call says nothing of what the person wants.
        (Role.STRANGER, True, (), False),
        (Role.STRANGER, True, ("conversational",), False),
        (Role.STRANGER, False, ("transactional",), True),
        (Role.STRANGER, False, ("marketing",), True),
        (Role.GUEST, False, (), True),
        (Role.MEMBER, False, (), True),
        (Role.OWNER, False, (), True),
    ],
)
@pytest.mark.parametrize("calls", Answer)
def test_a_machine_calls_only_who_agreed_to_it(
    role: Role, listed: bool, agreed: tuple[str, ...], allowed: bool, calls: Answer
) -> None:
    heard = {"heard_at": NOW}  # that somebody wrote to us is no invitation to ring them
    asked = about(Category.CONVERSATION, role, *agreed, listed=listed, traits=heard, **CALLS)
    ruling = ask(RULE, asked, calls=calls)
    assert ruling.verdict is (ALLOW if allowed else Verdict[calls.name])
    assert ruling.verdict is ALLOW or (ruling.code, ruling.until) == ("no_call_consent", None)


@pytest.mark.proves("P2")
@pytest.mark.parametrize(
    ("initiator", "verdict"),
    [
        (Initiator.AGENT, HOLD),
        (Initiator.SYSTEM, HOLD),
        (Initiator.EVENT, DENY),  # nobody stands by to decide for it
        (Initiator.OPERATOR, ALLOW),  # somebody did
    ],
)
def test_who_decides_about_a_call_nobody_agreed_to(initiator: Initiator, verdict: Verdict) -> None:
    asked = about(Category.CONVERSATION, initiator=initiator, **CALLS)
    assert ask(RULE, asked).verdict is verdict
    # Where even ordinary texts need an agreement, an operator's call does too.
    stricter = HOLD if verdict is ALLOW else verdict
    assert ask(RULE, asked, conversation=True).verdict is stricter


@pytest.mark.parametrize("category", [Category.TRANSACTIONAL, Category.MARKETING, Category.ALERT])
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("agreed", [(), LEVELS[:1], LEVELS[:2], LEVELS])
def test_other_calls_need_what_such_texts_need(
    category: Category, role: Role, agreed: tuple[str, ...]
) -> None:
    for listed in (False, True):
        text = about(category, role, *agreed, listed=listed)
        call = about(category, role, *agreed, listed=listed, act=Act.CALL)
        assert ask(RULE, call, marketing=True) == ask(RULE, text, marketing=True)


@pytest.mark.parametrize("act", [Act.REPLY, Act.INITIATE])
@pytest.mark.parametrize("initiator", Initiator)
def test_where_even_ordinary_texts_need_it(act: Act, initiator: Initiator) -> None:
    def verdict(role: Role = Role.STRANGER, *agreed: str, **more: object) -> Verdict:
        asked = about(Category.CONVERSATION, role, *agreed, act=act, initiator=initiator, **more)
        return ask(RULE, asked, conversation=True).verdict

    assert verdict() is HOLD
    assert verdict(Role.STRANGER, "conversational") is ALLOW
    assert verdict(listed=True) is ALLOW
    assert {verdict(role) for role in (Role.OWNER, Role.MEMBER, Role.GUEST)} == {ALLOW}


@pytest.mark.parametrize(
    "message_class",
    sorted(
        set(MessageClass) - {MessageClass.FREE_TEXT, MessageClass.TEMPLATE, MessageClass.PAGE},
        key=str,
    ),
)
def test_what_is_owed_and_the_question_itself_need_none(message_class: MessageClass) -> None:
    asked = about(Category.CONVERSATION, message_class=message_class)
    assert ask(RULE, asked, conversation=True).verdict is ALLOW


def test_no_grant_stands_in_for_the_recipient() -> None:
    assert not RULE.grantable
