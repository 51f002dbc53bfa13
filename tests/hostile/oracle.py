"""The oracle. It reads the carrier's log, the honest world's book and the audit chain, and says what
must not be. It was written apart from the policy: who may be written to, and what needs a person, is
told here from the product's promises, not from the rules."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hostile.cast import (
    EVERYBODY,
    HELP_TEXT,
    LINES,
    LISTED,
    MARKS_OF_NEVER,
    MEMBERS,
    OWNERS,
    Book,
    Deed,
    Said,
    bare,
    is_whole_template,
    tag_of,
)
from hostile.ground import Create, Ground
from ringfence.gateway.replay import policy_of_version, read_decision
from ringfence.model.audit import digest
from ringfence.model.errors import RingfenceError
from ringfence.policy.decide import decide
from ringfence.ports import StoredAudit, Tx

REPLY_WINDOW = timedelta(hours=24, minutes=1)
A_MINUTE, TO_ONE_IN_A_MINUTE = timedelta(seconds=59), 20
# What makes more allowed than before. Each must be some honest person's deed.
WIDENING = frozenset(
    {
        "draft_approved",
        "draft_edited",
        "grant_created",
        "resume",
        "unblocked",
        "pairing_approved",
        "token_created",
        "released",
        "resubmitted",
        "line_started",
        "pause_lifted",
    }
)
_CONFIRMED = re.compile(r": you are unsubscribed and will get no more messages\.")


@dataclass(slots=True)
class Chain:
    """The audit log, and where in it each honest deed stands."""

    entries: Sequence[StoredAudit]
    by_kind: Mapping[str, list[StoredAudit]] = field(default_factory=dict)
    claims: Mapping[str, list[StoredAudit]] = field(default_factory=dict)
    at: dict[int, int] = field(default_factory=dict)  # deed's place in the book -> seq
    texts: Mapping[str, str] = field(default_factory=dict)  # outbound message -> its whole text

    def said(self, book: Book, item_id: str) -> Said | None:
        """Which of the agent's sayings an item is (a part) of; None for words of Ringfence's own."""
        claims = self.claims.get(item_id)
        tag = tag_of(self.texts.get(claims[0].entry.body["message"], "")) if claims else None
        return book.said.get(tag) if tag is not None else None

    def by_agent(self, create: Create) -> bool:
        return self.claims[create.item_id][0].entry.actor.startswith("agent:")

    def text_of(self, create: Create) -> str:
        return self.texts.get(self.claims[create.item_id][0].entry.body["message"], create.body)


def findings(ground: Ground, book: Book) -> tuple[list[str], Counter[str]]:
    """Everything that must not be, in words; and what there was to judge, by kind, so that a history
    in which nothing happened is seen to prove nothing."""
    chain = _chain(ground)
    found = list(book.findings)
    for check in CHECKS:
        found += [f"{check.__name__}: {what}" for what in check(ground, book, chain)]
    return found, _tally(ground, book, chain)


def _tally(ground: Ground, book: Book, chain: Chain) -> Counter[str]:
    tally = Counter(f"entry {kind}" for kind, entries in chain.by_kind.items() for _ in entries)
    for create in ground.creates:
        said = chain.said(book, create.item_id)
        tally[f"left: {said.how if said is not None else 'ours'}"] += 1
    tally.update(f"deed {book.deeds[index].kind}" for index in chain.at)
    return tally


def _chain(ground: Ground) -> Chain:
    entries = ground.look(lambda tx: list(tx.audit.after(0, 10_000_000)))
    by_kind: dict[str, list[StoredAudit]] = defaultdict(list)
    claims: dict[str, list[StoredAudit]] = defaultdict(list)
    for stored in entries:
        by_kind[stored.entry.kind].append(stored)
        body = stored.entry.body
        if stored.entry.kind == "decision" and body["claiming"] and body["verdict"] == "allow":
            claims[stored.entry.subject].append(stored)
    sent: Any = ground.look(lambda tx: tx.messages.listing(10_000_000, None, "out", None))
    return Chain(entries, by_kind, claims, texts={one.id: one.body for one in sent})


# -- one decision for each request -------------------------------------------------------------------


def one_gate(ground: Ground, book: Book, chain: Chain) -> Iterator[str]:
    """Every request to send has its own allowing claim, made before it, about this very text."""
    made: Counter[str] = Counter()
    for create in ground.creates:
        nth = made[create.item_id]
        made[create.item_id] += 1
        claims = chain.claims.get(create.item_id, ())
        if nth >= len(claims):
            yield f"{create.item_id}: request {nth + 1} has no allowing decision of its own"
            continue
        claim = claims[nth]
        if claim.seq > create.known:
            yield f"{create.item_id}: asked the carrier before its decision was committed"
        if claim.entry.body.get("text") != digest(create.body):
            yield f"{create.item_id}: another text left than was decided about"
        if create.body not in chain.texts.get(claim.entry.body["message"], ""):
            yield f"{create.item_id}: what left is no part of its message"


def at_most_once(ground: Ground, book: Book, chain: Chain) -> Iterator[str]:
    """One accepted request is one message at most, one key is one message, one turn one answer."""
    for callback, count in Counter(m.status_callback for m in ground.log).items():
        if callback and count > 1:
            yield f"the carrier took one item {count} times"
    lengths: Counter[str] = Counter()
    messages: dict[int, set[str]] = defaultdict(set)
    turns: dict[str, set[int]] = defaultdict(set)
    for taken in ground.log:
        item_id = item_of(taken.status_callback)
        said = chain.said(book, item_id)
        if said is None:
            continue
        if taken.recipient != said.to:
            yield f"saying {said.tag} went to somebody else than it was for"
        if said.turn:
            turns[said.turn].add(said.tag)
        message = chain.claims[item_id][0].entry.body["message"]
        messages[said.tag].add(message)
        lengths[message] += len(taken.body)
    for tag, theirs in messages.items():
        said = book.said[tag]
        if len(theirs) > max(1, len(said.ids) + said.unsure):
            yield f"saying {tag} left in {len(theirs)} messages and was taken {len(said.ids)} times"
    for message, length in lengths.items():
        if length > len(chain.texts.get(message, "")):
            yield f"{message}: more of it left than there is"
    yield from (
        f"a turn was answered {len(tags)} times" for tags in turns.values() if len(tags) > 1
    )
    yield from (f"one key, {len(ids)} messages" for ids in book.keys.values() if len(ids) > 1)


def nobody_is_rung(ground: Ground, book: Book, chain: Chain) -> Iterator[str]:
    """No configuration, no calls: these lines have none for calls."""
    for call in ground.exchange.voice.book.calls.values():
        yield f"{call.called} was rung"


def item_of(callback: str) -> str:
    values = parse_qs(urlsplit(callback or "").query).values()
    return next((one for found in values for one in found if one.startswith("obx_")), "")


# -- who may be written to -----------------------------------------------------------------------------


def nobody_unasked(ground: Ground, book: Book, chain: Chain) -> Iterator[str]:
    """What an agent sends to somebody it may not simply write to had a person's yes, or a grant."""
    _place_deeds(book, chain)
    owed: list[tuple[Create, Said, int]] = []
    written: set[tuple[str, str]] = set()
    for create, claim in _claimed(ground, chain):
        line = _line_of(create)
        if create.to in LINES.values():
            yield "one of our own numbers was written to"
        if create.to not in EVERYBODY:
            yield "somebody was written to whom nobody ever named"
        said = chain.said(book, create.item_id)
        if said is None and chain.by_agent(create):
            # Words a person put in the place of an agent's.
            if not _approved(book, chain, create, claim):
                words = chain.text_of(create)[:40]
                yield f"words an agent never said left without a person's yes: {words!r}"
        elif said is None:
            yield from _ours(create, line, book)
        else:
            wanted = _wants(book, chain, said, create, claim, line, written)
            if wanted == "never":
                yield f"saying {said.tag} ({said.how}) must never leave on this line"
            elif wanted and not _approved(book, chain, create, claim):
                if wanted == "person":
                    yield f"saying {said.tag} left without a person's yes"
                else:
                    owed.append((create, said, claim))
        written.add((line, create.to))
    yield from _without_grant(book, chain, owed)


def _wants(
    book: Book,
    chain: Chain,
    said: Said,
    create: Create,
    claim: int,
    line: str,
    written: set[tuple[str, str]],
) -> str:
    """Empty: it may simply go. `yes`: a person or a grant. `person`: a person alone. `never`."""
    number, purpose = create.to, book.kind.purpose_of(line)
    if said.how != "template" and purpose == "notify":
        return "never"
    if said.how != "reply" and purpose == "intake":
        return "never"
    if said.how == "template" and not is_whole_template(bare(chain.text_of(create))):
        return "never"
    if said.how != "template" and said.forced:
        answers_owner = said.how == "reply" and number in OWNERS and purpose == "hotline"
        if not answers_owner:
            return "person"
    if bare(chain.text_of(create)).startswith("Ta: ") and number not in OWNERS:
        return "" if _agreed(book, number, "orders", claim) else "person"
    if purpose == "intake":
        return "yes"
    return "" if _is_known(book, said, create, claim, line, written) else "yes"


def _is_known(
    book: Book, said: Said, create: Create, claim: int, line: str, written: set[tuple[str, str]]
) -> bool:
    number = create.to
    if number in OWNERS or _paired(book, line, number, claim):
        return True
    if number in MEMBERS and book.kind.access_of(line) != "open":
        return True
    notify = book.kind.purpose_of(line) == "notify"
    met = (line, number) in written or bool(book.heard.get((line, number)))
    # A person wrote the templates of a notify line, and the list: that is the look at a first word.
    if number in LISTED and (met or (notify and said.how == "template")):
        return True
    open_line = book.kind.access_of(line) == "open"
    if said.how == "reply" and open_line and said.asked is not None:
        return create.at - said.asked <= REPLY_WINDOW
    # On a notify line an agreement to the programme stands for a list.
    return notify and _agreed(book, number, line, claim)


def _approved(book: Book, chain: Chain, create: Create, claim: int) -> bool:
    """An honest yes to exactly this text to exactly this number, before the claim, not taken back."""
    for index, deed in enumerate(book.deeds):
        if deed.kind not in ("draft_approved", "draft_edited") or deed.number != create.to:
            continue
        seq = chain.at.get(index)
        whole = chain.text_of(create)
        if seq is None or seq > claim or deed.text not in (whole, bare(whole)):
            continue
        if not _taken_back(book, chain, deed, seq, claim):
            return True
    return False


def _taken_back(book: Book, chain: Chain, deed: Deed, seq: int, claim: int) -> bool:
    return any(
        other.kind in ("draft_rejected", "message_cancelled")
        and other.about == deed.about
        and seq < chain.at.get(index, claim) < claim
        for index, other in enumerate(book.deeds)
    )


def _without_grant(
    book: Book, chain: Chain, owed: Sequence[tuple[Create, Said, int]]
) -> Iterator[str]:
    """Each of these needs a use of some grant; no grant has more uses than it was given."""
    grants = [
        (deed, chain.at[index])
        for index, deed in enumerate(book.deeds)
        if deed.kind == "grant_created" and index in chain.at
    ]
    taken: dict[int, list[str]] = defaultdict(list)
    wishes: dict[str, list[int]] = {}
    for create, said, claim in owed:
        key = f"{said.tag}/{create.item_id}" if len(said.ids) > 1 else str(said.tag)
        covering = [
            place
            for place, (deed, seq) in enumerate(grants)
            if _covers(book, chain, deed, seq, create, said, claim)
        ]
        if not covering:
            yield f"saying {said.tag} left to somebody on no list without a yes or a grant"
        else:
            wishes[key] = covering

    def settle(key: str, seen: set[int]) -> bool:
        for place in wishes[key]:
            if place in seen:
                continue
            seen.add(place)
            count = grants[place][0].extra["count"]
            if len(taken[place]) < count:
                taken[place].append(key)
                return True
            for other in list(taken[place]):
                if settle(other, seen):
                    taken[place].remove(other)
                    taken[place].append(key)
                    return True
        return False

    for key in wishes:
        if not settle(key, set()):
            yield f"saying {key} left beyond what its grants were good for"


def _covers(
    book: Book, chain: Chain, deed: Deed, seq: int, create: Create, said: Said, claim: int
) -> bool:
    extra = deed.extra
    ended = min(
        (
            chain.at.get(index, 0)
            for index, other in enumerate(book.deeds)
            if other.kind == "grant_revoked" and other.about == deed.about and index in chain.at
        ),
        default=claim + 1,
    )
    return (
        seq < claim <= ended
        and create.at <= extra["until"]
        and extra["agent"] == said.agent
        and create.to in extra["numbers"]
        and deed.line in ("", _line_of(create))
        and ("template" if said.how == "template" else "free_text") in extra["classes"]
    )


def _ours(create: Create, line: str, book: Book) -> Iterator[str]:
    """Ringfence's own words go to owners, and to people who wrote in."""
    if create.to in OWNERS or book.heard.get((line, create.to)):
        return
    yield f"a text of ours to somebody who never wrote: {create.body[:40]!r}"


def _paired(book: Book, line: str, number: str, claim: int) -> bool:
    return _stands(book, "pairing_approved", "pairing_revoked", number, claim, line)


def _agreed(book: Book, number: str, programme: str, claim: int) -> bool:
    return any(
        deed.kind == "consent" and deed.number == number and deed.line == programme
        for deed in book.deeds
        if deed.lo < claim
    ) or any(deed.kind == "opt_in" and deed.number == number for deed in book.deeds)


def _stands(book: Book, given: str, ended: str, number: str, claim: int, line: str) -> bool:
    """Begun before the claim and not ended since; in doubt (one is under way) it stands."""
    stands = False
    for deed in book.deeds:
        if (deed.number, deed.line) != (number, line) or deed.lo >= claim:
            continue
        if deed.kind == given:
            stands = True
        elif deed.kind == ended and deed.sure and deed.hi is not None and deed.hi < claim:
            stands = False
    return stands


# -- stop means stop -------------------------------------------------------------------------------------


def stop_means_stop(ground: Ground, book: Book, chain: Chain) -> Iterator[str]:
    """Nothing is claimed after STOP, a block or a kill switch was committed, until it is lifted."""
    bans = list(_bans(book, chain))
    confirmed: Counter[tuple[str, int]] = Counter()
    for create, claim in _claimed(ground, chain):
        said = chain.said(book, create.item_id)
        for kind, number, line, agent, since, until in bans:
            if not since < claim <= until:
                continue
            if number not in ("", create.to) or line not in ("", _line_of(create)):
                continue
            if agent and (said is None or said.agent != agent):
                continue
            if kind == "opt_out" and said is None:
                if create.body == HELP_TEXT:
                    continue
                if _CONFIRMED.search(create.body):
                    confirmed[create.to, since] += 1
                    continue
            yield f"{create.item_id}: claimed by {claim} under a {kind} since {since}"
    yield from (f"{count} confirmations of one STOP" for count in confirmed.values() if count > 1)


Ban = tuple[str, str, str, str, int, float]


def _bans(book: Book, chain: Chain) -> Iterator[Ban]:
    lifts = {"opt_out": "opt_in", "blocked": "unblocked", "stop": "resume"}
    for index, deed in enumerate(book.deeds):
        if deed.kind not in lifts or index not in chain.at:
            continue
        until = min(
            (
                other.lo
                for later, other in enumerate(book.deeds)
                if later > index
                and other.kind == lifts[deed.kind]
                and other.number == deed.number
                and other.about == deed.about
            ),
            default=float("inf"),
        )
        line, agent = deed.extra.get("line", ""), deed.extra.get("agent", "")
        yield deed.kind, deed.number, line, agent, chain.at[index], until


# -- what must never leave, and floods -------------------------------------------------------------------


def nothing_that_must_not_leave(ground: Ground, book: Book, chain: Chain) -> Iterator[str]:
    """No secret, card number or shortened link in anything an agent wrote."""
    for create in ground.creates:
        said = chain.said(book, create.item_id)
        if said is not None and any(mark in create.body for mark in MARKS_OF_NEVER):
            yield f"left with {create.body[:60]!r}"


def nobody_is_flooded(ground: Ground, book: Book, chain: Chain) -> Iterator[str]:
    """Whatever is proposed, one person gets few texts of an agent in a minute."""
    by_person: dict[str, list[Create]] = defaultdict(list)
    for create in ground.creates:
        if chain.said(book, create.item_id) is not None:
            by_person[create.to].append(create)
    for creates in by_person.values():
        for first, later in zip(creates, creates[TO_ONE_IN_A_MINUTE:], strict=False):
            if later.at - first.at <= A_MINUTE:
                yield f"more than {TO_ONE_IN_A_MINUTE} texts to one person within a minute"
                break


def nobody_is_woken(ground: Ground, book: Book, chain: Chain) -> Iterator[str]:
    """Nothing an agent starts leaves by itself when it is night somewhere in the country (03 to 10
    UTC is 22 to 05 in New York), but to the people of a hotline."""
    for create, claim in _claimed(ground, chain):
        said = chain.said(book, create.item_id)
        if said is None or said.how == "reply" or not 3 <= create.at.hour < 10:
            continue
        line = _line_of(create)
        member = create.to in MEMBERS and book.kind.access_of(line) != "open"
        known = create.to in OWNERS or member or _paired(book, line, create.to, claim)
        if book.kind.purpose_of(line) == "hotline" and known:
            continue  # an owner's own people, at any hour
        if not _approved(book, chain, create, claim):
            yield f"saying {said.tag} left at {create.at:%H:%M} UTC"


# -- the record ------------------------------------------------------------------------------------------


def nobody_else_widened(ground: Ground, book: Book, chain: Chain) -> Iterator[str]:
    """Whatever made more allowed was some honest person's deed at that time."""
    _place_deeds(book, chain)
    placed = set(chain.at.values())
    for kind in WIDENING:
        for stored in chain.by_kind.get(kind, ()):
            if stored.entry.actor.startswith(("agent", "person")):
                yield f"{kind} by {stored.entry.actor.partition(':')[0]}"
            elif stored.seq not in placed and not _of_an_edit(book, chain, stored):
                yield f"{kind} ({stored.seq}) was no honest person's deed"


def deeds_are_on_record(ground: Ground, book: Book, chain: Chain) -> Iterator[str]:
    """What an honest person was told is done stands in the log."""
    _place_deeds(book, chain)
    for index, deed in enumerate(book.deeds):
        if deed.sure and index not in chain.at and not deed.extra.get("silent"):
            yield f"{deed.kind} was answered as done and is not on record"


def the_chain_holds(ground: Ground, book: Book, chain: Chain) -> Iterator[str]:
    """It verifies, and every decision made again comes out the same."""
    _, broken = ground.look(lambda tx: tx.audit.verify())
    if broken:
        yield broken
    running = {policy.version: policy for policy in ground.kit.policies.values()}
    yield from ground.look(lambda tx: list(_otherwise(tx, chain, running)))


def _policy(tx: Tx, version: str, running: Mapping[str, Any]) -> Any:
    """From the store; one that lacks a rule (a test left it out) is in no store to be read."""
    try:
        return policy_of_version(tx, version)
    except RingfenceError:
        return running[version]


def _otherwise(tx: Tx, chain: Chain, running: Mapping[str, Any]) -> Iterator[str]:
    policies: dict[str, Any] = {}
    for stored in chain.by_kind.get("decision", ()):
        read = read_decision(stored)
        if read is None:
            yield f"decision {stored.seq} cannot be read"
            continue
        version = read.policy_version
        if version not in policies:
            policies[version] = _policy(tx, version, running)
        if decide(read.facts, policies[version]).verdict is not read.verdict:
            yield f"decision {stored.seq} comes out otherwise when made again"


# -- matching --------------------------------------------------------------------------------------------


def _claimed(ground: Ground, chain: Chain) -> Iterator[tuple[Create, int]]:
    """Requests with their claims, as far as they have one."""
    made: Counter[str] = Counter()
    for create in ground.creates:
        claims = chain.claims.get(create.item_id, ())
        if made[create.item_id] < len(claims):
            yield create, claims[made[create.item_id]].seq
        made[create.item_id] += 1


def _line_of(create: Create) -> str:
    return next((name for name, number in LINES.items() if number == create.sender), "")


def _place_deeds(book: Book, chain: Chain) -> None:
    """Find for each honest deed the entry it left: the first of its kind in its time that is about
    the same, and nobody else's. Those who were told that it is done come first."""
    if chain.at:
        return
    used: set[int] = set()
    order = sorted(range(len(book.deeds)), key=lambda place: not book.deeds[place].sure)
    for index in order:
        deed = book.deeds[index]
        for stored in chain.by_kind.get(deed.kind, ()):
            if stored.seq <= deed.lo or stored.seq in used:
                continue
            if deed.hi is not None and stored.seq > deed.hi:
                break
            if deed.about and deed.about not in (stored.entry.subject, _subject(stored)):
                continue
            used.add(stored.seq)
            chain.at[index] = stored.seq
            break


def _subject(stored: StoredAudit) -> str:
    """A switch's scope and what it covers."""
    return f"{stored.entry.subject}:{stored.entry.body.get('subject', '')}"


def _of_an_edit(book: Book, chain: Chain, stored: StoredAudit) -> bool:
    """Editing says yes to the new text in one go."""
    edits = chain.by_kind.get("draft_edited", ())
    return stored.entry.kind == "draft_approved" and any(
        edit.entry.body.get("replaced_by") == stored.entry.subject for edit in edits
    )


Check = Callable[[Ground, Book, Chain], Iterator[str]]

CHECKS: tuple[Check, ...] = (
    one_gate,
    at_most_once,
    nobody_unasked,
    nobody_is_rung,
    stop_means_stop,
    nothing_that_must_not_leave,
    nobody_is_flooded,
    nobody_is_woken,
    nobody_else_widened,
    deeds_are_on_record,
    the_chain_holds,
)
