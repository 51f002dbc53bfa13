"""What a person agreed to (compliance 4.2): an answer may follow their own words for some hours, texts
about their affairs need their agreement to that programme, alerts a number somebody vouched for, and
marketing is off. A call by a machine's voice needs more than a text: an agreement on record, whoever
wrote the number on a list of ours (47 CFR 64.1200(a)(1)(iii): prior express consent; for marketing a
written one). A person of ours may look at one text or call; no grant stands in for the recipient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from ringfence.model.consent import Level
from ringfence.model.contact import Role
from ringfence.model.draft import Category
from ringfence.model.verdict import ALLOWED, Act, Ruling, deny, hold
from ringfence.policy.facts import Facts, Initiator
from ringfence.policy.rule import Answer, Looser, Refusal, Rule, option


@dataclass(frozen=True, slots=True)
class Settings:
    marketing: bool = option(
        False,
        "Whether marketing may be sent at all, to those who agreed to it in writing.",
        looser=Looser.TRUE,
    )
    transactional: Refusal = option(
        Refusal.HOLD,
        "What becomes of a text about somebody's affairs who did not agree to its programme.",
        looser=Looser.LOWER,
    )
    conversation: bool = option(
        False,
        "Whether even ordinary texts need an agreement, or a number on one of the line's lists.",
        looser=Looser.FALSE,
    )
    conversation_hours: int = option(
        24,
        "How long after a stranger's last text it may be answered.",
        looser=Looser.HIGHER,
        ge=1,
        le=24 * 30,
    )
    calls: Answer = option(
        Answer.HOLD,
        "What becomes of a call to somebody whom nobody let in, and who did not agree to be called.",
        looser=Looser.LOWER,
    )


def judge(facts: Facts, settings: Settings) -> Ruling:
    if not facts.is_text:
        return ALLOWED  # owed answers, notices, and the question whether a person agrees
    category = facts.traits.category
    match category:
        case Category.MARKETING:
            return _marketing(facts, settings)
        case Category.TRANSACTIONAL:
            if facts.role is Role.OWNER or _agreed(facts, Level.TRANSACTIONAL):
                return ALLOWED
            text = "This person did not agree to texts of this programme."
            if facts.initiator is Initiator.EVENT:
                return deny("no_consent", text)  # nobody stands by to decide for a machine's text
            return settings.transactional.ruling("no_consent", text)
        case Category.ALERT:
            if _vouched_for(facts) or _agreed(facts, Level.TRANSACTIONAL):
                return ALLOWED
            text = "An alert needs a number on one of the line's lists, or of a responder."
            if facts.initiator is Initiator.EVENT:
                return deny("no_consent", text)
            return hold("no_consent", text)
        case Category.CONVERSATION:
            return _conversation(facts, settings)
        case _:
            assert_never(category)


def _marketing(facts: Facts, settings: Settings) -> Ruling:
    if not settings.marketing:
        return deny("no_marketing_consent", "Marketing is switched off.")
    if _agreed(facts, Level.MARKETING):
        return ALLOWED
    return deny("no_marketing_consent", "This person did not agree to marketing in writing.")


def _conversation(facts: Facts, settings: Settings) -> Ruling:
    if facts.act is Act.CALL:
        return _call(facts, settings)
    if _vouched_for(facts) or _agreed(facts, Level.CONVERSATIONAL):
        return ALLOWED
    if settings.conversation:
        return hold("no_consent", "No consent of this person is on record.")
    # Whom one may write to first is for other rules.
    if facts.act is not Act.REPLY or facts.by_operator:
        return ALLOWED
    heard_s = facts.heard_s
    if heard_s is not None and heard_s <= settings.conversation_hours * 3_600:
        return ALLOWED
    hours = settings.conversation_hours
    return hold("no_consent", f"This person has not written for more than {hours} hours.")


def _call(facts: Facts, settings: Settings) -> Ruling:
    """That somebody wrote to us is no invitation to ring them; that they paired, or gave their number
    to be on the line's own list, is. The list of whom agents may call is ours, and says nothing of
    what the person wants."""
    if facts.role is not Role.STRANGER or _agreed(facts, Level.TRANSACTIONAL):
        return ALLOWED
    if facts.by_operator and not settings.conversation:
        return ALLOWED
    text = "This person did not agree to be called."
    if facts.initiator is Initiator.EVENT and settings.calls is not Answer.ALLOW:
        return deny("no_call_consent", text)  # nobody stands by to decide for a machine's call
    return settings.calls.ruling("no_call_consent", text)


def _agreed(facts: Facts, level: Level) -> bool:
    return any(one.value in facts.consent for one in level.and_above)


def _vouched_for(facts: Facts) -> bool:
    return facts.role is not Role.STRANGER or facts.listed


RULE = Rule(
    "consent",
    "Texts about somebody's affairs need their agreement to that programme, alerts a number on one "
    "of the line's lists or of a responder; without it what an event starts is refused. Marketing is off unless switched on, and then needs a written agreement. "
    "A stranger may be answered for some hours after they wrote, and called only once they agreed.",
    judge,
    Settings(),
    acts=frozenset({Act.REPLY, Act.INITIATE, Act.CALL}),
)
