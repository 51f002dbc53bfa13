"""What a line's probe asks Twilio about registration, and how it reads the answers: the A2P 10DLC
campaign of the line's Messaging Service (UsAppToPerson resource) and the verification of toll-free
numbers (Tollfree Verification resource). Only reads; findings never hold a phone number (B103)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ringfence.model.errors import ProviderError
from ringfence.model.line import Line
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.providers import twilio_rest
from ringfence.providers.base import Finding
from ringfence.providers.redaction import redact
from ringfence.providers.twilio_explain import ERRORS_PAGE, SOLE_PROPRIETOR_SEGMENTS, TIERS

CAMPAIGN, POOL, TOLL_FREE = "campaign", "pool", "toll_free"
NAMES = frozenset({CAMPAIGN, POOL, TOLL_FREE})
# NANP toll-free codes (Tollfree Verification resource).
_TOLL_FREE_CODES = ("800", "833", "844", "855", "866", "877", "888")
_COUNTRY = "+1"
_PAGE = 50
_REVIEWED = ("PENDING", "IN_PROGRESS")


def requests(line: Line) -> Iterator[tuple[str, WireRequest]]:
    """Nothing for a number outside the North American plan."""
    base = twilio_rest.messaging_url(line)
    page = [("PageSize", str(_PAGE))]
    service = f"{base}/Services/{quote(line.service_id or '', safe='')}"
    if line.number is not None and not line.number.e164.startswith(_COUNTRY):
        return
    if line.number is not None and is_toll_free(line.number.e164):
        yield TOLL_FREE, twilio_rest.get(line, f"{base}/Tollfree/Verifications", page)
    elif line.service_id:
        yield CAMPAIGN, twilio_rest.get(line, f"{service}/Compliance/Usa2p", page)
    if line.number is None and line.service_id:
        yield POOL, twilio_rest.get(line, f"{service}/PhoneNumbers", page)
        yield TOLL_FREE, twilio_rest.get(line, f"{base}/Tollfree/Verifications", page)


def findings(given: Mapping[str, WireResponse], line: Line) -> Iterator[Finding]:
    """One per kind of registration the line needs. Nothing is wrong with a registration that the
    provider does not tell of: it is said."""
    if line.number is None:
        yield from _of_service(given)
    elif not line.number.e164.startswith(_COUNTRY):
        return
    elif is_toll_free(line.number.e164):
        yield _toll_free(given.get(TOLL_FREE), {line.number.e164})
    elif line.service_id:
        yield _campaign(given.get(CAMPAIGN), needed=True)
    else:
        hint = "Set messagingServiceSid to the service of the number's campaign; the number still wins."
        yield Finding("a2p", True, "Its 10DLC campaign cannot be asked for.", hint)


def is_toll_free(number: str) -> bool:
    return number.startswith(_COUNTRY) and number[len(_COUNTRY) :][:3] in _TOLL_FREE_CODES


def _of_service(given: Mapping[str, WireResponse]) -> Iterator[Finding]:
    """A service without US numbers needs no campaign."""
    pool = _listed(given.get(POOL), "phone_numbers")
    if isinstance(pool, str):
        yield _campaign(given.get(CAMPAIGN), needed=True)
        return
    numbers = [str(row.get("phone_number") or "") for row in pool]
    free = {number for number in numbers if is_toll_free(number)}
    long_codes = [row for row in pool if _is_long_code(row)]
    yield _campaign(given.get(CAMPAIGN), needed=bool(long_codes))
    if free:
        yield _toll_free(given.get(TOLL_FREE), free)


def _is_long_code(row: Mapping[str, Any]) -> bool:
    number = str(row.get("phone_number") or "")
    return row.get("country_code") == "US" and len(number) == 12 and not is_toll_free(number)


# -- the campaign ----------------------------------------------------------------------------------


def _campaign(response: WireResponse | None, *, needed: bool) -> Finding:
    """Without a verified campaign nothing from a US 10-digit number arrives (30034)."""
    rows = _listed(response, "compliance")
    if isinstance(rows, str):
        return Finding("a2p", True, f"The 10DLC campaign could not be looked at: {rows}")
    by_status = {str(row.get("campaign_status")): row for row in reversed(rows)}
    if "VERIFIED" in by_status:
        return _verified(by_status["VERIFIED"])
    if not rows and not needed:
        return Finding("a2p", True, "No 10DLC campaign, and no US 10-digit number that needs one.")
    return Finding("a2p", not needed, *_unverified(by_status))


def _verified(row: Mapping[str, Any]) -> Finding:
    use_case = redact(str(row.get("us_app_to_person_usecase") or "unnamed"))
    text = f"The 10DLC campaign is verified ({use_case})."
    segments = _segments(row)
    if segments is None:
        return Finding("a2p", True, text)
    text += f" T-Mobile takes about {segments:,} segments a day from the whole brand."
    return Finding("a2p", True, text, f"Set a2p.dailySegments to {segments}, unless told another.")


def _segments(row: Mapping[str, Any]) -> int | None:
    if row.get("us_app_to_person_usecase") == "SOLE_PROPRIETOR":
        return SOLE_PROPRIETOR_SEGMENTS
    limits = row.get("rate_limits")
    mobile = limits.get("tmobile") if isinstance(limits, dict) else None
    tier = mobile.get("brand_tier") if isinstance(mobile, dict) else None
    return TIERS.get(tier) if isinstance(tier, str) else None


def _unverified(by_status: Mapping[str, Mapping[str, Any]]) -> tuple[str, str]:
    """What is wrong, and what to do."""
    status = next(iter(by_status), "")
    blocked = "texts from its US numbers to the US fail (30034)"
    if not status:
        return (
            f"The Messaging Service has no 10DLC campaign: {blocked}.",
            "Register a brand and a campaign for it: docs/howto/a2p-registration.md",
        )
    if status in _REVIEWED:
        return f"The 10DLC campaign is in review ({status}): until then {blocked}.", "Wait for it."
    codes = ", ".join(_error_codes(by_status[status]))
    why = f", errors {codes}" if codes else ""
    hint = "Mend what the errors name and submit it again"
    return (
        f"The 10DLC campaign is not verified ({redact(status)}{why}): {blocked}.",
        f"{hint}: {ERRORS_PAGE}/{codes.split(',')[0]}" if codes else f"{hint}, in the console.",
    )


def _error_codes(row: Mapping[str, Any]) -> Iterator[str]:
    """A campaign's errors say `error_code`; digits only, whatever else a document holds."""
    errors = row.get("errors")
    for error in errors if isinstance(errors, list) else ():
        code = error.get("error_code") if isinstance(error, dict) else None
        if str(code).isascii() and str(code).isdigit():
            yield str(code)


# -- toll-free -------------------------------------------------------------------------------------


def _toll_free(response: WireResponse | None, numbers: set[str]) -> Finding:
    """Before approval everything to the US and Canada is blocked (30032)."""
    rows = _listed(response, "verifications")
    if isinstance(rows, str):
        return Finding("toll_free", True, f"The verification could not be looked at: {rows}")
    best: dict[str, str] = dict.fromkeys(numbers, "")
    for row in reversed(rows):
        number, status = str(row.get("tollfree_phone_number") or ""), str(row.get("status"))
        if number in best and best[number] != "TWILIO_APPROVED":
            best[number] = status
    open_ = sorted(status for status in best.values() if status != "TWILIO_APPROVED")
    if not open_:
        return Finding("toll_free", True, "Every toll-free number of it is verified.")
    text = f"{len(open_)} of {len(numbers)} toll-free numbers is not verified ({_words(open_)}): "
    text += "texts from it to the US and Canada are blocked (30032)."
    return Finding("toll_free", False, text, _toll_free_hint(open_))


def _words(statuses: Sequence[str]) -> str:
    words = {"": "nothing submitted", "PENDING_REVIEW": "pending", "IN_REVIEW": "in review"}
    words["TWILIO_REJECTED"] = "rejected"
    return ", ".join(dict.fromkeys(words.get(status, redact(status)) for status in statuses))


def _toll_free_hint(statuses: Sequence[str]) -> str:
    if "TWILIO_REJECTED" in statuses:
        return "Read the rejection in the console; it can be mended for seven days."
    if "" in statuses:
        return "Submit a toll-free verification: docs/howto/a2p-registration.md"
    return "Wait for it."


def _listed(response: WireResponse | None, key: str) -> list[Mapping[str, Any]] | str:
    """A list's rows, or in words why there is none."""
    if response is None:
        return "the provider did not answer."
    try:
        document = twilio_rest.answer(response)
    except ProviderError as refused:
        return redact(str(refused))
    listed = document.get(key)
    if not isinstance(listed, list):
        return "the answer holds no list."
    return [row for row in listed if isinstance(row, dict)]
