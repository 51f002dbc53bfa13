"""Purposes as presets: what each tightens or sets beside the rules' defaults, as one table that the
documents are generated from; and the versions of the lists a decision depends on. A line may tighten
its preset freely; what it loosens is told (policy.loosened)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringfence.model.line import Purpose
from ringfence.policy.rule import Answer
from ringfence.policy.rules.content import Links
from ringfence.policy.zones import TZDATA_VERSION
from ringfence.text.topic_tables import TOPICS_VERSION

PRESETS: Mapping[Purpose, Mapping[str, Mapping[str, Any]]] = {
    Purpose.HOTLINE: {
        # To whom is for the lists: owners, paired people, the outbound list.
        "initiator": {"agent": Answer.ALLOW, "event": Answer.ALLOW},
        "content": {"links": Links.ANY},
        # Their own agent's number: people who were let in expect it at any hour.
        "quiet_hours": {"known_people_exempt": True},
    },
    Purpose.INTAKE: {
        "initiator": {"agent": Answer.DENY, "event": Answer.HOLD},
        "forced_topics": {"owners_exempt": False},
        "content": {"links": Links.LISTED, "segments": 10},
    },
    Purpose.NOTIFY: {
        "initiator": {"agent": Answer.ALLOW, "event": Answer.ALLOW},
        "consent": {"conversation": True},
        # An agreement to the programme stands for a list, and for the look at a first contact.
        "recipient_allowlist": {"consent_counts": True},
        "first_contact": {"templates_exempt": True},
        "agent_volume": {"new_recipients_day": 1_000},
        "content": {"links": Links.LISTED, "segments": 6},
    },
}

LISTS: Mapping[str, str] = {"topics": TOPICS_VERSION, "tzdata": TZDATA_VERSION}
