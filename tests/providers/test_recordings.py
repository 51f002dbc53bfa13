"""Requests for recordings: credentials go to the account's own address and nowhere else."""

from __future__ import annotations

import pytest
from twilio_rig import ACCOUNT, line

from ringfence.model.errors import MediaRefused
from ringfence.providers import call_providers, recordings
from ringfence.providers.base import KeepsRecordings

AT = "https://api.twilio.com/2010-04-01"
SID = "RE" + "0f" * 16
OURS = f"{AT}/Accounts/{ACCOUNT}/Recordings/{SID}"


@pytest.mark.parametrize("name", ["plivo", "telnyx", "twilio"])
def test_who_takes_messages_gives_them_out(name: str) -> None:
    provider = call_providers()[name]
    assert provider.call_capabilities.takes_messages
    assert isinstance(provider, KeepsRecordings)


def test_twilios_is_a_wav_file_of_the_account() -> None:
    request = recordings.of_twilio(OURS, line())
    assert (request.method, request.url) == ("GET", f"{OURS}.wav")
    assert request.secret_headers
    assert request.public_only
    assert request.response_bytes_max == recordings.BYTES_MAX


@pytest.mark.parametrize(
    "url",
    [
        f"https://evil.example/2010-04-01/Accounts/{ACCOUNT}/Recordings/{SID}",
        f"{AT}/Accounts/AC{'e' * 32}/Recordings/{SID}",
        f"{AT}/Accounts/{ACCOUNT}/Messages/{SID}",
        f"{OURS}?x=1",
        f"{OURS}/../../Calls",
        OURS.replace("https", "http"),
        "",
    ],
)
def test_another_address_is_shown_no_credentials(url: str) -> None:
    with pytest.raises(MediaRefused):
        recordings.of_twilio(url, line())


def test_a_public_address_gets_no_credentials_at_all() -> None:
    request = recordings.of_public_address("https://cdn.example/r/1.wav?sig=a", line())
    assert not request.secret_headers
    assert request.public_only
    assert request.response_bytes_max == recordings.BYTES_MAX


@pytest.mark.parametrize("url", ["http://cdn.example/r.wav", "https://u:p@cdn.example/r", "x", ""])
def test_an_address_in_clear_or_with_a_login_is_not_asked(url: str) -> None:
    with pytest.raises(MediaRefused):
        recordings.of_public_address(url, line())
