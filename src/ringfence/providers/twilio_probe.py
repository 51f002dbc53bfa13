"""What a line's probe asks Twilio and how it reads the answers (B100, B101). Findings are for any
log or ticket: they never hold a phone number (B103). What is asked about the sender's registration
is `twilio_registration`'s."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ringfence.model.errors import ProviderError
from ringfence.model.line import Line
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.providers import twilio_registration, twilio_rest, urls
from ringfence.providers.base import Finding
from ringfence.providers.redaction import redact
from ringfence.providers.twilio_errors import meaning

NUMBER, SERVICE, INBOUND = "number", "service", "inbound"
_RECENT = 3
_UNREACHED = frozenset({11200, 11205})
_TAILNET = ".ts.net"
_SET_URL = "Set the number's messaging webhook to the line's public URL, with method POST."


def requests(line: Line) -> list[tuple[str, WireRequest]]:
    """Read-only requests by name. Raises ProviderMisconfigured as every request does."""
    account = twilio_rest.account_url(line)
    asked = []
    if line.number is not None:
        query = [("PhoneNumber", line.number.e164), ("PageSize", "2")]
        url = f"{account}/IncomingPhoneNumbers.json"
        asked.append((NUMBER, twilio_rest.get(line, url, query)))
    elif line.service_id:
        url = f"{twilio_rest.messaging_url(line)}/Services/{quote(line.service_id, safe='')}"
        asked.append((SERVICE, twilio_rest.get(line, url)))
    # A service has many numbers: list the account's newest and keep what came in.
    inbound = [("PageSize", "50")]
    if line.number is not None:
        inbound = [("To", line.number.e164), ("PageSize", "20")]
    asked.append((INBOUND, twilio_rest.get(line, f"{account}/Messages.json", inbound)))
    return [*asked, *twilio_registration.requests(line)]


def findings(answers: Sequence[tuple[str, WireResponse]], line: Line) -> list[Finding]:
    """One finding per thing looked at; a request without an answer is reported, not an error."""
    given = dict(answers)
    names = [SERVICE] if line.service_id and line.number is None else [NUMBER]
    found = [_finding(name, given.get(name), line) for name in (*names, INBOUND)]
    return [*found, *twilio_registration.findings(given, line)]


def _finding(name: str, response: WireResponse | None, line: Line) -> Finding:
    if response is None:
        return Finding(name, False, "The provider did not answer.", "Try again later.")
    try:
        document = twilio_rest.answer(response)
    except ProviderError as refused:
        return Finding(name, False, redact(str(refused)), "Check the line's credentials.")
    if name == NUMBER:
        return _number(document, line)
    if name == SERVICE:
        return _service(document, line)
    return _inbound(document, line)


def _number(document: Mapping[str, Any], line: Line) -> Finding:
    found = [row for row in _rows(document, "incoming_phone_numbers") if _is_number(row, line)]
    if not found:
        hint = "Check fromNumber, and that the number belongs to this account."
        return Finding("webhook", False, "The account does not have the line's number.", hint)
    row = found[0]
    if row.get("sms_application_sid"):
        hint = "Remove the application from the number, or set the webhook there."
        return Finding("webhook", False, "The number follows a TwiML application.", hint)
    return _compare(row.get("sms_url"), row.get("sms_method"), line)


def _is_number(row: Mapping[str, Any], line: Line) -> bool:
    return line.number is not None and row.get("phone_number") == line.number.e164


def _service(document: Mapping[str, Any], line: Line) -> Finding:
    if document.get("use_inbound_webhook_on_number"):
        hint = "Set the service's integration to send a webhook to the line's public URL."
        return Finding("webhook", False, "The Messaging Service defers to each number.", hint)
    return _compare(document.get("inbound_request_url"), document.get("inbound_method"), line)


def _compare(url: object, method: object, line: Line) -> Finding:
    """The webhook at the provider against ours."""
    if not line.public_url:
        return Finding("webhook", False, "The line has no public URL.", "Set publicWebhookUrl.")
    if not isinstance(url, str) or not url:
        return Finding("webhook", False, "No webhook is set at the provider.", _SET_URL)
    if urls.place(url) != urls.place(line.public_url):
        return Finding("webhook", False, "The provider calls another URL.", _SET_URL)
    if str(method).upper() != "POST":
        return Finding("webhook", False, "The provider calls with another method.", _SET_URL)
    return Finding("webhook", True, "The provider calls this line's URL with POST.")


def _inbound(document: Mapping[str, Any], line: Line) -> Finding:
    """The last messages to this line, and whether Twilio could hand them over."""
    rows = [row for row in _rows(document, "messages") if _came_in(row, line)][:_RECENT]
    codes = [row.get("error_code") for row in rows]
    broken = [code for code in codes if isinstance(code, int) and not isinstance(code, bool)]
    if not broken:
        text = f"{len(rows)} recent messages came in without errors."
        return Finding(INBOUND, True, text if rows else "No message came in lately.")
    words = ", ".join(f"{code}: {meaning(code).means}" for code in dict.fromkeys(broken))
    text = f"{len(broken)} of {len(rows)} recent messages had errors ({redact(words)})"
    return Finding(INBOUND, False, text, _reach_hint(broken, line))


def _came_in(row: Mapping[str, Any], line: Line) -> bool:
    if row.get("direction") != "inbound":
        return False
    if line.number is not None:
        return True
    return row.get("messaging_service_sid") == line.service_id


def _reach_hint(codes: Sequence[int], line: Line) -> str:
    if not _UNREACHED & set(codes):
        return "Look the code up in the provider's error list."
    hint = meaning(11200).do
    parts = urls.split(line.public_url or "")
    if parts is not None and (parts.hostname or "").endswith(_TAILNET):
        hint += (
            " A .ts.net host is reachable from outside only while Tailscale Funnel is on for it."
        )
    return hint


def _rows(document: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    listed = document.get(key)
    return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
