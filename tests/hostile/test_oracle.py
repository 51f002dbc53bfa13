"""The oracle is shown gateways with one thing broken, and must say so within the normal budget: an
oracle that never fails proves nothing. (The same seeds find nothing in the gateway as it is.)"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

import ringfence.config.policies
import ringfence.gateway.bytext
import ringfence.gateway.drafts
import ringfence.gateway.grants
import ringfence.policy.granting
import ringfence.store.messages
import ringfence.text.fields
from hostile import ground
from hostile.machine import Hostile
from hostile.play import play
from ringfence.gateway.facts import FactsDesk, Question
from ringfence.model.audit import AuditEntry
from ringfence.model.grant import Grant
from ringfence.model.principal import Principal
from ringfence.model.verdict import Decision
from ringfence.policy.policy import Policy, discover, make_policy
from ringfence.providers.base import Verified
from ringfence.providers.twilio import Twilio
from ringfence.store.audit import AuditTable
from ringfence.store.idempotency import IdempotencyTable

# What a seed plays depends on which modules are loaded: Hypothesis draws constants it finds in them.
SEEDS = (18, 19, 20, 21, 22, 23)
Patch = Callable[[pytest.MonkeyPatch], None]


def without(*names: str) -> Patch:
    """The gateway with some rules left out."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        rules = [rule for rule in discover() if rule.name not in names]
        assert len(rules) == len(discover()) - len(names)

        def made(settings: Any, lists: Any) -> Policy:
            return make_policy(settings, lists, rules)

        monkeypatch.setattr(ringfence.config.policies, "make_policy", made)

    patch.__name__ = "without_" + "_and_".join(names)
    return patch


def sends_without_a_claim_decision(patch: pytest.MonkeyPatch) -> None:
    real = FactsDesk.decide

    def decide(
        self: FactsDesk, question: Question, *rest: Any, **named: Any
    ) -> tuple[Decision, AuditEntry]:
        decision, entry = real(self, question, *rest, **named)
        return decision, replace(entry, kind="note") if question.claiming else entry

    patch.setattr(FactsDesk, "decide", decide)


def sends_other_words_than_it_decided_about(patch: pytest.MonkeyPatch) -> None:
    real = Twilio.send

    def send(self: Twilio, text: Any, line: Any) -> Any:
        return real(self, replace(text, body=text.body + " "), line)

    patch.setattr(Twilio, "send", send)


def obeys_anybodys_texts(patch: pytest.MonkeyPatch) -> None:
    real = ringfence.gateway.bytext.read

    def read(line: Any, number: Any, body: str) -> Any:
        return real(replace(line, owners=(number,)), number, body)

    def draft(tx: Any, kit: Any, number: Any, code: str) -> Any:
        return tx.drafts.by_code(code)

    patch.setattr(ringfence.gateway.bytext, "read", read)
    patch.setattr(ringfence.gateway.bytext, "_draft", draft)


def lets_agents_do_everything(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Principal, "may", lambda self, permission: True)


def forgets_its_keys(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(IdempotencyTable, "find", lambda self, pairs: {})
    patch.setattr(IdempotencyTable, "add", lambda self, records: None)


def believes_any_webhook(patch: pytest.MonkeyPatch) -> None:
    from ringfence.providers.twilio import _fields

    def verify(self: Twilio, request: Any, line: Any) -> Verified:
        return Verified(request, _fields(request), "")

    patch.setattr(Twilio, "verify", verify)


def uses_grants_without_counting(patch: pytest.MonkeyPatch) -> None:
    """Whoever adds one grant has given as many texts as the agent likes."""
    real = ringfence.gateway.grants.add

    def add(kit: Any, tx: Any, wanted: Any, *rest: Any) -> Grant:
        return real(kit, tx, replace(wanted, count=100), *rest)

    patch.setattr(ringfence.gateway.grants, "add", add)


def grants_cover_everybody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ringfence.policy.granting, "_goes_to", lambda scope, facts, number: True)


def takes_nothing_back(patch: pytest.MonkeyPatch) -> None:
    """A no to what was approved is written down, and what waits goes all the same."""

    def approval(self: FactsDesk, question: Question) -> Any:
        return self._approvals.get(question.message_id) if question.approval_digest else None

    patch.setattr(FactsDesk, "approval", approval)
    patch.setattr(ringfence.gateway.drafts, "cancel_items", lambda *given: None)


def shows_agents_what_owners_are_told(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ringfence.store.messages, "_NOT_OURS", "1 = 1")


def puts_anything_into_a_template(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ringfence.text.fields, "line_fault", lambda text: "")


def loses_an_entry(patch: pytest.MonkeyPatch) -> None:
    real, turn = AuditTable.append, itertools.count()

    def append(self: AuditTable, entries: Sequence[AuditEntry]) -> None:
        real(self, [one for one in entries if one.kind == "decision" or next(turn) % 3])

    patch.setattr(AuditTable, "append", append)


@pytest.mark.proves("P1", "P2", "P3", "P5", "P7")
@pytest.mark.parametrize(
    ("finding", "sabotage"),
    [
        ("nobody_unasked", without("recipient_allowlist", "first_contact")),
        ("nobody_unasked", without("purpose", "initiator")),
        ("without a person's yes", without("forced_topics")),
        ("nothing_that_must_not_leave", without("content")),
        ("under a stop", without("kill_switch")),
        ("under a opt_out", without("opt_out")),
        ("under a blocked", without("block_list")),
        ("nobody_is_flooded", without("recipient_volume", "loop_guard")),
        ("nobody_is_woken", without("quiet_hours")),
        ("own numbers|on no list", without("loop_guard", "recipient_allowlist", "first_contact")),
        ("nobody_unasked", takes_nothing_back),
        ("no allowing decision", sends_without_a_claim_decision),
        ("another text left", sends_other_words_than_it_decided_about),
        ("no honest person's deed", obeys_anybodys_texts),
        ("let an agent in|was shown", lets_agents_do_everything),
        ("key", forgets_its_keys),
        ("forged webhook", believes_any_webhook),
        ("grants were good for", uses_grants_without_counting),
        ("without a yes or a grant", grants_cover_everybody),
        ("codes of waiting drafts", shows_agents_what_owners_are_told),
        ("must never leave", puts_anything_into_a_template),
        ("is not on record", loses_an_entry),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_broken_fence_is_found(
    finding: str, sabotage: Patch, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground._settings.cache_clear()
    sabotage(monkeypatch)
    found: list[str] = []
    try:
        for seed in SEEDS:
            try:
                play(Hostile, seed, shrink=False)
            except AssertionError as error:
                found.append(str(error))
                if re.search(finding, found[-1]):
                    return
    finally:
        ground._settings.cache_clear()
    pytest.fail(
        f"nothing like {finding!r} in {len(SEEDS)} seeds, but {[one[:300] for one in found]}"
    )
