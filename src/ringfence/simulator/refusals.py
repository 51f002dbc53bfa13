"""Twilio's refusals as a table: code, HTTP status, words. Values, not exceptions: a refusal is an
ordinary answer of this carrier. Codes as in messaging-providers.md 2.6; the wording is ours, since
programs branch on the code alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused request, in the form of the 2010 API's error document."""

    code: int
    status: int
    message: str

    def document(self) -> dict[str, object]:
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


_TABLE: Final[dict[int, tuple[int, str]]] = {
    20001: (400, "Invalid parameter {0}"),
    20003: (401, "Authenticate"),
    20004: (405, "This resource does not answer {0}"),
    20009: (409, "Cannot delete a message whose delivery is not complete ({0})"),
    20404: (404, "The requested resource {0} was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "An internal server error has occurred"),
    20503: (503, "Service unavailable"),
    21201: (400, "No 'To' number is specified"),
    21205: (400, "{0} is required, and is a valid URL"),
    21206: (400, "SendDigits {0} is not valid"),
    21210: (400, "The 'From' number {0} is not verified for this account"),
    21213: (400, "A 'From' phone number is required for a call"),
    21219: (400, "The number {0} is unverified. Trial accounts call verified numbers only"),
    21220: (400, "The call is not in progress ({0})"),
    21211: (400, "The 'To' number {0} is not a valid phone number."),
    21212: (400, "The 'From' number {0} is not a valid phone number."),
    21266: (400, "'To' and 'From' number cannot be the same: {0}"),
    21408: (400, "Permission to send to the region of {0} has not been enabled"),
    21421: (400, "PhoneNumber {0} is invalid"),
    21422: (400, "PhoneNumber {0} is not available"),
    21502: (400, "{0} is not a valid URL"),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number or a Messaging Service is required."),
    21604: (400, "A 'To' phone number is required."),
    21606: (400, "The 'From' number {0} is not yours, or cannot send to this destination"),
    21608: (400, "The number {0} is unverified. Trial accounts write to verified numbers only"),
    21609: (400, "The StatusCallback {0} is not a valid URL."),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21611: (400, "The 'From' number {0} has exceeded the maximum number of queued messages"),
    21612: (400, "The message cannot be routed from this 'From' to {0}"),
    21614: (400, "The 'To' number {0} is not a valid mobile number"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit"),
    21620: (400, "The media URL {0} is not valid"),
    21623: (400, "Number of media files exceeds the allowed limit"),
    21701: (400, "The Messaging Service {0} does not exist"),
    21704: (400, "The Messaging Service contains no phone numbers"),
    30409: (400, "The message is not in a state that can be updated: {0}"),
    35114: (400, "Scheduling does not support this timestamp"),
}

# ErrorCode values of later failures (callbacks and message resources) with their words.
LATER: Final[dict[int, str]] = {
    11200: "HTTP retrieval failure",
    12100: "Document parse failure",
    12200: "Schema validation warning",
    12300: "Invalid Content-Type",
    21610: "Attempt to send to unsubscribed recipient",
    30001: "Queue overflow",
    30002: "Account suspended",
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Message filtered",
    30008: "Unknown error",
    30022: "US A2P 10DLC rate limit exceeded",
    30023: "US A2P 10DLC daily message cap reached",
    30032: "Toll-free number has not been verified",
    30034: "Message from an unregistered number",
    30036: "Validity period expired",
    30410: "Provider timeout error",
    30450: "Message delivery blocked (SMS pumping)",
}


def refuse(code: int, subject: str = "") -> Refusal:
    """The refusal for a code. Raises KeyError for a code this carrier does not know."""
    status, message = _TABLE[code]
    return Refusal(code, status, message.format(subject))
