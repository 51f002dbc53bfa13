"""`ringfence tokens`: shown once, listed without what lets anybody in, revoked for good."""

from __future__ import annotations

import pytest
from house import House

from ringfence.bootstrap import Gateway
from ringfence.gateway import principals
from ringfence.model.errors import TokenRefused


def let_in(house: House, bearer: str) -> str:
    """The actor, or nothing."""

    async def work(gateway: Gateway) -> str:
        kit = gateway.kit
        try:
            return (await principals.authenticate(kit, bearer, kit.clock.now())).actor
        except TokenRefused:
            return ""

    return house.with_gateway(work)


def test_a_token_is_shown_once(house: House) -> None:
    made = house.run("tokens", "create", "--name", "shop", "--kind", "agent")
    [bearer] = made.stdout.split()
    assert bearer.startswith("rf_g_")
    assert "agent:shop" in made.stderr
    assert let_in(house, bearer) == "agent:shop"
    for words in (["list"], ["list", "--all"], ["list", "--json"]):
        shown = house.run("tokens", *words).stdout
        assert "shop" in shown
        assert bearer[5:] not in shown


def test_a_token_for_a_line_and_a_time(two_lines: House) -> None:
    made = two_lines.json(
        *("tokens", "create", "--name", "ann", "--kind", "approver", "--line", "second"),
        *("--line", "default", "--expires", "12h"),
    )
    assert (made["lines"], made["state"]) == (["default", "second"], "active")
    assert made["expires_at"] > made["created_at"]
    assert made["created_by"].startswith("operator:")
    [listed] = two_lines.json("tokens", "list")["tokens"]
    assert listed["id"] == made["id"]
    assert "token" not in listed


@pytest.mark.proves("P2", "P3")
def test_a_revoked_token_lets_nobody_in(house: House) -> None:
    made = house.json("tokens", "create", "--name", "ann", "--kind", "operator")
    assert let_in(house, made["token"]) == "operator:ann"
    assert made["id"] in house.run("tokens", "revoke", made["id"]).stdout
    assert let_in(house, made["token"]) == ""
    house.run("tokens", "revoke", made["id"], code=1)
    assert house.json("tokens", "list")["tokens"] == []
    [kept] = house.json("tokens", "list", "--all")["tokens"]
    assert kept["state"] == "revoked"
    assert "no token" in house.run("tokens", "list").stdout.lower()


def test_the_listing_goes_on_past_a_page(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringfence.cli.tokens.PAGE", 1)
    for name in ("ann", "bob", "cid"):
        house.run("tokens", "create", "--name", name, "--kind", "viewer")
    assert {one["name"] for one in house.json("tokens", "list")["tokens"]} == {"ann", "bob", "cid"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--kind", "viewer"], 2),
        (["--name", "ann"], 2),
        (["--name", "ann", "--kind", "owner"], 2),
        (["--name", "Ann Lee", "--kind", "viewer"], 1),
        (["--name", "ann", "--kind", "viewer", "--line", "nobody"], 1),
        (["--name", "ann", "--kind", "viewer", "--line", ""], 1),
        (["--name", "ann", "--kind", "viewer", "--agent", "shop"], 1),
        (["--name", "ann", "--kind", "agent", "--agent", "local"], 1),
        (["--name", "ann", "--kind", "viewer", "--expires", "soon"], 1),
        (["--name", "ann", "--kind", "viewer", "--expires", ""], 1),
    ],
)
def test_a_wish_that_cannot_be_makes_no_token(house: House, words: list[str], code: int) -> None:
    refused = house.run("tokens", "create", *words, code=code)
    assert refused.stderr
    assert house.json("tokens", "list", "--all")["tokens"] == []
