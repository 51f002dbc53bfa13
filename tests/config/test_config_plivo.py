"""A line on Plivo: what it needs, and what is said of what is missing."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.model.errors import ConfigInvalid
from ringfence.model.line import Line

POWERPACK = "1d5f3dd8-b207-4738-b59f-3c2ac7d3461c"
PLIVO = {"provider": "plivo", "authId": "MATESTTESTTESTTEST00"}


def sms(**keys: Any) -> dict[str, Any]:
    return {"channels": {"sms": {"accountSid": None, **PLIVO, **keys}}}


def line_of(load_good: Any, patch: dict[str, Any]) -> Line:
    (line,) = load_good(patch).lines
    assert isinstance(line, Line)
    return line


def test_what_a_line_on_plivo_needs(load_good: Any) -> None:
    line = line_of(load_good, sms(powerpackUuid=POWERPACK))
    assert (line.provider, line.blocked_reason) == ("plivo", None)
    assert line.api_base_url == "https://api.plivo.com"
    assert line.credentials.account_id == PLIVO["authId"]
    assert [secret.reveal() for secret in line.credentials.auth_tokens] == ["token-of-the-test"]
    assert (line.service_id, line.number is None) == (POWERPACK, False)


@pytest.mark.proves("B106")
@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"authId": None}, "no account: set authId"),
        ({"authToken": None}, "no token: set authToken"),
        ({"fromNumber": None, "name": "x"}, "no sender: set fromNumber or powerpackUuid"),
        ({"authToken": "${PLIVO_AUTH_TOKEN}"}, "channels.sms.authToken: "),
    ],
)
def test_what_is_missing_blocks_the_line_in_words(
    keys: dict[str, Any], words: str, load_good: Any
) -> None:
    assert words in (line_of(load_good, sms(**keys)).blocked_reason or "")


def test_several_tokens_during_a_rotation(load_good: Any, problems_of: Any) -> None:
    line = line_of(load_good, sms(authToken=None, authTokens=["new", "old"]))
    assert [secret.reveal() for secret in line.credentials.auth_tokens] == ["new", "old"]
    assert problems_of(sms(authTokens=["new"])) == (
        "channels.sms.authTokens: expected authToken or authTokens, not both, got both",
    )


def test_a_powerpack_set_nearer_replaces_an_inherited_number(load_good: Any) -> None:
    named = {"accounts": {"pool": {"powerpackUuid": POWERPACK, "webhookPath": "/webhooks/pool"}}}
    lines = load_good(sms(**named)).lines
    pool = next(line for line in lines if line.id == "pool")
    assert (pool.number, pool.service_id, pool.blocked_reason) == (None, POWERPACK, None)


def test_parts_are_short_enough_for_any_letters(load_good: Any) -> None:
    """Plivo takes 1,600 characters of GSM-7 and 737 of anything else."""
    plain, short = load_good(sms()), load_good(sms(textChunkLimit=160))
    assert plain.lines[0].text_chunk_limit == 737
    assert short.lines[0].text_chunk_limit == 160
    assert not [one for one in (*plain.warnings, *short.warnings) if "textChunkLimit" in one]
    long = load_good(sms(textChunkLimit=1500))
    assert long.lines[0].text_chunk_limit == 737
    assert [one for one in long.warnings if "textChunkLimit" in one and "737 is used" in one]


def test_staging_needs_a_token_and_a_powerpack_of_its_own(load_good: Any) -> None:
    staging = {"fromNumber": "+15555550101"}
    own = {
        "profiles": {"staging": {"channels": {"sms": staging}, "store": {"url": "sqlite:///s.db"}}}
    }
    with pytest.raises(ConfigInvalid) as refused:
        load_good(sms(powerpackUuid=POWERPACK) | own, {"RINGFENCE_PROFILE": "staging"})
    found = " ".join(str(one) for one in refused.value.problems)
    assert "channels.sms.authToken: is a credential of production" in found
    assert "channels.sms.powerpackUuid: is production's service" in found
