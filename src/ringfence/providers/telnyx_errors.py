"""Telnyx's error codes and what each means for us: one literal, from the vendor's messaging error list
(developers.telnyx.com, messaging error codes) and its general list for 10xxx. Codes that are not here
are permanent and want a person's eye."""

from __future__ import annotations

from ringfence.model.outbox import ErrorClass
from ringfence.providers.meanings import Meaning, meaning_in

OPTED_OUT = 40300
UNDELIVERABLE = 40008


_SENDER = "Check the line's number and messaging profile in the Telnyx portal."
_REGISTER = "Finish the sender's registration; until then this traffic is blocked."
_ADDRESS = "Correct the recipient's number."
_BUG = "This is a mistake in the request; please report it."
_WORDING = "Look at what was written, and to whom."

MEANINGS: dict[int, Meaning] = {
    10001: Meaning(ErrorClass.CONFIG, "The sending number is not active.", _SENDER),
    10002: Meaning(ErrorClass.BAD_ADDRESS, "The phone number is not valid.", _ADDRESS),
    10003: Meaning(
        ErrorClass.CONFIG,
        "An address (of a file or for reports) is refused.",
        "Check the public URL.",
    ),
    10004: Meaning(ErrorClass.PERMANENT, "A field is missing.", _BUG),
    10005: Meaning(ErrorClass.PERMANENT, "The provider knows no such message."),
    10009: Meaning(ErrorClass.STOP_LINE, "The provider refuses the API key.", "Check apiKey."),
    10010: Meaning(
        ErrorClass.CONFIG, "The API key may not do this.", "Check the key's permissions."
    ),
    10011: Meaning(ErrorClass.RETRY, "Too many requests at once; this one was not processed."),
    10015: Meaning(ErrorClass.PERMANENT, "The request is malformed.", _BUG),
    10016: Meaning(ErrorClass.BAD_ADDRESS, "The recipient is not an E.164 number.", _ADDRESS),
    10039: Meaning(
        ErrorClass.CONFIG,
        "The account reaches pre-verified numbers only.",
        "Verify the recipient or upgrade the account.",
    ),
    40001: Meaning(
        ErrorClass.BAD_ADDRESS, "The recipient is a landline or cannot be routed.", _ADDRESS
    ),
    40002: Meaning(ErrorClass.REPUTATION, "A carrier took the message for spam.", _WORDING),
    40003: Meaning(ErrorClass.REPUTATION, "A carrier blocks the sending number for good.", _SENDER),
    40004: Meaning(ErrorClass.BOUNDED_RETRY, "The recipient's carrier refused without saying why."),
    40005: Meaning(ErrorClass.PERMANENT, "The message expired on its way."),
    40006: Meaning(ErrorClass.BOUNDED_RETRY, "The recipient's carrier does not answer."),
    40007: Meaning(ErrorClass.PERMANENT, "The message went in a loop."),
    40008: Meaning(ErrorClass.BOUNDED_RETRY, "The recipient's carrier did not accept the message."),
    40009: Meaning(ErrorClass.PERMANENT, "A carrier refuses the text as it is.", _WORDING),
    40010: Meaning(ErrorClass.CONFIG, "The sender belongs to no 10DLC campaign.", _REGISTER),
    40011: Meaning(ErrorClass.RETRY_LATER, "A carrier's rate was exceeded."),
    40012: Meaning(ErrorClass.BAD_ADDRESS, "A carrier refuses the recipient's number.", _ADDRESS),
    40013: Meaning(ErrorClass.CONFIG, "A carrier refuses the sending number.", _SENDER),
    40014: Meaning(ErrorClass.PERMANENT, "The message waited too long at the provider."),
    40015: Meaning(ErrorClass.REPUTATION, "The provider's own filter took it for spam.", _WORDING),
    40016: Meaning(ErrorClass.RETRY_LATER, "The day's T-Mobile share of the brand is used up."),
    40017: Meaning(ErrorClass.REPUTATION, "AT&T took the message for spam.", _WORDING),
    40018: Meaning(ErrorClass.RETRY_LATER, "AT&T's rate of the campaign was exceeded."),
    40100: Meaning(ErrorClass.CONFIG, "The sending number is not enabled for messaging.", _SENDER),
    40150: Meaning(ErrorClass.CONFIG, "The toll-free number is not in the registry.", _REGISTER),
    40151: Meaning(ErrorClass.CONFIG, "The number is still being moved to Telnyx.", _SENDER),
    OPTED_OUT: Meaning(ErrorClass.OPT_OUT, "The recipient has opted out."),
    40301: Meaning(ErrorClass.BAD_ADDRESS, "The recipient cannot take this kind of message."),
    40302: Meaning(ErrorClass.PERMANENT, "The text is too long.", _BUG),
    40304: Meaning(ErrorClass.PERMANENT, "The text and its files do not fit together.", _BUG),
    40305: Meaning(ErrorClass.CONFIG, "The sender is not on an active messaging profile.", _SENDER),
    40306: Meaning(ErrorClass.CONFIG, "The profile has no alphanumeric sender.", _SENDER),
    40308: Meaning(ErrorClass.CONFIG, "The sending number cannot send files.", _SENDER),
    40309: Meaning(
        ErrorClass.CONFIG,
        "The recipient's country is not allowed on the messaging profile.",
        "Allow it under the profile's destinations.",
    ),
    40310: Meaning(ErrorClass.BAD_ADDRESS, "The recipient is not a valid number.", _ADDRESS),
    40311: Meaning(ErrorClass.CONFIG, "The messaging profile's secret is wrong.", _SENDER),
    40312: Meaning(ErrorClass.CONFIG, "The messaging profile is switched off.", _SENDER),
    40313: Meaning(ErrorClass.CONFIG, "The messaging profile wants a secret.", _SENDER),
    40314: Meaning(
        ErrorClass.STOP_LINE, "Messaging is switched off for the account.", "Ask Telnyx's support."
    ),
    40315: Meaning(ErrorClass.REPUTATION, "The sending number delivers badly or looks like spam."),
    40316: Meaning(ErrorClass.PERMANENT, "There was nothing to send.", _BUG),
    40317: Meaning(
        ErrorClass.PERMANENT, "The files are more than ten, or more than 1 MB together."
    ),
    40318: Meaning(ErrorClass.RETRY_LATER, "The sender's queue is full."),
    40319: Meaning(ErrorClass.BAD_ADDRESS, "The recipient cannot get messages from this sender."),
    40320: Meaning(ErrorClass.RETRY_LATER, "The sending number is not ready yet.", _SENDER),
    40321: Meaning(ErrorClass.CONFIG, "The messaging profile has no usable number.", _SENDER),
    40322: Meaning(ErrorClass.REPUTATION, "The provider blocks what was written.", _WORDING),
    40328: Meaning(ErrorClass.PERMANENT, "The text is longer than the provider recommends.", _BUG),
    40329: Meaning(ErrorClass.CONFIG, "The toll-free number is not verified.", _REGISTER),
}


def meaning(code: int | None) -> Meaning:
    """What `code` means; unknown codes and no code are permanent, to be reviewed."""
    return meaning_in(MEANINGS, code)
