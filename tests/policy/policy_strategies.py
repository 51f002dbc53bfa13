"""Facts of every kind, and settings of every kind, made by the types the rules declare: a field or
a setting added later is varied here without another line."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from types import NoneType, UnionType
from typing import Any

from hypothesis import strategies as st
from policy_facts import NOW

from ringfence.model.draft import Traits
from ringfence.model.errors import InvalidField
from ringfence.policy.facts import Facts, VolumeCounts
from ringfence.policy.policy import Policy, discover, make_policy
from ringfence.policy.rule import Rule

ZONES = ["UTC", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]
# Where any text would do, the few that matter; a field of that name takes one of them.
WORDS: Mapping[str, list[str]] = {
    "line": ["default", "other"],
    "contact_id": ["ctc_1"],
    "opt_out_source": ["", "keyword", "operator", "provider"],
    "stopped_by": ["everything", "line:default"],
    "caution": ["", "length"],
    "paused": ["", "emergency", "handover"],
    "consent": ["conversation", "transactional", "marketing"],
    "zones": ZONES,
    "zone": ZONES,
    "zone_source": ["", "contact", "number"],
    "approval": ["", "msg_1"],
    "grant": ["", "grt_1"],
    "programme": ["", "default", "orders"],
    "template": ["", "ready@1"],
    "templates": ["ready", "other", "*"],
    "flow": ["", "orders"],
    "topics": ["money", "health"],
    "hosts": ["aaaaaaaaaaaa", "bbbbbbbbbbbb"],
    "off": ["refund"],
    "hours": ["mon-sun 08:00-21:00", "mon-fri 09:00-17:00", "mon-sun 00:00-24:00"],
    "windows": ["us", "fri-sat 22:00-06:00", "mon-sun 00:00-24:00"],
    "call_windows": ["", "mon-fri 09:00-17:00"],
    "holiday_windows": ["closed", "10:00-14:00"],
    "holidays": ["12-25", "US:2026-07-04"],
    "default_zone": ["", "US-FL"],
    "secrets": ["card", "key"],
    "shaft": ["alcohol"],
    "reserved": ["STOP"],
    "hidden": ["bidi"],
    "encoding": ["GSM-7", "UCS-2"],
    "disclosure": ["", "d1"],
    "basis": ["", "approval", "grant:grt_1"],
}
MOMENTS = st.integers(0, 400 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes))


def _of(hint: Any, name: str, entry: dataclasses.Field[Any]) -> st.SearchStrategy[Any]:
    default, least, most = entry.default, entry.metadata.get("ge"), entry.metadata.get("le")
    origin = typing.get_origin(hint)
    if origin in (typing.Union, UnionType):
        (inner,) = (arm for arm in typing.get_args(hint) if arm is not NoneType)
        return st.none() | _of(inner, name, entry)
    if origin in (tuple, frozenset):
        each = _of(typing.get_args(hint)[0], name, entry)
        return st.lists(each, max_size=2, unique=True).map(origin)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return st.sampled_from([{}, {"money": ("pocket change",)}])
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if hint is bool:
        return st.booleans()
    if hint in (int, float):
        low = 0 if least is None else least
        return st.integers(int(low), int(low) + 9 if most is None else min(int(most), int(low) + 9))
    if hint is datetime:
        return MOMENTS
    if hint is str:
        fallback = [default] if isinstance(default, str) else ["some", "other"]
        return st.sampled_from(WORDS.get(name, fallback))
    raise AssertionError(f"no values for {name}: {hint}")


def _fields(kind: type[Any], **known: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(kind)
    drawn = {}
    for entry in dataclasses.fields(kind):
        if entry.name in known:
            drawn[entry.name] = known[entry.name]
        else:
            drawn[entry.name] = _of(hints[entry.name], entry.name, entry)
    return st.fixed_dictionaries(drawn)


TRAITS = _fields(Traits).map(lambda drawn: Traits(**drawn))
COUNTS = _fields(VolumeCounts).map(lambda drawn: VolumeCounts(**drawn))
ALL_FACTS: st.SearchStrategy[Facts] = _fields(
    Facts, now=st.just(NOW), traits=TRAITS, counts=COUNTS
).map(lambda drawn: Facts(**drawn))


def settings_of(rule: Rule) -> st.SearchStrategy[Any]:
    """Settings a rule accepts; None for a rule that has none."""
    if rule.settings is None:
        return st.none()
    kind = type(rule.settings)

    def made(drawn: dict[str, Any]) -> Any:
        try:
            return kind(**drawn)
        except InvalidField:  # a combination the rule itself refuses
            return rule.settings

    return _fields(kind).map(made)


def policies() -> st.SearchStrategy[Policy]:
    """Policies of all rules, each rule told anything it accepts."""
    told = {rule.name: settings_of(rule) for rule in discover() if rule.settings is not None}
    return st.fixed_dictionaries(told).map(lambda settings: make_policy(settings, {}))
