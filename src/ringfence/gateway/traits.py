"""What the gate must know of a text besides its address: worked out here, once, when it is proposed,
and stored with it. Depends on the text, the line's policy and the shipped lists alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ringfence.model.draft import Traits
from ringfence.policy.policy import Policy
from ringfence.policy.rules import forced_topics
from ringfence.text.content import host_digest, scan
from ringfence.text.segments import Segments
from ringfence.text.topics import find_topics


def traits_of(policy: Policy, body: str, parts: Sequence[Segments]) -> Traits:
    """The traits of a text; what does not depend on its words is for the caller to add. Hosts are
    kept as digests: facts hold no words."""
    encodings = {part.encoding.value for part in parts}
    content = scan(body)
    return Traits(
        topics=topics_in(policy, body),
        hosts=tuple(host_digest(host) for host in content.hosts),
        shorteners=len(content.shorteners),
        secrets=content.secrets,
        shaft=content.shaft,
        reserved=content.reserved,
        hidden=content.hidden,
        segments=sum(part.segments for part in parts),
        encoding=encodings.pop() if len(encodings) == 1 else "UCS-2",
        policy=policy.version,
    )


def at_claim(policy: Policy, traits: Traits, own_words: str) -> Traits:
    """The traits of a text that waited: where the policy is another one by now, its lists are put to
    the words as well. What was found before stays found."""
    if traits.policy == policy.version:
        return traits
    fresh = traits_of(policy, own_words, ())
    return replace(
        traits,
        topics=_both(traits.topics, fresh.topics),
        hosts=_both(traits.hosts, fresh.hosts),
        shorteners=max(traits.shorteners, fresh.shorteners),
        secrets=_both(traits.secrets, fresh.secrets),
        shaft=_both(traits.shaft, fresh.shaft),
        reserved=_both(traits.reserved, fresh.reserved),
        hidden=_both(traits.hidden, fresh.hidden),
        policy=policy.version,
    )


def _both(before: tuple[str, ...], now: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*before, *now)))


def topics_in(policy: Policy, body: str) -> tuple[str, ...]:
    """The forced topics of a text by the lists of a line."""
    lists = policy.settings.get("forced_topics", forced_topics.Settings())
    return find_topics(body, lists.extra, lists.off)
