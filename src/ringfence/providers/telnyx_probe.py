"""What a line's probe asks Telnyx and how it reads the answers. Findings are for any log or ticket: they
never hold a phone number (B103)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ringfence.model.errors import ProviderError
from ringfence.model.line import Line
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.providers import telnyx_rest, urls
from ringfence.providers.base import Finding
from ringfence.providers.redaction import redact

NUMBER, PROFILE = "number", "profile"
_SET_URL = (
    "Set the messaging profile's webhook URL to the line's public URL, webhook API version 2."
)
_ASSIGN = "Assign the number to a messaging profile in the Telnyx portal."


def requests(line: Line) -> list[tuple[str, WireRequest]]:
    """Read-only requests by name. Raises ProviderMisconfigured as every request does."""
    asked = []
    if line.number is not None:
        query = [("filter[phone_number]", line.number.e164), ("page[size]", "20")]
        asked.append((NUMBER, telnyx_rest.get(line, "/phone_numbers/messaging", query)))
    if line.service_id:
        path = f"/messaging_profiles/{quote(line.service_id, safe='')}"
        asked.append((PROFILE, telnyx_rest.get(line, path)))
    return asked


def findings(answers: Sequence[tuple[str, WireResponse]], line: Line) -> list[Finding]:
    """A request without an answer is reported, not an error."""
    given = dict(answers)
    found = []
    if line.number is not None:
        found.append(_read(NUMBER, given.get(NUMBER), line))
    if line.service_id:
        found.append(_read(PROFILE, given.get(PROFILE), line))
    return found


def _read(name: str, response: WireResponse | None, line: Line) -> Finding:
    if response is None:
        return Finding(name, False, "The provider did not answer.", "Try again later.")
    try:
        data = telnyx_rest.data(response)
    except ProviderError as refused:
        return Finding(name, False, redact(str(refused)), "Check apiKey and messagingProfileId.")
    if name == NUMBER:
        return _number(data, line)
    return _profile(data if isinstance(data, dict) else {}, line)


def _number(data: object, line: Line) -> Finding:
    ours = line.number.e164 if line.number is not None else ""
    rows = [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []
    row = next((one for one in rows if one.get("phone_number") == ours), None)
    if row is None:
        hint = "Check fromNumber, and that the number belongs to this account."
        return Finding(NUMBER, False, "The account does not have the line's number.", hint)
    profile = row.get("messaging_profile_id")
    if not profile:
        return Finding(NUMBER, False, "The number is on no messaging profile.", _ASSIGN)
    if line.service_id and profile != line.service_id:
        hint = "Set messagingProfileId to the number's profile, or assign the number."
        return Finding(NUMBER, False, "The number is on another messaging profile.", hint)
    if not line.service_id:
        hint = "Set messagingProfileId too, and the webhook set there is compared with ours."
        return Finding(NUMBER, True, "The number is on a messaging profile.", hint)
    return Finding(NUMBER, True, "The number is on the line's messaging profile.")


def _profile(row: Mapping[str, Any], line: Line) -> Finding:
    if row.get("enabled") is False:
        return Finding(PROFILE, False, "The messaging profile is switched off.", "Enable it.")
    if row.get("redaction_enabled") is True and row.get("redaction_level") != 1:
        hint = (
            "Switch redaction off, or set it to level 1: Ringfence needs the text and who wrote it."
        )
        return Finding(PROFILE, False, "The profile redacts inbound texts.", hint)
    if row.get("webhook_api_version") not in ("2", None):
        return Finding(PROFILE, False, "The profile's webhooks have another version.", _SET_URL)
    if not line.public_url:
        return Finding(PROFILE, False, "The line has no public URL.", "Set publicWebhookUrl.")
    url = row.get("webhook_url")
    if not isinstance(url, str) or not url:
        return Finding(PROFILE, False, "No webhook is set on the messaging profile.", _SET_URL)
    if urls.place(url) != urls.place(line.public_url):
        return Finding(PROFILE, False, "The messaging profile calls another URL.", _SET_URL)
    return Finding(PROFILE, True, "The messaging profile calls this line's URL.")
