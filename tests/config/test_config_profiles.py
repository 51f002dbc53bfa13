"""One file, two profiles: what staging lays over it, what it must not share, what nothing loosens."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ringfence.config import Settings
from ringfence.config.apart import token_digest
from ringfence.config.looking import look_up
from ringfence.config.source import Source
from ringfence.policy.rules import staging
from ringfence.policy.rules.staging import OF_THE_PROFILE

Load = Callable[..., Settings]
IN_STAGING = {"RINGFENCE_PROFILE": "staging"}
FRIEND = "+15555550111"
OWN: dict[str, Any] = {
    "accountSid": "AC" + "1" * 32,
    "authToken": "token-of-staging",
    "fromNumber": "+15555550190",
    "testRecipients": [FRIEND],
}


def over(sms: Mapping[str, Any] | None = None, **sections: Any) -> dict[str, Any]:
    """A staging profile with everything of its own, changed."""
    line = {key: value for key, value in {**OWN, **(sms or {})}.items() if value != "inherited"}
    overlay = {"channels": {"sms": line}, "store": {"url": "sqlite:///staging.db"}, **sections}
    return {"profiles": {"staging": overlay}}


# -- which one runs --------------------------------------------------------------------------------


def test_production_runs_unless_told_otherwise(load_good: Load) -> None:
    settings = load_good(over())
    [line] = settings.lines
    assert (settings.profile, line.number, line.test_recipients) == (
        "production",
        line.number,
        frozenset(),
    )
    assert line.number is not None
    assert line.number.e164 == "+15555550100"
    assert settings.policies["default"].settings["staging"] == staging.Settings()


@pytest.mark.parametrize("said", [{"profile": "staging"}, {}])
def test_staging_is_laid_over_the_rest(load_good: Load, said: dict[str, Any]) -> None:
    settings = load_good({**over(), **said}, {} if said else IN_STAGING)
    [line] = settings.lines
    assert settings.profile == "staging"
    assert line.number is not None
    assert line.number.e164 == "+15555550190"
    assert line.credentials.auth_tokens[0].reveal() == "token-of-staging"
    assert line.public_url == "https://gateway.example.com/webhooks/sms"  # from the base
    assert settings.store.url.endswith("/staging.db")
    assert list(settings.agents) == ["default"]


def test_the_variable_wins_over_the_file(load_good: Load) -> None:
    patch = {**over(), "profile": "staging"}
    assert load_good(patch, {"RINGFENCE_PROFILE": "production"}).profile == "production"
    assert load_good(patch, {"RINGFENCE_PROFILE": " "}).profile == "staging"


def test_lists_replace_and_null_removes(load_good: Load) -> None:
    base = {"channels": {"sms": {"owners": ["+15555550101", "+15555550102"], "helpText": "Help."}}}
    patch = over({"owners": ["+15555550103"], "helpText": None})
    text = json.loads(json.dumps(patch))
    [line] = load_good({**base, **text}, IN_STAGING).lines
    assert [owner.e164 for owner in line.owners] == ["+15555550103"]


def test_a_profile_of_production_is_laid_over_too(load_good: Load) -> None:
    patch = {"profiles": {"production": {"logging": {"level": "warning"}}}}
    assert load_good(patch).logging.level == "warning"


# -- what is refused, and where it stands ----------------------------------------------------------


def only(problems: tuple[str, ...], words: str) -> str:
    found = [problem for problem in problems if words in problem]
    assert len(found) == 1, problems
    return found[0]


@pytest.mark.parametrize(
    ("patch", "environ", "problem"),
    [
        ({"profile": "stagng"}, {}, 'profile: expected the name of a profile ("production" or "staging"), got "stagng"'),
        ({}, {"RINGFENCE_PROFILE": "prod"}, 'RINGFENCE_PROFILE: expected the name of a profile ("production" or "staging"), got "prod"'),
        ({"profiles": {"stage": {}}}, {}, 'profiles.stage: expected a known key, got an unknown one; did you mean "staging"?'),
        ({"profiles": []}, {}, "profiles: expected an object, got a list"),
        ({"profiles": {"staging": 1}}, {}, "profiles.staging: expected an object, got 1"),
        ({"profiles": {"staging": {"profile": "production"}}}, {}, "profiles.staging.profile: a profile cannot hold this key; take it out"),
        (over({"authTokn": "x"}), IN_STAGING, 'profiles.staging.channels.sms.authTokn: expected a known key, got an unknown one; did you mean "authToken"?'),
        (over({"fromNumber": "nine"}), IN_STAGING, "profiles.staging.channels.sms.fromNumber: expected a phone number"),
        (over({"owners": ["nine"]}), IN_STAGING, "profiles.staging.channels.sms.owners[0]: expected a phone number"),
        (over(gateway={"publicPort": -1}), IN_STAGING, "profiles.staging.gateway.publicPort: expected a number of at least 0"),
        (over(agents={"other": {"kind": "magic"}}), IN_STAGING, "profiles.staging.agents.other.kind: expected one of"),
        ({**over(), "logging": {"level": "loud"}}, IN_STAGING, "logging.level: expected one of"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_where_it_stands(
    problems_of: Callable[..., tuple[str, ...]],
    patch: dict[str, Any],
    environ: dict[str, str],
    problem: str,
) -> None:
    assert [found for found in problems_of(patch, environ) if found.startswith(problem)]


def test_the_profile_that_does_not_run_is_not_judged(load_good: Load) -> None:
    assert load_good(over({"fromNumber": "+15555550100"})).profile == "production"


# -- what staging must not share -------------------------------------------------------------------


@pytest.mark.proves("P9")
@pytest.mark.parametrize(
    ("patch", "problem"),
    [
        (over({"authToken": "inherited"}), "channels.sms.authToken: is a credential of production"),
        (over({"authToken": "token-of-the-test"}), "profiles.staging.channels.sms.authToken: is a credential of production"),
        (over({"authToken": None, "authTokens": ["new", "token-of-the-test"]}), "profiles.staging.channels.sms.authTokens: is a credential of production"),
        (over({"fromNumber": "inherited"}), "channels.sms.fromNumber: is production's number"),
        (over({"fromNumber": "+1 555 555 0100"}), "profiles.staging.channels.sms.fromNumber: is production's number"),
        ({**over(), "store": {"url": "sqlite:///./staging.db"}}, "profiles.staging.store.url: is production's store"),
    ],
)  # fmt: skip
def test_staging_shares_nothing_of_productions(
    problems_of: Callable[..., tuple[str, ...]], patch: dict[str, Any], problem: str
) -> None:
    problems = problems_of(patch, IN_STAGING)
    assert [found for found in problems if found.startswith(problem)], problems
    assert all("token-of-the-test" not in found for found in problems)
    assert all("5555550100" not in found for found in problems)
    assert any("profiles.staging." in found for found in problems)


def test_the_default_store_is_productions(problems_of: Callable[..., tuple[str, ...]]) -> None:
    patch = over()
    patch["profiles"]["staging"]["store"] = {"busyTimeoutS": 3}
    assert problems_of(patch, IN_STAGING) == (
        "profiles.staging.store.url: is production's store: a staging profile needs its own; set "
        "profiles.staging.store.url",
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("postgresql://a:x@db/app", "postgres://b:y@DB:5432/app", True),
        ("postgresql://a@db/app", "postgresql://a@db/app2", False),
        ("postgresql://a@db/app", "postgresql://a@db/app?options=-csearch_path%3Ds", False),
    ],
)
def test_a_server_is_the_same_whoever_logs_in(
    load_good: Load,
    problems_of: Callable[..., tuple[str, ...]],
    one: str,
    other: str,
    same: bool,
) -> None:
    patch = {**over(store={"url": other}), "store": {"url": one}}
    if same:
        only(problems_of(patch, IN_STAGING), "is production's store")
    else:
        assert load_good(patch, IN_STAGING).store.url.startswith("postgresql://")


def test_a_link_to_productions_file_is_productions_store(
    problems_of: Callable[..., tuple[str, ...]], config_path: Path
) -> None:
    (config_path.parent / "staging.db").symlink_to(config_path.parent / "ringfence.db")
    only(problems_of(over(), IN_STAGING), "is production's store")


def test_another_line_of_production_counts_as_well(
    problems_of: Callable[..., tuple[str, ...]],
) -> None:
    """An account that the overlay does not mention would run in staging with production's number."""
    second = {"fromNumber": "+15555550101", "webhookPath": "/webhooks/two", "authToken": "second"}
    patch = {**over(), "channels": {"sms": {"accounts": {"two": second}}}}
    problems = problems_of(patch, IN_STAGING)
    assert "profiles.staging.channels.sms.accounts.two.fromNumber" in only(problems, "number")
    assert "profiles.staging.channels.sms.accounts.two.authToken" in only(problems, "credential")


def test_a_line_that_is_switched_off_has_nothing(load_good: Load) -> None:
    second = {"fromNumber": "+15555550101", "webhookPath": "/webhooks/two", "authToken": "second"}
    patch = over({"accounts": {"two": {"enabled": False}}})
    patch["channels"] = {"sms": {"accounts": {"two": second}}}
    settings = load_good(patch, IN_STAGING)
    assert [line.id for line in settings.lines if line.enabled] == ["default"]


def test_references_are_compared_by_what_they_lead_to(
    load_good: Load, problems_of: Callable[..., tuple[str, ...]]
) -> None:
    base = {"channels": {"sms": {"authToken": "${LIVE}"}}}
    patch = {**base, **over({"authToken": "${TRIAL}"})}
    same = {**IN_STAGING, "LIVE": "abc", "TRIAL": "abc"}
    assert "credential of production" in only(problems_of(patch, same), "credential")
    assert load_good(patch, {**same, "TRIAL": "xyz"}).profile == "staging"
    # Production's secret is not here, which is as it should be.
    assert load_good(patch, {**IN_STAGING, "TRIAL": "xyz"}).profile == "staging"


def test_what_a_process_has_in_its_environment_is_its_own(load_good: Load) -> None:
    """The same variable holds another token in the process that runs staging."""
    patch = over({"authToken": "inherited"})
    patch["channels"] = {"sms": {"authToken": None}}
    settings = load_good(patch, {**IN_STAGING, "TWILIO_AUTH_TOKEN": "of-this-process"})
    assert settings.lines[0].credentials.auth_tokens[0].reveal() == "of-this-process"


def test_the_same_provider_account_is_told(load_good: Load) -> None:
    settings = load_good(over({"accountSid": "inherited"}), IN_STAGING)
    assert any("is production's provider account" in one for one in settings.warnings)
    assert not any("provider account" in one for one in load_good(over(), IN_STAGING).warnings)


@pytest.mark.proves("P9")
def test_a_noted_token_of_another_file_is_refused(
    load_good: Load, problems_of: Callable[..., tuple[str, ...]]
) -> None:
    """A file of staging's own knows production's tokens by their digests alone."""
    patch = {"profile": "staging", "productionTokens": [token_digest("token-of-the-test")]}
    problem = only(problems_of(patch), "productionTokens names its digest")
    assert problem.startswith("channels.sms.authToken: ")
    assert load_good({**patch, "productionTokens": [token_digest("other")]}).profile == "staging"
    assert load_good({**patch, "profile": "production"}).profile == "production"


# -- the rule ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "policy",
    [
        {},
        {"staging": {"enabled": False}},
        {"staging": {"owners": True}},
    ],
)
@pytest.mark.parametrize("where", ["base", "overlay", "line"])
def test_nothing_written_loosens_the_list(
    load_good: Load, policy: dict[str, Any], where: str
) -> None:
    patch = over({"policy": policy} if where == "line" else {})
    if where == "overlay":
        patch["profiles"]["staging"]["policy"] = policy
    if where == "base":
        patch["policy"] = policy
    settings = load_good(patch, IN_STAGING)
    assert settings.policies["default"].settings["staging"] == OF_THE_PROFILE
    assert any("counts for nothing" in one for one in settings.warnings) is bool(policy)
    assert not any("staging" in one for one in settings.loosened)


def test_an_empty_list_is_nobody_and_is_told(load_good: Load) -> None:
    patch = over({"testRecipients": [], "owners": ["+15555550103"]})
    settings = load_good(patch, IN_STAGING)
    assert settings.lines[0].test_recipients == frozenset()
    assert any("no test recipients" in one for one in settings.warnings)


# -- what is shown -----------------------------------------------------------------------------


def test_it_shows_what_counts_and_where_it_stands(config_path: Path) -> None:
    document = {
        "channels": {"sms": {"fromNumber": "+15555550100", "authToken": "hush", "name": "Base"}},
        "profiles": {
            "staging": {"channels": {"sms": {"authToken": "other"}}, "store": {"url": "x"}}
        },
    }
    config_path.write_text(json.dumps(document, indent=1))
    source = Source(config_path, named=True)

    def shown(*path: str, environ: Mapping[str, str] = IN_STAGING) -> tuple[Any, str]:
        found = look_up(source, environ, path)
        assert found is not None
        return found.value, found.origin.removeprefix(f"{config_path}:")

    assert shown("profile") == ("staging", "RINGFENCE_PROFILE")
    assert shown("profile", environ={}) == ("production", "default")
    assert shown("channels", "sms", "authToken") == ("•••", "13")
    assert shown("channels", "sms", "authToken", environ={}) == ("•••", "5")
    assert shown("channels", "sms", "name") == ("Base", "6")
    assert shown("store", "url") == ("x", "17")
    assert look_up(source, {}, ("store", "url")) is None
    assert "hush" not in str(shown()[0])
    assert "other" not in str(shown("profiles")[0])


def test_a_profiles_store_password_is_masked(config_path: Path) -> None:
    url = "postgresql://app:hunter2@db/staging"
    config_path.write_text(json.dumps({"profiles": {"staging": {"store": {"url": url}}}}))
    found = look_up(Source(config_path, named=True), {}, ("profiles", "staging", "store"))
    assert found is not None
    assert found.value == {"url": "postgresql://app:•••@db/staging"}
