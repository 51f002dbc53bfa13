"""Who may do what, and what a principal may be called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ringfence.model.principal import (
    LOCAL,
    PERMISSIONS,
    WHOLE_HOUSE,
    Permission,
    Principal,
    PrincipalKind,
    Token,
    is_name,
)

NOW = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)


@pytest.mark.proves("P2")
def test_only_an_operator_widens_anything() -> None:
    widening = {
        *(Permission.GRANT, Permission.CONSENT, Permission.CONTACTS, Permission.TEMPLATES),
        *(Permission.POLICY, Permission.RESUME, Permission.TOKENS, Permission.STOP),
    }
    for permission in widening:
        assert PERMISSIONS[permission] == {PrincipalKind.OPERATOR}
    for permission in (Permission.APPROVE, Permission.ALERTS):
        assert PERMISSIONS[permission] == {PrincipalKind.OPERATOR, PrincipalKind.APPROVER}


@pytest.mark.proves("P2")
def test_the_local_agent_is_no_more_than_an_agent() -> None:
    assert LOCAL.actor == "agent:local"
    assert LOCAL.permissions == Principal(PrincipalKind.AGENT, "x", agent="x").permissions
    assert not LOCAL.may(Permission.APPROVE)


@pytest.mark.proves("P2")
def test_lines_take_away_what_knows_no_lines() -> None:
    everywhere = Principal(PrincipalKind.OPERATOR, "ann")
    somewhere = Principal(PrincipalKind.OPERATOR, "ann", frozenset({"night"}))
    assert everywhere.permissions == set(Permission)
    assert everywhere.permissions - somewhere.permissions == WHOLE_HOUSE
    assert [somewhere.covers("night"), somewhere.covers("day")] == [True, False]
    assert everywhere.covers("day")
    assert not Principal(PrincipalKind.OPERATOR, "ann", frozenset()).covers("day")


@pytest.mark.parametrize(
    ("kind", "agent", "actor"),
    [
        (PrincipalKind.OPERATOR, "", "operator:ann"),
        (PrincipalKind.APPROVER, "", "approver:ann"),
        (PrincipalKind.VIEWER, "", "viewer:ann"),
        (PrincipalKind.AGENT, "shop", "agent:shop"),
        (PrincipalKind.EVENTS, "", "events:ann"),
    ],
)
def test_the_actor_names_who(kind: PrincipalKind, agent: str, actor: str) -> None:
    assert Principal(kind, "ann", agent=agent).actor == actor


@pytest.mark.proves("P9")
@pytest.mark.parametrize(
    ("name", "good"),
    [
        *[("ann", True), ("a", True), ("shop-2", True), ("night.desk_1", True), ("a" * 64, True)],
        *[("", False), ("Ann", False), ("2nd", False), ("a b", False), ("a:b", False)],
        *[("a" * 65, False), ("ann\n", False), ("änn", False), ("a\x00", False), ("-a", False)],
        *[("a15555550123", False), ("a-555-555-0123", False), ("build20261121", False)],
    ],
)
def test_names(name: str, good: bool) -> None:
    assert is_name(name) is good


def test_the_state_of_a_token() -> None:
    def state(expires: datetime | None = None, revoked: datetime | None = None) -> str:
        kind = PrincipalKind.VIEWER
        return Token("tok_1", kind, "ann", "", None, NOW, "x", expires, revoked).state(NOW)

    assert state() == "active"
    assert state(NOW + timedelta(seconds=1)) == "active"
    assert state(NOW) == "expired"
    assert state(NOW + timedelta(days=1), NOW) == "revoked"
