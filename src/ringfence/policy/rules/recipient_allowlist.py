"""No configuration, no outbound: what an agent or an event source starts goes only to people somebody
put on a list of the line, or let in."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.model.consent import Level
from ringfence.model.contact import Role
from ringfence.model.verdict import ALLOWED, Act, Ruling
from ringfence.policy.facts import Facts, Initiator
from ringfence.policy.rule import Looser, Refusal, Rule, option

_AUTOMATIC = frozenset({Initiator.AGENT, Initiator.EVENT})


@dataclass(frozen=True, slots=True)
class Settings:
    enforce: Refusal = option(
        Refusal.HOLD, "What becomes of a text to somebody on no list.", looser=Looser.LOWER
    )
    consent_counts: bool = option(
        False,
        "Whether an agreement to the text's programme is as good as a list.",
        looser=Looser.TRUE,
    )


def judge(facts: Facts, settings: Settings) -> Ruling:
    if not facts.is_text or facts.initiator not in _AUTOMATIC:
        return ALLOWED
    if facts.role is not Role.STRANGER or facts.listed:
        return ALLOWED
    if settings.consent_counts and _agreed(facts):
        return ALLOWED
    return settings.enforce.ruling("recipient_not_listed", "This person is on no list of the line.")


def _agreed(facts: Facts) -> bool:
    return any(one.value in facts.consent for one in Level.TRANSACTIONAL.and_above)


RULE = Rule(
    "recipient_allowlist",
    "What an agent or an event starts goes only to owners, people on the allow list or paired, and "
    "numbers on the line's outbound list (`allowTo`).",
    judge,
    Settings(),
    acts=frozenset({Act.INITIATE, Act.CALL}),
    grantable=True,
)
