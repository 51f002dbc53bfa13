"""What a line's probe asks Plivo and how it reads the answers. Findings are for any log or ticket: they
never hold a phone number (B103)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ringfence.model.errors import ProviderError
from ringfence.model.line import Line
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.providers import plivo_rest, urls
from ringfence.providers.base import Finding
from ringfence.providers.redaction import redact

ACCOUNT, NUMBER, POWERPACK, WEBHOOK = "account", "number", "powerpack", "webhook"
_APPLICATIONS_MAX = "20"
_SET_URL = (
    "In the Plivo console set the application's Message URL to the line's public URL, with POST."
)
_ASSIGN = "Give the number an XML application in the Plivo console."


def requests(line: Line) -> list[tuple[str, WireRequest]]:
    """Read-only requests by name. Raises ProviderMisconfigured as every request does."""
    asked = [(ACCOUNT, plivo_rest.get(line, ""))]
    if line.number is not None:
        number = quote(line.number.e164.removeprefix("+"), safe="")
        asked.append((NUMBER, plivo_rest.get(line, f"Number/{number}/")))
    elif line.service_id:
        pack = quote(line.service_id, safe="")
        asked.append((POWERPACK, plivo_rest.get(line, f"Powerpack/{pack}/")))
    asked.append((WEBHOOK, plivo_rest.get(line, "Application/", [("limit", _APPLICATIONS_MAX)])))
    return asked


def findings(answers: Sequence[tuple[str, WireResponse]], line: Line) -> list[Finding]:
    """A request without an answer is reported, not an error."""
    given = dict(answers)
    found: list[Finding] = []
    read: dict[str, Mapping[str, Any]] = {}
    for name, _ in requests(line):
        document = _document(name, given.get(name))
        if isinstance(document, Finding):
            found.append(document)
        else:
            read[name] = document
    if ACCOUNT in read:
        found.append(_account(read[ACCOUNT]))
    sender = NUMBER if line.number is not None else POWERPACK
    if sender in read:
        found.append(_number(read[sender]) if sender == NUMBER else _powerpack(read[sender]))
        if WEBHOOK in read:
            found.append(_webhook(_application_of(read[sender]), read[WEBHOOK], line))
    return found


def _document(name: str, response: WireResponse | None) -> Mapping[str, Any] | Finding:
    if response is None:
        return Finding(name, False, "The provider did not answer.", "Try again later.")
    try:
        return plivo_rest.answer(response)
    except ProviderError as refused:
        hint = "Check authId, authToken, and fromNumber or powerpackUuid."
        return Finding(name, False, redact(str(refused)), hint)


def _account(row: Mapping[str, Any]) -> Finding:
    """A prepaid account without credit fails every message with error 900."""
    credit = str(row.get("cash_credits") or "")
    spent = credit.startswith("-") or (credit != "" and not credit.strip("0."))
    if row.get("billing_mode") == "prepaid" and row.get("auto_recharge") is not True and spent:
        return Finding(ACCOUNT, False, "The account has no credit left.", "Add credit.")
    return Finding(ACCOUNT, True, "The provider knows the account.")


def _number(row: Mapping[str, Any]) -> Finding:
    if row.get("sms_enabled") is False:
        hint = "Use a number that can send and get messages."
        return Finding(NUMBER, False, "The number is not enabled for messages.", hint)
    if row.get("tendlc_registration_status") == "UNREGISTERED":
        hint = "Register it, or carriers in the US block its texts."
        return Finding(NUMBER, False, "The number has no 10DLC registration.", hint)
    if not _application_of(row):
        return Finding(NUMBER, False, "The number has no application.", _ASSIGN)
    return Finding(NUMBER, True, "The number is the account's and has an application.")


def _powerpack(row: Mapping[str, Any]) -> Finding:
    if row.get("application_type") != "xml" or not row.get("application_id"):
        hint = "Give the Powerpack an XML application in the Plivo console."
        return Finding(POWERPACK, False, "The Powerpack has no XML application.", hint)
    return Finding(POWERPACK, True, "The Powerpack is the account's and has an application.")


def _application_of(row: Mapping[str, Any]) -> str:
    """A number names its application by address, a Powerpack by id."""
    given = row.get("application_id") or row.get("application")
    return given.strip("/").rpartition("/")[2] if isinstance(given, str) else ""


def _webhook(wanted: str, listed: Mapping[str, Any], line: Line) -> Finding:
    if not line.public_url:
        return Finding(WEBHOOK, False, "The line has no public URL.", "Set publicWebhookUrl.")
    objects = listed.get("objects")
    rows = [row for row in objects if isinstance(row, dict)] if isinstance(objects, list) else []
    row = next((one for one in rows if wanted and str(one.get("app_id")) == wanted), None)
    if row is None:
        text = "The application is not among the ones that were looked at."
        return Finding(WEBHOOK, False, text, _SET_URL)
    url = row.get("message_url")
    if not isinstance(url, str) or not url:
        return Finding(WEBHOOK, False, "No Message URL is set on the application.", _SET_URL)
    if urls.place(url) != urls.place(line.public_url):
        return Finding(WEBHOOK, False, "The application calls another URL.", _SET_URL)
    if row.get("message_method") != "POST":
        return Finding(WEBHOOK, False, "The application does not call with POST.", _SET_URL)
    return Finding(WEBHOOK, True, "The provider calls this line's URL with POST.")
