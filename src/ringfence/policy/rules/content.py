"""What stands in a text and can be told exactly (compliance 4.6): links, secrets, words carriers do
not like, length. Judges findings, never words; those were read when the text was proposed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Ruling, Verdict, deny, hold
from ringfence.policy.facts import Facts
from ringfence.policy.rule import Answer, Looser, Refusal, Rule, option
from ringfence.text.content import host_digest


class Links(Enum):
    """Where links may lead; later is looser."""

    NONE = "none"
    LISTED = "listed"
    ANY = "any"

    def __gt__(self, other: Links) -> bool:
        order = list(Links)
        return order.index(self) > order.index(other)


@dataclass(frozen=True, slots=True)
class Settings:
    links: Links = option(
        Links.LISTED, "Where links may lead: none, listed hosts, any.", looser=Looser.HIGHER
    )
    hosts: tuple[str, ...] = option(
        (), "The hosts that links may lead to, each written out.", looser=Looser.MORE
    )
    shaft: Answer = option(
        Answer.HOLD,
        "Words of sex, hate, alcohol, firearms and tobacco, which carriers filter.",
        looser=Looser.LOWER,
    )
    segments: int = option(
        40,
        "Segments one message may have, and as many of what is said.",
        looser=Looser.HIGHER,
        ge=1,
        le=1_000,
    )
    over: Refusal = option(
        Refusal.HOLD, "What becomes of a message with more segments.", looser=Looser.LOWER
    )
    ucs2: Answer = option(
        Answer.ALLOW,
        "Texts whose signs need UCS-2, which more than doubles their segments.",
        looser=Looser.LOWER,
    )
    media: Answer = option(Answer.ALLOW, "Attachments.", looser=Looser.LOWER)


def judge(facts: Facts, settings: Settings) -> Ruling:
    if not facts.is_text:
        return ALLOWED
    found = _findings(facts, settings)
    # Where a person must look, an operator's own text has been looked at.
    least = Verdict.HOLD if facts.by_operator else Verdict.ALLOW
    return max(
        (one for one in found if one.verdict > least), key=lambda one: one.verdict, default=ALLOWED
    )


def _findings(facts: Facts, settings: Settings) -> list[Ruling]:
    """All findings, so that the strictest is told; of equals the first."""
    traits = facts.traits
    found = []
    if traits.secrets:
        kinds = ", ".join(traits.secrets)
        found.append(deny("secret", f"It seems to hold a secret ({kinds})."))
    if traits.shorteners:
        found.append(deny("short_link", "Carriers filter links by shorteners: write it out."))
    # A page's one link is our own, to the alert; what the event said is shown without its links.
    if traits.hosts and facts.message_class is not MessageClass.PAGE:
        found.append(_links(traits.hosts, settings))
    if traits.hidden:
        kinds = ", ".join(traits.hidden)
        found.append(hold("hidden", f"It has signs that nobody sees ({kinds})."))
    if traits.reserved:
        words = ", ".join(traits.reserved)
        found.append(hold("reserved_word", f"It asks for an answer that means more: {words}."))
    if traits.shaft:
        kinds = ", ".join(traits.shaft)
        found.append(settings.shaft.ruling("shaft", f"Carriers filter such texts ({kinds})."))
    if traits.segments > settings.segments:
        text = f"It takes {traits.segments} segments (limit {settings.segments})."
        found.append(settings.over.ruling("too_long", text))
    if traits.encoding == "UCS-2" and not facts.is_spoken:
        found.append(settings.ucs2.ruling("ucs2", "Its signs need UCS-2."))
    if traits.media:
        found.append(settings.media.ruling("media", "It has attachments."))
    return found


def _links(hosts: tuple[str, ...], settings: Settings) -> Ruling:
    match settings.links:
        case Links.ANY:
            return ALLOWED
        case Links.LISTED if set(hosts) <= _digests(settings.hosts):
            return ALLOWED
        case Links.LISTED:
            return deny("link", "A link leads to a host that is not on the line's list.")
        case Links.NONE:
            return deny("link", "This line sends no links.")


@lru_cache(maxsize=64)
def _digests(hosts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(host_digest(host) for host in hosts)


RULE = Rule(
    "content",
    "No secrets or card numbers, no shortened links, links only where the line's list says; words "
    "carriers filter, keywords as answers, hidden signs and overlong texts wait for a person.",
    judge,
    Settings(),
)
