"""Requests for the sound of a message that a caller left. Shared by the codecs of calls: bounds, and where
credentials may go."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from ringfence.model.errors import MediaRefused
from ringfence.model.line import Line
from ringfence.model.wire import WireRequest
from ringfence.providers import answers, twilio_rest, urls
from ringfence.providers.twilio import media_origins

BYTES_MAX: Final = 8_000_000
"""Five minutes of 8 kHz at 16 bits, and some room."""
TIMEOUT_S: Final = 30.0
_AT_TWILIO = re.compile(
    r"(https?://[A-Za-z0-9.:\[\]-]{1,255})/2010-04-01"
    r"/Accounts/([A-Za-z0-9]{1,64})/Recordings/RE[0-9a-f]{32}",
    re.ASCII,
)


def of_public_address(url: str, line: Line) -> WireRequest:
    """Telnyx and Plivo name an address of their choice in a signed event: fetched without credentials.
    Raises MediaRefused."""
    request = answers.public_media(url, line)
    return replace(request, timeout_s=TIMEOUT_S, response_bytes_max=BYTES_MAX)


def of_twilio(url: str, line: Line) -> WireRequest:
    """A resource of the account, as a WAV file (RecordingUrl with `.wav`). Raises MediaRefused for an
    address that is not this account's: it would be shown the credentials."""
    home = urls.api_base(line.api_base_url)
    found = _AT_TWILIO.fullmatch(url)
    if found is None or found.group(2) != line.credentials.account_id:
        raise MediaRefused("The recording is not at this line's provider account.")
    if found.group(1) not in media_origins(home):
        raise MediaRefused("The recording is not at this line's provider.")
    return WireRequest(
        "GET",
        f"{url}.wav",
        secret_headers=twilio_rest.credentials(line),
        timeout_s=TIMEOUT_S,
        response_bytes_max=BYTES_MAX,
        follow_redirects=answers.MEDIA_REDIRECTS,
        public_only=not urls.on_loopback(home),
    )
