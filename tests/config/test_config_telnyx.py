"""A line on Telnyx: what it needs, and what is said of what is missing."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.model.errors import ConfigInvalid
from ringfence.model.line import Line, MediaLimits

KEY = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
OTHER_KEY = "/" * 42 + "8="
PROFILE = "740572b6-099c-44a1-89b9-6c92163bc68d"
TELNYX = {"provider": "telnyx", "apiKey": "KEY-test", "publicKey": KEY}


def sms(**keys: Any) -> dict[str, Any]:
    return {"channels": {"sms": {"accountSid": None, "authToken": None, **TELNYX, **keys}}}


def line_of(load_good: Any, patch: dict[str, Any]) -> Line:
    (line,) = load_good(patch).lines
    assert isinstance(line, Line)
    return line


def test_what_a_line_on_telnyx_needs(load_good: Any) -> None:
    line = line_of(load_good, sms(messagingProfileId=PROFILE))
    assert (line.provider, line.blocked_reason) == ("telnyx", None)
    assert line.api_base_url == "https://api.telnyx.com"
    assert [secret.reveal() for secret in line.credentials.auth_tokens] == ["KEY-test"]
    assert line.credentials.public_keys == (KEY,)
    assert (line.service_id, line.credentials.account_id) == (PROFILE, PROFILE)


def test_the_provider_changes_by_one_word(load_good: Any) -> None:
    """Both providers' credentials may stand side by side; each line uses its own."""
    both = {"channels": {"sms": {**TELNYX}}}
    telnyx = line_of(load_good, both)
    twilio = line_of(load_good, {"channels": {"sms": {**TELNYX, "provider": "twilio"}}})
    assert (telnyx.blocked_reason, twilio.blocked_reason) == (None, None)
    assert telnyx.credentials.public_keys == (KEY,)
    assert twilio.credentials.public_keys == ()
    assert [one.reveal() for one in twilio.credentials.auth_tokens] == ["token-of-the-test"]
    assert twilio.api_base_url == "https://api.twilio.com"


@pytest.mark.proves("B106")
@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"apiKey": None}, "no API key: set apiKey"),
        ({"publicKey": None}, "no public key: set publicKey"),
        ({"publicKey": "not a key"}, "channels.sms.publicKey: is no public key"),
        ({"publicKey": None, "publicKeys": [KEY, "x"]}, "channels.sms.publicKeys: is no public"),
        ({"fromNumber": None, "name": "x"}, "no sender: set fromNumber or messagingProfileId"),
        ({"apiKey": "${TELNYX_API_KEY}"}, "channels.sms.apiKey: "),
    ],
)
def test_what_is_missing_blocks_the_line_in_words(
    keys: dict[str, Any], words: str, load_good: Any
) -> None:
    assert words in (line_of(load_good, sms(**keys)).blocked_reason or "")


def test_references_are_resolved(load_good: Any) -> None:
    environ = {"TELNYX_API_KEY": "KEY-env", "TELNYX_PUBLIC_KEY": KEY}
    patch = sms(apiKey="${TELNYX_API_KEY}", publicKey="${TELNYX_PUBLIC_KEY}")
    (line,) = load_good(patch, environ).lines
    assert (line.blocked_reason, line.credentials.public_keys) == (None, (KEY,))


def test_several_keys_during_a_rotation(load_good: Any, problems_of: Any) -> None:
    line = line_of(load_good, sms(publicKey=None, publicKeys=[KEY, OTHER_KEY]))
    assert line.credentials.public_keys == (KEY, OTHER_KEY)
    found = problems_of(sms(publicKeys=[KEY]))
    assert found == (
        "channels.sms.publicKeys: expected publicKey or publicKeys, not both, got both",
    )


def test_a_nearer_form_replaces_an_inherited_one(load_good: Any) -> None:
    named = {"accounts": {"pool": {"messagingProfileId": PROFILE, "webhookPath": "/webhooks/pool"}}}
    lines = load_good(sms(**named)).lines
    pool = next(line for line in lines if line.id == "pool")
    assert (pool.number, pool.service_id, pool.blocked_reason) == (None, PROFILE, None)


def test_attachments_stay_under_telnyx_own_limit(load_good: Any) -> None:
    assert line_of(load_good, sms()).media.image_bytes_max == 1_000_000
    assert line_of(load_good, sms(media={"imageBytesMax": 9})).media.image_bytes_max == 9
    twilio = line_of(load_good, {"channels": {"sms": {"provider": "twilio"}}})
    assert twilio.media == MediaLimits()


def test_staging_needs_an_api_key_and_a_profile_of_its_own(load_good: Any) -> None:
    staging = {"fromNumber": "+15555550101"}
    own = {
        "profiles": {"staging": {"channels": {"sms": staging}, "store": {"url": "sqlite:///s.db"}}}
    }
    with pytest.raises(ConfigInvalid) as refused:
        load_good(sms(messagingProfileId=PROFILE) | own, {"RINGFENCE_PROFILE": "staging"})
    found = " ".join(str(one) for one in refused.value.problems)
    assert "channels.sms.apiKey: is a credential of production" in found
    assert "channels.sms.messagingProfileId: is production's service" in found
    assert "publicKey" not in found
